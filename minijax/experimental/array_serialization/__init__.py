"""Arrays in files, as JAX lays them out."""

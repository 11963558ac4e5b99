"""Small libraries that show the style (`jax.example_libraries`): stax and optimizers."""

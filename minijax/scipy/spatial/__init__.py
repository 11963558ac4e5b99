"""`jax.scipy.spatial`: rotations."""

from minijax.scipy.spatial import transform as transform

__all__ = ["transform"]

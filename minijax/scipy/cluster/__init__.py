"""`jax.scipy.cluster`: assignment to clusters."""

from minijax.scipy.cluster import vq as vq

__all__ = ["vq"]

"""`jax.scipy.cluster.vq`."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.scipy.cluster.vq")

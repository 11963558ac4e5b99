"""`jax.scipy.sparse.linalg`."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.scipy.sparse.linalg")

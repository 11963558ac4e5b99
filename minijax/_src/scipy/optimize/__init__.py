"""`jax.scipy.optimize`."""

from minijax._src._homes import names_of

_SUBMODULES = {"bfgs", "line_search", "minimize"}
__getattr__ = names_of(__name__, "minijax.scipy.optimize", submodules=_SUBMODULES)

"""The functions of `jax.scipy`."""

from minijax._src._homes import names_of

_SUBMODULES = {"linalg", "ndimage", "signal", "spatial", "special"}
__getattr__ = names_of(__name__, "minijax.scipy", submodules=_SUBMODULES)

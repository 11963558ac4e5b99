"""What JAX keeps for TPUs."""

from minijax._src._homes import names_of

_SUBMODULES = {"linalg"}
__getattr__ = names_of(__name__, "minijax.lax.linalg", submodules=_SUBMODULES)

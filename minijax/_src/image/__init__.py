"""Images."""

from minijax._src._homes import names_of

_SUBMODULES = {"scale"}
__getattr__ = names_of(__name__, "minijax.image", submodules=_SUBMODULES)

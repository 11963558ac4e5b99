"""Neural network functions."""

from minijax._src._homes import names_of

_SUBMODULES = {"functions", "initializers"}
__getattr__ = names_of(__name__, "minijax.nn", submodules=_SUBMODULES)

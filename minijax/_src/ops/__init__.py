"""Reductions over segments."""

from minijax._src._homes import names_of

_SUBMODULES = {"scatter", "special"}
__getattr__ = names_of(__name__, "minijax.ops", submodules=_SUBMODULES)

"""MLIR: not here.  Tests import the module's name and then skip what needs it."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, submodules={"dialects", "ir"})

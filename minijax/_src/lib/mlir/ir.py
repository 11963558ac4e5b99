"""MLIR's objects: not here.  Programs are lowered to the C runtime's own."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__)

"""Decompositions without LAPACK's own."""

from minijax._src._homes import names_of

_SUBMODULES = {"eigh", "qdwh", "svd"}
__getattr__ = names_of(__name__, "minijax.lax.linalg", submodules=_SUBMODULES)

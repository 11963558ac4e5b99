"""Rule tables of the transformations."""

from minijax._src._homes import names_of

_SUBMODULES = {"ad", "batching", "mlir", "partial_eval", "pxla", "xla"}
__getattr__ = names_of(__name__, "minijax.interpreters", submodules=_SUBMODULES)

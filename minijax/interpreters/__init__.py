"""Rule tables for primitives of others (`jax.interpreters`)."""

import importlib

from minijax.alias import missing_attribute

_LAZY = {"ad", "batching", "mlir", "partial_eval", "pxla", "xla"}


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    raise missing_attribute(__name__, name)

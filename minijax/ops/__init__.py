"""First-order primitives: each op and all its rules in one block.

The package is also the public `jax.ops`, whose functions stand in `minijax.segment`:
they are made of `jax.numpy`, so they are found when they are first asked for.
"""

import importlib

_PUBLIC = ("segment_max", "segment_min", "segment_prod", "segment_sum")

__all__ = list(_PUBLIC)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("minijax.segment"), name)


def __dir__():
    return sorted({*__all__, *globals()})

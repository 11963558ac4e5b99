"""`jit` and what it lays out."""

from minijax._src._homes import names_of
from minijax.control.sharded import pjit as pjit
from minijax.dispatch import compiled as _pjit_lower  # noqa: F401
from minijax.stages import Wrapped as JitWrapped  # noqa: F401

__getattr__ = names_of(
    __name__,
    "minijax.control.call",
    "minijax.control.jit_rules",
    "minijax.control.constraint",
    "minijax.stages",
    "minijax.sharding",
    "minijax",
)

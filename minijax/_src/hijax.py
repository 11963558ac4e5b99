"""Types and primitives that lower to others."""

from minijax._src._homes import names_of
from minijax.control.custom_vjp import custom_vjp as custom_vjp3  # noqa: F401
from minijax.core import AbstractValue as LoType  # noqa: F401
from minijax.core import AbstractValue as Ty  # noqa: F401
from minijax.hitypes import QuasiDynamicData as QDD  # noqa: F401
from minijax.hitypes import aval_method as hijax_method  # noqa: F401

__getattr__ = names_of(
    __name__,
    "minijax.experimental.hijax",
    "minijax.control.boxes",
    "minijax.control.own_primitive",
    "minijax.hitypes",
)

"""`jax.experimental.hijax`: types and primitives of one's own.

Primitives on arrays are subclasses of `VJPHiPrimitive`.  Types of values that are no arrays
can be declared, as Flax does when it is imported, not used: `bind` of a `HiPrimitive`
raises NotImplementedError, and values of such a type are no JAX values.
"""

from typing import Any

from minijax.alias import missing_attribute
from minijax.control.own_primitive import VJPHiPrimitive as VJPHiPrimitive
from minijax.core import AbstractValue as AbstractValue
from minijax.core import Primitive
from minijax.core import ShapedArray as ShapedArray
from minijax.core import Zero as Zero
from minijax.core import is_undefined_primal as is_undefined_primal
from minijax.effects import control_flow_allowed_effects as control_flow_allowed_effects
from minijax.ops.define import instantiate as instantiate_zeros

__all__ = [
    "AbstractValue", "AvalMutableQDD", "AvalQDD", "HiPrimitive", "HiType", "MutableHiType",
    "ShapedArray", "VJPHiPrimitive", "Zero", "aval_method", "aval_property",
    "control_flow_allowed_effects", "instantiate_zeros", "is_undefined_primal",
    "register_hitype",
]  # fmt: skip


class HiType(AbstractValue):
    """The type of a value that lowers to several arrays."""


class MutableHiType(HiType):
    """The type of a value that also changes."""


class AvalQDD:
    """A type with what depends on the state of one value of it."""

    def __init__(self, aval: Any, qdd: Any):
        self.aval, self.qdd = aval, qdd


class AvalMutableQDD:
    """As `AvalQDD`, of a value whose state may change."""

    def __init__(self, aval: Any, mutable_qdd: Any):
        self.aval, self.mutable_qdd = aval, mutable_qdd


class HiPrimitive(Primitive):
    """A primitive on values of such types."""

    def bind(self, *args: Any, **params: Any) -> Any:
        """NotImplementedError: such primitives cannot be traced here."""
        raise NotImplementedError(
            f"{self.name} works on a type of its own (hijax), which minijax cannot trace"
        )


class aval_property:
    """An attribute that a tracer takes from its type."""

    def __init__(self, fget: Any):
        self.fget = fget


class aval_method:
    """A method that a tracer takes from its type."""

    def __init__(self, fun: Any):
        self.fun = fun


# class of values -> function from one to its type
hitypes: dict[type, Any] = {}


def register_hitype(val_cls: type, typeof_fn: Any) -> None:
    """Note the type of the values of a class."""
    hitypes[val_cls] = typeof_fn


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)

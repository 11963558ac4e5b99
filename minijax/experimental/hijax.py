"""`jax.experimental.hijax`: types and primitives of one's own.

Primitives on arrays and on values of one's own types are subclasses of `VJPHiPrimitive`, or
of `HiPrimitive`; types are subclasses of `HiType`, and of `MutableHiType` where values
change.
"""

from typing import Any

from minijax.alias import missing_attribute
from minijax.control.hi_primitive import HiPrimitive as HiPrimitive
from minijax.control.hi_primitive import install
from minijax.control.own_primitive import VJPHiPrimitive as VJPHiPrimitive
from minijax.core import AbstractRef as AbstractRef
from minijax.core import AbstractValue as AbstractValue
from minijax.core import ShapedArray as ShapedArray
from minijax.core import Zero as Zero
from minijax.core import is_undefined_primal as is_undefined_primal
from minijax.effects import control_flow_allowed_effects as control_flow_allowed_effects
from minijax.hitypes import AvalMutableQDD as AvalMutableQDD
from minijax.hitypes import AvalQDD as AvalQDD
from minijax.hitypes import HiPspec as HiPspec
from minijax.hitypes import HiType as HiType
from minijax.hitypes import MappingSpec as MappingSpec
from minijax.hitypes import MutableHiType as MutableHiType
from minijax.hitypes import aval_method as aval_method
from minijax.hitypes import aval_property as aval_property
from minijax.hitypes import register_hitype as _register
from minijax.numpy import hi_operators
from minijax.ops.define import instantiate as instantiate_zeros

__all__ = [
    "AbstractRef", "AbstractValue", "AvalMutableQDD", "AvalQDD", "HiPrimitive", "HiPspec",
    "HiType", "MutableHiType", "ShapedArray", "VJPHiPrimitive", "Zero", "aval_method",
    "aval_property", "control_flow_allowed_effects", "instantiate_zeros",
    "is_undefined_primal", "register_hitype",
]  # fmt: skip


def register_hitype(val_cls: type, typeof_fn: Any) -> None:
    """Let `typeof_fn` say the type of the values of a class."""
    install()
    hi_operators.install()
    _register(val_cls, typeof_fn)


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)

"""Types of values that are no arrays, which users define: `HiType` and its kind.

A value of such a type lowers to arrays, its type to theirs. Values of a `MutableHiType`
change; what such a value holds at a time is its state (JAX: quasi-dynamic data), of which
traces keep account. `control.hi_primitive` has the primitives on them.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from minijax import core
from minijax.core import AbstractValue
from minijax.flat_tree import FlatTree

# --- states of changing values --------------------------------------------------------


class QuasiDynamicData:
    """What a changing value holds, as a trace knows it: hashable."""


class MutableQuasiDynamicData:
    """That of a value within a trace: at the start, and now."""

    def __init__(self, val: Any):
        self.init_val = self.cur_val = val

    def update(self, val: Any) -> None:
        """Note another state."""
        self.cur_val = val

    def __repr__(self):
        return (
            f"MutableQuasiDynamicData(init_val={self.init_val}, cur_val={self.cur_val})"
        )


@dataclasses.dataclass(frozen=True)
class AvalQDD:
    """A type, and the state of one value of it."""

    aval: Any
    qdd: Any
    is_high = has_qdd = True

    is_writer = property(lambda self: getattr(self.aval, "is_writer", False))

    def lo_ty(self) -> list:
        """The types of the arrays that the value consists of."""
        return self.aval.lo_ty_qdd(self.qdd)

    def new_from_loval(self, *arrays: Any) -> Any:
        """A new value that consists of these arrays."""
        return self.aval.new_from_loval(self.qdd, *arrays)

    def read_loval(self, val: Any) -> list:
        """The arrays that a value consists of."""
        return self.aval.read_loval(self.qdd, val)

    def read_loval_in(self, val: Any) -> list:
        """Those that a computation begins with."""
        return self.aval.read_loval_in(self.qdd, val)

    def read_loval_out(self, val: Any) -> FlatTree:
        """Those that a computation leaves."""
        return self.aval.read_loval_out(self.qdd, val)

    def to_tangent_aval(self) -> "AvalQDD":
        """The type of the value's tangents, with their state."""
        qdd = self.qdd and self.qdd.to_tangent_qdd()
        return AvalQDD(self.aval.to_tangent_aval(), qdd)

    to_ct_aval = to_cotangent_aval = to_tangent_aval

    def strip_weak_type(self) -> "AvalQDD":
        """The same."""
        return self

    def str_short(self, *args: Any, **kwargs: Any) -> str:
        """As printed in a jaxpr."""
        return self.aval.str_short(*args, **kwargs)


@dataclasses.dataclass(frozen=True)
class AvalMutableQDD:
    """As `AvalQDD`, for an abstract evaluation that may change the state."""

    aval: Any
    mutable_qdd: Any


def cur_qdd(x: Any) -> Any:
    """The state of a changing value now, as the current trace knows it."""
    return core.hi_rules.state(core.current_trace(), x)


# --- types ----------------------------------------------------------------------------


class _Own(AbstractValue):
    """What types that users define have in common: methods that they are to define."""

    is_high = True
    weak_type = False

    def _lacks(self, name: str) -> NoReturn:
        raise NotImplementedError(f"type {type(self)} must define `{name}`")

    def __hash__(self):
        self._lacks("__hash__")

    def __eq__(self, other):
        self._lacks("__eq__")

    def to_tangent_aval(self) -> Any:
        """The type of tangents."""
        self._lacks("to_tangent_aval")

    def to_ct_aval(self) -> Any:
        """The type of cotangents."""
        return self.to_tangent_aval()

    def to_cotangent_aval(self) -> Any:
        """The type of cotangents."""
        return self.to_ct_aval()

    def strip_weak_type(self) -> Any:
        """The same type: none is weak."""
        return self

    normalize = strip_weak_type


class HiType(_Own):
    """The type of a value that lowers to several arrays. A subclass defines, besides `==`
    and `hash`,

    lo_ty() -> the types of the arrays, lower_val(value) -> the arrays, raise_val(*arrays)
    -> the value,

    and, where they are asked for,

    to_tangent_aval(), vspace_zero(), vspace_add(x, y): what derivatives need,
    dec_rank(size, spec), inc_rank(size, spec): the type of one of many values, and of
        many, where the `MappingSpec` says how they lie; leading_axis_spec(): that of loops.
    """

    def lo_ty(self) -> list:
        """The types of the arrays that a value consists of."""
        self._lacks("lo_ty")

    def lower_val(self, hi_val: Any) -> list:
        """The arrays that a value consists of."""
        self._lacks("lower_val")

    def raise_val(self, *lo_vals: Any) -> Any:
        """The value that consists of these arrays."""
        self._lacks("raise_val")

    def vspace_zero(self) -> Any:
        """The zero among tangents."""
        self._lacks("vspace_zero")

    def vspace_add(self, x: Any, y: Any) -> Any:
        """The sum of two tangents."""
        self._lacks("vspace_add")

    def dec_rank(self, size: Any, spec: Any) -> Any:
        """The type of one of `size` values."""
        self._lacks("dec_rank")

    def inc_rank(self, size: Any, spec: Any) -> Any:
        """The type of `size` values."""
        self._lacks("inc_rank")

    def leading_axis_spec(self) -> Any:
        """How a loop maps such values."""
        self._lacks("leading_axis_spec")


class MutableHiType(_Own):
    """The type of a value that also changes. A subclass defines, besides `==` and `hash`,

    lo_ty_qdd(state) -> the types of the arrays, new_from_loval(state, *arrays) -> a value,
    read_loval(state, value) -> the arrays, update_from_loval(state, value, *arrays).
    """

    has_qdd = True
    is_writer = False  # whether it is only added to
    type_state: Any

    def lo_ty_qdd(self, state: Any, /) -> list:
        """The types of the arrays that a value of this state consists of."""
        self._lacks("lo_ty_qdd")

    def new_from_loval(self, state: Any, /, *vals: Any) -> Any:
        """A new value that consists of these arrays."""
        self._lacks("new_from_loval")

    def read_loval(self, state: Any, val: Any, /) -> list:
        """The arrays that a value consists of."""
        self._lacks("read_loval")

    def read_loval_in(self, state: Any, val: Any, /) -> list:
        """Those that a computation begins with."""
        return self.read_loval(state, val)

    def read_loval_out(self, state: Any, val: Any, /) -> FlatTree:
        """Those that a computation leaves."""
        return FlatTree.flatten(self.read_loval(state, val))

    def update_from_loval(self, state: Any, val: Any, /, *lo_vals: Any) -> None:
        """Change a value to what consists of these arrays."""
        self._lacks("update_from_loval")

    def update_from_loval2(self, state: Any, val: Any, lo_vals: FlatTree, /) -> None:
        """The same, of what `read_loval_out` gave."""
        self.update_from_loval(state, val, *lo_vals.unflatten())


class MappingSpec:
    """How many values of a `HiType` lie in one: of a subclass, in `vmap`'s axes."""


class HiPspec:
    """How values of a `HiType` are sharded."""

    def to_lo(self) -> tuple:
        """The partitions of the arrays."""
        raise NotImplementedError(f"{type(self)} must define `to_lo`")


# --- members that a tracer takes from its type ------------------------------------------


class aval_property(NamedTuple):
    """An attribute that a tracer takes from its type: `fget` of the tracer."""

    fget: Callable


class aval_method(NamedTuple):
    """A method that a tracer takes from its type."""

    fun: Callable


def member(tracer: Any, name: str) -> Any:
    """The member of that name which a tracer takes from its type. AttributeError if the
    type has none.
    """
    try:
        found = getattr(tracer.aval, name)
    except AttributeError as error:
        raise AttributeError(
            f"{type(tracer).__name__} has no attribute {name}", name=name, obj=tracer
        ) from error
    if isinstance(found, aval_property):
        return found.fget(tracer)
    if isinstance(found, aval_method):
        return found.fun.__get__(tracer)
    return found


MutableHiType.type_state = aval_method(cur_qdd)


def register_hitype(val_cls: type, typeof_fn: Callable) -> None:
    """Let `typeof_fn` say the type of the values of a class."""
    core.aval_rules[val_cls] = typeof_fn

"""Values that change, for functions that are traced: a `Box` holds a pytree, a `Log` lists
of pytrees that grow.
"""

import dataclasses
from typing import Any

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.body import split_list
from minijax.control.hi_primitive import HiPrimitive
from minijax.core import Effect, Tracer, Zero
from minijax.effects import (
    control_flow_allowed_effects,
    custom_derivatives_allowed_effects,
)
from minijax.flat_tree import FlatTree
from minijax.hitypes import (
    AvalQDD,
    MutableHiType,
    QuasiDynamicData,
    aval_method,
    cur_qdd,
    register_hitype,
)


class BoxEffect(Effect):
    """A box or a log is made, read or written."""


box_effect = log_effect = BoxEffect()
control_flow_allowed_effects.add_type(BoxEffect)
custom_derivatives_allowed_effects.add_type(BoxEffect)

# --- boxes ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class BoxTypeState(QuasiDynamicData):
    """What a box holds: the types of the leaves, and the tree."""

    leaf_avals: tuple
    treedef: Any

    def to_tangent_qdd(self):
        """What a box of tangents holds."""
        avals = tuple([a.to_tangent_aval() for a in self.leaf_avals])
        return BoxTypeState(avals, self.treedef)

    def normalize(self):
        """The same without weak types."""
        return BoxTypeState(
            tuple([a.normalize() for a in self.leaf_avals]), self.treedef
        )


def new_box():
    """A box that holds None."""
    return new_box_p.bind(treedef=flatten(None)[1])


def box_get(box) -> Any:
    """What a box holds."""
    held = cur_qdd(box)
    return unflatten(held.treedef, box_get_p.bind(box, avals=tuple(held.leaf_avals)))


def box_set(box, val):
    """Have a box hold another value."""
    leaves, tree = flatten(val)
    box_set_p.bind(box, *leaves, treedef=tree)


class BoxTy(MutableHiType):
    """The type of boxes."""

    get, set = aval_method(box_get), aval_method(box_set)

    def __hash__(self):
        return hash(BoxTy)

    def __eq__(self, other):
        return isinstance(other, BoxTy)

    def str_short(self, short_dtypes=False, **_):
        return "BoxTy"

    def to_tangent_aval(self):
        return BoxTy()

    def lo_ty_qdd(self, state, /):
        return [lo for t in state.leaf_avals for lo in t.lo_ty()]

    def new_from_loval(self, state, /, *vals):
        return Box._new(_tree_of(state, vals))

    def read_loval(self, state, val, /):
        leaves, tree = flatten(box_get(val))
        if tree != state.treedef:
            raise TypeError(f"a box holds {tree} in place of {state.treedef}")
        pairs = zip(state.leaf_avals, leaves, strict=True)
        return [lo for t, x in pairs for lo in t.lower_val(x)]

    def update_from_loval(self, state, val, /, *lo_vals):
        box_set(val, _tree_of(state, lo_vals))


def _tree_of(state, arrays):
    """The pytree that a box of this state holds, of its arrays."""
    kinds = state.leaf_avals
    parts = split_list(arrays, [len(t.lo_ty()) for t in kinds])
    leaves = [t.raise_val(*part) for t, part in zip(kinds, parts, strict=False)]
    return unflatten(state.treedef, leaves)


class _OfType(type):
    """Counts tracers of a type among a class's instances."""

    traced: Any

    def __instancecheck__(cls, instance):
        if isinstance(instance, Tracer):
            return isinstance(instance.aval, cls.traced)
        return super().__instancecheck__(instance)


class Box(metaclass=_OfType):
    """Holds a pytree, which may be replaced by any other."""

    traced = BoxTy
    _val: Any

    def __new__(cls, init_val=None):
        box = new_box()
        box_set(box, init_val)
        return box

    @classmethod
    def _new(cls, init_val):
        new = super().__new__(cls)
        new._val = init_val
        return new

    def __init__(self, init_val=None):
        pass

    get, set = box_get, box_set
    ty = property(lambda self: BoxTy())

    def type_state(self):
        """What it holds, as a type."""
        leaves, tree = flatten(self._val)
        return BoxTypeState(tuple(map(core.typeof, leaves)), tree)

    cur_qdd = type_state


class _NewBox(HiPrimitive):
    def abstract_eval(self, *, treedef):
        return AvalQDD(BoxTy(), BoxTypeState((), treedef)), {box_effect}

    def to_lojax(self, *, treedef):
        return Box._new(None)


class _SetBox(HiPrimitive):
    multiple_results = True

    def abstract_eval(self, box, *leaf_avals, treedef):
        box.mutable_qdd.update(BoxTypeState(leaf_avals, treedef))
        return [], {box_effect}

    def to_lojax(self, box, *leaves, treedef):
        box._val = unflatten(treedef, leaves)
        return []

    def jvp(self, primals, tangents, *, treedef):
        (box, *values), (box_dot, *dots) = primals, tangents
        if type(box_dot) is Zero:
            raise Exception(  # as JAX's
                "can't differentiate Box.set operation, did you forget "
                "jax.lax.stop_gradient?"
            )
        box_set_p.bind(box, *values, treedef=treedef)
        box_set_p.bind(box_dot, *dots, treedef=treedef)
        return [], []


class _GetBox(HiPrimitive):
    multiple_results = True

    def abstract_eval(self, box, *, avals):
        return list(avals), {box_effect}

    def to_lojax(self, box, *, avals):
        return flatten(box._val)[0]

    def jvp(self, primals, tangents, *, avals):
        dots = tuple([a.to_tangent_aval() for a in avals])
        return (
            box_get_p.bind(*primals, avals=avals),
            box_get_p.bind(*tangents, avals=dots),
        )


new_box_p, box_set_p, box_get_p = (
    _NewBox("new_box"), _SetBox("box_set"), _GetBox("box_get")
)  # fmt: skip
register_hitype(Box, lambda box: box.ty)

# --- logs -------------------------------------------------------------------------------


def new_log():
    """A log without entries."""
    return new_log_p.bind()


def log_extend(log, dct):
    """Add to a log the entries of a dict from names to lists."""
    leaves, tree = flatten(dct)
    log_extend_p.bind(log, *leaves, treedef=tree)


def log_append(log, key, val):
    """Add one entry to those of a name."""
    log_extend(log, {key: [val]})


def log_read(log):
    """All entries of a log, outside of traces."""
    return log_read_p.bind(log)


class LogTy(MutableHiType):
    """The type of logs."""

    is_writer = True
    append, extend, read = map(aval_method, (log_append, log_extend, log_read))

    def __hash__(self):
        return hash(LogTy)

    def __eq__(self, other):
        return isinstance(other, LogTy)

    def str_short(self, short_dtypes=False, **_):
        return "Log"

    def to_tangent_aval(self):
        return LogTy()

    def lo_ty_qdd(self, state, /):
        return []

    def read_loval_in(self, state, val, /):
        return []

    def read_loval_out(self, state, val, /):
        return FlatTree.flatten(val._dct)

    def new_from_loval(self, state, /, *vals):
        return Log._new()

    def update_from_loval2(self, state, val, lo_vals, /):
        _extend(val, lo_vals.unflatten())


def _extend(log, updates):
    for key, values in updates.items():
        log._dct.setdefault(key, []).extend(values)


class Log(metaclass=_OfType):
    """Lists of pytrees by name, which are only added to."""

    traced = LogTy
    _dct: dict

    def __new__(cls):
        return new_log()

    @classmethod
    def _new(cls):
        new = super().__new__(cls)
        new._dct = {}
        return new

    def cur_qdd(self):
        """Nothing: that it grows is no change of its type."""
        return ()

    append, extend, read = log_append, log_extend, log_read


class _NewLog(HiPrimitive):
    def abstract_eval(self):
        return AvalQDD(LogTy(), ()), {log_effect}

    def to_lojax(self):
        return Log._new()


class _ExtendLog(HiPrimitive):
    multiple_results = True

    def abstract_eval(self, log, *val_avals, treedef):
        return [], {log_effect}

    def to_lojax(self, log, *vals, treedef):
        _extend(log, unflatten(treedef, vals))
        return []


class _ReadLog(HiPrimitive):
    multiple_results = True

    def to_lojax(self, log):
        return flatten(log._dct)[0]


new_log_p, log_extend_p, log_read_p = (
    _NewLog("new_log"), _ExtendLog("log_extend"), _ReadLog("log_read")
)  # fmt: skip
register_hitype(Log, lambda _: LogTy())

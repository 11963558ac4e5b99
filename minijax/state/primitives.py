"""`Ref`, and the primitives that make, read and write one.

Under a trace a reference is a tracer of `AbstractRef`; outside of traces it is a `Ref`,
which holds the present value.  What reads or writes a part says which by `index`: static
entries, with `_DYNAMIC` in the place of each that is an argument of the equation.
"""

import functools
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax.core import AbstractRef, ShapedArray, Tracer, Zero
from minijax.numpy import array_methods, indexing
from minijax.numpy.creation import asarray
from minijax.numpy.index_update import _IndexUpdateHelper
from minijax.ops.convert import convert
from minijax.ops.define import (
    NO_RULE,
    batch_front,
    define,
    instantiate,
    move_axis,
    zeros,
)
from minijax.trace import JaxprTrace, trace
from minijax.transforms import batching


class _RefType(type):
    def __instancecheck__(cls, x):
        return (
            type.__instancecheck__(cls, x) or isinstance(x, Tracer) and core.is_ref(x)
        )


class Ref(metaclass=_RefType):
    """A place that holds an array: `ref[index]` reads it, `ref[index] = x` writes it."""

    __slots__ = ("_value", "aval", "__weakref__")

    def __init__(self, value):
        self._value = value
        self.aval = AbstractRef(core.get_aval(value))

    shape = property(lambda self: self.aval.shape)
    dtype = property(lambda self: self.aval.dtype)
    ndim = property(lambda self: self.aval.ndim)
    size = property(lambda self: self.aval.size)
    sharding = property(lambda self: self._value.sharding)
    committed = property(lambda self: self._value.committed)

    def __getitem__(self, index):
        return get(self, index)

    def __setitem__(self, index, value):
        set(self, index, value)

    def addupdate(self, value):
        """Add to the whole."""
        addupdate(self, None, value)

    def __len__(self):
        return len(self._value)

    def __repr__(self):
        if self._value is None:
            return "Ref(freed)"
        return f"Ref({repr(self._value).removeprefix('Array(')}"

    def unsafe_buffer_pointer(self):
        """The address of the present value."""
        return self._value.unsafe_buffer_pointer()


# --- indices --------------------------------------------------------------------------

_DYNAMIC = "dynamic"


def _split_index(ref, index):
    """(static entries, the arrays among them) of a reference's index."""
    entries = index if isinstance(index, tuple) else (index,)
    if index is None or index is Ellipsis:
        return (), []
    if len([e for e in entries if e is not Ellipsis]) > ref.ndim:
        raise ValueError(
            f"`indices` must not be longer than `shape`: indices={index}, "
            f"shape={ref.shape}"
        )
    static, arrays = [], []
    for entry in entries:
        if isinstance(entry, slice):
            static.append(_checked_slice(entry))
        elif entry is Ellipsis or _is_integer(entry):
            static.append(entry)
        else:
            static.append(_DYNAMIC)
            arrays.append(asarray(entry))
    _check_bounds(ref.shape, static)
    return tuple(static), arrays


def _is_integer(entry):
    return isinstance(entry, (int, np.integer)) and not isinstance(entry, bool)


def _checked_slice(entry):
    """A slice as something that can be hashed."""
    if entry.step is not None and entry.step < 1:
        raise ValueError(f"slice must have a step >= 1 (found: {entry.step})")
    return slice, entry.start, entry.stop, entry.step


def _check_bounds(shape, entries):
    if Ellipsis in entries:
        at = entries.index(Ellipsis)
        entries = (
            entries[:at] + [None] * (len(shape) - len(entries) + 1) + entries[at + 1 :]
        )
    for entry, size in zip(entries, shape, strict=False):
        if _is_integer(entry) and entry >= size:
            raise ValueError(f"Out of bound indexer: idx={entry}, dim={size}.")


def _joined_index(static, arrays):
    """The index that `_split_index` took apart."""
    feed = iter(arrays)
    return tuple([
        next(feed) if entry is _DYNAMIC
        else slice(*entry[1:]) if isinstance(entry, tuple)
        else entry
        for entry in static
    ])  # fmt: skip


def read(value, arrays, index):
    """The part of a value that an equation's index means."""
    return indexing.getitem(value, _joined_index(index, arrays)) if index else value


def written(value, arrays, index, new, operation="set"):
    """A value with a part replaced, or added to if `operation` is "add"."""
    if not index and operation == "set":
        return convert(new, value.dtype, value.weak_type)
    at = _IndexUpdateHelper(value)[_joined_index(index, arrays)]
    return getattr(at, operation)(new)


@functools.lru_cache(4096)
def _part_aval(inner, arrays, index):
    """The aval of a part."""
    return trace(lambda x, *i: [read(x, i, index)], [inner, *arrays]).out_avals[0]


# --- primitives -----------------------------------------------------------------------

_DISCHARGED = NO_RULE("is rewritten in terms of values before this is needed")
_UNBATCHED = (
    "performing a set/swap operation with vmapped value on an unbatched array reference "
    "of type {}. Move the array reference to be an argument to the vmapped function?"
)
_UNDIFFERENTIATED = (
    "performing a set/swap operation with a differentiated value on a non-differentiated "
    "array reference of type {}. Move the array reference to be an argument of the "
    "differentiated function?"
)


def _define(name, *, impl, **rules):
    primitive = define(
        name,
        reference=_DISCHARGED,
        transpose=_DISCHARGED,
        lower=_DISCHARGED,
        **rules,
    )
    primitive.effects = frozenset([core.ref_effect])
    primitive.takes_refs = True
    primitive.impl = impl
    return primitive


def _new_ref_jvp(primals, tangents, **params):
    (x,), (t,) = primals, tangents
    ref = new_ref_p.bind(x, **params)
    if not dtypes.issubdtype(ref.dtype, np.inexact):
        return ref, Zero.of(ref)
    return ref, new_ref_p.bind(instantiate(t), **params)


def _new_ref_linearize(linear_trace, primals, tangents, **params):
    """The tangent's reference is recorded even where it starts at zero."""
    (x,), (t,) = primals, tangents
    ref = new_ref_p.bind(x, **params)
    if not dtypes.issubdtype(ref.dtype, np.inexact):
        return ref, Zero.of(ref)
    start = [instantiate(t)]
    return ref, JaxprTrace.process_primitive(linear_trace, new_ref_p, start, params)


def _new_ref_batch(axis, args, dims, **params):
    (x,), (dim,) = args, dims
    return new_ref_p.bind(batch_front(axis, x, dim), **params), 0


new_ref_p = _define(
    "new_ref",
    shape=lambda x, **_: AbstractRef(x),
    impl=lambda x, **_: Ref(asarray(x)),
    jvp=_new_ref_jvp,
    linearize=_new_ref_linearize,
    batch=_new_ref_batch,
)
new_ref_p.always_traced = True


def _linear_jvp(primitive_of):
    """The jvp of what only reads a reference."""

    def jvp(primals, tangents, **params):
        bind = primitive_of().bind
        out = bind(*primals, **params)
        if type(tangents[0]) is Zero:
            return out, Zero.of(out)
        return out, bind(tangents[0], *primals[1:], **params)

    return jvp


freeze_p = _define(
    "freeze",
    shape=lambda ref: ref.inner_aval,
    impl=lambda ref: ref._value,
    jvp=_linear_jvp(lambda: freeze_p),
    batch=lambda axis, args, dims: (freeze_p.bind(*args), dims[0]),
)


def _get_batch(axis, args, dims, *, index):
    ref, *arrays = args
    whole = get_p.bind(ref, index=())
    outs, out_dims = batching.batch(
        lambda x, *i: [read(x, i, index)], axis, [whole, *arrays], dims
    )
    return outs[0], out_dims[0]


get_p = _define(
    "get",
    shape=lambda ref, *arrays, index: _part_aval(ref.inner_aval, arrays, index),
    impl=lambda ref, *arrays, index: read(ref._value, arrays, index),
    jvp=_linear_jvp(lambda: get_p),
    batch=_get_batch,
)


def _check_new(name, ref, new, part):
    if new.shape != part.shape:
        raise ValueError(
            f"Invalid shape for `{name}`. Ref shape: {ref.shape}. Expected shape: "
            f"{part.shape}. Value shape: {new.shape}."
        )
    if new.dtype != ref.dtype:
        raise ValueError(
            f"Invalid dtype for `{name}`. Ref dtype: {ref.dtype}. Value dtype: {new.dtype}."
        )


def _swap_shape(ref, new, *arrays, index):
    part = _part_aval(ref.inner_aval, arrays, index)
    _check_new("swap", ref, new, part)
    return part


def _swap_impl(ref, new, *arrays, index):
    old = read(ref._value, arrays, index)
    _check_new("swap", ref.aval, core.get_aval(new), old.aval)
    ref._value = written(ref._value, arrays, index, new)
    return old


def _check_differentiated(ref, ref_dot, new_dot):
    if type(ref_dot) is Zero and type(new_dot) is not Zero:
        raise Exception(_UNDIFFERENTIATED.format(core.get_aval(ref)))


def _swap_jvp(primals, tangents, *, index):
    (ref, _, *arrays), (ref_dot, new_dot, *_) = primals, tangents
    _check_differentiated(ref, ref_dot, new_dot)
    old = swap_p.bind(*primals, index=index)
    if type(ref_dot) is Zero:
        return old, Zero.of(old)
    return old, swap_p.bind(ref_dot, instantiate(new_dot), *arrays, index=index)


def _batched_write(axis, args, dims, index, operation):
    """(old whole value, dims) after writing a part in every element of a batch."""
    (ref, new, *arrays), (dim, *rest) = args, dims
    if dim is None:
        raise Exception(_UNBATCHED.format(core.get_aval(ref)))
    whole = get_p.bind(ref, index=())
    (changed,), (out_dim,) = batching.batch(
        lambda x, y, *i: [written(x, i, index, y, operation)],
        axis, [whole, new, *arrays], dims,
    )  # fmt: skip
    swap_p.bind(ref, _batched_at(axis, changed, out_dim, dim), index=())
    return whole, arrays, [dim, *rest[1:]]


def _batched_at(axis, x, source, target):
    if source is not None:
        return move_axis(x, source, target)
    return move_axis(batch_front(axis, x, None), 0, target)


def _swap_batch(axis, args, dims, *, index):
    whole, arrays, dims = _batched_write(axis, args, dims, index, "set")
    (old,), (dim,) = batching.batch(
        lambda x, *i: [read(x, i, index)], axis, [whole, *arrays], dims
    )
    return old, dim


swap_p = _define(
    "swap",
    shape=_swap_shape,
    impl=_swap_impl,
    jvp=_swap_jvp,
    batch=_swap_batch,
)


def _addupdate_shape(ref, new, *arrays, index):
    _check_new("addupdate", ref, new, _part_aval(ref.inner_aval, arrays, index))
    return []


def _addupdate_impl(ref, new, *arrays, index):
    avals = tuple([core.get_aval(x) for x in arrays])
    _addupdate_shape(ref.aval, core.get_aval(new), *avals, index=index)
    ref._value = written(ref._value, arrays, index, new, "add")
    return []


def _addupdate_jvp(primals, tangents, *, index):
    (ref, _, *arrays), (ref_dot, new_dot, *_) = primals, tangents
    _check_differentiated(ref, ref_dot, new_dot)
    addupdate_p.bind(*primals, index=index)
    if type(new_dot) is not Zero:
        addupdate_p.bind(ref_dot, new_dot, *arrays, index=index)
    return [], []


def _addupdate_batch(axis, args, dims, *, index):
    _batched_write(axis, args, dims, index, "add")
    return [], []


addupdate_p = _define(
    "addupdate",
    multiple_results=True,
    shape=_addupdate_shape,
    impl=_addupdate_impl,
    jvp=_addupdate_jvp,
    batch=_addupdate_batch,
)

# --- functions ------------------------------------------------------------------------


def _checked_ref(name, ref):
    if not core.is_ref(ref):
        raise ValueError(f"Can only call `{name}` on a `Ref`: {ref}.")
    return ref


def _as_value(ref, x):
    """What is written, as an array; a Python scalar takes the reference's dtype."""
    aval = core.get_aval(x)
    kinds = np.floating, np.complexfloating, np.integer
    same_kind = any(
        dtypes.issubdtype(aval.dtype, k) and dtypes.issubdtype(ref.dtype, k)
        for k in kinds
    )
    return asarray(x, ref.dtype) if aval.weak_type and same_kind else asarray(x)


def new_ref(init_val: Any, *, memory_space: Any = None, kind: str | None = None) -> Any:
    """A new mutable reference that holds the array `init_val`.

    memory_space, kind: accepted; there is one memory.  TypeError for what is no array.
    """
    if not core.valid_jaxtype(init_val):
        raise TypeError(
            "Error interpreting argument to new_ref as a JAX value. The problematic value "
            f"is of type {type(init_val)} and was passed to new_ref at position 0."
        )
    if core.is_ref(init_val):
        raise TypeError("a reference cannot hold a reference")
    return new_ref_p.bind(init_val, kind=kind, memory_space=memory_space)


def empty_ref(ty: Any, memory_space: Any = None) -> Any:
    """A reference of the given shape and dtype, whose elements are zero."""
    return new_ref(zeros(ShapedArray(ty.shape, ty.dtype)), memory_space=memory_space)


def freeze(ref: Any) -> Any:
    """The last value of a reference, which is not to be used any more."""
    return freeze_p.bind(_checked_ref("freeze", ref))


def free_ref(ref: Any) -> None:
    """Forget a reference's value."""
    _checked_ref("free_ref", ref)
    if type(ref) is Ref:
        ref._value = None


def get(ref: Any, idx: Any = None) -> Any:
    """The part of the reference's value at `idx`, or all of it."""
    index, arrays = _split_index(_checked_ref("get", ref), idx)
    return get_p.bind(ref, *arrays, index=index)


def swap(ref: Any, idx: Any, value: Any) -> Any:
    """Write `value` at `idx`, and return what was there.

    ValueError where its shape or dtype is not that of the part.
    """
    index, arrays = _split_index(_checked_ref("swap", ref), idx)
    return swap_p.bind(ref, _as_value(ref, value), *arrays, index=index)


def set(ref: Any, idx: Any, value: Any) -> None:
    """Write `value` at `idx`; errors as in `swap`."""
    swap(ref, idx, value)


def addupdate(ref: Any, idx: Any, x: Any) -> None:
    """Add `x` to the part at `idx`; errors as in `swap`."""
    index, arrays = _split_index(_checked_ref("addupdate", ref), idx)
    addupdate_p.bind(ref, _as_value(ref, x), *arrays, index=index)


def install():
    """Let tracers of references be indexed and assigned to."""
    tracer: Any = Tracer
    array_methods.install_getitem(indexing.getitem)  # else it would replace ours later
    plain_get, plain_set = tracer.__getitem__, tracer.__setitem__

    def getitem(self, index):
        return get(self, index) if core.is_ref(self) else plain_get(self, index)

    def setitem(self, index, value):
        return (set if core.is_ref(self) else plain_set)(self, index, value)

    tracer.__getitem__, tracer.__setitem__ = getitem, setitem
    core.aval_rules[Ref] = lambda ref: ref.aval

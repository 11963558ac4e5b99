"""`Ref`, and the primitives that make, read and write one.

Under a trace a reference is a tracer of `AbstractRef`; outside of traces it is a `Ref`,
which holds the present value.  What reads or writes a part says which by a `path` of
`steps`; its arrays are further arguments of the equation.
"""

import math
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax.core import AbstractRef, ShapedArray, Tracer, Zero
from minijax.numpy import array_methods
from minijax.numpy.creation import asarray
from minijax.ops.define import (
    NO_RULE,
    batch_front,
    define,
    instantiate,
    move_axis,
    zeros,
)
from minijax.state.steps import part_aval, read, reshape_step, split_index, written
from minijax.trace import JaxprTrace
from minijax.transforms import batching
from minijax.tree_util import register_pytree_node


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

    def __getitem__(self, path):
        return get(self, path)

    def __setitem__(self, index, value):
        set(self, index, value)

    at = property(lambda self: RefIndexer(self))

    def reshape(self, *shape):
        """It in another shape: see `TransformedRef`."""
        return TransformedRef(self).reshape(*shape)

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


# --- primitives -----------------------------------------------------------------------

_DISCHARGED = NO_RULE("is rewritten in terms of values before this is needed")
_UNBATCHED = (
    "performing {} operation with vmapped value on an unbatched array reference of type "
    "{}. Move the array reference to be an argument to the vmapped function?"
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


def _get_batch(axis, args, dims, *, path):
    ref, *arrays = args
    whole = get_p.bind(ref, path=())
    outs, out_dims = batching.batch(
        lambda x, *i: [read(x, i, path)], axis, [whole, *arrays], dims
    )
    return outs[0], out_dims[0]


get_p = _define(
    "get",
    shape=lambda ref, *arrays, path: part_aval(ref.inner_aval, arrays, path),
    impl=lambda ref, *arrays, path: read(ref._value, arrays, path),
    jvp=_linear_jvp(lambda: get_p),
    batch=_get_batch,
)


def _check_new(name, ref, new, part):
    if new is part:
        return
    if new.shape != part.shape:
        raise ValueError(
            f"Invalid shape for `{name}`. Ref shape: {ref.shape}. Expected shape: "
            f"{part.shape}. Value shape: {new.shape}."
        )
    if new.dtype != ref.dtype:
        raise ValueError(
            f"Invalid dtype for `{name}`. Ref dtype: {ref.dtype}. Value dtype: {new.dtype}."
        )


def _swap_shape(ref, new, *arrays, path):
    part = part_aval(ref.inner_aval, arrays, path)
    _check_new("swap", ref, new, part)
    return part


def _swap_impl(ref, new, *arrays, path):
    old = read(ref._value, arrays, path)
    _check_new("swap", ref.aval, core.get_aval(new), old.aval)
    ref._value = written(ref._value, arrays, path, new)
    return old


def _check_differentiated(ref, ref_dot, new_dot):
    if type(ref_dot) is Zero and type(new_dot) is not Zero:
        raise Exception(_UNDIFFERENTIATED.format(core.get_aval(ref)))


def _swap_jvp(primals, tangents, *, path):
    (ref, _, *arrays), (ref_dot, new_dot, *_) = primals, tangents
    _check_differentiated(ref, ref_dot, new_dot)
    old = swap_p.bind(*primals, path=path)
    if type(ref_dot) is Zero:
        return old, Zero.of(old)
    return old, swap_p.bind(ref_dot, instantiate(new_dot), *arrays, path=path)


def _batched_write(axis, args, dims, path, operation):
    """(old whole value, dims) after writing a part in every element of a batch."""
    (ref, new, *arrays), (dim, *rest) = args, dims
    if dim is None:
        what = "a set/swap" if operation == "set" else "an addupdate"
        raise Exception(_UNBATCHED.format(what, core.get_aval(ref)))
    whole = get_p.bind(ref, path=())
    (changed,), (out_dim,) = batching.batch(
        lambda x, y, *i: [written(x, i, path, y, operation)],
        axis, [whole, new, *arrays], dims,
    )  # fmt: skip
    swap_p.bind(ref, _batched_at(axis, changed, out_dim, dim), path=())
    return whole, arrays, [dim, *rest[1:]]


def _batched_at(axis, x, source, target):
    if source is not None:
        return move_axis(x, source, target)
    return move_axis(batch_front(axis, x, None), 0, target)


def _swap_batch(axis, args, dims, *, path):
    whole, arrays, dims = _batched_write(axis, args, dims, path, "set")
    (old,), (dim,) = batching.batch(
        lambda x, *i: [read(x, i, path)], axis, [whole, *arrays], dims
    )
    return old, dim


swap_p = _define(
    "swap",
    shape=_swap_shape,
    impl=_swap_impl,
    jvp=_swap_jvp,
    batch=_swap_batch,
)


def _addupdate_shape(ref, new, *arrays, path):
    _check_new("addupdate", ref, new, part_aval(ref.inner_aval, arrays, path))
    return []


def _addupdate_impl(ref, new, *arrays, path):
    avals = tuple([core.get_aval(x) for x in arrays])
    _addupdate_shape(ref.aval, core.get_aval(new), *avals, path=path)
    ref._value = written(ref._value, arrays, path, new, "add")
    return []


def _addupdate_jvp(primals, tangents, *, path):
    (ref, _, *arrays), (ref_dot, new_dot, *_) = primals, tangents
    _check_differentiated(ref, ref_dot, new_dot)
    addupdate_p.bind(*primals, path=path)
    addupdate_p.bind(ref_dot, instantiate(new_dot), *arrays, path=path)
    return [], []


def _addupdate_batch(axis, args, dims, *, path):
    _batched_write(axis, args, dims, path, "add")
    return [], []


addupdate_p = _define(
    "addupdate",
    multiple_results=True,
    shape=_addupdate_shape,
    impl=_addupdate_impl,
    jvp=_addupdate_jvp,
    batch=_addupdate_batch,
)


def _free_ref_jvp(primals, tangents):
    free_ref_p.bind(*primals)
    return [], []


def _free_ref_batch(axis, args, dims):
    free_ref_p.bind(*args)
    return [], []


free_ref_p = _define(
    "free_ref",
    multiple_results=True,
    shape=lambda ref: [],
    impl=lambda ref: [],
    jvp=_free_ref_jvp,
    batch=_free_ref_batch,
)

# --- functions ------------------------------------------------------------------------


def _checked_ref(name, ref):
    if not core.is_ref(ref):
        core.get_aval(ref)  # TypeError for what is no value at all
        raise ValueError(f"Can only call `{name}` on a `Ref`: {ref}.")
    return ref


def _located(name, ref, index):
    """(reference, the arrays in the path, the path) of what is read or written."""
    if type(ref) is TransformedRef:
        path, arrays = split_index(ref.shape, index)
        return ref.ref, [*ref.arrays, *arrays], ref.path + path
    inner = core.get_aval(_checked_ref(name, ref)).inner_aval
    path, arrays = split_index(getattr(inner, "shape", ()), index)  # of a token: none
    return ref, arrays, path


def _as_value(ref, x):
    """What is written, as an array; a Python scalar takes the reference's dtype."""
    aval = core.get_aval(x)
    if not isinstance(aval, ShapedArray):
        return x
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
    """Say that a reference is not used any more; a program that then uses it is refused."""
    free_ref_p.bind(_checked_ref("free_ref", ref))


def get(ref: Any, idx: Any = None) -> Any:
    """The part of the reference's value at `idx`, or all of it."""
    ref, arrays, path = _located("ref_get", ref, idx)
    return get_p.bind(ref, *arrays, path=path)


def swap(ref: Any, idx: Any, value: Any) -> Any:
    """Write `value` at `idx`, and return what was there.

    ValueError where its shape or dtype is not that of the part.
    """
    return _swap("ref_swap", ref, idx, value)


def _swap(name, ref, idx, value):
    ref, arrays, path = _located(name, ref, idx)
    return swap_p.bind(ref, _as_value(ref, value), *arrays, path=path)


def set(ref: Any, idx: Any, value: Any) -> None:
    """Write `value` at `idx`; errors as in `swap`."""
    _swap("ref_set", ref, idx, value)


def addupdate(ref: Any, idx: Any, x: Any) -> None:
    """Add `x` to the part at `idx`; errors as in `swap`."""
    ref, arrays, path = _located("ref_addupdate", ref, idx)
    addupdate_p.bind(ref, _as_value(ref, x), *arrays, path=path)


class TransformedRef:
    """A part of a reference's value, or all of it in another shape: read and written as a
    reference is.  As an argument of a function that is traced it is a tree, of the
    reference and the arrays in its path.
    """

    __slots__ = ("ref", "arrays", "path")

    def __init__(self, ref, arrays=(), path=()):
        self.ref, self.arrays, self.path = ref, tuple(arrays), path

    @property
    def type(self):
        """The type of a reference to the part."""
        avals = tuple([core.get_aval(x) for x in self.arrays])
        inner = core.get_aval(self.ref).inner_aval
        return AbstractRef(part_aval(inner, avals, self.path))

    shape = property(lambda self: self.type.shape)
    dtype = property(lambda self: self.type.dtype)
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))
    at = property(lambda self: RefIndexer(self))

    def reshape(self, *shape):
        """It in another shape, of which one size may be -1.  ValueError for other sizes."""
        if len(shape) == 1 and isinstance(shape[0], tuple | list):
            shape = tuple(shape[0])
        step = reshape_step(self.shape, shape)
        return TransformedRef(self.ref, self.arrays, (*self.path, step))

    def get(self, idx=()):
        """As `jax.ref.get`."""
        return get(self, idx)

    def set(self, value, idx=()):
        """As `jax.ref.set`."""
        return set(self, idx, value)

    def swap(self, value, idx=()):
        """As `jax.ref.swap`."""
        return swap(self, idx, value)

    def __getitem__(self, index):
        return get(self, index)

    def __setitem__(self, index, value):
        set(self, index, value)

    def __repr__(self):
        return f"TransformedRef(ref={self.ref!r}, path={self.path})"


register_pytree_node(
    TransformedRef,
    lambda view: ((view.ref, *view.arrays), view.path),
    lambda path, parts: TransformedRef(parts[0], parts[1:], path),
)


class RefIndexer:
    """`ref.at`: `ref.at[index]` is a part of it."""

    __slots__ = ("_ref",)

    def __init__(self, ref):
        self._ref = ref

    def __getitem__(self, index):
        return TransformedRef(*_located("at", self._ref, index))


def install():
    """Let tracers of references be indexed, assigned to and viewed."""
    array_methods.load_subscripts()  # else they would replace ours later
    for name, of_refs in {
        "__getitem__": get,
        "__setitem__": set,
        "at": RefIndexer,
        "reshape": lambda ref, *shape: TransformedRef(ref).reshape(*shape),
    }.items():
        array_methods.let_mean(name, core.is_ref, of_refs)
    core.aval_rules[Ref] = lambda ref: ref.aval
    core.ref_rules.is_view = lambda x: type(x) is TransformedRef

"""Dynamic slices: a part of an array that starts at indices known only when the program runs.

A start that would let the slice stick out of the array is moved so that it fits.
"""

from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax.core import AS_STORED, ShapedArray, Zero, is_undefined_primal
from minijax.ops.arithmetic import add
from minijax.ops.comparison import lt
from minijax.ops.convert import convert, convert_element_type
from minijax.ops.define import (
    INT,
    SIGNED,
    accepts,
    batch_front,
    define,
    dtype_of,
    full,
    in_aval,
    instantiate,
    scalar,
    shape_of,
)
from minijax.ops.gather import (
    GatherDimensionNumbers,
    GatherScatterMode,
    gather,
    gather_p,
)
from minijax.ops.joining import concatenate
from minijax.ops.rounding import rem
from minijax.ops.scatter import ScatterDimensionNumbers, scatter_p
from minijax.ops.select import select
from minijax.ops.shape import (
    broadcast_in_dim,
    canonical_axis,
    canonical_shape,
    expand_dims,
    squeeze,
)
from minijax.ops.slicing import slice as static_slice
from minijax.ops.views import index_views


def dynamic_slice(
    operand, start_indices, slice_sizes, *, allow_negative_indices: Any = True
):
    """The part of `operand` of `slice_sizes` that starts at `start_indices`.

    start_indices: one integer a dimension, or a vector.  Negative ones count from the
        end, unless `allow_negative_indices` (one boolean, or one a dimension) forbids
        it.
    """
    starts = _start_indices(operand, start_indices, allow_negative_indices)
    sizes = canonical_shape(slice_sizes)
    return dynamic_slice_p.bind(operand, *starts, slice_sizes=sizes)


def dynamic_update_slice(
    operand, update, start_indices, *, allow_negative_indices: Any = True
):
    """`operand` with the part that starts at `start_indices` replaced by `update`."""
    starts = _start_indices(operand, start_indices, allow_negative_indices)
    return dynamic_update_slice_p.bind(operand, update, *starts)


def _start_indices(operand, starts, allow_negative):
    """One scalar a dimension, negative ones counted from the end."""
    shape = operand.shape
    if len(starts) != len(shape):
        raise ValueError(
            "Length of slice indices must match number of operand dimensions "
            f"({len(starts)} vs {shape})"
        )
    if isinstance(allow_negative, (bool, np.bool_)):
        allow_negative = [allow_negative] * len(shape)
    if len(allow_negative) != len(shape):
        raise ValueError(
            f"allow_negative_indices must have one entry a dimension, got "
            f"{len(allow_negative)} for operand shape {shape}"
        )
    if getattr(starts, "ndim", 1) != 1:
        raise ValueError(f"Slice indices must be a 1D sequence, got {shape_of(starts)}")
    scalars = [_at(starts, i) for i in range(len(shape))]
    return [
        _from_start(index, n) if allowed else index
        for index, n, allowed in zip(scalars, shape, allow_negative, strict=True)
    ]


def _at(starts, i):
    """Element i of a sequence, NumPy array, array or tracer."""
    if isinstance(starts, (list, tuple)):
        return _canonical_scalar(starts[i])
    if isinstance(starts, np.ndarray):
        return _canonical_scalar(starts[i])
    return squeeze(static_slice(starts, (i,), (i + 1,), (1,)), (0,))


def _canonical_scalar(index):
    if type(index) is int:
        return dtypes.wrapped_int(index, dtypes.python_scalar_dtype(int))
    if isinstance(index, (np.generic, np.ndarray)):
        return np.asarray(index).astype(dtypes.canonicalize_dtype(index.dtype))[()]
    return index


def _from_start(index: Any, n):
    """`index`, plus n where it is negative."""
    aval = core.get_aval(index)
    if not dtypes.issubdtype(aval.dtype, np.signedinteger):
        return index
    if aval.shape:
        return index  # the shape rule refuses it
    if isinstance(index, np.generic):
        negative = index < 0  # pyright: ignore[reportOperatorIssue]
        return index + _of_dtype(n, aval.dtype) if negative else index
    if aval.weak_type:
        negative = lt(index, 0)
        strong = convert_element_type(index, aval.dtype)
    else:
        negative = lt(index, np.zeros((), aval.dtype)[()])
        strong = index
    return select(negative, add(strong, _of_dtype(n, aval.dtype)), index)


def _of_dtype(n, dtype) -> Any:
    """A size as an index; one that is no number becomes a traced value."""
    if isinstance(n, core.SymbolicSize):
        return scalar(dtype, n)
    return np.asarray(n).astype(dtype)[()]


def _starts_along(operand, start, axis):
    """`start` along an axis, zeros of its dtype along the others."""
    zero = np.zeros((), dtype_of(_canonical_scalar(start)))[()]
    starts = [zero] * len(operand.shape)
    starts[axis] = start
    return starts


def _only(axis, rank, allowed):
    return [allowed and d == axis for d in range(rank)]


def dynamic_slice_in_dim(
    operand, start_index, slice_size, axis=0, *, allow_negative_indices=True
):
    """`dynamic_slice` along one axis; whole along the others."""
    rank = len(operand.shape)
    axis = canonical_axis(axis, rank)
    sizes = list(operand.shape)
    sizes[axis] = core.as_size(slice_size)
    return dynamic_slice(
        operand,
        _starts_along(operand, start_index, axis),
        sizes,
        allow_negative_indices=_only(axis, rank, allow_negative_indices),
    )


def dynamic_index_in_dim(
    operand, index, axis=0, keepdims=True, *, allow_negative_indices=True
):
    """The part of `operand` at one index along an axis, which stays with size 1 or goes."""
    axis = canonical_axis(axis, len(operand.shape))
    out = dynamic_slice_in_dim(
        operand, index, 1, axis, allow_negative_indices=allow_negative_indices
    )
    return out if keepdims else squeeze(out, (axis,))


def dynamic_update_slice_in_dim(
    operand, update, start_index, axis, *, allow_negative_indices=True
):
    """`dynamic_update_slice` along one axis; from the beginning along the others."""
    rank = len(operand.shape)
    axis = canonical_axis(axis, rank)
    return dynamic_update_slice(
        operand,
        update,
        _starts_along(operand, start_index, axis),
        allow_negative_indices=_only(axis, rank, allow_negative_indices),
    )


def dynamic_update_index_in_dim(
    operand, update, index, axis, *, allow_negative_indices=True
):
    """`operand` with what is at `index` along an axis replaced by `update`.

    update: of the operand's rank with size 1 along the axis, or without that axis.
    """
    rank = len(operand.shape)
    axis = canonical_axis(axis, rank)
    if len(shape_of(update)) != rank:
        if len(shape_of(update)) + 1 != rank:
            raise AssertionError(
                f"update of shape {shape_of(update)} does not fit an index of an operand "
                f"of shape {operand.shape}"
            )
        update = expand_dims(update, (axis,))
    return dynamic_update_slice_in_dim(
        operand, update, index, axis, allow_negative_indices=allow_negative_indices
    )


def index_take(src, idxs, axes):
    """What `src` holds at the indices `idxs`, one array for each of `axes`.

    Indices wrap around.
    """
    indices = concatenate([expand_dims(i, (1,)) for i in idxs], 1)
    sizes = np.array([src.shape[a] for a in axes])
    indices = _wrap(indices, sizes.astype(dtype_of(indices)))
    window = list(src.shape)
    for a in axes:
        window[a] = 1
    rank = len(src.shape) - len(axes) + 1
    numbers = GatherDimensionNumbers(
        offset_dims=tuple(range(1, rank)),
        collapsed_slice_dims=tuple(axes),
        start_index_map=tuple(axes),
    )
    return gather(src, indices, numbers, tuple(window))


def _wrap(indices, sizes):
    """Indices modulo the sizes of their dimensions (one a column)."""
    sizes = broadcast_in_dim(sizes, shape_of(indices), (1,))
    left = rem(indices, sizes)
    if not accepts(SIGNED, dtype_of(indices)):
        return left
    negative = lt(left, np.zeros((), dtype_of(indices))[()])
    return select(negative, add(left, sizes), left)


# --- what the two primitives share ----------------------------------------------------


def _check_starts(name, operand, starts):
    if len(starts) != operand.ndim:
        raise TypeError(
            f"{name} start_indices must have length equal to the number of dimensions of "
            f"the operand, got indices {starts} for operand shape {operand.shape}."
        )
    colon = ":" if name == "dynamic_slice" else ""
    kinds = {aval.dtype for aval in starts}
    if len(kinds) > 1 or not all(accepts(INT, dtype) for dtype in kinds):
        got = ", ".join(aval.dtype.name for aval in starts)
        raise TypeError(
            f"index arguments to {name} must be integers of the same type, "
            f"got{colon} {got}"
        )
    if any(aval.shape for aval in starts):
        space = " " if name == "dynamic_slice" else ""
        raise TypeError(
            f"start_indices arguments to {name} must be scalars, {space}got indices "
            f"{tuple(starts)}"
        )


def _clamped(starts, shape, sizes):
    return tuple(
        slice(at, at + size)
        for at, size in (
            (min(max(int(s), 0), n - size), size)
            for s, n, size in zip(starts, shape, sizes, strict=True)
        )
    )


def _index_vectors(axis, starts, dims):
    """Scalars, some of them batched, as one array of index vectors; its batch dimension."""
    if all(d is None for d in dims):
        parts = [broadcast_in_dim(s, (1,), ()) for s in starts]
        return concatenate(parts, 0), None
    shape = axis.size, 1
    parts = [
        broadcast_in_dim(s, shape, () if d is None else (0,))
        for s, d in zip(starts, dims, strict=True)
    ]
    return concatenate(parts, 1), 0


# --- dynamic_slice --------------------------------------------------------------------


def _dynamic_slice_shape(operand, *starts, slice_sizes):
    if len(slice_sizes) != operand.ndim:
        raise ValueError(
            f"slice slice_sizes must have length {operand.ndim}, the rank of the operand, "
            f"got slice_sizes {slice_sizes} for operand shape {operand.shape}."
        )
    if any(n > limit for n, limit in zip(slice_sizes, operand.shape, strict=True)):
        raise TypeError(
            "slice slice_sizes must be less than or equal to operand shape, got "
            f"slice_sizes {slice_sizes} for operand shape {operand.shape}."
        )
    if any(n < 0 for n in slice_sizes):
        raise TypeError(
            "slice slice_sizes must be greater than or equal to zero, got slice_sizes of "
            f"{slice_sizes}."
        )
    _check_starts("dynamic_slice", operand, starts)
    return operand.update(shape=slice_sizes)


def _dynamic_slice_jvp(primals, tangents, *, slice_sizes):
    operand, *starts = primals
    t = tangents[0]
    if type(t) is not Zero:
        t = dynamic_slice_p.bind(t, *starts, slice_sizes=slice_sizes)
    out = dynamic_slice_p.bind(operand, *starts, slice_sizes=slice_sizes)
    return out, Zero.of(out) if type(t) is Zero else t


def _dynamic_slice_transpose(ct, operand, *starts, slice_sizes):
    zeros = full(operand.aval, 0)
    out = dynamic_update_slice_p.bind(zeros, ct, *starts)
    return [out] + [None] * len(starts)


def _dynamic_slice_batch(axis, args, dims, *, slice_sizes):
    operand, *starts = args
    if not starts:
        return operand, dims[0]
    indices, index_dim = _index_vectors(axis, starts, dims[1:])
    every = tuple(range(len(starts)))
    numbers = GatherDimensionNumbers(every, (), every)
    return gather_p.batch(
        axis,
        (operand, indices),
        (dims[0], index_dim),
        dimension_numbers=numbers,
        slice_sizes=slice_sizes,
        unique_indices=True,
        indices_are_sorted=True,
        mode=GatherScatterMode.CLIP,
        fill_value=None,
    )


def _dynamic_slice_lower(b, ins, out_avals, *, slice_sizes):
    ins = index_views(b, ins, range(1, len(ins)))
    out = slice_sizes, ins[0].dtype
    return b.instr("DYNAMIC_SLICE", ins, [out])


dynamic_slice_p = define(
    "dynamic_slice",
    shape=_dynamic_slice_shape,
    reference=lambda operand, *starts, slice_sizes: operand[
        _clamped(starts, operand.shape, slice_sizes)
    ].copy(),
    jvp=_dynamic_slice_jvp,
    transpose=_dynamic_slice_transpose,
    batch=_dynamic_slice_batch,
    lower=_dynamic_slice_lower,
    narrow=AS_STORED,
)

# --- dynamic_update_slice -------------------------------------------------------------


def _dynamic_update_slice_shape(operand, update, *starts):
    name = "dynamic_update_slice"
    if operand.dtype != update.dtype:
        raise TypeError(
            f"lax.{name} requires arguments to have the same dtypes, got "
            f"{operand.dtype.name}, {update.dtype.name}."
        )
    if operand.ndim != update.ndim:
        raise TypeError(
            f"{name} update must have the same rank as operand, got update shape "
            f"{update.shape} for operand shape {operand.shape}."
        )
    if any(n > limit for n, limit in zip(update.shape, operand.shape, strict=True)):
        raise TypeError(
            f"{name} update shape must be smaller than operand shape, got update shape "
            f"{update.shape} for operand shape {operand.shape}."
        )
    _check_starts(name, operand, starts)
    return ShapedArray(operand.shape, operand.dtype)


def _dynamic_update_slice_reference(operand, update, *starts):
    out = operand.copy()
    out[_clamped(starts, operand.shape, update.shape)] = update
    return out


def _dynamic_update_slice_jvp(primals, tangents):
    operand, update, *starts = primals
    t_operand, t_update = tangents[:2]
    out = dynamic_update_slice_p.bind(operand, update, *starts)
    if type(t_operand) is Zero and type(t_update) is Zero:
        return out, Zero.of(out)
    t_operand, t_update = instantiate(t_operand), instantiate(t_update)
    return out, dynamic_update_slice_p.bind(t_operand, t_update, *starts)


def _dynamic_update_slice_transpose(ct, operand, update, *starts):
    shape = in_aval(update).shape
    out = [None, None] + [None] * len(starts)
    if is_undefined_primal(operand):
        zeros = full(ShapedArray(shape, dtype_of(ct)), 0)
        out[0] = dynamic_update_slice_p.bind(ct, zeros, *starts)
    if is_undefined_primal(update):
        out[1] = dynamic_slice_p.bind(ct, *starts, slice_sizes=shape)
    return out


def _dynamic_update_slice_batch(axis, args, dims):
    operand, update, *starts = args
    if not starts:  # all is replaced, but for the type
        aval = core.get_aval(operand)
        return convert(
            batch_front(axis, update, dims[1]), aval.dtype, aval.weak_type
        ), 0
    indices, index_dim = _index_vectors(axis, starts, dims[2:])
    every = tuple(range(len(starts)))
    return scatter_p.batch(
        axis,
        (operand, indices, update),
        (dims[0], index_dim, dims[1]),
        dimension_numbers=ScatterDimensionNumbers(every, (), every),
        update_jaxpr=None,
        update_consts=(),
        indices_are_sorted=True,
        unique_indices=True,
        mode=GatherScatterMode.CLIP,
    )


def _dynamic_update_slice_lower(b, ins, out_avals):
    ins = index_views(b, ins, range(2, len(ins)))
    out = ins[0].shape, ins[0].dtype
    return b.instr("DYNAMIC_UPDATE_SLICE", ins, [out])


dynamic_update_slice_p = define(
    "dynamic_update_slice",
    shape=_dynamic_update_slice_shape,
    reference=_dynamic_update_slice_reference,
    jvp=_dynamic_update_slice_jvp,
    transpose=_dynamic_update_slice_transpose,
    batch=_dynamic_update_slice_batch,
    lower=_dynamic_update_slice_lower,
    narrow=AS_STORED,
)

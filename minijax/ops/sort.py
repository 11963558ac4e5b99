"""Sorting along one dimension: `sort` of several operands together, and `top_k`."""

import math

import numpy as np

from minijax import core
from minijax.core import ShapedArray, Zero
from minijax.ops.define import (
    COMPLEX,
    FLOAT,
    NO_RULE,
    NUMBER,
    accepts,
    check_dtype,
    define,
    move_axis,
    shape_of,
)
from minijax.ops.gather import GatherDimensionNumbers, gather, kept_dims
from minijax.ops.shape import (
    broadcast_in_dim,
    broadcasted_iota,
    canonical_axis,
    reshape,
)
from minijax.ops.views import real_view

# --- sort -----------------------------------------------------------------------------


def sort(operand, dimension=-1, is_stable=True, num_keys=1):
    """One array, or several of one shape, sorted along a dimension in ascending order.

    The first `num_keys` operands are compared, one after the other; the others go
    along.  Zeros of both signs are equal, NaNs come last; complex numbers compare by
    real, then imaginary part.  A tuple for a sequence.
    """
    several = isinstance(operand, (tuple, list))
    operands = tuple(operand) if several else (operand,)
    if not operands:
        raise TypeError("Sort requires at least one operand")
    if not several and num_keys != 1:
        raise ValueError(f"{num_keys=} must equal 1 for a single operand.")
    if not 1 <= num_keys <= len(operands):
        raise ValueError(
            f"num_keys={num_keys} must be between 1 and len(operand)={len(operands)}"
        )
    dimension = canonical_axis(dimension, len(shape_of(operands[0])))
    out = sort_p.bind(
        *operands, dimension=dimension, is_stable=bool(is_stable), num_keys=num_keys
    )
    return tuple(out) if several else out[0]


def sort_key_val(keys, values, dimension=-1, is_stable=True):
    """`keys` sorted, and `values` in the same order."""
    return sort((keys, values), dimension, is_stable, num_keys=1)


def _sort_shape(*avals, dimension, is_stable, num_keys):
    shapes = [aval.shape for aval in avals]
    if any(shape != shapes[0] for shape in shapes):
        got = " ".join(map(str, shapes))
        raise TypeError(f"Arguments to sort must have equal shapes, got: {got}")
    for aval in avals[:num_keys]:
        check_dtype("sort", NUMBER + (np.bool_,), aval.dtype)
    return list(avals)


def _comparable(x):
    """Arrays whose order, one after the other, is that of the elements."""
    if x.dtype.kind == "c":
        return [x.real, x.imag]
    if x.dtype.kind not in "biuf":
        return [x.astype(np.float32)]
    return [x]


def _sort_reference(*operands, dimension, is_stable, num_keys):
    keys = [part for x in operands[:num_keys] for part in _comparable(x)]
    order = np.lexsort(keys[::-1], axis=dimension)
    return [np.take_along_axis(x, order, dimension) for x in operands]


def pick_along(x, indices, axis):
    """`x` at `indices` [.., 1] along an axis; the other dimensions go together."""
    shape = shape_of(x)
    others = kept_dims(len(shape), (axis,))
    numbers = GatherDimensionNumbers(
        offset_dims=(),
        collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
        operand_batching_dims=others,
        start_indices_batching_dims=others,
    )
    return gather(x, indices, numbers, (1,) * len(shape))


def _sort_jvp(primals, tangents, *, dimension, is_stable, num_keys):
    params = {"dimension": dimension, "is_stable": is_stable, "num_keys": num_keys}
    if all(type(t) is Zero for t in tangents):
        outs = sort_p.bind(*primals, **params)
        return outs, [Zero.of(x) for x in outs]
    shape = shape_of(primals[0])
    dtype = np.dtype("u4") if shape[dimension] < 2**32 else np.dtype("u8")
    places = broadcasted_iota(dtype, shape, dimension)
    *outs, order = sort_p.bind(*primals, places, **params)
    order = broadcast_in_dim(order, (*shape, 1), tuple(range(len(shape))))
    picked = [
        Zero.of(x) if type(t) is Zero else pick_along(t, order, dimension)
        for x, t in zip(outs, tangents, strict=True)
    ]
    return outs, picked


def _sort_batch(_axis, args, dims, *, dimension, **params):
    place, shape = next(
        (d, shape_of(x)) for x, d in zip(args, dims, strict=True) if d is not None
    )
    others = kept_dims(len(shape), (place,))
    args = [
        broadcast_in_dim(x, shape, others) if d is None else move_axis(x, d, place)
        for x, d in zip(args, dims, strict=True)
    ]
    outs = sort_p.bind(*args, dimension=dimension + (place <= dimension), **params)
    return outs, [place] * len(outs)


def _view3(shape, axis):
    """[outer, n, inner] of an axis."""
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def _sort_lower(b, ins, out_avals, *, dimension, is_stable, num_keys):
    shape = out_avals[0].shape
    if 0 in shape or shape[dimension] == 1:
        return ins
    extents = _view3(shape, dimension)
    ins = [real_view(b, b.reshape(view, extents)) for view in ins]
    outs = b.instr("SORT", ins, [(extents, view.dtype) for view in ins], [num_keys])
    return [b.reshape(view, shape) for view in outs]


sort_p = define(
    "sort",
    multiple_results=True,
    shape=_sort_shape,
    reference=_sort_reference,
    jvp=_sort_jvp,
    transpose=NO_RULE("sort is differentiated through the gathers of its jvp rule"),
    batch=_sort_batch,
    lower=_sort_lower,
)

# --- top_k ----------------------------------------------------------------------------


def top_k(operand, k, *, axis=-1):
    """The `k` largest elements along an axis, in descending order, and their indices (int32).

    Of equal elements, the first come first.  NaN (without a sign bit) is largest, and
    0. larger than -0. ValueError where k does not fit the axis.
    """
    rank = len(shape_of(operand))
    axis = canonical_axis(axis, rank)
    return list(top_k_p.bind(operand, k=_checked_k(k), axis=axis))


def _checked_k(k):
    if isinstance(k, core.SymbolicSize):
        return k
    if not hasattr(k, "__index__"):
        raise TypeError(
            "Shapes must be 1D sequences of concrete values of integer type, got "
            f"[{k}]."
        )
    k = k.__index__()
    if k < 0:
        raise ValueError(f"k argument to top_k must be nonnegative, got {k}")
    return k


def _top_k_shape(operand, *, k, axis):
    if accepts(COMPLEX, operand.dtype):
        raise ValueError("top_k is not compatible with complex inputs.")
    check_dtype("top_k", NUMBER + (np.bool_,), operand.dtype)
    if k > operand.shape[axis]:
        raise ValueError(
            "k argument to top_k must be no larger than size along axis; got "
            f"k={k} with shape={list(operand.shape)} and axis={axis}"
        )
    size = operand.shape[axis]
    if isinstance(size, int) and size > np.iinfo(np.int32).max:
        raise ValueError(
            "top_k returns int32 indices, which will overflow for array dimensions larger "
            f"than the maximum int32 ({np.iinfo(np.int32).max}). Got operand.shape="
            f"{operand.shape}"
        )
    shape = (*operand.shape[:axis], k, *operand.shape[axis + 1 :])
    return [
        operand.update(shape=shape),
        ShapedArray(shape, np.int32, operand.weak_type),
    ]


def _total_order(x):
    """Integers that sort as floats do in total order; other types as they are."""
    if not accepts(FLOAT, x.dtype):
        return x
    bits = x.view(f"i{x.dtype.itemsize}")
    lowest = np.iinfo(bits.dtype).min
    return np.where(bits < 0, lowest - bits - 1, bits)


def _top_k_reference(operand, *, k, axis):
    # reversed twice, so that the stable sort leaves the first of equals first
    key = np.flip(_total_order(operand), axis)
    order = np.flip(np.argsort(key, axis, kind="stable"), axis)
    order = operand.shape[axis] - 1 - order
    order = np.take(order, np.arange(k), axis).astype(np.int32)
    return [np.take_along_axis(operand, order, axis), order]


def _top_k_jvp(primals, tangents, *, k, axis):
    (operand,), (t,) = primals, tangents
    values, indices = top_k_p.bind(operand, k=k, axis=axis)
    outs = [values, indices]
    if type(t) is Zero:
        return outs, [Zero.of(values), Zero.of(indices)]
    places = reshape(indices, (*shape_of(indices), 1))
    return outs, [pick_along(t, places, axis), Zero.of(indices)]


def _top_k_batch(_axis, args, dims, *, k, axis):
    (operand,), (place,) = args, dims
    outs = top_k_p.bind(operand, k=k, axis=axis + (place <= axis))
    return outs, [place, place]


def _top_k_lower(b, ins, out_avals, *, k, axis):
    values, indices = out_avals
    if values.size == 0:
        return [b.full(values, 0), b.full(indices, 0)]
    outer, n, inner = _view3(ins[0].shape, axis)
    view = real_view(b, b.reshape(ins[0], (outer, n, inner)))
    shape = outer, k, inner
    outs = b.instr("TOP_K", [view], [(shape, view.dtype), (shape, np.int32)])
    return [b.reshape(view, values.shape) for view in outs]


top_k_p = define(
    "top_k",
    multiple_results=True,
    shape=_top_k_shape,
    reference=_top_k_reference,
    jvp=_top_k_jvp,
    transpose=NO_RULE("top_k is differentiated through the gather of its jvp rule"),
    batch=_top_k_batch,
    lower=_top_k_lower,
)

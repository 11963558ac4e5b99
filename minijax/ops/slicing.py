"""slice and pad: each is the transpose of the other.

Slices are views in the C backend; padding copies its operand to its place.
"""

import builtins
import math
import operator

import numpy as np

from minijax import core, dtypes
from minijax.core import AS_STORED, ShapedArray, Zero, is_undefined_primal
from minijax.ops.arithmetic import sub
from minijax.ops.define import (
    batch_front,
    constant_like,
    define,
    full,
    in_aval,
    instantiate,
    linear_jvp,
    shape_of,
    sum_axes,
)
from minijax.ops.select import select
from minijax.ops.shape import (
    broadcast_in_dim,
    canonical_axis,
    check_nonnegative,
    squeeze,
)

# --- slice ----------------------------------------------------------------------------


def part_along(view, axis, start, stop):
    """The elements start .. stop-1 of a program's view along one axis."""
    starts, limits = [0] * len(view.shape), list(view.shape)
    starts[axis], limits[axis] = start, stop
    return view.slice(starts, limits)


def slice(operand, start_indices, limit_indices, strides=None):
    """operand[start:limit:stride] along each axis; indices may not be negative."""
    return slice_p.bind(
        operand,
        start_indices=tuple(map(core.as_size, start_indices)),
        limit_indices=tuple(map(core.as_size, limit_indices)),
        strides=None if strides is None else tuple(map(operator.index, strides)),
    )


def _slice_shape(x, *, start_indices, limit_indices, strides):
    _check_slice(x, start_indices, limit_indices, strides)
    steps = strides or (1,) * x.ndim
    if any(step == 0 for step in steps):
        raise ZeroDivisionError("integer division or modulo by zero")
    sizes = [
        core.max_dim((stop - start + step - 1) // step, 0)
        for start, stop, step in zip(start_indices, limit_indices, steps, strict=True)
    ]
    return ShapedArray(sizes, x.dtype, x.weak_type)


def _check_slice(x, starts, limits, strides):
    if len(starts) != x.ndim:
        raise TypeError(
            "slice start_indices must have length equal to the number of dimensions of "
            f"the operand, got indices {starts} for operand shape {x.shape}."
        )
    if len(limits) != len(starts):
        raise TypeError(
            "slice limit_indices must have the same length as start_indices, got "
            f"start_indices {starts} and limit_indices {limits}."
        )
    if any(limit > n for limit, n in zip(limits, x.shape, strict=True)):
        raise TypeError(
            "slice limit_indices must be less than or equal to operand shape, got "
            f"limit_indices {limits} for operand shape {x.shape}."
        )
    check_nonnegative("slice", "start_indices", starts)
    if any(limit < start for start, limit in zip(starts, limits, strict=True)):
        raise TypeError(
            "slice limit_indices must be greater than or equal to start_indices, got "
            f"start_indices {starts} and limit_indices {limits}."
        )
    if strides is not None and len(strides) != x.ndim:
        raise TypeError(
            "slice strides must have length equal to the number of dimensions of the "
            f"operand, got strides {strides} for operand shape {x.shape}."
        )
    if strides is not None:
        check_nonnegative("slice", "strides", strides)


def _slice_reference(x, *, start_indices, limit_indices, strides):
    steps = strides or (1,) * x.ndim
    parts = zip(start_indices, limit_indices, steps, strict=True)
    return x[tuple(builtins.slice(*part) for part in parts)]


def _slice_transpose(ct, x, *, start_indices, limit_indices, strides):
    shape = in_aval(x).shape
    steps = strides or (1,) * len(shape)
    config = []
    for n, start, step, size in zip(
        shape, start_indices, steps, shape_of(ct), strict=True
    ):
        end = start + (size - 1) * step + 1 if size else start
        config.append((start, n - end, step - 1))
    return [pad(ct, constant_like(0, ct), config)]


def _slice_batch(axis, args, dims, *, start_indices, limit_indices, strides):
    (x,), (d,) = args, dims
    out = slice(
        x,
        inserted(start_indices, d, 0),
        inserted(limit_indices, d, axis.size),
        None if strides is None else inserted(strides, d, 1),
    )
    return out, d


def inserted(values, place, value):
    """`values` with one more at a place."""
    return (*values[:place], value, *values[place:])


slice_p = define(
    "slice",
    shape=_slice_shape,
    reference=_slice_reference,
    jvp=linear_jvp(lambda: slice_p),
    transpose=_slice_transpose,
    batch=_slice_batch,
    lower=lambda b, ins, out_avals, *, start_indices, limit_indices, strides: [
        ins[0].slice(start_indices, limit_indices, strides)
    ],
    narrow=AS_STORED,
)


def slice_in_dim(operand, start_index, limit_index, stride=1, axis=0):
    """operand[start:limit:stride] along one axis.

    None and negative indices as in Python.
    """
    shape = shape_of(operand)
    axis = canonical_axis(axis, len(shape))
    n = shape[axis]
    start = 0 if start_index is None else core.as_size(start_index)
    limit = n if limit_index is None else core.as_size(limit_index)
    start, limit = (k + n if k < 0 else k for k in (start, limit))
    starts, limits, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis], limits[axis], steps[axis] = start, limit, operator.index(stride)
    return slice(operand, starts, limits, steps)


def index_in_dim(operand, index, axis=0, keepdims=True):
    """The element at `index` (from the back if negative) along one axis."""
    shape = shape_of(operand)
    axis, index = canonical_axis(axis, len(shape)), core.as_size(index)
    n = shape[axis]
    if not -n <= index < n:
        raise IndexError(
            f"index {index} is out of bounds for axis {axis} with size {n}"
        )
    index = index + n if index < 0 else index
    result = slice_in_dim(operand, index, index + 1, 1, axis)
    return result if keepdims else squeeze(result, (axis,))


# --- pad ------------------------------------------------------------------------------


def pad(operand, padding_value, padding_config):
    """`operand` with `padding_value`, a scalar of its dtype, around and between its
    elements.

    padding_config: for each axis (low, high, interior); negative low and high cut
    elements off.
    """
    config = tuple(tuple(map(core.as_size, widths)) for widths in padding_config)
    return pad_p.bind(operand, padding_value, padding_config=config)


def _pad_shape(x, value, *, padding_config):
    if x.dtype != value.dtype:
        raise TypeError(
            "pad operand and padding_value must be same dtype: got "
            f"{x.dtype} and {value.dtype}."
        )
    if value.shape:
        raise ValueError(
            f"padding_value must be a scalar; got np.shape(padding_value)={value.shape}"
        )
    if len(padding_config) != x.ndim:
        raise ValueError(
            "length of padding_config must equal the number of axes of operand, got "
            f"padding_config {padding_config} for operand shape {x.shape}"
        )
    if any(interior < 0 for _, _, interior in padding_config):
        raise ValueError(
            "interior padding in padding_config must be nonnegative, got padding_config "
            f"{padding_config}"
        )
    shape = tuple(
        low + high + n + core.max_dim(n - 1, 0) * interior
        for n, (low, high, interior) in zip(x.shape, padding_config, strict=True)
    )
    if any(n < 0 for n in shape):
        raise ValueError(
            "Dimension size after padding is not at least 0, got result shape "
            f"{shape}, for padding_config {padding_config} and operand shape {x.shape}"
        )
    return ShapedArray(shape, x.dtype, x.weak_type and value.weak_type)


def _spread(n, low, high, interior):
    """Which elements of an axis survive padding, and where they go.

    (first, stop) of the operand and (first, stop, step) of the result.
    """
    step = interior + 1
    size = low + high + n + max(n - 1, 0) * interior
    first = max(0, -(low // step)) if low < 0 else 0
    last = min(n - 1, (size - 1 - low) // step)
    if last < first:
        return (0, 0), (0, 0, 1)
    place = low + first * step
    return (first, last + 1), (place, place + (last - first) * step + 1, step)


def _pad_reference(x, value, *, padding_config):
    shape = [
        low + high + n + core.max_dim(n - 1, 0) * interior
        for n, (low, high, interior) in zip(x.shape, padding_config, strict=True)
    ]
    out = np.full(shape, value, x.dtype)
    spreads = [
        _spread(n, *entry) for n, entry in zip(x.shape, padding_config, strict=True)
    ]
    target = tuple(builtins.slice(*to) for _, to in spreads)
    out[target] = x[tuple(builtins.slice(*of) for of, _ in spreads)]
    return out


def _pad_jvp(primals, tangents, *, padding_config):
    operand, value = primals
    out = pad(operand, value, padding_config)
    if all(type(t) is Zero for t in tangents):
        return out, Zero.of(out)
    t, t_value = tangents
    t_value = _zero_scalar(t_value.aval) if type(t_value) is Zero else t_value
    return out, pad(instantiate(t), t_value, padding_config)


def _zero_scalar(aval):
    """Zero in the dtype of an aval, and weak if it is."""
    zero = np.zeros((), aval.dtype)[()]
    return dtypes.scalar_type_of_dtype(aval.dtype)(0) if aval.weak_type else zero


def _pad_transpose(ct, x, value, *, padding_config):
    back = pad(
        ct, constant_like(0, ct), [(-lo, -hi, 0) for lo, hi, _ in padding_config]
    )
    steps = [interior + 1 for _, _, interior in padding_config]
    shape = shape_of(back)
    back = slice(back, [0] * len(shape), shape, steps)
    ct_value = None
    if is_undefined_primal(value):
        axes = tuple(range(len(shape)))
        ct_value = sub(sum_axes(ct, axes), sum_axes(back, axes))
    return [back if is_undefined_primal(x) else None, ct_value]


def _pad_batch(axis, args, dims, *, padding_config):
    (x, value), (d, value_dim) = args, dims
    if value_dim is None:
        return pad(x, value, inserted(padding_config, d, (0, 0, 0))), d
    if d is None:
        x, d = batch_front(axis, x, d), 0
    config = inserted(padding_config, d, (0, 0, 0))
    padded = pad(x, constant_like(0, x), config)
    inside = full(ShapedArray(shape_of(x), np.dtype(bool)), True)
    mask = pad(inside, np.bool_(False), config)
    return select(mask, padded, broadcast_in_dim(value, shape_of(padded), (d,))), d


def _pad_lower(b, ins, out_avals, *, padding_config):
    x, value = ins
    out = b.empty(out_avals[0].shape, x.dtype)
    spreads = [
        _spread(n, *entry) for n, entry in zip(x.shape, padding_config, strict=True)
    ]
    if any(stop == first for (first, stop), _ in spreads):
        return [value.broadcast(out.shape, ())]
    places = [to for _, to in spreads]
    if any(to != (0, n, 1) for to, n in zip(places, out.shape, strict=True)):
        _fill_around(b, out, value, places)
    source = x.slice([of[0] for of, _ in spreads], [of[1] for of, _ in spreads])
    firsts, stops, steps = zip(*places, strict=True) if places else ((),) * 3
    b.copy_into(out.slice(firsts, stops, steps), source)
    return [out]


FEW_ELEMENTS = 2048  # are all filled, and so is what is left of ..
SHORT_ROW = 256  # .. rows no longer than so many bytes


def _fill_around(b, out, value, spreads):
    """Store `value` where no element of the operand comes, and elsewhere if that is less."""
    padded = [d for d, n in enumerate(out.shape) if spreads[d] != (0, n, 1)]
    apart = padded
    if out.size <= FEW_ELEMENTS or any(step != 1 for *_, step in spreads):
        apart = []
    elif math.prod(out.shape[padded[-1] :]) * out.dtype.itemsize <= SHORT_ROW:
        apart = padded[:-1]
    for d in apart:
        first, stop, _ = spreads[d]
        b.copy_into(part_along(out, d, 0, first), value)
        b.copy_into(part_along(out, d, stop, out.shape[d]), value)
        out = part_along(out, d, first, stop)
    if apart != padded:
        b.copy_into(out, value)


pad_p = define(
    "pad",
    shape=_pad_shape,
    reference=_pad_reference,
    jvp=_pad_jvp,
    transpose=_pad_transpose,
    batch=_pad_batch,
    lower=_pad_lower,
    narrow=AS_STORED,
)

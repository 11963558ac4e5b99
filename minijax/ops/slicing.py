"""Ops that cut arrays up and put them together.

Slices are views in the C backend; what puts arrays together copies each part to its
place.
"""

import builtins
import itertools
import operator

import numpy as np

from minijax import dtypes
from minijax.core import AS_STORED, ShapedArray, Zero, is_undefined_primal
from minijax.ops.arithmetic import sub
from minijax.ops.convert import is_array
from minijax.ops.define import (
    batch_front,
    constant_like,
    define,
    full,
    in_aval,
    instantiate,
    shape_of,
    sum_axes,
    zeros,
)
from minijax.ops.select import select
from minijax.ops.shape import (
    broadcast_in_dim,
    canonical_axis,
    check_nonnegative,
    linear_jvp,
    reshape,
    squeeze,
)

# --- slice ----------------------------------------------------------------------------


def slice(operand, start_indices, limit_indices, strides=None):
    """operand[start:limit:stride] along each axis; indices may not be negative."""
    return slice_p.bind(
        operand,
        start_indices=tuple(map(operator.index, start_indices)),
        limit_indices=tuple(map(operator.index, limit_indices)),
        strides=None if strides is None else tuple(map(operator.index, strides)),
    )


def _slice_shape(x, *, start_indices, limit_indices, strides):
    _check_slice(x, start_indices, limit_indices, strides)
    steps = strides or (1,) * x.ndim
    if any(step == 0 for step in steps):
        raise ZeroDivisionError("integer division or modulo by zero")
    sizes = [
        max(0, -(-(stop - start) // step))
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
        _insert(start_indices, d, 0),
        _insert(limit_indices, d, axis.size),
        None if strides is None else _insert(strides, d, 1),
    )
    return out, d


def _insert(values, place, value):
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
    start = 0 if start_index is None else operator.index(start_index)
    limit = n if limit_index is None else operator.index(limit_index)
    start, limit = (k + n if k < 0 else k for k in (start, limit))
    starts, limits, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis], limits[axis], steps[axis] = start, limit, operator.index(stride)
    return slice(operand, starts, limits, steps)


def index_in_dim(operand, index, axis=0, keepdims=True):
    """The element at `index` (from the back if negative) along one axis."""
    shape = shape_of(operand)
    axis, index = canonical_axis(axis, len(shape)), operator.index(index)
    n = shape[axis]
    if not -n <= index < n:
        raise IndexError(
            f"index {index} is out of bounds for axis {axis} with size {n}"
        )
    index %= n
    result = slice_in_dim(operand, index, index + 1, 1, axis)
    return result if keepdims else squeeze(result, (axis,))


# --- split ----------------------------------------------------------------------------


def split(operand, sizes, axis=0):
    """`operand` cut along `axis` into parts of the given sizes; a list."""
    axis = canonical_axis(axis, len(shape_of(operand)))
    return split_p.bind(operand, sizes=tuple(map(operator.index, sizes)), axis=axis)


def _split_shape(x, *, sizes, axis):
    if any(n < 0 for n in sizes):
        raise ValueError(
            f"Sizes passed to split must be nonnegative, got {list(sizes)}"
        )
    if sum(sizes) != x.shape[axis]:
        raise ValueError(
            f"Sum of sizes {sum(sizes)} must be equal to dimension {axis} of the operand "
            f"shape {list(x.shape)}"
        )
    return [
        ShapedArray((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype, x.weak_type)
        for n in sizes
    ]


def _split_reference(x, *, sizes, axis):
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def _split_lower(b, ins, out_avals, *, sizes, axis):
    (x,) = ins
    outs, start = [], 0
    for n in sizes:
        outs.append(_part(x, axis, start, start + n))
        start += n
    return outs


def _part(view, axis, start, stop):
    """The elements start .. stop-1 of a view along one axis."""
    starts, limits = [0] * len(view.shape), list(view.shape)
    starts[axis], limits[axis] = start, stop
    return view.slice(starts, limits)


split_p = define(
    "split",
    multiple_results=True,
    shape=_split_shape,
    reference=_split_reference,
    jvp=linear_jvp(lambda: split_p),
    transpose=lambda cts, x, *, sizes, axis: [
        concatenate([instantiate(ct) for ct in cts], axis)
    ],
    batch=lambda batch_axis, args, dims, *, sizes, axis: _split_batched(
        args[0], dims[0], sizes, axis
    ),
    lower=_split_lower,
    narrow=AS_STORED,
)


def _split_batched(x, d, sizes, axis):
    outs = split_p.bind(x, sizes=sizes, axis=axis + (d <= axis))
    return outs, [d] * len(outs)


# --- concatenate ----------------------------------------------------------------------


def concatenate(operands, dimension):
    """Arrays of one dtype, joined along `dimension`; other sizes must agree."""
    operands = _as_sequence(operands)
    if not operands:
        raise ValueError("concatenate requires a non-empty sequences of arrays")
    if len(operands) == 1 and is_array(operands[0]):
        return operands[0]
    return concatenate_p.bind(*operands, dimension=operator.index(dimension))


def _as_sequence(operands):
    """The operands, or the elements of one array along its first axis."""
    if is_array(operands) or isinstance(operands, np.ndarray):
        return [index_in_dim(operands, k, 0, False) for k in range(len(operands))]
    return list(operands)


def _concatenate_shape(*avals, dimension):
    first = avals[0]
    shapes = ", ".join(str(a.shape) for a in avals)
    if any(a.ndim != first.ndim for a in avals):
        raise TypeError(
            "Cannot concatenate arrays with different numbers of dimensions: got "
            f"{shapes}."
        )
    if not 0 <= dimension < first.ndim:
        raise TypeError(
            f"concatenate dimension out of bounds: dimension {dimension} for shapes "
            f"{shapes}."
        )
    rest = _without(first.shape, dimension)
    if any(_without(a.shape, dimension) != rest for a in avals):
        raise TypeError(
            "Cannot concatenate arrays with shapes that differ in dimensions other than "
            f"the one being concatenated: concatenating along dimension {dimension} for "
            f"shapes {shapes}."
        )
    if any(a.dtype != first.dtype for a in avals):
        names = ", ".join(a.dtype.name for a in avals)
        raise TypeError(
            "lax.concatenate requires arguments to have the same dtypes, got "
            f"{names}. (Tip: jnp.concatenate is a similar function that does automatic "
            "type promotion on inputs)."
        )
    size = sum(a.shape[dimension] for a in avals)
    shape = _insert(rest, dimension, size)
    return ShapedArray(shape, first.dtype, all(a.weak_type for a in avals))


def _without(values, place):
    return (*values[:place], *values[place + 1 :])


def variadic_jvp(primitive_of):
    """The jvp of an op that is linear in all of its operands together."""

    def jvp(primals, tangents, **params):
        bind = primitive_of().bind
        out = bind(*primals, **params)
        if all(type(t) is Zero for t in tangents):
            return out, Zero.of(out)
        return out, bind(*[instantiate(t) for t in tangents], **params)

    return jvp


def _concatenate_transpose(ct, *operands, dimension):
    sizes = [in_aval(x).shape[dimension] for x in operands]
    parts = split(ct, sizes, dimension)
    return [
        part if is_undefined_primal(x) else None
        for part, x in zip(parts, operands, strict=True)
    ]


def _concatenate_batch(axis, args, dims, *, dimension):
    args = [batch_front(axis, x, d) for x, d in zip(args, dims, strict=True)]
    return concatenate(args, dimension + 1), 0


def _concatenate_lower(b, ins, out_avals, *, dimension):
    known = [b.known(x) for x in ins]
    if all(x is not None for x in known):
        return [b.constant(np.concatenate(known, dimension))]
    out = b.empty(out_avals[0].shape, ins[0].dtype)
    stops = list(itertools.accumulate(x.shape[dimension] for x in ins))
    spans = zip([0, *stops], stops, strict=False)
    b.put_together([_part(out, dimension, *span) for span in spans], ins)
    return [out]


concatenate_p = define(
    "concatenate",
    shape=_concatenate_shape,
    reference=lambda *arrays, dimension: np.concatenate(arrays, dimension),
    jvp=variadic_jvp(lambda: concatenate_p),
    transpose=_concatenate_transpose,
    batch=_concatenate_batch,
    lower=_concatenate_lower,
    narrow=AS_STORED,
)

# --- stack and unstack ----------------------------------------------------------------


def stack(operands, axis=0):
    """Arrays of one shape and dtype as the slices of a new axis."""
    operands = _as_sequence(operands)
    axis = canonical_axis(axis, len(shape_of(operands[0])) + 1)
    return stack_p.bind(*operands, axis=axis)


def _stack_shape(*avals, axis):
    first = avals[0]
    shapes = ", ".join(str(a.shape) for a in avals)
    if any(a.ndim != first.ndim for a in avals):
        raise ValueError(
            f"Cannot stack arrays with different numbers of dimensions: got {shapes}."
        )
    if any(a.shape != first.shape for a in avals):
        raise ValueError(f"Cannot stack arrays with different shapes: got {shapes}.")
    if any(a.dtype != first.dtype for a in avals):
        names = ", ".join(a.dtype.name for a in avals)
        raise TypeError(
            f"lax.stack requires arguments to have the same dtypes, got {names}."
        )
    shape = _insert(first.shape, axis, len(avals))
    return ShapedArray(shape, first.dtype, all(a.weak_type for a in avals))


def _stack_transpose(ct, *operands, axis):
    return [
        part if is_undefined_primal(x) else None
        for part, x in zip(unstack(ct, axis), operands, strict=True)
    ]


def _stack_batched(batch_axis, args, dims, axis):
    d = dims[0]
    if d is None or any(other != d for other in dims):
        args = [batch_front(batch_axis, x, k) for x, k in zip(args, dims, strict=True)]
        return stack_p.bind(*args, axis=axis + 1), 0
    if axis <= d:
        return stack_p.bind(*args, axis=axis), d + 1
    return stack_p.bind(*args, axis=axis + 1), d


def _stack_lower(b, ins, out_avals, *, axis):
    out = b.empty(out_avals[0].shape, ins[0].dtype)
    parts = [_part(out, axis, k, k + 1).squeeze((axis,)) for k in range(len(ins))]
    b.put_together(parts, ins)
    return [out]


stack_p = define(
    "stack",
    shape=_stack_shape,
    reference=lambda *arrays, axis: np.stack(arrays, axis),
    jvp=variadic_jvp(lambda: stack_p),
    transpose=_stack_transpose,
    batch=lambda batch_axis, args, dims, *, axis: _stack_batched(
        batch_axis, args, dims, axis
    ),
    lower=_stack_lower,
    narrow=AS_STORED,
)


def unstack(x, axis=0):
    """The slices of `x` along `axis`, without that axis; a tuple."""
    axis = canonical_axis(axis, len(shape_of(x)))
    return tuple(unstack_p.bind(x, axis=axis))


def _unstack_lower(b, ins, out_avals, *, axis):
    (x,) = ins
    return [_part(x, axis, k, k + 1).squeeze((axis,)) for k in range(x.shape[axis])]


def _unstack_batched(x, d, axis):
    outs = unstack_p.bind(x, axis=axis + (d <= axis))
    return outs, [d if d <= axis else d - 1] * len(outs)


unstack_p = define(
    "unstack",
    multiple_results=True,
    shape=lambda x, *, axis: (
        [ShapedArray(_without(x.shape, axis), x.dtype, x.weak_type)] * x.shape[axis]
    ),
    reference=lambda x, *, axis: list(np.moveaxis(x, axis, 0)),
    jvp=linear_jvp(lambda: unstack_p),
    transpose=lambda cts, x, *, axis: [stack([instantiate(ct) for ct in cts], axis)],
    batch=lambda batch_axis, args, dims, *, axis: _unstack_batched(
        args[0], dims[0], axis
    ),
    lower=_unstack_lower,
    narrow=AS_STORED,
)

# --- pad ------------------------------------------------------------------------------


def pad(operand, padding_value, padding_config):
    """`operand` with `padding_value`, a scalar of its dtype, around and between its
    elements.

    padding_config: for each axis (low, high, interior); negative low and high cut
    elements off.
    """
    config = tuple(
        (operator.index(low), operator.index(high), operator.index(interior))
        for low, high, interior in padding_config
    )
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
        low + high + n + max(n - 1, 0) * interior
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
        low + high + n + max(n - 1, 0) * interior
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
        return pad(x, value, _insert(padding_config, d, (0, 0, 0))), d
    if d is None:
        x, d = batch_front(axis, x, d), 0
    config = _insert(padding_config, d, (0, 0, 0))
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
    if any(
        (first, stop) != (0, n) or step != 1
        for (_, (first, stop, step)), n in zip(spreads, out.shape, strict=True)
    ):
        b.copy_into(out, value)
    source = x.slice([of[0] for of, _ in spreads], [of[1] for of, _ in spreads])
    firsts, stops, steps = (
        zip(*(to for _, to in spreads), strict=True) if spreads else ((),) * 3
    )
    b.copy_into(out.slice(firsts, stops, steps), source)
    return [out]


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

# --- tile -----------------------------------------------------------------------------


def tile(operand, reps):
    """`operand` repeated reps[k] times along axis k."""
    return tile_p.bind(operand, reps=tuple(map(operator.index, reps)))


def _tile_shape(x, *, reps):
    if len(reps) != x.ndim:
        raise TypeError(
            "reps length must be equal to the ndim of x, got "
            f"len(reps)={len(reps)} and x.ndim={x.ndim}."
        )
    if any(r < 0 for r in reps):
        raise TypeError(f"tile reps must be nonnegative, got {reps}.")
    shape = [n * r for n, r in zip(x.shape, reps, strict=True)]
    return ShapedArray(shape, x.dtype, x.weak_type)


def _interleaved(sizes, others):
    """(others[0], sizes[0], others[1], sizes[1], ...)"""
    return tuple(n for pair in zip(others, sizes, strict=True) for n in pair)


def _tile_transpose(ct, x, *, reps):
    shape = in_aval(x).shape
    if not all(reps):
        return [zeros(in_aval(x))]
    parted = reshape(ct, _interleaved(shape, reps))
    return [sum_axes(parted, tuple(range(0, 2 * len(reps), 2)))]


def _tile_batch(axis, args, dims, *, reps):
    return tile(args[0], _insert(reps, dims[0], 1)), dims[0]


def _tile_lower(b, ins, out_avals, *, reps):
    (x,) = ins
    places = tuple(range(1, 2 * len(reps), 2))
    return [
        b.reshape(x.broadcast(_interleaved(x.shape, reps), places), out_avals[0].shape)
    ]


tile_p = define(
    "tile",
    shape=_tile_shape,
    reference=lambda x, *, reps: np.tile(x, reps),
    jvp=linear_jvp(lambda: tile_p),
    transpose=_tile_transpose,
    batch=_tile_batch,
    lower=_tile_lower,
    narrow=AS_STORED,
)

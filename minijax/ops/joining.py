"""Ops that put arrays together, or take them apart again.

Each part is copied to its place; what is taken apart is views.
"""

import itertools
import operator

import numpy as np

from minijax import core
from minijax.core import AS_STORED, ShapedArray, Zero, is_undefined_primal
from minijax.ops.convert import is_array
from minijax.ops.define import (
    batch_front,
    define,
    in_aval,
    instantiate,
    linear_jvp,
    shape_of,
    sum_axes,
    zeros,
)
from minijax.ops.shape import canonical_axis, reshape
from minijax.ops.slicing import index_in_dim, inserted, part_along

# --- split ----------------------------------------------------------------------------


def split(operand, sizes, axis=0):
    """`operand` cut along `axis` into parts of the given sizes; a list."""
    axis = canonical_axis(axis, len(shape_of(operand)))
    return split_p.bind(operand, sizes=tuple(map(core.as_size, sizes)), axis=axis)


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
        outs.append(part_along(x, axis, start, start + n))
        start += n
    return outs


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
    shape = inserted(rest, dimension, size)
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
    b.put_together([part_along(out, dimension, *span) for span in spans], ins)
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
    shape = inserted(first.shape, axis, len(avals))
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
    parts = [part_along(out, axis, k, k + 1).squeeze((axis,)) for k in range(len(ins))]
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
    return [
        part_along(x, axis, k, k + 1).squeeze((axis,)) for k in range(x.shape[axis])
    ]


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

# --- tile -----------------------------------------------------------------------------


def tile(operand, reps):
    """`operand` repeated reps[k] times along axis k."""
    return tile_p.bind(operand, reps=tuple(map(core.as_size, reps)))


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
    return tile(args[0], inserted(reps, dims[0], 1)), dims[0]


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

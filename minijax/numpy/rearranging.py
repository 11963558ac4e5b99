"""jnp's repetition and rearrangement of elements: tile, repeat, roll, flip, diff, grids."""

import math
import operator

import numpy as np

import minijax.numpy as jnp
from minijax import core, lax
from minijax.control.call import jit
from minijax.core import Tracer, own_aval
from minijax.numpy.creation import array, asarray
from minijax.numpy.filling import canonical_shape, zeros, zeros_like
from minijax.numpy.joining import concatenate, stack
from minijax.numpy.promotion import (
    canonical_axes,
    canonical_axis,
    check_arraylike,
    concrete_or_error,
    dtype_of,
    ensure_arraylike,
    literal,
    shape_of,
    user_dtype,
)
from minijax.numpy.ranges import arange
from minijax.numpy.shape_ops import broadcast_to, expand_dims, ravel, reshape, transpose

# --- repeating ------------------------------------------------------------------------


def tile(A, reps):
    """`A` repeated `reps` times along each axis; new axes come first.

    Args:
        A: array.
        reps: how often, for each axis.

    Returns:
        An array.

    Examples:
        >>> jnp.tile(jnp.array([1, 2]), 2)
        Array([1, 2, 1, 2], dtype=int32)
        >>> jnp.tile(jnp.array([1, 2]), (2, 1))
        Array([[1, 2],
               [1, 2]], dtype=int32)
    """
    (a,) = ensure_arraylike("tile", A)
    reps = tuple(reps) if np.ndim(reps) else (reps,)
    reps = tuple([core.as_size(concrete_or_error(None, r, "jnp.tile")) for r in reps])
    rank = len(shape_of(a))
    if rank < len(reps):
        a = expand_dims(a, range(len(reps) - rank))
    reps = (1,) * (len(shape_of(a)) - len(reps)) + reps
    return lax.tile(a, reps)


@jit(static_argnames=("new_shape",))
def resize(a, new_shape):
    """`a` flattened, repeated or cut to fill the new shape.

    Args:
        a: array.
        new_shape: a size, or a tuple of sizes.

    Returns:
        An array of the new shape.

    Examples:
        >>> jnp.resize(jnp.array([1, 2, 3]), (2, 2))
        Array([[1, 2],
               [3, 1]], dtype=int32)
    """
    (a,) = ensure_arraylike("resize", a)
    new_shape = canonical_shape(new_shape)
    if any(n < 0 for n in new_shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    a, size = ravel(a), math.prod(new_shape)
    if a.size == size:
        return reshape(a, new_shape)
    if not a.size or not size:
        return zeros_like(a, shape=new_shape)
    copies = -(-size // a.size)
    return reshape(tile(a, copies)[:size], new_shape)


def repeat(a, repeats, axis=None, *, total_repeat_length=None, out_sharding=None):
    """`a` with each element repeated, a number of times that may differ.

    Args:
        a: array.
        repeats: how often, one number or one for each element along the axis.
        axis: along which; None for the flattened array.
        total_repeat_length: the static length of the result, where `repeats` is traced.
        out_sharding: accepted; there is one device.

    Returns:
        An array.

    Examples:
        >>> jnp.repeat(jnp.array([1, 2]), 2)
        Array([1, 1, 2, 2], dtype=int32)
        >>> jnp.repeat(jnp.array([1, 2]), jnp.array([1, 3]))
        Array([1, 2, 2, 2], dtype=int32)
    """
    a, repeats = ensure_arraylike("repeat", a, repeats)
    if axis is None:
        a, axis = ravel(a), 0
    a = asarray(a)
    axis = canonical_axis(axis, a.ndim) if a.ndim else 0
    if not a.ndim:
        a = reshape(a, (1,))
    if total_repeat_length is None:
        repeats = concrete_or_error(
            np.asarray, repeats,
            "When jit-compiling jnp.repeat, the total number of repeats must be "
            "static. "
            "To fix this, either specify a static value for `repeats`, or pass a "
            "static "
            "value to `total_repeat_length`.",
        )  # fmt: skip
        if repeats.size == 1:
            return _repeat_evenly(a, core.as_size(repeats.ravel()[0]), axis)
        repeats = np.broadcast_to(repeats.ravel(), (a.shape[axis],))
        total_repeat_length = int(np.sum(repeats))
    return _repeat(a, ravel(repeats), axis, total_repeat_length)


def _repeat_evenly(a, n, axis):
    shape = (*a.shape[: axis + 1], n, *a.shape[axis + 1 :])
    dims = tuple([i for i in range(a.ndim + 1) if i != axis + 1])
    out = lax.broadcast_in_dim(a, shape, dims)
    return lax.reshape(out, (*a.shape[:axis], n * a.shape[axis], *a.shape[axis + 1 :]))


def _repeat(a, repeats, axis, total):
    """Mark where each element begins, and sum up: the place in `a` of each element."""
    repeats = broadcast_to(repeats, (a.shape[axis],))
    if not a.shape[axis] or not total:
        return zeros_like(a, shape=(*a.shape[:axis], total, *a.shape[axis + 1 :]))
    before = roll(repeats, 1).at[0].set(0)
    starts = jnp.cumsum(before)
    marks = zeros(total, dtype=int).at[starts].add(1)
    places = jnp.cumsum(marks) - 1
    return jnp.take(a, places, axis=axis)


# --- rolling and flipping -------------------------------------------------------------


def flip(m, axis=None):
    """`m` with the order of elements reversed along axes (None: all).

    Args:
        m: array.
        axis: one axis, several, or None for all.

    Returns:
        An array of the shape of `m`.

    Examples:
        >>> jnp.flip(jnp.array([1, 2, 3]))
        Array([3, 2, 1], dtype=int32)
    """
    (m,) = ensure_arraylike("flip", m)
    return _flip(m, tuple(axis) if isinstance(axis, list) else axis)


@jit(static_argnames=("axis",))
def _flip(m, axis):
    return lax.rev(asarray(m), canonical_axes(axis, len(shape_of(m))))


def fliplr(m):
    """`flip` along the second axis.

    Args:
        m: array of two axes or more.

    Returns:
        An array of the shape of `m`.

    Examples:
        >>> jnp.fliplr(jnp.array([[1, 2], [3, 4]]))
        Array([[2, 1],
               [4, 3]], dtype=int32)
    """
    (m,) = ensure_arraylike("fliplr", m)
    return _flip(m, 1)


def flipud(m):
    """`flip` along the first axis.

    Args:
        m: array of one axis or more.

    Returns:
        An array of the shape of `m`.

    Examples:
        >>> jnp.flipud(jnp.array([[1, 2], [3, 4]]))
        Array([[3, 4],
               [1, 2]], dtype=int32)
    """
    (m,) = ensure_arraylike("flipud", m)
    return _flip(m, 0)


@jit(static_argnames=("k", "axes"))
def rot90(m, k=1, axes=(0, 1)):
    """`m` turned by k quarters in the plane of two axes, from the first towards the
    second.

    Args:
        m: array of two axes or more.
        k: how many quarters to turn.
        axes: the plane.

    Returns:
        An array.

    Examples:
        >>> jnp.rot90(jnp.array([[1, 2], [3, 4]]))
        Array([[2, 4],
               [1, 3]], dtype=int32)
    """
    (m,) = ensure_arraylike("rot90", m)
    rank = len(shape_of(m))
    if rank < 2:
        raise ValueError(
            "rot90 requires its first argument to have ndim at least two, but got first "
            f"argument of shape {shape_of(m)}, which has ndim {rank}"
        )
    first, second = axes
    i, j = canonical_axis(first, rank), canonical_axis(second, rank)
    if i == j:
        raise ValueError("Axes must be different")
    k = k % 4
    if k == 0:
        return asarray(m)
    if k == 2:
        return flip(flip(m, i), j)
    order = list(range(rank))
    order[i], order[j] = order[j], order[i]
    if k == 1:
        return transpose(flip(m, j), order)
    return flip(transpose(m, order), j)


def roll(a, shift, axis=None):
    """`a` with elements moved along axes, those that fall off coming back at the other
    end.

    Args:
        a: array.
        shift: how far, one number or one for each axis.
        axis: one axis, several, or None for the flattened array.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.roll(jnp.array([1, 2, 3]), 1)
        Array([3, 1, 2], dtype=int32)
    """
    if isinstance(shift, (tuple, list)):
        a, *shift = ensure_arraylike("roll", a, *shift)
    else:
        a, shift = ensure_arraylike("roll", a, shift)
    a = asarray(a)
    if axis is None:
        return reshape(roll(ravel(a), shift, 0), a.shape)
    axes = canonical_axes(axis, a.ndim)
    if isinstance(shift, (tuple, list)) and not all(isinstance(s, int) for s in shift):
        shift = array(shift)
    if isinstance(shift, core.SymbolicSize):
        shift = shift.as_value()
    if len(np.shape(shift)) == 1:
        np.broadcast_shapes((len(axes),), np.shape(shift))  # ValueError if they differ
    if own_aval(shift) is not None:
        known = shift if not isinstance(shift, Tracer) else shift._concrete()
        if known is None:
            return _roll_dynamic(a, shift, axes)
        shift = known
    shift = np.asarray(shift)
    if shift.ndim > 1:
        raise ValueError(
            "'shift' and 'axis' arguments to roll must be scalars or 1D arrays"
        )
    return _roll_static(a, tuple([int(n) for n in shift.ravel()]), axes)


@jit(static_argnames=("shift", "axes"))
def _roll_static(a, shift, axes):
    n = max(len(shift), len(axes))
    for amount, axis in zip(
        np.broadcast_to(shift, (n,)), np.broadcast_to(axes, (n,)), strict=True
    ):
        size = a.shape[axis]
        amount = int(amount) % size if size else 0
        if amount:
            parts = [
                lax.slice_in_dim(a, size - amount, size, axis=int(axis)),
                lax.slice_in_dim(a, 0, size - amount, axis=int(axis)),
            ]
            a = lax.concatenate(parts, int(axis))
    return a


@jit(static_argnames=("axes",))
def _roll_dynamic(a, shift, axes):
    if not a.size:
        return a
    n = max(len(axes), shift.size)
    shift = broadcast_to(shift, (n,))
    index = dtype_of(shift)
    for k in range(n):
        axis = axes[k if len(axes) == n else 0]
        size = a.shape[axis]
        amount = lax.squeeze(lax.slice_in_dim(shift, k, k + 1), (0,))
        limit = lax.max(literal(size, index), literal(1, index))
        amount = jnp.remainder(amount, limit)
        twice = lax.concatenate([a, a], axis)
        start = lax.sub(literal(size, index), amount)
        a = lax.dynamic_slice_in_dim(twice, start, size, axis)
    return a


# --- differences and grids -------------------------------------------------


@jit(static_argnames=("n", "axis"))
def diff(a, n=1, axis=-1, prepend=None, append=None):
    """The n-th differences of neighbours along an axis; booleans differ by xor.

    Args:
        a: array.
        n: how often.
        axis: along which.
        prepend: what to join before `a` first.
        append: what to join after `a` first.

    Returns:
        An array, shorter by `n` along the axis.

    Examples:
        >>> jnp.diff(jnp.array([1, 4, 9]))
        Array([3, 5], dtype=int32)
    """
    (a,) = ensure_arraylike("diff", a)
    n = operator.index(n)
    if n == 0:
        return asarray(a)
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if not len(shape_of(a)):
        raise ValueError(
            f"diff requires input that is at least one dimensional; got {a}"
        )
    a = asarray(a)
    axis = canonical_axis(axis, a.ndim)
    parts = [_edge("diff", x, a, axis) for x in (prepend,) if x is not None]
    parts.append(a)
    parts += [_edge("diff", x, a, axis) for x in (append,) if x is not None]
    if len(parts) > 1:
        a = concatenate(parts, axis)
    op = jnp.not_equal if a.dtype == np.bool_ else jnp.subtract
    later = (slice(None),) * axis + (slice(1, None),)
    earlier = (slice(None),) * axis + (slice(None, -1),)
    for _ in range(n):
        a = op(a[later], a[earlier])
    return a


def _edge(name, x, a, axis):
    """What `prepend` or `append` adds: a scalar is stretched to one slice."""
    if shape_of(x):
        return x
    shape = list(a.shape)
    shape[axis] = 1
    return broadcast_to(x, shape)


@jit
def ediff1d(ary, to_end=None, to_begin=None):
    """The differences of neighbours in the flattened array, with ends added.

    Args:
        ary: array.
        to_end: what to join after the differences.
        to_begin: what to join before them.

    Returns:
        A vector.

    Examples:
        >>> jnp.ediff1d(jnp.array([1, 4, 9]))
        Array([3, 5], dtype=int32)
    """
    (ary,) = ensure_arraylike("ediff1d", ary)
    ary = ravel(ary)
    parts = [subtract_neighbours(ary)]
    if to_begin is not None:
        parts.insert(0, ravel(asarray(to_begin, dtype=ary.dtype)))
    if to_end is not None:
        parts.append(ravel(asarray(to_end, dtype=ary.dtype)))
    return concatenate(parts) if len(parts) > 1 else parts[0]


def subtract_neighbours(x):
    """x[1:] - x[:-1] for a vector."""
    return lax.sub(x[1:], x[:-1])


def ix_(*args):
    """Vectors shaped so that together they index a grid; boolean ones become indices.

    Args:
        *args: vectors of integers or booleans.

    Returns:
        A tuple of arrays, each with as many axes as there are vectors.

    Examples:
        >>> x = jnp.arange(9).reshape(3, 3)
        >>> x[jnp.ix_(jnp.array([0, 2]), jnp.array([1, 2]))]
        Array([[1, 2],
               [7, 8]], dtype=int32)
    """
    check_arraylike("ix", *args)
    out = []
    for i, x in enumerate(args):
        x = asarray(x)
        if x.ndim != 1:
            raise ValueError(
                f"Arguments to jax.numpy.ix_ must be 1-dimensional, got shape {x.shape}"
            )
        if x.dtype == np.bool_:
            raise NotImplementedError(
                "Boolean arguments to jax.numpy.ix_ are not implemented"
            )
        shape = [1] * len(args)
        shape[i] = x.shape[0]
        out.append(  # an empty list would be of floats
            lax.broadcast_in_dim(x, shape, (i,)) if x.size else zeros(shape, int)
        )
    return tuple(out)


def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Grids of coordinates from vectors; `sparse` ones broadcast to them.

    Args:
        *xi: vectors of coordinates.
        copy: must be True.
        sparse: whether to leave axes at size 1.
        indexing: 'xy' (the first two axes exchanged) or 'ij'.

    Returns:
        A list of arrays, one for each vector.

    Examples:
        >>> jnp.meshgrid(jnp.array([1, 2]), jnp.array([3, 4]))
        [Array([[1, 2],
               [1, 2]], dtype=int32), Array([[3, 3],
               [4, 4]], dtype=int32)]
    """
    check_arraylike("meshgrid", *xi)
    args = [asarray(x) for x in xi]
    if not copy:
        raise ValueError("jax.numpy.meshgrid only supports copy=True")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"Valid values for indexing are 'xy' and 'ij', got {indexing}")
    if any(x.ndim != 1 for x in args):
        raise ValueError("Arguments to jax.numpy.meshgrid must be 1D, got shapes "
                         f"{[x.shape for x in args]}")  # fmt: skip
    swap = indexing == "xy" and len(args) >= 2
    if swap:
        args[0], args[1] = args[1], args[0]
    full = [x.shape[0] for x in args]
    out = []
    for i, x in enumerate(args):
        shape = [n if j == i else 1 for j, n in enumerate(full)] if sparse else full
        out.append(lax.broadcast_in_dim(x, tuple(shape), (i,)))
    if swap:
        out[0], out[1] = out[1], out[0]
    return out


def indices(dimensions, dtype=None, sparse=False):
    """The indices of a grid: one array for each axis, stacked unless `sparse`.

    Args:
        dimensions: tuple of sizes.
        dtype: of the result.
        sparse: whether to give a tuple of arrays that broadcast.

    Returns:
        An array with a new first axis, or a tuple.

    Examples:
        >>> jnp.indices((2, 2)).tolist()
        [[[0, 0], [1, 1]], [[0, 1], [0, 1]]]
    """
    dtype = user_dtype(int if dtype is None else dtype, "indices")
    dimensions = tuple([
        concrete_or_error(operator.index, n, "dimensions argument of jnp.indices")
        for n in dimensions
    ])  # fmt: skip
    out = []
    for i, n in enumerate(dimensions):
        index = arange(n, dtype=dtype)
        shape = (
            [m if j == i else 1 for j, m in enumerate(dimensions)]
            if sparse
            else dimensions
        )
        out.append(lax.broadcast_in_dim(index, tuple(shape), (i,)))
    if sparse:
        return tuple(out)
    return stack(out, 0) if out else array([], dtype=dtype)

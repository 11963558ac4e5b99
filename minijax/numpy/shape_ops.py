"""jnp's changes of shape: reshape, transpose, stack, concatenate, split, tile, repeat, roll and so on."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.core import Tracer
from minijax.numpy import promotion
from minijax.numpy.creation import (
    arange,
    array,
    asarray,
    canonical_shape,
    zeros,
    zeros_like,
)
from minijax.numpy.promotion import (
    canonical_axes,
    canonical_axis,
    check_arraylike,
    concrete_or_error,
    convert,
    dtype_of,
    ensure_arraylike,
    literal,
    promote_dtypes,
    shape_of,
    user_dtype,
)

# --- reshape and transpose ------------------------------------------------------------------


def reshape(a, shape, order="C", *, copy=None, out_sharding=None):
    """`a` in another shape of the same size; one size may be -1.

    order: 'C', or 'F' for column-major. Raises TypeError if the sizes differ.
    """
    check_arraylike("reshape", a)
    return _reshape(a, shape, order, shape)


def reshape_method(a, *args, order="C", copy=None, out_sharding=None):
    """`a.reshape(...)`: the shape as one argument or as several."""
    shape = args[0] if len(args) == 1 else args
    return _reshape(a, shape, order, shape)


def _reshape(a, shape, order, asked):
    new = _reshaped(a, shape, asked)
    if order == "C":
        return asarray(a) if shape_of(a) == new else lax.reshape(a, new)
    if order == "F":
        rank = len(shape_of(a))
        out = lax.reshape(a, new[::-1], tuple(range(rank))[::-1])
        return transpose(out)
    if order == "A":
        raise NotImplementedError("np.reshape order=A is not implemented.")
    raise ValueError(f"Unexpected value for 'order' argument: {order}.")


def _reshaped(a, shape, asked):
    """The static new shape, with -1 computed."""
    shape = canonical_shape(shape)
    old = shape_of(a)
    if -1 not in shape:
        if math.prod(shape) != math.prod(old):
            raise TypeError(
                f"cannot reshape array of shape {tuple(old)} (size {math.prod(old)}) "
                f"into shape {asked} (size {math.prod(shape)})"
            )
        return shape
    place = shape.index(-1)
    rest = shape[:place] + shape[place + 1 :]
    if any(n < 0 for n in rest):
        raise ValueError(
            f"can only specify one unknown axis size with a `-1` value, got {asked}"
        )
    size, known = math.prod(old), math.prod(rest)
    if (size % known if known else size) or not known:
        raise TypeError(
            f"cannot reshape array of shape {tuple(old)} (size {size}) into shape {asked} "
            "because the product of specified axis sizes "
            f"({known}) does not evenly divide {size}"
        )
    return (*shape[:place], size // known, *shape[place + 1 :])


def ravel(a, order="C", *, out_sharding=None):
    """`a` as a one-dimensional array."""
    check_arraylike("ravel", a)
    if order == "K":
        raise NotImplementedError("Ravel not implemented for order='K'.")
    return reshape(a, (math.prod(shape_of(a)),), order)


def transpose(a, axes=None):
    """`a` with its axes permuted; reversed by default."""
    (a,) = ensure_arraylike("transpose", a)
    rank = len(shape_of(a))
    if axes is None:
        axes = tuple(range(rank))[::-1]
    else:
        axes = tuple([canonical_axis(i, rank) for i in axes])
    if axes == tuple(range(rank)):
        return asarray(a)
    return lax.transpose(a, axes)


def transpose_method(a, *args):
    """`a.transpose(...)`: the axes as one argument, as several, or none."""
    if not args:
        axes = None
    elif len(args) == 1:
        axes = (
            args[0] if args[0] is None or isinstance(args[0], (tuple, list)) else args
        )
    else:
        axes = args
    return transpose(a, axes)


def permute_dims(a, /, axes):
    """`a` with its axes permuted."""
    check_arraylike("permute_dims", a)
    return transpose(a, axes)


def matrix_transpose(x, /):
    """`x` with its last two axes exchanged."""
    check_arraylike("matrix_transpose", x)
    rank = len(shape_of(x))
    if rank < 2:
        raise ValueError(
            f"x must be at least two-dimensional for matrix_transpose; got ndim={rank}"
        )
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def swapaxes(a, axis1, axis2):
    """`a` with two axes exchanged."""
    check_arraylike("swapaxes", a)
    rank = len(shape_of(a))
    order = list(range(rank))
    i, j = canonical_axis(axis1, rank), canonical_axis(axis2, rank)
    order[i], order[j] = order[j], order[i]
    return lax.transpose(a, tuple(order))


def moveaxis(a, source, destination):
    """`a` with axes moved from `source` to `destination`, the others in order."""
    check_arraylike("moveaxis", a)
    rank = len(shape_of(a))
    source, destination = (
        canonical_axes(source, rank),
        canonical_axes(destination, rank),
    )
    if len(source) != len(destination):
        raise ValueError(
            f"Inconsistent number of elements: {len(source)} vs {len(destination)}"
        )
    order = [i for i in range(rank) if i not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return transpose(a, order)


def rollaxis(a, axis, start=0):
    """`a` with an axis moved to before position `start`."""
    check_arraylike("rollaxis", a)
    rank = len(shape_of(a))
    axis = canonical_axis(axis, rank)
    if not -rank <= start <= rank:
        raise ValueError(f"start={start} must satisfy {-rank}<=start<={rank}")
    start = start + rank if start < 0 else start
    return moveaxis(a, axis, start - 1 if start > axis else start)


def squeeze(a, axis=None):
    """`a` without the given axes, which have size 1 (None: all such axes)."""
    check_arraylike("squeeze", a)
    shape = shape_of(a)
    if axis is None:
        axes = tuple([i for i, n in enumerate(shape) if n == 1])
    else:
        axes = canonical_axes(axis, len(shape))
    return lax.squeeze(a, axes) if axes else asarray(a)


def expand_dims(a, axis):
    """`a` with new axes of size 1 at the places `axis` of the result."""
    (a,) = ensure_arraylike("expand_dims", a)
    axes = tuple(axis) if isinstance(axis, (tuple, list, range)) else (axis,)
    return lax.expand_dims(a, axes) if axes else asarray(a)


def atleast_1d(*arys):
    """Each array with at least one axis."""
    return _at_least(
        "atleast_1d", arys, lambda x: expand_dims(x, 0) if not x.ndim else x
    )


def atleast_2d(*arys):
    """Each array with at least two axes; new ones come first."""
    return _at_least(
        "atleast_2d",
        arys,
        lambda x: expand_dims(x, range(2 - x.ndim)) if x.ndim < 2 else x,
    )


def atleast_3d(*arys):
    """Each array with at least three axes: (n,) becomes (1, n, 1)."""
    new = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}
    return _at_least(
        "atleast_3d", arys, lambda x: expand_dims(x, new[x.ndim]) if x.ndim < 3 else x
    )


def _at_least(name, arrays, widen):
    if len(arrays) == 1 and isinstance(arrays[0], (list, tuple)):
        arrays = arrays[0]
    check_arraylike(name, *arrays)
    out = [widen(asarray(x)) for x in arrays]
    return out[0] if len(out) == 1 else out


# --- broadcasting ---------------------------------------------------------------------------


def broadcast_to(array, shape, *, out_sharding=None):
    """`array` broadcast to a shape.  ValueError where that is impossible."""
    (array,) = ensure_arraylike("broadcast_to", array)
    return asarray(promotion.broadcast_to(array, canonical_shape(shape)))


def broadcast_shapes(*shapes):
    """The shape that shapes broadcast to.  ValueError if there is none."""
    shapes = [canonical_shape(shape) for shape in shapes]
    return promotion.broadcast_shapes(*shapes) if shapes else ()


def broadcast_arrays(*args):
    """The arrays, broadcast to their common shape."""
    args = ensure_arraylike("broadcast_arrays", *args)
    if not args:
        return []
    shape = promotion.broadcast_shapes(*[shape_of(x) for x in args])
    return [asarray(promotion.broadcast_to(x, shape)) for x in args]


# --- joining --------------------------------------------------------------------------------


def _sequence(name, arrays, verb):
    if isinstance(arrays, (np.ndarray, Tracer)) or hasattr(arrays, "aval"):
        return arrays
    if not len(arrays):
        raise ValueError(f"Need at least one array to {verb}.")
    return arrays


def concatenate(arrays, axis=0, dtype=None):
    """The arrays joined along an existing axis (None: flattened first)."""
    arrays = _sequence("concatenate", arrays, "concatenate")
    if not len(arrays):
        raise ValueError("Need at least one array to concatenate.")
    if hasattr(arrays, "shape"):
        return _concatenate_slices(asarray(arrays), axis, dtype)
    arrays = ensure_arraylike("concatenate", *arrays)
    if axis is None:
        return concatenate([ravel(x) for x in arrays], axis=0, dtype=dtype)
    if not len(shape_of(arrays[0])):
        raise ValueError("Zero-dimensional arrays cannot be concatenated.")
    axis = canonical_axis(axis, len(shape_of(arrays[0])))
    dtype = user_dtype(dtype, "concatenate")
    if dtype is None:
        arrays = promote_dtypes(*arrays)
    else:
        arrays = [convert(x, dtype) for x in arrays]
    return asarray(arrays[0]) if len(arrays) == 1 else lax.concatenate(arrays, axis)


def _concatenate_slices(x, axis, dtype):
    """The slices of an array along its first axis, joined along another one."""
    if x.ndim < 2:
        raise ValueError("Zero-dimensional arrays cannot be concatenated.")
    if dtype is not None:
        x = x.astype(dtype)
    if axis is None:
        return ravel(x)
    axis = canonical_axis(axis, x.ndim - 1)
    rest = list(x.shape[1:])
    rest[axis] *= x.shape[0]
    return reshape(moveaxis(x, 0, axis), rest)


def concat(arrays, /, *, axis=0):
    """The arrays joined along an existing axis."""
    return concatenate(arrays, axis=axis)


def stack(arrays, axis=0, out=None, dtype=None):
    """The arrays, all of one shape, joined along a new axis."""
    if not len(arrays):
        raise ValueError("Need at least one array to stack.")
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.stack is not supported.")
    if hasattr(arrays, "shape"):
        axis = canonical_axis(axis, len(shape_of(arrays)))
        check_arraylike("stack", arrays)
        return concatenate(expand_dims(arrays, axis + 1), axis=axis, dtype=dtype)
    arrays = ensure_arraylike("stack", *arrays)
    shape = shape_of(arrays[0])
    if any(shape_of(x) != shape for x in arrays):
        raise ValueError("All input arrays must have the same shape.")
    axis = canonical_axis(axis, len(shape) + 1)
    dtype = user_dtype(dtype, "stack")
    if dtype is None:
        arrays = promote_dtypes(*arrays)
    else:
        arrays = [convert(x, dtype) for x in arrays]
    return lax.stack(arrays, axis)


def unstack(x, /, *, axis=0):
    """The slices of an array along an axis, as a tuple."""
    (x,) = ensure_arraylike("unstack", x)
    if not len(shape_of(x)):
        raise ValueError(
            "Unstack requires arrays with rank > 0, however a scalar array was passed."
        )
    return tuple(lax.unstack(x, canonical_axis(axis, len(shape_of(x)))))


def _each(name, arrays, widen):
    if hasattr(arrays, "shape"):
        arrays = unstack(arrays)
    check_arraylike(name, *arrays)
    return [widen(x) for x in arrays]


def vstack(tup, dtype=None):
    """The arrays joined along the first axis; vectors are rows."""
    return concatenate(_each("vstack", tup, atleast_2d), axis=0, dtype=dtype)


def hstack(tup, dtype=None):
    """The arrays joined along the second axis (vectors: along their only one)."""
    arrays = _each("hstack", tup, atleast_1d)
    return concatenate(arrays, axis=0 if arrays[0].ndim == 1 else 1, dtype=dtype)


def dstack(tup, dtype=None):
    """The arrays joined along the third axis."""
    return concatenate(_each("dstack", tup, atleast_3d), axis=2, dtype=dtype)


def column_stack(tup):
    """The arrays joined along the second axis; vectors are columns."""

    def column(x):
        x = asarray(x)
        return atleast_2d(x).T if x.ndim < 2 else x

    return concatenate(_each("column_stack", tup, column), axis=1)


def append(arr, values, axis=None):
    """`arr` followed by `values` along an axis (None: both flattened)."""
    if axis is None:
        return concatenate([ravel(arr), ravel(values)], 0)
    return concatenate([arr, values], axis=axis)


def block(arrays):
    """An array assembled from nested lists of blocks."""
    depth = _depth(arrays)
    out = _block(arrays, 1, depth, max(depth, _block_rank(arrays)))
    return out


def _depth(x):
    return 1 + _depth(x[0]) if isinstance(x, list) and x else 0


def _block_rank(x):
    return max([_block_rank(y) for y in x]) if isinstance(x, list) else len(shape_of(x))


def _block(x, level, depth, rank):
    if isinstance(x, tuple):
        raise ValueError(f"jax.numpy.block does not allow tuples, got {x}")
    if not isinstance(x, list):
        check_arraylike("block", x)
        x = asarray(x)
        return expand_dims(x, range(rank - x.ndim)) if x.ndim < rank else x
    if not x:
        raise ValueError("jax.numpy.block does not allow empty list arguments")
    parts = [_block(part, level + 1, depth, rank) for part in x]
    return concatenate(parts, axis=rank - depth + level - 1)


# --- splitting ------------------------------------------------------------------------------


def _split(name, ary, sections, axis):
    (ary,) = ensure_arraylike(name, ary)
    axis = canonical_axis(axis, len(shape_of(ary)))
    size = shape_of(ary)[axis]
    if isinstance(sections, (tuple, list)) or getattr(sections, "ndim", 0) > 0:
        places = [
            int(concrete_or_error(None, i, f"in jax.numpy.{name} argument 1"))
            for i in sections
        ]
        places = [min(size, max(0, i + size if i < 0 else i)) for i in places]
        edges = [0, *places, size]
        sizes = [max(0, b - a) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        if sum(sizes) != size or any(
            a > b for a, b in zip(edges[:-1], edges[1:], strict=True)
        ):
            return [
                lax.slice_in_dim(ary, a, max(a, b), axis=axis)
                for a, b in zip(edges[:-1], edges[1:], strict=True)
            ]
    else:
        n = int(concrete_or_error(None, sections, f"in jax.numpy.{name} argument 1"))
        each, extra = divmod(size, n)
        if extra and name != "array_split":
            raise ValueError("array split does not result in an equal division")
        sizes = [each + 1] * extra + [each] * (n - extra)
    return list(lax.split(ary, sizes, axis))


def split(ary, indices_or_sections, axis=0):
    """Parts of an array: a number of equal ones, or those between static indices."""
    return _split("split", ary, indices_or_sections, axis)


def array_split(ary, indices_or_sections, axis=0):
    """As `split`; the parts need not be equal."""
    return _split("array_split", ary, indices_or_sections, axis)


def vsplit(ary, indices_or_sections):
    """`split` along the first axis."""
    return _split("vsplit", ary, indices_or_sections, 0)


def hsplit(ary, indices_or_sections):
    """`split` along the second axis (vectors: along their only one)."""
    axis = 0 if len(shape_of(ary)) == 1 else 1
    return _split("hsplit", ary, indices_or_sections, axis)


def dsplit(ary, indices_or_sections):
    """`split` along the third axis."""
    return _split("dsplit", ary, indices_or_sections, 2)


# --- repeating ------------------------------------------------------------------------------


def tile(A, reps):
    """`A` repeated `reps` times along each axis; new axes come first."""
    (a,) = ensure_arraylike("tile", A)
    reps = tuple(reps) if np.ndim(reps) else (reps,)
    reps = tuple([concrete_or_error(None, r, "jnp.tile").__index__() for r in reps])
    rank = len(shape_of(a))
    if rank < len(reps):
        a = expand_dims(a, range(len(reps) - rank))
    reps = (1,) * (len(shape_of(a)) - len(reps)) + reps
    return lax.tile(a, reps)


def resize(a, new_shape):
    """`a` flattened, repeated or cut to fill the new shape."""
    check_arraylike("resize", a)
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

    total_repeat_length: the static length of the result where `repeats` is traced.
    """
    (a,) = ensure_arraylike("repeat", a)
    check_arraylike("repeat", repeats)
    if axis is None:
        a, axis = ravel(a), 0
    a = asarray(a)
    axis = canonical_axis(axis, a.ndim) if a.ndim else 0
    if not a.ndim:
        a = reshape(a, (1,))
    if total_repeat_length is None:
        repeats = concrete_or_error(
            np.asarray, repeats,
            "When jit-compiling jnp.repeat, the total number of repeats must be static. "
            "To fix this, either specify a static value for `repeats`, or pass a static "
            "value to `total_repeat_length`.",
        )  # fmt: skip
        if repeats.ndim == 0 or repeats.size == 1:
            return _repeat_evenly(a, int(repeats.reshape(())), axis)
        if repeats.size != a.shape[axis]:
            raise ValueError(
                f"repeats must have the same length as the axis: {repeats.size} != {a.shape[axis]}"
            )
        total_repeat_length = int(np.sum(repeats))
    return _repeat(a, asarray(repeats), axis, total_repeat_length)


def _repeat_evenly(a, n, axis):
    shape = (*a.shape[: axis + 1], n, *a.shape[axis + 1 :])
    dims = tuple([i for i in range(a.ndim + 1) if i != axis + 1])
    out = lax.broadcast_in_dim(a, shape, dims)
    return lax.reshape(out, (*a.shape[:axis], n * a.shape[axis], *a.shape[axis + 1 :]))


def _repeat(a, repeats, axis, total):
    """Mark where each element begins, and sum up: the place in `a` of each element."""
    if not a.shape[axis] or not total:
        return zeros_like(a, shape=(*a.shape[:axis], total, *a.shape[axis + 1 :]))
    n = a.shape[axis]
    repeats = (
        broadcast_to(repeats, (n,))
        if repeats.ndim == 0 or repeats.size == 1
        else repeats
    )
    before = roll(repeats, 1).at[0].set(0)
    starts = jnp.cumsum(before)
    marks = zeros(total, dtype=int).at[starts].add(1)
    places = jnp.cumsum(marks) - 1
    return jnp.take(a, places, axis=axis)


# --- rolling and flipping -------------------------------------------------------------------


def flip(m, axis=None):
    """`m` with the order of elements reversed along axes (None: all)."""
    (m,) = ensure_arraylike("flip", m)
    return lax.rev(asarray(m), canonical_axes(axis, len(shape_of(m))))


def fliplr(m):
    """`flip` along the second axis."""
    return flip(m, 1)


def flipud(m):
    """`flip` along the first axis."""
    return flip(m, 0)


def rot90(m, k=1, axes=(0, 1)):
    """`m` turned by k quarters in the plane of two axes, from the first towards the second."""
    (m,) = ensure_arraylike("rot90", m)
    rank = len(shape_of(m))
    i, j = canonical_axis(axes[0], rank), canonical_axis(axes[1], rank)
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
    """`a` with elements moved along axes, those that fall off coming back at the other end."""
    check_arraylike(
        "roll", a, *(shift if isinstance(shift, (tuple, list)) else (shift,))
    )
    a = asarray(a)
    if axis is None:
        return reshape(roll(ravel(a), shift, 0), a.shape)
    axes = canonical_axes(axis, a.ndim)
    if isinstance(shift, (tuple, list)) and not all(isinstance(s, int) for s in shift):
        shift = array(shift)
    if hasattr(shift, "aval"):
        known = shift if not isinstance(shift, Tracer) else shift._concrete()
        if known is None:
            return _roll_dynamic(a, shift, axes)
        shift = np.asarray(known)
    return _roll_static(a, np.asarray(shift), axes)


def _roll_static(a, shift, axes):
    if shift.ndim > 1:
        raise ValueError(
            "'shift' and 'axis' arguments to jnp.roll must be scalars or 1D arrays"
        )
    n = max(shift.size, len(axes))
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


# --- differences, insertion, deletion ---------------------------------------------------------


@jit(static_argnames=("n", "axis"))
def diff(a, n=1, axis=-1, prepend=None, append=None):
    """The n-th differences of neighbours along an axis; booleans differ by xor."""
    (a,) = ensure_arraylike("diff", a)
    n = n.__index__()
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
    """The differences of neighbours in the flattened array, with ends added."""
    check_arraylike("ediff1d", ary)
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
    """Vectors shaped so that together they index a grid; boolean ones become indices."""
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
        out.append(
            x if not x.size and len(args) == 1 else lax.broadcast_in_dim(x, shape, (i,))
        )
    return tuple(out)


def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Grids of coordinates from vectors; `sparse` ones broadcast to them.

    indexing: 'xy' (the first two axes exchanged) or 'ij'.
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
    """The indices of a grid: one array for each axis, stacked unless `sparse`."""
    dimensions = canonical_shape(dimensions)
    dtype = user_dtype(int if dtype is None else dtype, "indices")
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

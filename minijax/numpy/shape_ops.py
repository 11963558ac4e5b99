"""jnp's changes of shape: reshape, transpose, squeeze, broadcasting."""

import math
from typing import Any

import numpy as np

from minijax import lax
from minijax.array import ArrayImpl
from minijax.control.call import jit
from minijax.numpy import promotion
from minijax.numpy.creation import asarray
from minijax.numpy.filling import canonical_shape
from minijax.numpy.promotion import (
    canonical_axes,
    canonical_axis,
    check_arraylike,
    ensure_arraylike,
    shape_of,
)

# --- reshape and transpose ------------------------------------------------------------


def reshape(a, shape, order: Any = "C", *, copy=None, out_sharding=None):
    """`a` in another shape of the same size; one size may be -1.

    Raises TypeError if the sizes differ. A NumPy array stays one, as in JAX, and is
    reshaped by NumPy.

    Args:
        a: array.
        shape: a size, or a tuple of sizes; one may be -1.
        order: 'C' for row-major, 'F' for column-major.
        copy: accepted.
        out_sharding: accepted; there is one device.

    Returns:
        An array of the given shape.

    Examples:
        >>> jnp.reshape(jnp.arange(4), (2, 2))
        Array([[0, 1],
               [2, 3]], dtype=int32)
        >>> jnp.reshape(jnp.arange(4), (-1, 1)).shape
        (4, 1)
    """
    if isinstance(a, (np.ndarray, np.generic)) and out_sharding is None:
        return a.reshape(shape, order=order)
    if isinstance(a, ArrayImpl) and order == "C":
        return a.reshape(shape)
    (a,) = ensure_arraylike("reshape", a)
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
        raise TypeError(
            f"can only specify one unknown axis size with a `-1` value, got {asked}"
        )
    size, known = math.prod(old), math.prod(rest)
    if not known:
        raise ZeroDivisionError(f"no size for the -1 in {asked} beside a size of 0")
    # Divided by what a shape with its -1 amounts to, as users' constraints on sizes that are
    # symbols say it.
    negative, rest_size = divmod(size, -known)
    if rest_size:
        raise TypeError(
            f"cannot reshape array of shape {tuple(old)} (size {size}) into shape "
            f"{asked} "
            "because the product of specified axis sizes "
            f"({known}) does not evenly divide {size}"
        )
    return (*shape[:place], -negative, *shape[place + 1 :])


def ravel(a, order="C", *, out_sharding=None):
    """`a` as a one-dimensional array.

    Args:
        a: array.
        order: 'C' for row-major, 'F' for column-major.
        out_sharding: accepted; there is one device.

    Returns:
        A vector.

    Examples:
        >>> jnp.ravel(jnp.array([[1, 2], [3, 4]]), order="F")
        Array([1, 3, 2, 4], dtype=int32)
    """
    (a,) = ensure_arraylike("ravel", a)
    if order == "K":
        raise NotImplementedError("Ravel not implemented for order='K'.")
    size = math.prod(shape_of(a))
    return _reshape(a, (size,), order, (size,))


def transpose(a, axes=None):
    """`a` with its axes permuted; reversed by default.

    Args:
        a: array.
        axes: the axes of `a` in their new order; reversed if None.

    Returns:
        An array.

    Examples:
        >>> jnp.transpose(jnp.array([[1, 2], [3, 4]]))
        Array([[1, 3],
               [2, 4]], dtype=int32)
    """
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
        axes = args[0] if args[0] is None or np.ndim(args[0]) else args
    else:
        axes = args
    return transpose(a, axes)


def permute_dims(a, /, axes):
    """`a` with its axes permuted.

    Args:
        a: array.
        axes: the axes of `a` in their new order.

    Returns:
        An array.

    Examples:
        >>> jnp.permute_dims(jnp.ones((2, 3, 4)), (2, 0, 1)).shape
        (4, 2, 3)
    """
    (a,) = ensure_arraylike("permute_dims", a)
    return lax.transpose(a, tuple(axes))


def matrix_transpose(x, /):
    """`x` with its last two axes exchanged.

    Args:
        x: array of two axes or more.

    Returns:
        An array.

    Examples:
        >>> jnp.matrix_transpose(jnp.ones((2, 3, 4))).shape
        (2, 4, 3)
    """
    (x,) = ensure_arraylike("matrix_transpose", x)
    rank = len(shape_of(x))
    if rank < 2:
        raise ValueError(
            f"x must be at least two-dimensional for matrix_transpose; got ndim={rank}"
        )
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def swapaxes(a, axis1, axis2):
    """`a` with two axes exchanged.

    Args:
        a: array.
        axis1: an axis.
        axis2: another axis.

    Returns:
        An array.

    Examples:
        >>> jnp.swapaxes(jnp.ones((2, 3, 4)), 0, 2).shape
        (4, 3, 2)
    """
    (a,) = ensure_arraylike("swapaxes", a)
    rank = len(shape_of(a))
    order = np.arange(rank)
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return lax.transpose(a, tuple(order.tolist()))


def moveaxis(a, source, destination):
    """`a` with axes moved from `source` to `destination`, the others in order.

    Args:
        a: array.
        source: an axis, or several.
        destination: where they go; as many.

    Returns:
        An array.

    Examples:
        >>> jnp.moveaxis(jnp.ones((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    (a,) = ensure_arraylike("moveaxis", a)
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


@jit(static_argnames=("axis", "start"))
def rollaxis(a, axis, start=0):
    """`a` with an axis moved to before position `start`.

    Args:
        a: array.
        axis: an axis.
        start: before which place it goes.

    Returns:
        An array.

    Examples:
        >>> jnp.rollaxis(jnp.ones((2, 3, 4)), 2).shape
        (4, 2, 3)
    """
    (a,) = ensure_arraylike("rollaxis", a)
    rank = len(shape_of(a))
    axis = canonical_axis(axis, rank)
    if not -rank <= start <= rank:
        raise ValueError(f"start={start} must satisfy {-rank}<=start<={rank}")
    start = start + rank if start < 0 else start
    return moveaxis(a, axis, start - 1 if start > axis else start)


def squeeze(a, axis=None):
    """`a` without the given axes, which have size 1 (None: all such axes).

    Args:
        a: array.
        axis: one axis, several, or None for all of size 1.

    Returns:
        An array with fewer axes.

    Examples:
        >>> jnp.squeeze(jnp.ones((1, 3, 1))).shape
        (3,)
    """
    (a,) = ensure_arraylike("squeeze", a)
    shape = shape_of(a)
    if axis is None:
        axes = tuple([i for i, n in enumerate(shape) if n == 1])
    else:
        axes = canonical_axes(axis, len(shape))
    return lax.squeeze(a, axes) if axes else asarray(a)


def expand_dims(a, axis):
    """`a` with new axes of size 1 at the places `axis` of the result.

    Args:
        a: array.
        axis: a place in the result, or several.

    Returns:
        An array with more axes.

    Examples:
        >>> jnp.expand_dims(jnp.ones(3), (0, 2)).shape
        (1, 3, 1)
    """
    (a,) = ensure_arraylike("expand_dims", a)
    axes = tuple(axis) if isinstance(axis, (tuple, list, range)) else (axis,)
    return lax.expand_dims(a, axes) if axes else asarray(a)


@jit
def atleast_1d(*arys) -> Any:
    """Each array with at least one axis.

    Args:
        *arys: arrays and scalars.

    Returns:
        An array, or a list of several.

    Examples:
        >>> jnp.atleast_1d(5)
        Array([5], dtype=int32, weak_type=True)
    """
    check_arraylike("atleast_1d", *arys)
    if len(arys) != 1:
        return [atleast_1d(x) for x in arys]
    x = asarray(arys[0])
    return x if x.ndim else expand_dims(x, 0)


@jit
def atleast_2d(*arys) -> Any:
    """Each array with at least two axes; new ones come first.

    Args:
        *arys: arrays and scalars.

    Returns:
        An array, or a list of several.

    Examples:
        >>> jnp.atleast_2d(jnp.array([1, 2]))
        Array([[1, 2]], dtype=int32)
    """
    check_arraylike("atleast_2d", *arys)
    if len(arys) != 1:
        return [atleast_2d(x) for x in arys]
    x = asarray(arys[0])
    return x if x.ndim >= 2 else expand_dims(x, range(2 - x.ndim))


_AXES_IN_3D = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}


@jit
def atleast_3d(*arys) -> Any:
    """Each array with at least three axes: (n,) becomes (1, n, 1).

    Args:
        *arys: arrays and scalars.

    Returns:
        An array, or a list of several.

    Examples:
        >>> jnp.atleast_3d(jnp.ones((2, 3))).shape
        (2, 3, 1)
    """
    check_arraylike("atleast_3d", *arys)
    if len(arys) != 1:
        return [atleast_3d(x) for x in arys]
    x = asarray(arys[0])
    return x if x.ndim >= 3 else expand_dims(x, _AXES_IN_3D[x.ndim])


# --- broadcasting ---------------------------------------------------------------------


def broadcast_to(array, shape, *, out_sharding=None):
    """`array` broadcast to a shape. ValueError where that is impossible.

    Args:
        array: array or scalar.
        shape: a size, or a tuple of sizes.
        out_sharding: accepted; there is one device.

    Returns:
        An array of the given shape.

    Examples:
        >>> jnp.broadcast_to(jnp.array([1, 2]), (2, 2))
        Array([[1, 2],
               [1, 2]], dtype=int32)
    """
    (array,) = ensure_arraylike("broadcast_to", array)
    return asarray(promotion.broadcast_to(array, canonical_shape(shape)))


def broadcast_shapes(*shapes):
    """The shape that shapes broadcast to. ValueError if there is none.

    Args:
        *shapes: tuples of sizes.

    Returns:
        A tuple of ints.

    Examples:
        >>> jnp.broadcast_shapes((2, 1), (3,))
        (2, 3)
    """
    return lax.broadcast_shapes(*[canonical_shape(shape) for shape in shapes])


def broadcast_arrays(*args):
    """The arrays, broadcast to their common shape.

    Args:
        *args: arrays and scalars.

    Returns:
        A list of arrays of one shape.

    Examples:
        >>> jnp.broadcast_arrays(jnp.array([1, 2]), 5)
        [Array([1, 2], dtype=int32), Array([5, 5], dtype=int32, weak_type=True)]
    """
    args = ensure_arraylike("broadcast_arrays", *args)
    if not args:
        return []
    shape = promotion.broadcast_shapes(*[shape_of(x) for x in args])
    return [asarray(promotion.broadcast_to(x, shape)) for x in args]

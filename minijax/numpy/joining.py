"""jnp's joining and splitting of arrays: concatenate, stack, split and their kin."""

import itertools
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from minijax import lax
from minijax.control.call import jit
from minijax.core import own_aval
from minijax.numpy.creation import (
    asarray,
)
from minijax.numpy.functional import map_over
from minijax.numpy.promotion import (
    canonical_axis,
    check_arraylike,
    concrete_or_error,
    convert,
    ensure_arraylike,
    promote_dtypes,
    shape_of,
    user_dtype,
)
from minijax.numpy.shape_ops import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    expand_dims,
    ravel,
)

# --- joining --------------------------------------------------------------------------


def _sequence(arrays: Any, verb) -> Any:
    """The arrays to join, or one array, whose slices they are."""
    if isinstance(arrays, np.ndarray) or own_aval(arrays) is not None:
        empty = not shape_of(arrays) or not shape_of(arrays)[0]
    else:
        empty = isinstance(arrays, Iterator) or not len(arrays)
    if empty:
        raise ValueError(f"Need at least one array to {verb}.")
    return arrays


def concatenate(arrays, axis=0, dtype=None):
    """The arrays joined along an existing axis (None: flattened first).

    Args:
        arrays: a sequence of arrays, whose sizes agree but for `axis`; or one array,
            whose first axis it is.
        axis: along which to join; None for flattened arrays.
        dtype: of the result; by default the promotion of the arrays.

    Returns:
        An array.

    Examples:
        >>> jnp.concatenate([jnp.array([1, 2]), jnp.array([3])])
        Array([1, 2, 3], dtype=int32)
        >>> jnp.concatenate([jnp.ones((1, 2)), jnp.zeros((1, 2))], axis=1)
        Array([[1., 1., 0., 0.]], dtype=float32)
    """
    arrays = _sequence(arrays, "concatenate")
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
    if x.ndim < 2 and axis is not None:
        raise ValueError("Zero-dimensional arrays cannot be concatenated.")
    if dtype is not None:
        x = x.astype(dtype)
    if axis is None:
        return ravel(x)
    axis = canonical_axis(axis, x.ndim - 1)
    rest = list(x.shape[1:])
    rest[axis] *= x.shape[0]
    order = [*range(1, axis + 1), 0, *range(axis + 1, x.ndim)]
    return lax.reshape(x, rest, order if axis else None)


def concat(arrays, /, *, axis=0):
    """The arrays joined along an existing axis.

    Args:
        arrays: a sequence of arrays, whose sizes agree but for `axis`.
        axis: along which to join; None for flattened arrays.

    Returns:
        An array.

    Examples:
        >>> jnp.concat([jnp.array([1, 2]), jnp.array([3])])
        Array([1, 2, 3], dtype=int32)
    """
    return concatenate(arrays, axis=axis)


def stack(arrays, axis=0, out=None, dtype=None):
    """The arrays, all of one shape, joined along a new axis.

    Args:
        arrays: a sequence of arrays of one shape.
        axis: where in the result the new axis is.
        out: must be None: results are new arrays.
        dtype: of the result; by default the promotion of the arrays.

    Returns:
        An array with one axis more.

    Examples:
        >>> jnp.stack([jnp.array([1, 2]), jnp.array([3, 4])])
        Array([[1, 2],
               [3, 4]], dtype=int32)
        >>> jnp.stack([jnp.array([1, 2]), jnp.array([3, 4])], axis=1)
        Array([[1, 3],
               [2, 4]], dtype=int32)
    """
    if not len(arrays):
        raise ValueError("Need at least one array to stack.")
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.stack is not supported.")
    if hasattr(arrays, "shape"):
        axis = canonical_axis(axis, len(shape_of(arrays)))
        (arrays,) = ensure_arraylike("stack", arrays)
        return concatenate(expand_dims(arrays, axis + 1), axis=axis, dtype=dtype)
    arrays = ensure_arraylike("stack", *arrays)
    shape = shape_of(arrays[0])
    if any(len(shape_of(x)) == len(shape) and shape_of(x) != shape for x in arrays):
        shapes = ", ".join([str(tuple(shape_of(x))) for x in arrays])
        raise ValueError(f"All input arrays must have the same shape. Got {shapes}.")
    axis = canonical_axis(axis, len(shape) + 1)
    dtype = user_dtype(dtype, "stack")
    if dtype is None:
        arrays = promote_dtypes(*arrays)
    else:
        arrays = [convert(x, dtype) for x in arrays]
    return lax.stack(arrays, axis)


def unstack(x, /, *, axis=0):
    """The slices of an array along an axis, as a tuple.

    Args:
        x: array.
        axis: along which to take it apart.

    Returns:
        A tuple of arrays with one axis less.

    Examples:
        >>> jnp.unstack(jnp.array([[1, 2], [3, 4]]))
        (Array([1, 2], dtype=int32), Array([3, 4], dtype=int32))
    """
    (x,) = ensure_arraylike("unstack", x)
    return tuple(lax.unstack(x, canonical_axis(axis, len(shape_of(x)))))


def _each(name, arrays, widen):
    if len(shape_of(arrays)):
        return map_over(widen, (0,))(arrays)
    if own_aval(arrays) is not None:
        raise ValueError(f"{name}: needs a sequence of arrays, got one of shape ()")
    check_arraylike(name, *arrays)
    return [widen(x) for x in arrays]


def vstack(tup, dtype=None):
    """The arrays joined along the first axis; vectors are rows.

    Args:
        tup: a sequence of arrays.
        dtype: of the result; by default the promotion of the arrays.

    Returns:
        An array of two axes or more.

    Examples:
        >>> jnp.vstack([jnp.array([1, 2]), jnp.array([3, 4])])
        Array([[1, 2],
               [3, 4]], dtype=int32)
    """
    return concatenate(_each("vstack", tup, atleast_2d), axis=0, dtype=dtype)


def hstack(tup, dtype=None):
    """The arrays joined along the second axis (vectors: along their only one).

    Args:
        tup: a sequence of arrays.
        dtype: of the result; by default the promotion of the arrays.

    Returns:
        An array.

    Examples:
        >>> jnp.hstack([jnp.array([1, 2]), jnp.array([3])])
        Array([1, 2, 3], dtype=int32)
    """
    arrays = _each("hstack", tup, atleast_1d)
    rank = len(shape_of(arrays)[1:] if hasattr(arrays, "shape") else arrays[0].shape)
    axis = 0 if rank == 1 else 1
    return concatenate(arrays, axis=axis, dtype=dtype)


def dstack(tup, dtype=None):
    """The arrays joined along the third axis.

    Args:
        tup: a sequence of arrays.
        dtype: of the result; by default the promotion of the arrays.

    Returns:
        An array of three axes or more.

    Examples:
        >>> jnp.dstack([jnp.array([1, 2]), jnp.array([3, 4])])
        Array([[[1, 3],
                [2, 4]]], dtype=int32)
    """
    return concatenate(_each("dstack", tup, atleast_3d), axis=2, dtype=dtype)


def column_stack(tup):
    """The arrays joined along the second axis; vectors are columns.

    Args:
        tup: a sequence of vectors and matrices.

    Returns:
        An array of two axes or more.

    Examples:
        >>> jnp.column_stack([jnp.array([1, 2]), jnp.array([3, 4])])
        Array([[1, 3],
               [2, 4]], dtype=int32)
    """

    def column(x):
        x = asarray(x)
        return atleast_2d(x).T if x.ndim < 2 else x

    return concatenate(_each("column_stack", tup, column), axis=1)


@jit(static_argnames=("axis",))
def append(arr, values, axis=None):
    """`arr` followed by `values` along an axis (None: both flattened).

    Args:
        arr: array.
        values: array, of the sizes of `arr` but for `axis`.
        axis: along which to join; None for flattened arrays.

    Returns:
        An array.

    Examples:
        >>> jnp.append(jnp.array([1, 2]), 3)
        Array([1, 2, 3], dtype=int32)
    """
    if axis is None:
        return concatenate([ravel(arr), ravel(values)], 0)
    return concatenate([arr, values], axis=axis)


@jit
def block(arrays):
    """An array assembled from nested lists of blocks.

    Args:
        arrays: nested lists of arrays; the innermost are joined along the last axis.

    Returns:
        An array.

    Examples:
        >>> x = jnp.ones((1, 2), dtype=int)
        >>> jnp.block([[x, 2 * x], [3 * x, 4 * x]])
        Array([[1, 1, 2, 2],
               [3, 3, 4, 4]], dtype=int32)
    """
    return _block(arrays)[0]


def _block(x):
    """(the array of nested lists, the depth of nesting and one)."""
    if isinstance(x, tuple):
        raise ValueError(f"jax.numpy.block does not allow tuples, got {x}")
    if not isinstance(x, list):
        return asarray(x), 1
    if not x:
        raise ValueError("jax.numpy.block does not allow empty list arguments")
    parts, depths = zip(*[_block(part) for part in x], strict=True)
    depth = depths[0]
    if any(d != depth for d in depths):
        raise ValueError("Mismatched list depths in jax.numpy.block")
    rank = max(depth, *[part.ndim for part in parts])
    parts = [
        expand_dims(part, range(rank - part.ndim)) if part.ndim < rank else part
        for part in parts
    ]
    return concatenate(parts, axis=-depth), depth + 1


# --- splitting ------------------------------------------------------------------------


def _split(name, ary, sections, axis):
    (ary,) = ensure_arraylike(name, ary)
    axis = concrete_or_error(
        operator.index, axis, f"in jax.numpy.{name} argument `axis`"
    )
    size = shape_of(ary)[axis]
    if isinstance(sections, (tuple, list)) or getattr(sections, "ndim", 0) > 0:
        places = [
            int(concrete_or_error(None, i, f"in jax.numpy.{name} argument 1"))
            for i in sections
        ]
        sizes = [b - a for a, b in itertools.pairwise([0, *places, size])]
    else:
        n = int(concrete_or_error(None, sections, f"in jax.numpy.{name} argument 1"))
        each, extra = divmod(size, n)
        if extra and name != "array_split":
            raise ValueError(
                f"array split does not result in an equal division: rest is {extra}"
            )
        sizes = [each + 1] * extra + [each] * (n - extra)
    return list(lax.split(ary, sizes, axis))


def split(ary, indices_or_sections, axis=0):
    """Parts of an array: a number of equal ones, or those between static indices.

    Args:
        ary: array.
        indices_or_sections: the number of equal parts, or where parts begin.
        axis: along which to cut.

    Returns:
        A list of arrays.

    Examples:
        >>> jnp.split(jnp.arange(6), 3)
        [Array([0, 1], dtype=int32), Array([2, 3], dtype=int32), Array([4, 5], dtype=int32)]
        >>> jnp.split(jnp.arange(6), [1, 4])
        [Array([0], dtype=int32), Array([1, 2, 3], dtype=int32), Array([4, 5], dtype=int32)]
    """
    return _split("split", ary, indices_or_sections, axis)


def array_split(ary, indices_or_sections, axis=0):
    """As `split`; the parts need not be equal.

    Args:
        ary: array.
        indices_or_sections: the number of parts, or where parts begin.
        axis: along which to cut.

    Returns:
        A list of arrays.

    Examples:
        >>> jnp.array_split(jnp.arange(5), 2)
        [Array([0, 1, 2], dtype=int32), Array([3, 4], dtype=int32)]
    """
    return _split("array_split", ary, indices_or_sections, axis)


def vsplit(ary, indices_or_sections):
    """`split` along the first axis.

    Args:
        ary: array of two axes or more.
        indices_or_sections: the number of equal parts, or where parts begin.

    Returns:
        A list of arrays.

    Examples:
        >>> jnp.vsplit(jnp.arange(4).reshape(2, 2), 2)
        [Array([[0, 1]], dtype=int32), Array([[2, 3]], dtype=int32)]
    """
    return _split("vsplit", ary, indices_or_sections, 0)


def hsplit(ary, indices_or_sections):
    """`split` along the second axis (vectors: along their only one).

    Args:
        ary: array.
        indices_or_sections: the number of equal parts, or where parts begin.

    Returns:
        A list of arrays.

    Examples:
        >>> jnp.hsplit(jnp.arange(4).reshape(2, 2), 2)
        [Array([[0],
               [2]], dtype=int32), Array([[1],
               [3]], dtype=int32)]
    """
    axis = 0 if len(shape_of(ary)) == 1 else 1
    return _split("hsplit", ary, indices_or_sections, axis)


def dsplit(ary, indices_or_sections):
    """`split` along the third axis.

    Args:
        ary: array of three axes or more.
        indices_or_sections: the number of equal parts, or where parts begin.

    Returns:
        A list of arrays.

    Examples:
        >>> jnp.dsplit(jnp.arange(4).reshape(1, 2, 2), 2)
        [Array([[[0],
                [2]]], dtype=int32), Array([[[1],
                [3]]], dtype=int32)]
    """
    return _split("dsplit", ary, indices_or_sections, 2)

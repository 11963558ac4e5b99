"""jnp's joining and splitting of arrays: concatenate, stack, split and their kin."""

import itertools
from typing import Any

import numpy as np

from minijax import lax
from minijax.core import Tracer
from minijax.numpy.creation import (
    asarray,
)
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
    moveaxis,
    ravel,
    reshape,
)

# --- joining --------------------------------------------------------------------------


def _sequence(name, arrays, verb) -> Any:
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
    return _block(arrays, 1, depth, max(depth, _block_rank(arrays)))


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


# --- splitting ------------------------------------------------------------------------


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
        sizes = [max(0, b - a) for a, b in itertools.pairwise(edges)]
        if sum(sizes) != size or any(a > b for a, b in itertools.pairwise(edges)):
            return [
                lax.slice_in_dim(ary, a, max(a, b), axis=axis)
                for a, b in itertools.pairwise(edges)
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

"""jnp's functions that pick by index: take, take_along_axis, nonzero, bincount, index
arithmetic.
"""

import math
import operator

import numpy as np

import minijax.numpy as jnp
from minijax import core, dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.filling import zeros
from minijax.numpy.promotion import (
    BOOL,
    INT32,
    broadcast_to,
    canonical_axis,
    concrete_or_error,
    constant_like,
    convert,
    dtype_of,
    ensure_arraylike,
    is_kind,
    literal,
    result_dtype,
    shape_of,
)
from minijax.numpy.ranges import arange
from minijax.ops.gather import GatherDimensionNumbers


def take(
    a, indices, axis=None, out=None, mode=None, unique_indices=False,
    indices_are_sorted=False, fill_value=None,
):  # fmt: skip
    """The slices of `a` at `indices` along an axis (None: elements of the flattened
    array).

    Args:
        a: array.
        indices: array of integers.
        axis: along which to take; None for the flattened array.
        out: must be None: results are new arrays.
        mode: out of bounds, 'fill' with `fill_value` (by default), 'clip', 'wrap', or
            'promise_in_bounds'.
        unique_indices: a promise that no index repeats.
        indices_are_sorted: a promise that they ascend.
        fill_value: by default NaN for floats, and the least integer.

    Returns:
        An array of the shape of `a` with `axis` replaced by that of `indices`.

    Examples:
        >>> jnp.take(jnp.array([10, 20, 30]), jnp.array([2, 0]))
        Array([30, 10], dtype=int32)
        >>> jnp.take(jnp.arange(6).reshape(2, 3), 1, axis=1)
        Array([1, 4], dtype=int32)
    """
    a, indices = ensure_arraylike("take", a, indices)
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.take is not supported.")
    if axis is not None:
        axis = operator.index(axis)
    return _take(
        a,
        indices,
        axis,
        mode,
        bool(unique_indices),
        bool(indices_are_sorted),
        fill_value,
    )


@jit(static_argnames=("axis", "mode", "unique", "is_sorted", "fill_value"))
def _take(a, indices, axis, mode, unique, is_sorted, fill_value):
    a = asarray(a)
    if axis is None:
        a, axis = jnp.ravel(a), 0
    axis = canonical_axis(axis, a.ndim)
    if is_kind(indices, np.bool_):
        indices = convert(indices, INT32)
    elif not is_kind(indices, np.integer):
        raise ValueError("indices must have an integer type")
    size = a.shape[axis]
    if not size and math.prod(shape_of(indices)):
        raise IndexError("Cannot do a non-empty jnp.take() from an empty axis.")
    indices, mode = _in_mode(indices, size, mode)
    rank = len(shape_of(indices))
    numbers = GatherDimensionNumbers(
        offset_dims=(*range(axis), *range(axis + rank, a.ndim + rank - 1)),
        collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
    )
    sizes = [1 if i == axis else n for i, n in enumerate(a.shape)]
    return lax.gather(
        a,
        lax.expand_dims(indices, (rank,)),
        numbers,
        tuple(sizes),
        unique_indices=unique,
        indices_are_sorted=is_sorted,
        mode=mode,
        fill_value=fill_value,
    )


def _in_mode(indices, size, mode):
    """(indices prepared for the mode, gather mode)."""
    if mode == "raise":
        raise NotImplementedError("The 'raise' mode to jnp.take is not supported.")
    if mode == "wrap":
        return jnp.remainder(
            indices, asarray(size, dtype_of(indices))
        ), "promise_in_bounds"
    if mode in (None, "fill"):
        return _wrap_weakly(indices, size), "fill"
    if mode != "clip":
        raise ValueError(f"Invalid mode '{mode}' for np.take")
    return indices, mode


def _wrap_weakly(indices, size):
    """Negative indices counted from the end, in the dtype and weak type of the indices."""
    if isinstance(indices, np.ndarray):
        indices = asarray(indices)
    negative = lax.lt(indices, constant_like(0, indices))
    return lax.select(negative, lax.add(indices, constant_like(size, indices)), indices)


@jit(static_argnames=("axis", "mode", "fill_value", "wrap_negative_indices"))
def take_along_axis(
    arr, indices, axis=-1, mode=None, fill_value=None, *, wrap_negative_indices=None
):
    """Elements of `arr` along an axis, at indices that match it elsewhere (sizes 1
    broadcast).

    Args:
        arr: array.
        indices: integers, of as many axes as `arr`.
        axis: along which they are indices; None for the flattened array.
        mode: out of bounds, as for `take`.
        fill_value: as for `take`.
        wrap_negative_indices: whether indices below 0 count from the end.

    Returns:
        An array of the shape of `indices`, broadcast.

    Examples:
        >>> x = jnp.array([[3, 1, 2], [6, 5, 4]])
        >>> jnp.take_along_axis(x, jnp.argsort(x, axis=1), axis=1)
        Array([[1, 2, 3],
               [4, 5, 6]], dtype=int32)
    """
    arr, indices = [
        asarray(x) for x in ensure_arraylike("take_along_axis", arr, indices)
    ]
    if not is_kind(indices, np.integer):
        raise TypeError(
            f"take_along_axis indices must be of integer type, got {dtype_of(indices)}"
        )
    if axis is None:
        if indices.ndim != 1:
            raise ValueError(
                "take_along_axis indices must be 1D if axis=None, got shape "
                f"{indices.shape}"
            )
        arr, axis = jnp.ravel(arr), 0
    if indices.ndim != arr.ndim:
        raise ValueError(
            "indices and arr must have the same number of dimensions; "
            f"{indices.ndim} vs. {arr.ndim}"
        )
    axis = canonical_axis(axis, arr.ndim)
    sizes = list(arr.shape), list(indices.shape)
    for i, (n, m) in enumerate(zip(*sizes, strict=True)):
        if i != axis and n != m and 1 not in (n, m):
            raise ValueError(
                "Arrays must have the same shape (or be broadcastable) apart from the "
                "axis: "
                f"{arr.shape} and {indices.shape}"
            )
    if dtype_of(indices).itemsize < 4:
        indices = convert(indices, INT32)
    if wrap_negative_indices is None:
        wrap_negative_indices = mode != "promise_in_bounds"
    if wrap_negative_indices and dtype_of(indices).kind != "u":
        indices = _wrap_weakly(indices, arr.shape[axis])
    if mode == "one_hot":
        return _pick_along(arr, indices, axis)
    return _gather_along(arr, indices, axis, mode, fill_value)


def _pick_along(arr, indices, axis):
    """As `_gather_along`, by a product with a matrix of ones and zeros."""
    n = arr.shape[axis]
    hot = lax.eq(
        lax.expand_dims(indices, (indices.ndim,)),
        lax.broadcasted_iota(indices.dtype, (1,) * indices.ndim + (n,), indices.ndim),
    )
    hot = convert(hot, arr.dtype)
    lead, tail = list(range(axis)), list(range(axis + 1, arr.ndim))
    out, picked = arr.ndim, arr.ndim + 1
    lead_out = [*lead, out, *tail]
    return jnp.einsum(
        hot, [*lead_out, picked], arr, [*lead, picked, *tail], lead_out,
        precision=None if arr.ndim == 1 else lax.Precision.HIGHEST,
        preferred_element_type=arr.dtype,
    )  # fmt: skip


def _gather_along(arr, indices, axis, mode, fill_value):
    """Axes that both have are batch axes; those of size 1 in one of them are not."""
    units = [
        i for i, (n, m) in enumerate(zip(arr.shape, indices.shape, strict=True))
        if i != axis and n == 1 != m
    ]  # fmt: skip
    offset, collapsed, operand_batch, index_batch, kept, sizes = [], [], [], [], [], []
    dim = 0
    start = axis - len([i for i in units if i < axis])
    for i, (n, m) in enumerate(zip(arr.shape, indices.shape, strict=True)):
        if i in units:
            kept.append(m)
            continue
        if m == 1 != n and i != axis:
            offset.append(i)
            sizes.append(n)
        else:
            sizes.append(1)
            if i == axis:
                collapsed.append(dim)
            else:
                operand_batch.append(dim)
                index_batch.append(len(kept))
            kept.append(m)
        dim += 1
    numbers = GatherDimensionNumbers(
        offset_dims=tuple(offset),
        collapsed_slice_dims=tuple(collapsed),
        start_index_map=(start,),
        operand_batching_dims=tuple(operand_batch),
        start_indices_batching_dims=tuple(index_batch),
    )
    indices = lax.reshape(indices, (*kept, 1))
    if units:
        arr = lax.squeeze(arr, tuple(units))
    return lax.gather(
        arr,
        indices,
        numbers,
        tuple(sizes),
        mode="fill" if mode is None else mode,
        fill_value=fill_value,
    )


@jit(static_argnames=("axis", "inplace", "mode"))
def put_along_axis(arr, indices, values, axis, inplace=True, *, mode=None):
    """`arr` with elements along an axis set to `values`; the result is a new array.

    ValueError unless `inplace` is False.

    Args:
        arr: array.
        indices: integers, of as many axes as `arr`.
        values: what to put there; broadcast to `indices`.
        axis: along which they are indices; None for the flattened array.
        inplace: must be False.
        mode: out of bounds, as for updates `x.at[...]`.

    Returns:
        An array of the shape and dtype of `arr`.

    Examples:
        >>> x = jnp.zeros((2, 3))
        >>> jnp.put_along_axis(x, jnp.array([[0], [2]]), 5, axis=1, inplace=False)
        Array([[5., 0., 0.],
               [0., 0., 5.]], dtype=float32)
    """
    if inplace:
        raise ValueError(
            "jax.numpy.put_along_axis cannot modify arrays in-place, because JAX "
            "arrays are "
            "immutable. Pass inplace=False to instead return an updated array."
        )
    arr, indices, values = [
        asarray(x) for x in ensure_arraylike("put_along_axis", arr, indices, values)
    ]
    shape = arr.shape
    if axis is None:
        arr, axis = jnp.ravel(arr), 0
    if arr.ndim != indices.ndim:
        raise ValueError(
            "put_along_axis arguments 'arr' and 'indices' must have same ndim. Got "
            f"arr.ndim={arr.ndim} and indices.ndim={indices.ndim}."
        )
    axis = canonical_axis(axis, arr.ndim)
    values = broadcast_to(values, indices.shape)
    index = []
    for i in range(arr.ndim):
        if i == axis:
            index.append(indices)
        else:
            place = lax.iota(INT32, arr.shape[i])
            size = [1] * arr.ndim
            size[i] = arr.shape[i]
            index.append(lax.broadcast_in_dim(place, tuple(size), (i,)))
    return arr.at[tuple(index)].set(values, mode=mode).reshape(shape)


# --- where it is nonzero --------------------------------------------------------------


def nonzero(a, *, size=None, fill_value=None):
    """The indices of the nonzero elements, one vector for each axis.

    Args:
        a: array.
        size: the static number of indices, for use under jit: more are cut, fewer are
            padded.
        fill_value: what pads; 0, a scalar, or one for each axis.

    Returns:
        A tuple of vectors of integers.

    Examples:
        >>> jnp.nonzero(jnp.array([[0, 3], [4, 0]]))
        (Array([0, 1], dtype=int32), Array([1, 0], dtype=int32))
        >>> jnp.nonzero(jnp.array([0, 3, 4]), size=3, fill_value=-1)
        (Array([ 1,  2, -1], dtype=int32),)
    """
    (a,) = ensure_arraylike("nonzero", a)
    a = asarray(a)
    if not a.ndim:
        raise ValueError(
            "Calling nonzero on 0d arrays is not allowed. Use "
            "jnp.atleast_1d(scalar).nonzero() instead."
        )
    mask = a if a.dtype == BOOL else lax.ne(a, constant_like(0, a))
    if size is None:
        size = int(concrete_or_error(
            None, mask.sum(),
            "The size argument of jnp.nonzero must be statically specified to use "
            "jnp.nonzero within JAX transformations.",
        ))  # fmt: skip
    size = core.as_size(concrete_or_error(None, size, "size argument of jnp.nonzero"))
    index = dtypes.python_scalar_dtype(int)
    if not a.size or not size:
        return tuple([jnp.zeros(size, index) for _ in a.shape])
    flat = _flat_nonzero(jnp.reshape(mask, -1), size)
    strides = [literal(math.prod(a.shape[k + 1 :]), index) for k in range(a.ndim)]
    out = tuple([
        jnp.remainder(jnp.floor_divide(flat, stride), n)
        for stride, n in zip(strides, a.shape, strict=True)
    ])  # fmt: skip
    if fill_value is None:
        return out
    return _fill_rest(out, mask, size, fill_value)


def _flat_nonzero(mask, size):
    """For each k below `size` the number of elements before the k-th nonzero one."""
    before = jnp.cumsum(mask)
    return jnp.cumsum(bincount(before, length=size))


def _fill_rest(out, mask, size, fill_value):
    fills = fill_value if isinstance(fill_value, tuple) else (fill_value,) * len(out)
    if any(np.ndim(f) for f in fills):
        raise ValueError(
            f"fill_value must be a scalar or a tuple of length {len(out)}; got "
            f"{fill_value}"
        )
    if len(fills) != len(out):
        raise ValueError(
            f"safe_zip() argument 1 has length {len(out)} but argument 0 has length "
            f"{len(fills)}. All lengths: {(len(fills), len(out))}"
        )
    rest = arange(size) >= mask.sum()
    return tuple([
        jnp.where(rest, f, x) for f, x in zip(fills, out, strict=True)
    ])  # fmt: skip


def flatnonzero(a, *, size=None, fill_value=None):
    """The indices of the nonzero elements of the flattened array.

    Args:
        a: array.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A vector of integers.

    Examples:
        >>> jnp.flatnonzero(jnp.array([[0, 3], [4, 0]]))
        Array([1, 2], dtype=int32)
    """
    return nonzero(jnp.ravel(a), size=size, fill_value=fill_value)[0]


def argwhere(a, *, size=None, fill_value=None):
    """The indices of the nonzero elements, one row for each.

    Args:
        a: array.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A matrix of integers, with a column for each axis of `a`.

    Examples:
        >>> jnp.argwhere(jnp.array([[0, 3], [4, 0]]))
        Array([[0, 1],
               [1, 0]], dtype=int32)
    """
    (a,) = ensure_arraylike("argwhere", a)
    found = nonzero(jnp.atleast_1d(a), size=size, fill_value=fill_value)
    rows = jnp.vstack(found)
    if not len(shape_of(a)):
        return rows[:0].reshape(rows.shape[1], 0)
    return rows.T


def bincount(x, weights=None, minlength=0, *, length=None, out_sharding=None):
    """How often each non-negative integer occurs in `x`, or the sum of its weights.

    Args:
        x: vector of integers, none negative.
        weights: vector of what each of them counts; 1 if None.
        minlength: the least length of the result.
        length: the static length of the result, for use under jit; larger values are
            dropped.
        out_sharding: accepted; there is one device.

    Returns:
        A vector: its element i is the count, or the sum of weights, of i.

    Examples:
        >>> jnp.bincount(jnp.array([1, 1, 3]))
        Array([0, 2, 0, 1], dtype=int32)
        >>> jnp.bincount(jnp.array([0, 1, 1]), weights=jnp.array([0.5, 1.0, 2.0]))
        Array([0.5, 3. ], dtype=float32)
    """
    (x,) = ensure_arraylike("bincount", x)
    if is_kind(x, np.bool_):
        x = convert(x, np.dtype("uint8"))
    if not is_kind(x, np.integer):
        raise TypeError(
            f"x argument to bincount must have an integer type; got {dtype_of(x)}"
        )
    if len(shape_of(x)) != 1:
        raise ValueError("only 1-dimensional input supported.")
    minlength = operator.index(
        concrete_or_error(
            None,
            minlength,
            "The error occurred because of argument 'minlength' of jnp.bincount.",
        )
    )
    if length is None:
        host = concrete_or_error(
            np.asarray, x,
            "The error occurred because of argument 'x' of jnp.bincount. To avoid this "
            "error, pass a static `length` argument.",
        )  # fmt: skip
        length = max(minlength, int(host.max()) + 1 if host.size else 0)
    else:
        length = core.as_size(concrete_or_error(None, length, "jnp.bincount length"))
    if weights is None:
        weights = np.array(1, dtypes.python_scalar_dtype(int))
    elif shape_of(x) != shape_of(weights):
        raise ValueError("shape of weights must match shape of x.")
    counts = zeros(length, dtype_of(weights))
    return counts.at[jnp.clip(x, 0)].add(weights, mode="drop")


# --- index arithmetic -----------------------------------------------------------------


def unravel_index(indices, shape):
    """Flat indices into an array of `shape` as one index for each axis; clipped to it.

    Args:
        indices: array of integers.
        shape: tuple of sizes.

    Returns:
        A tuple of arrays of the shape of `indices`.

    Examples:
        >>> jnp.unravel_index(5, (2, 3))
        (Array(1, dtype=int32, weak_type=True), Array(2, dtype=int32, weak_type=True))
    """
    (indices,) = ensure_arraylike("unravel_index", indices)
    shape = list(shape) if np.iterable(shape) else [shape]
    if any(len(shape_of(n)) for n in shape):
        raise ValueError("unravel_index: shape should be a scalar or 1D sequence.")
    if not shape:
        return ()
    left, out = asarray(indices), []
    for n in reversed(shape):
        left, place = jnp.divmod(left, n)
        out.append(place)
    over = left > 0
    # unsigned indices are never below the range
    under = jnp.asarray(False) if is_kind(left, np.unsignedinteger) else left < -1
    return tuple([
        jnp.where(over, n - 1, jnp.where(under, 0, place))
        for n, place in zip(shape, reversed(out), strict=True)
    ])  # fmt: skip


def ravel_multi_index(multi_index, dims, mode="raise", order="C", *, dtype=None):
    """Indices for each axis as flat indices into an array of shape `dims`.

    Args:
        multi_index: a sequence of arrays of integers, one for each axis.
        dims: tuple of sizes.
        mode: 'raise' for an error where indices are out of bounds (where they are
            known), 'wrap' or 'clip'; one, or one an axis.
        order: 'C' for row-major, 'F' for column-major.
        dtype: of the result.

    Returns:
        An array of integers.

    Examples:
        >>> jnp.ravel_multi_index((jnp.array([0, 1]), jnp.array([2, 0])), (2, 3))
        Array([2, 3], dtype=int32)
    """
    if len(multi_index) != len(dims):
        raise AssertionError(
            f"len(multi_index)={len(multi_index)} != len(dims)={len(dims)}"
        )
    dims = tuple([operator.index(concrete_or_error(None, d, "dims")) for d in dims])
    multi_index = [
        asarray(x) for x in ensure_arraylike("ravel_multi_index", *multi_index)
    ]
    if dtype is None and multi_index:
        promoted = result_dtype(0, *multi_index)[0]
        if not dtypes.issubdtype(promoted, np.integer):
            raise ValueError(f"dtype={promoted!r} is not an integer type.")
    if not all(is_kind(x, np.integer) for x in multi_index):
        raise TypeError("only int indices permitted")
    modes = mode if isinstance(mode, (tuple, list)) else (mode,) * len(dims)
    index = []
    for x, n, how in zip(multi_index, dims, modes, strict=True):
        if how == "raise":
            host = concrete_or_error(
                np.asarray, x,
                "The error occurred because ravel_multi_index was jit-compiled with "
                "mode='raise'. "
                "Use mode='wrap' or mode='clip' instead.",
            )  # fmt: skip
            if ((host < 0) | (host >= n)).any():
                raise ValueError("invalid entry in coordinates array")
            index.append(x)
        elif how == "clip":
            index.append(jnp.clip(x, 0, n - 1))
        elif how == "wrap":
            index.append(x % n)
        elif how == "ignore":
            index.append(x)
        else:
            raise ValueError(
                f"invalid mode={how!r}. Expected 'raise', 'wrap', 'clip', or 'ignore'."
            )
    if order not in ("C", "F"):
        raise ValueError(f"invalid order={order!r}. Expected 'C' or 'F'")
    strides = (
        np.cumprod((1, *dims[:0:-1]))[::-1]
        if order == "C"
        else np.cumprod((1, *dims[:-1]))
    )
    if dtype is None:
        dtype = dtypes.result_type(*index)
    result = jnp.array(0, dtype=dtype)
    for x, stride in zip(index, strides, strict=True):
        result = result + convert(x, result.dtype) * int(stride)
    return result

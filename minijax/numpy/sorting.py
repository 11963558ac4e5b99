"""jnp's sorting and searching: sort, argsort, lexsort, partition, searchsorted,
digitize.
"""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    canonical_axis,
    convert,
    ensure_arraylike,
    is_complex,
    is_kind,
    literal,
    promote_dtypes,
)
from minijax.numpy.ranges import arange
from minijax.numpy.selection import where_inline
from minijax.ops.define import scalar
from minijax.ops.gather import GatherDimensionNumbers
from minijax.ops.scatter import ScatterDimensionNumbers
from minijax.ops.total_order import eq_to, le_to, lt_to

_STATICS = ("axis", "kind", "order", "stable", "descending")


def _check_options(name, kind, order):
    if kind is not None:
        raise TypeError(f"'kind' argument to {name} is not supported. Use stable=True or "
                        "stable=False to specify sort stability.")  # fmt: skip
    if order is not None:
        raise TypeError(f"'order' argument to {name} is not supported.")


def _flat_if_no_axis(a, axis):
    a = asarray(a)
    if axis is None:
        return jnp.ravel(a), 0
    return a, canonical_axis(axis, a.ndim)


@jit(static_argnames=_STATICS)
def sort(a, axis=-1, *, kind=None, order=None, stable=True, descending=False):
    """`a` with its elements along an axis in order (None: flattened); NaN last.

    Args:
        a: array.
        axis: along which; None for the flattened array.
        kind: deprecated; see `stable`.
        order: must be None.
        stable: whether equal elements keep their order.
        descending: whether the largest come first.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.sort(jnp.array([3, 1, 2]))
        Array([1, 2, 3], dtype=int32)
        >>> jnp.sort(jnp.array([3, 1, 2]), descending=True)
        Array([3, 2, 1], dtype=int32)
    """
    (a,) = ensure_arraylike("sort", a)
    _check_options("sort", kind, order)
    a, axis = _flat_if_no_axis(a, axis)
    out = lax.sort(a, axis, is_stable=stable)
    return lax.rev(out, (axis,)) if descending else out


@jit(static_argnames=(*_STATICS, "dtype"))
def argsort(
    a, axis=-1, *, kind=None, order=None, stable=True, descending=False, dtype=None
):
    """The indices that put the elements along an axis in order (None: of all).

    Args:
        a: array.
        axis: along which; None for the flattened array.
        kind: deprecated; see `stable`.
        order: must be None.
        stable: whether equal elements keep their order.
        descending: whether the largest come first.
        dtype: of the indices.

    Returns:
        An array of integers of the shape of `a`.

    Examples:
        >>> jnp.argsort(jnp.array([3, 1, 2]))
        Array([1, 2, 0], dtype=int32)
    """
    (a,) = ensure_arraylike("argsort", a)
    _check_options("argsort", kind, order)
    a, axis = _flat_if_no_axis(a, axis)
    dtype = (
        dtypes.python_scalar_dtype(int)
        if dtype is None
        else dtypes.check_user_dtype(dtype, "argsort")
    )
    index = lax.broadcasted_iota(dtype, a.shape, axis)
    if descending:
        a, index = lax.rev(a, (axis,)), lax.rev(index, (axis,))
    _, out = lax.sort((a, index), axis, is_stable=stable, num_keys=1)
    return lax.rev(out, (axis,)) if descending else out


@jit(static_argnames=("axis",))
def lexsort(keys, axis=-1):
    """The indices that sort by several keys, the last one first.

    Args:
        keys: a sequence of arrays of one shape, or an array with the keys along its
            first axis.
        axis: along which.

    Returns:
        An array of integers.

    Examples:
        >>> jnp.lexsort((jnp.array([3, 1, 2]), jnp.array([0, 0, 1])))
        Array([1, 0, 2], dtype=int32)
    """
    keys = [asarray(k) for k in ensure_arraylike("lexsort", *keys)]
    if not keys:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    if len({k.shape for k in keys}) > 1:
        raise ValueError("all keys need to be the same shape")
    if not keys[0].ndim:
        return asarray(0, dtypes.python_scalar_dtype(int))
    axis = canonical_axis(axis, keys[0].ndim)
    index = lax.broadcasted_iota(dtypes.python_scalar_dtype(int), keys[0].shape, axis)
    return lax.sort((*keys[::-1], index), axis, num_keys=len(keys))[-1]


@jit
def sort_complex(a):
    """The elements along the last axis in order, as complex numbers.

    Args:
        a: array.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.sort_complex(jnp.array([2 + 1j, 1 + 2j]))
        Array([1.+2.j, 2.+1.j], dtype=complex64)
    """
    (a,) = ensure_arraylike("sort_complex", a)
    a = lax.sort(asarray(a), -1)
    return convert(a, dtypes.to_complex_dtype(a.dtype))


def _check_partition(name, a, kth, axis):
    (a,) = ensure_arraylike(name, a)
    a = asarray(a)
    if is_kind(a, np.complexfloating):
        raise NotImplementedError(f"jnp.{name} for complex dtype is not implemented.")
    axis = canonical_axis(axis, a.ndim)
    return (
        jnp.swapaxes(a, axis, -1) if axis != a.ndim - 1 else a,
        canonical_axis(kth, a.shape[axis]),
        axis,
    )


def _reversed_order(a):
    """Values whose order is that of `a` reversed."""
    if is_kind(a, np.unsignedinteger):
        return lax.sub(literal(int(dtypes.iinfo(a.dtype).max), a.dtype), a)
    return lax.neg(a)


@jit(static_argnames=("kth", "axis"))
def partition(a, kth, axis=-1):
    """`a` with the kth element of each line in its sorted place, smaller ones before
    it.

    Args:
        a: array.
        kth: an index.
        axis: along which.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.partition(jnp.array([4, 1, 3, 2]), 1)[1]
        Array(2, dtype=int32)
    """
    a, kth, axis = _check_partition("partition", a, kth, axis)
    low = _reversed_order(lax.top_k(_reversed_order(a), kth + 1)[0])
    high = lax.top_k(a, a.shape[-1] - kth - 1)[0]
    out = lax.concatenate([low, high], a.ndim - 1)
    return jnp.swapaxes(out, -1, axis) if axis != a.ndim - 1 else out


@jit(static_argnames=("kth", "axis"))
def argpartition(a, kth, axis=-1):
    """The indices that `partition` puts in place.

    Args:
        a: array.
        kth: an index.
        axis: along which.

    Returns:
        An array of integers of the shape of `a`.

    Examples:
        >>> jnp.argpartition(jnp.array([4, 1, 3, 2]), 0)[0]
        Array(1, dtype=int32)
    """
    a, kth, axis = _check_partition("argpartition", a, kth, axis)
    _, low = lax.top_k(_reversed_order(a), kth + 1)
    marks = lax.full(a.shape, 1.0)
    batch = tuple(range(a.ndim - 1))
    numbers = ScatterDimensionNumbers(
        update_window_dims=(),
        inserted_window_dims=(a.ndim - 1,),
        scatter_dims_to_operand_dims=(a.ndim - 1,),
        operand_batching_dims=batch,
        scatter_indices_batching_dims=batch,
    )
    zeros = lax.full(low.shape, 0.0)
    marks = lax.scatter(marks, lax.expand_dims(low, (low.ndim,)), zeros, numbers)
    _, high = lax.top_k(marks, a.shape[-1] - kth - 1)
    out = lax.concatenate([low, high], a.ndim - 1)
    return jnp.swapaxes(out, -1, axis) if axis != a.ndim - 1 else out


# --- searching ------------------------------------------------------------------------


def _canonical_floats(x):
    """Zeros without sign and NaNs all alike, so that the total order is NumPy's."""
    if not is_kind(x, np.floating):
        return x
    clean = where_inline(lax.eq(x, literal(0, x.dtype)), literal(0, x.dtype), x)
    return where_inline(lax.ne(x, x), literal(np.nan, x.dtype), clean)


def _sort_keys(x):
    """What to compare to compare elements: their value, or real and imaginary parts."""
    parts = (lax.real(x), lax.imag(x)) if is_complex(x) else (x,)
    return [_canonical_floats(part) for part in parts]


def _in_order(compare, x, y):
    """`compare` on lists of keys: the last decides where all before it are equal."""
    out = compare(x[-1], y[-1])
    for mine, its in zip(x[-2::-1], y[-2::-1], strict=True):
        before = lt_to(mine, its)
        out = lax.bitwise_or(before, lax.bitwise_and(eq_to(mine, its), out))
    return out


def _goes_left(side):
    """Whether a query belongs at or before the place of an element."""
    compare = le_to if side == "left" else lt_to

    def goes_left(query, element):
        return _in_order(compare, _sort_keys(query), _sort_keys(element))

    return goes_left


def _pick(a, index):
    """a[index] for a vector and unsigned indices of any shape."""
    if not index.ndim:
        return lax.squeeze(lax.dynamic_slice(a, (index,), (1,)), (0,))
    numbers = GatherDimensionNumbers((index.ndim,), (), (0,))
    index = lax.expand_dims(index, (index.ndim,))
    out = lax.gather(a, index, numbers, (1,), mode="clip")
    return lax.squeeze(out, (index.ndim - 1,))


def _search_by_halving(unrolled, a, query, side, dtype):
    goes_left = _goes_left(side)
    index = np.dtype("uint32") if a.size < 2**32 - 1 else np.dtype("uint64")

    def body(state, _):
        low, high = state
        middle = lax.add(low, jnp.floor_divide(lax.sub(high, low), 2))
        left = goes_left(query, _pick(a, middle))
        return (lax.select(left, low, middle), lax.select(left, middle, high)), ()

    levels = math.ceil(math.log2(len(a) + 1))
    start = tuple([lax.full(query.shape, literal(n, index)) for n in (0, len(a))])
    carry, _ = lax.scan(
        body, start, (), length=levels, unroll=levels if unrolled else 1
    )
    return convert(carry[1], dtype)


def _rank(x):
    places = arange(x.shape[0])
    out = jnp.zeros_like(places)
    _, order = lax.sort((x, places), 0, num_keys=1)
    return out.at[order].set(places)


def _search_by_sort(a, query, side, dtype):
    flat = jnp.ravel(query)
    if side == "left":
        found = _rank(lax.concatenate([flat, a], 0))[: flat.size]
    else:
        found = _rank(lax.concatenate([a, flat], 0))[a.size :]
    return convert(lax.reshape(lax.sub(found, _rank(flat)), query.shape), dtype)


def _search_by_comparing(a, query, side, dtype):
    compare = lt_to if side == "left" else le_to
    axes = range(1, query.ndim + 1)
    columns, queries = _sort_keys(a), _sort_keys(query)
    queries = [lax.expand_dims(key, (0,)) for key in queries]
    columns = [lax.expand_dims(key, axes) for key in columns]
    return jnp.sum(_in_order(compare, columns, queries), axis=0, dtype=dtype)


@jit(static_argnames=("side", "method"))
def searchsorted(a, v, side="left", sorter=None, *, method="scan"):
    """Where the elements of `v` belong in the sorted vector `a`.

    Args:
        a: vector in order.
        v: array of what to look up.
        side: 'left' before, or 'right' after equal elements.
        sorter: indices that sort `a`.
        method: 'scan', 'scan_unrolled', 'sort' or 'compare_all', which differ in speed
            only.

    Returns:
        An array of integers of the shape of `v`.

    Examples:
        >>> jnp.searchsorted(jnp.array([1, 2, 3]), jnp.array([0, 2, 5]))
        Array([0, 1, 3], dtype=int32)
    """
    if sorter is None:
        a, v = ensure_arraylike("searchsorted", a, v)
    else:
        a, v, sorter = ensure_arraylike("searchsorted", a, v, sorter)
    if side not in ("left", "right"):
        raise ValueError(f"invalid argument {side=}, expected 'left' or 'right'")
    if method not in ("scan", "scan_unrolled", "sort", "compare_all"):
        raise ValueError(
            f"invalid argument {method=}, expected one of "
            "['compare_all', 'scan', 'scan_unrolled', 'sort']"
        )
    a, v = [asarray(x) for x in promote_dtypes(a, v)]
    if a.dtype == np.bool_:  # of booleans, False comes first
        a, v = a.astype("uint8"), v.astype("uint8")
    if a.ndim != 1:
        raise ValueError("a should be 1-dimensional")
    if sorter is not None:
        a = a[asarray(sorter)]
    dtype = _place_dtype(a.size)
    if not a.size:
        return lax.full(v.shape, literal(0, dtype))
    if method == "sort":
        return _search_by_sort(a, v, side, dtype)
    if method == "compare_all":
        return _search_by_comparing(a, v, side, dtype)
    return _search_by_halving(method == "scan_unrolled", a, v, side, dtype)


def _place_dtype(size):
    """Of places in a vector: int32, or int64 where that is too small.

    OverflowError where there are no 64-bit types to hold them.
    """
    if size <= np.iinfo(np.int32).max:
        return np.dtype(np.int32)
    dtype = dtypes.check_user_dtype(np.int64, "searchsorted")
    scalar(dtype, size)
    return dtype


@jit(static_argnames=("right", "method"))
def digitize(x, bins, right=False, *, method=None):
    """The bin that each element of `x` falls into; bins are monotonic, up or down.

    Args:
        x: array.
        bins: vector of edges, ascending or descending.
        right: whether a bin includes its right edge rather than the left.
        method: as for `searchsorted`.

    Returns:
        An array of integers of the shape of `x`.

    Examples:
        >>> jnp.digitize(jnp.array([0.5, 1.5, 9.0]), jnp.array([1.0, 2.0]))
        Array([0, 1, 2], dtype=int32)
    """
    x, bins = ensure_arraylike("digitize", x, bins)
    bins = asarray(bins)
    if bins.ndim != 1:
        raise ValueError(
            f"digitize: bins must be a 1-dimensional array; got bins={bins}"
        )
    if not bins.shape[0]:
        return lax.full_like(asarray(x), 0, dtypes.python_scalar_dtype(int))
    side = "right" if not right else "left"
    options = {"side": side} if method is None else {"side": side, "method": method}
    return jnp.where(
        bins[-1] >= bins[0],
        searchsorted(bins, x, **options),
        bins.shape[0] - searchsorted(bins[::-1], x, **options),
    )


__all__ = ["argpartition", "argsort", "digitize", "lexsort",
           "partition", "searchsorted", "sort", "sort_complex"]  # fmt: skip

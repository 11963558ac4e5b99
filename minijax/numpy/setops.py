"""jnp's sets: unique, isin, unions and intersections. Under jit, `size` makes their
shapes static.
"""

import operator
from collections import namedtuple

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    canonical_axis,
    concrete_or_error,
    convert,
    ensure_arraylike,
    promote_dtypes,
    shape_of,
)

_NO_SIZE = (
    "The error arose for the {} argument of jnp.unique(). To make jnp.unique() "
    "compatible with JIT and other transforms, you can specify a concrete value for the "
    "size argument, which will determine the output size."
)

UniqueAll = namedtuple("_UniqueAllResult", "values indices inverse_indices counts")
UniqueInverse = namedtuple("_UniqueInverseResult", "values inverse_indices")
UniqueCounts = namedtuple("_UniqueCountsResult", "values counts")


def unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *,
    equal_nan=True, size=None, fill_value=None, sorted=True,
):  # fmt: skip
    """The sorted distinct elements (or slices along an axis), and where and how often
    they occur.

    Args:
        ar: array.
        return_index: whether to give where each first occurs.
        return_inverse: whether to give the place of each element among them.
        return_counts: whether to give how often each occurs.
        axis: along which slices are compared; None for the flattened array.
        equal_nan: whether NaNs are one.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads; the least element by default.
        sorted: accepted; results are always in order.

    Returns:
        An array, or a tuple that begins with it.

    Examples:
        >>> jnp.unique(jnp.array([3, 1, 3]))
        Array([1, 3], dtype=int32)
        >>> jnp.unique(jnp.array([3, 1, 3]), return_counts=True)
        (Array([1, 3], dtype=int32), Array([1, 2], dtype=int32))
    """
    (ar,) = ensure_arraylike("unique", ar)
    ar = asarray(ar)
    if size is None:
        concrete_or_error(None, ar, _NO_SIZE.format("first"))
    else:
        size = operator.index(concrete_or_error(None, size, _NO_SIZE.format("size")))
    shape = ar.shape
    if axis is None:
        place, flat = 0, ar.reshape(-1)
    else:
        place, flat = canonical_axis(axis, ar.ndim), ar
    return _unique(flat, place, return_index, return_inverse, return_counts, equal_nan, size,
                   fill_value, shape if axis is None else None)  # fmt: skip


def _unique(ar, axis, index, inverse, counts, equal_nan, size, fill_value, flat_shape):
    if not ar.shape[axis]:
        return _unique_of_nothing(
            ar, axis, index, inverse, counts, size, fill_value, flat_shape
        )
    order, ordered, first = _ordered_mask(ar, axis, equal_nan)
    if size is None:
        places = jnp.asarray(np.flatnonzero(np.asarray(first)))
        ends = jnp.append(places[1:], first.shape[0])
    else:
        starts = jnp.nonzero(first, size=size + 1, fill_value=first.shape[0])[0]
        places, ends = starts[:-1], starts[1:]
    n_found = first.sum()
    values = jnp.moveaxis(ordered.at[places].get(mode="clip"), 0, axis)
    out = [_fill(values, axis, size, n_found, fill_value, ordered[0])]
    if index:
        found = order.at[places].get(mode="clip")
        if size is not None:
            found = jnp.where(jnp.arange(size) < n_found, found, order[0])
        out.append(found)
    if inverse:
        place = jnp.zeros_like(order).at[order].set(jnp.cumsum(first) - 1)
        out.append(place.reshape(flat_shape) if flat_shape is not None else place)
    if counts:
        out.append(ends - places)
    return out[0] if len(out) == 1 else tuple(out)


def _fill(values, axis, size, n_found, fill_value, least):
    """Pad what lies beyond the distinct values."""
    if size is None:
        return values
    fill = least if fill_value is None else jnp.asarray(fill_value).astype(values.dtype)
    valid = jnp.arange(size) < n_found
    shape = [1] * values.ndim
    shape[axis] = size
    fill = jnp.expand_dims(fill, axis) if fill.ndim else fill
    return jnp.where(valid.reshape(shape), values, fill)


@jit(static_argnames=("axis", "equal_nan"))
def _ordered_mask(ar, axis, equal_nan):
    """(sorting indices, slices in order along the first axis, whether each differs from
    the last).
    """
    ar = jnp.moveaxis(ar, axis, 0)
    rows = (
        ar.reshape(ar.shape[0], -1)
        if ar.size
        else jnp.zeros((ar.shape[0], 1), ar.dtype)
    )
    order = jnp.lexsort(rows.T[::-1])
    ordered = ar[order]
    later, earlier = ordered[1:], ordered[:-1]
    differ = later != earlier
    if equal_nan and dtypes.issubdtype(ar.dtype, np.inexact):
        differ &= ~(jnp.isnan(later) & jnp.isnan(earlier))
    first = jnp.ones(ar.shape[0], bool)
    first = first.at[1:].set(jnp.any(differ, axis=tuple(range(1, ar.ndim))))
    return order, ordered, first


def _unique_of_nothing(ar, axis, index, inverse, counts, size, fill_value, flat_shape):
    shape = list(ar.shape)
    if size is not None:
        if fill_value is None and size:
            raise ValueError(
                "jnp.unique: for zero-sized input with nonzero size argument, "
                "fill_value must be specified"
            )
        shape[axis] = size
    out = [jnp.full(shape, 0 if fill_value is None else fill_value, ar.dtype)]
    if index:
        out.append(jnp.zeros(0, int))
    if inverse:
        out.append(
            jnp.zeros(flat_shape if flat_shape is not None else ar.shape[axis], int)
        )
    if counts:
        out.append(jnp.zeros(0, int))
    return out[0] if len(out) == 1 else tuple(out)


def unique_all(x, /, *, size=None, fill_value=None):
    """`unique` with indices, inverse and counts, by name; NaNs differ.

    Args:
        x: array.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A named tuple: values, indices, inverse_indices, counts.

    Examples:
        >>> jnp.unique_all(jnp.array([3, 1, 3])).counts
        Array([1, 2], dtype=int32)
    """
    (x,) = ensure_arraylike("unique_all", x)
    return UniqueAll(
        *unique(x, True, True, True, equal_nan=False, size=size, fill_value=fill_value)
    )


def unique_counts(x, /, *, size=None, fill_value=None):
    """`unique` with counts, by name; NaNs differ.

    Args:
        x: array.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A named tuple: values, counts.

    Examples:
        >>> jnp.unique_counts(jnp.array([3, 1, 3])).values
        Array([1, 3], dtype=int32)
    """
    (x,) = ensure_arraylike("unique_counts", x)
    return UniqueCounts(
        *unique(
            x, False, False, True, equal_nan=False, size=size, fill_value=fill_value
        )
    )


def unique_inverse(x, /, *, size=None, fill_value=None):
    """`unique` with the inverse, by name; NaNs differ.

    Args:
        x: array.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A named tuple: values, inverse_indices.

    Examples:
        >>> jnp.unique_inverse(jnp.array([3, 1, 3])).inverse_indices
        Array([1, 0, 1], dtype=int32)
    """
    (x,) = ensure_arraylike("unique_inverse", x)
    return UniqueInverse(
        *unique(
            x, False, True, False, equal_nan=False, size=size, fill_value=fill_value
        )
    )


def unique_values(x, /, *, size=None, fill_value=None):
    """`unique`; NaNs differ.

    Args:
        x: array.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A vector.

    Examples:
        >>> jnp.unique_values(jnp.array([3, 1, 3]))
        Array([1, 3], dtype=int32)
    """
    (x,) = ensure_arraylike("unique_values", x)
    return unique(x, equal_nan=False, size=size, fill_value=fill_value)


# --- membership -----------------------------------------------------------------------


def isin(element, test_elements, assume_unique=False, invert=False, *, method="auto"):
    """Whether each element occurs among `test_elements`.

    Args:
        element: array.
        test_elements: array.
        assume_unique: accepted; it changes nothing.
        invert: whether to ask for those that do not occur.
        method: 'auto', 'compare_all', 'binary_search' or 'sort', which differ in speed
            only.

    Returns:
        An array of booleans of the shape of `element`.

    Examples:
        >>> jnp.isin(jnp.array([1, 2, 3]), jnp.array([2, 5]))
        Array([False,  True, False], dtype=bool)
    """
    element, test_elements = ensure_arraylike("isin", element, test_elements)
    found = _in1d(element, test_elements, invert, method, assume_unique)
    return found.reshape(shape_of(element))


@jit(static_argnames=("invert", "method", "assume_unique"))
def _in1d(element, test, invert, method="auto", assume_unique=False):
    flat, test = [jnp.ravel(x) for x in promote_dtypes(element, test)]
    if not flat.size or not test.size:
        return jnp.full(flat.shape, invert, bool)
    if method not in ("auto", "compare_all", "binary_search", "sort"):
        raise ValueError(
            f"{method=} is not implemented; options are 'compare_all', "
            "'binary_search', 'sort', and 'auto'"
        )
    if method in ("auto", "compare_all"):
        found = jnp.any(flat[:, None] == test[None, :], axis=1)
    else:
        test = jnp.sort(test)
        place = jnp.clip(jnp.searchsorted(test, flat), 0, test.size - 1)
        found = test[place] == flat
    return ~found if invert else found


def union1d(ar1, ar2, *, size=None, fill_value=None):
    """The sorted distinct elements of both arrays.

    Args:
        ar1: array.
        ar2: array.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A vector.

    Examples:
        >>> jnp.union1d(jnp.array([1, 2]), jnp.array([2, 3]))
        Array([1, 2, 3], dtype=int32)
    """
    ar1, ar2 = ensure_arraylike("union1d", ar1, ar2)
    both = jnp.concatenate([jnp.ravel(ar1), jnp.ravel(ar2)])
    known = both if size is None else size
    concrete_or_error(None, known, "The error arose in union1d()")
    return unique(both, size=size, fill_value=fill_value)


def setdiff1d(ar1, ar2, assume_unique=False, *, size=None, fill_value=None):
    """The sorted distinct elements of `ar1` that `ar2` lacks.

    Args:
        ar1: array.
        ar2: array.
        assume_unique: whether no element repeats in either.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A vector.

    Examples:
        >>> jnp.setdiff1d(jnp.array([1, 2]), jnp.array([2, 3]))
        Array([1], dtype=int32)
    """
    ar1, ar2 = ensure_arraylike("setdiff1d", ar1, ar2)
    ar1 = jnp.ravel(ar1)
    if size is None:
        ar1 = concrete_or_error(None, ar1, "The error arose in setdiff1d()")
        values = ar1 if assume_unique else unique(ar1)
        return values[isin(values, ar2, invert=True)]
    if not ar1.size:
        return jnp.full(size, 0 if fill_value is None else fill_value, ar1.dtype)
    if assume_unique:
        keep = isin(ar1, ar2, invert=True)
    else:
        distinct = jnp.arange(ar1.size) < _count_distinct(ar1)
        ar1 = unique(ar1, size=ar1.size)
        keep = isin(ar1, ar2, invert=True) & distinct
    return _compact(ar1, keep, size, 0 if fill_value is None else fill_value)


def _compact(values, keep, size, fill_value):
    """The kept values in order, `size` of them, padded; by default with the least."""
    places = jnp.nonzero(keep, size=size)[0]
    valid = jnp.arange(size) < keep.sum()
    found = values[places] if values.size else jnp.zeros(size, values.dtype)
    if fill_value is None and size:
        found = jnp.where(valid, found, jnp.where(valid, found, 0).max())
        fill_value = found.min()
    elif fill_value is None:
        fill_value = 0
    return jnp.where(valid, found, convert(asarray(fill_value), values.dtype))


def intersect1d(
    ar1, ar2, assume_unique=False, return_indices=False, *, size=None, fill_value=None
):
    """The sorted distinct elements that both arrays have, and where they first occur in
    each.

    Args:
        ar1: array.
        ar2: array.
        assume_unique: whether no element repeats in either.
        return_indices: whether to give where they occur, too.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A vector, or a tuple of three.

    Examples:
        >>> jnp.intersect1d(jnp.array([1, 2]), jnp.array([2, 3]))
        Array([2], dtype=int32)
    """
    ar1, ar2 = ensure_arraylike("intersect1d", ar1, ar2)
    ar1, ar2 = [jnp.ravel(x) for x in promote_dtypes(ar1, ar2)]
    if size is None:
        return _intersect1d(ar1, ar2, assume_unique, return_indices)
    both, order, known = _in_order(ar1, ar2, assume_unique)
    keep = _same_as_next(both, known)
    out = _compact(both[:-1], keep, size, fill_value)
    if not return_indices:
        return out
    places = jnp.nonzero(keep, size=size)[0]
    valid = jnp.arange(size) < keep.sum()
    return (
        out,
        jnp.where(valid, order[:-1][places], ar1.size),
        jnp.where(valid, order[1:][places] - ar1.size, ar2.size),
    )


def _in_order(ar1, ar2, assume_unique):
    """(elements of both arrays in order, their places in one after the other, whether
    each is one that counts): repetitions within one array do not, unless there are none;
    they come last.
    """
    parts = []
    for x in (ar1, ar2):
        known = jnp.ones(x.size, bool)
        if assume_unique:
            parts.append((x, jnp.arange(x.size), known))
        else:
            fill = None if x.size else 0
            values, first = unique(x, return_index=True, size=x.size, fill_value=fill)
            parts.append((values, first, jnp.arange(x.size) < _count_distinct(x)))
    values, places, known = map(jnp.concatenate, zip(*parts, strict=True))
    late = jnp.arange(values.size) >= parts[0][0].size
    places = places + jnp.where(late, ar1.size, 0)
    unknown, values, places = lax.sort((~known, values, places), num_keys=2)
    return values, places, ~unknown


def _same_as_next(values, known):
    return (values[1:] == values[:-1]) & known[1:]


def _intersect1d(ar1, ar2, assume_unique, return_indices):
    """`intersect1d` of a size that depends on values: equal neighbours once sorted."""
    firsts = None
    if not assume_unique:
        pairs = [unique(x, return_index=True) for x in (ar1, ar2)]
        (ar1, ar2), firsts = zip(*pairs, strict=True)
    both = jnp.concatenate([ar1, ar2])
    both, order = lax.sort_key_val(both, jnp.arange(both.size))
    twice = both[1:] == both[:-1]
    found = both[:-1][twice]
    if not return_indices:
        return found
    places = order[:-1][twice], order[1:][twice] - ar1.size
    if firsts is not None:
        places = [first[i] for first, i in zip(firsts, places, strict=True)]
    return found, *places


def _count_distinct(x):
    return _ordered_mask(x, 0, True)[2].sum()


def setxor1d(ar1, ar2, assume_unique=False, *, size=None, fill_value=None):
    """The sorted distinct elements that exactly one of the arrays has.

    Args:
        ar1: array.
        ar2: array.
        assume_unique: whether no element repeats in either.
        size: the static number of results, for use under jit: more are cut, fewer
            padded.
        fill_value: what pads the result; the least element or 0 by default.

    Returns:
        A vector.

    Examples:
        >>> jnp.setxor1d(jnp.array([1, 2]), jnp.array([2, 3]))
        Array([1, 3], dtype=int32)
    """
    ar1, ar2 = ensure_arraylike("setxor1d", ar1, ar2)
    ar1, ar2 = [jnp.ravel(x) for x in promote_dtypes(ar1, ar2)]
    if size is None:
        if not assume_unique:
            ar1, ar2 = unique(ar1), unique(ar2)
        both = jnp.sort(jnp.concatenate([ar1, ar2]))
        differs = jnp.pad(both[1:] != both[:-1], 1, constant_values=True)
        return both[differs[1:] & differs[:-1]] if both.size else both
    both, _, known = _in_order(ar1, ar2, assume_unique)
    differs = jnp.pad(~_same_as_next(both, known), 1, constant_values=True)
    return _compact(both, differs[1:] & differs[:-1] & known, size, fill_value)

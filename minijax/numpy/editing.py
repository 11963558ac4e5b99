"""jnp's removal and insertion of elements: delete, insert, trim_zeros."""

import numpy as np

import minijax.numpy as jnp
from minijax.numpy.creation import asarray
from minijax.numpy.filling import ones, zeros
from minijax.numpy.promotion import (
    canonical_axes,
    canonical_axis,
    concrete_or_error,
    ensure_arraylike,
    is_kind,
    shape_of,
)
from minijax.numpy.ranges import arange


def delete(arr, obj, axis=None, *, assume_unique_indices=False):
    """`arr` without the elements at `obj` along an axis (None: of the flattened array).

    Args:
        arr: array.
        obj: an integer, a slice, or an array of integers or booleans.
        axis: along which to leave out; None for the flattened array.
        assume_unique_indices: True where no index in `obj` repeats: the shape then
            needs no values.

    Returns:
        An array with fewer elements along the axis.

    Examples:
        >>> jnp.delete(jnp.array([10, 11, 12, 13]), 1)
        Array([10, 12, 13], dtype=int32)
        >>> jnp.delete(jnp.arange(6).reshape(2, 3), jnp.array([0, 2]), axis=1)
        Array([[1],
               [4]], dtype=int32)
    """
    (arr,) = ensure_arraylike("delete", arr)
    arr = asarray(arr)
    if axis is None:
        arr, axis = jnp.ravel(arr), 0
    axis = canonical_axis(axis, arr.ndim)
    n = arr.shape[axis]
    lead = (slice(None),) * axis
    try:
        i = canonical_axis(obj, n)
    except TypeError:
        pass
    else:
        parts = [arr[(*lead, s)] for s in (slice(0, i), slice(i + 1, None))]
        return jnp.concatenate(parts, axis=axis)
    if isinstance(obj, slice):
        obj = np.arange(n)[obj]
    _, obj = ensure_arraylike("delete", arr, obj)
    if assume_unique_indices and is_kind(obj, np.integer):
        return _delete_unique(arr, jnp.ravel(obj), axis, n)
    kept = np.ones(n, bool)
    places = concrete_or_error(np.asarray, obj, "'obj' array argument of jnp.delete()")
    if places.dtype.kind in "iu":
        kept[places] = False
    elif places.dtype != np.bool_:
        raise ValueError(
            f"np.delete(arr, obj): got obj.dtype={places.dtype}; must be integer or bool."
        )
    elif places.shape != (n,):
        raise ValueError(
            "np.delete(arr, obj): for boolean indices, obj must be one-dimensional with "
            "length matching specified axis."
        )
    else:
        kept = ~places
    return arr[(*lead, np.flatnonzero(kept))]


def _delete_unique(arr, places, axis, n):
    """Shift each kept index past the deleted ones at or before it."""
    places = jnp.where(places < 0, places + n, places)
    places = jnp.clip(places, 0, n - 1)
    kept = arange(n - places.size)
    order = jnp.sort(places) - arange(places.size)
    kept = kept + (order[:, None] <= kept[None, :]).sum(0)
    return jnp.take(arr, kept, axis=axis)


def insert(arr, obj, values, axis=None):
    """`arr` with `values` put in before the indices `obj` along an axis (None:
    flattened).

    Args:
        arr: array.
        obj: an integer, a slice, or an array of integers or booleans: before which
            places.
        values: what to put in; broadcast to the places.
        axis: along which; None for the flattened array.

    Returns:
        An array with more elements along the axis.

    Examples:
        >>> jnp.insert(jnp.array([1, 2, 3]), 1, 9)
        Array([1, 9, 2, 3], dtype=int32)
    """
    arr, values = ensure_arraylike(
        "insert", arr, 0 if isinstance(values, slice) else values
    )
    arr, values = asarray(arr), asarray(values)
    if axis is None:
        arr, axis = jnp.ravel(arr), 0
    axis = canonical_axis(axis, arr.ndim)
    values = jnp.array(values, ndmin=arr.ndim, dtype=arr.dtype, copy=False)
    n = arr.shape[axis]
    if isinstance(obj, slice):
        index = asarray(np.arange(n)[obj])
    else:
        _, obj = ensure_arraylike("insert", arr, obj)
        index = jnp.ravel(obj)
        if not is_kind(index, np.integer):
            raise ValueError(
                f"jnp.insert(): index array must be integer typed; got {obj}"
            )
        if len(shape_of(obj)) > 1:
            raise ValueError(
                "jnp.insert(): obj must be a slice, a one-dimensional array, or a "
                f"scalar; got {obj}"
            )
    if isinstance(obj, slice) or not len(shape_of(obj)):
        values = (
            jnp.moveaxis(values, 0, axis)
            if values.ndim == arr.ndim and axis
            else values
        )
    (count,) = jnp.broadcast_shapes(index.shape, (values.shape[axis],))
    if index.size == 1:
        index = jnp.full(count, index[0])
    out_shape = list(arr.shape)
    out_shape[axis] += index.size
    place = jnp.where(index < 0, index + n, index)
    place = jnp.clip(place, 0, n)
    order = jnp.argsort(place)
    place = place.at[order].add(arange(index.size, dtype=place.dtype))
    keep = ones(n + index.size, bool).at[place].set(False)
    rest = jnp.where(keep, size=n)[0]
    lead = (slice(None),) * axis
    out = zeros(out_shape, arr.dtype)
    out = out.at[(*lead, place)].set(values)
    return out.at[(*lead, rest)].set(arr)


def trim_zeros(filt, trim="fb", axis=None):
    """`filt` without zeros at its ends ('f': front, 'b': back); its shape depends on
    the values.

    Args:
        filt: vector.
        trim: 'f' for zeros at the front, 'b' for those at the back, 'fb' for both.
        axis: one axis, several, or None for all.

    Returns:
        A vector.

    Examples:
        >>> jnp.trim_zeros(jnp.array([0, 0, 3, 0, 5, 0]))
        Array([3, 0, 5], dtype=int32)
    """
    (filt,) = ensure_arraylike("trim_zeros", filt)
    host = concrete_or_error(
        np.asarray, filt,
        "Error arose in the `filt` argument of trim_zeros()",
    )  # fmt: skip
    filt = asarray(filt)
    axes = canonical_axes(axis, host.ndim, distinct=True)
    if not {"f", "b"} & set(trim.lower()):
        return filt
    places = np.nonzero(host) if axes else ()
    index = [slice(None)] * host.ndim
    for i in axes:
        found = places[i]
        if not found.size:
            index[i] = slice(0, 0)
            continue
        start = found.min() if "f" in trim.lower() else 0
        stop = found.max() + 1 if "b" in trim.lower() else host.shape[i]
        index[i] = slice(int(start), int(stop))
    return filt[tuple(index)]

"""jnp's removal and insertion of elements: delete, insert, trim_zeros."""

import numpy as np

import minijax.numpy as jnp
from minijax.core import Tracer
from minijax.numpy.creation import arange, asarray, ones, zeros
from minijax.numpy.promotion import (
    canonical_axis,
    check_arraylike,
    concrete_or_error,
    ensure_arraylike,
    is_kind,
    shape_of,
)


def delete(arr, obj, axis=None, *, assume_unique_indices=False):
    """`arr` without the elements at `obj` along an axis (None: of the flattened array).

    obj: an int, a slice, or an array of indices or booleans; under jit, traced indices
    need `assume_unique_indices`, since the shape depends on repetitions.
    """
    (arr,) = ensure_arraylike("delete", arr)
    arr = asarray(arr)
    if axis is None:
        arr, axis = jnp.ravel(arr), 0
    axis = canonical_axis(axis, arr.ndim)
    n = arr.shape[axis]
    if isinstance(obj, slice):
        places = np.arange(n)[obj]
        return jnp.take(arr, np.delete(np.arange(n), places), axis=axis)
    check_arraylike("delete", obj)
    if is_kind(obj, np.bool_):
        mask = concrete_or_error(
            np.asarray, obj, "'obj' array argument of jnp.delete()"
        )
        if mask.shape != (n,):
            raise ValueError(
                "np.delete(arr, obj): for boolean indices, obj must be "
                "one-dimensional with "
                "length matching specified axis."
            )
        return arr[(slice(None),) * axis + (np.flatnonzero(~mask),)]
    if isinstance(obj, Tracer) and obj._concrete() is None:
        return _delete_traced(
            arr, jnp.ravel(obj), axis, n, not shape_of(obj) or assume_unique_indices
        )
    places = np.asarray(
        concrete_or_error(np.asarray, obj, "'obj' array argument of jnp.delete()")
    )
    if not places.ndim:
        i = _index(int(places), n)
        before, after = [
            (slice(None),) * axis + (s,) for s in (slice(0, i), slice(i + 1, None))
        ]
        return jnp.concatenate([arr[before], arr[after]], axis=axis)
    kept = np.delete(np.arange(n), places.ravel())
    return jnp.take(arr, kept, axis=axis)


def _index(i, n):
    if not -n <= i < n:
        raise IndexError(f"index {i} is out of bounds for axis with size {n}")
    return i + n if i < 0 else i


def _delete_traced(arr, places, axis, n, unique):
    """Shift each kept index past the deleted ones at or before it."""
    if not unique:
        raise concrete_or_error(None, places, "'obj' array argument of jnp.delete()")
    places = jnp.where(places < 0, places + n, places)
    places = jnp.clip(places, 0, n - 1)
    kept = arange(n - places.size)
    order = jnp.sort(places) - arange(places.size)
    kept = kept + (order[:, None] <= kept[None, :]).sum(0)
    return jnp.take(arr, kept, axis=axis)


def insert(arr, obj, values, axis=None):
    """`arr` with `values` put in before the indices `obj` along an axis (None:
    flattened).
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
        check_arraylike("insert", obj)
        index = jnp.ravel(obj)
    if isinstance(obj, slice) or not len(shape_of(obj)):
        values = (
            jnp.moveaxis(values, 0, axis)
            if values.ndim == arr.ndim and axis
            else values
        )
    if index.size == 1:
        index = jnp.full(values.shape[axis], index[0])
    out_shape = list(arr.shape)
    out_shape[axis] += index.size
    place = jnp.where(index < 0, index + n, index)
    place = jnp.clip(place, 0, n)
    order = jnp.argsort(place)
    place = place.at[order].add(arange(index.size))
    keep = ones(n + index.size, bool).at[place].set(False)
    rest = jnp.where(keep, size=n)[0]
    lead = (slice(None),) * axis
    out = zeros(out_shape, arr.dtype)
    out = out.at[(*lead, place)].set(values)
    return out.at[(*lead, rest)].set(arr)


def trim_zeros(filt, trim="fb", axis=None):
    """`filt` without zeros at its ends ('f': front, 'b': back); its shape depends on
    the values.
    """
    host = concrete_or_error(
        np.asarray, filt,
        "Error arose in the `filt` argument of trim_zeros()",
    )  # fmt: skip
    filt = asarray(filt)
    axes = range(host.ndim) if axis is None else [canonical_axis(axis, host.ndim)]
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

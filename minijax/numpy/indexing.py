"""`x[...]` and `x.at[...]`: NumPy's indexing in terms of slice, dynamic_slice, gather
and scatter.

Static integers and slices become `lax.slice`; traced scalars beside contiguous slices
`lax.dynamic_slice`; everything else is described by an `Indexer` and becomes a gather,
or a scatter for updates.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax import core, dtypes, errors, lax
from minijax.array import ArrayImpl
from minijax.core import Tracer
from minijax.numpy.filling import zeros_like
from minijax.numpy.promotion import (
    BOOL,
    INT32,
    broadcast_shapes,
    broadcast_to,
    constant_like,
    convert,
    dtype_of,
    literal,
    shape_of,
)
from minijax.numpy.slices import Slice, count_of, slice_indices
from minijax.ops.define import scalar
from minijax.ops.gather import GatherDimensionNumbers, GatherScatterMode
from minijax.trace import JaxprTrace

_FULL = slice(None)
_SEQUENCE = (
    "Using a non-tuple sequence for multidimensional indexing is not allowed; use "
    "`arr[{kind}(seq)]` instead of `arr[seq]`. See "
    "https://github.com/jax-ml/jax/issues/4564 for more information."
)

# --- reading an index -----------------------------------------------------------------


def _entries(shape, index):
    """The index as a list with one entry a dimension, and None for new axes.

    Entries: int, slice, None, or arrays: of integers (any rank) or of booleans (any
    rank).
    """
    if type(index) is not tuple:
        if isinstance(index, (list, range)):
            kind = "tuple" if any(map(_is_compound, index)) else "array"
            raise TypeError(_SEQUENCE.format(kind=kind))
        index = (index,)
    entries, ellipsis, used = [], None, 0
    for item in index:
        kind = type(item)
        if item is None:
            entries.append(None)
        elif item is Ellipsis:
            if ellipsis is not None:
                raise IndexError("an index can only have a single ellipsis ('...')")
            ellipsis = len(entries)
        elif kind is int or kind is slice or kind is Slice:
            entries.append(item)
            used += 1
        else:
            entries.append(_array_entry(item))
            used += _consumed(entries[-1])
    rank = len(shape)
    if used > rank:
        raise IndexError(
            f"Too many indices: array is {rank}-dimensional, but {used} were indexed"
        )
    place = len(entries) if ellipsis is None else ellipsis
    entries[place:place] = [_FULL] * (rank - used)
    return entries


def _is_compound(item):
    """Whether an item of a list used as an index means more than one number."""
    if item is None or item is Ellipsis or isinstance(item, (slice, Sequence)):
        return True
    return getattr(item, "ndim", 0) != 0


def _consumed(entry):
    """The number of dimensions that an array entry indexes."""
    if isinstance(entry, int):
        return 1
    return len(shape_of(entry)) if dtype_of(entry) == BOOL else 1


def _array_entry(item: Any):
    """An index entry that is neither int, slice, None nor Ellipsis."""
    if isinstance(item, np.integer):
        return int(item.astype(dtypes.canonicalize_dtype(item.dtype)))
    if isinstance(item, int) and not isinstance(item, bool):
        return int(item)
    if isinstance(item, (ArrayImpl, Tracer, np.ndarray)):
        found = item
    elif isinstance(item, range):
        raise TypeError(f"{item!r} is not a valid index; use `jnp.arange` for arrays")
    elif isinstance(item, str):
        raise TypeError(f"JAX does not support string indexing; got idx={item!r}")
    elif isinstance(item, (list, tuple)):
        found = jnp.array(item)
        if not found.size:
            found = found.astype(INT32)
    elif hasattr(item, "__jax_array__"):
        found = item.__jax_array__()  # pyright: ignore[reportAttributeAccessIssue]
    elif isinstance(item, (int, float, complex)) or hasattr(item, "__array__"):
        found = np.asarray(item)
    else:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), newaxis (`None`) and integer "
            f"or boolean arrays are valid indices. Got {item}"
        )
    dtype = found.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biu":
        return found
    if dtypes.issubdtype(dtype, np.integer):  # of fewer than 8 bits
        return lax.convert_element_type(found, dtypes.wide_dtype(dtype))
    raise TypeError(
        f"Indexer must have integer or boolean type, got indexer with type {dtype}"
    )


def _static_slice(entry, size, position):
    """(start, step, count) of a slice of a dimension."""
    try:
        start, stop, step = slice_indices(entry, size)
    except errors.TracerIntegerConversionError:
        raise IndexError(
            f"Slice entries must be static integers. Got {entry} at position {position}"
        ) from None
    return start, step, count_of(start, stop, step)


def _bounds(start, step, count):
    """(start, limit, stride) in ascending order of the elements a slice takes."""
    if step > 0:
        limit = start + (count - 1) * step + 1 if count else start
        return start, limit, step
    if not count:
        return 0, 0, 1
    return start + (count - 1) * step, start + 1, -step


# --- static and dynamic slices --------------------------------------------------------


def _getitem_static(x, entries):
    """Ints in range, slices and new axes: slice, rev, squeeze, broadcast.  None if not
    that.
    """
    shape = shape_of(x)
    starts, limits, strides = [], [], []
    reverse, drop, new = [], [], []
    whole, dim, out = True, 0, 0
    for position, entry in enumerate(entries):
        if entry is None:
            new.append(out)
            out += 1
            continue
        kind = type(entry)
        if kind is not slice and kind is not int:
            return None
        size = shape[dim]
        if entry is _FULL:
            start, limit, stride = 0, size, 1
            out += 1
        elif kind is slice:
            first, step, count = _static_slice(entry, size, position)
            start, limit, stride = _bounds(first, step, count)
            if step > 0 and count:
                limit = slice_indices(entry, size)[1]
            known = type(count) is int and type(stride) is int
            if not known and not _is_inside(start, limit, stride, size):
                return None
            if step < 0 and count:
                reverse.append(dim)
            out += 1
        else:
            start = entry + size if entry < 0 else entry
            if not _is_inside(start, start + 1, 1, size):
                return None
            limit, stride = start + 1, 1
            drop.append(dim)
        if start or limit != size or stride != 1:
            whole = False
        starts.append(start)
        limits.append(limit)
        strides.append(stride)
        dim += 1
    if not whole:
        unit = strides.count(1) == len(strides)
        x = lax.slice(x, starts, limits, None if unit else strides)
    return _finish(x, reverse, drop, new)


def _is_inside(start, limit, stride, size):
    """Whether `lax.slice` surely takes the places from start to limit, in such steps."""
    try:
        return type(stride) is int and 0 <= start <= limit <= size
    except errors.InconclusiveDimensionOperation:
        return False


def _finish(x, reverse, drop, new):
    if reverse:
        x = lax.rev(x, tuple(reverse))
    if drop:
        x = lax.squeeze(x, tuple(drop))
    if new:
        x = lax.expand_dims(x, tuple(new))
    return x


def _getitem_dynamic(x, entries, wrap=True):
    """Scalars, some traced, beside slices of step 1 or -1: a dynamic slice.  None if
    not that.
    """
    shape = shape_of(x)
    starts, sizes, reverse, drop, new = [], [], [], [], []
    dim, out = 0, 0
    for position, entry in enumerate(entries):
        if entry is None:
            new.append(out)
            out += 1
            continue
        if type(entry) is slice:
            first, step, count = _static_slice(entry, shape[dim], position)
            if step not in (1, -1):
                return None
            starts.append(literal(_bounds(first, step, count)[0], INT32))
            sizes.append(count)
            if step < 0:
                reverse.append(dim)
            out += 1
        elif type(entry) is Slice:
            if entry.stride != 1:
                return None
            starts.append(_scalar_start(entry.start, len(shape)))
            sizes.append(entry.size)
            out += 1
        else:
            if not isinstance(entry, int) and (entry.shape or entry.dtype == BOOL):
                return None
            _check_not_empty(dim, shape[dim])
            starts.append(_scalar_start(entry, len(shape)))
            sizes.append(1)
            drop.append(dim)
        dim += 1
    if wrap:
        # A start that was given as a number is one where it is the only one.
        known = len(entries) == 1 and not getattr(entries[0], "is_dynamic_start", True)
        recording = _is_recording() and not known
        starts = [
            _wrapped_start(s, n, recording) for s, n in zip(starts, shape, strict=True)
        ]
    x = lax.dynamic_slice(x, starts, sizes, allow_negative_indices=False)
    return _finish(x, reverse, drop, new)


def _check_not_empty(axis, size):
    """IndexError for an element taken from an axis without any."""
    if not size:
        raise IndexError(f"index is out of bounds for axis {axis} with size 0")


def _scalar_start(entry, rank):
    """A start of int32, or as it is where it is the only one.

    OverflowError for an integer that the default dtype of integers does not hold.
    """
    if isinstance(entry, int):
        dtype = dtypes.python_scalar_dtype(int)
        dtypes.check_python_int(entry, dtype)
        return dtype.type(entry) if rank == 1 else dtypes.wrapped_int(entry, INT32)
    if isinstance(entry, np.ndarray):
        return literal(entry[()], INT32)
    return convert(entry, INT32) if rank > 1 else entry


def _wrapped_start(start: Any, size, recording):
    """A start counted from 0.

    JAX records this for static starts too, where it records at all; otherwise they are
    computed now.
    """
    if isinstance(start, np.generic) and not recording:
        negative = start < 0  # pyright: ignore[reportOperatorIssue]
        return type(start)(start + size if negative else start)
    return _wrap_negative(start, size)


def _is_recording():
    """Whether ops are recorded as equations, at any level."""
    level = core.current_trace()
    while level is not None:
        if isinstance(level, JaxprTrace):
            return True
        level = level.parent
    return False


# --- the general form -----------------------------------------------------------------


class Indexer:
    """An index as gather and scatter need it.

    shape: of what it selects, new axes included; new: the places of these; reverse:
    axes of the gathered array to reverse; starts: the index vectors; offset, collapsed,
    start_map: dimension numbers; sizes: of the slices gathered; ordered: whether the
    vectors ascend without repetition.
    """

    __slots__ = (
        "shape", "new", "reverse", "starts", "offset", "collapsed", "start_map", "sizes",
        "ordered", "_parts", "_batch", "_dim", "_out", "_gathered", "_sizes",
    )  # fmt: skip

    def __init__(self, shape, entries, wrap_negative=True):
        self.shape, self.new, self.reverse = [], [], []
        self.offset, self.collapsed, self.start_map, self.sizes = [], [], [], []
        self._parts = []  # (index array, its first axis in the batch shape)
        self._batch = []  # the shape of the index vectors
        self._dim = self._out = self._gathered = 0
        self._sizes = shape
        entries = _expand_booleans(shape, entries)
        arrays, first = _advanced(shape, entries, wrap_negative)
        self.ordered = not arrays
        for position, entry in enumerate(entries):
            if arrays and position == first:
                self._add_arrays(arrays, entries)
            if position in arrays:
                self._dim += 1
                self.sizes.append(1)
            elif entry is None:
                self.new.append(self._out)
                self._out += 1
                self.shape.append(1)
            elif type(entry) is slice:
                taken = _static_slice(entry, shape[self._dim], position)
                self._add_slice(*taken, bool(taken[0]))
            elif type(entry) is Slice:
                self._add_slice(entry.start, entry.stride, entry.size, False)
            else:
                self._add_scalar(entry, shape[self._dim], wrap_negative)
        self.starts = self._vectors()

    def _add_arrays(self, arrays, entries):
        """The broadcast integer arrays: together they index with one batch shape."""
        batch = shape_of(next(iter(arrays.values())))
        place = len(self._batch)
        dim_of, dim = {}, 0
        for position, entry in enumerate(entries):
            dim_of[position] = dim
            dim += entry is not None
        for position, index in arrays.items():
            self._parts.append((index, place))
            self.collapsed.append(dim_of[position])
            self.start_map.append(dim_of[position])
        self._batch += batch
        self.shape += batch
        self._out += len(batch)
        self._gathered += len(batch)

    def _add_scalar(self, entry, size, wrap_negative):
        _check_not_empty(self._dim, size)
        if isinstance(entry, int):
            index = entry + size if entry < 0 and wrap_negative else entry
            index = dtypes.wrapped_int(index, INT32)
        else:
            index = _wrap_negative(entry, size) if wrap_negative else entry
            index = convert(index, INT32)
        self._parts.append((index, len(self._batch)))
        self.collapsed.append(self._dim)
        self.start_map.append(self._dim)
        self.sizes.append(1)
        self._dim += 1

    def _add_slice(self, start, step, count, is_part):
        """`is_part`: whether it is less than the dimension whatever its count is."""
        self.shape.append(count)
        if isinstance(start, (int, core.SymbolicSize)):
            start = literal(start, INT32)
        else:
            start = convert(start if step == 1 else jnp.array(start), INT32)
        if step == 1:
            self.offset.append(self._gathered)
            self.sizes.append(count)
            if is_part or count != self._sizes[self._dim]:
                self._parts.append((start, len(self._batch)))
                self.start_map.append(self._dim)
        else:
            index = lax.mul(literal(step, INT32), lax.iota(INT32, count))
            index = lax.add(start, index)
            if step < 0:
                self.reverse.append(self._gathered)
                index = lax.rev(index, (0,))
            self._parts.append((index, len(self._batch)))
            self._batch.append(count)
            self.start_map.append(self._dim)
            self.collapsed.append(self._dim)
            self.sizes.append(1)
        self._gathered += 1
        self._out += 1
        self._dim += 1

    def _vectors(self):
        if not self._parts:
            return np.zeros((0,), INT32)
        shape = (*self._batch, 1)
        columns = [
            lax.broadcast_in_dim(
                index, shape, tuple(range(place, place + len(shape_of(index))))
            )
            for index, place in self._parts
        ]
        if len(columns) == 1:
            return columns[0]
        return lax.concatenate(columns, len(shape) - 1)


def _expand_booleans(shape, entries):
    """Boolean arrays replaced by the index arrays of their true places; they must be
    concrete.
    """
    if not any(hasattr(e, "dtype") and e.dtype == BOOL for e in entries):
        return entries
    out, dim = [], 0
    for position, entry in enumerate(entries):
        if hasattr(entry, "dtype") and entry.dtype == BOOL:
            if isinstance(entry, Tracer):
                known = entry._concrete()
                if known is None:
                    raise errors.NonConcreteBooleanIndexError(entry)
                entry = known
            rank = len(entry.shape)
            expected = list(shape[dim : dim + rank])
            if len(expected) != rank or any(
                n not in (0, size)  # a mask without elements chooses none
                for n, size in zip(entry.shape, expected, strict=True)
            ):
                raise IndexError(
                    "boolean index did not match shape of indexed array in index "
                    f"{position}: got {tuple(entry.shape)}, expected {expected}"
                )
            out += [i.astype(INT32) for i in np.nonzero(np.asarray(entry))]
            dim += rank
        else:
            out.append(entry)
            dim += entry is not None
    return out


def _expand_scalar_booleans(shape, entries):
    """`x[True]` has a new axis of size 1, `x[False]` one of size 0: index such an axis.

    Gives the shape with new axes, entries that index them, and their places.
    """
    dim, new = 0, []
    for position, entry in enumerate(entries):
        if hasattr(entry, "dtype") and entry.dtype == BOOL and not entry.shape:
            if isinstance(entry, Tracer):
                raise errors.NonConcreteBooleanIndexError(entry)
            new.append(dim)
            shape = (*shape[:dim], 1, *shape[dim:])
            entries = list(entries)
            entries[position] = np.zeros(1 if entry else 0, INT32)
        dim += entry is not None
    return shape, entries, new


def _advanced(shape, entries, wrap_negative):
    """({position: index array}, where their axes go): all arrays, broadcast, in int32.

    Scalars join in where there is an array at all.
    """
    if not any(hasattr(entry, "shape") and entry.shape for entry in entries):
        return {}, None
    found, dim = {}, 0
    for position, entry in enumerate(entries):
        if entry is not None and type(entry) not in (slice, Slice):
            size = shape[dim]
            if isinstance(entry, int):
                found[position] = entry + size if entry < 0 and wrap_negative else entry
            else:
                found[position] = (
                    _wrap_negative(entry, size) if wrap_negative else entry
                )
        dim += entry is not None
    batch = broadcast_shapes(*[shape_of(index) for index in found.values()])
    arrays = {p: broadcast_to(index, batch) for p, index in found.items()}
    arrays = {p: convert(index, INT32) for p, index in arrays.items()}
    positions = list(found)
    together = positions[-1] - positions[0] == len(positions) - 1
    return arrays, positions[0] if together else 0


def _wrap_negative(index, size):
    """Negative indices counted from the end; unsigned ones as they are."""
    dtype = dtype_of(index)
    if dtype.kind == "u":
        return index
    if isinstance(index, np.ndarray):
        index = index.astype(dtype)
        negative = index < 0
    else:
        negative = lax.lt(index, constant_like(0, index))
    if dtype.itemsize < 4 and size > np.iinfo(dtype).max:
        index = convert(index, INT32)
        dtype = INT32
    return lax.select(
        negative, lax.add(convert(index, dtype), scalar(dtype, size)), index
    )


# --- reading --------------------------------------------------------------------------


def getitem(x, index):
    """`x[index]`."""
    entries = _entries(x.shape, index)
    out = _getitem_static(x, entries)
    if out is None and _all_scalar(entries):
        out = _getitem_dynamic(x, entries)
    return _gather(x, entries) if out is None else out


def _all_scalar(entries):
    """Whether there is no array of indices or booleans among the entries."""
    return not any(
        hasattr(entry, "shape") and (entry.shape or entry.dtype == BOOL)
        for entry in entries
    )


def get(
    x,
    index,
    *,
    indices_are_sorted=False,
    unique_indices=False,
    mode=None,
    fill_value=None,
    wrap_negative_indices=True,
):
    """`x.at[index].get(...)`: as `x[index]`, with a say in what happens out of bounds."""
    default = (
        mode is None and fill_value is None and wrap_negative_indices
        and not indices_are_sorted and not unique_indices
    )  # fmt: skip
    if default:
        return getitem(x, index)
    if mode is not None:
        GatherScatterMode.from_any(mode)  # also where the index is static
    entries = _entries(x.shape, index)
    out = _getitem_static(x, entries)
    if (
        out is None
        and mode in (None, "clip")
        and fill_value is None
        and _all_scalar(entries)
    ):
        out = _getitem_dynamic(x, entries, wrap_negative_indices)
    if out is not None:
        return out
    return _gather(
        x, entries, indices_are_sorted, unique_indices, mode, fill_value,
        wrap_negative_indices,
    )  # fmt: skip


def _gather(
    x, entries, is_sorted=False, unique=False, mode=None, fill_value=None, wrap=True
):
    shape, entries, expand = _expand_scalar_booleans(x.shape, entries)
    for entry in entries:
        if isinstance(entry, int):
            dtypes.check_python_int(entry, dtypes.python_scalar_dtype(int))
    indexer = Indexer(shape, entries, wrap)
    if expand:
        x = lax.expand_dims(x, expand)
    if 0 in indexer.shape:
        return zeros_like(x, shape=tuple(indexer.shape))
    if fill_value is not None:
        if np.ndim(fill_value):
            raise ValueError("fill_value argument to indexed get() must be a scalar")
        mode = "fill" if mode is None else mode
    out = lax.gather(
        x,
        indexer.starts,
        GatherDimensionNumbers(
            offset_dims=tuple(indexer.offset),
            collapsed_slice_dims=tuple(sorted(indexer.collapsed)),
            start_index_map=tuple(indexer.start_map),
        ),
        tuple(indexer.sizes),
        unique_indices=unique or indexer.ordered,
        indices_are_sorted=is_sorted or indexer.ordered,
        mode="promise_in_bounds" if mode is None else mode,
        fill_value=fill_value,
    )
    return _finish(out, indexer.reverse, (), indexer.new)

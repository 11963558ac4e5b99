"""How a part of a reference's value is reached: by a path of steps, each into the last.

A step is the tuple of an index's static entries, with `_DYNAMIC` in the place of each that
is an argument of the equation, or a `Reshape`.
"""

import dataclasses
import functools
import math
import operator

import numpy as np

from minijax import lax
from minijax.numpy import indexing
from minijax.numpy.creation import asarray
from minijax.numpy.index_update import _IndexUpdateHelper
from minijax.numpy.slices import Slice
from minijax.ops.convert import convert
from minijax.state.window import window
from minijax.trace import trace

_DYNAMIC = "dynamic"


@dataclasses.dataclass(frozen=True)
class Reshape:
    """The value in another shape."""

    shape: tuple


def reshape_step(old, shape):
    """The step to `shape`, in which one size may be -1.  ValueError where it cannot be."""
    known = math.prod(d for d in shape if d != -1)
    if shape.count(-1) == 1 and known:
        shape = tuple(math.prod(old) // known if d == -1 else d for d in shape)
    if math.prod(shape) != math.prod(old) or min(shape, default=0) < 0:
        raise ValueError(f"cannot reshape shape {old} into shape {shape}")
    return Reshape(shape)


def split_index(shape, index):
    """(path of the one step, the arrays in it) for an index into a value of `shape`."""
    entries = index if isinstance(index, tuple) else (index,)
    if index is None or index is Ellipsis:
        return (), []
    if len([e for e in entries if e is not Ellipsis]) > len(shape):
        raise ValueError(
            f"`indices` must not be longer than `shape`: indices={index}, shape={shape}"
        )
    static, arrays = [], []
    for entry in entries:
        if isinstance(entry, slice):
            static.append(_checked_slice(entry))
        elif type(entry) is Slice:
            static.append(_split_slice(entry, arrays))
        elif entry is Ellipsis or _is_integer(entry):
            static.append(entry)
        else:
            static.append(_DYNAMIC)
            arrays.append(asarray(entry))
    _check_bounds(shape, static)
    return ((tuple(static),) if static else ()), arrays


def _is_integer(entry):
    return isinstance(entry, (int, np.integer)) and not isinstance(entry, bool)


def _checked_slice(entry):
    """A slice as something that can be hashed."""
    if entry.step is not None and entry.step < 1:
        raise ValueError(f"slice must have a step >= 1 (found: {entry.step})")
    return slice, entry.start, entry.stop, entry.step


def _split_slice(entry, arrays):
    """A slice of a static size as something that can be hashed; its start may be one of
    the arrays.
    """
    start = entry.start
    if entry.is_dynamic_start:
        arrays.append(asarray(start))
        start = _DYNAMIC
    return Slice, start, operator.index(entry.size), entry.stride


def _check_bounds(shape, entries):
    if Ellipsis in entries:
        at = entries.index(Ellipsis)
        entries = (
            entries[:at] + [None] * (len(shape) - len(entries) + 1) + entries[at + 1 :]
        )
    for entry, size in zip(entries, shape, strict=False):
        if _is_integer(entry) and entry >= size:
            raise ValueError(f"Out of bound indexer: idx={entry}, dim={size}.")


def _joined_index(static, feed):
    """The index that `split_index` took apart."""
    return tuple([_joined(entry, feed) for entry in static])


def _joined(entry, feed):
    if isinstance(entry, tuple):
        make, *parts = entry
        return make(*[next(feed) if part is _DYNAMIC else part for part in parts])
    return next(feed) if entry is _DYNAMIC else entry


def read(value, arrays, path):
    """The part of a value that a path leads to."""
    feed = iter(arrays)
    for step in path:
        if type(step) is Reshape:
            value = lax.reshape(value, step.shape)
        else:
            value = _part(value, _joined_index(step, feed))
    return value


def _part(value, index):
    block = window(value.shape, index)
    return indexing.getitem(value, index) if block is None else block.read(value)


def _with_part(value, index, new, operation):
    block = window(value.shape, index)
    if block is None:
        return getattr(_IndexUpdateHelper(value)[index], operation)(new)
    return block.written(value, new if operation == "set" else block.read(value) + new)


def written(value, arrays, path, new, operation="set"):
    """A value with that part replaced, or added to if `operation` is "add"."""
    if not path and operation == "set":
        return convert(new, value.dtype, value.weak_type)
    first, *rest = path or ((),)
    feed = iter(arrays)
    if type(first) is Reshape:
        reshaped = lax.reshape(value, first.shape)
        changed = written(reshaped, arrays, tuple(rest), new, operation)
        return lax.reshape(changed, value.shape)
    index = _joined_index(first, feed)
    if not rest:
        return _with_part(value, index, new, operation)
    new = written(_part(value, index), list(feed), tuple(rest), new, operation)
    return _with_part(value, index, new, "set")


@functools.lru_cache(4096)
def part_aval(inner, arrays, path):
    """The aval of a part, from those of the value and of the arrays in the path."""
    if not path:
        return inner
    return trace(lambda x, *i: [read(x, i, path)], [inner, *arrays]).out_avals[0]

"""Indices with numbers in them, that read a block of a value: a window of static size."""

from typing import Any, NamedTuple

import numpy as np

from minijax import core, dtypes, lax
from minijax.numpy.slices import Slice
from minijax.ops.convert import convert


class Window(NamedTuple):
    """A block of a value: where it starts, its sizes, and the axes (of size 1) that are
    left out of what is read.

    It lies wholly inside of the value, as JAX's does: one that does not is moved there.
    """

    starts: list[Any]
    sizes: list[int]
    dropped: list[int]

    def read(self, value):
        """The block in a value."""
        if not self.dropped and all(type(start) is int for start in self.starts):
            stops = [a + n for a, n in zip(self.starts, self.sizes, strict=True)]
            return lax.slice(value, self.starts, stops)
        return lax.squeeze(
            lax.dynamic_slice(value, self.starts, self.sizes), self.dropped
        )

    def written(self, value, new):
        """A value with the block replaced by `new`, which broadcasts to it."""
        shape = [d for k, d in enumerate(self.sizes) if k not in self.dropped]
        new = convert(new, value.dtype, value.weak_type)
        new = lax.broadcast_in_dim(
            new, shape, range(len(shape) - core.get_aval(new).ndim, len(shape))
        )
        block = lax.expand_dims(new, self.dropped)
        return lax.dynamic_update_slice(value, block, self.starts)


def window(shape, index):
    """The window that an index reads in a value of `shape`; None where it is no block."""
    index = _of_all_axes(index, len(shape))
    parts = [_part(entry, size) for entry, size in zip(index, shape, strict=True)]
    dropped = [k for k, entry in enumerate(index) if _is_number(entry)]
    blocks = [part for part in parts if part is not None]
    if len(blocks) < len(parts):
        return None
    starts = _of_one_type([start for start, _ in blocks])
    return Window(starts, [size for _, size in blocks], dropped)


def _of_one_type(starts):
    kinds = {core.get_aval(x).dtype for x in starts}
    if len(kinds) == 1:
        return starts
    dtype = dtypes.canonicalize_dtype(int)
    return [convert(x, dtype, False) for x in starts]


def _of_all_axes(index, ndim):
    """The index with an entry for each axis."""
    kinds = [type(entry) for entry in index]
    at = kinds.index(type(...)) if type(...) in kinds else len(index)
    rest = index[at + 1 :]
    return [*index[:at], *[slice(None)] * (ndim - at - len(rest)), *rest]


def _is_number(entry):
    if isinstance(entry, (slice, Slice)):
        return False
    aval = core.get_aval(entry)
    return aval.ndim == 0 and dtypes.issubdtype(aval.dtype, np.integer)


def _part(entry, size):
    """(start, size) along one axis, or None."""
    if isinstance(entry, slice):
        start, stop, step = entry.indices(size)
        return (start, max(stop - start, 0)) if step == 1 else None
    if isinstance(entry, Slice):
        return (entry.start, entry.size) if entry.stride == 1 else None
    return (entry, 1) if _is_number(entry) else None

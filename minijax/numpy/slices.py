"""`jax.ds`: slices of a static size from a start that may be traced."""

import numpy as np

from minijax import core, errors
from minijax.tree_util import register_pytree_node_class


@register_pytree_node_class
class Slice:
    """The elements `start`, `start + stride`, ... of a dimension, `size` of them."""

    __slots__ = ("start", "size", "stride")

    def __init__(self, start, size, stride=1):
        if stride < 0:
            raise ValueError("`stride` must be >= 0.")
        self.start, self.size, self.stride = start, size, stride

    @property
    def is_dynamic_start(self):
        """Whether the start is an array."""
        return not _is_static(self.start)

    @property
    def is_dynamic_size(self):
        """Whether the size is an array."""
        return not _is_static(self.size)

    def _key(self):
        return self.start, self.size, self.stride

    def __eq__(self, other):
        return self._key() == other._key() if type(other) is Slice else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        return (
            f"Slice(start={self.start!r}, size={self.size!r}, stride={self.stride!r})"
        )

    def tree_flatten(self):
        """((start, size), static): of start and size, what is no array is static."""
        pair = self.start, self.size
        dynamic = tuple(None if _is_static(x) else x for x in pair)
        static = tuple(x if _is_static(x) else None for x in pair)
        return dynamic, (*static, self.stride)

    @classmethod
    def tree_unflatten(cls, aux_data, children):
        """A slice of these parts."""
        *static, stride = aux_data
        pairs = zip(children, static, strict=True)
        start, size = [known if x is None else x for x, known in pairs]
        return cls(start, size, stride)

    @classmethod
    def from_slice(cls, slc, size):
        """What a `slice` takes of a dimension.  ValueError for a step below 1."""
        start, stop, step = slc.indices(size)
        if step < 1:
            raise ValueError(f"slice must have a step >= 1 (found: {step})")
        return cls(start, len(range(start, stop, step)), step)


def slice_indices(entry, size):
    """`entry.indices(size)`, where sizes may be symbols too.

    InconclusiveDimensionOperation where it is not known whether one counts from the end.
    """
    if not core.has_symbols((size, entry.start, entry.stop, entry.step)):
        return entry.indices(size)
    step = 1 if entry.step is None else core.as_size(entry.step)
    if isinstance(step, int) and not step:
        raise ValueError("slice step cannot be zero")
    low, high = (0, size) if step > 0 else (-1, size - 1)
    ends = (low, high) if step > 0 else (high, low)
    start, stop = [
        end if n is None else _clamped(which, core.as_size(n), size, low, high)
        for which, n, end in zip(
            ("start", "stop"), (entry.start, entry.stop), ends, strict=True
        )
    ]
    return start, stop, step


def _clamped(which, n, size, low, high):
    try:
        if n >= 0:
            return core.min_dim(high, n)
    except errors.InconclusiveDimensionOperation as error:
        raise type(error)(
            f"In slice with non-constant elements the {which} ({n}) must be resolved "
            "statically if it is >= 0."
        ) from None
    return core.max_dim(low, n + size)


def count_of(start, stop, step):
    """How many elements such a slice takes."""
    if not core.has_symbols((start, stop, step)):
        return len(range(start, stop, step))
    if step < 0:
        start, stop, step = stop, start, -step
    return core.max_dim(0, stop - start + step - 1) // step


def _is_static(x):
    return isinstance(x, (int, np.integer))


def dslice(start, size=None, stride=None):
    """An index that takes `size` elements from `start` on, which may be traced.

    `dslice(None)` is `:`, `dslice(n)` is `:n`, and `stride` a static step.  ValueError for
    another stride.
    """
    if start is None:
        return slice(None)
    stride = 1 if stride is None else stride
    if not isinstance(stride, int):
        raise ValueError("Non-static stride in `dslice`")
    return Slice(0, start, stride) if size is None else Slice(start, size, stride)


ds = dslice

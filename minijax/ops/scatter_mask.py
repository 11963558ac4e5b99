"""Scatters that are masks: at most one update for each element of a uniform operand.

Such a scatter (the gradient of `take_along_axis` along one axis, of `x[i]`, a one-hot)
is a choice element by element, which is never stored where its readers are elementwise too.
"""

from functools import reduce

import numpy as np

from minijax.core import ShapedArray
from minijax.ops.gather import GatherScatterMode, component


def masked_lower(b, ins, combine, numbers, mode):
    """The result's view, by elementwise kernels; None where the scatter is no mask.

    combine: the kernel that combines the operand with an update; None: it is replaced.
    """
    operand, indices, updates = ins
    if any(operand.strides) or not _is_mask(operand, indices, updates, numbers):
        return None
    window, _, scatter_map, batching, index_batching = numbers
    shape = operand.shape
    lead = dict(zip(index_batching, batching, strict=True))  # index axis -> dim
    inside = [
        _is_there(b, indices, k, d, shape, lead, mode)
        for k, d in enumerate(scatter_map)
    ]
    whole = [d for d in range(len(shape)) if d not in scatter_map and d not in batching]
    dims, axes = iter(whole), iter(range(len(indices.shape) - 1))
    places = [
        next(dims) if axis in window else lead.get(next(axes))
        for axis in range(len(updates.shape))
    ]
    updates = _spread(updates, places, shape)
    out = ShapedArray(shape, operand.dtype)
    if combine is not None:
        updates = b.ewise(combine, [operand, updates], out)
    if not inside:
        return updates
    mask = reduce(
        lambda x, y: b.ewise("and", [x, y], ShapedArray(shape, np.bool_)), inside
    )
    return b.ewise("select", [mask, operand, updates], out)


def _is_mask(operand, indices, updates, numbers):
    """Whether there is one index for each batch, of whole slices."""
    window, inserted, scatter_map, batching, index_batching = numbers
    if operand.buffer is None or sorted(scatter_map) != sorted(inserted):
        return False
    single = all(
        n == 1 or axis in index_batching for axis, n in enumerate(indices.shape[:-1])
    )
    whole = [n for d, n in enumerate(operand.shape) if d not in (*inserted, *batching)]
    return single and [updates.shape[axis] for axis in window] == whole


def _is_there(b, indices, k, d, shape, lead, mode):
    """Where dim `d` is at component `k` of the index."""
    index, n = component(b, indices, k), shape[d]
    if mode is GatherScatterMode.CLIP:
        low, last = (b.constant(np.asarray(end, index.dtype)) for end in (0, n - 1))
        index = b.ewise("clamp", [low, index, last], index)
    places = [lead.get(axis) for axis in range(len(index.shape))]
    here = b.iota(ShapedArray(shape, index.dtype), d)
    there = _spread(index, places, shape)
    return b.ewise("eq", [here, there], ShapedArray(shape, np.bool_))


def _spread(view, places, shape):
    """The view over `shape`: its axis k along dim places[k], those of None have size 1."""
    alone = [axis for axis, place in enumerate(places) if place is None]
    kept = [place for place in places if place is not None]
    return view.squeeze(alone).broadcast(shape, kept)

"""Scatters of one window: `x.at[1:-1].add(y)`, `x.at[i].set(y)` and their like.

The window is an elementwise combination.  A large one at a known place is written where it
belongs by the kernels that make it, and what lies around it is copied; a small one is an
update, for which the rest may stay where it is.
"""

import math
from functools import reduce

import numpy as np

from minijax.ops.gather import GatherScatterMode, component, is_below

_SMALL = 64  # elements of a window that is read and put back rather than scattered


def window_lower(b, ins, combine, numbers, mode):
    """The result's view; None where a window at an unknown place is large.

    combine: the kernel that combines the operand with an update; None: it is replaced.
    """
    operand, indices, updates = ins
    if math.prod(indices.shape[:-1]) != 1 or numbers[3]:
        return None
    sizes = _sizes(operand.shape, updates.shape, numbers)
    index = b.known(indices)
    if index is None:
        return _at_unknown_place(b, ins, sizes, combine, numbers, mode)
    starts = [0] * len(sizes)
    for d, start in zip(numbers[2], index.reshape(-1).tolist(), strict=True):
        starts[d] = start
    last = [n - size for n, size in zip(operand.shape, sizes, strict=True)]
    inside = all(0 <= s <= end for s, end in zip(starts, last, strict=True))
    if not inside and mode is not GatherScatterMode.CLIP:
        return operand
    starts = np.clip(starts, 0, last).tolist()
    stops = [s + size for s, size in zip(starts, sizes, strict=True)]
    updates = _windows_last(updates, numbers).reshape(sizes)
    if combine is not None:
        window = operand.slice(starts, stops)
        updates = b.ewise(combine, [window, updates], window)
    if any(operand.strides) and 2 * math.prod(sizes) < math.prod(operand.shape):
        places = [b.constant(np.asarray(start, np.int64)) for start in starts]
        out = operand.shape, operand.dtype
        ins = [operand, updates, *places]
        return b.instr("DYNAMIC_UPDATE_SLICE", ins, [out])[0]
    around = list(_around(operand.shape, starts, stops))
    out = b.empty(operand.shape, operand.dtype)
    parts = [out.slice(*ends) for ends in [(starts, stops), *around]]
    b.put_together(parts, [updates, *(operand.slice(*ends) for ends in around)])
    return out


def _at_unknown_place(b, ins, sizes, combine, numbers, mode):
    """A small window is read, combined and put back, or put back as it was."""
    operand, indices, updates = ins
    if math.prod(sizes) > _SMALL:
        return None
    starts = [b.constant(np.asarray(0, np.int64))] * len(sizes)
    inside = []
    for k, d in enumerate(numbers[2]):
        starts[d] = component(b, indices, k).reshape(())
        inside.append(is_below(b, starts[d], operand.shape[d] - sizes[d] + 1))
    known = [(tuple(sizes), operand.dtype)]
    (old,) = b.instr("DYNAMIC_SLICE", [operand, *starts], known)
    updates = _windows_last(updates, numbers).reshape(sizes)
    if combine is not None:
        updates = b.ewise(combine, [old, updates], old)
    if inside and mode is GatherScatterMode.FILL_OR_DROP:
        fits = reduce(lambda x, y: b.ewise("and", [x, y], y), inside)
        fits = fits.broadcast(tuple(sizes), ())
        updates = b.ewise("select", [fits, old, updates], old)
    out = operand.shape, operand.dtype
    return b.instr("DYNAMIC_UPDATE_SLICE", [operand, updates, *starts], [out])[0]


def _sizes(shape, updates_shape, numbers):
    """The extents of the window in the operand."""
    inserted = {*numbers[1], *numbers[3]}
    extents = iter(updates_shape[axis] for axis in numbers[0])
    return [1 if d in inserted else next(extents) for d in range(len(shape))]


def _windows_last(updates, numbers):
    """The updates with the dims of the window last; the others have size 1."""
    window = numbers[0]
    others = [axis for axis in range(len(updates.shape)) if axis not in window]
    return updates.transpose([*others, *window])


def _around(shape, starts, stops):
    """The boxes that make up what lies around a window: their starts and stops."""
    low, high = [0] * len(shape), list(shape)
    for d, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        if start > 0:
            yield low.copy(), [*high[:d], start, *high[d + 1 :]]
        if stop < shape[d]:
            yield [*low[:d], stop, *low[d + 1 :]], high.copy()
        low[d], high[d] = start, stop

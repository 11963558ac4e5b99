"""Values that are pieces of larger ones are made where they go: joins of joins, padding.

A value that a copy brings whole into a part of another is written there by those that make
it, and read there, so that nothing is copied.
"""

from cbackend.grouping import FEW_ELEMENTS
from cbackend.program import ARENA, Ewise, Table, View


def make_in_place(program):
    """Let the makers of values write where a copy of all their elements would bring them."""
    touching, written = {}, {}
    for instr in program.instrs:
        for view in (*instr.ins, *instr.outs):
            touching.setdefault(view.buffer, {})[instr] = None
        for view in instr.outs:
            written[view.buffer] = written.get(view.buffer, 0) + view.size
    gone = set()
    for instr in program.instrs:
        if not _is_copy(instr) or not _is_piece(instr, written):
            continue
        (source,), (target,) = instr.ins, instr.outs
        others = [other for other in touching[source.buffer] if other is not instr]
        if _move(others, _Place(source, target)):
            touching[target.buffer].update(dict.fromkeys(others))
            del touching[target.buffer][instr]
            gone.add(instr)
    if gone:
        program.instrs = [instr for instr in program.instrs if instr not in gone]


def _is_copy(instr):
    return (
        type(instr) is Ewise
        and not instr.micros
        and len(instr.ins) == len(instr.outs) == 1
        and instr.size > FEW_ELEMENTS
    )


def _is_piece(instr, written):
    """Whether a copy brings all of a temporary to a place that nothing else is stored in."""
    (source,), (target,) = instr.ins, instr.outs
    return (
        source.buffer is not None
        and source.buffer.space == ARENA
        and type(source) is not Table
        and source.is_whole()
        and source.dtype == target.dtype
        and source.buffer is not target.buffer
        # Pieces that together are as large as the buffer do not overlap.
        and written[target.buffer] == target.buffer.size
    )


def _move(instrs, place):
    """Have instructions use a value at another place; whether all of them can."""
    moved = []
    for instr in instrs:
        if type(instr) is not Ewise:
            return False
        ins, outs = ([place.of(v) for v in views] for views in (instr.ins, instr.outs))
        if None in ins or None in outs:
            return False
        mixed = {v.buffer for v in ins} & {v.buffer for v in outs}
        if instr.micros and place.target.buffer in mixed:
            return False  # native code takes no group that reads beside what it writes
        moved.append((instr, ins, outs))
    for instr, ins, outs in moved:
        instr.ins, instr.outs = ins, outs
    return True


class _Place:
    """Where all elements of a buffer, row-major in `source`, lie in `target`."""

    def __init__(self, source, target):
        self.buffer, self.target = source.buffer, target
        self.dims = []  # extent, stride here, stride there; the last is the innermost
        for n, here, there in zip(
            source.shape, source.strides, target.strides, strict=True
        ):
            outer = self.dims[-1] if self.dims else None
            if n == 1:
                continue
            if outer and outer[2] == there * n:
                self.dims[-1] = (outer[0] * n, here, there)
            else:
                self.dims.append((n, here, there))

    def of(self, view):
        """The view's elements in the target; others' views as they are; None: no view is
        that.
        """
        if view.buffer is not self.buffer:
            return view
        if type(view) is Table or view.dtype != self.target.dtype:
            return None
        index, offset, rest = [], self.target.offset, view.offset
        for _, here, there in self.dims:
            k, rest = divmod(rest, here)
            index.append(k)
            offset += k * there
        strides = []
        for n, stride in zip(view.shape, view.strides, strict=True):
            if n == 1 or stride == 0:
                strides.append(0)
                continue
            found = self._step(n, stride, index)
            if found is None:
                return None
            strides.append(found)
        return View(self.target.buffer, view.dtype, view.shape, tuple(strides), offset)

    def _step(self, n, stride, index):
        """The stride in the target of n steps from `index` on, which stay in one dim."""
        for (extent, here, there), at in zip(self.dims, index, strict=True):
            step, rest = divmod(stride, here)
            if not rest and 0 <= at + step * (n - 1) < extent:
                return step * there
        return None

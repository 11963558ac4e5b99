"""Values joined of copies are read where they were copied from, box by box.

`roll`, `pad` and `concatenate` copy pieces into a value.  A group that reads it is split into
one for each box of its index space that lies in one piece, which reads that piece's source;
nothing is copied.  A stencil made of rolls so becomes one pass over the inner points and
short ones along the edges.
"""

from typing import Any

from cbackend.grouping import FEW_ELEMENTS
from cbackend.program import ARENA, Ewise, Micro, Table, View

MAX_BOXES = 32  # of one group
MIN_RUN = 64  # elements side by side in the largest box of a group
# Elements whose copy, a load and a store, takes about as long as an instruction more.
COPIED_PER_INSTRUCTION = 1024


def read_in_boxes(program):
    """Let groups read the sources of copies, and drop those, where that saves time; whether
    any does so now.
    """
    uses = _Uses(program)
    for buffer in list(uses.writers):
        joined = _joined(buffer, uses)
        if joined is not None:
            _read_sources(joined, uses)
    program.instrs = uses.expanded(program.instrs)
    return bool(uses.parts)


class _Uses:
    """Who reads and who writes each buffer, while instructions are split."""

    def __init__(self, program):
        self.readers, self.writers = {}, {}  # buffer -> instructions, as keys in order
        self.parts = {}  # instruction -> those in its place
        for instr in program.instrs:
            self._note(instr)

    def _note(self, instr):
        for view in instr.ins:
            self.readers.setdefault(view.buffer, {})[instr] = None
        for view in instr.outs:
            self.writers.setdefault(view.buffer, {})[instr] = None

    def _forget(self, instr):
        for view in instr.ins:
            self.readers[view.buffer].pop(instr, None)
        for view in instr.outs:
            self.writers[view.buffer].pop(instr, None)

    def replace(self, instr, parts):
        """Put other instructions in the place of one."""
        self._forget(instr)
        self.parts[instr] = parts
        for part in parts:
            self._note(part)

    def drop_store(self, piece):
        """Let the group of a piece store it no longer."""
        group = piece.group
        kept = [view is not piece.view for view in group.outs]
        outs, regs = _kept(group.outs, kept), _kept(group.out_regs, kept)
        if not outs:
            self.replace(group, [])
            return
        read = {*regs, *(s for micro in group.micros for s in micro.sources)}
        live = [reg in read for reg in group.in_regs]
        self._forget(group)
        group.outs, group.out_regs = outs, regs
        group.ins, group.in_regs = _kept(group.ins, live), _kept(group.in_regs, live)
        self._note(group)

    def expanded(self, instrs):
        """The instructions with what has come in their place."""
        found, pending = [], list(reversed(instrs))
        while pending:
            instr = pending.pop()
            parts = self.parts.get(instr)
            if parts is None:
                found.append(instr)
            else:
                pending.extend(reversed(parts))
        return found


def _kept(values, kept):
    return [value for value, keep in zip(values, kept, strict=True) if keep]


# --- which are split ------------------------------------------------------------------


def _joined(buffer, uses):
    """A buffer as the value that it is joined to, or None if it is none of copies."""
    writers, readers = uses.writers[buffer], uses.readers.get(buffer, {})
    if buffer.space != ARENA or buffer.size <= FEW_ELEMENTS:
        return None
    if any(group in readers for group in writers):
        return None
    stored = [
        (group, k)
        for group in writers
        for k, view in enumerate(group.outs)
        if view.buffer is buffer
    ]
    if len(stored) < 2 or len(stored) > MAX_BOXES:
        return None
    joined = _Joined(buffer, [group.outs[k] for group, k in stored])
    if not joined.is_grid() or not all(joined.add(group, k) for group, k in stored):
        return None
    # Pieces that together are as large as the buffer do not overlap.
    whole = sum(piece.view.size for piece in joined.pieces) == buffer.size
    return joined if whole and joined.copies else None


def _read_sources(joined, uses):
    """Let all readers of a value read the sources of its copies, if that saves time."""
    parts = _split_readers(joined, uses)
    if parts:
        for reader, boxes in parts.items():
            uses.replace(reader, boxes)
        for piece in joined.copies:
            uses.drop_store(piece)


def _split_readers(joined, uses):
    """Reader -> the groups in its place; None where a reader stays, or it is not worth it."""
    parts, added = {}, 0
    for reader in uses.readers.get(joined.buffer, ()):
        splits = type(reader) is Ewise and reader.size
        boxes = _split(reader, joined) if splits else None
        if boxes is None:
            return None
        parts[reader] = boxes
        added += len(boxes) - 1
    gone = sum(len(piece.group.outs) == 1 for piece in joined.copies)
    copied = sum(piece.view.size for piece in joined.copies)
    return parts if copied > COPIED_PER_INSTRUCTION * (added - gone) else None


def _split(group, joined):
    """The group as groups over boxes, each in one piece of all that it reads of the value."""
    boxes = [group]
    for k, view in enumerate(group.ins):
        if view.buffer is joined.buffer:
            split = [joined.split(box, k) for box in boxes]
            if None in split:
                return None
            boxes = [part for parts in split for part in parts]
    if len(boxes) > MAX_BOXES:
        return None
    largest = max(boxes, key=lambda box: box.size)
    if largest.size > FEW_ELEMENTS and _run(largest.shape, group.shape) < MIN_RUN:
        return None
    return [_without_single(box, group.shape) for box in boxes]


def _run(shape, whole):
    """How many elements of a box lie side by side where those of the whole do."""
    run = 1
    for n, extent in zip(reversed(shape), reversed(whole), strict=True):
        run *= n
        if n != extent:
            break
    return run


# --- pieces and boxes -----------------------------------------------------------------


class _Piece:
    """What a group stores of a joined value: from `starts` on, `extents` along its axes.

    source: the view it was copied from, None if it was computed; steps: the source's
    strides along the axes.
    """

    __slots__ = ("extents", "group", "source", "starts", "steps", "view")

    def __init__(self, group, view, source, starts, extents, steps):
        self.group, self.view, self.source = group, view, source
        self.starts, self.extents, self.steps = starts, extents, steps

    def range(self, axis, start, step, n):
        """Of the n places from `start` on along an axis, those in the piece: first, end."""
        before = self.starts[axis] - start
        first = -(-before // step)
        end = -(-(before + self.extents[axis]) // step)
        return max(0, first), min(n, end)


class _Joined:
    """A value and its pieces, in the index space that their strides say it has."""

    def __init__(self, buffer, views):
        self.buffer, self.pieces = buffer, []
        dims = [dim for v in views for dim in zip(v.strides, v.shape, strict=True)]
        self.steps = sorted({1, *(step for step, n in dims if n > 1)}, reverse=True)
        for step, _ in dims:  # those of single elements, where they fit in
            finer = sorted({step, *self.steps}, reverse=True)
            if self._is_grid(finer):
                self.steps = finer
        outer = [buffer.size, *self.steps]
        self.extents = [n // step for n, step in zip(outer, self.steps, strict=False)]

    def is_grid(self):
        """Whether the strides are those of an index space."""
        return self._is_grid(self.steps)

    def _is_grid(self, steps):
        outer = [self.buffer.size, *steps]
        return all(s > 0 == n % s for n, s in zip(outer, steps, strict=False))

    @property
    def copies(self):
        """The pieces that were copied."""
        return [piece for piece in self.pieces if piece.source is not None]

    def add(self, group, k):
        """Take in the k-th store of a group; whether it is a box of the index space."""
        view = group.outs[k]
        walk = self._walk(view)
        if walk is None:
            return False
        starts, axes = walk
        source = None
        if type(group) is Ewise and group.out_regs[k] in group.in_regs:
            source = group.ins[group.in_regs.index(group.out_regs[k])]
        extents, steps = [1] * len(starts), [0] * len(starts)
        for d, walked in enumerate(axes):
            if walked is not None:
                axis, step = walked
                if step != 1:
                    return False
                extents[axis] = view.shape[d]
                steps[axis] = source.strides[d] if source is not None else 0
        self.pieces.append(_Piece(group, view, source, starts, extents, steps))
        return True

    def _walk(self, view) -> Any:
        """Where a view begins, and (axis, step) of each of its dims, None of those that do not
        move; None if it is no box of the index space, or one read backwards.
        """
        starts, rest = [], view.offset
        for step in self.steps:
            k, rest = divmod(rest, step)
            starts.append(k)
        axes = []
        for n, stride in zip(view.shape, view.strides, strict=True):
            moves = n > 1 and stride != 0
            walked = self._axis(n, stride, starts) if moves else None
            if moves and (walked is None or any(w and w[0] == walked[0] for w in axes)):
                return None
            axes.append(walked)
        return starts, axes

    def _axis(self, n, stride, starts):
        for axis, unit in enumerate(self.steps):
            step, rest = divmod(stride, unit)
            if rest == 0 < step and starts[axis] + step * (n - 1) < self.extents[axis]:
                return axis, step
        return None

    def split(self, group, k):
        """A group as groups whose k-th operand lies in one piece each; None if it cannot be."""
        view = group.ins[k]
        walk = None if type(view) is Table else self._walk(view)
        if walk is None:
            return None
        starts, axes = walk
        fixed = set(range(len(starts))) - {w[0] for w in axes if w}
        parts = []
        for piece in self.pieces:
            if any(piece.range(axis, starts[axis], 1, 1) != (0, 1) for axis in fixed):
                continue
            ranges = [
                (0, n) if w is None else piece.range(w[0], starts[w[0]], w[1], n)
                for n, w in zip(view.shape, axes, strict=True)
            ]
            if all(first < end for first, end in ranges):
                part = _box(group, ranges)
                if piece.source is not None:
                    part.ins[k] = self._source_of(piece, part.ins[k])
                    if part.ins[k] is None:
                        return None
                parts.append(part)
        return parts if sum(part.size for part in parts) == group.size else None

    def _source_of(self, piece, view):
        """The elements of a piece that a view reads, where they were copied from."""
        starts, axes = self._walk(view)
        source = piece.source
        if type(source) is Table or source.dtype != view.dtype:
            return None
        offset = source.offset
        for start, first, step in zip(starts, piece.starts, piece.steps, strict=True):
            offset += step * (start - first)
        strides = [0 if w is None else w[1] * piece.steps[w[0]] for w in axes]
        return View(source.buffer, view.dtype, view.shape, tuple(strides), offset)


def _box(group, ranges):
    """A group over a box of its index space: (first, end) of each dim."""
    starts, limits = [first for first, _ in ranges], [end for _, end in ranges]
    outs = [view.slice(starts, limits) for view in group.outs]
    ins = [view.slice(starts, limits) for view in group.ins]
    # Registers of its own, so that boxes may come to be one group with others.
    own = {result: object() for micro in group.micros for result in micro.results}
    micros = [
        Micro(micro.kernel, _renamed(micro.sources, own), _renamed(micro.results, own))
        for micro in group.micros
    ]
    out_regs = _renamed(group.out_regs, own)
    return Ewise(outs, ins, list(group.in_regs), micros, out_regs, group.source)


def _renamed(registers, names):
    return [names.get(register, register) for register in registers]


def _without_single(box, whole):
    """A box without the dims of which it has one place: it may then join the groups that make
    its operands.
    """
    single = [d for d, n in enumerate(whole) if n > 1 and box.shape[d] == 1]
    box.outs = [view.squeeze(single) for view in box.outs]
    box.ins = [view.squeeze(single) for view in box.ins]
    return box

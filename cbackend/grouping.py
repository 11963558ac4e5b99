"""The first step of fusion: elementwise kernels over one index space become groups."""

import itertools

from cbackend.program import Ewise, Micro, Table

# A tile of each operand and register lies in L2, which is nearer than the memory that the
# values between two groups go through; beyond, a group spills.
MAX_REGISTERS = 128
MAX_STREAMS = 16  # arrays that a group over many elements reads
# Up to here instructions cost more than elements: groups take in what is unrelated.
FEW_ELEMENTS = 2048
LONG_RUN = 16  # elements that lie side by side


class _Group:
    """A group of kernels while it grows: its instruction, and what it holds by name."""

    __slots__ = (
        "computed", "inputs", "instr", "next_input", "shape", "size", "written"
    )  # fmt: skip

    def __init__(self, instr):
        self.instr, self.shape, self.size = instr, instr.shape, instr.size
        # these grow, and others hold what they were
        instr.outs, instr.ins = list(instr.outs), list(instr.ins)
        instr.out_regs, instr.in_regs = list(instr.out_regs), list(instr.in_regs)
        # Inputs that nobody reads any more have left gaps in the numbers of registers.
        self.next_input = 1 + max(
            (r for r in instr.in_regs if type(r) is int), default=-1
        )
        self.inputs = {}  # what tells an input apart -> its register
        for view, reg in zip(instr.ins, instr.in_regs, strict=True):
            self.inputs.setdefault(_identity(view), reg)
        self.computed = {}  # (kernel, operands' registers) -> the registers of its results
        for micro in instr.micros:
            self.computed[micro.kernel, tuple(micro.sources)] = micro.results
        self.written = {}  # buffer -> the views that are stored there, and their registers
        self._note_stores(instr.outs, instr.out_regs)

    def _note_stores(self, outs, regs):
        for view, reg in zip(outs, regs, strict=True):
            self.written.setdefault(view.buffer, []).append((view, reg))

    def join(self, instr):
        """Take in the kernels of an instruction, if they can run here; whether they do."""
        written = self.written
        for view in instr.outs:
            if view.buffer in written and view.is_whole():
                return False  # the later store of the same elements must stay the later
        remap = _mapping(instr, written, self.shape)
        if remap is None:
            return False
        if remap is not _same:
            outs, ins = list(map(remap, instr.outs)), list(map(remap, instr.ins))
            if None in outs or None in ins:
                return False
            instr.outs, instr.ins = outs, ins
        for view in instr.ins:
            if view.buffer in written and _maker(written[view.buffer], view) is None:
                return False
        if not self.fits(instr):
            return False
        self.merge(instr)
        return True

    def fits(self, instr):
        """Whether the kernels of both can run as one group."""
        mine = self.instr
        if len(mine.in_regs) + len(mine.micros) + len(instr.micros) > MAX_REGISTERS:
            return False
        if len(mine.ins) + len(instr.ins) <= MAX_STREAMS or instr.size <= FEW_ELEMENTS:
            return True
        streams = {
            (v.buffer, v.offset)
            for v in itertools.chain(mine.ins, instr.ins)
            if is_stream(v)
        }
        return len(streams) <= MAX_STREAMS

    def merge(self, instr):
        """Move the kernels of an instruction here."""
        mine, renamed = self.instr, {}
        for view, reg in zip(instr.ins, instr.in_regs, strict=True):
            made = self.written.get(view.buffer)
            maker = made and _maker(made, view)
            renamed[reg] = maker[1] if maker else self._input(view)
        for micro in instr.micros:
            sources = [renamed.get(reg, reg) for reg in micro.sources]
            made = self.computed.setdefault(
                (micro.kernel, tuple(sources)), micro.results
            )
            if made is micro.results:
                mine.micros.append(Micro(micro.kernel, sources, made))
            else:
                renamed.update(zip(micro.results, made, strict=True))
        regs = [renamed.get(r, r) for r in instr.out_regs]
        mine.outs += instr.outs
        mine.out_regs += regs
        self._note_stores(instr.outs, regs)

    def _input(self, view):
        """The register of an input, a new one where it was not read yet."""
        key = _identity(view)
        reg = self.inputs.get(key)
        if reg is None:
            mine = self.instr
            reg = self.inputs[key] = self.next_input
            self.next_input += 1
            mine.ins.append(view)
            mine.in_regs.append(reg)
        return reg


def _identity(view):
    return view.buffer, view.offset, view.shape, view.strides, view.dtype, type(view)


def _maker(made, view):
    """Of (view, register) pairs stored in one buffer, the one that `view` reads, or None where
    others may have overwritten it.
    """
    for pair in made:
        if view.same(pair[0]):
            return pair if len(made) == 1 or _lie_apart(made) else None
    return None


def _lie_apart(made):
    """Whether views stored in one buffer share no element: as the columns of a matrix."""
    first = made[0][0]
    step = min((s for n, s in zip(first.shape, first.strides) if n > 1), default=1)
    offsets = {view.offset for view, _ in made}
    return (
        len(offsets) == len(made)
        and max(offsets) - min(offsets) < step
        and all((v.shape, v.strides) == (first.shape, first.strides) for v, _ in made)
    )


def _is_long_copy(instr):
    """Whether a group moves runs of elements, and is best left to move one at a time."""
    if instr.micros or instr.size <= FEW_ELEMENTS or len(instr.outs) > 1:
        return False
    rows = [(n, s) for n, s in zip(instr.shape, instr.outs[0].strides) if n > 1]
    return bool(rows) and rows[-1][1] == 1 and rows[-1][0] >= LONG_RUN


class Grouping:
    """Groups in program order; each instruction joins one, or becomes one.

    A group runs at its place, so that an instruction may join any group that comes
    after, or makes, all it reads.
    """

    def __init__(self):
        self.groups = []  # None where a group has moved into a later one
        self.made_at = {}  # buffer -> place of the last group that writes it
        self.read_at = {}  # buffer -> place of the first group that reads it, not makes it
        self.last_reader = {}  # buffer -> place of the last group that has it as input
        self.latest = {}  # iteration shape -> place of the last group over it

    def add(self, instr):
        """Take in the next instruction."""
        place = len(self.groups)
        if type(instr) is not Ewise:
            self._note(instr, place)
            self.groups.append(instr)
            return
        made_at = self.made_at
        makers = {made_at.get(view.buffer, -1) for view in instr.ins}
        beside = {made_at.get(view.buffer, -1) for view in instr.outs} - makers
        joined = None
        if not _is_long_copy(instr) or max(makers) > max(beside, default=-1):
            makers |= beside
            joined = self._place_for(instr, max(makers))
        if joined is None:
            group = _Group(instr)
            self.groups.append(group)
            self.latest[group.shape] = place
        else:
            place = joined
        self._sink(makers, place)
        self._note(instr, place)

    def finish(self):
        """The instructions, in order."""
        return [
            group.instr if type(group) is _Group else group
            for group in self.groups
            if group is not None
        ]

    def _note(self, instr, place):
        made_at, read_at = self.made_at, self.read_at
        for view in instr.ins:
            buffer = view.buffer
            if buffer is None:
                continue
            if made_at.get(buffer) != place and read_at.get(buffer, place) >= place:
                read_at[buffer] = place
            self.last_reader[buffer] = place
        for view in instr.outs:
            made_at[view.buffer] = place

    def _place_for(self, instr, made):
        """The place of the group that `instr` has joined, or None; its operands are made
        at `made` at the latest.
        """
        if made >= 0 and self._join(made, instr):
            return made
        for place in self._related(instr):
            if place > made and self.groups[place] is not None:
                if self.groups[place].shape == instr.shape and self._join(place, instr):
                    return place
        return None

    def _join(self, place, instr):
        group = self.groups[place]
        return type(group) is _Group and group.join(instr)

    def _related(self, instr):
        """Places of groups over the same shape that it pays to join."""
        if instr.size <= FEW_ELEMENTS:
            return [self.latest.get(instr.shape, -1)]
        places = []
        for view in instr.ins:
            place = self.last_reader.get(view.buffer, -1)
            if place >= 0 and view.size == view.buffer.size:
                if type(self.groups[place]) is _Group and place not in places:
                    places.append(place)
        return places

    def _sink(self, makers, place):
        """Merge other groups that made operands into the one at `place`, where nobody
        between reads or writes what they make.
        """
        for maker in makers:
            first, last = self.groups[maker] if maker >= 0 else None, self.groups[place]
            if maker == place or type(first) is not _Group or first.shape != last.shape:
                continue
            outs, written = first.instr.outs, first.written
            if any(self.read_at.get(v.buffer, place) < place for v in outs):
                continue
            if any(self.made_at[v.buffer] != maker for v in outs):
                continue  # another group writes a part of the same buffer later
            reads = [v for v in last.instr.ins if v.buffer in written]
            if not first.fits(last.instr):
                continue
            if any(_maker(written[v.buffer], v) is None for v in reads):
                continue
            first.merge(last.instr)
            self.groups[maker], self.groups[place] = None, first
            self._note(first.instr, place)


def _same(view):
    return view


def _mapping(instr, written, shape):
    """How the views of `instr` look in the index space of a group that makes one of its
    operands: a function of views (None where strides forbid it), or None.
    """
    for view in instr.ins:
        stored = written.get(view.buffer)
        if stored is None:
            continue
        made = stored[0][0]
        if view.same(made) or _maker(stored, view) is not None:
            return _same
        if type(view) is Table or len(stored) > 1:
            return None
        if view.is_whole() and made.is_whole():
            return lambda view: view.reshape(shape)
        return _transposition(view, made)
    return _same if instr.shape == shape else None


def _transposition(view, made):
    """What transposes views so that `view` becomes the same as `made`, or None."""
    if view.offset != made.offset or len(view.shape) != len(made.shape):
        return None
    axes = list(zip(view.shape, view.strides, strict=True))
    order = []
    for axis in zip(made.shape, made.strides, strict=True):
        if axis not in axes or axis[0] == 1:
            return None
        order.append(axes.index(axis))
    if len(set(order)) != len(order):
        return None
    return lambda view: view.transpose(order)


def is_stream(view):
    """Whether a view reads as many elements as there are, rather than repeat some."""
    return view.buffer is not None and 0 not in view.strides

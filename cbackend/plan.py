"""Liveness, in-place and arena offsets: where each temporary of a program lives.

A buffer takes arena space from the first instruction that writes it to the last that
touches it.  An elementwise result takes over an operand that dies there, where both are
the same view; so does an update of a dying operand, and what a loop carries of its
dying first value.
"""

from cbackend.program import ARENA, OUTPUT, Instr

ALIGN = 64

UPDATES = {"DYNAMIC_UPDATE_SLICE", "SCATTER"}
COMPLEX_TO_COMPLEX = {0, 1}  # kinds of FFT


def _is_update(instr):
    """Whether the first output may lie over the first input: what is not updated stays as it
    is, and transforms read all lines that they write, but no others.
    """
    complex_fft = instr.op == "FFT" and instr.params[0] in COMPLEX_TO_COMPLEX
    return instr.op in UPDATES or complex_fft


def begin_in_outputs(program):
    """Let a value whose last update makes an output lie where that output is to be.

    The update then copies nothing of what it leaves as it was.
    """
    touched = {}
    for index, instr in enumerate(program.instrs):
        for view in instr.ins + instr.outs:
            touched.setdefault(view.buffer, []).append(index)
    for index in reversed(range(len(program.instrs))):
        instr = program.instrs[index]
        if _is_update(instr) and _may_begin(instr, index, touched):
            old, new = instr.ins[0].buffer, instr.outs[0].buffer
            old.space, old.where = new.space, new.where
            program.outputs[new.where] = old
            for later in program.instrs[index:]:
                for view in later.ins + later.outs:
                    if view.buffer is new:
                        view.buffer = old


def _may_begin(update, index, touched):
    """Whether an update may go on with its operand's memory as the output's."""
    old, new = update.ins[0], update.outs[0]
    return (
        old.buffer is not None
        and old.buffer.space == ARENA
        and new.buffer.space == OUTPUT
        and old.is_whole()
        and new.is_whole()
        and _only_view(update, old)
        and touched[old.buffer][-1] == index == touched[new.buffer][0]
    )


def plan_loops(module):
    """Say of every loop which values its body may update in place.

    Such a value has one place through all iterations; others alternate between two.
    """
    for program in module.programs:
        for instr in program.instrs:
            if instr.op in _CARRIES:
                body, first_in, flags = _CARRIES[instr.op](instr.params)
                for k in range(len(instr.params) - flags):
                    safe = _in_place(module.programs[body], first_in + k, k)
                    instr.params[flags + k] = int(safe)


# opcode -> (body's program, number of its first carry input, place of the flags)
_CARRIES = {
    "SCAN": lambda params: (params[0], params[3], 5),
    "WHILE": lambda params: (params[1], params[3], 4),
}


def _in_place(program, number, output):
    """Whether a program works with that output over that input.

    What an instruction reads of the input must not be overwritten: it reads before anything
    is written, or only those places that it writes itself, element by element.
    """
    written, whole = program.outputs[output], program.inputs[number]
    updates = [i for i in program.instrs if _goes_on_with(i, written)]
    pieces = [
        view
        for instr in program.instrs
        if instr not in updates
        for view in instr.outs
        if view.buffer is written
    ]
    # Pieces that together are as large as the buffer do not overlap.
    apart = sum(view.size for view in pieces) == written.size
    begun = False
    for instr in program.instrs:
        reads = [k for k, view in enumerate(instr.ins) if view.buffer is whole]
        writes = [view for view in instr.outs if view.buffer is written]
        if reads and (begun or writes):
            first = not begun and len(writes) == 1 and writes[0].is_whole()
            if not (apart or first) or not _reads_as_it_writes(instr, reads, writes):
                return False
        begun = begun or bool(writes)
    return True


def _goes_on_with(instr, buffer):
    """Whether an instruction updates what a buffer already holds."""
    return _is_update(instr) and instr.ins[0].buffer is buffer


def _reads_as_it_writes(instr, reads, writes):
    if type(instr) is Instr and (not _is_update(instr) or reads != [0]):
        return False
    return all(
        any(_are_same_places(instr.ins[k], view) for view in writes) for k in reads
    )


def _are_same_places(view, other):
    """Whether two views go over the same places, each in its own buffer."""
    return (
        type(view) is type(other)
        and view.offset == other.offset
        and view.strides == other.strides
        and view.shape == other.shape
    )


def plan(program):
    """Give every arena buffer of a program its offset, and set `arena_bytes`."""
    last_use = {}
    for index, instr in enumerate(program.instrs):
        for view in instr.ins + instr.outs:
            if view.buffer is not None and view.buffer.space == ARENA:
                last_use[view.buffer] = index
    arena = _Arena()
    placed = set()
    for index, instr in enumerate(program.instrs):
        taken_over = set()
        for view in instr.outs:
            buffer = view.buffer
            if buffer.space != ARENA or buffer in placed:
                continue
            donor = _donor(instr, view, last_use, index, taken_over)
            if donor is None:
                buffer.where = arena.take(buffer.nbytes)
            else:
                buffer.where = donor.where
                taken_over.add(donor)
            placed.add(buffer)
        touched = {v.buffer for v in instr.ins + instr.outs if v.buffer is not None}
        # an empty buffer that nothing writes was never given a place
        for buffer in (touched - taken_over) & placed:
            if last_use.get(buffer) == index:
                arena.give_back(buffer.where, buffer.nbytes)
    program.arena_bytes = arena.size


def _donor(instr, out, last_use, index, taken_over):
    """The operand whose memory `out` can take over at this instruction, or None."""
    if not out.is_whole():
        return None
    for view in _candidates(instr, out):
        buffer = view.buffer
        if (
            buffer is not None
            and buffer.space == ARENA
            and last_use[buffer] == index
            and buffer not in taken_over
            and buffer.nbytes == out.buffer.nbytes
            and view.dtype.itemsize == out.dtype.itemsize
            and view.is_whole()
            and view.shape == out.shape
            and _only_view(instr, view)
        ):
            return buffer
    return None


def _candidates(instr, out):
    """The operands that an output of an instruction may lie over."""
    if type(instr) is not Instr:
        return instr.ins
    if _is_update(instr) and out is instr.outs[0]:
        return instr.ins[:1]
    if instr.op in _CARRIES:
        _, _, flags = _CARRIES[instr.op](instr.params)
        n_carry = len(instr.params) - flags
        number = instr.outs.index(out)
        first = instr.params[3] if instr.op == "SCAN" else len(instr.ins) - n_carry
        if number < n_carry:
            return instr.ins[first + number : first + number + 1]
    return ()


def _only_view(instr, view):
    """Whether the instruction touches the view's buffer through this very view only."""
    if type(instr) is not Instr:
        return all(v.buffer is not view.buffer or v.same(view) for v in instr.ins)
    return sum(v.buffer is view.buffer for v in instr.ins) == 1


class _Arena:
    """First-fit allocation of byte ranges, with neighbours merged when freed."""

    def __init__(self):
        self.size = 0
        self.free = []  # (offset, bytes), by offset

    def take(self, nbytes):
        nbytes = _rounded(nbytes)
        best = None
        for index, (_, room) in enumerate(self.free):
            if room >= nbytes and (best is None or room < self.free[best][1]):
                best = index
        if best is None:
            return self._grow(nbytes)
        offset, room = self.free[best]
        if room == nbytes:
            del self.free[best]
        else:
            self.free[best] = offset + nbytes, room - nbytes
        return offset

    def _grow(self, nbytes):
        offset = self.size
        if self.free and sum(self.free[-1]) == self.size:
            offset = self.free.pop()[0]
        self.size = offset + nbytes
        return offset

    def give_back(self, offset, nbytes):
        nbytes = _rounded(nbytes)
        at = len(self.free)
        while at and self.free[at - 1][0] > offset:
            at -= 1
        if at < len(self.free) and offset + nbytes == self.free[at][0]:
            nbytes += self.free.pop(at)[1]
        if at and sum(self.free[at - 1]) == offset:
            offset, before = self.free[at - 1]
            self.free[at - 1] = offset, before + nbytes
        else:
            self.free.insert(at, (offset, nbytes))


def _rounded(nbytes):
    return max(ALIGN, -(-nbytes // ALIGN) * ALIGN)

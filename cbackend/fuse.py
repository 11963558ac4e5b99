"""Elementwise grouping: kernels over the same index space run as one instruction.

An elementwise instruction joins the group that makes its latest-made operand, if that
group runs over the same shape and the operand is read as it was written.  All its other
operands are older, so that moving it up to the group changes nothing.  Values that only
the group reads stay in registers.
"""

from cbackend.program import ARENA, Ewise, Micro

# Registers are tiles in L1; past this many a group would spill to memory anyway.
MAX_REGISTERS = 40


def fuse(program):
    """Group the elementwise instructions of a program, in place."""
    groups = []
    made_at = {}  # buffer -> index in `groups` of the last instruction that writes it
    latest = {}  # iteration shape -> index of the last group over it
    for instr in program.instrs:
        place = _group_for(instr, groups, made_at, latest)
        if place is None:
            place = len(groups)
            groups.append(instr)
            if type(instr) is Ewise:
                latest[instr.shape] = place
        else:
            _merge(groups[place], instr)
        for view in instr.outs:
            made_at[view.buffer] = place
    program.instrs = groups
    _drop_unread(program)


def _group_for(instr, groups, made_at, latest):
    """The index of the group that `instr` can join, or None.

    The group that makes its latest operand, or else the last one over the same shape, if
    all operands are made before that.
    """
    if type(instr) is not Ewise:
        return None
    made = max([made_at.get(view.buffer, -1) for view in instr.ins + instr.outs])
    for place in (made, latest.get(instr.shape, -1)):
        if place >= max(made, 0) and _can_join(groups[place], instr):
            return place
    return None


def _can_join(group, instr):
    """Whether the kernels of `instr` can run in `group`, its operands being there."""
    if type(group) is not Ewise or group.shape != instr.shape:
        return False
    if len(group.in_regs) + len(group.micros) >= MAX_REGISTERS:
        return False
    written = {view.buffer: view for view in group.outs}
    for view in instr.ins:
        if view.buffer in written and not view.same(written[view.buffer]):
            return False
    return not any(view.buffer in written for view in instr.outs)


def _merge(group, instr):
    """Move the kernels of `instr` into `group`."""
    stored = {
        view.buffer: reg for view, reg in zip(group.outs, group.out_regs, strict=True)
    }
    renamed = {}
    for view, reg in zip(instr.ins, instr.in_regs, strict=True):
        if view.buffer is not None and view.buffer in stored:
            renamed[reg] = stored[view.buffer]
        else:
            renamed[reg] = _input_register(group, view)
    for micro in instr.micros:
        sources = [renamed.get(reg, reg) for reg in micro.sources]
        group.micros.append(Micro(micro.kernel, sources, micro.results))
    group.outs = group.outs + instr.outs
    group.out_regs = group.out_regs + [renamed.get(r, r) for r in instr.out_regs]


def _input_register(group, view):
    for known, reg in zip(group.ins, group.in_regs, strict=True):
        if known.same(view) and known.dtype == view.dtype:
            return reg
    reg = len(group.in_regs)
    group.ins = group.ins + [view]
    group.in_regs = group.in_regs + [reg]
    return reg


def _drop_unread(program):
    """Remove stores that nothing reads, and then instructions that store nothing."""
    read = set()
    kept = []
    for instr in reversed(program.instrs):
        if type(instr) is Ewise:
            _drop_stores(instr, read)
            if not instr.outs:
                continue
        read.update(view.buffer for view in instr.ins)
        kept.append(instr)
    program.instrs = kept[::-1]


def _drop_stores(group, read):
    keep = [view.buffer.space != ARENA or view.buffer in read for view in group.outs]
    group.outs = [v for v, kept in zip(group.outs, keep, strict=True) if kept]
    group.out_regs = [r for r, kept in zip(group.out_regs, keep, strict=True) if kept]
    used = set(group.out_regs)
    micros = []
    for micro in reversed(group.micros):
        if any(reg in used for reg in micro.results):
            used.update(micro.sources)
            micros.append(micro)
    group.micros = micros[::-1]
    live = [reg in used for reg in group.in_regs]
    group.ins = [v for v, kept in zip(group.ins, live, strict=True) if kept]
    group.in_regs = [r for r, kept in zip(group.in_regs, live, strict=True) if kept]

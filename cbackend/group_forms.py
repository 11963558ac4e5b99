"""Which groups native code has, in what form, and from what size on threads share them."""

import math

from cbackend import half_stages
from cbackend.places import APART, MIXED, Operand, collapse
from cbackend.program import DotMap, Ewise, MapReduce, dense_strides
from cbackend.runtime import half_arithmetic
from cbackend.scalars import BRANCHING, is_light, is_written
from cbackend.sums import is_whole

UNROLLED = 4  # elements that are written out one by one
MAX_SERIAL = 4096  # elements; beyond, the pool shares a loop among threads
MAX_LIGHT = 32768  # the same, for groups of nothing but light kernels
MAX_MAPPED = 1 << 18  # elements made before they are reduced, other than by lines
MAX_CALLED = 8  # elements, where a kernel is called for each


def is_tail(instr, relation):
    """Whether a DOT_MAP is written as its group, the product left to the runtime."""
    if type(instr) is not DotMap:
        return False
    group = instr.group
    return are_vectors(group) and not _overlaps(group.outs, group.ins[1:], relation)


def is_guarded(instr, relation):
    """Whether a group is written as loops that may find that they cannot do it.

    They then leave all inputs as they were, and the runtime has to do the instruction.
    """
    return (
        type(instr) is Ewise
        and instr.size > 4 * MAX_CALLED
        and any(micro.kernel.name in BRANCHING for micro in instr.micros)
        and all(is_written(micro.kernel) for micro in instr.micros)
        and are_apart(instr, relation)
    )


def is_mapped(instr, order, relation):
    """Whether a MAP_REDUCE is written as its elementwise part, the sums left to the
    runtime: of all its elements at once, or of a few lines at a time (`are_lines`).
    """
    if type(instr) is not MapReduce or instr.size <= UNROLLED or not _gains(instr):
        return False
    if instr.size <= serial_limit(instr):
        return ewise_fits(instr, relation)
    return (
        are_vectors(instr)
        and not _overlaps(instr.outs, instr.ins, relation)
        and (instr.size <= MAX_MAPPED or (are_lines(instr) and not is_whole(order())))
    )


def are_lines(instr):
    """Whether a large MAP_REDUCE is of many lines, which a loop can make in turn.

    A line is what belongs to one index of the outer extent, a matrix where there is an
    inner one.
    """
    if instr.size <= serial_limit(instr):
        return False
    dense = [Operand(None, None, "0", dense_strides(instr.shape))]
    views = [
        Operand(None, None, "0", v.strides) for v in instr.outs[len(instr.kinds) :]
    ]
    views += [Operand(None, None, "0", v.strides) for v in instr.ins]
    rows, *row = line_space(instr, dense + views)
    return instr.extents[0] % rows == 0 and math.prod(row) <= MAX_LIGHT


def line_space(instr, operands):
    """The collapsed space of a reduction of lines: its first dim goes over whole lines."""
    outer, *line = instr.extents
    shape = collapse(instr.shape, operands)
    if len(shape) == 1:
        n = math.prod(line)
        shape = [outer, n]
        for operand in operands:
            operand.strides = [operand.strides[0] * n, operand.strides[0]]
    return shape


def ewise_fits(instr, relation):
    """Whether a group's size and kernels are such that writing it pays."""
    n = instr.size
    limit = serial_limit(instr)
    if type(instr) is Ewise and _gains(instr):
        limit = n
    for micro in instr.micros:
        if not is_written(micro.kernel):
            limit = min(limit, MAX_CALLED)
        elif micro.kernel.name in BRANCHING:
            limit = min(limit, 4 * MAX_CALLED)
    return n <= limit and not _overlaps(instr.outs, instr.ins, relation)


def _gains(group):
    """Whether a loop is quicker than tier 0's tiles: these are one kernel's own loop where
    it has all operands side by side.
    """
    if len(group.micros) > 1 or group.is_shuffling() or in_stages(group):
        return True
    if group.by_constants():
        return True
    return bool(group.micros) and any(
        view.buffer is None or view.strides != dense_strides(view.shape)
        for view in group.ins
        if view.size > 1 and any(view.strides)
    )


def in_stages(group):
    """Whether the CPU's arithmetic on float16s takes part in a group's loop."""
    return half_arithmetic() and half_stages.fits(group)


def are_vectors(group):
    """Whether loops over a group's kernels become vector code."""
    return all(
        is_written(micro.kernel) and micro.kernel.name not in BRANCHING
        for micro in group.micros
    )


def serial_limit(group):
    """The number of elements from which on more than one thread pays."""
    light = all(is_light(micro.kernel) for micro in group.micros)
    return MAX_LIGHT if light else MAX_SERIAL


def cost_of(group, size, n_operands):
    """About how many nanoseconds a group's loop takes."""
    light = sum(is_light(micro.kernel) for micro in group.micros)
    heavy = len(group.micros) - light
    return int(size * (0.05 * light + 0.6 * heavy + 0.1 * n_operands))


def are_apart(instr, relation):
    """Whether nothing that is written is also read."""
    return all(
        relation(out, view) == APART
        for out in instr.outs
        for view in instr.ins
        if view.buffer is not None
    )


def _overlaps(outs, ins, relation):
    """Whether writing one element may change another element that is read later."""
    return any(
        relation(out, view) == MIXED
        for out in outs
        for view in ins
        if view.buffer is not None
    )

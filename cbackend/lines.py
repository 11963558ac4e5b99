"""Reductions along lines of memory, made in registers: a MAP_REDUCE as C.

A line is 64 interleaved sequences, whose accumulators stay in registers while a loop makes
and combines the elements; then halves are combined.  A long line is a tree of such leaves:
tier 0's order (op_reduce.c), which is any where every order gives the same bits.
"""

from cbackend.nests import (
    FEW_TURNS,
    Nest,
    function_text,
    is_cut,
    is_plain,
    kinds_of,
    lanes,
    loop_over_parts,
    needs_threads,
    parameters,
    spaces_of,
    write_nest,
    write_parts,
)
from cbackend.places import index_text, loop
from cbackend.scalars import STORED
from cbackend.sums import (
    LINES,
    WHOLE,
    are_exact,
    are_extremes,
    each,
    element_sums,
    extremes,
    tree,
)

_LEAF = 4096  # LEAF_LINE of op_reduce.c
_LANES = 64  # LINE_LANES of reduce_kernels.h
_MAX_KINDS = 4  # whose accumulators registers hold


def are_long_lines(instr, order, relation):
    """Whether a MAP_REDUCE is written so."""
    _, n, inner = instr.extents
    if inner > 1 or n < _LANES or len(instr.kinds) > _MAX_KINDS:
        return False
    spaces = spaces_of(instr)
    if spaces is None or not is_plain(instr, relation):
        return False
    nest = Nest(instr, spaces)
    exact, (how, chunk) = are_exact(kinds_of(instr)), order()
    if len(nest.reduced) > 1 or not (exact or how & ~WHOLE == LINES):
        return False
    is_enough = _is_enough(instr, nest)
    return is_enough or is_cut(chunk, _LEAF, exact, is_enough)


def _is_enough(instr, nest):
    """Whether the outermost loop is one that threads may share, if they have to."""
    return nest.around[0] >= FEW_TURNS or not needs_threads(instr)


def write_long_lines(groups, instr, operand, order, take):
    """C lines for a MAP_REDUCE of which `are_long_lines`; `operand(view) -> Operand`, `take`
    as of `write_parts`.
    """
    nest = Nest(instr, spaces_of(instr), operand)
    writer = _Writer(groups, instr, nest, order)
    if writer.is_cut:
        parts = (_LEAF, order[1])
        return write_parts(groups, instr, nest, *parts, take, writer.call)
    return write_nest(groups, instr, nest, nest.around[0], writer.call)


class _Writer:
    """Writes the function that reduces some of the lines, or of their leaves."""

    def __init__(self, groups, instr, nest, order):
        self.groups, self.instr, self.nest = groups, instr, nest
        self.kinds = kinds_of(instr)
        exact, (_, chunk) = are_exact(self.kinds), order
        self.is_cut = is_cut(chunk, _LEAF, exact, _is_enough(instr, nest))
        self.is_tree = not (exact or self.is_cut) and nest.reduced[0] > _LEAF

    def call(self, first, end):
        """The call, for lines `first` to `end` of the outermost dim."""
        nest, d = self.nest, self.nest.depth - 1
        extents, ends = dict(enumerate([*nest.around, *nest.reduced])), ("0", f"n{d}")
        heads = [loop(k, f"n{k}") for k in range(d)]
        if self.is_cut:
            heads = [*loop_over_parts(_LEAF, f"n{d}"), *heads]
            ends = ("first", "last")
        else:
            heads[0] = loop(0, "end", "begin")
            del extents[0]
        params, args, (sums, outs, ins) = parameters(nest, extents, first, end)
        if self.is_tree:
            leaf = self._leaf("leaf_at", "end_of_leaf", outs, ins)
            kept = ("", "y{k}", "tree{k}[level]", lambda lines: lines)
            body = tree(self.kinds, ends, nest.reduced[0], _LEAF, leaf, *kept)
        else:
            body = self._leaf(*ends, outs, ins)
        for k, out in enumerate(sums):
            at = index_text(out, d)
            if self.is_cut:
                at += f" + k * {self.instr.extents[0]}"
            body.append(f"{out.place.element(out.suffix, at)} = y{k};")
        types = [f"{STORED[suffix]} y{k};" for k, (_, suffix) in enumerate(self.kinds)]
        ends = ["}"] * sum(line.endswith("{") for line in heads)
        lines = [*heads, *types, *body, *ends]
        return self.groups.call(function_text(params, lines), args)

    def _leaf(self, first, end, outs, ins):
        """Lines that leave the sums of a leaf's elements in y{k}."""
        kinds = self.kinds
        declared = [
            f"{STORED[suffix]} x{k}[{_LANES}];" for k, (_, suffix) in enumerate(kinds)
        ]

        def make(is_quick):
            return self._elements(first, end, outs, ins, is_quick)

        def all_lanes(lines):
            return lanes(_LANES, lines)

        if are_extremes(kinds):
            sums = extremes(kinds, _LANES, all_lanes, make)
        else:
            sums = make(False)
        for half in (32, 16, 8, 4):
            step = f"x{{k}}[l] = {{op}}(x{{k}}[l], x{{k}}[l + {half}]);"
            sums += lanes(half, each(kinds, step))
        last = "y{k} = {op}({op}(x{k}[0], x{k}[1]), {op}(x{k}[2], x{k}[3])){zero};"
        return ["{", *declared, *sums, *each(kinds, last), "}"]

    def _elements(self, first, end, outs, ins, is_quick):
        """Lines that take a leaf's elements, 64 at a time."""
        d = self.nest.depth - 1
        fixed, moving = element_sums(
            self.groups, self.instr, self.kinds, outs, ins, d + 1, is_quick
        )
        elements = [f"int64_t i{d} = at + l; (void)i{d};", *moving]
        return [
            "{",
            *lanes(_LANES, each(self.kinds, "x{k}[l] = {start};")),
            *fixed,
            f"int64_t at = {first};",
            f"for (; at + {_LANES} <= {end}; at += {_LANES}) {{",
            *lanes(_LANES, elements),
            "}",
            *lanes(f"{end} - at", elements),
            "}",
        ]

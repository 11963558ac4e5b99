"""Reductions along rows that lie side by side, made in registers: a MAP_REDUCE as C.

A strip of columns at a time: its accumulators stay in registers while a loop goes down the
rows, makes the elements of each and combines them.  The order along a column is tier 0's
(op_reduce.c): in sequence, or as a tree of leaves.  Where every order gives the same bits,
it is one sequence.
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
from cbackend.runtime import isa
from cbackend.scalars import STORED
from cbackend.sums import (
    SEQUENCE,
    TREE,
    WHOLE,
    are_exact,
    are_extremes,
    each,
    element_sums,
    extremes,
    tree,
)

_LEAF = 64  # LEAF_ROWS of op_reduce.c
_MIN_WIDTH = 8  # MIN_ROW of op_reduce.c
_STEP = 16  # columns: wide strips are multiples of it
# Columns of the widest strip: four vectors of float32 hide how long a step takes.
_WIDEST = {"avx512": 64, "avx2": 32, "baseline": 16}


def are_rows(instr, order, relation):
    """Whether a MAP_REDUCE is written so."""
    if instr.extents[2] < _MIN_WIDTH or not is_plain(instr, relation):
        return False
    spaces = spaces_of(instr)
    if spaces is None:
        return False
    nest = Nest(instr, spaces)
    if nest.width < _MIN_WIDTH:
        return False
    exact, (how, chunk) = are_exact(kinds_of(instr)), order()
    known = exact or how & ~WHOLE in (SEQUENCE, TREE)
    if not known or (len(nest.reduced) > 1 and not exact and how & ~WHOLE == TREE):
        return False
    is_enough = _is_enough(instr, nest)
    if is_cut(chunk, _LEAF, exact, is_enough):
        return len(nest.reduced) == 1
    return is_enough


def _is_enough(instr, nest):
    """Whether the outermost loop is one that threads may share, if they have to."""
    turns = max(nest.around[0], _cut(instr, nest)[1])
    return turns >= FEW_TURNS or not needs_threads(instr)


def _cut(instr, nest):
    """The columns of a strip, and how many strips there are; where these do not fit in, the
    last one begins earlier.
    """
    widest = _WIDEST[isa()]
    if len(instr.kinds) > 2:
        widest = max(_STEP, 2 * widest // len(instr.kinds) // _STEP * _STEP)
    if needs_threads(instr) and nest.around[0] < FEW_TURNS:
        while widest > _STEP and -(-nest.width // widest) < 2 * FEW_TURNS:
            widest //= 2
    if nest.width <= widest:
        return nest.width, 1
    turns = -(-nest.width // widest)
    strip = -(-nest.width // (turns * _STEP)) * _STEP
    return strip, -(-nest.width // strip)


def write_rows(groups, instr, operand, order, take):
    """C lines for a MAP_REDUCE of which `are_rows`; `operand(view) -> Operand`, `take` as
    of `write_parts`.
    """
    nest = Nest(instr, spaces_of(instr), operand)
    writer = _Writer(groups, instr, nest, order)
    if writer.chunk:
        parts = (writer.chunk, writer.chunk)
        return write_parts(groups, instr, nest, *parts, take, writer.call)
    count = writer.turns if writer.strips_first else nest.around[0]
    return write_nest(groups, instr, nest, count, writer.call)


class _Writer:
    """Writes the function that reduces some strips, part of the outermost dim, or chunks.

    chunk: the rows of one, 0: they are not cut; turns: how many strips there are;
    strips_first: whether the loop over them is the outermost one.
    """

    def __init__(self, groups, instr, nest, order):
        self.groups, self.instr, self.nest = groups, instr, nest
        self.kinds = kinds_of(instr)
        exact, (how, chunk) = are_exact(self.kinds), order
        self.is_tree = how & ~WHOLE == TREE and not exact
        cut = is_cut(chunk, _LEAF, exact, _is_enough(instr, nest))
        self.chunk = chunk if cut else 0
        self.strip, self.turns = _cut(instr, nest)
        self.strips_first = self.turns > nest.around[0]

    def call(self, first, end):
        """The call, for turns `first` to `end` of the outermost loop."""
        extents = dict(enumerate([*self.nest.around, *self.nest.reduced]))
        if not (self.chunk or self.strips_first):
            del extents[0]
        params, args, (sums, outs, ins) = parameters(self.nest, extents, first, end)
        lines = self._loops(sums, self._sums(outs, ins))
        return self.groups.call(function_text(params, lines), args)

    def _loops(self, sums, body):
        around = [loop(d, f"n{d}") for d in range(len(self.nest.around))]
        if self.chunk:
            chunks = loop_over_parts(self.chunk, f"n{len(around)}")
            heads = [*chunks, *around, *self._strips("0", str(self.turns))]
        elif self.strips_first:
            heads = [*self._strips("begin", "end"), *around]
        else:
            strips = self._strips("0", str(self.turns))
            heads = [loop(0, "end", "begin"), *around[1:], *strips]
        stores = []
        for k, out in enumerate(sums):
            at = index_text(out, self.nest.depth)
            if self.chunk:
                at += f" + k * {self.instr.extents[0] * self.instr.extents[2]}"
            stores.append(f"{out.place.element(out.suffix, at)} = x{k}[l];")
        ends = ["}"] * sum(head.endswith("{") for head in heads)
        return [*heads, *body, *self._columns([self._index(), *stores]), *ends]

    def _strips(self, first, end):
        last = self.nest.width - self.strip
        return [
            f"for (int64_t t = {first}; t < {end}; t++) {{",
            f"int64_t c = t * {self.strip} < {last} ? t * {self.strip} : {last};",
        ]

    def _columns(self, lines):
        """Lines for each column of the strip, `l`."""
        return lanes(self.strip, lines)

    def _index(self):
        """The last index of the iteration space; elements may be the same for all columns."""
        name = f"i{self.nest.depth - 1}"
        return f"int64_t {name} = c + l; (void){name};"

    def _sums(self, outs, ins):
        """Lines that leave a strip's sums in x{k}."""
        lines = [
            f"{STORED[suffix]} x{k}[{self.strip}];"
            for k, (_, suffix) in enumerate(self.kinds)
        ]
        start = self._columns(each(self.kinds, "x{k}[l] = {start};"))
        first, last = len(self.nest.around), self.nest.depth - 1
        if not self.is_tree:
            heads = [loop(d, f"n{d}") for d in range(first, last)]
            if self.chunk:
                heads = [loop(first, "last", "first")]

            def make(is_quick):
                return [*start, *self._rows(heads, outs, ins, is_quick)]

            if not are_extremes(self.kinds):
                return [*lines, *make(False)]
            return [*lines, *extremes(self.kinds, self.strip, self._columns, make)]
        rows = self._rows([loop(first, "end_of_leaf", "leaf_at")], outs, ins)
        leaf = [*start, *rows]
        kept = (f"[{self.strip}]", "x{k}[l]", "tree{k}[level][l]", self._columns)
        ends, n = ("0", f"n{first}"), self.nest.reduced[0]
        if self.chunk:
            ends, n = ("first", "last"), self.chunk
        return [*lines, *tree(self.kinds, ends, n, _LEAF, leaf, *kept)]

    def _rows(self, heads, outs, ins, is_quick=False):
        """The loops down the rows, in which each column's element is made and combined."""
        fixed, moving = element_sums(
            self.groups, self.instr, self.kinds, outs, ins, self.nest.depth, is_quick
        )
        body = self._columns([self._index(), *moving])
        return [*heads, *fixed, *body, *["}"] * len(heads)]

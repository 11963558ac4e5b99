"""Reductions along rows that lie side by side, made in registers: a MAP_REDUCE as C.

A strip of columns at a time: its accumulators stay in registers while a loop goes down the
rows, makes the elements of each and combines them.  The order along a column is tier 0's
(op_reduce.c): in sequence; of more rows than a leaf has as a tree, whose unfinished parts
are kept as a binary counter keeps its digits.  Where every order gives the same bits, it is
one sequence.
"""

import math

from cbackend.groups import (
    LOOP,
    SHARED_UNIT,
    TASK,
    cost_of,
    in_parallel,
    loop,
    passed,
    serial_limit,
)
from cbackend.places import APART, Operand, collapse, index_text, parameter, suffix_of
from cbackend.program import dense_strides
from cbackend.runtime import isa
from cbackend.scalars import BRANCHING, STORED, is_written
from cbackend.sums import (
    SEQUENCE,
    TREES,
    has_text,
    header_of,
    identity,
    is_exact,
    operation,
)

LEAF = 64  # LEAF_ROWS of op_reduce.c
MIN_WIDTH = 8  # MIN_ROW of op_reduce.c
_STEP = 16  # columns: wide strips are multiples of it
# Columns of the widest strip: eight vectors of float32 hide how long a comparison takes.
_WIDEST = {"avx512": 128, "avx2": 64, "baseline": 32}


# --- which are written


def are_rows(instr, order, relation):
    """Whether a MAP_REDUCE is written so."""
    spaces = _spaces(instr)
    if spaces is None or not all(
        is_written(m.kernel) and m.kernel.name not in BRANCHING for m in instr.micros
    ):
        return False
    kinds = _kinds(instr)
    if not all(has_text(kind, suffix) for kind, suffix in kinds):
        return False
    if any(
        relation(out, view) != APART
        for out in instr.outs
        for view in instr.ins
        if view.buffer is not None
    ):
        return False
    nest = _Nest(instr, spaces, _bare)
    if nest.width < MIN_WIDTH:
        return False
    if all(is_exact(kind, suffix) for kind, suffix in kinds):
        return True
    return order() == SEQUENCE or (order() in TREES and len(nest.reduced) == 1)


def _kinds(instr):
    """The kind and the element type of each reduction."""
    pairs = zip(instr.kinds, instr.outs, strict=False)
    return [(kind, suffix_of(view)) for kind, view in pairs]


def _spaces(instr):
    """The dims of the outer, the reduced and the inner extent; None where a dim belongs to
    two of them, or the columns are too few.
    """
    spaces, d, shape = [], 0, instr.shape
    for extent in instr.extents:
        first, n = d, 1
        while d < len(shape) and n * shape[d] <= extent:
            n *= shape[d]
            d += 1
        if n != extent:
            return None
        spaces.append(slice(first, d))
    return spaces if d == len(shape) and instr.extents[2] >= MIN_WIDTH else None


def _bare(view):
    return Operand(None, suffix_of(view), "0", view.strides)


class _Nest:
    """The extents of the loops, and the operands with one stride for each: `around` the
    sums, over the `reduced` rows, and along the last dim, of `width` columns.
    """

    def __init__(self, instr, spaces, operand):
        n_sums = len(instr.kinds)
        self.sums = [operand(view) for view in instr.outs[:n_sums]]
        self.outs = [operand(view) for view in instr.outs[n_sums:]]
        self.ins = [operand(view) for view in instr.ins]
        strides = _strides_of_sums(instr.shape, spaces[1])
        for out in self.sums:
            out.strides = strides
        dense = Operand(None, None, "0", dense_strides(instr.shape))
        operands = [dense, *self.sums, *self.outs, *self.ins]
        whole = [operand.strides for operand in operands]
        shapes, parts = [], []
        for dims in spaces:
            for operand, strides in zip(operands, whole, strict=True):
                operand.strides = list(strides[dims])
            shapes.append(collapse(instr.shape[dims], operands))
            parts.append([operand.strides for operand in operands])
        outer, self.reduced, (*between, self.width) = shapes
        self.around = outer + between
        for operand, a, r, i in zip(operands, *parts, strict=True):
            operand.strides = [*a, *i[:-1], *r, i[-1]]


def _strides_of_sums(shape, reduced):
    """Dense strides over all dims but the reduced ones, which have none."""
    kept = [1 if reduced.start <= d < reduced.stop else n for d, n in enumerate(shape)]
    return [
        0 if reduced.start <= d < reduced.stop else stride
        for d, stride in enumerate(dense_strides(kept))
    ]


# --- writing them


def write_rows(groups, instr, operand, order):
    """C lines for a MAP_REDUCE of which `are_rows`; `operand(view) -> Operand`."""
    nest = _Nest(instr, _spaces(instr), operand)
    writer = _Writer(groups, instr, nest, order)
    count = writer.turns if writer.strips_first else nest.around[0]
    if instr.size <= serial_limit(instr) or count == 1:
        return [f"{writer.call('0', str(count))};"]
    pointers = ["(char *)host", "0"]
    nest.sums, nest.outs, nest.ins = (
        passed(operands, pointers) for operands in (nest.sums, nest.outs, nest.ins)
    )
    unit = max(1, SHARED_UNIT * count // instr.size)
    task = TASK.format(n=count, unit=unit, call=f"{writer.call('begin', 'end')};")
    cost = cost_of(instr, instr.size, len(instr.outs) + len(instr.ins))
    return in_parallel(pointers, count, unit, cost, "0, 0", groups.function(task))


def _strip(width, n_sums):
    """The columns of a strip; where they do not fit in, the last one begins earlier."""
    widest = max(_STEP, _WIDEST[isa()] // n_sums // _STEP * _STEP)
    if width <= widest:
        return width
    turns = -(-width // widest)
    return -(-width // (turns * _STEP)) * _STEP


class _Writer:
    """Writes the function that reduces part of the strips, or part of the outermost dim.

    turns: how many strips there are; strips_first: whether the loop over them is the
    outermost one.
    """

    def __init__(self, groups, instr, nest, order):
        self.groups, self.instr, self.nest = groups, instr, nest
        self.kinds = _kinds(instr)
        exact = all(is_exact(kind, suffix) for kind, suffix in self.kinds)
        self.is_tree = order in TREES and not exact
        self.strip = _strip(nest.width, len(self.kinds))
        self.turns = -(-nest.width // self.strip)
        self.strips_first = self.turns > nest.around[0]
        self.depth = len(nest.around) + len(nest.reduced) + 1

    def call(self, first, end):
        """The call, for turns `first` to `end` of the outermost loop."""
        nest = self.nest
        params = ["const mjx_native_host *host", "int64_t begin", "int64_t end"]
        args = ["host", first, end]
        extents = [*nest.around, *nest.reduced]
        for d, n in enumerate(extents):
            if d or self.strips_first:
                params.append(f"int64_t n{d}")
                args.append(str(n))
        named = []
        for letter, operands in (("s", nest.sums), ("o", nest.outs), ("a", nest.ins)):
            named.append(
                [
                    parameter(f"{letter}{k}", o, params, args)
                    for k, o in enumerate(operands)
                ]
            )
        head = f"{LOOP} void NAME({', '.join(params)}) {{\n  (void)host;"
        return self.groups.call("\n".join([head, *self._loops(*named), "}\n"]), args)

    def _loops(self, sums, outs, ins):
        around = [loop(d, f"n{d}") for d in range(len(self.nest.around))]
        strips = self._strip_loop("0", str(self.turns))
        if self.strips_first:
            heads = [*self._strip_loop("begin", "end"), *around]
        else:
            heads = [loop(0, "end", "begin"), *around[1:], *strips]
        closed = ["}"] * (len(around) + 1)
        return [*heads, *self._sums_of_strip(sums, outs, ins), *closed]

    def _strip_loop(self, first, end):
        last = self.nest.width - self.strip
        return [
            f"for (int64_t t = {first}; t < {end}; t++) {{",
            f"int64_t c = t * {self.strip} < {last} ? t * {self.strip} : {last};",
        ]

    def _sums_of_strip(self, sums, outs, ins):
        suffixes = [suffix for _, suffix in self.kinds]
        lines = [
            f"{STORED[suffix]} x{k}[{self.strip}];" for k, suffix in enumerate(suffixes)
        ]
        first, *others = range(len(self.nest.around), self.depth - 1)
        if self.is_tree:
            lines += self._tree(first, outs, ins)
        else:
            heads = [loop(d, f"n{d}") for d in (first, *others)]
            lines += [*self._start(), *self._rows(heads, outs, ins)]
        stores = [
            f"{out.place.element(out.suffix, index_text(out, self.depth))} = x{k}[l];"
            for k, out in enumerate(sums)
        ]
        return [*lines, *self._columns([self._index(), *stores])]

    def _columns(self, lines):
        """Lines for each column of the strip, `l`."""
        head = f"for (int l = 0; l < {self.strip}; l++) {{"
        return ['_Pragma("GCC ivdep")', head, *lines, "}"]

    def _index(self):
        """The last index of the iteration space; elements may be the same for all columns."""
        name = f"i{self.depth - 1}"
        return f"int64_t {name} = c + l; (void){name};"

    def _each(self, pattern):
        """A line of each reduction, whose accumulator is x{k} and operation {op}."""
        return self._columns(
            [
                pattern.format(
                    k=k, op=operation(kind, suffix), start=identity(kind, suffix)
                )
                for k, (kind, suffix) in enumerate(self.kinds)
            ]
        )

    def _start(self):
        return self._each("x{k}[l] = {start};")

    def _rows(self, heads, outs, ins):
        """The loops down the rows, in which each column's element is made and combined."""
        names = iter(range(1 << 30))
        groups, instr = self.groups, self.instr
        registers, fixed, moving = groups.elements(
            instr, ins, self.depth, lambda: f"r{next(names)}"
        )
        n_sums = len(self.kinds)
        stores = groups.stores(instr.out_regs[n_sums:], outs, registers, self.depth)
        sums = []
        for k, (kind, suffix) in enumerate(self.kinds):
            groups.scalars.use(header_of(suffix))
            value = groups.scalars.cast(registers[instr.out_regs[k]], suffix)
            sums.append(f"x{k}[l] = {operation(kind, suffix)}(x{k}[l], {value});")
        body = self._columns([self._index(), *moving, *stores, *sums])
        return [*heads, *fixed, *body, *["}"] * len(heads)]

    def _tree(self, d, outs, ins):
        """The sums of leaves; `leaf` counts them, its digits of one have a sum each."""
        n = math.prod(self.nest.reduced)
        levels = (-(-n // LEAF)).bit_length()
        kept = [
            f"{STORED[suffix]} tree{k}[{levels}][{self.strip}];"
            for k, (_, suffix) in enumerate(self.kinds)
        ]
        rows = self._rows([loop(d, "end_of_leaf", "row")], outs, ins)
        return [
            *kept,
            "int64_t leaf = 0;",
            "int level = 0;",
            f"for (int64_t row = 0; row < n{d}; row += {LEAF}, leaf++) {{",
            f"int64_t end_of_leaf = row + {LEAF} < n{d} ? row + {LEAF} : n{d};",
            *self._start(),
            *rows,
            "level = 0;",
            "for (int64_t digits = leaf; digits & 1; digits >>= 1, level++) {",
            *self._each("x{k}[l] = {op}(tree{k}[level][l], x{k}[l]);"),
            "}",
            *self._each("tree{k}[level][l] = x{k}[l];"),
            "}",
            "for (level++; leaf >> level; level++) {",
            "if (!(leaf >> level & 1)) continue;",
            *self._each("x{k}[l] = {op}(tree{k}[level][l], x{k}[l]);"),
            "}",
        ]

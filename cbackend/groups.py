"""Elementwise groups as C, and what of a MAP_REDUCE is one.

A few elements are written out in place, so that their values can live in registers.  More
are a loop in a function of its own, which serves every place that differs only in sizes and
strides; from some size on the pool's threads share its turns.
"""

import math

from cbackend import half_stages
from cbackend.group_forms import (
    UNROLLED,
    are_vectors,
    cost_of,
    in_stages,
    line_space,
    serial_limit,
)
from cbackend.halves import Halves
from cbackend.places import (
    Operand,
    Place,
    collapse,
    index_of,
    index_text,
    load,
    loop,
    parameter,
    suffix_of,
    table_register,
)
from cbackend.program import dense_strides
from cbackend.row_blocks import RowBlocks, lanes_of
from cbackend.scalars import Register, is_light

SHARED_UNIT = 1024  # elements that stay with one thread
LINES_UNIT = 4096  # elements that are made before they are summed
REDUCE_BYTES = 8192  # MJX_NATIVE_REDUCE_BYTES
STRIP = 128  # turns of a loop from line to line of memory: the cache holds these lines
FAR = 16  # elements between such lines

# Divisions of integers: no CPU has them for vectors.
_NO_VECTORS = ("div_i", "div_u", "rem_i", "rem_u")

# As a function of its own a loop is compiled for speed, however the call is reached.
_LOOP = "__attribute__((hot)) static"

# What a thread does of a loop over n rows (or elements): those of its units.
TASK = """\
static void NAME(void *context, int64_t begin, int64_t end, char *scratch) {{
  char **operands = context;
  const mjx_native_host *host = (const mjx_native_host *)operands[0];
  (void)scratch;
  begin *= {unit};
  end = end * {unit} < {n} ? end * {unit} : {n};
  {call}
}}
"""

# The same for lines: the elements of each unit go to scratch, then they are summed.
_LINES_TASK = """\
static void NAME(void *context, int64_t first, int64_t last, char *scratch) {{
  char **operands = context;
  const mjx_native_host *host = (const mjx_native_host *)operands[0];
  char *pieces[] = {{{pieces}}};
  _Static_assert(MJX_NATIVE_REDUCE_BYTES == {reduce_bytes}, "places are planned with it");
  for (int64_t u = first; u < last; u++) {{
    int64_t begin = u * {unit}, end = begin + {unit} < {n} ? begin + {unit} : {n};
    {call};
    host->reduce(operands[1], {code}, (char **)operands[2], pieces, begin * {lines},
                 (end - begin) * {lines}, scratch + {nbytes});
  }}
}}
"""

# A group on the elements of a product, a block of them at a time.
_TAIL = """\
static void NAME(void *context, int64_t row, int64_t column, int64_t rows, int64_t columns,
                 const void *product, int64_t product_row, char *scratch) {{
  char **operands = context;
  const mjx_native_host *host = (const mjx_native_host *)operands[0];
  (void)scratch;
  {call};
}}
"""


class Groups:
    """Writes groups into a file: lines for the place, functions for the file."""

    def __init__(self, scalars):
        self.scalars = scalars
        self.functions = {}  # text with NAME for the name -> name
        self._registers = 0

    def guarded(self, instr, operand):
        """C lines for a group of which `is_guarded`; they end in "if (failed)"."""
        ins = [operand(view) for view in instr.ins]
        outs = [operand(view) for view in instr.outs]
        self.scalars.guard = "hard"
        shape = collapse(instr.shape, outs + ins)
        if instr.size > serial_limit(instr):
            failed = self.fresh()
            lines = self._shared(instr, shape, outs, ins, failed)
            lines = [f"int {failed} = 0;", *lines, f"if ({failed})"]
        else:
            lines = [f"if ({self._loops(instr, shape, outs, ins)})"]
        self.scalars.guard = None
        return lines

    def mapped(self, instr, operand, pieces, repeatable):
        """C lines for the elementwise part of a MAP_REDUCE.

        `pieces` are the places, one for each reduction, of all elements to be reduced.
        """
        ins = [operand(view) for view in instr.ins]
        outs = [operand(view) for view in instr.outs[len(pieces) :]]
        dense = _dense(pieces, instr)
        return self.write(instr, instr.shape, dense + outs, ins, repeatable)

    def lines(self, instr, operand, code, slots, take, repeatable):
        """C lines for a MAP_REDUCE of lines: the elements of a few, then their sums.

        code: the instruction as `host->reduce` is told; slots: their name; take(nbytes):
        a place for the time of the instruction.
        """
        ins = [operand(view) for view in instr.ins]
        outs = [operand(view) for view in instr.outs[len(instr.kinds) :]]
        reduced = instr.outs[: len(instr.kinds)]
        dense = _dense([None] * len(reduced), instr)
        shape = line_space(instr, dense + outs + ins)
        row = math.prod(shape[1:])
        unit = max(1, LINES_UNIT // row)
        nbytes = 0
        for piece, view in zip(dense, reduced, strict=True):
            piece.place = Place("scratch", offset=nbytes)
            nbytes += -(-unit * row * view.dtype.itemsize // 64) * 64
        pointers = ["(char *)host", "(char *)run", f"(char *){slots}"]
        parts = dense + _handed_over(outs + ins, pointers)
        n_out = len(instr.outs)
        call = self._loops(
            instr, ["end - begin", *shape[1:]], parts[:n_out], parts[n_out:], repeatable
        )
        task = self.function(
            _LINES_TASK.format(
                n=shape[0], unit=unit, call=call, code=code, nbytes=nbytes,
                pieces=", ".join(piece.place.address() for piece in dense),
                lines=instr.extents[0] // shape[0], reduce_bytes=REDUCE_BYTES,
            )
        )  # fmt: skip
        cost = cost_of(instr, instr.size, len(parts))
        scratch = f"{nbytes} + MJX_NATIVE_REDUCE_BYTES"
        own = take(nbytes + REDUCE_BYTES).address()
        return in_parallel(pointers, shape[0], unit, cost, f"{scratch}, {own}", task)

    def tail(self, instr, operand, code, slots):
        """C lines for a DOT_MAP: the runtime's product, of which a function takes blocks.

        code: the instruction as `host->product` is told; slots: their name.
        """
        group = instr.group
        views = [*group.outs, *group.ins[1:]]
        pointers = ["(char *)host"]
        parts = passed([operand(view) for view in views], pointers)
        for part in parts:
            terms = zip(("row", "column"), part.strides, strict=True)
            moved = [f"{name} * {stride}" for name, stride in terms if stride]
            part.start = " + ".join([part.start, *moved])
        product = Operand(
            Place("(char *)product"), suffix_of(group.ins[0]), "0", ["product_row", 1]
        )
        n_out = len(group.outs)
        call = self._loops(
            group, ["rows", "columns"], parts[:n_out], [product, *parts[n_out:]]
        )
        task = self.function(_TAIL.format(call=call))
        cost = cost_of(group, group.size, len(views))
        return [
            "{",
            f"char *operands[] = {{{', '.join(pointers)}}};",
            f"host->product(run, {code}, {slots}, {task}, operands, {cost});",
            "}",
        ]

    def fresh(self):
        """A new name for a value."""
        self._registers += 1
        return f"r{self._registers}"

    def text(self):
        """The functions."""
        return "\n".join(
            text.replace("NAME", name) for text, name in self.functions.items()
        )

    def function(self, text):
        return self.functions.setdefault(text, f"f{len(self.functions)}")

    def call(self, text, args):
        return f"{self.function(text)}({', '.join(args)})"

    def write(self, group, shape, outs, ins, repeatable=False):
        """Kernels over a space: unrolled, or a call of a function with loops.

        repeatable: whether an element may be made twice, as nothing that is written is read.
        """
        size = math.prod(shape)
        if not size:
            return []
        shape = collapse(shape, outs + ins)
        if size <= UNROLLED:
            lines = []
            for index in _indices(shape):
                lines += self._once(group, outs, ins, index)
            return lines
        if size > serial_limit(group):
            return self._shared(group, shape, outs, ins, repeatable=repeatable)
        return [f"{self._loops(group, shape, outs, ins, repeatable)};"]

    def _once(self, group, outs, ins, index):
        """The kernels for one element."""
        registers, lines = {}, []
        for reg, operand in zip(group.in_regs, ins, strict=True):
            if operand.table:
                registers[reg] = table_register(operand)
                continue
            register = registers[reg] = Register(self.fresh(), operand.suffix)
            at = index_of(operand, index)
            lines.append(load(register, operand, at))
        lines += self._micros(group, registers, self.fresh)
        for reg, operand in zip(group.out_regs, outs, strict=True):
            value = self.scalars.cast(registers[reg], operand.suffix)
            element = operand.place.element(operand.suffix, index_of(operand, index))
            lines.append(f"{element} = {value};")
        self._note_affine(ins)
        return lines

    def _note_affine(self, ins):
        for operand in ins:
            if operand.place is None and operand.suffix in ("f16", "bf16"):
                self.scalars.use("half.h")

    def _micros(self, group, registers, fresh):
        lines = []
        for micro in group.micros:
            sources = [registers[reg] for reg in micro.sources]
            types = self.scalars.result_types(micro.kernel, sources)
            results = [Register(fresh(), suffix) for suffix in types]
            lines += self.scalars.apply(micro.kernel, sources, results)
            registers.update(zip(micro.results, results, strict=True))
        return lines

    def _loops(self, group, shape, outs, ins, repeatable=False):
        """The call of a function over the space, that of all groups of the same kernels."""
        self._note_affine(ins)
        params, args = ["const mjx_native_host *host"], ["host"]
        extents = []
        for d, n in enumerate(shape):
            if d and d + 1 == len(shape) and isinstance(n, int) and n <= UNROLLED:
                extents.append(str(n))
                continue
            extents.append(f"n{d}")
            params.append(f"int64_t n{d}")
            args.append(str(n))
        strips = any(_is_transposed(operand) for operand in ins)
        lanes = _lanes_of(group, shape[-1], outs + ins, repeatable)
        outs = [parameter(f"o{k}", o, params, args) for k, o in enumerate(outs)]
        ins = [parameter(f"a{k}", o, params, args) for k, o in enumerate(ins)]
        is_plain = (
            not strips and not extents[-1].isdigit() and self.scalars.guard is None
        )
        if is_plain and in_stages(group):
            body = half_stages.write_stages(self, group, extents, outs, ins, repeatable)
        else:
            nest = None
            if lanes and is_plain:
                copied = not repeatable and shape[-1] % lanes != 0
                nest = RowBlocks(self.scalars, extents, lanes, copied, outs + ins)
            body = self._loop_body(group, extents, outs, ins, strips, nest)
        kind, ends = "void", ["}\n"]
        if self.scalars.guard is not None:
            kind, body = "int", ["int hard = 0;", *body]
            ends = ["return hard;", "}\n"]
        head = f"{_LOOP} {kind} NAME({', '.join(params)}) {{\n  (void)host;"
        return self.call("\n".join([head, *body, *ends]), args)

    def _shared(self, group, shape, outs, ins, failed=None, repeatable=False):
        """The loops over a large space, each thread its part of the outermost dim.

        failed: the C variable that turns non-zero where a guarded loop gives up.
        """
        size = math.prod(shape)
        unit = max(1, SHARED_UNIT * shape[0] // size)
        pointers = ["(char *)host", f"(char *)&{failed}" if failed else "0"]
        parts = _handed_over(outs + ins, pointers)
        call = self._loops(
            group, ["end - begin", *shape[1:]], parts[: len(outs)], parts[len(outs) :],
            repeatable,
        )  # fmt: skip
        call = (
            f"if ({call}) *(volatile int *)operands[1] = 1;" if failed else f"{call};"
        )
        task = self.function(TASK.format(n=shape[0], unit=unit, call=call))
        cost = cost_of(group, size, len(parts))
        return in_parallel(pointers, shape[0], unit, cost, "0, 0", task)

    def shared_call(self, text, n, operands, cost):
        """A function of (n, strides, pointers), each thread its part of n."""
        pointers = ["(char *)host", "0"]
        parts = _handed_over(operands, pointers)
        strides = [str(s) for operand in operands for s in operand.strides]
        starts = [p.place.pointer(p.suffix, p.start) for p in parts]
        call = self.call(text, ["end - begin", *strides, *starts])
        task = self.function(TASK.format(n=n, unit=1, call=f"(void)host;\n  {call};"))
        return in_parallel(pointers, n, 1, cost, "0, 0", task)

    def _loop_body(self, group, extents, outs, ins, strips, nest):
        """Loops; what the innermost one does not move is read before it.

        A last extent that is a number is written out, so that the loop around it becomes
        vector code.  strips: cut the innermost loop, so that the one around it finds in the
        cache the lines that it goes along.  nest: who writes the loops, if it is not this.
        """
        names = iter(range(1 << 30))

        def fresh():
            return f"r{next(names)}"

        if not nest and not strips and not extents[-1].isdigit():
            nest = Halves(self.scalars, extents)
        depth, places = len(extents), [0]
        if depth > 1 and extents[-1].isdigit():
            depth, places = depth - 1, range(int(extents[-1]))
        fixed, moving, stores = [], [], []
        for place in places:
            registers, still, others = self.elements(
                group, ins, depth, fresh, place, nest
            )
            fixed += still
            moving += others
            stores += self.stores(group.out_regs, outs, registers, depth, place, nest)
        if nest and nest.used:
            return nest.loops(fixed, [*moving, *stores])
        *outer, innermost = [loop(d, n) for d, n in enumerate(extents[:depth])]
        if strips and depth == len(extents):
            n, d = extents[depth - 1], depth - 1
            outer.insert(-1, f"for (int64_t t = 0; t < {n}; t += {STRIP}) {{")
            fixed.append(f"int64_t end = t + {STRIP} < {n} ? t + {STRIP} : {n};")
            innermost = f"for (int64_t i{d} = t; i{d} < end; i{d}++) {{"
        body = [*moving, *stores, *["}"] * (len(outer) + 1)]
        return [*outer, *fixed, '_Pragma("GCC ivdep")', innermost, *body]

    def elements(self, group, ins, depth, fresh, place=0, nest=None):
        """A group's values in a loop nest of that depth: the registers by their names, what
        the innermost loop does not move, and the lines in it.

        place: the number of the element, where a last dim is written out; nest: who has
        operands of its own, if anyone does.
        """
        registers, fixed, moving = {}, [], []
        for reg, operand in zip(group.in_regs, ins, strict=True):
            if operand.table:
                registers[reg] = table_register(operand)
                continue
            register = registers[reg] = Register(fresh(), operand.suffix)
            if nest and nest.load(register, operand):
                continue
            still = operand.strides[depth - 1] == 0
            at = index_text(operand, depth - 1 if still else depth, place)
            (fixed if still else moving).append(load(register, operand, at))
        return registers, fixed, moving + self._micros(group, registers, fresh)

    def stores(self, names, outs, registers, depth, place=0, nest=None):
        """Lines that store registers, by their names, as elements in a loop nest."""
        lines = []
        for name, operand in zip(names, outs, strict=True):
            staged = nest.store(registers[name], operand) if nest else None
            if staged:
                lines.append(staged)
                continue
            value = self.scalars.cast(registers[name], operand.suffix)
            at = index_text(operand, depth, place)
            lines.append(f"{operand.place.element(operand.suffix, at)} = {value};")
        return lines


def _lanes_of(group, n, operands, repeatable):
    """How many elements a block of the innermost loop has; None where there are none."""
    if not isinstance(n, int) or n <= UNROLLED or not are_vectors(group):
        return None
    if any(operand.suffix == "f16" for operand in operands):
        return None  # strips of them are converted
    if any(micro.kernel.name.startswith(_NO_VECTORS) for micro in group.micros):
        return None
    if all(is_light(micro.kernel) for micro in group.micros):
        if any(operand.table for operand in operands):
            return None
    return lanes_of(n, operands, repeatable)


def _is_transposed(operand):
    """Whether the innermost loop goes from line to line of memory, the next one along them."""
    return (
        len(operand.strides) > 1
        and operand.strides[-2] == 1
        and operand.strides[-1] >= FAR
    )


def _dense(places, instr):
    """Operands for what a MAP_REDUCE reduces, dense over the iteration shape."""
    strides = dense_strides(instr.shape)
    return [
        Operand(place, suffix_of(view), "0", strides)
        for place, view in zip(places, instr.outs, strict=False)
    ]


def _handed_over(operands, pointers):
    """The operands as a task sees them, from its first row on; their pointers are added."""
    parts = passed(operands, pointers)
    for part in parts:
        moved = f"begin * {part.strides[0]}"
        part.start = moved if part.start == "0" else f"{part.start} + {moved}"
    return parts


def passed(operands, pointers):
    """The operands as a task sees them; their pointers are added."""
    parts = []
    for operand in operands:
        place, start = None, operand.start
        if operand.place is not None:
            place, start = Place(f"operands[{len(pointers)}]"), "0"
            first = operand.place.pointer(operand.suffix, operand.start)
            pointers.append(f"(char *)({first})")
        parts.append(
            Operand(place, operand.suffix, start, operand.strides, operand.table)
        )
    return parts


def in_parallel(pointers, rows, unit, cost, scratch, task):
    """C lines that let the pool run a task over units of rows."""
    return [
        "{",
        f"char *operands[] = {{{', '.join(pointers)}}};",
        f"host->parallel({-(-rows // unit)}, {cost}, {scratch}, {task}, operands);",
        "}",
    ]


def _indices(shape):
    if not shape:
        return [()]
    return [(i, *rest) for i in range(shape[0]) for rest in _indices(shape[1:])]

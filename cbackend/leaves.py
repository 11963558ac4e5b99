"""Instructions without control flow, as C: elementwise groups, small sums, small moves.

What runs over a few elements is written out in place, so that its values can live in
registers.  What runs over more is a loop in a function of its own, which serves every
place that differs only in sizes and strides.
"""

import math

from cbackend.program import SUFFIXES, Ewise, MapReduce, dense_strides
from cbackend.scalars import BRANCHING, STORED, Register, is_light, is_written
from cbackend.sums import (
    COPY,
    FOUR,
    OTHER,
    SEQUENCE,
    WHOLE,
    dot_text,
    has_text,
    reduce_text,
)  # fmt: skip

UNROLLED = 4  # elements that are written out one by one
MAX_SERIAL = 4096  # elements; beyond, the pool shares a loop among threads
MAX_LIGHT = 32768  # the same, for groups of nothing but light kernels
SHARED_UNIT = 1024  # elements that stay with one thread
LINES_UNIT = 4096  # elements that are made before they are summed
REDUCE_BYTES = 8192  # MJX_NATIVE_REDUCE_BYTES
MAX_CALLED = 8  # elements, where a kernel is called for each
MAX_MOVED = 256  # elements of a slice, or of a copy beside it
MAX_PRODUCTS = 128  # multiplications; beyond, tier 0's vectors are faster
MAX_SUMMED = 1024

APART, SAME, MIXED = range(3)  # how the elements of two views lie in memory

_STARTS = frozenset(["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"])


# As a function of its own a loop is compiled for speed, however the call is reached.
_LOOP = "__attribute__((hot)) static"


# What a thread does of a loop over n rows (or elements): those of its units.
_TASK = """\
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
  for (int64_t u = first; u < last; u++) {{
    int64_t begin = u * {unit}, end = begin + {unit} < {n} ? begin + {unit} : {n};
    {call};
    host->reduce(operands[1], {code}, (char **)operands[2], pieces, begin * {lines},
                 (end - begin) * {lines}, scratch + {nbytes});
  }}
}}
"""


class Place:
    """Where a buffer's elements are: a C array of one type, or bytes at a pointer."""

    __slots__ = ("name", "suffix", "offset")

    def __init__(self, name, suffix=None, offset=0):
        self.name, self.suffix, self.offset = name, suffix, offset

    def pointer(self, suffix, index="0"):
        """A pointer to the element at `index`, of the type `suffix`."""
        stored = STORED[suffix]
        if self.suffix is not None and STORED[self.suffix] == stored:
            return self.name if index == "0" else f"{self.name} + {index}"
        base = f"({stored} *)({self.address()})"
        return base if index == "0" else f"{base} + {index}"

    def element(self, suffix, index):
        """The element at `index`."""
        stored = STORED[suffix]
        if self.suffix is not None and STORED[self.suffix] == stored:
            return f"{self.name}[{index}]"
        return f"(({stored} *)({self.address()}))[{index}]"

    def same(self, other):
        """Whether both begin at the same byte."""
        return self.name == other.name and self.offset == other.offset

    def address(self, nbytes=0):
        """A `char *` to the place, `nbytes` further on."""
        offset = self.offset + nbytes
        name = self.name if self.suffix is None else f"(char *){self.name}"
        return f"{name} + {offset}" if offset else name


class Operand:
    """A view's place, its index of the first element (C text), and its strides."""

    __slots__ = ("place", "suffix", "start", "strides")

    def __init__(self, place, suffix, start, strides):
        self.place, self.suffix, self.start = place, suffix, start
        self.strides = list(strides)


def suffix_of(view):
    """The name of a view's element type."""
    return SUFFIXES[view.dtype]


# --- which instructions are written out


def is_guarded(instr, relation):
    """Whether a group is written as loops that may find that they cannot do it.

    They then leave all inputs as they were, and the runtime has to do the instruction.
    """
    return (
        type(instr) is Ewise
        and instr.size > 4 * MAX_CALLED
        and any(micro.kernel.name in BRANCHING for micro in instr.micros)
        and all(is_written(micro.kernel) for micro in instr.micros)
        and all(
            relation(out, view) == APART
            for out in instr.outs
            for view in instr.ins
            if view.buffer is not None
        )
    )


def is_mapped(instr, order, relation):
    """Whether a MAP_REDUCE is written as its elementwise part, the sums left to the
    runtime: of all its elements at once, or of a few lines at a time (`are_lines`).
    """
    if type(instr) is not MapReduce or len(instr.micros) < 2 or instr.size <= UNROLLED:
        return False
    if instr.size <= _serial_limit(instr):
        return _ewise_fits(instr, relation)
    return (
        all(
            is_written(m.kernel) and m.kernel.name not in BRANCHING
            for m in instr.micros
        )
        and not _overlaps(instr.outs, instr.ins, relation)
        and are_lines(instr)
        and order() != WHOLE
    )


def are_lines(instr):
    """Whether a large MAP_REDUCE sums contiguous lines, which a loop can make in turn."""
    if instr.size <= _serial_limit(instr) or instr.extents[2] != 1:
        return False
    dense = [Operand(None, None, "0", dense_strides(instr.shape))]
    views = [
        Operand(None, None, "0", v.strides) for v in instr.outs[len(instr.kinds) :]
    ]
    views += [Operand(None, None, "0", v.strides) for v in instr.ins]
    rows, *row = _line_space(instr, dense + views)
    return instr.extents[0] % rows == 0 and math.prod(row) <= MAX_LIGHT


def _line_space(instr, operands):
    """The collapsed space of a reduction of lines: its first dim goes over whole lines."""
    outer, n, _ = instr.extents
    shape = _collapse(instr.shape, operands)
    if len(shape) == 1:
        shape = [outer, n]
        for operand in operands:
            operand.strides = [operand.strides[0] * n, operand.strides[0]]
    return shape


def is_leaf(instr, order, relation):
    """Whether an instruction is written out.

    `order()` is how it makes sums; `relation(a, b)` says whether two views lie APART, are
    the SAME elements, or MIXED.
    """
    if type(instr) is Ewise:
        return _ewise_fits(instr, relation)
    if type(instr) is MapReduce:
        return _map_reduce_fits(instr, relation) and order() in (SEQUENCE, FOUR)
    if instr.op == "REDUCE":
        return _reduce_fits(instr, relation) and order() not in (OTHER, WHOLE)
    if instr.op == "DOT":
        return _dot_fits(instr, relation) and order() != OTHER
    if instr.op in ("DYNAMIC_SLICE", "DYNAMIC_UPDATE_SLICE"):
        return _slice_fits(instr, relation)
    return False


def _ewise_fits(instr, relation):
    n = instr.size
    limit = _serial_limit(instr)
    if type(instr) is Ewise and len(instr.micros) > 1:
        limit = n  # alone, tier 0's kernel is as quick
    for micro in instr.micros:
        if not is_written(micro.kernel):
            limit = min(limit, MAX_CALLED)
        elif micro.kernel.name in BRANCHING:
            limit = min(limit, 4 * MAX_CALLED)
    return n <= limit and not _overlaps(instr.outs, instr.ins, relation)


def _serial_limit(group):
    """The number of elements from which on more than one thread pays."""
    light = all(is_light(micro.kernel) for micro in group.micros)
    return MAX_LIGHT if light else MAX_SERIAL


def _cost(group, size, n_operands):
    """About how many nanoseconds a group's loop takes."""
    light = sum(is_light(micro.kernel) for micro in group.micros)
    heavy = len(group.micros) - light
    return int(size * (0.05 * light + 0.6 * heavy + 0.1 * n_operands))


def _overlaps(outs, ins, relation):
    """Whether writing one element may change another element that is read later."""
    return any(
        relation(out, view) == MIXED
        for out in outs
        for view in ins
        if view.buffer is not None
    )


def _map_reduce_fits(instr, relation):
    if instr.size * len(instr.kinds) > MAX_SUMMED:  # they lie on the stack
        return False
    if not _ewise_fits(instr, relation):
        return False
    reduced = zip(instr.outs, instr.kinds, strict=False)
    return all(has_text(kind, suffix_of(view)) for view, kind in reduced)


def _reduce_fits(instr, relation):
    if len(instr.ins) != 1 or len(instr.outs) != 1 or len(instr.params) != 1:
        return False
    view, kind, suffix = instr.ins[0], instr.params[0], suffix_of(instr.ins[0])
    if view.buffer is None or len(view.shape) != 3 or not 0 < view.size <= MAX_SUMMED:
        return False
    if relation(instr.outs[0], view) != APART:
        return False
    return view.shape[1] == 1 or has_text(kind, suffix)


def _dot_fits(instr, relation):
    if len(instr.ins) != 2 or len(instr.outs) != 1 or instr.params:
        return False
    a, b = instr.ins
    if a.buffer is None or b.buffer is None or len(a.shape) != 3:
        return False
    if relation(instr.outs[0], a) != APART or relation(instr.outs[0], b) != APART:
        return False
    return 0 < a.size * b.shape[2] <= MAX_PRODUCTS


def _slice_fits(instr, relation):
    if len(instr.outs) != 1 or instr.params:
        return False
    whole, part, starts = instr.ins[0], instr.outs[0], instr.ins[1:]
    if any(view.buffer is None for view in instr.ins):
        return False
    if instr.op == "DYNAMIC_UPDATE_SLICE":
        part, starts, out = instr.ins[1], instr.ins[2:], instr.outs[0]
        copied = relation(out, whole) != SAME
        if copied and (out.size > MAX_MOVED or relation(out, whole) == MIXED):
            return False
        if relation(out, part) != APART:
            return False
    elif relation(part, whole) != APART:
        return False
    return part.size <= MAX_MOVED and all(suffix_of(s) in _STARTS for s in starts)


# --- writing them


class Leaves:
    """Writes instructions into a file: lines for the place, functions for the file."""

    def __init__(self, scalars):
        self.scalars = scalars
        self.functions = {}  # text with NAME for the name -> name
        self._registers = 0

    def write(self, instr, operand, order, relation):
        """C lines that do what the instruction does; `operand(view) -> Operand`."""
        if type(instr) is Ewise:
            ins = [operand(view) for view in instr.ins]
            outs = [operand(view) for view in instr.outs]
            return self._group(instr, instr.shape, outs, ins)
        if type(instr) is MapReduce:
            return self._map_reduce(instr, operand, order())
        if instr.op == "REDUCE":
            return self._reduce(instr, operand, order())
        if instr.op == "DOT":
            return self._dot(instr, operand, order())
        if instr.op == "DYNAMIC_SLICE":
            return self._dynamic_slice(instr, operand)
        return self._dynamic_update(instr, operand, relation)

    def write_guarded(self, instr, operand):
        """C lines for a group of which `is_guarded`; they end in "if (failed)"."""
        ins = [operand(view) for view in instr.ins]
        outs = [operand(view) for view in instr.outs]
        self.scalars.guard = "hard"
        shape = _collapse(instr.shape, outs + ins)
        if instr.size > _serial_limit(instr):
            failed = self.fresh()
            lines = self._shared(instr, shape, outs, ins, failed)
            lines = [f"int {failed} = 0;", *lines, f"if ({failed})"]
        else:
            lines = [f"if ({self._loops(instr, shape, outs, ins)})"]
        self.scalars.guard = None
        return lines

    def write_mapped(self, instr, operand, pieces):
        """C lines for the elementwise part of a MAP_REDUCE.

        `pieces` are the places, one for each reduction, of all elements to be reduced.
        """
        ins = [operand(view) for view in instr.ins]
        outs = [operand(view) for view in instr.outs[len(pieces) :]]
        dense = _dense(pieces, instr)
        return self._group(instr, instr.shape, dense + outs, ins)

    def write_lines(self, instr, operand, code, slots, take):
        """C lines for a MAP_REDUCE of lines: the elements of a few, then their sums.

        code: the instruction as `host->reduce` is told; slots: their name; take(nbytes):
        a place for the time of the instruction.
        """
        ins = [operand(view) for view in instr.ins]
        outs = [operand(view) for view in instr.outs[len(instr.kinds) :]]
        reduced = instr.outs[: len(instr.kinds)]
        dense = _dense([None] * len(reduced), instr)
        shape = _line_space(instr, dense + outs + ins)
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
            instr, ["end - begin", *shape[1:]], parts[:n_out], parts[n_out:]
        )
        task = self._function(
            _LINES_TASK.format(
                n=shape[0], unit=unit, call=call, code=code, nbytes=nbytes,
                pieces=", ".join(piece.place.address() for piece in dense),
                lines=instr.extents[0] // shape[0],
            )
        )  # fmt: skip
        cost = _cost(instr, instr.size, len(parts))
        scratch = f"{nbytes} + MJX_NATIVE_REDUCE_BYTES"
        own = take(nbytes + REDUCE_BYTES).address()
        return _in_parallel(pointers, shape[0], unit, cost, f"{scratch}, {own}", task)

    def fresh(self):
        """A new name for a value."""
        self._registers += 1
        return f"r{self._registers}"

    def text(self):
        """The functions."""
        return "\n".join(
            text.replace("NAME", name) for text, name in self.functions.items()
        )

    def _function(self, text):
        return self.functions.setdefault(text, f"f{len(self.functions)}")

    def _call(self, text, args):
        return f"{self._function(text)}({', '.join(args)})"

    # --- elementwise groups

    def _group(self, group, shape, outs, ins):
        """Kernels over a space: unrolled, or a call of a function with loops."""
        size = 1
        for n in shape:
            size *= n
        if not size:
            return []
        shape = _collapse(shape, outs + ins)
        if size <= UNROLLED:
            lines = []
            for index in _indices(shape):
                lines += self._once(group, outs, ins, index)
            return lines
        if group.micros and size > _serial_limit(group):
            return self._shared(group, shape, outs, ins)
        return [f"{self._loops(group, shape, outs, ins)};"]

    def _once(self, group, outs, ins, index):
        """The kernels for one element."""
        registers, lines = {}, []
        for reg, operand in zip(group.in_regs, ins, strict=True):
            register = registers[reg] = Register(self.fresh(), operand.suffix)
            at = _at(operand, index)
            lines.append(_load(register, operand, at))
        lines += self._micros(group, registers, self.fresh)
        for reg, operand in zip(group.out_regs, outs, strict=True):
            value = self.scalars.cast(registers[reg], operand.suffix)
            element = operand.place.element(operand.suffix, _at(operand, index))
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

    def _loops(self, group, shape, outs, ins):
        """The call of a function over the space, that of all groups of the same kernels."""
        self._note_affine(ins)
        params, args = ["const mjx_native_host *host"], ["host"]
        extents = []
        for d, n in enumerate(shape):
            if d and d + 1 == len(shape) and n <= UNROLLED:
                extents.append(str(n))
                continue
            extents.append(f"n{d}")
            params.append(f"int64_t n{d}")
            args.append(str(n))
        outs = [_parameter(f"o{k}", o, params, args) for k, o in enumerate(outs)]
        ins = [_parameter(f"a{k}", o, params, args) for k, o in enumerate(ins)]
        body = self._loop_body(group, extents, outs, ins)
        kind, ends = "void", ["}\n"]
        if self.scalars.guard is not None:
            kind, body = "int", ["int hard = 0;", *body]
            ends = ["return hard;", "}\n"]
        head = f"{_LOOP} {kind} NAME({', '.join(params)}) {{\n  (void)host;"
        return self._call("\n".join([head, *body, *ends]), args)

    def _shared(self, group, shape, outs, ins, failed=None):
        """The loops over a large space, each thread its part of the outermost dim.

        failed: the C variable that turns non-zero where a guarded loop gives up.
        """
        size = math.prod(shape)
        unit = max(1, SHARED_UNIT * shape[0] // size)
        pointers = ["(char *)host", f"(char *)&{failed}" if failed else "0"]
        parts = _handed_over(outs + ins, pointers)
        call = self._loops(
            group, ["end - begin", *shape[1:]], parts[: len(outs)], parts[len(outs) :]
        )
        call = (
            f"if ({call}) *(volatile int *)operands[1] = 1;" if failed else f"{call};"
        )
        task = self._function(_TASK.format(n=shape[0], unit=unit, call=call))
        cost = _cost(group, size, len(parts))
        return _in_parallel(pointers, shape[0], unit, cost, "0, 0", task)

    def _loop_body(self, group, extents, outs, ins):
        """Loops; what the innermost one does not move is read before it.

        A last extent that is a number is written out, so that the loop around it becomes
        vector code.
        """
        names = iter(range(1 << 30))

        def fresh():
            return f"r{next(names)}"

        depth, places = len(extents), [0]
        if depth > 1 and extents[-1].isdigit():
            depth, places = depth - 1, range(int(extents[-1]))
        fixed, moving, stores = [], [], []
        for place in places:
            registers = {}
            for reg, operand in zip(group.in_regs, ins, strict=True):
                register = registers[reg] = Register(fresh(), operand.suffix)
                still = operand.strides[depth - 1] == 0
                at = _at_text(operand, depth - 1 if still else depth, place)
                (fixed if still else moving).append(_load(register, operand, at))
            moving += self._micros(group, registers, fresh)
            for reg, operand in zip(group.out_regs, outs, strict=True):
                value = self.scalars.cast(registers[reg], operand.suffix)
                element = operand.place.element(
                    operand.suffix, _at_text(operand, depth, place)
                )
                stores.append(f"{element} = {value};")
        *outer, innermost = [_for(d, n) for d, n in enumerate(extents[:depth])]
        body = [*moving, *stores, *["}"] * depth]
        return [*outer, *fixed, '_Pragma("GCC ivdep")', innermost, *body]

    # --- sums

    def _reduce(self, instr, operand, order):
        view, kind = instr.ins[0], instr.params[0]
        x, out = operand(view), operand(instr.outs[0])
        if order == COPY:
            del x.strides[1]
            return self._move(instr.outs[0].shape, out, x)
        return [f"{self._sum(kind, order, view.shape, x, out)};"]

    def _sum(self, kind, order, extents, x, out):
        header = {"f32": "math_f32.h", "f64": "math_f64.h"}
        self.scalars.use(header.get(x.suffix, "math_int.h"))
        text = reduce_text(kind, x.suffix, order)
        args = [str(n) for n in (*extents, *x.strides)]
        return self._call(text, [*args, *_pointers(x, out)])

    def _map_reduce(self, instr, operand, order):
        """The group into arrays of its own, then their sums."""
        outs = [operand(view) for view in instr.outs]
        strides, lines, sums = dense_strides(instr.shape), ["{"], []
        for k, kind in enumerate(instr.kinds):
            suffix, name = outs[k].suffix, self.fresh()
            lines.append(f"{STORED[suffix]} {name}[{instr.size}];")
            whole = dense_strides(instr.extents)
            values = Operand(Place(name, suffix), suffix, "0", whole)
            sums.append(f"{self._sum(kind, order, instr.extents, values, outs[k])};")
            outs[k] = Operand(Place(name, suffix), suffix, "0", strides)
        ins = [operand(view) for view in instr.ins]
        return [*lines, *self._group(instr, instr.shape, outs, ins), *sums, "}"]

    def _dot(self, instr, operand, order):
        a, b, c = operand(instr.ins[0]), operand(instr.ins[1]), operand(instr.outs[0])
        self.scalars.use(f"math_{c.suffix}.h")
        sizes = [*instr.ins[0].shape, instr.ins[1].shape[2]]
        strides = [s for o in (a, b, c) for s in o.strides]
        args = [str(n) for n in sizes + strides] + _pointers(a, b, c)
        return [f"{self._call(dot_text(c.suffix, order, sizes[2]), args)};"]

    # --- slices

    def _dynamic_slice(self, instr, operand):
        whole, part = operand(instr.ins[0]), operand(instr.outs[0])
        lines, moved = self._starts(instr.ins[0], instr.outs[0], instr.ins[1:], operand)
        whole.start = f"({whole.start} + {moved})"
        return ["{", *lines, *self._move(instr.outs[0].shape, part, whole), "}"]

    def _dynamic_update(self, instr, operand, relation):
        out, update = instr.outs[0], instr.ins[1]
        lines, moved = self._starts(out, update, instr.ins[2:], operand)
        target, whole, source = operand(out), operand(instr.ins[0]), operand(update)
        # What the plan puts in one place may yet be two variables here.
        if relation(out, instr.ins[0]) != SAME or not target.place.same(whole.place):
            lines += self._move(out.shape, operand(out), whole)
        target.start = f"({target.start} + {moved})"
        return ["{", *lines, *self._move(update.shape, target, source), "}"]

    def _starts(self, whole, part, starts, operand):
        """Lines that clamp the starts, and the distance in elements that they make."""
        lines, terms = [], []
        for d, start in enumerate(starts):
            value = operand(start)
            last = whole.shape[d] - part.shape[d]
            if not last or not part.size:
                continue
            name = self.fresh()
            element = value.place.element(value.suffix, value.start)
            self.scalars.use("math_int.h")
            clamped = f"{name} < 0 ? 0 : {name} > {last} ? {last} : {name}"
            if value.suffix == "u64":
                clamped = f"(uint64_t){name} > {last}u ? {last} : {name}"
            lines.append(f"int64_t {name} = (int64_t){element};")
            lines.append(f"{name} = {clamped};")
            terms.append(f"{name} * {whole.strides[d]}")
        return lines, " + ".join(terms) or "0"

    def _move(self, shape, target, source):
        """Lines that copy elements of one size."""
        source.suffix = target.suffix
        return self._group(_COPY, shape, [target], [source])


def _dense(places, instr):
    """Operands for what a MAP_REDUCE reduces, dense over the iteration shape."""
    strides = dense_strides(instr.shape)
    return [
        Operand(place, suffix_of(view), "0", strides)
        for place, view in zip(places, instr.outs, strict=False)
    ]


def _handed_over(operands, pointers):
    """The operands as a task sees them, from its first row on; their pointers are added."""
    parts = []
    for operand in operands:
        moved = f"begin * {operand.strides[0]}"
        if operand.place is None:
            start = f"{operand.start} + {moved}"
            parts.append(Operand(None, operand.suffix, start, operand.strides))
            continue
        place = Place(f"operands[{len(pointers)}]")
        first = operand.place.pointer(operand.suffix, operand.start)
        pointers.append(f"(char *)({first})")
        parts.append(Operand(place, operand.suffix, moved, operand.strides))
    return parts


def _in_parallel(pointers, rows, unit, cost, scratch, task):
    """C lines that let the pool run a task over units of rows."""
    return [
        "{",
        f"char *operands[] = {{{', '.join(pointers)}}};",
        f"host->parallel({-(-rows // unit)}, {cost}, {scratch}, {task}, operands);",
        "}",
    ]


class _Copy:
    """A group that stores its only input."""

    in_regs, micros, out_regs = ["x"], [], ["x"]


_COPY = _Copy()


def _load(register, operand, at):
    """The declaration of a register with an operand's element."""
    stored = STORED[register.suffix]
    if operand.place is not None:
        value = operand.place.element(operand.suffix, at)
    else:
        value = _affine(operand.suffix, at)
    return f"{stored} {register.name} = {value};"


def _affine(suffix, value):
    if suffix in ("f16", "bf16"):
        return f"mjx_{suffix}_from_f32((float)(int64_t)({value}))"
    return f"({STORED[suffix]})(int64_t)({value})"


def _at(operand, index):
    """The text of an element's index, from numbers."""
    distance = sum(i * s for i, s in zip(index, operand.strides, strict=True))
    if not distance:
        return operand.start
    if operand.start.lstrip("-").isdigit():
        return str(int(operand.start) + distance)
    return f"{operand.start} + {distance}"


def _at_text(operand, ndim, place=0):
    """The text of an element's index, from the loops' variables and a place in the last
    dim.
    """
    terms = [] if operand.start == "0" else [operand.start]
    if place and operand.strides[-1]:
        terms.append(f"{place} * {operand.strides[-1]}")
    for d, stride in enumerate(operand.strides[:ndim]):
        if stride:
            terms.append(f"i{d}" if stride == 1 else f"i{d} * {stride}")
    return " + ".join(terms) or "0"


def _for(d, n):
    return f"for (int64_t i{d} = 0; i{d} < {n}; i{d}++) {{"


def _indices(shape):
    if not shape:
        return [()]
    return [(i, *rest) for i in range(shape[0]) for rest in _indices(shape[1:])]


def _parameter(name, operand, params, args):
    """The operand as a function sees it: strides other than 0 and 1 are parameters."""
    strides = []
    for d, stride in enumerate(operand.strides):
        if stride not in (0, 1):
            params.append(f"int64_t {name}s{d}")
            args.append(str(stride))
            stride = f"{name}s{d}"
        strides.append(stride)
    if operand.place is None:
        params.append(f"int64_t {name}")
        args.append(operand.start)
        return Operand(None, operand.suffix, name, strides)
    params.append(f"{STORED[operand.suffix]} *{name}")
    args.append(operand.place.pointer(operand.suffix, operand.start))
    return Operand(Place(name, operand.suffix), operand.suffix, "0", strides)


def _pointers(*operands):
    return [o.place.pointer(o.suffix, o.start) for o in operands]


def _collapse(shape, operands):
    """The least extents of a common space (at least one); strides change in place.

    As space.c: extents of 1 go, the first operand's largest strides come first, and
    neighbours that all operands walk as one are one.
    """
    dims = [d for d, n in enumerate(shape) if n != 1]
    dims.sort(key=lambda d: -abs(operands[0].strides[d]))
    shape = [shape[d] for d in dims]
    for operand in operands:
        operand.strides = [operand.strides[d] for d in dims]
    d = 1
    while d < len(shape):
        if all(o.strides[d - 1] == o.strides[d] * shape[d] for o in operands):
            shape[d - 1 : d + 1] = [shape[d - 1] * shape[d]]
            for operand in operands:
                del operand.strides[d - 1]
        else:
            d += 1
    if not shape:
        shape = [1]
        for operand in operands:
            operand.strides = [0]
    return shape

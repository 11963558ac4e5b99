"""Program → C text: tier 1.  `emit(module, order)` is the only entry.

The whole module becomes one function: programs that control flow refers to are written
where they are referred to, loops and branches as C, small values as C variables.  An
instruction that has no C form here is handed back to the runtime, which runs it as tier
0 does; so every module can be emitted, and both tiers give the same bits.

Constants are read from memory, never written as numbers: the compiler would fold
arithmetic on them, and it knows nothing of the runtime's treatment of denormal numbers.
"""

import os

from cbackend.flow import WRITERS, is_variable
from cbackend.group_forms import are_apart, are_lines, is_guarded, is_mapped, is_tail
from cbackend.leaves import Leaves, is_leaf
from cbackend.places import (
    APART,
    IN_MEMORY,
    IN_VARIABLE,
    MIXED,
    NO_TABLE,
    SAME,
    Operand,
    Place,
    suffix_of,
)
from cbackend.program import ARENA, CONST, INPUT, OUTPUT, SUFFIXES, Ewise, Table
from cbackend.scalars import STORED, Scalars
from cbackend.sums import is_whole

MAX_STATEMENTS = 8_000  # beyond, instructions are left to the runtime
_ALIGN = 64
_HEADER = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "include", "mjx_native.h"
)


class Source:
    """The emitted C.

    `program_text` is the part that is this module's own; `functions` counts the functions
    that instructions became.
    """

    __slots__ = ("text", "program_text", "functions")


def emit(module, order):
    """The C source of a module.

    `order(program, instr)` says how tier 0 makes an instruction's sums (`mjx_order`), and in
    what chunks.
    """
    return _Emitter(module, order).emit()


class _Emitter:
    """What is common to all of a file."""

    def __init__(self, module, order):
        self.module, self.order = module, order
        self.scalars = Scalars()
        self.leaves = Leaves(self.scalars)
        self.integers = _integers(module.consts)
        self.names = 0
        self.memory_bytes = 0
        self.calls_host = False
        self.statements = 0

    def name(self, letter):
        """A new C name."""
        self.names += 1
        return f"{letter}{self.names}"

    def emit(self):
        """The whole file."""
        main = self.module.programs[0]
        ins = [Place(f"(char *)in[{k}]") for k in range(len(main.inputs))]
        outs = [Place(f"(char *)out[{k}]") for k in range(len(main.outputs))]
        self.scalars.use("math_int.h")
        activation = _Activation(self, 0, ins, outs, {}, 0)
        body = activation.write()
        source = Source()
        source.functions = len(self.leaves.groups.functions)
        source.program_text = "\n".join(
            [self.leaves.groups.text(), _RUN_HEAD, *_indented(body), _RUN_TAIL]
        )
        with open(_HEADER, encoding="utf-8") as file:
            header = file.read()
        exported = _EXPORT.format(
            n_inputs=len(main.inputs),
            n_outputs=len(main.outputs),
            memory_bytes=self.memory_bytes,
            calls_host=int(self.calls_host),
        )
        source.text = "\n".join(
            [self.scalars.prelude(), header, _MACROS, self.scalars.helpers(),
             source.program_text, exported]
        )  # fmt: skip
        return source


# A loop after dozens of these would else count as one that is hardly ever reached, and be
# compiled for size.
_MACROS = """\
#define MJX_UNLIKELY(x) __builtin_expect_with_probability(!!(x), 0, 1.0)
#ifdef __clang__
#define MJX_IN_REGISTERS __attribute__((hot))
#else
#define MJX_IN_REGISTERS __attribute__((hot, optimize("tree-pta")))
#endif
"""
_RUN_HEAD = """\
static int32_t run_main(const mjx_native_host *host, void *run, char *memory, char *consts,
                        const void *const *in, void *const *out) {
  (void)host, (void)run, (void)memory, (void)consts, (void)in, (void)out;"""
_RUN_TAIL = """\
  return 0;
}
"""
_EXPORT = """\
#ifndef MJX_NATIVE_KEY
#define MJX_NATIVE_KEY ""
#endif
extern const mjx_native_module MJX_NATIVE_SYMBOL;
__attribute__((visibility("default"))) const mjx_native_module MJX_NATIVE_SYMBOL = {{
  MJX_NATIVE_VERSION, MJX_NATIVE_KEY, {n_inputs}, {n_outputs}, {memory_bytes}, {calls_host},
  run_main
}};
"""


def _indented(lines):
    """Lines with the depth of their braces as indentation."""
    depth, done = 1, []
    for line in lines:
        if line.startswith("}"):
            depth -= 1
        done.append("  " * depth + line)
        if line.endswith("{"):
            depth += 1
    return done


def _integers(consts):
    """What tells a constant that is one integer from other buffers -> the integer."""
    found = {}
    for offset, array in consts:
        if array.size == 1 and array.dtype.kind in "iu":
            value = array.reshape(())[()]
            if -(1 << 63) < value < 1 << 63:
                found[CONST, offset] = value
    return found


def _key(buffer):
    """What tells one buffer from another: inputs and outputs by their number."""
    if buffer.space == ARENA:
        return buffer
    return buffer.space, buffer.where


class _Activation:
    """One program, written at one place: its inputs, outputs and buffers are bound.

    `tied` says which output is to be in the memory of which input.
    """

    def __init__(self, emitter, index, inputs, outputs, tied, memory):
        self.emitter, self.index, self.tied = emitter, index, tied
        self.program = emitter.module.programs[index]
        self.arena = memory
        self.memory = memory + _round_up(self.program.arena_bytes)
        emitter.memory_bytes = max(emitter.memory_bytes, self.memory)
        self.guarded = set()  # instructions in C that may be left to the runtime
        self.mapped = set()  # those whose sums are left to it
        self.tails = set()  # those whose products are
        self.written = [
            self._is_written(k, instr) for k, instr in enumerate(self.program.instrs)
        ]
        self.outside = self._used_outside()
        self.read = {
            _key(v.buffer) for i in self.program.instrs for v in i.ins if v.buffer
        }
        self.places, self.head, self.tail = {}, [], []
        self.slots = None
        self._bind(inputs, outputs)

    # --- what is written out, and what lives in variables

    def _is_written(self, k, instr):
        emitter = self.emitter
        size = 1 + len(getattr(instr, "micros", ()))
        if emitter.statements + size > MAX_STATEMENTS:
            return False

        def order():
            return emitter.order(self.index, k)

        written = instr.op in WRITERS or is_leaf(instr, order, self._relation)
        if not written and is_guarded(instr, self._relation):
            self.guarded.add(k)
            emitter.statements += size
        if not written and is_mapped(instr, order, self._relation):
            self.mapped.add(k)
            emitter.statements += size
        if is_tail(instr, self._relation):
            self.tails.add(k)
            emitter.statements += size
        emitter.statements += size * written
        return written

    def _relation(self, a, b):
        """How the elements of two views lie: APART, the SAME, or MIXED."""
        (root_a, start_a), (root_b, start_b) = self._root(a), self._root(b)
        if root_a != root_b:
            return APART
        low_a, high_a = _byte_range(a, start_a)
        low_b, high_b = _byte_range(b, start_b)
        if low_a >= high_b or low_b >= high_a:
            return APART
        same = (
            start_a + a.offset * a.dtype.itemsize
            == start_b + b.offset * b.dtype.itemsize
            and a.shape == b.shape
            and a.strides == b.strides
            and a.dtype.itemsize == b.dtype.itemsize
        )
        return SAME if same else MIXED

    def _root(self, view):
        buffer = view.buffer
        if buffer.space == ARENA:
            return ARENA, buffer.where
        if buffer.space == OUTPUT and buffer.where in self.tied:
            return (INPUT, self.tied[buffer.where]), 0
        if buffer.space == CONST:
            return CONST, buffer.where
        return (buffer.space, buffer.where), 0

    def _used_outside(self):
        """The buffers that instructions of the runtime touch."""
        return {
            _key(view.buffer)
            for k, instr in enumerate(self.program.instrs)
            if not self.written[k]
            for view in self._left(k, instr)
            if view.buffer is not None
        }

    def _left(self, k, instr):
        """The operands of an instruction that the runtime touches."""
        if k in self.mapped:
            return instr.outs[: len(instr.kinds)]
        if k in self.tails:
            return instr.ins[:2]
        return instr.outs + instr.ins

    def _may_be_variable(self, buffer):
        return (
            is_variable(buffer.size, buffer.nbytes) and _key(buffer) not in self.outside
        )

    # --- binding

    def _bind(self, inputs, outputs):
        for k, (buffer, place) in enumerate(
            zip(self.program.inputs, inputs, strict=True)
        ):
            tied = k in self.tied.values()
            self.places[INPUT, k] = self._bind_input(buffer, place, tied)
        for k, (buffer, place) in enumerate(
            zip(self.program.outputs, outputs, strict=True)
        ):
            self.places[OUTPUT, k] = self._bind_output(buffer, place, k in self.tied)
        self._bind_arena()

    def _bind_input(self, buffer, place, tied):
        if place.suffix is not None or tied or not self._may_be_variable(buffer):
            return place
        if _key(buffer) not in self.read:
            return place
        local = self._variable(buffer)
        self.head += _copy(buffer, local, place)
        return local

    def _bind_output(self, buffer, place, tied):
        if place.suffix is not None or tied or not self._may_be_variable(buffer):
            return place
        local = self._variable(buffer)
        self.tail += _copy(buffer, place, local)
        return local

    def _variable(self, buffer):
        """A C array for a buffer, declared at the head."""
        suffix = SUFFIXES[buffer.dtype]
        place = Place(self.emitter.name("v"), suffix)
        # A result that nothing reads would be warned of.
        declared = f"{STORED[suffix]} {place.name}[{buffer.size}]; (void){place.name};"
        self.head.append(declared)
        return place

    def _bind_arena(self):
        """Temporaries live in variables, unless one is read that nobody wrote here: it
        then relies on lying where another one does.
        """
        seen, odd = {}, False
        for instr in self.program.instrs:
            for view in instr.ins:
                if view.buffer is not None and view.buffer.space == ARENA:
                    odd |= view.buffer not in seen
            for view in instr.outs:
                if view.buffer.space == ARENA:
                    seen.setdefault(view.buffer)
        for buffer in seen:
            if not odd and self._may_be_variable(buffer):
                self.places[buffer] = self._variable(buffer)

    def place(self, buffer):
        """Where a buffer is."""
        known = self.places.get(_key(buffer))
        if known is None:
            if buffer.space == CONST:
                known = Place("consts", offset=buffer.where)
            else:
                known = Place("memory", offset=self.arena + buffer.where)
        return known

    def operand(self, view):
        """A view, as the leaves take it."""
        suffix, start, buffer = suffix_of(view), str(view.offset), view.buffer
        if buffer is None:
            return Operand(None, suffix, start, view.strides)
        table = NO_TABLE
        if type(view) is Table:
            small = is_variable(buffer.size, buffer.nbytes)
            table = IN_VARIABLE if small else IN_MEMORY
        return Operand(self.place(buffer), suffix, start, view.strides, table)

    def element(self, view):
        """The same for a group's elements: an integer constant is its number, as an index
        is, so that the compiler knows it.
        """
        if view.buffer is not None and type(view) is not Table:
            known = self.emitter.integers.get(_key(view.buffer))
            if known is not None and known.dtype == view.dtype:
                return Operand(None, suffix_of(view), str(known), view.strides)
        return self.operand(view)

    def part(self, view):
        """The place of a dense view."""
        place, nbytes = self.place(view.buffer), view.offset * view.dtype.itemsize
        if not nbytes:
            return place
        if place.suffix is None:
            return Place(place.name, offset=place.offset + nbytes)
        return Place(f"(char *){place.name}", offset=nbytes)

    # --- writing

    def write(self):
        """The lines of the whole program."""
        body = []
        for k, instr in enumerate(self.program.instrs):
            body += self._instr(k, instr)
        return [*self.head, *body, *self.tail]

    def _instr(self, k, instr):
        if k in self.guarded:
            return [
                f"/* {self.index}.{k} {_describe(instr)} */",
                *self.emitter.leaves.groups.guarded(instr, self.element),
                *self._outside_call(k),
            ]
        if k in self.mapped:
            return [
                f"/* {self.index}.{k} {_describe(instr)} */",
                *self._mapped(k, instr),
            ]
        if k in self.tails:
            return [
                f"/* {self.index}.{k} {_describe(instr)} */",
                *self.emitter.leaves.groups.tail(
                    instr, self.element, f"{self.index}, {k}", self._host_slots()
                ),
            ]
        if self._is_done(instr):
            return []
        if not self.written[k]:
            described = f"{self.index}.{k} {_describe(instr)}: by the runtime"
            return [f"/* {described} */", *self._outside_call(k)]
        if instr.op in WRITERS:
            lines = self._control(instr)
        else:
            order = self.emitter.order
            operand = self.element if isinstance(instr, Ewise) else self.operand
            memory = self.memory
            lines = self.emitter.leaves.write(
                instr, operand, lambda: order(self.index, k), self._relation, self.take
            )
            self.memory = memory
        return [f"/* {self.index}.{k} {_describe(instr)} */", *lines]

    def _is_done(self, instr):
        """Whether a copy is of elements to where they are, in a value updated in place."""
        if type(instr) is not Ewise or instr.micros:
            return False
        sources = dict(zip(instr.in_regs, instr.ins, strict=True))
        return all(
            sources[reg].buffer is not None
            and self._relation(out, sources[reg]) == SAME
            for out, reg in zip(instr.outs, instr.out_regs, strict=True)
        )

    def _control(self, instr):
        memory = self.memory
        lines = ["{", *WRITERS[instr.op](self, instr), "}"]
        self.memory = memory
        return lines

    def _mapped(self, k, instr):
        """The elements of a MAP_REDUCE, then the runtime's sums of them."""
        memory, slots = self.memory, self._host_slots()
        repeatable = are_apart(instr, self._relation)
        if are_lines(instr) and not is_whole(self.emitter.order(self.index, k)):
            code = f"{self.index}, {k}"
            lines = self.emitter.leaves.groups.lines(
                instr, self.element, code, slots, self.take, repeatable
            )
            self.memory = memory
            return lines
        pieces = [
            self.take(instr.size * view.dtype.itemsize)
            for view, _ in zip(instr.outs, instr.kinds, strict=False)
        ]
        self.memory = memory
        addresses = ", ".join(piece.address() for piece in pieces)
        return [
            "{",
            *self.emitter.leaves.groups.mapped(instr, self.element, pieces, repeatable),
            f"char *pieces[] = {{{addresses}}};",
            f"host->reduce(run, {self.index}, {k}, {slots}, pieces, 0, -1, 0);",
            "}",
        ]

    def _host_slots(self):
        """The name of the slots that the runtime is given; from now on it is called."""
        self.emitter.calls_host = True
        if self.slots is None:
            self._open_slots()
        return self.slots

    def _outside_call(self, k):
        """The runtime's own way of running an instruction."""
        return [
            "{",
            f"int32_t status = host->run(run, {self.index}, {k}, {self._host_slots()});",
            "if (MJX_UNLIKELY(status)) return status;",
            "}",
        ]

    def _open_slots(self):
        """Declare where the runtime finds what its instructions touch."""
        self.slots = self.emitter.name("s")
        n_in = len(self.program.inputs)
        count = 2 + n_in + len(self.program.outputs)
        self.head.append(f"char *{self.slots}[{count}];")
        arena = Place("memory", offset=self.arena)
        self.head.append(f"{self.slots}[0] = {arena.address()};")
        self.head.append(f"{self.slots}[1] = consts;")
        for space, first in ((INPUT, 2), (OUTPUT, 2 + n_in)):
            for key in sorted(k for k in self.outside if isinstance(k, tuple)):
                if key[0] == space:
                    at = f"{self.slots}[{first + key[1]}]"
                    self.head.append(f"{at} = {self.places[key].address()};")

    def name(self, letter):
        """A new C name."""
        return self.emitter.name(letter)

    def nested(self, index, inputs, outputs, tied=None):
        """The lines of another program, bound to these places."""
        inner = _Activation(
            self.emitter, index, inputs, outputs, tied or {}, self.memory
        )
        return inner.write()

    def outside_of(self, index, tied):
        """What the runtime's own instructions will touch in another program."""
        statements = self.emitter.statements
        program = self.emitter.module.programs[index]
        ins, outs = ([Place("")] * len(x) for x in (program.inputs, program.outputs))
        outside = _Activation(self.emitter, index, ins, outs, tied, 0).outside
        self.emitter.statements = statements
        return outside

    def take(self, nbytes):
        """A place in the memory for the time of one instruction."""
        place = Place("memory", offset=self.memory)
        self.memory += _round_up(nbytes)
        self.emitter.memory_bytes = max(self.emitter.memory_bytes, self.memory)
        return place


def _round_up(nbytes):
    return -(-nbytes // _ALIGN) * _ALIGN


def _byte_range(view, start):
    """The first byte that a view touches, and the one after the last."""
    if not view.size:
        return start, start
    low = high = view.offset
    for n, stride in zip(view.shape, view.strides, strict=True):
        reach = stride * (n - 1)
        low, high = min(low, low + reach), max(high, high + reach)
    if type(view) is Table:
        high = low + view.room - 1
    size = view.dtype.itemsize
    return start + low * size, start + (high + 1) * size


def _copy(buffer, to, source):
    """Lines that copy a buffer's elements from place to place."""
    suffix = SUFFIXES[buffer.dtype]
    return [
        f"{to.element(suffix, k)} = {source.element(suffix, k)};"
        for k in range(buffer.size)
    ]


def _describe(instr):
    """What an instruction does, in a comment."""
    name = instr.op
    if hasattr(instr, "micros"):
        kernels = [m.kernel.name for m in instr.micros[:6]]
        name = " ".join(kernels or ["copy"]) + (" .." if len(instr.micros) > 6 else "")
    shapes = ", ".join(
        f"{suffix_of(v)}{list(v.shape)}".replace(" ", "") for v in instr.outs[:4]
    )
    return f"{name} -> {shapes}{', ..' if len(instr.outs) > 4 else ''}"

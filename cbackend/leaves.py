"""Instructions without control flow, as C: elementwise groups, small sums, small moves."""

import math

from cbackend.group_forms import are_apart, ewise_fits
from cbackend.groups import Groups
from cbackend.lines import are_long_lines, write_long_lines
from cbackend.places import APART, MIXED, SAME, Operand, Place, pointers, suffix_of
from cbackend.program import FEW_PRODUCTS, Ewise, MapReduce, dense_strides, small_dots
from cbackend.rows import are_rows, write_rows
from cbackend.scalars import STORED
from cbackend.sums import (
    COPY,
    FOUR,
    LANES,
    SEQUENCE,
    dot_text,
    has_places,
    has_text,
    header_of,
    places_text,
    reduce_text,
    small_dots_text,
)  # fmt: skip

MAX_MOVED = 256  # elements of a slice, or of a copy beside it
MAX_SUMMED = 1024
MAX_COMPARED = 8192  # elements of which the places of the extremes are looked for ..
MIN_COLUMNS, MAX_COLUMNS = 4, 64  # .. side by side: as many as vectors hold

_STARTS = frozenset(["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"])


# --- which are written out


def is_leaf(instr, order, relation):
    """Whether an instruction is written out.

    `order()` is how it makes sums, as the runtime says it; `relation(a, b)` says whether
    two views lie APART, are the SAME elements, or MIXED.
    """
    if type(instr) is Ewise:
        return ewise_fits(instr, relation)
    if type(instr) is MapReduce:
        return (
            are_rows(instr, order, relation)
            or are_long_lines(instr, order, relation)
            or (_map_reduce_fits(instr, relation) and order()[0] in (SEQUENCE, FOUR))
        )
    if instr.op == "REDUCE":
        return _reduce_fits(instr, relation) and order()[0] in (SEQUENCE, FOUR, COPY)
    if instr.op == "DOT":
        return _dot_fits(instr, relation) and order()[0] in (
            [SEQUENCE] if small_dots(instr) else range(1, 2 * LANES)
        )
    if instr.op == "ARGREDUCE":
        return _columns_fit(instr, relation)
    if instr.op in ("DYNAMIC_SLICE", "DYNAMIC_UPDATE_SLICE"):
        return _slice_fits(instr, relation)
    return False


def _map_reduce_fits(instr, relation):
    if instr.size * len(instr.kinds) > MAX_SUMMED:  # they lie on the stack
        return False
    if not ewise_fits(instr, relation):
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


def _columns_fit(instr, relation):
    (view,), (out,) = instr.ins, instr.outs
    return (
        view.buffer is not None
        and has_places(suffix_of(view))
        and 0 < view.size <= MAX_COMPARED
        and MIN_COLUMNS <= view.shape[2] <= MAX_COLUMNS
        and view.strides[2] == 1
        and relation(out, view) == APART
    )


def _dot_fits(instr, relation):
    if len(instr.ins) != 2 or len(instr.outs) != 1 or instr.params:
        return False
    a, b = instr.ins
    if a.buffer is None or b.buffer is None or len(a.shape) != 3:
        return False
    if relation(instr.outs[0], a) != APART or relation(instr.outs[0], b) != APART:
        return False
    return small_dots(instr) > 0 or 0 < a.size * b.shape[2] <= FEW_PRODUCTS


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
        self.groups = Groups(scalars)

    def write(self, instr, operand, order, relation, take):
        """C lines that do what the instruction does; `operand(view) -> Operand`.

        take(nbytes): a place for the time of the instruction.
        """
        if type(instr) is Ewise:
            ins = [operand(view) for view in instr.ins]
            outs = [operand(view) for view in instr.outs]
            repeatable = are_apart(instr, relation)
            return self.groups.write(instr, instr.shape, outs, ins, repeatable)
        if type(instr) is MapReduce:
            if are_rows(instr, order, relation):
                return write_rows(self.groups, instr, operand, order(), take)
            if are_long_lines(instr, order, relation):
                return write_long_lines(self.groups, instr, operand, order(), take)
            return self._map_reduce(instr, operand, order()[0])
        if instr.op == "REDUCE":
            return self._reduce(instr, operand, order()[0])
        if instr.op == "DOT":
            return self._dot(instr, operand, order()[0])
        if instr.op == "ARGREDUCE":
            return self._places(instr, operand)
        if instr.op == "DYNAMIC_SLICE":
            return self._dynamic_slice(instr, operand)
        return self._dynamic_update(instr, operand, relation)

    def _reduce(self, instr, operand, order):
        view, kind = instr.ins[0], instr.params[0]
        x, out = operand(view), operand(instr.outs[0])
        if order == COPY:
            del x.strides[1]
            return self._move(instr.outs[0].shape, out, x)
        return [f"{self._sum(kind, order, view.shape, x, out)};"]

    def _sum(self, kind, order, extents, x, out):
        self.scalars.use(header_of(x.suffix))
        text = reduce_text(kind, x.suffix, order)
        args = [str(n) for n in (*extents, *x.strides)]
        return self.groups.call(text, [*args, *pointers(x, out)])

    def _places(self, instr, operand):
        (view,), (kind,) = instr.ins, instr.params
        x, out = operand(view), operand(instr.outs[0])
        outer, n, inner = view.shape
        text = places_text(kind, x.suffix, out.suffix, n, inner)
        args = [str(size) for size in (outer, *x.strides[:2])]
        return [f"{self.groups.call(text, [*args, *pointers(x, out)])};"]

    def _map_reduce(self, instr, operand, order):
        """The group into arrays of its own, then their sums."""
        outs = [operand(view) for view in instr.outs]
        strides, lines, sums = dense_strides(instr.shape), ["{"], []
        for k, kind in enumerate(instr.kinds):
            suffix, name = outs[k].suffix, self.groups.fresh()
            lines.append(f"{STORED[suffix]} {name}[{instr.size}];")
            whole = dense_strides(instr.extents)
            values = Operand(Place(name, suffix), suffix, "0", whole)
            sums.append(f"{self._sum(kind, order, instr.extents, values, outs[k])};")
            outs[k] = Operand(Place(name, suffix), suffix, "0", strides)
        ins = [operand(view) for view in instr.ins]
        return [*lines, *self.groups.write(instr, instr.shape, outs, ins), *sums, "}"]

    def _dot(self, instr, operand, order):
        a, b, c = operand(instr.ins[0]), operand(instr.ins[1]), operand(instr.outs[0])
        self.scalars.use(f"math_{c.suffix}.h")
        sizes = [*instr.ins[0].shape, instr.ins[1].shape[2]]
        if small_dots(instr):
            text = small_dots_text(c.suffix, sizes[1:])
            cost = math.prod(sizes) // 4  # ns
            return self.groups.shared_call(text, sizes[0], (a, b, c), cost)
        strides = [s for o in (a, b, c) for s in o.strides]
        args = [str(n) for n in sizes + strides] + pointers(a, b, c)
        return [f"{self.groups.call(dot_text(c.suffix, order, sizes[2]), args)};"]

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
            name = self.groups.fresh()
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
        return self.groups.write(_COPY, shape, [target], [source])


class _Copy:
    """A group that stores its only input."""

    in_regs, micros, out_regs = ["x"], [], ["x"]


_COPY = _Copy()

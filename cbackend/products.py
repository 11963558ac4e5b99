"""Matrix products among the groups: where they write, and who takes their elements.

`write_in_place` saves the copies of products.  `map_products` lets the group that reads a
product take its elements block by block, while the cache has them; it changes no bit.
"""

import math
from collections import Counter

from cbackend.program import ARENA, DotMap, Ewise, View, dense_strides

MIN_ELEMENTS = 4096  # of a product whose elements are handed on
MIN_EXTENT = 8  # rows and columns; less is a vector or a few
FLOAT_BYTES = 4  # the least; halves are multiplied as floats, and rounded
FEW_ELEMENTS = 64  # of what may be computed earlier, for a group to be


# --- in place -------------------------------------------------------------------------


def write_in_place(program):
    """Let matrix products write where a copy, their only reader, would bring them."""
    instrs = program.instrs
    products, reads, written = {}, {}, set()
    for place, instr in enumerate(instrs):
        if instr.op == "DOT" and instr.outs[0].buffer.space == ARENA:
            products[instr.outs[0].buffer] = place
        for view in instr.ins:
            reads[view.buffer] = reads.get(view.buffer, 0) + 1
        written.update(view.buffer for view in instr.outs)
    filled = {}  # buffer -> place of the last instruction that writes all of it
    before = {}  # place -> instructions that have moved there
    for place, instr in enumerate(instrs):
        if type(instr) is Ewise and not instr.micros and len(instr.outs) == 1:
            (target,), (source, *_) = instr.outs, instr.ins
            made, fill = products.get(source.buffer), filled.get(target.buffer, -1)
            if made is not None and reads[source.buffer] == 1:
                movable = fill < made or _is_fill(instrs[fill], written)
                if movable and _redirect(instrs[made], source, target):
                    instrs[place] = None
                    if fill > made:
                        before.setdefault(made, []).append(instrs[fill])
                        instrs[fill], filled[target.buffer] = None, made
        for view in instr.outs:
            if view.is_whole():
                filled[view.buffer] = place
    program.instrs = [
        moved
        for place, instr in enumerate(instrs)
        for moved in (*before.get(place, ()), instr)
        if moved is not None
    ]


def _is_fill(instr, written):
    """Whether an instruction depends on no other and makes one thing only."""
    return (
        type(instr) is Ewise
        and len(instr.outs) == 1
        and not any(view.buffer in written for view in instr.ins)
    )


def _redirect(product, source, target):
    """Make a product write `target`, which is to hold what `source` reads of it; whether
    that was possible.
    """
    axes = [
        (stride, n, to)
        for n, stride, to in zip(
            source.shape, source.strides, target.strides, strict=True
        )
        if n != 1
    ]
    axes.sort(key=lambda axis: -axis[0])
    wide = View(None, source.dtype, *_columns(axes, 0))
    if source.offset or wide.size != source.buffer.size or source.dtype != target.dtype:
        return False
    if dense_strides(wide.shape) != wide.strides:
        return False
    moved = View(target.buffer, target.dtype, *_columns(axes, 1), target.offset)
    *batch, rows, columns = product.outs[0].shape
    for shape in ((*batch, rows, columns), *_splits(batch, moved, rows, columns)):
        views = [moved.reshape(shape), *(
            view.reshape((*shape[:-2], *view.shape[-2:])) for view in product.ins
        )]  # fmt: skip
        if None not in views and _is_product_output(views[0]):
            product.outs, product.ins = views[:1], views[1:]
            return True
    return False


def _columns(axes, which):
    """(shape, strides) of axes, by the source's strides (0) or the target's (1)."""
    return tuple(n for _, n, _ in axes), tuple(axis[2 * which] for axis in axes)


def _splits(batch, moved, rows, columns):
    """The shape with one batch dim cut in two where the first axis of `moved` ends."""
    if len(batch) == 1 and moved.shape and batch[0] % moved.shape[0] == 0:
        yield moved.shape[0], batch[0] // moved.shape[0], rows, columns


def _is_product_output(view):
    *_, row, column = view.strides
    return (view.shape[-1] <= 1 or column == 1) and (
        view.shape[-2] <= 1 or row >= view.shape[-1]
    )


# --- groups on the elements of products -----------------------------------------------


def map_products(program):
    """Let groups take the elements of matrix products that only they read."""
    _Mapping(program.instrs).apply(program)


class _Mapping:
    """Where instructions go, as groups move up to products and what they need before them."""

    def __init__(self, instrs):
        self.instrs = list(instrs)
        self.position = list(range(len(instrs)))  # of each: its own, or a product's
        self.writers = {}  # buffer -> numbers of the instructions that write it
        self.products = {}  # the output of a product that may be handed on -> its number
        self.reads = Counter(view.buffer for instr in instrs for view in instr.ins)

    def apply(self, program):
        """Map all products of a program that can be."""
        for number, instr in enumerate(self.instrs):
            at = number
            if type(instr) is Ewise and instr.micros and instr.size >= MIN_ELEMENTS:
                at = self._map(number, instr)
            elif self._is_handed_on(instr):
                self.products[instr.outs[0].buffer] = number
            for view in instr.outs:
                self.writers.setdefault(view.buffer, []).append(at)
        # What has moved comes before the product that stands where it went.
        order = sorted(
            range(len(self.instrs)),
            key=lambda n: (self.position[n], self.position[n] == n),
        )
        instrs = [self.instrs[n] for n in order]
        program.instrs = [instr for instr in instrs if instr is not None]

    def _is_handed_on(self, instr):
        """Whether an instruction is one product of two matrices."""
        if instr.op != "DOT":
            return False
        (out,), (a, b) = instr.outs, instr.ins
        return (
            len(out.shape) == 3
            and out.shape[0] == 1
            and min(out.shape[1:]) >= MIN_EXTENT
            and out.is_whole()
            and out.dtype == a.dtype == b.dtype
            and out.dtype.kind == "f"
            and out.dtype.itemsize >= FLOAT_BYTES
        )

    def _map(self, number, group):
        """Let a group take the elements of the last product that it reads, where that
        stands, if all else that it reads can be there; where the group is then.
        """
        read = [self.products.get(view.buffer, -1) for view in group.ins]
        for at in sorted({n for n in read if n >= 0}, reverse=True):
            needed = self._needed(group, at)
            mapped = self._mapped(self.instrs[at], group)
            if needed is None or mapped is None:
                continue
            for n in needed:
                self.position[n] = at
            del self.products[self.instrs[at].outs[0].buffer]
            self.instrs[at], self.instrs[number] = mapped, None
            return at
        return number

    def _needed(self, group, at):
        """The instructions that must move up for a group to be at a product; None if that
        cannot be, or is not worth it.
        """
        product = self.instrs[at].outs[0].buffer
        if any(n > at for view in group.outs for n in self._written(view.buffer)):
            return None
        needed = set()
        pending = [v.buffer for v in group.ins if v.buffer is not product]
        while pending:
            for n in self._written(pending.pop()):
                if self.position[n] > at and n not in needed:
                    if not self._is_small(self.instrs[n]):
                        return None
                    needed.add(n)
                    pending += [view.buffer for view in self.instrs[n].ins]
        return needed

    def _mapped(self, product, group):
        """A product and a group on its elements as one instruction, which stores those that
        others need; None if the two go over them in other ways.
        """
        (product_view,) = product.outs
        shape, buffer = product_view.shape[1:], product_view.buffer
        if group.size != math.prod(shape):
            return None
        ins, outs = ([v.reshape(shape) for v in x] for x in (group.ins, group.outs))
        if None in ins or None in outs:
            return None
        given = next(k for k, view in enumerate(ins) if view.buffer is buffer)
        dense = next((k for k, view in enumerate(outs) if view.is_dense()), None)
        read = sum(view.buffer is buffer for view in ins)
        if (
            dense is None
            or read > 1
            or not ins[given].same(product_view.reshape(shape))
        ):
            return None
        outs, out_regs = _from(outs, dense), _from(group.out_regs, dense)
        if self.reads[buffer] > 1 or buffer.space != ARENA:
            outs, out_regs = [*outs, ins[given]], [*out_regs, group.in_regs[given]]
        mapped = Ewise(
            outs, _from(ins, given), _from(group.in_regs, given),
            group.micros, out_regs, group.source,
        )  # fmt: skip
        return DotMap(product, mapped)

    def _is_small(self, instr):
        """Whether an instruction may be done earlier without keeping much for longer."""
        return type(instr) is Ewise and all(
            view.size <= FEW_ELEMENTS and len(self._written(view.buffer)) == 1
            for view in instr.outs
        )

    def _written(self, buffer):
        return self.writers.get(buffer, ())


def _from(items, k):
    """Item k, then the others."""
    return [items[k], *items[:k], *items[k + 1 :]]

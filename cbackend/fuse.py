"""Fusion: kernels over one index space run as one instruction, reductions included.

Five steps, each on the whole program: `_Grouping` gathers elementwise kernels into
groups, `_write_products_in_place` saves the copies of matrix products, `_recompute`
computes cheap values again where they are read rather than store them,
`_fuse_reductions` lets groups feed the reductions of what they make, and `_drop_unread`
removes stores that nobody reads.  None of them changes a bit of any
result: kernels see the same operands, reductions the same rows and lines.
"""

import itertools

from cbackend.program import (
    ARENA,
    Ewise,
    Instr,
    MapReduce,
    Micro,
    Table,
    View,
    dense_strides,
)

# A tile of each operand and register lies in L2, which is nearer than the memory that the
# values between two groups go through; beyond, a group spills.
MAX_REGISTERS = 64
MAX_STREAMS = 16  # arrays that a group over many elements reads
# Up to here instructions cost more than elements: groups take in what is unrelated.
FEW_ELEMENTS = 2048

# Kernels that cost less than a store and a load; compared by the part before "_".
CHEAP = frozenset((
    "abs", "add", "and", "convert", "eq", "ge", "gt", "le", "lt", "max", "min", "mul",
    "ne", "neg", "not", "or", "select", "sub", "xor",
))  # fmt: skip
MAX_RECOMPUTED = 3  # kernels for one value
MAX_REDUCED = 16  # of one instruction
MIN_MAPPED = 256  # elements; below, MAP_REDUCE costs more than two instructions


def fuse(program):
    """Fuse the instructions of a program, in place."""
    groups = _Grouping()
    for instr in program.instrs:
        groups.add(instr)
    program.instrs = groups.finish()
    _drop_unread(program)
    _write_products_in_place(program)
    _drop_unread(program, _recompute(program))
    _fuse_reductions(program)
    _drop_unread(program)


# --- grouping -------------------------------------------------------------------------


class _Group:
    """A group of kernels while it grows: its instruction, and what it holds by name."""

    __slots__ = ("computed", "inputs", "instr", "shape", "size", "written")

    def __init__(self, instr):
        self.instr, self.shape, self.size = instr, instr.shape, instr.size
        # these grow, and others hold what they were
        instr.outs, instr.ins = list(instr.outs), list(instr.ins)
        instr.out_regs, instr.in_regs = list(instr.out_regs), list(instr.in_regs)
        self.inputs = {}  # what tells an input apart -> its register
        for view, reg in zip(instr.ins, instr.in_regs, strict=True):
            self.inputs.setdefault(_identity(view), reg)
        self.computed = {}  # (kernel, operands' registers) -> the registers of its results
        for micro in instr.micros:
            self.computed[micro.kernel, tuple(micro.sources)] = micro.results
        self.written = {}  # buffer -> the views that are stored there, and their registers
        self._note_stores(instr.outs, instr.out_regs)

    def _note_stores(self, outs, regs):
        for view, reg in zip(outs, regs, strict=True):
            self.written.setdefault(view.buffer, []).append((view, reg))

    def join(self, instr):
        """Take in the kernels of an instruction, if they can run here; whether they do."""
        written = self.written
        for view in instr.outs:
            if view.buffer in written and view.is_whole():
                return False  # the later store of the same elements must stay the later
        remap = _mapping(instr, written, self.shape)
        if remap is None:
            return False
        if remap is not _same:
            outs, ins = list(map(remap, instr.outs)), list(map(remap, instr.ins))
            if None in outs or None in ins:
                return False
            instr.outs, instr.ins = outs, ins
        for view in instr.ins:
            if view.buffer in written and _maker(written[view.buffer], view) is None:
                return False
        if not self.fits(instr):
            return False
        self.merge(instr)
        return True

    def fits(self, instr):
        """Whether the kernels of both can run as one group."""
        mine = self.instr
        if len(mine.in_regs) + len(mine.micros) + len(instr.micros) > MAX_REGISTERS:
            return False
        if len(mine.ins) + len(instr.ins) <= MAX_STREAMS or instr.size <= FEW_ELEMENTS:
            return True
        streams = {
            (v.buffer, v.offset)
            for v in itertools.chain(mine.ins, instr.ins)
            if _is_stream(v)
        }
        return len(streams) <= MAX_STREAMS

    def merge(self, instr):
        """Move the kernels of an instruction here."""
        mine, renamed = self.instr, {}
        for view, reg in zip(instr.ins, instr.in_regs, strict=True):
            made = self.written.get(view.buffer)
            maker = made and _maker(made, view)
            renamed[reg] = maker[1] if maker else self._input(view)
        for micro in instr.micros:
            sources = [renamed.get(reg, reg) for reg in micro.sources]
            made = self.computed.setdefault(
                (micro.kernel, tuple(sources)), micro.results
            )
            if made is micro.results:
                mine.micros.append(Micro(micro.kernel, sources, made))
            else:
                renamed.update(zip(micro.results, made, strict=True))
        regs = [renamed.get(r, r) for r in instr.out_regs]
        mine.outs += instr.outs
        mine.out_regs += regs
        self._note_stores(instr.outs, regs)

    def _input(self, view):
        """The register of an input, a new one where it was not read yet."""
        key = _identity(view)
        reg = self.inputs.get(key)
        if reg is None:
            mine = self.instr
            reg = self.inputs[key] = len(mine.in_regs)
            mine.ins.append(view)
            mine.in_regs.append(reg)
        return reg


def _identity(view):
    return view.buffer, view.offset, view.shape, view.strides, view.dtype, type(view)


def _maker(made, view):
    """Of (view, register) pairs stored in one buffer, the one that `view` reads, or None where
    others may have overwritten it.
    """
    for pair in made:
        if view.same(pair[0]):
            return pair if len(made) == 1 or _lie_apart(made) else None
    return None


def _lie_apart(made):
    """Whether views stored in one buffer share no element: as the columns of a matrix."""
    first = made[0][0]
    step = min((s for n, s in zip(first.shape, first.strides) if n > 1), default=1)
    offsets = {view.offset for view, _ in made}
    return (
        len(offsets) == len(made)
        and max(offsets) - min(offsets) < step
        and all((v.shape, v.strides) == (first.shape, first.strides) for v, _ in made)
    )


class _Grouping:
    """Groups in program order; each instruction joins one, or becomes one.

    A group runs at its place, so that an instruction may join any group that comes
    after, or makes, all it reads.
    """

    def __init__(self):
        self.groups = []  # None where a group has moved into a later one
        self.made_at = {}  # buffer -> place of the last group that writes it
        self.read_at = {}  # buffer -> place of the first group that reads it, not makes it
        self.last_reader = {}  # buffer -> place of the last group that has it as input
        self.latest = {}  # iteration shape -> place of the last group over it

    def add(self, instr):
        """Take in the next instruction."""
        place = len(self.groups)
        if type(instr) is not Ewise:
            self._note(instr, place)
            self.groups.append(instr)
            return
        made_at = self.made_at
        makers = {made_at.get(view.buffer, -1) for view in instr.ins}
        makers.update([made_at.get(view.buffer, -1) for view in instr.outs])
        joined = self._place_for(instr, max(makers))
        if joined is None:
            group = _Group(instr)
            self.groups.append(group)
            self.latest[group.shape] = place
        else:
            place = joined
        self._sink(makers, place)
        self._note(instr, place)

    def finish(self):
        """The instructions, in order."""
        return [
            group.instr if type(group) is _Group else group
            for group in self.groups
            if group is not None
        ]

    def _note(self, instr, place):
        made_at, read_at = self.made_at, self.read_at
        for view in instr.ins:
            buffer = view.buffer
            if buffer is None:
                continue
            if made_at.get(buffer) != place and read_at.get(buffer, place) >= place:
                read_at[buffer] = place
            self.last_reader[buffer] = place
        for view in instr.outs:
            made_at[view.buffer] = place

    def _place_for(self, instr, made):
        """The place of the group that `instr` has joined, or None; its operands are made
        at `made` at the latest.
        """
        if made >= 0 and self._join(made, instr):
            return made
        for place in self._related(instr):
            if place > made and self.groups[place] is not None:
                if self.groups[place].shape == instr.shape and self._join(place, instr):
                    return place
        return None

    def _join(self, place, instr):
        group = self.groups[place]
        return type(group) is _Group and group.join(instr)

    def _related(self, instr):
        """Places of groups over the same shape that it pays to join."""
        if instr.size <= FEW_ELEMENTS:
            return [self.latest.get(instr.shape, -1)]
        places = []
        for view in instr.ins:
            place = self.last_reader.get(view.buffer, -1)
            if place >= 0 and view.size == view.buffer.size:
                if type(self.groups[place]) is _Group and place not in places:
                    places.append(place)
        return places

    def _sink(self, makers, place):
        """Merge other groups that made operands into the one at `place`, where nobody
        between reads or writes what they make.
        """
        for maker in makers:
            first, last = self.groups[maker] if maker >= 0 else None, self.groups[place]
            if maker == place or type(first) is not _Group or first.shape != last.shape:
                continue
            outs, written = first.instr.outs, first.written
            if any(self.read_at.get(v.buffer, place) < place for v in outs):
                continue
            if any(self.made_at[v.buffer] != maker for v in outs):
                continue  # another group writes a part of the same buffer later
            reads = [v for v in last.instr.ins if v.buffer in written]
            if not first.fits(last.instr):
                continue
            if any(_maker(written[v.buffer], v) is None for v in reads):
                continue
            first.merge(last.instr)
            self.groups[maker], self.groups[place] = None, first
            self._note(first.instr, place)


def _same(view):
    return view


def _mapping(instr, written, shape):
    """How the views of `instr` look in the index space of a group that makes one of its
    operands: a function of views (None where strides forbid it), or None.
    """
    for view in instr.ins:
        stored = written.get(view.buffer)
        if stored is None:
            continue
        made = stored[0][0]
        if view.same(made) or _maker(stored, view) is not None:
            return _same
        if type(view) is Table or len(stored) > 1:
            return None
        if view.is_whole() and made.is_whole():
            return lambda view: view.reshape(shape)
        return _transposition(view, made)
    return _same if instr.shape == shape else None


def _transposition(view, made):
    """What transposes views so that `view` becomes the same as `made`, or None."""
    if view.offset != made.offset or len(view.shape) != len(made.shape):
        return None
    axes = list(zip(view.shape, view.strides, strict=True))
    order = []
    for axis in zip(made.shape, made.strides, strict=True):
        if axis not in axes or axis[0] == 1:
            return None
        order.append(axes.index(axis))
    if len(set(order)) != len(order):
        return None
    return lambda view: view.transpose(order)


def _is_stream(view):
    """Whether a view reads as many elements as there are, rather than repeat some."""
    return view.buffer is not None and 0 not in view.strides


# --- products in place ----------------------------------------------------------------


def _write_products_in_place(program):
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


# --- computing again ------------------------------------------------------------------


def _recompute(program):
    """Compute cheap values again in the groups that read them, and do not store them.

    Only where those groups then read no more bytes than before: new operands replace the
    value that is read no longer.  Returns the groups that store less now.
    """
    changed = set()
    readers, writers = {}, {}
    for instr in program.instrs:
        for buffer in {view.buffer for view in instr.ins}:
            readers.setdefault(buffer, []).append(instr)
        for view in instr.outs:
            writers[view.buffer] = writers.get(view.buffer, 0) + 1
    for group in program.instrs:
        if type(group) is Ewise and group.size > FEW_ELEMENTS:
            for view, reg in list(zip(group.outs, group.out_regs, strict=True)):
                if writers[view.buffer] == 1:
                    if _recompute_value(group, view, reg, readers):
                        changed.add(group)
    return changed


def _recompute_value(group, view, reg, readers):
    """Have its readers compute a stored value; whether they do so now."""
    reading = readers.get(view.buffer)
    if view.buffer.space != ARENA or not reading:
        return False
    if not all(type(r) is Ewise and _reads_only(r, view) for r in reading):
        return False
    recipe = _recipe(group, reg)
    if recipe is None:
        return False
    micros, leaves = recipe
    streams = [leaf for leaf in leaves if _is_stream(leaf)]
    for r in reading:
        more = sum(v.dtype.itemsize for v in streams if not _is_read(r, v))
        if more > view.dtype.itemsize:
            return False
    if any(
        len(r.in_regs) + len(r.micros) + len(micros) > MAX_REGISTERS for r in reading
    ):
        return False
    for reader in reading:
        _inline(reader, view, reg, micros, leaves)
        for leaf in leaves:
            found = readers.setdefault(leaf.buffer, [])
            if reader not in found:
                found.append(reader)
    at = next(k for k, out in enumerate(group.outs) if out is view)
    del group.outs[at], group.out_regs[at]
    return True


def _reads_only(reader, view):
    """Whether all that a group reads of a view's buffer is that view."""
    return all(v.buffer is not view.buffer or v.same(view) for v in reader.ins)


def _is_read(reader, leaf):
    return any(v.same(leaf) and v.dtype == leaf.dtype for v in reader.ins)


def _recipe(group, reg):
    """(kernels, operands) that make a register from operands and from other stored
    values, or None if that is not cheap.
    """
    made = {result: micro for micro in group.micros for result in micro.results}
    stored = {
        stored_reg: view
        for view, stored_reg in zip(group.outs, group.out_regs, strict=True)
        if stored_reg != reg
    }
    inputs = dict(zip(group.in_regs, group.ins, strict=True))
    micros, leaves, pending = [], {}, [reg]
    while pending:
        wanted = pending.pop()
        leaf = inputs.get(wanted) or stored.get(wanted)
        if leaf is not None:
            leaves[wanted] = leaf
            continue
        micro = made[wanted]
        if micro in micros:
            continue
        micros.append(micro)
        cheap = micro.kernel.name.split("_", 1)[0] in CHEAP
        if not cheap or len(micros) > MAX_RECOMPUTED:
            return None
        pending += micro.sources
    if not micros:
        return None
    ordered = [micro for micro in group.micros if micro in micros]
    views = list({id(view): view for view in leaves.values()}.values())
    return [(micro, leaves) for micro in ordered], views


def _inline(reader, view, reg, recipe, leaves):
    """Put the kernels of a recipe first in a group, in place of the operand `view`."""
    renamed = {}
    for leaf in leaves:
        for known, its_reg in zip(reader.ins, reader.in_regs, strict=True):
            if known.same(leaf) and known.dtype == leaf.dtype:
                renamed[id(leaf)] = its_reg
                break
        else:
            renamed[id(leaf)] = number = (
                max(map(_number, reader.in_regs), default=-1) + 1
            )
            reader.ins, reader.in_regs = [*reader.ins, leaf], [*reader.in_regs, number]
    fresh, micros = {}, []
    for micro, found in recipe:
        sources = [
            renamed[id(found[s])] if s in found else fresh[s] for s in micro.sources
        ]
        results = [_Copy() for _ in micro.results]
        fresh.update(zip(micro.results, results, strict=True))
        micros.append(Micro(micro.kernel, sources, results))
    old = [r for v, r in zip(reader.ins, reader.in_regs, strict=True) if v.same(view)]
    kept = [v.same(view) for v in reader.ins]
    reader.in_regs = [
        r for r, gone in zip(reader.in_regs, kept, strict=True) if not gone
    ]
    reader.ins = [v for v, gone in zip(reader.ins, kept, strict=True) if not gone]
    new = fresh[reg]
    for micro in reader.micros:
        micro.sources = [new if s in old else s for s in micro.sources]
    reader.out_regs = [new if r in old else r for r in reader.out_regs]
    reader.micros = micros + reader.micros


def _number(reg):
    return reg if type(reg) is int else -1


class _Copy:
    """A register's name, equal to itself alone."""

    __slots__ = ()


# --- reductions -----------------------------------------------------------------------


def _fuse_reductions(program):
    """Move reductions of what a group makes, row-major and whole, into that group."""
    made_at = {}
    instrs = program.instrs
    for place, instr in enumerate(instrs):
        if instr.op == "REDUCE":
            maker = made_at.get(instr.ins[0].buffer)
            if maker is not None:
                fused = _with_reduction(instrs[maker], instr)
                if fused is not None:
                    instrs[maker], instrs[place] = fused, None
        elif type(instr) is Ewise and instr.size >= MIN_MAPPED:
            for view in instr.outs:
                made_at[view.buffer] = place
    program.instrs = [instr for instr in instrs if instr is not None]


def _with_reduction(group, reduction):
    """The group with one more reduction, or None if it cannot be."""
    (source,), (out,), (kind,) = reduction.ins, reduction.outs, reduction.params
    at = [k for k, view in enumerate(group.outs) if view.buffer is source.buffer]
    if len(at) != 1 or not source.is_whole() or not group.outs[at[0]].is_whole():
        return None
    if group.outs[at[0]].dtype != source.dtype or source.shape[1] < 2 or not group.ins:
        return None
    kinds = []
    if type(group) is MapReduce:
        kinds = group.kinds
        if group.extents != source.shape or len(kinds) == MAX_REDUCED:
            return None
        if _accumulator_bytes(group.outs[0].dtype) != _accumulator_bytes(source.dtype):
            return None
    group.outs = [out, *group.outs]
    group.out_regs = [group.out_regs[at[0]], *group.out_regs]
    return MapReduce(group, [kind, *kinds], source.shape)


def _accumulator_bytes(dtype):
    """The size of what sums of elements are kept in: float32 for half precision."""
    half = dtype.itemsize == 2 and dtype.kind not in "iu"
    return 4 if half else dtype.itemsize


# --- what nobody reads ----------------------------------------------------------------


def _drop_unread(program, changed=None):
    """Remove stores that nothing reads, and then instructions that store nothing.

    `changed`: groups that have kernels, perhaps, that make nothing any more.
    """
    read = set()
    kept = []
    for instr in reversed(program.instrs):
        if type(instr) is not Instr:
            _drop_stores(instr, read, instr in (changed or ()))
            if not instr.outs:
                continue
        read.update(view.buffer for view in instr.ins)
        kept.append(instr)
    program.instrs = kept[::-1]


def _drop_stores(group, read, changed):
    keep = [view.buffer.space != ARENA or view.buffer in read for view in group.outs]
    if type(group) is MapReduce:
        keep[: len(group.kinds)] = [True] * len(group.kinds)
    if not changed and all(keep):
        return
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

"""Fusion: kernels over one index space run as one instruction, reductions included.

Nine steps, each on the whole program: `Grouping` gathers elementwise kernels into
groups, `write_in_place` saves the copies of matrix products, `_recompute` computes cheap
values again where they are read rather than store them, `_store_once` lets a value that
is a piece of another be read there, `make_in_place` has it made there where a copy would
bring it, `read_in_boxes` lets groups read the sources of copies that are left,
`_fuse_reductions` lets groups feed the reductions of what they make, `_drop_unread` removes
stores that nobody reads, and `map_products` lets groups take the elements of matrix
products as these make them.  None of them changes a bit of any result: kernels see the
same operands, reductions the same rows and lines.
"""

from cbackend.boxes import read_in_boxes
from cbackend.grouping import FEW_ELEMENTS, MAX_REGISTERS, Grouping, is_stream
from cbackend.pieces import make_in_place
from cbackend.products import map_products, write_in_place
from cbackend.program import ARENA, Ewise, Instr, MapReduce, Micro

# Kernels that cost less than a store and a load; compared by the part before "_".
CHEAP = frozenset((
    "abs", "add", "and", "convert", "eq", "ge", "gt", "le", "lt", "max", "min", "mul",
    "ne", "neg", "not", "or", "select", "sub", "xor",
))  # fmt: skip
MAX_RECOMPUTED = 3  # kernels for one value
MAX_REDUCED = 16  # of one instruction
FLOAT_BYTES = 4
MIN_ROW, MAX_ROW, MAX_ROWS = 8, 512, 16  # elements of a row; rows in one sum
MIN_MAPPED = 256  # elements; below, MAP_REDUCE costs more than two instructions


def fuse(program):
    """Fuse the instructions of a program, in place."""
    _group(program)
    write_in_place(program)
    _drop_unread(program, _recompute(program))
    _store_once(program)
    make_in_place(program)
    if read_in_boxes(program):
        _group(program)
    _fuse_reductions(program)
    _drop_unread(program)
    map_products(program)


def _group(program):
    """Gather elementwise kernels into groups, and store nothing that nobody reads."""
    groups = Grouping()
    for instr in program.instrs:
        groups.add(instr)
    program.instrs = groups.finish()
    _drop_unread(program)


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
    streams = [leaf for leaf in leaves if is_stream(leaf)]
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


# --- storing once ---------------------------------------------------------------------


def _store_once(program):
    """Have the readers of a value read the piece of another buffer that it is stored as."""
    readers, written = {}, {}
    for instr in program.instrs:
        for view in instr.ins:
            readers.setdefault(view.buffer, []).append(instr)
        for view in instr.outs:
            written[view.buffer] = written.get(view.buffer, 0) + view.size
    for group in program.instrs:
        if type(group) is not Ewise or len(set(group.out_regs)) == len(group.outs):
            continue
        for view, piece in _stored_twice(group):
            # Pieces that together are as large as the buffer do not overlap.
            if written[piece.buffer] == piece.buffer.size:
                _redirect_readers(readers.get(view.buffer, ()), view, piece)


def _stored_twice(group):
    """Pairs of a temporary of its own and a piece of another buffer, with equal elements."""
    for view, reg in zip(group.outs, group.out_regs, strict=True):
        if view.buffer.space != ARENA or not view.is_whole():
            continue
        for piece, other in zip(group.outs, group.out_regs, strict=True):
            if other == reg and piece.dtype == view.dtype and not piece.is_whole():
                yield view, piece
                break


def _redirect_readers(reading, view, piece):
    """Let groups read `piece` in place of `view`, if all readers can."""
    if not all(type(r) is not Instr and _reads_only(r, view) for r in reading):
        return
    for reader in reading:
        reader.ins = [piece if v.same(view) else v for v in reader.ins]


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
    program.instrs = [
        _as_map(instr) if _is_of_short_rows(instr) else instr
        for instr in instrs
        if instr is not None
    ]


def _is_of_short_rows(instr):
    """Whether this is many reductions of a few short rows each, which native code does in
    registers.
    """
    if instr.op != "REDUCE" or instr.ins[0].dtype.itemsize < FLOAT_BYTES:
        return False
    outer, n, inner = instr.ins[0].shape
    return (
        outer >= MIN_MAPPED
        and 1 < n <= MAX_ROWS
        and MIN_ROW <= inner <= MAX_ROW
        and instr.ins[0].dtype.kind in "fiu"
    )


def _as_map(reduction):
    """A reduction as that of a group that makes nothing."""
    (source,), (out,) = reduction.ins, reduction.outs
    group = Ewise([out], [source], ["x"], [], ["x"], reduction.source)
    return MapReduce(group, reduction.params, source.shape)


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

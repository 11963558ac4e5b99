"""What a MAP_REDUCE is as loops: around the sums, over what is reduced, along the last dim.

`rows.py` and `lines.py` write such loops with the sums in registers.
"""

from cbackend.groups import (
    SHARED_UNIT,
    TASK,
    cost_of,
    in_parallel,
    passed,
    serial_limit,
)
from cbackend.places import APART, Operand, collapse, parameter, suffix_of
from cbackend.program import dense_strides
from cbackend.scalars import BRANCHING, is_written
from cbackend.sums import has_text

# Such a function; the compiler must know that no pointer leads to its accumulators.
IN_REGISTERS = "MJX_IN_REGISTERS static"
FEW_TURNS = 4  # of an outermost loop: too few to share it well


def is_plain(instr, relation):
    """Whether the elements become vector code, the sums have C, and all that is written
    lies apart from all that is read.
    """
    return (
        all(
            is_written(m.kernel) and m.kernel.name not in BRANCHING
            for m in instr.micros
        )
        and all(has_text(kind, suffix) for kind, suffix in kinds_of(instr))
        and all(
            relation(out, view) == APART
            for out in instr.outs
            for view in instr.ins
            if view.buffer is not None
        )
    )


def kinds_of(instr):
    """The kind and the element type of each reduction."""
    pairs = zip(instr.kinds, instr.outs, strict=False)
    return [(kind, suffix_of(view)) for kind, view in pairs]


def spaces_of(instr):
    """The dims of the outer, the reduced and the inner extent; None where a dim belongs to
    two of them.
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
    return spaces if d == len(shape) else None


def bare(view):
    """A view as an operand of no place: its strides."""
    return Operand(None, suffix_of(view), "0", view.strides)


class Nest:
    """The extents of the loops, and the operands with one stride for each: `around` the
    sums, over what is `reduced`, and, where there is an inner extent, along the last dim of
    it, of `width` elements.
    """

    def __init__(self, instr, spaces, operand=bare):
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
        last = slice(len(between), None if self.width > 1 else len(between))
        for operand, a, r, i in zip(operands, *parts, strict=True):
            operand.strides = [*a, *i[: len(between)], *r, *i[last]]
        self.depth = len(dense.strides)


def _strides_of_sums(shape, reduced):
    """Dense strides over all dims but the reduced ones, which have none."""
    kept = [1 if reduced.start <= d < reduced.stop else n for d, n in enumerate(shape)]
    return [
        0 if reduced.start <= d < reduced.stop else stride
        for d, stride in enumerate(dense_strides(kept))
    ]


def needs_threads(instr):
    """Whether one thread would take much longer than several."""
    return instr.size > 8 * serial_limit(instr)


def write_nest(groups, instr, nest, count, call):
    """C lines for the calls of a function of turns of the outermost loop.

    count: the turns there are; call(first, end): the C of a call, of the nest's operands.
    """
    if instr.size <= serial_limit(instr) or count == 1:
        return [f"{call('0', str(count))};"]
    pointers = ["(char *)host", "0"]
    nest.sums, nest.outs, nest.ins = (
        passed(operands, pointers) for operands in (nest.sums, nest.outs, nest.ins)
    )
    unit = max(1, SHARED_UNIT * count // instr.size)
    task = TASK.format(n=count, unit=unit, call=f"{call('begin', 'end')};")
    cost = cost_of(instr, instr.size, len(instr.outs) + len(instr.ins))
    return in_parallel(pointers, count, unit, cost, "0, 0", groups.function(task))


def parameters(nest, extents, first, end):
    """What a function of turns `first` to `end` takes: its parameters, the arguments, and
    the sums, the other outputs and the inputs as it sees them.

    extents: {dim: its extent}, for the loops that do not end at `end`.
    """
    params = ["const mjx_native_host *host", "int64_t begin", "int64_t end"]
    args = ["host", first, end]
    for d, n in extents.items():
        params.append(f"int64_t n{d}")
        args.append(str(n))
    named = [
        [parameter(f"{letter}{k}", o, params, args) for k, o in enumerate(operands)]
        for letter, operands in (("s", nest.sums), ("o", nest.outs), ("a", nest.ins))
    ]
    return params, args, named

"""What a MAP_REDUCE is as loops: around the sums, over what is reduced, along the last dim.

`rows.py` and `lines.py` write such loops with the sums in registers.
"""

from cbackend.group_forms import are_apart, are_vectors, cost_of, serial_limit
from cbackend.groups import SHARED_UNIT, TASK, in_parallel, passed
from cbackend.places import (
    Operand,
    collapse,
    parameter,
    pointers,
    suffix_of,
)
from cbackend.program import dense_strides
from cbackend.sums import has_text, parts_text

# Of such a function the compiler must know that no pointer leads to its accumulators.
_IN_REGISTERS = "MJX_IN_REGISTERS static"
FEW_TURNS = 4  # of an outermost loop: too few to share it well


def is_plain(instr, relation):
    """Whether the elements become vector code, the sums have C, and all that is written
    lies apart from all that is read.
    """
    return (
        are_vectors(instr)
        and all(has_text(kind, suffix) for kind, suffix in kinds_of(instr))
        and are_apart(instr, relation)
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
    shared = ["(char *)host", "0"]
    nest.sums, nest.outs, nest.ins = (
        passed(operands, shared) for operands in (nest.sums, nest.outs, nest.ins)
    )
    unit = max(1, SHARED_UNIT * count // instr.size)
    task = TASK.format(n=count, unit=unit, call=f"{call('begin', 'end')};")
    cost = cost_of(instr, instr.size, len(instr.outs) + len(instr.ins))
    return in_parallel(shared, count, unit, cost, "0, 0", groups.function(task))


def is_cut(chunk, leaf, exact, is_enough):
    """Whether what is reduced is cut into parts that have sums of their own.

    chunk, leaf: elements, as the runtime cuts, 0 if it does not; is_enough: whether there
    is another loop that threads may share.
    """
    leaves = chunk // leaf
    is_one_tree = exact or leaves & (leaves - 1) == 0
    return chunk > 0 and not (is_one_tree and is_enough)


def write_parts(groups, instr, nest, part, chunk, take, call):
    """C lines for the sums of parts, and what they are together.

    part, chunk: elements of each; take(nbytes): a place for the time of the instruction;
    call: as of `write_nest`.
    """
    n_parts = -(-nest.reduced[0] // part)
    n = instr.extents[0] * instr.extents[2]
    outs, combined = nest.sums, []
    nest.sums = []
    for (kind, suffix), out, view in zip(
        kinds_of(instr), outs, instr.outs, strict=False
    ):
        sums = Operand(
            take(n_parts * n * view.dtype.itemsize), suffix, "0", out.strides
        )
        nest.sums.append(sums)
        args = [str(n_parts), str(n), *pointers(sums, out)]
        text = parts_text(kind, suffix, n_parts, chunk // part)
        combined.append(f"{groups.call(text, args)};")
    return [*write_nest(groups, instr, nest, n_parts, call), *combined]


def function_text(params, lines):
    """A function whose accumulators are to stay in registers, as `Groups.call` takes it."""
    head = f"{_IN_REGISTERS} void NAME({', '.join(params)}) {{\n  (void)host;"
    return "\n".join([head, *lines, "}\n"])


def lanes(n, lines):
    """Lines for each of `n` elements side by side, `l`, of which none reads another's."""
    return ['_Pragma("GCC ivdep")', f"for (int l = 0; l < {n}; l++) {{", *lines, "}"]


def loop_over_parts(part, n):
    """The heads of the loop over parts, `begin` to `end`, of C for `n` elements."""
    return [
        "for (int64_t k = begin; k < end; k++) {",
        f"int64_t first = k * {part};",
        f"int64_t last = first + {part} < {n} ? first + {part} : {n};",
    ]


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

"""Where operands' elements are, as C: places, strides, indices."""

from cbackend.program import SUFFIXES
from cbackend.scalars import STORED, TableRegister

APART, SAME, MIXED = range(3)  # how the elements of two views lie in memory
NO_TABLE, IN_VARIABLE, IN_MEMORY = range(3)


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
    """A view's place, its index of the first element (C text), and its strides.

    table: whether it is one, of which kernels pick elements themselves, and where: NO_TABLE,
    IN_VARIABLE or IN_MEMORY.
    """

    __slots__ = ("place", "start", "strides", "suffix", "table")

    def __init__(self, place, suffix, start, strides, table=NO_TABLE):
        self.place, self.suffix, self.start = place, suffix, start
        self.strides, self.table = list(strides), table


def suffix_of(view):
    """The name of a view's element type."""
    return SUFFIXES[view.dtype]


def collapse(shape, operands):
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


def index_of(operand, index):
    """The text of an element's index, from numbers."""
    distance = sum(i * s for i, s in zip(index, operand.strides, strict=True))
    if not distance:
        return operand.start
    if operand.start.lstrip("-").isdigit():
        return str(int(operand.start) + distance)
    return f"{operand.start} + {distance}"


def index_text(operand, ndim, place=0):
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


def parameter(name, operand, params, args):
    """The operand as a function sees it: strides other than 0, 1 and -1 are parameters."""
    strides = []
    for d, stride in enumerate(operand.strides):
        if stride not in (0, 1, -1):
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
    place = Place(name, operand.suffix)
    return Operand(place, operand.suffix, "0", strides, operand.table)


def pointers(*operands):
    """C pointers to operands' first elements."""
    return [o.place.pointer(o.suffix, o.start) for o in operands]


def loop(d, n, first="0"):
    """The head of the loop over dim `d`."""
    return f"for (int64_t i{d} = {first}; i{d} < {n}; i{d}++) {{"


def table_register(operand):
    """A table as kernels take it: a pointer to its elements."""
    pointer = operand.place.pointer(operand.suffix, operand.start)
    return TableRegister(f"({pointer})", operand.suffix, operand.table == IN_MEMORY)


def load(register, operand, at):
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

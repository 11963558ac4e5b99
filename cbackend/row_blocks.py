"""Short rows of a loop nest as blocks of one vector, so that no element is left to scalar code.

The last block of a row overlaps the one before it.  Where a group also writes what it reads,
that block's operands are copied before the row begins: it then makes the same elements again.
Truth values beside wider elements are widened, block by block: of bytes, compilers would make
vectors of a quarter of the width.
"""

from cbackend.places import index_text, loop
from cbackend.program import SUFFIXES
from cbackend.scalars import STORED

VECTOR_BYTES = 64  # of the widest vectors
MAX_BLOCKS = 64  # of such vectors in a row; beyond, what is left of it counts little
MAX_COPIED_BLOCKS = 8  # where the last block's operands are copied

# Of the numbers that kernels compute with: the parts of complex ones.
_ITEM_BYTES = {
    suffix: dtype.itemsize // (2 if dtype.kind == "c" else 1)
    for dtype, suffix in SUFFIXES.items()
}
_WIDENED = (4, 8)  # bytes of elements beside which bytes are widened


def lanes_of(n, operands, repeatable):
    """How many elements a block has, of rows of n; None where there are to be none.

    repeatable: whether an element may be made twice, as nothing that is written is read.
    """
    if any(operand.strides[-1] not in (0, 1) for operand in operands):
        return None
    full = VECTOR_BYTES // max(_ITEM_BYTES[operand.suffix] for operand in operands)
    lanes = min(full, 1 << (n.bit_length() - 1))
    most = MAX_BLOCKS if repeatable or not n % lanes else MAX_COPIED_BLOCKS
    return lanes if n <= most * full else None


class RowBlocks:
    """The operands of one loop nest in blocks, and the nest."""

    used = True

    def __init__(self, scalars, extents, lanes, copied, operands):
        self.scalars, self.extents, self.lanes = scalars, extents, lanes
        self.copied = copied
        self.widest = max(_ITEM_BYTES[operand.suffix] for operand in operands)
        self._row, self._before, self._in, self._after = [], [], [], []

    def load(self, register, operand):
        """Let a register be an element of a block; False: it is to be loaded."""
        if operand.table or operand.place is None or operand.strides[-1] != 1:
            return False
        stored, name = STORED[operand.suffix], f"p{len(self._in)}"
        row = operand.place.pointer(operand.suffix, self._at(operand))
        start = f"{row} + first"
        if self.copied:
            n, lanes = self.extents[-1], self.lanes
            self._row += [
                f"{stored} last_{name}[{lanes}];",
                f"__builtin_memcpy(last_{name}, {row} + {n} - {lanes}, sizeof last_{name});",
            ]
            start = f"b + {lanes} < {n} ? {start} : last_{name}"
        self._before.append(f"{stored} *{name} = {start};")
        element = f"{name}[k]"
        if self._is_widened(operand):
            bits = 8 * self.widest
            self._before += [
                f"int{bits}_t wide_{name}[{self.lanes}];",
                f"mjx_widen_{self.lanes}_{bits}(wide_{name}, {name});",
            ]
            element = f"wide_{name}[k] != 0"
        self._in.append(f"{stored} {register.name} = {element};")
        return True

    def store(self, register, operand):
        """The line that stores a register; None: as an element of the operand."""
        if operand.strides[-1] != 1 or not self._is_widened(operand):
            return None
        name, bits = f"wide_q{len(self._after)}", 8 * self.widest
        to = operand.place.pointer(operand.suffix, self._at(operand))
        self._before.append(f"int{bits}_t {name}[{self.lanes}];")
        self._after.append(f"mjx_narrow_{self.lanes}_{bits}({to} + first, {name});")
        return f"{name}[k] = {register.name};"

    def loops(self, fixed, body):
        """The nest: `fixed` lines before the innermost loop, `body` in it."""
        d, n, lanes = len(self.extents) - 1, self.extents[-1], self.lanes
        outer = [loop(k, extent) for k, extent in enumerate(self.extents[:-1])]
        return [
            *outer,
            *fixed,
            *self._row,
            f"for (int64_t b = 0; b < {n}; b += {lanes}) {{",
            f"int64_t first = b + {lanes} < {n} ? b : {n} - {lanes};",
            *self._before,
            '_Pragma("GCC ivdep")',
            f"for (int64_t k = 0; k < {lanes}; k++) {{",
            f"int64_t i{d} = first + k; (void)i{d};",
            *self._in,
            *body,
            "}",
            *self._after,
            *["}"] * (1 + len(outer)),
        ]

    def _at(self, operand):
        """The index of a row's first element."""
        return index_text(operand, len(self.extents) - 1)

    def _is_widened(self, operand):
        widened = operand.suffix == "b1" and self.widest in _WIDENED
        if widened:
            self.scalars.use("byte_lanes.h")
        return widened

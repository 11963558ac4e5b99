"""Program: what the C runtime runs.  Typed buffers, strided views of them, and
instructions.

A `Module` is a list of programs: the first is the main one, the others are the bodies
and branches of its control flow.  Layout changes (broadcast, transpose, slice, reverse)
are views and cost nothing.
"""

import math

import ml_dtypes
import numpy as np

from cbackend.status import ProgramError

# numpy dtype -> the runtime's code, in the order of `enum mjx_dtype`
DTYPES = [
    np.dtype(t)
    for t in (
        np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16,
        np.uint32, np.uint64, np.float16, ml_dtypes.bfloat16, np.float32,
        np.float64, np.complex64, np.complex128,
    )
]  # fmt: skip
CODES = {dtype: code for code, dtype in enumerate(DTYPES)}
SUFFIXES = dict(
    zip(
        DTYPES,
        [
            "b1",
            "i8",
            "i16",
            "i32",
            "i64",
            "u8",
            "u16",
            "u32",
            "u64",
            "f16",
            "bf16",
            "f32",
            "f64",
            "c64",
            "c128",
        ],
        strict=True,
    )
)

ARENA, INPUT, OUTPUT, CONST = range(4)  # enum mjx_space

FEW_PRODUCTS = 128  # multiplications; with more, vectors along a row are faster


class Buffer:
    """`size` elements of `dtype` in one of the spaces.

    `where` is a byte offset (ARENA, CONST) or an index (INPUT, OUTPUT).
    """

    __slots__ = ("dtype", "size", "space", "where")

    def __init__(self, dtype, size, space=ARENA, where=0):
        self.dtype, self.size, self.space, self.where = dtype, size, space, where

    @property
    def nbytes(self):
        """The buffer's size in bytes."""
        return self.size * self.dtype.itemsize

    def __repr__(self):
        return f"{'aioc'[self.space]}{self.where}:{SUFFIXES[self.dtype]}[{self.size}]"


def small_dots(instr):
    """How many products of a few numbers each a DOT is; 0 where it is none of those."""
    a, b = instr.ins
    batch, *sizes = [*a.shape, b.shape[-1]]
    products = math.prod(sizes)
    small = len(a.shape) == 3 and 0 < products <= FEW_PRODUCTS < batch * products
    return batch if small else 0


def dense_strides(shape):
    """Row-major strides, in elements."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def new_view(shape, dtype):
    """All of a new buffer, row-major."""
    strides, size = [], 1
    for n in reversed(shape):
        strides.append(size)
        size *= n
    strides.reverse()
    return View(Buffer(dtype, size), dtype, shape, tuple(strides))


class View:
    """Elements of a buffer: at index i, `offset + sum(strides * i)`.

    With `buffer` None it is an affine index view: that number itself, as an element of
    `dtype`.
    """

    __slots__ = ("buffer", "dtype", "shape", "strides", "offset")

    def __init__(self, buffer, dtype, shape, strides, offset=0):
        self.buffer, self.dtype = buffer, dtype
        self.shape, self.strides, self.offset = shape, strides, offset

    def _with(self, shape, strides, offset=None):
        offset = self.offset if offset is None else offset
        return type(self)(self.buffer, self.dtype, tuple(shape), tuple(strides), offset)

    @property
    def size(self):
        """The number of elements."""
        return math.prod(self.shape)

    def same(self, other):
        """Whether both views are of the very same elements in the same order."""
        return (
            self.buffer is other.buffer
            and self.offset == other.offset
            and self.shape == other.shape
            and self.strides == other.strides
            and type(self) is type(other)
        )

    def walk(self):
        """How the elements lie: the dtype, and extents and strides but those of 1."""
        extents = zip(self.shape, self.strides, strict=True)
        return self.dtype, *[(n, stride) for n, stride in extents if n != 1]

    def is_dense(self):
        """Whether the elements lie row-major and without gaps."""
        return self.buffer is not None and self._dense_size() is not None

    def is_whole(self):
        """Whether this is all of its buffer, row-major."""
        buffer = self.buffer
        if buffer is None or self.offset:
            return False
        return self._dense_size() == buffer.size

    def _dense_size(self):
        """How many elements these are if they lie row-major without gaps, else None."""
        step = 1
        for n, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if n != 1 and stride != step:
                return None if self.size else 0
            step *= n
        return step

    def transpose(self, permutation):
        """Axes in another order."""
        return self._with(
            [self.shape[p] for p in permutation], [self.strides[p] for p in permutation]
        )

    def broadcast(self, shape, dims):
        """Axis k becomes axis dims[k] of `shape`; sizes 1 and new axes repeat."""
        strides = [0] * len(shape)
        for axis, n, stride in zip(dims, self.shape, self.strides, strict=True):
            if n == shape[axis]:
                strides[axis] = stride
            elif n != 1:
                raise ProgramError(f"cannot broadcast {self.shape} to {shape}")
        return self._with(shape, strides)

    def broadcast_to(self, shape):
        """Stretch rank 0, or sizes 1 of equal rank, to `shape`."""
        if self.shape == shape:
            return self
        return self.broadcast(shape, range(len(shape)) if self.shape else ())

    def slice(self, starts, limits, steps=None):
        """The elements starts[k] : limits[k] : steps[k] of each axis."""
        steps = steps or (1,) * len(self.shape)
        offset = self.offset
        for start, stride in zip(starts, self.strides, strict=True):
            offset += start * stride
        shape = [
            max(0, -(-(stop - start) // step))
            for start, stop, step in zip(starts, limits, steps, strict=True)
        ]
        strides = [s * k for s, k in zip(self.strides, steps, strict=True)]
        return self._with(shape, strides, offset if all(shape) else self.offset)

    def reverse(self, dims):
        """The axes in `dims` backwards."""
        offset, strides = self.offset, list(self.strides)
        for d in dims:
            if self.shape[d]:
                offset += (self.shape[d] - 1) * strides[d]
            strides[d] = -strides[d]
        return self._with(self.shape, strides, offset)

    def squeeze(self, dims):
        """Without the axes `dims`, each of size 1."""
        kept = [d for d in range(len(self.shape)) if d not in dims]
        return self._with(
            [self.shape[d] for d in kept], [self.strides[d] for d in kept]
        )

    def reinterpret(self, dtype):
        """The same bytes as elements of another dtype of the same size."""
        dtype = np.dtype(dtype)
        if dtype.itemsize != self.dtype.itemsize:
            raise ProgramError(f"cannot reinterpret {self.dtype} as {dtype}")
        return View(self.buffer, dtype, self.shape, self.strides, self.offset)

    def reshape(self, shape):
        """The view with other extents in the same row-major order, or None if strides
        forbid.

        Old axes are grouped until a group's size equals that of a group of new ones; a
        group of old axes must be mergeable into one stride.
        """
        shape = tuple(shape)
        if shape == self.shape:
            return self
        if not self.size:
            return self._with(shape, dense_strides(shape))
        old = [(n, s) for n, s in zip(self.shape, self.strides, strict=True) if n != 1]
        strides = [0] * len(shape)
        new = [k for k, n in enumerate(shape) if n != 1]
        i = j = 0
        while j < len(new):
            n_old, n_new, first, first_old = old[i][0], shape[new[j]], j, i
            i, j = i + 1, j + 1
            while n_old != n_new:
                if n_old < n_new:
                    n_old, i = n_old * old[i][0], i + 1
                else:
                    n_new, j = n_new * shape[new[j]], j + 1
            for k in range(first_old, i - 1):
                if old[k][1] != old[k + 1][1] * old[k + 1][0]:
                    return None
            step = old[i - 1][1]
            for k in range(j - 1, first - 1, -1):
                strides[new[k]] = step
                step *= shape[new[k]]
        return self._with(shape, strides)

    def __repr__(self):
        where = "index" if self.buffer is None else repr(self.buffer)
        return f"{where}+{self.offset}{list(self.shape)}/{list(self.strides)}"


class Table(View):
    """What the kernels `take_x..` pick from: all elements from `offset` on to the end of the
    buffer, the same at every index of a group (all strides are 0).
    """

    __slots__ = ()

    def is_whole(self):
        """Never: no element of it belongs to an index."""
        return False

    @property
    def room(self):
        """The number of elements to pick from."""
        return self.buffer.size - self.offset


class Instr:
    """`outs = op[params](ins)`, on views; `source` is the user's line."""

    __slots__ = ("op", "outs", "ins", "params", "source")

    def __init__(self, op, outs, ins, params, source=None):
        self.op, self.outs, self.ins = op, outs, ins
        self.params, self.source = params, source

    def __repr__(self):
        return f"{self.outs} = {self.op}{self.params} {self.ins}"


class Micro:
    """One kernel of an elementwise group: its number, and the registers it reads and
    makes.
    """

    __slots__ = ("kernel", "sources", "results")

    def __init__(self, kernel, sources, results):
        self.kernel, self.sources, self.results = kernel, sources, results


FEW_INTERLEAVED = 4  # elements
ENOUGH_SHUFFLED = 16  # ENOUGH of copy.c
ENOUGH_REVERSED = 64  # that pay for its call, where a compiler may write it in place


# What is quicker by a constant: a product in its place, or a shift of all elements alike.
_BY_CONSTANTS = ("div_", "rem_", "shift_")


class Ewise(Instr):
    """A fused group of elementwise kernels over one iteration shape.

    Registers are any hashable values: `in_regs` name the inputs, `out_regs` what each
    output stores.
    """

    __slots__ = ("in_regs", "micros", "out_regs")

    def __init__(self, outs, ins, in_regs, micros, out_regs, source=None):
        super().__init__("EWISE", outs, ins, None, source)
        self.in_regs, self.micros, self.out_regs = in_regs, micros, out_regs

    @property
    def shape(self):
        """The iteration shape."""
        return self.outs[0].shape

    @property
    def size(self):
        """The number of elements of the iteration shape."""
        return math.prod(self.shape)

    def is_shuffling(self):
        """Whether this is a copy that takes every few elements of memory, few at once, or
        one after the other backwards; False where the runtime has shuffles for that (copy.c).
        """
        if type(self) is not Ewise or self.micros or not self.ins:
            return False
        dims = [d for d, n in enumerate(self.shape) if n > 1]
        if not dims or self._has_shuffles(dims):
            return False
        steps = [view.strides[dims[-1]] for view in (*self.outs, *self.ins)]
        few = self.shape[dims[-1]] <= FEW_INTERLEAVED
        return few or any(s == -1 or 1 < abs(s) <= FEW_INTERLEAVED for s in steps)

    def _has_shuffles(self, dims):
        """Whether copy.c goes over such elements by shuffles: its `shuffle_line` and
        `shuffle_rows`; dims: those of more than one element.
        """
        if (
            len(self.outs) != 1
            or len(self.ins) != 1
            or self.outs[0].strides[dims[-1]] != 1
        ):
            return False
        to, source, n = self.outs[0], self.ins[0], self.shape[dims[-1]]
        step, size = source.strides[dims[-1]], to.dtype.itemsize
        if size > 8 or n >= ENOUGH_SHUFFLED or len(dims) < 2:
            long = size <= 8 and n >= ENOUGH_SHUFFLED
            reversed_ = step == -1 and n >= ENOUGH_REVERSED
            return long and (reversed_ or 1 < step <= FEW_INTERLEAVED)
        rows, line = self.shape[dims[-2]], source.strides[dims[-2]]
        if n > FEW_INTERLEAVED or rows < ENOUGH_SHUFFLED or to.strides[dims[-2]] != n:
            return False
        return line == 1 or (abs(step) == 1 and abs(line) == n and n * size <= 8)

    def by_constants(self):
        """How many kernels divide or shift by an integer constant, which only a compiler
        knows.
        """
        constants = {
            reg
            for reg, view in zip(self.in_regs, self.ins, strict=True)
            if view.buffer is not None
            and view.buffer.space == CONST
            and view.dtype.kind in "iu"
            and not any(view.strides)
        }
        return sum(
            micro.kernel.name.startswith(_BY_CONSTANTS)
            and micro.sources[1] in constants
            for micro in self.micros
        )

    def __repr__(self):
        kernels = " ".join(micro.kernel.name for micro in self.micros) or "copy"
        return f"{self.outs} = EWISE[{kernels}] {self.ins}"


class MapReduce(Ewise):
    """A group some of whose values are reduced as they come, and not stored.

    The first `len(kinds)` outputs are the reductions, [outer, inner]; `extents` is how
    the iteration shape is taken: [outer, n, inner], reduced along n.
    """

    __slots__ = ("kinds", "extents")

    def __init__(self, group, kinds, extents):
        super().__init__(group.outs, group.ins, group.in_regs, group.micros,
                         group.out_regs, group.source)  # fmt: skip
        self.op, self.kinds, self.extents = "MAP_REDUCE", kinds, extents

    @property
    def shape(self):
        """The iteration shape."""
        return self.ins[0].shape

    def __repr__(self):
        how = f"{self.kinds} of {list(self.extents)}"
        return super().__repr__().replace("EWISE[", f"MAP_REDUCE[{how}: ", 1)


class DotMap(Instr):
    """A matrix product, and a group on its elements as they come, which are not stored.

    `group`'s first input is the product, [rows, columns] as the iteration shape; `ins` are
    the product's two operands, then the group's others.
    """

    __slots__ = ("group",)

    def __init__(self, product, group):
        ins = [*product.ins, *group.ins[1:]]
        super().__init__("DOT_MAP", group.outs, ins, None, product.source)
        self.group = group

    @property
    def micros(self):
        """The group's kernels."""
        return self.group.micros

    def __repr__(self):
        kernels = " ".join(micro.kernel.name for micro in self.micros)
        return f"{self.outs} = DOT_MAP[{kernels}] {self.ins}"


class Program:
    """Instructions over buffers, in order."""

    __slots__ = ("inputs", "outputs", "instrs", "arena_bytes")

    def __init__(self):
        self.inputs, self.outputs, self.instrs = [], [], []
        self.arena_bytes = 0

    def __repr__(self):
        lines = [f"program {self.inputs} -> {self.outputs} arena {self.arena_bytes}"]
        return "\n".join(lines + [f"  {instr}" for instr in self.instrs])


class Module:
    """Programs (the first is the main one) and the constants they share."""

    __slots__ = ("programs", "consts", "const_bytes", "kept_alive", "_known")

    def __init__(self):
        self.programs = []
        self.kept_alive = []  # callbacks, and what lowering rules ask to keep
        self.consts = []  # (byte offset, array)
        self.const_bytes = 0
        self._known = {}

    def constant(self, array):
        """A buffer that holds the array's elements; equal small constants share one."""
        array = np.ascontiguousarray(array)
        key = (
            array.dtype,
            array.size,
            array.tobytes() if array.size <= 16 else id(array),
        )
        known = self._known.get(key)
        if known is None:
            offset = -(-self.const_bytes // 64) * 64
            self.consts.append((offset, array))
            self.const_bytes = offset + array.nbytes
            known = Buffer(array.dtype, array.size, CONST, offset)
            self._known[key] = known
        return known

    def __repr__(self):
        return "\n".join(map(repr, self.programs))

    def const_blob(self):
        """All constants as one array of bytes."""
        blob = np.zeros(self.const_bytes, np.uint8)
        for offset, array in self.consts:
            blob[offset : offset + array.nbytes] = array.reshape(-1).view(np.uint8)
        return blob

"""What the ops of linear algebra share.

A matrix is the last two dimensions of an operand, a vector the last; what stands before
is a batch. The runtime calls LAPACK, whose matrices are column-major, so that operands
and results change hands as transposed views.
"""

import math
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax.core import ShapedArray
from minijax.ops.arithmetic import add, div
from minijax.ops.comparison import eq, ge, lt
from minijax.ops.complex_parts import conj
from minijax.ops.convert import convert_element_type
from minijax.ops.define import (
    COMPLEX,
    FLOAT,
    INEXACT,
    NOT_LINEAR,
    accepts,
    batch_front,
    define,
    dtype_of,
    expand,
    full,
    no_derivative,
    scalar,
    shape_of,
)
from minijax.ops.dot import Precision, dot_general
from minijax.ops.gather import GatherDimensionNumbers, GatherScatterMode, gather
from minijax.ops.joining import concatenate
from minijax.ops.select import select
from minijax.ops.shape import (
    broadcast_in_dim,
    broadcasted_iota,
    full_like,
    iota,
    transpose,
)
from minijax.ops.slicing import slice as static_slice

_LAPACK = {np.dtype(c) for c in "fdFD"}

# --- pieces of rules ------------------------------------------------------------------


def is_complex(x):
    """Whether an array or tracer is complex."""
    return accepts(COMPLEX, dtype_of(x))


def swap(x):
    """The transposes of the matrices of `x`."""
    rank = len(shape_of(x))
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def adjoint(x):
    """The conjugate transposes of the matrices of `x`."""
    return conj(swap(x)) if is_complex(x) else swap(x)


def symmetrize(x):
    """(x + its adjoint) / 2, in a floating dtype."""
    x = add(x, adjoint(x))
    if not accepts(INEXACT, dtype_of(x)):
        x = convert_element_type(x, dtypes.canonicalize_dtype(float))
    return div(x, full(core.get_aval(x).update(shape=()), 2))


def matmul(x, y, precision: Any = Precision.HIGHEST, preferred=None):
    """Products of matrices with equal batch dimensions."""
    rank = len(shape_of(x))
    batch = tuple(range(rank - 2))
    numbers = (((rank - 1,), (rank - 2,)), (batch, batch))
    return dot_general(x, y, numbers, precision, preferred)


def lower_mask(shape, offset):
    """True where column <= row + offset, for matrices of an array of `shape`."""
    rows = add(broadcasted_iota(np.int32, shape[-2:], 0), np.int32(offset))
    mask = ge(rows, broadcasted_iota(np.int32, shape[-2:], 1))
    return spread(mask, shape)


def spread(matrix, shape):
    """One matrix for the whole batch of an array of `shape`."""
    rank = len(shape)
    if rank == 2:
        return matrix
    return broadcast_in_dim(matrix, shape, (rank - 2, rank - 1))


def tril(x, offset=0):
    """`x` with zeros above a diagonal."""
    mask = lower_mask(shape_of(x), offset)
    return select(mask, x, full_like(x, 0))


def triu(x, offset=0):
    """`x` with zeros below a diagonal."""
    mask = lower_mask(shape_of(x), offset - 1)
    return select(mask, full_like(x, 0), x)


def eye(n, dtype):
    """The identity matrix."""
    rows = add(broadcasted_iota(np.int32, (n, n), 0), np.int32(0))
    return convert_element_type(eq(rows, broadcasted_iota(np.int32, (n, n), 1)), dtype)


def part(x, axis, start, stop):
    """The places start .. stop of one axis, counted from the end (-1 or -2)."""
    shape = shape_of(x)
    starts, limits = [0] * len(shape), list(shape)
    starts[axis], limits[axis] = start, stop
    return static_slice(x, tuple(starts), tuple(limits))


def to_rank(x, rank):
    """`x` with leading axes of size 1."""
    return expand(x, tuple(range(rank - len(shape_of(x)))))


def wrapped(indices, n):
    """Indices that count from the end made to count from the start."""
    return select(
        lt(indices, np.int32(0)), add(indices, scalar(np.dtype(np.int32), n)), indices
    )


def diagonal_indices(places):
    """The places (i, i) for i in `places`, 0 .. n-1, as index vectors."""
    n = shape_of(places)[0]
    pair = [expand(x, (1,)) for x in (wrapped(places, n), wrapped(places, n))]
    return concatenate(pair, 1)


def diagonal(x):
    """The diagonals of square matrices."""
    *lead, n, _ = shape_of(x)
    k = len(lead)
    numbers = GatherDimensionNumbers(tuple(range(k)), (k, k + 1), (k, k + 1))
    return gather(
        x,
        diagonal_indices(iota(np.int32, n)),
        numbers,
        (*lead, 1, 1),
        mode=GatherScatterMode.PROMISE_IN_BOUNDS,
    )


def take_rows(x, rows):
    """The rows of each matrix in the order that its vector of `rows` gives."""
    *lead, m, n = shape_of(x)
    k = len(lead)
    batch = tuple(range(k))
    numbers = GatherDimensionNumbers((k + 1,), (k,), (k,), batch, batch)
    return gather(
        x,
        expand(wrapped(rows, m), (k + 1,)),
        numbers,
        (*[1] * k, 1, n),
        mode=GatherScatterMode.PROMISE_IN_BOUNDS,
    )


def take_columns(x, columns):
    """The columns of each matrix in the order that its vector of `columns` gives."""
    *lead, m, n = shape_of(x)
    k = len(lead)
    batch = tuple(range(k))
    numbers = GatherDimensionNumbers((k,), (k + 1,), (k + 1,), batch, batch)
    return gather(
        x,
        expand(wrapped(columns, n), (k + 1,)),
        numbers,
        (*[1] * k, m, 1),
        mode=GatherScatterMode.PROMISE_IN_BOUNDS,
    )


# --- pieces of definitions ------------------------------------------------------------


def check_operands(name, avals, ranks, kinds=INEXACT):
    """TypeError unless the operands are floating, of enough dimensions, of one batch."""
    accepted = "floating" if kinds is FLOAT else "floating, complexfloating"
    for k, (aval, rank) in enumerate(zip(avals, ranks, strict=True)):
        if not accepts(kinds, aval.dtype):
            raise TypeError(
                f"{name} does not accept dtype {aval.dtype} at position {k}. Accepted "
                f"dtypes at position {k} are subtypes of {accepted}."
            )
        if aval.ndim < rank:
            raise TypeError(
                f"Input {k} to {name} must have rank at least {rank}, but got "
                f"shape={aval.shape}"
            )
    check_one_dtype(name, avals)
    check_batch(name, avals, ranks)


def check_one_dtype(name, avals):
    """TypeError unless all operands have the same dtype."""
    if any(aval.dtype != avals[0].dtype for aval in avals):
        got = ", ".join(aval.dtype.name for aval in avals)
        raise TypeError(
            f"lax.{name} requires arguments to have the same dtypes, got {got}."
        )


def check_batch(name, avals, ranks):
    """TypeError unless all operands have the same batch dimensions."""
    leads = [a.shape[: a.ndim - r] for a, r in zip(avals, ranks, strict=True)]
    if any(lead != leads[0] for lead in leads):
        raise TypeError(
            f"All inputs to {name} must have the same batch dimensions, but got {leads}"
        )


def check_square(message, aval):
    """ValueError(message) unless the matrices are square."""
    if aval.shape[-1] != aval.shape[-2]:
        raise ValueError(f"{message}. Got shape {aval.shape[-2:]}.")


def batch_of(primitive):
    """The batch rule of all ops here: the new dimension leads the batch."""

    def batch(axis, args, dims, **params):
        args = [batch_front(axis, x, d) for x, d in zip(args, dims, strict=True)]
        out = primitive().bind(*args, **params)
        return out, [0] * len(out) if primitive().multiple_results else 0

    return batch


def weak_of_weak(shape):
    """The shape rule with outputs, whatever their dtype, weakly typed where all operands
    are."""

    def rule(*avals, **params):
        outs = shape(*avals, **params)
        if not all(aval.weak_type for aval in avals):
            return outs
        if isinstance(outs, ShapedArray):
            return outs.update(weak_type=True)
        return [aval.update(weak_type=True) for aval in outs]

    return rule


def define_routine(name, *, multiple_results=False, shape, reference, lower):
    """A primitive that JAX does not differentiate either: the slots that vary."""
    primitive = define(
        name,
        multiple_results=multiple_results,
        shape=weak_of_weak(shape),
        reference=reference,
        jvp=no_derivative(name),
        transpose=NOT_LINEAR,
        batch=batch_of(lambda: primitive),
        lower=lower,
    )
    return primitive


def each_matrix(*ranks):
    """Make a NumPy function of single matrices (or vectors) one of batches.

    It returns a list, and gets operands of these ranks.  There must be at least one.
    """

    def decorate(fun):
        def over_batch(*args, **params):
            lead = args[0].shape[: args[0].ndim - ranks[0]]
            n = math.prod(lead)
            flat = [
                x.reshape(n, *x.shape[x.ndim - r :])
                for x, r in zip(args, ranks, strict=True)
            ]
            rows = [fun(*items, **params) for items in zip(*flat, strict=True)]
            return [
                np.stack(outs).reshape(*lead, *np.shape(outs[0]))
                for outs in zip(*rows, strict=True)
            ]

        return over_batch

    return decorate


def single(reference):
    """The only result of a function that returns a list."""
    return lambda *args, **params: reference(*args, **params)[0]


def not_finite(*like):
    """Arrays of NaN in place of what could not be computed."""
    return [
        np.full_like(x, complex(np.nan, np.nan) if x.dtype.kind == "c" else np.nan)
        for x in like
    ]


def check_lapack(b, dtype):
    """NotImplementedError for dtypes that LAPACK has not."""
    if dtype not in _LAPACK:
        raise b.unsupported(f"Unsupported dtype {dtype}.")


def columns(b, view):
    """Matrices as LAPACK's instructions take them: [batch, columns, rows]."""
    *lead, m, n = view.shape
    return b.reshape(view, (math.prod(lead), m, n)).transpose((0, 2, 1))


def vectors(b, view):
    """Vectors as LAPACK's instructions take them: [batch, n]."""
    *lead, n = view.shape
    return b.reshape(view, (math.prod(lead), n))


def column_major(aval):
    """The result of an instruction that holds matrices of `aval`: (shape, dtype)."""
    *lead, m, n = aval.shape
    return (math.prod(lead), n, m), aval.dtype


def flat_vectors(aval):
    """The result of an instruction that holds vectors of `aval`: (shape, dtype)."""
    *lead, n = aval.shape
    return (math.prod(lead), n), aval.dtype


def lapack(b, op, ins, out_avals, ranks, params=()):
    """Run an instruction on [batch, ...] views; its results as views of `out_avals`."""
    outs = [
        column_major(aval) if rank == 2 else flat_vectors(aval)
        for aval, rank in zip(out_avals, ranks, strict=True)
    ]
    views = b.instr(op, ins, outs, params)
    return [
        b.reshape(view.transpose((0, 2, 1)) if rank == 2 else view, aval.shape)
        for view, aval, rank in zip(views, out_avals, ranks, strict=True)
    ]


def lapack_of_matrices(b, op, x, out_avals, ranks, params=()):
    """`lapack` on the matrices of one view; zeros where they have no elements."""
    if not out_avals[0].size:
        return [b.full(aval, 0) for aval in out_avals]
    return lapack(b, op, [columns(b, x)], out_avals, ranks, params)

"""Linear algebra: what its ops share, `cholesky`, `triangular_solve` and
`symmetric_product`.

A matrix is the last two dimensions of an operand, a vector the last; what stands before
is a batch. The runtime calls LAPACK, whose matrices are column-major, so that operands
and results change hands as transposed views.
"""

import math
from typing import Any

import numpy as np

from minijax import dtypes
from minijax.core import ShapedArray, Zero, is_undefined_primal
from minijax.ops.arithmetic import add, div, neg
from minijax.ops.comparison import eq, ge, lt
from minijax.ops.complex_parts import conj
from minijax.ops.convert import convert_element_type
from minijax.ops.define import (
    COMPLEX,
    FLOAT,
    INEXACT,
    NOT_LINEAR,
    accepts,
    add_tangents,
    batch_front,
    constant_like,
    define,
    dtype_of,
    expand,
    move_axis,
    no_derivative,
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
    reshape,
    squeeze,
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
    return div(x, constant_like(2, x))


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
    return select(lt(indices, np.int32(0)), add(indices, np.int32(n)), indices)


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


def define_routine(name, *, multiple_results=False, shape, reference, lower):
    """A primitive that JAX does not differentiate either: the slots that vary."""
    primitive = define(
        name,
        multiple_results=multiple_results,
        shape=shape,
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


# --- cholesky -------------------------------------------------------------------------


def cholesky(x, *, symmetrize_input=True):
    """The lower triangular L with L L^H = x, for Hermitian positive definite x [..., n,
    n].

    symmetrize_input: take (x + x^H) / 2; otherwise the lower triangle is read. A matrix
    that is not positive definite gives NaN.
    """
    if symmetrize_input:
        x = symmetrize(x)
    return tril(cholesky_p.bind(x))


def _cholesky_shape(x):
    check_operands("cholesky", [x], [2])
    check_square("The input to cholesky must be a square matrix", x)
    return ShapedArray(x.shape, x.dtype)


@single
@each_matrix(2)
def _cholesky_reference(x):
    lower = np.tril(x)
    whole = lower + np.conj(np.tril(x, -1)).T
    try:
        return [np.linalg.cholesky(whole) + np.triu(x, 1)]
    except np.linalg.LinAlgError:
        return not_finite(x)


def _cholesky_jvp(primals, tangents):
    """L' = L phi(L^-1 A' L^-H), phi the lower triangle with half the diagonal.

    Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527, eq. 8.
    """
    (x,), (t,) = primals, tangents
    ans = tril(cholesky_p.bind(x))
    if type(t) is Zero:
        return ans, t
    right = triangular_solve(
        ans, t, left_side=False, transpose_a=True, conjugate_a=True, lower=True
    )
    both = triangular_solve(
        ans, right, left_side=True, transpose_a=False, conjugate_a=False, lower=True
    )
    low = tril(both)
    halves = add(constant_like(1, both), eye(shape_of(x)[-1], dtype_of(x)))
    return ans, matmul(ans, div(low, to_rank(halves, len(shape_of(x)))))


def _cholesky_lower(b, ins, out_avals):
    (aval,) = out_avals
    check_lapack(b, aval.dtype)
    if not aval.size:
        return [b.full(aval, 0)]
    return lapack(b, "CHOLESKY", [columns(b, ins[0])], out_avals, [2])


cholesky_p = define(
    "cholesky",
    shape=_cholesky_shape,
    reference=_cholesky_reference,
    jvp=_cholesky_jvp,
    transpose=NOT_LINEAR,
    batch=batch_of(lambda: cholesky_p),
    lower=_cholesky_lower,
)

# --- triangular_solve -----------------------------------------------------------------


def triangular_solve(
    a,
    b,
    *,
    left_side=False,
    lower=False,
    transpose_a=False,
    conjugate_a=False,
    unit_diagonal=False,
):
    """The x with op(a) x = b (left_side) or x op(a) = b, for triangular a [..., n, n].

    Args:
        a: only its upper triangle is read, or its lower one (`lower`).
        b: [..., n, k] (left_side) or [..., k, n]; or vectors, [..., n].
        transpose_a, conjugate_a: op transposes, conjugates.
        unit_diagonal: take the diagonal of `a` to be ones.
    """
    conjugate_a = conjugate_a and is_complex(a)
    is_vector = len(shape_of(b)) == len(shape_of(a)) - 1
    axis = len(shape_of(b)) if left_side else len(shape_of(b)) - 1
    if is_vector:
        b = expand(b, (axis,))
    out = triangular_solve_p.bind(
        a,
        b,
        left_side=left_side,
        lower=lower,
        transpose_a=transpose_a,
        conjugate_a=conjugate_a,
        unit_diagonal=unit_diagonal,
    )
    return squeeze(out, (axis,)) if is_vector else out


def _triangular_solve_shape(a, b, *, left_side, **_):
    check_operands("triangular_solve", [a, b], [2, 2])
    check_square("The first input to triangular_solve must be a square matrix", a)
    if a.shape[-1] != b.shape[-2 if left_side else -1]:
        raise ValueError(
            f"Incompatible shapes for arguments to triangular_solve: {a.shape[-2:]} and "
            f"{b.shape[-2:]}."
        )
    return ShapedArray(b.shape, b.dtype)


def _operator(a, lower, transpose_a, conjugate_a, unit_diagonal):
    a = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        a = a - np.diag(np.diag(a)) + np.eye(len(a), dtype=a.dtype)
    a = np.conj(a) if conjugate_a else a
    return a.T if transpose_a else a


@single
@each_matrix(2, 2)
def _triangular_solve_reference(
    a, b, *, left_side, lower, transpose_a, conjugate_a, unit_diagonal
):
    a = _operator(a, lower, transpose_a, conjugate_a, unit_diagonal)
    if not left_side:
        a, b = a.T, b.T
    x = np.zeros_like(b)
    n = len(a)
    with np.errstate(all="ignore"):
        for i in (
            reversed(range(n)) if lower == (transpose_a == left_side) else range(n)
        ):
            x[i] = (b[i] - a[i] @ x) / a[i, i]
    return [x if left_side else x.T]


def _triangular_solve_jvp(primals, tangents, **params):
    """x' = op(a)^-1 (b' - op(a') x); the product is made on the smaller side."""
    (a, b), (t_a, t_b) = primals, tangents
    ans = triangular_solve_p.bind(a, b, **params)
    total = Zero.of(ans)
    if type(t_a) is not Zero:
        total = _solve_jvp_a(t_a, ans, a, **params)
    if type(t_b) is not Zero:
        total = add_tangents(total, triangular_solve_p.bind(a, t_b, **params))
    return ans, total


def _solve_jvp_a(
    t, ans, a, *, left_side, lower, transpose_a, conjugate_a, unit_diagonal
):
    def solve(y):
        return triangular_solve_p.bind(
            a, y, left_side=left_side, lower=lower, transpose_a=transpose_a,
            conjugate_a=conjugate_a, unit_diagonal=unit_diagonal,
        )  # fmt: skip

    m, n = shape_of(ans)[-2:]
    offset = 1 if unit_diagonal else 0
    t = neg(tril(t, -offset) if lower else triu(t, offset))
    t = swap(t) if transpose_a else t
    t = conj(t) if conjugate_a else t
    if left_side:
        return solve(matmul(t, ans)) if m > n else matmul(solve(t), ans)
    return solve(matmul(ans, t)) if m < n else matmul(ans, solve(t))


def _triangular_solve_transpose(ct, a, b, *, transpose_a, **params):
    assert not is_undefined_primal(a) and is_undefined_primal(b)
    out = triangular_solve_p.bind(a, ct, transpose_a=not transpose_a, **params)
    return [None, out]


def _triangular_solve_batch(axis, args, dims, *, left_side, **params):
    (a, b), (a_dim, b_dim) = args, dims
    if a_dim is not None:
        a, b = batch_front(axis, a, a_dim), batch_front(axis, b, b_dim)
        return triangular_solve_p.bind(a, b, left_side=left_side, **params), 0
    # all systems have one matrix: their right sides stand side by side
    rank = len(shape_of(b))
    place = rank - 1 if left_side else rank - 2
    b = move_axis(b, b_dim, place)
    wide = shape_of(b)
    at = rank - 2 if left_side else rank - 3
    flat = (*wide[:at], wide[at] * wide[at + 1], *wide[at + 2 :])
    out = triangular_solve_p.bind(a, reshape(b, flat), left_side=left_side, **params)
    return reshape(out, wide), place


def _triangular_solve_lower(
    b, ins, out_avals, *, left_side, lower, transpose_a, conjugate_a, unit_diagonal
):
    (aval,) = out_avals
    narrow = aval.dtype.kind in "fV" and aval.dtype.itemsize < 4
    if narrow:  # as a float32
        ins = [b.convert(x, np.dtype("float32")) for x in ins]
        out_avals = [aval.update(dtype=np.dtype("float32"))]
    check_lapack(b, out_avals[0].dtype)
    if not aval.size:
        return [b.full(aval, 0)]
    a, right = ins
    if conjugate_a and not transpose_a:
        a = b.ewise("conj", [a], ShapedArray(a.shape, a.dtype))
    how = 0 if not transpose_a else 2 if conjugate_a else 1
    params = [int(left_side), int(lower), how, int(unit_diagonal)]
    if len(a.shape) > 2 and not any(a.strides[:-2]):
        outs = [_solve_side_by_side(b, a, right, left_side, params)]
    else:
        outs = [_solve(b, a, right, left_side, params)]
    return [b.convert(x, aval.dtype) for x in outs] if narrow else outs


def _swapped(x):
    """Matrices transposed."""
    rank = len(x.shape)
    return x.transpose((*range(rank - 2), rank - 1, rank - 2))


def _solve(b, a, right, left_side, params):
    """Systems of real numbers are solved from the right, several of them: there the right
    sides lie side by side in memory, so that vectors serve.
    """
    _, lower, how, unit = params
    turns = left_side and right.shape[-1] > 1 and right.dtype.kind == "f"
    if turns:
        right, params = _swapped(right), [0, lower, 1 - bool(how), unit]
    aval = ShapedArray(right.shape, right.dtype)
    ins = [columns(b, a), columns(b, right)]
    (out,) = lapack(b, "TRIANGULAR_SOLVE", ins, [aval], [2], params)
    return _swapped(out) if turns else out


def _solve_side_by_side(b, a, right, left_side, params):
    """All systems have one matrix: their right sides are those of one system."""
    *lead, m, n = right.shape
    batch = math.prod(lead)
    matrix = a.slice([0] * len(a.shape), [*[1] * len(lead), *a.shape[-2:]])
    matrix = b.reshape(matrix, a.shape[-2:])
    if not left_side:
        stacked = b.reshape(right, (batch * m, n))
        return b.reshape(_solve(b, matrix, stacked, left_side, params), right.shape)
    by_columns = b.reshape(_swapped(b.reshape(right, (batch, m, n))), (batch * n, m))
    out = _solve(b, matrix, by_columns.transpose((1, 0)), left_side, params)
    return b.reshape(
        _swapped(b.reshape(out.transpose((1, 0)), (batch, n, m))), right.shape
    )


triangular_solve_p = define(
    "triangular_solve",
    shape=_triangular_solve_shape,
    reference=_triangular_solve_reference,
    jvp=_triangular_solve_jvp,
    transpose=_triangular_solve_transpose,
    batch=_triangular_solve_batch,
    lower=_triangular_solve_lower,
)

"""Linear algebra of triangles: `cholesky` and `triangular_solve`."""

import math

import numpy as np

from minijax.core import ShapedArray, Zero, is_undefined_primal
from minijax.ops.arithmetic import add, div, neg
from minijax.ops.complex_parts import conj
from minijax.ops.define import (
    NOT_LINEAR,
    add_tangents,
    batch_front,
    constant_like,
    define,
    dtype_of,
    expand,
    move_axis,
    shape_of,
)
from minijax.ops.linalg import (
    batch_of,
    check_lapack,
    check_operands,
    check_square,
    columns,
    each_matrix,
    eye,
    is_complex,
    lapack,
    matmul,
    not_finite,
    single,
    swap,
    symmetrize,
    to_rank,
    tril,
    triu,
    weak_of_weak,
)
from minijax.ops.shape import (
    reshape,
    squeeze,
)

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
    shape=weak_of_weak(_cholesky_shape),
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
    shared = [d for d, stride in enumerate(a.strides[:-2]) if not stride]
    if shared:
        outs = [_solve_side_by_side(b, a, right, left_side, params, shared)]
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


def _solve_side_by_side(b, a, right, left_side, params, shared):
    """Along the axes `shared` systems have one matrix: their right sides are those of one."""
    rank = len(right.shape)
    own = [d for d in range(rank - 2) if d not in shared]
    ends = [1 if d in shared else n for d, n in enumerate(a.shape)]
    matrix = a.slice([0] * rank, ends).squeeze(shared)
    last = [rank - 1, rank - 2] if left_side else [rank - 2, rank - 1]
    order = [*own, *shared, *last]
    lines = right.transpose(order)
    together = math.prod(lines.shape[len(own) : -1])
    stacked = b.reshape(lines, (*matrix.shape[:-2], together, lines.shape[-1]))
    if left_side:
        out = _swapped(_solve(b, matrix, _swapped(stacked), left_side, params))
    else:
        out = _solve(b, matrix, stacked, left_side, params)
    return b.reshape(out, lines.shape).transpose([order.index(d) for d in range(rank)])


triangular_solve_p = define(
    "triangular_solve",
    shape=weak_of_weak(_triangular_solve_shape),
    reference=_triangular_solve_reference,
    jvp=_triangular_solve_jvp,
    transpose=_triangular_solve_transpose,
    batch=_triangular_solve_batch,
    lower=_triangular_solve_lower,
)

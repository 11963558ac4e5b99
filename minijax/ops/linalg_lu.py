"""LU factorisation with row exchanges, and tridiagonal systems."""

import numpy as np

from minijax.core import ShapedArray, Zero, is_undefined_primal
from minijax.ops.arithmetic import add, mul, neg
from minijax.ops.define import (
    NONDIFFERENTIABLE,
    NOT_LINEAR,
    add_tangents,
    batch_front,
    constant_like,
    define,
    dtype_of,
    expand,
    full,
    move_axis,
    shape_of,
)
from minijax.ops.dot import Precision
from minijax.ops.joining import concatenate
from minijax.ops.linalg import (
    batch_of,
    check_lapack,
    check_operands,
    columns,
    each_matrix,
    eye,
    lapack,
    matmul,
    not_finite,
    part,
    single,
    take_rows,
    to_rank,
    tril,
    triu,
    vectors,
    weak_of_weak,
)
from minijax.ops.linalg_triangular import triangular_solve_p
from minijax.ops.shape import broadcast_in_dim, reshape
from minijax.ops.slicing import pad

# --- lu -------------------------------------------------------------------------------


def lu(x):
    """P x = L U, for x [..., m, n].

    Returns (L and U in one matrix, pivots int32 [..., min(m, n)], permutation int32
    [..., m]): row i was exchanged with row pivots[i]; row i of P x is row
    permutation[i] of x.
    """
    return lu_p.bind(x)


def _lu_shape(x):
    check_operands("lu", [x], [2])
    *lead, m, n = x.shape
    return [
        ShapedArray(x.shape, x.dtype),
        ShapedArray((*lead, min(m, n)), np.int32),
        ShapedArray((*lead, m), np.int32),
    ]


@each_matrix(2)
def _lu_reference(x):
    out, (m, n) = x.copy(), x.shape
    rows, pivots = np.arange(m, dtype=np.int32), []
    for k in range(min(m, n)):
        size = np.abs(out[k:, k].real) + np.abs(out[k:, k].imag)
        at = k + int(np.argmax(size))
        pivots.append(at)
        out[[k, at]], rows[[k, at]] = out[[at, k]], rows[[at, k]]
        if out[k, k] != 0:
            out[k + 1 :, k] /= out[k, k]
            out[k + 1 :, k + 1 :] -= np.outer(out[k + 1 :, k], out[k, k + 1 :])
    return [out, np.array(pivots, np.int32), rows]


def _square_factors(factors):
    """L and U made square and invertible by parts of the identity."""
    *lead, m, n = shape_of(factors)
    k, dtype, rank = min(m, n), dtype_of(factors), len(lead) + 2
    zero = dtype.type(0)
    none = [(0, 0, 0)] * len(lead)
    left = factors if k == n else part(factors, -1, 0, k)
    lower = pad(tril(left, -1), zero, [*none, (0, 0, 0), (0, m - k, 0)])
    lower = add(lower, to_rank(eye(m, dtype), rank))
    rest = pad(eye(n - k, dtype), zero, [(k, 0, 0), (k, 0, 0)])
    upper = triu(factors if k == m else part(factors, -2, 0, k))
    upper = pad(upper, zero, [*none, (0, n - k, 0), (0, 0, 0)])
    return lower, add(upper, to_rank(rest, rank))


def _solve(a, b, left, lower, unit):
    return triangular_solve_p.bind(
        a, b, left_side=left, lower=lower, transpose_a=False, conjugate_a=False,
        unit_diagonal=unit,
    )  # fmt: skip


def _lu_jvp(primals, tangents):
    """L' = L tril(F, -1), U' = triu(F) U, where F = L^-1 P A' U^-1.

    Rectangular factors are completed to square ones by the identity. De Hoog, Anderssen
    and Lukas, "Differentiation of matrix functionals using triangular factorization",
    Math. Comp. 80 (2011).
    """
    (x,), (t,) = primals, tangents
    factors, pivots, rows = lu_p.bind(x)
    outs = [factors, pivots, rows]
    if type(t) is Zero:
        return outs, [Zero.of(out) for out in outs]
    lower, upper = _square_factors(factors)
    inner = _solve(lower, take_rows(t, rows), True, True, True)
    inner = _solve(upper, inner, False, False, False)
    wide = dtype_of(factors)
    d_lower = matmul(lower, tril(inner, -1), Precision.HIGHEST, wide)
    d_upper = matmul(triu(inner), upper, Precision.HIGHEST, wide)
    return outs, [add(d_lower, d_upper), Zero.of(pivots), Zero.of(rows)]


def _lu_lower(b, ins, out_avals):
    check_lapack(b, out_avals[0].dtype)
    if not out_avals[0].size:
        return [
            b.full(out_avals[0], 0),
            b.full(out_avals[1], 0),
            _identity_rows(b, out_avals[2]),
        ]
    return lapack(b, "LU", [columns(b, ins[0])], out_avals, [2, 1, 1])


def _identity_rows(b, aval):
    if not aval.size:
        return b.full(aval, 0)
    return b.constant(
        np.broadcast_to(np.arange(aval.shape[-1], dtype="i4"), aval.shape)
    )


lu_p = define(
    "lu",
    multiple_results=True,
    shape=weak_of_weak(_lu_shape),
    reference=_lu_reference,
    jvp=_lu_jvp,
    transpose=NOT_LINEAR,
    batch=batch_of(lambda: lu_p),
    lower=_lu_lower,
)

# --- lu_pivots_to_permutation ---------------------------------------------------------


def lu_pivots_to_permutation(pivots, permutation_size):
    """The permutation int32 [..., permutation_size] that exchanging row i with row
    pivots[i], in turn, makes.
    """
    return lu_pivots_to_permutation_p.bind(pivots, permutation_size=permutation_size)


def _permutation_shape(pivots, *, permutation_size):
    if pivots.dtype != np.int32:
        raise TypeError(
            f"lu_pivots_to_permutation does not accept dtype {pivots.dtype} at position "
            "0. Accepted dtypes at position 0 are subtypes of int32."
        )
    if pivots.ndim < 1:
        raise TypeError(
            "Input 0 to lu_pivots_to_permutation must have rank at least 1, but got "
            f"shape={pivots.shape}"
        )
    *lead, k = pivots.shape
    if permutation_size < k:
        raise ValueError(
            f"Output permutation size {permutation_size} has to exceed the trailing "
            f"dimension of the pivots. Got pivots size {k}"
        )
    return ShapedArray((*lead, permutation_size), np.int32)


@single
@each_matrix(1)
def _permutation_reference(pivots, *, permutation_size):
    rows = np.arange(permutation_size, dtype=np.int32)
    for k, at in enumerate(pivots):
        rows[[k, at]] = rows[[at, k]]
    return [rows]


def _permutation_lower(b, ins, out_avals, *, permutation_size):
    if not out_avals[0].size:
        return [b.full(out_avals[0], 0)]
    return lapack(b, "PIVOTS_TO_PERMUTATION", [vectors(b, ins[0])], out_avals, [1])


lu_pivots_to_permutation_p = define(
    "lu_pivots_to_permutation",
    shape=weak_of_weak(_permutation_shape),
    reference=_permutation_reference,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=batch_of(lambda: lu_pivots_to_permutation_p),
    lower=_permutation_lower,
)

# --- tridiagonal_solve ----------------------------------------------------------------


def tridiagonal_solve(dl, d, du, b, *, perturb_singular=False):
    """The x with T x = b, for T with diagonals dl, d and du, all [..., n], and b [...,
    n, k].

    dl[0] and du[-1] are not used. A singular T gives NaN; perturb_singular: put the
    smallest normal number in the place of diagonal elements that would be zero.
    """
    return tridiagonal_solve_p.bind(dl, d, du, b, perturb_singular=perturb_singular)


def _tridiagonal_solve_shape(dl, d, du, b, *, perturb_singular):
    name = "tridiagonal_solve"
    check_operands(name, [dl, d, du, b], [1, 1, 1, 2])
    if not dl.shape == d.shape == du.shape:
        raise TypeError(
            f"{name} requires that all diagonal arguments have the same shape."
        )
    if b.shape[:-1] != d.shape:
        raise TypeError(
            f"{name} requires that the leading ndim-1 dimensions of b equal the "
            "dimensions of the diagonal arguments."
        )
    return ShapedArray(b.shape, b.dtype)


@single
@each_matrix(1, 1, 1, 2)
def _tridiagonal_solve_reference(dl, d, du, b, *, perturb_singular):
    whole = np.diag(d) + np.diag(dl[1:], -1) + np.diag(du[:-1], 1)
    try:
        return [np.linalg.solve(whole, b)]
    except np.linalg.LinAlgError:
        return not_finite(b)


def _tridiagonal_product(dl, d, du, x):
    """T x."""
    rank = len(shape_of(x))
    n = shape_of(d)[-1]
    out = mul(expand(d, (rank - 1,)), x)
    below = mul(_column(dl, 1, n), part(x, -2, 0, n - 1))
    above = mul(_column(du, 0, n - 1), part(x, -2, 1, n))
    zero, none = dtype_of(x).type(0), [(0, 0, 0)] * (rank - 2)
    out = add(out, pad(below, zero, [*none, (1, 0, 0), (0, 0, 0)]))
    return add(out, pad(above, zero, [*none, (0, 1, 0), (0, 0, 0)]))


def _column(diagonal, start, stop):
    axis = len(shape_of(diagonal)) - 1
    return expand(part(diagonal, -1, start, stop), (axis + 1,))


def _tridiagonal_solve_jvp(primals, tangents, **params):
    """x' = T^-1 (b' - T' x)."""
    *diagonals, _ = primals
    *t_diagonals, t_b = tangents
    ans = tridiagonal_solve_p.bind(*primals, **params)
    total = t_b
    if any(type(t) is not Zero for t in t_diagonals):
        moving = [full(t.aval, 0) if type(t) is Zero else t for t in t_diagonals]
        dl, d, du = moving
        total = add_tangents(total, neg(_tridiagonal_product(dl, d, du, ans)))
    if type(total) is Zero:
        return ans, total
    return ans, tridiagonal_solve_p.bind(*diagonals, total, **params)


def _tridiagonal_solve_transpose(ct, dl, d, du, b, **params):
    assert is_undefined_primal(b)
    axis = len(shape_of(d)) - 1
    n = shape_of(d)[-1]
    end = broadcast_in_dim(constant_like(0, d), (*shape_of(d)[:-1], 1), ())
    lower = concatenate([end, part(du, -1, 0, n - 1)], axis)
    upper = concatenate([part(dl, -1, 1, n), end], axis)
    return [None, None, None, tridiagonal_solve_p.bind(lower, d, upper, ct, **params)]


def _tridiagonal_solve_batch(axis, args, dims, **params):
    *diagonals, b = args
    if any(d is not None for d in dims[:3]):
        args = [batch_front(axis, x, d) for x, d in zip(args, dims, strict=True)]
        return tridiagonal_solve_p.bind(*args, **params), 0
    # one matrix: the right sides stand side by side
    rank = len(shape_of(b))
    b = move_axis(b, dims[3], rank - 2)
    wide = shape_of(b)
    flat = reshape(b, (*wide[:-2], wide[-2] * wide[-1]))
    out = tridiagonal_solve_p.bind(*diagonals, flat, **params)
    return reshape(out, wide), rank - 2


def _tridiagonal_solve_lower(b, ins, out_avals, *, perturb_singular):
    (aval,) = out_avals
    check_lapack(b, aval.dtype)
    if perturb_singular:
        raise b.unsupported("perturb_singular is not implemented")
    if not aval.size:
        return [b.full(aval, 0)]
    operands = [vectors(b, x) for x in ins[:3]] + [columns(b, ins[3])]
    return lapack(b, "TRIDIAGONAL_SOLVE", operands, out_avals, [2])


tridiagonal_solve_p = define(
    "tridiagonal_solve",
    shape=weak_of_weak(_tridiagonal_solve_shape),
    reference=_tridiagonal_solve_reference,
    jvp=_tridiagonal_solve_jvp,
    transpose=_tridiagonal_solve_transpose,
    batch=_tridiagonal_solve_batch,
    lower=_tridiagonal_solve_lower,
)

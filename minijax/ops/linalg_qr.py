"""QR factorisation by Householder reflections: `qr` and the ops it is made of.

A reflection is 1 - tau v v^H; the vectors v stand below the diagonal of the matrix that
`geqrf` gives.
"""

import numpy as np

from minijax.core import ShapedArray, Zero
from minijax.ops.arithmetic import add, mul, sub
from minijax.ops.complex_parts import real
from minijax.ops.convert import convert_element_type
from minijax.ops.define import (
    NOT_LINEAR,
    broadcast_like,
    define,
    dtype_of,
    shape_of,
)
from minijax.ops.joining import concatenate
from minijax.ops.linalg import (
    adjoint,
    batch_of,
    check_lapack,
    check_operands,
    columns,
    define_routine,
    each_matrix,
    eye,
    is_complex,
    lapack,
    lapack_of_matrices,
    matmul,
    part,
    single,
    take_columns,
    take_rows,
    to_rank,
    tril,
    triu,
    vectors,
    weak_of_weak,
)
from minijax.ops.linalg_lu import lu_p
from minijax.ops.linalg_triangular import triangular_solve
from minijax.ops.shape import broadcasted_iota, full_like
from minijax.ops.slicing import pad
from minijax.ops.sort import sort_key_val

# --- geqrf, geqp3 ---------------------------------------------------------------------


def geqrf(a):
    """(R above and the reflections below the diagonal, taus [..., min(m, n)]) of a
    [..., m, n].
    """
    return geqrf_p.bind(a)


def _geqrf_shape(a):
    check_operands("geqrf", [a], [2])
    *lead, m, n = a.shape
    return [ShapedArray(a.shape, a.dtype), ShapedArray((*lead, min(m, n)), a.dtype)]


@each_matrix(2)
def _geqrf_reference(a):
    packed, taus = np.linalg.qr(a, mode="raw")
    return [np.ascontiguousarray(packed.T), taus]


def _geqrf_lower(b, ins, out_avals):
    check_lapack(b, out_avals[0].dtype)
    return lapack_of_matrices(b, "GEQRF", ins[0], out_avals, [2, 1])


geqrf_p = define_routine(
    "geqrf",
    multiple_results=True,
    shape=_geqrf_shape,
    reference=_geqrf_reference,
    lower=_geqrf_lower,
)


def geqp3(a, jpvt, *, use_magma=None):
    """`geqrf` of the columns of `a` in the order of falling norms of what is left of
    them.

    jpvt: int32 [..., n], 0 for columns that may move. Returns (packed, order counted
    from 1, taus).
    """
    return geqp3_p.bind(a, jpvt, use_magma=use_magma)


def _geqp3_shape(a, jpvt, *, use_magma):
    check_operands("geqp3", [a], [2])
    *lead, m, n = a.shape
    return [
        ShapedArray(a.shape, a.dtype),
        ShapedArray((*lead, n), np.int32),
        ShapedArray((*lead, min(m, n)), a.dtype),
    ]


@each_matrix(2, 1)
def _geqp3_reference(a, jpvt, *, use_magma):
    rest, (m, n) = a.copy(), a.shape
    order = np.arange(n, dtype=np.int32)
    for k in range(min(m, n)):
        at = k + int(np.argmax(np.linalg.norm(rest[k:, k:], axis=0)))
        for x in (rest.T, order):
            x[[k, at]] = x[[at, k]]
        rest[k:, k:] = np.linalg.qr(rest[k:, k:], mode="complete")[1]
    packed, taus = np.linalg.qr(a[:, order], mode="raw")
    return [np.ascontiguousarray(packed.T), order + 1, taus]


def _geqp3_lower(b, ins, out_avals, *, use_magma):
    check_lapack(b, out_avals[0].dtype)
    if not out_avals[0].size:
        order = out_avals[1]
        one_based = np.broadcast_to(
            np.arange(1, order.shape[-1] + 1, dtype=np.int32), order.shape
        )
        last = b.full(out_avals[2], 0)
        return [b.full(out_avals[0], 0), b.constant(one_based.copy()), last]
    operands = [columns(b, ins[0]), vectors(b, ins[1])]
    return lapack(b, "GEQP3", operands, out_avals, [2, 1, 1])


geqp3_p = define_routine(
    "geqp3",
    multiple_results=True,
    shape=_geqp3_shape,
    reference=_geqp3_reference,
    lower=_geqp3_lower,
)

# --- householder_product, ormqr -------------------------------------------------------


def householder_product(a, taus):
    """The first n columns of the product of the reflections in a [..., m, n], taus
    [..., k].
    """
    return householder_product_p.bind(a, taus)


def _householder_product_shape(a, taus):
    name = "householder_product"
    check_operands(name, [a, taus], [2, 1])
    m, n = a.shape[-2:]
    if m < n:
        raise ValueError(
            f"The first argument to {name} must have at least as many rows as columns, "
            f"got shape {(m, n)}"
        )
    if taus.shape[-1] > min(m, n):
        raise ValueError(
            f"The second argument to {name} must not have more rows than the minimum of "
            "the first argument's rows and columns."
        )
    return ShapedArray(a.shape, a.dtype)


def _reflect(a, taus):
    """The whole product of reflections, a unitary matrix."""
    q = np.eye(len(a), dtype=a.dtype)
    for k, tau in enumerate(taus):
        v = np.concatenate([np.zeros(k), [1], a[k + 1 :, k]]).astype(a.dtype)
        q -= np.outer(q @ v, tau * v.conj())
    return q


@single
@each_matrix(2, 1)
def _householder_product_reference(a, taus):
    return [_reflect(a, taus)[:, : a.shape[1]]]


def _householder_product_lower(b, ins, out_avals):
    (aval,) = out_avals
    check_lapack(b, aval.dtype)
    if not aval.size:
        return [b.full(aval, 0)]
    operands = [columns(b, ins[0]), vectors(b, ins[1])]
    return lapack(b, "HOUSEHOLDER_PRODUCT", operands, out_avals, [2])


householder_product_p = define_routine(
    "householder_product",
    shape=_householder_product_shape,
    reference=_householder_product_reference,
    lower=_householder_product_lower,
)


def ormqr(a, taus, c, *, left=True, transpose=False):
    """Q c (left) or c Q, where Q is the whole product of the reflections in `a`; Q^H
    with `transpose`.
    """
    return ormqr_p.bind(a, taus, c, left=left, transpose=transpose)


def _ormqr_shape(a, taus, c, *, left, transpose):
    check_operands("ormqr", [a, taus, c], [2, 1, 2])
    order = c.shape[-2 if left else -1]
    if a.shape[-2] != order:
        raise ValueError(
            f"ormqr expects the rows of a to match the {'rows' if left else 'columns'} "
            f"of c, got shapes {a.shape[-2:]} and {c.shape[-2:]}."
        )
    if taus.shape[-1] > min(a.shape[-2:]):
        raise ValueError(
            f"ormqr got {taus.shape[-1]} taus for a matrix of shape {a.shape[-2:]}."
        )
    return ShapedArray(c.shape, c.dtype)


@single
@each_matrix(2, 1, 2)
def _ormqr_reference(a, taus, c, *, left, transpose):
    q = _reflect(a, taus)
    q = q.conj().T if transpose else q
    return [q @ c if left else c @ q]


def _ormqr_lower(b, ins, out_avals, *, left, transpose):
    (aval,) = out_avals
    check_lapack(b, aval.dtype)
    if not aval.size or not ins[1].shape[-1]:
        return [ins[2]]
    operands = [columns(b, ins[0]), vectors(b, ins[1]), columns(b, ins[2])]
    return lapack(b, "ORMQR", operands, out_avals, [2], [int(left), int(transpose)])


ormqr_p = define_routine(
    "ormqr",
    shape=_ormqr_shape,
    reference=_ormqr_reference,
    lower=_ormqr_lower,
)

# --- qr -------------------------------------------------------------------------------


def qr(x, *, pivoting=False, full_matrices=True, use_magma=None):
    """x = Q R with Q unitary and R upper triangular, for x [..., m, n].

    full_matrices: Q [..., m, m], R [..., m, n]; otherwise their first min(m, n) columns
    and rows. pivoting: also an int32 [..., n], so that x[:, p] = Q R and the diagonal
    of R falls in size.
    """
    out = qr_p.bind(
        x, pivoting=pivoting, full_matrices=full_matrices, use_magma=use_magma
    )
    return tuple(out)


def _qr_shape(x, *, pivoting, full_matrices, use_magma):
    check_operands("qr", [x], [2])
    *lead, m, n = x.shape
    k = m if full_matrices else min(m, n)
    outs = [
        ShapedArray((*lead, m, k), x.dtype),
        ShapedArray((*lead, k, n), x.dtype),
    ]
    return [*outs, ShapedArray((*lead, n), np.int32)] if pivoting else outs


@each_matrix(2)
def _qr_reference(x, *, pivoting, full_matrices, use_magma):
    order = []
    if pivoting:
        free = np.zeros(x.shape[1], np.int32)
        order = [_geqp3_reference(x, free, use_magma=None)[1] - 1]
        x = x[:, order[0]]
    return [*np.linalg.qr(x, mode="complete" if full_matrices else "reduced"), *order]


def _qr_by_reflections(x, *, pivoting, full_matrices, use_magma):
    *lead, m, n = shape_of(x)
    rank = len(lead) + 2
    order = []
    if m == 0 or n == 0:
        k = m if full_matrices else min(m, n)
        q = broadcast_like(to_rank(eye(m, dtype_of(x)), rank), full_like(
            x, 0, shape=(*lead, m, m)))  # fmt: skip
        q = part(q, -1, 0, k)
        r = full_like(x, 0, shape=(*lead, k, n))
        if pivoting:
            order = [broadcasted_iota(np.int32, (*lead, n), len(lead))]
        return [q, r, *order]
    if pivoting:
        free = full_like(x, 0, np.int32, (*lead, n))
        packed, order, taus = geqp3_p.bind(x, free, use_magma=use_magma)
        order = [sub(order, np.int32(1))]
    else:
        packed, taus = geqrf_p.bind(x)
    if m < n:
        q = householder_product_p.bind(part(packed, -1, 0, m), taus)
    elif full_matrices:
        none = [(0, 0, 0)] * (rank - 1)
        wide = pad(packed, dtype_of(x).type(0), [*none, (0, m - n, 0)])
        q = householder_product_p.bind(wide, taus)
    else:
        q = householder_product_p.bind(packed, taus)
        packed = part(packed, -2, 0, n)
    return [q, triu(packed), *order]


def _qr_lower(b, ins, out_avals, **params):
    aval = ShapedArray(ins[0].shape, ins[0].dtype)
    check_lapack(b, aval.dtype)
    return b.lower_fun(lambda x: _qr_by_reflections(x, **params), ins, [aval])


def _qr_jvp(primals, tangents, *, pivoting, full_matrices, use_magma):
    """Q' = Q (W - X) + A' R^-1 and R' = (X - W) R for X = Q^H A' R^-1, W skew with the
    lower triangle of X.

    Walter, Lehmann and Lamour, "On evaluating higher-order derivatives of the QR
    decomposition of tall matrices with full column rank in forward and reverse mode
    algorithmic differentiation" (2012). Of a wide matrix the first m columns are
    factorised so; the further columns of Q that `full_matrices` asks for are functions
    of the first ones (see `_completion_tangent`).
    """
    (x,), (t,) = primals, tangents
    outs = qr_p.bind(
        x, pivoting=pivoting, full_matrices=full_matrices, use_magma=use_magma
    )
    if type(t) is Zero:
        return outs, [Zero.of(out) for out in outs]
    q, r, *order = outs
    if pivoting:
        t = take_columns(t, order[0])
    m, n = shape_of(x)[-2:]
    rank = len(shape_of(x))
    k = min(m, n)
    q_thin = part(q, -1, 0, k) if full_matrices and m > n else q
    r_thin = part(r, -2, 0, k) if full_matrices and m > n else r
    square, t_square = r_thin, t
    if m < n:
        square = part(r_thin, -1, 0, m)
        t_square = part(t, -1, 0, m)
    d_q, d_r = _thin_tangents(q_thin, square, t_square)
    if m < n:
        rest = part(t, -1, m, n)
        r_rest = part(r_thin, -1, m, n)
        moved = sub(rest, _product(d_q, r_rest))
        d_r = concatenate([d_r, _product(adjoint(q_thin), moved)], rank - 1)
    if full_matrices and m > n:
        d_q = concatenate([d_q, _completion_tangent(q, q_thin, d_q)], rank - 1)
        below = full_like(d_r, 0, shape=(*shape_of(x)[:-2], m - n, n))
        d_r = concatenate([d_r, below], rank - 2)
    return outs, [d_q, d_r, *[Zero.of(p) for p in order]]


def _product(x, y):
    return matmul(x, y, None, dtype_of(x))


def _thin_tangents(q, r, t):
    scaled = triangular_solve(r, t)
    inner = _product(adjoint(q), scaled)
    low = tril(inner, -1)
    skew = sub(low, adjoint(low))
    n = shape_of(r)[-1]
    unit = to_rank(eye(n, dtype_of(inner)), len(shape_of(inner)))
    real_part = inner
    if is_complex(inner):
        real_part = convert_element_type(real(inner), dtype_of(inner))
    skew = add(skew, mul(unit, sub(inner, real_part)))
    d_q = add(_product(q, sub(skew, inner)), scaled)
    return d_q, _product(sub(inner, skew), r)


def _completion_tangent(q, q_thin, d_q):
    """The tangent of the columns of Q after the n-th.

    A product of n reflections is 1 - V T V^H, which its first n columns determine: with
    Q1 = [A; B] those and Y = B (A - 1)^-1, the others are [Y^H; 1 + ...], whence Q2' =
    Q1' Y^H - (Q1 + Q2 Y) (B' - Y A')^H.
    """
    rank = len(shape_of(q))
    m, n = shape_of(q_thin)[-2:]
    top = part(q_thin, -2, 0, n)
    bottom = part(q_thin, -2, n, m)
    others = part(q, -1, n, m)
    d_top = part(d_q, -2, 0, n)
    d_bottom = part(d_q, -2, n, m)
    shifted = sub(top, to_rank(eye(n, dtype_of(q)), rank))
    y_adjoint = _solve_adjoint(shifted, adjoint(bottom))
    y = adjoint(y_adjoint)
    first = _product(d_q, y_adjoint)
    frame = add(q_thin, _product(others, y))
    change = sub(d_bottom, _product(y, d_top))
    return sub(first, _product(frame, adjoint(change)))


def _solve_adjoint(a, b):
    """The x with a^H x = b."""
    factors, _, rows = lu_p.bind(a)
    how = {"left_side": True, "transpose_a": True, "conjugate_a": True}
    x = triangular_solve(factors, b, lower=False, **how)
    x = triangular_solve(factors, x, lower=True, unit_diagonal=True, **how)
    places = broadcasted_iota(np.int32, shape_of(rows), len(shape_of(rows)) - 1)
    _, order = sort_key_val(rows, places)
    return take_rows(x, order)


qr_p = define(
    "qr",
    multiple_results=True,
    shape=weak_of_weak(_qr_shape),
    reference=_qr_reference,
    jvp=_qr_jvp,
    transpose=NOT_LINEAR,
    batch=batch_of(lambda: qr_p),
    lower=_qr_lower,
)

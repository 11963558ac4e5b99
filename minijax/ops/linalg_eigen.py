"""Eigenvalues and what leads to them: `eigh`, `eig`, `schur`, `hessenberg` and
`tridiagonal`.
"""

from enum import Enum
from typing import Any

import numpy as np

from minijax.core import ShapedArray, Zero
from minijax.ops.arithmetic import add, div, integer_pow, mul, neg, sub
from minijax.ops.comparison import eq
from minijax.ops.complex_parts import complex as make_complex
from minijax.ops.complex_parts import conj, imag, real
from minijax.ops.convert import convert_element_type
from minijax.ops.define import (
    NO_RULE,
    NOT_LINEAR,
    broadcast_like,
    define,
    dtype_of,
    expand,
    real_dtype,
    shape_of,
)
from minijax.ops.identities import stop_gradient
from minijax.ops.linalg import (
    adjoint,
    batch_of,
    check_lapack,
    check_operands,
    check_square,
    define_routine,
    diagonal,
    each_matrix,
    eye,
    is_complex,
    lapack_of_matrices,
    matmul,
    not_finite,
    symmetrize,
    take_rows,
    to_rank,
    weak_of_weak,
)
from minijax.ops.linalg_lu import lu_p
from minijax.ops.linalg_triangular import triangular_solve
from minijax.ops.reduce import argmax, reduce_sum
from minijax.ops.rounding import abs as absolute
from minijax.ops.shape import broadcasted_iota

# --- eigh -----------------------------------------------------------------------------


class EighImplementation(Enum):
    """How an accelerator computes `eigh`; a CPU has the QR algorithm of LAPACK."""

    QR = "qr"
    JACOBI = "jacobi"
    QDWH = "qdwh"


def eigh(
    x,
    *,
    lower=True,
    symmetrize_input=True,
    sort_eigenvalues=True,
    subset_by_index=None,
    implementation=None,
):
    """(eigenvectors [..., n, n], one a column; real eigenvalues [..., n], ascending) of
    Hermitian x.

    symmetrize_input: take (x + x^H) / 2; otherwise the triangle that `lower` names is
    read.
    """
    if symmetrize_input:
        x = symmetrize(x)
    v, w = eigh_p.bind(
        x,
        lower=lower,
        sort_eigenvalues=sort_eigenvalues,
        subset_by_index=subset_by_index,
        algorithm=implementation,
    )
    return v, w


def _eigh_shape(x, *, subset_by_index, **_):
    check_operands("eigh", [x], [2])
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(
            "Argument to symmetric eigendecomposition must have shape [..., n, n], got "
            f"shape {x.shape[-2:]}"
        )
    n = x.shape[-1]
    first, last = subset_by_index or (0, n)
    lead, k = x.shape[:-2], last - first
    return [
        ShapedArray((*lead, n, k), x.dtype),
        ShapedArray((*lead, k), real_dtype(x.dtype)),
    ]


@each_matrix(2)
def _eigh_reference(x, *, lower, **_):
    n = len(x)
    try:
        w, v = np.linalg.eigh(x, "L" if lower else "U")
    except np.linalg.LinAlgError:
        w, v = not_finite(np.zeros(n, real_dtype(x.dtype)), x)
    return [v, w]


def _inverse_gaps(w, like):
    """1 / (w_j - w_i) off the diagonal, 0 on it."""
    rank = len(shape_of(like))
    unit = eye(shape_of(like)[-1], dtype_of(like))
    row = expand(w, (rank - 2,))
    gaps = sub(add(to_rank(unit, rank), row), expand(w, (rank - 1,)))
    return sub(integer_pow(gaps, -1), to_rank(unit, rank))


def _eigh_jvp(
    primals, tangents, *, lower, sort_eigenvalues, subset_by_index, algorithm
):
    """w' = diag(V^H A' V), V' = V (F * V^H A' V), F the inverse gaps of the
    eigenvalues.

    Giles, "An extended collection of matrix derivative results for forward and reverse
    mode algorithmic differentiation" (2008), section 3.1.
    """
    (x,), (t,) = primals, tangents
    n = shape_of(x)[-1]
    if subset_by_index not in (None, (0, n)):
        raise NotImplementedError(
            "Derivatives not defined for partial eigen decomposition."
        )
    v, w = outs = eigh_p.bind(
        symmetrize(x),
        lower=lower,
        sort_eigenvalues=sort_eigenvalues,
        subset_by_index=subset_by_index,
        algorithm=algorithm,
    )
    if type(t) is Zero:
        return outs, [Zero.of(out) for out in outs]
    values = convert_element_type(w, dtype_of(x)) if is_complex(x) else w
    gaps = _inverse_gaps(values, x)
    inner = matmul(matmul(adjoint(v), t), v)
    d_v = matmul(v, mul(gaps, inner))
    return outs, [d_v, diagonal(real(inner) if is_complex(x) else inner)]


def _eigh_lower(b, ins, out_avals, *, lower, subset_by_index, algorithm, **_):
    check_lapack(b, ins[0].dtype)
    n = ins[0].shape[-1]
    if subset_by_index not in (None, (0, n)):
        raise NotImplementedError("subset_by_index not supported on CPU and GPU")
    if algorithm is EighImplementation.JACOBI:
        raise NotImplementedError("Jacobi implementation is not supported on CPU")
    if algorithm is EighImplementation.QDWH:
        raise NotImplementedError("QDWH implementation is only supported on TPU")
    if b.is_read(0):
        return lapack_of_matrices(b, "EIGH", ins[0], out_avals, [2, 1], [int(lower)])
    vectors, values = out_avals
    (w,) = lapack_of_matrices(b, "EIGH", ins[0], [values], [1], [int(lower)])
    return [b.full(vectors, 0), w]


eigh_p = define(
    "eigh",
    multiple_results=True,
    shape=weak_of_weak(_eigh_shape),
    reference=_eigh_reference,
    jvp=_eigh_jvp,
    transpose=NOT_LINEAR,
    batch=batch_of(lambda: eigh_p),
    lower=_eigh_lower,
)

# --- eig ------------------------------------------------------------------------------


class EigImplementation(Enum):
    """How an accelerator computes `eig`; a CPU has LAPACK."""

    CUSOLVER = "cusolver"
    MAGMA = "magma"
    LAPACK = "lapack"


def eig(
    x,
    *,
    compute_left_eigenvectors=True,
    compute_right_eigenvectors=True,
    enable_eigvec_derivs=False,
    implementation=None,
    use_magma=None,
):
    """[eigenvalues [..., n], left, right eigenvectors [..., n, n], one a column],
    complex, of x.

    enable_eigvec_derivs: allow derivatives of the eigenvectors, which hold only where
    each has one largest element, made real.
    """
    return eig_p.bind(
        x,
        compute_left_eigenvectors=compute_left_eigenvectors,
        compute_right_eigenvectors=compute_right_eigenvectors,
        enable_eigvec_derivs=enable_eigvec_derivs,
        implementation=implementation,
    )


def _complex_of(dtype):
    return np.result_type(dtype, np.complex64) if dtype.kind == "f" else dtype


def _eig_shape(x, *, compute_left_eigenvectors, compute_right_eigenvectors, **_):
    check_operands("eig", [x], [2])
    check_square("The input to eig must be a square matrix", x)
    dtype = _complex_of(x.dtype)
    vectors = [compute_left_eigenvectors, compute_right_eigenvectors]
    one = ShapedArray(x.shape, dtype)
    return [ShapedArray(x.shape[:-1], dtype), *[one for wanted in vectors if wanted]]


@each_matrix(2)
def _eig_reference(x, *, compute_left_eigenvectors, compute_right_eigenvectors, **_):
    dtype = _complex_of(x.dtype)
    flags = [compute_left_eigenvectors, compute_right_eigenvectors]
    if not np.isfinite(x).all():
        like = x.astype(dtype)
        bad = np.full_like(like, complex(np.nan, np.nan))
        return [bad[0], *[bad for wanted in flags if wanted]]
    w: Any
    w, right = np.linalg.eig(x)
    out = [w.astype(dtype)]
    if compute_left_eigenvectors:
        left = np.linalg.inv(right).conj().T
        left = left / np.linalg.norm(left, axis=0)
        largest = np.take_along_axis(left, np.abs(left).argmax(0)[None], 0)
        phase = np.where(w.imag == 0, 1, np.abs(largest[0]) / largest[0])
        out.append((left * phase).astype(dtype))
    return [*out, right.astype(dtype)] if compute_right_eigenvectors else out


def _eig_jvp(
    primals,
    tangents,
    *,
    compute_left_eigenvectors,
    compute_right_eigenvectors,
    enable_eigvec_derivs,
    implementation,
):
    """w' = diag(V^-1 A' V); V' = V (F * V^-1 A' V), each column then kept of length 1
    and of its phase.

    Boeddeker et al., "On the computation of complex-valued gradients with application
    to statistically optimum beamforming", arXiv:1701.00392, section 4.2.
    """
    (x,), (t,) = primals, tangents
    if compute_left_eigenvectors or (
        compute_right_eigenvectors and not enable_eigvec_derivs
    ):
        raise NotImplementedError(_EIGENVECTORS)
    w, v = eig_p.bind(
        x,
        compute_left_eigenvectors=False,
        compute_right_eigenvectors=True,
        enable_eigvec_derivs=enable_eigvec_derivs,
        implementation=implementation,
    )
    outs = [w, v] if compute_right_eigenvectors else [w]
    if type(t) is Zero:
        return outs, [Zero.of(out) for out in outs]
    inner = _solve(v, matmul(convert_element_type(t, dtype_of(v)), v))
    d_w = diagonal(inner)
    if not compute_right_eigenvectors:
        return outs, [d_w]
    moved = matmul(v, mul(_inverse_gaps(w, v), inner))
    return outs, [d_w, add(moved, _normalisation(v, moved))]


_EIGENVECTORS = (
    "Derivatives of non-symmetric eigenvectors are only valid under assumptions on the "
    "input that JAX cannot check (see the enable_eigvec_derivs argument to "
    "jax.lax.linalg.eig). Pass enable_eigvec_derivs=True to jax.lax.linalg.eig to opt "
    "in. See https://github.com/jax-ml/jax/issues/2748 for discussion."
)


def _solve(v, b):
    """V^-1 b for an invertible V that is held constant."""
    factors, _, rows = lu_p.bind(stop_gradient(v))
    b = take_rows(b, rows)
    b = triangular_solve(factors, b, left_side=True, lower=True, unit_diagonal=True)
    return triangular_solve(factors, b, left_side=True)


def _normalisation(v, moved):
    """What to add to tangents so that columns stay of length 1, their largest elements
    real.
    """
    rank = len(shape_of(v))
    axis = rank - 2
    at = argmax(absolute(v), axis, np.int32)
    places = broadcasted_iota(np.int32, shape_of(v), axis)
    mask = eq(places, broadcast_like(expand(at, (axis,)), places))
    mask = convert_element_type(mask, dtype_of(v))
    growth = neg(real(reduce_sum(mul(conj(v), moved), (axis,))))
    turned = neg(imag(reduce_sum(mul(mask, moved), (axis,))))
    turned = div(turned, real(reduce_sum(mul(mask, v), (axis,))))
    return mul(v, expand(make_complex(growth, turned), (axis,)))


def _eig_lower(
    b,
    ins,
    out_avals,
    *,
    compute_left_eigenvectors,
    compute_right_eigenvectors,
    implementation,
    **_,
):
    check_lapack(b, ins[0].dtype)
    if implementation not in (None, EigImplementation.LAPACK):
        raise ValueError("Only the lapack implementation is supported on CPU.")
    params = [int(compute_left_eigenvectors), int(compute_right_eigenvectors)]
    ranks = [1] + [2] * sum(params)
    return lapack_of_matrices(b, "EIG", ins[0], out_avals, ranks, params)


eig_p = define(
    "eig",
    multiple_results=True,
    shape=weak_of_weak(_eig_shape),
    reference=_eig_reference,
    jvp=_eig_jvp,
    transpose=NOT_LINEAR,
    batch=batch_of(lambda: eig_p),
    lower=_eig_lower,
)

# --- schur ----------------------------------------------------------------------------


def schur(x, *, compute_schur_vectors=True, sort_eig_vals=False, select_callable=None):
    """(T, Q) with x = Q T Q^H, Q unitary, T upper triangular (of a real x with 2x2
    blocks).
    """
    out = schur_p.bind(
        x,
        compute_schur_vectors=compute_schur_vectors,
        sort_eig_vals=sort_eig_vals,
        select_callable=select_callable,
    )
    return list(out)


def _schur_shape(x, *, compute_schur_vectors, **_):
    check_operands("schur", [x], [2])
    check_square("The input to schur must be a square matrix", x)
    return [ShapedArray(x.shape, x.dtype)] * (1 + compute_schur_vectors)


def _schur_lower(
    b, ins, out_avals, *, compute_schur_vectors, sort_eig_vals, select_callable
):
    check_lapack(b, ins[0].dtype)
    if sort_eig_vals:
        raise NotImplementedError(
            "The sort feature of LAPACK's gees routine is not implemented."
        )
    ranks = [2] * len(out_avals)
    params = [int(compute_schur_vectors)]
    return lapack_of_matrices(b, "SCHUR", ins[0], out_avals, ranks, params)


schur_p = define_routine(
    "schur",
    multiple_results=True,
    shape=_schur_shape,
    reference=NO_RULE("Schur forms are not unique, and NumPy has none to compare with"),
    lower=_schur_lower,
)

# --- hessenberg, tridiagonal ----------------------------------------------------------


def hessenberg(a):
    """(H on and above the subdiagonal, reflections below it; taus [..., n-1]) of a
    [..., n, n].
    """
    h, taus = hessenberg_p.bind(a)
    return h, taus


def _hessenberg_shape(a):
    check_operands("hessenberg", [a], [2])
    if a.shape[-1] != a.shape[-2]:
        raise ValueError(
            "Argument to Hessenberg reduction must have shape [..., n, n], got shape "
            f"{a.shape}"
        )
    n = a.shape[-1]
    return [
        ShapedArray(a.shape, a.dtype),
        ShapedArray((*a.shape[:-2], max(n - 1, 0)), a.dtype),
    ]


def _reflector(x):
    """(v, tau, beta) with (1 - tau v v^H)^H x = beta e1 and v[0] = 1, as LAPACK's
    larfg.
    """
    alpha, rest = x[0], np.linalg.norm(x[1:])
    if rest == 0 and alpha.imag == 0:
        return np.r_[1, np.zeros(len(x) - 1)].astype(x.dtype), x.dtype.type(0), alpha
    beta = -np.copysign(np.hypot(np.abs(alpha), rest), alpha.real)
    v = x / (alpha - beta)
    v[0] = 1
    return v, x.dtype.type((beta - alpha) / beta), x.dtype.type(beta)


@each_matrix(2)
def _hessenberg_reference(a):
    a, taus = a.copy(), []
    for k in range(len(a) - 1):
        v, tau, beta = _reflector(a[k + 1 :, k])
        right = a[:, k + 1 :] @ v
        a[:, k + 1 :] -= tau * np.outer(right, v.conj())
        a[k + 1 :, k:] -= np.conj(tau) * np.outer(v, v.conj() @ a[k + 1 :, k:])
        a[k + 1 :, k] = v
        a[k + 1, k] = beta
        taus.append(tau)
    return [a, np.array(taus, a.dtype)]


def _hessenberg_lower(b, ins, out_avals):
    check_lapack(b, ins[0].dtype)
    return lapack_of_matrices(b, "HESSENBERG", ins[0], out_avals, [2, 1])


hessenberg_p = define_routine(
    "hessenberg",
    multiple_results=True,
    shape=_hessenberg_shape,
    reference=_hessenberg_reference,
    lower=_hessenberg_lower,
)


def tridiagonal(a, *, lower=True):
    """(T with reflections, its diagonal, its off-diagonal, taus) of Hermitian a [...,
    n, n].
    """
    out = tridiagonal_p.bind(a, lower=lower)
    return list(out)


def _tridiagonal_shape(a, *, lower):
    check_operands("tridiagonal", [a], [2])
    check_square("The input to tridiagonal must be a square matrix", a)
    *lead, n, _ = a.shape
    part = real_dtype(a.dtype)
    return [
        ShapedArray(a.shape, a.dtype),
        ShapedArray((*lead, n), part),
        ShapedArray((*lead, max(n - 1, 0)), part),
        ShapedArray((*lead, max(n - 1, 0)), a.dtype),
    ]


def _tridiagonal_lower(b, ins, out_avals, *, lower):
    check_lapack(b, ins[0].dtype)
    ranks = [2, 1, 1, 1]
    return lapack_of_matrices(b, "TRIDIAGONAL", ins[0], out_avals, ranks, [int(lower)])


tridiagonal_p = define_routine(
    "tridiagonal",
    multiple_results=True,
    shape=_tridiagonal_shape,
    reference=NO_RULE("the reflections are LAPACK's; NumPy has none to compare with"),
    lower=_tridiagonal_lower,
)

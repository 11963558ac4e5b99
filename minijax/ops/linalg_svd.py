"""Singular values: `svd`."""

from enum import Enum

import numpy as np

from minijax import core
from minijax.core import ShapedArray, Zero
from minijax.ops.arithmetic import add, div, mul, sub
from minijax.ops.comparison import eq
from minijax.ops.complex_parts import real
from minijax.ops.convert import convert_element_type
from minijax.ops.define import (
    NOT_LINEAR,
    constant_like,
    define,
    dtype_of,
    expand,
    real_dtype,
    shape_of,
)
from minijax.ops.dot import Precision
from minijax.ops.gather import GatherScatterMode
from minijax.ops.linalg import (
    adjoint,
    batch_of,
    check_lapack,
    check_operands,
    columns,
    diagonal,
    diagonal_indices,
    each_matrix,
    eye,
    is_complex,
    lapack,
    matmul,
    not_finite,
    swap,
    to_rank,
    weak_of_weak,
)
from minijax.ops.scatter import ScatterDimensionNumbers, scatter
from minijax.ops.shape import full_like, iota


class SvdAlgorithm(Enum):
    """How to compute it; a CPU has LAPACK's divide and conquer alone."""

    DEFAULT = "default"
    QR = "QR"
    JACOBI = "Jacobi"
    POLAR = "polar"
    DIVIDE_AND_CONQUER = "divide_and_conquer"


def svd(
    x, *, full_matrices=True, compute_uv=True, subset_by_index=None, algorithm=None
):
    """x = U diag(s) V^H for x [..., m, n], with s [..., min(m, n)] descending.

    Returns (U, s, V^H), or s without `compute_uv`. full_matrices: U [..., m, m] and V^H
    [..., n, n]; otherwise their first min(m, n) columns and rows.
    """
    out = svd_p.bind(
        x,
        full_matrices=full_matrices,
        compute_uv=compute_uv,
        subset_by_index=subset_by_index,
        algorithm=algorithm,
    )
    if not compute_uv:
        return out[0]
    s, u, v = out
    return u, s, v


def _svd_shape(x, *, full_matrices, compute_uv, subset_by_index, algorithm=None):
    check_operands("svd", [x], [2])
    *lead, m, n = x.shape
    k = core.min_dim(m, n)
    if subset_by_index is not None:
        if full_matrices and subset_by_index != (0, k):
            raise ValueError("full_matrices and subset_by_index cannot both be set")
        k = min(k, subset_by_index[1] - subset_by_index[0])
    values = ShapedArray((*lead, k), real_dtype(x.dtype))
    if not compute_uv:
        return [values]
    rows, cols = (m, n) if full_matrices else (k, k)
    return [
        values,
        ShapedArray((*lead, m, rows), x.dtype),
        ShapedArray((*lead, cols, n), x.dtype),
    ]


@each_matrix(2)
def _svd_reference(x, *, full_matrices, compute_uv, **_):
    try:
        out = np.linalg.svd(x, full_matrices, compute_uv)
    except np.linalg.LinAlgError:
        shapes = _svd_shape(
            ShapedArray(x.shape, x.dtype), full_matrices=full_matrices,
            compute_uv=compute_uv, subset_by_index=None, algorithm=None,
        )  # fmt: skip
        return not_finite(*[np.zeros(a.shape, a.dtype) for a in shapes])
    return [out[1], out[0], out[2]] if compute_uv else [out]


def _svd_jvp(
    primals, tangents, *, full_matrices, compute_uv, subset_by_index, algorithm=None
):
    """s' = diag(U^H A' V); U' and V' from the inverse gaps of the squared singular
    values.

    Townsend, "Differentiating the singular value decomposition" (2016); the phase of
    complex vectors as in Wan and Zhang, "Automatic differentiation for complex valued
    SVD", arXiv:1909.02659.
    """
    (x,), (t,) = primals, tangents
    m, n = shape_of(x)[-2:]
    if compute_uv and full_matrices and m != n:
        raise NotImplementedError(
            "Singular value decomposition JVP not implemented for full matrices"
        )
    s, u, v = svd_p.bind(
        x,
        full_matrices=False,
        compute_uv=True,
        subset_by_index=subset_by_index,
        algorithm=algorithm,
    )
    outs = [s, u, v] if compute_uv else [s]
    if type(t) is Zero:
        return outs, [Zero.of(out) for out in outs]
    u_adjoint, v_adjoint = adjoint(u), adjoint(v)
    row = expand(s, (len(shape_of(s)) - 1,))
    inner = _product(_product(u_adjoint, t), v_adjoint)
    d_s = diagonal(real(inner) if is_complex(x) else inner)
    if not compute_uv:
        return outs, [d_s]
    d_u, d_v = _vector_tangents(x, t, s, row, u, v, u_adjoint, v_adjoint, inner)
    return outs, [d_s, d_u, adjoint(d_v)]


def _product(x, y):
    return matmul(x, y, Precision.HIGHEST, dtype_of(x))


def _vector_tangents(x, t, s, row, u, v, u_adjoint, v_adjoint, inner):
    dtype = dtype_of(x)
    m, n = shape_of(x)[-2:]
    gaps = _inverse_square_gaps(row)
    scaled = mul(convert_element_type(row, dtype), inner)
    from_left = mul(swap(convert_element_type(row, dtype)), inner)
    inverse = _diagonal_of(_inverse(s))
    turning = sub(inner, adjoint(inner))
    turning = mul(constant_like(0.5, turning), turning)
    turning = mul(turning, convert_element_type(inverse, dtype))
    gaps_u = mul(convert_element_type(gaps, dtype), add(scaled, adjoint(scaled)))
    d_u = _product(u, add(gaps_u, turning))
    gaps_v = mul(convert_element_type(gaps, dtype), add(from_left, adjoint(from_left)))
    d_v = _product(v_adjoint, gaps_v)
    if m > n:
        d_u = add(d_u, _outside(_product(t, v_adjoint), u, u_adjoint, row))
    if n > m:
        d_v = add(d_v, _outside(_product(adjoint(t), u), v_adjoint, v, row))
    return d_u, d_v


def _outside(moved, basis, basis_adjoint, row):
    """The part of the moved vectors that leaves the space they span."""
    rest = sub(moved, _product(basis, _product(basis_adjoint, moved)))
    return div(rest, convert_element_type(row, dtype_of(rest)))


def _inverse_square_gaps(row):
    """1 / (s_j^2 - s_i^2) off the diagonal, 0 on it."""
    squares = mul(add(row, swap(row)), sub(row, swap(row)))
    unit = to_rank(eye(shape_of(row)[-1], dtype_of(row)), len(shape_of(row)))
    return sub(div(constant_like(1, row), add(squares, unit)), unit)


def _inverse(s):
    """1 / s, and 0 for 0."""
    zeros = convert_element_type(eq(s, constant_like(0, s)), dtype_of(s))
    return sub(div(constant_like(1, s), add(s, zeros)), zeros)


def _diagonal_of(s):
    """Matrices with these diagonals."""
    *lead, n = shape_of(s)
    k = len(lead)
    places = iota(np.int32, n)
    numbers = ScatterDimensionNumbers(tuple(range(k)), (k, k + 1), (k, k + 1))
    return scatter(
        full_like(s, 0, shape=(*lead, n, n)),
        diagonal_indices(places),
        s,
        numbers,
        mode=GatherScatterMode.FILL_OR_DROP,
    )


def _svd_lower(
    b, ins, out_avals, *, full_matrices, compute_uv, subset_by_index, algorithm=None
):
    check_lapack(b, ins[0].dtype)
    m, n = ins[0].shape[-2:]
    if subset_by_index not in (None, (0, min(m, n))):
        raise NotImplementedError("subset_by_index not implemented for CPU and GPU")
    if algorithm in (SvdAlgorithm.JACOBI, SvdAlgorithm.POLAR):
        raise NotImplementedError(
            "The SVD Jacobi and Polar algorithms are not implemented on CPU."
        )
    if not out_avals[0].size:
        return [_identity(b, aval) for aval in out_avals]
    mode = 0 if not compute_uv else 2 if full_matrices else 1
    ranks = [1, 2, 2][: len(out_avals)]
    return lapack(b, "SVD", [columns(b, ins[0])], out_avals, ranks, [mode])


def _identity(b, aval):
    if not aval.size:
        return b.full(aval, 0)
    return b.constant(np.eye(aval.shape[-1], dtype=aval.dtype)).broadcast(
        aval.shape, (len(aval.shape) - 2, len(aval.shape) - 1)
    )


svd_p = define(
    "svd",
    multiple_results=True,
    shape=weak_of_weak(_svd_shape),
    reference=_svd_reference,
    jvp=_svd_jvp,
    transpose=NOT_LINEAR,
    batch=batch_of(lambda: svd_p),
    lower=_svd_lower,
)

"""Rows for ops/linalg*.py.

Inputs are small; what a row decomposes is `well(x)`: x with a strong diagonal, so that
eigenvalues are apart and nothing is nearly singular.
"""

import numpy as np

from compat_tests.op_cases import F32, A, case, error

BOTH = ("float32", "complex64")
_TOL = {"float32": 3e-4, "complex64": 3e-4}
_DIAGONAL = (4.0, -9.0, 15.0, 23.0)


def well(lax, x):
    """`x` plus a diagonal matrix that dominates it."""
    m, n = x.shape[-2:]
    strong = np.zeros((m, n), x.dtype)
    for k in range(min(m, n)):
        strong[k, k] = _DIAGONAL[k]
    return lax.add(x, np.broadcast_to(strong, x.shape))


def positive(lax, x):
    """A Hermitian positive definite matrix."""
    n = x.shape[-1]
    strong = np.diag(np.array(_DIAGONAL[:n], x.dtype) ** 2)
    return lax.add(x, np.broadcast_to(strong, x.shape))


def sizes(lax, values, *vectors):
    """The values, and the squared sizes of the vectors' elements.

    Their signs (and phases) hang on the rounding of elements near zero.
    """
    return [values, *[lax.real(lax.mul(v, lax.conj(v))) if v.dtype.kind == "c"
                      else lax.mul(v, v) for v in vectors]]  # fmt: skip


def eigh(lax, x, **options):
    """Eigenvalues, and sizes of the eigenvectors' elements."""
    v, w = lax.linalg.eigh(well(lax, x), **options)
    return sizes(lax, w, v)


def eigenvalues(lax, x):
    """The parts of the eigenvalues, sorted: their order is LAPACK's business."""
    (w,) = lax.linalg.eig(
        well(lax, x),
        compute_left_eigenvectors=False,
        compute_right_eigenvectors=False,
    )
    return [lax.sort(lax.real(w)), lax.sort(lax.imag(w))]


def svd(lax, x, **options):
    """Singular values, and sizes of the singular vectors' elements."""
    u, s, v = lax.linalg.svd(well(lax, x), **options)
    return sizes(lax, s, u, v)


def row(name, fun, *shapes, **options):
    """A row over floats and complex numbers of moderate size."""
    shapes = shapes or ((3, 3),)
    options = {"dtypes": BOTH, "values": "unit", "tol": _TOL, **options}
    return case(name, fun, *[A(*shape) for shape in shapes], **options)


def _solve(**how):
    return lambda lax, a, b: lax.linalg.triangular_solve(well(lax, a), b, **how)


_SQUARE, _BATCH = (3, 3), (2, 3, 3)
_CHOLESKY = [
    row("cholesky", lambda lax, x: lax.linalg.cholesky(positive(lax, x))),
    row("cholesky-batch", lambda lax, x: lax.linalg.cholesky(positive(lax, x)), _BATCH),
    row(
        "cholesky-lower-read",
        lambda lax, x: lax.linalg.cholesky(positive(lax, x), symmetrize_input=False),
    ),
    row(
        "cholesky-fails",
        lambda lax, x: lax.linalg.cholesky(lax.neg(positive(lax, x))),
        diff=False,
    ),
    row("cholesky-empty", lambda lax, x: lax.linalg.cholesky(x), (0, 0), vmap=False),
]
_TRIANGULAR = [
    row(
        f"triangular_solve-{label}",
        _solve(**how),
        *shapes,
        vmap=label != "batch",
    )
    for label, how, shapes in (
        ("left", {"left_side": True, "lower": True}, (_SQUARE, (3, 2))),
        ("left-wide", {"left_side": True, "transpose_a": True}, (_SQUARE, (3, 5))),
        ("right", {"conjugate_a": True}, (_SQUARE, (2, 3))),
        (
            "right-tall",
            {"lower": True, "transpose_a": True, "conjugate_a": True},
            (_SQUARE, (5, 3)),
        ),
        ("unit", {"left_side": True, "unit_diagonal": True}, (_SQUARE, (3, 2))),
        ("batch", {"left_side": True}, (_BATCH, (2, 3, 2))),
        ("vector", {"left_side": True}, (_BATCH, (2, 3))),
    )
]
_LU = [
    *[
        row(
            f"lu-{'x'.join(map(str, shape))}",
            lambda lax, x: lax.linalg.lu(well(lax, x))[0],
            shape,
            diff_jaxpr=len(shape) == 2,
        )
        for shape in (_SQUARE, (4, 3), (3, 4), _BATCH)
    ],
    row("lu-pivots", lambda lax, x: lax.linalg.lu(x), (4, 3), diff=False),
    row("lu-empty", lambda lax, x: lax.linalg.lu(x), (3, 0), diff=False, vmap=False),
    case(
        "lu_pivots_to_permutation",
        lambda lax, p: lax.linalg.lu_pivots_to_permutation(p, 5),
        A(2, 3, dtype="int32", values="small"),
        dtypes=F32,
        diff=False,
    ),
    row(
        "tridiagonal_solve",
        lambda lax, dl, d, du, b: lax.linalg.tridiagonal_solve(
            dl, lax.add(d, np.full(4, 5, d.dtype)), du, b
        ),
        (4,),
        (4,),
        (4,),
        (4, 2),
        diff_jaxpr=False,
    ),
    row(
        "tridiagonal_solve-singular",
        lambda lax, dl, d, du, b: lax.linalg.tridiagonal_solve(
            dl * 0, d * 0, du * 0, b
        ),
        (3,),
        (3,),
        (3,),
        (3, 1),
        diff=False,
        vmap=False,
    ),
]
_QR = [
    *[
        row(
            f"qr-{label}-{'x'.join(map(str, shape))}",
            lambda lax, x, full=full: lax.linalg.qr(well(lax, x), full_matrices=full),
            shape,
            diff_jaxpr=shape[-1] == shape[-2] or (shape[-1] == 3 and not full),
        )
        for label, full in (("thin", False), ("full", True))
        for shape in (_SQUARE, (4, 3), (3, 4), (2, 4, 3))
    ],
    row(
        "qr-pivoting",
        lambda lax, x: lax.linalg.qr(well(lax, x), pivoting=True),
        diff=False,
    ),
    row("qr-empty", lambda lax, x: lax.linalg.qr(x), (3, 0), diff=False, vmap=False),
    row("householder_product", lambda lax, a, t: lax.linalg.householder_product(a, t),
        (4, 3), (2,), diff=False),
    *[
        row(
            f"ormqr-{left}-{transpose}",
            lambda lax, a, t, c, left=left, transpose=transpose: lax.linalg.ormqr(
                a, t, c, left=left, transpose=transpose
            ),
            (4, 3),
            (3,),
            (4, 2) if left else (2, 4),
            diff=False,
        )
        for left in (True, False)
        for transpose in (True, False)
    ],
]  # fmt: skip
_EIGEN = [
    row("eigh", eigh),
    row("eigh-batch", eigh, _BATCH),
    row(
        "eigh-upper",
        lambda lax, x: eigh(lax, x, symmetrize_input=False, lower=False),
    ),
    row("eigh-empty", lambda lax, x: lax.linalg.eigh(x), (0, 0), vmap=False,
        diff_jaxpr=False),
    row(
        "eigenvalues",
        eigenvalues,
        diff_jaxpr=False,
    ),
    row("hessenberg", lambda lax, x: lax.linalg.hessenberg(well(lax, x)), (4, 4),
        diff=False),
]  # fmt: skip
_SVD = [
    *[
        row(
            f"svd-{'x'.join(map(str, shape))}",
            lambda lax, x: svd(lax, x, full_matrices=False),
            shape,
        )
        for shape in (_SQUARE, (4, 3), (3, 4), (2, 4, 3))
    ],
    row("svd-full", svd, (4, 3), diff=False),
    row("svd-values", lambda lax, x: lax.linalg.svd(well(lax, x), compute_uv=False)),
    row("svd-empty", lambda lax, x: lax.linalg.svd(x), (0, 3), diff=False, vmap=False),
]
_UPDATES = [
    row(
        "symmetric_product",
        lambda lax, a, c: lax.linalg.symmetric_product(
            a, lax.add(c, lax.transpose(c, (1, 0))), alpha=2.0, beta=0.5
        ),
        (3, 4),
        (3, 3),
        dtypes=F32,
        diff=False,
    ),
    row(
        "cholesky_update",
        lambda lax, r, w: lax.linalg.cholesky_update(
            lax.mul(positive(lax, r), np.triu(np.ones((3, 3), r.dtype))), w
        ),
        (3, 3),
        (3,),
        dtypes=F32,
        diff=False,
        vmap=False,
    ),
]
_ERRORS = [
    error("lu-vector", lambda lax, x: lax.linalg.lu(x), A(3), dtypes=F32),
    error("lu-integers", lambda lax, x: lax.linalg.lu(x), A(3, 3), dtypes=("int32",)),
    error("qr-vector", lambda lax, x: lax.linalg.qr(x), A(3), dtypes=F32),
    error("svd-vector", lambda lax, x: lax.linalg.svd(x), A(3), dtypes=F32),
    error("eig-wide", lambda lax, x: lax.linalg.eig(x), A(3, 2), dtypes=F32),
    error("schur-wide", lambda lax, x: lax.linalg.schur(x), A(3, 2), dtypes=F32),
    error("hessenberg-wide", lambda lax, x: lax.linalg.hessenberg(x), A(2, 3),
          dtypes=F32),
    error("tridiagonal-wide", lambda lax, x: lax.linalg.tridiagonal(x), A(2, 3),
          dtypes=F32),
    error("triangular-wide", lambda lax, a, b: lax.linalg.triangular_solve(a, b),
          A(3, 2), A(3, 2), dtypes=F32),
    error("triangular-shapes", lambda lax, a, b: lax.linalg.triangular_solve(a, b),
          A(3, 3), A(2, 2), dtypes=F32),
    error("householder-wide",
          lambda lax, a, t: lax.linalg.householder_product(a, t), A(2, 3), A(2),
          dtypes=F32),
    error("householder-taus",
          lambda lax, a, t: lax.linalg.householder_product(a, t), A(3, 2), A(3),
          dtypes=F32),
    error("permutation-size",
          lambda lax, p: lax.linalg.lu_pivots_to_permutation(p, 2),
          A(3, dtype="int32"), dtypes=F32),
    error("tridiagonal_solve-diagonals",
          lambda lax, a, b, c: lax.linalg.tridiagonal_solve(a, b, a, c),
          A(3), A(2), A(3, 1), dtypes=F32),
    error("svd-subset",
          lambda lax, x: [lax.linalg.svd(x, subset_by_index=(0, 1))], A(3, 2),
          dtypes=F32),
]  # fmt: skip

CASES = [*_CHOLESKY, *_TRIANGULAR, *_LU, *_QR, *_EIGEN, *_SVD, *_UPDATES, *_ERRORS]

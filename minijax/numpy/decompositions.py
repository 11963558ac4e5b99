"""Decompositions of matrices, for `jax.numpy.linalg`."""

from collections import namedtuple

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    ensure_arraylike,
    is_complex,
    promote_dtypes_inexact,
)
from minijax.ops import linalg_triangular as triangular_ops
from minijax.ops.linalg_eigen import eig as eig_op
from minijax.ops.linalg_eigen import eigh as eigh_op
from minijax.ops.linalg_qr import geqrf
from minijax.ops.linalg_qr import qr as qr_op
from minijax.ops.linalg_svd import svd as svd_op

EigResult = namedtuple("EigResult", "eigenvalues eigenvectors")
EighResult = namedtuple("EighResult", "eigenvalues eigenvectors")
QRResult = namedtuple("QRResult", "Q R")
SlogdetResult = namedtuple("SlogdetResult", "sign logabsdet")
SVDResult = namedtuple("SVDResult", "U S Vh")


def matrix(name, a):
    """The argument of a linalg function as an array of floating point numbers."""
    (a,) = promote_dtypes_inexact(*ensure_arraylike(f"jnp.linalg.{name}", a))
    return asarray(a)


def _square(name, a):
    a = matrix(name, a)
    if a.ndim < 2:
        raise ValueError(
            f"{a.ndim}-dimensional array given. Array must be at least two-dimensional"
        )
    if a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"Last 2 dimensions of the array must be square: got shape {a.shape}"
        )
    return a


def adjoint(x):
    """The conjugate transpose of the last two axes."""
    x = jnp.matrix_transpose(x)
    return lax.conj(x) if is_complex(x) else x


# --- decompositions -------------------------------------------------------------------


@jit(static_argnames=("upper", "symmetrize_input"))
def cholesky(a, *, upper=False, symmetrize_input=True):
    """The lower factor L of a = L Lᴴ (the upper one if asked); NaN if there is none.

    Args:
        a: array of Hermitian, positive matrices in the last two axes.
        upper: whether to give the upper factor.
        symmetrize_input: whether to take the mean of `a` and its adjoint first.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.linalg.cholesky(jnp.array([[4.0, 2.0], [2.0, 5.0]]))
        Array([[2., 0.],
               [1., 2.]], dtype=float32)
    """
    a = matrix("cholesky", a)
    factor = triangular_ops.cholesky(a, symmetrize_input=symmetrize_input)
    return adjoint(factor) if upper else factor


@jit(static_argnames=("mode",))
def qr(a, mode="reduced"):
    """(Q, R) with a = Q R;

    Args:
        a: array of matrices in the last two axes.
        mode: 'reduced' (or 'full'), 'complete' for a square Q, 'r' for R alone, or
            'raw' for reflections.

    Returns:
        A named tuple (Q, R), or R.

    Examples:
        >>> jnp.abs(jnp.linalg.qr(jnp.array([[3.0, 0.0], [4.0, 5.0]])).R).round(3)
        Array([[5.       , 4.       ],
               [0.       , 3.0000002]], dtype=float32)
    """
    a = matrix("qr", a)
    if mode == "raw":
        packed, taus = geqrf(a)
        return QRResult(jnp.matrix_transpose(packed), taus)
    if mode not in ("reduced", "r", "full", "complete"):
        raise ValueError(f"Unsupported QR decomposition mode '{mode}'")
    q, r = qr_op(a, full_matrices=mode == "complete")
    return r if mode == "r" else QRResult(q, r)


@jit(static_argnames=("full_matrices", "compute_uv", "hermitian", "subset_by_index"))
def svd(a, full_matrices=True, compute_uv=True, hermitian=False, subset_by_index=None):
    """(U, S, Vᴴ) with a = U diag(S) Vᴴ, or S alone; S descends.

    Args:
        a: array of matrices in the last two axes.
        full_matrices: whether U and V are square.
        compute_uv: whether to give U and V.
        hermitian: whether `a` is, so that its eigenvalues serve.
        subset_by_index: (start, end) of the singular values to give, None for all.

    Returns:
        A named tuple (U, S, Vh), or S.

    Examples:
        >>> jnp.linalg.svd(jnp.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False)
        Array([4., 3.], dtype=float32)
    """
    a = matrix("svd", a)
    if hermitian:
        return _svd_hermitian(a, compute_uv, subset_by_index)
    options = {} if subset_by_index is None else {"subset_by_index": subset_by_index}
    if not compute_uv:
        return svd_op(a, full_matrices=full_matrices, compute_uv=False, **options)
    u, s, vh = svd_op(a, full_matrices=full_matrices, compute_uv=True, **options)
    return SVDResult(u, s, vh)


def _svd_hermitian(a, compute_uv, subset_by_index):
    v, w = eigh_op(a, subset_by_index=subset_by_index)
    s = lax.abs(w)
    order = jnp.argsort(s, axis=-1)[..., ::-1]
    s = jnp.take_along_axis(s, order, -1)
    if not compute_uv:
        return s
    signs = jnp.take_along_axis(lax.sign(w), order, -1)
    v = jnp.take_along_axis(v, order[..., None, :], -1)
    return SVDResult(v, s, adjoint(v * signs[..., None, :].astype(v.dtype)))


def svdvals(x, /):
    """The singular values of matrices, descending.

    Args:
        x: array of matrices in the last two axes.

    Returns:
        An array with a last axis of the values.

    Examples:
        >>> jnp.linalg.svdvals(jnp.array([[3.0, 0.0], [0.0, 4.0]]))
        Array([4., 3.], dtype=float32)
    """
    return svd(x, compute_uv=False, hermitian=False)


@jit(static_argnames=("UPLO", "symmetrize_input"))
def eigh(a, UPLO=None, symmetrize_input=True):
    """(eigenvalues ascending, eigenvectors in columns) of Hermitian matrices.

    Args:
        a: array of Hermitian matrices in the last two axes.
        UPLO: 'L' or 'U', the triangle to read, unless the input is symmetrised.
        symmetrize_input: whether to take the mean of `a` and its adjoint first.

    Returns:
        A named tuple: eigenvalues, eigenvectors.

    Examples:
        >>> jnp.linalg.eigh(jnp.array([[2.0, 1.0], [1.0, 2.0]])).eigenvalues.round(3)
        Array([1.       , 3.0000002], dtype=float32)
    """
    a = matrix("eigh", a)
    if UPLO is not None and UPLO not in ("L", "U"):
        raise ValueError(f"UPLO must be one of None, 'L', or 'U', got {UPLO}")
    v, w = eigh_op(a, lower=UPLO != "U", symmetrize_input=symmetrize_input)
    return EighResult(w, v)


@jit(static_argnames=("UPLO", "symmetrize_input"))
def eigvalsh(a, UPLO="L", *, symmetrize_input=True):
    """The eigenvalues of Hermitian matrices, ascending.

    Args:
        a: array of Hermitian matrices in the last two axes.
        UPLO: 'L' or 'U', the triangle to read, unless the input is symmetrised.
        symmetrize_input: whether to take the mean of `a` and its adjoint first.

    Returns:
        An array with a last axis of the values.

    Examples:
        >>> jnp.linalg.eigvalsh(jnp.array([[2.0, 1.0], [1.0, 2.0]])).round(3)
        Array([1.       , 3.0000002], dtype=float32)
    """
    return eigh(matrix("eigvalsh", a), UPLO, symmetrize_input)[0]


def eig(a):
    """(eigenvalues, right eigenvectors in columns) of square matrices, both complex.

    Args:
        a: array of square matrices in the last two axes.

    Returns:
        A named tuple: eigenvalues, eigenvectors.

    Examples:
        >>> jnp.sort(jnp.linalg.eig(jnp.array([[1.0, 2.0], [0.0, 3.0]])).eigenvalues.real)
        Array([1., 3.], dtype=float32)
    """
    a = matrix("eig", a)
    w, v = eig_op(a, compute_left_eigenvectors=False)
    return EigResult(w, v)


@jit
def eigvals(a):
    """The eigenvalues of square matrices, complex.

    Args:
        a: array of square matrices in the last two axes.

    Returns:
        An array with a last axis of the values.

    Examples:
        >>> jnp.sort(jnp.linalg.eigvals(jnp.array([[1.0, 2.0], [0.0, 3.0]])).real)
        Array([1., 3.], dtype=float32)
    """
    a = matrix("eigvals", a)
    return eig_op(a, compute_left_eigenvectors=False, compute_right_eigenvectors=False)[
        0
    ]

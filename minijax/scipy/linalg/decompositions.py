"""Decompositions with SciPy's signatures.

`overwrite_*`, `check_finite`, `lwork` and `turbo` are accepted: they have no effect.
"""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.decompositions import adjoint
from minijax.numpy.linalg import svd as numpy_svd
from minijax.numpy.promotion import (
    convert,
    ensure_arraylike,
    is_complex,
    promote_dtypes_inexact,
)
from minijax.ops import linalg_eigen as eigen_ops
from minijax.ops import linalg_lu as lu_ops
from minijax.ops import linalg_qr as qr_ops
from minijax.ops import linalg_triangular as triangular_ops


def matrix(name, *args):
    """The arguments of a function, also nested lists, as arrays of one floating dtype."""
    args = [jnp.asarray(x) if isinstance(x, (list, tuple)) else x for x in args]
    args = promote_dtypes_inexact(*ensure_arraylike(f"jax.scipy.linalg.{name}", *args))
    return tuple([jnp.asarray(x) for x in args])


# --- cholesky, lu, qr -----------------------------------------------------------------


def _factor(a, lower):
    a = jnp.asarray(a) if lower else adjoint(jnp.asarray(a))
    factor = triangular_ops.cholesky(a, symmetrize_input=False)
    return factor if lower else adjoint(factor)


@jit(static_argnames=("lower", "overwrite_a", "check_finite"))
def cholesky(a, lower=False, overwrite_a=False, check_finite=True):
    """The upper factor U of a = U^H U, or the lower L of a = L L^H; NaN if there is
    none.
    """
    (a,) = matrix("cholesky", a)
    return _factor(a, lower)


def cho_factor(a, lower=False, overwrite_a=False, check_finite=True):
    """(factor, lower), for `cho_solve`."""
    return cholesky(a, lower=lower), lower


@jit(static_argnames=("overwrite_a", "check_finite"))
def lu_factor(a, overwrite_a=False, check_finite=True):
    """(L and U in one matrix, pivots), for `lu_solve`."""
    (a,) = matrix("lu_factor", a)
    factors, pivots, _ = lu_ops.lu(a)
    return factors, pivots


@jit(static_argnames=("permute_l", "overwrite_a", "check_finite"))
def lu(a, permute_l=False, overwrite_a=False, check_finite=True):
    """(P, L, U) with a = P L U; (P L, U) with `permute_l`."""
    (a,) = matrix("lu", a)
    factors, _, permutation = lu_ops.lu(a)
    m, n = a.shape[-2:]
    k = min(m, n)
    rows = jnp.arange(m, dtype=permutation.dtype)
    p = (permutation[..., None, :] == rows[:, None]).astype(a.real.dtype)
    lower = jnp.tril(factors, -1)[..., :, :k] + jnp.eye(m, k, dtype=a.dtype)
    upper = jnp.triu(factors)[..., :k, :]
    if permute_l:
        return jnp.matmul(
            p.astype(a.dtype), lower, precision=lax.Precision.HIGHEST
        ), upper
    return p, lower, upper


def _qr_mode(mode):
    modes = {"full": True, "r": True, "economic": False}
    if mode not in modes:
        raise ValueError(f"Unsupported QR decomposition mode '{mode}'")
    return modes[mode]


@jit(static_argnames=("overwrite_a", "lwork", "mode", "pivoting", "check_finite"))
def qr(
    a, overwrite_a=False, lwork=None, mode="full", pivoting=False, check_finite=True
):
    """(Q, R), or (R,) for mode 'r'; with `pivoting` also the order of the columns.

    mode: 'full', 'economic' or 'r'.
    """
    (a,) = matrix("qr", a)
    q, *rest = qr_ops.qr(a, pivoting=pivoting, full_matrices=_qr_mode(mode))
    return tuple(rest) if mode == "r" else (q, *rest)


@jit(static_argnames=("mode", "pivoting", "conjugate", "overwrite_a", "overwrite_c"))
def qr_multiply(
    a,
    c,
    mode="right",
    pivoting=False,
    conjugate=False,
    overwrite_a=False,
    overwrite_c=False,
):
    """(c Q, R), or (Q c, R) for mode 'left', with Q of a = Q R; then the column order.

    conjugate: use the conjugate of Q.
    """
    a, c = matrix("qr_multiply", a, c)
    if mode not in ("left", "right"):
        raise ValueError(
            f"Mode argument should be one of ['left', 'right'], got '{mode}'"
        )
    vector = c.ndim == 1
    if vector:
        c = c[:, None] if mode == "left" else c[None, :]
    q, *rest = qr_ops.qr(a, pivoting=pivoting, full_matrices=False)
    q = jnp.conj(q) if conjugate else q
    out = jnp.matmul(q, c) if mode == "left" else jnp.matmul(c, q)
    if vector:
        out = out[:, 0] if mode == "left" else out[0]
    return (out, *rest)


# --- eigenvalues ----------------------------------------------------------------------


@jit(static_argnames=("lower", "eigvals_only"))
def _eigh(a, lower, eigvals_only):
    v, w = eigen_ops.eigh(a, lower=lower)
    return w if eigvals_only else (w, v)


def eigh(
    a,
    b=None,
    lower=True,
    eigvals_only=False,
    overwrite_a=False,
    overwrite_b=False,
    turbo=True,
    eigvals=None,
    type=1,
    check_finite=True,
):
    """(eigenvalues ascending, eigenvectors in columns) of Hermitian `a`."""
    if b is not None:
        raise NotImplementedError("Only the b=None case of eigh is implemented")
    if type != 1:
        raise NotImplementedError("Only the type=1 case of eigh is implemented.")
    if eigvals is not None:
        raise NotImplementedError("Only the eigvals=None case of eigh is implemented.")
    (a,) = matrix("eigh", a)
    return _eigh(a, lower=lower, eigvals_only=eigvals_only)


def eigh_tridiagonal(
    d, e, *, eigvals_only=False, select="a", select_range=None, tol=None, key=None
):
    """Eigenvalues (and eigenvectors) of the Hermitian matrix with diagonals d and e.

    select: 'a' all; 'i' those of the indices first .. last in `select_range`.
    """
    (d,), (e,) = [
        ensure_arraylike("jax.scipy.linalg.eigh_tridiagonal", x) for x in (d, e)
    ]
    d, e = jnp.asarray(d), jnp.asarray(e)
    if d.dtype.kind not in "fc" or d.dtype.itemsize < 4:
        raise TypeError(
            "Only float32 and float64 inputs are supported as inputs to "
            f"jax.scipy.linalg.eigh_tridiagonal, got {d.dtype} and {e.dtype}"
        )
    if d.dtype != e.dtype:
        raise TypeError(
            "diagonal and off-diagonal values must have same dtype, got "
            f"{d.dtype} and {e.dtype}"
        )
    if select not in ("a", "i", "v"):
        raise ValueError("'select must have a value in {'a', 'i', 'v'}.")
    if select == "v":
        raise NotImplementedError(
            "eigh_tridiagonal(..., select='v') is not implemented"
        )
    below = jnp.diag(e, -1) if d.shape[0] > 1 else 0
    whole = jnp.diag(d) + below + adjoint(below) if d.shape[0] > 1 else jnp.diag(d)
    v, w = eigen_ops.eigh(whole, symmetrize_input=False)
    if select == "i":
        if select_range is None:
            raise ValueError("for select='i', select_range must be specified.")
        first, last = select_range
        if first > last:
            raise ValueError("Got empty index range in select_range.")
        w, v = w[first : last + 1], v[:, first : last + 1]
    return w if eigvals_only else (w, v)


@jit(static_argnames=("output",))
def schur(a, output="real"):
    """[T, Z] with a = Z T Z^H, T upper triangular, or with 2x2 blocks if it is real."""
    if output not in ("real", "complex"):
        raise ValueError(
            f"Expected 'output' to be either 'real' or 'complex', got {output=}."
        )
    (a,) = matrix("schur", a)
    if output == "complex":
        a = a.astype(np.result_type(a.dtype, np.complex64))
    return list(eigen_ops.schur(a))


@jit(static_argnames=("check_finite",))
def rsf2csf(T, Z, check_finite=True):
    """The complex Schur form [T, Z] that a real one goes over into.

    Golub and Van Loan, Matrix Computations, 7.4: a rotation for each 2x2 block.
    """
    T, Z = matrix("rsf2csf", T, Z)
    for name, x in (("Z", Z), ("T", T)):
        if x.ndim != 2 or x.shape[0] != x.shape[1]:
            raise ValueError(f"Input {name!r} must be square.")
    if T.shape[0] != Z.shape[0]:
        raise ValueError(
            f"Input array shapes must match: Z: {Z.shape} vs. T: {T.shape}"
        )
    eps = float(jnp.finfo(T.dtype).eps)
    dtype = np.result_type(T.dtype, np.complex64)
    n = T.shape[0]
    if n < 2:
        return T.astype(dtype), Z.astype(dtype)

    def step(k, pair):
        t, z = pair
        m = n - 1 - k
        block = lax.dynamic_slice(t, (m - 1, m - 1), (2, 2))
        size = abs(block[0, 0]) + abs(block[1, 1])
        small = abs(block[1, 0]) <= eps * size
        w = eigen_ops.eig(
            block, compute_left_eigenvectors=False, compute_right_eigenvectors=False
        )[0]
        mu = w[0] - block[1, 1]
        r = jnp.hypot(abs(mu), abs(block[1, 0])).astype(dtype)
        c = jnp.where(small, 1, mu / r)
        s = jnp.where(small, 0, block[1, 0] / r)
        g = jnp.array([[c.conj(), s], [-s, c]])
        rows = lax.dynamic_slice(t, (m - 1, 0), (2, n))
        t = lax.dynamic_update_slice(t, g @ rows, (m - 1, 0))
        columns = lax.dynamic_slice(t, (0, m - 1), (n, 2))
        t = lax.dynamic_update_slice(t, columns @ g.conj().T, (0, m - 1))
        t = t.at[m, m - 1].set(0)
        columns = lax.dynamic_slice(z, (0, m - 1), (n, 2))
        return t, lax.dynamic_update_slice(z, columns @ g.conj().T, (0, m - 1))

    return lax.fori_loop(0, n - 1, step, (T.astype(dtype), Z.astype(dtype)))


@jit(static_argnames=("calc_q", "overwrite_a", "check_finite"))
def hessenberg(a, *, calc_q=False, overwrite_a=False, check_finite=True):
    """H, zero below its subdiagonal; with `calc_q` (H, Q) where a = Q H Q^H."""
    (a,) = matrix("hessenberg", a)
    n = a.shape[-1]
    if n == 0:
        return (a, a) if calc_q else a
    packed, taus = eigen_ops.hessenberg(a)
    h = jnp.triu(packed, -1)
    if not calc_q:
        return h
    inner = qr_ops.householder_product(packed[..., 1:, :-1], taus)
    q = jnp.zeros_like(a).at[..., 0, 0].set(1)
    return h, q.at[..., 1:, 1:].set(inner)


# --- singular values ------------------------------------------------------------------


def svd(
    a,
    full_matrices=True,
    compute_uv=True,
    overwrite_a=False,
    check_finite=True,
    lapack_driver="gesdd",
):
    """(U, s, V^H) with a = U diag(s) V^H, or s alone."""
    (a,) = matrix("svd", a)
    out = numpy_svd(a, full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(out) if compute_uv else out


@jit(static_argnames=("side", "method", "eps", "max_iterations"))
def polar(a, side="right", *, method="qdwh", eps=None, max_iterations=None):
    """(U, P) with a = U P ('right') or a = P U ('left'), P Hermitian, from the SVD of
    matrices.

    method, eps, max_iterations: accepted; every method gives the same factors.
    """
    (a,) = matrix("polar", a)
    if a.ndim < 2:
        raise ValueError("The input `a` must be at least a 2-D array.")
    if side not in ("right", "left"):
        raise ValueError("The argument `side` must be either 'right' or 'left'.")
    if method not in ("qdwh", "svd"):
        raise ValueError(f"Unknown polar decomposition method {method}.")
    if method == "qdwh" and (a.shape[-2] >= a.shape[-1]) != (side == "right"):
        raise NotImplementedError(
            "method='qdwh' only supports mxn matrices where m < n where side='right' "
            f"and m >= n side='left', got {a.shape} with {side=}"
        )
    u, s, vh = numpy_svd(a, full_matrices=False)
    s = s.astype(a.dtype)[..., None, :]
    p = (adjoint(vh) * s) @ vh if side == "right" else (u * s) @ adjoint(u)
    unitary = u @ vh
    return convert(unitary, unitary.dtype) if method == "qdwh" else unitary, p


def real_if(condition, x):
    """The real part of `x` where the condition (static) holds."""
    return x.real if condition and is_complex(x) else x

"""The largest eigenpairs of a symmetric matrix, by LOBPCG.

The method (Knyazev 2001, in the form of Duersch et al. 2018) keeps a block X of the best
vectors so far, a block P of the directions they last moved in, and the residuals R. Each
turn solves the small eigenproblem of the matrix on the space that the three span. The
basis is kept orthonormal throughout: columns that depend on others are set to zero rather
than divided by what rounding left of them.
"""

import functools

import numpy as np

from minijax import lax
from minijax import numpy as jnp
from minijax.array import ArrayImpl
from minijax.control.call import jit
from minijax.core import Tracer

_CLEAN = 0.99  # the norm below which a normalized column has lost what it was


def lobpcg_standard(A, X, m=100, tol=None):
    """The k largest eigenvalues and their vectors of a symmetric matrix.

    Args:
        A: the matrix (n, n), or a function of an array (n, columns) that applies it.
        X: where the search starts, (n, k): linearly independent columns, 5 k < n.
        m: the most turns.
        tol: a pair has converged when |A v - w v| < 10 n tol (w + |A v|); None: the
            precision of the dtype.

    Returns (eigenvalues (k,), from the largest; vectors (n, k); the turns made).
    ValueError where shapes or dtypes do not fit. There are no derivatives.
    """
    matrix = isinstance(A, (ArrayImpl, Tracer, np.ndarray))
    run = _lobpcg_standard_matrix if matrix else _lobpcg_standard_callable
    return run(A, X, m, tol, debug=False)


@functools.partial(jit, static_argnames=("m", "debug"))
def _lobpcg_standard_matrix(A, X, m, tol, debug=False):
    return _lobpcg_standard_callable(functools.partial(_mm, A), X, m, tol, debug)


@functools.partial(jit, static_argnames=("A", "m", "debug"))
def _lobpcg_standard_callable(A, X, m, tol, debug=False):
    """As `lobpcg_standard`; `debug`: all m turns, and what each of them found."""
    _check(A, X)
    n, k = X.shape
    if tol is None:
        tol = float(jnp.finfo(X.dtype).eps)
    X = _orthonormal(X)
    P = _perpendicular(X)
    AX = A(X)
    theta = jnp.sum(X * AX, axis=0)
    start = 0, X, P, AX - theta[None, :] * X, 0, theta

    def turn(state):
        i, X, P, R, _, _ = state
        R = _without(jnp.concatenate([X, P], axis=1), R)
        basis = jnp.concatenate([X, P, R], axis=1)
        theta, Q = _eigh_descending(_mm(basis.T, A(basis)))
        X = _normalized(_mm(basis, _normalized(Q[:, :k])))
        # The directions: what of the step is not along the old X, orthogonal to the new
        # one within the small space, hence within the large one too.
        moved, _ = jnp.linalg.qr(Q[:k, k:].T)
        P = _normalized(_mm(basis, _mm(Q[:, k:], moved)))
        AX, theta = A(X), theta[:k]
        R = AX - theta[None, :] * X
        error = _norms(R) / (10 * n * (_norms(AX) + theta))
        converged = jnp.sum(error < tol)
        state = i + 1, X, P, R, converged, theta
        return (state, _found(basis, state, error)) if debug else state

    if debug:
        state, found = lax.scan(lambda s, _: turn(s), start, None, length=m)
        return state[5], state[1], state[0], found
    i, X, _, _, _, theta = lax.while_loop(
        lambda s: jnp.logical_and(s[0] < m, s[4] < k), turn, start
    )
    return theta, X, i


def _check(A, X):
    n, k = X.shape
    if k == 0:
        raise ValueError(f"must have search dim > 0, got {k}")
    if 5 * k >= n:
        raise ValueError(f"expected search dim * 5 < matrix dim (got {5 * k}, {n})")
    out = A(jnp.zeros((n, 1), X.dtype))
    if out.dtype != X.dtype:
        raise ValueError(f"A, X must have same dtypes (were {out.dtype}, {X.dtype})")
    if out.shape != (n, 1):
        raise ValueError(f"A must be ({n}, {n}) matrix A, got output {out.shape}")


def _mm(a, b):
    return lax.dot(a, b, precision=lax.Precision.HIGHEST)


def _norms(x):
    return jnp.linalg.norm(x, axis=0)


def _normalized(x):
    """Columns of length 1; those of zeros stay."""
    norms = _norms(x)
    return x / jnp.where(norms == 0, 1, norms)[None, :]


def _eigh_descending(a):
    w, v = jnp.linalg.eigh(a)
    return w[::-1], v[:, ::-1]


def _orthonormal(x):
    """An orthonormal basis of the columns' space: rounding needs a second time."""
    return _whitened(_whitened(x))


def _whitened(x):
    """A basis from the eigenvectors of the products of columns ("SVQB"); zeros for
    directions that rounding may have made.
    """
    x = _normalized(x)
    products = _mm(x.T, x)
    w, v = _eigh_descending(products)
    least = jnp.finfo(x.dtype).eps * w[0]
    scale = 1 / jnp.sqrt(jnp.where(least > 0, jnp.maximum(w, least), 1))
    kept = jnp.logical_and(w > least, jnp.diag(products) > 0)
    return _normalized(_mm(x, v * scale[None, :]) * kept[None, :].astype(x.dtype))


def _without(basis, x):
    """An orthonormal basis of what of x is perpendicular to an orthonormal basis.

    Columns that are hardly more than rounding are zeros in the result.
    """
    for _ in range(2):
        x = _orthonormal(x - _mm(basis, _mm(basis.T, x)))
    for _ in range(2):
        x = x - _mm(basis, _mm(basis.T, x))
    return x * (_norms(x) >= _CLEAN)[None, :].astype(x.dtype)


def _perpendicular(x):
    """As many orthonormal columns again, perpendicular to those of x.

    A block Householder reflection that takes the columns of x to the first unit vectors
    takes later unit vectors to columns perpendicular to those of x.
    """
    n, k = x.shape
    u, s, vt = jnp.linalg.svd(x[:k])
    y = x.at[:k].add(_mm(u, vt))
    w = _mm(y, vt.T * lax.rsqrt(2 * (1 + s))[None, :])
    unit = jnp.eye(n, k, k=-k, dtype=x.dtype)
    return unit - 2 * _mm(w, w[k : 2 * k].T)


def _found(basis, state, error):
    """What one turn tells of itself."""
    _, X, P, R, converged, theta = state
    k = X.shape[1]

    def off_diagonal(x):
        products = _mm(x.T, x)
        return jnp.sum(jnp.abs(products - jnp.diag(jnp.diag(products)))) / k**2

    def zeros(x):
        return jnp.sum(jnp.all(x == 0, axis=0))

    return {
        "basis rank": basis.shape[1] - zeros(basis),
        "X zeros": zeros(X),
        "P zeros": zeros(P),
        "lambda history": theta,
        "residual history": _norms(R),
        "converged": converged,
        "adjusted residual max": jnp.max(error),
        "adjusted residual p50": jnp.median(error),
        "adjusted residual min": jnp.min(error),
        "X orth": off_diagonal(X),
        "P orth": off_diagonal(P),
        "P.X": jnp.sum(jnp.abs(_mm(X.T, P))) / k**2,
    }

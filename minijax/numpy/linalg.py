"""`jax.numpy.linalg`: decompositions, solutions, determinants and norms of matrices."""

import itertools
import math
import operator
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.control.custom_jvp import custom_jvp
from minijax.control.lu_solve import solve as lu_solution
from minijax.numpy.creation import asarray
from minijax.numpy.decompositions import (
    adjoint,
    cholesky,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    matrix,
    qr,
    svd,
    svdvals,
)
from minijax.numpy.determinants import det, slogdet
from minijax.numpy.norms import matrix_norm, norm, vector_norm
from minijax.numpy.promotion import (
    broadcast_shapes,
    broadcast_to,
    canonical_axis,
    check_core_sizes,
    convert,
    ensure_arraylike,
    is_complex,
    literal,
    promote_dtypes_inexact,
)
from minijax.numpy.standard_linalg import (
    cross,
    diagonal,
    matmul,
    matrix_transpose,
    outer,
    tensordot,
    trace,
    vecdot,
)

_HIGHEST = lax.Precision.HIGHEST

# --- solutions ------------------------------------------------------------------------


@jit
def solve(a, b):
    """x with a x = b, for square matrices and vectors (one axis) or matrices `b`.

    Args:
        a: array of square matrices in the last two axes.
        b: vector, or array of matrices.

    Returns:
        An array of the shape of `b`, broadcast.

    Examples:
        >>> jnp.linalg.solve(jnp.array([[2.0, 0.0], [0.0, 4.0]]), jnp.array([2.0, 2.0]))
        Array([1. , 0.5], dtype=float32)
    """
    a, b = promote_dtypes_inexact(*ensure_arraylike("jnp.linalg.solve", a, b))
    a, b = asarray(a), asarray(b)
    if a.ndim < 2:
        raise ValueError(
            f"left hand array must be at least two dimensional; got {a.shape=}"
        )
    if 1 < b.ndim == a.ndim - 1 and a.shape[-1] == b.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"Invalid shapes for solve: {a.shape}, {b.shape}. Vectors in batches need "
            "an axis of their own: use solve(a, b[..., None]).squeeze(-1)."
        )
    core = ("m",) if b.ndim == 1 else ("m", "n")
    signature = "(m,m),(m)->(m)" if b.ndim == 1 else "(m,m),(m,n)->(m,n)"
    check_core_sizes([a, b], [("m", "m"), core], signature)
    if b.ndim == 1:
        return lu_solution(a, b) if a.ndim == 2 else _solve(a, b[:, None])[..., 0]
    return _solve(a, b)


def check_system(a, b):
    """ValueError unless b has matrices or vectors for square matrices a."""
    if not (
        a.ndim >= 2
        and b.ndim in (a.ndim, a.ndim - 1)
        and a.shape[-1] == a.shape[-2] == b.shape[a.ndim - 2]
    ):
        raise ValueError(
            "The arguments to solve must have shapes a=[..., m, m] and b=[..., m, k] "
            f"or b=[..., m]; got a={a.shape} and b={b.shape}"
        )


def _solve(a, b) -> Any:
    lead = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = broadcast_to(a, (*lead, *a.shape[-2:]))
    b = broadcast_to(b, (*lead, *b.shape[-2:]))
    return lu_solution(a, b)


@jit
def inv(a):
    """The inverse of square matrices.

    Args:
        a: array of square matrices in the last two axes.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.linalg.inv(jnp.array([[2.0, 0.0], [0.0, 4.0]]))
        Array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    a = matrix("inv", a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"Argument to inv must have shape [..., n, n], got {a.shape}.")
    return solve(a, broadcast_to(jnp.eye(a.shape[-1], dtype=a.dtype), a.shape))


def lstsq(a, b, rcond=None, *, numpy_resid=False):
    """(x, residuals, rank, singular values of a): x minimises |a x - b|.

    Args:
        a: matrix of shape (m, n).
        b: vector of m elements, or matrix of m rows.
        rcond: the least singular value that counts, relative to the largest.
        numpy_resid: no residuals for matrices without full column rank, as NumPy has
            it; whether there are any depends on values then, so it cannot be traced.

    Returns:
        A tuple of four arrays.

    Examples:
        >>> a = jnp.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
        >>> jnp.linalg.lstsq(a, jnp.array([1.0, 3.0, 5.0]))[0].round(3)
        Array([1., 2.], dtype=float32)
    """
    if numpy_resid:
        return _lstsq(a, b, rcond, True)
    return _compiled_lstsq(a, b, rcond)


def _lstsq(a, b, rcond, numpy_resid=False):
    a, b = promote_dtypes_inexact(*ensure_arraylike("jnp.linalg.lstsq", a, b))
    a, b = asarray(a), asarray(b)
    if a.shape[0] != b.shape[0]:
        raise ValueError("Leading dimensions of input arrays must match")
    vector = b.ndim == 1
    if vector:
        b = b[:, None]
    if a.ndim != 2:
        raise TypeError(
            f"{a.ndim}-dimensional array given. Array must be two-dimensional"
        )
    if b.ndim != 2:
        raise TypeError(
            f"{b.ndim}-dimensional array given. Array must be one or two-dimensional"
        )
    m, n = a.shape
    if a.size:
        x, rank, s = _least_squares(a, b, rcond)
    else:
        x, s = jnp.zeros((n, b.shape[1]), a.dtype), jnp.empty(0, a.dtype)
        rank = jnp.array(0, int)
    if numpy_resid and (m <= n or rank < n):
        residuals = jnp.asarray([])
    else:
        residuals = norm(b - jnp.matmul(a, x, precision=_HIGHEST), axis=0) ** 2
    return (x.ravel() if vector else x), residuals, rank, s


def _least_squares(a, b, rcond):
    """(the least solution x of min |a x - b|, rank, singular values of a)."""
    real = np.dtype(f"float{4 * a.dtype.itemsize}") if is_complex(a) else a.dtype
    eps = dtypes.finfo(real).eps
    if rcond is None:
        rcond = float(eps) * max(a.shape)
    else:
        rcond = jnp.where(rcond < 0, eps, rcond)
    u, s, vt = svd(a, full_matrices=False)
    mask = (s > literal(0, real)) & (s >= convert(rcond, real) * s[0])
    rank = mask.sum()
    inverse = jnp.where(mask, 1 / jnp.where(mask, s, 1), 0)[:, None].astype(a.dtype)
    projected = jnp.matmul(adjoint(u), b, precision=_HIGHEST)
    x = jnp.matmul(adjoint(vt), inverse * projected, precision=_HIGHEST)
    return x, rank, s


_compiled_lstsq = jit(_lstsq)


@jit(static_argnames=("hermitian",))
def _pinv(a, rcond, hermitian):
    @custom_jvp
    def pseudo_inverse(a, rcond):
        u, s, vh = svd(a, full_matrices=False, hermitian=hermitian)
        cutoff = (rcond[..., None] if rcond.ndim else rcond) * s[..., 0:1]
        s = jnp.where(s > cutoff, s, np.inf).astype(u.dtype)
        scaled = jnp.matrix_transpose(u) / s[..., None]
        out = jnp.matmul(jnp.matrix_transpose(vh), scaled, precision=_HIGHEST)
        return jnp.conj(out)

    @pseudo_inverse.defjvp
    def rule(primals, tangents):
        a, rcond = primals
        t, _ = tangents
        p = pseudo_inverse(a, rcond)
        ph, th = adjoint(p), adjoint(t)

        def mul(*xs):
            out = xs[0]
            for x in xs[1:]:
                out = jnp.matmul(out, x, precision=_HIGHEST)
            return out

        out = -mul(p, t, p)
        out += mul(p, ph, th) - mul(p, ph, mul(th, a, p))
        out += mul(th, ph, p) - mul(mul(p, a, th), ph, p)
        return p, out

    return pseudo_inverse(a, rcond)


def pinv(a, rtol=None, hermitian=False, *, rcond=None):
    """The Moore-Penrose inverse; `rtol`: the least singular value that counts,
    relatively.

    Args:
        a: array of matrices in the last two axes.
        rtol: the least singular value that counts, relative to the largest.
        hermitian: whether the matrices are.
        rcond: the older name of `rtol`.

    Returns:
        An array, its last two axes exchanged.

    Examples:
        >>> jnp.linalg.pinv(jnp.array([[2.0, 0.0], [0.0, 4.0]])).round(3)
        Array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    a = matrix("pinv", a)
    if rcond is not None:
        if rtol is not None:
            raise ValueError("pinv: only one of rtol and rcond may be specified.")
        rtol = rcond
    if a.ndim < 2:
        raise ValueError(
            f"Argument to pinv must have at least two dimensions, got {a.shape}."
        )
    real = np.dtype(f"float{4 * a.dtype.itemsize}") if is_complex(a) else a.dtype
    if rtol is None:
        rtol = 10.0 * max(a.shape[-2:]) * float(dtypes.finfo(real).eps)
    return _pinv(a, jnp.asarray(rtol, real), hermitian)


@jit(static_argnames=("hermitian",))
def matrix_rank(M, rtol=None, *, hermitian=False, tol=None):
    """The number of singular values above a threshold.

    Args:
        M: array of matrices in the last two axes.
        rtol: the threshold; by default one relative to the largest singular value.
        hermitian: whether the matrices are.
        tol: the older name of `rtol`.

    Returns:
        An array of integers without the last two axes.

    Examples:
        >>> jnp.linalg.matrix_rank(jnp.array([[1.0, 2.0], [2.0, 4.0]]))
        Array(1, dtype=int32)
    """
    if tol is not None:
        if rtol is not None:
            raise ValueError("matrix_rank: only one of tol or rtol may be specified.")
        rtol = tol
    a = matrix("matrix_rank", M)
    if a.ndim < 2:
        return (a != 0).any().astype(np.int32)
    s = svd(a, full_matrices=False, compute_uv=False, hermitian=hermitian)
    if rtol is None:
        eps = asarray(dtypes.finfo(s.dtype).eps, s.dtype)
        rtol = s.max(axis=-1) * max(a.shape[-2:]) * eps
    return (s > jnp.expand_dims(rtol, -1)).sum(axis=-1)


@jit(static_argnames=("p",))
def cond(x, p=None):
    """The condition number of matrices in the norm `p` (2 by default).

    Args:
        x: array of matrices in the last two axes.
        p: the norm: None or 2, -2, 1, -1, inf, -inf, 'fro' or 'nuc'.

    Returns:
        An array without the last two axes.

    Examples:
        >>> jnp.linalg.cond(jnp.array([[2.0, 0.0], [0.0, 4.0]]))
        Array(2., dtype=float32)
    """
    (x,) = ensure_arraylike("cond", x)
    x = asarray(x)
    if x.ndim < 2:
        raise ValueError(
            f"jnp.linalg.cond: input array must be at least 2D; got arr.shape={x.shape}"
        )
    if not (x.shape[-2] and x.shape[-1]):
        raise ValueError(
            f"jnp.linalg.cond: input array must not be empty; got arr.shape={x.shape}"
        )
    if p is None or p in (2, -2):
        s = svd(x, compute_uv=False)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"jnp.linalg.cond: for {p=}, array must be square; got arr.shape={x.shape}"
        )
    r = norm(x, ord=p, axis=(-2, -1)) * norm(inv(x), ord=p, axis=(-2, -1))
    bad = jnp.isnan(r) & ~jnp.isnan(x).any(axis=(-2, -1))
    return jnp.where(bad, np.inf, r)


# --- powers and products --------------------------------------------------------------


@jit(static_argnames=("n",))
def matrix_power(a, n):
    """Square matrices raised to a static integer power.

    Args:
        a: array of square matrices in the last two axes.
        n: static integer; below 0 for powers of the inverse.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.linalg.matrix_power(jnp.array([[1, 1], [0, 1]]), 3)
        Array([[1, 3],
               [0, 1]], dtype=int32)
    """
    (a,) = ensure_arraylike("jnp.linalg.matrix_power", a)
    a = asarray(a)
    if a.ndim < 2:
        raise TypeError(
            f"{a.ndim}-dimensional array given. Array must be at least two-dimensional"
        )
    if a.shape[-2] != a.shape[-1]:
        raise TypeError("Last 2 dimensions of the array must be square")
    try:
        n = operator.index(n)
    except TypeError as error:
        raise TypeError(f"exponent must be an integer, got {n}") from error
    if n == 0:
        return broadcast_to(jnp.eye(a.shape[-2], dtype=a.dtype), a.shape)
    if n < 0:
        a, n = inv(a), -n
    if n == 3:
        return (a @ a) @ a
    result = power = None
    while n > 0:
        power = a if power is None else power @ power
        n, odd = divmod(n, 2)
        if odd:
            result = power if result is None else result @ power
    return result


def multi_dot(arrays, *, precision=None):
    """The matrix product of several arrays, in the cheapest order.

    Args:
        arrays: a sequence of matrices; the first and the last may be vectors.
        precision: how exact products are, see `lax.Precision`.

    Returns:
        An array.

    Examples:
        >>> x = jnp.ones((2, 2))
        >>> jnp.linalg.multi_dot([x, x, x])
        Array([[4., 4.],
               [4., 4.]], dtype=float32)
    """
    arrays = [asarray(x) for x in ensure_arraylike("jnp.linalg.multi_dot", *arrays)]
    if len(arrays) < 2:
        raise ValueError(
            f"multi_dot requires at least two arrays; got len(arrays)={len(arrays)}"
        )
    shapes = [x.shape for x in arrays]
    ndims = [x.ndim for x in arrays]
    if not (
        1 <= ndims[0] <= 2 and 1 <= ndims[-1] <= 2 and all(d == 2 for d in ndims[1:-1])
    ):
        raise ValueError(
            "multi_dot: input arrays must all be two-dimensional, except for the "
            f"first and last array which may be 1 or 2 dimensional. Got array shapes {shapes}"
        )
    if any(a[-1] != b[0] for a, b in itertools.pairwise(shapes)):
        raise ValueError(
            "multi_dot: last dimension of each array must match first dimension of "
            f"following array. Got array shapes {shapes}"
        )
    letters = "abcdefghijklmnopqrstuvwxyz"
    terms = [letters[i : i + 2] for i in range(len(arrays))]
    if ndims[0] == 1:
        terms[0] = terms[0][1]
    if ndims[-1] == 1:
        terms[-1] = terms[-1][0]
    out = (letters[0] if ndims[0] == 2 else "") + (
        letters[len(arrays)] if ndims[-1] == 2 else ""
    )
    return jnp.einsum(
        f"{','.join(terms)}->{out}", *arrays, optimize="auto", precision=precision
    )


def tensorinv(a, ind=2):
    """The inverse of `tensordot(a, ., ind)`.

    Args:
        a: array, whose first `ind` axes have as many elements as the others.
        ind: how many axes come first.

    Returns:
        An array, these axes last.

    Examples:
        >>> jnp.linalg.tensorinv(jnp.eye(4).reshape(2, 2, 4)).shape
        (4, 2, 2)
    """
    a = asarray(*ensure_arraylike("tensorinv", a))
    ind = operator.index(ind)
    if ind <= 0:
        raise ValueError(f"ind must be a positive integer; got {ind=}")
    left, right = a.shape[:ind], a.shape[ind:]
    rows, columns = math.prod(left), math.prod(right)
    if rows != columns:
        raise ValueError(
            "tensorinv is only possible when the product of the first `ind` dimensions "
            f"equals that of the remaining dimensions. got arr.shape={a.shape} with "
            f"{ind=}."
        )
    return inv(a.reshape(rows, columns)).reshape(*right, *left)


def tensorsolve(a, b, axes=None):
    """x with tensordot(a, x, x.ndim) = b.

    Args:
        a: array, whose last axes are those of the result.
        b: array of the first axes of `a`.
        axes: axes of `a` that go to its end first.

    Returns:
        An array.

    Examples:
        >>> jnp.linalg.tensorsolve(2 * jnp.eye(4).reshape(2, 2, 4), jnp.ones((2, 2)))
        Array([0.5, 0.5, 0.5, 0.5], dtype=float32)
    """
    a, b = [asarray(x) for x in ensure_arraylike("tensorsolve", a, b)]
    if axes is not None:
        axes = [canonical_axis(i, a.ndim) for i in axes]
        a = jnp.moveaxis(a, axes, range(a.ndim - len(axes), a.ndim))
    shape = a.shape[b.ndim :]
    if b.size != math.prod(shape):
        raise ValueError(
            "Input arrays must have prod(a.shape[:b.ndim]) == prod(a.shape[b.ndim:]); "
            f"got a.shape={a.shape}, b.ndim={b.ndim}."
        )
    return solve(a.reshape(b.size, b.size), b.ravel()).reshape(shape)


__all__ = [
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]

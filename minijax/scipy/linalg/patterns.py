"""Matrices by pattern: Toeplitz and its kin, companions, named matrices."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.promotion import (
    check_arraylike,
    check_core_sizes,
    convert,
    ensure_arraylike,
    promote_dtypes,
    promote_dtypes_inexact,
)


def _array(name, x):
    (x,) = ensure_arraylike(f"jax.scipy.linalg.{name}", x)
    return jnp.asarray(x)


@jit
def block_diag(*arrs):
    """The matrices (vectors are rows) along the diagonal of a larger one."""
    if len(arrs) == 0:
        arrs = (jnp.zeros((1, 0)),)
    check_arraylike("jax.scipy.linalg.block_diag", *arrs)
    arrs = [jnp.atleast_2d(x) for x in promote_dtypes(*arrs)]
    for k, x in enumerate(arrs):
        if x.ndim > 2:
            raise ValueError(
                "Arguments to jax.scipy.linalg.block_diag must have at most 2 "
                f"dimensions, got {x} at argument {k}."
            )
    columns = sum(x.shape[1] for x in arrs)
    rows, at = [], 0
    for x in arrs:
        rest = columns - at - x.shape[1]
        zero = x.dtype.type(0)  # strongly typed
        rows.append(lax.pad(x, zero, ((0, 0, 0), (at, rest, 0))))
        at += x.shape[1]
    return jnp.concatenate(rows)


def toeplitz(c, r=None):
    """Constant along diagonals, with first columns c [..., m] and first rows r [...,
    n].

    r: the conjugate of c by default; its first element is not used.
    """
    if r is None:
        (c,) = ensure_arraylike("toeplitz", c)
        r = jnp.conj(c)
    else:
        c, r = ensure_arraylike("toeplitz", c, r)
    c, r = jnp.atleast_1d(c), jnp.atleast_1d(r)
    check_core_sizes([c, r], [("m",), ("n",)], "(m),(n)->(m,n)")
    c, r = [convert(x, x.dtype) for x in promote_dtypes(c, r)]
    lead = jnp.broadcast_shapes(c.shape[:-1], r.shape[:-1])
    c = jnp.broadcast_to(c, (*lead, c.shape[-1]))
    r = jnp.broadcast_to(r, (*lead, r.shape[-1]))
    m, n = c.shape[-1], r.shape[-1]
    if not m or not n:
        return jnp.zeros((*lead, m, n), c.dtype)
    diagonals = jnp.concatenate([jnp.flip(c, -1), r[..., 1:]], axis=-1)
    places = np.arange(m)[::-1][:, None] + np.arange(n)[None, :]
    return diagonals[..., places]


def hankel(c, r=None):
    """Constant along antidiagonals, with first column c and last row r (zeros by
    default).
    """
    c = jnp.ravel(_array("hankel", c))
    r = jnp.zeros_like(c) if r is None else jnp.ravel(_array("hankel", r))
    c, r = [jnp.asarray(x) for x in promote_dtypes(c, r)]
    values = jnp.concatenate([c, r[1:]])
    return values[np.arange(c.shape[0])[:, None] + np.arange(r.shape[0])[None, :]]


def circulant(c):
    """Every column is the one before, rolled down; the first is c [..., n]."""
    c = jnp.atleast_1d(_array("circulant", c))
    n = c.shape[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)[None, :]) % n]


def companion(a):
    """The companion matrix of the polynomial with coefficients `a`, the highest first."""
    (a,) = promote_dtypes_inexact(_array("companion", a))
    a = jnp.asarray(a)
    if a.shape[-1] < 2:
        raise ValueError(
            "The length of `a` along the last axis must be at least 2; got shape "
            f"{a.shape}."
        )
    n = a.shape[-1] - 1
    first = (-a[..., 1:] / a[..., :1])[..., None, :]
    below = jnp.broadcast_to(
        jnp.eye(n - 1, n, dtype=a.dtype), (*a.shape[:-1], n - 1, n)
    )
    return jnp.concatenate([first, below], axis=-2)


def convolution_matrix(a, n, mode="full"):
    """The matrix whose product with a vector of n elements convolves it with `a`."""
    a = _array("convolution_matrix", a)
    if n <= 0:
        raise ValueError(f"n must be a positive integer; got {n}.")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"mode must be one of 'full', 'valid', 'same'; got {mode!r}.")
    m = a.shape[-1]
    column = jnp.concatenate([a, jnp.zeros((*a.shape[:-1], n - 1), a.dtype)], -1)
    row = jnp.concatenate([a[..., :1], jnp.zeros((*a.shape[:-1], n - 1), a.dtype)], -1)
    whole = toeplitz(column, row)
    if mode == "same":
        cut = min(n, m) - 1
        start = cut // 2
        return whole[..., start : start + max(n, m), :]
    if mode == "valid":
        cut = min(n, m) - 1
        return whole[..., cut : whole.shape[-2] - cut, :]
    return whole


def dft(n, scale=None, *, dtype=None):
    """The matrix of the discrete Fourier transform; scale: None, 'sqrtn' or 'n'."""
    if scale not in (None, "sqrtn", "n"):
        raise ValueError(f"scale must be None, 'sqrtn', or 'n'; got {scale!r}.")
    places = np.arange(n)
    out = np.exp(-2j * np.pi * (np.outer(places, places) % max(n, 1)) / max(n, 1))
    out = out / {None: 1, "sqrtn": math.sqrt(n), "n": n}[scale]
    return jnp.asarray(out, jnp.result_type(complex) if dtype is None else dtype)


def fiedler(a):
    """|a_i - a_j|."""
    a = _array("fiedler", a)
    if a.ndim != 1:
        raise ValueError(f"Input 'a' must be a 1D array; got shape {a.shape}")
    return jnp.abs(a[:, None] - a[None, :])


def fiedler_companion(a):
    """Fiedler's pentadiagonal companion matrix of a polynomial, as `companion`."""
    (a,) = promote_dtypes_inexact(_array("fiedler_companion", a))
    a = jnp.asarray(a)
    if a.ndim != 1:
        raise ValueError("Input 'a' must be 1-D array.")
    if a.size <= 2:
        return jnp.zeros((0, 0), a.dtype) if a.size < 2 else (-a[1:] / a[0])[:, None]
    a = a / a[0]
    n = a.size - 1
    out = jnp.zeros((n, n), a.dtype)
    out = out.at[np.arange(3, n, 2), np.arange(1, n - 2, 2)].set(1)
    out = out.at[np.arange(2, n, 2), np.arange(1, n - 1, 2)].set(-a[3::2])
    out = out.at[np.arange(0, n - 2, 2), np.arange(2, n, 2)].set(1)
    out = out.at[np.arange(0, n - 1, 2), np.arange(1, n, 2)].set(-a[2::2])
    return out.at[0, 0].set(-a[1]).at[1, 0].set(1)


def hadamard(n, dtype=int):
    """Sylvester's matrix of ones and minus ones with orthogonal rows; n a power of 2."""
    if n < 1 or n & (n - 1):
        raise ValueError(f"n must be a positive power of 2; got {n}.")
    out = np.ones((1, 1), int)
    while len(out) < n:
        out = np.block([[out, out], [out, -out]])
    return jnp.asarray(out, dtype)


def helmert(n, full=False):
    """Helmert's orthogonal matrix without its first row; `full`: with it."""
    if n < 1:
        raise ValueError("n must be a positive integer.")
    rows = np.arange(n)[:, None]
    columns = np.arange(n)[None, :]
    out = np.where(columns < rows, 1.0, np.where(columns == rows, -1.0 * rows, 0.0))
    out[0] = 1
    scale = np.sqrt(np.where(rows == 0, n, rows * (rows + 1)))
    out = out / scale
    return jnp.asarray(out if full else out[1:], jnp.result_type(float))


def hilbert(n):
    """1 / (i + j + 1)."""
    places = np.arange(n)
    return jnp.asarray(
        1 / (places[:, None] + places[None, :] + 1), jnp.result_type(float)
    )


def invhilbert(n):
    """The inverse of `hilbert(n)`, whose elements are integers."""
    comb = math.comb
    values = [
        [
            (-1) ** (i + j)
            * (i + j + 1)
            * comb(n + i, n - j - 1)
            * comb(n + j, n - i - 1)
            * comb(i + j, i) ** 2
            for j in range(n)
        ]
        for i in range(n)
    ]
    out = np.array(values, dtype=float).reshape(n, n)
    return jnp.asarray(out, jnp.result_type(float))


_KINDS = ("symmetric", "lower", "upper")


def _pascal(n, kind, sign):
    kind = "symmetric" if kind is None else kind
    if kind not in _KINDS:
        raise ValueError(f"Expected kind to be on of: {list(_KINDS)}; got {kind}")
    lower = [
        [(sign ** (i - j)) * math.comb(i, j) if j <= i else 0 for j in range(n)]
        for i in range(n)
    ]
    lower = np.array(lower, dtype=object).reshape(n, n)
    if kind == "lower":
        return lower
    if kind == "upper":
        return lower.T
    return lower.T @ lower if sign < 0 else lower @ lower.T


def pascal(n, kind=None):
    """Binomial coefficients; kind: 'symmetric', 'lower' or 'upper'."""
    return jnp.asarray(_pascal(n, kind, 1).astype(float), np.float32)


def invpascal(n, kind=None):
    """The inverse of `pascal(n, kind)`."""
    return jnp.asarray(_pascal(n, kind, -1).astype(float), jnp.result_type(float))


def leslie(f, s):
    """The matrix of a population's growth: fecundities f [n], survivals s [n - 1]."""
    f, s = promote_dtypes(_array("leslie", f), _array("leslie", s))
    f, s = jnp.atleast_1d(jnp.asarray(f)), jnp.atleast_1d(jnp.asarray(s))
    if f.shape[-1] != s.shape[-1] + 1:
        raise ValueError(
            "Incorrect lengths for f and s. The length of s along the last axis must "
            f"be one less than the length of f; got f shape {f.shape} and s shape "
            f"{s.shape}."
        )
    n = f.shape[-1]
    out = jnp.zeros((n, n), f.dtype).at[0].set(f)
    return out.at[np.arange(1, n), np.arange(n - 1)].set(s)

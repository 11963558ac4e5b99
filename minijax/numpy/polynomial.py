"""jnp's polynomials, as vectors of coefficients with the highest power first."""

import operator

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.filling import ones, zeros
from minijax.numpy.promotion import (
    concrete_or_error,
    ensure_arraylike,
    promote_dtypes,
    promote_dtypes_inexact,
)
from minijax.numpy.ranges import arange


@jit(static_argnames=("unroll",))
def polyval(p, x, *, unroll=16):
    """The value of a polynomial at `x`, by Horner's rule.

    Args:
        p: vector of coefficients, the highest power first.
        x: array of arguments.
        unroll: how many steps of the loop to write out.

    Returns:
        An array of the shape of `x`.

    Examples:
        >>> jnp.polyval(jnp.array([1, 0, 2]), 3)
        Array(11, dtype=int32)
    """
    p, x = promote_dtypes(*ensure_arraylike("polyval", p, x))
    p, x = asarray(p), asarray(x)
    shape = lax.broadcast_shapes(p.shape[1:], x.shape)
    y = lax.full_like(x, 0, dtype=x.dtype, shape=shape)

    def step(y, coefficient):
        return y * x + coefficient, None

    y, _ = lax.scan(step, y, p, unroll=unroll)
    return y


@jit
def polyadd(a1, a2):
    """The sum of two polynomials.

    Args:
        a1: vector of coefficients, the highest power first.
        a2: vector of coefficients.

    Returns:
        A vector of coefficients.

    Examples:
        >>> jnp.polyadd(jnp.array([1, 2]), jnp.array([1, 0, 3]))
        Array([1, 1, 5], dtype=int32)
    """
    a1, a2 = [asarray(x) for x in promote_dtypes(*ensure_arraylike("polyadd", a1, a2))]
    if a2.shape[0] <= a1.shape[0]:
        return a1.at[a1.shape[0] - a2.shape[0] :].add(a2)
    return a2.at[a2.shape[0] - a1.shape[0] :].add(a1)


@jit
def polysub(a1, a2):
    """The difference of two polynomials.

    Args:
        a1: vector of coefficients, the highest power first.
        a2: vector of coefficients.

    Returns:
        A vector of coefficients.

    Examples:
        >>> jnp.polysub(jnp.array([1, 2]), jnp.array([1, 0, 3]))
        Array([-1,  1, -1], dtype=int32)
    """
    a1, a2 = promote_dtypes(*ensure_arraylike("polysub", a1, a2))
    return polyadd(a1, -a2)


def polymul(a1, a2, *, trim_leading_zeros=False):
    """The product of two polynomials; leading zeros can only be trimmed outside jit.

    Args:
        a1: vector of coefficients, the highest power first.
        a2: vector of coefficients.
        trim_leading_zeros: whether to drop zeros at the front of both first.

    Returns:
        A vector of coefficients.

    Examples:
        >>> jnp.polymul(jnp.array([1, 2]), jnp.array([1, 3]))
        Array([1., 5., 6.], dtype=float32)
    """
    a1, a2 = [
        asarray(x) for x in promote_dtypes_inexact(*ensure_arraylike("polymul", a1, a2))
    ]
    if trim_leading_zeros and (len(a1) > 1 or len(a2) > 1):
        a1, a2 = jnp.trim_zeros(a1, trim="f"), jnp.trim_zeros(a2, trim="f")
    a1 = asarray([0], a2.dtype) if not len(a1) else a1
    a2 = asarray([0], a1.dtype) if not len(a2) else a2
    return jnp.convolve(a1, a2, mode="full")


def polydiv(u, v, *, trim_leading_zeros=False):
    """(quotient, remainder) of two polynomials; leading zeros of the remainder stay
    unless trimmed.

    Args:
        u: vector of coefficients, the highest power first.
        v: vector of coefficients.
        trim_leading_zeros: whether to drop zeros at the front of the remainder.

    Returns:
        A pair of vectors of coefficients.

    Examples:
        >>> jnp.polydiv(jnp.array([1.0, 5.0, 6.0]), jnp.array([1.0, 2.0]))
        (Array([1., 3.], dtype=float32), Array([0., 0., 0.], dtype=float32))
    """
    u, v = [
        asarray(x) for x in promote_dtypes_inexact(*ensure_arraylike("polydiv", u, v))
    ]
    m, n = len(u) - 1, len(v) - 1
    scale = 1.0 / v[0]
    q = zeros(max(m - n + 1, 1), dtype=u.dtype)
    for k in range(m - n + 1):
        d = scale * u[k]
        q = q.at[k].set(d)
        u = u.at[k : k + n + 1].add(-d * v)
    if trim_leading_zeros:
        u = _trim_small(u)
    return q, u


def _trim_small(p):
    """`p` without leading coefficients that rounding left: those up to sqrt(eps)."""
    limit = float(np.sqrt(float(dtypes.finfo(p.dtype).eps)))
    keep = np.flatnonzero(~(np.abs(np.asarray(p)) < limit))
    return p[keep[0] :] if keep.size else p[:0]


@jit(static_argnames=("m",))
def polyder(p, m=1):
    """The m-th derivative of a polynomial.

    Args:
        p: vector of coefficients, the highest power first.
        m: how often to differentiate.

    Returns:
        A vector of coefficients.

    Examples:
        >>> jnp.polyder(jnp.array([3, 2, 1]))
        Array([6., 2.], dtype=float32)
    """
    (p,) = promote_dtypes_inexact(*ensure_arraylike("polyder", p))
    p = asarray(p)
    m = concrete_or_error(operator.index, m, "'m' argument of jnp.polyder")
    if m < 0:
        raise ValueError("Order of derivative must be positive")
    if not m:
        return p
    powers = arange(m, len(p), dtype=p.dtype)[None]
    factors = (powers - arange(m, dtype=p.dtype)[:, None]).prod(0)
    return p[:-m] * factors[::-1]


@jit(static_argnames=("m",))
def polyint(p, m=1, k=None):
    """The m-th antiderivative of a polynomial; k: the constants of integration.

    Args:
        p: vector of coefficients, the highest power first.
        m: how often to integrate.
        k: the constants of integration, one or `m`; 0 if None.

    Returns:
        A vector of coefficients.

    Examples:
        >>> jnp.polyint(jnp.array([6, 2]))
        Array([3., 2., 0.], dtype=float32)
    """
    m = concrete_or_error(operator.index, m, "'m' argument of jnp.polyint")
    k = 0 if k is None else k
    p, k = [
        asarray(x) for x in promote_dtypes_inexact(*ensure_arraylike("polyint", p, k))
    ]
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = jnp.atleast_1d(k)
    if len(k) == 1:
        k = jnp.full((m,), k[0])
    if k.shape != (m,):
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or m.")
    if not m:
        return p
    grid = (
        arange(len(p) + m, dtype=p.dtype)[None, :] - arange(m, dtype=p.dtype)[:, None]
    )
    factors = jnp.maximum(1, grid).prod(0)[::-1]
    return jnp.true_divide(jnp.concatenate((p, k)), factors)


@jit
def poly(seq_of_zeros):
    """The polynomial with these roots, or the characteristic one of a square matrix.

    Args:
        seq_of_zeros: vector of roots, or a square matrix.

    Returns:
        A vector of coefficients, the highest power first.

    Examples:
        >>> jnp.poly(jnp.array([1.0, 2.0]))
        Array([ 1., -3.,  2.], dtype=float32)
    """
    (z,) = promote_dtypes_inexact(*ensure_arraylike("poly", seq_of_zeros))
    z = jnp.atleast_1d(z)
    if z.ndim == 2 and z.shape[0] == z.shape[1] and z.shape[0]:
        z = jnp.linalg.eigvals(z)
    if z.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    dtype = z.dtype
    if not len(z):
        return ones((), dtype)
    a = ones((1,), dtype)
    for k in range(len(z)):
        a = jnp.convolve(a, jnp.array([1, -z[k]], dtype=dtype), mode="full")
    return a


def roots(p, *, strip_zeros=True):
    """The roots of a polynomial: the eigenvalues of its companion matrix.

    Args:
        p: vector of coefficients, the highest power first.
        strip_zeros: whether to drop zeros at both ends first, which does not work under
            jit.

    Returns:
        A vector of complex numbers.

    Examples:
        >>> jnp.sort(jnp.roots(jnp.array([1.0, -3.0, 2.0])).real)
        Array([1., 2.], dtype=float32)
    """
    (p,) = promote_dtypes_inexact(*ensure_arraylike("roots", p))
    p = jnp.atleast_1d(p)
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    if p.size < 2:
        return asarray([], dtype=dtypes.to_complex_dtype(p.dtype))
    leading = jnp.where(jnp.all(p == 0), len(p), jnp.argmin(p == 0))
    if not strip_zeros:
        return _roots_with_zeros(p, leading)
    leading = concrete_or_error(
        int, leading,
        "The error occurred in the jnp.roots() function. To use this within a "
        "JIT-compiled context, pass strip_zeros=False, but be aware that leading zeros "
        "will result in some returned roots being set to NaN.",
    )  # fmt: skip
    return _roots(p[leading:])


@jit
def _roots_with_zeros(p, leading):
    """As many roots as for a leading coefficient that is not 0: the others are NaN."""
    p = jnp.where(len(p) == leading, 1.0, p)  # some polynomial in place of 0
    found = _roots(jnp.roll(p, -leading))
    found = lax.sort_key_val(found == 0, found)[1]
    keep = jnp.arange(found.size) < found.size - leading
    return jnp.where(keep, found, complex(np.nan, np.nan))


@jit
def _roots(p):
    if p.size < 2:
        return asarray([], dtype=dtypes.to_complex_dtype(p.dtype))
    companion = jnp.diag(ones(len(p) - 2, p.dtype), -1)
    companion = companion.at[0, :].set(-p[1:] / p[0])
    return jnp.linalg.eigvals(companion)


@jit(static_argnames=("deg", "rcond", "full", "cov"))
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """The polynomial of degree `deg` that fits points in the least-squares sense.

    Args:
        x: vector of arguments.
        y: vector of values, or a matrix with a column for each of several.
        deg: the degree of the polynomial.
        rcond: singular values below this times the largest count as 0.
        full: whether to give residuals, rank, singular values and `rcond`, too.
        w: vector of weights.
        cov: whether to give the covariance of the coefficients, too; 'unscaled' for one
            without the scale.

    Returns:
        A vector of coefficients, the highest power first; or a tuple that begins with
        it.

    Examples:
        >>> jnp.polyfit(jnp.array([0.0, 1.0, 2.0]), jnp.array([1.0, 3.0, 5.0]), 1).round(3)
        Array([2., 1.], dtype=float32)
    """
    if w is None:
        x, y = promote_dtypes_inexact(*ensure_arraylike("polyfit", x, y))
    else:
        x, y, w = promote_dtypes_inexact(*ensure_arraylike("polyfit", x, y, w))
    x, y = asarray(x), asarray(y)
    order = concrete_or_error(operator.index, deg, "deg must be int") + 1
    if rcond is not None:
        rcond = concrete_or_error(float, rcond, "rcond must be float")
    _check_points(x, y, order)
    if rcond is None:
        rcond = len(x) * float(dtypes.finfo(x.dtype).eps)
    lhs, rhs = jnp.vander(x, order), y
    if w is not None:
        w = asarray(w)
        if w.ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        if w.shape[0] != y.shape[0]:
            raise TypeError("expected w and y to have the same length")
        lhs = lhs * w[:, None]
        rhs = rhs * (w[:, None] if rhs.ndim == 2 else w)
    scale = jnp.sqrt((lhs * lhs).sum(0))
    lhs = lhs / scale[None, :]
    c, residuals, rank, s = jnp.linalg.lstsq(lhs, rhs, rcond)
    c = (c.T / scale[None, :]).T if c.ndim > 1 else c / scale
    if full:
        return c, residuals, rank, s, asarray(rcond)
    if not cov:
        return c
    base = jnp.linalg.inv(jnp.dot(lhs.T, lhs)) / jnp.outer(scale, scale)
    if cov == "unscaled":
        factor = asarray(1.0)
    else:
        if len(x) <= order:
            raise ValueError(
                "the number of data points must exceed order to scale the covariance "
                "matrix"
            )
        factor = residuals / (len(x) - order)
    factor = jnp.atleast_1d(factor)
    if y.ndim == 1:
        return c, base * factor[None]
    return c, base[:, :, None] * factor[None, None, :]


def _check_points(x, y, order):
    if order < 1:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if not x.size:
        raise TypeError("expected non-empty vector for x")
    if not 1 <= y.ndim <= 2:
        raise TypeError("expected 1D or 2D array for y")
    if x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")

"""The gamma function, its logarithm and derivatives, and what is made of them."""

import math
import operator

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.control.custom_jvp import custom_jvp
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    concrete_or_error,
    constant_like,
    dtype_of,
    ensure_arraylike,
    is_complex,
    is_kind,
    promote_args_inexact,
)
from minijax.scipy.special import complex_gammas
from minijax.scipy.special.errors import float_arrays, refuse_complex


def gammaln(x):
    """log |Γ(x)|."""
    (x,) = promote_args_inexact("gammaln", x)
    return lax.lgamma(x)


def loggamma(x):
    """log Γ(x) on its principal branch: NaN where a real x is negative."""
    (x,) = float_arrays("loggamma", x)
    if is_complex(x):
        return complex_gammas.log_gamma(x)
    value = lax.lgamma(x)
    return jnp.where(x > 0, value, np.nan)


@jit
def gammasgn(x):
    """The sign of Γ(x): NaN at negative integers; that of x at zeros."""
    (x,) = float_arrays("gammasgn", x)
    refuse_complex("gammasgn", x)
    floor = lax.floor(x)
    negative = x < 0
    pole = (negative & (x == floor)) | (x != x)
    odd = (negative & (floor % 2 != 0)) | ((x == 0) & jnp.signbit(x))
    return jnp.select([pole, odd], [np.nan, -1.0], x.dtype.type(1.0)).astype(x.dtype)


def gamma(x):
    """Γ(x), of real and of complex numbers."""
    (x,) = promote_args_inexact("gamma", x)
    if is_complex(x):
        return complex_gammas.gamma(x)
    return gammasgn(x) * lax.exp(lax.lgamma(x))


# log Γ(x) - (x - 1/2) log x + x - log(2 pi) / 2 as a series in 1 / x^2, shifted to the
# range above 8; DiDonato and Morris, "Algorithm 708", ACM TOMS 18 (1992), function
# ALGDIV.
_ALGDIV = (0.833333333333333e-01, -0.277777777760991e-02, 0.793650666825390e-03,
           -0.595202931351870e-03, 0.837308034031215e-03, -0.165322962780713e-02)  # fmt: skip


def _log_gamma_ratio(a, b):
    """log(Γ(b) / Γ(a + b)) for b >= 8."""
    h = a / b
    c = h / (1 + h)
    x = h / (1 + h)
    d = b + (a - 0.5)
    x2 = x * x
    sums = [constant_like(1.0, x), 1.0 + (x + x2)]
    for _ in range(4):
        sums.append(1.0 + (x + x2 * sums[-1]))
    t = (1.0 / b) ** 2
    w = _ALGDIV[5] * sums[5]
    for k in (4, 3, 2, 1):
        w = w * t + _ALGDIV[k] * sums[k]
    w = w * t + _ALGDIV[0]
    w = w * (c / b)
    u = d * lax.log1p(a / b)
    v = a * (lax.log(b) - 1.0)
    return jnp.where(u <= v, (w - v) - u, (w - u) - v)


def betaln(a, b):
    """log |B(a, b)|."""
    a, b = float_arrays("betaln", a, b)
    a, b = jnp.minimum(a, b), jnp.maximum(a, b)
    small = lax.lgamma(a) + (lax.lgamma(b) - lax.lgamma(a + b))
    large = lax.lgamma(a) + _log_gamma_ratio(a, b)
    return jnp.where(b < 8, small, large)


def beta(a, b):
    """The beta function Γ(a) Γ(b) / Γ(a + b)."""
    a, b = float_arrays("beta", a, b)
    refuse_complex("beta", a)
    sign = gammasgn(a) * gammasgn(b) * gammasgn(a + b)
    return sign * lax.exp(betaln(a, b))


def betainc(a, b, x):
    """The regularised incomplete beta function I_x(a, b); differentiable in x."""
    a, b, x = promote_args_inexact("betainc", a, b, x)
    refuse_complex("betainc", a)
    return lax.betainc(a, b, x)


def digamma(x):
    """The derivative of log Γ."""
    (x,) = promote_args_inexact("digamma", x)
    return lax.digamma(x)


def gammainc(a, x):
    """The regularised lower incomplete gamma function."""
    a, x = promote_args_inexact("gammainc", a, x)
    return lax.igamma(a, x)


def gammaincc(a, x):
    """The regularised upper incomplete gamma function."""
    a, x = promote_args_inexact("gammaincc", a, x)
    return lax.igammac(a, x)


def multigammaln(a, d):
    """The logarithm of the multivariate gamma function of dimension `d`."""
    d = concrete_or_error(int, d, "d argument of multigammaln")
    (a, d_) = float_arrays("multigammaln", a, d)
    constant = lax.mul(
        lax.mul(lax.mul(constant_like(0.25, a), d_), lax.sub(d_, constant_like(1, a))),
        lax.log(constant_like(np.pi, a)),
    )
    steps = lax.div(jnp.arange(d, dtype=d_.dtype), constant_like(2, a))
    terms = lax.lgamma(jnp.expand_dims(a, -1) - _trailing(steps, a.ndim))
    return jnp.sum(terms, axis=-1) + constant


def _trailing(v, rank):
    """A vector as the last axis of an array with `rank` + 1 axes."""
    return jnp.expand_dims(v, tuple(range(rank)))


@custom_jvp
def poch(z, m):
    """Pochhammer's symbol Γ(z + m) / Γ(z)."""
    z, m = float_arrays("poch", z, m)
    if is_complex(z):
        raise ValueError("jnp.poch does not support complex-valued inputs.")
    is_one = m == 0
    total = z + m
    return jnp.where(is_one, constant_like(1, z), gamma(total) / gamma(z))


poch.defjvps(
    lambda t, out, z, m: (digamma(z + m) - digamma(z)) * poch(z, m) * t,
    lambda t, out, z, m: digamma(z + m) * poch(z, m) * t,
)


def factorial(n, exact=False):
    """n!, by the gamma function; 0 for negative n.  `exact` is not supported."""
    if exact:
        raise NotImplementedError("factorial with exact=True")
    (n,) = float_arrays("factorial", n)
    return jnp.where(n < 0, 0, lax.exp(lax.lgamma(n + 1)))


def comb(N, k, *, repetition=False):
    """The number of ways to choose k of N things, with or without repetition."""
    N, k = float_arrays("comb", N, k)
    if not repetition:
        return _choose(N, k)
    none_of_none = (k == 0) & (N >= 0)
    return jnp.where(none_of_none, 1.0, _choose((N + k) - 1, k))


def _choose(n, k):
    valid = (k <= n) & (n >= 0) & (k >= 0)
    n, k = jnp.where(valid, n, 0.0), jnp.where(valid, k, 0.0)
    log = lax.lgamma(n + 1) - lax.lgamma(k + 1) - lax.lgamma((n + 1) - k)
    return jnp.where(valid, lax.exp(log), 0.0)


# (2k)! / B_2k: the divisors in the Euler-Maclaurin series of Hurwitz's zeta function
_ZETA_DIVISORS = (
    12.0, -720.0, 30240.0, -1209600.0, 47900160.0, -1307674368000.0 / 691.0, 74724249600.0,
    -10670622842880000.0 / 3617.0, 5109094217170944000.0 / 43867.0,
    -802857662698291200000.0 / 174611.0, 14101100039391805440000.0 / 77683.0,
    -1693824136731743669452800000.0 / 236364091.0, 186134520519971831808000000.0 / 657931.0,
    -37893265687455865519472640000000.0 / 3392780147.0,
    759790291646040068357842010112000000.0 / 1723168255201.0,
    -134196726836183700385281186201600000000.0 / 7709321041217.0,
)  # fmt: skip


def zeta(x, q=None):
    """Hurwitz's zeta function, the sum of (k + q)^-x over k >= 0."""
    if q is None:
        raise NotImplementedError(
            "Riemann zeta function not implemented; pass q != None to compute the Hurwitz "
            "Zeta function."
        )
    x, q = promote_args_inexact("zeta", x, q)
    return _zeta(x, q)


@custom_jvp
def _zeta(x, q):
    return lax.zeta(x, q)


@_zeta.defjvp
def _zeta_jvp(primals, tangents):
    """The derivative of the Euler-Maclaurin series itself, as JAX has it."""
    out = _zeta(*primals)
    x, q = jnp.broadcast_arrays(*[asarray(p) for p in primals])
    t_x, t_q = [jnp.broadcast_to(t, x.shape) for t in tangents]
    return out, _zeta_slopes(x, q, t_x, t_q)


def _zeta_slopes(x, q, t_x, t_q):
    """t_x d/dx + t_q d/dq of sum_k<n (q+k)^-x + m^(1-x)/(x-1) + m^-x (1/2 + sum_k T_k),
    m = q + n.
    """
    n = 8
    columns = [a[..., None] for a in (x, q, t_x, t_q)]
    xs, qs, t_xs, t_qs = columns
    row = (1,) * x.ndim + (-1,)
    k = np.arange(n, dtype=x.dtype).reshape(row)
    base = qs + k
    head = base ** (-xs)
    d_head = jnp.sum(-head * (t_xs * jnp.log(base) + xs * t_qs / base), -1)
    m = q + n
    integral = m ** (1 - x) / (x - 1)
    d_integral = integral * (-t_x * jnp.log(m) + (1 - x) * t_q / m - t_x / (x - 1))
    power = m ** (-x)
    d_power = -power * (t_x * jnp.log(m) + x * t_q / m)
    steps = np.arange(2 * n, dtype=x.dtype).reshape(row)
    factors = (xs + steps) / m[..., None]
    logs = t_xs / (xs + steps) - t_qs / m[..., None]
    terms = jnp.cumprod(factors, -1)[..., ::2]
    d_terms = terms * jnp.cumsum(logs, -1)[..., ::2]
    top = dtypes.finfo(x.dtype).max
    divisors = np.asarray(_ZETA_DIVISORS[:n], x.dtype).reshape(row)
    capped = jnp.clip(terms, max=top) / divisors
    d_capped = jnp.where(terms > top, 0, d_terms) / divisors
    series = 0.5 + jnp.sum(capped, -1)
    return d_head + d_integral + d_power * series + power * jnp.sum(d_capped, -1)


def polygamma(n, x):
    """The n-th derivative of digamma at x.  `n` may be an array."""
    if not _is_integral(n):
        raise ValueError(
            "Argument `n` to polygamma must be of integer type. Got dtype "
            f"{dtype_of(n)}."
        )
    n, x = promote_args_inexact("polygamma", n, x)
    return lax.polygamma(n, x)


def _is_integral(n):
    (n,) = ensure_arraylike("polygamma", n)
    return is_kind(n, np.integer)


# B_0 .. B_2
_FIRST_BERNOULLI = (1.0, -0.5, 1.0 / 6.0)


def bernoulli(n):
    """The Bernoulli numbers B_0 .. B_n, from B_2k = (-1)^(k+1) 2 (2k)! ζ(2k) / (2π)^2k."""
    n = concrete_or_error(operator.index, n, "Argument n of bernoulli")
    if n < 0:
        raise ValueError("n must be a non-negative integer.")
    dtype = dtypes.canonicalize_dtype(np.dtype(float))
    first = np.asarray(_FIRST_BERNOULLI, dtype)
    if n < 3:
        return asarray(first[: n + 1])
    out = jnp.zeros(n + 1, dtype=dtype).at[:3].set(first)
    m = jnp.arange(4, n + 1, 2, dtype=dtype)
    ratios = -(m - 1) * m / 4 / math.pi**2
    leading = (1.0 / math.pi**2) * jnp.cumprod(ratios)
    k = jnp.arange(2, 50, dtype=dtype)
    series = jnp.sum(k[:, None] ** (-m[None, :]), 0)
    return out.at[4::2].set(leading * (1 + series))

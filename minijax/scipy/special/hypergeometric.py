"""The hypergeometric functions of Kummer and Gauss."""

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.control.custom_jvp import custom_jvp
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import dtype_of, promote_args_inexact
from minijax.scipy.special.errors import refuse_complex
from minijax.scipy.special.gammas import digamma, gamma

_MOST_TERMS = 250


def _sum_of_terms(first, ratio):
    """1 + first + first * ratio(1) + ..., until terms do not count or there are
    `_MOST_TERMS`.
    """
    eps = dtypes.finfo(dtype_of(first)).eps

    def active(state):
        total, k, term = state
        return (k < _MOST_TERMS) & (lax.abs(term) / lax.abs(total) > eps)

    def step(state):
        on = active(state)
        total, k, term = state
        new = total + term, k + 1, term * ratio(k.astype(term.dtype))
        return tuple(jnp.where(on, a, b) for a, b in zip(new, state, strict=True))

    start = jnp.ones_like(first), jnp.ones(first.shape, "int32"), first
    return lax.while_loop(lambda s: jnp.any(active(s)), step, start)[0]


def _series(a, b, x):
    """Pearson, Olver and Porter, "Numerical methods for hypergeometric functions",
    2017, (3.2).
    """
    return _sum_of_terms(a / b * x, lambda k: (a + k) / (b + k) * x / (k + 1))


def _asymptotic(a, b, x):
    """The same paper, (3.8), for large x."""

    def ratio(k):
        return (b - a + k) * (1 - a + k) / (k + 1) / x

    total = _sum_of_terms((b - a) * (1 - a) / x, ratio)
    return gamma(b) / gamma(a) * lax.exp(x) * x ** (a - b) * total


@custom_jvp
@jit
def hyp1f1(a, b, x):
    """Kummer's function M(a, b, x): a power series for |x| < 100, an asymptotic one beyond."""
    a, b, x = [asarray(v) for v in promote_args_inexact("hyp1f1", a, b, x)]
    refuse_complex("hyp1f1", x)
    a, b, x = jnp.broadcast_arrays(a, b, x)
    near = lax.abs(x) < 100
    series = _series(a, b, jnp.where(near, x, 1))
    value = jnp.where(near, series, _asymptotic(a, b, jnp.where(near, 100, x)))
    value = jnp.where((a == b) & (a != 0), lax.exp(x), value)
    value = jnp.where(a == 0, 1, value)
    return jnp.where((b == 0) & (a != 0), jnp.inf, value)


def _weighted_sum(first, ratio, weight):
    """first * weight(1) + first * ratio(1) * weight(2) + ..., up to the same end."""
    eps = dtypes.finfo(dtype_of(first)).eps

    def active(state):
        total, k, _, change = state
        return (k < _MOST_TERMS) & (lax.abs(change) / lax.abs(total) > eps)

    def step(state):
        on = active(state)
        total, k, term, change = state
        n = k.astype(term.dtype)
        after = term * ratio(n)
        new = total + change, k + 1, after, after * weight(n + 1)
        return tuple(jnp.where(on, u, v) for u, v in zip(new, state, strict=True))

    change = first * weight(jnp.ones_like(first))
    start = jnp.zeros_like(first), jnp.ones(first.shape, "int32"), first, change
    return lax.while_loop(lambda s: jnp.any(active(s)), step, start)[0]


def _derivative_series(a, b, x, slope):
    """sum_k (a)_k / (b)_k x^k / k! slope(k): the derivative in a parameter, from those
    of its terms.
    """
    return _weighted_sum(a / b * x, lambda k: (a + k) / (b + k) * x / (k + 1), slope)


def _slope_in_a(a, b, x):
    return _derivative_series(a, b, x, lambda k: digamma(a + k) - digamma(a))


def _slope_in_b(a, b, x):
    return _derivative_series(a, b, x, lambda k: digamma(b) - digamma(b + k))


hyp1f1.defjvps(
    lambda t, out, a, b, x: _slope_in_a(a, b, x) * t,
    lambda t, out, a, b, x: _slope_in_b(a, b, x) * t,
    lambda t, out, a, b, x: a / b * hyp1f1(a + 1, b + 1, x) * t,
)


def _gauss_ratio(a, b, c, x):
    return lambda k: (a + k) * (b + k) / (c + k) * x / (k + 1)


def _gauss_series(a, b, c, x):
    """Pearson, Olver and Porter, (4.1); exact where a or b ends it."""
    return _sum_of_terms(a * b / c * x, _gauss_ratio(a, b, c, x))


def _ends(a):
    return (a <= 0) & (a == jnp.round(a))


def _near_one(a, b, c, d, s):
    """At x = 1 - s, for d = c - a - b not an integer: Abramowitz and Stegun, 15.3.6."""
    direct = gamma(c) * gamma(d) / (gamma(c - a) * gamma(c - b))
    other = s**d * gamma(c) * gamma(-d) / (gamma(a) * gamma(b))
    return direct * _gauss_series(a, b, 1 - d, s) + other * _gauss_series(
        c - a, c - b, 1 + d, s
    )


def _near_one_by_logarithm(a, b, m, s):
    """At x = 1 - s, for c = a + b + m, m a natural number: the same book, 15.3.10-11."""
    lower, upper = a + m, b + m
    zero, one = jnp.zeros_like(s), jnp.ones_like(s)

    def weight(n):
        known = digamma(n + 1) + digamma(n + m + 1)
        return lax.log(s) - known + digamma(lower + n) + digamma(upper + n)

    def ratio(k):
        return (lower + k) * (upper + k) / (k + 1) / (k + m + 1) * s

    def ratio_before(k):
        more = k < m - 1
        return jnp.where(more, (a + k) * (b + k) / (k + 1) * s, 0) / jnp.where(
            more, 1 - m + k, 1
        )

    first = one / gamma(m + 1)
    tail = first * weight(zero) + _weighted_sum(first * ratio(zero), ratio, weight)
    tail = tail * s**m * jnp.where(m % 2 == 0, -1, 1) / (gamma(a) * gamma(b))
    head = _sum_of_terms(ratio_before(zero), ratio_before)
    head = jnp.where(m == 0, 0, head * gamma(m) / (gamma(lower) * gamma(upper)))
    return gamma(lower + b) * (head + tail)


def _gauss(a, b, c, x):
    """F(a, b; c; x) for 0 <= x < 1, by whichever expansion is short there."""
    d = c - a - b
    m = jnp.round(d)
    far = lax.abs(d - m)
    whole = far < 50 * dtypes.finfo(dtype_of(x)).eps
    close = (x > 0.9) & ~_ends(a) & ~_ends(b)
    # between the two the terms of `_near_one` cancel: the series is the better one
    by_gammas = close & (far > 0.05)
    by_logarithm = close & whole & (m >= 0)
    s = jnp.where(close, 1 - x, 0.5)
    value = _gauss_series(a, b, c, jnp.where(by_gammas | by_logarithm, 0, x))
    value = jnp.where(
        by_gammas, _near_one(a, b, c, jnp.where(by_gammas, d, 0.5), s), value
    )
    m = jnp.where(by_logarithm, m, 0)
    return jnp.where(by_logarithm, _near_one_by_logarithm(a, b, m, s), value)


@custom_jvp
@jit
def hyp2f1(a, b, c, x):
    """Gauss's function F(a, b; c; x), real; inf where x > 1 or c is a pole."""
    values = promote_args_inexact("hyp2f1", a, b, c, x)
    a, b, c, x = jnp.broadcast_arrays(*[asarray(v) for v in values])
    d = c - a - b
    s = 1 - x
    low, high = jnp.minimum(a, b), jnp.maximum(a, b)
    # a negative x is moved to (0, 1); a sum that ends is left as it is
    endless = ~_ends(a) & ~_ends(b)
    pfaff = (x < 0) & endless
    euler = (x >= 0) & (d <= -1) & endless
    first = jnp.where(euler, c - a, low)
    second = jnp.where(euler, c - b, jnp.where(pfaff, c - high, high))
    ending = euler & (_ends(first) | _ends(second))
    inside = (x < 1) | ending
    at = jnp.where(pfaff, -x / s, jnp.where(inside, x, 0))
    value = _gauss(first, second, c, at)
    power = jnp.where(euler, d, jnp.where(pfaff, -low, 0))
    value = value * jnp.where(power == 0, 1, s**power)
    value = jnp.where((x < 1) & (a == c), s**-b, value)
    value = jnp.where((x < 1) & (b == c), s**-a, value)
    at_one = gamma(c) * gamma(d) / (gamma(c - a) * gamma(c - b))
    value = jnp.where((x == 1) & ~euler, jnp.where(d <= 0, jnp.inf, at_one), value)
    value = jnp.where(_ends(c) | ((x > 1) & ~ending), jnp.inf, value)
    value = jnp.where((x == 0) | (((a == 0) | (b == 0)) & (c != 0)), 1, value)
    return jnp.where(jnp.isnan(a + b + c + x), jnp.nan, value)


def _gauss_slope(a, b, c, x, slope):
    a, b, c, x = jnp.broadcast_arrays(a, b, c, x)
    return _weighted_sum(a * b / c * x, _gauss_ratio(a, b, c, x), slope)


hyp2f1.defjvps(
    lambda t, out, a, b, c, x: (
        _gauss_slope(a, b, c, x, lambda k: digamma(a + k) - digamma(a)) * t
    ),
    lambda t, out, a, b, c, x: (
        _gauss_slope(a, b, c, x, lambda k: digamma(b + k) - digamma(b)) * t
    ),
    lambda t, out, a, b, c, x: (
        _gauss_slope(a, b, c, x, lambda k: digamma(c) - digamma(c + k)) * t
    ),
    lambda t, out, a, b, c, x: a * b / c * hyp2f1(a + 1, b + 1, c + 1, x) * t,
)

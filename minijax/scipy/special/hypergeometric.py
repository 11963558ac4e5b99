"""The confluent hypergeometric function."""

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.control.custom import custom_jvp
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import dtype_of, promote_args_inexact
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
    a, b, x = jnp.broadcast_arrays(a, b, x)
    near = lax.abs(x) < 100
    series = _series(a, b, jnp.where(near, x, 1))
    value = jnp.where(near, series, _asymptotic(a, b, jnp.where(near, 100, x)))
    value = jnp.where((a == b) & (a != 0), lax.exp(x), value)
    value = jnp.where(a == 0, 1, value)
    return jnp.where((b == 0) & (a != 0), jnp.inf, value)


def _derivative_series(a, b, x, slope):
    """sum_k (a)_k / (b)_k x^k / k! slope(k): the derivative in a parameter, from those
    of its terms.
    """
    eps = dtypes.finfo(dtype_of(x)).eps

    def active(state):
        total, k, _, change = state
        return (k < _MOST_TERMS) & (lax.abs(change) / lax.abs(total) > eps)

    def step(state):
        on = active(state)
        total, k, term, change = state
        n = k.astype(term.dtype)
        after = term * (a + n) / (b + n) * x / (n + 1)
        new = total + change, k + 1, after, after * slope(n + 1)
        return tuple(jnp.where(on, u, v) for u, v in zip(new, state, strict=True))

    term = a / b * x
    one = jnp.ones_like(x)
    first = term * slope(one)
    start = jnp.zeros_like(x), jnp.ones(x.shape, "int32"), term, first
    return lax.while_loop(lambda s: jnp.any(active(s)), step, start)[0]


def _slope_in_a(a, b, x):
    return _derivative_series(a, b, x, lambda k: digamma(a + k) - digamma(a))


def _slope_in_b(a, b, x):
    return _derivative_series(a, b, x, lambda k: digamma(b) - digamma(b + k))


hyp1f1.defjvps(
    lambda t, out, a, b, x: _slope_in_a(a, b, x) * t,
    lambda t, out, a, b, x: _slope_in_b(a, b, x) * t,
    lambda t, out, a, b, x: a / b * hyp1f1(a + 1, b + 1, x) * t,
)

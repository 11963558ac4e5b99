"""The Bernoulli distribution: 1 with probability p, else 0."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpmf(k, p, loc=0):
    """The logarithm of the probability of k."""
    k, p, loc = promoted("bernoulli.logpmf", k, p, loc)
    one = like(1, k)
    y = lax.sub(k, loc)
    log_probability = lax.add(
        special.xlogy(y, p), special.xlog1py(lax.sub(one, y), lax.neg(p))
    )
    outside = jnp.logical_or(lax.lt(y, like(0, k)), lax.gt(y, one))
    return jnp.where(outside, -np.inf, log_probability)


def pmf(k, p, loc=0):
    """The probability of k."""
    return jnp.exp(logpmf(k, p, loc))


def cdf(k, p):
    """The probability of values up to x."""
    k, p = promoted("bernoulli.cdf", k, p)
    zero, one = like(0, k), like(1, k)
    undefined = lax.ne(k, k) | lax.ne(p, p) | lax.lt(p, zero) | lax.gt(p, one)
    conditions = [
        undefined,
        lax.lt(k, zero),
        lax.ge(k, zero) & lax.lt(k, one),
        lax.ge(k, one),
    ]
    values = [like(np.nan, p), zero, lax.sub(one, p), one]
    return jnp.select(conditions, values, zero)


def ppf(q, p):
    """The value that is not exceeded with probability q."""
    q, p = promoted("bernoulli.ppf", q, p)
    zero, one = like(0, q), like(1, q)
    undefined = lax.ne(q, q) | lax.ne(p, p) | lax.lt(p, zero) | lax.gt(p, one)
    undefined = undefined | lax.lt(q, zero) | lax.gt(q, one)
    value = jnp.where(lax.le(q, lax.sub(one, p)), zero, one)
    return jnp.where(undefined, np.nan, value)

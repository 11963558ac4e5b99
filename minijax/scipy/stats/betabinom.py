"""The beta-binomial distribution: binomial, its probability beta-distributed."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


@jit
def logpmf(k, n, a, b, loc=0):
    """The logarithm of the probability of k."""
    k, n, a, b, loc = promoted("betabinom.logpmf", k, n, a, b, loc)
    y = lax.sub(lax.floor(k), loc)
    one, zero = like(1, k), like(0, k)
    ways = lax.neg(
        lax.add(
            lax.log1p(n), special.betaln(lax.add(lax.sub(n, y), one), lax.add(y, one))
        )
    )
    shape = lax.sub(
        special.betaln(lax.add(y, a), lax.add(lax.sub(n, y), b)), special.betaln(a, b)
    )
    log_probability = lax.add(ways, shape)
    none_of_none = jnp.logical_and(lax.eq(y, zero), lax.eq(n, zero))
    log_probability = jnp.where(none_of_none, 0.0, log_probability)
    outside = jnp.logical_or(lax.lt(y, lax.neg(loc)), lax.gt(y, n))
    outside = jnp.logical_or(outside, lax.le(lax.add(y, a), zero))
    log_probability = jnp.where(outside, -np.inf, log_probability)
    invalid = jnp.logical_or(lax.lt(n, zero), lax.le(a, zero))
    invalid = jnp.logical_or(invalid, lax.le(b, zero))
    return jnp.where(invalid, np.nan, log_probability)


def pmf(k, n, a, b, loc=0):
    """The probability of k."""
    return lax.exp(logpmf(k, n, a, b, loc))

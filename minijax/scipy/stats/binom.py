"""The binomial distribution: successes in n trials of probability p."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpmf(k, n, p, loc=0):
    """The logarithm of the probability of k."""
    k, n, p, loc = promoted("binom.logpmf", k, n, p, loc)
    y = lax.sub(k, loc)
    zero = like(0, y)
    ways = lax.sub(
        lax.lgamma(jnp.add(n, 1)),
        lax.add(lax.lgamma(y + 1), lax.lgamma(jnp.subtract(n, y) + 1)),
    )
    weight = lax.add(special.xlogy(y, p), special.xlog1py(lax.sub(n, y), lax.neg(p)))
    log_probability = lax.add(ways, weight)
    certain = jnp.logical_or(
        jnp.logical_and(lax.eq(y, zero), lax.eq(n, zero)), lax.eq(weight, zero)
    )
    log_probability = jnp.where(certain, 0.0, log_probability)
    inside = jnp.logical_and(lax.ge(k, loc), lax.lt(k, jnp.add(loc, n) + 1))
    return jnp.where(inside, log_probability, -np.inf)


def pmf(k, n, p, loc=0):
    """The probability of k."""
    return lax.exp(logpmf(k, n, p, loc))

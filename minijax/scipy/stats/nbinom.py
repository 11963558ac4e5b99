"""The negative binomial distribution: failures before n successes of probability p."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpmf(k, n, p, loc=0):
    """The logarithm of the probability of k."""
    k, n, p, loc = promoted("nbinom.logpmf", k, n, p, loc)
    one = like(1, k)
    y = lax.sub(k, loc)
    ways = lax.sub(
        lax.sub(lax.lgamma(lax.add(y, n)), lax.lgamma(n)), lax.lgamma(lax.add(y, one))
    )
    weight = lax.add(special.xlogy(n, p), special.xlogy(y, lax.sub(one, p)))
    log_probability = lax.add(ways, weight)
    return jnp.where(lax.lt(k, loc), -np.inf, log_probability)


def pmf(k, n, p, loc=0):
    """The probability of k."""
    return lax.exp(logpmf(k, n, p, loc))

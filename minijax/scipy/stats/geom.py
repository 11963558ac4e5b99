"""The geometric distribution: trials up to the first success, of probability p."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpmf(k, p, loc=0):
    """The logarithm of the probability of k."""
    k, p, loc = promoted("geom.logpmf", k, p, loc)
    y = lax.sub(k, loc)
    log_probability = lax.add(
        special.xlog1py(lax.sub(y, like(1, k)), lax.neg(p)), lax.log(p)
    )
    return jnp.where(lax.le(y, like(0, k)), -np.inf, log_probability)


def pmf(k, p, loc=0):
    """The probability of k."""
    return lax.exp(logpmf(k, p, loc))

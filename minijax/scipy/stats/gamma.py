"""The gamma distribution of shape a."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, a, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, a, loc, scale = promoted("gamma.logpdf", x, a, loc, scale)
    one = like(1, x)
    inside = lax.ge(x, loc)
    y = jnp.where(inside, lax.div(lax.sub(x, loc), scale), one)
    linear = lax.sub(special.xlogy(lax.sub(a, one), y), y)
    shape = lax.add(lax.lgamma(a), lax.log(scale))
    return jnp.where(inside, lax.sub(linear, shape), -np.inf)


def pdf(x, a, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, a, loc, scale))


def cdf(x, a, loc=0, scale=1):
    """The probability of values up to x."""
    x, a, loc, scale = promoted("gamma.cdf", x, a, loc, scale)
    y = lax.clamp(like(0, x), lax.div(lax.sub(x, loc), scale), like(np.inf, x))
    return lax.igamma(a, y)


def logcdf(x, a, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    return lax.log(cdf(x, a, loc, scale))


def sf(x, a, loc=0, scale=1):
    """The probability of values above x."""
    x, a, loc, scale = promoted("gamma.sf", x, a, loc, scale)
    y = lax.div(lax.sub(x, loc), scale)
    return jnp.where(lax.lt(y, like(0, y)), 1, lax.igammac(a, y))


def logsf(x, a, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    return lax.log(sf(x, a, loc, scale))

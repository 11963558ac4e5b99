"""The left-skewed Gumbel distribution."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, loc, scale = promoted("gumbel_l.logpdf", x, loc, scale)
    valid = lax.gt(scale, like(0, scale))
    y = lax.div(lax.sub(x, loc), scale)
    log_density = lax.add(special.xlogy(-1, scale), lax.sub(y, lax.exp(y)))
    return jnp.where(valid, log_density, np.nan)


def pdf(x, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, loc, scale))


def logcdf(x, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    x, loc, scale = promoted("gumbel_l.logcdf", x, loc, scale)
    valid = lax.gt(scale, like(0, scale))
    y = lax.div(lax.sub(x, loc), scale)
    value = lax.log(lax.neg(lax.expm1(lax.neg(lax.exp(y)))))
    return jnp.where(valid, value, np.nan)


def cdf(x, loc=0, scale=1):
    """The probability of values up to x."""
    return lax.exp(logcdf(x, loc, scale))


def logsf(x, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    x, loc, scale = promoted("gumbel_l.logsf", x, loc, scale)
    valid = lax.gt(scale, like(0, scale))
    y = lax.div(lax.sub(x, loc), scale)
    return jnp.where(valid, lax.neg(lax.exp(y)), np.nan)


def sf(x, loc=0, scale=1):
    """The probability of values above x."""
    return lax.exp(logsf(x, loc, scale))


def ppf(p, loc=0, scale=1):
    """The value that is not exceeded with probability p."""
    p, loc, scale = promoted("gumbel_l.ppf", p, loc, scale)
    inside = lax.bitwise_and(lax.gt(p, like(0, p)), lax.lt(p, like(1, p)))
    value = lax.add(loc, lax.mul(scale, lax.log(special.xlog1py(-1, lax.neg(p)))))
    return jnp.where(inside, value, np.nan)

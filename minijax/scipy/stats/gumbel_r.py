"""The right-skewed Gumbel distribution."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.nn.functions import log1mexp
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, loc, scale = promoted("gumbel_r.logpdf", x, loc, scale)
    valid = lax.gt(scale, like(0, scale))
    y = lax.div(lax.sub(x, loc), scale)
    log_scale = special.xlogy(-1, scale)
    tail = lax.neg(lax.add(y, lax.exp(lax.neg(y))))
    return jnp.where(valid, lax.add(log_scale, tail), np.nan)


def pdf(x, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, loc, scale))


def logcdf(x, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    x, loc, scale = promoted("gumbel_r.logcdf", x, loc, scale)
    valid = lax.gt(scale, like(0, scale))
    y = lax.div(lax.sub(x, loc), scale)
    return jnp.where(valid, lax.neg(lax.exp(lax.neg(y))), np.nan)


def cdf(x, loc=0, scale=1):
    """The probability of values up to x."""
    return lax.exp(logcdf(x, loc, scale))


def sf(x, loc=0, scale=1):
    """The probability of values above x."""
    x, loc, scale = promoted("gumbel_r.sf", x, loc, scale)
    valid = lax.gt(scale, like(0, scale))
    y = lax.div(lax.sub(loc, x), scale)
    value = lax.sub(like(1, x), lax.exp(lax.neg(lax.exp(y))))
    return jnp.where(valid, value, np.nan)


def logsf(x, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    x, loc, scale = promoted("gumbel_r.logsf", x, loc, scale)
    valid = lax.gt(scale, like(0, scale))
    y = lax.div(lax.sub(loc, x), scale)
    return jnp.where(valid, log1mexp(lax.exp(y)), np.nan)


def ppf(p, loc=0, scale=1):
    """The value that is not exceeded with probability p."""
    p, loc, scale = promoted("gumbel_r.ppf", p, loc, scale)
    inside = lax.bitwise_and(lax.gt(p, like(0, p)), lax.lt(p, like(1, p)))
    value = lax.sub(loc, lax.mul(scale, lax.log(special.xlogy(-1, p))))
    return jnp.where(inside, value, np.nan)

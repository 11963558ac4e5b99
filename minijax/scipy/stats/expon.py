"""The exponential distribution."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, loc, scale = promoted("expon.logpdf", x, loc, scale)
    log_scale = lax.log(scale)
    linear = lax.div(lax.sub(x, loc), scale)
    log_density = lax.neg(lax.add(linear, log_scale))
    return jnp.where(lax.lt(x, loc), -np.inf, log_density)


def pdf(x, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, loc, scale))


def cdf(x, loc=0, scale=1):
    """The probability of values up to x."""
    x, loc, scale = promoted("expon.cdf", x, loc, scale)
    negative = lax.div(lax.sub(loc, x), scale)
    below = lax.lt(x, loc)
    return jnp.where(below, jnp.zeros_like(negative), lax.neg(lax.expm1(negative)))


def logcdf(x, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    x, loc, scale = promoted("expon.logcdf", x, loc, scale)
    negative = lax.div(lax.sub(loc, x), scale)
    negative = jnp.where(lax.lt(x, loc), jnp.zeros_like(negative), negative)
    return lax.log1p(lax.neg(lax.exp(negative)))


def logsf(x, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    x, loc, scale = promoted("expon.logsf", x, loc, scale)
    negative = lax.div(lax.sub(loc, x), scale)
    return jnp.where(lax.lt(x, loc), jnp.zeros_like(negative), negative)


def sf(x, loc=0, scale=1):
    """The probability of values above x."""
    return lax.exp(logsf(x, loc, scale))


def ppf(q, loc=0, scale=1):
    """The value that is not exceeded with probability q."""
    q, loc, scale = promoted("expon.ppf", q, loc, scale)
    zero, one = like(0, q), like(1, q)
    outside = lax.bitwise_or(
        lax.bitwise_or(lax.ne(q, q), lax.lt(q, zero)), lax.gt(q, one)
    )
    value = lax.sub(loc, lax.mul(scale, lax.log1p(lax.neg(q))))
    return jnp.where(outside, np.nan, value)

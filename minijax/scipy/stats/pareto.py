"""The Pareto distribution of shape b."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, b, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, b, loc, scale = promoted("pareto.logpdf", x, b, loc, scale)
    one = like(1, x)
    y = lax.div(lax.sub(x, loc), scale)
    normalizer = lax.log(lax.div(scale, b))
    log_density = lax.neg(lax.add(normalizer, lax.mul(lax.add(b, one), lax.log(y))))
    return jnp.where(lax.lt(x, lax.add(loc, scale)), -np.inf, log_density)


def pdf(x, b, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, b, loc, scale))


def cdf(x, b, loc=0, scale=1):
    """The probability of values up to x."""
    x, b, loc, scale = promoted("pareto.cdf", x, b, loc, scale)
    y = lax.div(lax.sub(x, loc), scale)
    value = lax.sub(like(1, x), lax.pow(y, lax.neg(b)))
    return jnp.where(lax.lt(x, lax.add(loc, scale)), like(0, x), value)


def logcdf(x, b, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    x, b, loc, scale = promoted("pareto.logcdf", x, b, loc, scale)
    y = lax.div(lax.sub(x, loc), scale)
    value = lax.log1p(lax.neg(lax.pow(y, lax.neg(b))))
    return jnp.where(lax.lt(x, lax.add(loc, scale)), -np.inf, value)


def logsf(x, b, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    x, b, loc, scale = promoted("pareto.logsf", x, b, loc, scale)
    y = lax.div(lax.sub(x, loc), scale)
    value = lax.neg(lax.mul(b, lax.log(y)))
    return jnp.where(lax.lt(x, lax.add(loc, scale)), like(0, x), value)


def sf(x, b, loc=0, scale=1):
    """The probability of values above x."""
    return lax.exp(logsf(x, b, loc, scale))


def ppf(q, b, loc=0, scale=1):
    """The value that is not exceeded with probability q."""
    q, b, loc, scale = promoted("pareto.ppf", q, b, loc, scale)
    zero, one = like(0, q), like(1, q)
    power = lax.pow(lax.sub(one, q), lax.neg(lax.div(one, b)))
    value = lax.add(loc, lax.mul(scale, power))
    outside = lax.ne(q, q) | lax.lt(q, zero) | lax.gt(q, one)
    return jnp.where(outside, np.nan, value)

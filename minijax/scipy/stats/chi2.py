"""The chi-squared distribution with df degrees of freedom."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, df, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, df, loc, scale = promoted("chi2.logpdf", x, df, loc, scale)
    one, two = like(1, x), like(2, x)
    y = lax.div(lax.sub(x, loc), scale)
    half = lax.div(df, two)
    kernel = lax.sub(lax.mul(lax.sub(half, one), lax.log(y)), lax.div(y, two))
    normalizer = lax.neg(
        lax.add(lax.lgamma(half), lax.div(lax.mul(lax.log(two), df), two))
    )
    log_density = lax.add(lax.sub(normalizer, lax.log(scale)), kernel)
    return jnp.where(lax.lt(x, loc), -np.inf, log_density)


def pdf(x, df, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, df, loc, scale))


def cdf(x, df, loc=0, scale=1):
    """The probability of values up to x."""
    x, df, loc, scale = promoted("chi2.cdf", x, df, loc, scale)
    two = like(2, scale)
    half = lax.div(df, two)
    y = lax.div(lax.sub(x, loc), lax.mul(scale, two))
    return lax.igamma(half, lax.clamp(like(0, x), y, like(np.inf, x)))


def logcdf(x, df, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    return lax.log(cdf(x, df, loc, scale))


def sf(x, df, loc=0, scale=1):
    """The probability of values above x."""
    x, df, loc, scale = promoted("chi2.sf", x, df, loc, scale)
    two = like(2, scale)
    half = lax.div(df, two)
    y = lax.div(lax.sub(x, loc), lax.mul(scale, two))
    return lax.igammac(half, lax.clamp(like(0, x), y, like(np.inf, x)))


def logsf(x, df, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    return lax.log(sf(x, df, loc, scale))

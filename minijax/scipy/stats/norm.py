"""The normal distribution."""

import numpy as np

from minijax import lax
from minijax.numpy.creation import asarray
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, loc, scale = promoted("norm.logpdf", x, loc, scale)
    variance = lax.square(scale)
    normalizer = lax.log(lax.mul(like(2 * np.pi, x), variance))
    quadratic = lax.div(lax.square(lax.sub(x, loc)), variance)
    return lax.div(lax.add(normalizer, quadratic), like(-2, x))


def pdf(x, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, loc, scale))


def cdf(x, loc=0, scale=1):
    """The probability of values up to x."""
    x, loc, scale = promoted("norm.cdf", x, loc, scale)
    return special.ndtr(lax.div(lax.sub(x, loc), scale))


def logcdf(x, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    x, loc, scale = promoted("norm.logcdf", x, loc, scale)
    return special.log_ndtr(lax.div(lax.sub(x, loc), scale))


def ppf(q, loc=0, scale=1):
    """The value that is not exceeded with probability q."""
    q, loc, scale = promoted("norm.ppf", q, loc, scale)
    out = lax.add(lax.mul(special.ndtri(q), scale), loc)
    return asarray(out, float)  # of JAX's default type, whatever the arguments have


def sf(x, loc=0, scale=1):
    """The probability of values above x."""
    x, loc, scale = promoted("norm.sf", x, loc, scale)
    return cdf(lax.neg(x), lax.neg(loc), scale)


def logsf(x, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    x, loc, scale = promoted("norm.logsf", x, loc, scale)
    return logcdf(lax.neg(x), lax.neg(loc), scale)


def isf(q, loc=0, scale=1):
    """The value that is exceeded with probability q."""
    q, loc, scale = promoted("norm.isf", q, loc, scale)
    return ppf(lax.sub(like(1, q), q), loc, scale)

"""The Cauchy distribution."""

import numpy as np

from minijax import lax
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, loc, scale = promoted("cauchy.logpdf", x, loc, scale)
    y = lax.div(lax.sub(x, loc), scale)
    normalizer = lax.log(lax.mul(like(np.pi, x), scale))
    return lax.neg(lax.add(normalizer, lax.log1p(lax.mul(y, y))))


def pdf(x, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, loc, scale))


def cdf(x, loc=0, scale=1):
    """The probability of values up to x."""
    x, loc, scale = promoted("cauchy.cdf", x, loc, scale)
    y = lax.div(lax.sub(x, loc), scale)
    inverse_pi = lax.div(like(1, x), like(np.pi, x))
    return lax.add(like(0.5, x), lax.mul(inverse_pi, lax.atan(y)))


def logcdf(x, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    return lax.log(cdf(x, loc, scale))


def sf(x, loc=0, scale=1):
    """The probability of values above x."""
    x, loc, scale = promoted("cauchy.sf", x, loc, scale)
    return cdf(lax.neg(x), lax.neg(loc), scale)


def logsf(x, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    x, loc, scale = promoted("cauchy.logsf", x, loc, scale)
    return logcdf(lax.neg(x), lax.neg(loc), scale)


def ppf(q, loc=0, scale=1):
    """The value that is not exceeded with probability q."""
    q, loc, scale = promoted("cauchy.ppf", q, loc, scale)
    angle = lax.sub(lax.mul(like(np.pi, q), q), like(np.pi / 2, q))
    return lax.add(lax.mul(lax.tan(angle), scale), loc)


def isf(q, loc=0, scale=1):
    """The value that is exceeded with probability q."""
    q, loc, scale = promoted("cauchy.isf", q, loc, scale)
    angle = lax.sub(like(np.pi / 2, q), lax.mul(like(np.pi, q), q))
    return lax.add(lax.mul(lax.tan(angle), scale), loc)

"""The Laplace distribution."""

from minijax import lax
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, loc, scale = promoted("laplace.logpdf", x, loc, scale)
    linear = lax.div(lax.abs(lax.sub(x, loc)), scale)
    return lax.neg(lax.add(linear, lax.log(lax.mul(like(2, x), scale))))


def pdf(x, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, loc, scale))


def cdf(x, loc=0, scale=1):
    """The probability of values up to x."""
    x, loc, scale = promoted("laplace.cdf", x, loc, scale)
    half, one = like(0.5, x), like(1, x)
    y = lax.div(lax.sub(x, loc), scale)
    negative = lax.le(y, like(0, y))
    below = lax.mul(half, lax.exp(y))
    above = lax.sub(one, lax.mul(half, lax.exp(lax.neg(y))))
    return lax.select(negative, below, above)

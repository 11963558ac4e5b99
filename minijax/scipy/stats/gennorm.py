"""The generalised normal distribution of shape beta."""

from minijax import lax
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, beta):
    """The logarithm of the density at x."""
    x, beta = promoted("gennorm.logpdf", x, beta)
    half = lax.log(lax.mul(like(0.5, x), beta))
    normalizer = lax.sub(half, lax.lgamma(lax.div(like(1, x), beta)))
    return lax.sub(normalizer, lax.pow(lax.abs(x), beta))


def pdf(x, beta):
    """The density at x."""
    return lax.exp(logpdf(x, beta))


def cdf(x, beta):
    """The probability of values up to x."""
    x, beta = promoted("gennorm.cdf", x, beta)
    sign = lax.sign(x)
    power = lax.igamma(lax.div(like(1, x), beta), lax.pow(lax.abs(x), beta))
    return lax.mul(like(0.5, x), lax.add(like(1, x), lax.mul(sign, power)))

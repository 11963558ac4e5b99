"""The generalised normal distribution of shape beta."""

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy.stats.arguments import promoted


def logpdf(x, beta):
    """The logarithm of the density at x."""
    x, beta = promoted("gennorm.logpdf", x, beta)
    half = lax.log(jnp.multiply(0.5, beta))
    normalizer = lax.sub(half, lax.lgamma(jnp.divide(1, beta)))
    return lax.sub(normalizer, lax.pow(lax.abs(x), beta))


def pdf(x, beta):
    """The density at x."""
    return lax.exp(logpdf(x, beta))


def cdf(x, beta):
    """The probability of values up to x."""
    x, beta = promoted("gennorm.cdf", x, beta)
    sign = lax.sign(x)
    power = lax.igamma(jnp.divide(1, beta), lax.pow(lax.abs(x), beta))
    return 0.5 * (1 + lax.mul(sign, power))

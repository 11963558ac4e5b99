"""The logistic distribution."""

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, loc, scale = promoted("logistic.logpdf", x, loc, scale)
    two = like(2, x)
    half = lax.div(lax.div(lax.sub(x, loc), scale), two)
    shape = lax.mul(lax.neg(two), jnp.logaddexp(half, lax.neg(half)))
    return lax.sub(shape, lax.log(scale))


def pdf(x, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, loc, scale))


def cdf(x, loc=0, scale=1):
    """The probability of values up to x."""
    x, loc, scale = promoted("logistic.cdf", x, loc, scale)
    return lax.logistic(lax.div(lax.sub(x, loc), scale))


def sf(x, loc=0, scale=1):
    """The probability of values above x."""
    x, loc, scale = promoted("logistic.sf", x, loc, scale)
    return lax.logistic(lax.neg(lax.div(lax.sub(x, loc), scale)))


def ppf(x, loc=0, scale=1):
    """The value that is not exceeded with probability q."""
    x, loc, scale = promoted("logistic.ppf", x, loc, scale)
    return lax.add(lax.mul(special.logit(x), scale), loc)


def isf(x, loc=0, scale=1):
    """The value that is exceeded with probability x."""
    q, loc, scale = promoted("logistic.isf", x, loc, scale)
    return lax.add(lax.mul(lax.neg(special.logit(q)), scale), loc)

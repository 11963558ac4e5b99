"""The beta distribution on [loc, loc + scale]."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, a, b, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, a, b, loc, scale = promoted("beta.logpdf", x, a, b, loc, scale)
    one = like(1, x)
    normalizer = lax.neg(special.betaln(a, b))
    y = lax.div(lax.sub(x, loc), scale)
    shape = lax.add(
        special.xlogy(lax.sub(a, one), y),
        special.xlog1py(lax.sub(b, one), lax.neg(y)),
    )
    log_density = lax.sub(lax.add(normalizer, shape), lax.log(scale))
    outside = jnp.logical_or(lax.gt(x, lax.add(loc, scale)), lax.lt(x, loc))
    log_density = jnp.where(outside, -np.inf, log_density)
    zero = like(0, a)
    invalid = jnp.logical_or(lax.le(a, zero), lax.le(b, zero))
    invalid = jnp.logical_or(invalid, lax.le(scale, zero))
    return jnp.where(invalid, np.nan, log_density)


def pdf(x, a, b, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, a, b, loc, scale))


def cdf(x, a, b, loc=0, scale=1):
    """The probability of values up to x."""
    x, a, b, loc, scale = promoted("beta.cdf", x, a, b, loc, scale)
    y = lax.clamp(like(0, x), lax.div(lax.sub(x, loc), scale), like(1, x))
    return lax.betainc(a, b, y)


def logcdf(x, a, b, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    return lax.log(cdf(x, a, b, loc, scale))


def sf(x, a, b, loc=0, scale=1):
    """The probability of values above x."""
    x, a, b, loc, scale = promoted("beta.sf", x, a, b, loc, scale)
    y = lax.clamp(like(0, x), lax.div(lax.sub(x, loc), scale), like(1, x))
    return lax.betainc(b, a, lax.sub(like(1, y), y))


def logsf(x, a, b, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    return lax.log(sf(x, a, b, loc, scale))

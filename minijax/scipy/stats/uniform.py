"""The uniform distribution on [loc, loc + scale]."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.numpy.promotion import dtype_of
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, loc, scale = promoted("uniform.logpdf", x, loc, scale)
    log_density = lax.neg(lax.log(scale))
    outside = lax.bitwise_or(lax.gt(x, lax.add(loc, scale)), lax.lt(x, loc))
    return jnp.where(outside, -np.inf, log_density)


def pdf(x, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, loc, scale))


def cdf(x, loc=0, scale=1):
    """The probability of values up to x."""
    x, loc, scale = promoted("uniform.cdf", x, loc, scale)
    zero, one = [jnp.array(bound, dtype_of(x)) for bound in (0, 1)]
    below, above = lax.lt(x, loc), lax.gt(x, lax.add(loc, scale))
    inside = lax.bitwise_and(lax.ge(x, loc), lax.le(x, lax.add(loc, scale)))
    value = lax.div(lax.sub(x, loc), scale)
    return jnp.select([below, above, inside], [zero, one, value])


def ppf(q, loc=0, scale=1):
    """The value that is not exceeded with probability q."""
    q, loc, scale = promoted("uniform.ppf", q, loc, scale)
    outside = lax.ne(q, q) | lax.lt(q, like(0, q)) | lax.gt(q, like(1, q))
    return jnp.where(outside, np.nan, lax.add(loc, lax.mul(scale, q)))

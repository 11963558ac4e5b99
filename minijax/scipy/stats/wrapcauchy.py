"""The wrapped Cauchy distribution on [0, 2 pi]."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.numpy.promotion import dtype_of
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, c):
    """The logarithm of the density at x."""
    x, c = promoted("wrapcauchy.logpdf", x, c)
    zero, one = like(0, x), like(1, x)
    valid = jnp.logical_and(lax.gt(c, zero), lax.lt(c, one))
    inside = jnp.logical_and(lax.ge(x, zero), lax.le(x, like(2 * np.pi, x)))
    normalizer = lax.sub(
        lax.log(lax.sub(one, lax.mul(c, c))),
        jnp.log(2 * np.pi).astype(dtype_of(x)),
    )
    squares = lax.add(one, lax.mul(c, c))
    twice = lax.mul(lax.mul(like(2, x), c), lax.cos(x))
    log_distance = lax.log(lax.sub(squares, twice))
    value = jnp.where(inside, lax.sub(normalizer, log_distance), -np.inf)
    return jnp.where(valid, value, np.nan)


def pdf(x, c):
    """The density at x."""
    return lax.exp(logpdf(x, c))

"""The wrapped Cauchy distribution on [0, 2 pi]."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, c):
    """The logarithm of the density at x."""
    x, c = promoted("wrapcauchy.logpdf", x, c)
    valid = jnp.logical_and(lax.gt(c, like(0, c)), lax.lt(c, like(1, c)))
    inside = jnp.logical_and(lax.ge(x, like(0, x)), lax.le(x, like(2 * np.pi, x)))
    normalizer = jnp.log(1 - jnp.multiply(c, c)) - jnp.log(2 * np.pi)
    log_distance = jnp.log(1 + jnp.multiply(c, c) - jnp.multiply(2, c) * jnp.cos(x))
    value = jnp.where(inside, normalizer - log_distance, -np.inf)
    return jnp.where(valid, value, np.nan)


def pdf(x, c):
    """The density at x."""
    return lax.exp(logpdf(x, c))

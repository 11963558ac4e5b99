"""The von Mises distribution on the circle."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, kappa):
    """The logarithm of the density at x."""
    x, kappa = promoted("vonmises.logpdf", x, kappa)
    positive = lax.gt(kappa, like(0, kappa))
    shape = lax.mul(kappa, lax.sub(lax.cos(x), like(1, kappa)))
    normalizer = lax.log(lax.mul(like(2 * np.pi, kappa), lax.bessel_i0e(kappa)))
    return jnp.where(positive, lax.sub(shape, normalizer), np.nan)


def pdf(x, kappa):
    """The density at x."""
    return lax.exp(logpdf(x, kappa))

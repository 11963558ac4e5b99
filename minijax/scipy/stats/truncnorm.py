"""The normal distribution truncated to [a, b] (in units of scale, from loc)."""

import numpy as np

import minijax.numpy as jnp
from minijax.control.call import jit
from minijax.nn.functions import logsumexp
from minijax.numpy.creation import asarray
from minijax.scipy.special import log_ndtr, ndtr
from minijax.scipy.stats import norm
from minijax.scipy.stats.arguments import promoted


def _log_difference(x, y):
    """log(exp(x) - exp(y))."""
    x, y = jnp.broadcast_arrays(x, y)
    ones = jnp.ones_like(x)
    return logsumexp(jnp.array([x, y]), b=jnp.array([ones, -ones]), axis=0)


def _log_mass(a, b):
    """The logarithm of the normal probability of [a, b].

    Both in one tail: the difference of tail probabilities; across 0: one less both tails.
    """
    a, b = jnp.array(a), jnp.array(b)
    a, b = jnp.broadcast_arrays(a, b)
    left, right = b <= 0, a > 0
    centre = ~(left | right)
    low = jnp.where(right, -b, a)
    high = jnp.where(right, -a, b)
    tail = _log_difference(log_ndtr(high), log_ndtr(low))
    middle = jnp.log1p(-ndtr(a) - ndtr(-b))
    return jnp.where(centre, middle, tail)


def _arguments(name, x, a, b, loc, scale):
    return [asarray(v) for v in promoted(f"truncnorm.{name}", x, a, b, loc, scale)]


@jit
def logpdf(x, a, b, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, a, b, loc, scale = _arguments("logpdf", x, a, b, loc, scale)
    value = norm.logpdf(x, loc, scale) - _log_mass(a, b)
    y = (x - loc) / scale
    value = jnp.where((y < a) | (y > b), -np.inf, value)
    return jnp.where(a >= b, np.nan, value)


@jit
def pdf(x, a, b, loc=0, scale=1):
    """The density at x."""
    return jnp.exp(logpdf(x, a, b, loc, scale))


@jit
def logsf(x, a, b, loc=0, scale=1):
    """The logarithm of the probability of values above x."""
    x, a, b, loc, scale = _arguments("logsf", x, a, b, loc, scale)
    return logcdf(-x, -b, -a, -loc, scale)


@jit
def sf(x, a, b, loc=0, scale=1):
    """The probability of values above x."""
    return jnp.exp(logsf(x, a, b, loc, scale))


@jit
def logcdf(x, a, b, loc=0, scale=1):
    """The logarithm of the probability of values up to x."""
    x, a, b, loc, scale = _arguments("logcdf", x, a, b, loc, scale)
    x, a, b = jnp.broadcast_arrays((x - loc) / scale, a, b)
    total = _log_mass(a, b)
    below = _log_mass(a, x) - total
    above = _log_mass(x, b) - total
    value = jnp.select(
        # near 1 the complement is more accurate
        [x >= b, x <= a, below > -0.1, x > a],
        [0, -np.inf, jnp.log1p(-jnp.exp(above)), below],
    )
    return jnp.where(a >= b, np.nan, value)


@jit
def cdf(x, a, b, loc=0, scale=1):
    """The probability of values up to x."""
    return jnp.exp(logcdf(x, a, b, loc, scale))

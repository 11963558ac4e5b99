"""The Poisson distribution of mean mu."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.scipy import special
from minijax.scipy.stats.arguments import like, promoted


def logpmf(k, mu, loc=0):
    """The logarithm of the probability of k."""
    k, mu, loc = promoted("poisson.logpmf", k, mu, loc)
    y = lax.sub(k, loc)
    log_probability = lax.sub(lax.sub(special.xlogy(y, mu), special.gammaln(y + 1)), mu)
    outside = jnp.logical_or(lax.lt(y, like(0, y)), lax.ne(jnp.round(k), k))
    return jnp.where(outside, -np.inf, log_probability)


def pmf(k, mu, loc=0):
    """The probability of k."""
    return lax.exp(logpmf(k, mu, loc))


def cdf(k, mu, loc=0):
    """The probability of values up to x."""
    k, mu, loc = promoted("poisson.logpmf", k, mu, loc)
    y = lax.sub(k, loc)
    value = special.gammaincc(lax.floor(lax.add(like(1, y), y)), mu)
    return jnp.where(lax.lt(y, like(0, y)), like(0, value), value)


def entropy(mu, loc=0):
    """The entropy, in nats: a sum of terms for mu < 100, an asymptotic series beyond."""
    mu, loc = promoted("poisson.entropy", mu, loc)
    return _entropy(asarray(mu), asarray(loc))


@jit
def _entropy(mu, loc):
    few = _sum_of_terms(mu, 35, mu + 20)
    more = _sum_of_terms(mu, 250, mu + 10 * lax.sqrt(mu) + 20)
    # Evans and others, "Asymptotic expansions": the first terms in 1 / mu
    many = 0.5 * lax.log((2 * np.pi * np.e) * mu) - 1 / (12 * mu)
    value = jnp.where(mu < 10, few, jnp.where(mu < 100, more, many))
    return jnp.where(mu == 0, jnp.zeros_like(mu), value)


def _sum_of_terms(mu, n, last):
    """-p log p summed over k < last, of the first n values."""
    k = lax.broadcast_in_dim(lax.iota(mu.dtype, n), (n,) + (1,) * mu.ndim, (0,))
    probability = pmf(k, mu[None], like(0, mu))
    probability = jnp.where(k < lax.ceil(last)[None], probability, 0.0)
    return jnp.sum(special.entr(probability), axis=0)

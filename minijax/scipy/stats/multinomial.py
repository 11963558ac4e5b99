"""The multinomial distribution: counts of outcomes of probabilities p in n trials."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    dtype_of,
    ensure_arraylike,
    promote_args_inexact,
)
from minijax.scipy import special


def logpmf(x, n, p):
    """The logarithm of the probability of counts x along the last axis.  ValueError
    unless x, n are integers.
    """
    (p,) = promote_args_inexact("multinomial.logpmf", p)
    x, n = ensure_arraylike("multinomial.logpmf", x, n)
    if dtype_of(x).kind not in "iu" or dtype_of(n).kind not in "iu":
        raise ValueError(
            "x and n must be of integer type; got "
            f"x.dtype={dtype_of(x)}, n.dtype={dtype_of(n)}"
        )
    x, p, n = asarray(x).astype(p.dtype), asarray(p), asarray(n).astype(p.dtype)
    log_probability = special.gammaln(n + 1) + jnp.sum(
        special.xlogy(x, p) - special.gammaln(x + 1), axis=-1
    )
    return jnp.where(jnp.equal(jnp.sum(x), n), log_probability, -np.inf)


def pmf(x, n, p):
    """The probability of counts x along the last axis."""
    return lax.exp(logpmf(x, n, p))

"""The Dirichlet distribution on the simplex."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import promote_dtypes_inexact
from minijax.scipy import special
from minijax.scipy.stats.arguments import like


def logpdf(x, alpha):
    """The logarithm of the density at x: shape (n, ...), or (n - 1, ...) without the
    last part; alpha: (n,).
    """
    return _logpdf(*[asarray(v) for v in promote_dtypes_inexact(x, alpha)])


def _logpdf(x, alpha):
    if alpha.ndim != 1:
        raise ValueError(
            f"`alpha` must be one-dimensional; got alpha.shape={alpha.shape}"
        )
    if x.shape[0] not in (alpha.shape[0], alpha.shape[0] - 1):
        raise ValueError(
            "`x` must have either the same number of entries as `alpha` or one entry "
            f"fewer; got x.shape={x.shape}, alpha.shape={alpha.shape}"
        )
    one = like(1, x)
    if x.shape[0] != alpha.shape[0]:
        last = lax.sub(one, x.sum(0, keepdims=True))
        x = jnp.concatenate([x, last], axis=0)
    normalizer = lax.sub(jnp.sum(lax.lgamma(alpha)), lax.lgamma(jnp.sum(alpha)))
    if x.ndim > 1:
        alpha = lax.broadcast_in_dim(alpha, alpha.shape + (1,) * (x.ndim - 1), (0,))
    log_density = lax.sub(
        jnp.sum(special.xlogy(lax.sub(alpha, one), x), axis=0), normalizer
    )
    return jnp.where(_is_simplex(x), log_density, -np.inf)


def _is_simplex(x):
    total = jnp.sum(x, axis=0)
    return jnp.all(x > 0, axis=0) & (lax.abs(total - 1) < 1e-6)


def pdf(x, alpha):
    """The density at x."""
    return lax.exp(logpdf(x, alpha))

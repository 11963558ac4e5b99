"""The multivariate normal distribution."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import promote_dtypes_inexact, shape_of
from minijax.ops.linalg_triangular import cholesky, triangular_solve


def logpdf(x, mean, cov, allow_singular=None):
    """The logarithm of the density at points along the last axis of x.

    Args:
        x: shape (..., n), or a scalar; mean: (..., n) or a scalar.
        cov: (..., n, n) symmetric and positive definite, or a scalar.
        allow_singular: not supported.
    """
    if allow_singular is not None:
        raise NotImplementedError(
            "allow_singular argument of multivariate_normal.logpdf"
        )
    x, mean, cov = [asarray(v) for v in promote_dtypes_inexact(x, mean, cov)]
    if not mean.shape:
        quadratic = -1 / 2 * jnp.square(x - mean) / cov
        return quadratic - 1 / 2 * (jnp.log(2 * np.pi) + jnp.log(cov))
    n = mean.shape[-1]
    if not shape_of(cov):
        y = x - mean
        quadratic = -1 / 2 * jnp.einsum("...i,...i->...", y, y) / cov
        return quadratic - n / 2 * (jnp.log(2 * np.pi) + jnp.log(cov))
    if cov.ndim < 2 or cov.shape[-2:] != (n, n):
        raise ValueError("multivariate_normal.logpdf got incompatible shapes")
    factor = cholesky(cov)
    batch = lax.broadcast_shapes(x.shape[:-1], mean.shape[:-1], cov.shape[:-2])
    y = jnp.broadcast_to(x - mean, (*batch, n))
    factor = jnp.broadcast_to(factor, (*batch, n, n))
    z = triangular_solve(factor, y[..., None], left_side=True, lower=True)[..., 0]
    quadratic = -1 / 2 * jnp.einsum("...i,...i->...", z, z)
    constant = n / 2 * jnp.log(2 * np.pi).astype(z.dtype)
    return (
        quadratic - constant - jnp.log(jnp.diagonal(factor, axis1=-1, axis2=-2)).sum(-1)
    )


def pdf(x, mean, cov):
    """The density at points along the last axis of x."""
    return lax.exp(logpdf(x, mean, cov))

"""Samplers of vectors and matrices."""

import operator

import minijax.numpy as jnp
from minijax import lax
from minijax.numpy.promotion import broadcast_shapes, promote_dtypes_inexact, shape_of
from minijax.ops.shape import canonical_shape
from minijax.random.arguments import check_shape, float_dtype, one_key, static
from minijax.random.basic import _normal

# --- multivariate normal --------------------------------------------------------------


def multivariate_normal(
    key, mean, cov, shape=None, dtype=None, method="cholesky", *, out_sharding=None
):
    """Multivariate normal.

    Args:
        key: a random key; mean: (..., n); cov: (..., n, n), symmetric and positive
            semi-definite.
        shape: of the batch, that of the parameters' leading axes if None; dtype: a
            float dtype.
        method: how cov is factored: "cholesky" (positive definite only), "eigh" or
            "svd".
    """
    key = one_key("multivariate_normal", key)
    dtype = float_dtype("multivariate_normal", dtype)
    mean, cov = promote_dtypes_inexact(mean, cov)
    if method not in ("svd", "eigh", "cholesky"):
        raise ValueError("method must be one of {'svd', 'eigh', 'cholesky'}")
    shape = None if shape is None else canonical_shape(shape)
    return _multivariate_normal(key, mean, cov, shape, dtype, method)


@static("shape", "dtype", "method")
def _multivariate_normal(key, mean, cov, shape, dtype, method):
    shape = _batch_shape(mean, cov, shape)
    if method == "cholesky":
        factor = jnp.linalg.cholesky(cov)
    elif method == "eigh":
        values, vectors = jnp.linalg.eigh(cov)
        factor = vectors * jnp.sqrt(values[..., None, :])
    else:
        vectors, values, _ = jnp.linalg.svd(cov)
        factor = vectors * jnp.sqrt(values[..., None, :])
    normal = _normal(key, shape + mean.shape[-1:], dtype)
    spread = jnp.einsum("...ij,...j->...i", factor, normal)
    return lax.expand_dims(mean, range(spread.ndim - mean.ndim)) + spread


def _batch_shape(mean, cov, shape):
    mean_shape, cov_shape = shape_of(mean), shape_of(cov)
    name = "multivariate_normal requires"
    if len(mean_shape) < 1:
        raise ValueError(f"{name} mean.ndim >= 1, got mean.ndim == {len(mean_shape)}")
    if len(cov_shape) < 2:
        raise ValueError(f"{name} cov.ndim >= 2, got cov.ndim == {len(cov_shape)}")
    n = mean_shape[-1]
    if cov_shape[-2:] != (n, n):
        raise ValueError(
            f"{name} cov.shape == (..., n, n) for n={n}, but got cov.shape == {cov_shape}."
        )
    batches = mean_shape[:-1], cov_shape[:-2]
    if shape is None:
        return broadcast_shapes(*batches)
    check_shape("normal", shape, *batches)
    return shape


# --- orthogonal matrices --------------------------------------------------------------


def orthogonal(key, n, shape=(), dtype=None, m=None, *, out_sharding=None):
    """Matrices with orthogonal columns (rows, if these are fewer), uniform among such.

    Args:
        key: a random key; n: the number of rows; m: of columns, n if None.
        shape: of the batch; dtype: a float or complex dtype.
    """
    key = one_key("orthogonal", key)
    dtype = float_dtype("orthogonal", dtype, or_complex=True)
    n = operator.index(n)
    m = n if m is None else operator.index(m)
    return _orthogonal(key, n, m, canonical_shape(shape), dtype)


@static("n", "m", "shape", "dtype")
def _orthogonal(key, n, m, shape, dtype):
    # Mezzadri, "How to generate random matrices from the classical compact groups",
    # 2007: the sign of R's diagonal makes the factorization unique.
    x = _normal(key, (*shape, max(n, m), min(n, m)), dtype)
    q, r = jnp.linalg.qr(x)
    d = jnp.diagonal(r, 0, -2, -1)
    q = lax.mul(q, lax.expand_dims(lax.sign(d), (-2,)))
    return jnp.matrix_transpose(q) if n < m else q

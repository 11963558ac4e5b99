"""Kernel density estimation with Gaussian kernels."""

import math
from typing import Any

import minijax.numpy as jnp
from minijax import lax, random
from minijax.nn.functions import logsumexp
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import promote_args_inexact
from minijax.ops.linalg_triangular import cholesky, triangular_solve
from minijax.tree_util import register_pytree_node_class


@register_pytree_node_class
class gaussian_kde:
    """A density estimated from samples: a sum of normal densities around them.

    Args:
        dataset: shape (d, n) or (n,), real.
        bw_method: the width of kernels as a factor of the data's covariance: "scott"
            (default), "silverman", a scalar, or a function of this object.
        weights: (n,), equal by default.
    """

    def __init__(self, dataset, bw_method=None, weights=None):
        dataset = jnp.atleast_2d(*promote_args_inexact("gaussian_kde", dataset))
        if dataset.dtype.kind == "c":
            raise NotImplementedError("gaussian_kde does not support complex data")
        if not dataset.size > 1:
            raise ValueError("`dataset` input should have multiple elements.")
        d, n = dataset.shape
        if weights is None:
            weights = jnp.full(n, 1.0 / n, dtype=dataset.dtype)
        else:
            (weights,) = promote_args_inexact("gaussian_kde", weights)
            weights = jnp.atleast_1d(weights)
            weights = weights / jnp.sum(weights)
            if weights.ndim != 1:
                raise ValueError("`weights` input should be one-dimensional.")
            if len(weights) != n:
                raise ValueError("`weights` input should be of length n")
        self.dataset, self.weights = dataset, weights
        self.neff = 1.0 / jnp.sum(weights**2)
        factor = self._bandwidth(bw_method, d)
        data_covariance = jnp.atleast_2d(
            jnp.cov(dataset, rowvar=1, bias=False, aweights=weights)
        )
        self.covariance = data_covariance * factor**2
        eye = jnp.eye(d, dtype=dataset.dtype)
        root = cholesky(data_covariance)
        whitened = triangular_solve(root, eye, left_side=True, lower=True)
        self.inv_cov = jnp.matmul(whitened.T, whitened) / factor**2
        self.factor = factor

    def _bandwidth(self, bw_method, d) -> Any:
        if bw_method is None or isinstance(bw_method, str) and bw_method == "scott":
            return jnp.power(self.neff, -1.0 / (d + 4))
        if isinstance(bw_method, str) and bw_method == "silverman":
            return jnp.power(self.neff * (d + 2) / 4.0, -1.0 / (d + 4))
        if callable(bw_method):
            return bw_method(self)
        if isinstance(bw_method, str) or not jnp.isscalar(bw_method):
            raise ValueError(
                "`bw_method` should be 'scott', 'silverman', a scalar, or a callable."
            )
        return bw_method

    def tree_flatten(self):
        """(arrays, None), for pytrees."""
        children = (
            self.neff,
            self.dataset,
            self.weights,
            self.covariance,
            self.inv_cov,
        )
        return children, None

    @classmethod
    def tree_unflatten(cls, aux, children):
        """The object of flattened arrays."""
        self = object.__new__(cls)
        self.neff, self.dataset, self.weights, self.covariance, self.inv_cov = children
        return self

    @property
    def d(self):
        """The number of dimensions."""
        return self.dataset.shape[0]

    @property
    def n(self):
        """The number of samples."""
        return self.dataset.shape[1]

    def _points(self, points):
        points = jnp.atleast_2d(*promote_args_inexact("gaussian_kde", points))
        d, m = points.shape
        if d != self.d:
            if d == 1 and m == self.d:
                return jnp.reshape(points, (self.d, 1))
            raise ValueError(
                f"points have dimension {d}, dataset has dimension {self.d}"
            )
        return points

    def _log_kernels(self, points, covariance):
        """(n, m): the logarithms of the densities of normals around the samples."""
        root = cholesky(covariance)
        difference = self.dataset[:, :, None] - points[:, None, :]
        flat = difference.reshape(self.d, -1)
        z = triangular_solve(root, flat, left_side=True, lower=True)
        squares = jnp.sum(z**2, axis=0).reshape(difference.shape[1:])
        log_norm = self.d / 2 * math.log(2 * math.pi) + jnp.sum(
            jnp.log(jnp.diagonal(root))
        )
        return -squares / 2 - log_norm

    def evaluate(self, points):
        """The density at points of shape (d, m)."""
        return jnp.exp(self.logpdf(points))

    __call__ = pdf = evaluate

    def logpdf(self, x):
        """The logarithm of the density at points of shape (d, m)."""
        kernels = self._log_kernels(self._points(x), self.covariance)
        return logsumexp(kernels, axis=0, b=self.weights[:, None])

    def integrate_gaussian(self, mean, cov):
        """The integral of the density times a normal density."""
        mean, cov = jnp.atleast_1d(asarray(mean)), jnp.atleast_2d(asarray(cov))
        if mean.shape != (self.d,):
            raise ValueError(f"mean does not have dimension {self.d}")
        if cov.shape != (self.d, self.d):
            raise ValueError(f"covariance does not have dimension {self.d}")
        log = self._log_kernels(mean[:, None], self.covariance + cov)
        return jnp.sum(jnp.exp(log[:, 0]) * self.weights)

    def integrate_kde(self, other):
        """The integral of the product of two estimated densities."""
        if other.d != self.d:
            raise ValueError("KDEs are not the same dimensionality")
        log = self._log_kernels(other.dataset, self.covariance + other.covariance)
        both = self.weights[:, None] * other.weights[None]
        return jnp.sum(jnp.exp(log) * both)

    def resample(self, key, shape=()):
        """Samples of the estimated density, of shape (d, *shape)."""
        place_key, noise_key = random.split(key)
        places = random.choice(place_key, self.n, shape=shape, p=self.weights)
        mean = jnp.zeros(self.d, self.covariance.dtype)
        noise = random.multivariate_normal(
            noise_key, mean, self.covariance, shape=shape, dtype=self.dataset.dtype
        )
        return self.dataset[:, places] + noise.T

    def integrate_box(self, low_bounds, high_bounds, maxpts=None):
        """Not there in more than one dimension."""
        raise NotImplementedError(
            "only 1D box integrations are supported; use `integrate_box_1d`"
        )

    def set_bandwidth(self, bw_method=None):
        """Not there: the width is chosen when the object is made."""
        raise NotImplementedError(
            "dynamically changing the bandwidth method is not supported"
        )

    def integrate_box_1d(self, low, high):
        """The probability of an interval, in one dimension."""
        if self.d != 1:
            raise ValueError("integrate_box_1d() only handles 1D pdfs")
        if jnp.ndim(low) or jnp.ndim(high):
            raise ValueError(
                "the limits of integration in integrate_box_1d must be scalars"
            )
        sigma = jnp.squeeze(jnp.sqrt(self.covariance))
        upper = lax.erf(jnp.squeeze(high - self.dataset) / sigma / math.sqrt(2))
        lower = lax.erf(jnp.squeeze(low - self.dataset) / sigma / math.sqrt(2))
        return jnp.sum(self.weights * (upper - lower)) / 2

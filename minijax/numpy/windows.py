"""jnp's window functions."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes
from minijax.numpy.promotion import concrete_or_error


def _places(name, m):
    """(number of points, 0 ... m - 1 in the default float)."""
    m = concrete_or_error(int, m, f"M argument of jnp.{name}")
    dtype = dtypes.python_scalar_dtype(float)
    return m, jnp.arange(m, dtype=dtype), dtype


def bartlett(M):
    """A triangle of M points from 0 to 0.

    Args:
        M: the number of points.

    Returns:
        A vector.

    Examples:
        >>> jnp.bartlett(5)
        Array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    m, n, dtype = _places("bartlett", M)
    if m <= 1:
        return jnp.ones(m, dtype)
    return 1 - jnp.abs(2 * n + 1 - m) / (m - 1)


def blackman(M):
    """Blackman's window of M points.

    Args:
        M: the number of points.

    Returns:
        A vector.

    Examples:
        >>> jnp.blackman(3).round(3) + 0
        Array([0., 1., 0.], dtype=float32)
    """
    m, n, dtype = _places("blackman", M)
    if m <= 1:
        return jnp.ones(m, dtype)
    return (
        0.42
        - 0.5 * jnp.cos(2 * np.pi * n / (m - 1))
        + 0.08 * jnp.cos(4 * np.pi * n / (m - 1))
    )


def hamming(M):
    """Hamming's window of M points.

    Args:
        M: the number of points.

    Returns:
        A vector.

    Examples:
        >>> jnp.hamming(3).round(3)
        Array([0.08000001, 1.        , 0.08000001], dtype=float32)
    """
    m, n, dtype = _places("hamming", M)
    if m <= 1:
        return jnp.ones(m, dtype)
    return 0.54 - 0.46 * jnp.cos(2 * np.pi * n / (m - 1))


def hanning(M):
    """Hann's window of M points.

    Args:
        M: the number of points.

    Returns:
        A vector.

    Examples:
        >>> jnp.hanning(3)
        Array([0., 1., 0.], dtype=float32)
    """
    m, n, dtype = _places("hanning", M)
    if m <= 1:
        return jnp.ones(m, dtype)
    return 0.5 * (1 - jnp.cos(2 * math.pi * n / (m - 1)))


def kaiser(M, beta):
    """Kaiser's window of M points and shape `beta`.

    Args:
        M: the number of points.
        beta: the shape: 0 for a rectangle.

    Returns:
        A vector.

    Examples:
        >>> jnp.kaiser(3, 0.0)
        Array([1., 1., 1.], dtype=float32)
    """
    m, n, dtype = _places("kaiser", M)
    if m <= 1:
        return jnp.ones(m, dtype)
    alpha = 0.5 * (m - 1)
    return jnp.i0(beta * jnp.sqrt(1 - ((n - alpha) / alpha) ** 2)) / jnp.i0(beta)

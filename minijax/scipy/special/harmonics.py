"""Spherical harmonics."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import concrete_or_error, dtype_of, ensure_arraylike


def _legendre(n, m, x, n_max):
    """The associated Legendre functions P_n^m(x), m >= 0, normed on the sphere.

    By rising orders, then by rising degrees: Press et al., "Numerical Recipes" (3rd
    edition), 6.7.1.
    """
    sine = jnp.sqrt(1 - x * x)
    value = jnp.full_like(x, math.sqrt(1 / (4 * math.pi)))
    for k in range(1, n_max + 1):
        step = -math.sqrt((2 * k + 1) / (2 * k))
        value = jnp.where(k <= m, step * sine * value, value)
    before = jnp.zeros_like(x)
    squares = (m * m).astype(x.dtype)
    for k in range(1, n_max + 1):
        active = (k > m) & (k <= n)
        gap = jnp.where(active, k * k - squares, 1)
        a = jnp.sqrt((4 * k * k - 1) / gap)
        b = jnp.sqrt(jnp.maximum((k - 1) ** 2 - squares, 0) / abs(4 * (k - 1) ** 2 - 1))
        risen = a * (x * value - b * before)
        before = jnp.where(active, value, before)
        value = jnp.where(active, risen, value)
    return jnp.where(m > n, 0, value)


def lpmn_values(m, n, z, is_normalized):
    """P_j^i(z), of shape (m + 1, m + 1, len(z)), for orders i and degrees j up to m = n.

    z: a vector of float32 or float64. is_normalized: normed on the sphere. TypeError,
    ValueError or NotImplementedError for others.
    """
    largest = _largest_degree(m, n, z)
    order, degree = _orders_and_degrees(largest)
    shape = (largest + 1, largest + 1, z.size)
    j, i, x = [jnp.broadcast_to(v, shape) for v in (degree, order, asarray(z))]
    values = _legendre(j, i, x, largest)
    return values if is_normalized else values * _unnormed(order, degree, z.dtype)


def lpmn(m, n, z):
    """(P_j^i(z), its derivative by z): see `lpmn_values`."""
    values = lpmn_values(m, n, z, False)
    order, degree = _orders_and_degrees(values.shape[0] - 1)
    before = jnp.pad(values[:, :-1], ((0, 0), (1, 0), (0, 0)))
    z = asarray(z)[None, None]
    rising = degree.astype(z.dtype) * z * values
    falling = (degree + order).astype(z.dtype) * before
    slope = (rising - falling) / (z * z - 1)
    slope = jnp.where((order > degree) | (degree == 0), 0, slope)
    return values, jnp.where(jnp.abs(z) == 1, _slope_at_end(order, degree, z), slope)


def _slope_at_end(i, j, z):
    """The derivative of P_j^i at z = 1 and -1, where that by recurrence is 0 / 0."""
    even, odd = jnp.ones_like(z), z  # z to even and odd powers
    by_order = [
        j * (j + 1) / 2 * jnp.where(j % 2, even, odd),
        jnp.where(j > 0, jnp.inf, 0) * jnp.where(j % 2, odd, even),
        -(j - 1) * j * (j + 1) * (j + 2) / 4 * jnp.where(j % 2, even, odd),
    ]
    known = jnp.select([i == k for k in range(3)], by_order, 0)
    return jnp.where(i > j, 0, known).astype(z.dtype)


def _orders_and_degrees(largest):
    index = jnp.arange(largest + 1)
    return index[:, None, None], index[None, :, None]


def _unnormed(order, degree, dtype):
    """What takes the norm on the sphere off; 1 where there is no such function."""

    def factor(i, j):
        if i > j:
            return 1.0
        ratio = math.factorial(j + i) / math.factorial(j - i)
        return math.sqrt(4 * math.pi / (2 * j + 1) * ratio)

    sizes = range(order.shape[0])
    table = np.array([[factor(i, j) for j in sizes] for i in sizes], dtype)
    return table[:, :, None]


def _largest_degree(m, n, z):
    dtype = dtype_of(z)
    if dtype not in (np.float32, np.float64):
        raise TypeError(
            f"z.dtype={dtype} is not supported, see docstring for supported types."
        )
    if z.ndim != 1:
        raise ValueError("z must be a 1D array.")
    m = concrete_or_error(int, m, "Argument m of lpmn.")
    n = concrete_or_error(int, n, "Argument n of lpmn.")
    if m != n:
        raise NotImplementedError("Computations for m!=n are not yet supported.")
    return n


@jit(static_argnums=(4,))
def _sph_harm_y(n, m, theta, phi, n_max):
    size = jnp.minimum(abs(m), n_max)
    shape = jnp.broadcast_shapes(n.shape, m.shape, theta.shape)
    n, size, x = [jnp.broadcast_to(v, shape) for v in (n, size, jnp.cos(theta))]
    legendre = asarray(_legendre(jnp.minimum(n, n_max), size, x, n_max), float)
    angle = (abs(m) * phi).astype(legendre.dtype)
    out = lax.complex(legendre * jnp.cos(angle), legendre * jnp.sin(angle))
    odd = jnp.where(abs(m) % 2 == 1, -1, 1).astype(legendre.dtype)
    return jnp.where(m < 0, odd * jnp.conj(out), out)


def sph_harm_y(n, m, theta, phi, diff_n=None, n_max=None):
    """The spherical harmonics of degree n and order m, with Condon and Shortley's phase.

    Args:
        n, m: arrays of integers.
        theta, phi: the polar angle and the azimuth.
        n_max: the largest of `n`, which must be static; found where `n` is known.

    ConcretizationTypeError where it is not known.
    """
    if diff_n is not None:
        raise NotImplementedError(
            "The 'diff_n' argument to jax.scipy.special.sph_harm_y is not supported."
        )
    n_max = concrete_or_error(
        int,
        np.max(n) if n_max is None else n_max,
        "The `n_max` argument of `jnp.scipy.special.sph_harm` must be statically "
        "specified to use `sph_harm` within JAX transformations.",
    )
    args = [asarray(x) for x in ensure_arraylike("sph_harm_y", n, m, theta, phi)]
    args[2] = jnp.atleast_1d(args[2])
    return _sph_harm_y(*args, n_max)

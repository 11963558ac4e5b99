"""Spherical harmonics."""

import math

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import concrete_or_error, ensure_arraylike


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


@jit(static_argnums=(4,))
def _sph_harm_y(n, m, theta, phi, n_max):
    size = jnp.minimum(abs(m), n_max)
    shape = jnp.broadcast_shapes(n.shape, m.shape, theta.shape)
    n, size, x = [jnp.broadcast_to(v, shape) for v in (n, size, jnp.cos(theta))]
    legendre = _legendre(jnp.minimum(n, n_max), size, x, n_max)
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
    args = [asarray(x) for x in ensure_arraylike("sph_harm_y", n, m, theta, phi)]
    n_max = concrete_or_error(
        int,
        args[0].max() if n_max is None else n_max,
        "The `n_max` argument of `jnp.scipy.special.sph_harm` must be statically "
        "specified to use `sph_harm` within JAX transformations.",
    )
    args[2] = jnp.atleast_1d(args[2])
    return _sph_harm_y(*args, n_max)

"""Bessel functions."""

import operator

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import concrete_or_error, is_complex, promote_args_inexact


def i0e(x):
    """The modified Bessel function of order 0, times exp(-|x|)."""
    (x,) = promote_args_inexact("i0e", x)
    return lax.bessel_i0e(x)


def i0(x):
    """The modified Bessel function of order 0."""
    (x,) = promote_args_inexact("i0", x)
    return lax.mul(lax.exp(lax.abs(x)), lax.bessel_i0e(x))


def i1e(x):
    """The modified Bessel function of order 1, times exp(-|x|)."""
    (x,) = promote_args_inexact("i1e", x)
    return lax.bessel_i1e(x)


def i1(x):
    """The modified Bessel function of order 1."""
    (x,) = promote_args_inexact("i1", x)
    return lax.mul(lax.exp(lax.abs(x)), lax.bessel_i1e(x))


@jit(static_argnames=("v", "n_iter"))
def bessel_jn(z, *, v, n_iter=50):
    """The Bessel functions of the first kind of orders 0 .. v, along a new first axis.

    Miller's backward recurrence J_k-1(z) = 2k/z J_k(z) - J_k+1(z) from order `n_iter`,
    normalised by J_0 + 2 (J_2 + J_4 + ...) = 1.  TypeError for complex64, ValueError for
    complex128, and where v is not an integer in 0 .. n_iter.
    """
    z = asarray(z)
    (z,) = promote_args_inexact("bessel_jn", z)
    if is_complex(z):
        # JAX refuses one of them here and meets the other at an op.
        error = ValueError if z.dtype == np.complex128 else TypeError
        raise error("complex input not supported.")
    v = concrete_or_error(operator.index, v, "Argument v of bessel_jn.")
    n_iter = concrete_or_error(int, n_iter, "Argument n_iter of bessel_jn.")

    def step(carry, k):
        later, this, total = carry
        earlier = 2 * (k + 1.0) * this / z - later
        total = lax.cond(
            k % 2 == 0, lambda s, f: s + 2.0 * f, lambda s, f: s, total, earlier
        )
        return (this, earlier, total), earlier

    first = jnp.zeros_like(z), jnp.full_like(z, 1e-16), jnp.zeros_like(z)
    orders = lax.iota(z.dtype, n_iter + 1)
    (_, _, total), values = lax.scan(step, first, orders, reverse=True)
    scale = total - values[0]
    return values[: v + 1] / scale[None]

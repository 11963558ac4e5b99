"""log Γ and Γ of complex numbers."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit

# log Γ(w) - (w - 1/2) log w + w - log(2 pi) / 2 as a series in 1 / w: the coefficients of
# its odd powers, which are those of Stirling
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_SHIFT = 7  # Re w >= 7.5 holds what the series leaves out under 1e-14


def _log_gamma_right(z):
    """log Γ(z) for Re z >= 1/2: Stirling's series at z + 7, less log z(z + 1)...(z + 6)."""
    logs = sum(jnp.log(z + k) for k in range(_SHIFT))
    w = z + _SHIFT
    inverse = 1 / w
    square = inverse * inverse
    series = jnp.zeros_like(w)
    for coefficient in reversed(_STIRLING):
        series = series * square + coefficient
    value = (w - 0.5) * jnp.log(w) - w + 0.5 * math.log(2 * math.pi)
    return value + series * inverse - logs


def _log_sin_pi(z):
    """log sin(pi z) for Im z >= 0, continued from i infinity without a cut."""
    real, imag = lax.real(z), lax.imag(z)
    turned = jnp.expm1(2j * np.pi * lax.complex(real - lax.round(real), imag))
    return -1j * np.pi * z + jnp.log(-turned) + (0.5j * np.pi - math.log(2))


@jit
def log_gamma(z):
    """log Γ(z), cut along the negative real axis only; NaN at the poles."""
    real, imag = lax.real(z), lax.imag(z)
    pole = (imag == 0) & (real <= 0) & (real == lax.floor(real))
    missing = pole | jnp.isnan(z)
    z = jnp.where(missing, 1, z)  # a value that spoils no derivative
    below = jnp.signbit(lax.imag(z))
    z = jnp.where(below, lax.conj(z), z)
    left = lax.real(z) < 0.5
    value = _log_gamma_right(jnp.where(left, 1 - z, z))
    log_sin = _log_sin_pi(jnp.where(left, z, 0.25))
    value = jnp.where(left, math.log(math.pi) - log_sin - value, value)
    value = jnp.where(below, lax.conj(value), value)
    return jnp.where(missing, jnp.array(complex(np.nan, np.nan), z.dtype), value)


@jit
def gamma(z):
    """Γ(z); NaN at the poles."""
    return jnp.exp(log_gamma(z))

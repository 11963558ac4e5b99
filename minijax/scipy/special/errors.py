"""The error functions and the normal distribution."""

import functools
import math

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.custom_jvp import custom_jvp
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    constant_like,
    dtype_of,
    is_complex,
    promote_args_inexact,
)
from minijax.scipy.special import coefficients


def float_arrays(name, *args):
    """The arguments as arrays of one floating dtype."""
    return [asarray(x) for x in promote_args_inexact(name, *args)]


def refuse_complex(name, *args):
    """ValueError for a function that takes no complex numbers."""
    if any(is_complex(x) for x in args):
        raise ValueError(f"{name} does not support complex-valued inputs.")


def erf(x):
    """The error function."""
    (x,) = promote_args_inexact("erf", x)
    return lax.erf(x)


def erfc(x):
    """1 - erf(x), accurate where erf is near 1."""
    (x,) = promote_args_inexact("erfc", x)
    return lax.erfc(x)


def erfinv(x):
    """The inverse of erf."""
    (x,) = promote_args_inexact("erfinv", x)
    return lax.erf_inv(x)


def polynomial(coefficients, x):
    """The polynomial with these coefficients (the highest first) at x, in its dtype."""
    return jnp.polyval(np.asarray(coefficients, dtype_of(x)), x)


# --- the normal distribution ----------------------------------------------------------


def checked_float(x):
    """`x` as an array.  TypeError unless it is float32 or float64: nothing is promoted."""
    x = asarray(x)
    if x.dtype not in (np.dtype("float32"), np.dtype("float64")):
        raise TypeError(
            f"x.dtype={x.dtype} is not supported, see docstring for supported types."
        )
    return x


def _ndtr(x):
    x = lax.convert_element_type(x, x.dtype)  # never weak
    root = constant_like(0.5 * math.sqrt(2), x)
    one, two = constant_like(1, x), constant_like(2, x)
    scaled = lax.mul(x, root)
    size = lax.abs(scaled)
    near = lax.lt(size, root)
    middle = lax.add(one, lax.erf(scaled))
    positive = lax.gt(scaled, constant_like(0, x))
    tail = lax.select(positive, lax.sub(two, lax.erfc(size)), lax.erfc(size))
    return lax.mul(constant_like(0.5, x), lax.select(near, middle, tail))


def ndtr(x):
    """The normal distribution function.  TypeError unless x is float32 or float64."""
    return _ndtr(checked_float(x))


def ndtri(p):
    """The inverse of `ndtr`: rational approximations of Cephes' ndtri."""
    p = checked_float(p)
    upper = p > constant_like(-np.expm1(-2.0), p)
    folded = jnp.where(upper, 1.0 - p, p)
    safe = jnp.where(folded == 0, jnp.full_like(p, 0.5), folded)
    c = coefficients
    w = safe - constant_like(0.5, p)
    ww = lax.square(w)
    cube = w * ww
    ratio = polynomial(c.NDTRI_P0, ww) / polynomial(c.NDTRI_Q0, ww)
    middle = (w + cube * ratio) * constant_like(-math.sqrt(2 * math.pi), p)
    z = lax.sqrt(constant_like(-2, p) * lax.log(safe))
    first = z - lax.log(z) / z
    near = polynomial(c.NDTRI_P2, 1.0 / z) / polynomial(c.NDTRI_Q2, 1.0 / z) / z
    far = polynomial(c.NDTRI_P1, 1.0 / z) / polynomial(c.NDTRI_Q1, 1.0 / z) / z
    near, far = first - near, first - far
    is_middle = safe > constant_like(math.exp(-2.0), p)
    x = jnp.where(is_middle, middle, jnp.where(z >= 8.0, near, far))
    x = jnp.where(p > 1.0 - np.exp(-2.0), x, -x)
    infinite = jnp.full_like(p, np.inf)
    at_zero, below = p == 0, -infinite
    return jnp.where(at_zero, below, jnp.where(p == constant_like(1, p), infinite, x))


_HALF_LOG_TWO_PI = math.log(2 * math.pi) / 2


@functools.partial(custom_jvp, nondiff_argnums=(1,))
def log_ndtr(x, series_order=3):
    """log(ndtr(x)), accurate in both tails.

    x: float32 or float64, else TypeError.  series_order: terms of the asymptotic series
    of the lower tail, 0 .. 30.
    """
    if not isinstance(series_order, int):
        raise TypeError("series_order must be a Python integer.")
    if series_order < 0:
        raise ValueError("series_order must be non-negative.")
    if series_order > 30:
        raise ValueError("series_order must be <= 30.")
    x = asarray(x)
    dtype = dtype_of(x)
    x = lax.convert_element_type(x, dtype)  # never weak
    if dtype == np.dtype("float64"):
        lower, upper = -20.0, 8.0
    elif dtype == np.dtype("float32"):
        lower, upper = -10.0, 5.0
    else:
        raise TypeError(f"x.dtype={np.dtype(dtype)} is not supported.")
    lower, upper = constant_like(lower, x), constant_like(upper, x)
    high = lax.gt(x, upper)
    middle = _ndtr(jnp.where(high, lax.neg(x), lax.max(x, lower)))
    near_one = lax.neg(middle)
    not_low, log_middle = lax.gt(x, lower), lax.log(middle)
    tail = _log_ndtr_tail(lax.min(x, lower), series_order)
    return jnp.where(high, near_one, jnp.where(not_low, log_middle, tail))


def _log_ndtr_tail(x, series_order):
    squared = lax.square(x)
    scale = lax.sub(
        lax.mul(constant_like(-0.5, x), squared),
        lax.log(lax.neg(x)),
    )
    scale = lax.sub(scale, constant_like(_HALF_LOG_TWO_PI, x))
    return lax.add(scale, lax.log(_tail_series(x, series_order)))


def _tail_series(x, order):
    """1 + sum_n (-1)^n (2n - 1)!! / x^2n, its even and odd terms summed apart."""
    if order <= 0:
        return constant_like(1, x)
    squared = lax.square(x)
    sums = [jnp.zeros_like(x), jnp.zeros_like(x)]
    power = squared
    for n in range(1, order + 1):
        factor = constant_like(math.prod(range(2 * n - 1, 1, -2)), x)
        sums[n % 2] = lax.add(sums[n % 2], lax.div(factor, power))
        power = lax.mul(power, squared)
    return lax.sub(lax.add(constant_like(1, x), sums[0]), sums[1])


@log_ndtr.defjvp
def _log_ndtr_jvp(series_order, primals, tangents):
    (x,), (t,) = primals, tangents
    out = log_ndtr(x, series_order)
    log_density = lax.sub(
        lax.mul(constant_like(-0.5, x), lax.square(x)),
        constant_like(_HALF_LOG_TWO_PI, x),
    )
    return out, lax.mul(t, lax.exp(lax.sub(log_density, out)))


# --- scaled and complex error functions -----------------------------------------------


_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


def erfcx(x):
    """exp(x^2) erfc(x), of real and of complex numbers."""
    (x,) = float_arrays("erfcx", x)
    if is_complex(x):
        return _wofz(lax.complex(-lax.imag(x), lax.real(x)))
    if dtype_of(x).itemsize < 4:
        return lax.convert_element_type(_erfcx(x.astype(np.float32)), x.dtype)
    return _erfcx(x)


@custom_jvp
def _erfcx(x):
    dtype = dtype_of(x)
    n = 4 if dtype.itemsize <= 4 else 8
    far = x > math.sqrt(math.log(dtypes.finfo(dtype).max))
    # sum_k (-1)^k (2k - 1)!! / (2 x^2)^k, cut where its terms stop shrinking
    series = [
        (-0.5) ** k * math.prod(range(2 * k - 1, 1, -2)) for k in range(n, -1, -1)
    ]
    near = lax.select(far, jnp.ones_like(x), x)
    product = lax.exp(lax.square(near)) * lax.erfc(near)
    tail = polynomial(series, 1 / lax.square(x)) / (x * math.sqrt(math.pi))
    return lax.select(far, tail, product)


_erfcx.defjvps(lambda t, out, x: t * (2 * x * out - _TWO_OVER_ROOT_PI))


def dawsn(x):
    """Dawson's integral exp(-x^2) ∫_0^x exp(t^2) dt: rational approximations of Cephes'
    dawsn.
    """
    (x,) = float_arrays("dawsn", x)
    refuse_complex("dawsn", x)
    return _dawsn(x)


@custom_jvp
def _dawsn(x):
    c = coefficients
    size = lax.abs(x)
    y = 1 / lax.square(size)

    def only(mask, values):
        return lax.select(mask, values, jnp.ones_like(x))

    low, middle, high = size < 3.25, (size >= 3.25) & (size < 6.25), size >= 6.25
    s = only(low, size)
    ss = lax.square(s)
    small = s * polynomial(c.DAWSN_AN, ss) / polynomial(c.DAWSN_AD, ss)
    y_m, x_m = only(middle, y), only(middle, size)
    medium = polynomial(c.DAWSN_BN, y_m) / polynomial(c.DAWSN_BD, y_m)
    medium = 0.5 / x_m * (1 + y_m * medium)
    y_h, x_h = only(high, y), only(high, size)
    large = polynomial(c.DAWSN_CN, y_h) / polynomial(c.DAWSN_CD, y_h)
    large = 0.5 / x_h * (1 + y_h * large)
    tail = lax.select(size < 6.25, medium, large)
    return lax.sign(x) * lax.select(low, small, tail)


_dawsn.defjvps(lambda t, out, x: t * (1 - 2 * x * out))


@functools.cache
def _weideman(n):
    """(L, coefficients, highest power first) of the n-term expansion of w in (L + iz) /
    (L - iz).

    Weideman, "Computation of the complex error function", SIAM J. Numer. Anal. 31 (1994).
    """
    width = math.sqrt(n / math.sqrt(2))
    k = np.arange(-2 * n + 1, 2 * n)
    t = width * np.tan(k * np.pi / (4 * n))
    values = np.concatenate([[0.0], np.exp(-(t**2)) * (width**2 + t**2)])
    spectrum = np.fft.fft(np.fft.fftshift(values)).real / (4 * n)
    return width, spectrum[1 : n + 1][::-1].copy()


def wofz(z):
    """Faddeeva's function exp(-z^2) erfc(-iz), complex."""
    (z,) = float_arrays("wofz", z)
    if not is_complex(z):
        z = lax.convert_element_type(z, np.result_type(z.dtype, np.complex64))
    return _wofz(z)


@custom_jvp
def _wofz(z):
    width, series = _weideman(32)
    above = lax.imag(z) >= 0
    folded = lax.select(above, z, -z)
    iz = lax.complex(-lax.imag(folded), lax.real(folded))
    down, up = width - iz, width + iz
    sum_ = polynomial(series, up / down)
    value = 2 * sum_ / (down * down) + (1 / math.sqrt(math.pi)) / down
    return lax.select(above, value, 2 * lax.exp(-(z * z)) - value)


_wofz.defjvps(lambda t, out, z: t * (-2 * z * out + 1j * _TWO_OVER_ROOT_PI))


def owens_t(h, a):
    """Owen's T function 1/(2π) ∫_0^a exp(-h^2 (1 + x^2) / 2) / (1 + x^2) dx."""
    return _owens_t(*jnp.broadcast_arrays(*float_arrays("owens_t", h, a)))


@functools.cache
def _gauss_nodes():
    """(squares of the positive nodes, weights / 2π) of the Gauss-Legendre rule of 26 points."""
    nodes, weights = np.polynomial.legendre.leggauss(26)
    return nodes[13:] ** 2, weights[13:] / (2 * np.pi)


@custom_jvp
def _owens_t(h, a):
    """Patefield and Tandy, "Fast and accurate calculation of Owen's T function", 2000:
    a <= 1 by quadrature; beyond, by the reflection to 1 / a.
    """
    h_, a_ = lax.abs(h), lax.abs(a)
    inside = a_ <= 1
    slope = jnp.where(inside, a_, 1 / a_)
    height = jnp.where(inside, h_, a_ * h_)
    float_type = dtypes.python_scalar_dtype(float)
    squares, weights = [np.asarray(v, float_type) for v in _gauss_nodes()]
    squares = squares.reshape((1,) * h.ndim + (-1,))
    r = 1 + lax.square(slope)[..., None] * squares
    value = slope * ((lax.exp(-0.5 * lax.square(height)[..., None] * r) / r) @ weights)
    value = jnp.where(height == 0, lax.atan(slope) / (2 * math.pi), value)
    root = math.sqrt(2)
    at_one = 0.125 * lax.erfc(-height / root) * lax.erfc(height / root)
    value = jnp.where(slope == 1, at_one, value)
    y = h_ / root
    small = 0.25 - 0.25 * lax.erf(y) * lax.erf(a_ * y) - value
    p, q = lax.erfc(y), lax.erfc(a_ * y)
    large = 0.25 * (p + q - p * q) - value
    value = jnp.where(a_ > 1, jnp.where(a_ * h_ <= 0.67, small, large), value)
    return jnp.where((a != a) | (h_ != h_), jnp.nan, lax.sign(a) * value)


_owens_t.defjvps(
    lambda t, out, h, a: (
        -lax.exp(-0.5 * lax.square(h)) * lax.erf(a * h / math.sqrt(2))
        / (2 * math.sqrt(2 * math.pi)) * t
    ).astype(out.dtype),
    lambda t, out, h, a: (
        lax.exp(-0.5 * (lax.square(a) + 1) * lax.square(h))
        / (2 * math.pi * (lax.square(a) + 1)) * t
    ).astype(out.dtype),
)  # fmt: skip

"""Samplers of real numbers that are functions of uniform and normal ones."""

import operator

import numpy as np

import minijax.numpy as jnp
from minijax import config, dtypes, lax
from minijax.numpy.promotion import (
    broadcast_shapes,
    broadcast_to,
    convert,
    shape_of,
)
from minijax.ops.define import scalar
from minijax.ops.random import random_bits
from minijax.ops.shape import canonical_shape
from minijax.random.arguments import (
    check_castable,
    float_dtype,
    one_key,
    optional_shape,
    rows,
    shape_or_broadcast,
    split_keys,
    static,
)
from minijax.random.basic import _normal, _rademacher, _uniform
from minijax.random.gammas import _gamma
from minijax.random.keys import split_typed

_ONE = np.float32(1)


def _expanded(x, dtype, shape):
    """A parameter in a dtype and shape."""
    return broadcast_to(convert(x, dtype), shape)


# --- without parameters ---------------------------------------------------------------


def exponential(key, shape=(), dtype=None, *, out_sharding=None):
    """Exponential with rate 1: density exp(-x) on x >= 0.

    Args:
        key: a random key; shape: of the result; dtype: a float dtype.
    """
    key = one_key("exponential", key)
    dtype = float_dtype("exponential", dtype)
    return _exponential(key, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _exponential(key, shape, dtype):
    u = _uniform(key, shape, dtype, 0.0, 1.0)
    return lax.neg(lax.log1p(lax.neg(u)))  # 1 - u rather than u: never 0


def laplace(key, shape=(), dtype=None, *, out_sharding=None):
    """Laplace: density exp(-|x|) / 2.

    Args:
        key: a random key; shape: of the result; dtype: a float dtype.
    """
    key = one_key("laplace", key)
    dtype = float_dtype("laplace", dtype)
    return _laplace(key, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _laplace(key, shape, dtype):
    u = _uniform(key, shape, dtype, scalar(dtype, -1 + dtypes.finfo(dtype).epsneg), 1.0)
    return lax.mul(lax.sign(u), lax.log1p(lax.neg(lax.abs(u))))


def logistic(key, shape=(), dtype=None, *, out_sharding=None):
    """Logistic: distribution function 1 / (1 + exp(-x)).

    Args:
        key: a random key; shape: of the result; dtype: a float dtype.
    """
    key = one_key("logistic", key)
    dtype = float_dtype("logistic", dtype)
    return _logistic(key, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _logistic(key, shape, dtype):
    u = _uniform(key, shape, dtype, scalar(dtype, dtypes.finfo(dtype).tiny), 1.0)
    return lax.sub(lax.log(u), lax.log1p(lax.neg(u)))


def cauchy(key, shape=(), dtype=None, *, out_sharding=None):
    """Cauchy: density 1 / (pi * (1 + x^2)).

    Args:
        key: a random key; shape: of the result; dtype: a float dtype.
    """
    key = one_key("cauchy", key)
    dtype = float_dtype("cauchy", dtype)
    return _cauchy(key, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _cauchy(key, shape, dtype):
    u = _uniform(key, shape, dtype, scalar(dtype, dtypes.finfo(dtype).eps), 1.0)
    return lax.tan(lax.mul(scalar(dtype, np.pi), lax.sub(u, scalar(dtype, 0.5))))


def gumbel(key, shape=(), dtype=None, mode=None, *, out_sharding=None):
    """Gumbel: distribution function exp(-exp(-x)).

    Args:
        key: a random key; shape: of the result; dtype: a float dtype.
        mode: "high" takes twice the random bits for the far upper tail, "highest" also
            all of them in float32; None asks `jax_high_dynamic_range_gumbel`.
    """
    if mode is None:
        mode = "high" if config.values.jax_high_dynamic_range_gumbel else "low"
    if mode not in ("highest", "high", "low"):
        raise ValueError(f"Must provide valid mode for gumbel got: {mode}")
    key = one_key("gumbel", key)
    dtype = float_dtype("gumbel", dtype)
    return _gumbel(key, canonical_shape(shape), dtype, mode)


@static("shape", "dtype", "mode")
def _gumbel(key, shape, dtype, mode):
    info = dtypes.finfo(dtype)
    tiny = scalar(dtype, info.tiny)
    if mode == "low":
        u = _uniform(key, shape, dtype, minval=tiny, maxval=1.0)
        return lax.neg(lax.log(lax.neg(lax.log(u))))
    if mode == "highest" and dtype == np.float32:
        return _gumbel_of_bits(*rows(random_bits(key, 32, (2, *shape))))
    high, low = rows(_uniform(key, (2, *shape), dtype, minval=0.0, maxval=1.0))
    u = jnp.where(high >= 0.5, high, high + scalar(dtype, info.eps) * low + tiny)
    return -jnp.log(-jnp.log1p(-u))


def _gumbel_of_bits(high, low):
    """Gumbel samples from uniform fractions of 64 bits, given as two words."""
    below = high < np.uint32(1 << 31)
    rest = ~high + (low == 0).astype(np.uint32), ~low + np.uint32(1)  # one minus them
    near = fraction(*(jnp.where(below, a, b) for a, b in zip((high, low), rest)))
    return -jnp.log(-jnp.where(below, jnp.log1p(-near), jnp.log(near)))


def fraction(high, low):
    """A fraction of 64 bits, in two uint32 words, as float32, cut off; never zero."""
    none = high == 0
    zeros = jnp.where(none, np.uint32(32) + lax.clz(low), lax.clz(high))
    shifted = lax.shift_left(high, zeros) | lax.shift_right_logical(
        low, np.uint32(32) - jnp.minimum(zeros, np.uint32(32))
    )
    top = jnp.where(none, lax.shift_left(low, zeros - np.uint32(32)), shifted)
    digits = (top >> np.uint32(8)) | np.uint32(1 << 23)
    power = (np.uint32(127 - 24) - zeros) << np.uint32(23)
    return digits.astype(np.float32) * lax.bitcast_convert_type(power, np.float32)


def maxwell(key, shape=(), dtype=None, *, out_sharding=None):
    """Maxwell: the norm of a vector of three standard normals.

    Args:
        key: a random key; shape: of the result; dtype: a float dtype.
    """
    key = one_key("maxwell", key)
    dtype = float_dtype("maxwell", dtype)
    return _maxwell(key, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _maxwell(key, shape, dtype):
    x = _normal(key, (*shape, 3), dtype)
    return jnp.sqrt(jnp.sum(x * x, axis=-1))


def double_sided_maxwell(key, loc, scale, shape=(), dtype=None):
    """loc + scale * s * x: x Maxwell, s a random sign.

    Args:
        key: a random key; loc, scale: parameters.
        shape: of the draws; the parameters' shape follows it in the result's.
        dtype: a float dtype.
    """
    key = one_key("double_sided_maxwell", key)
    dtype = float_dtype("double_sided_maxwell", dtype)
    return _double_sided_maxwell(key, loc, scale, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _double_sided_maxwell(key, loc, scale, shape, dtype):
    own = broadcast_shapes(shape_of(loc), shape_of(scale))
    shape = (shape or own) + own
    key_size, key_sign = split_keys(key)
    size = _maxwell(key_size, shape, dtype)
    sign = _rademacher(key_sign, shape, dtype)
    return sign * size * scale + loc


def generalized_normal(key, p, shape=(), dtype=None, *, out_sharding=None):
    """Generalized normal: density proportional to exp(-|x|^p).

    Args:
        key: a random key; p: shape parameter; shape: of the result; dtype: a float
            dtype.
    """
    key = one_key("generalized_normal", key)
    dtype = float_dtype("generalized_normal", dtype)
    return _generalized_normal(key, p, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _generalized_normal(key, p, shape, dtype):
    keys = split_typed(key)
    size = _gamma(keys[0], 1 / p, shape, dtype, False)
    sign = _rademacher(keys[1], shape, dtype)
    return sign * size ** (1 / p)


def ball(key, d, p=2, shape=(), dtype=None, *, out_sharding=None):
    """Uniform in the unit ball of the p-norm.

    Args:
        key: a random key; d: dimension, the result's last axis; p: of the norm.
        shape: of the batch; dtype: a float dtype.
    """
    key = one_key("ball", key)
    dtype = float_dtype("gamma", dtype)
    return _ball(key, p, operator.index(d), canonical_shape(shape), dtype)


@static("d", "shape", "dtype")
def _ball(key, p, d, shape, dtype):
    # Barthe et al., "A probabilistic approach to the geometry of the l_p^n-ball", 2005.
    key_direction, key_excess = split_keys(key)
    x = _generalized_normal(key_direction, p, (*shape, d), dtype)
    excess = _exponential(key_excess, shape, dtype)
    return x / (((jnp.abs(x) ** p).sum(-1) + excess) ** (1 / p))[..., None]


# --- with parameters ------------------------------------------------------------------


def truncated_normal(key, lower, upper, shape=None, dtype=None, *, out_sharding=None):
    """Standard normal within (lower, upper).

    Args:
        key: a random key; lower, upper: bounds.
        shape: of the result, that of the bounds if None; dtype: a float dtype.
    """
    key = one_key("truncated_normal", key)
    dtype = float_dtype("truncated_normal", dtype)
    shape = optional_shape(shape)
    return _truncated_normal(key, lower, upper, shape, dtype)


@static("shape", "dtype")
def _truncated_normal(key, lower, upper, shape, dtype):
    shape = shape_or_broadcast("truncated_normal", shape, lower, upper)
    lower, upper = convert(lower, dtype), convert(upper, dtype)
    root = scalar(dtype, np.sqrt(2))
    low, high = (lax.erf(lax.div(x, root)) for x in (lower, upper))
    u = _uniform(key, shape, dtype, low, high)
    out = lax.mul(root, lax.erf_inv(u))
    # Rounding may leave the open interval.
    above = lax.nextafter(lax.stop_gradient(lower), scalar(dtype, np.inf))
    below = lax.nextafter(lax.stop_gradient(upper), scalar(dtype, -np.inf))
    return jnp.clip(out, above, below)


def pareto(key, b, shape=None, dtype=None, *, out_sharding=None):
    """Pareto: density b / x^(b + 1) on x >= 1.

    Args:
        key: a random key; b: shape parameter.
        shape: of the result, that of `b` if None; dtype: a float dtype.
    """
    key = one_key("pareto", key)
    dtype = float_dtype("pareto", dtype)
    check_castable("pareto", dtype, b)
    shape = optional_shape(shape)
    return _pareto(key, b, shape, dtype)


@static("shape", "dtype")
def _pareto(key, b, shape, dtype):
    shape = shape_or_broadcast("pareto", shape, b)
    b = convert(b, dtype)
    return lax.exp(_exponential(key, shape, dtype) / b)


def rayleigh(key, scale, shape=None, dtype=None, *, out_sharding=None):
    """Rayleigh: density x / scale^2 * exp(-x^2 / (2 * scale^2)) on x >= 0.

    Args:
        key: a random key; scale: parameter.
        shape: of the result, that of `scale` if None; dtype: a float dtype.
    """
    key = one_key("rayleigh", key)
    dtype = float_dtype("rayleigh", dtype)
    check_castable("rayleigh", dtype, scale)
    shape = optional_shape(shape)
    return _rayleigh(key, scale, shape, dtype)


@static("shape", "dtype")
def _rayleigh(key, scale, shape, dtype):
    shape = shape_or_broadcast("rayleigh", shape, scale)
    u = _uniform(key, shape, dtype, 0.0, 1.0)
    scale = _expanded(scale, dtype, shape)
    return lax.mul(scale, lax.sqrt(lax.mul(lax.log(u), scalar(dtype, -2))))


def triangular(key, left, mode, right, shape=None, dtype=None, *, out_sharding=None):
    """Triangular: density rising from left to mode and falling to right, linearly.

    Args:
        key: a random key; left, mode, right: parameters.
        shape: of the result, that of the parameters if None; dtype: a float dtype.
    """
    key = one_key("triangular", key)
    dtype = float_dtype("triangular", dtype)
    check_castable("triangular", dtype, left, mode, right)
    shape = optional_shape(shape)
    return _triangular(key, left, mode, right, shape, dtype)


def _triangular(key, left, mode, right, shape, dtype):
    shape = shape_or_broadcast("triangular", shape, left, mode, right)
    left, mode, right = (_expanded(x, dtype, shape) for x in (left, mode, right))
    turn = lax.div(lax.sub(mode, left), lax.sub(right, left))
    u = _uniform(key, shape, dtype, 0.0, 1.0)
    area = lax.mul(lax.mul(u, lax.sub(right, left)), lax.sub(mode, left))
    rising = lax.add(left, lax.sqrt(area))
    area = lax.mul(
        lax.mul(lax.sub(scalar(dtype, 1), u), lax.sub(right, left)),
        lax.sub(right, mode),
    )
    falling = lax.sub(right, lax.sqrt(area))
    return lax.select(lax.lt(u, turn), rising, falling)


def wald(key, mean, shape=None, dtype=None, *, out_sharding=None):
    """Wald (inverse Gaussian) with a mean, and scale 1.

    Args:
        key: a random key; mean: parameter.
        shape: of the result, that of `mean` if None; dtype: a float dtype.
    """
    key = one_key("wald", key)
    dtype = float_dtype("wald", dtype)
    check_castable("wald", dtype, mean)
    shape = optional_shape(shape)
    return _wald(key, mean, shape, dtype)


@static("shape", "dtype")
def _wald(key, mean, shape, dtype):
    # Michael, Schucany and Haas, "Generating Random Variates Using Transformations with
    # Multiple Roots", 1976.
    shape = shape_or_broadcast("wald", shape, mean)
    key_normal, key_uniform = split_keys(key)
    mean = _expanded(mean, dtype, shape)
    v = _normal(key_normal, shape, dtype)
    z = _uniform(key_uniform, shape, dtype, 0.0, 1.0)
    y = lax.integer_pow(v, 2)
    y_sq, mean_sq = lax.integer_pow(y, 2), lax.integer_pow(mean, 2)
    root = lax.sqrt(4 * mean * y + mean_sq * y_sq)
    x = mean + mean_sq * y / 2 - mean / 2 * root
    return lax.select(lax.le(z, mean / (mean + x)), x, mean_sq / x)


def weibull_min(key, scale, concentration, shape=(), dtype=None):
    """Weibull: distribution function 1 - exp(-(x / scale)^concentration) on x >= 0.

    Args:
        key: a random key; scale, concentration: parameters.
        shape: of the result; dtype: a float dtype.
    """
    key = one_key("weibull_min", key)
    dtype = float_dtype("weibull_min", dtype)
    return _weibull_min(key, scale, concentration, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _weibull_min(key, scale, concentration, shape, dtype):
    u = _uniform(key, shape, dtype, 0, 1)
    return jnp.power(-jnp.log1p(-u), 1.0 / concentration) * scale


def lognormal(key, sigma=_ONE, shape=None, dtype=None, *, out_sharding=None):
    """exp(sigma * x), x standard normal.

    Args:
        key: a random key; sigma: parameter.
        shape: of the result, that of `sigma` if None; dtype: a float dtype.
    """
    key = one_key("lognormal", key)
    dtype = float_dtype("lognormal", dtype, or_complex=True)
    check_castable("lognormal", dtype, sigma)
    shape = optional_shape(shape)
    return _lognormal(key, sigma, shape, dtype)


def _lognormal(key, sigma, shape, dtype):
    shape = shape_or_broadcast("lognormal", shape, sigma)
    sigma = convert(sigma, dtype)
    return lax.exp(_normal(key, shape, dtype) * sigma)

"""Initializers: functions `init(key, shape, dtype)` that give an array of starting weights.

The factories here return such functions; `zeros` and `ones` are two themselves.
`dtype` is a factory's default for its function's argument, itself a float dtype by
default.
"""

import math
from collections.abc import Callable

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, random
from minijax.numpy.promotion import literal
from minijax.ops.shape import canonical_shape

Initializer = Callable


def _canonical(dtype, default):
    """The dtype of a call: its own, else the factory's, else the float dtype."""
    dtype = default if dtype is None else dtype
    return dtypes.check_user_dtype(float if dtype is None else dtype, "initializer")


def zeros(key, shape, dtype=None, out_sharding=None):
    """Zeros; the key is not used."""
    return jnp.zeros(shape, _canonical(dtype, None))


def ones(key, shape, dtype=None, out_sharding=None):
    """Ones; the key is not used."""
    return jnp.ones(shape, _canonical(dtype, None))


def constant(value, dtype=None):
    """Initializer: `value` everywhere."""

    def init(key, shape, dtype=dtype, out_sharding=None):
        return jnp.full(shape, value, _canonical(dtype, None))

    return init


def _scaled(draw, factor, dtype):
    """An initializer that multiplies `draw(key, shape, dtype)` by a number."""

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = _canonical(dtype, None)
        return draw(key, shape, dtype) * jnp.array(factor, dtype)

    return init


def uniform(scale=1e-2, dtype=None):
    """Initializer: uniform in [0, scale)."""
    return _scaled(random.uniform, scale, dtype)


def normal(stddev=1e-2, dtype=None):
    """Initializer: normal with mean 0 and a standard deviation."""
    return _scaled(random.normal, stddev, dtype)


def truncated_normal(stddev=1e-2, dtype=None, lower=-2.0, upper=2.0):
    """Initializer: standard normal within [lower, upper], times `stddev`."""

    def draw(key, shape, dtype):
        return random.truncated_normal(key, lower, upper, shape, dtype)

    return _scaled(draw, stddev, dtype)


# --- variance scaling -----------------------------------------------------------------


def _size_of(shape, axes):
    if isinstance(axes, int):
        return shape[axes]
    return math.prod([shape[d] for d in axes])


def _fans(shape, in_axis, out_axis, batch_axis):
    """How many inputs an output sees, and how many outputs an input feeds."""
    if isinstance(in_axis, int) and len(shape) <= 1:
        raise ValueError(
            f"Can't compute input and output sizes of a {len(shape)}-dimensional weights "
            "tensor with default in_axis. Must be at least 2D or specify in_axis "
            "explicitly."
        )
    n_in, n_out, n_batch = (
        _size_of(shape, axes) for axes in (in_axis, out_axis, batch_axis)
    )
    window = math.prod(shape) / n_in / n_out / n_batch
    return n_in * window, n_out * window


def _complex_uniform(key, shape, dtype):
    """Uniform in the unit disk."""
    key_radius, key_angle = random.split(key)
    part = np.real(np.array(0, dtype)).dtype
    radius = jnp.sqrt(2 * random.uniform(key_radius, shape, part)).astype(dtype)
    angle = 2 * np.pi * random.uniform(key_angle, shape, part).astype(dtype)
    return radius * jnp.exp(1j * angle)


def _complex_truncated_normal(key, upper, shape, dtype):
    """Complex normal with absolute value below `upper`."""
    key_radius, key_angle = random.split(key)
    part = np.real(np.array(0, dtype)).dtype
    inside = 1 - jnp.exp(literal(-(upper**2), dtype))
    below = inside * random.uniform(key_radius, shape, part).astype(dtype)
    radius = jnp.sqrt(-jnp.log(1 - below))
    angle = 2 * np.pi * random.uniform(key_angle, shape, part).astype(dtype)
    return radius * jnp.exp(1j * angle)


# The standard deviations of the standard normal cut off at 2, real and complex.
_STD_REAL, _STD_COMPLEX = 0.87962566103423978, 0.95311164380491208


def variance_scaling(
    scale, mode, distribution, in_axis=-2, out_axis=-1, batch_axis=(), dtype=None
):
    """Initializer: variance scale / n, with n counted from the shape.

    Args:
        scale: positive number.
        mode: n is the number of inputs ("fan_in"), of outputs ("fan_out"), their mean
            ("fan_avg"), or their geometric mean ("fan_geo_avg").
        distribution: "truncated_normal", "normal" or "uniform".
        in_axis, out_axis, batch_axis: axis or axes of inputs, of outputs, and of
            independent weights.
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = _canonical(dtype, None)
        shape = canonical_shape(shape)
        fan_in, fan_out = _fans(shape, in_axis, out_axis, batch_axis)
        fans = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": (fan_in * fan_out) ** 0.5,
        }
        if mode not in fans:
            raise ValueError(f"invalid mode for variance scaling initializer: {mode}")
        variance = jnp.array(scale / fans[mode], dtype)
        return _of_variance(distribution, key, shape, dtype, variance)

    return init


def _of_variance(distribution, key, shape, dtype, variance):
    real = dtypes.issubdtype(dtype, np.floating)
    if distribution == "truncated_normal":
        if real:
            stddev = jnp.sqrt(variance) / literal(_STD_REAL, dtype)
            return random.truncated_normal(key, -2, 2, shape, dtype) * stddev
        stddev = jnp.sqrt(variance) / literal(_STD_COMPLEX, dtype)
        return _complex_truncated_normal(key, 2, shape, dtype) * stddev
    if distribution == "normal":
        return random.normal(key, shape, dtype) * jnp.sqrt(variance)
    if distribution != "uniform":
        raise ValueError(
            f"invalid distribution for variance scaling initializer: {distribution}"
        )
    if real:
        return random.uniform(key, shape, dtype, -1) * jnp.sqrt(3 * variance)
    return _complex_uniform(key, shape, dtype) * jnp.sqrt(variance)


def _variance_scaling_factory(name, scale, mode, distribution, source):
    def factory(in_axis=-2, out_axis=-1, batch_axis=(), dtype=None):
        return variance_scaling(
            scale, mode, distribution, in_axis, out_axis, batch_axis, dtype
        )

    factory.__name__ = factory.__qualname__ = name
    factory.__doc__ = (
        f"Initializer: `variance_scaling({scale}, {mode!r}, {distribution!r})`; "
        f"{source}."
    )
    return factory


_GLOROT = "Glorot and Bengio, 'Understanding the difficulty of training', 2010"
_LECUN = "LeCun et al., 'Efficient BackProp', 1998"
_HE = "He et al., 'Delving Deep into Rectifiers', 2015"

glorot_uniform = xavier_uniform = _variance_scaling_factory(
    "glorot_uniform", 1.0, "fan_avg", "uniform", _GLOROT
)
glorot_normal = xavier_normal = _variance_scaling_factory(
    "glorot_normal", 1.0, "fan_avg", "truncated_normal", _GLOROT
)
lecun_uniform = _variance_scaling_factory(
    "lecun_uniform", 1.0, "fan_in", "uniform", _LECUN
)
lecun_normal = _variance_scaling_factory(
    "lecun_normal", 1.0, "fan_in", "truncated_normal", _LECUN
)
he_uniform = kaiming_uniform = _variance_scaling_factory(
    "he_uniform", 2.0, "fan_in", "uniform", _HE
)
he_normal = kaiming_normal = _variance_scaling_factory(
    "he_normal", 2.0, "fan_in", "truncated_normal", _HE
)

# --- orthogonal -----------------------------------------------------------------------


def orthogonal(scale=1.0, column_axis=-1, dtype=None):
    """Initializer: a matrix with orthogonal columns or rows, times `scale`.

    Shapes of more than two axes are matrices whose columns run along `column_axis`.
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = _canonical(dtype, None)
        if len(shape) < 2:
            raise ValueError("orthogonal initializer requires at least a 2D shape")
        n_columns = shape[column_axis]
        n_rows = math.prod(shape) // n_columns
        matrix = random.orthogonal(key, n_rows, (), dtype, n_columns)
        rest = list(shape)
        del rest[column_axis]
        matrix = jnp.reshape(matrix, (*rest, n_columns))
        return scale * jnp.moveaxis(matrix, -1, column_axis)

    return init


def delta_orthogonal(scale=1.0, column_axis=-1, dtype=None):
    """Initializer of convolutions: an orthogonal matrix at the centre, zeros elsewhere.

    For 1 to 3 axes of space; the last two axes are inputs and outputs.  Xiao et al.,
    "Dynamical Isometry", 2018, arXiv:1806.05393.
    """

    def init(key, shape, dtype=dtype, out_sharding=None):
        dtype = _canonical(dtype, None)
        if len(shape) not in (3, 4, 5):
            raise ValueError(
                "Delta orthogonal initializer requires a 3D, 4D or 5D shape."
            )
        if shape[-1] < shape[-2]:
            raise ValueError("`fan_in` must be less or equal than `fan_out`. ")
        matrix = orthogonal(scale, column_axis, dtype)(key, shape[-2:])
        centre = tuple([(n - 1) // 2 for n in shape[:-2]])
        return jnp.zeros(shape, dtype).at[centre].set(matrix)

    return init


__all__ = [
    "Initializer", "constant", "delta_orthogonal", "glorot_normal", "glorot_uniform",
    "he_normal", "he_uniform", "kaiming_normal", "kaiming_uniform", "lecun_normal",
    "lecun_uniform", "normal", "ones", "orthogonal", "truncated_normal", "uniform",
    "variance_scaling", "xavier_normal", "xavier_uniform", "zeros",
]  # fmt: skip

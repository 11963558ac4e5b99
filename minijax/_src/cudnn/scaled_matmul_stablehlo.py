"""Products of block-scaled operands, and how an operand gets its scales."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax._src._homes import names_of
from minijax.dtypes import finfo

__getattr__ = names_of(__name__, "minijax.nn.scaled")

_BIAS = 127  # of a float8_e8m0fnu: it is 2 ** (bits - _BIAS)


def shape_normalization(x, dimension_numbers):
    """x as (batch, rows, contracted). dimension_numbers: axes (contracted, batch)."""
    contracted, batch = (sorted(axes) for axes in dimension_numbers)
    rows = [d for d in range(x.ndim) if d not in contracted and d not in batch]
    groups = batch, rows, contracted
    sizes = [math.prod(x.shape[d] for d in axes) for axes in groups]
    return jnp.transpose(x, [*batch, *rows, *contracted]).reshape(sizes)


def quantize(x, config):
    """(x in the configuration's type, its scales): x (..., K), scales (..., K / block).

    config: what `get_scaled_dot_general_config` returns. ValueError for other modes.
    """
    blocks = x.reshape(*x.shape[:-1], -1, config.block_size)
    limit = finfo(config.data_type).max.astype(x.dtype)
    if config.mode == "mxfp8":
        scales, steps = _powers(_largest(blocks) / limit)
    elif config.mode == "nvfp4":
        blocks = blocks / config.global_scale
        top = finfo(config.scale_type).max.astype(x.dtype)
        scales = jnp.clip(_largest(blocks) / limit, 0, top).astype(config.scale_type)
        steps = scales.astype(np.float32)
    else:
        raise ValueError(f"Unrecognized mode: {config.mode}.")
    scaled = jnp.clip(blocks / steps.astype(x.dtype), -limit, limit)
    scales = scales[..., 0].view(config.scale_type)
    return scaled.astype(config.data_type).reshape(x.shape), scales


def _largest(blocks):
    return jnp.max(jnp.abs(blocks), axis=-1, keepdims=True)


def _powers(scales):
    """(bits of float8_e8m0fnu, values): the powers of two from `scales` up."""
    fraction, exponent = jnp.frexp(scales.astype(np.float32))
    exponent = jnp.where(fraction == 0.5, exponent - 1, exponent)
    bits = jnp.where(fraction == 0, 0, jnp.clip(exponent + _BIAS, 0, 2 * _BIAS))
    return bits.astype(np.uint8), jnp.ldexp(np.float32(1), bits - _BIAS)

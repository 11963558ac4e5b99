"""Samplers."""

import numpy as np

from minijax._src._homes import names_of
from minijax.ops.random import random_bits as _random_bits  # noqa: F401
from minijax.random.arguments import check_shape as _check_shape  # noqa: F401
from minijax.random.continuous import fraction
from minijax.random.keys import check_key, key_dtype

resolve_prng_impl = key_dtype


def default_prng_impl():
    """The generator of keys for which none is named."""
    return key_dtype()


def _check_prng_key(name, key, *, allow_batched=False):
    """(typed key, whether `key` was raw)."""
    return check_key(name, key, batched=allow_batched)


def _safe_int_to_float(bits, dtype):
    """Fractions of 64 bits, whose two words are the rows of `bits`, as float32."""
    if bits.dtype != np.uint32 or dtype != np.float32:
        raise RuntimeError("_safe_int_to_float only works for u32 -> f32")
    high, low = bits
    return fraction(high, low)


__getattr__ = names_of(
    __name__,
    "minijax.random",
    "minijax.random.keys",
    "minijax.random.basic",
    "minijax.extend.random",
)

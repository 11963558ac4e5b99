"""Random numbers without a key (`lax.rng_uniform`): other ones at every execution."""

import os

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.callback import pure_callback_p
from minijax.core import ShapedArray
from minijax.ops.define import NO_RULE, NOT_LINEAR, REAL, accepts, define, no_derivative
from minijax.random.basic import bits, uniform
from minijax.random.keys import wrap_key_data

_KEY = ShapedArray((2,), np.uint32)


def rng_uniform(a, b, shape):
    """Uniform numbers in [a, b) of `shape`, other ones at every execution.

    a, b: scalars of one dtype, of integers or floats.  ValueError where they are not.
    """
    return rng_uniform_p.bind(a, b, shape=tuple(shape))


def _shape(a, b, *, shape):
    if a.dtype != b.dtype:
        raise ValueError(
            "Arguments to rng_uniform must have identical dtypes, got "
            f"{a.dtype} and {b.dtype}."
        )
    if a.shape or b.shape:
        raise ValueError(
            "Arguments to rng_uniform must be scalars; got shapes "
            f"{a.shape} and {b.shape}."
        )
    if not accepts(REAL, a.dtype):
        raise ValueError(
            f"Arguments to rng_uniform must be integers or floats, got {a.dtype}."
        )
    return ShapedArray(shape, a.dtype)


def _fresh_key():
    return [np.frombuffer(os.urandom(8), np.uint32)]


def _values(a, b, shape):
    (words,) = pure_callback_p.bind(
        callback=_fresh_key, result_avals=(_KEY,), sharding=None, vmap_method=None
    )
    key = wrap_key_data(words, impl="threefry2x32")
    dtype = a.dtype
    if dtypes.issubdtype(dtype, np.floating):
        values = uniform(key, shape, dtype) * (b - a) + a
        return jnp.where(values == b, a, values)  # where it was rounded up
    # of 32 bits at least: the remainder of few would prefer small numbers
    unsigned = np.dtype(f"uint{8 * dtype.itemsize}")
    wide = np.dtype(f"uint{max(32, 8 * dtype.itemsize)}")
    span = (b - a).astype(unsigned).astype(wide)
    offsets = lax.rem(bits(key, shape, wide), jnp.full(shape, span))
    return offsets.astype(dtype) + a


def _reference(a, b, *, shape):
    unit = np.random.default_rng().random(shape)
    wide = np.float64 if dtypes.issubdtype(a.dtype, np.floating) else object
    low, high = np.asarray(a).astype(wide), np.asarray(b).astype(wide)
    return np.asarray(low + (unit * (high - low)).astype(a.dtype)).astype(a.dtype)


def _lower(b, ins, out_avals, *, shape):
    scalar = out_avals[0].update(shape=())
    return b.lower_fun(lambda low, high: [_values(low, high, shape)], ins, [scalar] * 2)


rng_uniform_p = define(
    "rng_uniform",
    shape=_shape,
    reference=_reference,
    jvp=no_derivative("rng_uniform"),
    transpose=NOT_LINEAR,
    batch=NO_RULE("Batching rule for 'rng_uniform' not implemented"),
    lower=_lower,
    stays=True,
)

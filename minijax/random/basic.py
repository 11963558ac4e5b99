"""Bits, uniform and normal numbers, integers, coins: what other samplers are made of.

Each sampler checks its arguments and hands a typed key to a jitted function of the same
name with an underscore; other samplers call those.
"""

import numpy as np

import minijax.numpy as jnp
from minijax import core, dtypes, lax
from minijax.numpy.promotion import constant_like, convert, expand_rank, shape_of
from minijax.ops.define import scalar
from minijax.ops.random import random_bits
from minijax.ops.shape import canonical_shape
from minijax.random.arguments import (
    check_shape,
    float_dtype,
    one_key,
    rows,
    split_keys,
    static,
)

_UINTS = {n: np.dtype(f"uint{n}") for n in (8, 16, 32, 64)}
_INT32 = np.dtype("int32")

# --- bits -----------------------------------------------------------------------------


def bits(key, shape=(), dtype=None, *, out_sharding=None):
    """Uniform random bits as unsigned integers.

    Args:
        key: a random key; shape: of the result.
        dtype: an unsigned integer dtype, of 8 to 64 bits; uint32, or uint64 with x64.
    """
    key = one_key("bits", key)
    if dtype is None:
        dtype = dtypes.canonicalize_dtype(np.uint64)
    dtype = dtypes.check_user_dtype(dtype, "bits")
    if not dtypes.issubdtype(dtype, np.unsignedinteger):
        raise ValueError(
            f"dtype argument to `bits` must be an unsigned int dtype, got {dtype}"
        )
    return random_bits(key, np.dtype(dtype).itemsize * 8, canonical_shape(shape))


# --- uniform --------------------------------------------------------------------------


def uniform(key, shape=(), dtype=None, minval=0.0, maxval=1.0, *, out_sharding=None):
    """Uniform numbers in [minval, maxval).

    Args:
        key: a random key; shape: of the result; dtype: a float dtype.
        minval, maxval: bounds; their shapes broadcast to `shape`.
    """
    key = one_key("uniform", key)
    dtype = float_dtype("uniform", dtype)
    return _uniform(key, canonical_shape(shape), dtype, minval, maxval)


@static("shape", "dtype")
def _uniform(key, shape, dtype, minval, maxval):
    minval, maxval = convert(minval, dtype), convert(maxval, dtype)
    minval, maxval = (_to_rank(x, len(shape)) for x in (minval, maxval))
    floats = _unit_floats(key, shape, dtype)
    return _stretched(floats, minval, maxval, shape)


def _unit_floats(keys, shape, dtype):
    """Uniform numbers in [0, 1), `shape` of them from each key."""
    info = dtypes.finfo(dtype)
    if info.bits not in _UINTS:
        raise TypeError(
            f"uniform only accepts 8-, 16-, 32-, or 64-bit dtypesgot {dtype}."
        )
    # Random bits for the mantissa of a number in [1, 2).
    uint = _UINTS[info.bits]
    width = 8 if info.nmant < 8 else info.bits
    words = convert(random_bits(keys, width, shape), uint)
    words = lax.shift_right_logical(words, scalar(uint, width - info.nmant))
    one = scalar(uint, np.ones((), dtype).view(uint)[()])
    floats = lax.bitcast_convert_type(lax.bitwise_or(words, one), dtype)
    return lax.sub(floats, scalar(dtype, 1))


def _stretched(floats, minval, maxval, shape):
    """Numbers in [0, 1) moved to [minval, maxval)."""
    floats = lax.add(lax.mul(floats, lax.sub(maxval, minval)), minval)
    return lax.max(minval, lax.reshape(floats, shape))


def uniform_of_each(keys, dtype):
    """One uniform number in [0, 1) from each of an array of keys."""
    zero, one = scalar(dtype, 0), scalar(dtype, 1)
    return _stretched(_unit_floats(keys, (), dtype), zero, one, keys.shape)


def _to_rank(x, rank):
    """`x` with leading axes of size 1 added up to `rank`."""
    return x if len(shape_of(x)) == rank else expand_rank(x, rank)


# --- normal ---------------------------------------------------------------------------


def normal(key, shape=(), dtype=None, *, out_sharding=None):
    """Standard normal numbers: mean 0, variance 1 (complex ones too).

    Args:
        key: a random key; shape: of the result; dtype: a float or complex dtype.
    """
    key = one_key("normal", key)
    dtype = float_dtype("normal", dtype, or_complex=True)
    return _normal(key, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _normal(key, shape, dtype):
    if not dtypes.issubdtype(dtype, np.complexfloating):
        return _normal_real(key, shape, dtype)
    key_re, key_im = split_keys(key)
    part = dtypes.finfo(dtype).dtype
    real = convert(_normal_real(key_re, shape, part), dtype)
    imag = convert(_normal_real(key_im, shape, part), dtype)
    both = lax.add(real, lax.mul(scalar(dtype, 1j), imag))
    return lax.div(both, scalar(dtype, np.sqrt(2)))


@static("shape", "dtype")
def _normal_real(key, shape, dtype):
    u = _uniform(key, shape, dtype, *_inside_unit(dtype))
    return lax.mul(scalar(dtype, np.sqrt(2)), lax.erf_inv(u))


def _inside_unit(dtype):
    """The bounds of uniform numbers in (-1, 1), which `erf_inv` makes normal ones of."""
    low = np.nextafter(np.array(-1, dtype), np.array(0, dtype))[()]
    return low, scalar(dtype, 1)


def normal_of_each(keys, dtype):
    """One standard normal number from each of an array of keys."""
    low, high = _inside_unit(dtype)
    u = _stretched(_unit_floats(keys, (), dtype), low, high, keys.shape)
    return lax.mul(scalar(dtype, np.sqrt(2)), lax.erf_inv(u))


# --- integers -------------------------------------------------------------------------


def randint(key, shape, minval, maxval, dtype=None, *, out_sharding=None):
    """Uniform integers in [minval, maxval).

    Args:
        key: a random key; shape: of the result; dtype: an integer dtype.
        minval, maxval: integer bounds; their shapes broadcast to `shape`. Bounds
            outside of the dtype's range are clipped to it; where maxval <= minval the
            result is minval.
    """
    key = one_key("randint", key)
    dtype = dtypes.check_user_dtype(int if dtype is None else dtype, "randint")
    shape = canonical_shape(shape)
    if not dtypes.issubdtype(dtype, np.integer):
        raise TypeError(f"randint only accepts integer dtypes, got {dtype}")
    info = dtypes.iinfo(dtype)
    if info.bits >= 32:
        return _randint(key, shape, minval, maxval, dtype)
    low, high = int(info.min), int(info.max)
    minval = jnp.clip(convert(minval, _INT32), min=low, max=high)
    maxval = jnp.clip(convert(maxval, _INT32), min=low, max=high + 1)
    return convert(_randint(key, shape, minval, maxval, _INT32), dtype)


@static("shape", "dtype")
def _randint(key, shape, minval, maxval, dtype):
    minval, maxval = _integers(minval), _integers(maxval)
    check_shape("randint", shape, shape_of(minval), shape_of(maxval))
    info = dtypes.iinfo(dtype)
    most = _clip_to(scalar(dtype, info.max), core.get_aval(maxval).dtype)
    beyond = lax.gt(maxval, most)
    minval, maxval = _clip_to(minval, dtype), _clip_to(maxval, dtype)
    minval, maxval = (_to_rank(x, len(shape)) for x in (minval, maxval))
    high, low = (random_bits(k, info.bits, shape) for k in split_keys(key))

    uint = _UINTS[info.bits]
    span = convert(lax.sub(maxval, minval), uint)
    span = lax.select(lax.le(maxval, minval), lax.full_like(span, 1), span)
    # maxval was clipped, to one too few
    wider = beyond & lax.gt(maxval, minval)
    span = lax.select(wider, lax.add(span, scalar(uint, 1)), span)
    # 2 ** bits modulo span, by squaring the root of it, which is representable
    factor = lax.rem(scalar(uint, 2 ** (info.bits // 2)), span)
    factor = lax.rem(lax.mul(factor, factor), span)
    offset = lax.add(lax.mul(lax.rem(high, span), factor), lax.rem(low, span))
    return lax.add(minval, convert(lax.rem(offset, span), dtype))


def _integers(x):
    """A bound as a value of an integer dtype."""
    if dtypes.issubdtype(core.get_aval(x).dtype, np.integer):
        return x
    return convert(x, dtypes.canonicalize_dtype(np.int64))


def _clip_to(x, dtype):
    """Integers `x` clipped to the range of `dtype`, in `dtype`."""
    own, new = dtypes.iinfo(core.get_aval(x).dtype), dtypes.iinfo(dtype)
    low = constant_like(max(int(own.min), int(new.min)), x)
    high = constant_like(min(int(own.max), int(new.max)), x)
    return convert(jnp.clip(x, low, high), dtype)


# --- coins ----------------------------------------------------------------------------


def bernoulli(key, p=0.5, shape=None, mode="low", *, out_sharding=None):
    """True with probability p.

    Args:
        key: a random key; p: float probabilities; shape: of the result, that of `p` if
            None.
        mode: "high" takes twice the random bits, so that tiny probabilities are met
            too.
    """
    if mode not in ("high", "low"):
        raise ValueError(f"got mode={mode!r}, expected 'high' or 'low'")
    key = one_key("bernoulli", key)
    dtype = dtypes.dtype(p)
    if not dtypes.issubdtype(dtype, np.floating):
        raise TypeError(
            f"bernoulli probability `p` must have a floating dtype, got {dtype}."
        )
    p = convert(p, dtype)
    shape = shape_of(p) if shape is None else canonical_shape(shape)
    return _bernoulli(key, p, shape, mode)


@static("shape", "mode")
def _bernoulli(key, p, shape, mode):
    check_shape("bernoulli", shape, shape_of(p))
    dtype = core.get_aval(p).dtype
    if mode == "low":
        return lax.lt(*_same_rank(_uniform(key, shape, dtype, 0.0, 1.0), p))
    # u1 + u2 * eps: u2 fills in the bits below u1's last
    u1, u2 = rows(_uniform(key, (2, *shape), dtype, 0.0, 1.0))
    u2 = lax.mul(u2, scalar(dtype, dtypes.finfo(dtype).eps))
    return lax.lt(u2, lax.sub(*_same_rank(p, u1)))


def _same_rank(x, y):
    rank = max(len(shape_of(x)), len(shape_of(y)))
    return [x if not shape_of(x) else _to_rank(x, rank) for x in (x, y)]


def rademacher(key, shape=(), dtype=None, *, out_sharding=None):
    """-1 or 1, each with probability 1/2.

    Args:
        key: a random key; shape: of the result; dtype: of the result, int by default.
    """
    key = one_key("rademacher", key)
    dtype = dtypes.check_user_dtype(int if dtype is None else dtype, "rademacher")
    return _rademacher(key, canonical_shape(shape), dtype)


@static("shape", "dtype")
def _rademacher(key, shape, dtype):
    half = dtypes.canonicalize_dtype(np.float64).type(0.5)
    heads = convert(_bernoulli(key, half, shape, "low"), dtype)
    return convert(2 * heads - 1, dtype)

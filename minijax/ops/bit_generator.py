"""Blocks of random bits from a state of 128 bits (`lax.rng_bit_generator`).

The first half of the state is a key, the second a counter, which comes out advanced by
the number of blocks.  (Philox-4x32 and Threefry-2x32 of Salmon et al., "Parallel Random
Numbers: As Easy as 1, 2, 3", SC 2011.)
"""

import enum
import math
from typing import Any

import numpy as np

from minijax import dtypes
from minijax.core import ShapedArray
from minijax.ops.arithmetic import add, mul
from minijax.ops.bits import bitwise_or, bitwise_xor, shift_left, shift_right_logical
from minijax.ops.comparison import lt
from minijax.ops.convert import convert_element_type_p
from minijax.ops.define import NONDIFFERENTIABLE, NOT_LINEAR, define, move_axis
from minijax.ops.index import dynamic_update_index_in_dim
from minijax.ops.joining import concatenate
from minijax.ops.shape import expand_dims, iota, reshape, squeeze
from minijax.ops.slicing import index_in_dim, slice_in_dim
from minijax.ops.threefry import threefry2x32, threefry2x32_p

_U32, _U64 = np.dtype(np.uint32), np.dtype(np.uint64)
_ROUNDS = 10
_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_KEY_STEPS = 0x9E3779B9, 0xBB67AE85


class RandomAlgorithm(enum.IntEnum):
    """How `rng_bit_generator` makes its bits; the default is Philox."""

    RNG_DEFAULT = 0
    RNG_THREE_FRY = 1
    RNG_PHILOX = 2

    def __str__(self):
        return self.name


def rng_bit_generator(
    key,
    shape,
    dtype: Any = np.uint32,
    algorithm=RandomAlgorithm.RNG_DEFAULT,
    *,
    out_sharding=None,
):
    """(the state after it, random unsigned integers of `shape`).

    key: the state: four uint32 words, or two of uint64.  dtype: an unsigned one of 8 to
    64 bits, TypeError otherwise.
    """
    dtype = dtypes.check_user_dtype(dtype, "rng_bit_generator")
    if dtype.kind != "u" or dtype not in map(np.dtype, ("u1", "u2", "u4", "u8")):
        raise TypeError(f"rng_bit_generator: unsupported dtype {dtype}")
    return tuple(
        rng_bit_generator_p.bind(
            key,
            shape=tuple(shape),
            dtype=dtype,
            algorithm=RandomAlgorithm(algorithm),
            out_sharding=out_sharding,
        )
    )


def _shape(key, *, shape, dtype, algorithm, out_sharding):
    wanted = {_U32: (4,), _U64: (2,)}.get(key.dtype)
    if key.shape != wanted:
        raise TypeError(
            "rng_bit_generator takes a state of four uint32 words or two uint64 words, "
            f"got {key}"
        )
    return [key, ShapedArray(shape, dtype)]


# --- 64-bit arithmetic, whatever the default precision --------------------------------


def _as(x, dtype):
    return convert_element_type_p.bind(
        x, new_dtype=dtype, weak_type=False, sharding=None
    )


def _wide(x):
    return _as(x, _U64)


def _joined(low, high):
    """64-bit integers from their 32-bit halves."""
    return bitwise_or(_wide(low), shift_left(_wide(high), _wide(np.uint32(32))))


def _halves(x):
    """The low and the high 32 bits."""
    high = shift_right_logical(x, _wide(np.uint32(32)))
    return _as(x, _U32), _as(high, _U32)


# --- the generators -------------------------------------------------------------------


def _philox(counter, key, places):
    """The four words of the block at each place."""
    start = _joined(*counter)
    low = add(start, _wide(places))
    carried = add(_joined(*key), _wide(_as(lt(low, start), _U32)))
    a, b = _halves(low)
    c, d = _halves(carried)
    k, m = key
    for round_ in range(_ROUNDS):
        if round_:
            k, m = (
                add(word, np.uint32(step))
                for word, step in zip((k, m), _KEY_STEPS, strict=True)
            )
        (low0, high0), (low1, high1) = (
            _halves(mul(_wide(word), _wide(np.uint32(factor))))
            for word, factor in zip((a, c), _MULTIPLIERS, strict=True)
        )
        a, b = bitwise_xor(bitwise_xor(high1, b), k), low1
        c, d = bitwise_xor(bitwise_xor(high0, d), m), low0
    return a, b, c, d


def _threefry(counter, key, places):
    """The two words of the block at each place."""
    low, high = _halves(add(_joined(*counter), _wide(places)))
    return threefry2x32(key[0], key[1], low, high)


def _blocks(shape, dtype, threefry):
    """(the axis along which a block's words lie, the shape of the blocks before that).

    Words of Philox, and all halves of 64-bit integers, follow one another in the
    flattened array (axis 0); Threefry cuts the first even axis, or else the longest.
    """
    if not threefry or not shape or dtype == _U64:
        n_words = math.prod(shape) * max(dtype.itemsize // 4, 1)
        return 0, (-(-n_words // (2 if threefry else 4)),)
    even = [axis for axis, n in enumerate(shape) if n % 2 == 0]
    axis = even[0] if even else shape.index(max(shape))
    return axis, tuple([-(-n // 2) if d == axis else n for d, n in enumerate(shape)])


def _generate(state, shape, dtype, algorithm):
    """(state after it, bits) on a state of four words."""
    words = [squeeze(index_in_dim(state, k), (0,)) for k in range(4)]
    threefry = algorithm is RandomAlgorithm.RNG_THREE_FRY
    axis, blocks = _blocks(shape, dtype, threefry)
    n_blocks = math.prod(blocks)
    places = reshape(iota(_U32, n_blocks), blocks)
    block: Any = _threefry if threefry else _philox
    out = block(words[2:], words[:2], places)
    width = len(out)
    out = concatenate([expand_dims(x, (axis + 1,)) for x in out], axis + 1)
    longer = [n * width if d == axis else n for d, n in enumerate(blocks)]
    out = reshape(out, longer)
    if dtype == _U64:
        size = math.prod(shape)
        pairs = reshape(slice_in_dim(out, 0, 2 * size), (size, 2))
        out = _joined(*(squeeze(index_in_dim(pairs, k, 1), (1,)) for k in (0, 1)))
    elif len(shape) == len(blocks) and threefry:
        out = slice_in_dim(out, 0, shape[axis], axis=axis)
    else:
        out = slice_in_dim(out, 0, math.prod(shape))
    after = add(_joined(*words[2:]), _wide(np.uint32(n_blocks)))
    state = concatenate(
        [expand_dims(x, (0,)) for x in (*words[:2], *_halves(after))], 0
    )
    return state, reshape(_as(out, dtype), shape)


def _lower(b, ins, out_avals, *, shape, dtype, algorithm, out_sharding):
    (key,) = ins

    def generate(state):
        if state.dtype == _U32:
            return list(_generate(state, shape, dtype, algorithm))
        halves = [expand_dims(x, (1,)) for x in _halves(state)]
        words = reshape(concatenate(halves, 1), (4,))
        words, bits = _generate(words, shape, dtype, algorithm)
        pairs = reshape(words, (2, 2))
        first, second = (squeeze(index_in_dim(pairs, k, 1), (1,)) for k in (0, 1))
        return [_joined(first, second), bits]

    return b.lower_fun(generate, [key], [out_avals[0]])


def _reference(key, *, shape, dtype, algorithm, out_sharding):
    words = [int(x) for x in np.ascontiguousarray(key).view(_U32)]
    start = words[2] | words[3] << 32
    threefry = algorithm is RandomAlgorithm.RNG_THREE_FRY
    axis, blocks = _blocks(shape, dtype, threefry)
    n_blocks, width = math.prod(blocks), 2 if threefry else 4
    out = np.empty((n_blocks, width), _U32)
    for place in range(n_blocks):
        count = start + place
        if threefry:
            count %= 2**64
            pair = [np.uint32(x) for x in (*words[:2], count % 2**32, count >> 32)]
            out[place] = threefry2x32_p.reference(*pair)
        else:
            out[place] = _reference_block(words[:2], count)
    out = np.moveaxis(out.reshape(*blocks, width), -1, axis + 1)
    longer = [n * width if d == axis else n for d, n in enumerate(blocks)]
    out = out.reshape(longer)
    if dtype == _U64:
        bits = np.ascontiguousarray(out[: 2 * math.prod(shape)]).view(_U64)
    elif len(shape) == len(blocks) and threefry:
        bits = out.take(range(shape[axis]), axis)
    else:
        bits = out[: math.prod(shape)]
    after = (start + n_blocks) % 2**64
    state = np.array([*words[:2], after % 2**32, after >> 32], _U32)
    return [state.view(key.dtype), bits.astype(dtype).reshape(shape)]


def _reference_block(key, count):
    """A block of Philox in Python's integers."""
    total = (count + ((key[0] | key[1] << 32) << 64)) % 2**128
    a, b, c, d = ((total >> 32 * k) % 2**32 for k in range(4))
    for round_ in range(_ROUNDS):
        k, m = (
            (word + round_ * step) % 2**32
            for word, step in zip(key, _KEY_STEPS, strict=True)
        )
        first, second = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b = (second >> 32) ^ b ^ k, second % 2**32
        c, d = (first >> 32) ^ d ^ m, first % 2**32
    return [a, b, c, d]


def _batch(axis, args, dims, *, shape, **params):
    """One block for the whole batch, from its first state, which alone is advanced."""
    keys = move_axis(args[0], dims[0], 0)
    first = squeeze(index_in_dim(keys, 0), (0,))
    n = keys.shape[0]
    after, bits = rng_bit_generator_p.bind(first, shape=(n, *shape), **params)
    return [dynamic_update_index_in_dim(keys, after, 0, 0), bits], [0, 0]


rng_bit_generator_p = define(
    "rng_bit_generator",
    multiple_results=True,
    shape=_shape,
    reference=_reference,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=_batch,
    lower=_lower,
)

"""The generators `philox2x32`, `philox4x32` and `threefry4x32`: hashes of counters.

Each is one function of a key and a counter, both lists of uint32 words, as Random123 has
it.  Seeds, splits, foldings and bits differ in where the counted words stand.
"""

import functools
import math

import numpy as np

from minijax import dtypes
from minijax.core import ShapedArray
from minijax.ops import random
from minijax.ops.arithmetic import add, mul, mulhi
from minijax.ops.bits import bitwise_or, bitwise_xor, shift_left, shift_right_logical
from minijax.ops.convert import convert
from minijax.ops.define import (
    NONDIFFERENTIABLE,
    NOT_LINEAR,
    define,
    elementwise_batch,
    shape_of,
)
from minijax.ops.joining import concatenate
from minijax.ops.shape import (
    broadcast_in_dim,
    expand_dims,
    iota,
    reshape,
    squeeze,
)
from minijax.ops.slicing import index_in_dim

_U32 = np.uint32
_WEYL = (_U32(0x9E3779B9), _U32(0xBB67AE85))  # what a key grows by from round to round

# --- hashes ---------------------------------------------------------------------------


def _xor(*words):
    return functools.reduce(bitwise_xor, words)


def _philox2x32(key, counter):
    (k,), (x0, x1) = key, counter
    factor = _like(_U32(0xD256D193), x0)
    for turn in range(10):
        if turn:
            k = _plus(k, _WEYL[0])
        x0, x1 = _xor(mulhi(factor, x0), x1, k), mul(factor, x0)
    return x0, x1


def _philox4x32(key, counter):
    (k0, k1), (x0, x1, x2, x3) = key, counter
    f0, f1 = _like(_U32(0xD2511F53), x0), _like(_U32(0xCD9E8D57), x0)
    for turn in range(10):
        if turn:
            k0, k1 = _plus(k0, _WEYL[0]), _plus(k1, _WEYL[1])
        x0, x1, x2, x3 = (
            _xor(mulhi(f1, x2), x1, k0),
            mul(f1, x2),
            _xor(mulhi(f0, x0), x3, k1),
            mul(f0, x0),
        )
    return x0, x1, x2, x3


_ROTATIONS = (
    (10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20),
)  # fmt: skip


def _threefry4x32(key, counter):
    keys = [*key, _xor(*key, _like(_U32(0x1BD11BDA), key[0]))]
    x = [add(c, k) for c, k in zip(counter, key, strict=True)]
    for turn in range(20):
        partner = (1, 3) if turn % 2 == 0 else (3, 1)  # of word 0, of word 2
        for at, other, by in zip((0, 2), partner, _ROTATIONS[turn % 8], strict=True):
            x[at] = add(x[at], x[other])
            x[other] = _xor(x[at], _rotated(x[other], by))
        if turn % 4 == 3:
            shift = turn // 4 + 1
            x = [add(w, keys[(shift + k) % 5]) for k, w in enumerate(x)]
            x[3] = _plus(x[3], _U32(shift))
    return tuple(x)


def _rotated(word, by):
    left = shift_left(word, _like(_U32(by), word))
    return bitwise_or(left, shift_right_logical(word, _like(_U32(32 - by), word)))


def _like(value, word):
    return broadcast_in_dim(value, word.shape, ())


def _plus(word, value):
    return add(word, _like(value, word))


# --- primitives -----------------------------------------------------------------------


def _define(name, n_key, n_counter, scramble):
    """The primitive of a hash: words of keys, then of counters, all of uint32."""

    def fun(*words):
        full = np.broadcast_shapes(*[shape_of(w) for w in words])
        words = [_stretched(w, full) for w in words]
        return scramble(words[:n_key], words[n_key:])

    def shape(*avals):
        for aval in avals:
            if aval.dtype != _U32:
                raise TypeError(f"{name} takes uint32 operands, got {aval.dtype}")
        full = np.broadcast_shapes(*[aval.shape for aval in avals])
        return [ShapedArray(full, _U32)] * n_counter

    def batch(axis, args, dims):
        outs, dim = elementwise_batch(lambda: primitive)(axis, args, dims)
        return outs, [dim] * n_counter

    def lower(b, ins, _):
        avals = [ShapedArray(view.shape, view.dtype) for view in ins]
        return b.lower_fun(lambda *words: list(fun(*words)), ins, avals)

    primitive = define(
        name,
        multiple_results=True,
        shape=shape,
        reference=lambda *words: random.by_reference(fun, *words),
        jvp=NONDIFFERENTIABLE,
        transpose=NOT_LINEAR,
        batch=batch,
        lower=lower,
    )
    return primitive


def _stretched(word, shape):
    first = len(shape) - len(shape_of(word))
    return broadcast_in_dim(word, shape, range(first, len(shape)))


philox2x32_p = _define("philox2x32", 1, 2, _philox2x32)
philox4x32_p = _define("philox4x32", 2, 4, _philox4x32)
threefry4x32_p = _define("threefry4x32", 4, 4, _threefry4x32)

# --- generators -----------------------------------------------------------------------


def _parts(words):
    """The words along the last axis, one array each."""
    last = len(words.shape) - 1
    return [
        squeeze(index_in_dim(words, k, last), (last,)) for k in range(words.shape[last])
    ]


def _joined(parts):
    last = len(parts[0].shape)
    return concatenate([expand_dims(p, (last,)) for p in parts], last)


def _places(shape):
    """The number of each element of `shape`, as a high and a low word."""
    n = math.prod(shape)
    if n > 2**32:
        raise NotImplementedError(f"random bits of {n} elements: at most 2**32")
    low = reshape(iota(_U32, n), shape)
    return [_like(_U32(0), low), low]


def _iota_2x32_reference(*, shape):
    n = math.prod(shape)
    low = np.arange(n, dtype=np.uint64).reshape(shape)
    return [(low >> np.uint64(32)).astype(np.uint32), low.astype(np.uint32)]


def _iota_2x32_lower(b, ins, out_avals, *, shape):
    return b.lower_fun(lambda: _places(shape), ins, [])


iota_2x32_shape_p = define(
    "iota_2x32_shape",
    multiple_results=True,
    shape=lambda *, shape: [ShapedArray(shape, np.dtype(_U32))] * 2,
    reference=_iota_2x32_reference,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=lambda axis, args, dims, **params: (
        iota_2x32_shape_p.bind(**params),
        [None] * 2,
    ),
    lower=_iota_2x32_lower,
)


def iota_2x32_shape(shape):
    """0, 1, 2, ... in an array of `shape`, as high and low words: two uint32 arrays."""
    return iota_2x32_shape_p.bind(shape=tuple(shape))


def _counted(words, shape):
    """Keys, and the places of `shape` for each: arrays of (*keys, *shape)."""
    full = (*words.shape[:-1], *shape)
    lead = len(words.shape) - 1
    keys = [broadcast_in_dim(k, full, range(lead)) for k in _parts(words)]
    dims = range(lead, len(full))
    return keys, [broadcast_in_dim(p, full, dims) for p in _places(shape)]


def _generator(primitive, n_key, n_counter, seeds_are_keys=False, *, fold):
    """A generator of keys of `n_key` words by hashes of `n_counter` words.

    seeds_are_keys: a seed stands in the key of the first hash, else in its counter;
    fold: of the words of one hash, those that make up an element of 64 bits.
    """

    def scramble(keys, counters):
        return primitive.bind(*keys, *counters)

    def padded(words, n, first):
        zeros = [_like(_U32(0), words[0])] * (n - len(words))
        return [*words, *zeros] if first else [*zeros, *words]

    def seed(seeds):
        halves = _parts(
            random.random_unwrap(random.random_seed(seeds, random.THREEFRY))
        )
        zeros = [_like(_U32(0), halves[0])]
        if seeds_are_keys:
            key, counter = padded(halves, n_key, True), zeros * n_counter
        else:
            key, counter = zeros * n_key, padded(halves, n_counter, True)
        return _joined(scramble(key, counter)[:n_key])

    def split(words, shape):
        keys, places = _counted(words, shape)
        return _joined(scramble(keys, padded(places, n_counter, False))[:n_key])

    def fold_in(words, data):
        keys = _parts(words)
        data = broadcast_in_dim(data, keys[0].shape, range(len(data.shape)))
        return _joined(scramble(keys, padded([data], n_counter, False))[:n_key])

    def bits(words, bit_width, shape):
        keys, places = _counted(words, shape)
        out = scramble(keys, padded(places, n_counter, True))
        if bit_width != 64:
            return convert(_xor(*out), np.dtype(f"uint{bit_width}"))
        high, low = (convert(part, np.dtype(np.uint64)) for part in fold(out))
        return bitwise_or(shift_left(high, _like(np.uint64(32), high)), low)

    return random.Generator(seed, split, fold_in, bits)


def _first_two(words):
    return words[:2]


def _both_pairs(words):
    return _xor(words[0], words[2]), _xor(words[1], words[3])


random.generators.update(
    {
        dtypes.key_dtypes["philox2x32"]: _generator(
            philox2x32_p, 1, 2, fold=_first_two
        ),
        dtypes.key_dtypes["philox4x32"]: _generator(
            philox4x32_p, 2, 4, fold=_first_two
        ),
        dtypes.key_dtypes["threefry4x32"]: _generator(
            threefry4x32_p, 4, 4, seeds_are_keys=True, fold=_both_pairs
        ),
    }
)

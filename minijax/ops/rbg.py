"""The generators `rbg` and `unsafe_rbg`: bits of `rng_bit_generator`, keys of four words.

A key of `rbg` is two threefry keys, which are split and folded as such; `unsafe_rbg`
hashes by taking every tenth block.  Under `vmap` the bits of a whole batch come from its
first key, as in JAX.
"""

import math

import numpy as np

from minijax import dtypes
from minijax.ops import random
from minijax.ops.bit_generator import rng_bit_generator
from minijax.ops.bits import bitwise_xor
from minijax.ops.joining import concatenate
from minijax.ops.shape import broadcast_in_dim, expand_dims, reshape, squeeze, transpose
from minijax.ops.slicing import index_in_dim, slice_in_dim


def _first(words, n_lead):
    """The first of the keys."""
    for _ in range(n_lead):
        words = squeeze(index_in_dim(words, 0), (0,))
    return words


def _halves(words):
    """The threefry keys that keys are made of, along a new last axis."""
    return random.random_wrap(
        reshape(words, (*words.shape[:-1], 2, 2)), random.THREEFRY
    )


def _seed(seeds):
    half = random.random_unwrap(random.random_seed(seeds, random.THREEFRY))
    return concatenate([half, half], len(half.shape) - 1)


def _split(words, shape):
    lead = len(words.shape) - 1
    new = random.random_unwrap(random.random_split(_halves(words), shape))
    order = [*range(lead), *range(lead + 1, lead + 1 + len(shape)), lead]
    new = transpose(new, (*order, lead + 1 + len(shape)))
    return reshape(new, (*words.shape[:-1], *shape, 4))


def _fold_in(words, data):
    halves = _halves(words)
    data = broadcast_in_dim(data, halves.shape, range(len(data.shape)))
    return reshape(
        random.random_unwrap(random.random_fold_in(halves, data)), words.shape
    )


def _bits(words, bit_width, shape):
    lead = words.shape[:-1]
    key = _first(words, len(lead))
    return rng_bit_generator(key, (*lead, *shape), np.dtype(f"uint{bit_width}"))[1]


def _unsafe_split(words, shape):
    lead, n = words.shape[:-1], math.prod(shape)
    key = _first(words, len(lead))
    _, blocks = rng_bit_generator(key, (*lead, 10 * n, 4))
    every = slice_in_dim(blocks, 0, 10 * n, 10, axis=len(lead))
    return reshape(every, (*lead, *shape, 4))


def _unsafe_fold_in(words, data):
    lead = data.shape
    key = _first(_seed(data), len(lead))
    _, blocks = rng_bit_generator(key, (*lead, 10, 4))
    last = squeeze(index_in_dim(blocks, 9, len(lead)), (len(lead),))
    if not lead and len(words.shape) > 1:
        last = expand_dims(last, range(len(words.shape) - 1))
        last = broadcast_in_dim(last, words.shape, range(len(words.shape)))
    return bitwise_xor(words, last)


random.generators[dtypes.key_dtypes["rbg"]] = random.Generator(
    _seed, _split, _fold_in, _bits
)
random.generators[dtypes.key_dtypes["unsafe_rbg"]] = random.Generator(
    _seed, _unsafe_split, _unsafe_fold_in, _bits
)

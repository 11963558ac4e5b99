"""The generators behind keys, and new ones (`jax.extend.random`)."""

import math

import numpy as np

from minijax import dtypes
from minijax import random as random
from minijax.api.vectorize import vmap
from minijax.numpy import asarray, concatenate, ravel
from minijax.ops import random as ops
from minijax.ops.random import random_seed as random_seed
from minijax.ops.threefry import threefry2x32_p as threefry2x32_p

threefry_prng_impl = dtypes.key_dtypes["threefry2x32"]
rbg_prng_impl = dtypes.key_dtypes["rbg"]
unsafe_rbg_prng_impl = dtypes.key_dtypes["unsafe_rbg"]


def seed_with_impl(impl, seed):
    """A key of the generator `impl` (its name) from an integer seed."""
    return random.key(seed, impl=impl)


def threefry_2x32(keypair, count):
    """The hash of an array of uint32 counts under a key of two uint32 words.

    The first half of the counts and the second make pairs.
    """
    key1, key2 = keypair
    counts = asarray(count)
    if not key1.dtype == key2.dtype == counts.dtype == np.uint32:
        raise TypeError(
            "threefry_2x32 requires uint32 arguments, got "
            f"{[x.dtype for x in (key1, key2, counts)]}"
        )
    flat = ravel(counts)
    odd = flat.size % 2
    if odd:
        flat = concatenate([flat, asarray(np.zeros(1, np.uint32))])
    half = flat.size // 2
    out = concatenate(ops.threefry2x32(key1, key2, flat[:half], flat[half:]))
    return (out[:-1] if odd else out).reshape(counts.shape)


class PRNGSpec(str):
    """The name of a generator, different from all others that are called so."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other

    def __ne__(self, other):
        return self is not other


def define_prng_impl(
    *, key_shape, seed, split, random_bits, fold_in, name="<unnamed>", tag="?"
):
    """A generator of one's own, for `impl` of `jax.random.key`.

    Args:
        key_shape: the shape of the uint32 words of a key: one, two or four.
        seed: (integer) -> words of a key; split: (words, shape) -> words of
            (*shape, *key_shape); random_bits: (words, bit_width, shape) -> unsigned
            integers; fold_in: (words, uint32) -> words.
        name: what the generator is called; tag: its short name, as in `key<tag>`.

    NotImplementedError for keys of other sizes: a key is kept as one number.
    """
    if math.prod(key_shape) not in (1, 2, 4):
        raise NotImplementedError(
            "minijax has keys of one, two or four uint32 words; the generator "
            f"{name!r} asks for key_shape={tuple(key_shape)}"
        )
    spec = PRNGSpec(name)
    dtype = dtypes.key_dtypes[spec] = dtypes.KeyTy(spec, tag, tuple(key_shape))
    rank = len(key_shape)

    def over(fun, times):
        for _ in range(times):
            fun = vmap(fun)
        return fun

    def seeds(values):
        return over(seed, values.ndim)(values)

    def splits(words, shape):
        return over(lambda w: split(w, shape), words.ndim - rank)(words)

    def bits(words, bit_width, shape):
        return over(lambda w: random_bits(w, bit_width, shape), words.ndim - rank)(
            words
        )

    def folds(words, data):
        fun, lead = fold_in, words.ndim - rank
        for axis in range(max(lead, data.ndim)):
            fun = vmap(
                fun, (0 if axis < lead else None, 0 if axis < data.ndim else None)
            )
        return fun(words, data)

    ops.generators[dtype] = ops.Generator(seeds, splits, folds, bits)
    return spec

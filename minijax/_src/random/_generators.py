"""What a generator does, as functions of raw keys (arrays of uint32 words)."""

from minijax.numpy.creation import asarray
from minijax.ops import random


def functions_of(impl):
    """(seed, split, fold_in, random_bits) of the generator that has the key dtype `impl`."""

    def wrap(key):
        return random.random_wrap(key, impl)

    def seed(value):
        return random.random_unwrap(random.random_seed(asarray(value), impl))

    def split(key, shape):
        return random.random_unwrap(random.random_split(wrap(key), tuple(shape)))

    def fold_in(key, data):
        data = asarray(data, "uint32")
        return random.random_unwrap(random.random_fold_in(wrap(key), data))

    def random_bits(key, bit_width, shape):
        return random.random_bits(wrap(key), bit_width, tuple(shape))

    return seed, split, fold_in, random_bits

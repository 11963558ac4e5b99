"""Generators of random bits, and keys."""

import numpy as np

from minijax import dtypes
from minijax._src._homes import names_of
from minijax.array import ArrayImpl as PRNGKeyArray  # noqa: F401
from minijax.extend.random import define_prng_impl
from minijax.extend.random import seed_with_impl as seed_with_impl
from minijax.ops import random as _ops
from minijax.random.keys import key_dtype, seed_value

KeyTy = dtypes.KeyTy
prngs = dtypes.key_dtypes
threefry_prng_impl = prngs["threefry2x32"]
UINT_DTYPES = {n: np.dtype(f"uint{n}") for n in (8, 16, 32, 64)}


def PRNGImpl(*, tag="?", name="<unnamed>", **functions):
    """The key dtype of a new generator."""
    return key_dtype(define_prng_impl(name=name, tag=tag, **functions))


def random_seed(seeds, impl):
    """Typed keys of the generator `impl` from integers."""
    return _ops.random_seed(seed_value(seeds), impl)


__getattr__ = names_of(
    __name__, "minijax.ops.random", "minijax.random.keys", "minijax.ops.counters"
)

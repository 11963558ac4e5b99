"""Generators of random bits, and keys."""

from minijax import dtypes
from minijax._src._homes import names_of
from minijax.array import ArrayImpl as PRNGKeyArray  # noqa: F401

KeyTy = dtypes.KeyTy
prngs = dtypes.key_dtypes
threefry_prng_impl = prngs["threefry2x32"]

__getattr__ = names_of(__name__, "minijax.ops.random", "minijax.random.keys")

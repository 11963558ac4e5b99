"""The generators rbg and unsafe_rbg."""

from minijax.extend.random import rbg_prng_impl as rbg_prng_impl
from minijax.extend.random import unsafe_rbg_prng_impl as unsafe_rbg_prng_impl

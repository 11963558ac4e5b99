"""The generator philox4x32, on raw keys."""

from minijax import dtypes
from minijax._src.random._generators import functions_of
from minijax.ops.counters import philox4x32_p as philox4x32_p

philox4x32_prng_impl = dtypes.key_dtypes["philox4x32"]
philox4x32_seed, philox4x32_split, philox4x32_fold_in, philox4x32_random_bits = (
    functions_of(philox4x32_prng_impl)
)

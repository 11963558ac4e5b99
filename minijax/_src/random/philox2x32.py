"""The generator philox2x32, on raw keys."""

from minijax import dtypes
from minijax._src.random._generators import functions_of
from minijax.ops.counters import philox2x32_p as philox2x32_p

philox2x32_prng_impl = dtypes.key_dtypes["philox2x32"]
philox2x32_seed, philox2x32_split, philox2x32_fold_in, philox2x32_random_bits = (
    functions_of(philox2x32_prng_impl)
)

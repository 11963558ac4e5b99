"""The generator threefry4x32, on raw keys."""

from minijax import dtypes
from minijax._src.random._generators import functions_of
from minijax.ops.counters import threefry4x32_p as threefry4x32_p

threefry4x32_prng_impl = dtypes.key_dtypes["threefry4x32"]
(
    threefry4x32_seed,
    threefry4x32_split,
    threefry4x32_fold_in,
    threefry4x32_random_bits,
) = functions_of(threefry4x32_prng_impl)

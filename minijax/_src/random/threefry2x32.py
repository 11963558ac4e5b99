"""The generator threefry2x32, on raw keys."""

from minijax._src.random._generators import functions_of
from minijax.extend.random import threefry_2x32 as threefry_2x32
from minijax.extend.random import threefry_prng_impl as threefry_prng_impl
from minijax.ops.threefry import threefry2x32 as threefry2x32
from minijax.ops.threefry import threefry2x32_p as threefry2x32_p

threefry_seed, threefry_split, threefry_fold_in, threefry_random_bits = functions_of(
    threefry_prng_impl
)

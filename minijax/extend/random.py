"""The generator behind keys (`jax.extend.random`)."""

from minijax import random as random
from minijax.ops.random import threefry2x32_p as threefry2x32_p


def seed_with_impl(impl, seed):
    """A key of the generator `impl` (its name) from an integer seed."""
    return random.key(seed, impl=impl)

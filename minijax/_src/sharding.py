"""The base class of shardings."""

import functools

from minijax._src._homes import names_of


@functools.lru_cache(maxsize=4096)
def common_devices_indices_map(s, global_shape):
    """The part of an array that each device holds; ValueError where it cannot be split."""
    s.shard_shape(global_shape)
    return s.devices_indices_map(global_shape)


__getattr__ = names_of(
    __name__, "minijax.device", "minijax.mesh", "minijax.named_sharding"
)

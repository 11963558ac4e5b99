"""Shardings, meshes and partition specs."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.mesh",
    "minijax.named_sharding",
    "minijax.partition_spec",
    "minijax.device",
    "minijax.sharding",
    "minijax.experimental.layout",
    "minijax.hlo_sharding",
)

"""Shardings over named mesh axes."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.named_sharding",
    "minijax.partition_spec",
    "minijax.mesh",
    "minijax.hlo_sharding",
)

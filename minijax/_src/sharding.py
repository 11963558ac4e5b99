"""The base class of shardings."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__, "minijax.device", "minijax.mesh", "minijax.named_sharding"
)

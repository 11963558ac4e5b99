"""The transformations and their kind (`jax.grad`, `jax.device_put`, ...)."""

from minijax._src._homes import names_of
from minijax.api.jacobians import std_basis as _std_basis  # noqa: F401

__getattr__ = names_of(
    __name__,
    "minijax",
    "minijax.api.differentiate",
    "minijax.api.jacobians",
    "minijax.api.pullback",
    "minijax.api.inspection",
    "minijax.api.arrays",
    "minijax.api.shard",
    "minijax.control.call",
    "minijax.extend.backend",
)

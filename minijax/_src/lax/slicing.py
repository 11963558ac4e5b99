"""Slices, gathers and scatters."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.lax",
    "minijax.ops.slicing",
    "minijax.ops.joining",
    "minijax.ops.gather",
    "minijax.ops.scatter",
    "minijax.ops.index",
)

"""Collectives over named axes."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__, "minijax.lax", "minijax.control.collectives", "minijax.control.exchanges"
)

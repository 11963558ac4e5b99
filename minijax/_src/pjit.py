"""`jit` and what it lays out."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__, "minijax.control.call", "minijax.control.constraint", "minijax.stages"
)

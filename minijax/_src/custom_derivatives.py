"""Functions with derivatives of their own."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.custom_derivatives",
    "minijax.control.custom",
    "minijax.control.linear_call",
)

"""Derivatives."""

from minijax._src._homes import names_of
from minijax.ops.arithmetic import add_any_p as add_jaxvals_p  # noqa: F401

__getattr__ = names_of(
    __name__,
    "minijax.interpreters.ad",
    "minijax.transforms.ad",
    "minijax.control.own_primitive",
)

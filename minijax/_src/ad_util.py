"""Symbolic zeros and sums of tangents."""

from minijax import core
from minijax._src._homes import names_of
from minijax.interpreters.ad import zeros_like_aval
from minijax.ops.arithmetic import add_any_p

add_jaxvals_p = add_any_p


def zeros_like_jaxval(val):
    """Zeros of the type of a value."""
    return zeros_like_aval(core.get_aval(val))


__getattr__ = names_of(
    __name__,
    "minijax.interpreters.ad",
    "minijax.ops.define",
    "minijax.lax",
    "minijax.custom_derivatives",
)

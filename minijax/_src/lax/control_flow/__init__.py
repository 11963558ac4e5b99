"""Loops and branches."""

from minijax._src._homes import names_of

_SUBMODULES = {"common", "conditionals", "loops", "solves"}
__getattr__ = names_of(
    __name__,
    "minijax.lax",
    "minijax.control.scan",
    "minijax.control.while_loop",
    "minijax.control.cond",
    "minijax.control.linear_solve",
    submodules=_SUBMODULES,
)

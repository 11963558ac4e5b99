"""Reductions."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.numpy.reductions",
    "minijax.numpy.moments",
    "minijax.numpy.running",
    "minijax.numpy",
)

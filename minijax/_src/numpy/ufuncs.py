"""Elementwise functions."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.numpy.ufuncs",
    "minijax.numpy.math_ufuncs",
    "minijax.numpy.logic",
    "minijax.numpy.comparisons",
    "minijax.numpy.predicates",
    "minijax.numpy.trigonometry",
    "minijax.numpy",
)

"""Indexing."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.numpy.slices", "minijax.numpy.indexing")

"""Functions that say how they are divided."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.experimental.custom_partitioning")

"""Python numbers and NumPy arrays that carry a dtype."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.literals")

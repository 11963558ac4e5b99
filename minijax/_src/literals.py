"""Python scalars that carry a dtype: minijax has none."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__)

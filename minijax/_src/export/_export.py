"""Exported functions."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.export", "minijax.export_bytes")

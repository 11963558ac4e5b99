"""Errors that compiled code sets and Python raises later."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.experimental._error_check")

"""Python functions that write results in place."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.experimental.buffer_callback")

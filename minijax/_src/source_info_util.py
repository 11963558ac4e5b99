"""Where equations come from."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.extend.source_info_util", "minijax.core")

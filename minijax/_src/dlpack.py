"""Arrays shared with other libraries."""

from minijax._src._homes import names_of
from minijax.dlpack import _SUPPORTED as SUPPORTED_DTYPES_SET  # noqa: F401

__getattr__ = names_of(__name__, "minijax.dlpack")

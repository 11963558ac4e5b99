"""Functions that are transformed step by step."""

from minijax._src._homes import names_of
from minijax.trace import DebugInfo as DebugInfo

__getattr__ = names_of(__name__, "minijax.extend.linear_util")

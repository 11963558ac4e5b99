"""The names of the compiled library's module that libraries ask for."""

from minijax.array import ArrayImpl as ArrayImpl
from minijax.control.call import PjitFunction as PjitFunction
from minijax.device import Device as Device
from minijax.device import Sharding as Sharding
from minijax.errors import JaxRuntimeError as JaxRuntimeError
from minijax.extend.linear_util import cache as weakref_lru_cache  # noqa: F401
from minijax.hlo_sharding import HloSharding as HloSharding

XlaRuntimeError = JaxRuntimeError
get_internal_device_put_info = dict


def is_optimized_build() -> bool:
    """Always: a build for sanitizers is one of minijax's own, that tests load."""
    return True


def is_sanitized() -> bool:
    """Whether any sanitizer is in it."""
    return False


is_asan = is_msan = is_tsan = is_sanitized

"""What stands in for the compiled library: its errors and versions."""

import types

from minijax._src._homes import names_of
from minijax.alias import JAX_VERSION
from minijax.array import ArrayImpl
from minijax.device import Device, Sharding
from minijax.errors import JaxRuntimeError
from minijax.extend.linear_util import cache as weakref_lru_cache
from minijax.hlo_sharding import HloSharding
from minijax.util import safe_map, safe_zip

version_str = JAX_VERSION
version = tuple(map(int, JAX_VERSION.split(".")))
jaxlib_extension_version = ifrt_version = 0
cuda_versions = None  # what JAX has where there is no GPU

_jax = types.SimpleNamespace(
    ArrayImpl=ArrayImpl,
    weakref_lru_cache=weakref_lru_cache,
    Device=Device,
    Sharding=Sharding,
    HloSharding=HloSharding,
    XlaRuntimeError=JaxRuntimeError,
    JaxRuntimeError=JaxRuntimeError,
    is_optimized_build=lambda: True,
    is_asan=lambda: False,
    is_msan=lambda: False,
    is_tsan=lambda: False,
    is_sanitized=lambda: False,
    get_internal_device_put_info=dict,
)
xla_client = _jax
utils = types.SimpleNamespace(safe_map=safe_map, safe_zip=safe_zip)

__getattr__ = names_of(__name__, submodules={"mlir"})

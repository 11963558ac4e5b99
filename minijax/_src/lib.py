"""What stands in for the compiled library: its errors and versions."""

import types

from minijax.alias import JAX_VERSION
from minijax.errors import JaxRuntimeError

version_str = JAX_VERSION
version = tuple(map(int, JAX_VERSION.split(".")))
jaxlib_extension_version = ifrt_version = 0
_jax = types.SimpleNamespace(
    XlaRuntimeError=JaxRuntimeError, JaxRuntimeError=JaxRuntimeError
)

"""What stands in for the compiled library, `jaxlib`: its errors and versions."""

import types

from minijax._src._homes import names_of
from minijax._src.lib import _jax as _jax
from minijax._src.lib import xla_client as xla_client
from minijax.alias import JAX_VERSION
from minijax.util import safe_map, safe_zip

__version__ = version_str = JAX_VERSION
version = tuple(map(int, JAX_VERSION.split(".")))
jaxlib_extension_version = ifrt_version = 0
cuda_versions = None  # what JAX has where there is no GPU

utils = types.SimpleNamespace(safe_map=safe_map, safe_zip=safe_zip)

__getattr__ = names_of(__name__, submodules={"mlir"})

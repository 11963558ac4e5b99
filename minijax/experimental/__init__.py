"""What JAX calls experimental (`jax.experimental`); submodules load when asked for."""

import importlib
from typing import Any

from minijax.alias import missing_attribute
from minijax.control.callback import io_callback as io_callback

_LAZY = {
    "checkify", "compilation_cache", "hijax", "jet", "layout", "mesh_utils", "multihost_utils",
    "ode", "pjit", "shard_map", "sparse", "xla_metadata",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise missing_attribute(__name__, name)

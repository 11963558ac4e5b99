"""What JAX calls experimental (`jax.experimental`); submodules load when asked for."""

import importlib
from typing import Any

from minijax.alias import missing_attribute
from minijax.control.callback import io_callback as io_callback

_LAZY = {
    "array_serialization", "buffer_callback", "checkify", "colocated_python",
    "compilation_cache", "compute_on", "custom_partitioning", "hijax", "jet", "key_reuse",
    "layout", "mesh_utils", "multihost_utils", "ode", "pallas", "pjit", "random", "roofline",
    "scheduling_groups", "serialize_executable", "shard_map", "sparse", "topologies",
    "xla_metadata",
}  # fmt: skip


def primal_tangent_dtype(primal_dtype, tangent_dtype, name=None):
    """NotImplementedError: no dtype here has tangents of a dtype of one's choice."""
    raise NotImplementedError(
        f"minijax has no dtype {name or ''} of {primal_dtype} with tangents of "
        f"{tangent_dtype}"
    )


_HOMES = {"cur_qdd": "minijax.hitypes", "EArray": "minijax._src.earray"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _LAZY:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise missing_attribute(__name__, name)

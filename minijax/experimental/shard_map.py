"""`shard_map` as it was called before it became `jax.shard_map`."""

import warnings
from typing import Any

from minijax.alias import missing_attribute
from minijax.api.shard import shard_map as _shard_map


def _old_shard_map(f, mesh, in_specs, out_specs, check_rep=True, auto=frozenset()):
    """`jax.shard_map` with its older argument names."""
    return _shard_map(
        f,
        mesh=mesh,
        in_specs=in_specs,
        out_specs=out_specs,
        check_vma=check_rep,
        axis_names=frozenset(mesh.axis_names) - frozenset(auto),
    )


def __getattr__(name: str) -> Any:
    if name == "shard_map":
        warnings.warn(
            "jax.experimental.shard_map is deprecated in v0.8.0. Used jax.shard_map "
            "instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return _old_shard_map
    raise missing_attribute(__name__, name)

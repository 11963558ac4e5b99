"""The public `jax.tree`: the pytree functions of `tree_util` under short names."""

import importlib

from minijax.tree_util import (
    broadcast_prefix,
    flatten,
    flatten_axes,
    prefix_errors,
    unflatten,
)
from minijax.tree_util import tree_all as all
from minijax.tree_util import tree_broadcast as broadcast
from minijax.tree_util import tree_flatten_with_path as flatten_with_path
from minijax.tree_util import tree_leaves as leaves
from minijax.tree_util import tree_leaves_with_path as leaves_with_path
from minijax.tree_util import tree_map as map
from minijax.tree_util import tree_map_with_path as map_with_path
from minijax.tree_util import tree_reduce as reduce
from minijax.tree_util import tree_reduce_associative as reduce_associative
from minijax.tree_util import tree_structure as structure
from minijax.tree_util import tree_transpose as transpose


def static(**kwargs):
    """A `dataclasses.field` that `register_dataclass` takes for a meta field."""
    # Whoever calls this is defining a dataclass, so the module is loaded already.
    dataclasses = importlib.import_module("dataclasses")
    metadata = {"static": True, **(kwargs.pop("metadata", None) or {})}
    return dataclasses.field(metadata=metadata, **kwargs)


__all__ = [
    "all", "broadcast", "broadcast_prefix", "flatten", "flatten_axes",
    "flatten_with_path", "leaves", "leaves_with_path", "map", "map_with_path",
    "prefix_errors", "reduce", "reduce_associative", "static", "structure",
    "transpose", "unflatten",
]  # fmt: skip

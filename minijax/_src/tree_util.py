"""Pytrees."""

from collections.abc import Callable
from typing import NamedTuple

from minijax._pytree_registry import default_registry
from minijax._src._homes import names_of
from minijax._src.flat_tree import FlatTree as FlatTree
from minijax.static_node import Static as Static
from minijax.tree_util import (
    PyTreeDef,
    tree_flatten_with_path,
    tree_leaves,
    tree_structure,
)


class _RegistryEntry(NamedTuple):
    """How nodes of a type are taken apart and put together, by one level."""

    to_iter: Callable  # node -> (children, auxiliary data)
    from_iter: Callable  # (auxiliary data, children) -> node


class _Registry:
    """The registered node types, and how they are taken apart."""

    def __contains__(self, cls):
        return default_registry.is_node(cls)

    def __getitem__(self, cls):
        if not self.__contains__(cls):
            raise KeyError(cls)

        def from_iter(aux_data, children):
            children = tuple(children)
            leaves = [tree_structure(0)] * len(children)
            node = PyTreeDef.from_node_data_and_children(
                default_registry, (cls, aux_data), leaves
            )
            return node.unflatten(children)

        return _RegistryEntry(default_registry.flatten_one_level, from_iter)


_registry = _Registry()


def generate_key_paths(tree):
    """Pairs of a leaf's path and the leaf."""
    return tree_flatten_with_path(tree)[0]


def broadcast_flattened_prefix_with_treedef(
    prefix_leaves, prefix_treedef, full_treedef
):
    """The leaves of a tree prefix, each as often as the full tree has leaves below it."""
    below = prefix_treedef.flatten_up_to(
        full_treedef.unflatten(range(full_treedef.num_leaves))
    )
    return [
        leaf
        for leaf, subtree in zip(prefix_leaves, below, strict=True)
        for _ in tree_leaves(subtree)
    ]


__getattr__ = names_of(
    __name__,
    "minijax.tree_util",
    "minijax._pytree",
    "minijax._pytree_prefix",
)

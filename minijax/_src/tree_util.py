"""Pytrees."""

from minijax._pytree_registry import default_registry
from minijax._src._homes import names_of
from minijax._src.flat_tree import FlatTree as FlatTree
from minijax.tree_util import tree_flatten_with_path, tree_leaves


class _Registry:
    """The registered node types, as far as `in` tells."""

    def __contains__(self, cls):
        return default_registry.is_node(cls)


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

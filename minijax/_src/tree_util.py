"""Pytrees."""

from minijax._pytree_registry import default_registry
from minijax._src._homes import names_of
from minijax.tree_util import tree_flatten_with_path


class _Registry:
    """The registered node types, as far as `in` tells."""

    def __contains__(self, cls):
        return default_registry.is_node(cls)


_registry = _Registry()


def generate_key_paths(tree):
    """Pairs of a leaf's path and the leaf."""
    yield from tree_flatten_with_path(tree)[0]


__getattr__ = names_of(
    __name__,
    "minijax.tree_util",
    "minijax._pytree",
    "minijax._pytree_prefix",
)

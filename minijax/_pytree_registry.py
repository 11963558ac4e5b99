"""The pytree registry, as `jax.tree_util.default_registry` has it; the table is in C."""

from minijax import _callpath


class PyTreeRegistry:
    """The registry of node types. There is one, `default_registry`."""

    def register_node(
        self, type, to_iterable, from_iterable, to_iterable_with_keys=None
    ) -> None:
        """Makes instances of `type` nodes. Raises ValueError when it is one already."""
        _callpath.register_node(type, to_iterable, from_iterable, to_iterable_with_keys)

    def register_dataclass_node(self, type, data_fields, meta_fields) -> None:
        """Nodes whose children are the data fields, and whose data the meta fields."""
        _callpath.register_dataclass_node(type, data_fields, meta_fields)

    def is_node(self, cls) -> bool:
        """Whether instances of the type are nodes."""
        return _callpath.lookup(cls) is not None

    def flatten(self, tree, leaf_predicate=None):
        return _callpath.tree_flatten(tree, leaf_predicate)

    def flatten_with_path(self, tree, leaf_predicate=None):
        return _callpath.tree_flatten_with_path(tree, leaf_predicate, True)

    def flatten_one_level(self, tree):
        """-> (children, data), or None for a leaf."""
        return _callpath.flatten_one_level(tree)

    def flatten_one_level_with_keys(self, tree):
        """-> ((key, child) pairs, data), or None for a leaf."""
        return _callpath.one_level_with_keys(tree)


default_registry = PyTreeRegistry()

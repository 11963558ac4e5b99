"""The pytree registry: adding node types, and flattening one level."""

from minijax import _pytree
from minijax._pytree_keys import GetAttrKey
from minijax._pytree_nodes import (
    KIND_CUSTOM,
    KIND_DATACLASS,
    KIND_DICT,
    KIND_NAMEDTUPLE,
    NodeType,
    keyed_children,
    lookup,
    node_parts,
    node_types,
)


class PyTreeRegistry:
    """The registry of node types. There is one, `default_registry`."""

    def register_node(
        self, type, to_iterable, from_iterable, to_iterable_with_keys=None
    ) -> None:
        """Makes instances of `type` nodes. Raises ValueError when it is one already."""
        for function in (to_iterable, from_iterable):
            if not callable(function):
                raise TypeError(
                    f"cannot register {type}: {function!r} is not a function"
                )
        self._add(
            NodeType(
                KIND_CUSTOM, type, to_iterable, from_iterable, to_iterable_with_keys
            )
        )

    def register_dataclass_node(self, type, data_fields, meta_fields) -> None:
        """Nodes whose children are the data fields, and whose data the meta fields."""
        self._add(_dataclass_type(type, tuple(data_fields), tuple(meta_fields)))

    def _add(self, entry):
        if entry.type in node_types:
            what = "dataclass " if entry.kind == KIND_DATACLASS else ""
            raise ValueError(
                f"Duplicate custom {what}PyTreeDef type registration for {entry.type}."
            )
        node_types[entry.type] = entry
        _pytree.add_handler(entry)

    def lookup(self, cls) -> NodeType | None:
        return lookup(cls)

    def is_node(self, cls) -> bool:
        return lookup(cls) is not None

    def flatten(self, tree, leaf_predicate=None):
        return _pytree.flatten(tree, leaf_predicate)

    def flatten_with_path(self, tree, leaf_predicate=None):
        return _pytree.flatten_with_path(tree, leaf_predicate)

    def flatten_one_level(self, tree):
        """-> (children, data), or None for a leaf."""
        entry, children, data = node_parts(tree)
        return None if entry is None else (children, _public_data(entry, data))

    def flatten_one_level_with_keys(self, tree):
        """-> ((key, child) pairs, data), or None for a leaf."""
        entry = lookup(type(tree))
        if entry is None:
            return None
        return one_level_with_keys(entry, tree)


def one_level_with_keys(entry, tree):
    """-> ((key, child) pairs, data) of a node whose registry entry is known."""
    pairs, data = keyed_children(entry, tree)
    return pairs, _public_data(entry, data)


def _public_data(entry, data):
    """A node's data as `flatten_one_level` shows it: hashable, and telling types."""
    if entry.kind == KIND_DICT:
        return tuple(data)
    return entry.type if entry.kind == KIND_NAMEDTUPLE else data


def _dataclass_type(cls, data_fields, meta_fields):
    def to_iterable(x):
        return (
            tuple([getattr(x, name) for name in data_fields]),
            tuple([getattr(x, name) for name in meta_fields]),
        )

    def with_keys(x):
        pairs = [(GetAttrKey(name), getattr(x, name)) for name in data_fields]
        return pairs, tuple([getattr(x, name) for name in meta_fields])

    def from_iterable(data, children):
        fields = dict(zip(data_fields, children, strict=True))
        fields.update(zip(meta_fields, data, strict=True))
        return cls(**fields)

    entry = NodeType(KIND_DATACLASS, cls, to_iterable, from_iterable, with_keys)
    entry.fields = data_fields
    entry.meta = meta_fields
    return entry


default_registry = PyTreeRegistry()

"""What pytree nodes there are: how each type is taken apart and put together.

The built-in nodes are as JAX 0.10.2 has them: `None` is a node without children, dicts
are traversed in sorted key order, only the exact types tuple, list and dict (no
subclasses) are built in, a namedtuple is any tuple subclass with `_fields`, and a
registered type comes before all of that. Nothing here knows of treedefs.
"""

from minijax._pytree_keys import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey

KIND_LEAF = 0
KIND_NONE = 1
KIND_TUPLE = 2
KIND_NAMEDTUPLE = 3
KIND_LIST = 4
KIND_DICT = 5
KIND_CUSTOM = 6
KIND_DATACLASS = 7


class NodeType:
    """How one Python type is taken apart and put together; a registry entry.

    to_iterable(x) -> (children, data); from_iterable(data, children tuple) -> x;
    to_iterable_with_keys(x) -> ((key, child) pairs, data), or None.
    `fields` and `meta` are set for dataclass nodes only.
    """

    __slots__ = (
        "kind", "type", "to_iterable", "from_iterable", "to_iterable_with_keys",
        "fields", "meta",
    )  # fmt: skip

    def __init__(self, kind, type, to_iterable, from_iterable, with_keys=None):
        self.kind = kind
        self.type = type
        self.to_iterable = to_iterable
        self.from_iterable = from_iterable
        self.to_iterable_with_keys = with_keys
        self.fields = self.meta = ()


# -- the built-in nodes --------------------------------------------------------------


def sorted_keys(x):
    try:
        return sorted(x)
    except Exception as error:
        raise ValueError(
            "Comparator raised exception while sorting pytree dictionary keys:"
            f" the keys {list(x)!r} have no common order. Use keys of one type."
        ) from error


def _dict_children(x):
    keys = sorted_keys(x)
    return [x[k] for k in keys], keys


def _dict_with_keys(x):
    keys = sorted_keys(x)
    return [(DictKey(k), x[k]) for k in keys], keys


def _sequence_with_keys(x):
    return [(SequenceKey(i), child) for i, child in enumerate(x)], None


def _namedtuple_with_keys(x):
    names = type(x)._fields
    if len(names) != len(x):
        raise ValueError(
            f"A namedtuple's _fields attribute should have the same size as the tuple;"
            f" {type(x)} has {len(names)} fields and {len(x)} elements."
        )
    return [(GetAttrKey(n), child) for n, child in zip(names, x, strict=True)], None


def _identity_pair(x):
    return x, None


NONE_TYPE = NodeType(
    KIND_NONE, type(None), lambda x: ((), None), lambda data, xs: None,
    lambda x: ((), None),
)  # fmt: skip
TUPLE_TYPE = NodeType(
    KIND_TUPLE, tuple, _identity_pair, lambda data, xs: xs, _sequence_with_keys
)
LIST_TYPE = NodeType(
    KIND_LIST, list, _identity_pair, lambda data, xs: list(xs), _sequence_with_keys
)
DICT_TYPE = NodeType(
    KIND_DICT, dict, _dict_children,
    lambda keys, xs: dict(zip(keys, xs, strict=True)), _dict_with_keys,
)  # fmt: skip

# Registered types (built-in and custom), then the namedtuple types met so far.
node_types = {t.type: t for t in (NONE_TYPE, TUPLE_TYPE, LIST_TYPE, DICT_TYPE)}
_namedtuple_types = {}


def namedtuple_type(cls):
    entry = _namedtuple_types.get(cls)
    if entry is None:
        entry = _namedtuple_types[cls] = NodeType(
            KIND_NAMEDTUPLE,
            cls,
            _identity_pair,
            lambda data, xs: cls(*xs),
            _namedtuple_with_keys,
        )
    return entry


def lookup(cls) -> NodeType | None:
    """The registry entry for a type; None when its instances are leaves."""
    entry = node_types.get(cls)
    if entry is not None:
        return entry
    if isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return namedtuple_type(cls)
    return None


# -- one level of a tree -------------------------------------------------------------


def check_pair(pair):
    if not (isinstance(pair, tuple) and len(pair) == 2):
        raise ValueError(
            "The to_iterable function for a custom PyTree node should return"
            f" a (children, aux_data) tuple, got {pair!r}"
        )
    if not hasattr(pair[0], "__iter__"):
        raise ValueError(
            "The to_iterable function for a custom PyTree node should return a"
            " (children, aux_data) tuple where 'children' is iterable,"
            f" got {pair!r}"
        )
    return pair


def node_parts(x):
    """-> (entry, children, data) of a node, or (None, (), None) of a leaf."""
    entry = lookup(type(x))
    if entry is None:
        return None, (), None
    pair = entry.to_iterable(x)
    if entry.kind >= KIND_CUSTOM:
        check_pair(pair)
    return entry, pair[0], pair[1]


def keyed_children(entry, x):
    """-> ((key, child) pairs, data) of one node."""
    if entry.to_iterable_with_keys is not None:
        return check_pair(entry.to_iterable_with_keys(x))
    children, data = check_pair(entry.to_iterable(x))
    return [(FlattenedIndexKey(i), child) for i, child in enumerate(children)], data

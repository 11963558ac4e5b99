"""Pytrees: what C does (`_callpath`: flatten, unflatten, `PyTreeDef`), and key paths.

The registry's Python side is `_pytree_registry.py`, prefix trees are in
`_pytree_prefix.py`, and the public API in `tree_util.py` and `tree.py`.
"""

from minijax import _callpath
from minijax._pytree_keys import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey

LEAF = _callpath.LEAF
PyTreeDef = _callpath.PyTreeDef
flatten = _callpath.tree_flatten
unflatten = _callpath.tree_unflatten
lookup = _callpath.lookup


# -- key paths -----------------------------------------------------------------------


def one_level_with_keys(tree):
    """-> ((key, child) pairs, data) of the top node; None for a leaf."""
    entry = lookup(type(tree))
    if entry is None:
        return None
    if entry.to_iterable_with_keys is not None:
        return _check_pair(entry.to_iterable_with_keys(tree))
    children, data = _callpath.flatten_one_level(tree)
    return list(zip(_keys(entry, tree, children, data), children, strict=True)), data


def _keys(entry, tree, children, data):
    """The keys of a node that does not name its children itself."""
    if entry.kind == "dict":
        return [DictKey(key) for key in data]
    if entry.kind == "dataclass":
        return [GetAttrKey(name) for name in entry.data_fields]
    if entry.kind == "namedtuple":
        return [GetAttrKey(name) for name in _field_names(tree)]
    key = FlattenedIndexKey if entry.kind == "custom" else SequenceKey
    return [key(i) for i in range(len(children))]


def _field_names(tree):
    names = type(tree)._fields
    if len(names) != len(tree):
        raise ValueError(
            f"A namedtuple's _fields attribute should have the same size as the tuple;"
            f" {type(tree)} has {len(names)} fields and {len(tree)} elements."
        )
    return names


def _check_pair(pair):
    if isinstance(pair, tuple) and len(pair) == 2 and hasattr(pair[0], "__iter__"):
        return pair
    raise ValueError(
        "The flatten function with keys for a custom PyTree node should return a tuple"
        f" of (key, child) pairs, an iterable, and aux_data, got {pair!r}"
    )


def flatten_with_path(tree, is_leaf=None) -> tuple[list, PyTreeDef]:
    """-> ([(key path, leaf), ...], treedef); here the predicate is is_leaf(path, x)."""
    leaves = []
    nodes = []
    _add_with_path(tree, (), is_leaf, leaves, nodes)
    return leaves, _callpath.treedef_from_nodes(nodes)


def _add_with_path(x, path, is_leaf, leaves, nodes):
    if is_leaf is None or not _leaf_verdict(is_leaf(path, x)):
        level = one_level_with_keys(x)
        if level is not None:
            pairs, data = level
            pairs = list(pairs)
            for key, child in pairs:
                _add_with_path(child, (*path, key), is_leaf, leaves, nodes)
            nodes.append((type(x), len(pairs), data))
            return
    leaves.append((path, x))
    nodes.append((None, 1, None))


def _leaf_verdict(verdict):
    if verdict is None or isinstance(verdict, bool):
        return verdict
    raise ValueError(
        f"is_leaf predicate returned a non-boolean value {verdict!r};"
        " expected a boolean"
    )


# -- text ----------------------------------------------------------------------------


def structure_text(treedef: PyTreeDef) -> str:
    """`PyTreeDef(...)` with `*` for each leaf."""
    stack = []
    for cls, arity, data in treedef._nodes():
        if cls is None:
            stack.extend("*" * arity)
            continue
        first = len(stack) - arity
        parts = stack[first:]
        stack[first:] = [_node_text(cls, data, parts)]
    (text,) = stack
    return f"PyTreeDef({text})"


def _node_text(cls, data, parts):
    kind = lookup(cls).kind
    if kind == "None":
        return "None"
    if kind == "dict":
        pairs = zip(data, parts, strict=True)
        return "{" + ", ".join([f"{key!r}: {text}" for key, text in pairs]) + "}"
    inner = ", ".join(parts)
    if kind == "tuple":
        return f"({inner},)" if len(parts) == 1 else f"({inner})"
    if kind == "list":
        return f"[{inner}]"
    name = getattr(cls, "__name__", str(cls))
    if kind == "namedtuple":
        return f"CustomNode(namedtuple[{name}], [{inner}])"
    return f"CustomNode({name}[{data}], [{inner}])"

"""The pytree engine: flatten, unflatten and `PyTreeDef`.

Everything that other modules need of it goes through the names without an underscore
here, so that a C implementation can take this file's place. The node types are in
`_pytree_nodes.py`, their registration in `_pytree_registry.py`, and the public API in
`tree_util.py` and `tree.py`.
"""

from itertools import islice
from typing import Any

from minijax._pytree_nodes import (
    DICT_TYPE,
    KIND_CUSTOM,
    KIND_DATACLASS,
    KIND_DICT,
    KIND_LEAF,
    KIND_LIST,
    KIND_NAMEDTUPLE,
    KIND_NONE,
    KIND_TUPLE,
    LIST_TYPE,
    NONE_TYPE,
    TUPLE_TYPE,
    NodeType,
    check_pair,
    keyed_children,
    lookup,
    namedtuple_type,
    node_parts,
    sorted_keys,
)

_MAX_INTERNED = 1 << 14


class PyTreeDef:
    """The structure of a pytree without its leaves. Immutable, hashable, picklable.

    Made by `flatten` and its like, never by calling the class.
    """

    # `interned`: held by the intern table, hence shared by equal structures. Equality
    # never relies on it. `flat`: all children are leaves.
    __slots__ = (
        "node_type", "data", "_children", "num_leaves", "num_nodes", "flat",
        "interned", "_hash",
    )  # fmt: skip

    _hash: int | None

    def __init__(self, *args, **kwargs):
        raise TypeError(
            "PyTreeDef has no constructor: use tree_structure, or"
            " PyTreeDef.from_node_data_and_children"
        )

    # -- comparison and text ------------------------------------------------------

    def __eq__(self, other):
        if self is other:
            return True
        if type(other) is not PyTreeDef:
            return NotImplemented
        return (
            self.node_type is other.node_type
            and self.num_nodes == other.num_nodes
            and len(self._children) == len(other._children)
            and bool(self.data is other.data or self.data == other.data)
            and self._children == other._children
        )

    def __hash__(self):
        value = self._hash
        if value is None:
            # Data that cannot be hashed is left out, so that every treedef has a hash.
            data = self.data
            try:
                data_hash = hash(tuple(data) if type(data) is list else data)
            except Exception:
                data_hash = 0
            value = self._hash = hash(
                (id(self.node_type), self.num_leaves, data_hash, self._children)
            )
        return value

    def __repr__(self):
        return f"PyTreeDef({_structure_text(self)})"

    __str__ = __repr__

    # -- parts --------------------------------------------------------------------

    def children(self) -> list:
        """The structures of the children, in traversal order."""
        return list(self._children)

    def node_data(self):
        """`(type, data)` of the top node; None when this is a single leaf."""
        if self is LEAF:
            return None
        data = self.data
        return self.node_type.type, list(data) if type(data) is list else data

    @staticmethod
    def from_node_data_and_children(registry, node_data, children) -> "PyTreeDef":
        """The inverse of `node_data()` and `children()`."""
        children = tuple(children)
        for child in children:
            if type(child) is not PyTreeDef:
                raise TypeError(f"children must be PyTreeDefs, got {child!r}")
        if node_data is None:
            if children:
                raise RuntimeError("a leaf PyTreeDef (node_data None) has no children")
            return LEAF
        node_class, data = node_data
        entry = registry.lookup(node_class)
        if entry is None:
            raise RuntimeError(
                f"Could not find type: {node_class} is not registered as a pytree node"
            )
        if entry.kind < KIND_DICT:
            data = None
        elif entry.kind == KIND_DICT:
            data = list(data)
            if len(data) != len(children):
                raise ValueError(f"{len(data)} keys for {len(children)} children")
        return make_node(entry, data, children)

    make_from_node_data_and_children = from_node_data_and_children

    # -- use ----------------------------------------------------------------------

    def unflatten(self, leaves):
        """The tree of this structure with `leaves` (any iterable) as its leaves."""
        return unflatten(self, leaves)

    def flatten_up_to(self, tree) -> list:
        """The subtrees of `tree` at this structure's leaves.

        Raises ValueError where this structure is not a prefix of the tree.
        """
        out = []
        _flatten_up_to(self, tree, out)
        return out

    def compose(self, inner: "PyTreeDef") -> "PyTreeDef":
        """This structure with every leaf replaced by the structure `inner`."""
        if self is LEAF:
            return inner
        children = tuple([child.compose(inner) for child in self._children])
        return make_node(self.node_type, self.data, children)

    def walk(self, f_node, f_leaf, leaves):
        """Folds bottom-up: f_leaf(leaf), then f_node(tuple of results, node data).

        f_leaf None stands for the identity.
        """
        iterator = iter(leaves)
        try:
            result = _walk(self, f_node, f_leaf, iterator)
        except _TooFewLeaves:
            raise ValueError("Too few leaves for PyTreeDef") from None
        if next(iterator, _END) is not _END:
            raise ValueError("Too many leaves for PyTreeDef")
        return result

    def from_iterable_tree(self, tree):
        """Rebuilds a tree of this structure from nested iterables of equal arity."""
        if self is LEAF:
            return tree
        items = tuple(tree)
        if len(items) != len(self._children):
            raise ValueError("Arity mismatch between trees")
        pairs = zip(self._children, items, strict=True)
        return _assemble(self, [c.from_iterable_tree(x) for c, x in pairs])

    def __reduce__(self):
        nodes = []
        _to_state(self, nodes)
        return _from_state, (nodes,)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


_END = object()
_new_def = object.__new__


class _TooFewLeaves(Exception):
    pass


# -- making treedefs -----------------------------------------------------------------


def make_node(entry, data, children, interned=False) -> PyTreeDef:
    """A treedef for one node over finished children (a tuple of PyTreeDefs)."""
    self = _new_def(PyTreeDef)
    self.node_type = entry
    self.data = data
    self._children = children
    num_leaves = 0
    num_nodes = 1
    flat = True
    for child in children:
        num_leaves += child.num_leaves
        num_nodes += child.num_nodes
        if child is not LEAF:
            flat = False
    self.num_leaves = num_leaves
    self.num_nodes = num_nodes
    self.flat = flat
    self.interned = interned
    self._hash = None
    return self


def _make_leaf() -> PyTreeDef:
    leaf = make_node(NodeType(KIND_LEAF, None, None, None), None, ())
    leaf.num_leaves = 1
    leaf.interned = True
    return leaf


# Keyed by the identities of node type, keys and children, all of which the entry keeps
# alive: equal but distinct keys (1, 1.0, True) must not be taken for each other.
_interned = {}


def _intern(key, entry, data, children):
    if len(_interned) >= _MAX_INTERNED:
        _interned.clear()
    node = _interned[key] = make_node(entry, data, tuple(children), True)
    return node


# -- flatten -------------------------------------------------------------------------

# One handler for each registered type: handler(x, leaves) appends the leaves of x and
# returns its treedef. A type that is not here is a leaf, or else a namedtuple.
_handlers = {}


def add_handler(entry) -> None:
    """Makes `flatten` know a newly registered type."""
    _handlers[entry.type] = _make_custom_handler(entry)


def _flatten_children(xs, leaves):
    """-> (list of child treedefs, whether all of them are interned)"""
    defs = []
    shared = True
    get = _handlers.get
    for x in xs:
        handler = get(type(x))
        if handler is not None:
            child = handler(x, leaves)
        elif isinstance(x, tuple) and hasattr(x, "_fields"):
            child = _flatten_namedtuple(x, leaves)
        else:
            leaves.append(x)
            defs.append(LEAF)
            continue
        defs.append(child)
        if not child.interned:
            shared = False
    return defs, shared


def _flatten_none(x, leaves):
    return NONE


def _flatten_tuple(x, leaves):
    defs, shared = _flatten_children(x, leaves)
    if not shared:
        return make_node(TUPLE_TYPE, None, tuple(defs))
    key = (KIND_TUPLE, *map(id, defs))
    return _interned.get(key) or _intern(key, TUPLE_TYPE, None, defs)


def _flatten_list(x, leaves):
    defs, shared = _flatten_children(x, leaves)
    if not shared:
        return make_node(LIST_TYPE, None, tuple(defs))
    key = (KIND_LIST, *map(id, defs))
    return _interned.get(key) or _intern(key, LIST_TYPE, None, defs)


def _flatten_dict(x, leaves):
    try:
        keys = sorted(x)
    except Exception:
        keys = sorted_keys(x)
    defs, shared = _flatten_children([x[k] for k in keys], leaves)
    if not shared:
        return make_node(DICT_TYPE, keys, tuple(defs))
    key = (KIND_DICT, *map(id, keys), *map(id, defs))
    return _interned.get(key) or _intern(key, DICT_TYPE, keys, defs)


def _flatten_namedtuple(x, leaves):
    entry = namedtuple_type(type(x))
    defs, shared = _flatten_children(x, leaves)
    if not shared:
        return make_node(entry, None, tuple(defs))
    key = (id(entry), *map(id, defs))
    return _interned.get(key) or _intern(key, entry, None, defs)


_handlers.update(
    {
        type(None): _flatten_none,
        tuple: _flatten_tuple,
        list: _flatten_list,
        dict: _flatten_dict,
    }
)


def _make_custom_handler(entry):
    to_iterable = entry.to_iterable

    def flatten_custom(x, leaves):
        pair = to_iterable(x)
        if type(pair) is not tuple or len(pair) != 2 or type(pair[0]) is not tuple:
            check_pair(pair)
        defs, _ = _flatten_children(pair[0], leaves)
        return make_node(entry, pair[1], tuple(defs))

    return flatten_custom


def _leaf_verdict(verdict):
    if verdict is True:
        return True
    if verdict is False or verdict is None:
        return False
    raise ValueError(
        f"is_leaf predicate returned a non-boolean value {verdict!r};"
        " expected a boolean"
    )


def _flatten_with_predicate(x, leaves, is_leaf):
    if not _leaf_verdict(is_leaf(x)):
        entry, children, data = node_parts(x)
        if entry is not None:
            defs = [_flatten_with_predicate(c, leaves, is_leaf) for c in children]
            return NONE if entry is NONE_TYPE else make_node(entry, data, tuple(defs))
    leaves.append(x)
    return LEAF


def flatten(tree, is_leaf=None) -> tuple[list, PyTreeDef]:
    """-> (leaves, treedef). `is_leaf(x)` True makes the node x a leaf."""
    leaves = []
    if is_leaf is not None:
        return leaves, _flatten_with_predicate(tree, leaves, is_leaf)
    handler = _handlers.get(type(tree))
    if handler is not None:
        return leaves, handler(tree, leaves)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return leaves, _flatten_namedtuple(tree, leaves)
    leaves.append(tree)
    return leaves, LEAF


def _flatten_with_path(x, path, out, is_leaf):
    if is_leaf is None or not _leaf_verdict(is_leaf(path, x)):
        entry = lookup(type(x))
        if entry is not None:
            pairs, data = keyed_children(entry, x)
            defs = [
                _flatten_with_path(child, (*path, key), out, is_leaf)
                for key, child in pairs
            ]
            return NONE if entry is NONE_TYPE else make_node(entry, data, tuple(defs))
    out.append((path, x))
    return LEAF


def flatten_with_path(tree, is_leaf=None) -> tuple[list, PyTreeDef]:
    """-> ([(key path, leaf), ...], treedef); here the predicate is is_leaf(path, x)."""
    out = []
    return out, _flatten_with_path(tree, (), out, is_leaf)


# -- unflatten -----------------------------------------------------------------------


def _build(node, iterator):
    children = node._children
    if node.flat:
        xs = list(islice(iterator, len(children)))
    else:
        xs = [next(iterator) if c is LEAF else _build(c, iterator) for c in children]
    return _assemble(node, xs)


def _assemble(node, xs):
    entry = node.node_type
    kind = entry.kind
    if kind == KIND_TUPLE:
        return tuple(xs)
    if kind == KIND_LIST:
        return xs
    if kind == KIND_DICT:
        return dict(zip(node.data, xs))
    if kind == KIND_NAMEDTUPLE:
        return entry.type(*xs)
    return entry.from_iterable(node.data, tuple(xs))


def unflatten(treedef: Any, leaves) -> Any:
    """The tree of the given structure; `leaves` may be any iterable.

    Raises ValueError when the number of leaves is not `treedef.num_leaves`.
    """
    count = treedef.num_leaves
    if type(leaves) is not list and type(leaves) is not tuple:
        leaves = list(islice(leaves, count + 1))
    if len(leaves) != count:
        if len(leaves) > count:
            raise ValueError(f"Too many leaves for PyTreeDef; expected {count}.")
        raise ValueError(
            f"Too few leaves for PyTreeDef; expected {count}, got {len(leaves)}"
        )
    if treedef is LEAF:
        return leaves[0]
    return _build(treedef, iter(leaves))


def _walk(node, f_node, f_leaf, iterator):
    if node is LEAF:
        leaf = next(iterator, _END)
        if leaf is _END:
            raise _TooFewLeaves
        return leaf if f_leaf is None else f_leaf(leaf)
    results = [_walk(child, f_node, f_leaf, iterator) for child in node._children]
    entry = node.node_type
    data = entry.type if entry.kind == KIND_NAMEDTUPLE else node.data
    return f_node(tuple(results), data)


# -- flatten_up_to -------------------------------------------------------------------


def _flatten_up_to(node, x, out):
    if node is LEAF:
        out.append(x)
        return
    children = _UP_TO[node.node_type.kind](node, x)
    for child, value in zip(node._children, children, strict=True):
        if child is LEAF:
            out.append(value)
        else:
            _flatten_up_to(child, value, out)


def _up_to_none(node, x):
    if x is not None:
        raise ValueError(
            f"Expected None, got {x!r}.\n\nNone is a pytree node without leaves, hence"
            " no prefix of any other value. To treat None as a leaf, pass"
            " is_leaf=lambda x: x is None."
        )
    return ()


def _check_arity(what, noun, node, children, x):
    found, expected = len(children), len(node._children)
    if found != expected:
        raise ValueError(
            f"{what} arity mismatch: {found} != {expected}; {noun}: {x!r}."
        )
    return children


def _up_to_tuple(node, x):
    if type(x) is not tuple:
        raise ValueError(f"Expected tuple, got {x!r}.")
    return _check_arity("Tuple", "tuple", node, x, x)


def _up_to_list(node, x):
    if type(x) is not list:
        raise ValueError(f"Expected list, got {x!r}.")
    return _check_arity("List", "list", node, x, x)


def _up_to_dict(node, x):
    if type(x) is not dict:
        raise ValueError(f"Expected dict, got {x!r}.")
    keys = sorted_keys(x)
    if keys != node.data:
        raise ValueError(
            f"Dict key mismatch; expected keys: {node.data}; present keys: {keys}."
        )
    return [x[k] for k in keys]


def _up_to_namedtuple(node, x):
    if not (isinstance(x, tuple) and hasattr(x, "_fields")):
        raise ValueError(f"Expected named tuple, got {x!r}.")
    _check_arity("Named tuple", "tuple", node, x, x)
    if type(x) is not node.node_type.type:
        raise ValueError(
            f"Named tuple type mismatch: expected type: {node.node_type.type},"
            f" tuple: {x!r}."
        )
    return x


def _up_to_custom(node, x):
    entry = node.node_type
    what = "dataclass node" if entry.kind == KIND_DATACLASS else "node"
    if lookup(type(x)) is not entry:
        raise ValueError(
            f"Custom {what} type mismatch: expected type: {entry.type}, value: {x!r}."
        )
    children, data = check_pair(entry.to_iterable(x))
    if not (data is node.data or data == node.data):
        raise ValueError(
            f"Mismatch custom {what} data: {node.data!r} != {data!r}; value: {x!r}."
        )
    return _check_arity("Custom type", "value", node, tuple(children), x)


_UP_TO = {
    KIND_NONE: _up_to_none,
    KIND_TUPLE: _up_to_tuple,
    KIND_NAMEDTUPLE: _up_to_namedtuple,
    KIND_LIST: _up_to_list,
    KIND_DICT: _up_to_dict,
    KIND_CUSTOM: _up_to_custom,
    KIND_DATACLASS: _up_to_custom,
}


# -- text and pickling ---------------------------------------------------------------


def _structure_text(node):
    if node is LEAF:
        return "*"
    kind = node.node_type.kind
    parts = [_structure_text(child) for child in node._children]
    if kind == KIND_NONE:
        return "None"
    if kind == KIND_DICT:
        pairs = zip(node.data, parts, strict=True)
        return "{" + ", ".join([f"{k!r}: {text}" for k, text in pairs]) + "}"
    inner = ", ".join(parts)
    if kind == KIND_TUPLE:
        return f"({inner},)" if len(parts) == 1 else f"({inner})"
    if kind == KIND_LIST:
        return f"[{inner}]"
    name = getattr(node.node_type.type, "__name__", str(node.node_type.type))
    if kind == KIND_NAMEDTUPLE:
        return f"CustomNode(namedtuple[{name}], [{inner}])"
    return f"CustomNode({name}[{node.data}], [{inner}])"


def _to_state(node, nodes):
    for child in node._children:
        _to_state(child, nodes)
    nodes.append((node.node_type.type, len(node._children), node.data))


def _from_state(nodes):
    stack = []
    for cls, arity, data in nodes:
        if cls is None:
            stack.append(LEAF)
            continue
        entry = lookup(cls)
        if entry is None:
            raise ValueError(
                f"cannot restore a PyTreeDef: {cls} is not registered as a pytree node"
            )
        first = len(stack) - arity
        children = tuple(stack[first:])
        del stack[first:]
        node = NONE if entry is NONE_TYPE else make_node(entry, data, children)
        stack.append(node)
    (treedef,) = stack
    return treedef


LEAF = _make_leaf()
NONE = make_node(NONE_TYPE, None, (), True)

"""The public `jax.tree_util`: pytree functions, node registration, key paths.

Exceptions are JAX's. What runs often is C (`_callpath`); prefix trees are in
`_pytree_prefix.py`.
"""

import functools
import operator
from collections import OrderedDict, defaultdict
from typing import TypeVar

from minijax import _callpath
from minijax._callpath import DictKey, FlattenedIndexKey, GetAttrKey, SequenceKey
from minijax._pytree import LEAF, PyTreeDef
from minijax._pytree_prefix import (
    broadcast_prefix,
    equality_errors,
    flatten_axes,
    map_rest,
    prefix_errors,
    tree_broadcast,
)
from minijax._pytree_registry import PyTreeRegistry, default_registry

KeyEntry = TypeVar("KeyEntry")
KeyPath = tuple[KeyEntry, ...]

_UNSPECIFIED = object()

flatten = tree_flatten = _callpath.tree_flatten
unflatten = tree_unflatten = _callpath.tree_unflatten
tree_flatten_with_path = _callpath.tree_flatten_with_path
tree_leaves = _callpath.tree_leaves
tree_map = _callpath.tree_map
tree_structure = _callpath.tree_structure


def treedef_tuple(treedefs) -> PyTreeDef:
    """The structure of a tuple whose elements have the given structures."""
    return PyTreeDef.from_node_data_and_children(
        default_registry, (tuple, None), treedefs
    )


def treedef_children(treedef: PyTreeDef) -> list:
    """The structures of the top node's children."""
    return treedef.children()


def treedef_is_leaf(treedef: PyTreeDef) -> bool:
    """Whether the structure is a single node: a leaf, or a node without children."""
    return treedef.num_nodes == 1


def all_leaves(iterable, is_leaf=None) -> bool:
    """Whether every element of the iterable is a leaf."""
    if is_leaf is None:
        return _callpath.all_leaves(iterable)
    items = list(iterable)
    leaves = tree_leaves(items, is_leaf)
    return len(leaves) == len(items) and all(map(operator.is_, leaves, items))


def is_tree_node(typ: type) -> bool:
    """Whether instances of the type are pytree nodes."""
    return _callpath.lookup(typ) is not None


def flatten_one_level(tree):
    """-> (children, data) of the top node. ValueError for a leaf."""
    out = default_registry.flatten_one_level(tree)
    if out is None:
        raise ValueError(f"can't tree-flatten type: {type(tree)}")
    return out


def flatten_one_level_with_keys(tree):
    """-> ((key, child) pairs, data) of the top node. ValueError for a leaf."""
    out = default_registry.flatten_one_level_with_keys(tree)
    if out is None:
        raise ValueError(f"can't tree-flatten type: {type(tree)}")
    return out


# -- maps and folds ------------------------------------------------------------------


def tree_map_with_path(f, tree, *rest, is_leaf=None, is_leaf_takes_path=False):
    """As `tree_map`, with the key path as f's first argument."""
    pairs, treedef = tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    check = None if is_leaf_takes_path else is_leaf
    columns = map_rest("tree_map_with_path tree", tree, treedef, rest, check)
    paths = [path for path, _ in pairs]
    leaves = [leaf for _, leaf in pairs]
    return unflatten(treedef, list(map(f, paths, leaves, *columns)))


def tree_reduce(function, tree, initializer=_UNSPECIFIED, is_leaf=None):
    """`functools.reduce` over the leaves, from the left."""
    leaves = tree_leaves(tree, is_leaf)
    if initializer is _UNSPECIFIED:
        return functools.reduce(function, leaves)
    return functools.reduce(function, leaves, initializer)


def tree_reduce_associative(operation, tree, *, identity=_UNSPECIFIED, is_leaf=None):
    """A balanced reduction, for an associative operation. TypeError without leaves."""
    leaves = tree_leaves(tree, is_leaf)
    if leaves:
        return _balanced(operation, leaves)
    if identity is _UNSPECIFIED:
        raise TypeError(
            "Must specify identity for parallel reduction of empty sequence."
        )
    return identity


def _balanced(operation, items):
    if len(items) == 1:
        return items[0]
    middle = len(items) // 2
    left, right = items[:middle], items[middle:]
    return operation(_balanced(operation, left), _balanced(operation, right))


def tree_all(tree, *, is_leaf=None) -> bool:
    """`all` of the leaves."""
    return all(tree_leaves(tree, is_leaf))


def tree_transpose(outer_treedef, inner_treedef, pytree_to_transpose):
    """Turns an outer tree of inner trees into an inner tree of outer trees.

    `inner_treedef` None: the structure found at the outer tree's first leaf.
    Raises TypeError when the tree is not outer composed with inner.
    """
    leaves, treedef = flatten(pytree_to_transpose)
    if inner_treedef is None:
        first = outer_treedef.flatten_up_to(pytree_to_transpose)[0]
        inner_treedef = tree_structure(first)
    inner_size, outer_size = inner_treedef.num_leaves, outer_treedef.num_leaves
    if treedef.num_leaves != inner_size * outer_size:
        expected = outer_treedef.compose(inner_treedef)
        raise TypeError(f"Mismatch\n{treedef}\n != \n{expected}")
    rows = [leaves[i * inner_size :][:inner_size] for i in range(outer_size)]
    columns = zip(*rows, strict=True)
    return inner_treedef.unflatten([outer_treedef.unflatten(c) for c in columns])


# -- key paths -----------------------------------------------------------------------


def tree_leaves_with_path(tree, is_leaf=None, is_leaf_takes_path=False) -> list:
    """[(key path, leaf), ...]"""
    return tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


def keystr(keys: KeyPath, *, simple: bool = False, separator: str = "") -> str:
    """A key path as text: `['a'][0].x`, or with simple=True only the names: `a0x`."""
    text = _simple_key if simple else str
    return separator.join([text(key) for key in keys])


def _simple_key(key):
    if isinstance(key, (DictKey, SequenceKey, GetAttrKey, FlattenedIndexKey)):
        return str(getattr(key, key.__match_args__[0]))
    return str(key)


# -- registration --------------------------------------------------------------------


def register_pytree_node(
    nodetype, flatten_func, unflatten_func, flatten_with_keys_func=None
) -> None:
    """Makes instances of a type pytree nodes.

    flatten_func(x) -> (children, aux data); unflatten_func(aux data, children) -> x;
    flatten_with_keys_func(x) -> ((key, child) pairs, aux data). Aux data needs ==, and
    a hash if it is to be part of a jit cache key. ValueError if registered already.
    """
    default_registry.register_node(
        nodetype, flatten_func, unflatten_func, flatten_with_keys_func
    )


def register_pytree_with_keys(
    nodetype, flatten_with_keys, unflatten_func, flatten_func=None
) -> None:
    """As `register_pytree_node`, from a flatten function that also gives the keys."""

    def flatten_without_keys(x):
        pairs, data = flatten_with_keys(x)
        return [child for _, child in pairs], data

    register_pytree_node(
        nodetype,
        flatten_func or flatten_without_keys,
        unflatten_func,
        flatten_with_keys,
    )


def register_pytree_node_class(cls):
    """Class decorator: uses the methods `tree_flatten` and `tree_unflatten`."""
    register_pytree_node(cls, operator.methodcaller("tree_flatten"), cls.tree_unflatten)
    return cls


def register_pytree_with_keys_class(cls):
    """Class decorator: uses `tree_flatten_with_keys` and `tree_unflatten`."""
    has_flatten = hasattr(cls, "tree_flatten")
    register_pytree_with_keys(
        cls,
        operator.methodcaller("tree_flatten_with_keys"),
        cls.tree_unflatten,
        operator.methodcaller("tree_flatten") if has_flatten else None,
    )
    return cls


def register_static(cls):
    """Class decorator: instances are nodes without leaves, kept in the structure."""
    register_pytree_node(cls, lambda x: ((), x), lambda x, children: x)
    return cls


def register_dataclass(nodetype, data_fields=None, meta_fields=None, drop_fields=()):
    """Makes instances nodes whose children are the data fields' values.

    Without field lists the class must be a dataclass: fields with the metadata
    `static=True` are meta fields, the others data fields. Exactly the fields that are
    in `__init__` and not in drop_fields must be listed, once each; dropped fields get
    their defaults. Returns the class; a decorator too. TypeError, ValueError: as said.
    """
    fields = getattr(nodetype, "__dataclass_fields__", None)
    if data_fields is None and meta_fields is None:
        if fields is None:
            raise TypeError(
                "register_dataclass: data_fields and meta_fields are required when"
                f" nodetype is not a dataclass. Got {nodetype=}."
            )
        data_fields, meta_fields = _split_fields(_true_fields(fields))
    elif data_fields is None or meta_fields is None:
        raise TypeError(
            "register_dataclass: data_fields and meta_fields must both be specified"
            f" when either is specified. Got {data_fields=} {meta_fields=}."
        )
    data_fields, meta_fields = tuple(data_fields), tuple(meta_fields)
    _check_fields(fields, data_fields, meta_fields, drop_fields)
    default_registry.register_dataclass_node(nodetype, data_fields, meta_fields)
    return nodetype


def _true_fields(fields):
    """The fields less the pseudo-fields (ClassVar and InitVar)."""
    return [f for f in fields.values() if f._field_type.name == "_FIELD"]


def _split_fields(fields):
    static = [f.name for f in fields if f.metadata.get("static", False)]
    return [f.name for f in fields if f.name not in static], static


def _check_fields(fields, data_fields, meta_fields, drop_fields):
    overlap = set(data_fields) & set(meta_fields)
    if overlap:
        raise ValueError(
            "data_fields and meta_fields must not overlap. Overlapping fields:"
            f" {overlap}."
        )
    if fields is None:
        return
    wanted = {f.name for f in _true_fields(fields) if f.init} - set(drop_fields)
    given = set(data_fields) | set(meta_fields)
    problem = ""
    if missing := wanted - given:
        problem += f" Missing fields: {missing}."
        problem += " Add them to drop_fields to suppress this error."
    if unexpected := given - wanted:
        problem += f" Unexpected fields: {unexpected}."
    if problem:
        raise ValueError(
            "data_fields and meta_fields must include all dataclass fields with"
            f" ``init=True`` and only them.{problem}"
        )


# -- nodes defined here --------------------------------------------------------------


class Partial(functools.partial):
    """`functools.partial` as a pytree node: the bound arguments are its children."""

    def __new__(cls, func, *args, **keywords):
        # functools.partial would merge a nested partial's arguments into its own.
        if isinstance(func, functools.partial):
            func = _HashableCallableShim(func)
        return super().__new__(cls, func, *args, **keywords)


class _HashableCallableShim:
    """Hides that a callable is a functools.partial; compares as the callable does."""

    def __init__(self, fun):
        self.fun = fun

    def __call__(self, *args, **keywords):
        return self.fun(*args, **keywords)

    def __hash__(self):
        return hash(self.fun)

    def __eq__(self, other):
        if isinstance(other, _HashableCallableShim):
            return self.fun == other.fun
        return self.fun == other

    def __repr__(self):
        return f"_HashableCallableShim({self.fun!r})"


def _flatten_partial(x):
    return (x.args, x.keywords), x.func


def _unflatten_partial(func, children):
    return Partial(func, *children[0], **children[1])


def _flatten_ordered_dict(x):
    return tuple(x.values()), tuple(x)


def _ordered_dict_with_keys(x):
    return [(DictKey(k), v) for k, v in x.items()], tuple(x)


def _flatten_default_dict(x):
    keys = tuple(_callpath.sorted_keys(x))
    return tuple([x[k] for k in keys]), (x.default_factory, keys)


def _default_dict_with_keys(x):
    children, data = _flatten_default_dict(x)
    return [(DictKey(k), c) for k, c in zip(data[1], children, strict=True)], data


def _unflatten_default_dict(data, children):
    factory, keys = data
    return defaultdict(factory, zip(keys, children, strict=True))


register_pytree_node(Partial, _flatten_partial, _unflatten_partial)
register_pytree_node(
    OrderedDict,
    _flatten_ordered_dict,
    lambda keys, children: OrderedDict(zip(keys, children, strict=True)),
    _ordered_dict_with_keys,
)
register_pytree_node(
    defaultdict,
    _flatten_default_dict,
    _unflatten_default_dict,
    _default_dict_with_keys,
)

__all__ = [
    "DictKey", "FlattenedIndexKey", "GetAttrKey", "KeyEntry", "KeyPath", "LEAF",
    "Partial", "PyTreeDef", "PyTreeRegistry", "SequenceKey", "all_leaves",
    "broadcast_prefix", "default_registry", "equality_errors", "flatten",
    "flatten_axes", "flatten_one_level", "flatten_one_level_with_keys",
    "is_tree_node", "keystr", "prefix_errors", "register_dataclass",
    "register_pytree_node", "register_pytree_node_class", "register_pytree_with_keys",
    "register_pytree_with_keys_class", "register_static", "tree_all", "tree_broadcast",
    "tree_flatten", "tree_flatten_with_path", "tree_leaves", "tree_leaves_with_path",
    "tree_map", "tree_map_with_path", "tree_reduce", "tree_reduce_associative",
    "tree_structure", "tree_transpose", "tree_unflatten", "treedef_children",
    "treedef_is_leaf", "treedef_tuple", "unflatten",
]  # fmt: skip

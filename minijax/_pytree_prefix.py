"""Prefix trees: broadcasting one over a full tree, and saying why one does not fit."""

import importlib

from minijax import _callpath, _pytree
from minijax._callpath import (
    DictKey,
    GetAttrKey,
    SequenceKey,
    lookup,
    one_level_with_keys,
)
from minijax._pytree import LEAF, PyTreeDef


def broadcast_prefix(prefix_tree, full_tree, is_leaf=None) -> list:
    """For each leaf of `full_tree`, the leaf of `prefix_tree` that stands over it.

    `is_leaf` applies to the prefix only. ValueError where the prefix does not fit.
    """
    leaves, treedef = _pytree.flatten(prefix_tree, is_leaf)
    (subtrees,) = map_rest(
        "broadcast_prefix prefix_tree", prefix_tree, treedef, (full_tree,), is_leaf
    )
    out = []
    for leaf, subtree in zip(leaves, subtrees, strict=True):
        out.extend([leaf] * len(_pytree.flatten(subtree)[0]))
    return out


def tree_broadcast(prefix_tree, full_tree, is_leaf=None):
    """`prefix_tree` with each leaf repeated over the subtree of `full_tree` there.

    `is_leaf` applies to the prefix only. ValueError where the prefix does not fit.
    """
    leaves = broadcast_prefix(prefix_tree, full_tree, is_leaf)
    return _pytree.flatten(full_tree)[1].unflatten(leaves)


def map_rest(name: str, tree, treedef: PyTreeDef, rest, is_leaf=None) -> list[list]:
    """`treedef.flatten_up_to` of every tree in `rest`.

    treedef is the structure of `tree`; when it is not a prefix, the ValueError names
    the key path, with `name` as what the user calls `tree`.
    """
    columns = []
    for other in rest:
        try:
            columns.append(treedef.flatten_up_to(other))
        except ValueError as error:
            raise_misfit(name, tree, other, is_leaf, error)
            raise
    return columns


def raise_misfit(name: str, tree, other, is_leaf, error) -> None:
    """Raises the ValueError that says where `tree` is no prefix of `other`.

    Returns when no such place is found. `error` becomes the cause.
    """
    for make_error in prefix_errors(tree, other, is_leaf):
        raise make_error(name) from error


def flatten_axes(
    name: str, treedef: PyTreeDef, axis_tree, *, kws: bool = False
) -> list:
    """One axis (int, None or other leaf) for every leaf of `treedef`.

    `axis_tree` is a prefix of the structure in which None counts as a leaf; `name` says
    in the ValueError whose axes they are, for instance "vmap in_axes". With `kws` the
    trees are pairs, of arguments and keyword arguments; errors are about the former.
    """
    axes = _callpath.flatten_axes(treedef, axis_tree)
    if axes is None:
        if kws:
            treedef, axis_tree = treedef.children()[0], axis_tree[0]
        raise ValueError(
            f"{name} specification must be a tree prefix of the corresponding value"
            f"{_axes_details(name, treedef, axis_tree)}"
        )
    return axes


def is_none(x):
    """Whether `x` is None: to `is_leaf`, where None stands for itself."""
    return x is None


class PytreeLeaf:
    """Stands for a leaf in error messages about structures."""

    def __repr__(self):
        return "*"


def prefix_misfits(name, treedef, axis_tree) -> list[str]:
    """What the errors say of the places where `axis_tree` is no prefix of `treedef`."""
    try:
        full = treedef.unflatten([PytreeLeaf() for _ in range(treedef.num_leaves)])
        errors = prefix_errors(axis_tree, full, is_none)
    except Exception:  # a custom node may refuse the stand-in leaves
        errors = []
    return [str(make_error(name)) for make_error in errors]


def _axes_details(name, treedef, axis_tree):
    found = prefix_misfits(name, treedef, axis_tree)
    if not found:
        return f", got specification {axis_tree} for value tree {treedef}."
    details = "\n".join([f"  {said}" for said in found])
    return f"; \n  Mismatch details ({len(found)} found):\n{details}"


# -- errors --------------------------------------------------------------------------


def prefix_errors(prefix_tree, full_tree, is_leaf=None) -> list:
    """Functions name -> ValueError, one for each place where the prefix misfits."""
    return list(_prefix_errors((), prefix_tree, full_tree, is_leaf))


def _prefix_errors(path, prefix, full, is_leaf):
    entry = lookup(type(prefix))
    if entry is None or (is_leaf is not None and is_leaf(prefix)):
        return
    if type(prefix) is not type(full):
        yield _different_types(path, prefix, full)
        return
    level, full_level = one_level_with_keys(prefix), one_level_with_keys(full)
    if level is None or full_level is None:
        return
    (pairs, data), (full_pairs, full_data) = level, full_level
    if len(pairs) != len(full_pairs):
        if entry.kind in ("tuple", "list", "namedtuple"):
            yield _different_lengths(path, prefix, full)
        else:
            keys, full_keys = [k for k, _ in pairs], [k for k, _ in full_pairs]
            yield _different_counts(path, prefix, keys, full_keys)
        return
    if not (data is full_data or data == full_data):
        yield _different_data(path, prefix, data, full_data)
        return
    for (key, child), (_, full_child) in zip(pairs, full_pairs, strict=True):
        yield from _prefix_errors((*path, key), child, full_child, is_leaf)


def _place(name, path):
    where = name + "".join([str(key) for key in path])
    return where, f"At that key path, the prefix pytree {name} has a subtree of type"


def _different_types(path, prefix, full):
    def make(name):
        where, start = _place(name, path)
        return ValueError(
            f"pytree structure error: different types at key path\n    {where}\n"
            f"{start}\n    {type(prefix)}\n"
            "but at the same key path the full pytree has a subtree of different"
            f" type\n    {type(full)}."
        )

    return make


def _different_lengths(path, prefix, full):
    kind = type(prefix).__name__

    def make(name):
        where, start = _place(name, path)
        return ValueError(
            f"pytree structure error: different lengths of {kind} at key path\n"
            f"    {where}\n{start} {kind} of length {len(prefix)}, but the full pytree"
            f" has a subtree of the same type but of length {len(full)}."
        )

    return make


def _key_text(key):
    return str(key.key if isinstance(key, DictKey) else key)


def _different_counts(path, prefix, keys, full_keys):
    keys = [_key_text(k) for k in keys]
    full_keys = [_key_text(k) for k in full_keys]
    difference = sorted(set(keys) ^ set(full_keys))

    def make(name):
        where, start = _place(name, path)
        return ValueError(
            "pytree structure error: different numbers of pytree children at key path"
            f"\n    {where}\n{start}\n    {type(prefix)}\n"
            f"with {len(keys)} child keys\n    {' '.join(keys)}\n"
            "but at the same key path the full pytree has a subtree of the same type"
            f" but with {len(full_keys)} child keys\n    {' '.join(full_keys)}\n"
            f"so the symmetric difference on key sets is\n    {' '.join(difference)}"
        )

    return make


def _difference(old, new):
    """How two texts differ, line by line, indented."""
    lines = importlib.import_module("difflib").ndiff(old.splitlines(), new.splitlines())
    shown = "\n".join(lines).split("\n")
    return "\n".join([f"    {line}" if line else line for line in shown])


def _different_data(path, prefix, data, full_data):
    def make(name):
        where, start = _place(name, path)
        return ValueError(
            "pytree structure error: different pytree metadata at key path\n"
            f"    {where}\n{start}\n    {type(prefix)}\nwith metadata\n    {data}\n"
            "but at the same key path the full pytree has a subtree of the same type"
            f" but with metadata\n    {full_data}\n"
            "so the diff in the metadata at these pytree nodes is\n"
            f"{_difference(str(data), str(full_data))}"
        )

    return make


def equality_errors(tree1, tree2):
    """Where two trees differ in structure: (path, what the first has, what the second
    has, why).
    """
    (leaves1, treedef1), (leaves2, treedef2) = (
        _pytree.flatten(tree1),
        _pytree.flatten(tree2),
    )
    yield from _equality_errors((), treedef1, treedef2, leaves1, leaves2)


def equality_errors_pytreedef(treedef1, treedef2):
    """As `equality_errors`, from two structures."""
    yield from _equality_errors((), treedef1, treedef2, None, None)


def _kind(node, leaves):
    if node is not LEAF:
        data = node.node_data()
        return f"{type(None) if data is None else data[0]}"
    return "pytree leaf" if leaves is None else f"{type(leaves[0])}"


def _equality_errors(path, left, right, left_leaves, right_leaves):
    if left == right:
        return
    kinds = _kind(left, left_leaves), _kind(right, right_leaves)
    left_type, left_data = left.node_data() or (left is LEAF, None)
    right_type, right_data = right.node_data() or (right is LEAF, None)
    children = left.children(), right.children()
    sizes = [len(c) for c in children]
    if left_type is not right_type:
        yield path, *kinds, "their Python types differ"
    elif sizes[0] != sizes[1] and left_type in (tuple, list):
        name = left_type.__name__
        said = (f"{name} of length {n}" for n in sizes)
        yield path, *said, "the lengths do not match"
    elif sizes[0] != sizes[1]:
        said = (f"{left_type} with {n} child{'ren' if n > 1 else ''}" for n in sizes)
        why = "the numbers of children do not match"
        if left_type is dict:
            more = {*(left_data or ())} ^ {*(right_data or ())}
            why += f", with the symmetric difference of key sets: {more}"
        yield path, *said, why
    elif left_data != right_data:
        data = [tuple(d) if type(d) is list else d for d in (left_data, right_data)]
        said = (f"{left_type} with pytree metadata {d}" for d in data)
        yield path, *said, "the pytree node metadata does not match"
    else:
        names = left_data if left_type is dict else getattr(left_type, "_fields", None)
        starts = [0, 0]
        for i, pair in enumerate(zip(*children, strict=True)):
            key = SequenceKey(i)
            if names is not None:
                key = (DictKey if left_type is dict else GetAttrKey)(names[i])
            parts = []
            for k, (child, leaves) in enumerate(
                zip(pair, (left_leaves, right_leaves), strict=True)
            ):
                end = starts[k] + child.num_leaves
                parts.append(None if leaves is None else leaves[starts[k] : end])
                starts[k] = end
            yield from _equality_errors((*path, key), *pair, *parts)


_callpath.set_misfit_hook(raise_misfit)

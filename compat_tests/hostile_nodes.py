"""Pytree nodes and dict keys that do as a test tells them, and all the uses of a tree."""

import dataclasses
from collections import namedtuple

from minijax import _callpath, tree_util

Pair = namedtuple("Pair", "left right")


class Planned(Exception):
    pass


class Custom:
    """A node whose flatten function does as it is told."""

    def __init__(self, act=lambda: ((), None)):
        self.act = act


class Made:
    """A node whose unflatten function does as it is told by the aux data."""

    def __init__(self, children=(), aux=None):
        self.children, self.aux = children, aux


class Keyed(Custom):
    """As Custom, for the flatten function that also gives the keys."""


@dataclasses.dataclass
class Record:
    x: object
    meta: object = 0


def unflatten_made(aux, children):
    if callable(aux):
        aux()
    return Made(children, aux)


tree_util.register_pytree_node(
    Custom, lambda node: node.act(), lambda aux, children: Custom(lambda: children)
)
tree_util.register_pytree_node(
    Keyed, lambda node: ((1, 2), None), unflatten_made, lambda node: node.act()
)
tree_util.register_pytree_node(Made, lambda m: (m.children, m.aux), unflatten_made)
tree_util.register_dataclass(Record, ["x"], ["meta"])


class Key:
    """A dict key that counts its uses, and whose use number `fails_at` acts."""

    def __init__(self, value, plan):
        self.value, self.plan = value, plan

    def __hash__(self):
        self.plan()
        return hash(self.value)

    def __eq__(self, other):
        self.plan()
        return isinstance(other, Key) and self.value == other.value

    def __lt__(self, other):
        self.plan()
        return self.value < other.value


class Plan:
    """Does `act` at the `at`-th call, counted from `start`."""

    def __init__(self, at, act):
        self.left, self.act, self.started = at, act, False

    def __call__(self):
        if self.started:
            self.left -= 1
            if self.left == 0:
                self.act()


def fail():
    raise Planned


def attempt(function, *args, **kwargs):
    """The result, or None where it raises an ordinary exception."""
    try:
        return function(*args, **kwargs)
    except SystemError:
        raise
    except Exception:
        return None


def use_everything(tree, other=None):
    """Every function over `tree`; each may raise."""
    is_leaf = lambda x: isinstance(x, Pair)  # noqa: E731
    for predicate in (None, is_leaf):
        found = attempt(tree_util.tree_flatten, tree, predicate)
        attempt(tree_util.tree_leaves, tree, predicate)
        attempt(tree_util.tree_flatten_with_path, tree, predicate)
        attempt(tree_util.tree_map, lambda x: [x], tree, is_leaf=predicate)
    attempt(tree_util.tree_map, lambda x, y: x, tree, tree if other is None else other)
    attempt(tree_util.flatten_one_level, tree)
    attempt(tree_util.tree_broadcast, tree, tree)
    if found is None:
        return
    leaves, treedef = found
    again = attempt(tree_util.tree_structure, tree)
    for function in (hash, repr, PYTREEDEF.children, PYTREEDEF.node_data):
        attempt(function, treedef)
    for other_def in (treedef, again):
        attempt(lambda x: treedef == x, other_def)
    attempt(treedef.unflatten, leaves)
    attempt(treedef.unflatten, iter(leaves[1:]))
    attempt(treedef.flatten_up_to, tree if other is None else other)
    attempt(treedef.walk, lambda children, data: children, None, leaves)
    attempt(treedef.compose, treedef)
    attempt(tree_util.tree_structure, tree)
    attempt(_callpath.flatten_axes, treedef, tree)


PYTREEDEF = tree_util.PyTreeDef

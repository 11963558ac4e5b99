"""Registering nodes of a tree: functions, classes, dataclasses, and what is refused."""

import dataclasses
import operator
from collections import OrderedDict, namedtuple

import jax
import pytest
from trees import Node, Record, compare

import minijax.tree
import minijax.tree_util


def bad_node(result):
    """A tree with a custom node whose flatten function returns `result`."""

    class Bad:
        pass

    for tu in (jax.tree_util, minijax.tree_util):
        tu.register_pytree_node(Bad, lambda x: result, lambda aux, children: "made")
    return Bad()


@pytest.mark.parametrize("result", [[1, 2], (3, None), ([], None, 2), 3, None, ((), 1)])
def test_bad_flatten_functions(result):
    tree = bad_node(result)
    compare(lambda tu: tu.tree_flatten(tree))
    compare(lambda tu: tu.tree_flatten(tree, lambda x: False))
    compare(lambda tu: tu.tree_flatten_with_path([tree]))
    compare(lambda tu: tu.tree_structure([tree]))


def test_children_reach_unflatten_as_a_tuple():
    class Seen:
        pass

    for tu in (jax.tree_util, minijax.tree_util):
        tu.register_pytree_node(Seen, lambda x: ([1, 2], 5), lambda *args: args)
    assert compare(lambda tu: tu.tree_map(lambda x: x, Seen())) == (5, (1, 2))


def test_treedef_refusals():
    compare(lambda tu: tu.PyTreeDef())
    compare(lambda tu: tu.tree_structure(1) < tu.tree_structure(1))
    rebuild = operator.attrgetter("PyTreeDef.from_node_data_and_children")
    compare(lambda tu: rebuild(tu)(tu.default_registry, (int, "k"), []))
    compare(lambda tu: rebuild(tu)(tu.default_registry, None, [tu.tree_structure(1)]))
    compare(lambda tu: tu.tree_structure((1, 2)).from_iterable_tree([3, [4]]))
    compare(lambda tu: tu.tree_structure((1, [2])).from_iterable_tree([3, (4,)]))
    compare(lambda tu: tu.tree_structure((1, 2)).from_iterable_tree([3]))


def test_treedef_hash_takes_unhashable_aux_data():
    a, b = (minijax.tree.structure(Node([1], [0])) for _ in range(2))
    assert a == b
    assert hash(a) == hash(b)
    assert minijax.tree.structure(Node([1], [1])) != a


class Metadata:
    """Aux data whose comparison is scripted."""

    def __init__(self, differ):
        self.differ = differ

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        if isinstance(self.differ, Exception):
            raise self.differ
        return self.differ

    def __hash__(self):
        raise ValueError("no hash")


@pytest.mark.parametrize("differ", [True, False, TypeError("t"), KeyError("k")])
def test_comparing_aux_data(differ):
    """It is `!=` that decides, and what it raises becomes a ValueError."""
    same = Node([1], Metadata(True))
    trees = [Node([1], Metadata(differ)) for _ in range(2)]

    def use(tu):
        left, right = (tu.tree_structure(tree) for tree in trees)
        assert hash(left) == hash(right)
        assert tu.tree_structure(same) == tu.tree_structure(same)
        try:
            return left == right, left != right
        except ValueError as error:
            return str(error), type(error.__cause__)

    compare(use)
    compare(lambda tu: tu.tree_structure(trees[0]).flatten_up_to(trees[1]))


# -- registration --------------------------------------------------------------------


@pytest.mark.parametrize("cls", [list, dict, type(None), OrderedDict, Node, Record])
def test_registering_twice(cls):
    compare(lambda tu: tu.register_pytree_node(cls, lambda x: 0, lambda a, c: 0))
    compare(lambda tu: tu.register_static(cls))


def test_registering_what_is_no_function():
    class New:
        pass

    compare(lambda tu: tu.register_pytree_node(New, None, None))
    compare(lambda tu: tu.register_pytree_node_class(New))
    compare(lambda tu: tu.register_pytree_with_keys_class(New))
    assert not minijax.tree_util.is_tree_node(New)


def test_registered_class_with_methods():
    @jax.tree_util.register_pytree_node_class
    @minijax.tree_util.register_pytree_node_class
    class Methods:
        def __init__(self, a, aux):
            self.a, self.aux = a, aux

        def tree_flatten(self):
            return (self.a,), self.aux

        @classmethod
        def tree_unflatten(cls, aux, children):
            return cls(*children, aux)

    tree = [Methods(1, "k"), Methods((2, 3), "j")]
    compare(lambda tu: tu.tree_flatten_with_path(tree))
    compare(lambda tu: tu.tree_map(lambda x: x + 1, tree)[1].a)


def test_registering_a_namedtuple_comes_first():
    Point = namedtuple("Point", "x y")
    before = minijax.tree.structure(Point(1, 2))
    for tu in (jax.tree_util, minijax.tree_util):
        tu.register_pytree_node(
            Point, lambda p: ((p.x,), p.y), lambda y, c: Point(*c, y)
        )
    compare(lambda tu: tu.tree_flatten([Point(1, 2)]))
    assert minijax.tree.structure(Point(1, 2)) != before


DATACLASS_CALLS = [
    lambda tu, c: tu.register_dataclass(c),
    lambda tu, c: tu.register_dataclass(c, ["x"], ["y"]),
    lambda tu, c: tu.register_dataclass(c, ["x", "y"], []),
    lambda tu, c: tu.register_dataclass(c, ["x"], []),
    lambda tu, c: tu.register_dataclass(c, ["x"]),
    lambda tu, c: tu.register_dataclass(c, ["x", "w"], ["y"]),
    lambda tu, c: tu.register_dataclass(c, ["x"], ["x", "y"]),
    lambda tu, c: tu.register_dataclass(c, ["x"], [], ["y"]),
    lambda tu, c: tu.register_dataclass(c, ["x", "y"], [], ["y"]),
    lambda tu, c: tu.register_dataclass(c, drop_fields=["z"]),
    lambda tu, c: tu.register_dataclass(c, data_fields=["x"], meta_fields=["z", "y"]),
]


@pytest.mark.parametrize("call", DATACLASS_CALLS)
@pytest.mark.parametrize("frozen", [False, True])
def test_register_dataclass(call, frozen):
    def use(tu):
        @dataclasses.dataclass(frozen=frozen)
        class Data:
            x: object
            y: object = 5
            z: object = dataclasses.field(default=7, init=False)

        assert call(tu, Data) is Data
        leaves, treedef = tu.tree_flatten_with_path([Data((1, 2), 3)])
        return leaves, treedef, repr(tu.tree_map(str, Data((1, 2), 3)))

    compare(use)


def test_register_dataclass_with_static_fields():
    def use(tu):
        tree = jax.tree if tu is jax.tree_util else minijax.tree

        @tu.register_dataclass
        @dataclasses.dataclass
        class Data:
            x: object
            f: object = tree.static(default="q")
            g: object = tree.static(default="r", metadata={"static": False, "k": 1})

        assert Data.__dataclass_fields__["f"].metadata == {"static": True}
        return tu.tree_flatten_with_path(Data((1, 2), g=[4]))

    compare(use)


def test_register_dataclass_refuses_other_classes():
    compare(lambda tu: tu.register_dataclass(int))
    compare(lambda tu: tu.register_dataclass(Record))

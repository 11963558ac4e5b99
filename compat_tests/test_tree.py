"""Pytrees against real JAX's: every function, over random trees and by example.

The nodes, the comparing and the random trees are those of `trees.py`.
"""

import copy
import functools
import gc
import itertools
import pickle
import weakref
from collections import OrderedDict, defaultdict

import jax
import pytest
from hypothesis import assume, given
from trees import (
    TREES,
    Node,
    Pair,
    Record,
    StaticValue,
    SubDict,
    SubPair,
    TupleWithFields,
    compare,
    few,
    is_leaf_predicates,
    outcome,
    outcome_in_thread,
    path_predicates,
    related,
)

import minijax.tree
import minijax.tree_util


@few
@given(TREES, is_leaf_predicates)
def test_flatten_and_unflatten(tree, is_leaf):
    def use(tu):
        leaves, treedef = tu.tree_flatten(tree, is_leaf)
        return leaves, treedef, tu.tree_unflatten(treedef, leaves)

    compare(use)
    compare(lambda tu: tu.tree_leaves(tree, is_leaf))
    compare(lambda tu: tu.tree_structure(tree, is_leaf))
    compare(lambda tu: tu.tree_structure([tree, {"k": (tree, tree)}], is_leaf))


@few
@given(TREES)
def test_treedef_parts(tree):
    def use(tu):
        treedef = tu.tree_structure(tree)
        return [
            treedef.num_leaves,
            treedef.num_nodes,
            treedef.node_data(),
            treedef.children(),
            tu.treedef_children(treedef),
            tu.treedef_is_leaf(treedef),
            tu.treedef_tuple([treedef, treedef]),
            treedef.compose(tu.tree_structure((1, [2]))),
        ]

    compare(use)


@few
@given(TREES)
def test_treedef_survives_rebuilding(tree):
    def use(tu):
        treedef = tu.tree_structure(tree)
        rebuilt = tu.PyTreeDef.from_node_data_and_children(
            tu.default_registry, treedef.node_data(), treedef.children()
        )
        copies = [rebuilt, pickle.loads(pickle.dumps(treedef)), copy.deepcopy(treedef)]
        assert all(c == treedef and hash(c) == hash(treedef) for c in copies)
        assert (
            tu.tree_structure(treedef.unflatten(range(treedef.num_leaves))) == treedef
        )
        return copies

    compare(use)


@few
@given(TREES, TREES)
def test_treedef_equality(tree, other):
    def use(tu):
        a, b = tu.tree_structure(tree), tu.tree_structure(other)
        assert a != b or hash(a) == hash(b)
        return a == b, a != b, a == tu.tree_structure(copy.deepcopy(tree)), a == 3

    compare(use)


@few
@given(TREES)
def test_walk(tree):
    def use(tu):
        treedef = tu.tree_structure(tree)
        leaves = list(range(treedef.num_leaves))
        fold = functools.partial(treedef.walk, lambda c, data: ["node", c, data])
        more = outcome(fold, lambda x: x, [*leaves, 1])
        return fold(lambda x: ("leaf", x), leaves), more, outcome(fold, str, leaves[1:])

    compare(use)


@few
@given(TREES, is_leaf_predicates)
def test_key_paths(tree, is_leaf):
    compare(lambda tu: tu.tree_flatten_with_path(tree, is_leaf))
    compare(lambda tu: tu.tree_leaves_with_path(tree, is_leaf))

    def use(tu):
        paths = [path for path, _ in tu.tree_leaves_with_path(tree, is_leaf)]
        texts = [tu.keystr(path) for path in paths]
        simple = [tu.keystr(path, simple=True, separator="/") for path in paths]
        return texts, simple, len(set(paths))

    compare(use)


@few
@given(TREES, path_predicates)
def test_key_paths_in_predicates(tree, is_leaf):
    compare(
        lambda tu: tu.tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path=True)
    )
    compare(
        lambda tu: tu.tree_map_with_path(
            lambda p, x: (tu.keystr(p), repr(x)),
            tree,
            is_leaf=is_leaf,
            is_leaf_takes_path=True,
        )
    )


@few
@given(related(), is_leaf_predicates)
def test_maps_over_two_trees(trees, is_leaf):
    compare(lambda tu: tu.tree_structure(trees[0]).flatten_up_to(trees[1]))
    compare(lambda tu: tu.tree_map(lambda x: [x], trees[0], is_leaf=is_leaf))
    compare(lambda tu: tu.tree_map(lambda x, y: [x, y], *trees, is_leaf=is_leaf))
    compare(
        lambda tu: tu.tree_map_with_path(
            lambda p, x, y: (tu.keystr(p), x, y), *trees, is_leaf=is_leaf
        )
    )


@few
@given(related(), is_leaf_predicates)
def test_broadcast(trees, is_leaf):
    compare(lambda tu: tu.tree_broadcast(*trees, is_leaf=is_leaf))


@few
@given(related())
def test_messages_of_mismatches(trees):
    """The first line says what differs, the second where."""
    for tree in trees:  # unordered keys are another error, found in another order
        assume(outcome(minijax.tree.structure, tree)[0] != "raises")

    def use(tu):
        try:
            tu.tree_map(lambda x, y: x, *trees)
        except ValueError as error:
            lines = str(error).splitlines()
            # JAX 0.10.2 calls all fields of a namedtuple by the first one's name here.
            return [line.replace(".right", ".left") for line in lines[:2]]

    compare(use)


@few
@given(TREES, is_leaf_predicates)
def test_folds(tree, is_leaf):
    def join(a, b):
        return f"({a}{b})"

    compare(lambda tu: tu.tree_reduce(join, tree, is_leaf=is_leaf))
    compare(lambda tu: tu.tree_reduce(join, tree, "start", is_leaf=is_leaf))
    compare(lambda tu: tu.tree_reduce_associative(join, tree, is_leaf=is_leaf))
    compare(lambda tu: tu.tree_reduce_associative(join, tree, identity=0))
    compare(lambda tu: tu.tree_all(tree, is_leaf=is_leaf))
    compare(lambda tu: tu.all_leaves([1, tree, 2]))


@few
@given(TREES, TREES)
def test_transpose(outer, inner):
    def use(tu, explicit):
        outer_def, inner_def = tu.tree_structure(outer), tu.tree_structure(inner)
        tree = outer_def.compose(inner_def)
        tree = tree.unflatten(range(tree.num_leaves))
        return tu.tree_transpose(outer_def, inner_def if explicit else None, tree)

    compare(lambda tu: use(tu, True))
    compare(lambda tu: use(tu, False))


@few
@given(TREES)
def test_one_level(tree):
    def use(tu):
        children, data = tu.flatten_one_level(tree)
        return list(children), data

    def use_keys(tu):
        pairs, data = tu.flatten_one_level_with_keys(tree)
        return [tuple(pair) for pair in pairs], data

    compare(use)
    # JAX 0.10.2 gives every child of a namedtuple the first field's name here.
    if not isinstance(tree, tuple):
        compare(use_keys)
    compare(lambda tu: tu.is_tree_node(type(tree)))


# -- by example ----------------------------------------------------------------------

NODES = [
    (1, 2), [1, 2], (1, 2, 3), 3, None, {}, {"a": 1}, {"a": 1, "b": (1, 2)},
    {"b": 1, "a": 2}, Pair(1, 2), SubPair(1, 2), defaultdict(int, b=1, a=2),
    OrderedDict(b=1, a=2), OrderedDict(a=1, b=2), Node([1], "k"), Node([2], "j"),
    Node([1, 2], "k"), Record(1, 2), Record(1, 2, "m"), (1, (2, 3)), (1, {"a": 1}),
    (1, None), (1, Pair(1, 2)), ((),), (), [], {"a": 1, "c": 2}, StaticValue(3),
    StaticValue(4), defaultdict(list, a=1), defaultdict(int, a=1), SubDict(a=1),
    {1: 1}, {1.0: 1}, {True: 1},
]  # fmt: skip


@pytest.mark.parametrize("tree", NODES, ids=[str(i) for i in range(len(NODES))])
def test_flatten_up_to_messages(tree):
    def use(tu, other):
        try:
            return tu.tree_structure(tree).flatten_up_to(other)
        except ValueError as error:
            return str(error).splitlines()[0]

    for other in NODES:
        compare(use, other)


def test_keys_of_another_type_are_kept():
    """Equal keys of other types (1, 1.0, True) are not taken for one another."""
    tu = minijax.tree_util
    for key in (1, 1.0, True, 1, True):
        leaves, treedef = tu.tree_flatten({key: "x"})
        (rebuilt,) = tu.tree_unflatten(treedef, leaves)
        assert type(rebuilt) is type(key)
    assert tu.tree_structure({1: 0}) == tu.tree_structure({True: 0})


def test_structures_are_shared():
    flatten = minijax.tree_util.tree_flatten
    _, a = flatten({"w": [1, (2, None)], "b": 3})
    _, b = flatten({"b": "x", "w": ["y", ("z", None)]})
    assert a is b


def test_memos_that_overflow():
    """More key sequences and structures than the C memos hold, and a very wide dict."""
    tu = minijax.tree_util
    for n in range(9000):
        tree = {f"k{n}": [(1,) * (n % 3), {f"j{n}": n, "i": []}], "b": None}
        leaves, treedef = tu.tree_flatten(tree)
        assert treedef == tu.tree_structure(tree)
        assert tu.tree_unflatten(treedef, leaves) == tree
    assert str(treedef) == str(jax.tree.structure(tree))
    assert tu.tree_structure(1) is tu.tree_structure([2]).children()[0] is tu.LEAF
    wide = {f"k{n}": n for n in reversed(range(140_000))}
    for _ in range(2):
        assert tu.tree_leaves(wide) == [wide[k] for k in sorted(wide)]


def test_order_of_insertion_is_no_part_of_the_structure():
    structure = minijax.tree_util.tree_structure
    for keys in itertools.permutations("abcd"):
        tree = {k + "x" * 3: ord(k) for k in keys}  # new str objects each time
        assert list(minijax.tree.leaves(tree)) == [97, 98, 99, 100]
        assert structure(tree) is structure(
            {"axxx": 0, "bxxx": 0, "cxxx": 0, "dxxx": 0}
        )


def test_aux_data_is_not_kept_alive():
    aux = StaticValue(5)
    tree = {"a": [Node([1], aux), (2, aux)]}
    minijax.tree.flatten(tree)
    alive = weakref.ref(aux)
    del aux, tree
    gc.collect()
    assert alive() is None


def test_unflatten_leaf_counts():
    for leaves in ([1], [1, 2, 3], iter([1, 2]), {"a": 1, "b": 2}, 3, (1, 2), range(3)):
        compare(lambda tu, x: tu.tree_structure((1, 2)).unflatten(copy.copy(x)), leaves)
    with pytest.raises(ValueError, match=r"Too few leaves .* expected 2, got 1"):
        minijax.tree.unflatten(minijax.tree.structure((1, 2)), [1])
    with pytest.raises(ValueError, match=r"Too many leaves .* expected 2"):
        minijax.tree.unflatten(minijax.tree.structure((1, 2)), [1, 2, 3])


def test_unordered_dict_keys():
    for tree in ({1: 1, "a": 2}, {None: 1, 2: 3}, [{(1,): 2, 3: 4}]):
        with pytest.raises(ValueError, match="Comparator raised exception"):
            minijax.tree.flatten(tree)
        compare(lambda tu, tree: tu.tree_flatten(tree), tree)
        compare(lambda tu, tree: tu.tree_flatten(tree, lambda x: x == 5), tree)
        compare(lambda tu, tree: tu.tree_flatten_with_path(tree), tree)


def test_tuples_with_fields():
    right, wrong = TupleWithFields((1, 2)), TupleWithFields((1, 2, 3))
    for tree in (right, wrong):
        compare(lambda tu, tree: tu.tree_structure(tree), tree)
        compare(lambda tu, tree: tu.tree_flatten_with_path(tree), tree)
        compare(lambda tu, tree: tu.tree_map(str, tree), tree)


# -- Partial, keys, names ------------------------------------------------------------


def test_partial():
    def use(tu, wrap):
        inner = tu.Partial(max, 1) if wrap == "Partial" else functools.partial(max, 1)
        f = tu.Partial(max, 1, key=abs) if wrap is None else tu.Partial(inner, 2)
        leaves, treedef = tu.tree_flatten_with_path(f)
        # Python 3.13 names the module in a partial's text.
        texts = [str(x).replace("minijax.", "jax.") for x in (f, treedef)]
        text = [text.replace(str(abs), "abs") for text in texts]
        return f.args, leaves, text, f(-3), tu.tree_map(lambda x: x, f)(-4)

    for wrap in (None, "Partial", "functools"):
        compare(use, wrap)
    compare(lambda tu: tu.Partial(3))
    compare(
        lambda tu: (
            tu.tree_structure(tu.Partial(tu.Partial(max, 1)))
            == tu.tree_structure(tu.Partial(tu.Partial(max, 1)))
        )
    )


def key_values(tu):
    return [
        tu.DictKey("a"), tu.DictKey(3), tu.SequenceKey(1), tu.GetAttrKey("x"),
        tu.FlattenedIndexKey(3), tu.DictKey((1, "b")),
    ]  # fmt: skip


def test_keys():
    def use(tu):
        keys = key_values(tu)
        texts = [(repr(k), str(k), type(k).__match_args__) for k in keys]
        equal = [[a == b for b in keys] for a in keys]
        assert key_values(tu) == keys == pickle.loads(pickle.dumps(keys))
        assert len({*keys, *key_values(tu)}) == len(keys)
        named = [tu.DictKey(key=3), tu.SequenceKey(idx=3), tu.GetAttrKey(name="x")]
        return texts, equal, named, tu.FlattenedIndexKey(key=3).key

    compare(use)
    for name in ("DictKey", "SequenceKey", "GetAttrKey", "FlattenedIndexKey"):
        for args in ((), ("a",), (3,), (None,), (1, 2), ([1],)):
            compare(lambda tu, n, a: getattr(tu, n)(*a), name, args)
    compare(lambda tu: hash(tu.DictKey([1])))
    compare(lambda tu: setattr(tu.DictKey(1), "key", 2))
    compare(lambda tu: setattr(tu.DictKey(1), "other", 2))


def test_keystr():
    for options in ({}, {"simple": True}, {"simple": True, "separator": "/"}):
        compare(lambda tu, o: tu.keystr(tuple(key_values(tu)), **o), options)
        compare(lambda tu, o: tu.keystr(("a", 3, None), **o), options)
    compare(lambda tu: tu.keystr(3))
    assert minijax.tree_util.keystr((), separator="/") == ""


@pytest.mark.parametrize("name", ["tree", "tree_util"])
def test_public_names(name):
    ours, theirs = getattr(minijax, name), getattr(jax, name)
    missing = [n for n in dir(theirs) if not n.startswith("_") and not hasattr(ours, n)]
    assert not missing


@few
@given(related(), is_leaf_predicates)
def test_short_names(trees, is_leaf):
    for name in ("leaves", "structure", "all", "flatten", "leaves_with_path"):
        got = outcome(getattr(minijax.tree, name), trees[0], is_leaf=is_leaf)
        theirs = getattr(jax.tree, name)
        assert got == outcome_in_thread(theirs, trees[0], is_leaf=is_leaf)
    for name, f in (("map", lambda x, y: [x, y]), ("map_with_path", lambda *x: x[1:])):
        got = outcome(getattr(minijax.tree, name), f, *trees)
        want = outcome_in_thread(getattr(jax.tree, name), f, *trees)
        assert got == want or want == ("raises", "AttributeError")
    for name in ("reduce", "reduce_associative"):
        got = outcome(getattr(minijax.tree, name), lambda x, y: (x, y), trees[0])
        theirs = getattr(jax.tree, name)
        assert got == outcome_in_thread(theirs, lambda x, y: (x, y), trees[0])


# -- prefixes of structures, as vmap's axes use them ---------------------------------


@pytest.mark.parametrize(
    "axes, tree, expected",
    [
        (0, [1, 2, 3], [0, 0, 0]),
        (None, {"a": 1, "b": (2, 3)}, [None] * 3),
        ((0, None), (1, [2, 3]), [0, None, None]),
        ({"a": (0, 1), "b": None}, {"a": (5, 6), "b": [7]}, [0, 1, None]),
        ((None, -1), ([], [1, Pair(2, 3)]), [-1, -1, -1]),
        (Node([1, 0], "k"), Node([5, (6, 7)], "k"), [1, 0, 0]),
    ],
)
def test_flatten_axes(axes, tree, expected):
    treedef = minijax.tree.structure(tree)
    assert minijax.tree.flatten_axes("vmap in_axes", treedef, axes) == expected


@pytest.mark.parametrize(
    "axes, tree, message",
    [
        (({"a": 0},), ({"b": 1},), r"metadata at key path\n +vmap in_axes\[0\]"),
        (([0, 0],), ([1],), r"lengths of list at key path\n +vmap in_axes\[0\]"),
        (((0,),), (1,), r"different types at key path\n +vmap in_axes\[0\]"),
        (Node([0], "j"), Node([0], "k"), "metadata at key path"),
    ],
)
def test_flatten_axes_mismatches(axes, tree, message):
    treedef = minijax.tree.structure(tree)
    with pytest.raises(ValueError, match=f"must be a tree prefix(.|\n)*{message}"):
        minijax.tree.flatten_axes("vmap in_axes", treedef, axes)


def test_flatten_axes_when_stand_ins_are_refused():
    class Picky(Node):
        pass

    def unflatten(aux, children):
        return Picky([int(c) for c in children], aux)

    minijax.tree_util.register_pytree_node(
        Picky, lambda n: (n.children, n.aux), unflatten
    )
    treedef = minijax.tree.structure(Picky([1]))
    with pytest.raises(ValueError, match=r"got specification \(0, 1\)"):
        minijax.tree.flatten_axes("vmap in_axes", treedef, (0, 1))


def test_equality_errors():
    errors = minijax.tree_util.equality_errors
    assert list(errors((1, {"a": 2}), (3, {"a": 4}))) == []
    ((path, left, right, why),) = errors((1, {"a": 2}), (3, {"a": [4]}))
    assert minijax.tree_util.keystr(path) == "[1]['a']"
    assert left == "<class 'int'>"
    assert "list" in right
    assert "types differ" in why
    assert [e[3] for e in errors([1, Node([], 1)], [1, Node([], 2)])] == [
        "the pytree node metadata does not match"
    ]
    assert len(list(errors((1, [2], [3]), ([1], 2, [3, 4])))) == 3

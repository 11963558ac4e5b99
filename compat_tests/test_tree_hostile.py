"""Pytrees made of objects that misbehave: an exception at worst, and nothing leaks.

Objects raise in `__hash__`, `__eq__` and `__lt__`, change the containers that are being
flattened, return nonsense, nest without end. `make sanitize` runs this file under ASan.
"""

import gc
import itertools
import pickle
import sys
import threading
import weakref
from collections import OrderedDict, defaultdict, namedtuple

import jax
import pytest
from hostile_nodes import (
    PYTREEDEF,
    Custom,
    Key,
    Keyed,
    Made,
    Pair,
    Plan,
    Planned,
    Record,
    attempt,
    fail,
    use_everything,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import minijax
from minijax import _callpath, tree_util

many = settings(max_examples=300, deadline=None)


# -- keys that raise or act ----------------------------------------------------------

SHAPES = {
    "dict": lambda items: dict(items),
    "in a list": lambda items: [1, dict(items), 2],
    "as aux data": lambda items: Made((1, 2), [k for k, _ in items]),
    "ordered": lambda items: OrderedDict(items),
    "default": lambda items: defaultdict(int, items),
    "mixed": lambda items: {**dict(items), "a": 1},
}


@many
@given(
    st.sampled_from(sorted(SHAPES)),
    st.lists(st.integers(0, 9), unique=True, max_size=6),
    st.integers(1, 200),
    st.sampled_from(["raise", "clear", "grow", "collect", "nest"]),
)
def test_keys(shape, values, at, act):
    tree = None

    def do():
        target = tree
        while isinstance(target, list):
            target = target[1]
        if act == "raise":
            raise Planned
        if act == "clear" and isinstance(target, dict):
            target.clear()
        if act == "grow" and isinstance(target, dict):
            target["new"] = [1]
        if act == "collect":
            gc.collect(0)
        if act == "nest":
            use_nested = {f"k{at}": 1, "b": [2]}
            assert tree_util.tree_leaves(use_nested)

    plan = Plan(at, do)
    tree = SHAPES[shape]([(Key(v, plan), [v]) for v in values])
    other = SHAPES[shape]([(Key(v, plan), [v]) for v in values])
    plan.started = True
    use_everything(tree, other)


# -- containers that change ----------------------------------------------------------


def changing(kind, act):
    """A container whose second child changes it while it is flattened."""
    holder = Custom()
    if kind == "list":
        container = [object(), holder, *(object() for _ in range(5))]
    elif kind == "dict":
        container = {k: object() for k in "abcdefgh"}
        container["b"] = holder
    elif kind == "int dict":
        container = {k: object() for k in range(8)}
        container[1] = holder
    else:
        container = Made([object(), holder, object()])
    target = container.children if kind == "custom" else container

    def change():
        if act == "clear":
            target.clear()
        elif act == "pop":
            target.pop() if isinstance(target, list) else target.popitem()
        elif act == "grow":
            if isinstance(target, list):
                target.extend(range(1000))
            else:
                target.update({f"n{i}": i for i in range(1000)})
        elif act == "replace":
            keys = range(len(target)) if isinstance(target, list) else list(target)
            for key in keys:
                target[key] = [object()]
        gc.collect(0)
        return ([object()], None)

    holder.act = change
    return container


@pytest.mark.parametrize("kind", ["list", "dict", "int dict", "custom"])
@pytest.mark.parametrize("act", ["clear", "pop", "grow", "replace"])
def test_containers_that_change(kind, act):
    for function in (
        tree_util.tree_flatten,
        tree_util.tree_leaves,
        tree_util.tree_structure,
        lambda tree: tree_util.tree_map(lambda x: (x, x), tree),
        lambda tree: tree_util.tree_structure([0, [0] * 7, 0]).flatten_up_to(tree),
        lambda tree: tree_util.tree_structure(changing(kind, "")).flatten_up_to(tree),
        lambda tree: tree_util.tree_flatten([tree, tree], lambda x: False),
        use_everything,
    ):
        attempt(function, changing(kind, act))


def test_a_list_that_changes_size_is_an_error():
    with pytest.raises(RuntimeError, match="a list changed size"):
        tree_util.tree_flatten(changing("list", "grow"))


@pytest.mark.parametrize("act", ["clear", "pop", "grow", "replace"])
def test_predicates_that_change_the_tree(act):
    for tree in ([[1, 2], [3], [4]], {"a": [1], "b": [2], "c": {}}, [{1: 2, 3: 4}]):

        def is_leaf(x, tree=tree):
            target = tree
            if act == "clear":
                target.clear()
            elif act == "pop" and target:
                target.pop() if isinstance(target, list) else target.popitem()
            elif act == "grow" and len(target) < 2000:
                more = [object()] * 50
                if isinstance(target, list):
                    target.extend(more)
                else:
                    target.update((str(id(x)) + str(i), i) for i in range(50))
            return False

        attempt(tree_util.tree_flatten, tree, is_leaf)


def test_leaves_that_change_while_a_tree_is_put_together():
    leaves = [object() for _ in range(9)]

    def act():
        leaves.clear()
        gc.collect(0)

    tree = (1, Made((2,), act), [3, 4, {"a": 5}], Pair(6, Made((7, 8), act)), 9)
    treedef = tree_util.tree_structure(tree)
    kept = list(leaves)
    rebuilt = treedef.unflatten(leaves)
    assert leaves == [] and tree_util.tree_leaves(rebuilt) == kept


def test_mapping_functions_that_change_the_tree():
    tree, other = [[1, 2], {"a": 3}, 4], [[1, 2], {"a": 3}, 4]

    def f(x, y):
        tree.clear()
        other.clear()
        gc.collect(0)
        return x + y

    assert tree_util.tree_map(f, tree, other) == [[2, 4], {"a": 6}, 8]


def test_registering_while_flattening():
    class Late:
        pass

    def act():
        tree_util.register_pytree_node(Late, lambda x: ((), 1), lambda *args: Late())
        return ((), None)

    leaves, treedef = tree_util.tree_flatten([Late(), Custom(act), "x"])
    assert len(leaves) == 2 and treedef.num_nodes == 4
    assert tree_util.tree_leaves(Late()) == []


# -- nonsense ------------------------------------------------------------------------

JUNK = st.recursive(
    st.one_of(
        st.none(), st.integers(-3, 3), st.text("ab", max_size=2), st.booleans(),
        st.sampled_from([int, tuple, list, dict, type(None), Pair, Custom, Made,
                         Record, object(), tree_util.LEAF, Pair(1, 2), {}, range(2)]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner),
        st.tuples(inner, inner, inner), st.lists(inner, max_size=2).map(iter),
        st.dictionaries(st.text("ab", max_size=1), inner, max_size=2),
    ),
    max_leaves=8,
)  # fmt: skip


@many
@given(JUNK)
def test_flatten_functions_that_return_nonsense(junk):
    use_everything([Custom(lambda: junk), 1])
    use_everything(
        [Keyed(lambda: junk), Keyed(lambda: ([("a", junk), (junk, 1)], junk))]
    )
    use_everything(junk)


@many
@given(JUNK, JUNK, JUNK)
def test_arguments_that_are_nonsense(a, b, c):
    for name in (
        "tree_flatten", "tree_unflatten", "tree_leaves", "tree_structure", "tree_map",
        "flatten_axes", "flatten_one_level", "lookup", "sorted_keys",
        "treedef_from_nodes", "tree_flatten_with_path", "one_level_with_keys",
        "all_leaves", "DictKey", "SequenceKey", "GetAttrKey", "FlattenedIndexKey",
    ):  # fmt: skip
        function = getattr(_callpath, name)
        for args in ((), (a,), (a, b), (a, b, c)):
            attempt(function, *args)
        attempt(function, a, is_leaf=b)
        attempt(function, tree=a, is_leaf=b, f=c)
    attempt(PYTREEDEF.from_node_data_and_children, a, b, c)
    treedef = tree_util.tree_structure((1, {"a": [2]}))
    for name in ("unflatten", "flatten_up_to", "compose", "from_iterable_tree"):
        attempt(getattr(treedef, name), a)
    attempt(treedef.walk, a, b, c)
    attempt(treedef.walk, lambda *x: x, None, a)


NODES = st.lists(
    st.tuples(
        st.sampled_from(
            [None, tuple, list, dict, type(None), Pair, Custom, Made, Record]
        ),
        st.integers(-1, 3),
        st.sampled_from([None, ["a"], ["b", "a"], [1, "x", 2], [], (1,), "ab", [[]]]),
    ),
    max_size=6,
)


@many
@given(NODES)
def test_structures_from_nonsense(nodes):
    treedef = attempt(_callpath.treedef_from_nodes, nodes)
    if treedef is None:
        return
    leaves = list(range(treedef.num_leaves))
    assert treedef.num_nodes >= treedef.num_leaves
    assert pickle.loads(pickle.dumps(treedef)) == treedef
    attempt(treedef.unflatten, leaves)
    attempt(repr, treedef)
    built = attempt(treedef.unflatten, leaves)
    use_everything(built)
    parts = treedef.node_data(), treedef.children()
    rebuilt = PYTREEDEF.from_node_data_and_children(tree_util.default_registry, *parts)
    assert rebuilt == treedef and hash(rebuilt) == hash(treedef)


def test_exceptions_pass_through():
    """What users' code raises arrives as it is, from every place where it runs."""

    class Fields(tuple):
        _fields = ("a", "b")

        def __new__(cls, *items):
            raise Planned

    calls = [
        lambda: tree_util.tree_leaves(Custom(fail)),
        lambda: tree_util.tree_map(lambda x: fail(), [1]),
        lambda: tree_util.tree_leaves_with_path(Keyed(fail)),
        lambda: tree_util.tree_leaves_with_path([1], lambda x: fail()),
        lambda: tree_util.tree_leaves([1], lambda x: fail()),
        lambda: tree_util.tree_structure(Made((1,), fail)).unflatten([1]),
        lambda: tree_util.tree_structure([1]).unflatten(fail() for _ in range(2)),
        lambda: tree_util.tree_structure((1,)).walk(lambda *x: fail(), None, [1]),
        lambda: tree_util.tree_structure((1,)).walk(max, lambda x: fail(), [1]),
        lambda: tree_util.tree_structure(tuple.__new__(Fields, (1, 2))).unflatten("ab"),
    ]
    for call in calls:
        with pytest.raises(Planned):
            call()


def test_interrupts_are_not_swallowed():
    def interrupt(*args):
        raise KeyboardInterrupt

    class Aux:
        __hash__ = __eq__ = __ne__ = interrupt

    tree = Made((1,), Aux())
    left, right = (
        tree_util.tree_structure(tree),
        tree_util.tree_structure(Made((1,), Aux())),
    )
    for call in (lambda: hash(left), lambda: left == right):
        with pytest.raises(KeyboardInterrupt):
            call()
    plan = Plan(1, interrupt)
    keys = {Key(1, plan): 1, Key(2, plan): 2}
    plan.started = True
    with pytest.raises(KeyboardInterrupt):
        tree_util.tree_flatten(keys)


# -- depth ---------------------------------------------------------------------------

NESTS = {
    "list": lambda x: [x],
    "tuple": lambda x: (x,),
    "dict": lambda x: {"k": x},
    "int dict": lambda x: {1: x},
    "namedtuple": lambda x: Pair(1, x),
    "custom": lambda x: Made((x,)),
    "dataclass": Record,
    "ordered": lambda x: OrderedDict(k=x),
}


@pytest.mark.parametrize("kind", NESTS)
@pytest.mark.parametrize("limit", [None, 200_000])
def test_deep_nesting_is_a_recursion_error(kind, limit):
    """Whatever the recursion limit: the C stack must suffice."""
    tree = 1
    for _ in range(100_000):
        tree = NESTS[kind](tree)
    calls = [
        lambda: tree_util.tree_flatten(tree),
        lambda: tree_util.tree_flatten(tree, lambda x: False),
        lambda: tree_util.tree_map(str, tree),
    ]
    before = sys.getrecursionlimit()
    try:
        # Custom nodes come back to Python between the levels, which on some versions
        # has no limit of its own then.
        if limit and kind in ("list", "tuple", "dict", "namedtuple", "dataclass"):
            sys.setrecursionlimit(limit)
        for call in calls:
            with pytest.raises(RecursionError):
                call()
    finally:
        sys.setrecursionlimit(before)
        while not isinstance(tree, int):  # without a deep chain of deallocations
            children = tree_util.flatten_one_level(tree)[0]
            tree = list(children)[-1]


def test_trees_that_contain_themselves():
    own_list, own_dict, own_custom = [1], {"a": 1}, Made([1])
    own_list.append(own_list)
    own_dict["b"] = [own_dict]
    own_custom.children.append(own_custom)
    for tree in (own_list, own_dict, own_custom):
        for function in (
            tree_util.tree_flatten,
            tree_util.tree_leaves,
            tree_util.tree_structure,
            lambda tree: tree_util.tree_map(str, tree),
            tree_util.tree_flatten_with_path,
        ):
            with pytest.raises(RecursionError):
                function(tree)
        # What a structure cannot contain is a leaf of a prefix.
        assert tree_util.tree_structure([1, 2]).flatten_up_to([tree, 3])[0] is tree
    assert tree_util.tree_leaves([1, 2]) == [1, 2]


def test_long_flat_trees():
    for n in (63, 64, 65, 128, 5000):
        for tree in (
            list(range(n)),
            {f"k{i}": i for i in range(n)},
            [(i, []) for i in range(n)],
        ):
            leaves, treedef = tree_util.tree_flatten(tree)
            assert len(leaves) == treedef.num_leaves == n
            assert treedef.unflatten(leaves) == tree
            assert treedef.unflatten(iter(leaves)) == tree
            assert treedef.flatten_up_to(tree) == leaves
            assert tree_util.tree_map(lambda x, y: y, tree, tree) == tree
            want = jax.tree.structure(tree)
            assert str(treedef) == str(want) and treedef.num_nodes == want.num_nodes


# -- garbage and leaks ---------------------------------------------------------------


def test_cycles_through_structures_are_collected():
    class Aux:
        pass

    def tracked():
        aux = Aux()
        aux.own = tree_util.tree_structure(Made((1,), aux))
        key = Key("k", lambda: None)
        key.own = tree_util.tree_structure([{key: 1}])
        step = Aux()
        step.own = tree_util.DictKey(step)
        Local = namedtuple("Local", "a")
        Local.own = tree_util.tree_structure([Local(1)])
        return [weakref.ref(x) for x in (aux, key, step, Local)]

    refs = tracked()
    gc.collect()
    assert [ref() for ref in refs] == [None] * 4


@pytest.mark.usefixtures("young_heap")
def test_references_are_returned():
    """Every use gives back the references that it takes."""
    leaf, aux, key = object(), Key(0, lambda: None), Key("k", lambda: None)
    trees = [
        [leaf] * 100, (leaf, [leaf, None]), {"a": leaf, "b": {"c": leaf}}, {key: leaf},
        Pair(leaf, [leaf]), Made((leaf,), aux), Record(leaf, aux), {1: leaf, 0: [leaf]},
        OrderedDict(a=leaf), defaultdict(int, a=leaf), {"b": leaf, 1: 2},
        [leaf, Custom(fail)], {"x": leaf, "y": Custom(lambda: (leaf, leaf))},
        Keyed(lambda: ([(key, leaf), ("b", [leaf])], aux)), Keyed(lambda: ([(1,)], 2)),
        Custom(lambda: [leaf]), [Custom(lambda: ([leaf, leaf], aux))],
    ]  # fmt: skip
    watched = [leaf, aux, key, Pair, Made, Record, tuple, PYTREEDEF]
    for tree, other in itertools.product(trees, trees):
        use_everything(tree, other)
    gc.collect()
    before = [sys.getrefcount(x) for x in watched]
    for _ in range(3):
        for tree, other in itertools.product(trees, trees):
            use_everything(tree, other)
    gc.collect()
    assert [sys.getrefcount(x) for x in watched] == before


@pytest.mark.usefixtures("young_heap")
def test_memory_stays_flat():
    """Blocks of memory after many calls are as many as after a few."""
    tree = {"w": [1.5, (2.5, None)], "b": Pair(1, Made((2,), "aux")), "r": Record(3)}
    wide = {f"k{i}": [float(i)] for i in range(100)}
    bad = [1, Custom(fail), {"a": {1: 2, "b": 3}}]
    leaves, treedef = tree_util.tree_flatten(tree)
    data = pickle.dumps(treedef)

    def step():
        tree_util.tree_map(lambda x, y: y, tree, tree)
        treedef.unflatten(leaves)
        treedef.flatten_up_to(tree)
        hash(treedef)
        assert tree_util.tree_structure(tree) == treedef
        attempt(tree_util.tree_flatten, bad)
        attempt(tree_util.tree_flatten, bad[2])
        attempt(treedef.unflatten, [1])
        attempt(treedef.flatten_up_to, wide)

    def rarer():
        tree_util.tree_leaves(wide)
        tree_util.tree_flatten_with_path([tree, wide])
        attempt(tree_util.tree_flatten_with_path, bad)
        treedef.children(), treedef.compose(treedef), pickle.loads(data)
        treedef.walk(lambda *x: x, None, leaves)
        attempt(tree_util.tree_map, lambda x, y: x, tree, wide)

    def run(n):
        for i in range(n):
            step()
            if i % 10 == 0:
                rarer()
        gc.collect()
        return sys.getallocatedblocks()

    run(2000)
    before = run(2000)
    after = run(12_000)
    assert after - before < 200


def test_threads():
    """Several threads flatten, register and fail at once."""
    errors = []

    def work(seed):
        try:
            for i in range(300):
                tree = {f"k{seed}-{i % 50}": [i, (seed,)], "a": Pair(i, Made((1,), i))}
                leaves, treedef = tree_util.tree_flatten(tree)
                assert leaves == [i, 1, i, seed]
                assert treedef == tree_util.tree_structure(tree)
                cls = type(f"Node{seed}_{i}", (), {})
                tree_util.register_static(cls)
                assert tree_util.tree_leaves([cls(), i]) == [i]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert minijax.tree.leaves([1]) == [1]

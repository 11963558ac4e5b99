"""Trees for the tests of pytrees: nodes of all kinds, comparing, and random ones.

Both packages get the same Python objects; the custom node types below are registered in
both registries. Results are compared as text (structures, key paths) and by value.
"""

import dataclasses
import functools
import threading
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

import jax
from hypothesis import settings
from hypothesis import strategies as st

import minijax.tree
import minijax.tree_util

Pair = namedtuple("Pair", "left right")


class SubPair(Pair):
    pass


class TupleWithFields(tuple):
    _fields = ("p", "q")


class SubDict(dict):
    pass


class Node:
    """A custom node with aux data, registered by functions, without keys."""

    def __init__(self, children, aux=None):
        self.children = tuple(children)
        self.aux = aux

    def __eq__(self, other):
        same = type(other) is type(self)
        return same and (self.children, self.aux) == (other.children, other.aux)

    def __repr__(self):
        return f"{type(self).__name__}({self.children}, {self.aux})"


class KeyedNode(Node):
    """A custom node that names its children."""

    def tree_flatten_with_keys(self):
        key = self.key_types.GetAttrKey
        return [(key(f"c{i}"), c) for i, c in enumerate(self.children)], self.aux

    @classmethod
    def tree_unflatten(cls, aux, children):
        return cls(children, aux)


class StaticValue:
    def __init__(self, value):
        self.value = value

    def __hash__(self):
        return hash(self.value)

    def __eq__(self, other):
        return type(other) is StaticValue and self.value == other.value

    def __repr__(self):
        return f"StaticValue({self.value})"


@dataclasses.dataclass
class Record:
    x: object
    y: object
    name: str = dataclasses.field(default="n", metadata={"static": True})


class PlainRecord:
    def __init__(self, a, b):
        self.a, self.b = a, b

    def __eq__(self, other):
        return type(other) is PlainRecord and (self.a, self.b) == (other.a, other.b)

    def __repr__(self):
        return f"PlainRecord({self.a}, {self.b})"


KeyedNode.key_types = jax.tree_util
for _module in (jax.tree_util, minijax.tree_util):
    _module.register_pytree_node(
        Node, lambda n: (n.children, n.aux), lambda aux, children: Node(children, aux)
    )
    _module.register_static(StaticValue)
    _module.register_dataclass(Record)
    _module.register_dataclass(PlainRecord, data_fields=["b"], meta_fields=["a"])
jax.tree_util.register_pytree_with_keys_class(KeyedNode)
minijax.tree_util.register_pytree_with_keys(
    KeyedNode,
    lambda n: (
        [(minijax.tree_util.GetAttrKey(f"c{i}"), c) for i, c in enumerate(n.children)],
        n.aux,
    ),
    KeyedNode.tree_unflatten,
)


# -- comparing -----------------------------------------------------------------------


def plain(x):
    """x with what belongs to one package turned into text."""
    if isinstance(x, (jax.tree_util.PyTreeDef, minijax.tree_util.PyTreeDef)):
        return str(x)
    if type(x).__name__ in (
        "DictKey",
        "SequenceKey",
        "GetAttrKey",
        "FlattenedIndexKey",
    ):
        return repr(x)
    if type(x) in (tuple, list):
        return type(x)(plain(item) for item in x)
    return x


def outcome(function, *args, **kwargs):
    """The result in comparable form, or the name of the exception's class."""
    try:
        return plain(function(*args, **kwargs))
    except Exception as error:
        return "raises", type(error).__name__


def outcome_in_thread(function, *args, **kwargs):
    """As `outcome`, for JAX's side.

    jaxlib 0.10.2 does not give back the recursion depth of a traversal that raises, so
    after enough errors its thread could call nothing any more.
    """
    results = []
    run = functools.partial(outcome, function, *args, **kwargs)
    thread = threading.Thread(target=lambda: results.append(run()))
    thread.start()
    thread.join()
    return results[0]


def compare(use, *args):
    """use(tree_util module, *args) gives the same with both modules."""
    got = outcome(use, minijax.tree_util, *args)
    want = outcome_in_thread(use, jax.tree_util, *args)
    # JAX 0.10.2 fails while it words the error about nodes whose keys are attributes.
    if want == ("raises", "AttributeError"):
        if got == ("raises", "ValueError") or "different numbers" in str(got):
            return got
    assert got == want
    return got


# -- random trees --------------------------------------------------------------------

LEAVES = st.one_of(
    st.integers(0, 99),
    st.sampled_from(["leaf", 1.5, True, SubDict(a=1), Counter("ab"), deque([1])]),
)
STRING_KEYS = st.text("abcXY_ é'", max_size=3)
KEYS = st.one_of(STRING_KEYS, STRING_KEYS, st.integers(-3, 3), st.none(), st.booleans())
AUX = st.one_of(st.none(), st.integers(0, 2), st.lists(st.integers(0, 1), max_size=1))


def grow(smaller):
    # Deferred, because Hypothesis would print each strategy within all the others.
    trees = st.deferred(lambda: smaller)
    pairs = st.tuples(trees, trees)
    lists = st.lists(trees, max_size=4)
    named = st.dictionaries(STRING_KEYS, trees, max_size=3)
    return st.one_of(
        lists,
        lists.map(tuple),
        named,
        st.dictionaries(KEYS, trees, max_size=3),
        named.map(OrderedDict),
        named.map(lambda d: defaultdict(int, d)),
        pairs.map(lambda p: Pair(*p)),
        pairs.map(lambda p: SubPair(*p)),
        st.builds(Node, lists, AUX),
        st.builds(KeyedNode, lists, AUX),
        st.builds(Record, trees, trees, st.sampled_from(["n", "m"])),
        st.builds(PlainRecord, st.integers(0, 1), trees),
    )


BASE = st.one_of(LEAVES, st.none(), st.integers(0, 2).map(StaticValue))
TREES = st.recursive(BASE, grow, max_leaves=12)


def edited(tree, change):
    """The tree with every leaf replaced by change(leaf)."""
    try:
        return minijax.tree.map(change, tree)
    except ValueError:  # a dict whose keys have no order
        return tree


@st.composite
def related(draw):
    """Two trees: one whose leaves were partly replaced by trees, or two random ones."""
    tree = draw(TREES)
    if draw(st.booleans()):
        return tree, draw(TREES)
    return tree, edited(tree, lambda x: draw(TREES) if draw(st.booleans()) else x)


PREDICATES = {
    "none": None,
    "is None": lambda x: x is None,
    "tuple": lambda x: isinstance(x, tuple),
    "short": lambda x: hasattr(x, "__len__") and len(x) < 2,
    "never": lambda x: None,
    "bad": lambda x: 1,
}
is_leaf_predicates = st.sampled_from(list(PREDICATES)).map(PREDICATES.get)
path_predicates = st.sampled_from(
    [None, lambda p, x: len(p) == 1, lambda p, x: x is None, lambda p, x: 1]
)
few = settings(max_examples=150, deadline=None)

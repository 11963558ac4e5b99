"""Small helpers on sequences, functions and caches."""

import faulthandler
import functools
import itertools
import threading
import types
from collections.abc import Callable
from typing import Any

from minijax import stats
from minijax._src._homes import names_of
from minijax._src._weak_cache import multi_weakref_lru_cache as multi_weakref_lru_cache
from minijax._src._weak_cache import weakref_cache_key_types as weakref_cache_key_types
from minijax._src._weak_cache import weakref_lru_cache as weakref_lru_cache
from minijax.dispatch import clear_caches
from minijax.extend.linear_util import cache as cache
from minijax.ops.define import move_axis
from minijax.ops.shape import canonical_axis
from minijax.util import safe_map, safe_zip, split_list

NumpyComplexWarning = Warning
clear_all_caches = clear_caches

# What JAX's tests set: called with the name of each rare event.
test_event_listener: Callable[..., None] | None = None


def _hear(name, *details):
    # Looked up at each event: it may have been replaced.
    if test_event_listener is not None:
        test_event_listener(name, *details)


stats.event_listener = _hear


def install_failure_signal_handler():
    """Show where Python is when the process gets a fatal signal."""
    if not faulthandler.is_enabled():
        faulthandler.enable()


class Mutex:
    """A lock that many may hold for reading, or one for writing."""

    def __init__(self):
        self._changed = threading.Condition()
        self._readers, self._written = 0, False

    def reader_lock(self):
        """Wait until nobody writes."""
        with self._changed:
            self._changed.wait_for(lambda: not self._written)
            self._readers += 1

    def reader_unlock(self):
        """Let go of what `reader_lock` took."""
        with self._changed:
            self._readers -= 1
            self._changed.notify_all()

    def writer_lock(self):
        """Wait until nobody reads or writes."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._written or self._readers))
            self._written = True

    def writer_unlock(self):
        """Let go of what `writer_lock` took."""
        with self._changed:
            self._written = False
            self._changed.notify_all()

    lock, unlock = writer_lock, writer_unlock


def unzip3(triples):
    """The firsts, the seconds and the thirds of triples."""
    rows = list(triples)
    return tuple(tuple(row[k] for row in rows) for k in range(3))


def partition_list(marks, values):
    """The values that are not marked, and those that are.

    AssertionError where these are not as many as the marks.
    """
    if len(marks) != len(values):
        raise AssertionError(f"{len(marks)} marks for {len(values)} values")
    pairs = safe_zip(marks, values)
    return [x for mark, x in pairs if not mark], [x for mark, x in pairs if mark]


def merge_lists(marks, unmarked, marked):
    """The inverse of `partition_list`."""
    if len(marks) != len(unmarked) + len(marked) or sum(marks) != len(marked):
        raise AssertionError("values and marks are not as many")
    rest, chosen = iter(unmarked), iter(marked)
    return [next(chosen if mark else rest) for mark in marks]


def subvals(values, replacements):
    """`values` with those at given places replaced; a tuple."""
    changed = list(values)
    for place, value in replacements:
        changed[place] = value
    return tuple(changed)


def foreach(fun, *args):
    """`safe_map` for what `fun` does."""
    safe_map(fun, *args)


def concatenate(sequences):
    """One list of all elements."""
    return [x for sequence in sequences for x in sequence]


def curry(fun):
    """`curry(f)(x)(y)` is `f(x, y)`, and `curry(f)(x)` waits for the rest."""
    return functools.partial(functools.partial, fun)


def tuple_insert(values, place, value):
    """`values` with one more at `place`."""
    return (*values[:place], value, *values[place:])


def tuple_delete(values, place):
    """`values` without the one at `place`."""
    return (*values[:place], *values[place + 1 :])


def tuple_update(values, place, value):
    """`values` with the one at `place` replaced."""
    return (*values[:place], value, *values[place + 1 :])


def ceil_of_ratio(x, y):
    """`x / y`, rounded up."""
    return -(-x // y)


def subs_list(places, source, base):
    """Those of `source` that `places` names, and for each None the next of `base`."""
    rest = iter(base)
    return [next(rest) if place is None else source[place] for place in places]


def subs_list2(places1, places2, source1, source2, base):
    """`subs_list` of two lists of places, the first of which goes first."""
    rest = iter(base)
    return [
        source1[p1] if p1 is not None else source2[p2] if p2 is not None else next(rest)
        for p1, p2 in safe_zip(places1, places2)
    ]


def flatten(lists):
    """One list of the elements of all."""
    return list(itertools.chain.from_iterable(lists))


def unflatten(values, sizes):
    """Consecutive sublists of the given sizes, which are all of `values`."""
    *parts, rest = split_list(values, sizes)
    if rest:
        raise AssertionError("more values than the sizes say")
    return parts


def stable_unique(values):
    """The values, each once, in the order in which they first come."""
    return dict.fromkeys(values).keys()


def canonicalize_axis_tuple(axis, num_dims, allow_duplicate=False):
    """Axes counted from the front; None: all.  ValueError for one that comes twice."""
    if axis is None:
        return tuple(range(num_dims))
    axes = (axis,) if isinstance(axis, int) else axis
    found = tuple(canonicalize_axis(a, num_dims) for a in axes)
    if len(set(found)) != len(found) and not allow_duplicate:
        raise ValueError(f"repeated axis: {axis}")
    return found


def canonicalize_axis(axis, num_dims):
    """An axis counted from the front.  ValueError for one out of bounds."""
    return canonical_axis(axis, num_dims)


def moveaxis(x, src, dst):
    """`x` with axis `src` moved to `dst`."""
    return move_axis(x, src, dst)


def memoize(fun):
    """`fun`, called once for equal arguments."""
    return cache(max_size=None)(fun)


def toposort(end_nodes):
    """Nodes in an order in which their `parents` come first."""
    order, seen = [], set()

    def visit(node):
        if id(node) not in seen:
            seen.add(id(node))
            for parent in node.parents:
                visit(parent)
            order.append(node)

    for node in end_nodes:
        visit(node)
    return order


def test_event(name, *details):
    """Tell the listener of a test that something rare happened."""
    stats.event(name, *details)


def fun_name(fun, default="<unnamed function>") -> str:
    """The name of a function, seen through `functools.partial`."""
    while isinstance(fun, functools.partial) and not hasattr(fun, "__name__"):
        fun = fun.func
    return getattr(fun, "__name__", default)


def fun_qual_name(fun, default="<unnamed function>") -> str:
    """The qualified name of a function, seen through `functools.partial`."""
    while isinstance(fun, functools.partial) and not hasattr(fun, "__qualname__"):
        fun = fun.func
    return getattr(fun, "__qualname__", None) or getattr(fun, "__name__", default)


def wrap_name(transform, name):
    """`transform(name)`."""
    return f"{transform}({name})"


def wraps(wrapped, namestr=None, docstr=None, **kwargs):
    """As `functools.wraps`, with a name and a docstring made from patterns."""

    def decorate(fun: Any) -> Any:
        name = fun_name(wrapped)
        fun.__name__ = (namestr or "{fun}").format(fun=name)
        fun.__qualname__ = getattr(wrapped, "__qualname__", name)
        fun.__module__ = getattr(wrapped, "__module__", "<unknown>")
        fun.__doc__ = (docstr or "{doc}").format(
            fun=name, doc=getattr(wrapped, "__doc__", ""), **kwargs
        )
        fun.__dict__.update(getattr(wrapped, "__dict__", {}))
        fun.__wrapped__ = wrapped
        return fun

    return decorate


def set_module(module):
    """A decorator that says where a function is public."""

    def decorate(fun):
        if not isinstance(fun, types.BuiltinFunctionType):
            fun.__module__ = module
        return fun

    return decorate


class OrderedSet:
    """A set that keeps the order of insertion, and forgets nothing."""

    def __init__(self):
        self._elements = {}

    def add(self, elt):
        """Put an element in."""
        self._elements[elt] = None

    def update(self, elts):
        """Put elements in."""
        self._elements.update(dict.fromkeys(elts))

    def __contains__(self, elt):
        return elt in self._elements

    def __iter__(self):
        return iter(self._elements)

    def __len__(self):
        return len(self._elements)


class HashableWrapper:
    """Anything as a key: by its own hash and equality, or by identity without a hash."""

    def __init__(self, x):
        self.x = x
        try:
            self.hash = hash(x)
        except Exception:  # whatever the value's own hash raises
            self.hash = None

    def __hash__(self):
        return id(self.x) if self.hash is None else self.hash

    def __eq__(self, other):
        if type(other) is not HashableWrapper:
            return False
        return self.x is other.x if self.hash is None else self.x == other.x


class HashablePartial:
    """A partial application, equal to others of the same function and arguments."""

    def __init__(self, f, *args, **kwargs):
        self.f, self.args, self.kwargs = f, args, kwargs

    def __eq__(self, other):
        return (
            type(other) is HashablePartial
            and self.f.__code__ == other.f.__code__
            and (self.args, self.kwargs) == (other.args, other.kwargs)
        )

    def __hash__(self):
        return hash((self.f.__code__, self.args, tuple(self.kwargs.items())))

    def __call__(self, *args, **kwargs):
        return self.f(*self.args, *args, **self.kwargs, **kwargs)


class HashableFunction:
    """A function that is equal to others of the same closure."""

    def __init__(self, f, closure):
        self.f, self.closure = f, closure

    def __eq__(self, other):
        return (
            isinstance(other, HashableFunction)
            and self.f.__code__ == other.f.__code__
            and self.closure == other.closure
        )

    def __hash__(self):
        return hash((self.f.__code__, self.closure))

    def __call__(self, *args, **kwargs):
        return self.f(*args, **kwargs)

    def __repr__(self):
        return f"<hashable {self.f.__name__} with closure={self.closure}>"


__getattr__ = names_of(__name__, "minijax.util")

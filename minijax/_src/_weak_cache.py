"""Functions remembered by arguments of which some are not kept alive by that."""

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from minijax import config


class CacheInfo(NamedTuple):
    """How often a remembered function was asked, and what it holds."""

    hits: int
    misses: int
    maxsize: int | None
    currsize: int


class WeakCache:
    """`call`, remembered by its arguments and by the flags that tracing depends on.

    weak: `weak(replace, args, kwargs)` gives hashable arguments, with `replace(x)` in
        the place of each `x` that is not to be kept alive. With one of them goes what is
        known of it.
    maxsize: how many results are held; the longest unused goes first. None: all.
    traced: whether the flags count.
    """

    def __init__(self, call, weak, maxsize, traced):
        functools.update_wrapper(self, call)
        self._call, self._weak, self._maxsize = call, weak, maxsize
        self._context: Callable[[], Any] = config.trace_key if traced else tuple
        self._found: dict[Any, Any] = {}
        self._keys: dict[int, Any] = {}  # number of an entry -> its key
        self._made = self._hits = self._misses = 0
        self._lock = threading.RLock()

    def __call__(self, *args, **kwargs):
        asked = self._context(), *self._weak(weakref.ref, args, kwargs)
        with self._lock:
            if asked in self._found:
                self._hits += 1
                entry = self._found.pop(asked)
                self._found[self._keys[entry[0]]] = entry  # the last one used
                return entry[1]
            self._misses += 1
        result = self._call(*args, **kwargs)
        with self._lock:
            self._remember(asked[0], args, kwargs, result)
        return result

    def _remember(self, context, args, kwargs, result):
        self._made += 1
        number = self._made
        dies = functools.partial(_forget, weakref.ref(self), number)
        key = context, *self._weak(lambda x: weakref.ref(x, dies), args, kwargs)
        if self._maxsize == 0 or key in self._found:
            return
        if self._maxsize is not None and len(self._found) >= self._maxsize:
            self._drop(next(iter(self._found.values()))[0])
        self._keys[number] = key
        self._found[key] = number, result

    def _drop(self, number):
        key = self._keys.pop(number, None)
        if key is not None:
            self._found.pop(key, None)

    def cache_info(self) -> CacheInfo:
        """How often it was asked, and how much it holds."""
        return CacheInfo(self._hits, self._misses, self._maxsize, len(self._found))

    def cache_clear(self):
        """Forget all results."""
        with self._lock:
            self._found.clear()
            self._keys.clear()
            self._hits = self._misses = 0

    def cache_keys(self) -> list[Any]:
        """What results are held for."""
        return list(self._found)

    def evict_weakref(self, x):
        """Forget the results for arguments with `x` among those not kept alive."""
        gone = weakref.ref(x)
        with self._lock:
            for number, key in list(self._keys.items()):
                if any(ref == gone for ref in _refs(key)):
                    self._drop(number)


def _forget(cache, number, _):
    held = cache()
    if held is not None:
        held._drop(number)


def _refs(key):
    """The weak references in a key."""
    if isinstance(key, weakref.ref):
        yield key
    elif isinstance(key, tuple):
        for part in key:
            yield from _refs(part)


def _first(replace, args, kwargs):
    return replace(args[0]), args[1:], tuple(kwargs.items())


# The types of arguments that `multi_weakref_lru_cache` does not keep alive
weakref_cache_key_types: set[type] = set()


def _anywhere(replace, args, kwargs):
    def walk(x):
        if type(x) in weakref_cache_key_types:
            return replace(x)
        if type(x) is tuple:
            return tuple(map(walk, x))
        if type(x) is dict:
            return tuple([(k, walk(x[k])) for k in sorted(x)])
        return x

    return walk(args), walk(kwargs)


def weakref_lru_cache(f=None, *, maxsize=2048, trace_context_in_key=True, **_):
    """`f` remembered by its arguments, the first of which is not kept alive."""
    if f is None:
        return functools.partial(
            weakref_lru_cache,
            maxsize=maxsize,
            trace_context_in_key=trace_context_in_key,
        )
    return WeakCache(f, _first, maxsize, trace_context_in_key)


def multi_weakref_lru_cache(call, *, maxsize=2048, trace_context_in_key=True):
    """As `weakref_lru_cache`; all arguments of the types in `weakref_cache_key_types` are
    not kept alive, in tuples and dicts as well.
    """
    return WeakCache(call, _anywhere, maxsize, trace_context_in_key)

"""Functions that are transformed step by step (`jax.extend.linear_util`)."""

import functools

from minijax import config
from minijax.trace import WrappedFun as WrappedFun


class StoreException(Exception):
    """A stored value was read before the function ran, or stored twice."""


class Store:
    """A value that is set once, by a call."""

    def __init__(self):
        self._values = []

    def store(self, val):
        """Set the value.  StoreException where there is one."""
        if self._values:
            raise StoreException("Store occupied")
        self._values.append(val)

    def reset(self):
        """Forget the value."""
        self._values.clear()

    @property
    def val(self):
        """The value.  StoreException before it is set."""
        if not self._values:
            raise StoreException("Store empty")
        return self._values[0]

    def __bool__(self):
        return bool(self._values)


class EqualStore(Store):
    """A value that may be set again to an equal one."""

    def store(self, val):
        """Set the value.  StoreException where there is another."""
        if self and self.val != val:
            raise StoreException("Store occupied with not-equal value")
        self._values[:] = [val]


def wrap_init(f, params=None, *, debug_info=None):
    """A function before any transformation."""
    return WrappedFun(f, None, params, debug_info)


def transformation2(gen, fun=None, *static):
    """`gen(f, *static, *args)` around `fun`, where `f` is the function inside."""
    if fun is None:
        return functools.partial(transformation2, gen)
    inner = fun.call_wrapped
    return fun.wrap(
        lambda *args, **kwargs: gen(inner, *static, *args, **kwargs), (gen, static)
    )


def transformation_with_aux2(gen, fun=None, *static, use_eq_store=False):
    """As `transformation2`, of `gen(f, store, *static, *args)`: (function, thunk).

    The thunk gives what the last call put in the store.
    """
    if fun is None:
        return functools.partial(
            transformation_with_aux2, gen, use_eq_store=use_eq_store
        )
    inner, store = fun.call_wrapped, EqualStore() if use_eq_store else Store()
    out = fun.wrap(
        lambda *args, **kwargs: gen(inner, store, *static, *args, **kwargs),
        (gen, static),
        store,
    )
    return out, lambda: store.val


def transformation(gen, fun=None, *static):
    """A generator around `fun`: it yields `(args, kwargs)`, is sent the result, and
    yields its own.
    """
    if fun is None:
        return functools.partial(transformation, gen)

    def direct(f, *args, **kwargs):
        steps = gen(*args, **kwargs)
        inner_args, inner_kwargs = next(steps)
        return steps.send(f(*inner_args, **inner_kwargs))

    return transformation2(direct, fun, *static)


def transformation_with_aux(gen, fun=None, *static):
    """As `transformation`, of a generator that yields a pair at last: result and aux."""
    if fun is None:
        return functools.partial(transformation_with_aux, gen)

    def direct(f, store, *args, **kwargs):
        steps = gen(*args, **kwargs)
        inner_args, inner_kwargs = next(steps)
        out, aux = steps.send(f(*inner_args, **inner_kwargs))
        store.store(aux)
        return out

    return transformation_with_aux2(direct, fun, *static)


def cache(call=None, *, max_size=None, **_):
    """`call` remembered by its arguments and by the flags that tracing depends on."""
    if call is None:
        return functools.partial(cache, max_size=max_size)

    @functools.lru_cache(max_size)
    def found(_key, *args, **kwargs):
        return call(*args, **kwargs)

    @functools.wraps(call)
    def cached(*args, **kwargs):
        return found(config.trace_key(), *args, **kwargs)

    cached.cache_clear = found.cache_clear  # pyright: ignore
    cached.cache_info = found.cache_info  # pyright: ignore
    return cached


def merge_linear_aux(aux1, aux2):
    """What the one of two thunks gives that has run: (whether it is the first, value).

    StoreException where both have run, or neither.
    """
    found = []
    for first, aux in (True, aux1), (False, aux2):
        try:
            found.append((first, aux()))
        except StoreException:
            continue
    if len(found) != 1:
        raise StoreException(f"{'both stores' if found else 'neither store'} occupied")
    return found[0]


def hashable_partial(fun, *args):
    """A wrapped function with its first arguments given."""
    return transformation2(lambda f, *rest: f(*args, *rest), fun)

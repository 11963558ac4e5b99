"""What is kept of functions: results by argument, programs, and what is logged of them."""

import gc
import logging
import subprocess
import sys

import numpy as np
import pytest
from sides import Side, assert_said_same, raised


class _Key:
    """An argument that is told apart by what it is, and may go."""


class _Named:
    """An argument that is told apart by its name."""

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, other):
        return self.name == other.name


def _counted(calls):
    """A function that gives how often it was called, whatever its arguments are."""

    def count(*args, **kwargs):
        calls.append(len(args) + len(kwargs))
        return len(calls)

    return count


def _first_is_weak(side):
    cached = side("_src.util").weakref_lru_cache(_counted([]))
    one, same, other = _Named("a"), _Named("a"), _Named("b")
    found = [cached(one, 1), cached(same, 1), cached(one, 2), cached(other, 1)]
    found.append(cached.cache_info().currsize)
    cached.evict_weakref(other)
    found.append(cached.cache_info().currsize)
    del one
    gc.collect()
    info = cached.cache_info()
    return [*found, info.currsize, info.hits, info.misses, cached(same, 1)]


def _limited(side):
    cached = side("_src.util").weakref_lru_cache(_counted([]), maxsize=2)
    a, b, c = _Key(), _Key(), _Key()
    found = [cached(x) for x in (a, b, a, c, a, b)]
    cached.cache_clear()
    return found, cached.cache_info().currsize, cached(a)


def _asked_with(cached, x, y):
    """What `cached` gives where `y` is, or is in, an argument; each call twice."""
    calls = [((x, 1), {}), ((x, y), {}), ((x,), {"k": y}), ((x, (y, 1)), {})]
    calls.append(((x, {"a": y}), {}))
    return [cached(*args, **named) for args, named in calls for _ in range(2)]


def _others_are_weak(side):
    util = side("_src.util")
    util.weakref_cache_key_types.add(_Key)
    cached, x = util.multi_weakref_lru_cache(_counted([])), _Key()
    found = _asked_with(cached, x, _Key())
    gc.collect()
    return found, cached.cache_info().currsize, cached(x, 1)


def _not_weakly_referable(side):
    class Slotted:
        __slots__ = ()

        def __call__(self, x):
            return x + 1

    jitted = side.jit(Slotted())
    return type(raised(lambda: jitted(1.0))).__name__, side.vmap(Slotted())(np.ones(2))


def _alive(side):
    def f(x, y):
        return x * y + 41

    client, jitted = side.devices()[0].client, side.jit(f)
    before = len(client.live_executables())
    jitted(1.0, 2.0)
    after = len(client.live_executables())
    jitted.clear_cache()
    gc.collect()
    return after - before, len(client.live_executables()) - before


def _taken(side, **options):
    compiled = side.jit(lambda x, y: 2 * y, **options).lower(1, 2.0).compile()
    executable = compiled._executable
    return sorted(executable._kept_var_idx), [a.dtype for a in executable.in_avals]


def _mapped_again(side):
    def f(x):
        return x * 2

    traces = []
    seen = lambda x: traces.append(1) or f(x)  # noqa: E731
    x = np.ones((1, 2), np.float32)
    outs = [side.pmap(seen, in_axes=k)(x if k == 0 else x.T) for k in (0, 0, 1, 1)]
    return outs, traces


def _too_large(side):
    jitted = side.jit(lambda x, n: n, static_argnums=0)
    errors = [raised(lambda: jitted(1, 2**31))]
    jitted(1, 2)
    errors += [raised(lambda: jitted(1, 2**31)), raised(lambda: jitted(1, n=-(2**40)))]
    return [(type(e).__name__, str(e)) for e in errors]


KEPT = {
    "the first argument is weak": _first_is_weak,
    "no more than so many": _limited,
    "arguments of some types are weak": _others_are_weak,
    "not weakly referable": _not_weakly_referable,
    "executables": _alive,
    "arguments that are read": _taken,
    "arguments that are not": lambda s: _taken(s, keep_unused=True),
    "mapped functions": _mapped_again,
    "too large after others": _too_large,
}


@pytest.mark.parametrize("name", KEPT)
def test_kept(name):
    assert_said_same(KEPT[name])


def _logged(side, **flags):
    """The loggers that say something when a function is compiled, and whether."""
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage().split()[0])
    logger = logging.getLogger("jax")
    logger.addHandler(handler)
    before = {name: getattr(side.config, name) for name in flags}
    try:
        for name, value in flags.items():
            side.config.update(name, value)
        side.jit(lambda x: x + 1)(1.0)
    finally:
        for name, value in before.items():
            side.config.update(name, value)
        logger.removeHandler(handler)
    return [word in said for word in ("Finished", "Compiling")], logger.level


LOGGED = {
    "nothing": {},
    "all": {"jax_debug_log_modules": "jax"},
    "one": {"jax_debug_log_modules": "jax._src.dispatch"},
    "two": {"jax_debug_log_modules": "jax._src.dispatch,jax._src.interpreters.pxla"},
    "from a level on": {"jax_logging_level": "DEBUG"},
    "from a high level on": {"jax_logging_level": "ERROR"},
    "no level": {"jax_logging_level": None},
    "unknown level": {"jax_logging_level": "LOUD"},
}


@pytest.mark.parametrize("name", LOGGED)
def test_flags_of_logging(name):
    assert_said_same(lambda side: _logged(side, **LOGGED[name]))


@pytest.mark.parametrize("flag", ["JAX_LOGGING_LEVEL", "JAX_DEBUG_LOG_MODULES"])
def test_logging_by_the_environment(flag):
    value = "DEBUG" if flag.endswith("LEVEL") else "jax._src.dispatch"
    done = subprocess.run(
        [sys.executable, "-c", "import minijax; minijax.jit(lambda x: x)(1)"],
        capture_output=True,
        text=True,
        check=True,
        env={flag: value, "PYTHONPATH": ":".join(sys.path)},
    )
    assert "jax._src.dispatch:" in done.stderr
    assert ("Compiling" in done.stderr) is (value == "DEBUG")
    assert Side("minijax").config.jax_logging_level == "NOTSET"

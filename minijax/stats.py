"""Phase timers and event counters that the front end calls.

`with phase("trace", name):` times a stretch of work, adds it to `phases`, and records
it through `monitoring` under JAX's event name. `count("eager_cache_miss")` adds to
`counters`. Both are for rare work: a warm call of a compiled function touches neither,
so that being measurable costs nothing.
"""

import importlib
import sys
import threading
from collections.abc import Callable
from time import perf_counter, time
from typing import Any

from . import monitoring

# Phase name -> (monitoring event, how the function's name is written in it).
EVENTS: dict[str, tuple[str, str]] = {
    "trace": ("/jax/core/compile/jaxpr_trace_duration", "{}"),
    "lower": ("/jax/core/compile/jaxpr_to_mlir_module_duration", "jit({})"),
    "compile": ("/jax/core/compile/backend_compile_duration", "jit({})"),
}

# (phase, function name) -> [times entered, seconds, seconds not in an inner phase].
phases: dict[tuple[str, str], list[float]] = {}
counters: dict[str, int] = {}

# Called with JAX's private name of an event; `_src.util` sets it.
event_listener: Callable[..., None] | None = None

# The flag `jax_log_compiles`; `config` sets it.
warns_of_compiles: Callable[[], bool] = bool

_describers: list[Callable[[], dict[str, Any]]] = []


class _Innermost(threading.local):
    """The phase that this thread is in now, if any."""

    phase: "phase | None" = None


_innermost = _Innermost()


class phase:
    """Context manager that times one phase of one function's preparation.

    Phases nest; the outer one's own time leaves the inner ones out. A phase that
    raises is recorded as well, as in JAX.
    """

    __slots__ = ("_inner", "_outer", "_start", "_wall", "fun_name", "name")

    def __init__(self, name: str, fun_name: str = "<unnamed>"):
        self.name = name
        self.fun_name = fun_name

    def __enter__(self) -> "phase":
        self._outer = _innermost.phase
        self._inner = 0.0
        _innermost.phase = self
        self._wall = time()
        event, fun_name = event_name(self.name, self.fun_name)
        monitoring.record_scalar(event, self._wall, fun_name=fun_name)
        self._start = perf_counter()
        return self

    def __exit__(self, *exc_info: object) -> None:
        seconds = perf_counter() - self._start
        _innermost.phase = self._outer
        if self._outer is not None:
            self._outer._inner += seconds
        row = phases.setdefault((self.name, self.fun_name), [0, 0.0, 0.0])
        row[0] += 1
        row[1] += seconds
        row[2] += seconds - self._inner
        count(self.name)
        _log_end(self.name, self.fun_name, seconds)
        event, fun_name = event_name(self.name, self.fun_name)
        monitoring.record_event_duration_secs(event, seconds, fun_name=fun_name)
        monitoring.record_event_time_span(
            event, self._wall, self._wall + seconds, fun_name=fun_name
        )


# What JAX says in its log, in its words and under its loggers' names: tools look for them.
_FINISHED = {
    "trace": "Finished tracing {} for jit in {:.9f} sec",
    "lower": "Finished jaxpr to MLIR module conversion jit({}) in {:.9f} sec",
    "compile": "Finished XLA compilation of jit({}) in {:.9f} sec",
}


def _log_end(phase, fun_name, seconds):
    said = _FINISHED.get(phase)
    if said is not None:
        log("jax._src.dispatch", lambda: said.format(fun_name, seconds))


def log_compiling(fun_name: str, avals: Any) -> None:
    """Log that a program is about to be compiled."""
    log(
        "jax._src.interpreters.pxla",
        lambda: (
            f"Compiling jit({fun_name}) with global shapes and types {tuple(avals)}. "
            f"Argument mapping: {('UnspecifiedValue',) * len(avals)}.".replace("'", "")
        ),
    )


def log(logger: str, text: Callable[[], str], warns: bool | None = None) -> None:
    """Log what `text()` gives: as a warning where `warns` says so (under
    `jax_log_compiles`, if it is None), else for debugging.
    """
    if warns is None:
        warns = warns_of_compiles()
    if not warns and "logging" not in sys.modules:
        return  # nobody can be listening
    logging = importlib.import_module("logging")
    level = logging.WARNING if warns else logging.DEBUG
    listener = logging.getLogger(logger)
    if listener.isEnabledFor(level):
        listener.log(level, text())


def event_name(name: str, fun_name: str) -> tuple[str, str]:
    """The monitoring event of a phase, and the function's name as written in it."""
    event, form = EVENTS.get(name, (f"/minijax/{name}_duration", "{}"))
    return event, form.format(fun_name)


def count(name: str, times: int = 1) -> None:
    """Add `times` to the counter `name`."""
    counters[name] = counters.get(name, 0) + times


def event(name: str, *details: Any) -> None:
    """Tell the listener of events, if there is one, that something rare happened."""
    if event_listener is not None:
        event_listener(name, *details)


def snapshot() -> dict[str, Any]:
    """Counters and phases so far, as plain data (seconds)."""
    return {
        "counters": dict(counters),
        "phases": [
            {
                "phase": name,
                "function": fun_name,
                "count": int(row[0]),
                "seconds": row[1],
                "own_seconds": row[2],
            }
            for (name, fun_name), row in phases.items()
        ],
    }


def reset() -> None:
    """Forget every count and every phase."""
    counters.clear()
    phases.clear()


def register_environment(describe: Callable[[], dict[str, Any]]) -> None:
    """Let a component say what `environment()` reports of it (threads, kernels, …)."""
    _describers.append(describe)


def environment() -> dict[str, Any]:
    """What the components that are loaded say of how they run here."""
    merged: dict[str, Any] = {}
    for describe in _describers:
        merged.update(describe())
    return merged

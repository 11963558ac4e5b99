"""What `compare` puts around every jitted function in the process that it measures.

Loaded by its path in processes that run real JAX or minijax, so it imports neither;
`install(jax, recorder)` gets the module, and uses JAX's public API only. One
implementation serves both sides: whatever it costs, it costs both.

A probe passes straight through while another probe on the same thread is running
(a jitted function called inside a traced one), and does not count a call that returns
tracers (a jitted function under `grad`, `vmap` or `make_jaxpr`). All else is a
top-level call and is recorded: `docs/compare.md` says how.
"""

import functools
import sys
import threading
import time
import traceback
import types
from array import array
from collections.abc import Callable
from typing import Any

clock = time.perf_counter_ns

PHASES = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "compile",
}
READY_ALWAYS = 32  # calls of a function that are all timed until ready …
READY_EVERY = 8  # … and afterwards one in so many


class FunctionRecord:
    """All top-level calls of the jitted functions made at one place under one name."""

    def __init__(self, name: str, site: str):
        self.name = name
        self.site = site
        self.returned = array("q")  # ns until the call returned, every call
        self.ready_index = array("q")  # which calls were also timed until ready
        self.ready = array("q")  # ns until the outputs were ready, those calls
        self.cold_index = array("q")  # calls during which something was prepared
        self.prepared_in_calls = 0  # ns of trace, lower and compile within calls
        self.phases: dict[str, list[int]] = {}  # phase -> [times, own ns]

    def add_phase(self, phase: str, own_ns: int) -> None:
        """Count one more event of `phase`."""
        row = self.phases.setdefault(phase, [0, 0])
        row[0] += 1
        row[1] += own_ns

    def as_json(self) -> dict[str, Any]:
        """Plain data; times in ns."""
        return {
            "name": self.name,
            "site": self.site,
            "returned": self.returned.tolist(),
            "ready_index": self.ready_index.tolist(),
            "ready": self.ready.tolist(),
            "cold_index": self.cold_index.tolist(),
            "prepared_in_calls": self.prepared_in_calls,
            "phases": self.phases,
        }


class ThreadState(threading.local):
    """What the probes know of the thread they are called on."""

    depth = 0  # probes running now
    record: FunctionRecord | None = None  # whose work it is
    events = 0  # phase events so far
    event_ns = 0  # and their own time

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []  # (start, end) ns of ended phases


class Recorder:
    """Everything that the probes of one process record."""

    def __init__(self, jax: Any, sampler: Any = None):
        self.functions: dict[tuple[str, str], FunctionRecord] = {}
        self.outside = FunctionRecord("(outside jitted functions)", "")
        self.state = ThreadState()
        self.sampler = sampler
        self.failure: str | None = None  # why sampling ended before its time
        self.overhead = 0  # ns that probes spent on their own account
        self.waited = 0  # ns that probes waited for outputs to be ready
        self._tracer = jax.core.Tracer
        self._leaves = jax.tree_util.tree_leaves
        self._block = jax.block_until_ready
        self._concrete: set[type] = set()

    def record_for(self, name: str, site: str) -> FunctionRecord:
        """The record of the functions called `name` that were jitted at `site`."""
        record = self.functions.get((name, site))
        if record is None:
            record = self.functions[name, site] = FunctionRecord(name, site)
        return record

    def sample(self, step: Callable, *args: Any) -> None:
        """Run a step of the sampler; its failure ends sampling, not the script."""
        try:
            step(*args)
        except Exception:
            self.failure = traceback.format_exc()
            self.sampler = None

    def expect_donation(self) -> None:
        """From now on, calls may delete their arguments: copy them beforehand."""
        if self.sampler is not None:
            self.sampler.eager_copies = True

    def on_duration(self, event: str, seconds: float, **metadata: Any) -> None:
        """Listener for JAX's duration events.

        A phase's own time leaves out the phases within it, which have ended before.
        """
        phase = PHASES.get(event)
        if phase is None:
            return
        state = self.state
        end = clock()
        duration = int(seconds * 1e9)
        start = end - duration
        within = 0
        while state.spans and sum(state.spans[-1]) // 2 > start:
            inner_start, inner_end = state.spans.pop()
            within += inner_end - inner_start
        state.spans.append((start, end))
        own = max(0, duration - within)
        state.events += 1
        state.event_ns += own
        (state.record or self.outside).add_phase(phase, own)

    def is_tracing(self, outputs: Any) -> bool:
        """Whether `outputs` holds a tracer: then this was no call, but a trace."""
        kinds = set(map(type, self._leaves(outputs)))
        unknown = kinds - self._concrete
        if any(issubclass(kind, self._tracer) for kind in unknown):
            return True
        self._concrete |= unknown
        return False

    def call(self, record: FunctionRecord, target: Callable, args, kwargs) -> Any:
        """Call `target` for a probe and record it, if it is a top-level call."""
        state = self.state
        if state.depth:
            return target(*args, **kwargs)
        entered = clock()
        index = len(record.returned)
        timed = index < READY_ALWAYS or index % READY_EVERY == 0
        waited = self._drain((args, kwargs)) if timed else 0
        if self.sampler is not None:
            self.sample(self.sampler.before, record, index, args, kwargs)
        state.spans.clear()
        events, event_ns = state.events, state.event_ns
        state.depth, state.record = 1, record
        start = clock()
        try:
            outputs = target(*args, **kwargs)
            returned = clock()
        finally:
            state.depth, state.record = 0, None
        if timed:
            self._wait(outputs)
        ready = clock()
        if not self.is_tracing(outputs):
            record.returned.append(returned - start)
            if timed:
                record.ready_index.append(index)
                record.ready.append(ready - start)
            if state.events != events:
                record.cold_index.append(index)
                record.prepared_in_calls += state.event_ns - event_ns
            if self.sampler is not None:
                after = self.sampler.after
                self.sample(after, record, index, outputs, target, args, kwargs)
        waited += ready - returned
        self.waited += waited
        self.overhead += clock() - entered - (returned - start) - waited
        return outputs

    def stage(self, record: FunctionRecord, method: Callable, args, kwargs) -> Any:
        """Run an ahead-of-time stage for a probe, so that its work is the record's."""
        state = self.state
        if state.depth:
            return method(*args, **kwargs)
        state.depth, state.record = 1, record
        try:
            return Stage(method(*args, **kwargs), record, self)
        finally:
            state.depth, state.record = 0, None

    def _drain(self, arguments: Any) -> int:
        """Wait until the arguments are ready; ns waited."""
        start = clock()
        try:
            self._block(arguments)
        except Exception:  # the call itself will say what is wrong with them
            return 0
        return clock() - start

    def _wait(self, outputs: Any) -> None:
        """Block on one array of `outputs`: one execution's get ready together.

        Walking to the first leaf costs less than flattening the whole tree, which for
        a call of a few microseconds would be most of the figure.
        """
        leaf = outputs
        while True:
            kind = type(leaf)
            if (kind is tuple or kind is list) and leaf:
                leaf = leaf[0]
            elif kind is dict and leaf:
                leaf = next(iter(leaf.values()))
            else:
                break
        block = getattr(leaf, "block_until_ready", None)
        if block is not None:
            block()
        else:
            self._block(outputs)


class Probe:
    """Stands for a jitted function: same calls, same attributes, and it records."""

    def __init__(self, target: Any, record: FunctionRecord, recorder: Recorder):
        self._compare_target = target
        self._compare_record = record
        self._compare_recorder = recorder

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._compare_recorder.call(
            self._compare_record, self._compare_target, args, kwargs
        )

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compare_target, name)

    def __repr__(self) -> str:
        return repr(self._compare_target)

    def trace(self, *args: Any, **kwargs: Any) -> Any:
        """The function's own `trace`, recorded."""
        return self._staged("trace", args, kwargs)

    def lower(self, *args: Any, **kwargs: Any) -> Any:
        """The function's own `lower`, recorded."""
        return self._staged("lower", args, kwargs)

    def _staged(self, name: str, args: Any, kwargs: Any) -> Any:
        method = getattr(self._compare_target, name)
        return self._compare_recorder.stage(self._compare_record, method, args, kwargs)


class Stage:
    """Stands for a traced, lowered or compiled function of the same record."""

    def __init__(self, target: Any, record: FunctionRecord, recorder: Recorder):
        self._compare_target = target
        self._compare_record = record
        self._compare_recorder = recorder

    @property
    def __class__(self) -> type:  # so that isinstance sees jax.stages' class
        return type(self._compare_target)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._compare_target, name)
        if name not in ("lower", "compile"):
            return value

        def staged(*args: Any, **kwargs: Any) -> Any:
            return self._compare_recorder.stage(
                self._compare_record, value, args, kwargs
            )

        return staged

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._compare_recorder.call(
            self._compare_record, self._compare_target, args, kwargs
        )


def install(jax: Any, recorder: Recorder) -> None:
    """Replace `jax.jit` by one whose functions are probes, and listen to events."""
    real_jit = jax.jit
    jax.monitoring.register_event_duration_secs_listener(recorder.on_duration)

    def probed(fun: Callable, options: dict[str, Any], site: str) -> Probe:
        record = recorder.record_for(function_name(fun), site)
        if options.get("donate_argnums") or options.get("donate_argnames"):
            recorder.expect_donation()
        return Probe(real_jit(fun, **options), record, recorder)

    @functools.wraps(real_jit)
    def jit(*fun: Callable, **options: Any) -> Any:
        site = call_site(sys._getframe(1))
        if len(fun) == 1 and callable(fun[0]):
            return probed(fun[0], options, site)
        if not fun and "fun" not in options:
            real_jit(**options)  # refuses wrong options here, as without the probe
            return lambda function: probed(function, options, site)
        return real_jit(*fun, **options)  # wrong use: the real one says so

    jax.jit = jit


def function_name(fun: Any) -> str:
    """The qualified name of the Python function inside partials and wrappers."""
    for _ in range(100):
        inner = getattr(fun, "func", None) or getattr(fun, "__wrapped__", None)
        inner = getattr(fun, "__func__", inner)
        if inner is None or inner is fun or not callable(inner):
            break
        fun = inner
    name = getattr(fun, "__qualname__", None) or type(fun).__qualname__
    return name.replace("<locals>.", "")


def call_site(frame: types.FrameType) -> str:
    """`file.py:12`: where the program asked for this jitted function."""
    path = frame.f_code.co_filename
    return f"{path.rpartition('/')[2]}:{frame.f_lineno}"

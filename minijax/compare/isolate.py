"""One program on two backends, and what its time is made of, within one process.

`measure` runs in a process in which a script has just ended: the script's front end has
given the jaxprs, and both backends are there to run them, in turns. docs/isolation.md
says how each part is taken, and where the method ends.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import minijax
from cbackend import profile
from minijax import core, executable, interop
from minijax.interop.values import jax_module
from minijax.measure import clocks, machine, outputs, statistics
from minijax.transforms.cost import cost, products

BACKENDS = ("XLA", "C backend")
PHASES = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "compile",
}
CHAINS = (2, 8, 32)  # kernels in the programs of the regression
PROFILES = 11  # profiles of a program, of which the median counts …
PROFILED = 2  # … each of so many runs
LOOP = 0.002  # seconds of a sample: a loop of calls, or one call that takes longer
TURNS = 6  # visits to each of the calls that are timed in turns …
MOST = 8  # … with at most so many samples each


def measure(
    front: Any,
    functions: list[dict[str, Any]],
    config: dict[str, Any],
    numpy: Any,
    file: Any,
) -> dict[str, Any]:
    """Every function of the script on both backends; plain data, in seconds.

    `front` is the module that was "jax" for the script; outputs go to `file`.
    """
    jax = jax_module()
    for framework in (jax, minijax):  # what the script has set holds for both
        framework.config.update("jax_enable_x64", bool(front.config.jax_enable_x64))
    describer = outputs.Describer(outputs.PlainTrees, numpy, file)
    seconds = config["seconds"]
    return {
        "front": config["module"],
        "machine": machine.peaks([jax, minijax]),
        "kernel_overhead": kernel_overhead(jax),
        "functions": [
            _function(front, jax, captured, seconds, describer)
            for captured in functions
        ],
    }


def _function(front, jax, captured: dict, seconds: float, describer: Any) -> dict:
    entry = {"name": captured["name"], "site": captured["site"]}
    closed = captured["closed"]
    try:
        leaves = _dynamic(captured["leaves"], len(closed.jaxpr.invars))
        calls, phases = {}, {}
        for backend, (framework, function, args) in cells(
            front, jax, closed, leaves
        ).items():
            calls[backend] = clocks.Call(framework.jit(function), args)
            phases[backend] = preparation(framework, calls[backend])
        entry["phases"] = phases
        entry["outputs"] = {
            name: describer.keep(describer.describe(_host(call.once())))
            for name, call in calls.items()
        }
        entry["times"] = in_turns(calls, seconds)
        entry["counted"] = {**cost(closed), "products": products(closed)}
        entry["equations"] = count_equations(closed.jaxpr)
        entry["parts"] = decompose(front, captured, closed, leaves, seconds)
    except Exception as error:
        text = str(error).strip().partition("\n")[0]
        entry["failed"] = f"{type(error).__name__}: {text}"[:300]
    return entry


def _dynamic(leaves: list[Any], count: int) -> list[Any]:
    """The leaves that are arguments of the program, without static ones."""
    if len(leaves) != count:
        leaves = [x for x in leaves if hasattr(x, "dtype") or isinstance(x, dict)]
    if len(leaves) != count:
        raise ValueError("which arguments are static cannot be told")
    return leaves


def cells(front: Any, jax: Any, closed: Any, leaves: list[Any]) -> dict[str, Any]:
    """backend -> (framework, flat function, arguments) of one program."""
    if front is minijax:
        own, theirs = closed, interop.to_jax(closed)
    else:
        own, theirs = (
            interop.from_jax(closed),
            jax_module(".extend.core").jaxpr_as_fun(closed),
        )
    return {
        "XLA": (
            jax,
            lambda *xs: tuple(theirs(*xs)),
            tuple(_on(jax, x) for x in leaves),
        ),
        "C backend": (
            minijax,
            lambda *xs: tuple(core.eval_jaxpr(own.jaxpr, own.consts, *xs)),
            tuple(_on(minijax, x) for x in leaves),
        ),
    }


def _on(framework: Any, leaf: Any) -> Any:
    """A host leaf as the framework's own array; Python scalars stay what they are."""
    if isinstance(leaf, dict):
        return framework.random.wrap_key_data(leaf["data"], impl=leaf["key"])
    return framework.numpy.asarray(leaf) if hasattr(leaf, "dtype") else leaf


def _host(results: Any) -> tuple:
    """Results as NumPy arrays; keys as their words."""
    found = []
    for x in results:
        if str(x.dtype).startswith("key<"):
            framework = minijax if isinstance(x, minijax.Array) else jax_module()
            x = framework.random.key_data(x)
        found.append(np.asarray(x))
    return tuple(found)


def preparation(framework: Any, call: clocks.Call) -> dict[str, float]:
    """Seconds of trace, lower and compile in a first call."""
    found: dict[str, float] = {}

    def listen(event: str, seconds: float, **_: Any) -> None:
        phase = PHASES.get(event)
        if phase is not None:
            found[phase] = found.get(phase, 0.0) + seconds

    monitoring = framework.monitoring
    monitoring.register_event_duration_secs_listener(listen)
    try:
        clocks.wait(call.once())
    finally:
        monitoring.unregister_event_duration_listener(listen)
    return found


def in_turns(calls: dict[str, clocks.Call], seconds: float) -> dict[str, list[float]]:
    """Samples of each call until it is ready, about `seconds` of each, taken in turns.

    A sample is a short loop: what interrupts this process falls into a few of them, and
    their median knows nothing of it.
    """
    loops, counts = {}, {}
    for name, call in calls.items():
        once = clocks.settle(call, 0.02)
        loops[name] = clocks.calibrate(call.ready, LOOP, once)
        fit = round(seconds / TURNS / (loops[name] * once))
        counts[name] = min(max(fit, 1), MOST)
    found: dict[str, list[float]] = {name: [] for name in calls}
    with clocks.no_collections():
        for turn in range(TURNS):
            for name in list(calls) if turn % 2 == 0 else list(calls)[::-1]:
                for _ in range(counts[name]):
                    found[name].append(calls[name].ready(loops[name]))
    return found


def count_equations(jaxpr: Any) -> int:
    """Equations, those of nested jaxprs included."""
    total = 0
    for eqn in jaxpr.eqns:
        total += 1
        for value in eqn.params.values():
            for item in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(item, "jaxpr", item)
                if hasattr(inner, "eqns"):
                    total += count_equations(inner)
    return total


# --- the parts of a call ----------------------------------------------------------------


def decompose(
    front: Any, captured: dict, closed: Any, leaves: list[Any], seconds: float
) -> dict[str, Any]:
    """The parts of a warm call of the function as the script calls it.

    "call": until ready; "dispatch": the same trees in and out, no work. On minijax also
    "run" (the program alone, in C), "kernels" and "by_op"; on JAX "kernels_launched".
    """
    if captured["call"] is None:
        args, target = None, None
    else:
        args, target = captured["call"], captured["target"]
    if args is None or target is None:
        return {"skipped": "its arguments are donated, so it cannot be called again"}
    positional, named = args
    whole = clocks.Call(lambda: target(*positional, **named), ())
    empty = clocks.Call(
        dispatch_floor(front, target, positional, named),
        (),
    )
    times = in_turns({"call": whole, "dispatch": empty}, seconds)
    found: dict[str, Any] = {name: float(np.median(t)) for name, t in times.items()}
    if front is minijax:
        found |= c_parts(closed, [_on(minijax, x) for x in leaves], seconds)
    else:
        text = target.lower(*positional, **named).compile().as_text()
        found["kernels_launched"] = launched_kernels(text)
    return found


def dispatch_floor(
    front: Any, target: Callable, args: Any, kwargs: Any
) -> Callable[[], Any]:
    """A call with the target's trees in and out that computes nothing.

    Arguments are passed though unused; each output is a scalar constant.
    """
    tree = front.tree_util
    leaves, treedef = tree.tree_flatten(target(*args, **kwargs))
    kinds = [x.dtype if hasattr(x, "dtype") else np.dtype("float32") for x in leaves]
    plain = [np.dtype("uint32") if not isinstance(d, np.dtype) else d for d in kinds]
    dynamic, in_tree = tree.tree_flatten((args, kwargs))
    arrays = [
        isinstance(x, front.Array | np.ndarray | float | complex) for x in dynamic
    ]
    given = [x for x, is_array in zip(dynamic, arrays) if is_array]

    def nothing(tree_of_arrays):
        del tree_of_arrays
        zeros = [front.numpy.zeros((), d) for d in plain]
        return tree.tree_unflatten(treedef, zeros)

    if all(arrays):
        jitted = front.jit(nothing, keep_unused=True)
        whole = tree.tree_unflatten(in_tree, dynamic)
        return lambda: jitted(whole)
    jitted = front.jit(nothing, keep_unused=True)
    return lambda: jitted(given)


def c_parts(closed: Any, args: list[Any], seconds: float) -> dict[str, Any]:
    """Time of the program alone, and of its instructions by op; seconds per run."""
    compiled = executable.Compiled(closed, "isolation")
    compiled(args)  # the first run touches its memory
    profiles = []
    for _ in range(PROFILES):
        with profile.Recording(compiled.executable) as recording:
            for _ in range(PROFILED):
                compiled(args)
            profiles.append(by_operation(recording.rows()))
    alone = clocks.Call(compiled, (args,))
    nothing = core.ClosedJaxpr(core.Jaxpr([], closed.jaxpr.invars, [], []))
    empty = clocks.Call(executable.Compiled(nothing, "empty"), (args,))
    times = in_turns({"run": alone, "entry": empty}, seconds)
    entry = float(np.median(times["entry"]))
    return {
        "run": max(0.0, float(np.median(times["run"])) - entry),
        "kernels": float(np.median([p.seconds for p in profiles])) / PROFILED,
        "by_op": {
            name: float(np.median([p.by_op[name] for p in profiles])) / PROFILED
            for name in profiles[0].by_op
        },
        "instructions": profiles[0].instructions / PROFILED,
    }


CONTROL = {"WHILE", "SCAN", "COND", "CALL"}


class Profile(NamedTuple):
    """Seconds by op and of all kernels together, and how many instructions ran."""

    by_op: dict[str, float]
    seconds: float
    instructions: int


def by_operation(rows: list[Any]) -> Profile:
    """A profile's rows summed up by op.

    An instruction that runs other programs is no kernel: its time is theirs, and what
    it adds between them is the runtime's.
    """
    found: dict[str, float] = {}
    for row in rows:
        if row.opcode not in CONTROL and row.calls:
            found[row.what] = found.get(row.what, 0.0) + row.seconds
    ordered = dict(sorted(found.items(), key=lambda pair: -pair[1]))
    return Profile(ordered, sum(found.values()), sum(row.calls for row in rows))


# --- what XLA pays for each kernel -------------------------------------------------------

_FREE = {
    "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all",
}  # fmt: skip
_OPCODE = re.compile(r"=\s+[^=]*?\s([a-z][\w\-]*)\(")
_TRIPS = re.compile(r'known_trip_count":\{"n":"(\d+)"')
_BODY = re.compile(r"(?:body|to_apply)=%?([\w.\-]+)")
_START = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{")


def launched_kernels(hlo: str) -> int:
    """Kernels that an optimised module launches in one run, loops multiplied out.

    From the module's text; a loop whose number of turns is not written there counts as
    one turn, and what is inside fusions is one kernel.
    """
    bodies: dict[str, list[str]] = {}
    entry, lines = "", []
    for line in hlo.splitlines():
        start = _START.match(line)
        if start:
            lines = bodies.setdefault(start.group(2), [])
            entry = start.group(2) if start.group(1) else entry
        else:
            lines.append(line)
    return _launched(bodies, entry, 0)


def _launched(bodies: dict[str, list[str]], name: str, depth: int) -> int:
    total = 0
    for line in bodies.get(name, ()):
        found = _OPCODE.search(line)
        opcode = found.group(1) if found else "parameter"
        if opcode in _FREE:
            continue
        body, turns, trips = _BODY.search(line), 1, _TRIPS.search(line)
        inside = opcode == "while" or (
            # Small loops are compiled into one kernel, and marked so.
            opcode == "call" and 'xla_cpu_small_call="true"' not in line
        )
        if inside and body and depth < 8:
            turns = int(trips.group(1)) if trips else 1
            total += turns * max(1, _launched(bodies, body.group(1), depth + 1))
        else:
            total += 1
    return total


def kernel_overhead(jax: Any) -> dict[str, float]:
    """What XLA pays for one more tiny kernel, by regression over program length.

    {"seconds", "error"}: the slope, and the largest relative miss of the line. A sort is
    never fused with its neighbours, and of two elements it costs next to nothing.
    """
    calls = {}
    for length in CHAINS:

        def chain(x, length=length):
            for _ in range(length):
                x = jax.lax.sort(x * 0.5)
            return x

        jitted = jax.jit(chain)
        x = jax.numpy.ones((2,))
        launched = launched_kernels(jitted.lower(x).compile().as_text())
        calls[launched] = clocks.Call(jitted, (x,))
    times = in_turns({str(k): call for k, call in calls.items()}, 0.06)
    lengths = [float(k) for k in times]
    medians = [float(np.median(t)) for t in times.values()]
    if len(lengths) < 2:
        return {"seconds": 0.0, "error": 1.0}
    slope, start = statistics.line(lengths, medians)
    misses = [abs(start + slope * n - t) / t for n, t in zip(lengths, medians)]
    return {"seconds": max(0.0, slope), "error": max(misses)}

"""A process of `bench`: does what its parent asks, line by line, on one side.

Loaded by its path in the measured process (see `measure/child.py`). Commands come as
lines of JSON on standard input, answers go as lines of JSON to what was standard
output; whatever else prints goes to standard error.
"""

import json
import os
import sys
import time
import traceback
from typing import Any

clock = time.perf_counter
PHASES = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "compile",
}
# Seconds of calls before a case is timed, and again after background work: long enough for
# what runs often to be found hot.
SETTLE = 0.1
SLOW = 0.002  # seconds: a longer call is only timed until ready


def work(child: Any) -> int:
    """Serve the parent until it says "quit" or goes away."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = Server(child)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "quit":
            break
        try:
            answer = getattr(server, f"do_{command.pop('do')}")(**command)
        except Exception as error:
            answer = {"failed": describe_error(error), "trace": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


def describe_error(error: Exception) -> str:
    """The type and the first line of what an exception says."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}"[:300]


class Server:
    """The cases of one side, and the one that is being timed."""

    def __init__(self, child: Any):
        self._child = child
        self._jax, self._module = child.jax, child.config["module"]
        self._clocks = child.load("measure/clocks.py")
        self._outputs = child.load("measure/outputs.py")
        self._cost = child.load("transforms/cost.py")
        cases = child.load("bench/cases.py")
        getter = {"numpy": "numpy_cases", "torch": "torch_cases"}.get(self._module)
        self._is_jax = getter is None
        self._cases, self._goals = cases.load_cases(
            child.config["benchmarks"],
            getter or "cases",
            self._jax,
            child.load_file,
            child.config["only"],
        )
        self._call: Any = None
        self._function: Any = None
        self._phases: dict[str, float] = {}
        if self._is_jax:
            listen = self._jax.monitoring.register_event_duration_secs_listener
            listen(self._on_duration)

    def _on_duration(self, event: str, seconds: float, **_: Any) -> None:
        phase = PHASES.get(event)
        if phase is not None:
            self._phases[phase] = self._phases.get(phase, 0.0) + seconds

    def do_list(self) -> dict[str, Any]:
        """Every case, and the groups' goals."""
        found = [case.described() for case in self._cases.values()]
        return {"cases": found, "goals": self._goals}

    def do_script(self, name: str) -> dict[str, Any]:
        """The text of a case of kind "script", for this side."""
        text, _ = self._cases[name].make()
        return {"text": str(text).format(jax=self._module)}

    def do_environment(self) -> dict[str, Any]:
        """What this process runs on and with."""
        return self._child.environment.collect(self._jax, self._module)

    def do_prepare(self, name: str, folder: str | None) -> dict[str, Any]:
        """Make a case, call it once (compiling it), keep its outputs in `folder`."""
        case = self._cases[name]
        self._enable_x64(case)
        function, args = case.make()
        self._enable_x64(case, args)
        if case.options["arrays"]:
            args = self._on_device(args)
        self._function = function
        if self._is_jax and case.options["jit"] and not hasattr(function, "lower"):
            donate = case.options.get("donate", ())
            self._function = self._jax.jit(function, donate_argnums=donate)
        donate = tuple(case.options.get("donate", ()))
        self._call = self._clocks.Call(self._function, args, donate)
        self._block(args)
        self._phases.clear()
        start = clock()
        outputs = self._call.once()
        self._block(outputs)
        first = clock() - start
        answer: dict[str, Any] = {"first": first, "phases": dict(self._phases)}
        answer["memory"] = self._child.environment.peak_resident_bytes()
        if folder is not None:
            compare = case.options.get("compare", lambda outputs: outputs)
            answer["outputs"] = self._keep(compare(outputs), folder)
        # Only now: counting traces, and the first call's trace is timed.
        answer["counted"] = self._counted(case, self._call.args)
        return answer

    def _enable_x64(self, case: Any, args: tuple = ()) -> None:
        """As the case says; else where an argument has 64-bit floating-point numbers."""
        if not self._is_jax:
            return
        wanted = case.options.get("x64")
        if wanted is None:
            leaves = self._jax.tree_util.tree_leaves(args)
            wide = ("float64", "complex128")
            wanted = any(str(getattr(x, "dtype", "")) in wide for x in leaves)
        self._jax.config.update("jax_enable_x64", bool(wanted))

    def _on_device(self, args: tuple) -> tuple:
        """The arguments with NumPy arrays as arrays of the side's own."""
        if not self._is_jax:
            return args
        array, asarray = self._child.numpy.ndarray, self._jax.numpy.asarray
        return self._jax.tree_util.tree_map(
            lambda x: asarray(x) if isinstance(x, array) else x, args
        )

    def _block(self, tree: Any) -> None:
        if self._is_jax:
            self._jax.block_until_ready(tree)

    def _keep(self, outputs: Any, folder: str) -> dict[str, Any]:
        """Describe the outputs; the numbers go to a file in `folder`."""
        if not self._is_jax:
            outputs = self._as_numpy(outputs)
        with open(os.path.join(folder, f"{self._module}.bin"), "wb") as file:
            jax = self._jax if self._is_jax else self._outputs.PlainTrees
            describer = self._outputs.Describer(jax, self._child.numpy, file)
            return describer.keep(describer.describe(outputs))

    def _as_numpy(self, outputs: Any) -> Any:
        if isinstance(outputs, tuple | list):
            return tuple(map(self._as_numpy, outputs))
        return self._child.numpy.asarray(outputs)

    def _counted(self, case: Any, args: tuple) -> dict[str, Any] | None:
        """FLOPs and bytes of the jaxpr, where there is one."""
        trace = getattr(self._function, "trace", None)
        if not self._is_jax or trace is None or not case.options["jit"]:
            return None
        closed = trace(*args).jaxpr
        found = self._cost.cost(closed)
        return {**found, "products": self._cost.products(closed)}

    def do_settle(self, seconds: float) -> dict[str, Any]:
        """Call the prepared case until it is settled; loop counts for `seconds`."""
        call, clocks = self._call, self._clocks
        once = clocks.settle(call, SETTLE)
        if wait_for_background(self._module):
            once = clocks.settle(call, SETTLE)
        loops = {"ready": clocks.calibrate(call.ready, seconds, once)}
        if once < SLOW:
            loops["returned"] = clocks.calibrate(call.returned, seconds, once)
        return loops

    def do_time(self, loops: dict[str, int], count: int) -> dict[str, Any]:
        """`count` samples of both figures of the prepared case, seconds per call."""
        call, samples = self._call, self._clocks.samples
        return {
            name: samples(getattr(call, name), loops[name], count) for name in loops
        }

    def do_measured(self, name: str) -> dict[str, Any]:
        """The figures that a case of kind "measured" takes itself."""
        case = self._cases[name]
        self._enable_x64(case)
        function, args = case.make()
        return {"figures": function(*args)}

    def do_drop(self) -> dict[str, Any]:
        """Forget the prepared case."""
        self._call = self._function = None
        return {}


def wait_for_background(module: str) -> bool:
    """Let compilations in the background end, so that what is timed does not change.

    Whether there is such a thing.
    """
    finish = getattr(sys.modules.get("cbackend.tiers"), "wait", None)
    if module != "minijax" or finish is None:
        return False
    finish()
    return True

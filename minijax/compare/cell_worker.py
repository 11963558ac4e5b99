"""What a process of `compare --cells` does: run the script with one front end, keep the
program of every jitted function, then run those on both backends.

Loaded by its path in the measured process. Until the script has ended only one of the
two frameworks is there; afterwards both are (see `isolate.py`).
"""

import os
import sys
from importlib import import_module
from typing import Any


def work(child: Any) -> int:
    """Run the script, then measure its functions; returns the exit status."""
    config, result = child.config, child.result
    probe, launch = child.load("compare/probe.py"), child.load("launch.py")
    worker = child.load("compare/worker.py")
    recorder = probe.Recorder(child.jax)
    real_jit = child.jax.jit
    collector = recorder.sampler = Collector(child.jax)
    probe.install(child.jax, recorder)
    own = (child.file, __file__, str(probe.__file__))
    status = worker.run_script(config, result, recorder, launch, own)
    recorder.sampler = None
    child.jax.jit = real_jit
    if status or recorder.failure:
        result["sampling_failed"] = recorder.failure
        return status or 1
    result["environment"] = child.environment.collect(child.jax, config["module"])
    result["functions"] = [r.as_json() for r in recorder.functions.values()]
    if config["module"] == "minijax":
        import_module("minijax.alias").uninstall()
    elif config["root"] not in sys.path:
        sys.path.insert(0, config["root"])
    isolate = import_module("minijax.compare.isolate")
    with open(os.path.join(config["folder"], "outputs.bin"), "wb") as file:
        result["cells"] = isolate.measure(
            child.jax, collector.functions, config, child.numpy, file
        )
    return 0


class Collector:
    """Keeps the jaxpr and the arguments of each function's first call.

    Stands where `samples.Sampler` stands in a check run.
    """

    def __init__(self, jax: Any):
        self._jax = jax
        self._leaves: Any = None
        self.functions: list[dict[str, Any]] = []
        self.eager_copies = False  # set once an argument is donated

    def before(self, record: Any, index: int, args: Any, kwargs: Any) -> None:
        """Note the arguments of a first call, which the call may delete."""
        if index == 0:
            self._leaves = [
                self._host(x) for x in self._jax.tree_util.tree_leaves((args, kwargs))
            ]

    def _host(self, x: Any) -> Any:
        """A copy of an array on the host; anything else as it is."""
        if not hasattr(x, "dtype"):
            return x
        jax = self._jax
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            data = jax.device_get(jax.random.key_data(x))
            return {"key": str(jax.random.key_impl(x)), "data": data}
        return jax.device_get(x)

    def after(
        self, record: Any, index: int, outputs: Any, target: Any, args: Any, kwargs: Any
    ) -> None:
        """Keep a first call with its jaxpr."""
        trace = getattr(target, "trace", None)
        if index or trace is None:
            return
        entry = {"name": record.name, "site": record.site, "leaves": self._leaves}
        entry |= {
            "target": target,
            "call": None,
            "closed": trace(*args, **kwargs).jaxpr,
        }
        deleted = any(
            x.is_deleted()
            for x in self._jax.tree_util.tree_leaves((args, kwargs))
            if hasattr(x, "is_deleted")
        )
        if not deleted:
            entry["call"] = (args, kwargs)
        self.functions.append(entry)

    def close(self) -> None:
        """Nothing is kept on file."""

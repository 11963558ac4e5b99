"""One measured process: `python child.py CONFIG.json` runs the script on one side.

Started by its path, with real JAX or minijax as "jax" according to CONFIG, and imports
nothing of minijax on JAX's side. Writes `result.json` (and the samples of a check run)
to the folder that CONFIG names, and ends with the script's exit status.
"""

import importlib.util
import json
import os
import sys
import time
from importlib import import_module
from types import ModuleType
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
clock = time.perf_counter_ns


def load(name: str, folder: str = HERE) -> ModuleType:
    """The file `name`.py beside this one, under a name no script would import."""
    path = os.path.join(folder, f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"_minijax_compare_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main() -> int:
    """Measure the script that the configuration names; returns its exit status."""
    with open(sys.argv[1]) as file:
        config = json.load(file)
    result: dict[str, Any] = {"stage": "import", "times": {}}
    environment, probe, launch = (
        load("environment"),
        load("probe"),
        load("launch", os.path.dirname(HERE)),
    )
    sys.path.pop(0)  # this folder: the script must not find our files in it
    try:
        jax, numpy = import_side(config, result["times"])
    except ImportError as error:
        return fail_import(config, result, error)
    result["resident_after_import"] = environment.resident_bytes()
    try:
        recorder = probe.Recorder(jax)
        if config["check"]:
            recorder.sampler = make_sampler(config, jax, numpy, recorder)
        probe.install(jax, recorder)
    except AttributeError as error:
        return fail_import(config, result, error)
    status = run_script(config, result, recorder, launch, str(probe.__file__))
    result["peak_resident"] = environment.peak_resident_bytes()
    if recorder.sampler is not None:
        recorder.sample(recorder.sampler.close)
    result["sampling_failed"] = recorder.failure
    if not config["check"]:
        result["environment"] = environment.collect(jax, config["module"])
    result["functions"] = [r.as_json() for r in recorder.functions.values()]
    result["outside"] = recorder.outside.as_json()
    write(config, result)
    return status


def import_side(config: dict[str, Any], times: dict[str, int]) -> tuple:
    """Import numpy, then the side's `jax`; notes how long each took, in ns."""
    start = clock()
    numpy = import_module("numpy")
    times["import_numpy"] = clock() - start
    if config["module"] == "minijax":
        find_own_checkout(config["root"])
    start = clock()
    jax = import_module(config["module"])
    import_module(f"{config['module']}.numpy")
    times["import"] = clock() - start
    if config["module"] == "minijax":
        import_module("minijax.alias").install()
    return jax, numpy


def find_own_checkout(root: str) -> None:
    """Make `import minijax` find the minijax that runs this comparison."""
    spec = importlib.util.find_spec("minijax")
    if spec is None:
        sys.path.append(root)
    elif os.path.dirname(os.path.dirname(os.path.abspath(spec.origin or ""))) != root:
        sys.path.insert(0, root)


def make_sampler(config: dict[str, Any], jax: Any, numpy: Any, recorder: Any) -> Any:
    """What keeps the sampled calls; with a reference, it replays them too."""
    samples, replay, reading = load("samples"), load("replay"), load("reading")
    replayer = None
    if config["reference"]:
        reference = reading.by_call(reading.read_samples(config["reference"]))
        replayer = replay.Replayer(jax, numpy, reference, recorder)
    return samples.Sampler(jax, numpy, config["folder"], replayer)


def run_script(
    config: dict[str, Any], result: dict[str, Any], recorder: Any, launch: Any, own: str
) -> int:
    """Run the script as `__main__`, timed; returns its exit status."""
    result["stage"] = "script"
    sys.argv[:] = [config["script"], *config["args"]]
    try:
        code, attributes = launch.load_script(config["script"])
    except (launch.LaunchError, SyntaxError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        result["status"] = 2
        return 2
    if not sys.flags.safe_path:
        sys.path.insert(0, launch.script_path_entry(config["script"]))
    start, cpu_start = clock(), time.process_time_ns()
    try:
        status = launch.run_as_main(code, attributes, hidden=(__file__, own))
        result["raised"] = status != 0
    except SystemExit as error:
        status = exit_status(error.code)
        result["raised"] = False
    times = result["times"]
    times["script"] = clock() - start
    times["script_cpu"] = time.process_time_ns() - cpu_start
    times["probes"] = recorder.overhead
    times["waited"] = recorder.waited
    result["status"] = status
    result["stage"] = "done"
    sys.stdout.flush()
    return status


def exit_status(code: Any) -> int:
    """The status that Python ends with for SystemExit(code)."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def fail_import(
    config: dict[str, Any], result: dict[str, Any], error: Exception
) -> int:
    """Tell the parent that the side itself cannot be imported."""
    result["error"] = f"{type(error).__name__}: {error}"
    result["missing"] = getattr(error, "name", None)
    write(config, result)
    return 1


def write(config: dict[str, Any], result: dict[str, Any]) -> None:
    """Leave `result` where the parent looks for it, whole or not at all."""
    path = os.path.join(config["folder"], "result.json")
    with open(path + ".part", "w") as file:
        json.dump(result, file)
    os.replace(path + ".part", path)


if __name__ == "__main__":
    sys.exit(main())

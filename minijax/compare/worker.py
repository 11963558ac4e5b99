"""What a process of `compare` does: run the script on one side, its jitted functions
probed. Loaded by its path in the measured process (see `measure/child.py`).
"""

import os
import sys
import time
from typing import Any

clock = time.perf_counter_ns


def work(child: Any) -> int:
    """Measure the script that the configuration names; returns its exit status."""
    config, result, environment = child.config, child.result, child.environment
    jax = child.jax
    probe, launch = child.load("compare/probe.py"), child.load("launch.py")
    result["resident_after_import"] = environment.resident_bytes()
    try:
        recorder = probe.Recorder(jax)
        if config["check"]:
            recorder.sampler = make_sampler(child, recorder)
        probe.install(jax, recorder)
    except AttributeError as error:
        child.fail_import(error)
        return 1
    own = (child.file, __file__, str(probe.__file__))
    status = run_script(config, result, recorder, launch, own)
    result["peak_resident"] = environment.peak_resident_bytes()
    if recorder.sampler is not None:
        recorder.sample(recorder.sampler.close)
    result["sampling_failed"] = recorder.failure
    if not config["check"]:
        result["environment"] = environment.collect(jax, config["module"])
    result["functions"] = [r.as_json() for r in recorder.functions.values()]
    result["outside"] = recorder.outside.as_json()
    return status


def make_sampler(child: Any, recorder: Any) -> Any:
    """What keeps the sampled calls; with a reference, it replays them too."""
    config = child.config
    samples, replay = (child.load(f"compare/{n}.py") for n in ("samples", "replay"))
    outputs, reading = (child.load(f"measure/{n}.py") for n in ("outputs", "reading"))
    replayer = None
    if config["reference"]:
        reference = reading.by_call(reading.read_samples(config["reference"]))
        replayer = replay.Replayer(child.jax, child.numpy, reference, recorder)
    file = open(os.path.join(config["folder"], "samples.bin"), "wb")  # noqa: SIM115
    describer = outputs.Describer(child.jax, child.numpy, file)
    return samples.Sampler(describer, config["folder"], replayer)


def run_script(
    config: dict[str, Any],
    result: dict[str, Any],
    recorder: Any,
    launch: Any,
    own: tuple[str, ...],
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
        status = launch.run_as_main(code, attributes, hidden=own)
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

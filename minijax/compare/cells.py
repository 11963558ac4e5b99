"""The two-by-two: {JAX's, minijax's front end} x {XLA, C backend}, one program in each.

A process runs the script with one front end, then every jitted function's program on
both backends in turns. Along one axis only one thing changes, so a difference along it
has that cause: `attribute` splits the whole difference into the two axes.
"""

import functools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy

from minijax.measure import equal, reading, statistics
from minijax.measure.arithmetic import disagreement, floor
from minijax.measure.machine import best_of
from minijax.measure.processes import (
    JAX,
    MINIJAX,
    MeasureError,
    Side,
    read_result,
    run_to_end,
)

from .runner import SCRIPT_FAILED, Run, require_success

WORKER = "compare/cell_worker.py"
FRONTS = (JAX, MINIJAX)
BACKENDS = ("XLA", "C backend")
PHASES = ("trace", "lower", "compile")


def measure_cells(
    script: str,
    args: Sequence[str] = (),
    runs: int = 4,
    seconds: float = 0.06,
    timeout: float | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> dict[str, Any]:
    """The four cells of every jitted function of a script, as plain data."""
    found: dict[str, list[dict[str, Any]]] = {side.name: [] for side in FRONTS}
    with tempfile.TemporaryDirectory(prefix="minijax-cells-") as folder:
        for turn in range(runs):
            for side in FRONTS if turn % 2 == 0 else FRONTS[::-1]:
                progress(f"cells {turn + 1} of {runs}: {side.name}'s front end")
                place = Path(folder) / f"{turn}-{side.name}"
                place.mkdir()
                config = {"script": script, "args": list(args), "seconds": seconds}
                run = _run(side, place, {**config, "check": False}, timeout)
                require_success([run])
                if turn == 0:
                    _attach(run.result["cells"], place)
                found[side.name].append(run.result["cells"])
    return summarise(found)


def _run(side: Side, folder: Path, config: dict[str, Any], timeout: Any) -> Run:
    status = run_to_end(side, WORKER, folder, config, timeout)
    if status is None:
        raise MeasureError(
            f"the cells of {side.name}'s front end took longer than {timeout:g} s",
            SCRIPT_FAILED,
        )
    out, err = ((folder / n).read_text(errors="replace") for n in ("out", "err"))
    return Run(side, True, read_result(folder, status), 0.0, out, err)


def _attach(cells: dict[str, Any], folder: Path) -> None:
    blob = reading.read_numbers(str(folder / "outputs.bin"))
    for function in cells["functions"]:
        for described in function.get("outputs", {}).values():
            reading.attach(described, blob)


def summarise(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """All runs of both front ends as one table of cells per function."""
    every = [run for runs in found.values() for run in runs]
    machine = best_of([run["machine"] for run in every])
    overhead = launch_price([run["kernel_overhead"] for run in every])
    keys = [(f["name"], f["site"]) for f in found[FRONTS[0].name][0]["functions"]]
    functions = [_function(key, found, machine, overhead) for key in keys]
    return {
        "machine": machine,
        "kernel_overhead": overhead,
        "functions": [f for f in functions if f is not None],
    }


def _function(key, found, machine, overhead) -> dict[str, Any] | None:
    entries = {
        front: [_find(run, key) for run in runs] for front, runs in found.items()
    }
    name, site = key
    result: dict[str, Any] = {"name": name, "site": site}
    for front, runs in entries.items():
        for entry in runs:
            if entry is None or "failed" in entry:
                why = "is not called" if entry is None else entry["failed"]
                return {**result, "failed": f"with {front}'s front end: {why}"}
    firsts = {front: runs[0] for front, runs in entries.items()}
    result["times"] = {
        front: {
            backend: statistics.summary([run["times"][backend] for run in runs])
            for backend in BACKENDS
        }
        for front, runs in entries.items()
    }
    result["phases"] = {
        front: {backend: _phases(runs, backend) for backend in BACKENDS}
        for front, runs in entries.items()
    }
    result["equations"] = {f: first["equations"] for f, first in firsts.items()}
    result["counted"] = {f: first["counted"] for f, first in firsts.items()}
    result["withheld"] = withheld(firsts)
    if result["withheld"] is None:
        result["attribution"] = attribute(result["times"])
        result["factors"] = factors(entries)
    result["floor"] = floor(firsts[FRONTS[1].name]["counted"], machine)
    result["parts"] = {
        front: parts([run["parts"] for run in runs], overhead)
        for front, runs in entries.items()
    }
    result["verdict"] = verdict(result)
    return result


def _phases(runs: list[dict[str, Any]], backend: str) -> dict[str, float]:
    """Seconds of a first call's phases, medians over the processes."""
    found = [run["phases"][backend] for run in runs]
    names = dict.fromkeys(name for phases in found for name in phases)
    return {name: median(p.get(name, 0.0) for p in found) for name in names}


def launch_price(found: list[dict[str, float]]) -> dict[str, Any]:
    """What XLA pays for a kernel, over all processes: with its interval."""
    price = statistics.summary([[o["seconds"]] for o in found])
    error = median(o["error"] for o in found)
    return {
        "seconds": price["median"],
        "low": price["low"],
        "high": price["high"],
        "error": error,
    }


def _find(run: dict[str, Any], key: tuple[str, str]) -> Any:
    for function in run["functions"]:
        if (function["name"], function["site"]) == key:
            return function
    return None


def withheld(firsts: dict[str, Any]) -> str | None:
    """Why the four cells may not be compared; None where they may."""
    reference = firsts[FRONTS[0].name]["outputs"][BACKENDS[0]]
    for front, first in firsts.items():
        for backend in BACKENDS:
            other = first["outputs"][backend]
            _, problems = equal.compare_outputs(
                reference, other, equal.DEFAULT_TOLERANCES
            )
            if problems:
                path, what, _ = problems[0]
                return f"{front} x {backend}: output {path or 'itself'}: {what} differs"
    names = list(firsts)
    ours, theirs = (firsts[name]["counted"] for name in names)
    return disagreement(ours, theirs, names)


def attribute(times: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The whole difference from JAX x XLA to minijax x C, split into the two axes.

    Each axis gets the mean of its two differences (with the other axis at either
    place), which makes the two add up to the whole exactly; factors likewise multiply.
    "interaction" is how far the two differences of an axis are apart.
    """
    (jx, jc), (mx, mc) = (
        [times[front.name][backend]["median"] for backend in BACKENDS]
        for front in FRONTS
    )
    return {
        "total": jx - mc,
        "front": ((jx - mx) + (jc - mc)) / 2,
        "backend": ((jx - jc) + (mx - mc)) / 2,
        "interaction": abs((jx - mx) - (jc - mc)),
        "total_factor": jx / mc,
        "front_factor": ((jx / mx) * (jc / mc)) ** 0.5,
        "backend_factor": ((jx / jc) * (mx / mc)) ** 0.5,
    }


def factors(entries: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """`attribute`'s factors as {"value", "low", "high", "clear"}, by name.

    Processes of the same turn are drawn together, and so are the two backends, which
    ran in turns within each. A factor is clear where its interval leaves 1 out.
    """
    columns = [
        [run["times"][backend] for run in entries[front.name]]
        for front in FRONTS
        for backend in BACKENDS
    ]

    def combine(jx, jc, mx, mc):
        return {
            "total": jx / mc,
            "front": ((jx / mx) * (jc / mc)) ** 0.5,
            "backend": ((jx / jc) * (mx / mc)) ** 0.5,
        }

    found = statistics.combined(columns, combine)
    alone = len(columns[0]) < 2
    return {
        name: {**value, "clear": not alone and _excludes_one(value)}
        for name, value in found.items()
    }


def _excludes_one(value: dict[str, float]) -> bool:
    return value["low"] > 1 or value["high"] < 1


def parts(
    runs: list[dict[str, Any]], overhead: dict[str, float]
) -> dict[str, Any] | None:
    """The parts of a warm call, medians over the processes; None where there are none.

    "call" = "dispatch" + "runtime" + "kernels" + "unexplained"; "intervals" has the
    95 % interval of each. With XLA nothing but the whole can be seen, so its kernels
    are what the other parts leave.
    """
    if any("skipped" in run for run in runs):
        return None
    names: tuple[str, ...] = ("call", "dispatch", "run", "kernels")
    split: Callable[..., dict[str, Any]] = _split_c
    if "run" not in runs[0]:
        names = ("call", "dispatch")
        price = max(r["kernels_launched"] for r in runs) * overhead["seconds"]
        split = functools.partial(_split_xla, price)

    columns = [[[run[name]] for run in runs] for name in names]
    found = statistics.combined(columns, split)
    return {
        **{name: part["value"] for name, part in found.items()},
        "intervals": {n: [part["low"], part["high"]] for n, part in found.items()},
        "processes": len(runs),
        "by_op": _by_op([run.get("by_op", {}) for run in runs]),
    }


def _split_c(call: Any, dispatch: Any, run: Any, kernels: Any) -> dict[str, Any]:
    """A call's parts where the program's own time and its kernels' are measured."""
    kernels = numpy.minimum(kernels, run)
    return {
        "call": call,
        "dispatch": dispatch,
        "runtime": run - kernels,
        "kernels": kernels,
        "unexplained": call - dispatch - run,
    }


def _split_xla(price: float, call: Any, dispatch: Any) -> dict[str, Any]:
    """A call's parts where only its kernels' number is known, and what one costs."""
    rest = numpy.maximum(0.0, call - dispatch)
    runtime = numpy.minimum(price, rest)
    return {
        "call": call,
        "dispatch": dispatch,
        "runtime": runtime,
        "kernels": rest - runtime,
        "unexplained": call - dispatch - rest,
    }


def _by_op(found: list[dict[str, float]]) -> dict[str, float]:
    """Seconds by op, medians over the processes; the most expensive first."""
    names = dict.fromkeys(name for by_op in found for name in by_op)
    middles = {name: median(by_op.get(name, 0.0) for by_op in found) for name in names}
    return dict(sorted(middles.items(), key=lambda pair: -pair[1]))


def verdict(function: dict[str, Any]) -> dict[str, float]:
    """Utilisation and what follows from it; only what the measurements allow.

    "ceiling": how many times quicker than JAX anything could be here, with no overhead
    at all and kernels at the machine's peak. "kernels" and "overhead": JAX's time over
    minijax's for these alone.
    """
    found: dict[str, float] = {}
    ours, theirs = (function["parts"][side.name] for side in reversed(FRONTS))
    if theirs is None or ours is None or function["withheld"] is not None:
        return found
    if function["floor"]:
        least = function["floor"]["seconds"]
        found["utilisation_jax"] = least / theirs["call"]
        found["utilisation_minijax"] = least / ours["call"]
        found["ceiling"] = theirs["call"] / least if least else float("inf")
    if ours["kernels"] > 0 and theirs["kernels"] > 0:
        found["kernels"] = theirs["kernels"] / ours["kernels"]
    rest = [p["call"] - p["kernels"] for p in (theirs, ours)]
    if min(rest) > 0:
        found["overhead"] = rest[0] / rest[1]
    return found

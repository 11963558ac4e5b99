"""Turns what the processes measured into the report's figures: plain data, in seconds.

Every figure is first taken within a process (the median of its warm calls, say), then
summed up over the processes as median and 95 % interval (`measure/statistics.py`); the
smallest and the largest are kept. Two sides differ clearly only where their intervals
do not meet; otherwise no ratio is given.
"""

from collections.abc import Sequence
from statistics import median
from typing import Any

from minijax.measure import statistics
from minijax.measure.environment import thread_warnings
from minijax.measure.processes import Side

from .equality import EqualityReport
from .runner import Measurement, Run

SCHEMA = 2
PHASES = ("trace", "lower", "compile")
TOTALS = (
    ("process", "whole process", "s"),
    ("import", "import", "s"),
    ("import_numpy", "  of it numpy", "s"),
    ("script", "script, after import", "s"),
    ("trace", "  trace", "s"),
    ("lower", "  lower", "s"),
    ("compile", "  compile", "s"),
    ("calls", "  jitted calls", "s"),
    ("wait", "  waiting for outputs", "s"),
    ("rest", "  all else", "s"),
    ("cpu", "CPU time of the script", "s"),
    ("peak_memory", "peak resident memory", "B"),
    ("import_memory", "  after import", "B"),
)
BAR_PARTS = ("import", *PHASES, "calls", "wait", "rest")


def summarise(measurement: Measurement, equality: EqualityReport) -> dict[str, Any]:
    """The whole report as plain data, ready for JSON."""
    sides = measurement.sides
    totals = [
        _over_runs([run_totals(run) for run in runs]) for runs in measurement.timed
    ]
    proven = equality.equal
    return {
        "schema": SCHEMA,
        "script": measurement.script,
        "args": measurement.args,
        "runs": len(measurement.timed[0]),
        "sides": [_side(side) for side in sides],
        "equality": equality_data(equality),
        "ratios_withheld": None if proven else equality.reason,
        "totals": {
            name: _row([side[name] for side in totals], sides, proven)
            for name, _, _ in TOTALS
        },
        "functions": _functions(measurement, proven),
        "outside": [
            _over_runs([_phases_of(run.result["outside"]) for run in runs])
            for runs in measurement.timed
        ],
        "environment": [runs[-1].result["environment"] for runs in measurement.timed],
        "warnings": warnings(measurement, totals),
        "stdout": [runs[0].stdout for runs in measurement.timed],
    }


def run_totals(run: Run) -> dict[str, float]:
    """The figures of one process as a whole; seconds and bytes."""
    result = run.result
    times = {name: ns * 1e-9 for name, ns in result["times"].items()}
    records = [*result["functions"], result["outside"]]
    phases = [_phases_of(record) for record in records]
    totals = {phase: sum(p[phase] for p in phases) for phase in PHASES}
    within_calls = sum(record["prepared_in_calls"] for record in records) * 1e-9
    returned = sum(sum(record["returned"]) for record in records) * 1e-9
    script = times["script"] - times["probes"]
    calls = max(0.0, returned - within_calls)
    rest = script - sum(totals.values()) - calls - times["waited"]
    return {
        "process": run.wall,
        "import": times["import_numpy"] + times["import"],
        "import_numpy": times["import_numpy"],
        "script": script,
        **totals,
        "calls": calls,
        "wait": times["waited"],
        "rest": max(0.0, rest),
        "cpu": times["script_cpu"],
        "peak_memory": result["peak_resident"],
        "import_memory": result["resident_after_import"],
    }


def function_figures(record: dict[str, Any]) -> dict[str, float | None]:
    """The figures of one function in one process; seconds. None: there is none."""
    cold = set(record["cold_index"])
    returned = [t for i, t in enumerate(record["returned"]) if i not in cold]
    ready = [t for i, t in zip(record["ready_index"], record["ready"]) if i not in cold]
    quartiles = _quartiles(ready)
    return {
        **_phases_of(record),
        "cold_calls": len(cold),
        "first": record["ready"][0] * 1e-9 if record["ready"] else None,
        "returned": median(returned) * 1e-9 if returned else None,
        "ready": quartiles[1],
        "ready_low": quartiles[0],
        "ready_high": quartiles[2],
        "in_calls": sum(record["returned"]) * 1e-9,
    }


def compare_values(
    values: Sequence[dict[str, Any] | None], sides: Sequence[Side]
) -> dict[str, Any]:
    """Which side's figure is clearly smaller, and how many times.

    {"faster": name or None, "ratio": number or None}; ratio is larger over smaller.
    """
    first, second = values
    if first is None or second is None:
        return {"faster": None, "ratio": None}
    smaller, larger = sorted([first, second], key=lambda value: value["median"])
    apart = statistics.apart(first, second)
    if not apart or smaller["median"] <= 0 or min(first["n"], second["n"]) < 2:
        return {"faster": None, "ratio": None}
    name = sides[0].name if smaller is first else sides[1].name
    return {"faster": name, "ratio": larger["median"] / smaller["median"]}


def warnings(measurement: Measurement, totals: list[dict[str, Any]]) -> list[str]:
    """What a reader must know before believing the figures."""
    found = []
    if len(measurement.timed[0]) < 2:
        found.append("one run of each side: no interval, so no ratio; use --runs 4")
    for side, figures in zip(measurement.sides, totals):
        spreads = {n: statistics.spread(figures[n]) for n in ("process", "script")}
        wide = [
            f"the {name} time varies by {spread:.0%}"
            for name, spread in spreads.items()
            if spread > statistics.UNSTEADY
        ]
        if wide:
            text = " and ".join(wide)
            found.append(f"{side.name}: {text} between runs; the machine may be busy")
    found += thread_warnings(
        {
            side.name: runs[-1].result["environment"]
            for side, runs in zip(measurement.sides, measurement.timed)
        }
    )
    return found + _unlike_counts(measurement)


def equality_data(report: EqualityReport) -> dict[str, Any]:
    """The equality report as plain data."""
    return {
        "equal": report.equal,
        "reason": report.reason,
        "drifted": report.drifted,
        "drift_accepted": report.drift_accepted,
        "tolerances": report.tolerances,
        "leaves_compared": report.leaves_compared,
        "leaves_left_out": report.leaves_left_out,
        "mismatches": [{**vars(m), "text": str(m)} for m in report.mismatches],
        "functions": [
            {
                **vars(function),
                "calls": [
                    {
                        **vars(call),
                        "leaves": [vars(leaf) for leaf in call.leaves],
                        "replay": call.replay and [vars(leaf) for leaf in call.replay],
                    }
                    for call in function.calls
                ],
            }
            for function in report.functions
        ],
    }


def _functions(measurement: Measurement, proven: bool) -> list[dict[str, Any]]:
    """One entry per jitted function, the most expensive first."""
    per_side = []
    for runs in measurement.timed:
        records: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for run in runs:
            for record in run.result["functions"]:
                key = record["name"], record["site"]
                records.setdefault(key, []).append(record)
        per_side.append(records)
    entries = []
    for key in dict.fromkeys(key for records in per_side for key in records):
        found = [side.get(key, []) for side in per_side]
        figures = [
            _over_runs([function_figures(r) for r in side]) if side else {}
            for side in found
        ]
        names = dict.fromkeys(name for side in figures for name in side)
        entries.append(
            {
                "name": key[0],
                "site": key[1],
                "calls": [len(side[0]["returned"]) if side else 0 for side in found],
                "figures": {
                    name: _row(
                        [side.get(name) for side in figures], measurement.sides, proven
                    )
                    for name in names
                },
            }
        )
    used = [entry for entry in entries if any(entry["calls"]) or _prepared(entry)]
    return sorted(used, key=_cost, reverse=True)


def _prepared(entry: dict[str, Any]) -> bool:
    """Whether anything was traced or compiled for a function, be it never called."""
    rows = [entry["figures"][phase]["values"] for phase in PHASES]
    return any(value and value["max"] > 0 for values in rows for value in values)


def _cost(entry: dict[str, Any]) -> float:
    values = entry["figures"]["in_calls"]["values"]
    return max(value["median"] for value in values if value is not None)


def _row(values: list[Any], sides: Sequence[Side], proven: bool) -> dict[str, Any]:
    comparison = compare_values(values, sides) if proven else {}
    return {"values": values, **comparison}


def _over_runs(figures: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum up each figure over the processes."""
    summed = {}
    for name in figures[0]:
        values = [run[name] for run in figures if run[name] is not None]
        summed[name] = statistics.summary([[v] for v in values]) if values else None
    return summed


def _phases_of(record: dict[str, Any]) -> dict[str, float]:
    phases = record["phases"]
    own = {phase: phases.get(phase, (0, 0)) for phase in PHASES}
    return {
        **{phase: row[1] * 1e-9 for phase, row in own.items()},
        **{f"{phase}_count": row[0] for phase, row in own.items()},
    }


def _quartiles(values: list[int]) -> tuple[float | None, float | None, float | None]:
    if not values:
        return None, None, None
    ordered = sorted(values)
    last = len(ordered) - 1
    low, high = ordered[round(last * 0.25)], ordered[round(last * 0.75)]
    return low * 1e-9, median(ordered) * 1e-9, high * 1e-9


def _side(side: Side) -> dict[str, Any]:
    return {"name": side.name, "module": side.module, "backend": side.backend}


def _unlike_counts(measurement: Measurement) -> list[str]:
    """Functions that one side calls another number of times from run to run."""
    found = []
    for check, runs in zip(measurement.checks, measurement.timed):
        counts = [
            {
                (f["name"], f["site"]): len(f["returned"])
                for f in run.result["functions"]
            }
            for run in (check, *runs)
        ]
        names = {key for run in counts for key in run}
        for name, site in sorted(names):
            seen = {run.get((name, site), 0) for run in counts}
            if len(seen) > 1:
                found.append(
                    f"{check.side.name} calls {name} ({site}) {min(seen)} to "
                    f"{max(seen)} times from run to run; the script is not repeatable"
                )
    return found

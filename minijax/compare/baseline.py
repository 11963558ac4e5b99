"""`compare --baseline old.json`: what changed since an earlier report.

A whole machine, or one side, may be slower than it was: another clock, neighbours. So
the common drift of a group of figures is looked for first, and stated; single figures
are judged once it is taken off. docs/isolation.md says how.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import exp, hypot, log
from pathlib import Path
from statistics import median
from typing import Any

from minijax.measure import statistics
from minijax.measure.processes import MeasureError

from .cells import BACKENDS
from .summary import BAR_PARTS

FEWEST = 3  # figures of a group: the median of fewer is no common drift
# Figures of whole processes that are parts of no other, and so may be counted for drift.
PARTS = frozenset(BAR_PARTS)


@dataclass(frozen=True)
class Figure:
    """One figure in all the processes of a report that give it."""

    group: str  # what drifts together: a side, or a backend in the cells
    what: str
    processes: Mapping[Any, float]  # process -> seconds
    drifts: bool = True  # whether it counts for the drift


def read_baseline(path: Path | None) -> dict[str, Any] | None:
    """An earlier report; MeasureError where the file is none."""
    if path is None:
        return None
    try:
        report = json.loads(path.read_text())
        report["totals"], report["functions"], report["sides"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MeasureError(
            f"--baseline {path}: no report of compare's: {error}"
        ) from None
    return report


def compared(
    report: dict[str, Any], baseline: dict[str, Any] | None
) -> dict[str, Any] | None:
    """What changed; None without a baseline.

    "drifts": {"group", "factor", "low", "high"}, the groups that changed as a whole.
    "changes": {"group", "what", "before", "after", "drift", "factor"}, the figures
    whose intervals do not meet once the drift is taken off, the largest first. Factors
    are after over before, those of changes without the drift. "figures" were judged.
    """
    if baseline is None:
        return None
    old = {(f.group, f.what): f for f in figures(baseline)}
    pairs = [
        (old[new.group, new.what], new)
        for new in figures(report)
        if (new.group, new.what) in old
    ]
    drifts, changes = [], []
    for group in dict.fromkeys(new.group for _, new in pairs):
        members = [pair for pair in pairs if pair[1].group == group]
        found = drift(members)
        if found is not None:
            drifts.append({"group": group, **found})
        changes += [c for c in (_change(*pair, found) for pair in members) if c]
    changes.sort(key=lambda c: -abs(log(c["factor"])))
    return {"figures": len(pairs), "drifts": drifts, "changes": changes}


def figures(report: dict[str, Any]) -> Iterator[Figure]:
    """Every time in a report that a baseline can be held against."""
    names = [side["name"] for side in report["sides"]]
    for what, row in report["totals"].items():
        if not what.endswith("memory") and what != "cpu":
            yield from _figures(names, what, row["values"], what in PARTS)
    for function in report["functions"]:
        for figure, label in (("ready", "warm call"), ("first", "first call")):
            values = function["figures"][figure]["values"]
            what = f"{function['name']} ({function['site']}): {label}"
            yield from _figures(names, what, values, True)
    cells = report.get("cells") or {"functions": []}
    for function in cells["functions"]:
        for front, row in function.get("times", {}).items():
            for backend in BACKENDS:
                what = f"{function['name']} ({function['site']}), {front}'s front end"
                each = {(front, k): v for k, v in enumerate(row[backend]["each"])}
                yield Figure(f"{backend} in the cells", what, each)


def _figures(
    names: list[str], what: str, values: list[Any], drifts: bool
) -> Iterator[Figure]:
    for name, value in zip(names, values):
        if value is not None and min(value["each"]) > 0:
            yield Figure(name, what, dict(enumerate(value["each"])), drifts)


def drift(pairs: list[tuple[Figure, Figure]]) -> dict[str, float] | None:
    """{"factor", "low", "high"}: how much slower a group became; None if it did not.

    For each process, the median over the figures of how many times longer than before
    they took; the two runs' processes are then compared. What disturbs a process
    disturbs many of its figures, so figures alone would seem to agree too well.
    """
    counted = [pair for pair in pairs if pair[1].drifts]
    if len(counted) < FEWEST:
        return None
    middles = [median(old.processes.values()) for old, _ in counted]
    before, after = (
        _speeds([pair[k].processes for pair in counted], middles) for k in range(2)
    )
    if min(len(before), len(after)) < 2:
        return None
    found = statistics.change(before, after)
    return found if found["low"] > 1 or found["high"] < 1 else None


def _speeds(rows: list[Mapping[Any, float]], middles: list[float]) -> list[float]:
    """For each process: the median of its figures over their middles."""
    factors: dict[Any, list[float]] = {}
    for row, middle in zip(rows, middles):
        for process, value in row.items():
            factors.setdefault(process, []).append(log(value / middle))
    return [exp(median(found)) for found in factors.values()]


def _change(
    old: Figure, new: Figure, found: dict[str, float] | None
) -> dict[str, Any] | None:
    """The figure as a change; None where it is none. `found`: its group's drift."""
    before, after = (
        statistics.summary([[v] for v in figure.processes.values()])
        for figure in (old, new)
    )
    if min(before["n"], after["n"]) < 2:
        return None
    factor = found["factor"] if found else 1.0
    if not statistics.apart(before, _without(after, found)):
        return None
    return {
        "group": new.group,
        "what": new.what,
        "before": before["median"],
        "after": after["median"],
        "drift": factor,
        "factor": after["median"] / before["median"] / factor,
    }


def _without(after: dict[str, Any], found: dict[str, float] | None) -> dict[str, Any]:
    """An interval with the drift taken off, which is not known exactly itself."""
    if found is None:
        return after
    middle = after["median"] / found["factor"]
    uncertain = log(found["high"] / found["factor"])
    ends = (
        middle * exp(sign * hypot(log(after[end] / after["median"]), uncertain))
        for end, sign in (("low", -1), ("high", 1))
    )
    return dict(zip(("low", "high"), ends))

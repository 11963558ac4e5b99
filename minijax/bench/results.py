"""Figures of a session: plain data, in seconds, with ratios where they may stand.

A ratio (the first side's time over the second's) is given only where both sides' outputs
are equal, their matrix products have the same dtypes and precision, and their FLOPs are
the same; else `withheld` says why.
"""

import time
from typing import Any

from minijax.measure import statistics
from minijax.measure.arithmetic import disagreement, floor
from minijax.measure.environment import thread_warnings
from minijax.measure.machine import best_of

from .runner import FIGURES, Measured, Session

SCHEMA = 1


def summarise(session: Session) -> dict[str, Any]:
    """The whole report as plain data, ready for JSON."""
    names = [side.name for side in session.sides]
    machine = _machine(session)
    cases = [
        _case(name, measured, names, machine)
        for name, measured in sorted(session.results.items())
    ]
    return {
        "schema": SCHEMA,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": session.seconds,
        "sides": [vars(side) for side in session.sides],
        "plan": vars(session.plan),
        "machine": machine,
        "cases": cases,
        "groups": _groups(cases, session.goals),
        "curves": curves(cases, names),
        "environment": session.environment,
        "warnings": _warnings(session, cases),
    }


def _machine(session: Session) -> dict[str, float]:
    """Peak FLOP/s and bytes/s: the best that any side reached."""
    measured = session.results.get("machine/peaks")
    return best_of(
        [
            {
                unit: max(map(max, rounds))
                for unit, rounds in figures.items()
                if all(rounds)
            }
            for figures in (measured.times if measured else {}).values()
        ]
    )


def _case(
    name: str, measured: Measured, names: list[str], machine: dict[str, float]
) -> dict[str, Any]:
    sides = {}
    for side in names:
        figures = {
            figure: statistics.summary([s for s in rounds if s])
            for figure, rounds in measured.times.get(side, {}).items()
            if any(rounds)
        }
        sides[side] = figures
    why = withheld(measured, names)
    entry = {
        "name": name,
        "group": name.partition("/")[0],
        "kind": measured.case["kind"],
        "goal": measured.case.get("goal"),
        "sides": sides,
        "counted": measured.counted,
        "floor": floor(measured.counted.get(names[1]), machine),
        "failed": measured.failed,
        "unequal": measured.unequal,
        "withheld": why,
        "ratios": {},
        "samples": measured.times,
    }
    if why is None:
        entry["ratios"] = ratios(measured, names)
    return entry


def ratios(measured: Measured, names: list[str]) -> dict[str, Any]:
    """For each figure that both of the first two sides have: their ratio."""
    found = {}
    first, second = (measured.times.get(name, {}) for name in names[:2])
    for figure in first:
        rounds = [
            (a, b) for a, b in zip(first[figure], second.get(figure, [])) if a and b
        ]
        if rounds and not measured.case["name"].startswith("machine/"):
            found[figure] = statistics.ratio(*map(list, zip(*rounds)))
    return found


def withheld(measured: Measured, names: list[str]) -> str | None:
    """Why no ratio may be given; None where one may."""
    first, second = names[:2]
    for side in (first, second):
        if side in measured.failed:
            return f"{side} failed: {measured.failed[side]}"
        if not measured.times.get(side):
            return f"{side} has no figure"
    if second in measured.unequal:
        return f"outputs differ: {measured.unequal[second]}"
    counted = measured.counted
    return disagreement(counted.get(first), counted.get(second), [first, second])


def main_figure(entry: dict[str, Any]) -> str:
    """The figure by which a case is judged: until ready, or the only one there is."""
    figures = next((f for f in entry["sides"].values() if f), {})
    if entry["group"] in figures:  # as in "memory"
        return entry["group"]
    for figure in ("ready", "first"):
        if figure in figures:
            return figure
    return next(iter(figures), FIGURES[1])


def _groups(cases: list[dict[str, Any]], goals: dict[str, Any]) -> list[dict[str, Any]]:
    groups = []
    for group in dict.fromkeys(case["group"] for case in cases):
        found = {
            case["name"]: case["ratios"][main_figure(case)]["ratio"]
            for case in cases
            if case["group"] == group and main_figure(case) in case["ratios"]
        }
        if not found:
            continue
        least = min(found, key=lambda name: found[name])
        groups.append(
            {
                "group": group,
                "cases": len(found),
                "geomean": statistics.geometric_mean(list(found.values())),
                "least": found[least],
                "least_case": least,
                "goal": goals.get(group),
            }
        )
    return groups


LEVELS = (2.0, 1.1)  # advantages whose end is looked for
# Group -> its figures that are drawn against size, for cases named `axis size`.
CURVES = {"scaling": ("ready",), "growth": ("trace", "lower"), "memory": ("memory",)}


def curves(cases: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """Figures and ratios against size."""
    rows: dict[tuple[str, str, str], list[tuple[float, dict[str, Any]]]] = {}
    for case in cases:
        axis, _, size = case["name"].partition("/")[2].rpartition(" ")
        if case["group"] == "growth":  # `100 equations`
            size, _, axis = case["name"].partition("/")[2].partition(" ")
        for figure in CURVES.get(case["group"], ()):
            if size.isdecimal() and figure in case["ratios"]:
                row = rows.setdefault((case["group"], axis, figure), [])
                row.append((float(size), case))
    return [_curve(*key, points, names[:2]) for key, points in rows.items()]


def _curve(
    group: str, axis: str, figure: str, points: list, names: list[str]
) -> dict[str, Any]:
    points = sorted(points, key=lambda point: point[0])
    sizes = [size for size, _ in points]
    ratios = [case["ratios"][figure]["ratio"] for _, case in points]
    return {
        "group": group,
        "axis": axis,
        "figure": figure,
        "sizes": sizes,
        "ratios": ratios,
        "values": {
            name: [c["sides"][name][figure]["median"] for _, c in points]
            for name in names
        },
        "crossovers": {
            f"{level:g}": statistics.crossover(sizes, ratios, level) for level in LEVELS
        },
    }


def timed(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases that are judged by a time."""
    return [case for case in cases if main_figure(case) != "memory"]


def sentence(report: dict[str, Any]) -> str:
    """The answer in one sentence."""
    first, second = (side["name"] for side in report["sides"][:2])
    judged = [
        (case["name"], case["ratios"][main_figure(case)]["ratio"])
        for case in timed(report["cases"])
        if main_figure(case) in case["ratios"]
    ]
    if not judged:
        return "No case has a ratio of times."
    ahead = sum(ratio > 1 for _, ratio in judged)
    ten = sum(ratio >= 10 for _, ratio in judged)
    worst, best = min(judged, key=lambda j: j[1]), max(judged, key=lambda j: j[1])
    left = len(timed(report["cases"])) - len(judged)
    text = (
        f"In {ahead} of {len(judged)} cases {second} is ahead of {first}, in {ten} by "
        f"10x and more; the ratios go from {worst[1]:.2f} ({worst[0]}) to {best[1]:.3g} "
        f"({best[0]})"
    )
    return text + (f"; {left} cases have none, and say why." if left else ".")


def _warnings(session: Session, cases: list[dict[str, Any]]) -> list[str]:
    found = []
    if session.stopped:
        found.append(f"{session.stopped}; some cases have fewer figures, or none")
    if session.plan.rounds < 2:
        found.append("one process a side: the intervals leave out how processes differ")
    unsteady = [
        case["name"]
        for case in cases
        for figures in case["sides"].values()
        if any(
            statistics.spread(figures[f]) > statistics.UNSTEADY
            for f in FIGURES
            if f in figures
        )
    ]
    names = sorted(set(unsteady))
    if names:
        few = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
        found.append(
            f"{len(names)} of {len(cases)} cases vary by more than "
            f"{statistics.UNSTEADY:.0%} (their intervals say how much): {few}"
        )
    return found + thread_warnings(session.environment)

"""The benchmarks' report on the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from minijax.measure import units
from minijax.measure.machine import memory_rate

from .results import main_figure


def show(report: dict[str, Any], console: Console) -> None:
    """Print one table for each group, the groups' means, and the warnings."""
    for group in dict.fromkeys(case["group"] for case in report["cases"]):
        cases = [case for case in report["cases"] if case["group"] == group]
        console.print(_group(group, cases, report))
    if report["groups"]:
        console.print(_means(report))
    for line in report["warnings"]:
        console.print(Text(f"Note: {line}.", style="yellow"))
    for line in machine_lines(report):
        console.print(Text(line, style="dim"))


def machine_lines(report: dict[str, Any]) -> list[str]:
    """What the figures hold for, in a few lines."""
    lines = []
    machine = report["machine"]
    if machine.get("flops"):
        lines.append(
            f"Measured peak: {machine['flops'] * 1e-9:.0f} GFLOP/s in float32 "
            f"products, {memory_rate(machine) * 1e-9:.1f} GB/s"
        )
    for side, found in report["environment"].items():
        versions = ", ".join(f"{k} {v}" for k, v in found["versions"].items())
        own = ", ".join(f"{k} {v}" for k, v in found.get("minijax", {}).items())
        lines.append(f"{side}: {versions}" + (f"; {own}" if own else ""))
    for found in list(report["environment"].values())[:1]:
        cpu = found["cpu"]
        lines.append(
            f"CPU: {cpu['model']}, {found['cpus_usable']} cores, {cpu['mhz']} MHz, "
            f"load {found['load_average'][0]:.1f}"
        )
        pairs = " ".join(f"{k}={v}" for k, v in found["variables"].items())
        lines.append(f"Variables: {pairs or 'none that matter'}")
    plan = report["plan"]
    lines.append(
        f"{plan['rounds']} processes a side, {plan['turns']} turns of "
        f"{plan['samples']} loops of {units.seconds(plan['seconds'])}; median of the "
        f"processes' medians; whole run {units.seconds(report['seconds'])}"
    )
    return lines


def _group(group: str, cases: list[dict[str, Any]], report: dict[str, Any]) -> Table:
    sides = [side["name"] for side in report["sides"]]
    present = [s for s in sides if any(case["sides"].get(s) for case in cases)]
    table = Table(title=group, title_justify="left")
    table.add_column("case", overflow="fold")
    warm = any("returned" in f for case in cases for f in case["sides"].values())
    for side in present:
        table.add_column(side, justify="right")
        if warm and side in sides[:2]:
            table.add_column("returned", justify="right", style="dim")
    table.add_column("ratio", justify="right")
    table.add_column("95 %", justify="right", style="dim")
    table.add_column("goal", justify="right")
    table.add_column("floor", justify="right", style="dim")
    for case in cases:
        for row in rows(case, present, sides[:2] if warm else []):
            table.add_row(*row)
    return table


def rows(
    case: dict[str, Any], present: list[str], with_returned: list[str]
) -> list[list[str]]:
    """A case's line, or one for each figure that it measures itself."""
    return [_row(case, f, present, with_returned) for f in figures_of(case)]


def _row(case, figure: str, present: list[str], with_returned: list[str]) -> list[str]:
    short = case["name"].partition("/")[2]
    cells = [short if case["kind"] == "warm" else f"{short}: {figure}"]
    for side in present:
        cells.append(_figure(case, side, figure))
        if side in with_returned:
            cells.append(_figure(case, side, "returned"))
    ratio = case["ratios"].get(figure)
    if ratio is None:
        why = case["withheld"] or ""
        return [*cells, "", why, "", ""]
    goal = case["goal"] if figure == main_figure(case) else None
    met = "" if goal is None else f"{goal:g} {'✓' if ratio['ratio'] >= goal else '✗'}"
    return [
        *cells,
        f"{ratio['ratio']:.2f}",
        f"{ratio['low']:.2f}…{ratio['high']:.2f}",
        met,
        _share(case, figure, present),
    ]


def _figure(case: dict[str, Any], side: str, figure: str) -> str:
    value = case["sides"].get(side, {}).get(figure)
    if value is None:
        return "failed" if side in case["failed"] else units.NONE
    mark = " ≠" if side in case["unequal"] else ""
    return amount(figure, value["median"]) + mark


def amount(figure: str, value: float) -> str:
    """A figure in its unit, which its name tells."""
    if figure == "flops" or figure.startswith("bytes"):
        return f"{value * 1e-9:.1f} {'GFLOP/s' if figure == 'flops' else 'GB/s'}"
    return units.size(value) if figure == "memory" else units.seconds(value)


def figures_of(case: dict[str, Any]) -> list[str]:
    """The figures of which a case has a line: the main one, or all that it took."""
    if case["kind"] == "warm":
        return [main_figure(case)]
    return list(dict.fromkeys(f for side in case["sides"].values() for f in side))


def _share(case: dict[str, Any], figure: str, present: list[str]) -> str:
    """How much of each side's time the floor is."""
    if case["floor"] is None or figure != "ready":
        return ""
    shares = [
        case["floor"]["seconds"] / case["sides"][side][figure]["median"]
        for side in present[:2]
        if figure in case["sides"].get(side, {})
    ]
    return " / ".join(f"{share:.0%}" if share >= 0.01 else "<1%" for share in shares)


def _means(report: dict[str, Any]) -> Table:
    first, second = (side["name"] for side in report["sides"][:2])
    table = Table(title=f"{first}'s time over {second}'s, by group")
    for head in ("group", "cases", "geometric mean", "goal", "least", "goal", "of"):
        table.add_column(head, justify="left" if head in ("group", "of") else "right")
    for group in report["groups"]:
        goal = group["goal"] or {}
        table.add_row(
            group["group"],
            str(group["cases"]),
            f"{group['geomean']:.2f}",
            _met(group["geomean"], goal.get("geomean")),
            f"{group['least']:.2f}",
            _met(group["least"], goal.get("least")),
            group["least_case"].partition("/")[2],
        )
    return table


def _met(value: float, goal: float | None) -> str:
    return "" if goal is None else f"{goal:g} {'✓' if value >= goal else '✗'}"

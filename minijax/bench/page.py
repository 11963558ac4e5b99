"""The benchmarks' report as one HTML page that needs nothing else."""

from html import escape
from typing import Any

from minijax.measure import charts, page, svg, units

from .plot import ratios_svg
from .results import sentence
from .terminal import amount, figures_of, machine_lines


def render(report: dict[str, Any]) -> str:
    """The report as the text of an HTML page."""
    names = [side["name"] for side in report["sides"]]
    body = [
        "<h1>Benchmarks</h1>",
        f'<div class="verdict"><p><strong>{escape(sentence(report))}</strong></p></div>',
        *(f'<p class="note">{escape(n)}.</p>' for n in report["warnings"]),
        "<h2>By group</h2>",
        _groups(report),
        "<h2>Every ratio</h2>",
        f"<p>{names[0]}'s time over {names[1]}'s, with its 95 % interval. Right of the "
        f"line at 1, {names[1]} is ahead; left of it, {names[0]}.</p>",
        f'<div class="scroll">{ratios_svg(report)}</div>',
        *_curves(report, names),
        *_roofline(report, names),
        "<h2>Every figure</h2>",
        *_tables(report, names),
        "<h2>What the figures hold for</h2>",
        page.bullets(machine_lines(report)),
        "<h2>Data</h2>",
        page.download(report, "bench.json"),
    ]
    return page.page("minijax benchmarks", body)


def _groups(report: dict[str, Any]) -> str:
    rows = []
    for group in report["groups"]:
        goal = group["goal"] or {}
        rows.append(
            [
                escape(group["group"]),
                str(group["cases"]),
                f"{group['geomean']:.2f}",
                f"{goal['geomean']:g}" if "geomean" in goal else "",
                f"{group['least']:.2f}",
                escape(group["least_case"].partition("/")[2]),
            ]
        )
    return page.table(["group", "cases", "geometric mean", "goal", "least", "of"], rows)


def _curves(report: dict[str, Any], names: list[str]) -> list[str]:
    parts = []
    for curve in report["curves"]:
        series = {
            name: [(s, t) for s, t in zip(curve["sizes"], curve["seconds"][name])]
            for name in names[:2]
        }
        parts.append(f"<h3>Time of a step against {escape(curve['axis'])}</h3>")
        falls = [
            f"below {level}x "
            + (f"at {at:.3g}" if at is not None else "nowhere in this range")
            for level, at in curve["crossovers"].items()
        ]
        parts.append(f"<p>{names[1]}'s advantage falls {' and '.join(falls)}.</p>")
        parts.append(charts.curves(series, f"Time against {curve['axis']}"))
    return ["<h2>Scaling</h2>", *parts] if parts else []


def _roofline(report: dict[str, Any], names: list[str]) -> list[str]:
    points = []
    for case in report["cases"]:
        for number, side in enumerate(names[:2]):
            counted = case["counted"].get(side)
            figure = case["sides"].get(side, {}).get("ready")
            if counted and figure and counted["flops"] and counted["bytes accessed"]:
                intensity = counted["flops"] / counted["bytes accessed"]
                rate = counted["flops"] / figure["median"]
                points.append((f"{case['name']} on {side}", number, intensity, rate))
    if not points or not report["machine"].get("flops"):
        return []
    colours = dict(zip(names, svg.SIDE_COLOURS))
    return [
        "<h2>Roofline</h2>",
        "<p>FLOP/s reached, against the FLOPs for each byte of arguments and results. "
        "The line is what this machine can do.</p>",
        charts.legend({n: colours[n] for n in names[:2]}),
        charts.roofline(points, report["machine"]),
    ]


def _tables(report: dict[str, Any], names: list[str]) -> list[str]:
    parts = []
    for group in dict.fromkeys(case["group"] for case in report["cases"]):
        cases = [case for case in report["cases"] if case["group"] == group]
        present = [n for n in names if any(case["sides"].get(n) for case in cases)]
        rows = [_row(c, f, present) for c in cases for f in figures_of(c)]
        parts.append(f"<details><summary>{escape(group)}</summary>")
        parts.append(page.table(["case", *present, "ratio", "95 % or why none"], rows))
        parts.append("</details>")
    return parts


def _row(case: dict[str, Any], figure: str, names: list[str]) -> list[str]:
    short = case["name"].partition("/")[2]
    cells = [escape(short if case["kind"] == "warm" else f"{short}: {figure}")]
    for side in names:
        value = case["sides"].get(side, {}).get(figure)
        cells.append(amount(figure, value["median"]) if value else units.NONE)
    ratio = case["ratios"].get(figure)
    if ratio is None:
        return [*cells, "", escape(case["withheld"] or "")]
    interval = f"{ratio['low']:.2f} … {ratio['high']:.2f}"
    return [*cells, f"{ratio['ratio']:.2f}", interval]

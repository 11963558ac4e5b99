"""The benchmarks' report as one HTML page that needs nothing else."""

import functools
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
        *_curves(report, names),
        *_roofline(report, names),
        "<h2>Every ratio</h2>",
        f"<p>{names[0]}'s time over {names[1]}'s (in the group memory: its highest "
        "memory), with its 95 % interval. Right of the "
        f"line at 1, {names[1]} is ahead; left of it, {names[0]}.</p>",
        svg.responsive(lambda sheet: ratios_svg(report, sheet=sheet)),
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


CURVE_TITLES = {
    "ready": "Time of a step against {}",
    "trace": "Time to trace against the number of {}",
    "lower": "Time to lower against the number of {}",
    "memory": "Highest memory of a process against the number of {}",
}


def _curves(report: dict[str, Any], names: list[str]) -> list[str]:
    parts = []
    for curve in report["curves"]:
        if len(curve["sizes"]) < 2:
            continue
        title = CURVE_TITLES[curve["figure"]].format(curve["axis"])
        falls = [
            f"below {level}x "
            + (f"at {units.plain(float(f'{at:.3g}'))}" if at is not None else "nowhere")
            for level, at in curve["crossovers"].items()
        ]
        text = f"{names[1]}'s advantage falls {' and '.join(falls)} in this range."
        drawn = svg.responsive(functools.partial(_curve, curve, names[:2], title))
        parts.append(
            f'<div class="card"><h3>{escape(title)}</h3><p>{escape(text)}</p>'
            f"{drawn}</div>"
        )
    if not parts:
        return []
    return ["<h2>Against size</h2>", f'<div class="stack">{"".join(parts)}</div>']


def _curve(
    curve: dict[str, Any], names: list[str], title: str, sheet: svg.Sheet
) -> str:
    series = {
        name: list(zip(curve["sizes"], curve["values"][name], strict=True))
        for name in names
    }
    figure = curve["figure"]
    return charts.curves(
        series, title, lambda v: amount(figure, v), sheet, curve["axis"]
    )


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
        svg.responsive(lambda sheet: charts.roofline(points, report["machine"], sheet)),
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

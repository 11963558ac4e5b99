"""Plots of the report: parts as a stacked bar, warm calls as dots."""

from collections.abc import Sequence
from typing import Any

from minijax.measure import svg, units

from .summary import BAR_PARTS

COLOURS = {
    "import": svg.BLUE,
    "trace": svg.ORANGE,
    "lower": svg.SKY,
    "compile": svg.VERMILION,
    "calls": svg.GREEN,
    "wait": svg.PINK,
    "rest": svg.GREY,
}
NAMES = {"calls": "jitted calls", "wait": "waiting for outputs", "rest": "all else"}


def parts_bar(report: dict[str, Any], sheet: svg.Sheet = svg.WIDE) -> str:
    """One stacked bar for each side: where the time of the process goes."""
    sides = report["sides"]
    totals = report["totals"]
    values = [
        {part: totals[part]["values"][i]["median"] for part in BAR_PARTS}
        for i in range(len(sides))
    ]
    longest = max(sum(parts.values()) for parts in values) or 1.0
    drawn = []
    for position, (side, parts) in enumerate(zip(sides, values)):
        top = 8 + position * 44
        drawn.append(svg.label(sheet.left - 8, top + 20, side["name"], "end"))
        left = sheet.left
        for part, value in parts.items():
            width = sheet.plot * value / longest
            title = f"{side['name']}, {NAMES.get(part, part)}: {units.seconds(value)}"
            drawn.append(svg.rectangle(left, top, width, 30, COLOURS[part], title))
            left += width
        total = units.seconds(sum(parts.values()))
        drawn.append(svg.label(left + 6, top + 20, total))
    height = 16 + len(sides) * 44
    description = "; ".join(
        f"{side['name']}: "
        + ", ".join(f"{part} {units.seconds(v)}" for part, v in parts.items())
        for side, parts in zip(sides, values)
    )
    return svg.picture(sheet, height, drawn, f"Time by part. {description}")


def legend() -> str:
    """Names of the bar's parts, as HTML."""
    items = [
        f'<li><span class="swatch" style="background:{COLOURS[part]}"></span>'
        f"{NAMES.get(part, part)}</li>"
        for part in BAR_PARTS
    ]
    return f'<ul class="legend">{"".join(items)}</ul>'


def function_dots(
    report: dict[str, Any], sheet: svg.Sheet = svg.WIDE, limit: int = 12
) -> str:
    """Median warm call of each function on each side, one dot for each process.

    The axis is logarithmic: a step to the right is ten times the time.
    """
    functions = [
        entry
        for entry in report["functions"]
        if any(entry["figures"]["ready"]["values"])
    ][:limit]
    if not functions:
        return "<p>No function was called again after it was compiled.</p>"
    every = [
        value
        for entry in functions
        for side in entry["figures"]["ready"]["values"]
        if side
        for value in side["each"]
    ]
    edge = 20.0  # half a label of the axis
    axis = svg.LogAxis(min(every), max(every), edge, sheet.width - 2 * edge)
    rows = [
        part
        for number, entry in enumerate(functions)
        for part in _dot_row(entry, 22 + number * 46, report["sides"], axis, sheet)
    ]
    bottom = 22 + len(functions) * 46
    grid = svg.time_grid(axis, bottom)
    names = " and ".join(side["name"] for side in report["sides"])
    text = f"Median warm call of {len(functions)} functions on {names}; logarithmic"
    return svg.picture(sheet, bottom + 26, grid + rows, text)


def _dot_row(
    entry: dict, top: int, sides: Sequence[dict], axis: svg.LogAxis, sheet: svg.Sheet
) -> list[str]:
    parts = [svg.label(4, top, f"{entry['name']}  {entry['site']}")]
    for position, side in enumerate(sides):
        value = entry["figures"]["ready"]["values"][position]
        if value is None:
            continue
        y = top + 12 + position * 14
        for each in value["each"]:
            title = f"{side['name']}: {units.seconds(each)}"
            parts.append(svg.dot(axis.x(each), y, position, title))
        text = f"{side['name']} {units.seconds(value['median'])}"
        x, anchor = axis.x(value["max"]) + 9, "start"
        if x + svg.LETTER * len(text) > sheet.width:  # no room on the right
            x, anchor = axis.x(value["min"]) - 9, "end"
        parts.append(svg.label(x, y + 4, text, anchor, small=True))
    return parts

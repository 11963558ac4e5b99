"""Plots of the report as SVG text.

Colours are the Okabe-Ito set, told apart by people who see few colours, and every part
is also named and numbered in words. Text takes the page's colour, so that the plots
follow a light or a dark page.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from . import words
from .summary import BAR_PARTS

COLOURS = {
    "import": "#0072B2",
    "trace": "#E69F00",
    "lower": "#56B4E9",
    "compile": "#D55E00",
    "calls": "#009E73",
    "wait": "#CC79A7",
    "rest": "#8A8A8A",
}
NAMES = {"calls": "jitted calls", "wait": "waiting for outputs", "rest": "all else"}
SIDE_COLOURS = ("#0072B2", "#D55E00")
WIDTH = 720
LEFT = 80
PLOT = WIDTH - LEFT - 90


def parts_bar(report: dict[str, Any]) -> str:
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
        drawn.append(_label(LEFT - 8, top + 20, side["name"], "end"))
        left = float(LEFT)
        for part, value in parts.items():
            width = PLOT * value / longest
            title = f"{side['name']}, {NAMES.get(part, part)}: {words.seconds(value)}"
            drawn.append(_rectangle(left, top, width, 30, COLOURS[part], title))
            left += width
        total = words.seconds(sum(parts.values()))
        drawn.append(_label(left + 6, top + 20, total))
    height = 16 + len(sides) * 44
    description = "; ".join(
        f"{side['name']}: "
        + ", ".join(f"{part} {words.seconds(v)}" for part, v in parts.items())
        for side, parts in zip(sides, values)
    )
    return _svg(height, drawn, f"Time by part. {description}")


def legend() -> str:
    """Names of the bar's parts, as HTML."""
    items = [
        f'<li><span class="swatch" style="background:{COLOURS[part]}"></span>'
        f"{NAMES.get(part, part)}</li>"
        for part in BAR_PARTS
    ]
    return f'<ul class="legend">{"".join(items)}</ul>'


def function_dots(report: dict[str, Any], limit: int = 12) -> str:
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
    axis = _LogAxis(min(every), max(every))
    rows = [
        part
        for number, entry in enumerate(functions)
        for part in _dot_row(entry, 22 + number * 46, report["sides"], axis)
    ]
    bottom = 22 + len(functions) * 46
    grid = [part for tick in axis.ticks for part in _tick(axis, tick, bottom)]
    names = " and ".join(side["name"] for side in report["sides"])
    text = f"Median warm call of {len(functions)} functions on {names}; logarithmic"
    return _svg(bottom + 26, grid + rows, text)


class _LogAxis:
    def __init__(self, smallest: float, largest: float):
        first = math.floor(math.log10(smallest))
        self.low = 10.0**first
        self.decades = max(1, math.ceil(math.log10(largest)) - first)
        self.ticks = [10.0 ** (first + power) for power in range(self.decades + 1)]

    def x(self, value: float) -> float:
        """Where `value` is drawn."""
        return LEFT + PLOT * math.log10(value / self.low) / self.decades


def _dot_row(entry: dict, top: int, sides: Sequence[dict], axis: _LogAxis) -> list[str]:
    parts = [_label(LEFT, top, f"{entry['name']}  {entry['site']}")]
    for position, side in enumerate(sides):
        value = entry["figures"]["ready"]["values"][position]
        if value is None:
            continue
        y = top + 12 + position * 14
        for each in value["each"]:
            title = f"{side['name']}: {words.seconds(each)}"
            parts.append(_dot(axis.x(each), y, position, title))
        text = f"{side['name']} {words.seconds(value['median'])}"
        x, anchor = axis.x(value["max"]) + 9, "start"
        if x > LEFT + 0.75 * PLOT:  # no room on the right
            x, anchor = axis.x(value["min"]) - 9, "end"
        parts.append(_label(x, y + 4, text, anchor, small=True))
    return parts


def _dot(x: float, y: float, position: int, title: str) -> str:
    """A circle for the first side, a diamond for the second."""
    colour = SIDE_COLOURS[position % len(SIDE_COLOURS)]
    text = f"<title>{escape(title)}</title>"
    if position == 0:
        return f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{colour}">{text}</circle>'
    return (
        f'<path d="M{x:.1f} {y - 6} l6 6 l-6 6 l-6 -6z" fill="{colour}">{text}</path>'
    )


def _tick(axis: _LogAxis, value: float, bottom: int) -> list[str]:
    x = axis.x(value)
    line = f'<line x1="{x:.1f}" y1="6" x2="{x:.1f}" y2="{bottom}" class="grid"/>'
    return [line, _label(x, bottom + 16, words.seconds(value), "middle", small=True)]


def _rectangle(
    x: float, y: float, width: float, height: float, colour: str, title: str
) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{max(width, 0):.1f}" height="{height}" '
        f'fill="{colour}" class="part"><title>{escape(title)}</title></rect>'
    )


def _label(
    x: float, y: float, text: str, anchor: str = "start", small: bool = False
) -> str:
    size = 11 if small else 13
    return (
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(text)}</text>"
    )


def _svg(height: float, parts: Sequence[str], description: str) -> str:
    return (
        f'<div class="scroll"><svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(description, quote=True)}">{"".join(parts)}</svg></div>'
    )

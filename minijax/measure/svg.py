"""Pieces of plots as SVG text.

Colours are the Okabe-Ito set, told apart by people who see few colours; what a colour
says is also said by a shape or in words. Text takes the page's colour, so that plots
follow a light or a dark page.
"""

import math
from collections.abc import Sequence
from html import escape

from . import units

BLUE, ORANGE, SKY, VERMILION = "#0072B2", "#E69F00", "#56B4E9", "#D55E00"
GREEN, PINK, GREY, YELLOW = "#009E73", "#CC79A7", "#8A8A8A", "#F0E442"
SIDE_COLOURS = (BLUE, VERMILION, GREEN, PINK)
WIDTH = 720
LEFT = 80
PLOT = WIDTH - LEFT - 90


class LogAxis:
    """A logarithmic axis along the plot, over whole decades."""

    def __init__(
        self, smallest: float, largest: float, left: float = LEFT, width: float = PLOT
    ):
        first = math.floor(math.log10(smallest))
        self.low = 10.0**first
        self.decades = max(1, math.ceil(math.log10(largest)) - first)
        self.ticks = [10.0 ** (first + power) for power in range(self.decades + 1)]
        self._left, self._width = left, width

    def x(self, value: float) -> float:
        """Where `value` is drawn."""
        return self._left + self._width * math.log10(value / self.low) / self.decades


def dot(x: float, y: float, position: int, title: str) -> str:
    """A circle for the first side, a diamond for the second."""
    colour = SIDE_COLOURS[position % len(SIDE_COLOURS)]
    text = f"<title>{escape(title)}</title>"
    if position == 0:
        return f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{colour}">{text}</circle>'
    return (
        f'<path d="M{x:.1f} {y - 6} l6 6 l-6 6 l-6 -6z" fill="{colour}">{text}</path>'
    )


def tick(axis: LogAxis, value: float, bottom: int) -> list[str]:
    """A line of the grid with its time below."""
    x = axis.x(value)
    line = f'<line x1="{x:.1f}" y1="6" x2="{x:.1f}" y2="{bottom}" class="grid"/>'
    return [line, label(x, bottom + 16, units.seconds(value), "middle", small=True)]


def rectangle(
    x: float, y: float, width: float, height: float, colour: str, title: str
) -> str:
    """A filled part; `title` shows where one points at it."""
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{max(width, 0):.1f}" height="{height}" '
        f'fill="{colour}" class="part"><title>{escape(title)}</title></rect>'
    )


def label(
    x: float, y: float, text: str, anchor: str = "start", small: bool = False
) -> str:
    """Text whose start, middle or end is at `x`."""
    size = 11 if small else 13
    return (
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(text)}</text>"
    )


def picture(height: float, parts: Sequence[str], description: str) -> str:
    """The whole plot; `description` says in words what it shows."""
    return (
        f'<div class="scroll"><svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(description, quote=True)}">{"".join(parts)}</svg></div>'
    )

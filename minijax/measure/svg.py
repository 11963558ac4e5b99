"""Pieces of plots as SVG text.

A plot is drawn on a `Sheet`: a wide one, and a narrow one for phones, of which the page
shows what fits (`responsive`), so that text keeps a size that can be read.

Colours are the Okabe-Ito set, told apart by people who see few colours; what a colour
says is also said by a shape or in words. Text takes the page's colour, so that plots
follow a light or a dark page.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from . import units

BLUE, ORANGE, SKY, VERMILION = "#0072B2", "#E69F00", "#56B4E9", "#D55E00"
GREEN, PINK, GREY, YELLOW = "#009E73", "#CC79A7", "#8A8A8A", "#F0E442"
SIDE_COLOURS = (BLUE, VERMILION, GREEN, PINK)
LETTER = 6.0  # width of a small letter, roughly


@dataclass(frozen=True)
class Sheet:
    """Widths of a plot: of all, and of the margins beside its axes."""

    width: float
    left: float
    right: float
    narrow: bool = False

    @property
    def plot(self) -> float:
        """Width between the margins."""
        return self.width - self.left - self.right


WIDE = Sheet(720, 80, 90)
NARROW = Sheet(360, 56, 58, narrow=True)


def responsive(draw: Callable[[Sheet], str]) -> str:
    """A plot in both widths, as HTML; the page's style shows one of them."""
    return (
        f'<div class="wide">{draw(WIDE)}</div><div class="narrow">{draw(NARROW)}</div>'
    )


class LogAxis:
    """A logarithmic axis along the plot, over whole decades."""

    def __init__(self, smallest: float, largest: float, left: float, width: float):
        first = math.floor(math.log10(smallest))
        self.low = 10.0**first
        self.decades = max(1, math.ceil(math.log10(largest)) - first)
        self.ticks = [10.0 ** (first + power) for power in range(self.decades + 1)]
        self._left, self._width = left, width

    def labelled(self, room: float = 44) -> list[float]:
        """The ticks that have `room` for a label: every one, every second, …"""
        step = math.ceil(room * self.decades / self._width)
        return self.ticks[::step]

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


def time_grid(axis: LogAxis, bottom: int) -> list[str]:
    """Upright lines at the axis' ticks, with their times below."""
    parts = []
    for value in axis.ticks:
        x = axis.x(value)
        parts.append(
            f'<line x1="{x:.1f}" y1="6" x2="{x:.1f}" y2="{bottom}" class="grid"/>'
        )
    for value in axis.labelled():
        text = units.whole(units.seconds(value))
        parts.append(label(axis.x(value), bottom + 16, text, "middle", small=True))
    return parts


def rectangle(
    x: float, y: float, width: float, height: float, colour: str, title: str
) -> str:
    """A filled part; `title` shows where one points at it."""
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{max(width, 0):.1f}" height="{height}" '
        f'fill="{colour}" class="part"><title>{escape(title)}</title></rect>'
    )


def label(
    x: float,
    y: float,
    text: str,
    anchor: str = "start",
    small: bool = False,
    bold: bool = False,
) -> str:
    """Text whose start, middle or end is at `x`."""
    size = 11 if small else 13
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-size="{size}"{weight}>'
        f"{escape(text)}</text>"
    )


def picture(sheet: Sheet, height: float, parts: Sequence[str], description: str) -> str:
    """The whole plot; `description` says in words what it shows."""
    return (
        f'<svg viewBox="0 0 {sheet.width:g} {height}" role="img" '
        f'aria-label="{escape(description, quote=True)}">{"".join(parts)}</svg>'
    )

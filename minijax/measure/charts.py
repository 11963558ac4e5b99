"""Charts that reports share: stacked bars, curves, the roofline; as SVG text.

Whatever a colour says is also said in words or by a shape; a chart's description says
in words what it shows.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape

from . import svg, units
from .machine import memory_rate

HEIGHT = 300
TOP = 20
PART_COLOURS = {
    "dispatch": svg.ORANGE,
    "runtime": svg.SKY,
    "kernels": svg.GREEN,
    "unexplained": svg.GREY,
}
# One shape for each series, so that lines are told apart without colours.
SHAPES = ("circle", "diamond", "square", "triangle")


def stacked_bars(
    rows: Sequence[tuple[str, dict[str, float]]], sheet: svg.Sheet = svg.WIDE
) -> str:
    """A bar for each (label, {part: seconds}), each on a line of its own."""
    drawable = (sum(max(v, 0) for v in parts.values()) for _, parts in rows)
    longest = max(drawable, default=0) or 1.0
    drawn, words = [], []
    for number, (label, parts) in enumerate(rows):
        top = 8 + number * 50
        drawn.append(svg.label(4, top + 12, label, small=True))
        left = 4.0
        for part, value in parts.items():
            width = (sheet.width - 80) * max(value, 0) / longest
            title = f"{label}, {part}: {units.seconds(max(value, 0))}"
            colour = PART_COLOURS[part]
            drawn.append(svg.rectangle(left, top + 17, width, 20, colour, title))
            left += width
        total = units.seconds(sum(parts.values()))
        drawn.append(svg.label(left + 5, top + 32, total, small=True))
        listed = ", ".join(f"{p} {units.seconds(max(v, 0))}" for p, v in parts.items())
        words.append(f"{label}: {listed}")
    text = "Parts of a call. " + "; ".join(words)
    return svg.picture(sheet, 16 + 50 * len(rows), drawn, text)


def legend(colours: dict[str, str]) -> str:
    """What colours stand for, as HTML."""
    items = "".join(
        f'<li><span class="swatch" style="background:{colour}"></span>{escape(name)}</li>'
        for name, colour in colours.items()
    )
    return f'<ul class="legend">{items}</ul>'


class Plane:
    """Two logarithmic axes; `label` texts for their ticks."""

    def __init__(
        self,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        x_label: Callable[[float], str],
        y_label: Callable[[float], str],
        sheet: svg.Sheet,
        names: tuple[str, str] = ("", ""),
    ):
        self._sheet = sheet
        self._x = svg.LogAxis(*x_range, left=sheet.left, width=sheet.plot)
        self._y = svg.LogAxis(*y_range, left=0.0, width=float(HEIGHT))
        self._labels, self._names = (x_label, y_label), names

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point is drawn."""
        return self._x.x(x), TOP + HEIGHT - self._y.x(y)

    def grid(self) -> list[str]:
        """Lines and labels of both axes."""
        x_label, y_label = self._labels
        end = self._sheet.left + self._sheet.plot
        parts = [
            svg.label(4, TOP - 8, self._names[1], small=True),
            svg.label(end, TOP + HEIGHT + 32, self._names[0], "end", small=True),
        ]
        for tick in self._x.ticks:
            x, _ = self.at(tick, self._y.low)
            parts.append(
                f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}" '
                'class="grid"/>'
            )
        for tick in self._x.labelled():
            x, _ = self.at(tick, self._y.low)
            parts.append(
                svg.label(x, TOP + HEIGHT + 16, x_label(tick), "middle", small=True)
            )
        for tick in self._y.ticks:
            _, y = self.at(self._x.low, tick)
            left, right = self._sheet.left, self._sheet.left + self._sheet.plot
            parts.append(
                f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" '
                'class="grid"/>'
            )
            text = units.whole(y_label(tick))
            parts.append(svg.label(left - 6, y + 4, text, "end", small=True))
        return parts


def mark(x: float, y: float, series: int, title: str) -> str:
    """A point of a series, with its own shape and colour."""
    colour = svg.SIDE_COLOURS[series % len(svg.SIDE_COLOURS)]
    path = {
        "diamond": "m0 -6 l6 6 l-6 6 l-6 -6z",
        "square": "m-4.5 -4.5 h9 v9 h-9z",
        "triangle": "m0 -6 l6 10 h-12z",
    }.get(SHAPES[series % len(SHAPES)])
    text = f"<title>{escape(title)}</title>"
    if path is None:
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}">{text}</circle>'
        )
    return f'<path d="M{x:.1f} {y:.1f} {path}" fill="{colour}">{text}</path>'


def curves(
    series: Mapping[str, Sequence[tuple[float, float]]],
    what: str,
    y_label: Callable[[float], str] = units.seconds,
    sheet: svg.Sheet = svg.WIDE,
    x_name: str = "",
) -> str:
    """Lines through (size, value) points of each series, on logarithmic axes."""
    points = [point for line in series.values() for point in line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    ranges = (min(xs), max(xs)), (min(ys), max(ys))
    plane = Plane(*ranges, units.plain, y_label, sheet, (x_name, ""))
    parts = plane.grid()
    taken: list[float] = []  # heights of the names at the lines' ends
    for number, (name, line) in enumerate(series.items()):
        colour = svg.SIDE_COLOURS[number % len(svg.SIDE_COLOURS)]
        places = [plane.at(x, y) for x, y in sorted(line)]
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        for (x, y), (size, value) in zip(places, sorted(line)):
            title = f"{name}, {size:g}: {y_label(value)}"
            parts.append(mark(x, y, number, title))
        x, y = places[-1]
        while any(abs(y - other) < 12 for other in taken):
            y += 12
        taken.append(y)
        parts.append(svg.label(x + 9, y + 4, name, small=True))
    words = "; ".join(
        f"{name}: " + ", ".join(f"{x:g}: {y_label(y)}" for x, y in line)
        for name, line in series.items()
    )
    return svg.picture(sheet, TOP + HEIGHT + 38, parts, f"{what}. {words}")


def roofline(
    points: Sequence[tuple[str, int, float, float]],
    machine: dict[str, float],
    sheet: svg.Sheet = svg.WIDE,
) -> str:
    """(label, series, FLOPs per byte, FLOP/s) below what the machine can do."""
    bandwidth = memory_rate(machine)
    ridge = machine["flops"] / bandwidth
    xs = [x for _, _, x, _ in points] + [ridge / 10, ridge * 10]
    rates = [y for *_, y in points] + [machine["flops"]]
    plane = Plane(
        (min(xs), max(xs)),
        (min(rates), max(rates)),
        units.plain,
        units.plain,
        sheet,
        ("FLOPs per byte", "FLOP/s"),
    )
    low = max(min(xs), min(rates) / bandwidth)
    corners = [
        (low, low * bandwidth),
        (ridge, machine["flops"]),
        (max(xs), machine["flops"]),
    ]
    path = " L".join(f"{x:.1f} {y:.1f}" for x, y in (plane.at(*c) for c in corners))
    parts = plane.grid()
    parts.append(f'<path d="M{path}" fill="none" class="roof" stroke-width="2"/>')
    for label, series, x, y in points:
        title = f"{label}: {y * 1e-9:.3g} GFLOP/s, {x:.3g} FLOPs a byte"
        parts.append(mark(*plane.at(x, y), series, title))
    text = "; ".join(f"{label}: {y * 1e-9:.3g} GFLOP/s" for label, _, _, y in points)
    return svg.picture(
        sheet,
        TOP + HEIGHT + 38,
        parts,
        "Roofline: FLOP/s against FLOPs per byte moved, below the machine's "
        f"{machine['flops'] * 1e-9:.0f} GFLOP/s and {bandwidth * 1e-9:.0f} GB/s. "
        + text,
    )

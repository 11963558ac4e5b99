"""The benchmarks' ratios as one SVG file: a dot with its interval for each case."""

from html import escape
from typing import Any

from minijax.measure import svg

from .results import main_figure

ROW = 18  # height of a line
NAMES = 250.0  # room for the names, where they stand beside the dots
VALUES = 60.0  # and for the ratios
STYLE = (
    "<style>text{fill:#1b1f24;font-family:system-ui,sans-serif}.grid{stroke:#d5dae0}"
    ".one{stroke:#5b6470;stroke-width:1.5}@media (prefers-color-scheme:dark){"
    "svg{background:#16191d}text{fill:#e8eaed}.grid{stroke:#3a4149}}</style>"
)


def ratios_plot(report: dict[str, Any]) -> str:
    """The plot as the text of a standalone SVG file."""
    return ratios_svg(report, STYLE) + "\n"


def ratios_svg(
    report: dict[str, Any], style: str = "", sheet: svg.Sheet = svg.WIDE
) -> str:
    """The plot as an SVG element, with `style` of its own or the page's."""
    points = [
        (case, case["ratios"][main_figure(case)])
        for case in report["cases"]
        if main_figure(case) in case["ratios"]
    ]
    values = [r[k] for _, r in points for k in ("low", "high", "ratio")] or [1.0]
    left = 12.0 if sheet.narrow else NAMES
    width = sheet.width - left - (VALUES if not sheet.narrow else 20)
    axis = svg.LogAxis(min(0.5, *values), max(2.0, *values), left, width)
    rows, bottom = _rows(points, axis, sheet)
    first, second = (side["name"] for side in report["sides"][:2])
    title = f"{first}'s time over {second}'s (right: {second} ahead)"
    parts = [svg.label(8, 20, title, small=sheet.narrow)]
    for tick in axis.ticks:
        x = axis.x(tick)
        kind = "one" if tick == 1 else "grid"
        parts.append(
            f'<line x1="{x:.1f}" y1="30" x2="{x:.1f}" y2="{bottom}" class="{kind}"/>'
        )
        parts.append(svg.label(x, bottom + 16, f"{tick:g}", "middle", small=True))
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {sheet.width:g} '
        f'{bottom + 26}" role="img"><title>Ratios by case</title>'
    )
    return f"{picture}{style}{''.join(parts + rows)}</svg>"


def _rows(points: list, axis: svg.LogAxis, sheet: svg.Sheet) -> tuple[list[str], int]:
    """The cases' lines, and where they end; names stand above where it is narrow."""
    parts, y, group = [], 44, None
    for case, ratio in points:
        if case["group"] != group:
            group = case["group"]
            y += 8 if parts else 0
            parts.append(svg.label(8, y, group, bold=True))
            y += ROW
        name = case["name"].partition("/")[2]
        if sheet.narrow:
            parts.append(svg.label(12, y, name, small=True))
            y += ROW - 4
        else:
            parts.append(svg.label(NAMES - 10, y, name, "end", small=True))
        parts += _dot(case["name"], ratio, axis, y, sheet)
        y += ROW + (4 if sheet.narrow else 0)
    return parts, y - 4


def _dot(
    name: str, ratio: dict[str, float], axis: svg.LogAxis, y: int, sheet: svg.Sheet
) -> list[str]:
    colour = svg.BLUE if ratio["ratio"] >= 1 else svg.VERMILION
    low, middle, high = (axis.x(ratio[k]) for k in ("low", "ratio", "high"))
    title = f"{name}: {ratio['ratio']:.2f}"
    line = (
        f'<line x1="{low:.1f}" y1="{y - 4}" x2="{high:.1f}" y2="{y - 4}" '
        f'stroke="{colour}" stroke-width="2"/>'
        f'<circle cx="{middle:.1f}" cy="{y - 4}" r="4" fill="{colour}">'
        f"<title>{escape(title)}</title></circle>"
    )
    text = f"{ratio['ratio']:.3g}"
    x, anchor = max(high, middle + 4) + 6, "start"
    if x + svg.LETTER * len(text) > sheet.width:  # no room on the right
        x, anchor = min(low, middle - 4) - 6, "end"
    return [line, svg.label(x, y, text, anchor, small=True)]

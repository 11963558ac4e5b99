"""The benchmarks' ratios as one SVG file: a dot with its interval for each case."""

from html import escape
from typing import Any

from minijax.measure import svg

from .results import main_figure

ROW = 18
LEFT = 250.0
RIGHT = 60.0
STYLE = (
    "<style>text{fill:#1b1f24;font-family:system-ui,sans-serif}.grid{stroke:#d5dae0}"
    ".one{stroke:#5b6470;stroke-width:1.5}@media (prefers-color-scheme:dark){"
    "svg{background:#16191d}text{fill:#e8eaed}.grid{stroke:#3a4149}}</style>"
)


def ratios_plot(report: dict[str, Any]) -> str:
    """The plot as the text of a standalone SVG file."""
    return ratios_svg(report, STYLE) + "\n"


def ratios_svg(report: dict[str, Any], style: str = "") -> str:
    """The plot as an SVG element, with `style` of its own or the page's."""
    points = [
        (case, case["ratios"][main_figure(case)])
        for case in report["cases"]
        if main_figure(case) in case["ratios"]
    ]
    values = [r[k] for _, r in points for k in ("low", "high", "ratio")] or [1.0]
    axis = svg.LogAxis(
        min(0.5, *values), max(2.0, *values), LEFT, svg.WIDTH - LEFT - RIGHT
    )
    bottom = 40 + ROW * (len(points) + len({c["group"] for c, _ in points}))
    first, second = (side["name"] for side in report["sides"][:2])
    parts = [
        svg.label(8, 20, f"{first}'s time over {second}'s (right: {second} ahead)")
    ]
    for tick in axis.ticks:
        x = axis.x(tick)
        kind = "one" if tick == 1 else "grid"
        parts.append(
            f'<line x1="{x:.1f}" y1="30" x2="{x:.1f}" y2="{bottom}" class="{kind}"/>'
        )
        parts.append(svg.label(x, bottom + 16, f"{tick:g}", "middle", small=True))
    parts += _rows(points, axis)
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {svg.WIDTH} '
        f'{bottom + 26}" role="img"><title>Ratios by case</title>'
    )
    return f"{picture}{style}{''.join(parts)}</svg>"


def _rows(points: list, axis: svg.LogAxis) -> list[str]:
    parts, y, group = [], 44, None
    for case, ratio in points:
        if case["group"] != group:
            group = case["group"]
            parts.append(svg.label(8, y, group))
            y += ROW
        name = case["name"].partition("/")[2]
        parts.append(svg.label(LEFT - 10, y, name, "end", small=True))
        colour = svg.BLUE if ratio["ratio"] >= 1 else svg.VERMILION
        low, middle, high = (axis.x(ratio[k]) for k in ("low", "ratio", "high"))
        title = f"{case['name']}: {ratio['ratio']:.2f}"
        parts.append(
            f'<line x1="{low:.1f}" y1="{y - 4}" x2="{high:.1f}" y2="{y - 4}" '
            f'stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{middle:.1f}" cy="{y - 4}" r="4" fill="{colour}">'
            f"<title>{escape(title)}</title></circle>"
        )
        text = f"{ratio['ratio']:.3g}"
        parts.append(svg.label(high + 6, y, text, small=True))
        y += ROW
    return parts

"""A report as one HTML file that needs nothing else: no script, no other file."""

import base64
import json
from html import escape
from typing import Any

from . import units

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #5b6470;
  --line: #d5dae0; --good: #0b6e4f; --bad: #a3261a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #16191d;
  --soft: #a3adb8; --line: #3a4149; --good: #59c9a5; --bad: #ff8f80; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.verdict { border-left: .4rem solid var(--good); padding: .2rem 1rem; }
.verdict.bad { border-color: var(--bad); }
.verdict strong { font-size: 1.1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line);
  text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--soft); font-weight: 600; }
td .range, .site { color: var(--soft); font-size: .85em; }
svg { width: 100%; min-width: 34rem; height: auto; } svg text { fill: var(--ink); }
svg .grid { stroke: var(--line); } svg .roof, svg .one { stroke: var(--soft); }
svg .part { stroke: var(--paper); stroke-width: .5; } summary { cursor: pointer; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 1rem; }
.swatch { display: inline-block; width: .9rem; height: .9rem; margin-right: .4rem;
  vertical-align: -.1rem; }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .7rem; }
.note { color: var(--bad); }
@media (max-width: 40rem) { th, td { padding: .25rem .35rem; font-size: .85rem; } }
"""


def page(title: str, body: list[str]) -> str:
    """The text of an HTML page."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>{''.join(body)}</body></html>\n"
    )


def download(report: dict[str, Any], name: str) -> str:
    """A link that holds all of `report` as JSON."""
    data = base64.b64encode(json.dumps(report).encode()).decode()
    link = f"data:application/json;base64,{data}"
    return f'<p><a download="{name}" href="{link}">All data as JSON</a></p>'


def with_range(value: dict[str, Any] | None, unit: str) -> str:
    """A figure with its range in small type below."""
    if value is None:
        return units.NONE
    text = units.with_range(value, unit)
    middle, space, spread = text.partition("  ")
    return escape(middle) + (
        f'<br><span class="range">{escape(spread)}</span>' if space else ""
    )


def indented(label: str) -> str:
    """A label whose leading spaces show."""
    stripped = label.lstrip()
    return "&emsp;" * ((len(label) - len(stripped)) // 2) + escape(stripped)


def bullets(lines: list[str]) -> str:
    """Lines of text as a list."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table that scrolls where the page is narrow; cells are HTML."""
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )

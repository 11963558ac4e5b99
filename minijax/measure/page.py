"""A report as one HTML file that needs nothing else: no script, no other file."""

import base64
import json
from collections.abc import Sequence
from html import escape
from typing import Any

from . import units

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #5b6470;
  --line: #d5dae0; --good: #0b6e4f; --bad: #a3261a; --shade: #00000026; --card: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #16191d;
  --soft: #a3adb8; --line: #3a4149; --good: #59c9a5; --bad: #ff8f80; --shade: #000000b3;
  --card: #1d2126; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 66rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin: 0; }
p, li, dd { overflow-wrap: anywhere; } ul { padding-left: 1.2rem; }
.verdict { border-left: .4rem solid var(--good); padding: .2rem 1rem; }
.verdict.bad { border-color: var(--bad); }
.verdict strong { font-size: 1.15rem; line-height: 1.4; }
.verdict li { color: var(--soft); font-size: .9rem; }
.scroll { overflow-x: auto; background:
  linear-gradient(to left, var(--paper) 40%, transparent) right / 4rem 100% no-repeat local,
  linear-gradient(to left, var(--shade), transparent) right / 1rem 100% no-repeat scroll; }
table { border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
td.words { text-align: left; white-space: normal; min-width: 8rem; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom;
  white-space: normal; }
.figure, .range { white-space: nowrap; }
.range, .site { color: var(--soft); font-size: .85em; font-weight: normal; }
.hint, .narrow { display: none; } .hint { color: var(--soft); font-size: .8rem; margin: 0; }
svg { width: 100%; height: auto; display: block; margin-bottom: .8rem; }
svg text { fill: var(--ink); }
svg .grid { stroke: var(--line); } svg .roof, svg .one { stroke: var(--soft); }
svg .part { stroke: var(--paper); stroke-width: .5; } summary { cursor: pointer; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1rem;
  font-size: .9rem; }
.swatch { display: inline-block; width: .9rem; height: .9rem; margin-right: .4rem;
  vertical-align: -.1rem; }
.cards { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); }
.stack { display: grid; gap: 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .4rem;
  padding: .7rem .9rem; } .card p { margin: .3rem 0 .6rem; }
.card table { width: 100%; } .card th, .card td { padding: .3rem .3rem; white-space: normal; }
.card th:last-child { width: 3.6rem; } .card td:first-child { width: 6rem; }
.card tr > :last-child { color: var(--soft); }
.card tbody tr:last-child td { color: var(--soft); border-bottom: 0; }
.card.three tbody tr:last-child td:last-child { color: var(--ink); font-weight: 600; }
.facts { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr;
  gap: .15rem 1rem; margin: .4rem 0 1.2rem; } .facts dt { color: var(--soft); }
.facts dd { margin: 0; } .pair { display: inline-block; margin-right: .9rem;
  font-family: ui-monospace, monospace; font-size: .85em; }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .7rem; }
.note { color: var(--bad); }
@media (max-width: 66rem) { .hint { display: block; } }
@media (max-width: 40rem) {
  body { margin: 1rem auto; } .wide { display: none; } .narrow { display: block; }
  th, td { padding: .25rem .3rem; font-size: .85rem; white-space: normal; }
  .range { font-size: .72rem; white-space: normal; } td.words { min-width: 4rem; }
  .many td.words { min-width: 11rem; } .card { padding: .6rem; }
  .card td:first-child { width: 4rem; }
  .scroll th:first-child, .scroll td:first-child { position: sticky; left: 0;
    background: var(--paper); white-space: normal; min-width: 4.6rem; max-width: 6rem;
    overflow-wrap: anywhere; }
  .facts { grid-template-columns: 1fr; } .facts dd { margin: 0 0 .4rem; }
}
"""
WIDE_TABLE = 4  # columns that a phone has room for


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
    return two_lines(units.with_range(value, unit))


def indented(label: str) -> str:
    """A label whose leading spaces show."""
    stripped = label.lstrip()
    return "&emsp;" * ((len(label) - len(stripped)) // 2) + escape(stripped)


def bullets(lines: list[str]) -> str:
    """Lines of text as a list."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def facts(pairs: Sequence[tuple[str, str | Sequence[str]]]) -> str:
    """Terms with what they are: a text, or several short ones."""
    parts = []
    for term, value in pairs:
        if not isinstance(value, str):
            spans = (f'<span class="pair">{escape(one)}</span>' for one in value)
            text = "".join(spans) or units.NONE
        else:
            text = escape(value)
        parts.append(f"<dt>{escape(term)}</dt><dd>{text}</dd>")
    return f'<dl class="facts">{"".join(parts)}</dl>'


def two_lines(text: str) -> str:
    """A figure as HTML; what follows two spaces stands below, in small type."""
    first, _, rest = text.partition("  ")
    rest = escape(rest.removeprefix("(").removesuffix(")"))
    # A phone may break the line after the dots, nowhere else.
    rest = rest.replace(" ", "&nbsp;").replace("…&nbsp;", "… ")
    below = f'<br><span class="range">{rest}</span>' if rest else ""
    return f'<span class="figure">{escape(first)}</span>{below}'


def table(head: list[str], rows: list[list[str]], words: Sequence[int] = ()) -> str:
    """A table that scrolls where the page is narrow; cells are HTML.

    `words` are the columns that hold text, which may take several lines.
    """
    many = len(head) > WIDE_TABLE
    hint = '<p class="hint">More columns to the right →</p>' if many else ""
    return (
        f'{hint}<div class="scroll{" many" if many else ""}" tabindex="0" '
        'role="region" aria-label="table">'
        f"{plain_table(head, rows, words)}</div>"
    )


def plain_table(
    head: list[str], rows: list[list[str]], words: Sequence[int] = ()
) -> str:
    """A table that needs no scrolling; cells are HTML."""
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = ""
    for row in rows:
        cells = (
            f'<td class="words">{cell}</td>' if place in words else f"<td>{cell}</td>"
            for place, cell in enumerate(row)
        )
        body += f"<tr>{''.join(cells)}</tr>"
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"

"""The report as one HTML file that needs nothing else: no script, no other file."""

import base64
import json
from html import escape
from typing import Any

from . import plots, words
from .summary import PHASES, TOTALS

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
svg .grid { stroke: var(--line); } svg .part { stroke: var(--paper); stroke-width: .5; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 1rem; }
.swatch { display: inline-block; width: .9rem; height: .9rem; margin-right: .4rem;
  vertical-align: -.1rem; }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .7rem; }
.note { color: var(--bad); }
@media (max-width: 40rem) { th, td { padding: .25rem .35rem; font-size: .85rem; } }
"""


def render(report: dict[str, Any]) -> str:
    """The report as the text of an HTML page."""
    title = f"compare {report['script']}"
    body = [
        f"<h1>{escape(title)}</h1>",
        _verdict(report),
        "<h2>Where the time goes</h2>",
        "<p>Median over the processes, in seconds of the clock.</p>",
        plots.parts_bar(report),
        plots.legend(),
        _totals(report),
        "<h2>Jitted functions</h2>",
        "<p>A warm call, until its outputs are ready; one mark for each process. "
        "The axis is logarithmic.</p>",
        plots.function_dots(report),
        _functions(report),
        "<h2>What the figures hold for</h2>",
        _list(words.environment_lines(report)),
        "<h2>Output of the script</h2>",
        *_outputs(report),
        "<h2>Data</h2>",
        _download(report),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _verdict(report: dict[str, Any]) -> str:
    bad = "" if report["equality"]["equal"] else " bad"
    word = "Not equal." if bad else "Equal."
    lines = _list(words.equality_lines(report, limit=50))
    notes = "".join(f'<p class="note">{escape(n)}.</p>' for n in report["warnings"])
    withheld = ""
    if report["ratios_withheld"]:
        withheld = f"<p>No ratio is given: {escape(report['ratios_withheld'])}.</p>"
    return (
        f'<div class="verdict{bad}"><p><strong>{word} '
        f"{escape(words.headline(report))}</strong></p>{withheld}{lines}</div>{notes}"
    )


def _totals(report: dict[str, Any]) -> str:
    rows = []
    for name, label, unit in TOTALS:
        row = report["totals"][name]
        cells = [_indented(label)]
        cells += [_with_range(value, unit) for value in row["values"]]
        cells.append(escape(words.ratio(row, unit)))
        rows.append(cells)
    return _table(["", *_names(report), "clearly ahead"], rows)


def _functions(report: dict[str, Any]) -> str:
    columns = ("trace", "lower", "compile", "first", "ready")
    rows = []
    for entry in report["functions"]:
        for position, side in enumerate(report["sides"]):
            name = escape(entry["name"]) + (
                f' <span class="site">{escape(entry["site"])}</span>'
            )
            figures = [entry["figures"][c]["values"][position] for c in columns]
            rows.append(
                [
                    name if position == 0 else "",
                    escape(side["name"]),
                    str(entry["calls"][position]),
                    *(_with_range(value, "s") for value in figures),
                    escape(words.ratio(entry["figures"]["ready"]))
                    if position == 0
                    else "",
                ]
            )
    for position, side in enumerate(report["sides"]):
        phases = [report["outside"][position][phase] for phase in PHASES]
        label = "outside of these" if position == 0 else ""
        cells = [_with_range(value, "s") for value in phases]
        rows.append([label, escape(side["name"]), "", *cells, "", "", ""])
    head = ["function", "on", "calls", "trace", "lower", "compile", "first call"]
    return _table([*head, "warm call", "warm: clearly ahead"], rows)


def _outputs(report: dict[str, Any]) -> list[str]:
    outputs = report["stdout"]
    if outputs[0] == outputs[1]:
        text = escape(outputs[0]) or "(none)"
        return ["<p>The same on both sides.</p>", f"<pre>{text}</pre>"]
    return [
        f"<h3>{escape(name)}</h3><pre>{escape(text) or '(none)'}</pre>"
        for name, text in zip(_names(report), outputs)
    ]


def _download(report: dict[str, Any]) -> str:
    data = base64.b64encode(json.dumps(report).encode()).decode()
    link = f"data:application/json;base64,{data}"
    return f'<p><a download="compare.json" href="{link}">All data as JSON</a></p>'


def _names(report: dict[str, Any]) -> list[str]:
    return [side["name"] for side in report["sides"]]


def _with_range(value: dict[str, Any] | None, unit: str) -> str:
    if value is None:
        return words.NONE
    text = words.with_range(value, unit)
    middle, space, spread = text.partition("  ")
    return escape(middle) + (
        f'<br><span class="range">{escape(spread)}</span>' if space else ""
    )


def _indented(label: str) -> str:
    stripped = label.lstrip()
    return "&emsp;" * ((len(label) - len(stripped)) // 2) + escape(stripped)


def _list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _table(head: list[str], rows: list[list[str]]) -> str:
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )

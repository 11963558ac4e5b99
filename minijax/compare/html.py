"""The report as one HTML file that needs nothing else: no script, no other file."""

from html import escape
from typing import Any

from minijax.measure import page

from . import plots, words
from .summary import PHASES, TOTALS


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
        page.bullets(words.environment_lines(report)),
        "<h2>Output of the script</h2>",
        *_outputs(report),
        "<h2>Data</h2>",
        page.download(report, "compare.json"),
    ]
    return page.page(title, body)


def _verdict(report: dict[str, Any]) -> str:
    bad = "" if report["equality"]["equal"] else " bad"
    word = "Not equal." if bad else "Equal."
    lines = page.bullets(words.equality_lines(report, limit=50))
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
        cells = [page.indented(label)]
        cells += [page.with_range(value, unit) for value in row["values"]]
        cells.append(escape(words.ratio(row, unit)))
        rows.append(cells)
    return page.table(["", *_names(report), "clearly ahead"], rows)


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
                    *(page.with_range(value, "s") for value in figures),
                    escape(words.ratio(entry["figures"]["ready"]))
                    if position == 0
                    else "",
                ]
            )
    for position, side in enumerate(report["sides"]):
        phases = [report["outside"][position][phase] for phase in PHASES]
        label = "outside of these" if position == 0 else ""
        cells = [page.with_range(value, "s") for value in phases]
        rows.append([label, escape(side["name"]), "", *cells, "", "", ""])
    head = ["function", "on", "calls", "trace", "lower", "compile", "first call"]
    return page.table([*head, "warm call", "warm: clearly ahead"], rows)


def _outputs(report: dict[str, Any]) -> list[str]:
    outputs = report["stdout"]
    if outputs[0] == outputs[1]:
        text = escape(outputs[0]) or "(none)"
        return ["<p>The same on both sides.</p>", f"<pre>{text}</pre>"]
    return [
        f"<h3>{escape(name)}</h3><pre>{escape(text) or '(none)'}</pre>"
        for name, text in zip(_names(report), outputs)
    ]


def _names(report: dict[str, Any]) -> list[str]:
    return [side["name"] for side in report["sides"]]

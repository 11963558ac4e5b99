"""The report as one HTML file that needs nothing else: no script, no other file."""

from html import escape
from pathlib import Path
from typing import Any

from minijax.measure import charts, page, svg, units

from . import cell_words, plots, words
from .summary import PHASES, TOTALS


def render(report: dict[str, Any]) -> str:
    """The report as the text of an HTML page."""
    title = " ".join(["compare", Path(report["script"]).name, *report["args"]])
    body = [
        f"<h1>{escape(title)}</h1>",
        _verdict(report),
        "<h2>Where the time goes</h2>",
        f"<p>Median of {report['runs']} processes; below each figure its 95 % interval."
        "</p>",
        svg.responsive(lambda sheet: plots.parts_bar(report, sheet)),
        plots.legend(),
        _totals(report),
        "<h2>Jitted functions</h2>",
        "<p>A warm call, until its outputs are ready; one mark for each process. "
        "The axis is logarithmic.</p>",
        svg.responsive(lambda sheet: plots.function_dots(report, sheet)),
        _functions(report),
        *_cells(report["cells"]),
        *_changes(report["baseline"]),
        "<h2>What the figures hold for</h2>",
        *_environment(report),
        "<h2>Output of the script</h2>",
        *_outputs(report),
        "<h2>Data</h2>",
        page.download(report, "compare.json"),
    ]
    return page.page(title, body)


def _cells(cells: dict[str, Any] | None) -> list[str]:
    """The four cells, the parts of each call and the roofline, where they were taken."""
    if not cells:
        return []
    functions = [f for f in cells["functions"] if "failed" not in f]
    bars = [
        (f"{f['name']} on {side}", {name: part[name] for name in cell_words.PARTS})
        for f in functions
        for side, part in f["parts"].items()
        if part is not None
    ]
    head, rows = cell_words.part_table(cells, ranges=True)
    return [
        "<h2>Two front ends, two backends</h2>",
        "<p>A warm call of the same program in each combination. Along a row only the "
        "backend differs, along a column only the front end, so a difference has one "
        "cause.</p>",
        f'<div class="cards">{"".join(map(_card, cells["functions"]))}</div>',
        page.bullets(cell_words.remarks(cells)),
        "<h2>What a call is made of</h2>",
        svg.responsive(lambda sheet: charts.stacked_bars(bars, sheet)) if bars else "",
        charts.legend(charts.PART_COLOURS),
        _limits(functions),
        page.table(head, [_part_row(row) for row in rows], [8]),
        *_roofline(functions, cells["machine"]),
        "<p>How each figure is taken, and where the method ends: docs/isolation.md.</p>",
    ]


def _part_row(row: list[str]) -> list[str]:
    *figures, words = row
    return [*map(page.two_lines, figures), escape(words)]


def _card(function: dict[str, Any]) -> str:
    """One function's two-by-two, below what follows from it in a sentence."""
    title = (
        f"<h3>{escape(function['name'])} "
        f'<span class="site">{escape(function["site"])}</span></h3>'
        f"<p>{escape(_capital(cell_words.cause(function)))}</p>"
    )
    if "failed" in function:
        return f'<div class="card">{title}</div>'
    head, rows = cell_words.two_by_two(function)
    three = " three" if len(rows) == 3 else ""
    cells = [[escape(name), *map(page.two_lines, row)] for name, *row in rows]
    return f'<div class="card{three}">{title}{page.plain_table(head, cells)}</div>'


def _limits(functions: list[dict[str, Any]]) -> str:
    lines = []
    for function in functions:
        text = " ".join(cell_words.limits(function))
        if text:
            lines.append(f"{function['name']}: {text}")
    return page.bullets(lines) if lines else ""


def _capital(text: str) -> str:
    """A sentence, which begins with a capital unless a name does not."""
    named = text.startswith(("minijax", "JAX"))
    return text if named else text[:1].upper() + text[1:]


def _roofline(functions: list[dict[str, Any]], machine: dict[str, float]) -> list[str]:
    points = []
    for function in functions:
        for number, (side, part) in enumerate(function["parts"].items()):
            counted = function["counted"][side]
            if part is None or not counted["flops"] or not counted["bytes accessed"]:
                continue
            intensity = counted["flops"] / counted["bytes accessed"]
            rate = counted["flops"] / part["call"]
            points.append((f"{function['name']} on {side}", number, intensity, rate))
    if not points:
        return []
    names = list(functions[0]["parts"])
    return [
        "<h2>Roofline</h2>",
        "<p>FLOP/s that a call reaches, against FLOPs for each byte of its arguments and "
        "results. The line is what this machine can do.</p>",
        charts.legend(dict(zip(names, svg.SIDE_COLOURS))),
        svg.responsive(lambda sheet: charts.roofline(points, machine, sheet)),
    ]


def _changes(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return []
    parts = ["<h2>Against the baseline</h2>", page.bullets(words.verdicts(found))]
    if found["changes"]:
        rows = [
            [
                escape(change["what"]),
                escape(change["group"]),
                page.two_lines(units.seconds(change["before"])),
                page.two_lines(units.seconds(change["after"])),
                words.beyond(change),
            ]
            for change in found["changes"]
        ]
        parts.append(page.table(["figure", "of", "before", "now", "changed"], rows))
    return parts


def _environment(report: dict[str, Any]) -> list[str]:
    parts = []
    for title, pairs in words.environment(report):
        parts += [f"<h3>{escape(title)}</h3>", page.facts(pairs)]
    return parts


def _verdict(report: dict[str, Any]) -> str:
    bad = "" if report["equality"]["equal"] else " bad"
    word = "Not equal." if bad else "Equal."
    lines = page.bullets(words.equality_lines(report, limit=50))
    notes = [f"{note}." for note in report["warnings"]]
    noted = f'<div class="note">{page.bullets(notes)}</div>' if notes else ""
    withheld = ""
    if report["ratios_withheld"]:
        withheld = f"<p>No ratio is given: {escape(report['ratios_withheld'])}.</p>"
    return (
        f'<div class="verdict{bad}"><p><strong>{word} '
        f"{escape(words.headline(report))}</strong></p>{withheld}{lines}</div>{noted}"
    )


def _totals(report: dict[str, Any]) -> str:
    rows = []
    for name, label, unit in TOTALS:
        row = report["totals"][name]
        cells = [page.indented(label)]
        cells += [page.with_range(value, unit) for value in row["values"]]
        cells.append(escape(words.ratio(row, unit)))
        rows.append(cells)
    return page.table(["", *_names(report), "clearly ahead"], rows, [3])


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
    return page.table([*head, "warm call", "warm: clearly ahead"], rows, [8])


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

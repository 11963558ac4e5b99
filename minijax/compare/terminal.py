"""The report on the terminal."""

from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from minijax.measure import units

from . import cell_words, words
from .summary import PHASES, TOTALS

FUNCTIONS_SHOWN = 20
OUTPUT_LINES = 30


def show(report: dict[str, Any], console: Console) -> None:
    """Print the whole report."""
    _show_output(report, console)
    good = report["equality"]["equal"]
    body = Text(words.headline(report), style="bold")
    for line in words.equality_lines(report):
        body.append("\n" + line, style="not bold")
    title = "Equal" if good else "NOT EQUAL"
    console.print(Panel(body, title=title, border_style="green" if good else "red"))
    console.print(_totals(report))
    console.print(_functions(report))
    if report["cells"]:
        _show_cells(report["cells"], console)
    for line in words.baseline_lines(report["baseline"]):
        console.print(Text(line, style="cyan"))
    if report["ratios_withheld"]:
        why = f"No ratio is given: {report['ratios_withheld']}."
        console.print(Text(why, style="bold red"))
    for line in report["warnings"]:
        console.print(Text(f"Note: {line}.", style="yellow"))
    for line in words.environment_lines(report):
        console.print(Text(line, style="dim"))


def _show_cells(cells: dict[str, Any], console: Console) -> None:
    titles = (
        "The four cells: front end x backend, a warm call until it is ready",
        "What a warm call is made of",
    )
    for title, (head, rows) in zip(
        titles, (cell_words.cell_table(cells), cell_words.part_table(cells))
    ):
        table = Table(title=title)
        for column, name in enumerate(head):
            table.add_column(
                name, justify="left" if column == 0 else "right", overflow="fold"
            )
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for line in cell_words.sentences(cells):
        console.print(Text(line))


def _totals(report: dict[str, Any]) -> Table:
    runs = report["runs"]
    table = Table(title=f"Time and memory: median of {runs} processes (95 % interval)")
    table.add_column("")
    for side in report["sides"]:
        table.add_column(side["name"], justify="right")
    table.add_column("clearly ahead")
    for name, label, unit in TOTALS:
        row = report["totals"][name]
        values = [units.with_range(value, unit) for value in row["values"]]
        table.add_row(label, *values, words.ratio(row, unit))
    return table


def _functions(report: dict[str, Any]) -> Table:
    table = Table(
        title="Jitted functions: time until the outputs are ready; warm: median call",
        caption="trace, lower, compile: total of all versions compiled",
    )
    table.add_column("function", overflow="fold")
    for name in (
        "on",
        "calls",
        "trace",
        "lower",
        "compile",
        "first",
        "warm",
        "quartiles",
    ):
        table.add_column(name, justify="left" if name == "on" else "right")
    table.add_column("warm: clearly ahead")
    functions = report["functions"]
    for entry in functions[:FUNCTIONS_SHOWN]:
        for row in _function_rows(entry, report["sides"]):
            table.add_row(*row)
        table.add_section()
    if len(functions) > FUNCTIONS_SHOWN:
        table.add_row(f"… {len(functions) - FUNCTIONS_SHOWN} more (see --json)")
    _add_outside(table, report)
    return table


def _add_outside(table: Table, report: dict[str, Any]) -> None:
    """What was compiled for eager operations and for others' jitted functions."""
    for position, side in enumerate(report["sides"]):
        found = report["outside"][position]
        phases = [units.seconds(found[p]["median"]) for p in PHASES]
        label = "(outside of these)" if position == 0 else ""
        table.add_row(label, side["name"], "", *phases)


def _function_rows(
    entry: dict[str, Any], sides: list[dict[str, Any]]
) -> list[list[str]]:
    rows = []
    figures = entry["figures"]

    def figure(name: str, position: int) -> str:
        value = figures[name]["values"][position]
        return units.seconds(value["median"]) if value else units.NONE

    for position, side in enumerate(sides):
        title = f"{entry['name']}\n" if position == 0 else f"  {entry['site']}"
        rows.append(
            [
                title.strip("\n"),
                side["name"],
                str(entry["calls"][position]),
                *(figure(n, position) for n in ("trace", "lower", "compile")),
                figure("first", position),
                figure("ready", position),
                f"{figure('ready_low', position)} … {figure('ready_high', position)}",
                words.ratio(figures["ready"]) if position == 0 else "",
            ]
        )
    return rows


def _show_output(report: dict[str, Any], console: Console) -> None:
    first, second = report["stdout"]
    names = [side["name"] for side in report["sides"]]
    if not first and not second:
        return
    same = first == second
    title = "Output of the script" + (
        " (the same on both sides)" if same else f" on {names[0]}"
    )
    lines = first.rstrip().splitlines()
    shown = lines[-OUTPUT_LINES:]
    if len(lines) > len(shown):
        shown.insert(0, f"… ({len(lines) - OUTPUT_LINES} lines more)")
    console.print(Panel(Text("\n".join(shown)), title=title, border_style="dim"))
    if not same:
        text = f"Note: the script prints other text on {names[1]}: "
        console.print(Text(text + first_difference(first, second), style="yellow"))


def first_difference(first: str, second: str) -> str:
    """The first line in which two outputs differ, both versions."""
    ours, theirs = first.splitlines(), second.splitlines()
    for number, (a, b) in enumerate(zip(ours, theirs), start=1):
        if a != b:
            return f"line {number} is {b!r}, not {a!r}"
    return f"{len(theirs)} lines, not {len(ours)}"

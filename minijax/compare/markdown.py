"""The report as Markdown, for an issue or a README."""

from typing import Any

from minijax.measure import units

from . import cell_words, words
from .summary import TOTALS


def as_markdown(report: dict[str, Any]) -> str:
    """The whole report as Markdown text."""
    names = [side["name"] for side in report["sides"]]
    verdict = "Equal" if report["equality"]["equal"] else "NOT EQUAL"
    lines = [
        f"# compare {report['script']}",
        "",
        f"**{verdict}.** {words.headline(report)}",
    ]
    lines += ["", *(f"- {line}" for line in words.equality_lines(report)), ""]
    rows = []
    for name, label, unit in TOTALS:
        row = report["totals"][name]
        values = [units.with_range(value, unit) for value in row["values"]]
        rows.append([label.strip(), *values, words.ratio(row, unit)])
    lines += [*table(["", *names, "clearly ahead"], rows), ""]
    rows = [
        [
            f"{entry['name']} ({entry['site']})",
            *(units.with_range(v) for v in entry["figures"]["ready"]["values"]),
            words.ratio(entry["figures"]["ready"]),
        ]
        for entry in report["functions"]
    ]
    lines += [*table(["warm call of", *names, "clearly ahead"], rows), ""]
    if report["cells"]:
        lines += ["## The four cells", ""]
        head, rows = cell_words.cell_table(report["cells"])
        lines += [*table(head, rows), ""]
        head, rows = cell_words.part_table(report["cells"])
        lines += [*table(head, rows), ""]
        lines += [f"- {line}" for line in cell_words.sentences(report["cells"])]
    lines += [f"- {line}" for line in words.baseline_lines(report["baseline"])]
    lines += [f"- Note: {line}." for line in report["warnings"]]
    lines += [f"- {line}" for line in words.environment_lines(report)]
    return "\n".join(lines) + "\n"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]

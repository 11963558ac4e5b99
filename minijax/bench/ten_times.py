"""docs/ten-times.md: when "C instead of JAX is ten times faster" holds, from data.

Every number on the page comes from one report of the benchmarks, but for the published
utilisations of large runs, which name their sources.
"""

from typing import Any

from minijax.measure import units

from .results import main_figure, sentence, timed
from .terminal import machine_lines

TEN = 10.0
# Model FLOPs utilisation as published: (who, lowest, highest, where).
PUBLISHED = (
    ("PaLM 540B, TPU v4", 0.462, 0.462, "Chowdhery et al. 2022, arXiv:2204.02311"),
    (
        "MegaScale 175B, 12,288 GPUs",
        0.552,
        0.552,
        "Jiang et al. 2024, arXiv:2402.15627",
    ),
    ("Llama 3 405B, H100", 0.38, 0.43, "Llama Team 2024, arXiv:2407.21783, table 4"),
    ("MaxText (JAX), TPU", 0.57, 0.65, "github.com/AI-Hypercomputer/maxtext, README"),
)
INTRO = """\
# Ten times faster?

"Rewritten in C, it is ten times faster than JAX." This page says when that is so on one
machine, when it is not, and when it cannot be. It is written by a command from measured
data; run it on your machine and see whether it says the same:

```sh
make bench BENCH="{options} --ten-times docs/ten-times.md"
```

A ratio is JAX's time over minijax's, until outputs are ready, for the same program with
equal results (see [isolation.md](isolation.md)). JAX runs on the CPU, as installed from
PyPI, with its default flags. Nothing here says anything about accelerators, beyond the
last section.
"""
LARGE = """\
## Why it cannot hold for large models

A run that already uses a share *u* of the hardware's arithmetic can become at most 1/*u*
times faster, whatever the framework is written in. Published utilisations (model FLOPs)
of large training runs, and the ceilings that they imply:
"""


def _options(report: dict[str, Any]) -> str:
    """How `bench` was called, as far as it decides what is measured."""
    plan = report["plan"]
    flags = [f"--{name}" for name in ("quick", "full") if plan[name]]
    flags.append(f"--rounds {plan['rounds']}")
    return " ".join(flags)


def ten_times(report: dict[str, Any]) -> str:
    """The page as Markdown."""
    judged = [c for c in timed(report["cases"]) if main_figure(c) in c["ratios"]]
    intro = INTRO.replace("{options}", _options(report))
    lines = [intro, f"**{sentence(report)}**", ""]
    lines += [f"- {line}" for line in machine_lines(report)]
    lines += [f"- Note: {line}." for line in report["warnings"]]
    lines += ["", "## By kind of program", "", *_groups(report, judged)]
    lines += ["## Where it holds", "", *_holds(judged, report)]
    lines += ["## Where it does not", "", *_fails(judged, report)]
    lines += ["## Where it cannot", "", *_cannot(judged, report)]
    if _scaling(report):
        lines += ["## At which size it ends", "", *_sizes(report)]
    lines += [LARGE, *_published()]
    return "\n".join(lines).rstrip() + "\n"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _ratio(case: dict[str, Any]) -> dict[str, float]:
    return case["ratios"][main_figure(case)]


def _times(case: dict[str, Any], report: dict[str, Any]) -> list[str]:
    figure = main_figure(case)
    sides = [side["name"] for side in report["sides"][:2]]
    return [units.seconds(case["sides"][s][figure]["median"]) for s in sides]


def _interval(ratio: dict[str, float]) -> str:
    return f"{units.three(ratio['ratio'])} ({ratio['low']:.2f} … {ratio['high']:.2f})"


def _groups(report: dict[str, Any], judged: list[dict[str, Any]]) -> list[str]:
    rows = []
    groups = {c["group"] for c in judged}
    for group in (g for g in report["groups"] if g["group"] in groups):
        ratios = [_ratio(c)["ratio"] for c in judged if c["group"] == group["group"]]
        rows.append(
            [
                group["group"],
                str(group["cases"]),
                f"{group['geomean']:.2f}",
                f"{min(ratios):.2f} … {units.three(max(ratios))}",
                str(sum(r >= TEN for r in ratios)),
                str(sum(r < 1 for r in ratios)),
            ]
        )
    head = [
        "group",
        "cases",
        "geometric mean",
        "from … to",
        "10x and more",
        "JAX ahead",
    ]
    return _table(head, rows)


def cause(case: dict[str, Any], report: dict[str, Any]) -> str:
    """What the difference is made of, as far as the case's own figures tell."""
    figure = main_figure(case)
    if case["kind"] == "script":
        return "start of the process: import, and the first program"
    if case["kind"] == "cold":
        return "preparation: trace, lower and compile"
    if case["kind"] == "measured":
        return f"preparation: {figure}"
    if case["floor"] is None:
        return "the call path: no program of any size runs"
    first = report["sides"][0]["name"]
    share = case["floor"]["seconds"] / case["sides"][first][figure]["median"]
    if share < 0.02:
        return f"overhead: arithmetic and memory need {share:.1%} of JAX's time"
    return f"kernels: the floor is {share:.0%} of JAX's time"


def _listed(cases: list[dict[str, Any]], report: dict[str, Any]) -> list[str]:
    names = [side["name"] for side in report["sides"][:2]]
    rows = [
        [c["name"], *_times(c, report), _interval(_ratio(c)), cause(c, report)]
        for c in cases
    ]
    return _table(["case", *names, "ratio (95 %)", "what the difference is"], rows)


def _holds(judged: list[dict[str, Any]], report: dict[str, Any]) -> list[str]:
    held = [c for c in judged if _ratio(c)["low"] >= TEN]
    if not held:
        return ["In no case is the whole interval of the ratio at 10 or more.", ""]
    held.sort(key=lambda c: -_ratio(c)["ratio"])
    text = f"In {len(held)} of {len(judged)} cases the whole interval is at 10 or more:"
    return [text, "", *_listed(held, report)]


def _fails(judged: list[dict[str, Any]], report: dict[str, Any]) -> list[str]:
    behind = [c for c in judged if _ratio(c)["high"] < 1]
    between = [c for c in judged if _ratio(c)["high"] < TEN and c not in behind]
    lines = [
        f"In {len(between)} of {len(judged)} cases minijax is not clearly behind, and "
        "clearly below 10x.",
        "",
    ]
    if behind:
        behind.sort(key=lambda c: _ratio(c)["ratio"])
        lines += [
            f"In {len(behind)} JAX is clearly ahead:",
            "",
            *_listed(behind, report),
        ]
    else:
        lines += ["In none is JAX clearly ahead.", ""]
    return lines


def _cannot(judged: list[dict[str, Any]], report: dict[str, Any]) -> list[str]:
    first = report["sides"][0]["name"]
    rows = []
    for case in judged:
        time = case["sides"][first].get("ready")
        if case["floor"] is None or time is None or not case["floor"]["seconds"]:
            continue
        ceiling = time["median"] / case["floor"]["seconds"]
        if ceiling < TEN:
            use = f"{1 / ceiling:.0%} of {case['floor']['bound']}"
            cells = [use, f"{ceiling:.1f}x", _interval(_ratio(case))]
            rows.append((ceiling, [case["name"], *cells]))
    if not rows:
        return ["Every program here leaves room for 10x.", ""]
    rows.sort(key=lambda row: row[0])
    text = (
        f"In {len(rows)} cases JAX already uses more than a tenth of what this machine "
        "can do. No framework and no kernel can make these 10x faster here:"
    )
    head = ["case", "JAX uses", "ceiling", "minijax reaches"]
    return [text, "", *_table(head, [row for _, row in rows])]


def _scaling(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [curve for curve in report["curves"] if curve["group"] == "scaling"]


def _sizes(report: dict[str, Any]) -> list[str]:
    rows = []
    for curve in _scaling(report):
        points = ", ".join(
            f"{size:g}: {ratio:.2f}"
            for size, ratio in zip(curve["sizes"], curve["ratios"])
        )
        ends = [
            "not in this range" if at is None else f"{at:.3g}"
            for at in curve["crossovers"].values()
        ]
        rows.append([curve["axis"], points, *ends])
    levels = [f"falls below {level}x at" for level in _scaling(report)[0]["crossovers"]]
    return _table(["axis", "size: ratio", *levels], rows)


def _published() -> list[str]:
    rows = []
    for who, low, high, where in PUBLISHED:
        if low == high:
            rows.append([who, f"{low:.0%}", f"{1 / low:.1f}x", where])
        else:
            span = f"{low:.0%} to {high:.0%}"
            rows.append([who, span, f"{1 / low:.3g}x to {1 / high:.3g}x", where])
    return _table(["run", "utilisation", "ceiling", "source"], rows)

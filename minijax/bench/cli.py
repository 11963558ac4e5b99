"""`python -m minijax bench`: the command line."""

import argparse
import fnmatch
import json
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from minijax.measure.processes import ROOT, UNUSABLE, MeasureError

from .page import render
from .plot import ratios_plot
from .results import curves, main_figure, summarise
from .runner import Plan, measure
from .ten_times import ten_times

BENCHMARKS = Path(ROOT) / "benchmarks"
GOAL_MISSED = 1
INTERRUPTED = 130
EPILOG = """\
A pattern is a group (`calls`), a case (`calls/jit_simple`) or has wildcards
(`kernels/sort*`). Without patterns everything runs.

exit status: 0; 1 with --check, where outputs differ or a goal is missed; 2 wrong use.
"""


def main(argv: Sequence[str]) -> int:
    """Run the benchmarks that `argv` asks for; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        return _bench(options)
    except MeasureError as error:
        sys.stderr.write(f"minijax bench: {error}\n")
        return error.status
    except KeyboardInterrupt:
        sys.stderr.write("minijax bench: interrupted\n")
        return INTERRUPTED


def _bench(options: argparse.Namespace) -> int:
    try:
        terminal = import_module("minijax.bench.terminal")
        progress = import_module("minijax.measure.progress")
    except ModuleNotFoundError as error:
        raise MeasureError(
            f"the package {error.name} is not installed; "
            "`pip install 'minijax[compare]'` brings what bench needs"
        ) from None
    for name in ("json", "html", "plot", "ten_times", "history"):
        path = getattr(options, name)
        if path is not None and not path.parent.is_dir():
            raise MeasureError(
                f"--{name.replace('_', '-')} {path}: no such folder", UNUSABLE
            )
    if options.saved:
        report = read_saved(options.saved)
    else:
        with progress.Progress(None) as bar:
            session = measure(
                options.benchmarks,
                plan_of(options),
                wanted_by(options.patterns),
                progress=bar.step,
                others=not options.no_others,
            )
        report = summarise(session)
    if not report["cases"]:
        raise MeasureError("no case has such a name")
    terminal.show(report, progress.report_console())
    write_files(report, options)
    return GOAL_MISSED if options.check and missed(report) else 0


def read_saved(path: Path) -> dict[str, Any]:
    """An earlier report; MeasureError where the file is none."""
    try:
        report = json.loads(path.read_text())
        names = [side["name"] for side in report["sides"]]
        report["curves"] = curves(report["cases"], names)
        report["groups"], report["plan"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MeasureError(f"--from {path}: no report of bench's: {error}") from None
    return report


def plan_of(options: argparse.Namespace) -> Plan:
    """How much is measured."""
    plan = Plan(quick=options.quick, full=options.full)
    if options.quick:
        plan = Plan(turns=1, samples=2, seconds=0.005, quick=True)
    names = ("rounds", "turns", "timeout", "budget")
    changes = {name: getattr(options, name) for name in names}
    given = {k: v for k, v in changes.items() if v is not None}
    return Plan(**{**vars(plan), **given})


def wanted_by(patterns: Sequence[str]) -> Callable[[dict[str, Any]], bool]:
    """A test of cases by the patterns; what measures the machine is always wanted."""

    def wanted(case: dict[str, Any]) -> bool:
        name = case["name"]
        group, stem = name.partition("/")[0], case["source"].removesuffix(".py")
        if not patterns or group == "machine":
            return True
        return any(
            pattern in (group, stem) or fnmatch.fnmatchcase(name, pattern)
            for pattern in patterns
        )

    return wanted


def missed(report: dict[str, Any]) -> list[str]:
    """Cases that differ or failed, and goals that were not reached."""
    found = [f"{c['name']}: {c['withheld']}" for c in report["cases"] if c["withheld"]]
    for case in report["cases"]:
        ratio = case["ratios"].get(main_figure(case))
        if ratio and case["goal"] and ratio["ratio"] < case["goal"]:
            found.append(f"{case['name']}: {ratio['ratio']:.2f}, goal {case['goal']}")
    for group in report["groups"]:
        for what in ("geomean", "least"):
            goal = (group["goal"] or {}).get(what)
            if goal is not None and group[what] < goal:
                found.append(f"{group['group']} {what}: {group[what]:.2f}, goal {goal}")
    return found


def write_files(report: dict[str, Any], options: argparse.Namespace) -> None:
    """The files that were asked for."""
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if options.html:
        options.html.write_text(render(report), encoding="utf-8")
    if options.ten_times:
        options.ten_times.write_text(ten_times(report), encoding="utf-8")
    if options.plot:
        options.plot.write_text(ratios_plot(report), encoding="utf-8")
    if options.history:
        with options.history.open("a") as file:
            file.write(json.dumps(history_line(report)) + "\n")


def history_line(report: dict[str, Any]) -> dict[str, Any]:
    """One run in brief: when, with what, and every case's time and ratio."""
    versions = {k: e["versions"] for k, e in report["environment"].items()}
    cases = {}
    for case in report["cases"]:
        figure = main_figure(case)
        times = {
            s: f[figure]["median"] for s, f in case["sides"].items() if figure in f
        }
        ratio = case["ratios"].get(figure, {}).get("ratio")
        cases[case["name"]] = {"seconds": times, "ratio": ratio}
    return {"date": report["date"], "versions": versions, "cases": cases}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minijax bench",
        description="Time the benchmarks on real JAX and on minijax, in fresh processes "
        "that take turns; show ratios with their intervals.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="what to run")
    parser.add_argument(
        "--quick", action="store_true", help="fewer samples, no slow cases"
    )
    parser.add_argument("--full", action="store_true", help="the slowest cases as well")
    parser.add_argument("--rounds", type=int, metavar="N", help="processes per side")
    parser.add_argument("--turns", type=int, metavar="N", help="turns per process")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="limit for one step of a case"
    )
    parser.add_argument(
        "--budget",
        type=lambda text: 60 * float(text),
        metavar="MINUTES",
        help="begin nothing more after this time; Ctrl-C does so at once",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all data")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page")
    parser.add_argument(
        "--ten-times", type=Path, metavar="FILE", help="write docs/ten-times.md"
    )
    parser.add_argument(
        "--from",
        dest="saved",
        type=Path,
        metavar="FILE",
        help="measure nothing: reports from an earlier --json",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write an SVG plot")
    parser.add_argument(
        "--history", type=Path, metavar="FILE", help="append a line of JSON"
    )
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 where a goal is missed"
    )
    parser.add_argument(
        "--no-others", action="store_true", help="leave NumPy and PyTorch out"
    )
    parser.add_argument(
        "--benchmarks",
        type=Path,
        default=BENCHMARKS,
        metavar="FOLDER",
        help="the modules of cases (default: the checkout's)",
    )
    return parser

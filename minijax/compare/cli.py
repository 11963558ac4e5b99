"""`python -m minijax compare`: the command line."""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from minijax.measure.equal import DEFAULT_TOLERANCES
from minijax.measure.processes import UNUSABLE, MeasureError

from .baseline import compared, read_baseline
from .cells import measure_cells
from .equality import compare_measurement
from .html import render
from .markdown import as_markdown
from .runner import measure
from .summary import summarise

NOT_EQUAL = 1
INTERRUPTED = 130
EPILOG = """\
compare's own options may stand before or after SCRIPT; all else after SCRIPT goes to
the script, and so does everything after `--`.

exit status: 0 equal; 1 not shown equal; 2 wrong use, or JAX is not installed;
3 the script failed on one side or on both.
"""
# Options that take a value, and those that do not.
WITH_VALUE = (
    "--runs", "--tolerance", "--json", "--html", "--markdown", "--timeout", "--cells",
    "--baseline",
)  # fmt: skip
WITHOUT_VALUE = ("--accept-drift", "-h", "--help")


def main(argv: Sequence[str]) -> int:
    """Run the comparison that `argv` asks for; returns the exit status."""
    try:
        own, script_args = split_arguments(argv)
        options = _parser().parse_args(own)
        options.tolerances = parse_tolerances(options.tolerance)
        _require_folder(options.json, "--json")
        _require_folder(options.html, "--html")
        _require_folder(options.markdown, "--markdown")
        return _compare(options, script_args)
    except MeasureError as error:
        sys.stderr.write(f"minijax compare: {error}\n")
        return error.status
    except KeyboardInterrupt:
        sys.stderr.write("minijax compare: interrupted\n")
        return INTERRUPTED


def split_arguments(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """compare's own arguments with the script's name, and the script's arguments."""
    own: list[str] = []
    script_args: list[str] = []
    script = None
    rest = iter(argv)
    for token in rest:
        name = token.partition("=")[0]
        if token == "--":
            remaining = list(rest)
            if script is None and remaining:
                script = remaining.pop(0)
            script_args += remaining
        elif name in WITH_VALUE:
            own.append(token)
            if "=" not in token:
                own += [value for value in [next(rest, None)] if value is not None]
        elif token in WITHOUT_VALUE:
            own.append(token)
        elif script is not None:
            script_args.append(token)
        elif token.startswith("-"):
            own.append(token)  # unknown: the parser says so
        else:
            script = token
    return [*own, "--", script] if script is not None else own, script_args


def parse_tolerances(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Tolerances by dtype from `1e-3`, `float32=1e-3` or `float32=1e-3:1e-6`."""
    tolerances = dict(DEFAULT_TOLERANCES)
    for text in texts:
        dtype, equals, numbers = text.rpartition("=")
        relative, _, absolute = numbers.partition(":")
        try:
            value = float(relative), float(absolute or 0.0)
        except ValueError:
            value = (-1.0, -1.0)
        if min(value) < 0 or (equals and not dtype):
            raise MeasureError(
                f"--tolerance {text}: write a number (relative to the leaf's largest "
                "magnitude), or DTYPE=RELATIVE, or DTYPE=RELATIVE:ABSOLUTE",
                UNUSABLE,
            )
        for name in [dtype] if dtype else DEFAULT_TOLERANCES:
            tolerances[name] = value
    return tolerances


def _compare(options: argparse.Namespace, script_args: list[str]) -> int:
    # Nobody knows yet how many functions the cells will be measured for.
    total = None if options.cells == "all" else 2 + 2 * options.runs
    terminal, progress, console = _reporting(total)
    baseline = read_baseline(options.baseline)
    with progress:
        measurement = measure(
            options.script,
            script_args,
            runs=options.runs,
            timeout=options.timeout,
            progress=progress.step,
        )
    equality = compare_measurement(
        measurement, options.tolerances, options.accept_drift
    )
    report = summarise(measurement, equality)
    report["cells"] = None
    if options.cells == "all":
        with progress:
            report["cells"] = measure_cells(
                options.script,
                script_args,
                timeout=options.timeout,
                progress=progress.step,
            )
    report["baseline"] = compared(report, baseline)
    terminal.show(report, console)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if options.html:
        options.html.write_text(render(report), encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(as_markdown(report), encoding="utf-8")
    return 0 if equality.equal else NOT_EQUAL


def _reporting(total: int | None) -> tuple[Any, Any, Any]:
    """The terminal report, progress and console; MeasureError without rich."""
    try:
        terminal = import_module("minijax.compare.terminal")
        progress = import_module("minijax.measure.progress")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("rich"):
            raise
        raise MeasureError(
            "the package rich, which prints the report, is not installed; "
            "`pip install 'minijax[compare]'` brings it",
            UNUSABLE,
        ) from None
    return terminal, progress.Progress(total), progress.report_console()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minijax compare",
        description="Run a JAX script on real JAX and on minijax, in fresh processes; "
        "show that the results are equal, and where the time goes.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options] SCRIPT [ARGS...]",
        allow_abbrev=False,
    )
    parser.add_argument("script", metavar="SCRIPT", help="a Python file that uses jax")
    parser.add_argument(
        "--runs", type=_positive, default=4, help="timed processes per side (default 4)"
    )
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="[DTYPE=]RELATIVE[:ABSOLUTE]",
        help="allowed difference, relative to the leaf's largest magnitude; "
        "may be given several times",
    )
    parser.add_argument(
        "--accept-drift",
        action="store_true",
        help="take calls as equal that agree on the same inputs, even though the two "
        "runs' inputs have drifted apart",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all data")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write Markdown")
    parser.add_argument(
        "--cells",
        choices=("two", "all"),
        default="two",
        help="all: also JAX's front end on the C backend and minijax's on XLA, and the "
        "parts of each function's time",
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="FILE", help="an earlier --json: what changed"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="limit for each process"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of runs")
    return int(text)


def _require_folder(path: Path | None, option: str) -> None:
    """Find out before the measurement, not after, that a report cannot be written."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise MeasureError(
            f"{option} {path}: not a file in an existing folder", UNUSABLE
        )

"""Runs the script in fresh processes, side by side, and collects what they measured."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minijax.measure import reading
from minijax.measure.processes import (
    JAX,
    MINIJAX,
    UNUSABLE,
    MeasureError,
    Side,
    read_result,
    require_module,
    run_to_end,
    tail,
)

WORKER = "compare/worker.py"
SCRIPT_FAILED = 3


@dataclass
class Run:
    """One finished process."""

    side: Side
    check: bool
    result: dict[str, Any]
    wall: float  # seconds, from start to end of the process
    stdout: str
    stderr: str
    samples: dict[str, Any] | None = None


@dataclass
class Measurement:
    """All processes of one comparison; the reference side is the first."""

    script: str
    args: list[str]
    sides: list[Side]
    checks: list[Run]
    timed: list[list[Run]]  # for each side, in the order they ran


def measure(
    script: str,
    args: Sequence[str] = (),
    runs: int = 4,
    sides: Sequence[Side] = (JAX, MINIJAX),
    timeout: float | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> Measurement:
    """Run `script` on every side: once to check, then `runs` times for the clock.

    The sides take turns, and who goes first alternates. `progress` is told each step
    as it begins. Raises MeasureError where there is nothing to compare.
    """
    require_script(script)
    for side in sides:
        require_module(side.module)
    with tempfile.TemporaryDirectory(prefix="minijax-compare-") as folder:
        starter = _Starter(script, list(args), Path(folder), timeout)
        checks: list[Run] = []
        for side in sides:
            progress(f"check on {side.name}")
            reference = starter.last_folder if checks else None
            run = starter.start(side, reference=reference, check=True)
            checks.append(run)
        require_success(checks)
        for run, samples in zip(checks, starter.check_folders, strict=True):
            run.samples = reading.read_samples(str(samples))
        timed: list[list[Run]] = [[] for _ in sides]
        for turn in range(runs):
            order = list(range(len(sides)))
            for position in order if turn % 2 == 0 else reversed(order):
                progress(f"run {turn + 1} of {runs} on {sides[position].name}")
                timed[position].append(starter.start(sides[position]))
        require_success([run for side_runs in timed for run in side_runs])
    return Measurement(script, list(args), list(sides), checks, timed)


class _Starter:
    """Starts measured processes, each with a folder of its own."""

    def __init__(self, script: str, args: list[str], folder: Path, timeout: Any):
        self._script = script
        self._args = args
        self._folder = folder
        self._timeout = timeout
        self._count = 0
        self.check_folders: list[Path] = []
        self.last_folder: Path | None = None

    def start(
        self, side: Side, reference: Path | None = None, check: bool = False
    ) -> Run:
        """Run the script once on `side` and wait for it."""
        folder = self._folder / str(self._count)
        folder.mkdir()
        self._count += 1
        if check:
            self.check_folders.append(folder)
            if self.last_folder is None:
                self.last_folder = folder
        config = {
            "script": self._script,
            "args": self._args,
            "check": check,
            "reference": str(reference) if _complete(reference) else None,
        }
        returncode, wall = self._wait_for(side, config, folder)
        out, err = (
            (folder / name).read_text(errors="replace") for name in ("out", "err")
        )
        return Run(side, check, read_result(folder, returncode), wall, out, err)

    def _wait_for(self, side: Side, config: dict[str, Any], folder: Path) -> Any:
        """(exit status, seconds from start to end of the process)"""
        started = time.perf_counter()
        status = run_to_end(side, WORKER, folder, config, self._timeout)
        wall = time.perf_counter() - started
        if status is None:
            raise MeasureError(
                f"{self._script} ran longer than {self._timeout:g} s on {side.name}; "
                "--timeout sets the limit",
                SCRIPT_FAILED,
            )
        return status, wall


def require_script(script: str) -> None:
    """MeasureError where `script` is not a readable file of Python."""
    path = Path(script)
    if path.is_dir():
        raise MeasureError(f"{script!r} is a folder; name the script in it", UNUSABLE)
    if not path.is_file():
        raise MeasureError(
            f"there is no script {script!r} here ({Path.cwd()})", UNUSABLE
        )
    try:
        compile(path.read_bytes(), script, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise MeasureError(f"{script} is not Python: {error}", UNUSABLE) from None
    except OSError as error:
        raise MeasureError(
            f"cannot read {script!r}: {error.strerror}", UNUSABLE
        ) from None


def require_success(runs: Sequence[Run]) -> None:
    """MeasureError that names the sides on which the script did not end well."""
    failed = {run.side.name: run for run in reversed(runs) if failure(run)}
    if not failed:
        return
    names = list(dict.fromkeys(run.side.name for run in runs))
    well = [name for name in names if name not in failed]
    if len(failed) == 1 and well:
        head = f"The script failed on {next(iter(failed))} and ran well on {well[0]}."
    else:
        head = (
            f"The script failed on {' and on '.join(n for n in names if n in failed)}."
        )
    parts = [head]
    for name in names:
        if name in failed:
            parts.append(
                f"{name}: {failure(failed[name])}\n{tail(failed[name].stderr)}"
            )
    raise MeasureError("\n\n".join(parts), SCRIPT_FAILED)


def failure(run: Run) -> str | None:
    """What went wrong in `run`, in words; None where it ended well."""
    result = run.result
    stage = result.get("stage")
    if stage == "import":
        return f"{run.side.module} could not be imported: {result.get('error')}"
    if stage is None:
        code = result["returncode"]
        how = f"killed by signal {-code}" if code < 0 else f"ended with status {code}"
        return (
            f"the process was {how} before the script was done"
            if code < 0
            else (f"the process {how} without returning from the script")
        )
    if result.get("raised"):
        return "the script raised"
    if result.get("status"):
        return f"the script exited with status {result['status']}"
    if result.get("sampling_failed"):
        reason = result["sampling_failed"].rstrip()
        return f"compare could not copy what a jitted call took or gave:\n{reason}"
    return None


def _complete(reference: Path | None) -> bool:
    """Whether a check run left all its samples: not where the script failed."""
    return reference is not None and (reference / "samples.json").exists()

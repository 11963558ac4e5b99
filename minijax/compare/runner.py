"""Runs the script in fresh processes, side by side, and collects what they measured."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import reading

CHILD = Path(__file__).with_name("child.py")
ROOT = str(Path(__file__).resolve().parents[2])
# The same for all sides, unless the user has set them.
DEFAULT_VARIABLES = {"JAX_PLATFORMS": "cpu", "PYTHONHASHSEED": "0"}


@dataclass(frozen=True)
class Side:
    """One side of the comparison: which module plays `jax`, and how it is started."""

    name: str
    module: str
    backend: str
    variables: dict[str, str] = field(default_factory=dict)


JAX = Side("JAX", "jax", "XLA")
MINIJAX = Side("minijax", "minijax", "C backend")


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


class CompareError(Exception):
    """The comparison cannot be made; `status` is the exit status."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


UNUSABLE = 2  # wrong use, or a side that is not there
SCRIPT_FAILED = 3


def measure(
    script: str,
    args: Sequence[str] = (),
    runs: int = 3,
    sides: Sequence[Side] = (JAX, MINIJAX),
    timeout: float | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> Measurement:
    """Run `script` on every side: once to check, then `runs` times for the clock.

    The sides take turns, and who goes first alternates. `progress` is told each step
    as it begins. Raises CompareError where there is nothing to compare.
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
            "module": side.module,
            "root": ROOT,
            "script": self._script,
            "args": self._args,
            "folder": str(folder),
            "check": check,
            "reference": str(reference) if _complete(reference) else None,
        }
        config_path = folder / "config.json"
        config_path.write_text(json.dumps(config))
        wall = self._wait_for(side, config_path, folder)
        out, err = (
            (folder / name).read_text(errors="replace") for name in ("out", "err")
        )
        return Run(side, check, _read_result(folder), wall, out, err)

    def _wait_for(self, side: Side, config: Path, folder: Path) -> float:
        variables = {**DEFAULT_VARIABLES, **os.environ, **side.variables}
        with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
            start = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, str(CHILD), str(config)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=variables,
            )
            try:
                process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                raise CompareError(
                    f"{self._script} ran longer than {self._timeout:g} s on "
                    f"{side.name}; --timeout sets the limit",
                    SCRIPT_FAILED,
                ) from None
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            wall = time.perf_counter() - start
        (folder / "returncode").write_text(str(process.returncode))
        return wall


def require_script(script: str) -> None:
    """CompareError where `script` is not a readable file of Python."""
    path = Path(script)
    if path.is_dir():
        raise CompareError(f"{script!r} is a folder; name the script in it", UNUSABLE)
    if not path.is_file():
        raise CompareError(
            f"there is no script {script!r} here ({Path.cwd()})", UNUSABLE
        )
    try:
        compile(path.read_bytes(), script, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise CompareError(f"{script} is not Python: {error}", UNUSABLE) from None
    except OSError as error:
        raise CompareError(
            f"cannot read {script!r}: {error.strerror}", UNUSABLE
        ) from None


def require_module(module: str) -> None:
    """CompareError where a side's package is not installed. Does not import it."""
    if find_spec(module) is not None:
        return
    what = "JAX" if module == "jax" else module
    raise CompareError(
        f"{what} is not installed for {sys.executable}, so there is nothing to compare "
        "with. `pip install 'minijax[compare]'` brings what compare needs.",
        UNUSABLE,
    )


def require_success(runs: Sequence[Run]) -> None:
    """CompareError that names the sides on which the script did not end well."""
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
                f"{name}: {failure(failed[name])}\n{_tail(failed[name].stderr)}"
            )
    raise CompareError("\n\n".join(parts), SCRIPT_FAILED)


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


def _read_result(folder: Path) -> dict[str, Any]:
    returncode = int((folder / "returncode").read_text())
    path = folder / "result.json"
    result = json.loads(path.read_text()) if path.exists() else {}
    result["returncode"] = returncode
    return result


def _tail(text: str, lines: int = 15) -> str:
    kept = text.rstrip().splitlines()
    shown = kept[-lines:]
    if len(kept) > len(shown):
        shown.insert(0, f"… ({len(kept) - lines} lines more)")
    return "\n".join("    " + line for line in shown)

"""Sides, and the processes that are started for them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("child.py")
PACKAGE = Path(__file__).resolve().parents[1]
ROOT = str(PACKAGE.parent)
# The same for all sides, unless the user has set them.
DEFAULT_VARIABLES = {"JAX_PLATFORMS": "cpu", "PYTHONHASHSEED": "0"}
UNUSABLE = 2  # exit status: wrong use, or a side that is not there


@dataclass(frozen=True)
class Side:
    """One side of the comparison: which module plays `jax`, and how it is started."""

    name: str
    module: str
    backend: str
    variables: dict[str, str] = field(default_factory=dict)


JAX = Side("JAX", "jax", "XLA")
MINIJAX = Side("minijax", "minijax", "C backend")


class MeasureError(Exception):
    """Nothing can be measured; `status` is the exit status."""

    def __init__(self, message: str, status: int = UNUSABLE):
        super().__init__(message)
        self.status = status


def require_module(module: str) -> None:
    """MeasureError where a side's package is not installed. Does not import it."""
    if find_spec(module) is not None:
        return
    what = "JAX" if module == "jax" else module
    raise MeasureError(
        f"{what} is not installed for {sys.executable}, so there is nothing to compare "
        "with. `pip install 'minijax[compare]'` brings what compare needs."
    )


def variables_of(side: Side) -> dict[str, str]:
    """The environment that a side's processes are started with.

    They may keep byte code: where they may not, a side that pip has not compiled when
    it was installed would compile its sources in every process.
    """
    found = {**DEFAULT_VARIABLES, **os.environ, **side.variables}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def run_text(side: Side, text: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a Python program given as text, to its end; the side's package is found."""
    variables = variables_of(side)
    inherited = [variables["PYTHONPATH"]] if variables.get("PYTHONPATH") else []
    variables["PYTHONPATH"] = os.pathsep.join([ROOT, *inherited])
    return subprocess.run(
        [sys.executable, "-c", text],
        env=variables,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def start(
    side: Side, worker: str, folder: Path, config: dict[str, Any], **streams: Any
) -> subprocess.Popen:
    """Start `worker` (a path within the package) on `side`, in a fresh process.

    `folder` gets the configuration, and the result when the process has ended (see
    `child.py`); `streams` are Popen's.
    """
    config = {
        **config,
        "module": side.module,
        "root": ROOT,
        "folder": str(folder),
        "worker": str(PACKAGE / worker),
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    command = [sys.executable, str(CHILD), str(path)]
    return subprocess.Popen(command, env=variables_of(side), **streams)


def run_to_end(
    side: Side, worker: str, folder: Path, config: dict[str, Any], timeout: float | None
) -> int | None:
    """As `start`, until the process has ended: its exit status; None where it took longer
    than `timeout` seconds and was killed. What it prints is in `folder`: out, err.
    """
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        streams = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err}
        process = start(side, worker, folder, config, **streams)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def read_result(folder: Path, returncode: int) -> dict[str, Any]:
    """What a finished process left in its folder, and its "returncode"."""
    path = folder / "result.json"
    result = json.loads(path.read_text()) if path.exists() else {}
    result["returncode"] = returncode
    return result


def tail(text: str, lines: int = 15) -> str:
    """The last lines of what a process printed, indented."""
    kept = text.rstrip().splitlines()
    shown = kept[-lines:]
    if len(kept) > len(shown):
        shown.insert(0, f"… ({len(kept) - lines} lines more)")
    return "\n".join("    " + line for line in shown)

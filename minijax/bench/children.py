"""A live measured process: questions go in as lines of JSON, answers come back."""

import json
import queue
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from minijax.measure import processes

WORKER = "bench/worker.py"


class ChildError(Exception):
    """A process ended, or did not answer in time."""


class Child:
    """One side's process; `ask` waits for its answer.

    `only`: the one module of cases to load, where others' data would be in the way.
    """

    def __init__(self, side: processes.Side, benchmarks: Path, only: str = ""):
        self.side = side
        self._folder = tempfile.TemporaryDirectory(prefix="minijax-bench-")
        folder = Path(self._folder.name)
        self._errors = open(folder / "err", "w+b")  # noqa: SIM115
        self._process = processes.start(
            side,
            WORKER,
            folder,
            {"benchmarks": str(benchmarks), "only": only},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def ask(self, timeout: float, **command: Any) -> dict[str, Any]:
        """The answer to a command; ChildError if there is none within `timeout` s."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise ChildError(f"{self.side.name}: no answer in {timeout:g} s") from None
        except OSError:
            line = ""
        if not line:
            raise ChildError(f"{self.side.name}: the process ended\n{self.errors()}")
        return json.loads(line)

    def errors(self) -> str:
        """The end of what the process wrote to standard error."""
        self._errors.seek(0)
        return processes.tail(self._errors.read().decode(errors="replace"))

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            try:
                assert self._process.stdin is not None
                self._process.stdin.write('{"do": "quit"}\n')
                self._process.stdin.close()
                self._process.wait(5)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()
        self._folder.cleanup()

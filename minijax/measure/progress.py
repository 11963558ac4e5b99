"""Progress on standard error: a bar on a terminal, plain lines elsewhere."""

import shutil
import sys
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bar

PLAIN_WIDTH = 140  # of the report, where nothing tells the width of a line


class Progress:
    """Context manager whose `step(text)` says what runs now.

    `total` is the number of steps; None where nobody knows it yet.
    """

    def __init__(self, total: int | None):
        self._total = total
        self._done = 0
        self._console = Console(stderr=True)
        self._bar: Bar | None = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._bar = Bar(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("starting", total=self._total)
        return self

    def step(self, text: str) -> None:
        """Say that the next step begins."""
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=self._done)
        else:
            of_all = f"/{self._total}" if self._total else ""
            sys.stderr.write(f"[{self._done + 1}{of_all}] {text}\n")
            sys.stderr.flush()
        self._done += 1

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def report_console() -> Console:
    """Where the report is printed: as wide as the terminal, or PLAIN_WIDTH."""
    if sys.stdout.isatty():
        return Console()
    width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns
    return Console(width=width)

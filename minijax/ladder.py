"""The debug ladder: `MINIJAX_DEBUG=N` prints what happens on the way from Python to C.

1 phase times and counts, when the process ends; 2 the jaxpr as traced; 3 the jaxpr
after each pass; 4 the Program after each pass, with its buffers; 5 the C emitted for
it, and where that is kept; 6 the compiler's command; 7 calls and time of each
instruction, when the process ends.  `MINIJAX_CHECK=1`
validates each jaxpr and compares each result with the reference interpreter's.
"""

import atexit
import os
import sys

from minijax import stats


def _level():
    text = os.environ.get("MINIJAX_DEBUG", "0")
    if not text.isdigit():
        raise ValueError(f"MINIJAX_DEBUG must be a number from 0 to 7, got {text!r}")
    return int(text)


LEVEL = _level()
CHECK = os.environ.get("MINIJAX_CHECK", "0") not in ("", "0")


def show(level, title, thing):
    """Print a thing on standard error, from the given level up."""
    if level <= LEVEL:
        print(f"--- {title}\n{thing}", file=sys.stderr)


def _report():
    print(
        "--- phases: times entered, seconds, seconds in the phase itself",
        file=sys.stderr,
    )
    for (phase, name), (times, seconds, own) in sorted(stats.phases.items()):
        row = f"{phase:8} {int(times):5} {seconds:10.6f} {own:10.6f}  {name}"
        print(row, file=sys.stderr)
    for name, times in sorted(stats.counters.items()):
        print(f"count    {times:5}  {name}", file=sys.stderr)


if LEVEL >= 1:
    atexit.register(_report)

"""Long runs of random programs: `make fuzz TIME=600 SEED=1`.

Seeds are tried one after the other, `PER_SEED` programs each, until the time is over.
Every failure is shrunk, printed, and kept.  The last line says how many programs of which
seeds were tried; the same goes as a line of JSON to `fuzz_log/runs.jsonl`, which
`--total` adds up.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as with_seed

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax

from compat_tests.random_programs import Uncertain, check, programs
from compat_tests.random_rules import FAMILIES

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / "fuzz_log" / "runs.jsonl"
PER_SEED = 200
SHRINK_SECONDS = 90


class Search:
    """Programs of one seed until a failure, a count, or a time."""

    def __init__(self, seed, deadline, per_seed=PER_SEED, rules=FAMILIES, shrink=True):
        self.seed, self.deadline, self.per_seed = seed, deadline, per_seed
        self.rules, self.shrink = rules, shrink
        self.programs = self.uncertain = 0
        self.failure = None  # (program, what it raised), the smallest found

    def run(self):
        """Search; True if all programs passed."""

        @with_seed(self.seed)
        @settings(
            max_examples=self.per_seed,
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, *[Phase.shrink] * self.shrink],
            verbosity=Verbosity.quiet,
        )
        @given(programs(self.rules))
        def search(program):
            self.one(program)

        try:
            search()
        except Exception:  # the failure, or Hypothesis's word on how it repeats
            if self.failure is None:
                raise
        return self.failure is None

    def one(self, program):
        """Check one program, unless the time is over."""
        if time.monotonic() > self.deadline:
            return
        self.programs += self.failure is None
        try:
            check(program)
        except Uncertain:
            self.uncertain += 1
        except Exception as error:
            if self.failure is None:
                limit = time.monotonic() + SHRINK_SECONDS
                self.deadline = min(self.deadline + SHRINK_SECONDS, limit)
            if self.failure is None or len(program.source) <= len(
                self.failure[0].source
            ):
                self.failure = program, f"{type(error).__name__}: {error}"
            raise


def commit():
    """The commit that is tested."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip()


def fuzz(seconds, first_seed):
    """Search for `seconds`; the run as a dict."""
    start = time.monotonic()
    deadline = start + seconds
    run = {"commit": commit(), "first_seed": first_seed, "seeds": 0, "programs": 0}
    run |= {"uncertain": 0, "failures": []}
    seed = first_seed
    while time.monotonic() < deadline:
        search = Search(seed, deadline)
        if not search.run():
            program, error = search.failure
            print(f"seed {seed}: {program!r}{error}\n", flush=True)
            run["failures"].append(
                {"seed": seed, "program": repr(program), "error": error}
            )
        run["programs"] += search.programs
        run["uncertain"] += search.uncertain
        run["seeds"] += 1
        seed += 1
        if run["seeds"] % 5 == 0:
            jax.clear_caches()  # compiled programs would fill the memory
    return run | {"last_seed": seed - 1, "seconds": round(time.monotonic() - start)}


def describe(run):
    """A run in one line."""
    return (
        f"{run['programs']} programs, seeds {run['first_seed']}..{run['last_seed']}, "
        f"{run['seconds']} s, {run['uncertain']} ill-conditioned, "
        f"{len(run['failures'])} failures, at {run['commit']}"
    )


def total(path=LOG):
    """The sum of all logged runs, as text."""
    runs = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [describe(run) for run in runs]
    return "\n".join(
        [*lines, f"total: {sum(run['programs'] for run in runs)} programs"]
    )


def main(argv=None):
    """The command line; the exit status is 1 where a program failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=float, default=60, help="seconds to search")
    parser.add_argument("--seed", type=int, help="first seed (default: from the clock)")
    parser.add_argument("--total", action="store_true", help="add up the logged runs")
    options = parser.parse_args(argv)
    if options.total:
        print(total())
        return 0
    warnings.simplefilter("ignore")  # both frameworks warn alike
    first = int(time.time()) if options.seed is None else options.seed
    run = fuzz(options.time, first)
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("a") as log:
        log.write(json.dumps(run) + "\n")
    print(describe(run))
    return 1 if run["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())

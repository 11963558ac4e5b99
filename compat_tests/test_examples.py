"""The examples: each runs on minijax, and gives on JAX what it gives on minijax."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
# Those that take less than a second or two on minijax.
QUICK = ("cartpole", "pendulum", "walkthrough")


def minijax_runs(*args):
    """`python -m minijax` with `args`, finished."""
    command = [sys.executable, "-m", "minijax", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("name", QUICK)
def test_example_succeeds(name):
    done = minijax_runs(f"examples/{name}.py")
    assert done.returncode == 0, done.stderr


def test_walkthrough_shows_the_program_of_the_c_runtime():
    stages = minijax_runs("examples/walkthrough.py").stdout.split("== ")
    [program] = [text for text in stages if text.startswith("the program")]
    assert "EWISE[" in program and "stablehlo" not in program


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_equal_on_jax_and_on_minijax(name):
    done = minijax_runs("compare", "--runs", "1", f"examples/{name}.py")
    assert done.returncode == 0, done.stdout + done.stderr

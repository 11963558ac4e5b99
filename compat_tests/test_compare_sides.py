"""`compare` with minijax as the second side: the main job, end to end."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLANTED = """
    import jax, jax.numpy as jnp
    planted = jax.__name__ == "minijax"

    @jax.jit
    def step(x):
        return {"same": jnp.tanh(x), "other": x * (1.001 if planted else 1.0)}

    for _ in range(3):
        step(jnp.arange(4.0))
"""


def compare(*args, cwd):
    return subprocess.run(
        [sys.executable, "-m", "minijax", "compare", *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The report on examples/mlp.py."""
    path = tmp_path_factory.mktemp("example") / "report.json"
    script = str(ROOT / "examples" / "mlp.py")
    result = compare(script, "--runs", "1", "--json", str(path), cwd=path.parent)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(path.read_text())


def test_the_example_is_equal_on_both_sides(example):
    assert example["equality"]["equal"]
    functions = {f["name"]: f for f in example["equality"]["functions"]}
    assert functions["train_step"]["counts"] == [330, 330]
    assert functions["accuracy"]["counts"] == [2, 2]
    assert example["equality"]["leaves_compared"] >= 100


def test_the_example_prints_the_same_losses(example):
    first, second = example["stdout"]
    assert first == second
    assert "accuracy: train" in first


def test_both_sides_report_their_phases(example):
    for name in ("trace", "lower", "compile"):
        for value in example["totals"][name]["values"]:
            assert value["median"] > 0, name


def test_a_planted_difference_between_the_sides_is_caught(tmp_path):
    (tmp_path / "script.py").write_text(textwrap.dedent(PLANTED))
    result = compare("script.py", "--runs", "1", cwd=tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    text = " ".join(result.stdout.split())
    assert "step (script.py:" in text and "output ['other']: value" in text
    assert "['same']" not in text

"""`compare`: planted differences are found, and named; equal programs are equal.

Most tests run real JAX on both sides, the second with PLANTED set: what is tested is
the comparison. One script holds a function for each kind of difference, so that one
measurement serves many tests.
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from minijax.compare import cli, equality, runner, summary, words
from minijax.measure import equal, statistics

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = """
    import functools, os
    import jax, jax.numpy as jnp, numpy as np

    planted = bool(os.environ.get("PLANTED"))
    x = jnp.arange(6.0).reshape(2, 3) + 1

    # --- equal, in every way of making and calling a jitted function
    @jax.jit
    def nested(x): return x + 1

    @jax.jit
    def fine(x): return {"b": nested(x), "a": [jnp.sin(x), None, ()]}

    @functools.partial(jax.jit, static_argnums=1)
    def static(x, n): return x[:n]

    @jax.jit(static_argnames="flip")
    def named(x, *, flip): return -x if flip else x

    class Model:
        def __init__(self, scale): self.scale = scale
        @functools.partial(jax.jit, static_argnums=0)
        def method(self, x): return x * self.scale

    @functools.partial(jax.jit, donate_argnums=0)
    def donating(x): return x + 1

    @jax.jit
    def keys(key): return jax.random.split(key), jax.random.key_data(key)

    @jax.jit
    def differentiated(x): return jnp.sum(x ** 2)

    @jax.jit
    def ahead(x): return x - 1

    for _ in range(3):
        fine(x)
    assert nested(x).shape == (2, 3)
    static(x, 1), static(x, 2), named(x, flip=True), named(x=x, flip=False)
    Model(2.0).method(x)
    buffer = x + 0
    for _ in range(11):
        buffer = donating(buffer)
    keys(jax.random.key(3))
    jax.grad(differentiated)(x)
    jax.vmap(differentiated)(x)
    compiled = ahead.lower(x).compile()
    compiled(x), compiled(x), ahead.trace(x).lower().compile()(x)
    assert isinstance(compiled, jax.stages.Compiled)
    assert fine.__name__ == "fine" and fine.__wrapped__.__name__ == "fine"
    for n in range(4):
        jax.jit(lambda x, n=n: x * n)(x)

    # --- different where PLANTED
    @jax.jit
    def value(x): return {"good": x, "bad": x + planted * 1e-3}
    @jax.jit
    def dtype(x): return x.astype("bfloat16" if planted else "float32")
    @jax.jit
    def shape(x): return (x, x[:1] if planted else x)
    @jax.jit
    def tree(x): return [x, x] if planted else (x, x)
    @jax.jit
    def weak(x): return jnp.asarray(1.0) if planted else jnp.float32(1.0)
    @jax.jit
    def integer(x): return jnp.array([2**31 - 1, 2**30 + planted])
    @jax.jit
    def nan(x): return x.at[0, 0].set(jnp.nan if planted else 0.0)
    @jax.jit
    def late(x, n): return x + (n == 20) * planted
    @jax.jit
    def count(x): return x
    @jax.jit
    def onesided(x): return x
    for function in (value, dtype, shape, tree, weak, integer, nan):
        function(x)
    for n in range(21):
        late(x, n)
    for _ in range(2 + planted):
        count(x)
    if planted:
        onesided(x)
    print("done")
"""
EQUAL = [
    ("nested", 1), ("fine", 3), ("static", 2), ("named", 2), ("Model.method", 1),
    ("donating", 11), ("keys", 1), ("ahead", 3), ("<lambda>", 4),
]  # fmt: skip
PLANTED = [
    ("value", 1, "['bad']", "value"),
    ("dtype", 1, "", "dtype"),
    ("shape", 1, "[1]", "shape"),
    ("tree", 1, None, "tree"),
    ("weak", 1, "", "weak type"),
    ("integer", 1, "", "value"),
    ("nan", 1, "", "value"),
    ("late", 21, "", "value"),
    ("count", None, None, "call count"),
    ("onesided", None, None, "call count"),
]

FIRST = dataclasses.replace(runner.JAX, name="first")
SECOND = dataclasses.replace(runner.JAX, name="second")
DIFFERENT = dataclasses.replace(SECOND, variables={"PLANTED": "1"})


def write(folder, text):
    path = folder / "script.py"
    path.write_text(textwrap.dedent(text))
    return str(path)


@pytest.fixture(scope="module")
def different(tmp_path_factory):
    """The measurement with planted differences, and what it says of equality."""
    script = write(tmp_path_factory.mktemp("different"), SCRIPT)
    measurement = runner.measure(script, runs=0, sides=(FIRST, DIFFERENT))
    return equality.compare_measurement(measurement)


@pytest.fixture(scope="module")
def same(tmp_path_factory):
    """The measurement of the same script without differences, with two timed runs."""
    script = write(tmp_path_factory.mktemp("same"), SCRIPT)
    measurement = runner.measure(script, runs=2, sides=(FIRST, SECOND))
    report = equality.compare_measurement(measurement)
    return summary.summarise(measurement, report), report


def named(report, name):
    [function] = [f for f in report.functions if f.name == name]
    return function


@pytest.mark.parametrize(("name", "call", "leaf", "what"), PLANTED)
def test_a_planted_difference_is_found_and_named(different, name, call, leaf, what):
    found = [m for m in different.mismatches if m.function == name]
    assert [(m.call, m.leaf, m.what) for m in found] == [(call, leaf, what)]
    text = str(found[0])
    assert text.startswith(f"{name} (script.py:")
    assert call is None or f"call {call}" in text
    assert not different.equal and not different.drifted


def test_nothing_else_is_called_different(different):
    assert {m.function for m in different.mismatches} == {row[0] for row in PLANTED}
    assert [f.name for f in different.functions if f.ok] == [row[0] for row in EQUAL]


@pytest.mark.parametrize(("name", "calls"), EQUAL)
def test_top_level_calls_are_counted(different, name, calls):
    assert named(different, name).counts == [calls, calls]


def test_traced_calls_are_no_calls(different):
    """`differentiated` only ran under grad and vmap, `nested` mostly within fine."""
    assert "differentiated" not in {f.name for f in different.functions}
    assert named(different, "nested").counts == [1, 1]


def test_first_calls_and_the_last_are_sampled(different):
    assert [c.index for c in named(different, "late").calls] == [0, 1, 2, 3, 7, 15, 20]
    assert [c.index for c in named(different, "donating").calls] == [0, 1, 2, 3, 7, 10]


def test_trees_and_leaves_are_described(different):
    call = named(different, "fine").calls[0]
    assert [leaf.path for leaf in call.leaves] == ["['a'][0]", "['b']"]
    first, second = named(different, "keys").calls[0].leaves
    assert (first.dtype, first.shape) == ("key<fry>", [2])
    assert (second.dtype, second.shape) == ("uint32", [2])


def test_equal_program_is_equal(same):
    report, verdict = same
    assert verdict.equal and not verdict.mismatches
    assert report["ratios_withheld"] is None
    assert all(c.inputs == "same" for f in verdict.functions for c in f.calls)
    assert report["stdout"] == ["done\n", "done\n"]
    json.dumps(report)


def test_phases_belong_to_their_function(same):
    report, _ = same
    [fine] = [f for f in report["functions"] if f["name"] == "fine"]
    for phase in ("trace", "lower", "compile"):
        for side in fine["figures"][phase]["values"]:
            assert side["median"] > 0
        assert fine["figures"][f"{phase}_count"]["values"][0]["median"] == 1
    assert fine["figures"]["cold_calls"]["values"][0]["median"] == 1
    first, ready = (fine["figures"][n]["values"][0] for n in ("first", "ready"))
    assert first["median"] > 10 * ready["median"] > 0
    [ahead] = [f for f in report["functions"] if f["name"] == "ahead"]
    assert ahead["figures"]["compile_count"]["values"][0]["median"] >= 1
    assert ahead["figures"]["cold_calls"]["values"][0]["median"] == 0


def test_parts_add_up_to_the_script(same):
    report, _ = same
    for position in range(2):
        for run in range(2):
            value = {
                name: row["values"][position]["each"][run]
                for name, row in report["totals"].items()
            }
            parts = ("trace", "lower", "compile", "calls", "wait", "rest")
            assert sum(value[p] for p in parts) == pytest.approx(value["script"])
            assert value["import"] + value["script"] < value["process"]
            assert value["peak_memory"] > value["import_memory"] > 50e6


def test_environment_is_recorded(same):
    report, _ = same
    first = report["environment"][0]
    assert first["versions"]["jax"] == "0.10.2"
    assert first["variables"]["JAX_PLATFORMS"] == "cpu"
    assert first["cpus_usable"] >= 1 and first["cpu"]["model"]
    assert all("TOKEN" not in name for name in first["variables"])


def fake_measure(monkeypatch, sides):
    """Let the command line compare `sides`."""

    def measure(*args, **kwargs):
        return runner.measure(*args, sides=sides, **kwargs)

    monkeypatch.setattr(cli, "measure", measure)


SMALL = """
    import os, sys, jax, jax.numpy as jnp
    planted = bool(os.environ.get("PLANTED"))
    @jax.jit
    def step(x): return jnp.tanh(x) * (1 + 0.5 * planted)
    x = jnp.ones(3)
    for _ in range(4): x = step(x)
    print(*sys.argv[1:])
"""


def test_command_equal(monkeypatch, tmp_path, capsys):
    fake_measure(monkeypatch, (FIRST, SECOND))
    script = write(tmp_path, SMALL)
    page, data = tmp_path / "r.html", tmp_path / "r.json"
    argv = [script, "--html", str(page), "--epochs", "3", "--runs=1", "--json"]
    assert cli.main([*argv, str(data), "--", "--json"]) == 0
    shown = capsys.readouterr()
    assert "gives equal results on first and second" in shown.out.replace("\n", " ")
    assert "--epochs 3 --json" in shown.out
    assert "[4/4] run 1 of 1 on second" in shown.err
    report = json.loads(data.read_text())
    assert report["equality"]["equal"] and report["args"] == ["--epochs", "3", "--json"]
    text = page.read_text()
    assert text.startswith("<!doctype html>") and text.count("<svg") == 4
    assert not re.search(r'(src|href)="(?!data:)', text)  # nothing from elsewhere


def test_command_not_equal(monkeypatch, tmp_path, capsys):
    fake_measure(monkeypatch, (FIRST, DIFFERENT))
    assert cli.main([write(tmp_path, SMALL), "--runs", "1"]) == 1
    shown = " ".join(re.sub(r"[^\w(),.:']+", " ", capsys.readouterr().out).split())
    assert "step (script.py:4), call 1, output itself: value" in shown
    assert "No ratio is given" in shown
    assert "faster" not in shown


DRIFTING = """
    import os, jax, jax.numpy as jnp
    @jax.jit
    def logistic(x): return 3.99 * x * (1 - x)  # chaos: a difference doubles each step
    x = jnp.float32(0.3) + bool(os.environ.get("PLANTED")) * jnp.float32(1e-6)
    for _ in range(64): x = logistic(x)
"""


def test_drift_is_told_from_a_wrong_result(tmp_path):
    script = write(tmp_path, DRIFTING)
    measurement = runner.measure(script, runs=0, sides=(FIRST, DIFFERENT))
    verdict = equality.compare_measurement(measurement)
    assert not verdict.equal and verdict.drifted
    assert "drift apart" in verdict.reason
    [function] = verdict.functions
    assert all(call.inputs == "differ" for call in function.calls)
    assert all(call.replay[0].scaled == 0 for call in function.calls)
    accepted = equality.compare_measurement(measurement, accept_drift=True)
    assert accepted.equal and accepted.drift_accepted


def test_accepting_drift_accepts_no_wrong_result(tmp_path):
    text = DRIFTING.replace("3.99 * x", "(3.99 - bool(os.environ.get('PLANTED'))) * x")
    measurement = runner.measure(
        write(tmp_path, text), runs=0, sides=(FIRST, DIFFERENT)
    )
    verdict = equality.compare_measurement(measurement, accept_drift=True)
    assert not verdict.equal and not verdict.drifted
    assert any("on the same inputs" in m.detail for m in verdict.mismatches)


TINY = """
    # What the probes need of a side, and no more: tests about processes, not results.
    import types
    def jit(fun): return fun
    def block_until_ready(tree): return tree
    core = types.SimpleNamespace(Tracer=type("Tracer", (), {}))
    tree_util = types.SimpleNamespace(tree_leaves=lambda tree: [tree])
    monitoring = types.SimpleNamespace(
        register_event_duration_secs_listener=lambda listener: None
    )
"""


@pytest.fixture
def tiny_sides(monkeypatch, tmp_path):
    """Two sides, "first" and "second", that start at once; the second is PLANTED."""
    package = tmp_path / "sides" / "tinyjax"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(textwrap.dedent(TINY))
    (package / "numpy.py").write_text("")
    monkeypatch.syspath_prepend(package.parent)
    path = {"PYTHONPATH": str(package.parent)}
    sides = (
        runner.Side("first", "tinyjax", "none", path),
        runner.Side("second", "tinyjax", "none", {**path, "PLANTED": "1"}),
    )
    fake_measure(monkeypatch, sides)


def test_nothing_to_compare_is_not_equal(tiny_sides, tmp_path, capsys):
    assert cli.main([write(tmp_path, "print('no jit here')")]) == 1
    assert "no jitted function" in " ".join(capsys.readouterr().out.split())


FAILURES = [
    ("raise ValueError('both')", "The script failed on first and on second."),
    (
        "import os\nif os.environ.get('PLANTED'): raise ValueError('here')",
        "The script failed on second and ran well on first.",
    ),
    (
        "import os\nif not os.environ.get('PLANTED'): raise ValueError('here')",
        "The script failed on first and ran well on second.",
    ),
    ("import sys; sys.exit(3)", "the script exited with status 3"),
    ("import os; os._exit(0)", "ended with status 0 without returning"),
    ("import os; os.kill(os.getpid(), 9)", "killed by signal 9"),
]


@pytest.mark.parametrize(("text", "said"), FAILURES)
def test_a_failing_script_is_reported(tiny_sides, tmp_path, capsys, text, said):
    assert cli.main([write(tmp_path, text)]) == 3
    shown = capsys.readouterr()
    assert said in shown.err
    if "raise" in text:
        assert 'script.py", line' in shown.err
        assert "worker.py" not in shown.err and "probe.py" not in shown.err
    assert shown.out == ""


def test_errors_inside_a_jitted_call_show_the_script_only(
    monkeypatch, tmp_path, capsys
):
    fake_measure(monkeypatch, (FIRST, SECOND))
    text = "import jax\n@jax.jit\ndef f(x): return x + y\nf(1.0)"
    assert cli.main([write(tmp_path, text)]) == 3
    shown = capsys.readouterr().err
    assert "NameError: name 'y' is not defined" in shown
    assert "probe.py" not in shown


@pytest.mark.parametrize("text", ["import sys; sys.exit(0)", "raise SystemExit"])
def test_exit_with_success_is_success(tiny_sides, tmp_path, capsys, text):
    text = "print('hello')\n" + text
    assert cli.main([write(tmp_path, text), "--runs", "1"]) == 1  # nothing to compare
    assert "hello" in capsys.readouterr().out


def test_a_failure_of_the_comparison_is_not_the_script_s(tiny_sides, tmp_path, capsys):
    text = "import tinyjax\nassert tinyjax.jit(abs)(-1) == 1"
    assert cli.main([write(tmp_path, text)]) == 3
    shown = capsys.readouterr().err
    assert "first: compare could not copy what a jitted call took or gave" in shown
    assert "second: compare could not copy" in shown
    assert "the script raised" not in shown


def test_timeout(tiny_sides, tmp_path, capsys):
    script = write(tmp_path, "import time; time.sleep(60)")
    assert cli.main([script, "--timeout", "2"]) == 3
    assert "ran longer than 2 s on first" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["nowhere.py"], "there is no script 'nowhere.py' here"),
        (["."], "'.' is a folder"),
        (["bad.txt"], "bad.txt is not Python"),
        (["good.py", "--json", "no/such/folder.json"], "not a file in an existing"),
        (["good.py", "--tolerance", "much"], "--tolerance much: write a number"),
    ],
)
def test_wrong_use(monkeypatch, tmp_path, capsys, argv, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.txt").write_text("what on earth\n")
    (tmp_path / "good.py").write_text("")
    assert cli.main(argv) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [[], ["--frobnicate", "x.py"], ["x.py", "--runs", "0"]]
)
def test_wrong_options(argv, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(argv)
    assert stopped.value.code == 2
    assert "usage: python -m minijax compare" in capsys.readouterr().err


def test_a_side_that_is_not_installed(monkeypatch, tmp_path, capsys):
    absent = runner.Side("JAX", "no_such_jax", "XLA")
    fake_measure(monkeypatch, (absent, SECOND))
    assert cli.main([write(tmp_path, "")]) == 2
    assert "no_such_jax is not installed for" in capsys.readouterr().err


def leaf(values, dtype="float32"):
    data = np.asarray(values, dtype)
    shape = list(data.shape)
    return {"path": "", "shape": shape, "dtype": dtype, "weak": False, "data": data}


@pytest.mark.parametrize(
    ("dtype", "first", "second", "ok"),
    [
        ("float32", [1000.0, 1e-3], [1000.0, 2e-3], True),  # 1e-6 of the largest
        ("float32", [1.0, 1e-3], [1.0, 2e-3], False),
        ("float32", [1e-30], [1.001e-30], False),  # however small, it counts
        ("float32", [0.0], [1e-30], False),
        ("float32", [-0.0], [0.0], True),
        ("float32", [np.nan, 1], [np.nan, 1], True),
        ("float32", [np.inf, 1], [-np.inf, 1], False),
        ("float32", [np.inf, 1], [1e30, 1], False),
        ("float32", [], [], True),
        ("float64", [1.0], [1.0 + 1e-11], False),
        ("complex64", [1 + 1j], [1 + 1.001j], False),
        ("int32", [2**31 - 1], [2**31 - 2], False),
        ("int64", [2**62], [2**62 + 1], False),
        ("bool", [True], [False], False),
    ],
)
def test_leaf_criterion(dtype, first, second, ok):
    report = equal.compare_leaf(
        leaf(first, dtype), np.asarray(second, dtype), equal.DEFAULT_TOLERANCES
    )
    assert report.ok is ok


def test_tolerances_from_the_command_line():
    parsed = cli.parse_tolerances(["1e-2", "float32=1e-3:1e-6"])
    assert parsed["float64"] == (1e-2, 0.0)
    assert parsed["float32"] == (1e-3, 1e-6)


def spread(*values):
    return statistics.summary([[value] for value in values])


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ((10.0, 10.1, 10.2), (1.0, 1.1, 1.2), "second 9.18x faster"),
        ((1.0, 1.1, 1.2), (10.0, 10.1, 10.2), "first 9.18x faster"),
        ((1.0, 1.1, 1.5), (1.4, 1.6, 1.7), "no clear difference"),
        ((1.0, 1.1, 1.5), (1.6, 1.7, 1.8), "no clear difference"),
        ((1.0, 1.01, 1.0, 1.02), (1.2, 1.21, 1.22, 1.2), "first 1.20x faster"),
        ((1.0,), (10.0,), "unknown: one run"),
    ],
)
def test_a_ratio_is_given_only_where_the_sides_are_apart(first, second, said):
    values = [spread(*first), spread(*second)]
    row = {"values": values, **summary.compare_values(values, (FIRST, SECOND))}
    assert words.ratio(row) == said


def test_command_line_from_the_shell(tmp_path):
    """`python -m minijax compare` reaches the comparison (here: its refusal)."""
    result = subprocess.run(
        [sys.executable, "-m", "minijax", "compare", "nowhere.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert "minijax compare: there is no script 'nowhere.py'" in result.stderr

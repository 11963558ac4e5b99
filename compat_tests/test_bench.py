"""`bench`: planted faults are found, and refuse the ratio; equal cases get one.

A folder of small cases is measured once, briefly; the tests read that report. What is
tested is the method, never a time.
"""

import json
import re
import textwrap

import numpy as np
import pytest

import minijax
from minijax.bench import cli, plot, results, runner
from minijax.bench.children import Child
from minijax.measure import arithmetic, environment, machine, statistics
from minijax.measure.processes import MINIJAX
from minijax.transforms.cost import cost

CASES = """
    import os, time

    def cases(jax):
        jnp, ours = jax.numpy, jax.__name__ == "minijax"
        a = jnp.arange(16.0).reshape(4, 4)

        def slow(x):
            if ours:
                time.sleep(2e-3)
            return x

        def crash(x):
            if ours and not isinstance(x, jax.core.Tracer):
                os._exit(7)
            return x

        def failing(x):
            raise ValueError("no good")

        def donated(x, y):
            return x + y, x * 2

        return {
            "good/product": (lambda x: x @ x, (a,)),
            "good/lazy": lambda: (jnp.sin, (a,)),
            "good/donated": {"run": donated, "args": (a + 0, a + 1), "donate": (0,)},
            "good/scalar": {"run": slow, "args": (a,), "jit": False, "goal": 10.0},
            "bad/value": (lambda x: x + (1 if ours else 2), (a,)),
            "bad/dtype": (lambda x: x.astype("int32") if ours else x, (a,)),
            "bad/tree": (lambda x: (x,) if ours else [x], (a,)),
            "bad/flops": (lambda x: x @ x @ x if ours else x @ x, (jnp.eye(4),)),
            "bad/precision": (
                lambda x: jnp.matmul(x, x, precision="highest" if ours else None), (a,)
            ),
            "bad/failing": (failing, (a,)),
            "bad/crash": {"run": crash, "args": (a,), "jit": False},
            "other/cold": {"run": jnp.cos, "args": (a,), "kind": "cold"},
            "other/process": {
                "kind": "script", "make": lambda: ("import {jax}; print(1)", ())
            },
            "other/measured": {
                "kind": "measured", "make": lambda: (lambda: {"x": 2.0 - ours}, ())
            },
            "other/never": {"run": jnp.cos, "args": (a,), "full": True},
        }

    def numpy_cases(numpy):
        return {"good/lazy": (numpy.sin, (numpy.arange(16.0, dtype="f").reshape(4, 4),))}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmarks")
    (folder / "planted.py").write_text(textwrap.dedent(CASES))
    plan = runner.Plan(rounds=2, turns=1, samples=2, seconds=1e-4, timeout=60.0)
    return results.summarise(runner.measure(folder, plan))


@pytest.fixture(scope="module")
def case(report):
    by_name = {case["name"]: case for case in report["cases"]}
    return by_name.__getitem__


@pytest.mark.parametrize("name", ["product", "lazy", "donated", "scalar"])
def test_equal_cases_have_ratios_with_intervals(case, name):
    found = case(f"good/{name}")
    assert found["withheld"] is None
    for figure in ("returned", "ready") if name != "scalar" else ("ready",):
        ratio = found["ratios"][figure]
        assert 0 < ratio["low"] <= ratio["ratio"] <= ratio["high"]
    assert all(found["sides"][side]["ready"]["n"] == 2 for side in ("JAX", "minijax"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("value", "outputs differ: output : value|outputs differ: value"),
        ("dtype", "outputs differ: .*dtype: float32 against int32"),
        ("tree", "outputs differ: tree"),
        ("flops", "FLOPs differ: 128 on JAX, 256 on minijax"),
        ("precision", "precision differs: products of float32 against float32 HIGHEST"),
        ("failing", "JAX failed: ValueError: no good"),
        ("crash", "minijax failed: minijax: the process ended"),
    ],
)
def test_planted_faults_refuse_the_ratio(case, name, reason):
    found = case(f"bad/{name}")
    assert found["ratios"] == {}
    assert re.search(reason, found["withheld"]), found["withheld"]


def test_a_sleep_in_each_call_is_seen(case):
    assert case("good/scalar")["sides"]["minijax"]["ready"]["median"] > 2e-3


def test_other_kinds(case, report):
    assert set(case("other/cold")["sides"]["JAX"]) >= {"first", "trace", "compile"}
    assert case("other/cold")["sides"]["JAX"]["memory"]["median"] > 1e7
    assert case("other/cold")["sides"]["JAX, warm cache"]["first"]["n"] == 2
    assert case("other/process")["ratios"]["process"]["ratio"] > 0
    assert case("other/measured")["ratios"]["x"]["ratio"] == 2.0
    assert "other/never" not in {c["name"] for c in report["cases"]}
    assert case("good/lazy")["sides"]["NumPy"]["ready"]["n"] == 2
    assert "NumPy" not in case("good/lazy")["unequal"]


def test_goals_and_files(report, tmp_path):
    assert any("good/scalar" in line for line in cli.missed(report))
    assert "<svg" in plot.ratios_plot(report)
    line = cli.history_line(report)
    assert line["cases"]["good/product"]["ratio"] > 0


def test_reports_from_saved_data(report, tmp_path):
    """Everything but the measurement can be had again from --json."""
    saved = tmp_path / "bench.json"
    saved.write_text(json.dumps(report))
    html, ten = tmp_path / "bench.html", tmp_path / "ten.md"
    argv = ["--from", str(saved), "--html", str(html), "--ten-times", str(ten)]
    assert cli.main(argv) == 0
    page, text = html.read_text(), ten.read_text()
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "")
    assert "## By kind of program" in text and "| good | 4 |" in text and "2.2x" in text


def test_the_wrong_file_is_refused(tmp_path, capsys):
    (tmp_path / "x.json").write_text("{}")
    assert cli.main(["--from", str(tmp_path / "x.json")]) == 2
    assert "no report of bench's" in capsys.readouterr().err


def test_out_of_time_what_there_is_is_reported(tmp_path):
    (tmp_path / "planted.py").write_text(textwrap.dedent(CASES))
    plan = runner.Plan(rounds=1, budget=0.0)
    report = results.summarise(runner.measure(tmp_path, plan))
    assert report["warnings"][0].startswith("the budget of 0 s was used up")
    assert all(not case["ratios"] for case in report["cases"])


def test_patterns():
    case = {"name": "kernels/sort 8", "source": "x.py"}
    assert cli.wanted_by([])(case)
    assert cli.wanted_by(["kernels"])(case) and cli.wanted_by(["x"])(case)
    assert cli.wanted_by(["kernels/so*"])(case)
    assert not cli.wanted_by(["sort"])(case)


def test_the_checkouts_cases_are_well_formed():
    """They load without JAX; goals name groups; other libraries' names are cases."""
    listed = {}
    for side in (MINIJAX, runner.OTHERS[0]):
        child = Child(side, cli.BENCHMARKS)
        try:
            listed[side.name] = child.ask(120.0, do="list")
        finally:
            child.close()
    names = {case["name"] for case in listed["minijax"]["cases"]}
    assert set(listed["minijax"]["goals"]) <= {name.partition("/")[0] for name in names}
    assert {case["name"] for case in listed["NumPy"]["cases"]} <= names


# --- what the figures are made with -----------------------------------------------------


def test_the_interval_holds_the_median_and_is_the_same_again():
    generator = np.random.default_rng(0)
    processes = [list(generator.lognormal(0, 0.1, 9)) for _ in range(4)]
    found = statistics.summary(processes)
    assert found["low"] <= found["median"] <= found["high"]
    assert found == statistics.summary(processes)


def test_intervals_cover_the_truth():
    """95 % intervals of a known median hold it in most of many measurements."""
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        processes = [list(generator.normal(10, 1, 15)) for _ in range(8)]
        found = statistics.summary(processes)
        covered += found["low"] <= 10 <= found["high"]
    assert covered >= 50


def test_what_slows_both_sides_leaves_the_ratio_alone():
    quiet, busy = [1.0, 1.01, 0.99], [3.0, 3.03, 2.97]
    first, second = (
        [quiet, busy, quiet],
        [[x / 2 for x in s] for s in (quiet, busy, quiet)],
    )
    found = statistics.ratio(first, second)
    assert found["ratio"] == pytest.approx(2, rel=0.02)
    assert found["high"] - found["low"] < 0.1


def test_crossover():
    sizes = [1, 10, 100, 1000]
    assert statistics.crossover(sizes, [8, 4, 1, 1], 2) == pytest.approx(10 * 10**0.5)
    assert statistics.crossover(sizes, [8, 4, 3, 3], 2) is None
    assert statistics.crossover(sizes, [1, 1, 1, 1], 2) == 1


def test_doubled_flops_are_no_longer_the_same_program():
    count = {"flops": 100.0, "products": {"float32": 50.0}}
    more = {"flops": 200.0, "products": {"float32": 50.0}}
    names = ["a", "b"]
    assert arithmetic.disagreement(count, dict(count), names) is None
    assert "FLOPs differ" in arithmetic.disagreement(count, more, names)


def test_the_floor_of_what_fits_into_a_cache_is_the_cache_s():
    peaks = {"flops": 1e12, "bytes of 1000": 50e9, "bytes of 100000": 10e9}
    assert machine.memory_rate(peaks) == 10e9
    assert machine.memory_rate(peaks, 500) == machine.memory_rate(peaks, 99_000) == 50e9
    assert machine.memory_rate(peaks, 1e9) == 10e9
    count = {"flops": 1e3, "bytes accessed": 2e5}
    found = arithmetic.floor(count, peaks)
    assert found == {"seconds": pytest.approx(2e-5), "bound": "memory"}
    assert arithmetic.floor(count, {"flops": 1e12}) is None


def test_an_indexed_argument_moves_what_the_indices_choose():
    table, rows = np.zeros((1000, 8), np.float32), np.arange(4)
    counted = [
        cost(minijax.make_jaxpr(f)(table, rows))["bytes accessed"]
        for f in (
            lambda table, rows: table[rows] + 1,
            minijax.jit(lambda table, rows: table[rows] + 1),
            lambda table, rows: table[rows] + table.sum(),
        )
    ]
    chosen, indices = 4 * 8 * 4, 4 * 4
    assert counted[:2] == [chosen + indices + chosen] * 2
    assert counted[2] == 1000 * 8 * 4 + indices + chosen


def test_unlike_threads_are_flagged():
    base = {"load_average": [0.0], "cpus_usable": 2, "variables": {}}
    jax = {**base, "versions": {"jax": "1"}}
    ours = {**base, "versions": {"minijax": "1"}, "minijax": {"threads": 2}}
    one = {**jax, "variables": {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}}
    assert environment.thread_warnings({"JAX": jax, "minijax": ours}) == []
    (warning,) = environment.thread_warnings({"JAX": one, "minijax": ours})
    assert warning.endswith("unlike numbers of threads: 1 on JAX, 2 on minijax")

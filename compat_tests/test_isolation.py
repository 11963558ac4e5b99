"""`compare --cells`: what is planted in a part shows up in that part.

Times here are planted ones, far larger than what the machine's moods could hide.
"""

import json
import subprocess
import sys
import textwrap
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minijax
import minijax.numpy as mnp
from minijax.compare import cell_words, cells, isolate
from minijax.measure import clocks, statistics

SCRIPT = """
    import jax, jax.numpy as jnp
    @jax.jit
    def step(params, x, count):
        params = {k: v - 0.1 * x for k, v in params.items()}
        return params, jnp.sum(x @ x) + count
    params, x = {"a": jnp.ones((8, 8)), "b": jnp.zeros((8, 8))}, jnp.eye(8)
    for count in range(3):
        params, total = step(params, x, count)
    print(float(total))
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    script = tmp_path_factory.mktemp("cells") / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    return cells.measure_cells(str(script), runs=1, seconds=1e-3)


def test_all_four_cells_are_equal_and_attributed(measured):
    (step,) = measured["functions"]
    assert step["withheld"] is None
    assert all(
        step["times"][front.name][backend]["median"] > 0
        for front in cells.FRONTS
        for backend in cells.BACKENDS
    )
    found = step["attribution"]
    assert found["front"] + found["backend"] == pytest.approx(found["total"])
    product = found["front_factor"] * found["backend_factor"]
    assert product == pytest.approx(found["total_factor"])
    assert step["counted"]["JAX"]["products"] == {"float32": 2 * 8**3}


def test_parts_add_up(measured):
    (step,) = measured["functions"]
    for part in step["parts"].values():
        whole = sum(part[name] for name in cell_words.PARTS)
        assert whole == pytest.approx(part["call"], rel=1e-6)
    assert any("DOT" in name for name in step["parts"]["minijax"]["by_op"])


def test_tables_and_sentences(measured):
    for head, rows in (
        cell_words.cell_table(measured),
        cell_words.part_table(measured),
    ):
        assert rows and all(len(row) == len(head) for row in rows)
    text = " ".join(cell_words.sentences(measured))
    assert "not clearly apart" in text  # one process tells nothing of others
    assert "could be more than" in text


def times(jx, jc, mx, mc):
    return {
        "JAX": {"XLA": {"median": jx}, "C backend": {"median": jc}},
        "minijax": {"XLA": {"median": mx}, "C backend": {"median": mc}},
    }


def runs_with(xla, ours):
    """What the processes of one front end give: their samples on both backends."""
    pairs = zip(xla, ours)
    return [{"times": {"XLA": [a], "C backend": [b]}} for a, b in pairs]


def test_factors_have_intervals_and_only_those_without_one_are_clear():
    entries = {
        "JAX": runs_with((8.0, 8.1, 7.9, 8.2), (2.0, 2.1, 2.0, 1.9)),
        "minijax": runs_with((8.1, 8.0, 7.9, 8.1), (2.0, 1.9, 2.1, 2.0)),
    }
    found = cells.factors(entries)
    assert found["backend"]["clear"] and found["total"]["clear"]
    assert not found["front"]["clear"]
    assert found["backend"]["low"] < 4 < found["backend"]["high"]
    function = {"withheld": None, "factors": found}
    assert "minijax's backend makes it 4" in cell_words.cause(function)
    assert "the front end makes no clear difference" in cell_words.cause(function)
    one = {front: runs[:1] for front, runs in entries.items()}
    assert not any(factor["clear"] for factor in cells.factors(one).values())


def part_runs(calls, dispatch=(1.0, 1.1, 0.9, 1.0), errors=(0.3, -0.1, -0.2, 0.2)):
    """Processes whose parts are a little longer than the call, within their noise."""
    return [
        {"call": c, "dispatch": d, "run": c - d + e, "kernels": 0.9 * (c - d)}
        | {"by_op": {"DOT": c / 2, "SORT": k}}
        for k, (c, d, e) in enumerate(zip(calls, dispatch, errors))
    ]


def test_parts_are_of_all_processes_and_what_is_left_over_may_be_error():
    runs = part_runs((10.0, 10.5, 9.6, 10.1))
    runs[1]["dispatch"] = 4.0  # something happened in one process
    part = cells.parts(runs, {"seconds": 1e-6})
    assert part["dispatch"] == pytest.approx(1.0, abs=0.06)
    assert sum(part[name] for name in cell_words.PARTS) == pytest.approx(part["call"])
    low, high = part["intervals"]["unexplained"]
    assert low < part["unexplained"] < high
    assert list(part["by_op"]) == ["DOT", "SORT"] and part["by_op"]["SORT"] == 1.5
    steady = cells.parts(part_runs((10.0, 10.5, 9.6, 10.1)), {"seconds": 1e-6})
    assert steady["unexplained"] < 0 and cell_words.within_error(steady)
    assert "within the error" in cell_words.limits({"parts": {"minijax": steady}})[0]


def test_a_burst_of_other_work_leaves_the_median_alone():
    """One call in a few waits, as when a process loses its core for a while."""
    count = iter(range(1_000_000))

    def call():
        if next(count) % 40 < 6:
            time.sleep(4e-3)
        time.sleep(1e-3)

    found = isolate.in_turns({"call": clocks.Call(call, ())}, 0.1)["call"]
    assert np.median(found) < 0.6 * np.mean([1e-3 + 6 / 40 * 4e-3, 5e-3])
    assert len(found) >= isolate.TURNS


def test_a_difference_along_one_axis_is_that_axis():
    found = cells.attribute(times(8.0, 2.0, 8.0, 2.0))
    assert (found["backend"], found["front"]) == (6.0, 0.0)
    assert (found["backend_factor"], found["front_factor"]) == (4.0, 1.0)
    found = cells.attribute(times(8.0, 4.0, 2.0, 1.0))
    assert (found["backend_factor"], found["front_factor"]) == (2.0, 4.0)


# --- planted faults --------------------------------------------------------------------


def slow_jit(real):
    """jit, whose calls take 2 ms more before anything happens."""

    def jit(fun, **options):
        jitted = real(fun, **options)

        def call(*args, **kwargs):
            time.sleep(2e-3)
            return jitted(*args, **kwargs)

        call.lower = jitted.lower
        return call

    return jit


class SlowMinijax:
    """minijax with a call path that sleeps."""

    jit = staticmethod(slow_jit(minijax.jit))

    def __getattr__(self, name):
        return getattr(minijax, name)


def test_a_sleep_in_each_call_is_dispatch(monkeypatch):
    front = SlowMinijax()
    x = mnp.ones((4,))
    target = front.jit(lambda x: mnp.sin(x))
    closed = minijax.make_jaxpr(mnp.sin)(x)
    captured = {"call": ((x,), {}), "target": target}
    monkeypatch.setattr(isolate, "minijax", front)
    found = isolate.decompose(front, captured, closed, [np.ones(4, "f")], 1e-3)
    assert found["call"] > 2e-3 and found["dispatch"] > 2e-3
    assert found["run"] < 1e-3 and found["kernels"] < 1e-3


def test_a_slow_kernel_is_its_ops_time():
    def wait(x):
        time.sleep(5e-3)
        return x

    def fun(x):
        spec = minijax.ShapeDtypeStruct(x.shape, x.dtype)
        return mnp.sum(minijax.pure_callback(wait, spec, mnp.sin(x)))

    closed = minijax.make_jaxpr(fun)(mnp.ones((4,)))
    found = isolate.c_parts(closed, [mnp.ones((4,))], 1e-3)
    assert next(iter(found["by_op"])).startswith("CALLBACK")
    assert found["by_op"][next(iter(found["by_op"]))] > 0.9 * found["kernels"]
    assert found["kernels"] > 5e-3 and found["run"] > 5e-3


def test_loops_are_no_kernels_but_what_they_run_is():
    def fun(x):
        return minijax.lax.scan(lambda c, _: (mnp.sin(c), None), x, None, 50)[0]

    closed = minijax.make_jaxpr(fun)(mnp.ones((4,)))
    found = isolate.c_parts(closed, [mnp.ones((4,))], 1e-3)
    assert not set(isolate.CONTROL) & set(found["by_op"])
    assert found["by_op"] and found["instructions"] >= 50


FIRSTS = {
    "outputs": {
        backend: {
            "tree": "tuple(*)",
            "leaves": [
                {
                    "path": "[0]",
                    "kind": "numpy",
                    "shape": [2],
                    "dtype": "float32",
                    "weak": False,
                    "data": np.ones(2, np.float32),
                }
            ],
        }
        for backend in cells.BACKENDS
    },
    "counted": {"flops": 1000.0, "products": {"float32": 500.0}},
}


def changed(**counted):
    return {**FIRSTS, "counted": {**FIRSTS["counted"], **counted}}


def test_equal_cells_are_compared():
    assert cells.withheld({"JAX": FIRSTS, "minijax": changed()}) is None


def test_doubled_flops_refuse_the_ratio():
    why = cells.withheld({"JAX": FIRSTS, "minijax": changed(flops=2000.0)})
    assert why == "FLOPs differ: 1000 on JAX, 2000 on minijax"


def test_another_precision_refuses_the_ratio():
    other = changed(products={"bfloat16": 500.0})
    assert "precision differs" in cells.withheld({"JAX": FIRSTS, "minijax": other})


def test_another_result_refuses_the_ratio():
    other = json.loads(json.dumps(FIRSTS, default=lambda x: x.tolist()))
    for described in other["outputs"].values():
        described["leaves"][0]["data"] = np.float32([1, 1.001])
    why = cells.withheld({"JAX": FIRSTS, "minijax": other})
    assert why == "minijax x XLA: output [0]: value differs"


# --- XLA's kernels -----------------------------------------------------------------------


def text_of(fun, *args):
    return jax.jit(fun).lower(*args).compile().as_text()


def test_launched_kernels():
    x = jnp.ones((64, 64))
    assert isolate.launched_kernels(text_of(lambda x: jnp.sin(x) * 2 + 1, x)) == 1
    assert isolate.launched_kernels(text_of(lambda x: jax.lax.sort(x), x)) == 1
    loop = lambda x: jax.lax.fori_loop(0, 30, lambda _, c: jax.lax.sort(c * 0.5), x)  # noqa: E731
    assert isolate.launched_kernels(text_of(loop, x)) >= 60


def test_a_line_is_found():
    slope, start = statistics.line([1, 10, 100], [3.0, 21.0, 201.0])
    assert (slope, start) == (pytest.approx(2.0), pytest.approx(1.0))


@pytest.mark.slow
def test_a_synthetic_program_is_taken_apart():
    """N equal products: the kernels' part is N times the one's, within 10 %."""
    x = mnp.ones((256, 256)) / 256

    def chain(n):
        def fun(x):
            for _ in range(n):
                x = x @ x
            return x

        return minijax.make_jaxpr(fun)(x)

    best = {}
    for n in (4, 16) * 5:  # the quickest of several: other work only adds
        kernels = isolate.c_parts(chain(n), [x], 2e-2)["kernels"]
        best[n] = min(best.get(n, kernels), kernels)
    assert best[16] / best[4] == pytest.approx(4, rel=0.1)


# --- the baseline ------------------------------------------------------------------------


def test_a_baseline_that_is_none_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("[]")
    (tmp_path / "script.py").write_text("")
    argv = [sys.executable, "-m", "minijax", "compare", str(tmp_path / "script.py")]
    argv += ["--baseline", str(tmp_path / "x.json")]
    found = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert found.returncode == 2 and "no report of compare's" in found.stderr

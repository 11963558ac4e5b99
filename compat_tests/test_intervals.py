"""Intervals cover, chance is not called a change, and what is planted is found.

All data here are drawn: logarithms of times are normal around a known truth, between
processes and within them.
"""

import json

import numpy as np
import pytest

from minijax.compare import baseline, summary, words
from minijax.measure import statistics
from minijax.measure.processes import JAX, MINIJAX

BETWEEN, WITHIN = 0.05, 0.03  # standard deviations of the logarithms


def processes(generator, count, truth=1.0, samples=7):
    """Samples of some processes whose median would be `truth` in many."""
    middles = generator.normal(0, BETWEEN, count)
    noise = generator.normal(0, WITHIN, (count, samples))
    return [list(truth * np.exp(row)) for row in middles[:, None] + noise]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8])
def test_intervals_of_few_processes_cover_the_truth(count):
    generator = np.random.default_rng(count)
    found = [statistics.summary(processes(generator, count)) for _ in range(200)]
    assert all(f["low"] <= f["median"] <= f["high"] for f in found)
    covered = sum(f["low"] <= 1 <= f["high"] for f in found)
    assert 0.9 <= covered / len(found) <= 0.99


@pytest.mark.parametrize("count", [3, 4, 5])
def test_intervals_of_ratios_cover_the_truth(count):
    generator = np.random.default_rng(10 + count)
    covered = 0
    for _ in range(200):
        pair = [processes(generator, count, truth) for truth in (3.0, 2.0)]
        found = statistics.ratio(*pair)
        covered += found["low"] <= 1.5 <= found["high"]
    assert 0.9 <= covered / 200 <= 0.99


def test_samples_of_one_process_are_all_that_its_interval_knows():
    found = statistics.summary([[1.0, 1.1, 0.9, 1.0, 1.05]])
    assert found["n"] == 1 and found["low"] < 1 < found["high"]
    assert statistics.summary([[2.0]])["low"] == statistics.summary([[2.0]])["high"]


def test_zeros_and_negative_figures_have_intervals():
    found = statistics.summary([[0.0], [1.0], [2.0]])
    assert found["low"] == 0 and found["high"] > 1
    columns = [[[v] for v in (1.0, 1.2, 0.9)], [[v] for v in (1.1, 1.1, 1.0)]]
    left = statistics.combined(columns, lambda a, b: {"left": a - b})["left"]
    assert left["low"] < 0 < left["high"]


def test_students_quantiles():
    assert [statistics.student(n) for n in (1, 2.9, 10)] == [12.706, 4.303, 2.228]
    assert statistics.student(30) == pytest.approx(2.042, abs=0.01)
    assert statistics.student(1e9) == pytest.approx(1.96)


# --- the baseline -----------------------------------------------------------------------

PARTS = ("import", "trace", "lower", "compile", "calls", "rest")
TRUTHS = dict(zip(PARTS, (0.4, 0.1, 0.3, 2.0, 0.05, 1.0)))


def figure(generator, truth, speeds):
    noise = np.exp(generator.normal(0, 0.02, len(speeds)))
    return statistics.summary([[v] for v in truth * speeds * noise])


def report(seed, count=4, planted=None, drift=(1.0, 1.0)):
    """A report of drawn figures; `planted` are factors by name, `drift` by side."""
    generator = np.random.default_rng(seed)
    sides = [{"name": side.name} for side in (JAX, MINIJAX)]
    speeds = [by * np.exp(generator.normal(0, 0.03, count)) for by in drift]
    truths = {**TRUTHS, **{f"f{k}": 1e-3 * (k + 1) for k in range(6)}}
    for name, factor in (planted or {}).items():
        truths[name] *= factor
    rows = {
        name: {"values": [figure(generator, truth, s) for s in speeds]}
        for name, truth in truths.items()
    }
    functions = [
        {"name": name, "site": "", "figures": {"ready": row, "first": row}}
        for name, row in rows.items()
        if name not in PARTS
    ]
    totals = {name: rows[name] for name in PARTS}
    return {"sides": sides, "totals": totals, "functions": functions, "cells": None}


@pytest.mark.parametrize("count", [3, 4])
def test_chance_is_seldom_called_a_change(count):
    found = [
        baseline.compared(report(2 * k, count), report(2 * k + 1, count))
        for k in range(25)
    ]
    judged = sum(f["figures"] for f in found)
    assert judged == 25 * 2 * 18
    assert sum(len(f["changes"]) for f in found) < 0.01 * judged
    assert sum(len(f["drifts"]) for f in found) <= 0.15 * 2 * len(found)
    assert all(
        max(d["factor"], 1 / d["factor"]) < 1.2 for f in found for d in f["drifts"]
    )


@pytest.mark.parametrize("count", [3, 4])
def test_a_planted_change_of_one_figure_is_reported(count):
    seen = 0
    for seed in range(10):
        new = report(seed, count, {"compile": 1.5})
        found = baseline.compared(new, report(seed + 100, count))
        changes = {(c["group"], c["what"]): c["factor"] for c in found["changes"]}
        assert set(changes) <= {("JAX", "compile"), ("minijax", "compile")}
        assert all(1.3 < factor < 1.7 for factor in changes.values())
        seen += len(changes)
    assert seen >= 16 if count == 4 else seen >= 6


def test_a_common_drift_is_reported_once_and_taken_off():
    for seed in range(10):
        new = report(seed, planted={"lower": 2.0}, drift=(1.4, 1.0))
        found = baseline.compared(new, report(seed + 100))
        drifts = {d["group"]: d for d in found["drifts"]}
        assert 1.25 < drifts["JAX"]["factor"] < 1.55
        assert {c["what"] for c in found["changes"]} <= {"lower"}
        assert ("minijax", "lower") in {
            (c["group"], c["what"]) for c in found["changes"]
        }
        text = words.baseline_lines(found)
        assert text[0].startswith("JAX as a whole: 1.")


def test_without_changes_it_is_said():
    same = report(1)
    found = baseline.compared(same, same)
    assert words.baseline_lines(found) == ["None of 36 single figures changed."]
    assert baseline.compared(same, None) is None and words.baseline_lines(None) == []


def test_a_baseline_is_read_back(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(report(1)))
    assert baseline.compared(report(1), baseline.read_baseline(path))["changes"] == []


def test_cells_are_held_against_the_baseline_by_backend():
    def with_cells(seed, factor=1.0):
        generator = np.random.default_rng(seed)
        times = {
            front: {
                backend: figure(generator, 1e-3 * factor, np.ones(4))
                for backend in ("XLA", "C backend")
            }
            for front in ("JAX", "minijax")
        }
        functions = [{"name": n, "site": "", "times": times} for n in ("f", "g")]
        return {**report(seed), "cells": {"functions": functions}}

    found = baseline.compared(with_cells(1, 1.5), with_cells(2))
    groups = {d["group"] for d in found["drifts"]}
    assert groups >= {"XLA in the cells", "C backend in the cells"}
    assert found["changes"] == []


def test_sides_are_apart_where_their_intervals_are():
    generator = np.random.default_rng(3)
    sides = (JAX, MINIJAX)
    near, far = (
        [statistics.summary(processes(generator, 4, t)) for t in truths]
        for truths in ((1.0, 1.02), (1.0, 2.0))
    )
    assert summary.compare_values(near, sides)["faster"] is None
    found = summary.compare_values(far, sides)
    assert found["faster"] == "JAX" and found["ratio"] == pytest.approx(2, rel=0.2)

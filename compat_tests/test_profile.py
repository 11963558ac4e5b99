"""Calls and time of each instruction of a program."""

import subprocess
import sys

import numpy as np

import minijax
import minijax.numpy as jnp
from cbackend import profile


def looped(x):
    """A loop of ten steps, and a reduction after it."""

    def body(carry, row):
        return jnp.sin(carry) + row, carry

    return minijax.lax.scan(body, x, jnp.ones((10, 3)))[0].sum()


def recorded(times):
    """The rows of `times` calls."""
    x = np.ones(3, np.float32)
    compiled = minijax.jit(looped).lower(x).compile()
    compiled(x)
    with profile.Recording(compiled.runtime_executable()) as recording:
        for _ in range(times):
            compiled(x)
    compiled(x)
    return recording.rows()


def test_counts_are_exact_and_runs_outside_do_not_count():
    rows = recorded(5)
    calls = {row.program: set() for row in rows}
    for row in rows:
        calls[row.program].add(row.calls)
    assert calls == {0: {5}, 1: {50}}


def test_rows_name_kernels_shapes_and_the_line():
    (body,) = [row for row in recorded(1) if row.program == 1]
    assert body.what == "EWISE sin_f32 add_f32"
    assert body.shapes == "f32[3] <- f32[3] f32[3]"
    assert "test_profile.py" in body.source and "body" in body.source
    assert body.seconds > 0


def test_a_loop_s_time_holds_its_body_s():
    rows = recorded(20)
    (scan,) = [row for row in rows if row.opcode == "SCAN"]
    assert scan.seconds > sum(row.seconds for row in rows if row.program == 1)
    assert "SCAN" in profile.table(rows, limit=1)


def test_a_second_recording_starts_from_zero():
    x = np.ones(4, np.float32)
    compiled = minijax.jit(jnp.sin).lower(x).compile()
    for times in (3, 2):
        with profile.Recording(compiled.runtime_executable()) as recording:
            for _ in range(times):
                compiled(x)
        assert [row.calls for row in recording.rows()] == [times]


def test_the_debug_ladder_prints_it_at_the_end():
    program = (
        "import minijax, minijax.numpy as jnp; minijax.jit(jnp.tanh)(jnp.ones(4, 'f'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"MINIJAX_DEBUG": "7", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "EWISE tanh_f32  f32[4] <- f32[4]" in run.stderr

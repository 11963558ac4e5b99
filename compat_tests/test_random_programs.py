"""Random programs agree with JAX; a wrong rule is found.  `make fuzz` searches longer."""

import contextlib
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings

from compat_tests.fuzz import Search
from compat_tests.random_programs import Program, Uncertain, check, programs
from compat_tests.random_rules import FAMILIES, SAME_SHAPE, elementwise_rules
from minijax.core import Zero
from minijax.ops import arithmetic, shape

pytestmark = pytest.mark.filterwarnings("ignore")  # both frameworks warn alike


@settings(max_examples=25, derandomize=True, database=None)
@given(programs(FAMILIES, fuel=8))
def test_random_programs(program):
    try:
        check(program)
    except Uncertain:
        assume(False)


# Expressions of a matrix `x` that once differed; a new failure is one more line here.
FOUND = [
    "jnp.full((), 1.5)",
    "lax.fori_loop(0, 3, lambda i, c: jnp.full((2, 3), 1.5), x)",
    "lax.associative_scan(jnp.add, jnp.full((2, 3), 1.5), axis=0)",
    "lax.scan(lambda c, _: (c, None), x, None, length=0)[0]",
    "lax.nextafter(x, x + 1)",
    "jnp.sinc(jnp.full((), 1.5))",
    "(x[0, :2] ** 2) @ jnp.full((2, 3), 1.5)",
]


@pytest.mark.parametrize("text", FOUND)
@pytest.mark.parametrize("reverse", [True, False])
def test_programs_that_failed_once(text, reverse):
    x = np.linspace(-1.5, 2, 6, dtype=np.float32).reshape(2, 3)
    source = f"def program(x):\n    return {text},\n"
    check(Program(source, [x], (1,), reverse))


def _wrong_jvp(right):
    def jvp(primals, tangents, **params):
        out, tangent = right(primals, tangents, **params)
        return out, tangent if type(tangent) is Zero else tangent * 2

    return jvp


def _wrong_batch(right):
    def batch(axis, args, dims, **params):
        out, dim = right(axis, args, dims, **params)
        return shape.rev(out, (dim,)), dim

    return batch


# Ops of lax only: functions of jnp are jitted once and would remember a wrong rule.
PLAIN = [
    elementwise_rules(
        (*row[:2], *texts)
        for row in SAME_SHAPE
        if (texts := [t for t in row[2:] if t.startswith("lax.") and "jnp" not in t])
    )
]


@pytest.mark.parametrize(
    ("slot", "wrong"), [("jvp", _wrong_jvp), ("batch", _wrong_batch)]
)
def test_a_wrong_rule_is_found(monkeypatch, slot, wrong):
    multiply = arithmetic.mul_p
    monkeypatch.setattr(multiply, slot, wrong(getattr(multiply, slot)))
    search = Search(0, time.monotonic() + 120, 300, PLAIN, shrink=False)
    assert not search.run()
    monkeypatch.undo()
    with contextlib.suppress(Uncertain):
        check(search.failure[0])  # by the right rule


def test_programs_print_as_code():
    program = Program("def program(x0):\n    return x0,\n", [], (0,), True)
    assert "def program(x0):" in repr(program)

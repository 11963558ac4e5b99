"""Random programs agree with JAX; a wrong rule is found.  `make fuzz` searches longer."""

import time

import pytest
from hypothesis import assume, given, settings

from compat_tests.fuzz import Search
from compat_tests.random_programs import Program, Uncertain, check, programs
from compat_tests.random_rules import FAMILIES
from minijax.core import Zero
from minijax.ops import elementwise, shape

pytestmark = pytest.mark.filterwarnings("ignore")  # both frameworks warn alike


@settings(max_examples=25, derandomize=True, database=None)
@given(programs(FAMILIES, fuel=8))
def test_random_programs(program):
    try:
        check(program)
    except Uncertain:
        assume(False)


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


@pytest.mark.parametrize(
    ("slot", "wrong"), [("jvp", _wrong_jvp), ("batch", _wrong_batch)]
)
def test_a_wrong_rule_is_found(monkeypatch, slot, wrong):
    multiply = elementwise.mul_p
    monkeypatch.setattr(multiply, slot, wrong(getattr(multiply, slot)))
    rules = FAMILIES[:2]  # elementwise ops
    search = Search(0, time.monotonic() + 120, 300, rules, shrink=False)
    assert not search.run()
    assert "*" in search.failure[0].source or "mul" in search.failure[0].source


def test_programs_print_as_code():
    program = Program("def program(x0):\n    return x0,\n", [], (0,), True)
    assert "def program(x0):" in repr(program)

"""FEATURES.md says what is there; what is not there, or not whole, has a reason.

After a change: `make features`.
"""

import difflib

import pytest

import minijax
import minijax.numpy
from compat_tests import feature_reasons, features
from compat_tests.features import DOCUMENT, document, primitives, rule_state, symbols

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def found():
    return {s.name: s for s in symbols()}


def test_document_is_up_to_date():
    old, new = DOCUMENT.read_text(), document()
    change = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    assert old == new, "\n".join(["`make features` rewrites it:", *change][:40])


@pytest.mark.parametrize("state", ["absent", "partial"])
def test_reasons_are_those_of_the_code(found, state):
    """A symbol without a reason, or a reason whose symbol is whole by now."""
    table = {"absent": feature_reasons.ABSENT, "partial": feature_reasons.PARTIAL}[
        state
    ]
    wanted = {s.name for s in found.values() if s.state == state}
    if state == "partial":
        wanted = {name for name in wanted if found[name].missing}
    assert sorted(wanted - set(table)) == [], f"{state} without a reason"
    assert sorted(set(table) - wanted) == [], f"has a reason, and is not {state}"
    assert all(table.values())


def test_coverage(found):
    """The share of symbols that resolve."""
    for tier, share in (("1", 0.95), ("2", 0.90)):
        states = [s.state for s in found.values() if s.tier == tier]
        assert states.count("absent") <= (1 - share) * len(states), tier


def test_a_missing_name_is_noticed():
    assert features._symbol("jax.numpy.no_such_name", "1").state == "absent"


def test_a_missing_parameter_is_noticed(monkeypatch):
    monkeypatch.setattr(minijax.numpy, "var", lambda a, axis=None: a)
    assert "ddof=" in features._symbol("jax.numpy.var", "1").missing


def test_every_op_has_its_rules():
    """No slot is open: a rule, a zero derivative, or a marker with its reason."""
    for name, primitive in primitives().items():
        for slot in ("shape", "reference", "jvp", "transpose", "batch", "lower"):
            assert rule_state(primitive, slot) != "--", f"{name}.{slot}"

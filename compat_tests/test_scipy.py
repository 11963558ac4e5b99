"""jax.scipy and jax.ops against JAX's, row by row of their tables."""

import collections
import importlib
import re

import jax
import jax.scipy.interpolate
import jax.scipy.optimize
import jax.scipy.sparse.linalg
import jax.scipy.spatial.transform
import numpy as np
import pytest

import minijax
import minijax.scipy
from cbackend import profile
from compat_tests import jnp_tables

ROWS = [
    row for table in ("special", "stats", "scipy") for row in jnp_tables.rows(table)
]


@pytest.mark.parametrize("row", [r for r in ROWS if not r.values_only], ids=repr)
@pytest.mark.filterwarnings("ignore")
def test_equations(row):
    assert jnp_tables.equations(row, minijax) == jnp_tables.equations(row, jax)


# JAX takes seconds to compile a call of these: a few rows of each, the others in the long run.
_LONG = re.compile(r"signal\.(csd|i?stft|welch)|fft\.i?dctn|Rotation\.\w+|hyp2f1")
_FEW = 2


def _values():
    """Every row; where the equations are JAX's only in the long run: their ops are tested."""
    met = collections.Counter()
    for row in ROWS:
        long = _LONG.search(repr(row))
        if long:
            met[long[0]] += 1
        quick = row.values_only and (not long or met[long[0]] <= _FEW)
        yield pytest.param(row, id=repr(row), marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize("row", _values())
def test_values(row):
    theirs = jnp_tables.results(row, jax)
    jnp_tables.assert_same_results(theirs, jnp_tables.results(row, minijax))


def test_exponential_integral_turns_where_needed():
    """The loops of exp1, which negative arguments need, make no turn for positive ones."""
    x = np.linspace(0.5, 9.0, 100)
    with minijax.enable_x64(True):
        compiled = minijax.jit(minijax.scipy.special.expi).lower(x).compile()
        with profile.Recording(compiled.runtime_executable()) as recording:
            compiled(x)
    assert max(row.calls for row in recording.rows() if row.program) <= 2


@pytest.mark.parametrize("name", ["special", "stats"])
def test_every_name_can_be_loaded(name):
    module = importlib.import_module(f"minijax.scipy.{name}")
    for public in module.__all__:
        assert getattr(module, public) is not None

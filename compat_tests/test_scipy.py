"""jax.scipy and jax.ops against JAX's, row by row of their tables."""

import importlib

import jax
import jax.scipy
import pytest

import minijax
import minijax.scipy
from compat_tests import jnp_tables

ROWS = [
    row for table in ("special", "stats", "scipy") for row in jnp_tables.rows(table)
]


@pytest.mark.parametrize("row", [r for r in ROWS if not r.values_only], ids=repr)
@pytest.mark.filterwarnings("ignore")
def test_equations(row):
    assert jnp_tables.equations(row, minijax) == jnp_tables.equations(row, jax)


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_values(row):
    theirs = jnp_tables.results(row, jax)
    jnp_tables.assert_same_results(theirs, jnp_tables.results(row, minijax))


@pytest.mark.parametrize("name", ["special", "stats"])
def test_every_name_can_be_loaded(name):
    module = importlib.import_module(f"minijax.scipy.{name}")
    for public in module.__all__:
        assert getattr(module, public) is not None

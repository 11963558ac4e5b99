"""jax.image against JAX's, row by row of a table."""

import jax
import pytest

import minijax
import minijax.image
from compat_tests import jnp_tables

ROWS = jnp_tables.rows("image")


@pytest.mark.parametrize("row", [r for r in ROWS if not r.values_only], ids=repr)
@pytest.mark.filterwarnings("ignore")
def test_equations(row):
    assert jnp_tables.equations(row, minijax) == jnp_tables.equations(row, jax)


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_values(row):
    theirs = jnp_tables.results(row, jax)
    jnp_tables.assert_same_results(theirs, jnp_tables.results(row, minijax))


def test_methods_have_the_same_names():
    names = [m.name for m in jax.image.ResizeMethod]
    assert [m.name for m in minijax.image.ResizeMethod] == names
    for name in ("bicubic", "area", "triangle", "lanczos5", "cubic-pytorch"):
        theirs, ours = (f.image.ResizeMethod.from_string(name) for f in (jax, minijax))
        assert theirs.name == ours.name
    with pytest.raises(ValueError, match="Unknown resize method"):
        minijax.image.ResizeMethod.from_string("none")

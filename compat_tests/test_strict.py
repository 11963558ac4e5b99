"""Strict promotion: what JAX accepts with implicit dtype and rank promotion refused.

Functions that only take arguments of one dtype and rank may not rely on promotion
inside; JAX's do not, so that its strict modes point at the user's own code alone.
"""

import contextlib
import importlib
from pathlib import Path

import jax
import pytest

import minijax
from compat_tests import jnp_tables

TABLES = sorted(p.stem for p in (Path(__file__).parent / "jnp_cases").glob("*.txt"))
MODULES = "special", "stats", "signal", "ndimage", "linalg", "fft", "spatial.transform"


@contextlib.contextmanager
def strict(framework):
    """Within it, implicit promotion of dtypes and of ranks is an error."""
    with (
        framework.numpy_dtype_promotion("strict"),
        framework.numpy_rank_promotion("raise"),
    ):
        yield


def strict_equations(row, framework):
    """As `jnp_tables.equations`, in the strict modes."""
    with strict(framework):
        return jnp_tables.equations(row, framework)


def _raises(equations):
    return len(equations) == 1 and str(equations[0]).startswith("raises")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.filterwarnings("ignore")
def test_what_jax_accepts_strictly_is_accepted(table):
    for module in MODULES:
        importlib.import_module(f"jax.scipy.{module}")
        importlib.import_module(f"minijax.scipy.{module}")
    refused = []
    for row in jnp_tables.rows(table):
        theirs = strict_equations(row, jax)
        if not _raises(theirs):
            ours = strict_equations(row, minijax)
            refused += [(row, ours)] if _raises(ours) else []
    assert not refused


def test_implicit_promotion_is_refused():
    rows = [
        jnp_tables.Row("x+y | f32[3] i32[3]"),
        jnp_tables.Row("x+y | f32[3,4] f32[4]"),
        jnp_tables.Row("jnp.power(x, y) | f32[3] i32[3]"),
        jnp_tables.Row("jnp.power(2.5, x) | i32[3]"),
        jnp_tables.Row("jnp.gradient(x, 2.5) | i32[3]"),
    ]
    for row in rows:
        for framework in (jax, minijax):
            assert _raises(strict_equations(row, framework))
            assert not _raises(jnp_tables.equations(row, framework))


@pytest.mark.parametrize("signature", [None, "(n),()->(n)"])
@pytest.mark.parametrize("shapes", [((3, 3), (3,)), ((3, 3), ()), ((3,), (3, 3))])
def test_vectorized_functions_say_what_they_promote(signature, shapes):
    def said(framework):
        x, y = (framework.numpy.zeros(shape) for shape in shapes)
        f = framework.numpy.vectorize(framework.numpy.add, signature=signature)
        with framework.numpy_rank_promotion("raise"):
            try:
                return f(x, y).shape
            except ValueError as error:
                return str(error)

    assert said(minijax) == said(jax)


@pytest.mark.parametrize("call", [
    "jnp.matvec(x, y)", "jnp.vecmat(y, x)", "jnp.vecdot(x, y)", "jnp.matvec(x, y[0:2])",
    "jnp.linalg.solve(x, y)", "jnp.linalg.solve(x, y[:, None])",
    "jsp.linalg.solve_triangular(x, y)", "jsp.linalg.cho_solve((x, True), y)",
    "jsp.linalg.toeplitz(x, y)",
])  # fmt: skip
def test_products_and_solutions_say_what_they_promote(call):
    def said(framework):
        importlib.import_module(f"{framework.__name__}.scipy.linalg")
        names = {"jnp": framework.numpy, "jsp": framework.scipy}
        fun = eval(f"lambda x, y: {call}", names)
        avals = [framework.ShapeDtypeStruct(s, "float32") for s in ((2, 3, 3), (3,))]
        with framework.numpy_rank_promotion("raise"):
            try:
                return framework.eval_shape(fun, *avals).shape
            except ValueError as error:
                return str(error)

    assert said(minijax) == said(jax)


def test_ranks_are_refused_before_dtypes():
    def said(framework):
        jnp = framework.numpy
        with (
            strict(framework),
            pytest.raises(ValueError, match="rank_promotion") as caught,
        ):
            jnp.power(jnp.ones((3, 4)), jnp.ones(4, int))
        return str(caught.value)

    assert said(minijax) == said(jax)

"""jnp and jax.image against JAX's, row by row of the tables in `jnp_cases`."""

import inspect
import operator
import re
from pathlib import Path

import jax
import numpy as np
import pytest

import minijax
import minijax.image
from compat_tests import jnp_tables

TABLES = (
    "basics", "shapes", "indexing", "reductions", "products", "library", "linalg", "fft",
    "image",
)  # fmt: skip
VALUES = [row for table in TABLES for row in jnp_tables.rows(table)]
EQUATIONS = [
    row for row in [*VALUES, *jnp_tables.rows("ufuncs")] if not row.values_only
]


@pytest.mark.parametrize("row", EQUATIONS, ids=repr)
@pytest.mark.filterwarnings("ignore")
def test_equations(row):
    assert jnp_tables.equations(row, minijax) == jnp_tables.equations(row, jax)


@pytest.mark.parametrize("row", VALUES, ids=repr)
def test_values(row):
    theirs = jnp_tables.results(row, jax)
    jnp_tables.assert_same_results(theirs, jnp_tables.results(row, minijax))


@pytest.mark.parametrize(
    "wide", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["narrow", "wide"]
)
@pytest.mark.parametrize("table", [*TABLES, "ufuncs", "special", "stats", "scipy"])
@pytest.mark.filterwarnings("ignore")
def test_types_with_x64(table, wide):
    """Of arguments of 32 bits and of 64: what JAX's default types get into."""
    wrong = []
    for row in jnp_tables.rows(table):
        theirs = jnp_tables.types(row, jax, wide)
        if theirs is None:
            continue
        ours = jnp_tables.types(row, minijax, wide)
        wrong += [(row, theirs, ours)] if ours != theirs else []
    assert not wrong


def test_a_wrong_table_fails():
    row = jnp_tables.Row("jnp.exp(x) | f32[3]")
    other = jnp_tables.Row("jnp.exp(x) * (1 + 1e-4) | f32[3]")
    with pytest.raises(AssertionError):
        jnp_tables.assert_same_results(
            jnp_tables.results(row, jax), jnp_tables.results(other, minijax)
        )
    assert jnp_tables.equations(row, jax) != jnp_tables.equations(other, minijax)


def _public(module):
    return {name for name in dir(module) if not name.startswith("_")}


def test_every_name_of_jnp_is_there():
    missing = _public(jax.numpy) - _public(minijax.numpy)
    assert not missing


def test_every_name_can_be_loaded():
    for name in minijax.numpy.__all__:
        assert getattr(minijax.numpy, name) is not None or name == "newaxis"


PRINTED = [
    "jnp.array(1.)", "jnp.arange(3)", "jnp.ones((2, 2))", "jnp.zeros((0, 3))",
    "jnp.arange(2000)", "jnp.array([True])", "jnp.array(1 + 2j)", "jnp.bfloat16(2)",
    "jnp.arange(30.) * 1.5", "jnp.full((2,), 1)", "jnp.array([1e-10, 1.])",
    "jnp.ones((3, 7)) * 3.1415927", "jnp.ones((1200, 2))", "jnp.array([float('nan')])",
    "jnp.arange(18, dtype=jnp.float32) * 1.1111", "jnp.float32(2) / 3",
]  # fmt: skip


@pytest.mark.parametrize("source", PRINTED)
@pytest.mark.parametrize("show", [repr, str])
def test_arrays_print_as_in_jax(source, show):
    theirs, ours = [show(eval(source, {"jnp": f.numpy})) for f in (jax, minijax)]
    assert ours == theirs


@pytest.mark.parametrize("name", ["add", "negative", "logaddexp", "ufunc.reduce"])
def test_signatures_of_ufuncs(name):
    def parameters(framework):
        found = inspect.signature(operator.attrgetter(name)(framework.numpy))
        return [(p.name, p.kind, p.default) for p in found.parameters.values()]

    assert parameters(minijax) == parameters(jax)


@pytest.mark.parametrize("x64", [False, True])
def test_array_api_describes_itself(x64):
    kinds = "bool", "signed integer", "numeric", ("bool", "real floating"), None

    def told(framework):
        with framework.enable_x64(x64):
            info = framework.numpy.__array_namespace_info__()
            names = [sorted(info.dtypes(kind=k).items(), key=str) for k in kinds]
            x = framework.numpy.ones(2)
            assert x.__array_namespace__() is framework.numpy
            with pytest.raises(ValueError, match="is not available"):
                x.__array_namespace__(api_version="2021.12")
            with pytest.raises(KeyError):
                info.dtypes(kind="text")
            return [
                names, info.default_dtypes(), info.default_device(), len(info.devices()),
                info.capabilities(), framework.numpy.__array_api_version__,
            ]  # fmt: skip

    assert told(minijax) == told(jax)


@pytest.mark.parametrize("name", ["ravel", "squeeze", "atleast_1d", "conj", "asarray"])
def test_numpy_arrays_become_arrays(name):
    """Also where nothing changes."""
    for framework in (jax, minijax):
        out = getattr(framework.numpy, name)(np.ones(3, np.float32))
        assert isinstance(out, framework.Array)


def test_operators_defer_to_other_classes():
    class Other:
        def __radd__(self, x):
            return "radd"

        def __eq__(self, x):
            return "eq"

    x = minijax.numpy.ones(3)
    assert x + Other() == "radd"
    assert (x == Other()) == "eq"


def test_arrays_are_immutable():
    x = minijax.numpy.ones(3)
    with pytest.raises(TypeError, match=re.escape("x.at[idx].set(y)")):
        x[0] = 2


CALLS = [
    "jnp.append(v, v)", "jnp.arccosh(v)", "jnp.isinf(v)", "jnp.atleast_1d(v)",
    "jnp.atleast_2d(v, x)", "jnp.atleast_3d(x)", "jnp.block([v, v])",
    "jnp.column_stack((v, v))", "jnp.count_nonzero(x)", "jnp.cumsum(x)",
    "jnp.cumprod(x, 1)", "jnp.cumulative_sum(v)", "jnp.nancumsum(x)", "jnp.nancumprod(x)",
    "jnp.hstack((v, v))", "jnp.vstack((v, v))", "jnp.vstack(x)", "jnp.dstack((v, v))",
    "jnp.flip(x)", "jnp.fliplr(x)", "jnp.flipud(x)", "jnp.isin(v, v)", "jnp.matvec(x, v)",
    "jnp.nanargmax(v)", "jnp.nanargmin(x, 1)", "jnp.ptp(x)", "jnp.resize(x, (2, 2))",
    "jnp.roll(v, 1)", "jnp.rollaxis(x, 1)", "jnp.rot90(x)", "jnp.take(v, i)",
    "jnp.around(v)", "jnp.convolve(v, v)", "jnp.correlate(i, i)", "jnp.std(x)",
    "jnp.diagflat(v)", "jnp.einsum('i,i->', v, v)", "jnp.einsum('ij,j->i', x, v)",
    "jnp.outer(v, v)", "jnp.exp(v)", "jnp.mean(x)", "jnp.where(b, v, v)",
]  # fmt: skip


@pytest.mark.parametrize("source", CALLS)
def test_calls_are_where_jax_has_them(source):
    def primitives(framework):
        fun = eval(f"lambda v, x, i, b: {source}", {"jnp": framework.numpy})
        v, x = np.arange(4.0), np.ones((3, 4))
        closed = framework.make_jaxpr(fun)(v, x, np.arange(4), v > 1)
        return [(e.primitive.name, e.params.get("name")) for e in closed.eqns]

    assert primitives(minijax) == primitives(jax)


def test_what_is_known_while_tracing():
    def primitives(framework):
        two, device = framework.numpy.int32(2), framework.devices()[0]
        makers = [framework.numpy.arange, framework.numpy.eye]
        closed = framework.make_jaxpr(
            lambda x: (x**two, *[make(3, device=device) for make in makers])
        )(1.0)
        with framework.transfer_guard("disallow"):
            assert not framework.numpy.iscomplexobj(1.0)
        return [e.primitive.name for e in closed.eqns]

    assert primitives(minijax) == primitives(jax)


def test_piecewise_is_traced_once():
    traces = []

    def positive(x):
        traces.append(x)
        return x

    x = minijax.numpy.arange(3.0)
    for _ in range(3):
        minijax.numpy.piecewise(x, [x < 1], [positive, 0.0])
    assert len(traces) == 1


MESSAGES = [
    "jnp.vectorize(jnp.dot, signature='(n,m),(m)->(n)')(v, v)",
    "jnp.vectorize(jnp.dot, signature='(n,m),(m)->(n)')(x, v[:2])",
    "jnp.vectorize(jnp.dot, signature='(n,m),(m)->(n),()')(x, v)",
    "jnp.vectorize(jnp.dot, signature='(n,m),(m)->()')(x, v)",
    "jnp.vectorize(jnp.dot, signature='(n,m)->(n)')(x, v)",
    "jnp.matvec(v, v)", "jnp.vecmat(v, x)", "jnp.vecdot(v, x[:, :2])",
    "jnp.nonzero(v[0])", "jnp.nonzero(v, size=9, fill_value=[1])",
    "jnp.stack([v, x])", "jnp.split(v, 3)", "jnp.cumulative_prod(v[0])",
    "jnp.rot90(v)", "jnp.isin(v, v, method='none')", "jnp.delete(v, 1.5)",
    "jnp.insert(v, x[0, :2], 1)", "jnp.pad(v, (1, 2, 3))", "jnp.pad(v[:0], 1, 'edge')",
    "jnp.nansum(v, where=x[0])", "jnp.nanmax(v, where=x[0])",
    "jnp.ones(2, 3)", "jnp.cov(v, fweights=x.astype(int))", "jnp.cov(v, aweights=v[:2])",
    "jnp.searchsorted(v, 1, side='none')", "jnp.searchsorted(v, 1, method='none')",
    "jnp.block([[v], v])", "jnp.zeros(2, dtype=v)", "jnp.arange(v)", "jnp.eye(3, k=1.5)",
    "jnp.frompyfunc(jnp.add, 2, 1)(1, 2, 3)",
]  # fmt: skip


@pytest.mark.parametrize("source", MESSAGES)
def test_refusals_read_as_in_jax(source):
    def message(framework):
        jnp = framework.numpy
        with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
            eval(source, {"jnp": jnp, "v": jnp.arange(4.0), "x": jnp.ones((3, 4))})
        return caught.type, str(caught.value).splitlines()[0]

    assert message(minijax) == message(jax)


def test_ufuncs_of_one_function_are_equal():
    for jnp in (jax.numpy, minijax.numpy):
        one, same = [jnp.frompyfunc(max, 2, 1) for _ in range(2)]
        assert one == same and hash(one) == hash(same)
        assert one != jnp.frompyfunc(max, 2, 1, identity=0)
        with pytest.raises(ValueError, match="out of bounds"):
            jnp.add.accumulate(jnp.float32(1))


def test_a_forgotten_tuple_is_pointed_out():
    with pytest.raises(
        TypeError, match=r"when you meant `jax.numpy.zeros\(\(2, 3\)\)`"
    ):
        minijax.numpy.zeros(2, 3)


@pytest.mark.parametrize("name", ["ndim", "shape", "size"])
def test_questions_about_lists_are_deprecated(name):
    with pytest.warns(DeprecationWarning, match=f"{name} requires ndarray or scalar"):
        getattr(minijax.numpy, name)([1, 2])


@pytest.mark.parametrize("call", [
    "jnp.mgrid[1:6:8j, 2:4]",
    "jax.scipy.linalg.schur(x, output='complex')",
    "jax.scipy.linalg.solve_sylvester(x, x, x)",
    "jax.scipy.linalg.rsf2csf(x, x)",
    "jax.lax.linalg.qdwh(x)",
])  # fmt: skip
def test_strict_promotion_is_for_the_users_arguments(call):
    def values(framework):
        names = {"jax": framework, "jnp": framework.numpy}
        names["x"] = framework.numpy.eye(3)
        with framework.numpy_dtype_promotion("strict"):
            return framework.tree.map(np.asarray, eval(call, names))

    ours, theirs = (minijax.tree.leaves(values(side)) for side in (minijax, jax))
    for x, y in zip(ours, theirs, strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, atol=1e-5)


@pytest.mark.parametrize("call", [
    "jnp.sin(x)", "x / x", "jnp.mean(x)", "jnp.logspace(x[0], x[1], 3)", "jnp.rint(x)",
    "jnp.angle(x)", "jnp.linalg.vector_norm(x)", "jnp.linalg.vector_norm(x > 1)",
    "jnp.fft.fft(x)", "jax.scipy.special.digamma(x)", "jnp.sin(2)",
])  # fmt: skip
def test_floats_of_short_integers_are_short(call):
    def made(framework):
        with framework.enable_x64(True):
            x = framework.numpy.asarray([2, 1], np.uint8)
            return eval(call, {"jax": framework, "jnp": framework.numpy, "x": x}).dtype

    assert made(minijax) == made(jax)


def test_places_in_long_vectors_need_wide_integers():
    def place(framework):
        vector = framework.ShapeDtypeStruct((2**31,), np.float32)
        number = framework.ShapeDtypeStruct((), np.float32)
        return framework.eval_shape(framework.numpy.searchsorted, vector, number).dtype

    for framework in (minijax, jax):
        with pytest.warns(UserWarning, match="int64"), pytest.raises(OverflowError):
            place(framework)
        with framework.enable_x64(True):
            assert place(framework) == np.int64


def test_like_a_committed_array():
    for framework in (minijax, jax):
        x = framework.numpy.ones(3)
        placed = framework.device_put(x, framework.devices()[0])
        assert not framework.lax.full_like(x, 2)._committed
        assert framework.lax.full_like(placed, 2)._committed


def test_no_module_takes_the_place_of_a_function():
    modules = {path.stem for path in Path(minijax.numpy.__file__).parent.glob("*.py")}
    assert not modules & set(minijax.numpy._HOME)

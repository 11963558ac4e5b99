"""jax.random: keys and samplers, bit for bit.

The samplers make the same equations as JAX's, and their bits are those that JAX gives op
by op.  Under jit XLA fuses a product and the sum that takes it into one rounding, so some
samplers of JAX's differ from JAX's own op-by-op run in the last bits: `FUSED` lists them.
"""

import functools
import re
import warnings

import jax
import numpy as np
import pytest

import minijax
import minijax.extend.random
from compat_tests.jnp_tables import canonical
from compat_tests.oracle import QUICK, as_users_have_it
from minijax import stats

pytestmark = pytest.mark.filterwarnings("ignore")


def names(framework):
    """What the expressions below are written with."""
    jnp, jr = framework.numpy, framework.random
    return {
        "jax": framework, "jnp": jnp, "jr": jr, "np": np, "o": jnp.ones,
        "K": jr.key(0), "R": jr.PRNGKey(0),
    }  # fmt: skip


def leaves(framework, expression, compiled=None):
    """The expression's results: (dtype, weak type, elements), key words for keys."""
    fun = functools.partial(eval, expression, names(framework))
    out = compiled(fun)() if compiled else fun()
    found = []
    for x in framework.tree_util.tree_leaves(out):
        dtype, weak = str(x.dtype), getattr(x, "weak_type", False)
        if dtype.startswith("key<"):
            x = framework.random.key_data(x)
        found.append((dtype, weak, np.asarray(x)))
    return found


def assert_same_bits(theirs, ours):
    assert len(ours) == len(theirs)
    for (dtype, weak, a), (own_dtype, own_weak, b) in zip(theirs, ours, strict=True):
        assert (own_dtype, b.shape) == (dtype, a.shape)
        assert own_weak == weak
        if a.dtype.kind in "fcV" and not np.array_equal(a, b):
            nan = np.isnan(a.astype(np.complex128))
            assert np.array_equal(nan, np.isnan(b.astype(np.complex128)))
            a, b = a[~nan], b[~nan]
        assert a.tobytes() == b.tobytes(), f"{a.ravel()[:5]} and {b.ravel()[:5]}"


# --- keys -----------------------------------------------------------------------------

SEEDS = [
    "0", "42", "-1", "2**31", "2**32 + 5", "2**40 + 5", "-(2**33) + 1", "True",
    "np.int8(-1)", "np.uint8(255)", "np.int32(-5)", "np.uint32(2**32 - 1)",
    "np.int64(2**40 + 5)", "np.uint64(2**64 - 1)", "np.array(7)", "jnp.int8(-1)",
    "jnp.int16(-3)", "jnp.uint32(7)", "jnp.int32(-1)",
]  # fmt: skip
KEYS = [
    *[f"jr.{make}({seed})" for make in ("key", "PRNGKey") for seed in SEEDS],
    "jr.key(3, impl='threefry2x32')", "jr.key(3, dtype=jr.key_dtype())",
    "jr.key(3, impl=jr.key_impl(K))", "jr.key_data(K)", "jr.key_data(R)",
    "jr.key_data(np.array([0, 1], np.uint32))", "jr.wrap_key_data(R)",
    "jr.wrap_key_data(jnp.arange(6, dtype=jnp.uint32).reshape(3, 2))",
    "jr.split(K)", "jr.split(R)", "jr.split(K, 3)", "jr.split(R, (2, 3))",
    "jr.split(K, [2])", "jr.split(K, ())", "jr.split(K, 0)", "jr.split(K, np.int64(2))",
    "jr.split(np.array([0, 1], np.uint32))", "jr.split(jr.key(12), 100)",
    "jr.fold_in(K, 3)", "jr.fold_in(R, 2**31)", "jr.fold_in(R, jnp.int8(-1))",
    "jr.fold_in(R, np.int64(2**32 + 1))", "jr.fold_in(R, 1.5)", "jr.fold_in(R, True)",
    "jr.fold_in(K, jnp.float32(2.5))", "jr.clone(K)", "jr.clone(R)",
    "jax.vmap(jr.split)(jr.split(K, 3))", "jax.vmap(jr.key)(jnp.arange(3))",
    "jax.vmap(lambda i: jr.fold_in(K, i))(jnp.arange(3))", "jr.split(K, 5)[3]",
    "jr.split(K, 6).reshape(2, 3)", "jnp.stack([K, jr.key(1)])",
    "jr.bits(K)", "jr.bits(R, (3,))", "jr.bits(K, 3)", "jr.bits(K, (5,), jnp.uint8)",
    "jr.bits(K, (5,), 'uint16')", "jr.bits(K, [2, 3])", "jr.bits(K, (0, 3))",
    "jr.bits(jr.fold_in(K, 7), (1000,))",
]  # fmt: skip


@pytest.mark.parametrize("x64", [False, True], ids=["", "x64"])
@pytest.mark.parametrize("expression", KEYS)
def test_keys(expression, x64):
    with jax.enable_x64(x64), minijax.enable_x64(x64):
        assert_same_bits(leaves(jax, expression), leaves(minijax, expression))


FLAGS = [
    ("jax_enable_custom_prng", True, "jr.PRNGKey(0)"),
    ("jax_enable_custom_prng", True, "jr.split(jr.key(0))"),
    ("jax_random_seed_offset", 5, "jr.PRNGKey(2)"),
    ("jax_high_dynamic_range_gumbel", True, "jr.gumbel(jr.key(0), (50,))"),
]


@pytest.mark.parametrize("flag, value, expression", FLAGS)
def test_flags(flag, value, expression):
    found = []
    for framework in (jax, minijax):
        before = getattr(framework.config, flag)
        framework.config.update(flag, value)
        try:
            found.append(leaves(framework, expression))
        finally:
            framework.config.update(flag, before)
    assert_same_bits(*found)


def test_raw_keys_can_be_refused_or_warned_of():
    key = minijax.random.PRNGKey(0)
    with minijax.legacy_prng_key("error"), pytest.raises(ValueError, match="Legacy"):
        minijax.random.split(key)
    with minijax.legacy_prng_key("warn"), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        minijax.random.normal(key)
    assert "Legacy uint32 key array" in str(said[0].message)


@pytest.mark.parametrize("value", ["warn", "error"])
def test_known_calls_stay_in_c_whatever_raw_keys_do(value, monkeypatch):
    fun, found = minijax.jit(lambda x: x + 1), []
    monkeypatch.setattr(stats, "event_listener", lambda name, *_: found.append(name))
    with minijax.legacy_prng_key(value):
        for _ in range(3):
            fun(1.0)
    assert found.count("jit_cpp_cache_miss") == 1


# Their logarithms have to be those of XLA's defaults.
OF_LOGARITHMS = re.compile(r"jr\.(normal|exponential|laplace|cauchy|logistic)")


def assert_bits_of_jax(expression):
    compiled = as_users_have_it if OF_LOGARITHMS.match(expression) else None
    assert_same_bits(leaves(jax, expression, compiled), leaves(minijax, expression))


# --- samplers: the bits ---------------------------------------------------------------

FLOATS = ("float32", "float16", "bfloat16")
INTS = ("int8", "uint8", "int16", "uint16", "int32", "uint32")
EXACT = [
    *[f"jr.{name}(K, {shape}, jnp.{dtype})"
      for name in ("uniform", "normal", "exponential", "laplace", "cauchy")
      for dtype in FLOATS for shape in ("()", "(50, 3)")],
    *[f"jr.randint(K, (200,), {bounds}, jnp.{dtype})"
      for bounds in ("0, 10", "-10, 300", "5, 3", "0, 127", "0, 128")
      for dtype in INTS],
    *[f"jr.rademacher(K, (50,), jnp.{d})" for d in (*INTS, *FLOATS, "complex64", "bool_")],
    "jr.uniform(R, (20,))", "jr.uniform(K, (3, 0))", "jr.uniform(K, 3)",
    "jr.uniform(jr.key(3), (20,), minval=-2., maxval=2.)", "jr.normal(R, 5)",
    "jr.normal(K, (50,), jnp.complex64)", "jr.normal(jr.key(9), (10000,))",
    "jr.uniform(jr.key(9), (10000,))", "jr.laplace(jr.key(1), (10000,))",
    "jr.gumbel(K, (500,))", "jr.gumbel(K, (500,), mode='high')",
    "jr.logistic(K, (500,))", "jr.exponential(jr.key(5), (10000,))",
    "jr.gumbel(K, (100,), jnp.bfloat16)", "jr.logistic(K, (100,), jnp.bfloat16)",
    "jr.randint(K, (4,), -2**31, 2**31 - 1)", "jr.randint(K, (4,), 0., 10.)",
    "jr.randint(K, (4,), jnp.int8(-5), jnp.uint32(7))", "jr.randint(K, 2, True, 3)",
    "jr.randint(K, (3, 2), jnp.arange(2), jnp.array([[5], [6], [7]]))",
    "jr.randint(K, (2,), 0, np.uint64(2**64 - 1))", "jr.randint(R, (), 0, 7)",
    "jr.bernoulli(K, .3, (100,))", "jr.bernoulli(K, o(5) * .7)", "jr.bernoulli(K)",
    "jr.bernoulli(K, np.float16(.3), (100,))", "jr.bernoulli(K, .001, (500,), 'high')",
    "jr.permutation(K, 10)", "jr.permutation(K, 3000)", "jr.permutation(K, 0)",
    "jr.permutation(K, jnp.arange(12).reshape(3, 4))",
    "jr.permutation(K, jnp.arange(12).reshape(3, 4), axis=1)",
    "jr.permutation(K, jnp.arange(12.).reshape(3, 4), axis=1, independent=True)",
    "jr.permutation(K, jnp.arange(5, dtype=jnp.int8))", "jr.permutation(K, np.arange(5.))",
    "jr.permutation(K, o((0, 3)))", "jr.permutation(R, jnp.arange(5) > 2)",
    "jr.choice(K, 10, (5,))", "jr.choice(K, 10)", "jr.choice(K, o((4, 3)), (2, 2))",
    "jr.choice(K, 10, (5,), replace=False)", "jr.choice(K, 4, (0,))",
    "jr.choice(K, jnp.arange(12.).reshape(4, 3), (2, 2), axis=1)",
    "jr.choice(K, jnp.arange(12.).reshape(4, 3), (2,), axis=1, replace=False)",
    "jr.choice(K, jnp.arange(4.), (50,), p=jnp.array([.1, .2, .3, .4]))",
    "jr.choice(K, jnp.arange(4.), (3,), p=jnp.array([.1, .2, .3, .4]), replace=False)",
    "jr.choice(K, 4, (2, 2), p=o(4) / 4)",
    "jr.categorical(K, o((10, 3)))", "jr.categorical(K, o((10, 3)), axis=0)",
    "jr.categorical(K, jnp.arange(3.), shape=(50,))",
    "jr.categorical(K, o((10, 3)), shape=(5, 10))",
    "jr.categorical(K, o((10, 3)), shape=(2, 10), replace=False)",
    "jr.categorical(K, o((5, 3)), axis=0, shape=(2, 3), replace=False)",
    "jr.poisson(K, 3., (50,))", "jr.poisson(K, 30., (50,))", "jr.poisson(K, 3, (9,), 'int8')",
    "jr.poisson(K, jnp.array([0, 1, 5, 9.9, 10, 1e3, 1e7, jnp.nan, -1]))",
    "jr.geometric(K, .3, (50,))", "jr.geometric(K, jnp.array([.1, .9]), dtype='int16')",
    "jr.binomial(K, 5, .3, (50,))", "jr.binomial(K, 100., .3, (50,))",
    "jr.binomial(K, 5., .5, (20,), jnp.float16)",
    "jr.binomial(K, jnp.array([0., 5, -1, jnp.nan, jnp.inf, 100]), .5)",
    "jr.multinomial(K, 10, o(4) / 4, shape=(20, 4))",
    "jr.multinomial(K, jnp.array([5, 60]), o((2, 4)) / 4)",
    "jr.multinomial(K, 10, o(4) / 4, dtype=int, unroll=2)",
    "jr.rayleigh(K, 3., (100,))", "jr.rayleigh(K, o(3), (4, 3), jnp.float32)",
    "jr.triangular(K, 0., 1., 3., (100,))",
    "jr.pareto(K, 3., (100,))", "jr.pareto(K, o(3), (4, 3))",
]  # fmt: skip


@pytest.mark.parametrize("expression", EXACT)
def test_bits(expression):
    assert_bits_of_jax(expression)


# expression -> the largest relative difference that XLA's fusion makes
FUSED = {
    "jr.uniform(K, (60,), minval=-3.3, maxval=7.1)": 1e-5,
    "jr.truncated_normal(K, -1, 2, (60,))": 1e-5,
    "jr.truncated_normal(K, o(3) * -2, 3., (20, 3))": 1e-5,
    "jr.maxwell(K, (60,))": 1e-6,
    "jr.double_sided_maxwell(K, np.float32(1), np.float32(2), (60,))": 1e-5,
    "jr.lognormal(K, np.float32(3), (60,))": 1e-6,
    "jr.wald(K, np.float32(3), (60,))": 1e-4,
    "jr.gamma(K, np.float32(.3), (12,))": 1e-5,
    "jr.gamma(K, o(9) * 3, None, jnp.float16)": 1e-2,
    "jr.loggamma(K, np.float32(.3), (12,))": 1e-4,
    "jr.generalized_normal(K, np.float32(3), (9,))": 1e-5,
    "jr.ball(K, 3, 1.5, (4,))": 1e-5,
    "jr.beta(K, np.float32(.3), np.float32(2), (9,))": 1e-4,
    "jr.dirichlet(K, o(3) * 2, (3,))": 1e-5,
    "jr.chisquare(K, np.float32(3), (9,))": 1e-5,
    "jr.f(K, np.float32(3), np.float32(4), (9,))": 1e-5,
    "jr.t(K, np.float32(3), (9,))": 1e-5,
    "jr.logistic(K, (60,), jnp.float16)": 1e-2,
    "jr.gumbel(K, (60,), jnp.float16)": 1e-2,
    "jr.maxwell(K, (60,), jnp.bfloat16)": 1e-1,
    "jr.weibull_min(K, 3., 2., (100,))": 1e-6,
}


# JAX takes seconds for each of these, and gamma's own rows have what they do.
OF_GAMMA = re.compile(r"jr\.(generalized_normal|ball|dirichlet|chisquare|f)\(")


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(row, marks=pytest.mark.slow if OF_GAMMA.match(row) else ())
        for row in FUSED
    ],
)
def test_samples(expression):
    theirs, ours = leaves(jax, expression), leaves(minijax, expression)
    for (_, _, a), (_, _, b) in zip(theirs, ours, strict=True):
        a, b = a.astype(np.float64), b.astype(np.float64)
        np.testing.assert_allclose(b, a, FUSED[expression], 1e-6)


@pytest.mark.slow
@pytest.mark.skipif(QUICK, reason="the bits are those of XLA's defaults: XLA_FLAGS=")
@pytest.mark.parametrize("expression", FUSED)
def test_bits_op_by_op(expression):
    """What fusion may change is changed by nothing else."""
    with jax.disable_jit():
        theirs = leaves(jax, expression)
    assert_same_bits(theirs, leaves(minijax, expression))


IN_X64 = [
    "jr.uniform(K, (50,))", "jr.normal(K, (50,))", "jr.normal(K, (50,), complex)",
    "jr.randint(K, (50,), 0, 10)", "jr.randint(K, (9,), -2**40, 2**40)",
    "jr.randint(K, (9,), 0, 2**63 - 1, jnp.uint64)", "jr.randint(K, (9,), 0, 10, 'int8')",
    "jr.bernoulli(K, .3, (50,))", "jr.exponential(K, (50,))", "jr.laplace(K, (50,))",
    "jr.rademacher(K, (9,))", "jr.permutation(K, 10)", "jr.bits(K, (9,), jnp.uint64)",
    "jr.choice(K, jnp.arange(4.), (20,), p=o(4) / 4)", "jr.categorical(K, o((9, 3)))",
    "jr.choice(K, 5, (3,), p=o(5) / 5, replace=False)", "jr.geometric(K, .3, (20,))",
    "jr.poisson(K, 3., (20,))", "jr.uniform(K, (50,), jnp.float32)",
    "jr.normal(K, (50,), jnp.bfloat16)", "jr.randint(K, (9,), 0, 9, jnp.int32)",
]  # fmt: skip


@pytest.mark.parametrize("expression", IN_X64)
def test_bits_in_x64(expression):
    with jax.enable_x64(True), minijax.enable_x64(True):
        assert_bits_of_jax(expression)


VECTORS = [
    "jr.multivariate_normal(K, o(3), jnp.eye(3) + .3, (50,))",
    "jr.multivariate_normal(K, o(3), jnp.diag(jnp.arange(1., 4)) + .3, method='eigh')",
    "jr.multivariate_normal(K, o((5, 3)), jnp.diag(jnp.arange(1., 4)), method='svd')",
    "jr.orthogonal(K, 4)", "jr.orthogonal(K, 3, (2,), m=5)",
    "jr.orthogonal(K, 5, (2,), m=3)", "jr.orthogonal(K, 3, (), jnp.complex64)",
]  # fmt: skip


@pytest.mark.parametrize("expression", VECTORS)
def test_vectors(expression):
    """Factorizations agree to rounding, so these samplers do."""
    ((dtype, _, a),) = leaves(jax, expression)
    ((own_dtype, _, b),) = leaves(minijax, expression)
    assert (own_dtype, b.shape) == (dtype, a.shape)
    np.testing.assert_allclose(b, a, 1e-4, 1e-5)


# --- samplers: the equations ----------------------------------------------------------

EQUATIONS = [
    ("jr.uniform(K, (3,))",), ("jr.uniform(K, ())",), ("jr.uniform(R, (3,), 'bfloat16')",),
    ("jr.uniform(K, (4, 2, 3), minval=x)", "o((2, 3))"), ("jr.uniform(K, 3, 'float16')",),
    ("jr.normal(K, (3,))",), ("jr.normal(K, (3,), 'bfloat16')",),
    ("jr.normal(R, (3,), jnp.complex64)",), ("jr.randint(K, (3,), 0, 10)",),
    ("jr.randint(K, (3,), 0, 10, 'int8')",), ("jr.randint(K, (3,), 1, 8, 'uint32')",),
    ("jr.randint(K, (3,), x, 10, 'uint8')", "jnp.arange(3)"),
    ("jr.randint(K, (3,), x, y)", "jnp.int8(3)", "jnp.uint32(4)"),
    ("jr.randint(K, (3,), x, y)", ".5", "jnp.float32(4)"),
    ("jr.randint(K, (2, 3), x, y, 'uint32')", "jnp.arange(3)", "o((2, 1), int)"),
    ("jr.bernoulli(K, .3, (3,))",), ("jr.bernoulli(K, x, (2, 3))", "o(3)"),
    ("jr.bernoulli(K, x, (2, 3), mode='high')", "o(3)"), ("jr.rademacher(K, (3,))",),
    ("jr.rademacher(K, (3,), 'int8')",), ("jr.rademacher(K, (3,), bool)",),
    ("jr.permutation(K, 7)",), ("jr.permutation(K, 2000)",),
    ("jr.permutation(K, x)", "o((4, 3))"), ("jr.permutation(K, x)", "o(4)"),
    ("jr.permutation(K, x, axis=1)", "o((4, 3))"),
    ("jr.permutation(K, x, axis=1, independent=True)", "o((4, 3))"),
    ("jr.choice(K, x, (3,))", "o((4, 3))"), ("jr.choice(K, x, (2, 3), axis=1)", "o((4, 3))"),
    ("jr.choice(K, x, (3,), replace=False)", "o((4, 3))"),
    ("jr.choice(K, x, (2, 2), replace=False, axis=1)", "o((4, 5))"),
    ("jr.choice(K, x, (3,), p=y)", "o((4, 3))", "o(4)"),
    ("jr.choice(K, x, (3,), p=y, replace=False)", "o((4, 3))", "o(4)"),
    ("jr.choice(K, 5, (2, 2))",), ("jr.choice(K, 5)",), ("jr.choice(K, 5, replace=False)",),
    ("jr.categorical(K, x)", "o((4, 3))"),
    ("jr.categorical(K, x, axis=0, shape=(2, 3))", "o((4, 3))"),
    ("jr.categorical(K, x, shape=(2, 4), replace=False)", "o((4, 3))"),
    *[(f"jr.{name}(K, (3,), {dtype!r})",)
      for name in ("exponential", "laplace", "logistic", "cauchy", "gumbel", "maxwell")
      for dtype in ("float32", "float16")],
    ("jr.gumbel(K, (3,), mode='high')",), ("jr.generalized_normal(K, 3, (3,))",),
    ("jr.generalized_normal(K, x, (2, 3))", "o(3)"),
    ("jr.double_sided_maxwell(K, x, y, (2, 3))", "o(3)", "o(3)"),
    ("jr.ball(K, 3, x, (2,))", "1.5"), ("jr.truncated_normal(K, -2, 2, (3,))",),
    ("jr.truncated_normal(K, x, 2, (2, 3), 'float16')", "o(3)"),
    ("jr.pareto(K, x, (4, 3))", "o(3)"), ("jr.rayleigh(K, x, (4, 3))", "o(3)"),
    ("jr.triangular(K, 0., x, 2.)", "o(3)"), ("jr.triangular(K, 0, 1, 3)",),
    ("jr.wald(K, x)", "o(3)"), ("jr.weibull_min(K, x, y, (2, 3))", "o(3)", "o(3)"),
    ("jr.lognormal(K, x, (4, 3))", "o(3)"), ("jr.lognormal(K, shape=(4,))",),
    ("jr.lognormal(K, x, (4, 3), jnp.complex64)", "o(3)"), ("jr.gamma(K, x)", "o(3)"),
    ("jr.loggamma(K, x, (4, 3), 'float16')", "o(3)"), ("jr.beta(K, x, 2.)", "o(3)"),
    ("jr.beta(K, x, y, (4, 3, 2))", "o(2)", "o((3, 1))"),
    ("jr.dirichlet(K, x)", "o((2, 3))"), ("jr.dirichlet(K, x, (4,))", "o(3)"),
    ("jr.chisquare(K, x, (4, 3))", "o(3)"), ("jr.f(K, x, 3.)", "o(3)"),
    ("jr.t(K, x, (4, 3))", "o(3)"), ("jr.poisson(K, x)", "o(3)"),
    ("jr.poisson(K, 3, (2,), 'int8')",), ("jr.geometric(K, x, (2, 3))", "o(3)"),
    ("jr.geometric(K, .5, dtype='int16')",), ("jr.binomial(K, x, y)", "3.", "o(2)"),
    ("jr.binomial(K, x, y, (4, 2))", "3", "jnp.float16(1)"),
    ("jr.multinomial(K, x, y)", "jnp.float32(3)", "o(4)"),
    ("jr.multinomial(K, x, y, shape=(3, 4), dtype=int, unroll=2)", "3", "o(4)"),
    ("jr.multivariate_normal(K, x, y)", "o(2)", "jnp.eye(2)"),
    ("jr.multivariate_normal(K, x, y, (4, 3), method='eigh')", "o(2)", "o((3, 2, 2))"),
    ("jr.split(R)",), ("jr.split(K, (2, 3))",), ("jr.fold_in(R, x)", "3"),
    ("jr.key_data(K)",), ("jr.wrap_key_data(R)",), ("jr.clone(R)",), ("jr.bits(R, (3,))",),
    ("jax.vmap(lambda k: jr.gamma(k, x))(jr.split(K, 3))", "o(2)"),
    ("jax.vmap(jr.gamma, (0, 1))(jr.split(K, 3), x)", "o((2, 3))"),
    ("jax.vmap(lambda k: jr.normal(k, (2,)))(jr.split(K, 3))",),
    ("jax.vmap(lambda k: jr.permutation(k, 5))(jr.split(K, 3))",),
]  # fmt: skip


def equations(framework, expression, *arguments):
    """The jaxpr of an expression of K, R, x and y, calls inlined."""
    space = names(framework)
    args = [eval(text, space) for text in arguments]
    places = "xy"[: len(args)]
    source = f"lambda K, R, {', '.join(places)}: {expression}"
    fun = eval(source, space)
    closed = framework.make_jaxpr(fun)(space["K"], space["R"], *args)
    # JAX's parameter is a record of functions, minijax's the key's dtype
    return [re.sub(r"impl=\([^)]*\([^)]*\)[^)]*\)", "impl=key<fry>", line)
            for line in canonical(closed)]  # fmt: skip


@pytest.mark.parametrize("row", EQUATIONS, ids=lambda row: row[0])
def test_equations(row):
    assert equations(minijax, *row) == equations(jax, *row)


# --- transformations ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gamma", "loggamma"])
def test_gamma_is_differentiable(name):
    shape = np.array([0.2, 0.7, 1.5, 4.0, 20.0], np.float32)
    slopes = []
    for framework in (jax, minijax):
        sample = getattr(framework.random, name)
        key = framework.random.key(3)
        slopes.append(framework.grad(lambda a: sample(key, a).sum())(shape))  # noqa: B023
    np.testing.assert_allclose(slopes[1], slopes[0], 1e-4)


DIFFERENTIABLE = [
    "lambda a: jr.uniform(K, (9,), minval=a, maxval=3.).sum()",
    "lambda a: jr.truncated_normal(K, -a, a, (9,)).sum()",
    "lambda a: jr.multivariate_normal(K, a * o(2), a * jnp.eye(2), (4,)).sum()",
    "lambda a: jr.pareto(K, a, (9,)).sum()", "lambda a: jr.rayleigh(K, a, (9,)).sum()",
    "lambda a: jr.weibull_min(K, a, a, (9,)).sum()",
    "lambda a: jr.t(K, a, (9,)).sum()",
    "lambda a: jr.triangular(K, 0., a, 3., (9,)).sum()",
]  # fmt: skip


@pytest.mark.parametrize("source", DIFFERENTIABLE)
def test_samples_differentiate_in_their_parameters(source):
    theirs, ours = [
        np.asarray(framework.grad(eval(source, names(framework)))(1.5))
        for framework in (jax, minijax)
    ]
    np.testing.assert_allclose(ours, theirs, 1e-3)


@pytest.mark.parametrize("expression", ["jr.normal(k, (3,))", "jr.gamma(k, o(3) * .5)"])
def test_mapping_over_keys_gives_each_key_its_numbers(expression):
    space = names(minijax)
    sample = eval(f"lambda k: {expression}", space)
    keys = minijax.random.split(space["K"], 4)
    alone = [np.asarray(sample(key)) for key in keys]
    mapped = np.asarray(minijax.vmap(sample)(keys))
    jitted = np.asarray(minijax.jit(minijax.vmap(sample))(keys))
    assert np.array_equal(mapped, np.stack(alone))
    assert np.array_equal(jitted, mapped)


def test_gamma_reference_matches_the_kernels():
    """The rule that checks use gives the sampler's own bits."""
    from minijax.random.gammas import random_gamma_p

    keys = np.array([7, 11 << 32], np.uint64)
    a = np.array([[0.4, 2.0], [9.0, 0.9]], np.float32)
    slow = random_gamma_p.reference(keys, a, log_space=False)
    words = np.stack([keys & np.uint64(0xFFFFFFFF), keys >> np.uint64(32)], -1)
    typed = minijax.random.wrap_key_data(words.astype(np.uint32))
    fast = minijax.vmap(minijax.random.gamma)(typed, minijax.numpy.asarray(a))
    np.testing.assert_allclose(slow, fast, 1e-5)


# --- errors ---------------------------------------------------------------------------

WRONG = [
    "jr.key(1.)", "jr.key('a')", "jr.key(None)", "jr.key(jnp.arange(2))", "jr.key([1])",
    "jr.key(2**63)", "jr.key(K)", "jr.PRNGKey(K)", "jr.PRNGKey(1.)",
    "jr.PRNGKey(jnp.arange(2))", "jr.key(0, impl='x')", "jr.key(0, impl=3)",
    "jr.key(0, dtype=np.float32)", "jr.key(0, dtype=K.dtype, impl='rbg')",
    "jr.key_data(o(2))", "jr.key_data([1, 2])", "jr.wrap_key_data(jnp.arange(3, dtype='u4'))",
    "jr.wrap_key_data(jnp.arange(2))", "jr.wrap_key_data(K)", "jr.wrap_key_data([0, 1])",
    "jr.wrap_key_data(jnp.uint32(3))", "jr.split(jr.split(K))", "jr.split(jr.split(R))",
    "jr.split(K, 2.)", "jr.split(K, 'a')", "jr.split(o(2))", "jr.split(3)", "jr.split('a')",
    "jr.split(jnp.zeros(3, 'u4'))", "jr.split([0, 1])", "jr.fold_in(R, -1)",
    "jr.fold_in(R, 2**32)", "jr.fold_in(R, jnp.arange(2))", "jr.fold_in(R, 'a')",
    "jr.fold_in(jr.split(K), 1)", "jr.bits(K, (3,), int)", "jr.bits(K, (3,), float)",
    "jr.bits(K, (1.5,))", "jr.bits(jr.split(K))", "jr.uniform(K, (2,), int)",
    "jr.uniform(K, (2,), complex)", "jr.normal(K, (2,), int)", "jr.uniform(K, (2.,))",
    "jr.uniform(None)", "jr.normal(jr.split(K))", "jr.uniform(K, (2,), 'float4_e2m1fn')",
    "jax.jit(lambda n: jr.uniform(K, (n,)))(3)", "jr.randint(K, (2,), 0, 10, float)",
    "jr.randint(K, (2,), 0, 2, bool)", "jr.randint(K, (2,), 0, 2**33)",
    "jr.randint(K, (2,), jnp.arange(3), 5)", "jr.bernoulli(K, 1)", "jr.bernoulli(K, 1j)",
    "jr.bernoulli(K, o(3), (2,))", "jr.bernoulli(K, mode='x')", "jr.permutation(K, 1.5)",
    "jr.permutation(K, [1, 2])", "jr.permutation(K, jnp.arange(3), axis=2)",
    "jr.choice(K, 3, 5)", "jr.choice(K, 3, (5,), replace=False)", "jr.choice(K, 0, (2,))",
    "jr.choice(K, 3, (2,), p=o(2))", "jr.choice(K, o((3, 2)), (2,), axis=2)",
    "jr.choice(K, [1, 2], (2,))", "jr.categorical(K, o((2, 3)), axis=2)",
    "jr.categorical(K, 1.)", "jr.categorical(K, [1., 2.])", "jr.categorical(K, o((3, 2), int))",
    "jr.categorical(K, o((2, 3)), shape=(3,))", "jr.categorical(K, o(3), mode='x')",
    "jr.categorical(K, o(3), shape=(4,), replace=False)", "jr.gumbel(K, (3,), mode='x')",
    *[f"jr.{name}(K, {', '.join(['o(3)'] * n)}, None, {dtype})"
      for name, n in (("gamma", 1), ("beta", 2), ("chisquare", 1), ("t", 1), ("f", 2),
                      ("pareto", 1), ("rayleigh", 1), ("wald", 1), ("triangular", 3))
      for dtype in ("int", "jnp.complex64")],
    *[f"jr.{name}(K, {', '.join(['o(3)'] * n)}, None, jnp.float16)"
      for name, n in (("beta", 2), ("chisquare", 1), ("t", 1), ("f", 2), ("pareto", 1),
                      ("rayleigh", 1), ("wald", 1), ("triangular", 3), ("lognormal", 1))],
    *[f"jr.{name}(K, {', '.join(['o(3)'] * n)}, (2,))"
      for name, n in (("gamma", 1), ("beta", 2), ("chisquare", 1), ("t", 1), ("f", 2),
                      ("pareto", 1), ("rayleigh", 1), ("wald", 1), ("triangular", 3),
                      ("lognormal", 1), ("geometric", 1), ("binomial", 2))],
    "jr.gamma(K, None)", "jr.beta(K, 1j, 1.)", "jr.dirichlet(K, 1.)",
    "jr.truncated_normal(K, o(3), 2, (2,))", "jr.poisson(K, o(3), None, float)",
    "jr.geometric(K, .5, None, float)", "jr.geometric(K, 1j)", "jr.geometric(K, [1.])",
    "jr.binomial(K, 5, .5, dtype=int)", "jr.ball(K, 3.)", "jr.ball(K, 'a')",
    "jr.orthogonal(K, 3.)", "jr.multivariate_normal(K, 1., o((2, 2)))",
    "jr.multivariate_normal(K, o(2), o(2))", "jr.multivariate_normal(K, o(2), o((3, 3)))",
    "jr.multivariate_normal(K, o(2), o((2, 2)), method='x')", "jr.multinomial(K, 5, .5)",
]  # fmt: skip


def raised(framework, expression):
    with pytest.raises(Exception) as info:
        eval(expression, names(framework))
    return info.type.__name__, str(info.value)[:25]


@pytest.mark.parametrize("expression", WRONG)
def test_errors(expression):
    assert raised(minijax, expression) == raised(jax, expression)

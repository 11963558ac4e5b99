"""jax.nn and its initializers against JAX's: equations, values, derivatives, errors."""

import jax
import jax.flatten_util
import numpy as np
import pytest

import minijax
import minijax.flatten_util
from compat_tests.jnp_tables import canonical

pytestmark = pytest.mark.filterwarnings("ignore")

ACTIVATIONS = [
    "celu", "elu", "gelu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "identity", "leaky_relu", "log1mexp", "log_sigmoid", "log_softmax", "logmeanexp",
    "logsumexp", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_sign",
    "softmax", "softplus", "sparse_plus", "sparse_sigmoid", "squareplus", "standardize",
    "swish", "tanh",
]  # fmt: skip


def names(framework):
    """What the expressions below are written with."""
    jnp, nn = framework.numpy, framework.nn
    return {
        "jax": framework, "jnp": jnp, "nn": nn, "np": np, "o": jnp.ones,
        "K": framework.random.key(0), "I": nn.initializers, "jr": framework.random,
        "ravel": framework.flatten_util.ravel_pytree,
    }  # fmt: skip


def equations(framework, expression, *arguments):
    """The jaxpr of an expression of x, y, z and w, calls inlined."""
    space = names(framework)
    args = [eval(text, space) for text in arguments]
    fun = eval(f"lambda {','.join('xyzw'[: len(args)])}: {expression}", space)
    try:
        return canonical(framework.make_jaxpr(fun)(*args))
    except Exception as error:
        return [f"raises {type(error).__name__}"]


def results(framework, expression):
    """The leaves of the expression's value."""
    return framework.tree_util.tree_leaves(eval(expression, names(framework)))


def assert_close(expression, rtol=2e-5, atol=1e-6):
    theirs, ours = results(jax, expression), results(minijax, expression)
    assert len(ours) == len(theirs)
    for want, got in zip(theirs, ours, strict=True):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        assert got.weak_type == want.weak_type
        wide = [np.asarray(x).astype(np.complex128) for x in (want, got)]
        if want.dtype.itemsize == 2 and want.dtype.kind in "fV":
            rtol, atol = 2e-2, 2e-2
        np.testing.assert_allclose(wide[1], wide[0], rtol, atol, equal_nan=True)


# --- equations ------------------------------------------------------------------------

ARGUMENTS = ["o((2, 4))", "o((2, 4), int)"]
# The reduction's dtype is left before its axis is put back, in minijax.
NARROW = set(ACTIVATIONS) - {"softmax", "log_softmax"}
SEVERAL = [
    *[(f"nn.{name}(x)", arg) for name in ACTIVATIONS for arg in ARGUMENTS],
    *[(f"nn.{name}(x)", f"o((2, 4), jnp.{dtype})")
      for name in sorted(NARROW) for dtype in ("bfloat16", "float16")],
    *[(f"jax.jvp(nn.{name}, (x,), (y,))", "o((2, 4))", "o((2, 4))")
      for name in ACTIVATIONS],
    ("nn.gelu(x, approximate=False)", "o((2, 4))"), ("nn.glu(x, 0)", "o((2, 4))"),
    ("nn.elu(x, y)", "o(3)", "2."), ("nn.leaky_relu(x, y)", "o(3)", "o(3)"),
    ("nn.celu(x, y)", "o(3)", "2."), ("nn.squareplus(x, y)", "o(3)", "3"),
    ("nn.softmax(x, axis=(0, 1))", "o((2, 4))"), ("nn.softmax(x, None)", "o((2, 4))"),
    ("nn.softmax(x, where=y)", "o((2, 4))", "o((2, 4)) > 0"),
    ("nn.log_softmax(x, 0, where=y)", "o((2, 4))", "o((2, 4)) > 0"),
    ("nn.logsumexp(x, b=y)", "o((2, 4))", "o((2, 4))"),
    ("nn.logsumexp(x, 1, b=y, return_sign=True)", "o((2, 4))", "o(4, int)"),
    ("nn.logsumexp(x, 1, y, where=z)", "o((2, 4))", "o((2, 4))", "o((2, 4)) > 0"),
    ("nn.logsumexp(x, where=y, keepdims=True)", "o((2, 4))", "o((2, 4)) > 0"),
    ("nn.logsumexp(x, 1)", "o((2, 4)) + 0j"), ("nn.logsumexp(x, -1, y)", "o(3)", "o(3) + 1j"),
    ("nn.logmeanexp(x, 1, y, keepdims=True)", "o((2, 4))", "o((2, 4)) > 0"),
    ("nn.standardize(x, mean=y, variance=z)", "o((2, 3))", "o((2, 1))", "o((2, 1))"),
    ("nn.standardize(x, where=y)", "o((2, 3))", "o((2, 3)) > 0"),
    ("nn.standardize(x, 0, algorithm='stable')", "o((2, 3))"),
    ("nn.standardize(x, variance=y, epsilon=z)", "o((2, 3))", "o((2, 3))", "1e-3"),
    ("nn.one_hot(x, 5)", "jnp.arange(3)"), ("nn.one_hot(x, 5)", "o(3)"),
    ("nn.one_hot(x, 5, dtype=jnp.int8, axis=0)", "o((3, 2), int)"),
    ("ravel((x, y))[0]", "o((2, 3))", "jnp.arange(2)"),
    ("ravel((x, y))[1](z)", "o((2, 3))", "jnp.arange(2)", "o(8)"),
    ("nn.scaled_dot_general(x, y, (((1,), (0,)), ((), ())))", "o((2, 3))", "o((3, 2))"),
    *[(f"I.{name}()(x, (4, 3))", "K") for name in (
        "normal", "uniform", "truncated_normal", "glorot_normal", "glorot_uniform",
        "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "kaiming_normal",
        "kaiming_uniform", "xavier_normal", "xavier_uniform")],
    ("I.normal(2)(x, (2, 3), jnp.bfloat16)", "K"),
    ("I.normal(1., jnp.complex64)(x, (2,))", "K"),
    ("I.truncated_normal(1, lower=-1)(x, (2, 3))", "K"), ("I.zeros(x, (2,), 'int8')", "K"),
    ("I.ones(x, (2, 3))", "K"), ("I.constant(3.)(x, (2, 3))", "K"),
    ("I.constant(y, 'float16')(x, (2, 3))", "K", "o(3)"),
    ("I.lecun_normal(dtype=jnp.complex64)(x, (2, 3))", "K"),
    ("I.he_uniform(dtype=jnp.complex64)(x, (2, 3))", "K"),
    ("I.variance_scaling(3., 'fan_geo_avg', 'normal', (0, 1), 3, 2)(x, (2, 3, 4, 5))", "K"),
    ("I.he_normal()(x, (3, 3, 4, 5), jnp.bfloat16)", "K"),
]  # fmt: skip


@pytest.mark.parametrize("row", SEVERAL, ids=" | ".join)
def test_equations(row):
    assert equations(minijax, *row) == equations(jax, *row)


@pytest.mark.parametrize("where", ["", ", where=x > 0"])
def test_softmax_has_a_rule_of_its_own_on_request(where):
    rows = [
        (f"nn.softmax(x{where})", "o((2, 3))"),
        (f"jax.jvp(lambda x: nn.softmax(x{where}), (x,), (x,))[1]", "o((2, 3))"),
    ]
    for row in rows:
        with jax.softmax_custom_jvp(True), minijax.softmax_custom_jvp(True):
            mine, theirs = equations(minijax, *row), equations(jax, *row)
        assert mine[-1] == theirs[-1] and len(mine) <= len(theirs)


# --- values ---------------------------------------------------------------------------

POINTS = (
    "jnp.array([-jnp.inf, -80., -1, -.5, -0., 0., .5, 1, 6, 80., jnp.inf, jnp.nan])"
)
VALUES = [
    *[f"nn.{name}({x})" for name in ACTIVATIONS for x in (
        POINTS, "jr.normal(K, (4, 50)) * 3", "jr.normal(K, (4, 50), jnp.bfloat16) * 3",
        "jr.normal(K, (4, 50), jnp.float16) * 3", "np.ones(3)", "jnp.arange(4)")
      if not (name in ("sigmoid", "silu", "swish") and "arange" in x)],
    *[f"jax.grad(lambda x: nn.{name}(x).sum())(jr.normal(K, (4, 5)) * 2)"
      for name in ACTIVATIONS],
    *[f"jax.vmap(nn.{name})(jr.normal(K, (4, 5)))" for name in ACTIVATIONS],
    "nn.relu(2)", "nn.relu6(1)", "nn.gelu(1.)", "nn.softmax(o(0))", "nn.logsumexp(o(0))",
    "jax.grad(nn.relu)(jnp.float32(0))", "jax.grad(nn.relu6)(jnp.float32(6))",
    "nn.gelu(o(3), approximate=False)",
    "nn.glu(jr.normal(K, (4, 6)))", "nn.glu(jr.normal(K, (4, 6)), axis=0)",
    "nn.logsumexp(jnp.array([jnp.inf, 2]))", "nn.logsumexp(-jnp.inf * o(2))",
    "nn.logsumexp(jnp.array([1., 2]), b=jnp.array([1, -3.]))",
    "nn.logsumexp(jnp.array([1., 2]), b=jnp.array([1, -3.]), return_sign=True)",
    "nn.logsumexp(jr.normal(K, (3, 4)), 1, where=jr.bernoulli(jr.key(1), shape=(3, 4)))",
    "nn.logsumexp(jr.normal(K, (3, 4), complex), (0, 1))", "nn.logsumexp(jnp.arange(3))",
    "nn.softmax(jr.normal(K, (3, 4)), where=jr.bernoulli(jr.key(1), shape=(3, 4)))",
    "nn.log_softmax(jr.normal(K, (3, 4)), where=jr.bernoulli(jr.key(1), shape=(3, 4)))",
    "nn.one_hot([0, 1], 3)", "nn.one_hot(jnp.array([5, -1]), 3)", "nn.one_hot(1, 0)",
    "nn.one_hot(1, 3, dtype='complex64')", "nn.one_hot(np.array([0, 1]), np.int64(3))",
    "nn.one_hot(o((2, 2)), 3, axis=-2)", "nn.one_hot(jnp.arange(3), 3, dtype=bool)",
    "jax.vmap(lambda i: nn.one_hot(i, 2, axis='a'), axis_name='a')(jnp.array([0, 1]))",
    "nn.standardize(jr.normal(K, (3, 4)), where=jr.normal(K, (3, 4)) > 0)",
    "nn.scaled_dot_general(o((4, 32)), o((32, 4)), (((1,), (0,)), ((), ())))",
    "I.orthogonal()(K, (4, 3))", "I.orthogonal(2., 0)(K, (4, 3, 2))",
    "I.orthogonal()(K, (2, 5))", "I.delta_orthogonal()(K, (3, 3, 2, 4))",
    "I.delta_orthogonal()(K, (3, 2, 4))", "I.glorot_normal()(K, (50, 30))",
    "I.he_uniform()(K, (3, 3, 4, 8))", "I.lecun_normal(dtype=jnp.complex64)(K, (20, 3))",
    "I.variance_scaling(1., 'fan_avg', 'uniform', dtype='bfloat16')(K, (5, 4))",
]  # fmt: skip


@pytest.mark.parametrize("expression", VALUES)
def test_values(expression):
    assert_close(expression)


TREES = [
    "{'a': o((2, 3)), 'b': (jnp.arange(2), 3.)}", "()", "[1, 2.]", "[1j, o(2)]",
    "[o(2, jnp.bfloat16), o(2, jnp.float16)]", "o((2, 2))", "[jnp.arange(2)]",
    "[np.float64(3)]", "[True, o(2, bool)]", "{'x': o((0, 3)), 'y': o(())}",
]  # fmt: skip


@pytest.mark.parametrize("tree", TREES)
def test_ravel_pytree(tree):
    assert_close(f"ravel({tree})[0]")
    assert_close(f"ravel({tree})[1](ravel({tree})[0])")
    vector, unravel = eval(f"ravel({tree})", names(minijax))
    again = eval(f"ravel({tree})[1]", names(minijax))
    assert unravel == again and hash(unravel) == hash(again)
    back = minijax.tree_util.tree_structure(unravel(vector))
    assert back == minijax.tree_util.tree_structure(eval(tree, names(minijax)))


# --- attention ------------------------------------------------------------------------

Q = "jr.normal(K, (2, 5, 4, 8))"
KEYS = "jr.normal(jr.key(1), (2, 7, 4, 8))"
GROUPED = "jr.normal(jr.key(1), (2, 7, 2, 8))"
BIAS = "jr.normal(jr.key(2), (2, 4, 5, 7))"
MASK = "jr.bernoulli(jr.key(3), .7, (1, 1, 5, 7))"
ATTENTION = [
    "", "scale=.5", "is_causal=True", "local_window_size=2", "local_window_size=(2, 1)",
    f"bias={BIAS}", f"mask={MASK}", f"bias={BIAS}, mask={MASK}, is_causal=True",
    "query_seq_lengths=jnp.array([2, 5])", "key_value_seq_lengths=jnp.array([3, 7])",
    "query_seq_lengths=jnp.array([2, 3]), key_value_seq_lengths=jnp.array([4, 7]), "
    "local_window_size=(1, 2)", "return_residual=True", "bias=o((1, 1, 1, 7))",
]  # fmt: skip


@pytest.mark.parametrize("keys", [KEYS, GROUPED], ids=["heads", "grouped"])
@pytest.mark.parametrize("options", ATTENTION)
def test_attention(options, keys):
    call = f"nn.dot_product_attention({Q}, {keys}, {keys}"
    assert_close(f"{call}, {options})", 1e-4, 1e-5)


def test_attention_of_other_dtypes_and_ranks():
    for dtype in ("bfloat16", "float16"):
        q, k = f"{Q}.astype(jnp.{dtype})", f"{KEYS}.astype(jnp.{dtype})"
        assert_close(f"nn.dot_product_attention({q}, {k}, {k})")
    assert_close(f"nn.dot_product_attention({Q}[0], {KEYS}[0], {KEYS}[0])", 1e-4)


def test_attention_is_differentiable():
    fun = f"lambda q: nn.dot_product_attention(q, {GROUPED}, {GROUPED}).sum()"
    assert_close(f"jax.grad({fun})({Q})", 1e-3, 1e-4)


# --- errors ---------------------------------------------------------------------------

D = "nn.dot_product_attention"
WRONG = [
    *[f"nn.{name}({x})" for name in ACTIVATIONS if name not in ("sigmoid", "sparse_sigmoid")
      for x in ("[1., 2.]", "None")],
    "nn.glu(o(3))", "nn.softmax(o(3), axis=2)", "nn.softmax(1.)",
    "nn.standardize(o(3), algorithm='x')", "nn.one_hot(1, 3., axis=0)",
    "nn.one_hot(1, 3, axis=2)", "nn.one_hot(True, 2)", "nn.one_hot(1, 3, axis='x')",
    "jax.jit(lambda n: nn.one_hot(1, n))(3)", "nn.get_scaled_dot_general_config('x')",
    "nn.sigmoid(2)", "nn.silu(jnp.arange(3))", "nn.celu('a')", "nn.leaky_relu('a')",
    "I.he_normal()(K, (4,))", "I.he_normal()(K, ())", "I.he_normal()(K, (2, 3), int)",
    "I.variance_scaling(1., 'x', 'normal')(K, (2, 3))", "I.normal()(K, (3,), int)",
    "I.variance_scaling(1., 'fan_in', 'x')(K, (2, 3))", "I.uniform()(K, (3,), complex)",
    "I.orthogonal()(K, (3,))", "I.delta_orthogonal()(K, (3, 2))",
    "I.delta_orthogonal()(K, (3, 4, 2))", "I.he_normal(in_axis=5)(K, (2, 3))",
    "I.he_normal()(K, (0, 3))", "I.normal()(None, (3,))",
    "ravel([o(2), jnp.arange(2)])[1](jnp.arange(4))", "ravel(o(2))[1](o(3))",
    f"{D}({Q}, o((2, 7, 3, 8)), o((2, 7, 3, 8)))", f"{D}({Q}, {KEYS}.astype('f2'), {KEYS})",
    f"{D}({Q}, {KEYS}, {KEYS}, implementation='x')", f"{D}({Q}, {KEYS}, {KEYS}, o((3, 3)))",
    f"{D}({Q}, {KEYS}, {KEYS}, implementation='cudnn')", f"{D}([1.], {KEYS}, {KEYS})",
    f"{D}({Q}, {KEYS}, {KEYS}, mask=o((2, 4, 5, 7)))", f"{D}({Q}, {KEYS}[:1], {KEYS}[:1])",
    f"{D}({Q}, {KEYS}[..., :4], {KEYS}[..., :4])",
    f"{D}({Q}, {KEYS}, {KEYS}, query_seq_lengths=o(3, int))",
    f"{D}({Q}, {KEYS}, {KEYS}, key_value_seq_lengths=o(2))",
    f"{D}({Q}, {KEYS}, {KEYS}, local_window_size=(1, 2, 3))",
]  # fmt: skip


def raised(framework, expression):
    with pytest.raises(Exception) as info:
        eval(expression, names(framework))
    return info.type.__name__, str(info.value)[:25]


@pytest.mark.parametrize("expression", WRONG)
def test_errors(expression):
    assert raised(minijax, expression) == raised(jax, expression)


def test_block_scaled_products_say_that_they_are_missing():
    with pytest.raises(NotImplementedError, match="scaled_matmul"):
        minijax.nn.scaled_matmul(1, 2, 3, 4)


@pytest.mark.parametrize("module", ["nn", "nn.initializers", "flatten_util"])
def test_every_name_is_there(module):
    theirs, ours = jax, minijax
    for part in module.split("."):
        theirs, ours = getattr(theirs, part), getattr(ours, part)
    for name in dir(theirs):
        assert name.startswith("_") or hasattr(ours, name), name

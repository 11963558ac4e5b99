"""Keys that are used twice (`jax.debug_key_reuse`): the same verdicts as JAX's."""

import jax
import numpy as np
import pytest

import minijax

# Functions of one key `k`, or of two in an array `ks`, as expressions.
TRACED = [
    "R.bits(k)", "R.split(k)", "R.uniform(k)", "R.gamma(k, 1.)", "k", "k[None]",
    "R.fold_in(k, 1)", "R.key_data(k)", "R.wrap_key_data(R.key_data(k))", "R.clone(k)",
    "R.bits(k) + R.bits(k)", "(R.split(k), R.uniform(k))", "jax.jit(R.bits)(k)",
    "jax.jit(lambda: k)()", "jax.jit(lambda k: (k, k))(k)", "R.permutation(k, 5)",
    "R.poisson(k, 1.)", "R.binomial(k, 5., .5)", "R.bits(k) + jax.vmap(R.bits)(k[None])",
    "R.bits(k) + R.bits(k.reshape((1,)).squeeze())", "jnp.stack([k, R.clone(k)])",
    "lax.cond(P, R.uniform, R.normal, k)", "lax.cond(P, R.uniform, lambda k: 1., k)",
    "lax.cond(P, lambda k: 0., lambda k: 1., k)",
    "lax.cond(P, lambda k: R.split(k)[0], lambda k: k, k)",
    "(lax.cond(P, R.uniform, lambda k: 1., k), R.bits(k))",
    "lax.scan(lambda c, _: (c, R.bits(k)), 0, None, 3)",
    "lax.scan(lambda c, _: (c, R.bits(c)), k, None, 3)",
    "lax.scan(lambda c, _: (R.split(c)[0], 0), k, None, 3)",
    "lax.map(R.bits, R.split(k, 5))",
    "lax.while_loop(lambda c: c[1] < 3, lambda c: (R.split(c[0])[0], c[1] + 1), (k, 0))",
    "lax.while_loop(lambda c: c[1] < 3, lambda c: (c[0], c[1] + R.randint(c[0], (), 1, 3)),"
    " (k, 0))",
    "lax.while_loop(lambda c: c < 3, lambda c: c + R.randint(k, (), 1, 3), 0)",
    "lax.while_loop(lambda c: c < R.uniform(k), lambda c: c + 1, 0)",
    "jax.checkpoint(lambda x: x * R.bits(k) + R.bits(k))(1.)",
    "jax.grad(jax.checkpoint(lambda x: x * R.uniform(k)))(1.)",
    "R.bits(ks[0])", "R.bits(ks[0]) + R.bits(ks[1])", "R.bits(ks[0]) + R.bits(ks[0])",
    "(R.bits(ks[0]), jax.vmap(R.bits)(ks))", "ks.at[0].set(R.key(2))",
    "(C.assert_unconsumed(k), C.consume(k), C.assert_consumed(k))",
    "(C.assert_consumed(k),)", "(C.consume(k), C.assert_unconsumed(k))",
    "(ks[0], C.assert_consumed(ks, np.array([True, False])))",
]  # fmt: skip


def outcome(run):
    """The first words of what a run gives or raises."""
    try:
        return run()
    except Exception as error:
        return type(error).__name__, str(error).replace(" \n", "\n").split(":")[
            0
        ].split("\n")[0]


def names(framework):
    jnp, lax, jr = framework.numpy, framework.lax, framework.random
    core = __import__(
        f"{framework.__name__}.experimental.key_reuse._core", fromlist=["*"]
    )
    return {"jax": framework, "jnp": jnp, "lax": lax, "R": jr, "C": core, "np": np}


@pytest.mark.parametrize("expression", TRACED)
def test_signatures_of_functions(expression):
    def signature(framework):
        scope = names(framework)
        keys = scope["R"].split(scope["R"].key(0))
        given = keys[0], keys, framework.numpy.array(True)
        fun = eval(f"lambda k, ks, P: {expression}", scope)
        return repr(scope["C"].function_type_signature(fun, *given))

    want, got = (outcome(lambda side=side: signature(side)) for side in (jax, minijax))
    assert got == want


# Programs, after `k = R.key(0)`, whose last statement may be refused.
EAGER = [
    "R.normal(k); R.normal(k)", "R.split(k); R.normal(k)",
    "a, b = R.split(k); R.normal(a); R.normal(b)",
    "R.fold_in(k, 1); R.fold_in(k, 2); R.normal(k)",
    "ks = R.split(k); R.bits(ks[0]); R.bits(ks[1])",
    "ks = R.split(k); R.bits(ks[0]); R.bits(ks[0])",
    "R.bits(k); l = k[None]; jax.vmap(R.bits)(l)", "r = R.PRNGKey(0); R.bits(r); R.bits(r)",
    "f = jax.jit(lambda: R.bits(k)); f(); f()", "R.bits(k); R.bits(R.clone(k))",
    "jax.jit(lambda k: R.bits(k) + R.bits(k)).lower(k)",
    "jax.make_jaxpr(lambda k: R.bits(k) + R.bits(k))(k)",
    "lax.cond(True, R.uniform, R.normal, k); R.bits(k)",
    "jax.grad(lambda x: x * R.uniform(k))(1.); R.bits(k)",
    "l = jax.jit(lambda k: k)(k); R.bits(l)",
    "R.bits(k); l = jax.jit(lambda k: k)(k); R.bits(l)",
    "d = jax.sharding.SingleDeviceSharding(jax.devices()[0]); "
    "jax.jit(lambda k: (R.bits(lax.with_sharding_constraint(k, d)), R.bits(k)))(k)",
]  # fmt: skip


@pytest.mark.parametrize("program", EAGER)
def test_computed_keys(program):
    def run(framework):
        with framework.debug_key_reuse(True):
            exec(f"k = R.key(0); {program}", names(framework))

    want, got = (outcome(lambda side=side: run(side)) for side in (jax, minijax))
    assert got == want
    exec(f"k = R.key(0); {program}", names(minijax))  # nothing is checked by default


def test_the_error_names_both_uses():
    with minijax.debug_key_reuse(True):
        key = minijax.random.key(0)
        minijax.random.split(key)
        with pytest.raises(
            minijax.errors.KeyReuseError, match=r"first used at .*test_key_re"
        ):
            minijax.random.split(key)
        with pytest.raises(
            minijax.errors.KeyReuseError, match=r"used at .*test_key_reuse.py"
        ):
            minijax.jit(lambda k: (minijax.random.bits(k), minijax.random.bits(k)))(key)

"""Every program of `programs.py`, on both frameworks: values, types, jit, equations."""

import jax
import jax.numpy
import numpy as np
import pytest

import minijax
import minijax.numpy
from compat_tests.programs import PROGRAMS
from compat_tests.same_program import program_lines

NAMES = list(PROGRAMS)

# Programs whose equations differ from JAX's, each with the reason.
DIFFERENT_EQUATIONS = {
    "batched_condition": "the mask of running elements is computed from the carry",
    "batched_branches": "with two branches the select is by a boolean, not by an index",
    "gradient_of_branches": "unused residuals are zeros, not uninitialised memory",
    "jacobians": "the unit vectors are a constant, not computed from iota",
    "recomputation": "residuals are not passed through reduce_precision",
    "recomputed_loops": "residuals are not passed through reduce_precision",
    "named_axes": "psum along a batch axis is a reduce_sum from the start",
    "complex_numbers": "the derivative of abs is one complex product",
}


def on(framework, name):
    """A program as a function of its arguments on one framework."""
    fun, args = PROGRAMS[name]
    args = framework.tree.map(framework.numpy.asarray, args)
    return (lambda *args: fun(framework, framework.numpy, *args)), args


def described(x):
    """The type of a leaf, its weak type included."""
    aval = jax.typeof(x) if isinstance(x, jax.Array) else minijax.typeof(x)
    return str(aval.dtype), aval.shape, aval.weak_type


def assert_equal(theirs, ours):
    want, want_tree = jax.tree.flatten(theirs)
    got, got_tree = jax.tree.flatten(ours)
    assert str(want_tree) == str(got_tree)
    for a, b in zip(want, got, strict=True):
        assert described(a) == described(b)
        wide = np.complex128 if np.iscomplexobj(np.asarray(a)) else np.float64
        a, b = np.asarray(a).astype(wide), np.asarray(b).astype(wide)
        scale = max(1.0, float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))))
        np.testing.assert_allclose(b, a, rtol=2e-5, atol=2e-5 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_values(name):
    theirs, jax_args = on(jax, name)
    ours, args = on(minijax, name)
    assert_equal(theirs(*jax_args), ours(*args))


@pytest.mark.parametrize("name", NAMES)
def test_jit_gives_what_eager_gives(name):
    fun, args = on(minijax, name)
    assert_equal(fun(*args), minijax.jit(fun)(*args))


@pytest.mark.parametrize("name", NAMES)
def test_same_equations(name):
    theirs, jax_args = on(jax, name)
    ours, args = on(minijax, name)
    want = program_lines(jax.make_jaxpr(theirs)(*jax_args))
    got = program_lines(minijax.make_jaxpr(ours)(*args))
    if name in DIFFERENT_EQUATIONS:
        assert want != got, "equal by now: take it off the list"
        pytest.skip(DIFFERENT_EQUATIONS[name])
    assert "\n".join(got) == "\n".join(want)


@pytest.mark.parametrize("framework", [jax, minijax], ids=["jax", "minijax"])
def test_known_values_are_computed_while_tracing(framework):
    jnp = framework.numpy

    def f(x):
        with framework.ensure_compile_time_eval():
            order = [int(k) for k in jnp.argsort(jnp.array([2.0, 0.0, 1.0]))]
            x = jnp.sin(x) + jnp.sum(jnp.arange(3))
        return x[jnp.array(order)] * order[0]

    v = np.float32([0.0, 1.0, 2.0])
    want = np.sin(v)[[1, 2, 0]] + 3
    for got in (f(v), framework.jit(f)(v), framework.vmap(f)(v[None])[0]):
        np.testing.assert_allclose(got, want, rtol=1e-6)
    slope = framework.grad(lambda x: f(x).sum())(v)
    np.testing.assert_allclose(slope, np.cos(v), rtol=1e-6)


@pytest.mark.parametrize("framework", [jax, minijax])
def test_rules_see_numbers_with_dtypes(framework):
    """A rule may ask a Python number among its arguments for its dtype; it has no shape."""
    jnp = framework.numpy

    @framework.custom_vjp
    def scale(x, by):
        return x * by

    def forward(x, by):
        assert isinstance(by, float) and not hasattr(by, "shape")
        return x * by, (by, jnp.zeros((2,), by.dtype))

    scale.defvjp(forward, lambda residuals, ct: (ct * residuals[0], residuals[1][0]))
    assert float(framework.grad(scale)(2.0, 3.0)) == 3.0
    assert float(framework.jit(framework.grad(lambda x: scale(x, 3.0)))(2.0)) == 3.0


def test_the_first_branch_decides_on_weak_types():
    def weak_types(framework):
        jnp, lax = framework.numpy, framework.lax
        weak, strong = (lambda: jnp.full((2,), 1.5)), (lambda: jnp.ones(2))
        pairs = [(a, b) for a in (weak, strong) for b in (weak, strong)]
        outs = [lax.switch(1, [a, b, weak]) for a, b in pairs]
        outs += [lax.cond(True, a, b) for a, b in pairs]
        return [out.weak_type for out in outs]

    assert weak_types(minijax) == weak_types(jax)

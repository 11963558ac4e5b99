"""Jaxprs both ways: what the other side makes of one is what its own side makes of it.

JAX's function → C backend, minijax's function → XLA, over the op table and the small
programs; derivatives of custom rules survive; nothing is converted wrongly in silence.
"""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minijax
import minijax.lax
import minijax.numpy
from compat_tests.op_cases import all_cases
from compat_tests.op_inputs import assert_same, drawn
from compat_tests.programs import PROGRAMS
from compat_tests.test_ops import call, tolerance
from minijax import interop
from minijax.executable import Compiled

ROWS = [row for row in all_cases() if row.error is None]
# JAX computes these while it traces, and not as it computes them when they run.
FOLDED = {"convert/convert-scalar-float", "convert/convert-scalar-nan"}
# Host callbacks are functions of one framework.
WITH_CALLBACKS = {"recomputed_loops"}
CONVERTIBLE = [name for name in PROGRAMS if name not in WITH_CALLBACKS]
NOT_IN_JAX = {"random_gamma_grad"}  # a primitive that jax.lax does not publish
pytestmark = pytest.mark.filterwarnings("ignore")


def run(closed, args):
    """A minijax jaxpr on the C backend."""
    return Compiled(closed, "test")([interop.array_from_jax(x) for x in args])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_op_of_jax_on_the_c_backend(row):
    """The same values as minijax's own jaxpr of the row gives."""
    if row.id in FOLDED:
        pytest.skip("a constant when it is traced")

    args = drawn(row, row.dtypes[0], 0)
    theirs = jax.make_jaxpr(call(jax, row))(*args)
    ours = minijax.make_jaxpr(call(minijax, row))(*args)
    got, wanted = run(interop.from_jax(theirs), args), run(ours, args)
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        assert_same(a, b, 1e-6, row.id)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_op_of_minijax_has_jax_types(row):
    """Every equation has on JAX the type that it has here (`to_jax` checks that)."""
    if row.name in NOT_IN_JAX:
        pytest.skip("JAX does not publish the primitive")
    dtype = row.dtypes[0]
    shapes = [(a.shape, a.resolved(dtype)) for a in row.inputs]
    structs = [minijax.ShapeDtypeStruct(*s) for s in shapes]
    closed = minijax.make_jaxpr(call(minijax, row))(*structs)
    back = interop.closed_to_jax(closed)
    got, wanted = back.out_avals, closed.out_avals
    assert [str(a) for a in got] == [str(a) for a in wanted]
    assert [a.weak_type for a in got] == [a.weak_type for a in wanted]


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_op_of_minijax_on_xla(row):
    if row.name in NOT_IN_JAX:
        pytest.skip("JAX does not publish the primitive")

    args = drawn(row, row.dtypes[0], 0)
    ours = minijax.make_jaxpr(call(minijax, row))(*args)
    got = jax.jit(interop.to_jax(ours))(*args)
    wanted = call(jax, row)(*args)
    for a, b in zip(got, wanted, strict=True):
        assert_same(a, b, tolerance(row, row.dtypes[0]), row.id)


def flat_program(framework, name):
    """A program as a function of flat arrays that gives a list; and its arguments."""
    fun, args = PROGRAMS[name]
    leaves, tree = framework.tree_util.tree_flatten(args)

    def flat(*leaves):
        given = framework.tree_util.tree_unflatten(tree, leaves)
        return framework.tree_util.tree_leaves(fun(framework, framework.numpy, *given))

    return flat, leaves


def assert_close(got, wanted):
    assert len(got) == len(wanted)
    # half precision rounds after each operation, and XLA fuses some away
    halves = any(str(x.dtype) in ("float16", "bfloat16") for x in got)
    for a, b in zip(got, wanted, strict=True):
        assert (a.shape, str(a.dtype)) == (b.shape, str(b.dtype))
        if str(a.dtype).startswith("key<"):
            continue
        a, b = np.asarray(a), np.asarray(b)
        wide = np.complex128 if a.dtype.kind == "c" else np.float64
        a, b = a.astype(wide), b.astype(wide)
        finite = b[np.isfinite(b)]
        scale = max(1.0, float(np.max(np.abs(finite), initial=0.0)))
        loose = 2e-2 if halves else 2e-5
        np.testing.assert_allclose(a, b, rtol=loose, atol=loose * scale)


@pytest.mark.parametrize("name", CONVERTIBLE)
def test_program_of_jax_on_the_c_backend(name):
    flat, leaves = flat_program(jax, name)
    theirs = jax.make_jaxpr(flat)(*leaves)
    ours, own_leaves = flat_program(minijax, name)
    wanted = run(minijax.make_jaxpr(ours)(*own_leaves), own_leaves)
    assert_close(run(interop.from_jax(theirs), leaves), wanted)


@pytest.mark.parametrize("name", CONVERTIBLE)
def test_program_of_minijax_on_xla(name):
    flat, leaves = flat_program(minijax, name)
    closed = minijax.make_jaxpr(flat)(*leaves)
    got = jax.jit(interop.to_jax(closed))(*map(jnp.asarray, leaves))
    assert_close(got, run(closed, leaves))


def custom(framework):
    """A function with rules of its own, whose derivatives are not the true ones."""

    @framework.custom_jvp
    def f(x, y):
        return framework.numpy.sin(x) * y

    f.defjvp(lambda p, t: (f(*p), 2 * t[0] * p[1] + t[1]))

    @framework.custom_vjp
    def g(x):
        return framework.numpy.sin(x)

    g.defvjp(lambda x: (g(x), x), lambda x, ct: (3 * ct * x,))
    return lambda x: f(x, 2.0) + g(x)


def test_custom_rules_of_jax_differentiate_here():
    closed = interop.from_jax(jax.make_jaxpr(custom(jax))(1.5))
    fun = minijax.core.jaxpr_as_fun(closed)
    got = minijax.grad(lambda x: fun(x)[0])(1.5)
    assert float(got) == float(jax.grad(custom(jax))(1.5))


def test_custom_rules_of_minijax_differentiate_on_jax():
    closed = minijax.make_jaxpr(custom(minijax))(1.5)
    fun = interop.to_jax(closed)
    got = jax.grad(lambda x: fun(x)[0])(1.5)
    assert float(got) == float(minijax.grad(custom(minijax))(1.5))


def test_a_derived_function_of_converted_loops():
    """Gradients may be taken after the conversion as well as before."""

    def loss(framework, x):
        step = lambda c, a: (c * a + x, c)  # noqa: E731
        return framework.lax.scan(step, x, framework.numpy.arange(3.0))[0]

    closed = interop.from_jax(jax.make_jaxpr(lambda x: loss(jax, x))(1.5))
    fun = minijax.core.jaxpr_as_fun(closed)
    got = minijax.grad(lambda x: fun(x)[0])(minijax.numpy.float32(1.5))
    assert float(got) == float(jax.grad(lambda x: loss(jax, x))(1.5))


def test_unlike_widths_of_numbers_are_refused():
    closed = jax.make_jaxpr(jnp.sin)(1.0)
    minijax.config.update("jax_enable_x64", True)
    try:
        with pytest.raises(interop.InteropError, match="jax_enable_x64 is True here"):
            interop.from_jax(closed)
    finally:
        minijax.config.update("jax_enable_x64", False)


def test_strong_arguments_of_a_weakly_typed_program():
    closed = minijax.make_jaxpr(minijax.numpy.tanh)(0.5)
    assert closed.in_avals[0].weak_type
    (got,) = interop.to_jax(closed)(jnp.float32(0.5))
    assert got == jnp.tanh(jnp.float32(0.5))


def test_what_has_no_counterpart_is_named():
    closed = jax.make_jaxpr(
        lambda x: jax.pure_callback(np.sin, jax.ShapeDtypeStruct((), "float32"), x)
    )(1.0)
    with pytest.raises(interop.InteropError, match="pure_callback"):
        interop.from_jax(closed)


def test_a_result_of_another_type_is_refused(monkeypatch):
    sin = minijax.lax.sin_p
    monkeypatch.setattr(sin, "shape", lambda x, **_: x.update(dtype=np.dtype("int32")))
    with pytest.raises(interop.InteropError, match=r"sin: the result is .*int32"):
        interop.from_jax(jax.make_jaxpr(jnp.sin)(1.0))


def test_importing_it_does_not_import_jax():
    text = "import sys, minijax.interop; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == 0

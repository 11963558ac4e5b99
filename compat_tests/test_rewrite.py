"""The rewriting before lowering: what it removes, and that it changes no value."""

import functools

import jax
import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
from minijax import lax
from minijax.check import check_jaxpr
from minijax.transforms.evaluate import evaluate
from minijax.transforms.simplify import simplify

X = np.linspace(-2, 3, 12, dtype=np.float32).reshape(3, 4)


def names(fun, *args):
    """The primitives of a simplified function."""
    closed = simplify(minijax.make_jaxpr(fun)(*args))
    return [eqn.primitive.name for eqn in closed.jaxpr.eqns]


def test_what_is_computed_twice_is_computed_once():
    assert names(lambda x: jnp.sin(x) * jnp.sin(x), X) == ["sin", "mul"]


@pytest.mark.parametrize(
    ("fun", "left"),
    [
        (lambda m, x: m.lax.cumsum(x, 1), []),
        (lambda m, x: m.lax.cummax(x, 1, reverse=True), []),
        (lambda m, x: m.numpy.sum(x, 1), ["squeeze"]),
        (lambda m, x: m.numpy.max(x, (1, 2)), ["squeeze"]),
        (lambda m, x: m.numpy.argmin(x, 1), ["broadcast_in_dim"]),
        (lambda m, x: m.lax.cummax(x, 0), ["cummax"]),
        (lambda m, x: m.numpy.sum(x, (0, 1)), ["reduce_sum"]),
    ],
)
def test_nothing_is_reduced_along_an_axis_of_one_element(fun, left):
    x = np.array([-0.0, np.nan, -np.inf, 2], np.float32).reshape(4, 1, 1)
    assert names(functools.partial(fun, minijax), x) == left
    got, want = (m.jit(functools.partial(fun, m))(x) for m in (minijax, jax))
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))


def test_calls_are_opened_so_that_their_equations_meet():
    inner = minijax.jit(lambda x: jnp.cos(x) + 1)
    assert names(lambda x: inner(x) + inner(x), X) == ["cos", "add", "add"]


def test_constants_that_differ_only_in_sign_or_dtype_stay_apart():
    assert names(lambda x: (x + 0.0, x + -0.0), X) == ["add"]
    wide = names(lambda x: (lax.mul(x, np.float32(2)), lax.mul(x, np.float32(-2))), X)
    assert wide == ["mul", "mul"]


@pytest.mark.parametrize(
    ("fun", "left"),
    [
        (lambda x: x * 1, []),
        (lambda x: 1.0 * x, []),
        (lambda x: x / 1, []),
        (lambda x: x * jnp.ones_like(x), []),
        (lambda x: lax.broadcast(np.float32(1), x.shape) * x, []),
        (lambda x: x - 0.0, []),
        (lambda x: lax.neg(lax.neg(x)), []),
        (lambda x: x + 0.0, ["add"]),  # -0.0 + 0.0 is 0.0
        (lambda x: 0.0 - x, ["sub"]),
        (lambda x: 1 / x, ["div"]),
    ],
)
def test_arithmetic_that_changes_nothing_is_left_out(fun, left):
    assert names(fun, X) == left
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e30], np.float32)
    got, want = minijax.jit(fun)(special), fun(jnp.asarray(special))
    assert np.asarray(got).tobytes() == np.asarray(want).tobytes()


@pytest.mark.parametrize(
    ("fun", "left"),
    [
        (lambda x: x % 7, ["rem", "ne", "lt", "and", "add", "select_n"]),
        (lambda x: lax.select(lax.lt(np.int32(-3), np.int32(2)), x, -x), []),
        (lambda x: lax.select(lax.ge(np.int32(-3), np.int32(2)), x, -x), ["neg"]),
        (lambda x: lax.ne(lax.lt(x, x), False), ["lt"]),
        (lambda x: lax.ne(lax.lt(x, x), True), ["lt", "ne"]),
    ],
)
def test_what_constants_decide_is_decided(fun, left):
    x = np.array([-8, -7, -1, 0, 1, 7, 2**31 - 1, -(2**31)], np.int32)
    assert names(fun, x) == left
    np.testing.assert_array_equal(minijax.jit(fun)(x), fun(jnp.asarray(x)))


@pytest.mark.parametrize(
    ("dtype", "masked"),
    [
        ("float32", True),
        ("float16", True),
        ("complex64", True),
        ("bfloat16", False),
        ("float8_e5m2", False),
    ],
)
def test_a_product_with_a_mask_is_a_choice(dtype, masked):
    x = jax.numpy.asarray([np.inf, np.nan, -2.0, 3.0], dtype)
    mask = np.array([False, False, False, True])
    for side, of in ((jax, x), (minijax, jnp.asarray(np.asarray(x)))):
        fun = side.jit(lambda x, m: (x * m, x[:, None] * (m[:1] * x[:1]), m[0] * x))
        row, outer, whole = (np.asarray(r) for r in fun(of, mask))
        eager = np.asarray(of * side.numpy.asarray(mask))
        results = [np.asarray(r, "complex64") for r in (row, outer, whole, eager)]
        if side is jax:
            want = results
    for got, expected in zip(results, want, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert bool(np.isfinite(results[0]).all()) == masked


def test_a_mask_times_a_scalar_is_a_choice_between_arrays():
    closed = simplify(minijax.make_jaxpr(lambda x: 2.0 * (x > 0))(X))
    assert [str(eqn.primitive) for eqn in closed.jaxpr.eqns].count("select_n") == 1
    check_jaxpr(closed.jaxpr)


def test_a_mask_made_of_a_mask_is_that_mask():
    """As `tril` and `triu` make them."""

    def fun(x):
        ones = jnp.ones(x.shape, bool)
        return jnp.where(jnp.tril(ones), x, 0), jnp.triu(ones, 1)

    assert names(fun, X).count("select_n") == 2
    lower, upper = minijax.jit(fun)(X)
    np.testing.assert_array_equal(lower, np.tril(X))
    np.testing.assert_array_equal(upper, np.triu(np.ones(X.shape, bool), 1))


def test_an_unsigned_division_by_a_power_of_two_is_a_shift():
    x = np.array([0, 1, 7, 8, 2**31, 2**32 - 1], np.uint32)
    for divisor, left in ((8, ["shift_right_logical"]), (6, ["div"]), (1, [])):

        def fun(x, divisor=divisor):
            return lax.div(x, lax.convert_element_type(divisor, np.uint32))

        assert names(fun, x) == left
        np.testing.assert_array_equal(minijax.jit(fun)(x), x // np.uint32(divisor))


@pytest.mark.parametrize(
    ("value", "dtype", "left"),
    [
        (3, np.float32, ["mul"]),
        (2.5, np.float16, ["mul"]),
        (2**24 + 1, np.float32, ["convert_element_type", "mul"]),
        (-1, np.uint8, ["convert_element_type", "mul"]),
        (-0.0, np.float16, ["convert_element_type", "mul"]),
    ],
)
def test_a_converted_constant_is_a_constant_where_that_is_exact(value, dtype, left):
    x = np.arange(1, 4).astype(dtype)

    inner = minijax.jit(lambda c, x: x * lax.convert_element_type(c, dtype))

    def fun(x):
        return inner(value, x)

    assert names(fun, x) == left
    got, want = minijax.jit(fun)(x), fun(jnp.asarray(x))
    assert np.asarray(got).tobytes() == np.asarray(want).tobytes()


SCALAR, ONE = jnp.float32(0.5), jnp.array(1.0)


@pytest.mark.parametrize(
    "fun",
    [
        lambda a, one: lambda x: (x * a + a) * one,
        lambda a, one: lambda x: lax.scan(lambda c, v: (c * one + v * a, c), x[0], x),
        lambda a, one: (
            lambda x: lax.while_loop(lambda c: c.sum() < a, lambda c: c + a, x)
        ),
        lambda a, one: (
            lambda x: lax.cond(
                x.sum() < a,
                lambda: x * a,
                lambda: lax.fori_loop(0, 3, lambda i, c: c + a, x),
            )
        ),
        lambda a, one: minijax.grad(
            lambda x: lax.scan(lambda c, v: (c * a * v, c), x[0], x)[1].sum()
        ),
    ],
)
def test_an_array_without_axes_costs_what_a_number_does(fun):
    def instructions(*scalars):
        compiled = minijax.jit(fun(*scalars)).lower(X).compile()
        programs = compiled.runtime_executable().module.programs
        return [[len(getattr(i, "micros", ())) for i in p.instrs] for p in programs]

    assert instructions(SCALAR, ONE) == instructions(0.5, 1.0)


def test_a_complex_product_with_one_stays():
    assert names(lambda x: x * 1, X.astype(np.complex64)) == ["mul"]


def test_a_transposed_product_is_the_product_of_the_swapped_operands():
    a, b = X, X.T.copy()
    assert names(lambda a, b: (a @ b).T, a, b) == ["dot_general"]
    both = names(lambda a, b: (lambda p: p.T + p)(a @ b), a, b)
    assert both == ["dot_general", "transpose", "add"]
    got = minijax.jit(lambda a, b: (a @ b).T)(a, b)
    np.testing.assert_allclose(got, (a @ b).T, rtol=1e-6)


def test_a_product_read_within_a_call_stays():
    inner = minijax.jit(lambda p: (p.T, p + 1))
    fun = lambda a, b: inner(a @ b)  # noqa: E731
    got = minijax.jit(fun)(X, X.T.copy())
    np.testing.assert_allclose(got[0], (X @ X.T).T, rtol=1e-6)
    np.testing.assert_allclose(got[1], X @ X.T + 1, rtol=1e-6)


def test_the_same_product_after_a_transposed_one():
    fun = lambda a, b: ((a @ b).T, jnp.sin(a @ b))  # noqa: E731
    got = minijax.jit(fun)(X, X.T.copy())
    np.testing.assert_allclose(got[1], np.sin(X @ X.T), rtol=1e-5)


def test_bodies_of_loops_are_rewritten():
    def fun(x):
        body = lambda c, _: (jnp.sin(c) + jnp.sin(c) * 1.0, None)  # noqa: E731
        return lax.scan(body, x, None, length=3)[0]

    closed = simplify(minijax.make_jaxpr(fun)(X))
    (scan,) = [e for e in closed.jaxpr.eqns if e.primitive.name == "scan"]
    body = scan.params["jaxpr"].jaxpr
    assert [e.primitive.name for e in body.eqns] == ["sin", "add"]
    np.testing.assert_allclose(minijax.jit(fun)(X), evaluate(closed, X)[0], rtol=1e-6)


def test_weak_types_of_results_stay():
    assert minijax.jit(lambda x: x * 1)(2.0).weak_type
    strong = minijax.jit(lambda x: x * 1)(np.float32(2))
    assert not strong.weak_type


@pytest.mark.parametrize(
    ("config", "padding", "base", "merged"),
    [
        ((1, 2, 1), (0, 0), 1, True),
        ((0, 0, 2), (1, 1), 1, True),
        ((2, 0, 0), (-1, 1), 1, True),
        ((-1, -1, 1), (0, 0), 1, True),
        ((-1, 1, 0), (1, 0), 1, False),  # the windows would see what was cut off
        ((1, -1, 0), (0, 1), 1, False),
        ((1, 1, 0), (0, 0), 2, False),
    ],
)
def test_windows_pad_with_zeros_themselves(config, padding, base, merged):
    def fun(x, value=0.0):
        padded = lax.pad(x, np.float32(value), (config, (0, 0, 0)))
        return lax.reduce_window(
            padded, 0.0, lax.add, (3, 2), (1, 1), (padding, (0, 0)),
            base_dilation=(base, 1),
        )  # fmt: skip

    x = np.linspace(-2, 3, 24, dtype=np.float32).reshape(6, 4)
    assert names(fun, x) == ["pad"][merged:] + ["reduce_window_sum"]
    assert "pad" in names(lambda x: fun(x, 1.0), x)
    want = evaluate(minijax.make_jaxpr(fun)(x), x)[0]
    np.testing.assert_allclose(minijax.jit(fun)(x), want, rtol=1e-6)


def test_clipped_indices_are_not_taken_for_negative_ones():
    def fun(i, low):
        clipped = jnp.maximum(i, low)
        return jnp.where(clipped < 0, clipped + 5, clipped)

    i = np.array([-3, -1, 0, 4], np.int32)
    assert names(lambda i: fun(i, 0), i) == ["max"]
    assert "select_n" in names(lambda i: fun(i, -2), i)
    assert "select_n" in names(lambda x: fun(x, 0.0), X)  # NaN is not larger
    np.testing.assert_array_equal(minijax.jit(lambda i: fun(i, 0))(i), [0, 0, 0, 4])


def test_complex_constants_that_differ_in_the_sign_of_a_zero():
    plus, minus = np.complex64(complex(1, 0.0)), np.complex64(complex(1, -0.0))
    assert plus == minus

    def arguments(x):
        return [jnp.imag(x + c) for c in (plus, minus)]

    both = minijax.jit(arguments)(jnp.asarray(complex(0, -0.0), jnp.complex64))
    assert [bool(np.signbit(x)) for x in both] == [False, True]


def _turns(x, body, *rest):
    """A loop of three turns over `x` and other values, of which `body` makes new ones."""
    return lax.while_loop(
        lambda c: c[0] < 3, lambda c: (c[0] + 1, *body(*c[1:])), (0, x, *rest)
    )


# How many values a loop carries whose results are used in part
CARRIED = {
    "unused": (lambda x: _turns(x, lambda a, b: (jnp.sin(a), b + a), x)[1], 2),
    "read by a used one": (lambda x: _turns(x, lambda a, b: (a + b, b * 2), x)[1], 3),
    "read by one that is read": (
        lambda x: _turns(x, lambda a, b, c: (a + b, b + c, c * 2), x, x)[1], 4),
    "only the counter": (lambda x: _turns(x, lambda a: (jnp.sin(a),))[0], 1),
    "swapped": (lambda x: _turns(x, lambda a, b: (b, a), x + 1)[1], 3),
    "in a call": (
        lambda x: minijax.jit(lambda x: _turns(x, lambda a, b: (a + 1, b + a), x))(x)[1],
        2),
    "of a batch": (
        lambda x: minijax.vmap(
            lambda x: lax.while_loop(
                lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1] * c[0]), (x, x)
            )[0]
        )(x[0]), 1),
    "an inner loop's": (
        lambda x: _turns(x, lambda a, b: _turns(a, lambda c, d: (c + 1, d + c), b)[1:], x)[1],
        2),
}  # fmt: skip


@pytest.mark.parametrize("name", CARRIED)
def test_loops_carry_what_is_needed(name):
    fun, wanted = CARRIED[name]
    closed = minijax.make_jaxpr(fun)(X)
    (loop,) = [e for e in simplify(closed).jaxpr.eqns if e.primitive.name == "while"]
    assert len(loop.outvars) == wanted
    for got, want in zip(
        evaluate(simplify(closed), X), evaluate(closed, X), strict=True
    ):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_allclose(minijax.jit(fun)(X), evaluate(closed, X)[0], rtol=1e-6)


def test_loops_do_what_they_print(capsys):
    """An effect that reads a value keeps it in the loop."""

    def turn(a, b):
        minijax.debug.print("{}", b, ordered=True)
        return a, b + 1

    minijax.jit(lambda x: _turns(x, turn, 5)[0])(X)
    minijax.effects_barrier()
    assert capsys.readouterr().out.split() == ["5", "6", "7"]

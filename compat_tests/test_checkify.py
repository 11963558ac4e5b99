"""jax.experimental.checkify, the same checks on both sides."""

import numpy as np
import pytest
from sides import assert_same, raised


def _log(side, x):
    side("experimental.checkify").check(x > 0, "not positive: {x} {}", x * 2, x=x)
    return side.jnp.log(x)


def _in_loop(side, x):
    check = side("experimental.checkify").check

    def body(i, carry):
        check(i < 3, "i={i}", i=i)
        return carry + 1

    return side.lax.fori_loop(0, 5, body, x)


def _in_while_test(side, x):
    check = side("experimental.checkify").check

    def test(c):
        check(c < 4, "c={c}", c=c)
        return c < 6

    return side.lax.while_loop(test, lambda c: c + 1, x)


def _in_branch(side, x):
    check = side("experimental.checkify").check

    def small(y):
        check(y > 5, "small {y}", y=y)
        return y

    return side.lax.cond(x > 0, small, lambda y: y, x)


def _in_scan(side, xs):
    def body(carry, x):
        return carry + _log(side, x), carry

    return side.lax.scan(body, 0.0, xs)


def _checked_error(side, x):
    checkify = side("experimental.checkify")
    error, out = checkify.checkify(lambda x: _log(side, x))(x)
    checkify.check_error(error)
    return out


# name -> (function of a side and arrays, arrays)
CHECKS = {
    "user": (_log, [np.float32(-1)]),
    "user passes": (_log, [np.float32(2)]),
    "jit": (lambda s, x: s.jit(lambda x: _log(s, x))(x), [np.float32(-1)]),
    "vmap": (lambda s, x: s.vmap(lambda x: _log(s, x))(x), [np.float32([1, -2, -3, 4])]),
    "grad": (lambda s, x: s.grad(lambda x: _log(s, x))(x), [np.float32(-1)]),
    "remat": (lambda s, x: s.checkpoint(lambda x: _log(s, x))(x), [np.float32(-1)]),
    "fori_loop": (_in_loop, [np.int32(0)]),
    "while test": (_in_while_test, [np.int32(0)]),
    "cond": (_in_branch, [np.int32(3)]),
    "cond other branch": (_in_branch, [np.int32(-3)]),
    "scan": (_in_scan, [np.float32([1, 2, -3, -4])]),
    "check_error": (_checked_error, [np.float32(-1)]),
    "nan": (lambda s, x: s.jnp.sin(x), [np.float32(np.inf)]),
    "nan in a custom function": (lambda s, x: s.nn.silu(x * 0), [np.float32(np.inf)]),
    "division": (lambda s, x: x / 0.0, [np.float32(1)]),
    "integer division": (lambda s, x: x // 0, [np.int32(3)]),
    "gather": (lambda s, x, i: x[i], [np.arange(5), np.array([1, -20, 9])]),
    "two indices": (lambda s, x, i: x[i, i], [np.ones((9, 3)), np.int32(5)]),
    "scatter": (lambda s, x: s.jnp.asarray(x).at[7].set(1), [np.arange(5)]),
    "scatter add": (lambda s, x: s.jnp.asarray(x).at[-7].add(1), [np.arange(5)]),
    "dynamic_slice": (
        lambda s, x: s.lax.dynamic_slice(x, (9,), (2,)), [np.arange(5)]),
    "dynamic_update_slice": (
        lambda s, x: s.lax.dynamic_update_slice(x, x[:2], (4,)), [np.arange(5)]),
    "shard_map": (
        lambda s, x: s.pmap(lambda x: 1 / x)(x), [np.zeros(1, np.float32)]),
    "in bounds": (lambda s, x, i: x[i], [np.arange(5), np.array([1, -5, 4])]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKS)
def test_checkify(name):
    fun, args = CHECKS[name]

    def body(side):
        checkify = side("experimental.checkify")
        checked = checkify.checkify(
            lambda *args: fun(side, *args), errors=checkify.all_checks
        )
        error, out = checked(*map(side.jnp.asarray, args))
        return error.get(), out

    assert_same(body)


def test_batch_of_errors():
    def body(side):
        checked = side("experimental.checkify").checkify(lambda x: _log(side, x))
        error, out = side.vmap(checked)(side.jnp.array([1.0, -2.0, -3.0]))
        return error.get(), out, str(raised(error.throw))

    assert_same(body)


@pytest.mark.parametrize("mapped", [False, True])
def test_error_of_a_shard(mapped):
    def body(side):
        checkify = side("experimental.checkify")
        checked = checkify.checkify(side.pmap(lambda x: _log(side, x)))
        checked = side.vmap(checked) if mapped else checked
        error, _ = checked(-side.jnp.ones((2, 1) if mapped else 1))
        places = list(error.get_exception().error_mapping)
        told = None if mapped else str(raised(error.throw))
        return error.get(), type(error.get_exception()).__name__, places, told

    assert_same(body)


def test_checks_promote_nothing():
    def body(side):
        checkify = side("experimental.checkify")
        checked = checkify.checkify(
            lambda x, i: (checkify.check(x[0] > 0, "low"), x[i])[1],
            errors=checkify.all_checks,
        )
        with side.numpy_dtype_promotion("strict"), side.numpy_rank_promotion("raise"):
            error, _ = side.vmap(checked)(np.ones((2, 3), "f"), np.array([1, 7]))
        return error.get()

    assert_same(body)


@pytest.mark.parametrize("kind", ["custom_jvp", "custom_vjp"])
def test_derivatives_of_checked_functions_are_those_of_their_rules(kind):
    def body(side):
        f = getattr(side, kind)(lambda x: side.jnp.sin(x))
        if kind == "custom_jvp":
            f.defjvp(lambda x, t: (f(*x), 3 * t[0]))
        else:
            f.defvjp(lambda x: (f(x), x), lambda _, g: (3 * g,))
        checkify = side("experimental.checkify")
        checked = checkify.checkify(f, errors=checkify.float_checks)
        slope = side.grad(lambda x: checked(x)[1])
        vmapped = side.vmap(slope)(np.ones(2, np.float32))
        return slope(1.0), vmapped, side.jit(slope)(1.0), checked(np.inf)[0].get()

    assert_same(body)


def _throw(side):
    error, _ = side("experimental.checkify").checkify(lambda x: _log(side, x))(
        side.jnp.float32(-1)
    )
    error.throw()


CHECK_ERRORS = {
    "throw": _throw,
    "eager": lambda s: _log(s, s.jnp.float32(-1)),
    "eager grad": lambda s: s.grad(lambda x: _log(s, x))(-1.0),
    "staged": lambda s: s.jit(lambda x: _log(s, x))(-1.0),
    "not a scalar": lambda s: s("experimental.checkify").check(s.jnp.ones(3), "x"),
    "not a predicate": lambda s: s("experimental.checkify").check(1.0, "x"),
    "not a predicate, debugging": lambda s: s("experimental.checkify").debug_check(
        1, "x"
    ),
    "a string": lambda s: s("experimental.checkify").check(True, "{}", "x"),
    "not an array": lambda s: s("experimental.checkify").check(True, "{}", 2.0),
}


@pytest.mark.parametrize("name", CHECK_ERRORS)
def test_checkify_errors(name):
    def body(side):
        error = raised(lambda: CHECK_ERRORS[name](side))
        return type(error).__name__, str(error)

    assert_same(body)


def test_tangents_of_errors_say_nothing():
    def found(side):
        checked = side("experimental.checkify").checkify(lambda x: _log(side, x))
        (error, out), (moved, tangent) = side.jax.jvp(checked, (-1.0,), (1.0,))
        return error.get().split("\n")[0], moved.get(), out, tangent

    assert_same(found)


def test_error_as_exception():
    def body(side):
        checked = side("experimental.checkify").checkify(lambda x: _log(side, x))
        one, _ = checked(side.jnp.float32(-1))
        batch, _ = side.vmap(checked)(side.jnp.float32([1, -1, -2]))
        fine, _ = side.vmap(checked)(side.jnp.float32([1, 2]))
        mapping = batch.get_exception().error_mapping
        return (
            [type(error.get_exception()).__name__ for error in (one, fine)],
            str(one.get_exception()),
            type(batch.get_exception()).__name__,
            [(str(place), str(error)) for place, error in mapping.items()],
        )

    assert_same(body)


def test_checks_of_other_kinds_are_left_out():
    def body(side):
        checkify = side("experimental.checkify")
        f = checkify.checkify(lambda x: _log(side, x), errors=checkify.div_checks)
        return f(side.jnp.float32(-1))[0].get()

    assert_same(body)


def test_debug_check_is_free_without_checkify():
    def body(side):
        checkify = side("experimental.checkify")

        def f(x):
            checkify.debug_check(x > 0, "debug")
            return x

        return side.jit(f)(-1.0), checkify.checkify(f)(-1.0)[0].get()

    assert_same(body)


def test_compiled_checks_raise_where_the_flag_says_so():
    def body(side):
        checkify = side("experimental.checkify")

        def positive(x, _):
            checkify.check(x > 0, "not positive")
            return x, None

        run = side.jit(lambda x: side.lax.scan(positive, x, None, length=2)[0])
        with side("_src.config").xla_runtime_errors(True):
            fine = run(1.0)
            error = raised(lambda: run(-1.0).block_until_ready())
        return fine, type(error).__name__, "not positive" in str(error)

    assert_same(body)

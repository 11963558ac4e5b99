"""jax.experimental, jax.example_libraries and jax.test_util, the same body on both sides."""

import numpy as np
import pytest
from sides import Side, assert_same, raised

# --- checkify -------------------------------------------------------------------------


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
    "not an array": lambda s: s("experimental.checkify").check(True, "{}", 2.0),
}


@pytest.mark.parametrize("name", CHECK_ERRORS)
def test_checkify_errors(name):
    def body(side):
        error = raised(lambda: CHECK_ERRORS[name](side))
        return type(error).__name__, str(error)

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


# --- test_util ------------------------------------------------------------------------


@pytest.mark.parametrize("modes", [("fwd",), ("rev",), ("fwd", "rev")])
@pytest.mark.parametrize("name", ["minijax", "jax"])
def test_check_grads(name, modes):
    side = Side(name)
    check_grads = side("test_util").check_grads

    def f(x, y):
        return side.jnp.sin(x) * y["w"] + (x @ x), x.sum()

    args = np.float32([0.3, -1.2]), {"w": np.float32([0.5, 2.0])}
    args = side.tree_util.tree_map(side.jnp.asarray, args)
    check_grads(f, args, order=2, modes=modes, atol=1e-2, rtol=1e-2)
    check_grads(lambda z: z * z, (side.jnp.complex64(1 + 2j),), order=2)

    @side.custom_jvp
    def wrong(x):
        return x**2

    wrong.defjvps(lambda t, ans, x: 3 * x * t)
    with pytest.raises(AssertionError):
        check_grads(wrong, (side.jnp.float32(2),), order=1, modes=modes)


# --- ode ------------------------------------------------------------------------------


def _pendulum(side, y, t, m, g):
    theta, omega = y
    return omega, -m * omega - g * side.jnp.sin(theta)


def _solve(side, *args, **options):
    ode = side("experimental.ode")
    return ode.odeint(
        lambda y, t, *rest: _pendulum(side, y, t, *rest), *args, **options
    )


def _ode_case(side):
    t = side.jnp.linspace(0.0, 3.0, 5)
    y0 = side.jnp.float32(1.2), side.jnp.float32(0.0)
    return y0, t, side.jnp.float32(0.25), side.jnp.float32(9.8)


ODES = {
    "value": lambda s: _solve(s, *_ode_case(s)),
    "tolerances": lambda s: _solve(s, *_ode_case(s), rtol=1e-4, atol=1e-5, hmax=0.1),
    "gradients": lambda s: s.grad(
        lambda y0, t, m, g: _solve(s, y0, t, m, g)[0].sum(), (0, 1, 2, 3)
    )(*_ode_case(s)),
    "vmap": lambda s: s.vmap(
        lambda m: _solve(s, *_ode_case(s)[:2], m, s.jnp.float32(9.8))[1]
    )(s.jnp.array([0.1, 0.5])),
    "closed-over values": lambda s: s.grad(
        lambda k: s("experimental.ode").odeint(
            lambda y, t: -k * y, s.jnp.ones(3), s.jnp.array([0.0, 1.0])
        )[1].sum()
    )(0.5),
    "complex": lambda s: s("experimental.ode").odeint(
        lambda y, t: 1j * y, s.jnp.array([1.0 + 0j]), s.jnp.array([0.0, 1.0, 2.0])),
}  # fmt: skip


@pytest.mark.parametrize("name", ODES)
def test_odeint(name):
    assert_same(ODES[name], rtol=3e-4, atol=3e-5)

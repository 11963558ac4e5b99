"""jax.experimental, jax.example_libraries and jax.test_util, the same body on both sides."""

import importlib
from functools import partial

import numpy as np
import pytest
import scipy.sparse
from sides import Side, assert_same, raised, said

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


# --- example libraries ------------------------------------------------------------------

LAYERS = {
    "dense": lambda stax: (stax.Dense(3), (2, 4)),
    "conv": lambda stax: (stax.Conv(3, (2, 2), (2, 2), "SAME"), (2, 5, 5, 2)),
    "conv transpose": lambda stax: (
        stax.ConvTranspose(3, (2, 2), (2, 2), "SAME"), (2, 4, 4, 2)),
    "conv 1d transpose": lambda stax: (stax.Conv1DTranspose(3, (2,)), (2, 5, 2)),
    "batch norm": lambda stax: (stax.BatchNorm(), (2, 5, 5, 2)),
    "batch norm, one axis": lambda stax: (stax.BatchNorm(axis=(0,), center=False), (4, 3)),
    "max pool": lambda stax: (stax.MaxPool((2, 2), (2, 2), "SAME"), (2, 5, 5, 2)),
    "sum pool": lambda stax: (stax.SumPool((2, 3)), (2, 5, 5, 2)),
    "avg pool": lambda stax: (stax.AvgPool((2, 2), None, "SAME"), (2, 5, 5, 2)),
    "network": lambda stax: (
        stax.serial(
            stax.Conv(4, (3, 3), padding="SAME"), stax.Relu, stax.MaxPool((2, 2)),
            stax.Flatten, stax.FanOut(2),
            stax.parallel(stax.Dense(3), stax.serial(stax.Dense(3), stax.Tanh)),
            stax.FanInSum, stax.Dropout(0.7), stax.shape_dependent(
                lambda shape: stax.Dense(shape[-1])), stax.LogSoftmax,
        ),
        (2, 4, 4, 1),
    ),
    "concatenation": lambda stax: (
        stax.serial(stax.FanOut(2), stax.FanInConcat(), stax.Gelu, stax.Identity), (2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_stax(name):
    def body(side):
        (init, apply), shape = LAYERS[name](side("example_libraries.stax"))
        key = side("random").key(0)
        out_shape, params = init(key, shape)
        x = side.jnp.asarray(np.random.RandomState(0).randn(*shape), "float32")
        return [int(n) for n in side.tree_util.tree_leaves(out_shape)], (
            side.tree_util.tree_leaves(params),
            apply(params, x, rng=key),
        )

    assert_same(body, rtol=2e-5, atol=2e-6)


OPTIMIZERS = {
    "sgd": lambda o: o.sgd(0.1),
    "momentum": lambda o: o.momentum(0.1, 0.9),
    "nesterov": lambda o: o.nesterov(o.exponential_decay(0.1, 3, 0.5), 0.9),
    "adagrad": lambda o: o.adagrad(o.inverse_time_decay(0.1, 3, 0.5)),
    "rmsprop": lambda o: o.rmsprop(o.inverse_time_decay(0.1, 3, 0.5, staircase=True)),
    "rmsprop_momentum": lambda o: o.rmsprop_momentum(
        o.polynomial_decay(0.1, 4, 0.01, 2.0)
    ),
    "adam": lambda o: o.adam(o.piecewise_constant([2, 3], [0.1, 0.05, 0.01])),
    "adamax": lambda o: o.adamax(o.constant(0.1)),
    "sm3": lambda o: o.sm3(0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    def body(side):
        optimizers = side("example_libraries.optimizers")
        init, update, get_params = OPTIMIZERS[name](optimizers)
        params = {"w": side.jnp.ones((2, 3)), "b": (side.jnp.float32(0.5),)}
        state = init(params)

        def step(i, state):
            def loss(p):
                scale = side.jnp.arange(6.0).reshape(2, 3)
                return ((p["w"] * scale - p["b"][0]) ** 2).sum()

            grads = side.grad(loss)(get_params(state))
            return update(i, optimizers.clip_grads(grads, 3.0), state)

        if name != "sm3":  # JAX's keeps shapes among the arrays of its state
            step = side.jit(step)
        for i in range(5):
            state = step(i, state)
        marked = optimizers.unpack_optimizer_state(state)
        packed = optimizers.pack_optimizer_state(marked)
        return side.tree_util.tree_leaves((get_params(state), get_params(packed)))

    assert_same(body, rtol=1e-4, atol=1e-6)


# --- one device, one process ------------------------------------------------------------


def _sharding(side):
    mesh = side.make_mesh((1,), ("x",))
    return side.sharding.NamedSharding(mesh, side.P("x"))


def _call(module, name, *args, **kwargs):
    return lambda side: getattr(side(f"experimental.{module}"), name)(*args, **kwargs)


def _as_text(fun):
    """`fun`, its result as text, or the error's type and text."""

    def body(side):
        try:
            return str(fun(side))
        except Exception as error:
            return type(error).__name__, str(error)

    return body


def _cut_alike(s):
    """Trees that `shard_alike` takes, derivatives and batches of it, and errors."""
    alike, x = (
        s("experimental.shard_alike").shard_alike,
        s.jnp.arange(6.0).reshape(2, 3),
    )
    return [
        s.make_jaxpr(alike)([x], [x + 1]), s.jit(alike)([1, x], [2.0, x]),
        s.grad(lambda x: alike(x, x * 2)[1].sum())(x), s.vmap(alike, (0, None))(x, x[0])[1],
        said(lambda _: alike(x, x[0]), s)[0][:60], said(lambda _: alike([x], x), s)[0][:20],
    ]  # fmt: skip


SINGLE = {
    "cut alike": _cut_alike,
    "device mesh": _call("mesh_utils", "create_device_mesh", (1, 1)),
    "too large a mesh": _call("mesh_utils", "create_device_mesh", (2, 1)),
    "hybrid": _call("mesh_utils", "create_hybrid_device_mesh", (1, 1), (1, 1)),
    "hybrid by process": _call(
        "mesh_utils", "create_hybrid_device_mesh", (1, 1), (1, 1),
        process_is_granule=True),
    "process_allgather": _call("multihost_utils", "process_allgather", np.arange(3)),
    "process_allgather, tiled": _call(
        "multihost_utils", "process_allgather", np.arange(3), tiled=True),
    "sync_global_devices": _call("multihost_utils", "sync_global_devices", "name"),
    "broadcast_one_to_all": _call("multihost_utils", "broadcast_one_to_all", [1, 2.5]),
    "assert_equal": _call("multihost_utils", "assert_equal", np.arange(3)),
    "preemption": _call("multihost_utils", "reached_preemption_sync_point", 1),
    "local to global": lambda s: s("experimental.multihost_utils")
    .host_local_array_to_global_array(np.arange(4), s.make_mesh((1,), ("x",)), s.P("x")),
    "layout": lambda s: s("experimental.layout").Layout((0, 1)),
    "equal layouts": lambda s: s("experimental.layout").Layout((0, 1))
    == s("experimental.layout").Layout((0, 1)),
    "format": lambda s: s("experimental.layout").Format(),
    "layout constraint": lambda s: s("experimental.layout").with_layout_constraint(
        s.jnp.ones((2, 3)), s("experimental.layout").Layout((0, 1))),
    "set_xla_metadata": lambda s: s("experimental.xla_metadata").set_xla_metadata(
        s.jnp.ones(2), note="b"),
    "set_xla_metadata of a function": lambda s: s("experimental.xla_metadata")
    .set_xla_metadata(print, note="b"),
    "from callback": lambda s: s.make_array_from_callback(
        (4,), _sharding(s), lambda index: np.arange(8)[::2][index]),
    "from arrays": lambda s: s.make_array_from_single_device_arrays(
        (4,), _sharding(s), [s.jnp.arange(4)]),
    "from local data": lambda s: s.make_array_from_process_local_data(
        _sharding(s), np.arange(4)),
    "from local data of another shape": lambda s: s.make_array_from_process_local_data(
        _sharding(s), np.arange(4), (5,)),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_one_device(name):
    assert_same(_as_text(SINGLE[name]))


# Arguments of the constructor that JAX's arrays have: dtype, number of parts, committed.
PARTS = [("float32", 1, True), ("float32", 1, False), ("int32", 1, True),
         ("float32", 2, True)]  # fmt: skip


@pytest.mark.parametrize("dtype, n, committed", PARTS)
def test_array_of_parts(dtype, n, committed):
    def body(side):
        x, place = side.jnp.arange(4.0), _sharding(side)
        aval, make = side.core.ShapedArray((4,), np.dtype(dtype)), type(x)
        try:
            out = make(aval, place, [x] * n, committed=committed)
        except ValueError as error:
            return str(error)
        return (
            np.asarray(out).tolist(),
            out.committed,
            not committed or out.sharding == place,
        )

    assert_same(body)


def test_wrong_parts_are_refused():
    def body(side):
        call = side.make_array_from_single_device_arrays
        error = raised(lambda: call((5,), _sharding(side), [side.jnp.arange(4)]))
        return type(error).__name__, str(error).split(" with sharding")[0].split("@")[0]

    theirs, ours = [body(Side(name)) for name in ("jax", "minijax")]
    assert ours[0] == theirs[0] and ours[1].startswith(theirs[1].split("[")[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(4,), (4, 4), (3, 5), (16, 1), (2, 64)])
def test_visualize_array_sharding(shape, capsys):
    said = []
    for name in ("jax", "minijax"):
        side = Side(name)
        side.debug.visualize_array_sharding(side.jnp.zeros(shape), use_color=False)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_live_arrays():
    def body(side):
        side.jnp.arange(12345.0)  # its object may be used again for the next
        x = side.jnp.arange(12345.0)
        mine = [a for a in side.live_arrays() if a.shape == (12345,)]
        x.delete()
        rest = [a for a in side.live_arrays() if a.shape == (12345,)]
        return len(mine), len(rest)

    assert_same(body)


@pytest.mark.parametrize("old", ["pjit", "shard_map"])
def test_old_names_warn(old):
    def body(side):
        with pytest.warns(DeprecationWarning):
            function = getattr(side(f"experimental.{old}"), old)
        if old == "pjit":
            return function(lambda x: x + 1)(np.float32(2))
        mesh = side.sharding.Mesh(np.array(side.devices()), ("x",))
        spec = side.P("x")
        f = function(lambda x: side.lax.psum(x, "x"), mesh, (spec,), side.P())
        return f(side.jnp.arange(3.0))

    assert_same(body)


# --- jet ------------------------------------------------------------------------------

ALONG_CURVES = {
    "smooth": lambda side, x: [
        getattr(side.jnp, name)(x) for name in (
            "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos",
            "arctan", "arcsinh", "arctanh", "sqrt", "cbrt", "expm1", "log1p", "exp2",
            "square", "reciprocal", "abs",
        )
    ],
    "special": lambda side, x: [
        getattr(side.lax, name)(x) for name in (
            "erf", "erfc", "erf_inv", "rsqrt", "logistic", "lgamma", "digamma",
        )
    ],
    "powers": lambda side, x: (x**3, x**-2, x**2.5, 2.0**x, x ** side.jnp.sin(x), x**0),
    "products": lambda side, x: (x @ x, side.jnp.outer(x, x) / x, side.jnp.prod(x)),
    "choices": lambda side, x: (
        side.jnp.maximum(x, 0.5), side.jnp.min(x), side.jnp.where(x > 0.5, x, x * x),
        side.jnp.sort(x), side.jnp.clip(x, 0.4, 0.6), side.jnp.max(side.jnp.stack([x, -x])),
    ),
    "shapes": lambda side, x: (
        side.jnp.pad(x, 1)[::-1], x[np.array([2, 0])], x.at[1].add(x[0]),
        side.jnp.cumsum(x), side.jnp.cumprod(x),
        side.jnp.concatenate([x, x * x]).reshape(2, 3).T,
    ),
    "solutions": lambda side, x: side.jnp.linalg.solve(
        side.jnp.outer(x, x) + side.jnp.eye(3), x
    ),
    "calls": lambda side, x: (
        side.jit(lambda y: side.jnp.sin(y) * y)(x),
        side.checkpoint(lambda y: y * x)(x), side.nn.softplus(x), side.nn.relu(x - 0.4),
    ),
    "cond": lambda side, x: side.lax.cond(x[0] > 0, lambda y: y * y, lambda y: y, x),
    "scan": lambda side, x: side.lax.scan(lambda c, a: (c * a, c + a), 1.0, x),
    "while": lambda side, x: side.lax.while_loop(
        lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * x), (0, x)
    )[1],
}  # fmt: skip


def _curve(side):
    rng = np.random.default_rng(4)
    terms = [side.jnp.asarray(rng.normal(size=3).astype("f")) for _ in range(3)]
    return side.jnp.array([0.3, 0.5, 0.7]), terms


@pytest.mark.parametrize("name", ALONG_CURVES)
def test_jet_gives_derivatives_along_curves(name):
    """Against JAX's forward mode, nested: its own `jet` lacks rules."""

    def body(side):
        x, (a, b, c) = _curve(side)
        if side.name == "minijax":
            fun = lambda v: ALONG_CURVES[name](side, v)  # noqa: E731
            out, terms = side("experimental.jet").jet(fun, (x,), ((a, b, c),))
            whole = [
                [y, *ds] for y, ds in zip(
                    side.tree.leaves(out),
                    side.tree.structure(out).flatten_up_to(terms), strict=True,
                )
            ]  # fmt: skip
            return [np.asarray(d) for ds in whole for d in ds]

        def along(t):
            return ALONG_CURVES[name](side, x + a * t + b * t**2 / 2 + c * t**3 / 6)

        derivatives = [along]
        for _ in range(3):
            derivatives.append(side.jacfwd(derivatives[-1]))
        columns = [side.tree.leaves(side.jit(f)(0.0)) for f in derivatives]
        return [np.asarray(d) for ds in zip(*columns, strict=True) for d in ds]

    assert_same(body, 2e-3, 2e-3)


JETS = [
    lambda j, jnp: j.jet(jnp.sin, (0.3,), ((1.0, 0.0, 0.0),)),
    lambda j, jnp: j.jet(jnp.sin, (jnp.ones(2),), ((jnp.ones(2),),), False),
    lambda j, jnp: j.jet2(jnp.exp, (jnp.ones(2),), ((jnp.ones(2), jnp.ones(2)),)),
    lambda j, jnp: j.jet(lambda x, y: {"a": x * y, "b": (x, 1.0)}, (0.3, 2.0),
                         ((1.0, 2.0), (1.0, 0.5))),
    lambda j, jnp: j.jet(jnp.sin, (0.3,), ((),)),
    lambda j, jnp: j.jet(jnp.sin, (0.3,), ((1, 0),)),
    lambda j, jnp: j.jet(lambda x: jnp.arange(3), (0.3,), ((1.0, 0.0),)),
]  # fmt: skip


@pytest.mark.parametrize("call", JETS)
def test_jet(call):
    assert_same(lambda side: [
        (np.asarray(x), str(getattr(x, "weak_type", type(x).__name__)))
        for x in side.tree.leaves(call(side("experimental.jet"), side.jnp))
    ])  # fmt: skip


def test_jet_inside_other_transformations():
    def body(side):
        jet = side("experimental.jet").jet

        def third(x):
            return jet(side.jnp.sin, (x,), ((1.0, 0.0, 0.0),))[1][2]

        return (
            side.grad(third)(0.3),
            side.vmap(third)(np.ones(2, "f")),
            side.jit(third)(0.3),
        )

    assert_same(body)


@pytest.mark.parametrize("primals, series", [
    ((1.0, 2.0), ((1.0,), (1.0, 2.0))), (((1.0, 2.0),), ((1.0,),)),
    ((1.0,), (((1.0, 2.0),),)),
])  # fmt: skip
def test_jet_refuses(primals, series):
    def refusal(name):
        jet = Side(name)("experimental.jet").jet
        error = raised(lambda: jet(max, primals, series))
        return type(error), str(error)

    assert refusal("minijax") == refusal("jax")


# --- sparse ---------------------------------------------------------------------------

SPARSE = [
    "B", "B.T", "B.sum(0)", "B.data, B.indices", "B.shape, B.nse, B.ndim, B.size, len(B)",
    "B.indices_sorted, B.unique_indices, B.n_sparse, B.n_batch, B.n_dense",
    "B.todense(), B.T.todense(), B.transpose((1, 0)).todense()", "twice.todense()",
    "twice.sum_duplicates().data, twice.sum_duplicates().indices",
    "twice.sort_indices().indices", "B @ v", "jnp.ones(3) @ B", "B @ jnp.ones((4, 2))",
    "jnp.ones((2, 3)) @ B", "B @ np.ones(4)", "B @ jnp.arange(4)", "B @ jnp.ones(3)",
    "(2 * B).todense(), (B / 2).todense(), (-B).todense(), (B * M).data",
    "(B + B).todense(), (B - B).nse, B + M", "B + 1", "B.sum(), B.sum(0).todense()",
    "jax.tree.leaves(B)", "str(jax.tree.structure(B))", "jax.eval_shape(lambda: B)",
    "jax.jit(lambda b, v: b @ v)(B, v)", "jax.vmap(lambda v: B @ v)(jnp.ones((2, 4)))",
    "jax.grad(lambda d: (BCOO((d, B.indices), shape=B.shape) @ v).sum())(B.data)",
    "jax.grad(lambda v: (B @ v).sum())(v)",
    "jax.jit(lambda m: BCOO.fromdense(m, nse=6))(M).data", "BCOO.fromdense(M, nse=7).indices",
    "BCOO.fromdense(M, nse=3).todense()", "jax.jit(lambda m: BCOO.fromdense(m))(M)",
    "BCOO.from_scipy_sparse(scipy).indices", "BCOO.from_scipy_sparse(scipy).data",
    "BCOO((jnp.ones(2), jnp.zeros((3, 2), int)), shape=(2, 2))", "hash(B)",
    "sparse.eye(3, 4, 1).todense()", "sparse.eye(3, k=-1).todense()",
    "sparse.empty((2, 3)).todense()", "sparse.todense(B)", "sparse.todense(v)",
    "B.astype(int).data", "isinstance(B, sparse.JAXSparse)",
    "T", "R", "R * 2", "R.T", "T.sum(0)", "T.T", "B > 1", "B / B", "R.indices, R.indptr",
    "sparse.sparsify(jnp.cos)(B)", "sparse.sparsify(jnp.cumsum)(B)",
    "sparse.grad(lambda a, b: (a @ b).sum(), (0, 1))(B, v)[0].data",
    "jax.vmap(jax.vmap(lambda a: a.data.sum()))(B.update_layout(n_batch=2))",
    "jax.vmap(lambda a, x: a @ x, (0, None))(B.update_layout(n_batch=1), jnp.ones(()))",
    "jax.vmap(lambda a: a)(B)", "jax.vmap(lambda m: BCOO.fromdense(m, nse=2), 0, 1)(M)",
    "jax.vmap(lambda a: a * 2)(T)", "B.update_layout(n_batch=1)",
    "sparse.COO.fromdense(M, nse=6).row, sparse.CSR.fromdense(M, nse=6).indptr",
]  # fmt: skip


def _sparse_names(side):
    jnp, sparse = side.jnp, side("experimental.sparse")
    dense = np.array([[0.0, 1, 0, 2], [3, 0, 0, 0], [0, 0, 4, 5]], np.float32)
    places = jnp.array([[0, 1], [0, 1], [5, 0]])
    return {
        "jax": side.jax,
        "jnp": jnp,
        "np": np,
        "sparse": sparse,
        "BCOO": sparse.BCOO,
        "M": jnp.array(dense),
        "scipy": scipy.sparse.csr_matrix(dense),
        "B": sparse.BCOO.fromdense(jnp.array(dense)),
        "twice": sparse.BCOO((jnp.array([1.0, 2.0, 3.0]), places), shape=(2, 2)),
        "T": sparse.BCOO.fromdense(jnp.array(dense), n_batch=1),
        "R": sparse.BCSR.fromdense(jnp.array(dense)),
        "v": jnp.arange(4.0),
    }


@pytest.mark.parametrize("expression", SPARSE)
def test_sparse(expression):
    """Equal results, sparse ones as text; or errors of one type."""

    def body(side):
        try:
            found = eval(expression, _sparse_names(side))
        except Exception as error:
            return f"raises {type(error).__name__}"
        return (
            str(found)
            if isinstance(found, side("experimental.sparse").JAXSparse)
            else found
        )

    assert_same(body)


def _of_any_layout(sparse, jnp, n_batch, n_dense):
    """Pairs of what a sparse array of a layout gives, and the dense array."""
    dense = np.random.default_rng(0).integers(-2, 3, (3, 4, 2)).astype(np.float32)
    mat = sparse.BCOO.fromdense(jnp.array(dense), n_batch=n_batch, n_dense=n_dense)
    layout = [*range(n_batch)][::-1], [*range(n_batch, 3 - n_dense)][::-1]
    order = [*layout[0], *layout[1], *range(3 - n_dense, 3)]
    kwargs = {"start_indices": (1, 0, 0), "limit_indices": (3, 4, 1)}
    yield mat, dense
    yield sparse.bcoo_transpose(mat, permutation=order), dense.transpose(order)
    yield sparse.bcoo_reduce_sum(mat, axes=(0, 2)), dense.sum((0, 2))
    yield sparse.bcoo_rev(mat, (0, 1)), dense[::-1, ::-1]
    yield sparse.bcoo_slice(mat, **kwargs, strides=(1, 2, 1)), dense[1:3, ::2, :1]
    yield sparse.bcoo_dynamic_slice(mat, (5, 1, -1), (2, 2, 1)), dense[1:, 1:3, 1:]
    yield mat.sum_duplicates(), dense
    yield mat * mat, dense * dense
    yield mat * dense[:1, :, :1], dense * dense[:1, :, :1]
    yield mat + mat.sort_indices(), 2 * dense
    for other in range(4 - n_dense):
        yield mat.update_layout(n_batch=other, on_inefficient=None), dense
    if n_dense == 0:
        vector = np.arange(2, dtype=np.float32)
        yield mat @ vector, dense @ vector
    if n_dense < 3:
        numbers = (((0,), (0,)), ((), ()))
        yield (
            sparse.bcoo_dot_general(mat, dense, dimension_numbers=numbers),
            np.tensordot(dense, dense, (0, 0)),
        )


@pytest.mark.parametrize("n_batch", range(4))
def test_sparse_layouts(n_batch):
    """Whatever axes are batch, sparse or dense, the array is the same."""
    side = Side("minijax")
    sparse, jnp = side("experimental.sparse"), side.jnp
    for n_dense in range(4 - n_batch):
        for found, wanted in _of_any_layout(sparse, jnp, n_batch, n_dense):
            np.testing.assert_allclose(sparse.todense(found), wanted, rtol=1e-5)


def test_sparse_formats():
    """Products, indexing, derivatives and `sparsify`, beside the same of dense arrays."""
    side = Side("minijax")
    jax, jnp, sparse = side.jax, side.jnp, side("experimental.sparse")
    dense = np.array([[0.0, 1, 0, 2], [3, 0, 0, 0], [0, 0, 4, 5]], np.float32)
    vector, matrix = np.arange(4, dtype=np.float32), np.ones((4, 2), np.float32)
    for kind in (sparse.BCOO, sparse.BCSR, sparse.COO, sparse.CSR, sparse.CSC):
        mat = kind.fromdense(jnp.array(dense))
        np.testing.assert_array_equal(mat @ vector, dense @ vector)
        np.testing.assert_array_equal(
            jax.jit(lambda m: m @ matrix)(mat), dense @ matrix
        )
    mat = sparse.BCOO.fromdense(jnp.array(dense))
    np.testing.assert_array_equal((mat @ mat.T).todense(), dense @ dense.T)
    for index in (1, np.s_[1:, ::2], (None, 0), np.s_[:, np.array([[2], [0]])]):
        np.testing.assert_array_equal(mat[index].todense(), dense[index])

    def doubled(use_tracer):
        def fun(a, b):
            a = side.lax.fori_loop(0, 2, lambda _, x: x + x, jnp.abs(a).T)
            return jax.jit(lambda a: a.sum(1))(a) @ b, sparse.todense(a) + 1

        return sparse.sparsify(fun, use_tracer=use_tracer)(mat, vector)

    for use_tracer in (False, True):
        product, moved = doubled(use_tracer)
        np.testing.assert_array_equal(product, 4 * dense.sum(0) @ vector)
        np.testing.assert_array_equal(moved, 4 * dense.T + 1)
    found = sparse.jacrev(lambda a: a @ vector)(mat).todense()
    wanted = np.einsum("ij,jk->ijk", np.eye(3), np.ones((3, 4))) * vector
    np.testing.assert_array_equal(found, np.where(dense, wanted, 0))
    system = sparse.CSR.fromdense(jnp.array(dense[:, :3] + np.eye(3)))
    solved = sparse.linalg.spsolve(*jax.tree.leaves(system), jnp.array(vector[:3]))
    np.testing.assert_allclose(system @ solved, vector[:3], atol=1e-5)


def _largest(side, call):
    linalg = side("experimental.sparse.linalg")
    rng = np.random.default_rng(3)
    a = rng.normal(size=(24, 24)).astype(np.float32)
    return call(
        linalg, (a + a.T).astype(np.float32), rng.normal(size=(24, 3)).astype("f")
    )


LARGEST = {
    "matrix": lambda linalg, a, x: linalg.lobpcg_standard(a, x, m=60, tol=1e-6)[0],
    "function": lambda linalg, a, x: linalg.lobpcg_standard(lambda v: a @ v, x, 60)[0],
    "history": lambda linalg, a, x: linalg._lobpcg_standard_matrix(
        a, x, 4, 0.0, debug=True)[3]["lambda history"],
}  # fmt: skip


@pytest.mark.parametrize("name", LARGEST)
def test_largest_eigenvalues(name):
    assert_same(lambda side: _largest(side, LARGEST[name]), rtol=1e-3)


def test_largest_eigenvalues_have_their_vectors():
    def call(linalg, a, x):
        w, v, turns = linalg.lobpcg_standard(a, x, 60, 1e-6)
        np.testing.assert_allclose(a @ v, v * w, atol=4e-3)
        return turns < 60

    assert _largest(Side("minijax"), call)


@pytest.mark.parametrize(
    "shape, columns", [((24, 24), 0), ((24, 24), 5), ((20, 24), 3)]
)
def test_what_has_no_largest_eigenvalues(shape, columns):
    def body(side):
        search = side("experimental.sparse.linalg").lobpcg_standard
        return str(
            raised(lambda: search(np.ones(shape, "f"), np.ones((24, columns), "f")))
        )

    assert_same(body)


def test_scatter_nowhere():
    """Scatters into arrays without elements write nothing."""

    def body(side):
        where = side.jnp.array([0, 1])
        none = side.jnp.zeros((0, 3))
        return (
            none.at[where].add(1.0),
            none.at[where].set(1.0),
            none.T.at[0, where].max(1),
        )

    assert_same(body)


# --- what matters where there are several devices --------------------------------------


def _whole(side):
    """Functions that could run elsewhere, or divided, run as they are."""
    jnp, on = side.jnp, side("experimental.compute_on")
    with on.compute_on("device_host"):
        x = jnp.arange(3.0) + 1
    space = getattr(side.typeof(x), "memory_space", None)
    twice = on.compute_on2(
        lambda x: x * 2, compute_type="device_host", out_memory_spaces=space
    )
    divided = side("experimental.custom_partitioning").custom_partitioning(
        lambda x: x + 1
    )
    divided.def_partition(lambda *args: args, sharding_rule="i -> i")
    grouped = side("experimental.scheduling_groups").scheduling_group(name="a")
    return twice(x), divided(x), side.jit(divided)(x), grouped(lambda x: x - 1)(x)


def test_run_whole():
    assert_same(_whole)
    for wrong in ("gpu", 3):

        def refusal(side, wrong=wrong):
            on = side("experimental.compute_on").compute_on
            return repr(raised(lambda: on(wrong).__enter__()))

        assert refusal(Side("minijax")) == refusal(Side("jax"))


# --- transfer guards ------------------------------------------------------------------

TRANSFERS = [
    "jax.device_put(n)", "f(n)", "f(1.0)", "f(x)", "x + n", "x + 1.0", "jnp.asarray(n)",
    "jnp.asarray([1, 2])", "jnp.zeros(3)", "jnp.arange(3)", "jnp.sin(n)", "-x",
    "np.asarray(x)", "jax.device_get(x)",
]  # fmt: skip


def _refused(transfer, names):
    """What a transfer's error says first, "" where there is none."""
    try:
        eval(transfer, names)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:70]}"
    return ""


@pytest.mark.parametrize("level", ["disallow", "disallow_explicit", "log", "allow"])
def test_transfer_guard(level):
    """The same transfers are refused; the innermost guard decides."""

    def body(side):
        jax, jnp = side.jax, side.jnp
        names = {"jax": jax, "jnp": jnp, "np": np, "n": np.ones(3, np.float32)}
        names |= {"x": jnp.ones(3), "f": jax.jit(lambda x: x * 2)}
        found = [eval(transfer, names) is None for transfer in TRANSFERS]
        for transfer in TRANSFERS:
            with jax.transfer_guard(level):
                found.append(_refused(transfer, names))
        with jax.transfer_guard(level), jax.transfer_guard_host_to_device("allow"):
            jnp.ones(1)
        with jax.transfer_guard_host_to_device(level), jax.transfer_guard("allow"):
            jnp.ones(1)
        return found

    assert_same(body)


# --- functions beside devices, and managers of checkpoints ----------------------------


def _colocated(side, fun=lambda x: x + 1):
    return side("experimental.colocated_python").colocated_python(fun)


def _counter(side):
    class Counter:
        """Counts the calls of its method."""

        def __init__(self, start):
            self.count = start

        def add(self, x):
            self.count += 1
            return x + self.count

    return side("experimental.colocated_python").colocated_python_class(Counter)


def _counted(side, start, *xs):
    counter = _counter(side)(start)
    return (
        [counter.add(x) for x in xs],
        hasattr(counter, "count"),
        _counter(side).__doc__,
    )


COLOCATED = {
    "tree": lambda s, x: _colocated(s, lambda x, y: {"a": x + y, "b": None})(x, y=x),
    "array of numpy's": lambda s, x: _colocated(s)(np.ones(3)),
    "number": lambda s, x: _colocated(s)(3),
    "number out": lambda s, x: _colocated(s, lambda x: 3)(x),
    "nothing": lambda s, x: _colocated(s, lambda: s.jnp.ones(2))(),
    "devices": lambda s, x: _colocated(s, partial(s.jnp.ones, 2)).specialize(
        devices=s.devices()
    )(),
    "devices twice": lambda s, x: (
        _colocated(s).specialize(devices=s.devices()).specialize(devices=s.devices())
    ),
    "error within": lambda s, x: _colocated(s, lambda x: {}[1])(x),
    "object": lambda s, x: _counted(s, 3, x, x, x),
    "no attributes": lambda s, x: _counter(s)(3).count,
    "cpu devices": lambda s, x: (
        s("experimental.colocated_python").colocated_cpu_devices(s.devices())
        == s.devices()
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", COLOCATED)
def test_colocated(case):
    def found(side):
        try:
            return COLOCATED[case](side, side.jnp.arange(3))
        except Exception as error:
            return type(error).__name__, str(error)

    assert_same(found)


def _serialization():
    # JAX's own module cannot be imported without tensorstore.
    return Side("minijax")("experimental.array_serialization.serialization")


def test_a_manager_of_checkpoints_says_what_it_does():
    base = _serialization().GlobalAsyncCheckpointManagerBase
    names = ["check_for_errors", "wait_until_finished", "serialize", "deserialize"]
    whole = dict.fromkeys(names, print)
    type("Manager", (base,), whole)()
    del whole["serialize"]
    assert "serialize" in str(raised(type("Manager", (base,), whole)))


def test_where_tensorstore_keeps_an_array():
    spec = _serialization().get_tensorstore_spec
    assert spec("/a/b/") == {
        "driver": "zarr", "kvstore": {"driver": "file", "path": "/a/b"}
    }  # fmt: skip
    base = {"driver": "file", "path": "/a/process_2"}
    assert spec("/a/b", ocdbt=True, process_idx=2)["kvstore"] == {
        "driver": "ocdbt", "base": base, "path": "b"
    }  # fmt: skip
    assert spec("/a/b", arr=np.ones((2, 0)))["metadata"]["chunks"] == [2, 1]
    assert "absolute" in str(raised(lambda: spec("b", ocdbt=True)))


def test_arrays_come_back_from_files(tmp_path):
    pytest.importorskip("tensorstore")
    manager, side, said = (
        _serialization().GlobalAsyncCheckpointManager(),
        Side("minijax"),
        [],
    )
    arrays = [side.jnp.arange(6.0).reshape(2, 3), side.jnp.ones(4, "bfloat16")]
    paths = [tmp_path / "0", tmp_path / "1"]
    manager.serialize_with_paths(
        arrays, paths, on_commit_callback=lambda: said.append(1)
    )
    places = [side("sharding").SingleDeviceSharding(side.devices()[0])] * 2
    found = manager.deserialize_with_paths(places, paths, [(3, 2), (4,)])
    assert (said, found[1].dtype) == ([1], "bfloat16")
    np.testing.assert_array_equal(found[0], [[0, 1], [3, 4], [0, 0]])


# --- what is there to be imported only ----------------------------------------------------


def test_kernels_by_hand_are_called_missing():
    """Libraries import `pallas` for accelerators; only what it lacks is refused."""
    for name in ("pallas", "pallas.tpu", "pallas.triton", "pallas.mosaic_gpu"):
        module = importlib.import_module(f"minijax.experimental.{name}")
        with pytest.raises(
            AttributeError, match=f"not have jax.experimental.{name}.load"
        ):
            _ = module.load


def test_version_of_the_library():
    assert_same(lambda side: side("lib").__version__)

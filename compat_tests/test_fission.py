"""Distributing loops: which products leave a scan, and that the values stay JAX's."""

import numpy as np
import pytest

import minijax
import minijax.numpy as jnp
from compat_tests.sides import NAMES, Side, assert_same
from minijax.transforms import simplify as simplify_module
from minijax.transforms.simplify import simplify

RNG = np.random.default_rng(7)
T, B, N, M = 9, 2, 5, 7


def _normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


XS, H0, WX, WH, WO = (
    _normal(T, B, N),
    _normal(B, M),
    _normal(N, M),
    _normal(M, M),
    _normal(M, N),
)


def _rnn(side, wx, wh, wo, xs, h0=H0, reverse=False):
    def step(h, x):
        h = side.jnp.tanh(x @ wx + h @ wh)
        return h, side.jnp.sin(h @ wo + 1.0)

    return side.lax.scan(step, h0, xs, reverse=reverse)


def _lstm(side, wx, wh, xs):
    def step(carry, x):
        h, c = carry
        i, f, g, o = side.jnp.split(x @ wx + h @ wh, 4, -1)
        c = side.nn.sigmoid(f) * c + side.nn.sigmoid(i) * side.jnp.tanh(g)
        h = side.nn.sigmoid(o) * side.jnp.tanh(c)
        return (h, c), h

    zero = side.jnp.zeros((B, M))
    return side.lax.scan(step, (zero, zero), xs)[1]


def rnn(side):
    return lambda wx, wh, wo, xs: _rnn(side, wx, wh, wo, xs)


def rnn_backwards(side):
    return lambda wx, wh, wo, xs: _rnn(side, wx, wh, wo, xs, reverse=True)


def rnn_gradient(side):
    def loss(wx, wh, wo, xs):
        return (_rnn(side, wx, wh, wo, xs)[1] ** 2).sum()

    return side.grad(loss, (0, 1, 2, 3))


def lstm_gradient(side):
    wx4, wh4 = np.tile(WX, 4) * 0.5, np.tile(WH, 4) * 0.25

    def loss(wx, wh, xs):
        return (_lstm(side, wx, wh, xs) ** 2).sum()

    return lambda wx, wh, wo, xs: side.grad(loss, (0, 1, 2))(wx4, wh4, xs)


def a_batch_of_rnns(side):
    return lambda wx, wh, wo, xs: side.vmap(lambda h: _rnn(side, wx, wh, wo, xs, h0=h))(
        np.stack([H0, 2 * H0, -H0])
    )


def mapped_product(side):
    return lambda wx, wh, wo, xs: side.lax.map(lambda x: side.jnp.tanh(x @ wx), xs)


def the_carry_itself_is_projected(side):
    def step(h, x):
        return side.jnp.tanh(h @ WH) + x.sum(), h @ WO

    return lambda wx, wh, wo, xs: side.lax.scan(step, H0, xs)


def a_product_twice_in_the_outputs(side):
    def step(h, x):
        y = h @ WO
        return side.jnp.cos(h), (y, y)

    return lambda wx, wh, wo, xs: side.lax.scan(step, H0, xs)


def a_sum_that_is_also_read(side):
    def step(total, x):
        total = total + x.T @ x
        return total, total.sum()

    return lambda wx, wh, wo, xs: side.lax.scan(step, side.jnp.zeros((N, N)), xs)


def sums_of_products_and_of_slices(side):
    def step(carry, x):
        product, total = carry
        y = side.jnp.sin(x)
        return (product + (x.T @ y).T, total + y.sum(0)), None

    start = side.jnp.ones((N, N)), side.jnp.ones(N)
    return lambda wx, wh, wo, xs: side.lax.scan(step, start, xs)


def products_of_integers(side):
    def step(total, x):
        return total + x.T @ x, x @ np.arange(N * 3).reshape(N, 3).astype(np.int32)

    xs = np.arange(T * B * N, dtype=np.int32).reshape(T, B, N)
    zero = side.jnp.zeros((N, N), np.int32)
    return lambda *_: side.lax.scan(step, zero, xs)


def loops_in_loops(side):
    def outer(h, x):
        h, ys = _rnn(side, WX, WH, WO, x * XS, h0=h)
        return h, ys.sum(0) @ WX

    scales = np.linspace(0.5, 1.5, 6, dtype=np.float32)
    return lambda *_: side.lax.scan(outer, H0, scales)


def a_weight_made_in_the_loop(side):
    def step(h, x):
        return side.jnp.tanh(h + x @ (2 * WX)), side.jnp.cos(h @ side.jnp.exp(WO))

    return lambda wx, wh, wo, xs: side.lax.scan(step, H0, xs)


def three_turns(side):
    return lambda wx, wh, wo, xs: _rnn(side, wx, wh, wo, xs[:3])


# name -> (function of a side, products that stay in the scans, in all)
PROGRAMS = {
    f.__name__: (f, inside, total)
    for f, inside, total in [
        (rnn, 1, 3),
        (rnn_backwards, 1, 3),
        (rnn_gradient, 2, 9),
        (lstm_gradient, 2, 6),
        (a_batch_of_rnns, 1, 3),
        (mapped_product, 0, 1),
        (the_carry_itself_is_projected, 1, 2),
        (a_product_twice_in_the_outputs, 1, 1),
        (a_sum_that_is_also_read, 1, 1),
        (sums_of_products_and_of_slices, 0, 1),
        (products_of_integers, 0, 2),
        (loops_in_loops, 1, 4),
        (a_weight_made_in_the_loop, 0, 2),
        (three_turns, 3, 3),
    ]
}


def _products(jaxpr, in_scan=False):
    """(products inside scans, products in all) of a jaxpr."""
    inside = total = 0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            total, inside = total + 1, inside + in_scan
        elif eqn.primitive.name == "scan":
            found = _products(eqn.params["jaxpr"].jaxpr, True)
            inside, total = inside + found[0], total + found[1]
    return inside, total


@pytest.mark.parametrize("name", PROGRAMS)
def test_products_leave_the_loop(name):
    fun, inside, total = PROGRAMS[name]
    closed = simplify(minijax.make_jaxpr(fun(Side("minijax")))(WX, WH, WO, XS))
    assert _products(closed.jaxpr) == (inside, total)


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_stay(name):
    fun = PROGRAMS[name][0]
    assert_same(lambda side: side.jit(fun(side))(WX, WH, WO, XS), 2e-5, 2e-5)


# Steps of a random body, from the carries and two values that are there.
STEPS = [
    lambda c, p, q: p @ q,
    lambda c, p, q: (p.T @ q).T,
    lambda c, p, q: p + q,
    lambda c, p, q: p * q,
    lambda c, p, q: jnp.tanh(p),
    lambda c, p, q: jnp.sin(p).T,
    lambda c, p, q: jnp.broadcast_to(p.sum(0), p.shape),
    lambda c, p, q: c[0] + p,
    lambda c, p, q: jnp.exp(-p * p),
]


def _random_scan(rng):
    """A function of (weights, xs, carries) that scans a random body."""
    n_carry, n_outs = rng.integers(1, 4), rng.integers(0, 4)
    steps = [
        (STEPS[rng.integers(len(STEPS))], *rng.random(2))
        for _ in range(rng.integers(4, 12))
    ]
    picked, adds = rng.random(n_carry + n_outs), rng.random(n_carry) < 0.5
    reverse = bool(rng.random() < 0.3)

    def fun(weights, xs, carries):
        def body(carry, x):
            values = [*carry, x, *weights]
            for step, a, b in steps:
                p, q = values[int(a * len(values))], values[int(b * len(values))]
                values.append(step(carry, p, q))
            outs = [values[int(place * len(values))] for place in picked]
            carry = [
                c + out if add else jnp.tanh(out)
                for c, out, add in zip(carry, outs, adds, strict=False)
            ]
            return carry, outs[n_carry:]

        return minijax.lax.scan(body, carries, xs, reverse=reverse)

    turns, n = rng.integers(4, 9), rng.integers(2, 4)
    arrays = [rng.standard_normal((k, n, n)).astype("f") for k in (2, turns, n_carry)]
    return fun, (list(arrays[0] / 2), arrays[1], list(arrays[2]))


@pytest.mark.parametrize("seed", range(16))
def test_random_bodies(seed, monkeypatch):
    """Distributed or not, a random scan and its gradient have the same values."""
    fun, args = _random_scan(np.random.default_rng(seed))

    def loss(*args):
        return sum((jnp.tanh(x) ** 2).sum() for x in minijax.tree.leaves(fun(*args)))

    for each in (fun, minijax.grad(loss, (0, 1, 2))):
        got = minijax.jit(lambda *a, each=each: each(*a))(*args)
        with monkeypatch.context() as patch:
            patch.setattr(simplify_module, "fission", lambda closed: closed)
            want = minijax.jit(lambda *a, each=each: each(*a))(*args)
        for x, y in zip(
            minijax.tree.leaves(got), minijax.tree.leaves(want), strict=True
        ):
            scale = max(1e-3, float(jnp.abs(y).max()))
            np.testing.assert_allclose(x, y, rtol=3e-4, atol=3e-4 * scale)


def test_memory_stays_within_bounds():
    """Products that would take more than the loop's own arrays and 4 MB stay inside."""

    def long(wide):
        weight = minijax.numpy.ones((1, wide))
        return minijax.lax.map(lambda x: (x @ weight).max(), np.ones((1000, 1, 1), "f"))

    for wide, inside in ((100, 0), (10_000, 1)):
        closed = simplify(minijax.make_jaxpr(lambda wide=wide: long(wide))())
        assert _products(closed.jaxpr) == (inside, 1)


def test_effects_stay_in_order():
    """A product that is printed stays where it is printed."""

    def run(side, seen):
        def step(h, x):
            y = h @ WO
            side.debug.callback(lambda v: seen.append(float(v)), y.sum(), ordered=True)
            return side.jnp.tanh(h) + x.sum(), y

        side.block_until_ready(side.jit(lambda: side.lax.scan(step, H0, XS))())
        return seen

    theirs, ours = (run(Side(name), []) for name in NAMES)
    np.testing.assert_allclose(ours, theirs, 1e-5)


def _value_iteration(side, turns):
    """Turns of v <- max(R + 0.9 T v), the products in the loop's constants."""

    def run(transitions, rewards):
        def turn(state):
            v, k = state
            scaled = 0.9 * transitions * side.jnp.exp(-rewards).sum()
            return (rewards + scaled @ v).max(0, keepdims=True).T[:, 0], k + 1

        start = rewards[0], 0
        return side.lax.while_loop(lambda s: s[1] < turns(rewards), turn, start)

    return run


def test_constants_of_a_while_loop_are_computed_before_it():
    args = np.full((3, 3), 0.2, "f"), np.eye(3, dtype="f")
    closed = simplify(
        minijax.make_jaxpr(_value_iteration(Side("minijax"), lambda r: 4))(*args)
    )
    (loop,) = [e for e in closed.jaxpr.eqns if e.primitive.name == "while"]
    inside = {e.primitive.name for e in loop.params["body_jaxpr"].jaxpr.eqns}
    assert "exp" not in inside and "mul" not in inside and "dot_general" in inside
    for turns in (0, 1, 4):
        assert_same(
            lambda side, turns=turns: side.jit(
                _value_iteration(side, lambda r: turns + r[0, 1].astype(int))
            )(*args),
            1e-6,
            1e-6,
        )


def _escape(side):
    """Turns until a number leaves a circle, or for ever stays in it."""

    def turns(c, most):
        def goes_on(state):
            z, k = state
            return (k < most) & (side.jnp.log(side.jnp.abs(z) + 1) < 1)

        def turn(state):
            z, k = state
            return z * z + c, k + 1

        return side.lax.while_loop(goes_on, turn, (side.jnp.zeros_like(c), 0))

    return turns


def _halving(side):
    """A body that has nothing of the condition but what `vmap` puts there, and constants."""

    def halved(x, least):
        return side.lax.while_loop(
            lambda s: side.jnp.log(s[0]) > least,
            lambda s: (s[0] / 2, s[1] + x),
            (x, 0 * x),
        )

    return halved


def _swapped(side):
    """A body that makes the condition's value of another carry: nothing is made twice."""

    def run(x, y):
        return side.lax.while_loop(
            lambda s: side.jnp.log(s[0]).sum() > 0,
            lambda s: (s[1], s[0] / 3 + 0 * side.jnp.log(s[1])),
            (x, y),
        )

    return run


_COMPLEX = (_normal(6, 5) + 1j * _normal(6, 5)).astype("complex64")
_POSITIVE = 1 + abs(_normal(40))


@pytest.mark.parametrize(
    ("loop", "axes", "args", "logs"),
    [
        (_escape, [(0, None)], (_COMPLEX.ravel(), 9), 1),
        (_escape, [(0, None), (0, None)], (_COMPLEX, 9), 1),
        (_escape, [(0, 0)], (_COMPLEX.ravel(), np.arange(30)), 1),
        (_escape, [(0, None)], (_COMPLEX[0], 9), 2),  # of few elements
        (_halving, [(0, None)], (_POSITIVE, -1.0), 1),
        (_halving, [(None, 0)], (3.0, -_POSITIVE), 1),
        (_halving, [(0, None)], (_POSITIVE / 99, 1.0), 1),
        (_swapped, [], (_POSITIVE, _POSITIVE + 1), 2),
    ],
)
def test_a_condition_is_computed_once_a_turn(loop, axes, args, logs):
    def mapped(side):
        fun = loop(side)
        for axis in axes:
            fun = side.vmap(fun, axis)
        return fun

    closed = simplify(minijax.make_jaxpr(mapped(Side("minijax")))(*args))
    (eqn,) = [e for e in closed.jaxpr.eqns if e.primitive.name == "while"]
    inside = [
        e.primitive.name
        for part in ("cond_jaxpr", "body_jaxpr")
        for e in eqn.params[part].jaxpr.eqns
    ]
    assert inside.count("log") == logs
    assert_same(lambda side: side.jit(mapped(side))(*args), 1e-6, 1e-6)

"""Calls, loops and branches that read tangents and known values alike: what is known in
them is computed, the rest is transposed, on both sides.
"""

import numpy as np
import pytest
from sides import NAMES, Side, assert_same

X = np.arange(1, 4, dtype=np.float32)


def grown(side, p, t):
    """Decaying known values in a carry and in stacked results, beside linear ones."""

    def body(carry, _):
        p, t = carry
        return (p * 0.9, t * p), (p, p * t)

    return side.lax.scan(body, (p, t), None, 3, reverse=True)


def counted(side, p, t):
    return side.lax.fori_loop(
        1, 4, lambda i, c: (c[0] * i, c[1] * c[0] + i * c[1]), (p, t)
    )


def nested(side, p, t):
    def body(c, _):
        c = side.lax.scan(lambda d, _: ((d[0] + 1, d[1] * d[0]), None), c, None, 2)[0]
        return c, c[0] * c[1]

    return side.lax.scan(body, (p, t), None, 2)


def chosen(side, p, t):
    return side.lax.switch(
        side.jnp.argmax(p),
        [lambda p, t: (p, t), lambda p, t: (p, t * p), lambda p, t: (p * 2, 3 * t)],
        p, t,
    )  # fmt: skip


def product(pair):
    return pair[0] * pair[1]


def both(side, p, t):
    return side.jnp.cos(p), t * p


# Functions of known values and tangents, linear in the tangents
TANGENTS = {
    "jit": lambda s, p, t: product(s.jit(lambda p, t: both(s, p, t))(p, t)),
    "jit of a loop": lambda s, p, t: s.jit(lambda p, t: counted(s, p, t)[1])(p, t),
    "checkpoint": lambda s, p, t: product(s.checkpoint(lambda *a: both(s, *a))(p, t)),
    "checkpoint of a loop": lambda s, p, t: s.checkpoint(
        lambda p, t: counted(s, p, t)[1]
    )(p, t),
    "scan": lambda s, p, t: product(grown(s, p, t)[0]) + product(grown(s, p, t)[1]).sum(0),
    "scan over slices": lambda s, p, t: s.lax.scan(
        lambda c, x: (c + x[0] * x[1], x[0]), np.float32(0), (p, t))[0] + t,
    "counted": lambda s, p, t: product(counted(s, p, t)),
    "nested": lambda s, p, t: nested(s, p, t)[1].sum(0),
    "switch": lambda s, p, t: product(chosen(s, p, t)),
}  # fmt: skip


def with_rule(side, tangent):
    f = side.custom_jvp(side.jnp.sin)
    f.defjvp(lambda p, t: (f(*p), tangent(side, p[0], t[0])))
    return f


@pytest.mark.parametrize("name", TANGENTS)
def test_rule(name):
    """Each within a rule of custom_jvp, which is linearized, transposed, looped, batched."""

    def body(side):
        f = with_rule(side, TANGENTS[name])
        total = lambda x: (f(x) ** 2).sum()  # noqa: E731

        def every(x):
            looped = side.lax.scan(lambda c, _: (f(c), c[0]), x, None, 2)
            return side.grad(total)(x), side.hessian(total)(x), looped

        def slopes(x):
            loop = lambda x: every(x)[2][0].sum()  # noqa: E731
            again = side.checkpoint(lambda x: f(x).sum())
            return *every(x)[:2], side.grad(loop)(x), side.grad(again)(x)

        whole = side.jit(
            lambda x: (slopes(x), side.vmap(side.grad(total))(x[None] + 1))
        )
        return whole(X)

    assert_same(body)


@pytest.mark.parametrize("name", ["jit", "counted"])
def test_eagerly(name):
    assert_same(lambda s: s.grad(lambda x: with_rule(s, TANGENTS[name])(x).sum())(X))


@pytest.mark.parametrize("name", TANGENTS)
def test_linear_transpose(name):
    assert_same(lambda s: s.linear_transpose(lambda t: TANGENTS[name](s, X, t), X)(X))


def test_linear_solve():
    def body(side):
        def solve(d, b):
            scale = lambda t: counted(side, d, t)[1]  # noqa: E731
            return side.lax.custom_linear_solve(
                scale, b, *[lambda _, b: b / scale(np.ones_like(X))] * 2
            )

        return side.grad(lambda d, b: (solve(d, b) ** 2).sum(), (0, 1))(X, X + 1)

    assert_same(body)


@pytest.mark.parametrize("name", ["jit", "counted"])
def test_jaxpr(name):
    """What is known is computed on the way forward, as in JAX."""
    shown = []
    for side in map(Side, NAMES):
        f = with_rule(side, TANGENTS[name])
        shown.append(str(side.make_jaxpr(side.grad(lambda x, f=f: f(x).sum()))(X)))
    assert shown[0] == shown[1]

"""jax.experimental.jet against itself, and against nested forward mode."""

import numpy as np
import pytest
from sides import Side, assert_same, raised

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
        columns = side.jit(lambda t: [side.tree.leaves(f(t)) for f in derivatives])(0.0)
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
    lambda j, jnp: j.jet(jnp.sin, (3,), ((1.0, 0.5),)),
    lambda j, jnp: j.jet(jnp.cos, (2,), ((1, 3),)),
    lambda j, jnp: j.jet(lambda n: (n, jnp.exp(n)), (2,), ((0.5,),)),
    lambda j, jnp: j.jet(lambda x, n: x * n.astype(float), (jnp.ones(2), 3),
                         ((jnp.ones(2),), (2.0,))),
    lambda j, jnp: j.jet(lambda x, n: jnp.where(n > 1, x, -x), (jnp.ones(2), 3),
                         ((jnp.ones(2),), (2.0,))),
    lambda j, jnp: j._logistic_taylor((jnp.ones(2),), ([jnp.ones(2)] * 2,)),
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


def test_integers_do_not_move_unnoticed():
    for name in ("jax", "minijax"):
        jet = Side(name)("experimental.jet").jet
        for fun in (lambda n: n * 2, lambda n: n + 1, lambda n: n * n):
            with pytest.raises(TypeError, match="same dtypes"):
                jet(fun, (3,), ((1.0, 0.5),))

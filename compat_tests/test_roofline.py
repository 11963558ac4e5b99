"""`jax.experimental.roofline` against JAX's: the same counts for the same functions."""

import numpy as np
import pytest
from sides import Side

SIDES = Side("jax"), Side("minijax")

UNARY = (
    "abs acos asin atan cbrt ceil cos cosh exp expm1 floor is_finite log log1p logistic neg "
    "round rsqrt sign sin sinh sqrt square tan bessel_i0e bessel_i1e digamma erf_inv erf "
    "erfc lgamma"
)


def _struct(side, *shape, dtype="float32"):
    return side.ShapeDtypeStruct(shape, np.dtype(dtype))


def _unary(name):
    return lambda side: (getattr(side.lax, name), _struct(side, 3, 8))


def _binary(side):
    def f(x, y):
        x = (x ^ y) | (x & y) + x - y * x
        return x / y, x < y, x <= y, x == y, side.numpy.maximum(x, y), x % y

    x = _struct(side, 3, 8, dtype="int32")
    return f, x, x


def _broadcast(side):
    return lambda x, y: (x + y) * 2.0 + y, _struct(side, 3, 8), _struct(side, 1, 1)


def _nested(side):
    @side.custom_jvp
    def inner(x):
        return side.numpy.sin(x) + x**2

    inner.defjvp(lambda p, t: (inner(*p), t[0]))

    def f(x, y):
        return side.jit(lambda x: x * y)(x) + side.jit(inner)(y) @ y.T

    return f, _struct(side, 1, 4), _struct(side, 4, 4)


def _conv(padding, strides, dilation, batch_groups=1, groups=1):
    def case(side):
        def f(x, w):
            return side.lax.conv_general_dilated(
                x, w, strides, padding, dilation, feature_group_count=groups,
                batch_group_count=batch_groups,
            )  # fmt: skip

        return f, _struct(side, 6, 6, 10, 11), _struct(side, 6, 6 // groups, 3, 2)

    return case


def _reductions(side):
    def f(x):
        jnp, lax = side.numpy, side.lax
        sums = jnp.sum(x), jnp.sum(x, 0), jnp.sum(x, 1)
        return sums, lax.cummax(x, 1), lax.cumsum(x), lax.cumlogsumexp(x, 1)

    return f, _struct(side, 11, 4)


def _gather(mode):
    def case(side):
        numbers = side.lax.GatherDimensionNumbers((1,), (0,), (0,))

        def f(x, i):
            return side.lax.gather(
                x, i, numbers, (1, 3), mode=side.lax.GatherScatterMode.from_any(mode)
            )

        return f, _struct(side, 3, 3), _struct(side, 2, 1, dtype="int32")

    return case


def _scatter(name):
    def case(side):
        numbers = side.lax.ScatterDimensionNumbers((1,), (0,), (0,))

        def f(x, i, y):
            return getattr(side.lax, name)(x, i, y, numbers)

        x, i = _struct(side, 3, 3), _struct(side, 2, 1, dtype="int32")
        return f, x, i, _struct(side, 2, 3)

    return case


def _others(side):
    def f(x):
        side.debug.callback(lambda x: None, x)
        out = side.pure_callback(lambda x: x, x, x)
        return side.lax.select(out > 0, out, x), x.T.reshape(-1)

    return f, _struct(side, 3, 4)


CASES = {
    **{name: _unary(name) for name in UNARY.split()},
    "binary": _binary,
    "broadcast": _broadcast,
    "nested": _nested,
    "reductions": _reductions,
    "conv same": _conv("SAME", (1, 1), (1, 1)),
    "conv strides": _conv([(1, 2), (3, 4)], (2, 3), (1, 1)),
    "conv dilated": _conv([(1, 2), (3, 4)], (2, 3), (3, 2)),
    "conv spread": _conv([(1, 2), (-1, 4)], (4, 1), (6, 4)),
    "conv batch groups": _conv("VALID", (1, 1), (1, 1), batch_groups=3),
    "conv groups": _conv("VALID", (1, 1), (1, 1), groups=3),
    "gather": _gather("clip"),
    "gather filled": _gather("fill"),
    "scatter": _scatter("scatter"),
    "scatter_add": _scatter("scatter_add"),
    "scatter_max": _scatter("scatter_max"),
    "others": _others,
}

FIELDS = (
    "flops", "unfused_flops", "hbm_bytes", "unfused_hbm_bytes", "peak_hbm_bytes",
    "ici_bytes", "ici_latency",
)  # fmt: skip


def _counts(result):
    return {name: getattr(result, name) for name in FIELDS}


@pytest.mark.parametrize("name", CASES)
def test_counts(name):
    def told(side):
        fun, *args = CASES[name](side)
        shapes, result = side("experimental.roofline").roofline(fun)(*args)
        return _counts(result), [str(x.dtype) for x in side.tree.leaves(shapes)]

    assert told(SIDES[1]) == told(SIDES[0])


def test_one_sized_axis():
    def told(side):
        roofline, lax = side("experimental.roofline"), side.lax
        mesh, spec = side.make_mesh((1,), ("x",)), side.P("x")

        def f(a):
            a = lax.all_gather(a, "x", axis=1, tiled=True)
            return lax.psum(a * 2, "x") + a

        args = f, mesh, spec, spec
        x = side.ShapeDtypeStruct(
            (8, 8), np.float32, sharding=side.NamedSharding(mesh, spec)
        )
        shapes, result = roofline.roofline(*args)(x)
        _, forward, both = roofline.roofline_and_grad(*args)(x)
        told = [str(shapes.sharding.spec), *map(_counts, (result, forward))]
        return [*told, both.unfused_flops > 0]

    assert told(SIDES[1]) == told(SIDES[0])


def test_results_add_up():
    def told(side):
        make = side("experimental.roofline").RooflineResult
        a = make(flops=3, ici_bytes={"x": 1}, peak_hbm_bytes=5)
        b = make(flops=4, ici_bytes={"y": 2}, peak_hbm_bytes=2, unfused_flops=9)
        return _counts(a + b), _counts(1.5 * (a + b)), _counts(make.zeros())

    assert told(SIDES[1]) == told(SIDES[0])


def test_rule_of_a_user():
    def told(side):
        roofline = side("experimental.roofline")
        double_p, silent_p = (side("extend.core").Primitive(n) for n in ("a", "b"))
        for p in (double_p, silent_p):
            p.def_abstract_eval(lambda x: x)

        @roofline.register_roofline(double_p)
        def rule(ctx, x, **params):
            moved = roofline.RooflineShape.total_bytes(ctx.avals_out)
            return roofline.RooflineResult(flops=2 * x.size, hbm_bytes=x.bytes + moved)

        roofline.register_standard_roofline(silent_p)
        f = roofline.roofline(lambda x: silent_p.bind(double_p.bind(x)))
        return _counts(f(_struct(side, 5))[1])

    assert told(SIDES[1]) == told(SIDES[0])


def test_no_rule(caplog):
    unknown_p = SIDES[1]("extend.core").Primitive("unknown")
    unknown_p.def_abstract_eval(lambda x: x)
    SIDES[1]("experimental.roofline").roofline(unknown_p.bind)(np.ones(2, np.float32))
    assert "No roofline rule for unknown" in caplog.text

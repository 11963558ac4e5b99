"""Integers of fewer than 8 bits and floats of 8 or 4: their values against real JAX's."""

import jax
import ml_dtypes
import numpy as np
import pytest

import minijax
from compat_tests import tiers
from compat_tests.oracle import as_users_have_it
from compat_tests.sides import both, raised

INTS = ["int2", "uint2", "int4", "uint4"]
FLOATS = [
    "float4_e2m1fn", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
    "float8_e8m0fnu",
]  # fmt: skip
FEW = ["float4_e2m1fn", "float8_e4m3fn", "float8_e5m2", "int4"]  # one of each kind
HALVES = ["float16", "bfloat16"]


def every(name):
    """All values of a narrow dtype."""
    bits = {"2": 2, "4": 4}.get(name.removeprefix("float")[0], 8)
    bits = int(name[-1]) if name in INTS else bits
    return np.arange(2**bits, dtype=np.uint8).view(getattr(ml_dtypes, name))


def assert_equal(want, got):
    """Equal dtypes and values: signs of zeros count, of NaNs not."""
    assert want.dtype == got.dtype
    dtype = want.dtype if want.dtype.kind in "biuc" else np.float64
    with np.errstate(invalid="ignore"):
        want, got = want.astype(dtype), got.astype(dtype)
    np.testing.assert_array_equal(got, want)
    if dtype == np.float64:
        real = ~np.isnan(want)
        np.testing.assert_array_equal(np.signbit(got[real]), np.signbit(want[real]))


def same(body, *inputs, whole=True):
    """`body(side, *inputs)` gives equal lists of arrays on both sides.

    whole: it is compiled as one program; where XLA cannot, each op is its own.
    """

    def run(side):
        arrays = [side.jnp.asarray(x) for x in inputs]
        if not whole:
            return body(side, *arrays)
        compiled = as_users_have_it if side.jax is jax else side.jit
        return compiled(lambda *arrays: body(side, *arrays))(*arrays)

    theirs, ours = both(run)
    for want, got in zip(theirs, ours, strict=True):
        assert_equal(np.asarray(want), np.asarray(got))


def wide_values(name):
    """Values of a wider dtype around everything that rounding decides."""
    if name in HALVES:
        dtype = np.dtype(getattr(ml_dtypes, name, name))
        return np.arange(2**16, dtype=np.uint16).view(dtype)
    dtype, random = np.dtype(name), np.random.default_rng(0)
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30])
    parts = [ends, random.standard_normal(2000) * 2.0 ** random.integers(-20, 20, 2000)]
    for narrow in FLOATS[:-1]:
        exact = np.sort(every(narrow).astype(np.float64))
        exact = exact[np.isfinite(exact)]
        middle = ((exact[1:] + exact[:-1]) / 2).astype(dtype)
        parts += [exact, middle]
        parts += [np.nextafter(middle, dtype.type(end)) for end in (np.inf, -np.inf)]
    return np.concatenate([part.astype(dtype) for part in parts])


@pytest.mark.parametrize("name", [*HALVES, "float32", "float64"])
def test_floats_round_once(name):
    def body(side, a):
        return [a.astype(narrow) for narrow in FLOATS + INTS]

    with jax.enable_x64(True), minijax.enable_x64(True):
        same(body, wide_values(name))


@pytest.mark.parametrize("name", ["float8_e4m3fnuz", "float8_e8m0fnu", *FEW, "uint2"])
def test_conversions_of_all_values(name):
    def body(side, narrow, integers):
        targets = ["bool", "int8", "uint16", "int32", *HALVES, "float32", "complex64"]
        outs = [narrow.astype(to) for to in targets + FLOATS + INTS]
        if name == "float4_e2m1fn":  # XLA takes its largest for the largest integer
            outs = [side.jnp.where(abs(narrow) < 6, x, 0) for x in outs]
        return [*outs, integers.astype(name), (integers > 0).astype(name)]

    x = every(name)
    x = x[1:] if name == "float8_e8m0fnu" else x  # 2**-127 is no normal float32
    same(body, x, np.arange(-300, 300, dtype=np.int32))


@pytest.mark.parametrize("name", ["float8_e4m3fnuz", *FEW[:3]])
def test_arithmetic_of_all_pairs(name):
    x, y = (a.ravel() for a in np.meshgrid(every(name), every(name)))

    def body(side, a, b):
        lax = side("lax")
        binary = (
            lax.add,
            lax.sub,
            lax.mul,
            lax.div,
            lax.rem,
            lax.min,
            lax.lt,
            lax.ge,
            lax.eq,
        )
        outs = [op(a, b) for op in binary]
        outs += [op(a) for op in (lax.neg, lax.abs, lax.sqrt, lax.exp2, lax.logistic)]
        return [
            *outs,
            a * b + a,
            lax.integer_pow(a, -3),
            side.jnp.where(a < b, a, b),
            lax.pow(a, b),
            lax.nextafter(a, b),
        ]

    same(body, x, y)


@pytest.mark.parametrize("name", ["int4", "uint2"])
def test_integers_of_all_pairs(name):
    x, y = (a.ravel() for a in np.meshgrid(every(name), every(name)))

    def body(side, a, b):
        lax = side("lax")
        binary = (
            lax.add, lax.sub, lax.mul, lax.div, lax.rem, lax.max, lax.min, lax.lt, lax.eq,
            lax.bitwise_and, lax.bitwise_xor, lax.shift_left, lax.shift_right_logical,
            lax.shift_right_arithmetic,
        )  # fmt: skip
        outs = [op(a, b) for op in binary]
        return outs + [op(a) for op in (lax.neg, lax.sign, lax.bitwise_not, lax.clz)]

    same(body, x, y, whole=False)


@pytest.mark.parametrize("name", ["float8_e5m2", "float4_e2m1fn"])
def test_sums_round_each_step(name):
    random = np.random.default_rng(0)
    x = (random.standard_normal((3, 40, 50)) * 0.3 + 0.1).astype(
        getattr(ml_dtypes, name)
    )

    def body(side, a, long):
        total = side("lax").reduce_sum_p
        outs = [
            total.bind(a, axes=axes, out_sharding=None) for axes in ((0,), (1,), (0, 2))
        ]
        running = side("lax").cumsum(a, 2), side("lax").cumprod(a, 1)
        return [*outs, *running, total.bind(long, axes=(1,), out_sharding=None)]

    same(body, x, np.tile(x.reshape(1, -1), 2))


@pytest.mark.parametrize("name", ["int4", "float8_e4m3fn"])
def test_moves(name):
    x = every(name)[:4].reshape(2, 2)

    def body(side, a):
        lax, jnp = side("lax"), side.jnp
        at = jnp.array([1, 0, 7])
        outs = [
            a.T, a[::-1], a.reshape(4, 1), a[at], a.at[at, 0].set(a[0, 1]), jnp.tile(a, 2),
            a.at[0].get(mode="fill"), a.at[at].get(mode="fill", fill_value=1),
            lax.dynamic_update_slice(a, a[:1], (1, 0)), lax.bitcast_convert_type(a, "uint8")
            if a.dtype.itemsize == 1 and "8" in name else a,
            lax.select_n(jnp.array([[0, 1], [1, 0]]), a, a.T), jnp.sort(a, axis=None),
            lax.fori_loop(0, 3, lambda i, c: c + a, a), lax.full_like(a, 1), a.max(0),
        ]  # fmt: skip
        _, ys = lax.scan(lambda c, row: (c * row, c + row), a[0], a)
        return [*outs, ys, side.vmap(lambda row: row * row)(a), jnp.outer(a, a)]

    same(body, x, whole=False)
    if name not in INTS:  # XLA's pads of these end the process
        same(lambda side, a: [side("lax").pad(a, a[0, 1], [(1, 0, 1)] * 2)], x)


def test_bits_of_several_elements():
    x = np.random.default_rng(0).integers(0, 256, (3, 2)).astype(np.uint8)

    def body(side, a):
        lax, outs = side("lax"), [a]
        for name in ("int4", "uint2", "float4_e2m1fn", "float8_e5m2"):
            parts = lax.bitcast_convert_type(a, name)
            back = side.vmap(lambda p: lax.bitcast_convert_type(p, np.int8))(parts)
            outs += [parts, back]
        return outs

    same(body, x, whole=False)


def test_products_and_gradients():
    random = np.random.default_rng(0)
    x = random.standard_normal((4, 32)).astype(np.float32)
    w = random.standard_normal((32, 3)).astype(np.float32)

    def body(side, x, w):
        lax, jnp, f8, e5 = side("lax"), side.jnp, "float8_e4m3fn", "float8_e5m2"

        def quantised(y, dtype):
            scale = jnp.max(jnp.abs(y)) / jnp.finfo(dtype).max.astype(y.dtype)
            return (y / scale).astype(dtype), scale

        def loss(x, w):
            (a, s), (b, t) = quantised(x, f8), quantised(w, e5)
            out = lax.dot_general(
                a, b, (((1,), (0,)), ((), ())), preferred_element_type=jnp.float32
            )
            return jnp.sum((out * (s * t)) ** 2)

        i4 = x.astype("int4")
        products = [
            jnp.dot(i4, i4.T), lax.dot(x.astype(f8), w.astype(f8)),
            lax.dot(x.astype(f8), w.astype(f8),
                    preferred_element_type=jnp.bfloat16),
        ]  # fmt: skip
        value, grads = side.value_and_grad(loss, (0, 1))(x, w)
        return [*products, *(g.astype(jnp.bfloat16) for g in (value, *grads))]

    same(body, x, w)


@pytest.mark.parametrize("name", ["float8_e4m3fn", "int4"])
def test_random_values(name):
    def body(side):
        random, key = side("random"), side("random").key(3)
        if name in INTS:
            low, high = int(side.jnp.iinfo(name).min), int(side.jnp.iinfo(name).max)
            return [random.randint(key, (50,), low, high + 1, name)]
        return [random.uniform(key, (50,), name), random.normal(key, (50,), name)]

    same(body, whole=False)


@pytest.mark.parametrize("value", [-1, -2, 1])
def test_indices(value):
    """Narrow integers as indices, handed to the ops that take any integer."""
    x = np.arange(20, dtype=np.float32).reshape(4, 5)

    def body(side, x, i):
        lax, jnp = side("lax"), side.jnp
        i = i.astype("int4")
        numbers = lax.GatherDimensionNumbers((1,), (0,), (0,))
        rows = jnp.stack([i, i * 0])[:, None]
        return [
            lax.dynamic_slice(x, (i, i), (2, 2)),
            lax.dynamic_slice(x, (i, i), (2, 2), allow_negative_indices=False),
            lax.dynamic_update_slice(x, jnp.full((2, 2), -1.0), (i, i)),
            lax.dynamic_index_in_dim(x, i, 0),
            lax.dynamic_update_index_in_dim(x, jnp.ones(4), i, 1),
            *[lax.gather(x, rows, numbers, (1, 5), mode=m) for m in ("clip", "fill")],
            lax.select_n(lax.max(i, i * 0), x, -x),
            side.grad(lambda x: lax.dynamic_slice(x, (i, i), (2, 2)).sum())(x),
            x[rows],
        ]

    same(body, x, np.int32(value))


def test_scatter_at_narrow_indices():
    """As at int32 ones; JAX refuses to clip them."""
    lax, jnp = minijax.lax, minijax.numpy
    numbers = lax.ScatterDimensionNumbers((1,), (0,), (0,))
    rows = jnp.array([[-1], [2]])
    for mode in ("clip", "drop"):
        got, want = (
            lax.scatter(jnp.zeros((4, 5)), i, jnp.ones((2, 5)), numbers, mode=mode)
            for i in (rows.astype("int4"), rows)
        )
        np.testing.assert_array_equal(got, want)


def test_native_code_has_the_same_bits():
    x = np.tile(every("float8_e4m3fn"), 4).reshape(32, 32)

    def program(a):
        lax, jnp = minijax.lax, minijax.numpy
        b = a * a[::-1] + a
        outs = [
            b,
            b.astype("float8_e5m2"),
            jnp.where(a < b, a, b),
            lax.cumsum(a, 1),
            a @ b,
        ]
        whole = [lax.bitcast_convert_type(out, np.uint8) for out in outs]
        return [*whole, b.astype("float32"), b.astype("int4") + b.astype("int4")]

    tiers.run_both(program, (minijax.numpy.asarray(x),))


def test_what_is_refused():
    x = np.zeros(2, ml_dtypes.float8_e4m3fn)

    def outcomes(side):
        a, i4 = side.jnp.asarray(x), side.jnp.zeros(2, "int4")
        tries = [
            lambda: a + side.jnp.zeros(2), lambda: i4 + side.jnp.zeros(2, "int8"),
            lambda: side("random").bits(side("random").key(0), (2,), "int4"),
            lambda: a & a, lambda: side("lax").exp(i4), lambda: side("lax").abs(i4),
            lambda: i4.__dlpack__(), lambda: i4 + 1.5,
        ]  # fmt: skip
        found = []
        for attempt in tries:
            error = raised(attempt)
            found.append(
                next(t for t in (TypeError, Exception) if isinstance(error, t))
            )
        return found

    theirs, ours = both(outcomes)
    assert ours == theirs

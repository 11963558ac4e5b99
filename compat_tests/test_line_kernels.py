"""The kernels that sort lines, reduce them, and turn arrays around: naive twins.

As in test_block_kernels.py: NumPy says what comes out; lengths are drawn around the
thresholds at which another method serves (merge or radix sort, short or long lines).
"""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import cbackend
import minijax.numpy as jnp
from compat_tests.test_block_kernels import SETTINGS, _x64, run, values  # noqa: F401
from minijax import lax, make_jaxpr

# ---- sorting -----------------------------------------------------------------------

LENGTHS = st.sampled_from([1, 2, 3, 8, 9, 31, 64, 100, 257, 1000, 1025, 5000, 70000])
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1.0, -1.0, 1e-40, -1e-40]


def sortable(draw, n, dtype):
    """Elements with many equal ones and, of floats, all the special ones."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if np.dtype(dtype).kind == "f":
        x = rng.standard_normal(n).astype(dtype)
        at = rng.random(n) < draw(st.sampled_from([0, 0.1, 0.9]))
        return np.where(at, rng.choice(SPECIAL, n), x).astype(dtype)
    info = np.iinfo(dtype)
    wide = draw(st.booleans())
    low, high = (info.min, info.max) if wide else (max(-3, info.min), 3)
    return rng.integers(low, high, n, dtype, endpoint=True)


def canonical(x):
    """Equal elements of a sort as equal elements of NumPy: -0 is 0, NaNs are last."""
    return x if x.dtype.kind != "f" else np.where(x == 0, np.abs(x), x)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_sorting(data):
    draw = data.draw
    n = draw(LENGTHS)
    lines = draw(st.sampled_from([1, 1, 3, 40])) if n <= 5000 else 1
    axis = draw(st.integers(0, 1))
    dtype = draw(
        st.sampled_from(
            ["float32", "float64", "int32", "int64", "uint8", "int16", "uint32"]
        )
    )
    x = sortable(draw, (n, lines) if axis == 0 else (lines, n), dtype)
    order = np.argsort(canonical(x), axis=axis, kind="stable")
    got = run(lambda x: (jnp.sort(x, axis=axis), jnp.argsort(x, axis=axis)), x)
    np.testing.assert_array_equal(got[1], order)
    want = np.take_along_axis(x, order, axis)
    # The bits too: a stable sort leaves -0 and 0, and all NaNs, where they stood.
    assert got[0].tobytes() == want.tobytes()


@SETTINGS
@given(st.data())
def test_sorting_by_two_keys(data):
    draw = data.draw
    n = draw(LENGTHS)
    a = sortable(draw, n, draw(st.sampled_from(["float32", "int8"])))
    b = sortable(draw, n, draw(st.sampled_from(["int32", "float64"])))
    c = np.arange(n, dtype=np.int32)
    keys = draw(st.sampled_from([1, 2]))
    got = run(lambda a, b, c: lax.sort((a, b, c), num_keys=keys), a, b, c)
    order = np.lexsort([canonical(b), canonical(a)][-keys:])
    for result, operand in zip(got, (a, b, c), strict=True):
        assert result.tobytes() == operand[order].tobytes()


@SETTINGS
@given(st.data())
def test_top_k(data):
    """By the total order of floats, descending; the lower index of equals first."""
    draw = data.draw
    n = draw(st.one_of(LENGTHS, st.just(200001)))
    lines = draw(st.sampled_from([1, 3])) if n <= 5000 else 1
    k = draw(st.sampled_from([k for k in (1, 2, 5, 10, 100, n) if k <= n]))
    dtype = draw(st.sampled_from(["float32", "float64", "int32", "uint8"]))
    x = sortable(draw, (lines, n), dtype)
    key = x
    if x.dtype.kind == "f":
        bits = x.view(f"i{x.itemsize}")
        key = np.where(bits < 0, bits ^ np.iinfo(bits.dtype).max, bits)
    order = np.argsort(~key, axis=-1, kind="stable")[:, :k]
    top, index = run(lambda x: lax.top_k(x, k), x)
    np.testing.assert_array_equal(index, order)
    assert top.tobytes() == np.take_along_axis(x, order, -1).tobytes()


# ---- extremes and sums -------------------------------------------------------------


@SETTINGS
@given(st.data())
def test_places_of_extremes(data):
    """The first of equals; the first NaN wins; long and short lines, along any axis."""
    draw = data.draw
    shape = [draw(st.sampled_from([1, 2, 3, 10, 64, 65, 300])) for _ in range(2)]
    shape.insert(draw(st.integers(0, 2)), draw(st.sampled_from([1, 1, 2, 5])))
    axis = draw(st.integers(0, 2))
    floats = ["float16", "bfloat16", "float32", "float64"]
    dtype = draw(st.sampled_from([*floats, *INTEGERS]))
    half = dtype == "bfloat16"
    x = sortable(draw, shape, "float32" if half else dtype)
    x = np.asarray(jnp.asarray(x).astype(dtype)) if half else x
    order = draw(st.permutations(range(3)))
    for ours, twin in ((jnp.argmax, np.argmax), (jnp.argmin, np.argmin)):
        got = run(lambda x, f=ours: f(jnp.transpose(x, order), axis=axis), x)
        # XLA on CPUs takes subnormal numbers for zeros.
        plain = x.astype("float32") if half else x
        if x.dtype.kind == "f" and x.itemsize > 2:
            plain = np.where(np.abs(x) < np.finfo(dtype).tiny, 0, x)
        want = twin(plain.transpose(order), axis=axis)
        np.testing.assert_array_equal(got, want)


@SETTINGS
@given(st.data())
def test_sums_of_lines(data):
    """Lines of every length, within longer rows."""
    draw = data.draw
    lines, n = draw(st.sampled_from([1, 3, 70, 700])), draw(st.integers(2, 210))
    dtype = draw(st.sampled_from(["float32", "float64", "int64", "uint64"]))
    x = values(draw, (lines, n + 3), dtype)
    x[:, n:] = 99 if "int" in dtype else np.nan
    powers = np.exp2(x % 3 - 1).astype(dtype) if "float" in dtype else x
    part = draw(st.booleans())  # of longer rows; or all of them
    x, powers = (a if part else a[:, :n].copy() for a in (x, powers))
    got = run(lambda x, p: (x[:, :n].sum(1), p[:, :n].prod(1)), x, powers)
    np.testing.assert_array_equal(got[0], x[:, :n].sum(1))
    np.testing.assert_array_equal(got[1], powers[:, :n].prod(1))


@SETTINGS
@given(st.data())
def test_sums_of_narrow_elements(data):
    """Lines and rows of every length, dense ones and parts of longer ones; they wrap around."""
    draw = data.draw
    dtypes = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "bool"]
    dtype = draw(st.sampled_from(dtypes))
    lines = draw(st.sampled_from([1, 3, 8, 16, 37, 200, 2500]))
    shape = [lines, draw(st.integers(2, 140))]
    x = sortable(draw, shape, dtype if dtype != "bool" else "uint8")
    x = x & 1 > 0 if dtype == "bool" else x | draw(st.sampled_from([0, 1]))
    n, axis = shape[1] - draw(st.sampled_from([0, 0, 1])), draw(st.integers(0, 1))
    turned = draw(st.booleans())

    def ours(x):
        part = (x.T if turned else x)[:, :n]
        bits = [part.any(axis), part.all(axis)]
        if dtype == "bool":
            return bits
        reduces = (lax.reduce_and, lax.reduce_or, lax.reduce_xor)
        sums = [f(part, axis=axis, dtype=part.dtype) for f in (jnp.sum, jnp.prod)]
        return [*bits, *sums, *(f(part, (axis,)) for f in reduces)]

    part = x[:, :n]
    want = [part.any(axis), part.all(axis)]
    if dtype != "bool":
        ufuncs = (np.bitwise_and, np.bitwise_or, np.bitwise_xor)
        want += [f(part, axis, dtype) for f in (np.sum, np.prod)]
        want += [f.reduce(part, axis) for f in ufuncs]
    got = run(ours, np.ascontiguousarray(x.T) if turned else x)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


@SETTINGS
@given(st.data())
def test_reductions_down_narrow_columns(data):
    """Many rows of a few elements; what is fused adds in the same order."""
    draw = data.draw
    rows = draw(st.sampled_from([250, 257, 319, 1000, 4096, 4100, 40000]))
    shape = rows, draw(st.integers(2, 8))
    floats = ["float32", "float64", "float16", "bfloat16"]
    dtype = draw(st.sampled_from([*floats, "int32", "int64", "uint8"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(0, 4, shape)
    signs = 1 - 2 * rng.integers(0, 2, shape)
    ours = jnp.asarray(x).astype(dtype)

    def reductions(x, signs):
        results = [f(x, axis=0, dtype=x.dtype) for f in (jnp.sum, jnp.prod)]
        results.append(jnp.prod(signs.astype(x.dtype), axis=0, dtype=x.dtype))
        return [*results, x.max(0), x.min(0), (x > 2).any(0), (x > 0).all(0)]

    want = [x.sum(0), x.prod(0) * 0, signs.prod(0), x.max(0), x.min(0)]
    for a, b in zip(run(reductions, ours, signs), want, strict=False):
        np.testing.assert_array_equal(a, jnp.asarray(b).astype(a.dtype))
    got = run(reductions, ours, signs)[5:]
    np.testing.assert_array_equal(got, [(x > 2).any(0), (x > 0).all(0)])
    if dtype in floats[:2]:
        y = sortable(draw, shape, dtype)
        y = np.where(np.isfinite(y), y, 1)
        sums = run(lambda y: jnp.sum(y, 0), y)
        fused = run(lambda y: (jnp.sum(y * 2, 0), jnp.max(y * 2, 0)), y)
        assert fused[0].tobytes() == (sums * 2).tobytes()
        np.testing.assert_array_equal(fused[1], 2 * y.max(0))


@SETTINGS
@given(st.data())
def test_running_sums_of_lines(data):
    """Along short and long lines, forwards and backwards."""
    draw = data.draw
    n = draw(st.sampled_from([1, 2, 3, 10, 63, 64, 65, 130]))
    dtype = draw(st.sampled_from(["float32", "float64", "float16", "int32", "uint8"]))
    x = values(draw, (draw(st.sampled_from([1, 2, 300])), n)).astype(dtype)
    got = run(lambda x: (lax.cumsum(x, 1), lax.cumsum(x, 1, reverse=True)), x)
    exact = x.astype(float) if np.dtype(dtype).kind == "f" else x.astype(int)
    want = exact.cumsum(1).astype(dtype)
    np.testing.assert_array_equal(got[0], want)
    want = exact[:, ::-1].cumsum(1)[:, ::-1].astype(dtype)
    np.testing.assert_array_equal(got[1], want)


@SETTINGS
@given(st.data())
def test_running_values_down_columns(data):
    """Of every dtype, over rows that lie side by side or are turned."""
    draw = data.draw
    shape = draw(st.sampled_from([1, 5, 64, 65, 200])), draw(st.integers(2, 300))
    floats = ["float16", "bfloat16", "float32", "float64"]
    dtype = draw(st.sampled_from([*floats, *INTEGERS]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(0, 3, shape)
    signs = 1 - 2 * rng.integers(0, 2, shape)
    if turned := draw(st.booleans()):
        x, signs = np.asfortranarray(x), np.asfortranarray(signs)
    ours = [jnp.asarray(a.T if turned else a).astype(dtype) for a in (x, signs)]

    def running(x, signs):
        x, signs = (x.T, signs.T) if turned else (x, signs)
        return lax.cumsum(x), lax.cumprod(signs), lax.cummax(x), lax.cummin(x)

    want = [np.cumsum(x, 0), np.cumprod(signs, 0)]
    want += [f.accumulate(x, 0) for f in (np.maximum, np.minimum)]
    for a, b in zip(run(running, *ours), want, strict=True):
        np.testing.assert_array_equal(a, jnp.asarray(b).astype(dtype))


@SETTINGS
@given(st.data())
def test_running_extremes_of_special_values(data):
    """NaN stays, and -0 < +0; along columns and along lines."""
    draw = data.draw
    shape, axis = (
        draw(st.sampled_from([(70, 9), (9, 70), (300, 5)])),
        draw(st.integers(0, 1)),
    )
    dtype = draw(st.sampled_from(["float16", "bfloat16", "float32", "float64"]))
    x = sortable(draw, shape, "float32")
    x = np.where(np.abs(x) < np.finfo(x.dtype).tiny, 0, x)
    x = np.asarray(jnp.asarray(x).astype(dtype))
    wide = x.astype(float)
    for ours, twin in ((lax.cummax, np.maximum), (lax.cummin, np.minimum)):
        got = run(lambda x, f=ours: f(x, axis=axis), x).astype(float)
        want = twin.accumulate(wide, axis)
        np.testing.assert_array_equal(got, want)
        if twin is np.maximum:
            minus = np.logical_and.accumulate(np.signbit(wide) | (wide < 0), axis)
        else:
            minus = np.logical_or.accumulate(np.signbit(wide), axis)
        np.testing.assert_array_equal(np.signbit(got)[want == 0], minus[want == 0])


@SETTINGS
@given(st.data())
def test_sums_of_halves(data):
    """As float32's of the same elements, rounded at the end."""
    draw = data.draw
    shape = [draw(st.sampled_from([1, 3, 8, 37, 200])), draw(st.integers(2, 300))]
    dtype, axis = (
        draw(st.sampled_from(["float16", "bfloat16"])),
        draw(st.integers(0, 1)),
    )
    x = jnp.asarray(values(draw, shape, "float32")).astype(dtype)
    n = shape[1] - draw(st.sampled_from([0, 0, 1]))

    def wide(x):
        part = x[:, :n].astype("float32")
        return [f(part, axis=axis).astype(dtype) for f in (jnp.sum, jnp.prod)]

    got = run(lambda x: [f(x[:, :n], axis=axis) for f in (jnp.sum, jnp.prod)], x)
    for a, b in zip(got, run(wide, x), strict=True):
        assert a.tobytes() == b.tobytes()


@SETTINGS
@given(st.data())
def test_extremes_of_short_lines(data):
    """NaN wins and -0 < +0, whatever the number of lines and their length."""
    draw = data.draw
    lines = draw(st.sampled_from([1, 7, 8, 9, 63, 64, 71, 300]))
    n = draw(st.sampled_from([2, 3, 4, 5, 7, 8, 9, 15, 17, 64, 127, 128, 129]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    some = draw(st.sampled_from([[0, 1], [0, 1, -np.inf, np.inf, np.nan], range(99)]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    x = rng.choice(np.asarray(some, dtype), (lines, n))
    x *= rng.choice(dtype([-1, 1]), (lines, n))
    bits = x.view(f"i{x.itemsize}")
    key = np.where(bits < 0, bits ^ np.iinfo(bits.dtype).max, bits)
    for ours, place in ((jnp.max, np.argmax), (jnp.min, np.argmin)):
        want = np.take_along_axis(x, place(key, -1)[:, None], -1)[:, 0]
        nan = np.isnan(x).any(-1)
        got = run(lambda x, f=ours: f(x, axis=-1), x)
        assert np.isnan(got[nan]).all()
        assert got[~nan].tobytes() == want[~nan].tobytes()


@SETTINGS
@given(st.data())
def test_extremes_of_lines(data):
    """Of every dtype: NaN wins and -0 < +0; lines that end anywhere, within longer rows."""
    draw = data.draw
    name = draw(
        st.sampled_from(
            [*INTEGERS, "bool", "float16", "bfloat16", "float32", "float64"]
        )
    )
    dtype = jnp.bfloat16 if name == "bfloat16" else np.dtype(name)
    lengths = st.one_of(st.integers(5, 40), st.integers(60, 420))
    shape = [draw(st.sampled_from([1, 3, 16, 37, 200])), draw(lengths)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    some = draw(
        st.sampled_from([[0, 1], [0, -1], [0, 1, -1, np.inf, np.nan], range(99)])
    )
    if "float" in name:
        x = rng.choice(np.asarray(some, float), shape) * rng.choice([-1.0, 1.0], shape)
    elif name == "bool":
        x = rng.random(shape) < draw(st.sampled_from([0, 0.01, 0.99, 1]))
    else:
        info = np.iinfo(name)
        x = rng.integers(info.min, info.max, shape, name, endpoint=True)
    x = x.astype(dtype)
    signs, wide = np.signbit(x.astype(float)), x.astype(float)
    n = shape[1] - 3
    axis = draw(st.integers(0, 1))
    for ours, twin, zero in ((jnp.max, np.max, np.all), (jnp.min, np.min, np.any)):
        got = run(lambda x, f=ours: f(x[:, :n], axis=axis), x)
        part = x[:, :n] if x.dtype.kind in "iub" else wide[:, :n]
        want = twin(part, axis=axis)
        np.testing.assert_array_equal(got.astype(want.dtype), want)
        if x.dtype.kind not in "iub":
            zeros = want == 0
            minus = zero(signs[:, :n] | (part != 0), axis=axis)
            if ours is jnp.min:
                minus = zero(signs[:, :n] & (part == 0), axis=axis)
            np.testing.assert_array_equal(
                np.signbit(got.astype(float))[zeros], minus[zeros]
            )


@SETTINGS
@given(st.data())
def test_transpositions(data):
    draw = data.draw
    extent = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 64])
    shape = [draw(extent) for _ in range(draw(st.integers(1, 4)))]
    dtype = draw(
        st.sampled_from(["uint8", "int16", "float32", "float64", "complex128"])
    )
    order = draw(st.permutations(range(len(shape))))
    reverse = draw(st.lists(st.integers(0, len(shape) - 1), unique=True, max_size=2))
    x = values(draw, shape, dtype)
    got = run(lambda x: lax.rev(jnp.transpose(x, order), reverse), x)
    np.testing.assert_array_equal(got, np.flip(x.transpose(order), reverse))


PAGE = 4096


def within_page(size, place):
    """That many bytes, the first of which lies at a place of its page."""
    memory = np.zeros(size + 2 * PAGE, np.uint8)
    first = (place - memory.ctypes.data) % PAGE
    return memory[first : first + size]


@pytest.mark.parametrize("after", [0, 1, 12, 63, 64, PAGE - 1])
@pytest.mark.parametrize("width", [9, 700, 3000])
def test_long_lines_are_copied_wherever_they_lie_in_their_pages(width, after):
    """The method depends on how far after the source, modulo a page, the target lies."""
    rng = np.random.default_rng(width)
    x = within_page(5 * PAGE, 0)
    x[:] = rng.integers(0, 256, x.size)
    lines = x.reshape(5, PAGE)
    y = within_page(5 * PAGE, after)
    closed = make_jaxpr(lambda x: jnp.concatenate([x[:, :width], x[:, width:]], 1))
    executable = cbackend.Executable(cbackend.build(closed(lines)))
    executable.run([x.ctypes.data], [y.ctypes.data])
    assert y.tobytes() == x.tobytes()

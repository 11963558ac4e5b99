"""The kernels of products, convolutions, windows and indexing: naive twins.

Hypothesis draws shapes, layouts, dtypes and options; NumPy, in the plainest way, says
what comes out. Sizes are drawn around the thresholds at which the runtime chooses
another method (own kernels or BLAS, serial or threaded), so that
every method meets every kind of input. One thread and several give the same bits.
"""

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import minijax
import minijax.numpy as jnp
from cbackend import runtime
from minijax import lax

SETTINGS = settings(max_examples=60, deadline=None)


@pytest.fixture(autouse=True)
def _x64():
    minijax.config.update("jax_enable_x64", True)
    yield
    minijax.config.update("jax_enable_x64", False)


def run(function, *args):
    """The result with one thread, after checking that three give the same bits."""
    compiled = minijax.jit(function)
    results = []
    for threads in (1, 3):
        runtime.set_num_threads(threads)
        results.append([np.asarray(r) for r in minijax.tree.leaves(compiled(*args))])
    runtime.set_num_threads(0)
    for one, three in zip(*results, strict=True):
        assert one.tobytes() == three.tobytes()
    return results[0][0] if len(results[0]) == 1 else results[0]


def values(draw, shape, dtype=np.float32):
    """Random elements; integers are small, so that products of floats are exact."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if np.dtype(dtype).kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    low = 0 if np.dtype(dtype).kind == "u" else -4
    return rng.integers(low, 5, shape).astype(dtype)


def with_layout(draw, array):
    """A function that undoes a random layout, and the array in that layout."""
    order = draw(st.permutations(range(array.ndim)))
    undo = tuple(int(d) for d in np.argsort(order))
    return (lambda x: jnp.transpose(x, undo)), np.ascontiguousarray(
        array.transpose(order)
    )


# ---- products ----------------------------------------------------------------------

EXTENTS = st.one_of(
    st.integers(1, 9), st.sampled_from([15, 16, 17, 31, 32, 33, 48, 64, 65, 100, 130])
)


@SETTINGS
@given(st.data())
def test_products(data):
    draw = data.draw
    m, k, n = draw(EXTENTS), draw(EXTENTS), draw(EXTENTS)
    batch = draw(st.sampled_from([1, 1, 2, 3, 17]))
    wide = draw(st.sampled_from(["float32", "float64", "int32", "complex64"]))
    halves = [np.float16, jnp.bfloat16] if wide == "float32" else []
    dtype = draw(st.sampled_from([wide, *halves]))
    a, b = values(draw, (batch, m, k), wide), values(draw, (batch, k, n), wide)
    (fa, a_laid), (fb, b_laid) = (
        with_layout(draw, a),
        with_layout(draw, b.astype(dtype)),
    )

    def function(x, y):
        return jnp.matmul(fa(x), fb(y), preferred_element_type=wide)

    got = run(function, a_laid.astype(dtype), b_laid)
    np.testing.assert_array_equal(got, np.einsum("bmk,bkn->bmn", a, b))


@SETTINGS
@given(st.data())
def test_products_with_vectors(data):
    """Of each matrix with one vector, or of each line with its own."""
    draw = data.draw
    m, k = draw(st.sampled_from([1, 1, 2, 9, 70])), draw(EXTENTS)
    batch = draw(st.sampled_from([1, 3, 40, 200]))
    dtype = draw(st.sampled_from(["float32", "float64", "float16", jnp.bfloat16]))
    a, b = (
        values(draw, (batch, m, k)).astype(dtype),
        values(draw, (batch, k)).astype(dtype),
    )
    (fa, a_laid), (fb, b_laid) = with_layout(draw, a), with_layout(draw, b)
    pattern = draw(st.sampled_from(["bmk,bk->bm", "bk,bmk->bm"]))
    wide = draw(
        st.sampled_from([None, jnp.float64 if dtype == "float64" else jnp.float32])
    )

    def function(x, y):
        operands = (fa(x), fb(y)) if pattern[1] == "m" else (fb(y), fa(x))
        return jnp.einsum(pattern, *operands, preferred_element_type=wide)

    got = run(function, a_laid, b_laid)
    exact = np.einsum("bmk,bk->bm", a.astype(float), b.astype(float))
    np.testing.assert_array_equal(got, exact.astype(got.dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("a_turned", [False, True])
@pytest.mark.parametrize("b_turned", [False, True])
def test_products_whose_blocks_are_copied(dtype, a_turned, b_turned):
    """Large ones with rows far apart, of extents that no block divides."""
    rng = np.random.default_rng(0)
    m, k, n = 150, 600, 300

    def matrix(rows, columns, turned):
        shape = (columns, rows) if turned else (rows, columns)
        whole = rng.integers(-3, 4, (shape[0], 700)).astype(dtype)
        return whole, lambda x: x[:, : shape[1]].T if turned else x[:, : shape[1]]

    (a, fa), (b, fb) = matrix(m, k, a_turned), matrix(k, n, b_turned)
    want = fa(a) @ fb(b)
    np.testing.assert_array_equal(run(lambda x, y: fa(x) @ fb(y), a, b), want)
    handed_on = run(lambda x, y: 2 * (fa(x) @ fb(y)), a, b)
    np.testing.assert_array_equal(handed_on, 2 * want)


INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"]


def whole_range(draw, shape, dtype):
    """Random elements, among them the extremes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.integers(0, 4, shape) == 0, info.min, x).astype(dtype)


@SETTINGS
@given(st.data())
def test_products_of_integers(data):
    """Sums wrap around, whatever the order; of each type with each wide enough one."""
    draw = data.draw
    m, n = draw(EXTENTS), draw(EXTENTS)
    long = st.sampled_from([16, 63, 512, 513, 1023, 1030, 1500])
    k = draw(st.one_of(EXTENTS, long) if m * n < 2000 else EXTENTS)
    a_type = draw(st.sampled_from(INTEGERS))
    b_type = draw(st.one_of(st.just(a_type), st.sampled_from(INTEGERS)))
    least = max(np.dtype(a_type).itemsize, np.dtype(b_type).itemsize)
    sums = [t for t in INTEGERS if np.dtype(t).itemsize >= least]
    if a_type == b_type:
        out = draw(st.sampled_from([a_type, "int32", *sums]))
        out = out if out in sums else a_type
    else:
        out = draw(st.sampled_from([t for t in sums if np.dtype(t).itemsize >= 4]))
    batch = draw(st.sampled_from([1, 1, 2, 17]))
    shared = draw(st.booleans())
    a = whole_range(draw, (batch, m, k), a_type)
    b = whole_range(draw, (1 if shared else batch, k, n), b_type)
    (fa, a_laid), (fb, b_laid) = with_layout(draw, a), with_layout(draw, b)

    def function(x, y):
        y = jnp.broadcast_to(fb(y), (batch, k, n))
        numbers = (((2,), (1,)), ((0,), (0,)))
        return lax.dot_general(fa(x), y, numbers, preferred_element_type=out)

    want = a.astype(np.int64) @ b.astype(np.int64)
    got = run(function, a_laid, b_laid)
    np.testing.assert_array_equal(got, want.astype(out))


@SETTINGS
@given(st.data())
def test_few_long_lines(data):
    """Products of long vectors are cut along them."""
    draw = data.draw
    k = draw(st.sampled_from([5000, 32767, 32768, 70001, 300000]))
    m, n = draw(st.sampled_from([(1, 1), (1, 3), (4, 1), (3, 5)]))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    a, b = values(draw, (m, k), dtype), values(draw, (n, k), dtype)
    np.testing.assert_array_equal(run(lambda a, b: a @ b.T, a, b), a @ b.T)


@SETTINGS
@given(st.data())
def test_products_within_larger_arrays(data):
    """Rows that are longer than the matrix, as slices have them; output transposed."""
    draw = data.draw
    m, k, n = draw(EXTENTS), draw(EXTENTS), draw(EXTENTS)
    a, b = values(draw, (3, m + 2, k + 1)), values(draw, (3, k + 3, n + 5))

    def function(x, y):
        return jnp.transpose(
            x[:, 1 : m + 1, 1:] @ y[:, 2 : k + 2, 3 : n + 3], (2, 0, 1)
        )

    want = a[:, 1 : m + 1, 1:] @ b[:, 2 : k + 2, 3 : n + 3]
    np.testing.assert_array_equal(run(function, a, b), want.transpose(2, 0, 1))


# ---- convolutions and windows ------------------------------------------------------


def dilate(x, factors, axes):
    """Zeros between the elements."""
    for factor, axis in zip(factors, axes, strict=True):
        shape = list(x.shape)
        shape[axis] = (shape[axis] - 1) * factor + 1
        wide = np.zeros(shape, x.dtype)
        index = [slice(None)] * x.ndim
        index[axis] = slice(None, None, factor)
        wide[tuple(index)] = x
        x = wide
    return x


def pad(x, padding, axes, value=0):
    """Padding, negative too."""
    for (low, high), axis in zip(padding, axes, strict=True):
        widths = [(0, 0)] * x.ndim
        widths[axis] = (max(low, 0), max(high, 0))
        x = np.pad(x, widths, constant_values=value)
        index = [slice(None)] * x.ndim
        index[axis] = slice(max(-low, 0), x.shape[axis] - max(-high, 0))
        x = x[tuple(index)]
    return x


def convolve(x, w, strides, padding, base, dilation, groups):
    """Channels-first convolution: one product for each place of the window."""
    space = range(2, x.ndim)
    x, w = pad(dilate(x, base, space), padding, space), dilate(w, dilation, space)
    counts = [
        max(0, (x.shape[d] - w.shape[d]) // s + 1)
        for d, s in zip(space, strides, strict=True)
    ]
    out = np.zeros((x.shape[0], w.shape[0], *counts), x.dtype)
    per_in, per_out = w.shape[1], w.shape[0] // groups
    for place in itertools.product(*map(range, w.shape[2:])):
        index = tuple(
            slice(p, p + c * s, s)
            for p, c, s in zip(place, counts, strides, strict=True)
        )
        for g in range(groups):
            seen = x[(slice(None), slice(g * per_in, (g + 1) * per_in), *index)]
            seen = seen[(..., *map(slice, counts))]
            weights = w[(slice(g * per_out, (g + 1) * per_out), slice(None), *place)]
            out[:, g * per_out : (g + 1) * per_out] += np.einsum(
                "bc...,oc->bo...", seen, weights
            )
    return out


LAYOUTS = {
    1: [("NCH", "OIH", "NCH"), ("NHC", "HIO", "NHC")],
    2: [("NCHW", "OIHW", "NCHW"), ("NHWC", "HWIO", "NHWC"), ("CHWN", "IHWO", "CNHW")],
    3: [("NCDHW", "OIDHW", "NCDHW"), ("NDHWC", "DHWIO", "NDHWC")],
}


@st.composite
def convolutions(draw):
    """Input, weights (channels first), options, layouts."""
    n_space = draw(st.sampled_from([1, 2, 2, 2, 3]))
    few = st.integers(1, 3)
    many = draw(st.booleans())
    kind = draw(st.sampled_from(["plain", "plain", "groups", "depthwise"]))
    groups = 1 if kind == "plain" else draw(st.sampled_from([2, 4, 16]))
    per_in = 1 if kind == "depthwise" else draw(st.sampled_from([1, 2, 3, 4, 9]))
    per_out = draw(st.sampled_from([1, 1, 2, 3, 16, 17])) if many else draw(few)
    window = [draw(st.sampled_from([1, 2, 2, 3, 3, 5])) for _ in range(n_space)]
    dilation = [draw(st.sampled_from([1, 1, 2])) for _ in range(n_space)]
    base = [draw(st.sampled_from([1, 1, 1, 2, 3, 4])) for _ in range(n_space)]
    extents = st.sampled_from([5, 6, 7, 12, 17, 20] if n_space < 3 else [5, 6, 9])
    shape = [draw(extents) for _ in range(n_space)]
    x = values(draw, (draw(st.sampled_from([1, 2, 5])), groups * per_in, *shape))
    w = values(draw, (groups * per_out, per_in, *window))
    options = {
        "window_strides": [draw(few) for _ in range(n_space)],
        "padding": [
            (draw(st.integers(-1, 3)), draw(st.integers(-1, 3))) for _ in range(n_space)
        ],
        "lhs_dilation": base,
        "rhs_dilation": dilation,
    }
    return x, w, groups, options, draw(st.sampled_from(LAYOUTS[n_space]))


def order_of(layout, reference):
    return [reference.index(c) for c in layout]


@settings(max_examples=150, deadline=None)
@given(convolutions())
def test_convolutions(case):
    x, w, groups, options, layouts = case
    want = convolve(
        x,
        w,
        options["window_strides"],
        options["padding"],
        options["lhs_dilation"],
        options["rhs_dilation"],
        groups,
    )
    in_layout, w_layout, out_layout = layouts
    space = in_layout.replace("N", "").replace("C", "")
    lhs = x.transpose(order_of(in_layout, "NC" + space))
    rhs = w.transpose(order_of(w_layout, "OI" + space))
    got = run(
        lambda x, w: lax.conv_general_dilated(
            x, w, dimension_numbers=layouts, feature_group_count=groups, **options
        ),
        lhs,
        rhs,
    )
    np.testing.assert_array_equal(
        got, want.transpose(order_of(out_layout, "NC" + space))
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1000), (2, 1, 31, 45), (1, 3, 24, 24)])
def test_planes_of_one_feature_longer_than_a_call(shape, dtype):
    groups, n_space = shape[1], len(shape) - 2
    x = np.arange(np.prod(shape)).reshape(shape) % 17 - 8
    w = np.arange(groups * 3**n_space).reshape(groups, 1, *[3] * n_space) - 4
    ones, padding = [1] * n_space, [(1, 1)] * n_space
    x, w = x.astype(dtype), w.astype(dtype)
    want = convolve(x, w, ones, padding, ones, ones, groups)
    got = run(
        lambda x, w: lax.conv_general_dilated(
            x, w, ones, padding, feature_group_count=groups
        ),
        x,
        w,
    )
    np.testing.assert_array_equal(got, want)


@SETTINGS
@given(convolutions())
def test_gradients_of_convolutions(case):
    """By the definition of a linear map's transpose: <ct, f(x)> = <f'(ct), x>."""
    x, w, groups, options, layouts = case
    in_layout, w_layout, _ = layouts
    space = in_layout.replace("N", "").replace("C", "")
    lhs = x.transpose(order_of(in_layout, "NC" + space)).astype(np.float64)
    rhs = w.transpose(order_of(w_layout, "OI" + space)).astype(np.float64)

    def conv(x, w):
        return lax.conv_general_dilated(
            x, w, dimension_numbers=layouts, feature_group_count=groups, **options
        )

    y = run(conv, lhs, rhs)
    ct = np.random.default_rng(y.size).integers(-3, 4, y.shape).astype(np.float64)

    def pull(x, w, ct):
        return minijax.vjp(conv, x, w)[1](ct)

    by_x, by_w = run(pull, lhs, rhs, ct)
    assert np.vdot(by_x, lhs) == np.vdot(ct, y)
    assert np.vdot(by_w, rhs) == np.vdot(ct, y)
    # And not merely along x: at one other place too.
    other = np.roll(lhs, 1)
    assert np.vdot(by_x, other) == np.vdot(ct, run(conv, other, rhs))


@pytest.mark.parametrize("layouts", LAYOUTS[2])
@pytest.mark.parametrize(
    ("images", "features", "options"),
    [
        (1, 1, {"window_strides": (1, 1), "padding": [(0, 0), (0, 0)]}),
        (2, 1, {"window_strides": (2, 1), "padding": [(1, 2), (-1, 0)]}),
        (1, 2, {"window_strides": (1, 2), "padding": [(0, 1), (3, 1)]}),
        (1, 1, {"window_strides": (1, 1), "padding": [(23, 23), (28, 29)],
                "rhs_dilation": (2, 2)}),
    ],
)  # fmt: skip
def test_large_windows_at_few_places_are_sums(images, features, options, layouts):
    rng = np.random.default_rng(images)
    x = rng.integers(-4, 5, (images, 2, 50, 60)).astype(np.float32)
    w = rng.integers(-4, 5, (features, 2, 48, 58)).astype(np.float32)
    options = {"rhs_dilation": (1, 1), **options}
    want = convolve(
        x, w, options["window_strides"], options["padding"], (1, 1),
        options["rhs_dilation"], 1,
    )  # fmt: skip
    in_layout, w_layout, out_layout = layouts
    lhs = x.transpose(order_of(in_layout, "NCHW"))
    rhs = w.transpose(order_of(w_layout, "OIHW"))
    fun = minijax.jit(
        lambda x, w: lax.conv_general_dilated(
            x, w, dimension_numbers=layouts, **options
        )
    )
    np.testing.assert_array_equal(
        fun(lhs, rhs), want.transpose(order_of(out_layout, "NCHW"))
    )
    assert "CONV" not in str(fun.lower(lhs, rhs).as_text())


@pytest.mark.parametrize("base", [2, 3])
def test_infinite_weights_meet_no_zeros_between_elements(base):
    x, w = np.array([1, 2, 3], np.float32), np.array([np.inf, 1, 1], np.float32)
    want = np.zeros((x.size - 1) * base + 1 - 2, np.float32)
    for j, k in itertools.product(range(want.size), range(3)):
        if (j + k) % base == 0:
            want[j] += x[(j + k) // base] * w[k]

    def function(x, w):
        return lax.conv_general_dilated(x, w, (1,), [(0, 0)], lhs_dilation=(base,))

    got = run(function, x[None, None], w[None, None])
    np.testing.assert_array_equal(got.ravel(), want)


def test_one_feature_out_channels_first():
    """One row of weights, large enough for BLAS."""
    x, w = np.ones((2, 8, 40, 40), np.float32), np.ones((1, 8, 5, 5), np.float32)
    got = run(lambda x, w: lax.conv(x, w, (1, 1), "VALID"), x, w)
    np.testing.assert_array_equal(got, np.full((2, 1, 36, 36), 200, np.float32))


@st.composite
def windows(draw):
    """An array and window options."""
    ndim = draw(st.integers(1, 4))
    shape = [draw(st.sampled_from([1, 2, 3, 4, 7, 8, 16, 20])) for _ in range(ndim)]
    few = st.sampled_from([1, 1, 2, 3])
    options = {
        "window_dimensions": [draw(few) for _ in range(ndim)],
        "window_strides": [draw(few) for _ in range(ndim)],
        "padding": [
            (draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(ndim)
        ],
        "base_dilation": [draw(st.sampled_from([1, 1, 1, 2])) for _ in range(ndim)],
        "window_dilation": [draw(st.sampled_from([1, 1, 1, 2])) for _ in range(ndim)],
    }
    if draw(st.sampled_from([False, False, False, True])):  # all of some dims
        whole = [draw(st.booleans()) for _ in range(ndim)]
        sizes = [n if w else 1 for n, w in zip(shape, whole, strict=True)]
        ones = [1] * ndim
        options |= {"window_dimensions": sizes, "window_strides": ones}
        options |= {"padding": [(0, 0)] * ndim, "base_dilation": ones}
    dtype = draw(st.sampled_from(["float32", "float32", "float64", "int32", "uint8"]))
    return values(draw, shape, dtype), options


def window_reduce(x, options, initial, combine):
    """Every place of the window as one strided view of the padded array."""
    axes = range(x.ndim)
    wide = np.full(
        [(n - 1) * b + 1 for n, b in zip(x.shape, options["base_dilation"])], initial
    )
    wide = wide.astype(x.dtype)
    wide[tuple(slice(None, None, b) for b in options["base_dilation"])] = x
    wide = pad(wide, options["padding"], axes, initial)
    window, strides = options["window_dimensions"], options["window_strides"]
    dilation = options["window_dilation"]
    counts = [
        max(0, (n - (w - 1) * d - 1) // s + 1) if n >= (w - 1) * d + 1 else 0
        for n, w, s, d in zip(wide.shape, window, strides, dilation, strict=True)
    ]
    out = np.full(counts, initial, x.dtype)
    for place in itertools.product(*map(range, window)):
        index = tuple(
            slice(p * d, p * d + c * s, s)
            for p, d, c, s in zip(place, dilation, counts, strides, strict=True)
        )
        piece = wide[tuple(slice(i.start, i.stop - i.step + 1, i.step) for i in index)]
        if out.size:
            out = combine(out, piece)
    return out


@settings(max_examples=150, deadline=None)
@given(windows(), st.sampled_from(["sum", "max", "min"]))
def test_windows(case, kind):
    x, options = case
    info = np.finfo if x.dtype.kind == "f" else np.iinfo
    lowest = -np.inf if x.dtype.kind == "f" else info(x.dtype).min
    highest = np.inf if x.dtype.kind == "f" else info(x.dtype).max
    initial, ours, twin = {
        "sum": (0, lax.add, np.add),
        "max": (lowest, lax.max, np.maximum),
        "min": (highest, lax.min, np.minimum),
    }[kind]
    start = np.asarray(initial, x.dtype)
    got = run(lambda x: lax.reduce_window(x, start, ours, **options), x)
    np.testing.assert_array_equal(got, window_reduce(x, options, initial, twin))


@SETTINGS
@given(st.data())
def test_gradient_of_max_pooling(data):
    """Each window's cotangent goes to its first maximum."""
    draw = data.draw
    batch, height, width, features = (
        draw(st.integers(1, 3)),
        draw(st.integers(4, 12)),
        draw(st.integers(4, 12)),
        draw(st.sampled_from([1, 2, 3, 8, 17])),
    )
    size, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x = values(draw, (batch, height, width, features))

    def pool(x):
        shape, by = (1, size, size, 1), (1, stride, stride, 1)
        return lax.reduce_window(x, -np.inf, lax.max, shape, by, "VALID")

    def pull(x):
        y, vjp = minijax.vjp(pool, x)
        return vjp(jnp.ones_like(y))[0]

    want = np.zeros_like(x)
    for b, i, j, c in np.ndindex(
        batch, (height - size) // stride + 1, (width - size) // stride + 1, features
    ):
        window = x[b, i * stride : i * stride + size, j * stride : j * stride + size, c]
        di, dj = np.unravel_index(np.argmax(window), window.shape)
        want[b, i * stride + di, j * stride + dj, c] += 1
    np.testing.assert_array_equal(run(pull, x), want)


# ---- indexing ----------------------------------------------------------------------

ROWS = st.sampled_from([1, 5, 100, 1000, 5000])


@SETTINGS
@given(st.data())
def test_scatter_into_rows(data):
    """x.at[i].op(u): repeated, negative and missing rows; ours one after the other."""
    draw = data.draw
    table, count = draw(ROWS), draw(ROWS)
    inner = draw(
        st.sampled_from(
            [(), (1,), (3,), (4,), (8,), (16,), (32,), (2, 5), (31,), (77,)]
        )
    )
    dtypes = ["float32", "float64", "int32", "uint32", "int64", "int8", "complex64"]
    dtype = draw(st.sampled_from([*dtypes, "float16", "bfloat16"]))
    kind = draw(st.sampled_from(["add", "set", "subtract", "multiply", "min", "max"]))
    if dtype in ("float16", "bfloat16"):
        dtype, table = jnp.dtype(dtype), 1000  # few for each, so exact
    index_dtype = draw(st.sampled_from(["int32", "int64", "uint8", "int16"]))
    if dtype == "complex64" and kind in ("min", "max"):
        kind = "add"
    x, u = values(draw, (table, *inner), dtype), values(draw, (count, *inner), dtype)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = 0 if index_dtype == "uint8" else -min(2 * table, 30000)
    high = min(2 * table, 255 if index_dtype == "uint8" else 30000)
    if draw(st.booleans()):
        low, high = 0, min(table, high)  # all inside: their places are not looked for
    index = rng.integers(low, high, count).astype(index_dtype)
    got = run(lambda x, i, u: getattr(x.at[i], kind)(u), x, index, u)
    want = x.copy()
    combine = {
        "add": np.add,
        "subtract": np.subtract,
        "multiply": np.multiply,
        "min": np.minimum,
        "max": np.maximum,
        "set": lambda old, new: new,
    }[kind]
    with np.errstate(over="ignore"):
        for i, value in zip(index.astype(int), u, strict=True):
            row = i + table if i < 0 else i
            if 0 <= row < table:
                want[row] = combine(want[row], value)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("width", [1, 2, 29])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_extremes_of_special_values_into_rows(dtype, width):
    """The first NaN wins; -0 is below +0."""
    special = np.array([np.nan, -np.inf, -1, -0.0, 0.0, 1, np.inf], dtype)
    old, new = (x.ravel() for x in np.meshgrid(special, special))
    x, u = (np.repeat(v[:, None], width, 1) for v in (old, new))
    index = np.arange(old.size)
    for kind, twin in (("min", np.minimum), ("max", np.maximum)):
        got = run(lambda x, i, u, k=kind: getattr(x.at[i], k)(u), x, index, u)
        want = twin(x, u)
        zeros = (x == 0) & (u == 0)
        join = np.logical_or if kind == "min" else np.logical_and
        sign = np.where(join(np.signbit(x), np.signbit(u)), -1, 1)
        want = np.where(zeros, np.copysign(np.zeros_like(x), sign), want)
        np.testing.assert_array_equal(got, want)
        numbers = ~np.isnan(want)
        np.testing.assert_array_equal(
            np.signbit(got)[numbers], np.signbit(want)[numbers]
        )


@SETTINGS
@given(st.data())
def test_gather_rows(data):
    draw = data.draw
    table, count = draw(ROWS), draw(ROWS)
    inner = draw(st.sampled_from([(), (1,), (3,), (7,), (16,), (2, 5), (33,)]))
    dtypes = ["float32", "float64", "int8", "int16", "complex128"]
    dtype = draw(st.sampled_from(dtypes))
    mode = draw(st.sampled_from(["clip", "fill"]))
    axis = draw(st.integers(0, len(inner)))
    x = np.moveaxis(values(draw, (table, *inner), dtype), 0, axis)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    index = rng.integers(-table, 2 * table, count).astype(np.int32)
    got = run(
        lambda x, i: jnp.take(x, i, axis=axis, mode=mode, fill_value=7), x.copy(), index
    )
    if mode == "fill":
        valid = (index >= -table) & (index < table)
        wrapped = np.where(index < 0, index + table, index)
        want = np.take(x, np.where(valid, wrapped, 0), axis)
        shape = [1] * want.ndim
        shape[axis] = count
        want = np.where(valid.reshape(shape), want, np.asarray(7, x.dtype))
    else:
        want = np.take(x, np.clip(index, 0, table - 1), axis)
    np.testing.assert_array_equal(got, want)


@SETTINGS
@given(st.data())
def test_gather_points(data):
    """Single elements, by two indices of one type."""
    draw = data.draw
    shape, count = (draw(ROWS), draw(ROWS)), draw(st.sampled_from([1, 7, 300, 1000]))
    dtype = draw(st.sampled_from(["float32", "float64", "int8", "float16"]))
    index_dtype = draw(st.sampled_from(["int32", "uint32", "int64", "int16"]))
    low = 0 if index_dtype == "uint32" else -1
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    i, j = (rng.integers(low * n, 2 * n, count).astype(index_dtype) for n in shape)
    x = values(draw, shape, dtype)
    flip, x_laid = with_layout(draw, x)
    for mode in ("clip", "fill"):
        got = run(lambda x, i, j, m=mode: flip(x).at[i, j].get(mode=m), x_laid, i, j)
        places = [k.astype(np.int64) for k in (i, j)]
        places = [np.where(k < 0, k + n, k) for k, n in zip(places, shape, strict=True)]
        inside = np.all([k < n for k, n in zip(places, shape, strict=True)], 0)
        nearest = [np.minimum(k, n - 1) for k, n in zip(places, shape, strict=True)]
        want = x[tuple(nearest)]
        if mode == "fill":
            missing = np.nan if x.dtype.kind == "f" else np.iinfo(dtype).min
            want = np.where(inside, want, np.asarray(missing, dtype))
        np.testing.assert_array_equal(got, want)


@SETTINGS
@given(st.data())
def test_take_along_axis(data):
    draw = data.draw
    shape = [
        draw(st.sampled_from([1, 2, 7, 30, 100]))
        for _ in range(draw(st.integers(1, 3)))
    ]
    axis = draw(st.integers(0, len(shape) - 1))
    x = values(draw, shape, draw(st.sampled_from(["float32", "float64", "int16"])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    picks = list(shape)
    picks[axis] = draw(st.sampled_from([1, 3, 50]))
    index = rng.integers(-shape[axis], shape[axis], picks).astype(np.int32)
    got = run(lambda x, i: jnp.take_along_axis(x, i, axis), x, index)
    np.testing.assert_array_equal(got, np.take_along_axis(x, index, axis))

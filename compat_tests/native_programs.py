"""Programs of all kinds of instructions, for the tests of native code."""

import numpy as np

import minijax
import minijax.numpy as jnp
from minijax import lax


def tiny_step(params, x, y):
    """One step of gradient descent of a network 2-4-2."""

    def loss(params):
        (w1, b1), (w2, b2) = params
        return jnp.mean((jnp.tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2)

    value, slopes = minijax.value_and_grad(loss)(params)
    return minijax.tree.map(lambda p, g: p - 0.1 * g, params, slopes), value


def normal(*shape):
    """Random float32 numbers, the same ones for the sum of the extents."""
    rng = np.random.default_rng(sum(shape))
    return rng.normal(size=shape).astype(np.float32)


def many_carries(ws):
    """The end of a recurrence of several scalars."""

    def step(carry, _):
        turned = carry[1:] + carry[:1]
        moved = [
            jnp.sin(c) * 0.9 + w * t for c, w, t in zip(carry, ws, turned, strict=True)
        ]
        return moved, moved[0]

    last, seen = lax.scan(step, [0.1 * w for w in ws], None, length=30)
    return sum(last) + seen.sum()


def nested_flow(x, n):
    """Loops in loops, branches, slices, updates, random bits."""

    def outer(state):
        k, acc, table = state
        acc = lax.cond(k % 3 == 0, lambda a: a * 0.5 + 1, lambda a: a - x[k % 4], acc)
        table = lax.dynamic_update_slice(table, acc[None], (k % 7,))
        inner = lax.fori_loop(0, k, lambda i, a: a + table[i % 7] * i, acc)
        noise = minijax.random.uniform(minijax.random.key(k))
        return k + 1, jnp.where(inner > 100, noise, inner), table

    start = (jnp.int32(0), jnp.float32(1), jnp.zeros(7))
    return lax.while_loop(lambda s: s[0] < n, outer, start)


def wide_and_large(x):
    """Elements by the hundred, and sums and products beyond what is written out."""
    y = jnp.tanh(x @ x.T) + jnp.sort(x, axis=0)[:, :1]
    return jnp.exp(-y).sum(0), y.max(), jnp.cumsum(y, 1), y.astype(jnp.bfloat16) * 3


def awkward_numbers(x):
    """Denormal numbers, signed zeros, infinities and NaN, in a loop."""

    def step(c, v):
        c = (c * 1e-20 * v).astype(jnp.float32)
        return c, (jnp.maximum(c, -c), c / v, jnp.sign(c), jnp.float32(1e-30) * 1e-9)

    return lax.scan(step, jnp.float32(1e-3), x)


def sums_of_groups(x):
    """What is reduced as it is computed: softmax, a norm, extremes; rows and lines."""
    y = minijax.nn.softmax(x, axis=-1) * 2
    z = (x - x.mean(0)) / jnp.sqrt(jnp.var(x, 0) + 1e-5)
    return y, z, (x * y).sum(), jnp.max(x * z, axis=1), jnp.prod(z + 1, axis=0)


def updates(x, k):
    """Updates of values that die there, so that the plan lets them keep their place."""
    y = jnp.cumsum(x * 2 + 1)
    y = lax.dynamic_update_slice(y, x[:1], (k,))
    y = lax.dynamic_update_slice(y, x[1:3], (k + 1,))
    wide = lax.dynamic_update_slice(jnp.outer(y, y), y[None], (k, 0))
    return y * 3, wide.at[k].add(1.0), lax.dynamic_slice(wide, (k, k), (2, 3))


def sines(x, big):
    """Loops over sin and cos, with and without an element that needs the C library."""

    def step(c, _):
        return jnp.cos(c * 1.1) + jnp.sin(x), jnp.sin(c) * c

    return lax.scan(step, x, None, length=3), lax.scan(step, big, None, length=3)


def large_groups(x, row, column):
    """Loops that are shared among threads: dense, along rows and columns, masks, copies."""
    flat = x.reshape(-1)
    n, m = x.shape
    mask = lax.broadcasted_iota(np.int32, (n, m), 0) > lax.broadcasted_iota(
        np.int32, (n, m), 1
    )
    return (
        jnp.tanh(flat * flat + 1) * jnp.exp(-flat * flat),
        jnp.sin(flat) * flat + jnp.cos(flat),
        (x - row) * column[:, None] + 1,
        jnp.where(mask, x, 0),
        jnp.where(x.T > 0, x.T * 2, -x.T),
        x.astype(np.int32) * 3 + 1,
        x[::-1, ::2] * 2 - 1,
    )


def mapped_sums(x, row):
    """Sums of what is worked out first, over the last axis and the first, kept and not."""
    y = jnp.exp(x - row) * 2
    z = (x - x.mean(-1, keepdims=True)) ** 2
    return y.sum(-1), y, z.sum(0), z.sum(), (x * row + 1).max(1), (x > 0).sum(1)


def large_lines(x, row, column):
    """Sums of lines that are made a few at a time: broadcasts, masks, several results."""
    y = jnp.exp(x - x.max(-1, keepdims=True))
    pairs = ((column[:, None, None] - row[None, :, None]) * jnp.arange(3.0)).sum(-1)
    lower = jnp.tril(x) * 2
    return y, y.sum(-1), (y * row + 1).max(-1), pairs, lower.sum(-1), (x * x).mean(-1)


def large_matrices(x, y):
    """Reductions along the middle axis: products as of other rings, and what is kept."""
    z = x[:, :, None]
    kept = z * y + 1
    return (z + y).max(1), (jnp.abs(z - y)).sum(1), kept, kept.min(1), (z < y).any(1)


def rows_in_strips(x, y):
    """Reductions of rows in registers: in sequence and as a tree, exact ones, several."""
    pairs = x[:, :, None] - y
    small = (10 * pairs).astype(np.int8)
    return (
        jnp.log(pairs).max(1),
        (jnp.abs(pairs) + 1).sum(1),
        jnp.exp(-pairs).min(0),
        (jnp.exp(pairs).sum(1), (pairs * pairs).prod(1)),
        ((small * 2).sum(1, dtype=np.int8), (small > 3).any(1), (small ^ 5).max(1)),
        (pairs.astype(np.float64) * 3).sum(1),
        (x[:, :, None, None] * y[:, None] + y).sum((1, 2)),
    )


def long_lines(x, y):
    """Reductions along the last axis in registers: one leaf and several, what is kept."""
    z = jnp.exp(x - x.max(-1, keepdims=True)) * y
    small = (10 * z).astype(np.int8)
    return (
        z,
        z.sum(-1),
        (jnp.max(x * 2, -1), jnp.min(x * 2, -1)),
        (jnp.log(x - y) + 1).max(-1),
        jnp.prod(z * 0.5 + 1, -1),
        ((small * 2).sum(-1, dtype=np.int8), (small > 3).all(-1)),
        (x.astype(np.float64) * 3).sum(-1),
        ((x[:, None] - y) * y).sum(-1),
    )


def sums_of_parts(x, y):
    """Reductions of everything, and of many rows of few columns."""
    rows = x.reshape(-1, 10)
    return (
        ((x - y) ** 2).sum(),
        jnp.max(jnp.log(x)),
        (x * 1e-4 + 1).prod(),
        (x > y).sum(),
        (rows * rows).sum(0),
        (rows * 2).sum((0, 1)),
        (jnp.max(rows * 2, 0), jnp.min(rows * 2, 0)),
        (x.reshape(3, -1) * y.reshape(3, -1)).sum(1),
    )


def sums_in_registers(x, y):
    """Rows and lines, nothing of which the runtime does."""
    pairs = x[:, :, None] - y
    return (jnp.abs(pairs) + 1).sum(1), (jnp.exp(x) * 2).sum(-1), (x * 2).max(-1)


def batches_of_small_products(a, b):
    """Products whose sizes are written out, by layout and type."""
    wide = a.astype(np.float32) @ b.astype(np.float32)
    return wide, a.swapaxes(1, 2) @ a, jnp.einsum("bij,bj->bi", b, b[:, :, 0]), a @ b[0]


def reductions_over_other_axes(x):
    """Sums of elements that are made whole before: of everything, along the first axis."""
    y = jnp.where(jnp.abs(x) < 1, 0.5 * x * x, jnp.abs(x) - 0.5)
    return y.mean(), ((x - 1) * 2).max(0), (x * 3 + 1).sum(0), jnp.argmax(x * x)


def library_functions(x, y):
    """Loops over what is left to the C library where arguments are extreme."""
    z = lax.complex(x, y)
    return (
        jnp.tan(x) * y + jnp.arctan2(y, x),
        lax.rem(x, y) * 2,
        lax.pow(abs(x), y) * jnp.cbrt(x),
        jnp.arccos(x) + jnp.arcsin(x) + jnp.arctan(x),
        jnp.exp(z) * z,
        jnp.log(z) + jnp.sqrt(z) / z,
        abs(z * z + z) * 2,
        jnp.arcsin(z) * jnp.tanh(z),
    )


def complex_quotients(x, y):
    """Divisors that are real, complex, zero; of many elements and of few."""
    z = lax.complex(x, y)

    def newton(_, z):
        return z - (z * z - 1) / (2 * z)

    few = z.reshape(-1)[:5]
    return (
        z / x + x / z,
        (z / 3 * z).sum(0),
        lax.fori_loop(0, 3, newton, z),
        few / few[0],
    )


def halves(x, y):
    """Chains of float16s and of bfloat16s: strips, strides, choices, several results."""
    results = []
    for dtype in (jnp.float16, jnp.bfloat16):
        a, b = x.astype(dtype), y.astype(dtype)
        c = a * b + a
        d = jnp.where(c > b, -c, abs(b - a))
        results += [c, jnp.tanh(d) / (c - b), lax.logistic(a) * jnp.exp2(b), -d]
        results += [(a[:, ::2] * b[:, 1::2] + 1).T * 2, jnp.where(a > b, a, b - a)]
        results += [
            c.astype(jnp.float32) + 1,
            (c + b).max(1),
            (d * 2).astype(jnp.int32),
        ]
        results += [a[:2, :3] * b[:2, :3] + a[1, 1], jnp.floor(c) + jnp.sqrt(abs(d))]
    return results


def any_floats(*shape):
    """Numbers of all sizes: infinite ones, NaNs and denormal ones among them."""
    bits = np.random.default_rng(sum(shape)).integers(0, 2**32, shape, np.uint32)
    return bits.view(np.float32)


def near_halves(*shape):
    """Numbers about as large as float16s are, and just between two of them."""
    size = 2.0 ** np.random.default_rng(1).integers(-27, 18, shape)
    x = (size * normal(*shape)).astype(np.float32)
    between = (x.view(np.uint32) & np.uint32(0xFFFFF000)).view(np.float32)
    return np.where(x > 0.1, x, between)


def short_rows(x, v):
    """Loops whose last dim is written out."""
    return (x * v + 1) / (x * x + 2), (x - v).T * 2 + 1, x[:, :2] * x[:, 1:] + x[:, 1:]


def masked_rows(x, mask):
    """Rows of all widths that a loop updates in place, with masks beside them."""

    def step(carry, k):
        x, mask = carry
        higher = jnp.where(mask, x, -jnp.inf)
        x = jnp.logaddexp(x, jnp.roll(higher, 1, 1)) * 0.5 + jnp.sin(x[:, :1]) + k
        x = jnp.where(mask[0], x, jnp.tanh(x) + x[0, jnp.clip(mask + k, 0, 2)])
        return (x, mask ^ (x > 0.2)), (x > k) & mask

    return lax.scan(step, (x, mask), jnp.arange(3))


def stencils(x, y):
    """Two grids in turns, each with its borders as they are, and rows of all widths."""
    inner = (slice(1, -1), slice(1, -1))

    def mean(a):
        return 0.25 * (a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2])

    def step(_, grids):
        a, b = grids
        b = b.at[inner].set(mean(a) - a[inner])
        return a.at[inner].set(mean(b) + 2 * b[inner]), b

    rows = [jnp.exp(x[:, :k]) - y[:, :k] for k in range(5, x.shape[1], 3)]
    halves = [x[:, k:].astype(jnp.bfloat16) * 3 > y[:, k:] for k in (0, 3)]
    return lax.fori_loop(0, 7, step, (x, y)), rows, halves


def narrow_elements(x, at):
    """Elements of one or two bytes: picked from tables of all sizes, backwards, across."""
    bytes_, halves, bools = x.astype(jnp.int8), x.astype(jnp.bfloat16), x > 0
    picked = [
        table[first:][at]
        for table in (bytes_.ravel(), halves.ravel(), bools.ravel())
        for first in (0, 1, 3, x.size - 20, x.size - 1)
    ]
    turned = [a[::-1].T for a in (bytes_, halves, bools)]
    return picked, turned, bytes_.ravel()[::-1], halves[:, ::-1]


def known_divisors(x):
    """Every byte, and numbers of 16 bits, divided and shifted by constants."""
    results = []
    for dtype in (jnp.int8, jnp.uint8, jnp.int16, jnp.uint16):
        a, unsigned = x.astype(dtype), dtype in (jnp.uint8, jnp.uint16)
        for by in (
            1,
            2,
            3,
            7,
            100,
            127,
            *((200, 255) if unsigned else (-1, -2, -7, -128)),
        ):
            by = np.array(by, dtype)
            results += [lax.div(a, by), lax.rem(a, by)]
        results += [a // 7 % 5, a >> 3, a << 2, lax.shift_right_logical(a, dtype(5))]
    return results


def places_of_extremes(x):
    """Of columns side by side, in a loop, with ties, signed zeros and NaNs."""

    def step(carry, turn):
        y = carry + turn * x.round()
        return y, (jnp.argmax(y, axis=1), jnp.argmin(y.astype(jnp.int32), axis=1))

    ties = jnp.where(x > 1, jnp.nan, jnp.where(x > 0, 0.0, -0.0))
    return (
        lax.scan(step, x, jnp.arange(3.0)),
        [pick(v, axis=1) for v in (ties, -ties) for pick in (jnp.argmax, jnp.argmin)],
        jnp.argmax(ties[:, 1:, ::2].transpose(1, 0, 2), axis=0),
    )


def groups_on_products(x, w, b):
    """Groups that take a product's blocks: wide ones, square ones, of copied columns."""
    hidden = jnp.tanh(x @ w + b)
    kept = hidden @ w.T
    mask = lax.broadcasted_iota(jnp.int32, kept.shape, 0) > 40
    step = x.T @ hidden
    return (
        hidden,
        jnp.where(mask, kept, x).astype(jnp.float16),
        kept @ kept.T,
        (w - 0.1 * step, 0.9 * w + step * step),
        jnp.exp(-(w.T @ w)) * b,
    )


PROGRAMS = {
    "known_divisors": (known_divisors, (np.arange(-40_000, 40_000, 7, np.int32),)),
    "places_of_extremes": (places_of_extremes, (normal(6, 9, 8),)),
    "places_in_few_columns": (places_of_extremes, (normal(3, 2, 5),)),
    "groups_on_products": (
        groups_on_products, (normal(290, 310), normal(310, 170), normal(170))
    ),
    "groups_on_small_products": (
        groups_on_products, (normal(70, 66), normal(66, 90), normal(90))
    ),
    "groups_on_large_products": (
        groups_on_products, (normal(40, 700), normal(700, 900), normal(900))
    ),
    "narrow_elements": (
        narrow_elements, (9 * normal(29, 41), np.arange(-60, 60, dtype=np.int32)),
    ),
    "halves": (halves, (normal(70, 130), 3 * normal(130, 70).T)),
    "few_halves": (halves, (normal(3, 6), normal(6, 3).T)),
    "halves_of_any_floats": (halves, (any_floats(40, 302), any_floats(302, 40).T)),
    "halves_of_near_floats": (halves, (near_halves(40, 302), near_halves(302, 40).T)),
    "complex_quotients": (complex_quotients, (normal(9, 70), normal(70, 9).T.copy())),
    "quotients_by_zeros": (complex_quotients, (normal(6, 90).round(), normal(90, 6).T.round())),
    "masked_rows": (masked_rows, (normal(5, 17), normal(5, 17) > 0)),
    "few_masked_rows": (masked_rows, (normal(2, 7), normal(2, 7) > 0)),
    "long_masked_rows": (masked_rows, (normal(3, 131), normal(3, 131) > 0)),
    "stencils": (stencils, (normal(13, 39), normal(39, 13).T.copy())),
    "large_groups": (large_groups, (normal(290, 233), normal(233), normal(290))),
    "hard_sines": (large_groups, (1e6 * normal(90, 97), normal(97), normal(90))),
    "mapped_sums": (mapped_sums, (normal(61, 83), normal(83))),
    "mapped_long_sums": (mapped_sums, (normal(3, 1337), normal(1337))),
    "large_lines": (large_lines, (normal(210, 333), normal(333), normal(210))),
    "large_lines_of_many": (large_lines, (normal(1500, 40), normal(40), normal(1500))),
    "large_matrices": (large_matrices, (normal(40, 130), normal(130, 77))),
    "large_matrices_of_few": (large_matrices, (normal(90, 150), normal(150, 5))),
    "rows_in_strips": (rows_in_strips, (normal(3, 50), normal(50, 200))),
    "few_rows_in_strips": (rows_in_strips, (normal(2, 7), normal(7, 9))),
    "trees_of_rows": (rows_in_strips, (normal(2, 449), normal(449, 40))),
    "long_lines": (long_lines, (normal(5, 500), normal(500))),
    "shared_long_lines": (long_lines, (normal(90, 700), normal(700))),
    "leaves_of_lines": (long_lines, (normal(5, 3 * 4096 + 100), normal(3 * 4096 + 100))),
    "a_short_last_leaf": (long_lines, (normal(4, 4096 + 9), normal(4096 + 9))),
    "chunks_of_lines": (long_lines, (normal(9, 33_000), normal(33_000))),
    "sums_in_registers": (sums_in_registers, (normal(70, 131), normal(131, 40))),
    "sums_of_parts": (sums_of_parts, (normal(330_000), normal(330_000)[::-1])),
    "sums_of_few_parts": (sums_of_parts, (normal(90_000), normal(90_000)[::-1])),
    "small_products": (batches_of_small_products, (normal(700, 3, 5), normal(700, 5, 5))),
    "many_small_products": (
        batches_of_small_products, (normal(30_000, 2, 3), normal(30_000, 3, 3))
    ),
    "other_axes": (reductions_over_other_axes, (normal(300, 170),)),
    "library_functions": (library_functions, (normal(170), normal(10, 17).ravel())),
    "hard_library_functions": (
        library_functions, (1e30 * normal(170), normal(10, 17).ravel()),
    ),
    "short_rows": (short_rows, (normal(77, 3), normal(3))),
    "tiny_step": (
        tiny_step,
        ([(normal(2, 4), normal(4)), (normal(4, 2), normal(2))], normal(4, 2),
         normal(4, 2)),
    ),
    "many_carries": (minijax.grad(many_carries), ([np.float32(k / 9) for k in range(9)],)),
    "nested_flow": (nested_flow, (normal(4), np.int32(20))),
    "wide_and_large": (wide_and_large, (normal(24, 24),)),
    "sums_of_groups": (sums_of_groups, (normal(9, 11),)),
    "updates": (updates, (normal(5), np.int32(2))),
    "updates_of_many": (updates, (normal(30), np.int32(-7))),
    "sums_of_few": (sums_of_groups, (normal(3, 5),)),
    "sines": (sines, (normal(70), np.linspace(0, 1e4, 70, dtype=np.float32))),
    "awkward_numbers": (
        awkward_numbers,
        (np.array([1, -1, 0, -0.0, np.inf, -np.inf, np.nan, 1e-38, 3], np.float32),),
    ),
    "empty": (lambda x: (x + 1, x.sum(), lax.scan(lambda c, v: (c + v, c), 0.0, x)),
              (np.zeros(0, np.float32),)),
    "vmap_of_while": (
        minijax.vmap(lambda n: lax.while_loop(lambda c: c < n, lambda c: c * 2 + 1, 1)),
        (np.arange(40, dtype=np.int32),),
    ),
}  # fmt: skip

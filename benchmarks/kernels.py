"""Kernel benchmarks: one function and its arguments each, for JAX and minijax alike.

`cases(jax)` takes a module with JAX's interface (real JAX, or minijax) and returns
`{name: (function, arguments)}`: the function is written with that module and not yet
jitted, the arguments are NumPy arrays. A name is `group/what`. `numpy_twins()` has a
NumPy function of the same arguments for those cases that NumPy can do in one call.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Case = Any  # (function, arguments), or a dict: see README.md


def _floats(seed: int, *shape: int, dtype=np.float32) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def _positive_definite(n: int, *batch: int, dtype=np.float32) -> np.ndarray:
    a = _floats(n, *batch, n, n, dtype=dtype)
    return (a @ np.swapaxes(a, -1, -2) + n * np.eye(n)).astype(dtype)


def matmul(jax) -> dict[str, Case]:
    """Square products by size, transposed operands, long and thin ones."""
    jnp = jax.numpy
    out: dict[str, Case] = {}
    for n in (8, 16, 32, 64, 128, 256, 512, 1024, 2048):
        out[f"matmul/f32 {n}"] = (jnp.matmul, (_floats(1, n, n), _floats(2, n, n)))
    for n in (8, 64, 512):
        pair = (_floats(1, n, n, dtype=np.float64), _floats(2, n, n, dtype=np.float64))
        out[f"matmul/f64 {n}"] = (jnp.matmul, pair)
    forms = {
        "tn": lambda a, b: a.T @ b,
        "nt": lambda a, b: a @ b.T,
        "tt": lambda a, b: a.T @ b.T,
    }
    for n in (32, 256):
        for form, function in forms.items():
            pair = (_floats(1, n, n), _floats(2, n, n))
            out[f"matmul/f32 {form} {n}"] = (function, pair)
    for m, k, n in ((1, 512, 512), (128, 784, 128), (784, 128, 128), (4096, 16, 16)):
        pair = (_floats(1, m, k), _floats(2, k, n))
        out[f"matmul/f32 {m}x{k}x{n}"] = (jnp.matmul, pair)
    out["matmul/vector 1e6"] = (jnp.dot, (_floats(1, 10**6), _floats(2, 10**6)))
    out["matmul/outer 1000"] = (jnp.outer, (_floats(1, 1000), _floats(2, 1000)))
    out["matmul/i32 128"] = (jnp.matmul, (np.full((128, 128), 3, np.int32),) * 2)
    out["matmul/c64 128"] = (
        jnp.matmul,
        (_floats(1, 128, 128).astype(np.complex64),) * 2,
    )
    return out


def attention(jax) -> dict[str, Case]:
    """The batched products of attention and of its gradients, by layout."""
    jnp = jax.numpy
    out: dict[str, Case] = {}
    for batch, t, heads, d in ((8, 32, 4, 16), (4, 16, 4, 4), (4, 64, 12, 64)):
        q, k = _floats(1, batch, t, heads, d), _floats(2, batch, t, heads, d)
        p = _floats(3, batch, heads, t, t)
        name = f"attention/{{}} {batch}x{t}x{heads}x{d}"
        for what, form, pair in (
            ("scores", "bthd,bshd->bhts", (q, k)),
            ("values", "bhts,bshd->bthd", (p, k)),
            ("values transposed", "bhts,bthd->bshd", (p, q)),
        ):

            def product(x, y, form=form):
                return jnp.einsum(form, x, y)

            out[name.format(what)] = (product, pair)
    for b, m, k, n in ((1000, 4, 4, 4), (256, 16, 16, 16), (32, 32, 16, 32)):
        pair = (_floats(1, b, m, k), _floats(2, b, k, n))
        out[f"attention/batched {b}x{m}x{k}x{n}"] = (jnp.matmul, pair)
    return out


def reductions(jax) -> dict[str, Case]:
    """Sums, extremes, their places, running sums; softmax."""
    jnp = jax.numpy
    out: dict[str, Case] = {}
    arrays = {
        "1e6": (_floats(1, 10**6), 0),
        "1000x1000 rows": (_floats(1, 1000, 1000), 1),
        "1000x1000 columns": (_floats(1, 1000, 1000), 0),
        "100000x10 rows": (_floats(1, 100000, 10), 1),
        "100x100x100 middle": (_floats(1, 100, 100, 100), 1),
        "1000": (_floats(1, 1000), 0),
    }
    for op in ("sum", "max", "argmax", "argmin", "cumsum", "prod"):
        for what, (array, axis) in arrays.items():
            if op in ("argmin", "prod") and what not in ("1e6", "1000x1000 columns"):
                continue

            def reduce(x, op=op, axis=axis):
                return getattr(jnp, op)(x, axis=axis)

            out[f"reduce/{op} {what}"] = (reduce, (array,))
    out["reduce/sum i32 1e6"] = (jnp.sum, (np.arange(10**6, dtype=np.int32),))
    out["reduce/cummax 1000x1000"] = (
        lambda x: jax.lax.cummax(x, axis=1),
        (_floats(1, 1000, 1000),),
    )
    for rows, n in ((10000, 10), (1000, 1000), (2, 50257), (256, 32)):
        out[f"reduce/softmax {rows}x{n}"] = (jax.nn.softmax, (_floats(1, rows, n),))
    return out


def sorting(jax) -> dict[str, Case]:
    """sort, argsort, top_k by length, row length and axis."""
    jnp, lax = jax.numpy, jax.lax
    million, rows = _floats(1, 10**6), _floats(1, 10000, 100)
    out: dict[str, Case] = {
        "sort/sort 1e6": (jnp.sort, (million,)),
        "sort/sort i32 1e6": (
            jnp.sort,
            (np.random.default_rng(0).integers(-(2**31), 2**31, 10**6, np.int32),),
        ),
        "sort/sort f64 1e6": (jnp.sort, (million.astype(np.float64),)),
        "sort/argsort 1e6": (jnp.argsort, (million,)),
        "sort/two operands 1e6": (
            lambda x: lax.sort((x, -x), num_keys=1),
            (million,),
        ),
        "sort/top_k 1e6 10": (lambda x: lax.top_k(x, 10), (million,)),
        "sort/top_k 1e6 1000": (lambda x: lax.top_k(x, 1000), (million,)),
        "sort/top_k 10000x100 5": (lambda x: lax.top_k(x, 5), (rows,)),
        "sort/sort 10000x100": (jnp.sort, (rows,)),
        "sort/argsort 10000x100": (jnp.argsort, (rows,)),
        "sort/sort 100000x10": (jnp.sort, (_floats(1, 100000, 10),)),
        "sort/sort 1000x1000 columns": (
            lambda x: jnp.sort(x, axis=0),
            (_floats(1, 1000, 1000),),
        ),
        "sort/argsort 1000x1000 columns": (
            lambda x: jnp.argsort(x, axis=0),
            (_floats(1, 1000, 1000),),
        ),
        "sort/median 1000x1001": (
            lambda x: jnp.median(x, axis=1),
            (_floats(1, 1000, 1001),),
        ),
    }
    for n in (10, 100, 1000, 10000, 100000):
        out[f"sort/sort {n}"] = (jnp.sort, (_floats(1, n),))
    out["sort/argsort 1000"] = (jnp.argsort, (_floats(1, 1000),))
    return out


def fft(jax) -> dict[str, Case]:
    """Transforms by length (powers of two, composites, primes), real ones, 2-d."""
    f = jax.numpy.fft
    out: dict[str, Case] = {}
    for n in (64, 1000, 1024, 4096, 1009, 65536, 10**6, 2**20, 10007):
        data = (_floats(1, n) + 1j * _floats(2, n)).astype(np.complex64)
        out[f"fft/fft {n}"] = (f.fft, (data,))
    for n in (1024, 65536, 2**20):
        out[f"fft/rfft {n}"] = (f.rfft, (_floats(1, n),))
        half = (_floats(1, n // 2 + 1) + 1j * _floats(2, n // 2 + 1)).astype(
            "complex64"
        )
        out[f"fft/irfft {n}"] = (f.irfft, (half,))
    plane = (_floats(1, 512, 512) + 1j * _floats(2, 512, 512)).astype(np.complex64)
    out["fft/fft2 512x512"] = (f.fft2, (plane,))
    out["fft/ifft2 512x512"] = (f.ifft2, (plane,))
    out["fft/rfft2 256x256"] = (f.rfft2, (_floats(1, 256, 256),))
    out["fft/fft 1000x128"] = (f.fft, (_floats(1, 1000, 128).astype(np.complex64),))
    return out


def indexing(jax) -> dict[str, Case]:
    """Scatter, gather, dynamic slices."""
    jnp, lax = jax.numpy, jax.lax
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 50257, 2048).astype(np.int32)
    table = _floats(1, 50257, 64)
    bins = rng.integers(0, 1000, 10**6).astype(np.int32)
    permutation = rng.permutation(10**6).astype(np.int32)
    million, square = _floats(1, 10**6), _floats(1, 1000, 1000)
    columns = rng.integers(0, 1000, (1000, 100)).astype(np.int32)
    return {
        "index/embedding": (lambda w, i: w[i], (table, tokens)),
        "index/embedding gradient": (
            lambda g, i: jnp.zeros((50257, 64)).at[i].add(g),
            (_floats(2, 2048, 64), tokens),
        ),
        "index/histogram 1e6": (
            lambda i: jnp.zeros(1000).at[i].add(1.0),
            (bins,),
        ),
        "index/bincount 1e6": (lambda i: jnp.bincount(i, length=1000), (bins,)),
        "index/segment_sum 1e6": (
            lambda x, i: jax.ops.segment_sum(x, i, 1000),
            (million, bins),
        ),
        "index/scatter set unique 1e6": (
            lambda x, i: jnp.zeros(10**6).at[i].set(x, unique_indices=True),
            (million, permutation),
        ),
        "index/scatter add 1e6": (
            lambda x, i: jnp.zeros(10**6).at[i].add(x),
            (million, permutation),
        ),
        "index/scatter max 1e6": (
            lambda x, i: jnp.zeros(1000).at[i].max(x),
            (million, bins),
        ),
        "index/scatter rows 10000x100": (
            lambda x, i: jnp.zeros((1000, 100)).at[i].add(x),
            (_floats(1, 10000, 100), bins[:10000]),
        ),
        "index/take 1e6": (lambda x, i: x[i], (million, permutation)),
        "index/take columns": (lambda x, i: x[:, i], (square, bins[:1000])),
        "index/take_along_axis 1": (
            lambda x, i: jnp.take_along_axis(x, i, 1),
            (square, columns),
        ),
        "index/take_along_axis 0": (
            lambda x, i: jnp.take_along_axis(x, i, 0),
            (square, columns.T.copy()),
        ),
        "index/pick one of 10": (
            lambda x, i: jnp.take_along_axis(x, i[:, None], 1),
            (_floats(1, 10000, 10), (bins[:10000] % 10)),
        ),
        "index/at set one": (lambda x: x.at[3].set(1.0), (_floats(1, 1000),)),
        "index/dynamic_slice": (
            lambda x, i: lax.dynamic_slice(x, (i, i), (500, 500)),
            (square, np.int32(7)),
        ),
        "index/dynamic_update_slice": (
            lambda x, y, i: lax.dynamic_update_slice(x, y, (i, i)),
            (square, _floats(2, 500, 500), np.int32(7)),
        ),
        "index/pad": (lambda x: jnp.pad(x, 10), (square,)),
        "index/concatenate": (
            lambda x: jnp.concatenate([x, x], 1),
            (square,),
        ),
        "index/roll": (lambda x: jnp.roll(x, 3, 1), (square,)),
    }


def layouts(jax) -> dict[str, Case]:
    """Copies in another order."""
    jnp = jax.numpy

    def permuted(*order):
        return lambda x: jnp.transpose(x, order)

    return {
        "layout/transpose 2048": (permuted(1, 0), (_floats(1, 2048, 2048),)),
        "layout/transpose f64 1000": (
            permuted(1, 0),
            (_floats(1, 1000, 1000, dtype=np.float64),),
        ),
        "layout/transpose u8 1000": (
            permuted(1, 0),
            (np.ones((1000, 1000), np.uint8),),
        ),
        "layout/transpose 64": (permuted(1, 0), (_floats(1, 64, 64),)),
        "layout/0213": (permuted(0, 2, 1, 3), (_floats(1, 32, 64, 8, 64),)),
        "layout/0231": (permuted(0, 2, 3, 1), (_floats(1, 32, 32, 28, 28),)),
        "layout/0312": (permuted(0, 3, 1, 2), (_floats(1, 32, 28, 28, 32),)),
        "layout/3210": (permuted(3, 2, 1, 0), (_floats(1, 32, 32, 28, 28),)),
        "layout/reverse": (lambda x: x[::-1], (_floats(1, 1000, 1000),)),
        "layout/every second": (lambda x: x[:, ::2], (_floats(1, 1000, 1000),)),
    }


def _conv(jax, x, w, ct_of, **options) -> dict[str, Case]:
    """Forward, gradient of the input, gradient of the weights."""

    def forward(x, w):
        return jax.lax.conv_general_dilated(x, w, **options)

    def by_input(x, w, ct):
        return jax.vjp(lambda x: forward(x, w), x)[1](ct)[0]

    def by_weights(x, w, ct):
        return jax.vjp(lambda w: forward(x, w), w)[1](ct)[0]

    ct = _floats(3, *ct_of)
    return {
        "forward": (forward, (x, w)),
        "input": (by_input, (x, w, ct)),
        "weights": (by_weights, (x, w, ct)),
    }


_NHWC = ("NHWC", "HWIO", "NHWC")
# name: input, weights, output's shape, options
_CONVOLUTIONS: dict[str, tuple] = {
    "28 B64 1->32 3x3 NHWC": (
        (64, 28, 28, 1), (3, 3, 1, 32), (64, 28, 28, 32),
        {"window_strides": (1, 1), "padding": "SAME", "dimension_numbers": _NHWC},
    ),
    "14 B64 32->64 3x3 NHWC": (
        (64, 14, 14, 32), (3, 3, 32, 64), (64, 14, 14, 64),
        {"window_strides": (1, 1), "padding": "SAME", "dimension_numbers": _NHWC},
    ),
    "28 B64 1->32 5x5 NCHW": (
        (64, 1, 28, 28), (32, 1, 5, 5), (64, 32, 28, 28),
        {"window_strides": (1, 1), "padding": "SAME"},
    ),
    "28 B64 8->16 5x5 NCHW": (
        (64, 8, 28, 28), (16, 8, 5, 5), (64, 16, 28, 28),
        {"window_strides": (1, 1), "padding": "SAME"},
    ),
    "14 B64 32->64 3x3 NCHW": (
        (64, 32, 14, 14), (64, 32, 3, 3), (64, 64, 14, 14),
        {"window_strides": (1, 1), "padding": "SAME"},
    ),
    "stride 2 32 B16 16->32 3x3 NHWC": (
        (16, 32, 32, 16), (3, 3, 16, 32), (16, 16, 16, 32),
        {"window_strides": (2, 2), "padding": "SAME", "dimension_numbers": _NHWC},
    ),
    "dilated 32 B16 16->16 3x3 NHWC": (
        (16, 32, 32, 16), (3, 3, 16, 16), (16, 28, 28, 16),
        {
            "window_strides": (1, 1), "padding": "VALID",
            "rhs_dilation": (2, 2), "dimension_numbers": _NHWC,
        },
    ),
    "depthwise 28 B16 32 3x3 NHWC": (
        (16, 28, 28, 32), (3, 3, 1, 32), (16, 28, 28, 32),
        {
            "window_strides": (1, 1), "padding": "SAME",
            "feature_group_count": 32, "dimension_numbers": _NHWC,
        },
    ),
    "depthwise 28 B16 32 3x3 NCHW": (
        (16, 32, 28, 28), (32, 1, 3, 3), (16, 32, 28, 28),
        {"window_strides": (1, 1), "padding": "SAME", "feature_group_count": 32},
    ),
    "groups 4 16 B16 32->32 3x3 NHWC": (
        (16, 16, 16, 32), (3, 3, 8, 32), (16, 16, 16, 32),
        {
            "window_strides": (1, 1), "padding": "SAME",
            "feature_group_count": 4, "dimension_numbers": _NHWC,
        },
    ),
    "1x1 14 B32 64->128 NHWC": (
        (32, 14, 14, 64), (1, 1, 64, 128), (32, 14, 14, 128),
        {"window_strides": (1, 1), "padding": "SAME", "dimension_numbers": _NHWC},
    ),
    "1-d 1000 B8 16->32 5": (
        (8, 16, 1000), (32, 16, 5), (8, 32, 1000),
        {"window_strides": (1,), "padding": "SAME"},
    ),
    "3-d 16 B4 8->16 3x3x3": (
        (4, 8, 16, 16, 16), (16, 8, 3, 3, 3), (4, 16, 16, 16, 16),
        {"window_strides": (1, 1, 1), "padding": "SAME"},
    ),
    "small 8 B1 3->4 3x3": (
        (1, 3, 8, 8), (4, 3, 3, 3), (1, 4, 8, 8),
        {"window_strides": (1, 1), "padding": "SAME"},
    ),
}  # fmt: skip


def convolutions(jax) -> dict[str, Case]:
    """Convolutions and both of their gradients."""
    out: dict[str, Case] = {}
    for name, (x, w, shape, options) in _CONVOLUTIONS.items():
        passes = _conv(jax, _floats(1, *x), _floats(2, *w), shape, **options)
        out.update({f"conv/{name} {k}": case for k, case in passes.items()})
    line = (_floats(1, 10000), _floats(2, 100))
    out["conv/convolve 10000 100"] = (jax.numpy.convolve, line)
    return out


def pooling(jax) -> dict[str, Case]:
    """Windows' extremes and sums, and their gradients."""
    lax = jax.lax
    out: dict[str, Case] = {}

    def largest(x, window, stride):
        return lax.reduce_window(x, -np.inf, lax.max, window, stride, "VALID")

    def total(x, window, stride):
        return lax.reduce_window(x, 0.0, lax.add, window, stride, "VALID")

    def gradient(function):
        def of(x, ct, window, stride):
            return jax.vjp(lambda x: function(x, window, stride), x)[1](ct)[0]

        return of

    nhwc, nchw = (1, 2, 2, 1), (1, 1, 2, 2)
    wide, by_two = (1, 3, 3, 1), (1, 2, 2, 1)
    for name, function in (
        ("max", largest),
        ("sum", total),
        ("max gradient", gradient(largest)),
        ("sum gradient", gradient(total)),
    ):
        for what, shape, window, stride in (
            ("NHWC 28x28x32 B64", (64, 28, 28, 32), nhwc, nhwc),
            ("NHWC 28x28x1 B64", (64, 28, 28, 1), nhwc, nhwc),
            ("NHWC 28x28x4 B64", (64, 28, 28, 4), nhwc, nhwc),
            ("NCHW 28x28x8 B64", (64, 8, 28, 28), nchw, nchw),
            ("NHWC 3x3 by 2 29x29x16 B16", (16, 29, 29, 16), wide, by_two),
        ):

            def pool(*args, f=function, window=window, stride=stride):
                return f(*args, window, stride)

            args = (_floats(1, *shape),)
            if "gradient" in name:
                counts = zip(shape, window, stride, strict=True)
                args += (_floats(2, *((n - w) // s + 1 for n, w, s in counts)),)
            out[f"pool/{name} {what}"] = (pool, args)
    return out


def random(jax) -> dict[str, Case]:
    """Random numbers."""
    r = jax.random
    key = np.array([0, 42], np.uint32)
    return {
        "random/bits 1e6": (lambda k: r.bits(k, (10**6,)), (key,)),
        "random/uniform 1e6": (lambda k: r.uniform(k, (10**6,)), (key,)),
        "random/normal 1e6": (lambda k: r.normal(k, (10**6,)), (key,)),
        "random/normal 1000": (lambda k: r.normal(k, (1000,)), (key,)),
        "random/bernoulli 1e6": (lambda k: r.bernoulli(k, 0.5, (10**6,)), (key,)),
        "random/randint 1e6": (lambda k: r.randint(k, (10**6,), 0, 100), (key,)),
        "random/permutation 1e5": (lambda k: r.permutation(k, 10**5), (key,)),
        "random/categorical 1000x100": (
            lambda k, x: r.categorical(k, x),
            (key, _floats(1, 1000, 100)),
        ),
        "random/split": (lambda k: r.split(k), (key,)),
    }


def linear_algebra(jax) -> dict[str, Case]:
    """Factorisations and solvers: one matrix of 64, many small ones."""
    la = jax.numpy.linalg
    solve_triangular = jax.scipy.linalg.solve_triangular
    functions = {
        "cholesky": la.cholesky,
        "inv": la.inv,
        "det": la.det,
        "eigh": la.eigh,
        "svd": la.svd,
        "qr": la.qr,
    }
    solvers = {
        "solve": la.solve,
        "triangular_solve": lambda a, b: solve_triangular(a, b, lower=True),
    }
    out: dict[str, Case] = {}
    for shape in ((64,), (256,), (4, 1000), (8, 100), (32, 100)):
        n, batch = shape[0], shape[1:]
        a, b = _positive_definite(n, *batch), _floats(2, *batch, n, 4)
        what = "x".join(map(str, (*batch, n)))
        for name, function in functions.items():
            if n == 256 and name in ("eigh", "svd"):
                continue
            out[f"linalg/{name} {what}"] = _comparable(name, function, a)
        for name, function in solvers.items():
            if batch and name == "triangular_solve":
                continue
            out[f"linalg/{name} {what}"] = (function, (a, b))
    return out


def _comparable(name: str, function: Callable, a: np.ndarray) -> Any:
    """The case, and what of its results is the same in every correct library.

    The signs of eigenvectors and singular vectors are free: compared is their product.
    """
    wholes = {
        "eigh": lambda w, v: (w, (v * w[..., None, :]) @ np.swapaxes(v, -1, -2)),
        "svd": lambda u, s, vh: (s, (u * s[..., None, :]) @ vh),
    }
    if name not in wholes:
        return function, (a,)

    def compare(out):
        return wholes[name](*map(np.asarray, out))

    return {"run": function, "args": (a,), "compare": compare}


GROUPS = (
    matmul,
    attention,
    reductions,
    sorting,
    fft,
    indexing,
    layouts,
    convolutions,
    pooling,
    random,
    linear_algebra,
)


def cases(jax) -> dict[str, Case]:
    """All cases, written with `jax` (real JAX or minijax)."""
    out: dict[str, Case] = {}
    for group in GROUPS:
        out.update(group(jax))
    return out


def numpy_twins() -> dict[str, Callable]:
    """NumPy's function of the same arguments, for the cases that it has one for."""
    twins: dict[str, Callable] = {
        "sort/top_k 1e6 10": lambda x: np.argpartition(x, -10)[-10:],
        "index/embedding": lambda w, i: w[i],
        "index/take 1e6": lambda x, i: x[i],
        "index/take_along_axis 1": lambda x, i: np.take_along_axis(x, i, 1),
        "index/bincount 1e6": lambda i: np.bincount(i, minlength=1000),
        "layout/transpose 2048": lambda x: np.ascontiguousarray(x.T),
        "conv/convolve 10000 100": np.convolve,
    }
    names = list(cases_of_numpy())
    twins.update(names)
    return twins


def numpy_cases(numpy) -> dict[str, Case]:
    """The cases that are the same program with NumPy in the place of JAX's."""

    class Fake:
        """numpy in the place of jax, as far as that goes."""

    Fake.numpy = numpy
    return {**matmul(Fake), **attention(Fake)}


def cases_of_numpy():
    """The cases whose function is one of NumPy's: (name, NumPy's function)."""

    class Fake:
        """numpy in the place of jax, as far as that goes."""

        numpy = np

    for group in (matmul, attention):
        for name, (function, _) in group(Fake).items():
            yield name, function

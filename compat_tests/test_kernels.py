"""Every elementwise kernel of the C runtime against real JAX, on edges and others.

A kernel `<op>_<dtype>` is run by itself, as a program of one instruction, and compared
with `jax.lax` on the same arrays: equal bits unless a tolerance below says otherwise.
"""

import functools
import zlib

import jax
import ml_dtypes
import numpy as np
import pytest
from cbackend._mjx import lib
from jax import lax

from cbackend.encode import encode
from cbackend.program import (
    DTYPES,
    INPUT,
    OUTPUT,
    SUFFIXES,
    Buffer,
    Ewise,
    Micro,
    Module,
    Program,
    View,
)
from cbackend.runtime import LoadedProgram, tables
from compat_tests.oracle import as_users_have_it

BY_SUFFIX = {suffix: dtype for dtype, suffix in SUFFIXES.items()}
HALVES = ("f16", "bf16")

JAX_FUNCTIONS = {
    "round": lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO),
    "round_even": lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN),
    "and": lax.bitwise_and,
    "or": lax.bitwise_or,
    "xor": lax.bitwise_xor,
    "not": lax.bitwise_not,
    "regularized_incomplete_beta": lax.betainc,
    "eq_to": lax.eq_to_p.bind,
    "lt_to": lax.lt_to_p.bind,
    "le_to": lax.le_to_p.bind,
    "mulhi": lax.mulhi_p.bind,
}

# Where the bits may differ from JAX's: by how many units in the last place.
# rsqrt (also inside the Bessel functions): XLA's is an approximation that depends on
# the CPU, ours a square root and a division.
ULPS = {
    "rsqrt": 3,
    "bessel_i0e": 3,
    "bessel_i1e": 3,
    "atanh_f64": 1,
    "lgamma_f32": 2,
    "zeta": 1,
    "abs_c64": 2,
    "abs_c128": 2,
    "expm1_f16": 2,
}
# In float64 XLA calls the C library's, where ours are vector code.
ULPS |= dict.fromkeys(["sin_f64", "cos_f64", "atan_f64", "erf_f64"], 2)
ULPS |= dict.fromkeys(["tan_f64", "atan2_f64", "asin_f64", "acos_f64"], 3)
ULPS |= {"cbrt_f64": 4}  # whose own error is as much
ULPS |= {"digamma_f64": 16, "polygamma_f64": 1}  # reflections, near roots
# JAX takes these apart into float16 or bfloat16 steps; ours round once.
HALF_ULPS = dict.fromkeys(["asin", "acos", "asinh", "acosh", "atanh"], 2)
# Functions whose own error is larger: relative, in epsilons of the dtype.
SERIES = {"igamma": 1e4, "igammac": 1e4, "igamma_grad_a": 1e4}
SERIES |= {"random_gamma_grad": 1e4, "regularized_incomplete_beta": 1e6, "lgamma": 1e4}
# Complex functions whose infinities and NaN are JAX's; of the others the values at
# finite arguments are compared.
COMPLEX_ALGEBRA = "add sub mul div neg max min clamp eq ne real imag conj complex"
COMPLEX_EPSILONS = {"pow": 1e4, "sinh": 300, "cosh": 300}
NOT_IN_LAX = ("select", "copy", "take", "threefry2x32", "convert")
# The quotient's phase cancels where x^2 + y^2 is near 0 or x and y are parallel.
ILL_CONDITIONED = ("atan2_c64", "atan2_c128")


def split(name):
    """A kernel's op and dtype suffix."""
    return name.rsplit("_", 1)


OPS = sorted({split(name)[0] for name in tables.kernels} - {"copy", "select"})
OPS = [op for op in OPS if not op.startswith(NOT_IN_LAX)]


def run_kernel(name, *arrays):
    """The kernel's results on 1-d arrays of one length."""
    kernel = tables.kernels[name]
    codes = [lib.mjx_kernel_out_dtype(kernel.number, k) for k in range(kernel.n_out)]
    size = arrays[0].size
    results = [np.empty(size, DTYPES[c] if c < 32 else arrays[-1].dtype) for c in codes]
    program = Program()

    def operands(values, space, buffers):
        for number, array in enumerate(values):
            buffers.append(Buffer(array.dtype, size, space, number))
        return [View(b, b.dtype, (size,), (1,)) for b in buffers]

    ins = operands(arrays, INPUT, program.inputs)
    outs = operands(results, OUTPUT, program.outputs)
    in_regs = [f"in{k}" for k in range(len(ins))]
    out_regs = [f"out{k}" for k in range(len(outs))]
    micros = [Micro(kernel, in_regs, out_regs)]
    program.instrs.append(Ewise(outs, ins, in_regs, micros, out_regs))
    module = Module()
    module.programs.append(program)
    loaded = LoadedProgram(encode(module, tables.opcodes), module.const_blob())
    loaded.run([a.ctypes.data for a in arrays], [r.ctypes.data for r in results])
    return results


def edges(dtype):
    """Values at which functions of the dtype do something special."""
    if dtype == np.bool_:
        return np.array([False, True])
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        values = [0, 1, 2, 3, 7, info.max, info.max - 1, info.min, info.min + 1]
        values += [info.bits - 1, info.bits, info.bits + 1]
        return np.array(values + ([-1, -2, -7] if info.min else []), dtype)
    if dtype.kind == "c":
        part = np.array([0, -0.0, 1, -1, 0.5, -2, 1e-3, 30, np.nan, np.inf, -np.inf])
        re, im = np.meshgrid(part, part)
        z = np.empty(re.size, dtype)
        z.real, z.imag = re.ravel(), im.ravel()
        return z
    info = ml_dtypes.finfo(dtype)
    values = [0.0, 0.1, 0.25, 0.5, 0.9999, 1, 1.5, 2, 2.5, 3, 7, 10, 20, 100, 3e-4, 1e4]
    values += [np.inf, float(info.max), float(info.tiny), float(info.eps)]
    return np.array([*values, *(-v for v in values), np.nan]).astype(dtype)


def ordinary(dtype, size, rng):
    """Random values of all magnitudes that matter."""
    if dtype == np.bool_:
        return rng.integers(0, 2, size).astype(bool)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        every = rng.integers(info.min, info.max, size, dtype, endpoint=True)
        return every >> rng.integers(0, info.bits, size).astype(dtype)
    if dtype.kind == "c":
        return (3 * (rng.normal(size=size) + 1j * rng.normal(size=size))).astype(dtype)
    return (rng.choice([-1, 1], size) * np.exp(2 * rng.normal(size=size))).astype(dtype)


def arguments(name, dtypes):
    """Every combination of edge values, and random ones; a multiple of 16 in all."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    op, _ = split(name)
    special = [edges(dtype) for dtype in dtypes]
    if op in SERIES and len(dtypes) > 1:
        moderate = [0, 0.01, 0.5, 1, 2, 3.5, 20, np.nan, np.inf, -1]
        special = [np.array(moderate, dtype) for dtype in dtypes]
    grid = [g.ravel() for g in np.meshgrid(*special)]
    keep = rng.permutation(grid[0].size)[:5000]
    size = 3000 + -(keep.size + 3000) % 16
    return [
        np.concatenate([g[keep], ordinary(d, size, rng)])
        for g, d in zip(grid, dtypes, strict=True)
    ]


def ulps_apart(a, b):
    """The distance of two float arrays, in representable numbers; 0 for two NaN."""
    bits = {2: np.int16, 4: np.int32, 8: np.int64}[a.dtype.itemsize]
    top = np.iinfo(bits).min

    def rank(x):
        i = x.view(bits).astype(object)
        return np.where(i < 0, top - i - 1, i)

    with np.errstate(invalid="ignore"):
        both_nan = (a != a) & (b != b)
    return np.where(both_nan, 0, np.abs(rank(a) - rank(b)))


def check_real(name, want, got):
    op, suffix = split(name)
    limit = ULPS.get(name, ULPS.get(op, 0))
    if suffix in HALVES:
        limit = max(limit, HALF_ULPS.get(op, 0))
    if op in SERIES and not (op == "lgamma" and suffix == "f32"):
        epsilon = SERIES[op] * float(ml_dtypes.finfo(want.dtype).eps)
        tolerance = {"rtol": epsilon if suffix not in HALVES else 0.05}
        tolerance["atol"] = 16 * float(ml_dtypes.finfo(want.dtype).eps)
        np.testing.assert_allclose(got.astype(float), want.astype(float), **tolerance)
        return
    apart = ulps_apart(want, got)
    worst = np.argmax(apart)
    assert apart[worst] <= limit, f"element {worst}: JAX {want[worst]}, {got[worst]}"


def check_complex(op, args, want, got):
    epsilon = np.finfo(want.dtype).eps * COMPLEX_EPSILONS.get(op, 50)
    finite = np.isfinite(want)
    if op not in COMPLEX_ALGEBRA.split():
        finite &= np.isfinite(got) & np.logical_and.reduce(np.isfinite(args))
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(want), np.finfo(want.dtype).tiny)
        close = np.abs(want - got) <= epsilon * size
    if op in COMPLEX_ALGEBRA.split():
        np.testing.assert_array_equal(np.isnan(got.real), np.isnan(want.real))
        np.testing.assert_array_equal(np.isnan(got.imag), np.isnan(want.imag))
        close |= ~finite
    bad = np.flatnonzero(finite & ~close)
    assert not bad.size, f"element {bad[0]}: JAX {want[bad[0]]}, {got[bad[0]]}"


def check_kernel(name, args, want):
    """Run a kernel and compare with what JAX makes of the same arguments."""
    (got,) = run_kernel(name, *args)
    assert got.dtype == want.dtype
    try:
        if want.dtype.kind in "biu":
            np.testing.assert_array_equal(got, want)
        elif want.dtype.kind == "c":
            check_complex(split(name)[0], args, want, got)
        else:
            check_real(name, want, got)
    except AssertionError as error:
        raise AssertionError(f"{name}: {error}") from None


def check_kernels(functions):
    """Check kernels against JAX's functions (by kernel), which it compiles as one."""
    args = {}
    for name in functions:
        kernel = tables.kernels[name]
        codes = [lib.mjx_kernel_in_dtype(kernel.number, k) for k in range(kernel.n_in)]
        args[name] = arguments(name, [DTYPES[code] for code in codes])
    with jax.enable_x64(True):
        wanted = as_users_have_it(
            lambda args: {name: fun(*args[name]) for name, fun in functions.items()}
        )(args)
    for name, want in wanted.items():
        check_kernel(name, args[name], np.asarray(want))


@pytest.mark.parametrize("op", OPS)
def test_as_jax(op):
    function = JAX_FUNCTIONS.get(op) or getattr(lax, op)
    names = [name for name in tables.kernels if split(name)[0] == op]
    check_kernels({name: function for name in names if name not in ILL_CONDITIONED})


@pytest.mark.filterwarnings("ignore:Casting complex values")
@pytest.mark.parametrize("source", BY_SUFFIX)
def test_convert_as_jax(source):
    check_kernels(
        {
            f"convert_{source}_{target}": functools.partial(
                lax.convert_element_type, new_dtype=dtype
            )
            for target, dtype in BY_SUFFIX.items()
        }
    )


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16])
def test_select_and_copy(width):
    rng = np.random.default_rng(width)
    dtype = np.dtype({1: "u1", 2: "u2", 4: "u4", 8: "u8", 16: "c16"}[width])
    bits = rng.integers(0, 256, (2, 1000 * width), np.uint8)
    a, b = bits[0].view(dtype), bits[1].view(dtype)
    which = rng.integers(0, 2, 1000).astype(bool)
    (chosen,) = run_kernel(f"select_x{width}", which, a, b)
    assert chosen.tobytes() == np.where(which, b, a).tobytes()
    assert run_kernel(f"copy_x{width}", a)[0].tobytes() == a.tobytes()


def test_threefry_bits():
    """Word by word: `jax.random.bits` encrypts the counters 0, 1, ... with the key."""
    key = jax.random.key(1701)
    want = np.asarray(jax.random.bits(key, (1000,)))
    words = np.asarray(jax.random.key_data(key), np.uint32)
    low = np.arange(1000, dtype=np.uint32)
    k0, k1 = (np.full(1000, word, np.uint32) for word in words)
    first, second = run_kernel("threefry2x32_u32", k0, k1, np.zeros_like(low), low)
    np.testing.assert_array_equal(first ^ second, want)


@pytest.mark.parametrize("op", ["exp", "log", "log1p", "expm1", "tanh", "logistic"])
def test_bits_over_all_float32(op):
    """The functions behind jax.random's samplers, on a lattice of all bit patterns."""
    patterns = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32)
    x = patterns[: patterns.size // 16 * 16].view(np.float32)
    want = np.asarray(as_users_have_it(getattr(lax, op))(x))
    (got,) = run_kernel(f"{op}_f32", x)
    assert not ulps_apart(want[::8], got[::8]).any()
    differs = (want.view(np.uint32) != got.view(np.uint32)) & ~np.isnan(want)
    assert not differs.any()


@pytest.mark.parametrize("op", ["atan", "asin", "acos", "tan", "cbrt"])
def test_library_functions_over_all_float32(op):
    """What XLA leaves to the C library, on a lattice of all bit patterns but denormals'."""
    patterns = np.arange(0, 2**32, 8209, dtype=np.uint64).astype(np.uint32)
    magnitudes = patterns & np.uint32(0x7FFFFFFF)
    patterns = patterns[(magnitudes == 0) | (magnitudes >= 0x00800000)]
    x = patterns[: patterns.size // 16 * 16].view(np.float32)
    want = np.asarray(as_users_have_it(getattr(lax, op))(x))
    (got,) = run_kernel(f"{op}_f32", x)
    differs = (want.view(np.uint32) != got.view(np.uint32)) & ~np.isnan(want)
    assert not differs.any() and np.array_equal(np.isnan(want), np.isnan(got))


def _doubles(op):
    """Arguments of a float64 function: of all sizes, near 1, near multiples of pi/2, huge."""
    rng = np.random.default_rng(zlib.crc32(op.encode()))
    size = 4000
    sign = rng.choice([-1, 1], size)
    turns = np.round(rng.uniform(0, 6e5, size)) * (np.pi / 2)
    x = np.concatenate(
        [
            rng.normal(size=size),
            rng.uniform(-100, 100, size),
            sign * np.exp(rng.uniform(-690, 690, size)),
            1 + sign * np.exp(rng.uniform(-36, -1, size)),
            turns * sign,
            sign * np.exp(rng.uniform(10, 40, size)),
        ]
    )
    return np.clip(x, -1, 1) if op in ("asin", "acos") else x


def _ulps_from(want, got):
    """How far float64s are from numbers in extended precision."""
    with np.errstate(all="ignore"):
        rounded = want.astype(np.float64)
        apart = np.abs(got - want) / np.spacing(np.abs(rounded))
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    return np.where(same, 0, apart).max()


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no extended precision")
@pytest.mark.parametrize(
    ("op", "limit"),
    [
        *((op, 1.0) for op in ("log", "sin", "cos", "atan", "cbrt")),
        *(("tan", 2.2), ("asin", 2.5), ("acos", 2.5)),
    ],
)
def test_doubles_in_extended_precision(op, limit):
    """The vector code of float64 functions, whose XLA counterparts are the C library's."""
    oracle = getattr(np, op.replace("a", "arc", 1) if op[0] == "a" else op)
    x = np.abs(_doubles(op)) if op == "log" else _doubles(op)
    (got,) = run_kernel(f"{op}_f64", x)
    assert _ulps_from(oracle(x.astype(np.longdouble)), got) < limit


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no extended precision")
@pytest.mark.parametrize("op", ["pow", "atan2"])
def test_doubles_of_two_arguments_in_extended_precision(op):
    rng = np.random.default_rng(3)
    x = np.abs(_doubles(op)) if op == "pow" else _doubles(op)
    y = rng.permutation(x) if op == "atan2" else rng.normal(size=x.size)
    if op == "pow":  # powers of whole numbers are exact
        x[:4000], y[:4000] = rng.integers(1, 40, 4000), rng.integers(-9, 10, 4000)
    oracle = np.arctan2 if op == "atan2" else np.power
    (got,) = run_kernel(f"{op}_f64", x, y)
    want = oracle(x.astype(np.longdouble), y.astype(np.longdouble))
    with np.errstate(all="ignore"):
        normal = np.abs(want.astype(np.float64)) > np.finfo(np.float64).tiny
    assert _ulps_from(want[normal], got[normal]) < (0.6 if op == "pow" else 1.6)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no extended precision")
@pytest.mark.parametrize(
    "op",
    [
        *("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan"),
        *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    ],
)
def test_complex_doubles_in_extended_precision(op):
    """Relative to the larger part's size, on and off the unit circle."""
    rng = np.random.default_rng(zlib.crc32(op.encode()))
    plane = rng.normal(size=4000) + 1j * rng.normal(size=4000)
    z = np.concatenate([plane, np.exp(1j * rng.uniform(-4, 4, 4000)), 1e-9 * plane])
    (got,) = run_kernel(f"{op}_c128", z)
    oracle = getattr(np, op.replace("a", "arc", 1) if op[0] == "a" else op)
    want = oracle(z.astype(np.clongdouble))
    assert (np.abs(got - want) / np.abs(want)).max() < 8 * np.finfo(np.float64).eps


@pytest.mark.parametrize("suffix", ["f32", "f64"])
@pytest.mark.parametrize(
    "op", ["igamma", "igammac", "igamma_grad_a", "random_gamma_grad"]
)
def test_blocks_of_any_length(op, suffix):
    """Elements have the same bits whatever is computed beside them, or is missing there."""
    rng = np.random.default_rng(7)
    a, x = np.exp(rng.normal(size=(2, 50))).astype(BY_SUFFIX[suffix])
    (whole,) = run_kernel(f"{op}_{suffix}", a, x)
    for first, size in ((0, 1), (3, 5), (1, 17), (7, 33)):
        part = slice(first, first + size)
        (got,) = run_kernel(f"{op}_{suffix}", a[part].copy(), x[part].copy())
        np.testing.assert_array_equal(got, whole[part])


@pytest.mark.parametrize("suffix", ["f32", "f64"])
def test_remainders_are_exact(suffix):
    """Of all bit patterns, and of quotients around the largest that vector code takes."""
    rng = np.random.default_rng(5)
    dtype = BY_SUFFIX[suffix]
    bits = {4: np.uint32, 8: np.uint64}[dtype.itemsize]
    top = np.iinfo(bits).max
    pairs = rng.integers(0, top, (2, 1 << 16), bits, endpoint=True).view(dtype)
    y = np.exp(3 * rng.normal(size=1 << 16)).astype(dtype)
    near = np.round(np.exp2(rng.uniform(0, 54, y.size))) * y.astype(float)
    near *= 1 + rng.choice([-1, 0, 1], y.size) * np.finfo(dtype).eps
    with np.errstate(all="ignore"):
        for a, b in (pairs, (near.astype(dtype), y)):
            tiny = np.finfo(dtype).tiny
            keep = (np.abs(a) >= tiny) & (np.abs(b) >= tiny) & np.isfinite(a)
            a, b = (np.resize(x[keep], 1 << 16) for x in (a, b))
            want = np.fmod(a, b)
            (got,) = run_kernel(f"rem_{suffix}", a, b)
            np.testing.assert_array_equal(got.view(bits), want.view(bits))


def test_normal_samples_bits():
    """Every float32 that jax.random.normal can draw: sqrt(2) erf_inv of all its u."""
    u = np.arange(2**23, dtype=np.uint32) | np.uint32(0x3F800000)
    u = (u.view(np.float32) - np.float32(1)) * np.float32(2)
    u = np.maximum(u + np.nextafter(np.float32(-1), np.float32(0)), np.float32(-1))
    root = np.float32(np.sqrt(2))
    want = np.asarray(as_users_have_it(lambda x: root * lax.erf_inv(x))(u))
    (inverse,) = run_kernel("erf_inv_f32", u)
    np.testing.assert_array_equal(root * inverse, want)

"""Inputs for the op table, drawn from a seed, and the comparison of results."""

import math
import zlib

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

_WIDTH = {"float16": 16, "bfloat16": 32, "float32": 32, "float64": 64}
# what overflows, underflows, cancels and compares unlike the rest
_SPECIAL = [0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), float("nan"), 0.5, 2.5]
_RANGES = {"normal": (-8, 8), "positive": (0.125, 8), "unit": (-0.9375, 0.9375)}
_INT_RANGES = {"normal": (-8, 8), "positive": (1, 8), "unit": (-1, 1), "small": (0, 3)}


def _sixteenths(rng, shape, low, high):
    """Exact in every float dtype, so that inputs are the same in all of them."""
    return rng.integers(int(low * 16), int(high * 16), shape, endpoint=True) / 16


def _floats(rng, shape, dtype, values):
    if values == "small":
        return rng.integers(0, 3, shape, endpoint=True).astype(dtype)
    if values in _RANGES:
        return _sixteenths(rng, shape, *_RANGES[values]).astype(dtype)
    wide = np.frombuffer(rng.bytes(math.prod(shape) * dtype.itemsize), dtype)
    wide = np.where(wide != wide, dtype.type(np.nan), wide).reshape(shape)
    # XLA's arithmetic flushes subnormals on some paths and not on others
    tiny = abs(wide) < ml_dtypes.finfo(dtype).tiny
    wide = np.where(tiny, wide * dtype.type(0), wide)
    special = rng.choice(_SPECIAL, shape).astype(dtype)
    moderate = _sixteenths(rng, shape, -8, 8).astype(dtype)
    kind = rng.integers(values == "special", 3, shape)
    return np.where(kind == 0, wide, np.where(kind == 1, special, moderate))


def _ints(rng, shape, dtype, values):
    info = ml_dtypes.iinfo(dtype)
    lowest, highest = int(info.min), int(info.max)
    wide = np.uint64 if lowest == 0 else np.int64
    if values in _INT_RANGES:
        low, high = _INT_RANGES[values]
        low, high = max(low, lowest), min(high, highest)
        return rng.integers(low, high, shape, wide, endpoint=True).astype(dtype)
    edges = [v for v in (0, 1, -1, lowest, highest) if lowest <= v <= highest]
    every = rng.integers(lowest, highest, shape, wide, endpoint=True)
    edge = rng.choice(np.array(edges, wide), shape)
    return np.where(rng.integers(0, 2, shape), every, edge).astype(dtype)


def _elements(rng, shape, dtype, values):
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(bool)
    if math.prod(shape) > 100:
        return _sixteenths(rng, shape, -8, 8).astype(dtype)
    if dtype.kind == "c":
        both = np.empty(shape, dtype)
        part = both.real.dtype
        both.real = _floats(rng, shape, part, values)
        both.imag = _floats(rng, shape, part, values)
        return both
    make = _floats if dtype.name in _WIDTH else _ints
    return make(rng, shape, dtype, values)


_LAYOUTS = ("C", "F", "strided", "reversed")


def _laid_out(x, layout):
    """The same values in another memory layout."""
    if layout == "F" and x.ndim:
        return np.asfortranarray(x)
    if layout == "strided" and x.ndim:
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    if layout == "reversed" and x.ndim:
        return np.ascontiguousarray(x[::-1])[::-1]
    return x


def drawn(case, dtype, seed):
    """Arguments for a row: other ones for every seed, the same ones in every process."""
    rng = np.random.default_rng([zlib.crc32(f"{case.id} {dtype}".encode()), seed])
    return [
        _laid_out(
            np.asarray(
                _elements(rng, a.shape, a.resolved(dtype), a.values or case.values)
            ),
            _LAYOUTS[rng.integers(len(_LAYOUTS))],
        )
        for a in case.inputs
    ]


def inputs(case, dtype):
    """A strategy of the argument lists of a row."""
    return st.integers(0, 2**32 - 1).map(lambda seed: drawn(case, dtype, seed))


def assert_same(got, wanted, tol, what):
    """Fail unless two arrays agree in shape, dtype, weak type and values.

    tol: None for the same bits (NaNs are alike), else a relative tolerance, absolute
    near zero.
    """
    assert got.shape == wanted.shape, f"{what}: shape {got.shape}, JAX {wanted.shape}"
    assert got.dtype == wanted.dtype, f"{what}: dtype {got.dtype}, JAX {wanted.dtype}"
    weak = getattr(got, "weak_type", None), getattr(wanted, "weak_type", None)
    assert None in weak or weak[0] == weak[1], (
        f"{what}: weak_type {weak[0]}, JAX {weak[1]}"
    )
    if got.dtype.names or not got.size:  # float0 has no values
        return
    got, wanted = np.asarray(got), np.asarray(wanted)
    wrong = _different(got, wanted, tol)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0]) if got.ndim else ()
        raise AssertionError(
            f"{what}: {int(wrong.sum())} of {got.size} elements differ, first at {where}: "
            f"{got[where]!r}, JAX {wanted[where]!r}"
        )


def _different(got, wanted, tol):
    """Which elements differ."""
    if got.dtype.kind == "c":
        return _different(got.real, wanted.real, tol) | _different(
            got.imag, wanted.imag, tol
        )
    if got.dtype.kind in "biu" or tol is None and got.dtype.name not in _WIDTH:
        return np.asarray(got != wanted)
    wide = np.float64
    a, b = got.astype(wide), wanted.astype(wide)
    with np.errstate(all="ignore"):
        both_nan = np.isnan(a) & np.isnan(b)
        if tol is None:
            same = (a == b) & (np.signbit(a) == np.signbit(b))
        else:
            same = (a == b) | (abs(a - b) <= tol * np.maximum(abs(b), 1.0))
    return ~(same | both_nan)

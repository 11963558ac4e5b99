"""Inputs for the op table, drawn by Hypothesis, and the comparison of results."""

import math

import ml_dtypes
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

_WIDTH = {"float16": 16, "bfloat16": 32, "float32": 32, "float64": 64}
# what overflows, underflows, cancels and compares unlike the rest
_SPECIAL = [0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), float("nan"), 0.5, 2.5]


def _floats(dtype, values):
    width = _WIDTH[dtype.name]
    if values == "any":
        tiny = float(ml_dtypes.finfo(dtype).tiny)
        # XLA's arithmetic flushes subnormals on some paths and not on others
        wide = st.floats(width=width).map(lambda x: x * 0.0 if abs(x) < tiny else x)
        return st.one_of(st.sampled_from(_SPECIAL), wide)
    if values == "small":
        return st.integers(0, 3).map(float)
    low, high = {"normal": (-8, 8), "positive": (0.125, 8), "unit": (-0.9375, 0.9375)}[
        values
    ]
    # sixteenths: exact in every float dtype, so that inputs are the same in all of them
    return st.integers(int(low * 16), int(high * 16)).map(lambda k: k / 16)


def _ints(dtype, values):
    info = ml_dtypes.iinfo(dtype)
    if values == "any":
        edges = [v for v in (0, 1, -1, info.min, info.max) if info.min <= v <= info.max]
        return st.one_of(st.sampled_from(edges), st.integers(info.min, info.max))
    low, high = {
        "normal": (-8, 8),
        "positive": (1, 8),
        "unit": (-1, 1),
        "small": (0, 3),
    }[values]
    return st.integers(max(low, int(info.min)), min(high, int(info.max)))


def elements(dtype, values):
    """A strategy of Python scalars for arrays of `dtype`."""
    if dtype == np.bool_:
        return st.booleans()
    if dtype.kind == "c":
        part = _floats(np.dtype("f4" if dtype.itemsize == 8 else "f8"), values)
        return st.builds(complex, part, part)
    if dtype.name in _WIDTH:
        return _floats(dtype, values)
    return _ints(dtype, values)


def arrays(shape, dtype, values):
    """A strategy of arrays; never filled by one value, so that places differ."""
    carrier = np.dtype("f4") if dtype.name == "bfloat16" else dtype
    if math.prod(shape) > 100:  # too much to draw one by one
        return st.integers(0, 2**32 - 1).map(lambda seed: _random(shape, dtype, seed))
    strategy = hnp.arrays(
        carrier, shape, elements=elements(dtype, values), fill=st.nothing()
    )
    with_dtype = (
        strategy.map(lambda x: x.astype(dtype)) if carrier != dtype else strategy
    )
    return st.builds(_laid_out, with_dtype, st.sampled_from(_LAYOUTS))


def _random(shape, dtype, seed):
    """Sixteenths between -8 and 8."""
    return (np.random.default_rng(seed).integers(-128, 129, shape) / 16).astype(dtype)


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


def inputs(case, dtype):
    """A strategy of the argument lists of a row."""
    return st.tuples(
        *[
            arrays(a.shape, a.resolved(dtype), a.values or case.values)
            for a in case.inputs
        ]
    )


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

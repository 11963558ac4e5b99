"""Checks of derivatives and of values, with their tolerances."""

from typing import Any

import numpy as np

from minijax import config, dtypes, test_util
from minijax._src._homes import names_of
from minijax.tree_util import tree_map

ToleranceDict = dict
EPS = test_util._EPS
_PYTHON_SCALARS = {
    bool: np.bool_,
    int: np.int64,
    float: np.float64,
    complex: np.complex128,
}
_BY_BITS = {4: 1.0, 6: 1.0, 8: 1e-1, 16: 1e-2}  # the narrow floats


def _value_tolerance(dtype):
    """How far values of a dtype may be off when nothing else is said."""
    if not dtypes.issubdtype(dtype, np.inexact):
        return 0
    if dtype.name in ("float32", "complex64"):
        return 1e-6
    if dtype.name in ("float64", "complex128"):
        return 1e-15
    if dtype.name == "float16":
        return 1e-3
    return 1.0 if dtype.name == "float8_e8m0fnu" else _BY_BITS[dtypes.finfo(dtype).bits]


def _gradient_tolerance(dtype):
    known = test_util._TOLERANCE.get(dtype.name)
    return _value_tolerance(dtype) if known is None else known


_default_tolerance: dict[Any, float] = {
    dt: _value_tolerance(dt) for dt in map(np.dtype, dtypes.array_dtypes)
}
_default_tolerance[np.dtype(dtypes.float0)] = 0
default_gradient_tolerance = {
    dt: _gradient_tolerance(dt)
    for dt in _default_tolerance
    if dt != dtypes.float0 and dtypes.issubdtype(dt, np.inexact)
}


def default_tolerance():
    """Tolerances of values by dtype."""
    return _default_tolerance


def _dtype(x):
    """The dtype of `x` as NumPy sees it."""
    if hasattr(x, "dtype"):
        return x.dtype
    known = _PYTHON_SCALARS.get(type(x))
    return np.asarray(x).dtype if known is None else np.dtype(known)


def is_python_scalar(val):
    """Whether `val` is a bool or a number of Python's own."""
    return test_util._is_python_scalar(val)


def tolerance(dtype, tol=None):
    """The tolerance for a dtype: `tol` itself, its entry, or the default one."""
    if tol is not None and not isinstance(tol, dict):
        return tol
    dtype = dtypes.canonicalize_dtype(np.dtype(dtype))
    named = {np.dtype(key): value for key, value in (tol or {}).items()}
    return named.get(dtype, _default_tolerance[dtype])


def _comparable(x):
    """The array `x` in a type that NumPy compares."""
    if x.dtype.kind != "V":
        return x
    whole = not dtypes.issubdtype(x.dtype, np.inexact)
    return x.astype(np.int16 if whole else np.float32)


def _assert_numpy_allclose(a, b, atol=None, rtol=None, err_msg=""):
    """AssertionError where two arrays are not close."""
    if a.dtype == b.dtype == dtypes.float0:
        np.testing.assert_array_equal(a, b, err_msg=err_msg)
        return
    given = {k: v for k, v in (("atol", atol), ("rtol", rtol)) if v}
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(
            _comparable(np.asarray(a)),
            _comparable(np.asarray(b)),
            err_msg=err_msg,
            **given,
        )


def check_close(xs, ys, atol=None, rtol=None, err_msg=""):
    """AssertionError where two trees are not close, leaf by leaf."""

    def check(x, y):
        x, y = np.asarray(x), np.asarray(y)
        if x.shape != y.shape:
            raise AssertionError(f"{err_msg}: {x.shape} is not {y.shape}")
        most = [
            max(tolerance(x.dtype, tol), tolerance(y.dtype, tol)) * x.size
            for tol in (atol, rtol)
        ]
        _assert_numpy_allclose(x, y, *most, err_msg=err_msg)

    tree_map(check, xs, ys)


def _check_dtypes_match(xs, ys):
    """AssertionError where dtypes differ, leaf by leaf."""

    def check(x, y):
        got, want = _dtype(x), _dtype(y)
        if not config.values.jax_enable_x64:
            got, want = map(dtypes.canonicalize_dtype, (got, want))
        if got != want:
            raise AssertionError(f"{got} is not {want}")

    tree_map(check, xs, ys)


def rand_like(rng, x):
    """Random numbers of the shape and dtype of `x`."""
    return test_util._random_like(rng)(x)


__getattr__ = names_of(__name__, "minijax.test_util")

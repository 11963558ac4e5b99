"""jnp's elementwise questions: what numbers are, and whether they are close."""

import numpy as np

from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.math_ufuncs import imag
from minijax.numpy.promotion import (
    BOOL,
    constant_like,
    convert,
    dtype_of,
    ensure_arraylike,
    is_complex,
    is_kind,
    literal,
    promote_args_inexact,
)
from minijax.numpy.ufuncs import _select_where

# --- predicates -----------------------------------------------------------------------


def isnan(x, /):
    """Whether x is NaN, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of booleans of the shape of `x`.

    Examples:
        >>> jnp.isnan(jnp.array([1.0, jnp.nan]))
        Array([False,  True], dtype=bool)
    """
    (x,) = ensure_arraylike("isnan", x)
    return lax.ne(x, x)


def isfinite(x, /):
    """Whether x is neither NaN nor infinite, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of booleans of the shape of `x`.

    Examples:
        >>> jnp.isfinite(jnp.array([1.0, jnp.inf, jnp.nan]))
        Array([ True, False, False], dtype=bool)
    """
    (x,) = ensure_arraylike("isfinite", x)
    if is_kind(x, np.floating):
        return lax.is_finite(x)
    if is_complex(x):
        return lax.bitwise_and(lax.is_finite(lax.real(x)), lax.is_finite(lax.imag(x)))
    return lax.full_like(x, True, BOOL)


@jit
def isinf(x, /):
    """Whether x is infinite, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of booleans of the shape of `x`.

    Examples:
        >>> jnp.isinf(jnp.array([1.0, -jnp.inf]))
        Array([False,  True], dtype=bool)
    """
    (x,) = ensure_arraylike("isinf", x)
    if is_kind(x, np.floating):
        return lax.eq(*_with_strong(lax.abs(x), np.inf))
    if is_complex(x):
        re, im = lax.real(x), lax.imag(x)
        return lax.bitwise_or(isinf(re), isinf(im))
    return lax.full_like(x, False, BOOL)


def _with_strong(x, value):
    return x, literal(value, dtype_of(x))


def isposinf(x, /, out=None):
    """Whether x is +inf, elementwise. ValueError for complex x.

    Args:
        x: array or scalar, not complex.
        out: must be None: results are new arrays.

    Returns:
        An array of booleans of the shape of `x`.

    Examples:
        >>> jnp.isposinf(jnp.array([jnp.inf, -jnp.inf]))
        Array([ True, False], dtype=bool)
    """
    return _is_signed_infinity(np.inf, x, out)


def isneginf(x, /, out=None):
    """Whether x is -inf, elementwise. ValueError for complex x.

    Args:
        x: array or scalar, not complex.
        out: must be None: results are new arrays.

    Returns:
        An array of booleans of the shape of `x`.

    Examples:
        >>> jnp.isneginf(jnp.array([jnp.inf, -jnp.inf]))
        Array([False,  True], dtype=bool)
    """
    return _is_signed_infinity(-np.inf, x, out)


def _is_signed_infinity(infinity, x, out):
    if out is not None:
        raise NotImplementedError(
            "The 'out' argument to isneginf/isposinf is not supported."
        )
    (x,) = ensure_arraylike("isposinf/isneginf", x)
    if is_kind(x, np.floating):
        return lax.eq(*_with_strong(x, infinity))
    if is_complex(x):
        raise ValueError("isposinf/isneginf are not well defined for complex types")
    return lax.full_like(x, False, BOOL)


@jit
def iscomplex(x):
    """Whether the imaginary part is nonzero, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of booleans of the shape of `x`.

    Examples:
        >>> jnp.iscomplex(jnp.array([1 + 0j, 2j]))
        Array([False,  True], dtype=bool)
    """
    i = imag(x)
    return lax.ne(i, constant_like(0, i))


@jit
def isreal(x):
    """Whether the imaginary part is zero, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of booleans of the shape of `x`.

    Examples:
        >>> jnp.isreal(jnp.array([1 + 0j, 2j]))
        Array([ True, False], dtype=bool)
    """
    i = imag(x)
    return lax.eq(i, constant_like(0, i))


@jit
def signbit(x, /):
    """Whether the sign bit is set, elementwise. ValueError for complex x.

    Args:
        x: array or scalar, not complex.

    Returns:
        An array of booleans of the shape of `x`.

    Examples:
        >>> jnp.signbit(jnp.array([1.0, -0.0]))
        Array([False,  True], dtype=bool)
    """
    (x,) = ensure_arraylike("signbit", x)
    dtype = dtype_of(x)
    if is_kind(x, np.integer):
        return lax.lt(x, literal(0, dtype))
    if dtype == BOOL:
        return lax.full_like(x, False, BOOL)
    if dtype.kind == "c":
        raise ValueError(f"jax.numpy.signbit is not well defined for {dtype}")
    if dtype.itemsize == 1:
        raise NotImplementedError(
            "jax.numpy.signbit only supports 16, 32, and 64-bit types."
        )
    bits = 8 * dtype.itemsize
    integer = np.dtype(f"int{bits}")
    pattern = lax.bitcast_convert_type(x, integer)
    return convert(
        lax.shift_right_arithmetic(pattern, literal(bits - 1, integer)), BOOL
    )


@jit
def copysign(x1, x2, /):
    """|x1| with the sign of x2, elementwise. TypeError for complex operands.

    Args:
        x1: array or scalar, not complex.
        x2: array or scalar, not complex.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.copysign(3.0, jnp.array([1.0, -1.0]))
        Array([ 3., -3.], dtype=float32)
    """
    x1, x2 = promote_args_inexact("copysign", x1, x2)
    if is_complex(x1):
        raise TypeError("copysign does not support complex-valued inputs")
    return _select_where(signbit(x2), lax.neg(lax.abs(x1)), lax.abs(x1))


@jit
def heaviside(x1, x2, /):
    """0 where x1 < 0, 1 where x1 > 0, x2 where it is 0; NaN where it is NaN.

    Args:
        x1: array or scalar; TypeError for a complex one.
        x2: array or scalar.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.heaviside(jnp.array([-1.0, 0.0, 1.0]), 0.5)
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    x1, x2 = promote_args_inexact("heaviside", x1, x2)
    zero, one = constant_like(0, x1), constant_like(1, x1)
    negative, positive, nan = lax.lt(x1, zero), lax.gt(x1, zero), lax.ne(x1, x1)
    result = _select_where(nan, x1, x2)
    result = _select_where(positive, one, result)
    return _select_where(negative, zero, result)


@jit(static_argnames=("equal_nan",))
def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether |a - b| <= atol + rtol * |b|, elementwise; equal infinities are close.

    Args:
        a: array or scalar.
        b: array or scalar.
        rtol: the tolerance relative to `b`.
        atol: the absolute tolerance.
        equal_nan: whether NaNs are close.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.isclose(jnp.array([1.0, 2.0]), jnp.array([1.0, 2.1]))
        Array([ True, False], dtype=bool)
    """
    a, b = ensure_arraylike("isclose", a, b)
    if dtypes.issubdtype(dtype_of(a), dtypes.extended):
        return lax.eq(a, b)
    a, b = promote_args_inexact("isclose", a, b)
    real_dtype = np.dtype(f"float{4 * dtype_of(a).itemsize}") if is_complex(a) else None
    dtype = real_dtype or dtype_of(a)
    rtol, atol = [convert(x, dtype) for x in (rtol, atol)]
    if equal_nan:
        both_nan = lax.bitwise_and(lax.ne(a, a), lax.ne(b, b))
    finite = isfinite(b)
    distance = lax.abs(lax.sub(a, b))
    tolerance = lax.add(atol, lax.mul(rtol, lax.abs(b)))
    within = lax.le(distance, tolerance)
    same = lax.eq(a, b)
    close = lax.bitwise_and(convert(finite, BOOL), within)
    result = lax.bitwise_or(convert(same, BOOL), close)
    return lax.bitwise_or(result, both_nan) if equal_nan else result

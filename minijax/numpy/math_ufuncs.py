"""jnp's functions of analysis: roots, exponentials, trigonometry, rounding, predicates,
complex parts.
"""

import math
import operator

import numpy as np

from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.core import aval_rules
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    BOOL,
    check_no_complex,
    constant_like,
    convert,
    dtype_of,
    ensure_arraylike,
    is_complex,
    is_kind,
    literal,
    promote_args_inexact,
    shape_of,
)
from minijax.numpy.ufuncs import _select_where

_FAST = frozenset([np.dtype("float32"), np.dtype("float64"), np.dtype("float16")])


def _inexact(op):
    """Decorate the documented stand-in for a function that applies `op` in floating
    point.
    """

    def decorate(stub):
        name = stub.__name__

        def apply(x, /):
            aval = getattr(x, "aval", None) if type(x) in aval_rules else None
            if aval is not None and aval.dtype in _FAST:
                return op(x)
            (x,) = promote_args_inexact(name, x)
            return op(x)

        apply.__name__ = apply.__qualname__ = name
        apply.__doc__, apply.__module__ = stub.__doc__, stub.__module__
        return apply

    return decorate


# --- exponentials and roots -----------------------------------------------------------


@_inexact(lax.exp)
def exp(x, /):
    """e raised to the power x, elementwise."""


@_inexact(lax.exp2)
def exp2(x, /):
    """2 raised to the power x, elementwise."""


@_inexact(lax.expm1)
def expm1(x, /):
    """exp(x) - 1, elementwise, accurate near 0."""


@_inexact(lax.log)
def log(x, /):
    """The natural logarithm, elementwise."""


@_inexact(lax.log1p)
def log1p(x, /):
    """log(1 + x), elementwise, accurate near 0."""


@_inexact(lax.sqrt)
def sqrt(x, /):
    """The square root, elementwise; NaN for negative reals."""


@_inexact(lax.cbrt)
def cbrt(x, /):
    """The real cube root, elementwise."""


@jit(inline=True)
def log2(x, /):
    """The base-2 logarithm, elementwise."""
    (x,) = promote_args_inexact("log2", x)
    if not is_complex(x):
        return lax.div(lax.log(x), lax.log(literal(2, dtype_of(x))))
    log_x = lax.log(x)
    re, im = lax.real(log_x), lax.imag(log_x)
    log_two = lax.log(literal(2, dtype_of(re)))
    return lax.complex(lax.div(re, log_two), lax.div(im, log_two))


@jit(inline=True)
def log10(x, /):
    """The base-10 logarithm, elementwise."""
    (x,) = promote_args_inexact("log10", x)
    if not is_complex(x):
        return lax.mul(lax.log(x), literal(1 / math.log(10), dtype_of(x)))
    log_x = lax.log(x)
    re, im = lax.real(log_x), lax.imag(log_x)
    factor = literal(1 / math.log(10), dtype_of(re))
    return lax.complex(lax.mul(re, factor), lax.mul(im, factor))


# --- trigonometry ---------------------------------------------------------------------


@_inexact(lax.sin)
def sin(x, /):
    """The sine of x radians, elementwise."""


@_inexact(lax.cos)
def cos(x, /):
    """The cosine of x radians, elementwise."""


@_inexact(lax.tan)
def tan(x, /):
    """The tangent of x radians, elementwise."""


@_inexact(lax.asin)
def arcsin(x, /):
    """The arcsine in radians, elementwise."""


@_inexact(lax.acos)
def arccos(x, /):
    """The arccosine in radians, elementwise."""


@_inexact(lax.atan)
def arctan(x, /):
    """The arctangent in radians, elementwise."""


@_inexact(lax.sinh)
def sinh(x, /):
    """The hyperbolic sine, elementwise."""


@_inexact(lax.cosh)
def cosh(x, /):
    """The hyperbolic cosine, elementwise."""


@_inexact(lax.tanh)
def tanh(x, /):
    """The hyperbolic tangent, elementwise."""


@_inexact(lax.asinh)
def arcsinh(x, /):
    """The inverse hyperbolic sine, elementwise."""


@_inexact(lax.atanh)
def arctanh(x, /):
    """The inverse hyperbolic tangent, elementwise."""


@jit
def arccosh(x, /):
    """The inverse hyperbolic cosine, elementwise; its real part is not negative."""
    (x,) = promote_args_inexact("arccosh", x)
    result = lax.acosh(x)
    if not is_complex(x):
        return result
    negative = lax.lt(lax.real(result), literal(0, dtype_of(lax.real(result))))
    return lax.select(negative, lax.neg(result), result)


asin, acos, atan = arcsin, arccos, arctan
asinh, acosh, atanh = arcsinh, arccosh, arctanh


def deg2rad(x, /):
    """Degrees to radians, elementwise."""
    (x,) = promote_args_inexact("deg2rad", x)
    return lax.mul(x, constant_like(math.pi / 180, x))


def rad2deg(x, /):
    """Radians to degrees, elementwise."""
    (x,) = promote_args_inexact("rad2deg", x)
    return lax.mul(x, constant_like(180 / math.pi, x))


radians, degrees = deg2rad, rad2deg


@jit
def hypot(x1, x2, /):
    """sqrt(x1**2 + x2**2), elementwise, without overflow.  ValueError for complex
    operands.
    """
    x1, x2 = promote_args_inexact("hypot", x1, x2)
    if is_complex(x1):
        raise ValueError(
            "jnp.hypot is not well defined for complex-valued inputs. Please convert "
            "to "
            "real values first, such as by using abs(x)"
        )
    one, zero = [_like(value, x1) for value in (1, 0)]
    x1, x2 = lax.abs(x1), lax.abs(x2)
    infinity = literal(np.inf, dtype_of(x1))
    infinite = lax.bitwise_or(lax.eq(x1, infinity), lax.eq(x2, infinity))
    large, small = lax.max(x1, x2), lax.min(x1, x2)
    is_zero = lax.eq(large, zero)
    safe = lax.select(lax.eq(large, zero), lax.full_like(large, 1), large)
    ratio = lax.square(lax.div(small, safe))
    length = lax.mul(large, lax.sqrt(lax.add(one, ratio)))
    length = lax.select(is_zero, large, length)
    if shape_of(length):  # a weak type remains for scalars only
        length = convert(length, dtype_of(length))
    return lax.select(infinite, lax.full_like(length, np.inf), length)


def _like(value, x):
    return literal(value, dtype_of(x), dtypes.is_weakly_typed(x))


# --- rounding -------------------------------------------------------------------------


def floor(x, /):
    """The largest integer not above x, elementwise; integers as they are."""
    (x,) = ensure_arraylike("floor", x)
    return asarray(x) if dtype_of(x).kind in "biu" else lax.floor(x)


def ceil(x, /):
    """The smallest integer not below x, elementwise; integers as they are."""
    (x,) = ensure_arraylike("ceil", x)
    return asarray(x) if dtype_of(x).kind in "biu" else lax.ceil(x)


@jit
def trunc(x):
    """x without its fraction, elementwise."""
    (x,) = ensure_arraylike("trunc", x)
    if dtype_of(x).kind in "biu":
        return x
    negative = lax.lt(x, lax.full_like(x, 0) if not shape_of(x) else _like(0, x))
    return lax.select(negative, lax.ceil(x), lax.floor(x))


@jit
def rint(x, /):
    """The nearest integer, elementwise; halves go to the even one."""
    (x,) = ensure_arraylike("rint", x)
    if dtype_of(x).kind in "biu":
        return convert(x, dtypes.python_scalar_dtype(float))
    if is_complex(x):
        return lax.complex(rint(lax.real(x)), rint(lax.imag(x)))
    return lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN)


@jit(static_argnames=("decimals",))
def round(a, decimals=0, out=None):
    """`a` rounded to a number of decimals; halves go to the even digit.

    NotImplementedError for `out`, and for integers with negative `decimals`.
    """
    (a,) = ensure_arraylike("round", a)
    decimals = operator.index(decimals)
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.round is not supported.")
    if is_kind(a, np.integer):
        if decimals < 0:
            raise NotImplementedError(
                "integer np.round not implemented for decimals < 0"
            )
        return a
    if decimals > np.log10(float(dtypes.finfo(dtype_of(a)).max)):
        return asarray(a)  # finer than the dtype
    if is_complex(a):
        return lax.complex(
            _round_real(lax.real(a), decimals), _round_real(lax.imag(a), decimals)
        )
    return _round_real(a, decimals)


def _round_real(x, decimals):
    if not decimals:
        return lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN)
    dtype = dtype_of(x)
    # float16 overflows on the way
    wide = np.dtype("float32") if dtype == np.float16 else dtype
    factor = literal(10**decimals, wide)
    scaled = lax.mul(convert(x, wide), factor)
    rounded = lax.round(scaled, lax.RoundingMethod.TO_NEAREST_EVEN)
    return convert(lax.div(rounded, factor), dtype)


@jit(static_argnames=("decimals",))
def around(a, decimals=0, out=None):
    """Alias of `round`."""
    return round(a, decimals, out)


@jit
def modf(x, /, out=None):
    """(fraction, whole part) of x, both with the sign of x."""
    (x,) = promote_args_inexact("modf", x)
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.modf is not supported.")
    nonnegative = lax.ge(x, _like(0, x))
    whole = lax.select(nonnegative, lax.floor(x), lax.ceil(x))
    return lax.sub(x, whole), whole


# --- predicates -----------------------------------------------------------------------


def isnan(x, /):
    """Whether x is NaN, elementwise."""
    (x,) = ensure_arraylike("isnan", x)
    return lax.ne(x, x)


def isfinite(x, /):
    """Whether x is neither NaN nor infinite, elementwise."""
    (x,) = ensure_arraylike("isfinite", x)
    if is_kind(x, np.floating):
        return lax.is_finite(x)
    if is_complex(x):
        return lax.bitwise_and(lax.is_finite(lax.real(x)), lax.is_finite(lax.imag(x)))
    return lax.full_like(x, True, BOOL)


@jit
def isinf(x, /):
    """Whether x is infinite, elementwise."""
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
    """Whether x is +inf, elementwise.  ValueError for complex x."""
    return _is_signed_infinity(np.inf, x, out)


def isneginf(x, /, out=None):
    """Whether x is -inf, elementwise.  ValueError for complex x."""
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
    """Whether the imaginary part is nonzero, elementwise."""
    i = imag(x)
    return lax.ne(i, _like(0, i))


@jit
def isreal(x):
    """Whether the imaginary part is zero, elementwise."""
    i = imag(x)
    return lax.eq(i, _like(0, i))


@jit
def signbit(x, /):
    """Whether the sign bit is set, elementwise.  ValueError for complex x."""
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
    """|x1| with the sign of x2, elementwise.  TypeError for complex operands."""
    x1, x2 = promote_args_inexact("copysign", x1, x2)
    if is_complex(x1):
        raise TypeError("copysign does not support complex-valued inputs")
    return _select_where(signbit(x2), lax.neg(lax.abs(x1)), lax.abs(x1))


@jit
def heaviside(x1, x2, /):
    """0 where x1 < 0, 1 where x1 > 0, x2 where it is 0; NaN where it is NaN."""
    x1, x2 = promote_args_inexact("heaviside", x1, x2)
    check_no_complex("heaviside", x1)
    zero = literal(0, dtype_of(x1))
    negative, positive, nan = lax.lt(x1, zero), lax.gt(x1, zero), lax.ne(x1, x1)
    result = _select_where(nan, x1, x2)
    result = _select_where(positive, _like(1, x1), result)
    return _select_where(negative, zero, result)


@jit(static_argnames=("equal_nan",))
def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether |a - b| <= atol + rtol * |b|, elementwise; equal infinities are close."""
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


# --- complex parts --------------------------------------------------------------------


def real(val, /):
    """The real part, elementwise."""
    (val,) = ensure_arraylike("real", val)
    return lax.real(val) if is_complex(val) else asarray(val)


def imag(val, /):
    """The imaginary part, elementwise."""
    (val,) = ensure_arraylike("imag", val)
    return lax.imag(val) if is_complex(val) else lax.full_like(val, 0)


def conjugate(x, /):
    """The complex conjugate, elementwise."""
    (x,) = ensure_arraylike("conjugate", x)
    return lax.conj(x) if is_complex(x) else asarray(x)


conj = conjugate


@jit(static_argnames=("deg",))
def angle(z, deg=False):
    """The argument of complex numbers, in radians or degrees."""
    (z,) = ensure_arraylike("angle", z)
    re, im = real(z), imag(z)
    whole = dtype_of(re).kind in "biu"  # in JAX's default dtype, unlike elsewhere
    dtype = dtypes.python_scalar_dtype(float) if whole else dtype_of(re)
    re, im = convert(re, dtype), convert(im, dtype)
    result = lax.atan2(im, re)
    return rad2deg(result) if deg else result

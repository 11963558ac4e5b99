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
    """e raised to the power x, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.exp(jnp.array([0.0, 1.0]))
        Array([1.       , 2.7182817], dtype=float32)
    """


@_inexact(lax.exp2)
def exp2(x, /):
    """2 raised to the power x, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.exp2(jnp.array([0, 3]))
        Array([1., 8.], dtype=float32)
    """


@_inexact(lax.expm1)
def expm1(x, /):
    """exp(x) - 1, elementwise, accurate near 0.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.expm1(1e-5)
        Array(1.000005e-05, dtype=float32, weak_type=True)
    """


@_inexact(lax.log)
def log(x, /):
    """The natural logarithm, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.log(jnp.array([1.0, 10.0]))
        Array([0.       , 2.3025851], dtype=float32)
    """


@_inexact(lax.log1p)
def log1p(x, /):
    """log(1 + x), elementwise, accurate near 0.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.log1p(1e-5)
        Array(9.99995e-06, dtype=float32, weak_type=True)
    """


@_inexact(lax.sqrt)
def sqrt(x, /):
    """The square root, elementwise; NaN for negative reals.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.sqrt(jnp.array([4, 9]))
        Array([2., 3.], dtype=float32)
    """


@_inexact(lax.cbrt)
def cbrt(x, /):
    """The real cube root, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.cbrt(jnp.array([-8.0, 27.0])).round(3)
        Array([-2.       ,  3.0000002], dtype=float32)
    """


@jit(inline=True)
def log2(x, /):
    """The base-2 logarithm, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.log2(jnp.array([1, 8])).round(3)
        Array([0.       , 3.0000002], dtype=float32)
    """
    (x,) = promote_args_inexact("log2", x)
    if not is_complex(x):
        return lax.div(lax.log(x), lax.log(literal(2, dtype_of(x))))
    log_x = lax.log(x)
    re, im = lax.real(log_x), lax.imag(log_x)
    log_two = lax.log(literal(2, dtype_of(re)))
    return lax.complex(lax.div(re, log_two), lax.div(im, log_two))


@jit(inline=True)
def log10(x, /):
    """The base-10 logarithm, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.log10(jnp.array([1, 1000])).round(3)
        Array([0.       , 3.0000002], dtype=float32)
    """
    (x,) = promote_args_inexact("log10", x)
    if not is_complex(x):
        return lax.mul(lax.log(x), literal(1 / math.log(10), dtype_of(x)))
    log_x = lax.log(x)
    re, im = lax.real(log_x), lax.imag(log_x)
    factor = literal(1 / math.log(10), dtype_of(re))
    return lax.complex(lax.mul(re, factor), lax.mul(im, factor))


# --- rounding -------------------------------------------------------------------------


def floor(x, /):
    """The largest integer not above x, elementwise; integers as they are.

    Args:
        x: array or scalar, not complex.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.floor(jnp.array([1.7, -1.2]))
        Array([ 1., -2.], dtype=float32)
    """
    (x,) = ensure_arraylike("floor", x)
    return asarray(x) if dtype_of(x).kind in "biu" else lax.floor(x)


def ceil(x, /):
    """The smallest integer not below x, elementwise; integers as they are.

    Args:
        x: array or scalar, not complex.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.ceil(jnp.array([1.2, -1.7]))
        Array([ 2., -1.], dtype=float32)
    """
    (x,) = ensure_arraylike("ceil", x)
    return asarray(x) if dtype_of(x).kind in "biu" else lax.ceil(x)


@jit
def trunc(x):
    """x without its fraction, elementwise.

    Args:
        x: array or scalar, not complex.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.trunc(jnp.array([1.7, -1.7]))
        Array([ 1., -1.], dtype=float32)
    """
    (x,) = ensure_arraylike("trunc", x)
    if dtype_of(x).kind in "biu":
        return x
    negative = lax.lt(
        x, lax.full_like(x, 0) if not shape_of(x) else constant_like(0, x)
    )
    return lax.select(negative, lax.ceil(x), lax.floor(x))


@jit
def rint(x, /):
    """The nearest integer, elementwise; halves go to the even one.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.rint(jnp.array([0.5, 1.5, 2.7]))
        Array([0., 2., 3.], dtype=float32)
    """
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

    Args:
        a: array or scalar.
        decimals: how many; below 0 for tens, hundreds and so on.
        out: must be None: results are new arrays.

    Returns:
        An array of the shape and dtype of `a`.

    Examples:
        >>> jnp.round(jnp.array([1.234, 2.5, 3.5]))
        Array([1., 2., 4.], dtype=float32)
        >>> jnp.round(jnp.array([1.234, 5.678]), 1)
        Array([1.2      , 5.7000003], dtype=float32)
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
    weak = wide == dtype and dtypes.is_weakly_typed(x)
    factor = literal(10**decimals, wide, weak and not shape_of(x))
    scaled = lax.mul(convert(x, wide, weak), factor)
    rounded = lax.round(scaled, lax.RoundingMethod.TO_NEAREST_EVEN)
    out = lax.div(rounded, factor)
    return out if wide == dtype else convert(out, dtype)


@jit(static_argnames=("decimals",))
def around(a, decimals=0, out=None):
    """Alias of `round`.

    Args:
        a: array or scalar.
        decimals: how many; below 0 for tens, hundreds and so on.
        out: must be None: results are new arrays.

    Returns:
        An array of the shape and dtype of `a`.

    Examples:
        >>> jnp.around(jnp.array([1.234, 2.5, 3.5]))
        Array([1., 2., 4.], dtype=float32)
        >>> jnp.around(jnp.array([1.234, 5.678]), 1)
        Array([1.2      , 5.7000003], dtype=float32)
    """
    return round(a, decimals, out)


@jit
def modf(x, /, out=None):
    """(fraction, whole part) of x, both with the sign of x.

    Args:
        x: array or scalar, not complex.
        out: must be None: results are new arrays.

    Returns:
        A pair of arrays of the shape of `x`, in floating point.

    Examples:
        >>> jnp.modf(jnp.array([1.5, -2.25]))
        (Array([ 0.5 , -0.25], dtype=float32), Array([ 1., -2.], dtype=float32))
    """
    (x,) = promote_args_inexact("modf", x)
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.modf is not supported.")
    nonnegative = lax.ge(x, constant_like(0, x))
    whole = lax.select(nonnegative, lax.floor(x), lax.ceil(x))
    return lax.sub(x, whole), whole


# --- complex parts --------------------------------------------------------------------


def real(val, /):
    """The real part, elementwise.

    Args:
        val: array or scalar.

    Returns:
        An array of the shape of `val`.

    Examples:
        >>> jnp.real(jnp.array([1 + 2j, 3.0]))
        Array([1., 3.], dtype=float32)
    """
    (val,) = ensure_arraylike("real", val)
    return lax.real(val) if is_complex(val) else asarray(val)


def imag(val, /):
    """The imaginary part, elementwise.

    Args:
        val: array or scalar.

    Returns:
        An array of the shape of `val`.

    Examples:
        >>> jnp.imag(jnp.array([1 + 2j, 3.0]))
        Array([2., 0.], dtype=float32)
    """
    (val,) = ensure_arraylike("imag", val)
    return lax.imag(val) if is_complex(val) else lax.full_like(val, 0)


def conjugate(x, /):
    """The complex conjugate, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.conjugate(jnp.array([1 + 2j]))
        Array([1.-2.j], dtype=complex64)
    """
    (x,) = ensure_arraylike("conjugate", x)
    return lax.conj(x) if is_complex(x) else asarray(x)


conj = conjugate


@jit(static_argnames=("deg",))
def angle(z, deg=False):
    """The argument of complex numbers, in radians or degrees.

    Args:
        z: array or scalar.
        deg: whether to give degrees.

    Returns:
        An array of the shape of `z`, in floating point.

    Examples:
        >>> jnp.angle(jnp.array([1.0, 1j]))
        Array([0.       , 1.5707964], dtype=float32)
        >>> jnp.angle(jnp.array([1j]), deg=True)
        Array([90.], dtype=float32)
    """
    (z,) = ensure_arraylike("angle", z)
    re, im = real(z), imag(z)
    # Integers become JAX's default dtype, unlike elsewhere; so do scalars.
    if dtype_of(re).kind in "biu" or not (is_complex(z) or shape_of(z)):
        dtype = dtypes.python_scalar_dtype(float)
        re, im = convert(re, dtype), convert(im, dtype)
    result = lax.atan2(im, re)
    if deg:
        result = lax.mul(result, constant_like(180 / math.pi, result))
    return result

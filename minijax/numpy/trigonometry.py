"""jnp's trigonometric and hyperbolic functions."""

import math

import numpy as np

from minijax import lax
from minijax.control.call import jit
from minijax.numpy.binary import INEXACT, direct_binary, promoting
from minijax.numpy.math_ufuncs import _inexact
from minijax.numpy.promotion import (
    constant_like,
    convert,
    dtype_of,
    is_complex,
    literal,
    operand_like,
    promote_args_inexact,
    shape_of,
)
from minijax.ops import trigonometric

# --- trigonometry ---------------------------------------------------------------------


@_inexact(lax.sin)
def sin(x, /):
    """The sine of x radians, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.sin(jnp.array([0.0, 1.0]))
        Array([0.        , 0.84147096], dtype=float32)
    """


@_inexact(lax.cos)
def cos(x, /):
    """The cosine of x radians, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.cos(jnp.array([0.0, 1.0]))
        Array([1.       , 0.5403023], dtype=float32)
    """


@_inexact(lax.tan)
def tan(x, /):
    """The tangent of x radians, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.tan(jnp.array([0.0, 1.0])).round(4)
        Array([0.    , 1.5574], dtype=float32)
    """


@_inexact(lax.asin)
def arcsin(x, /):
    """The arcsine in radians, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.arcsin(jnp.array([0.0, 1.0]))
        Array([0.       , 1.5707964], dtype=float32)
    """


@_inexact(lax.acos)
def arccos(x, /):
    """The arccosine in radians, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.arccos(jnp.array([1.0, -1.0]))
        Array([0.       , 3.1415927], dtype=float32)
    """


@_inexact(lax.atan)
def arctan(x, /):
    """The arctangent in radians, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.arctan(jnp.array([0.0, 1.0]))
        Array([0.       , 0.7853982], dtype=float32)
    """


@_inexact(lax.sinh)
def sinh(x, /):
    """The hyperbolic sine, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.sinh(jnp.array([0.0, 1.0])).round(4)
        Array([0.    , 1.1752], dtype=float32)
    """


@_inexact(lax.cosh)
def cosh(x, /):
    """The hyperbolic cosine, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.cosh(jnp.array([0.0, 1.0])).round(4)
        Array([1.    , 1.5431], dtype=float32)
    """


@_inexact(lax.tanh)
def tanh(x, /):
    """The hyperbolic tangent, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.tanh(jnp.array([0.0, 1.0])).round(4)
        Array([0.        , 0.76159996], dtype=float32)
    """


@_inexact(lax.asinh)
def arcsinh(x, /):
    """The inverse hyperbolic sine, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.arcsinh(jnp.array([0.0, 1.0])).round(4)
        Array([0.    , 0.8814], dtype=float32)
    """


@_inexact(lax.atanh)
def arctanh(x, /):
    """The inverse hyperbolic tangent, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.arctanh(jnp.array([0.0, 0.5])).round(4)
        Array([0.    , 0.5493], dtype=float32)
    """


@jit
def arccosh(x, /):
    """The inverse hyperbolic cosine, elementwise; its real part is not negative.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.arccosh(jnp.array([1.0, 2.0])).round(4)
        Array([0.       , 1.3169999], dtype=float32)
    """
    (x,) = promote_args_inexact("arccosh", x)
    result = lax.acosh(x)
    if not is_complex(x):
        return result
    negative = lax.lt(lax.real(result), literal(0, dtype_of(lax.real(result))))
    return lax.select(negative, lax.neg(result), result)


asin, acos, atan = arcsin, arccos, arctan
asinh, acosh, atanh = arcsinh, arccosh, arctanh


def deg2rad(x, /):
    """Degrees to radians, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.deg2rad(180)
        Array(3.1415927, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("deg2rad", x)
    return lax.mul(x, constant_like(math.pi / 180, x))


def rad2deg(x, /):
    """Radians to degrees, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.rad2deg(jnp.pi)
        Array(180., dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("rad2deg", x)
    return lax.mul(x, constant_like(180 / math.pi, x))


radians, degrees = deg2rad, rad2deg


@jit
def hypot(x1, x2, /):
    """sqrt(x1**2 + x2**2), elementwise, without overflow. ValueError for complex
    operands.

    Args:
        x1: array or scalar, not complex.
        x2: array or scalar, not complex.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.hypot(3.0, jnp.array([4.0, 0.0]))
        Array([5., 3.], dtype=float32)
    """
    x1, x2 = promote_args_inexact("hypot", x1, x2)
    if is_complex(x1):
        raise ValueError(
            "jnp.hypot is not well defined for complex-valued inputs. Please convert "
            "to "
            "real values first, such as by using abs(x)"
        )
    one, zero = [operand_like(value, x1) for value in (1, 0)]
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


@direct_binary(
    trigonometric.atan2_p,
    INEXACT,
    promoting("arctan2", lax.atan2, promote_args_inexact),
)
def arctan2(x1, x2, /):
    """The angle in radians of the points (x2, x1), elementwise.

    Args:
        x1: array or scalar.
        x2: array or scalar.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.arctan2(jnp.array([1.0, 0.0]), jnp.array([0.0, -1.0]))
        Array([1.5707964, 3.1415927], dtype=float32)
    """


atan2 = arctan2

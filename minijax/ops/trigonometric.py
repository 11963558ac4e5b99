"""Trigonometric and hyperbolic functions and their inverses."""

import numpy as np

from minijax.ops.arithmetic import add, div, integer_pow, mul, neg, square, sub
from minijax.ops.define import INEXACT, check_accuracy, nary, one_like, unary
from minijax.ops.exponential import log, rsqrt, sqrt


def sin(x, *, accuracy=None):
    """The sine of x radians."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return sin_p.bind(x)


sin_p = unary("sin", INEXACT, np.sin, lambda t, x, ans: mul(t, cos(x)))


def cos(x, *, accuracy=None):
    """The cosine of x radians."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return cos_p.bind(x)


cos_p = unary("cos", INEXACT, np.cos, lambda t, x, ans: neg(mul(t, sin(x))))


def tan(x, *, accuracy=None):
    """The tangent of x radians."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return tan_p.bind(x)


tan_p = unary(
    "tan", INEXACT, np.tan, lambda t, x, ans: mul(t, add(one_like(ans), square(ans)))
)


def asin(x):
    """The arcsine, in radians."""
    return asin_p.bind(x)


asin_p = unary(
    "asin",
    INEXACT,
    np.arcsin,
    lambda t, x, ans: mul(t, rsqrt(sub(one_like(x), square(x)))),
)


def acos(x):
    """The arccosine, in radians."""
    return acos_p.bind(x)


acos_p = unary(
    "acos",
    INEXACT,
    np.arccos,
    lambda t, x, ans: mul(t, neg(rsqrt(sub(one_like(x), square(x))))),
)


def atan(x):
    """The arctangent, in radians."""
    return atan_p.bind(x)


atan_p = unary(
    "atan", INEXACT, np.arctan, lambda t, x, ans: div(t, add(one_like(x), square(x)))
)


def atan2(x, y):
    """The angle of the point (y, x), in radians."""
    return atan2_p.bind(x, y)


def _square_sum(x, y):
    return add(square(x), square(y))


def _complex_atan2(x, y):
    """-i log((y + ix) / sqrt(x^2 + y^2)): atan2 continued to complex numbers."""
    i = x.dtype.type(1j)
    return mul(-i, log(div(add(y, mul(i, x)), sqrt(_square_sum(x, y)))))


def _atan2_reference(x, y):
    if x.dtype.kind != "c":
        return np.arctan2(x, y)
    return -1j * np.log((y + 1j * x) / np.sqrt(x * x + y * y))


atan2_p = nary(
    "atan2",
    INEXACT,
    _atan2_reference,
    (
        lambda t, ans, x, y: mul(t, div(y, _square_sum(x, y))),
        lambda t, ans, x, y: mul(t, div(neg(x), _square_sum(x, y))),
    ),
)


def _atan2_lower(b, ins, out_avals, **_):
    (aval,) = out_avals
    if aval.dtype.kind != "c":
        return [b.ewise("atan2", ins, aval)]
    ins = [x.broadcast_to(aval.shape) for x in ins]
    return b.lower_fun(lambda x, y: [_complex_atan2(x, y)], ins, [aval] * 2)


atan2_p.lower = _atan2_lower


def sinh(x):
    """The hyperbolic sine."""
    return sinh_p.bind(x)


sinh_p = unary("sinh", INEXACT, np.sinh, lambda t, x, ans: mul(t, cosh(x)))


def cosh(x):
    """The hyperbolic cosine."""
    return cosh_p.bind(x)


cosh_p = unary("cosh", INEXACT, np.cosh, lambda t, x, ans: mul(t, sinh(x)))


def tanh(x, *, accuracy=None):
    """The hyperbolic tangent."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return tanh_p.bind(x)


tanh_p = unary(
    "tanh",
    INEXACT,
    np.tanh,
    lambda t, x, ans: mul(add(t, mul(t, ans)), sub(one_like(x), ans)),
)


def asinh(x):
    """The inverse hyperbolic sine."""
    return asinh_p.bind(x)


asinh_p = unary(
    "asinh",
    INEXACT,
    np.arcsinh,
    lambda t, x, ans: mul(t, rsqrt(add(square(x), one_like(x)))),
)


def acosh(x):
    """The inverse hyperbolic cosine."""
    return acosh_p.bind(x)


acosh_p = unary(
    "acosh",
    INEXACT,
    np.arccosh,
    lambda t, x, ans: mul(t, rsqrt(mul(sub(x, one_like(x)), add(x, one_like(x))))),
)


def atanh(x):
    """The inverse hyperbolic tangent."""
    return atanh_p.bind(x)


atanh_p = unary(
    "atanh",
    INEXACT,
    np.arctanh,
    lambda t, x, ans: mul(
        integer_pow(add(one_like(x), x), -1), div(t, sub(one_like(x), x))
    ),
)

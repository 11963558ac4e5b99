"""Exponentials, logarithms, powers and roots."""

import numpy as np

from minijax.core import Zero
from minijax.ops.arithmetic import add, div, integer_pow, mul, neg, scale, sub
from minijax.ops.comparison import eq
from minijax.ops.define import (
    BITS,
    FLOAT,
    INEXACT,
    INT,
    NONDIFFERENTIABLE,
    accepts,
    add_tangents,
    broadcast_like,
    check_accuracy,
    check_dtype,
    constant_like,
    convert,
    define,
    dtype_of,
    elementwise_batch,
    elementwise_shape,
    filled_like,
    one_like,
    select,
    unary,
)


def exp(x, *, accuracy=None):
    """e to the power of x."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return exp_p.bind(x)


exp_p = unary("exp", INEXACT, np.exp, lambda t, x, ans: mul(t, ans))


def exp2(x, *, accuracy=None):
    """2 to the power of x."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return exp2_p.bind(x)


exp2_p = unary(
    "exp2",
    INEXACT,
    np.exp2,
    lambda t, x, ans: mul(log(constant_like(2, x)), mul(t, ans)),
)


def log(x, *, accuracy=None):
    """The natural logarithm."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return log_p.bind(x)


log_p = unary("log", INEXACT, np.log, lambda t, x, ans: div(t, x))


def log1p(x, *, accuracy=None):
    """log(1 + x), accurate near 0."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return log1p_p.bind(x)


log1p_p = unary(
    "log1p", INEXACT, np.log1p, lambda t, x, ans: div(t, add(x, one_like(x)))
)


def expm1(x, *, accuracy=None):
    """exp(x) - 1, accurate near 0."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return expm1_p.bind(x)


expm1_p = unary(
    "expm1", INEXACT, np.expm1, lambda t, x, ans: mul(t, add(ans, one_like(ans)))
)


def pow(x, y):
    """x to the power of y; an integer y may go with an inexact x."""
    return pow_p.bind(x, y)


def _pow_shape(x, y):
    check_dtype("pow", INEXACT, x.dtype, " at position 0")
    if x.dtype != y.dtype and not accepts(INT + BITS, y.dtype):
        raise TypeError(f"lax.pow requires arguments to have the same dtypes, got "
                        f"{x.dtype.name}, {y.dtype.name}.")  # fmt: skip
    like = y.update(dtype=x.dtype) if y.dtype != x.dtype else y
    return elementwise_shape("pow", INEXACT)(x, like)


def _pow_jvp(primals, tangents):
    x, y = primals
    t_x, t_y = tangents
    ans = pow(x, y)
    total = Zero.of(ans)
    if type(t_x) is not Zero:
        total = add_tangents(total, _pow_slope_x(t_x, ans, x, y))
    if type(t_y) is not Zero and accepts(INEXACT, dtype_of(y)):
        total = add_tangents(total, _pow_slope_y(t_y, ans, x, y))
    return ans, total


def _pow_slope_x(t, ans, x, y):
    x = convert(x, dtype_of(x))  # JAX: strongly typed, whatever x is
    if accepts(INT, dtype_of(y)):
        y = broadcast_like(convert(y, dtype_of(x)), ans)
        zero = constant_like(0, y)
        at_zero, none = eq(y, zero), filled_like(y, 0)
        safe = select(eq(y, zero), filled_like(y, 1), y)
        factor = mul(safe, pow(x, sub(y, filled_like(y, 1))))
        return mul(t, select(at_zero, none, factor))
    return mul(t, mul(y, pow(x, sub(y, filled_like(y, 1)))))


def _pow_slope_y(t, ans, x, y):
    zero = eq(x, constant_like(0, x))
    safe = select(zero, filled_like(x, 1), x)
    return mul(t, mul(log(safe), ans))


def _pow_lower(b, ins, out_avals):
    x, y = ins
    if y.dtype != x.dtype:
        y = b.convert(y, x.dtype)
    return [b.ewise("pow", [x, y], out_avals[0])]


pow_p = define(
    "pow",
    shape=_pow_shape,
    reference=lambda x, y: np.power(x, y).astype(x.dtype),
    jvp=_pow_jvp,
    transpose=NONDIFFERENTIABLE,
    batch=elementwise_batch(lambda: pow_p),
    lower=_pow_lower,
)


def sqrt(x, *, accuracy=None):
    """The square root."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return sqrt_p.bind(x)


sqrt_p = unary(
    "sqrt",
    INEXACT,
    np.sqrt,
    lambda t, x, ans: mul(t, div(constant_like(0.5, x), ans)),
)


def rsqrt(x, *, accuracy=None):
    """1 / sqrt(x)."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return rsqrt_p.bind(x)


rsqrt_p = unary(
    "rsqrt",
    INEXACT,
    lambda x: (1 / np.sqrt(x)).astype(x.dtype),
    lambda t, x, ans: mul(t, scale(-0.5, div(ans, x))),
)


def cbrt(x, *, accuracy=None):
    """The real cube root."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return cbrt_p.bind(x)


cbrt_p = unary(
    "cbrt",
    FLOAT,
    np.cbrt,
    lambda t, x, ans: mul(t, scale(1 / 3, integer_pow(ans, -2))),
)


def logistic(x, *, accuracy=None):
    """1 / (1 + exp(-x))."""
    if accuracy is not None:
        check_accuracy(accuracy)
    return logistic_p.bind(x)


logistic_p = unary(
    "logistic",
    INEXACT,
    lambda x: (1 / (1 + np.exp(-x))).astype(x.dtype),
    lambda t, x, ans: mul(t, mul(ans, sub(one_like(ans), ans))),
)


def _logistic_narrow(x, **_):
    """By its formula, each part of which is rounded."""
    return div(one_like(x), add(one_like(x), exp(neg(x))))


logistic_p.narrow = _logistic_narrow

# as XLA expands it: the rounded product decides
exp2_p.narrow = lambda x, **_: exp(mul(x, constant_like(np.log(2), x)))

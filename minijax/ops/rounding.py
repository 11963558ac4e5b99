"""Signs, magnitudes, rounding to integers, and remainders."""

import enum

import numpy as np

from minijax.ops.arithmetic import add, div, mul, neg
from minijax.ops.comparison import eq, ge
from minijax.ops.complex_parts import complex, conj, real
from minijax.ops.define import (
    COMPLEX,
    FLOAT,
    INEXACT,
    NONDIFFERENTIABLE,
    NUMBER,
    REAL,
    SIGNED,
    accepts,
    bool_result,
    constant_like,
    convert,
    dtype_of,
    nary,
    real_dtype,
    select,
    unary,
)

# --- signs and magnitudes -------------------------------------------------------------


def sign(x):
    """-1, 0 or 1 (x / |x| where x is complex); NaN where x is NaN."""
    return sign_p.bind(x)


def _sign_reference(x):
    if np.iscomplexobj(x):
        return np.where(x == 0, 0, x / np.where(x == 0, 1, np.abs(x))).astype(x.dtype)
    return np.sign(x)


sign_p = unary("sign", NUMBER, _sign_reference, NONDIFFERENTIABLE)


def abs(x):
    """|x|, real where x is complex."""
    return abs_p.bind(x)


def _abs_jvp(t, x, ans):
    if not accepts(COMPLEX, dtype_of(x)):
        return select(ge(x, constant_like(0, x)), t, neg(t))
    unit = div(x, complex(_safe_where_zero(ans), constant_like(0, ans)))
    return real(mul(conj(unit), t))


def _safe_where_zero(x):
    zero = eq(x, constant_like(0, x))
    return add(x, convert(zero, dtype_of(x)))


abs_p = unary("abs", INEXACT + SIGNED, np.abs, _abs_jvp, result=real_dtype)

# --- rounding -------------------------------------------------------------------------


def floor(x):
    """The largest integer not above x."""
    return floor_p.bind(x)


floor_p = unary("floor", FLOAT, np.floor, NONDIFFERENTIABLE)


def ceil(x):
    """The smallest integer not below x."""
    return ceil_p.bind(x)


ceil_p = unary("ceil", FLOAT, np.ceil, NONDIFFERENTIABLE)


def is_finite(x):
    """Whether x is neither infinite nor NaN."""
    return is_finite_p.bind(x)


is_finite_p = unary(
    "is_finite", FLOAT, np.isfinite, NONDIFFERENTIABLE, result=bool_result
)


class RoundingMethod(enum.IntEnum):
    """Where halves go: away from zero, or to the even neighbour."""

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


def round(x, rounding_method=RoundingMethod.AWAY_FROM_ZERO):
    """The nearest integer, as a float; `rounding_method` says where halves go."""
    return round_p.bind(x, rounding_method=RoundingMethod(rounding_method))


def _round_reference(x, rounding_method):
    if rounding_method is RoundingMethod.TO_NEAREST_EVEN:
        return np.rint(x)
    whole = np.trunc(x)
    up = np.abs(x - whole) >= np.asarray(0.5, x.dtype)
    return np.copysign(np.abs(whole) + up.astype(x.dtype), x)


def _round_lower(b, ins, out_avals, *, rounding_method):
    even = rounding_method is RoundingMethod.TO_NEAREST_EVEN
    return [b.ewise("round_even" if even else "round", ins, out_avals[0])]


round_p = unary("round", FLOAT, _round_reference, NONDIFFERENTIABLE)
round_p.lower = _round_lower

# --- remainders -----------------------------------------------------------------------


def rem(x, y):
    """The remainder of x / y with the sign of x."""
    return rem_p.bind(x, y)


def _rem_reference(x, y):
    if accepts(INEXACT, x.dtype):
        return np.fmod(x, y)
    return np.where(y == 0, x, np.fmod(x, np.where(y == 0, 1, y))).astype(x.dtype)


def _quotient_to_zero(x, y):
    return mul(sign(div(x, y)), floor(abs(div(x, y))))


rem_p = nary(
    "rem",
    REAL,
    _rem_reference,
    (
        lambda t, ans, x, y: t,
        lambda t, ans, x, y: mul(neg(t), _quotient_to_zero(x, y)),
    ),
)

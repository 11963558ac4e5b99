"""Elementwise arithmetic, comparisons and special functions: one block an op.

Each op runs through the tile kernel of its own name.  Derivatives are written in terms
of these ops; `t` is the operand's tangent, `ans` the op's result.
"""

import math
from typing import Any

import numpy as np

from minijax.core import ShapedArray, Zero, is_undefined_primal
from minijax.dtypes import prng_key
from minijax.ops.define import (
    ANY,
    BITS,
    BOOL,
    COMPLEX,
    FLOAT,
    INEXACT,
    INT,
    NO_RULE,
    NONDIFFERENTIABLE,
    NUMBER,
    REAL,
    SIGNED,
    accepts,
    broadcast_like,
    broadcast_shape,
    check_dtype,
    constant_like,
    define,
    dtype_of,
    elementwise_batch,
    elementwise_shape,
    full,
    in_aval,
    nary,
    structural,
    unary,
    unbroadcast,
)
from minijax.ops.special_reference import (
    bessel_i0e_reference,
    bessel_i1e_reference,
    digamma_reference,
    erf_inv_reference,
    erf_reference,
    erfc_reference,
    igamma_grad_a_reference,
    igamma_reference,
    igammac_reference,
    lgamma_reference,
    polygamma_reference,
    random_gamma_grad_reference,
    regularized_incomplete_beta_reference,
    zeta_reference,
)


def _one(x):
    return constant_like(1, x)


def _times(factor, x):
    """`factor * x`, the factor in the dtype of `x`."""
    return mul(constant_like(factor, x), x)


def _bool_result(_):
    return np.dtype(bool)


# --- sums, products and signs ---------------------------------------------------


def neg(x):
    """-x."""
    return neg_p.bind(x)


neg_p = unary("neg", NUMBER, np.negative, lambda t, x, ans: neg(t))
neg_p.transpose = lambda ct, x: [neg(ct)]


def _jointly_linear(primitive_of, alone):
    """The jvp of a binary op that is linear in both operands together.

    `alone[i](t)` is the tangent where only operand i has one.
    """

    def jvp(primals, tangents, **params):
        ans = primitive_of().bind(*primals, **params)
        moving = [i for i, t in enumerate(tangents) if type(t) is not Zero]
        if not moving:
            return ans, Zero.of(ans)
        if len(moving) == 2:
            return ans, primitive_of().bind(*tangents, **params)
        (i,) = moving
        return ans, broadcast_like(alone[i](tangents[i]), ans)

    return jvp


def add(x, y):
    """x + y."""
    return add_p.bind(x, y)


def _add_transpose(ct, x, y):
    return [
        unbroadcast(ct, in_aval(x)) if is_undefined_primal(x) else None,
        unbroadcast(ct, in_aval(y)) if is_undefined_primal(y) else None,
    ]


add_p = nary(
    "add",
    NUMBER,
    np.add,
    (lambda t, ans, x, y: t, lambda t, ans, x, y: t),
    transpose=_add_transpose,
)
add_p.jvp = _jointly_linear(lambda: add_p, (lambda t: t, lambda t: t))


@structural
def add_any(x, y):
    """The sum of two tangents of one aval."""
    return add_any_p.bind(x, y)


def _add_any_jvp(primals, tangents):
    out = add_any(*primals)
    x, y = tangents
    if type(x) is Zero:
        return out, y
    return out, x if type(y) is Zero else add_any(x, y)


def _add_any_shape(x, y):
    """As `x`; in a batch one of the two may have size 1 where the other has n."""
    return x if x is y else x.update(shape=broadcast_shape("add_any", (x, y)))


add_any_p = define(
    "add_any",
    shape=_add_any_shape,
    reference=np.add,
    jvp=_add_any_jvp,
    transpose=lambda ct, x, y: [
        ct if is_undefined_primal(x) else None,
        ct if is_undefined_primal(y) else None,
    ],
    batch=elementwise_batch(lambda: add_any_p),
    lower=lambda b, ins, out_avals: [b.ewise("add", ins, out_avals[0])],
)


def sub(x, y):
    """x - y."""
    return sub_p.bind(x, y)


def _sub_transpose(ct, x, y):
    return [
        unbroadcast(ct, in_aval(x)) if is_undefined_primal(x) else None,
        unbroadcast(neg(ct), in_aval(y)) if is_undefined_primal(y) else None,
    ]


sub_p = nary(
    "sub",
    NUMBER,
    np.subtract,
    (lambda t, ans, x, y: t, lambda t, ans, x, y: neg(t)),
    transpose=_sub_transpose,
)
sub_p.jvp = _jointly_linear(lambda: sub_p, (lambda t: t, neg))


def mul(x, y):
    """x * y."""
    return mul_p.bind(x, y)


def _mul_transpose(ct, x, y):
    if is_undefined_primal(x):
        return [unbroadcast(mul(ct, y), in_aval(x)), None]
    return [None, unbroadcast(mul(x, ct), in_aval(y))]


mul_p = nary(
    "mul",
    NUMBER,
    np.multiply,
    (lambda t, ans, x, y: mul(t, y), lambda t, ans, x, y: mul(x, t)),
    transpose=_mul_transpose,
)


def mulhi(x, y):
    """The upper half of the bits of the product of integers, at twice their width."""
    return mulhi_p.bind(x, y)


def _mulhi_reference(x, y):
    products = x.astype(object) * y.astype(object)
    return np.asarray(products >> 8 * x.itemsize, x.dtype)


mulhi_p = nary("mulhi", INT, _mulhi_reference, NONDIFFERENTIABLE)


def div(x, y):
    """x / y; integers round toward zero."""
    return div_p.bind(x, y)


def _div_reference(x, y):
    if accepts(INEXACT, x.dtype):
        return np.divide(x, y)
    safe = np.where(y == 0, 1, y)
    quotient = x // safe
    quotient = quotient + ((x % safe != 0) & ((x < 0) != (safe < 0)))
    return np.where(y == 0, np.array(-1).astype(x.dtype), quotient).astype(x.dtype)


def _div_lower(b, ins, out_avals):
    """XLA multiplies by the reciprocal of a divisor that is repeated or constant."""
    (aval,) = out_avals
    x, y = ins
    single = _without_repeats(y)
    repeated = aval.dtype.kind == "f" and single.size < aval.size
    if not repeated and not (aval.dtype.kind in "fc" and b.is_constant(y)):
        return [b.ewise("div", ins, aval)]
    small = ShapedArray(single.shape, aval.dtype)
    inverse = b.ewise("div", [b.full(small, 1), single], small)
    return [b.ewise("mul", [x, inverse.broadcast_to(y.shape)], aval)]


def _without_repeats(view):
    """A view with size 1 along axes that repeat the same elements."""
    sizes = zip(view.shape, view.strides, strict=True)
    limits = [n if stride else min(n, 1) for n, stride in sizes]
    return view.slice([0] * len(limits), limits)


def _div_transpose(ct, x, y):
    return [unbroadcast(div(ct, y), in_aval(x)), None]


div_p = nary(
    "div",
    NUMBER,
    _div_reference,
    (
        lambda t, ans, x, y: div(t, y),
        lambda t, ans, x, y: mul(mul(neg(t), x), integer_pow(y, -2)),
    ),
    transpose=_div_transpose,
)
div_p.lower = _div_lower


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


def _real_dtype(dtype):
    if accepts(COMPLEX, dtype):
        return np.dtype("f4") if dtype.itemsize == 8 else np.dtype("f8")
    return dtype


def _abs_jvp(t, x, ans):
    if not accepts(COMPLEX, dtype_of(x)):
        return select(ge(x, constant_like(0, x)), t, neg(t))
    unit = div(x, complex(_safe_where_zero(ans), constant_like(0, ans)))
    return real(mul(conj(unit), t))


def _safe_where_zero(x):
    zero = eq(x, constant_like(0, x))
    return add(x, convert(zero, dtype_of(x)))


def convert(x, dtype):
    """`x` in another dtype, through `convert_element_type` (installed by `convert.py`)."""
    return _installed["convert"](x, dtype)


_installed: dict[str, Any] = {}


abs_p = unary("abs", INEXACT + SIGNED, np.abs, _abs_jvp, result=_real_dtype)


def square(x):
    """x * x."""
    return square_p.bind(x)


square_p = unary("square", NUMBER, np.square, lambda t, x, ans: mul(t, _times(2, x)))


def integer_pow(x, y):
    """x to the power of the Python integer y."""
    return integer_pow_p.bind(x, y=y)


def reciprocal(x):
    """1 / x, for floating and complex x."""
    return integer_pow(x, -1)


def _integer_pow_jvp(primals, tangents, *, y):
    (x,), (t,) = primals, tangents
    ans = integer_pow(x, y)
    if type(t) is Zero or y == 0:
        return ans, Zero.of(ans)
    if y == 1:
        return ans, t
    slope = x if y == 2 else integer_pow(x, y - 1)
    return ans, mul(t, _times(y, slope))


def _integer_pow_lower(b, ins, out_avals, *, y):
    """Powers by repeated squaring, smallest bit first, as XLA expands them."""
    aval = out_avals[0]
    result, power, n = None, ins[0], np.abs(y)
    while n:
        if n & 1:
            result = power if result is None else b.ewise("mul", [result, power], aval)
        n >>= 1
        if n:
            power = b.ewise("mul", [power, power], aval)
    if result is None:
        return [b.full(aval, 1)]
    if y < 0:
        result = b.ewise("div", [b.full(aval, 1), result], aval)
    return [result]


def _integer_pow_shape(x, *, y):
    if y < 0 and accepts(INT, x.dtype):
        raise TypeError(
            "Integers cannot be raised to negative powers, got "
            f"integer_pow({x.str_short(short_dtypes=False)}, {y})"
        )
    check_dtype("integer_pow", NUMBER, x.dtype)
    return x


integer_pow_p = define(
    "integer_pow",
    shape=_integer_pow_shape,
    reference=lambda x, *, y: (
        np.power(x, y) if y >= 0 else (1 / np.power(x, -y)).astype(x.dtype)
    ),
    jvp=_integer_pow_jvp,
    transpose=lambda ct, x, *, y: [ct],
    batch=elementwise_batch(lambda: integer_pow_p),
    lower=_integer_pow_lower,
)

# --- rounding -------------------------------------------------------------------


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
    "is_finite", FLOAT, np.isfinite, NONDIFFERENTIABLE, result=_bool_result
)

# --- exponentials and logarithms --------------------------------------------------


def exp(x):
    """e to the power of x."""
    return exp_p.bind(x)


exp_p = unary("exp", INEXACT, np.exp, lambda t, x, ans: mul(t, ans))


def exp2(x):
    """2 to the power of x."""
    return exp2_p.bind(x)


exp2_p = unary(
    "exp2",
    INEXACT,
    np.exp2,
    lambda t, x, ans: mul(log(constant_like(2, x)), mul(t, ans)),
)


def log(x):
    """The natural logarithm."""
    return log_p.bind(x)


log_p = unary("log", INEXACT, np.log, lambda t, x, ans: div(t, x))


def log1p(x):
    """log(1 + x), accurate near 0."""
    return log1p_p.bind(x)


log1p_p = unary("log1p", INEXACT, np.log1p, lambda t, x, ans: div(t, add(x, _one(x))))


def expm1(x):
    """exp(x) - 1, accurate near 0."""
    return expm1_p.bind(x)


expm1_p = unary(
    "expm1", INEXACT, np.expm1, lambda t, x, ans: mul(t, add(ans, _one(ans)))
)


def pow(x, y):
    """x to the power of y; an integer y may go with an inexact x."""
    return pow_p.bind(x, y)


def _pow_shape(x, y):
    if x.dtype != y.dtype and not accepts(INT + BITS, y.dtype):
        raise TypeError(f"lax.pow requires arguments to have the same dtypes, got "
                        f"{x.dtype.name}, {y.dtype.name}.")  # fmt: skip
    like = y.update(dtype=x.dtype) if y.dtype != x.dtype else y
    return elementwise_shape("pow", NUMBER)(x, like)


def _pow_jvp(primals, tangents):
    x, y = primals
    t_x, t_y = tangents
    ans = pow(x, y)
    total = Zero.of(ans)
    if type(t_x) is not Zero:
        total = _add(total, _pow_slope_x(t_x, ans, x, y))
    if type(t_y) is not Zero and accepts(INEXACT, dtype_of(y)):
        total = _add(total, _pow_slope_y(t_y, ans, x, y))
    return ans, total


def _add(x, y):
    return y if type(x) is Zero else add_any(x, y)


def _pow_slope_x(t, ans, x, y):
    if accepts(INT, dtype_of(y)):
        y = convert(y, dtype_of(x))
        zero = constant_like(0, y)
        at_zero, none = eq(y, zero), _installed["full_like"](y, 0)
        safe = select(eq(y, zero), _installed["full_like"](y, 1), y)
        factor = mul(safe, pow(x, sub(y, _installed["full_like"](y, 1))))
        return mul(t, select(at_zero, none, factor))
    return mul(t, mul(y, pow(x, sub(y, _installed["full_like"](y, 1)))))


def _pow_slope_y(t, ans, x, y):
    zero = eq(x, constant_like(0, x))
    safe = select(zero, _installed["full_like"](x, 1), x)
    return mul(t, mul(log(safe), ans))


def select(which, on_true, on_false):
    """Elementwise `on_true where which else on_false` (installed by `select.py`)."""
    return _installed["select"](which, on_true, on_false)


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


def sqrt(x):
    """The square root."""
    return sqrt_p.bind(x)


sqrt_p = unary(
    "sqrt",
    INEXACT,
    np.sqrt,
    lambda t, x, ans: mul(t, div(constant_like(0.5, x), ans)),
)


def rsqrt(x):
    """1 / sqrt(x)."""
    return rsqrt_p.bind(x)


rsqrt_p = unary(
    "rsqrt",
    INEXACT,
    lambda x: (1 / np.sqrt(x)).astype(x.dtype),
    lambda t, x, ans: mul(t, _times(-0.5, div(ans, x))),
)


def cbrt(x):
    """The real cube root."""
    return cbrt_p.bind(x)


cbrt_p = unary(
    "cbrt",
    FLOAT,
    np.cbrt,
    lambda t, x, ans: mul(t, _times(1 / 3, integer_pow(ans, -2))),
)


def logistic(x):
    """1 / (1 + exp(-x))."""
    return logistic_p.bind(x)


logistic_p = unary(
    "logistic",
    INEXACT,
    lambda x: (1 / (1 + np.exp(-x))).astype(x.dtype),
    lambda t, x, ans: mul(t, mul(ans, sub(_one(ans), ans))),
)

# --- trigonometric and hyperbolic ---------------------------------------------------


def sin(x):
    """The sine of x radians."""
    return sin_p.bind(x)


sin_p = unary("sin", INEXACT, np.sin, lambda t, x, ans: mul(t, cos(x)))


def cos(x):
    """The cosine of x radians."""
    return cos_p.bind(x)


cos_p = unary("cos", INEXACT, np.cos, lambda t, x, ans: neg(mul(t, sin(x))))


def tan(x):
    """The tangent of x radians."""
    return tan_p.bind(x)


tan_p = unary(
    "tan", INEXACT, np.tan, lambda t, x, ans: mul(t, add(_one(ans), square(ans)))
)


def asin(x):
    """The arcsine, in radians."""
    return asin_p.bind(x)


asin_p = unary(
    "asin",
    INEXACT,
    np.arcsin,
    lambda t, x, ans: mul(t, rsqrt(sub(_one(x), square(x)))),
)


def acos(x):
    """The arccosine, in radians."""
    return acos_p.bind(x)


acos_p = unary(
    "acos",
    INEXACT,
    np.arccos,
    lambda t, x, ans: mul(t, neg(rsqrt(sub(_one(x), square(x))))),
)


def atan(x):
    """The arctangent, in radians."""
    return atan_p.bind(x)


atan_p = unary(
    "atan", INEXACT, np.arctan, lambda t, x, ans: div(t, add(_one(x), square(x)))
)


def atan2(x, y):
    """The angle of the point (y, x), in radians."""
    return atan2_p.bind(x, y)


def _square_sum(x, y):
    return add(square(x), square(y))


atan2_p = nary(
    "atan2",
    FLOAT,
    np.arctan2,
    (
        lambda t, ans, x, y: mul(t, div(y, _square_sum(x, y))),
        lambda t, ans, x, y: mul(t, div(neg(x), _square_sum(x, y))),
    ),
)


def sinh(x):
    """The hyperbolic sine."""
    return sinh_p.bind(x)


sinh_p = unary("sinh", INEXACT, np.sinh, lambda t, x, ans: mul(t, cosh(x)))


def cosh(x):
    """The hyperbolic cosine."""
    return cosh_p.bind(x)


cosh_p = unary("cosh", INEXACT, np.cosh, lambda t, x, ans: mul(t, sinh(x)))


def tanh(x):
    """The hyperbolic tangent."""
    return tanh_p.bind(x)


tanh_p = unary(
    "tanh",
    INEXACT,
    np.tanh,
    lambda t, x, ans: mul(add(t, mul(t, ans)), sub(_one(x), ans)),
)


def asinh(x):
    """The inverse hyperbolic sine."""
    return asinh_p.bind(x)


asinh_p = unary(
    "asinh",
    INEXACT,
    np.arcsinh,
    lambda t, x, ans: mul(t, rsqrt(add(square(x), _one(x)))),
)


def acosh(x):
    """The inverse hyperbolic cosine."""
    return acosh_p.bind(x)


acosh_p = unary(
    "acosh",
    INEXACT,
    np.arccosh,
    lambda t, x, ans: mul(t, rsqrt(mul(sub(x, _one(x)), add(x, _one(x))))),
)


def atanh(x):
    """The inverse hyperbolic tangent."""
    return atanh_p.bind(x)


atanh_p = unary(
    "atanh",
    INEXACT,
    np.arctanh,
    lambda t, x, ans: mul(integer_pow(add(_one(x), x), -1), div(t, sub(_one(x), x))),
)

# --- extrema and comparisons --------------------------------------------------------


def max(x, y):
    """The larger of x and y; NaN if either is."""
    return max_p.bind(x, y)


def min(x, y):
    """The smaller of x and y; NaN if either is."""
    return min_p.bind(x, y)


def _extremum_jvp(t, ans, mine, other):
    """All of the tangent where this operand wins, half where the two are equal."""
    return mul(t, _balanced_eq(mine, ans, other))


def _balanced_eq(x, ans, y):
    aval = in_aval(ans)
    mine = select(eq(x, ans), full(aval, 1), full(aval, 0))
    return div(mine, select(eq(y, ans), full(aval, 2), full(aval, 1)))


def _extremum(name, reference):
    return nary(
        name,
        ANY,
        reference,
        (
            lambda t, ans, x, y: _extremum_jvp(t, ans, x, y),
            lambda t, ans, x, y: _extremum_jvp(t, ans, y, x),
        ),
    )


max_p = _extremum("max", np.maximum)
min_p = _extremum("min", np.minimum)


def _comparison(name, kinds, reference):
    return nary(name, kinds, reference, NONDIFFERENTIABLE, result=_bool_result)


def eq(x, y):
    """x == y."""
    return eq_p.bind(x, y)


def ne(x, y):
    """x != y."""
    return ne_p.bind(x, y)


def lt(x, y):
    """x < y."""
    return lt_p.bind(x, y)


def le(x, y):
    """x <= y."""
    return le_p.bind(x, y)


def gt(x, y):
    """x > y."""
    return gt_p.bind(x, y)


def ge(x, y):
    """x >= y."""
    return ge_p.bind(x, y)


eq_p = _comparison("eq", (*ANY, prng_key), np.equal)
ne_p = _comparison("ne", (*ANY, prng_key), np.not_equal)
lt_p = _comparison("lt", REAL + BOOL, np.less)
le_p = _comparison("le", REAL + BOOL, np.less_equal)
gt_p = _comparison("gt", REAL + BOOL, np.greater)
ge_p = _comparison("ge", REAL + BOOL, np.greater_equal)


def nextafter(x, y):
    """The next float after x in the direction of y."""
    return nextafter_p.bind(x, y)


def _no_derivative(name):
    return NO_RULE(f"Differentiation rule for '{name}' not implemented")


nextafter_p = nary(
    "nextafter",
    FLOAT,
    lambda x, y: np.where(x == y, y, np.nextafter(x, y)),
    _no_derivative("nextafter"),
)

# --- bits -------------------------------------------------------------------------


def bitwise_not(x):
    """Every bit inverted; logical for booleans."""
    return not_p.bind(x)


def bitwise_and(x, y):
    """Bits set in both; logical for booleans."""
    return and_p.bind(x, y)


def bitwise_or(x, y):
    """Bits set in either; logical for booleans."""
    return or_p.bind(x, y)


def bitwise_xor(x, y):
    """Bits set in exactly one; logical for booleans."""
    return xor_p.bind(x, y)


not_p = unary("not", BITS, np.invert, NONDIFFERENTIABLE)
and_p = nary("and", BITS, np.bitwise_and, NONDIFFERENTIABLE)
or_p = nary("or", BITS, np.bitwise_or, NONDIFFERENTIABLE)
xor_p = nary("xor", BITS, np.bitwise_xor, NONDIFFERENTIABLE)


def population_count(x):
    """The number of set bits."""
    return population_count_p.bind(x)


population_count_p = unary(
    "population_count",
    INT,
    lambda x: np.bitwise_count(x.view(f"u{x.itemsize}")).astype(x.dtype),
    NONDIFFERENTIABLE,
)


def clz(x):
    """The number of leading zero bits."""
    return clz_p.bind(x)


def _clz_reference(x):
    bits = 8 * x.itemsize
    unsigned = x.view(f"u{x.itemsize}").astype(object)
    lengths = np.vectorize(lambda v: bits - int(v).bit_length(), otypes=[np.int64])
    return lengths(unsigned).astype(x.dtype) if x.size else x


clz_p = unary("clz", INT, _clz_reference, NONDIFFERENTIABLE)


def shift_left(x, y):
    """x << y; 0 where y is not less than the number of bits."""
    return shift_left_p.bind(x, y)


def shift_right_logical(x, y):
    """x >> y, filling with zeros."""
    return shift_right_logical_p.bind(x, y)


def shift_right_arithmetic(x, y):
    """x >> y, filling with the sign."""
    return shift_right_arithmetic_p.bind(x, y)


def _shift_reference(shift, signed, saturate):
    def reference(x, y):
        bits = 8 * x.dtype.itemsize
        kind = "i" if signed else "u"
        wide = x.astype(f"{x.dtype.kind}8").view("u8") if not signed else x.astype("i8")
        if not signed:
            wide = wide & np.uint64(2**bits - 1)
        amount = y.astype("i8")
        over = (amount < 0) | (amount >= bits)
        inside = np.where(over, bits - 1 if saturate else 0, amount)
        shifted = shift(wide, inside.astype(wide.dtype))
        if not saturate:
            shifted = np.where(over, 0, shifted)
        return shifted.astype(f"{kind}{x.itemsize}").view(x.dtype)

    return reference


shift_left_p = nary(
    "shift_left",
    INT,
    _shift_reference(np.left_shift, False, False),
    NONDIFFERENTIABLE,
)
shift_right_logical_p = nary(
    "shift_right_logical",
    INT,
    _shift_reference(np.right_shift, False, False),
    NONDIFFERENTIABLE,
)
shift_right_arithmetic_p = nary(
    "shift_right_arithmetic",
    INT,
    lambda x, y: _shift_reference(np.right_shift, True, True)(
        x.view(f"i{x.itemsize}"), y
    ).view(x.dtype),
    NONDIFFERENTIABLE,
)

# --- complex ------------------------------------------------------------------------


def real(x):
    """The real part."""
    return real_p.bind(x)


def imag(x):
    """The imaginary part."""
    return imag_p.bind(x)


def complex(x, y):
    """x + iy."""
    return complex_p.bind(x, y)


def conj(x):
    """The complex conjugate of a real or complex x; always complex."""
    return conj_p.bind(x, input_dtype=dtype_of(x))


def _complex_dtype(dtype):
    return np.dtype("c16") if dtype == np.dtype("f8") else np.dtype("c8")


def _zero_of(x):
    return constant_like(0, x)


def _complex_reference(x, y):
    """The parts put side by side: arithmetic would lose the sign of zeros."""
    out = np.empty(np.broadcast_shapes(x.shape, y.shape), _complex_dtype(x.dtype))
    out.real, out.imag = x, y
    return out


real_p = unary("real", COMPLEX, np.real, lambda t, x, ans: real(t), result=_real_dtype)
real_p.transpose = lambda ct, x: [complex(ct, _zero_of(ct))]
imag_p = unary("imag", COMPLEX, np.imag, lambda t, x, ans: imag(t), result=_real_dtype)
imag_p.transpose = lambda ct, x: [complex(_zero_of(ct), neg(ct))]
complex_p = nary(
    "complex",
    FLOAT,
    _complex_reference,
    (
        lambda t, ans, x, y: complex(t, _zero_of(t)),
        lambda t, ans, x, y: complex(_zero_of(t), t),
    ),
    result=_complex_dtype,
    transpose=lambda ct, x, y: [
        unbroadcast(real(ct), in_aval(x)) if is_undefined_primal(x) else None,
        unbroadcast(imag(neg(ct)), in_aval(y)) if is_undefined_primal(y) else None,
    ],
)
complex_p.jvp = _jointly_linear(
    lambda: complex_p,
    (lambda t: complex(t, _zero_of(t)), lambda t: complex(_zero_of(t), t)),
)


def _conj_transpose(ct, x, *, input_dtype):
    if accepts(COMPLEX, input_dtype):
        return [conj_p.bind(ct, input_dtype=input_dtype)]
    return [real(ct)]


def _conj_lower(b, ins, out_avals, *, input_dtype):
    (x,) = ins
    if x.dtype.kind == "c":
        return [b.ewise("conj", ins, out_avals[0])]
    zero = b.full(out_avals[0].update(dtype=x.dtype), 0)
    return [b.ewise("complex", [x, zero], out_avals[0])]


conj_p = unary(
    "conj",
    (np.float32, np.complexfloating, np.float64),
    lambda x, input_dtype: (
        np.conj(x) if x.dtype.kind == "c" else _complex_reference(x, np.zeros_like(x))
    ),
    lambda t, x, ans, input_dtype: conj_p.bind(t, input_dtype=input_dtype),
    result=lambda dtype: dtype if accepts(COMPLEX, dtype) else _complex_dtype(dtype),
)
conj_p.transpose = _conj_transpose
conj_p.lower = _conj_lower

# --- special functions ----------------------------------------------------------------


def erf(x):
    """The error function."""
    return erf_p.bind(x)


def erfc(x):
    """1 - erf(x), accurate where erf is near 1."""
    return erfc_p.bind(x)


def erf_inv(x):
    """The inverse of erf."""
    return erf_inv_p.bind(x)


def _gauss(x):
    return exp(neg(square(x)))


_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)

erf_p = unary(
    "erf",
    FLOAT,
    erf_reference,
    lambda t, x, ans: _times(_TWO_OVER_ROOT_PI, mul(t, _gauss(x))),
)
erfc_p = unary(
    "erfc",
    FLOAT,
    erfc_reference,
    lambda t, x, ans: _times(-_TWO_OVER_ROOT_PI, mul(t, _gauss(x))),
)
erf_inv_p = unary(
    "erf_inv",
    FLOAT,
    erf_inv_reference,
    lambda t, x, ans: _times(1 / _TWO_OVER_ROOT_PI, mul(t, exp(square(ans)))),
)


def lgamma(x):
    """log |Γ(x)|."""
    return lgamma_p.bind(x)


def digamma(x):
    """The derivative of lgamma."""
    return digamma_p.bind(x)


def polygamma(m, x):
    """The m-th derivative of digamma at x."""
    return polygamma_p.bind(m, x)


def zeta(x, q):
    """Hurwitz's zeta function, the sum of (k + q)^-x."""
    return zeta_p.bind(x, q)


lgamma_p = unary(
    "lgamma", FLOAT, lgamma_reference, lambda t, x, ans: mul(t, digamma(x))
)
digamma_p = unary(
    "digamma",
    FLOAT,
    digamma_reference,
    lambda t, x, ans: mul(t, polygamma(_one(x), x)),
)
zeta_p = nary(
    "zeta",
    FLOAT,
    zeta_reference,
    (
        None,
        lambda t, ans, x, q: mul(mul(t, neg(x)), zeta(add(x, _one(x)), q)),
    ),
)
polygamma_p = nary(
    "polygamma",
    FLOAT,
    polygamma_reference,
    (None, lambda t, ans, m, x: mul(t, polygamma(add(m, _one(m)), x))),
)


def bessel_i0e(x):
    """The modified Bessel function of order 0, times exp(-|x|)."""
    return bessel_i0e_p.bind(x)


def bessel_i1e(x):
    """The modified Bessel function of order 1, times exp(-|x|)."""
    return bessel_i1e_p.bind(x)


def _bessel_i1e_jvp(t, x, ans):
    eps = constant_like(np.finfo(dtype_of(x)).eps, x)
    large = gt(abs(x), eps)
    safe = select(large, x, _installed["full_like"](x, eps))
    slope = sub(bessel_i0e(safe), mul(ans, add(sign(safe), integer_pow(safe, -1))))
    return mul(t, select(large, slope, _installed["full_like"](x, 0.5)))


bessel_i0e_p = unary(
    "bessel_i0e",
    FLOAT,
    bessel_i0e_reference,
    lambda t, x, ans: mul(t, sub(bessel_i1e(x), mul(sign(x), ans))),
)
bessel_i1e_p = unary("bessel_i1e", FLOAT, bessel_i1e_reference, _bessel_i1e_jvp)


def igamma(a, x):
    """The regularised lower incomplete gamma function."""
    return igamma_p.bind(a, x)


def igammac(a, x):
    """The regularised upper incomplete gamma function."""
    return igammac_p.bind(a, x)


def igamma_grad_a(a, x):
    """The derivative of igamma in a."""
    return igamma_grad_a_p.bind(a, x)


def random_gamma_grad(a, x):
    """The derivative in a of a sample x of the gamma distribution."""
    return random_gamma_grad_p.bind(a, x)


def _igamma_slope(a, x):
    decay = neg(x)
    power = mul(sub(a, _installed["full_like"](a, 1)), log(x))
    return exp(sub(add(decay, power), lgamma(a)))


igamma_p = nary(
    "igamma",
    FLOAT,
    igamma_reference,
    (
        lambda t, ans, a, x: mul(t, igamma_grad_a(a, x)),
        lambda t, ans, a, x: mul(t, _igamma_slope(a, x)),
    ),
)
igammac_p = nary(
    "igammac",
    FLOAT,
    igammac_reference,
    (
        lambda t, ans, a, x: neg(mul(t, igamma_grad_a(a, x))),
        lambda t, ans, a, x: neg(mul(t, _igamma_slope(a, x))),
    ),
)
igamma_grad_a_p = nary(
    "igamma_grad_a", FLOAT, igamma_grad_a_reference, _no_derivative("igamma_grad_a")
)
random_gamma_grad_p = nary(
    "random_gamma_grad",
    FLOAT,
    random_gamma_grad_reference,
    _no_derivative("random_gamma_grad"),
)


def betainc(a, b, x):
    """The regularised incomplete beta function I_x(a, b); differentiable in x."""
    return regularized_incomplete_beta_p.bind(a, b, x)


def _beta_slope(t, ans, a, b, x):
    one = _one(x)
    log_beta = sub(add(lgamma(a), lgamma(b)), lgamma(add(a, b)))
    power = add(mul(sub(b, one), log1p(neg(x))), mul(sub(a, one), log(x)))
    return mul(t, exp(sub(power, log_beta)))


regularized_incomplete_beta_p = nary(
    "regularized_incomplete_beta",
    FLOAT,
    regularized_incomplete_beta_reference,
    (None, None, _beta_slope),
)


def install(**functions):
    """Provide functions of later op files that derivatives here need."""
    _installed.update(functions)

"""Sums, products, quotients and integer powers."""

import numpy as np

from minijax import core, dtypes
from minijax.core import ShapedArray, Zero, is_undefined_primal
from minijax.ops.define import (
    INEXACT,
    INT,
    NONDIFFERENTIABLE,
    NUMBER,
    accepts,
    broadcast_shape,
    check_dtype,
    constant_like,
    convert,
    define,
    elementwise_batch,
    full,
    in_aval,
    jointly_linear,
    nary,
    one_like,
    structural,
    unary,
    unbroadcast,
)


def neg(x):
    """-x."""
    return neg_p.bind(x)


neg_p = unary("neg", NUMBER, np.negative, lambda t, x, ans: neg(t))
neg_p.transpose = lambda ct, x: [neg(ct)]


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
add_p.jvp = jointly_linear(lambda: add_p, (lambda t: t, lambda t: t))


@structural
def add_any(x, y):
    """The sum of two tangents of one aval."""
    own = core.get_aval(x).dtype
    if isinstance(own, dtypes.ExtendedDType):
        return own._rules.add(own, x, y)
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
sub_p.jvp = jointly_linear(lambda: sub_p, (lambda t: t, neg))


def mul(x, y, *, out_dtype=None):
    """x * y; with `out_dtype` computed in that dtype."""
    if out_dtype is not None:
        x, y = convert(x, out_dtype), convert(y, out_dtype)
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


def scale(factor, x):
    """`factor * x`, the factor in the dtype of `x`."""
    return mul(constant_like(factor, x), x)


def mulhi(x, y, /):
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


def square(x):
    """x * x."""
    return square_p.bind(x)


square_p = unary("square", NUMBER, np.square, lambda t, x, ans: mul(t, scale(2, x)))


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
    return ans, mul(t, scale(y, slope))


def _integer_pow_lower(b, ins, out_avals, *, y):
    """Powers by repeated squaring, smallest bit first, as XLA expands them."""
    aval = out_avals[0]
    result, power, n = None, ins[0], abs(y)
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


def _integer_pow_narrow(x, *, y):
    """As `_integer_pow_lower`, each product of narrow elements rounded."""
    result, power, n = None, x, abs(y)
    while n:
        if n & 1:
            result = power if result is None else mul(result, power)
        n >>= 1
        if n:
            power = mul(power, power)
    if result is None:
        return full(core.get_aval(x), 1)
    return div(one_like(x), result) if y < 0 else result


def _integer_pow_shape(x, *, y):
    if y < 0 and accepts(INT, x.dtype):
        raise TypeError(
            f"Integers cannot be raised to negative powers, got integer_pow({x}, {y})"
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
    narrow=_integer_pow_narrow,
)

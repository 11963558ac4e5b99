"""jnp's ufuncs with derivative rules of their own, with loops, or made of bit patterns."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.control.custom_jvp import custom_jvp
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    constant_like,
    convert,
    dtype_of,
    ensure_arraylike,
    is_complex,
    is_kind,
    literal,
    promote_args,
    promote_args_inexact,
    promote_dtypes,
    shape_of,
)
from minijax.numpy.selection import _where, where_inline
from minijax.numpy.ufunc_api import ufunc
from minijax.numpy.ufuncs import _select_where

# --- logarithms of sums ---------------------------------------------------------------


def _log_of_sum(x, y, exp, log1p_scale, period):
    """log(exp x + exp y) for one base; `log1p_scale` turns log1p into it; `period` of
    its phase.
    """
    top = lax.max(x, y)
    if is_complex(x):
        delta = lax.sub(lax.add(x, y), lax.mul(top, constant_like(2, top)))
        out = lax.add(top, log1p_scale(lax.log1p(exp(delta))))
        return lax.complex(lax.real(out), _wrap_between(lax.imag(out), period))
    delta = lax.sub(x, y)
    undefined, total = lax.ne(delta, delta), lax.add(x, y)
    tail = log1p_scale(lax.log1p(exp(lax.neg(lax.abs(delta)))))
    return lax.select(undefined, total, lax.add(top, tail))


def _wrap_between(x, half):
    """x shifted by multiples of 2 * half into [-half, half)."""
    half_, two = constant_like(half, x), constant_like(2 * half, x)
    rem = lax.rem(lax.add(x, half_), two)
    negative = lax.lt(rem, constant_like(0, x))
    return lax.sub(lax.select(negative, lax.add(rem, two), rem), half_)


@custom_jvp
def _logaddexp_op(x, y):
    return _log_of_sum(x, y, lax.exp, lambda v: v, math.pi)


@custom_jvp
def _logaddexp2_op(x, y):
    def scale(v):
        return lax.mul(constant_like(1 / math.log(2), v), v)

    return _log_of_sum(x, y, lax.exp2, scale, math.pi / math.log(2))


def _logaddexp_rule(op, exp):
    def rule(primals, tangents):
        x, y = primals
        t_x, t_y = tangents
        out = op(x, y)
        parts = [lax.mul(t, exp(lax.sub(_finite(v), _finite(out))))
                 for t, v in ((t_x, x), (t_y, y))]  # fmt: skip
        return out, lax.add(*parts)

    return rule


def _finite(x):
    """`x` with +inf replaced by 0: differences of infinities are then 0, not NaN."""
    infinite = jnp.isinf(x) if is_complex(x) else jnp.isposinf(x)
    return where_inline(infinite, constant_like(0, x), x)


_logaddexp_op.defjvp(_logaddexp_rule(_logaddexp_op, lax.exp))
_logaddexp2_op.defjvp(_logaddexp_rule(_logaddexp2_op, lax.exp2))


def _logaddexp(x, y, /):
    """log(exp(x) + exp(y)), elementwise, without overflow.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.logaddexp(jnp.array([0.0, 100.0]), 0.0)
        Array([  0.6931472, 100.       ], dtype=float32)
    """
    return _logaddexp_op(*promote_args_inexact("logaddexp", x, y))


def _logaddexp2(x, y, /):
    """log2(2**x + 2**y), elementwise, without overflow.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.logaddexp2(jnp.array([0.0, 3.0]), jnp.array([0.0, 3.0])).round(3)
        Array([1., 4.], dtype=float32)
    """
    return _logaddexp2_op(*promote_args_inexact("logaddexp2", x, y))


def _reduction(op, exp, log):
    """The reduction of a ufunc by one sum, of exponentials below the largest."""

    def reduce(a, axis=0, keepdims=False, initial=None, where=None):
        (a,) = promote_args_inexact("logaddexp.reduce", a)
        options = {"axis": axis, "keepdims": True, "where": where}
        top = jnp.max(a.real, initial=-np.inf, **options)
        top = lax.stop_gradient(jnp.where(jnp.isfinite(top), top, 0))
        out = log(jnp.sum(exp(a - top), **options)) + top
        if not keepdims:
            out = jnp.squeeze(out, axis)
        return out if initial is None else op(out, initial)

    return reduce


logaddexp = ufunc(_logaddexp, identity=-np.inf, reduce="_reduce_logaddexp")
logaddexp2 = ufunc(_logaddexp2, identity=-np.inf, reduce="_reduce_logaddexp2")
_reduce_logaddexp = _reduction(logaddexp, lambda x: jnp.exp(x), lambda x: jnp.log(x))
_reduce_logaddexp2 = _reduction(
    logaddexp2, lambda x: jnp.exp2(x), lambda x: jnp.log2(x)
)

# --- sinc and Bessel ------------------------------------------------------------------


def _sinc_coefficient(k):
    return (-1) ** (k // 2) / (k + 1)


def _like(value, x):
    return literal(value, dtype_of(x))


def _sinc_derivative(k):
    """The function that gives the k-th derivative at 0, and whose derivative gives the
    next.
    """

    @custom_jvp
    def at_zero(x):
        flat = lax.mul(x, constant_like(0, x))
        return flat if k % 2 else lax.add(flat, constant_like(_sinc_coefficient(k), x))

    @at_zero.defjvp
    def rule(primals, tangents):
        (x,), (t,) = primals, tangents
        return at_zero(x), lax.mul(_sinc_derivative(k + 1)(x), t)

    return at_zero


@jit
def sinc(x, /):
    """sin(pi x) / (pi x), elementwise; 1 at 0.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.sinc(jnp.array([0.0, 0.5])).round(4)
        Array([1.        , 0.63659996], dtype=float32)
    """
    (x,) = promote_args_inexact("sinc", x)
    at_zero = lax.eq(x, constant_like(0, x))
    pi_x = lax.mul(constant_like(math.pi, x), x)
    safe = where_inline(at_zero, constant_like(1, x), pi_x)
    series = _sinc_derivative(0)(pi_x)
    return lax.select(at_zero, series, lax.div(lax.sin(safe), safe))


@custom_jvp
def _i0(x):
    x = lax.abs(x)
    return lax.mul(lax.exp(x), lax.bessel_i0e(x))


@_i0.defjvp
def _i0_rule(primals, tangents):
    (x,), (t,) = primals, tangents
    return _i0(x), lax.mul(t, lax.mul(lax.exp(lax.abs(x)), lax.bessel_i1e(x)))


@jit
def i0(x):
    """The modified Bessel function of the first kind of order 0, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.i0(jnp.array([0.0, 1.0])).round(4)
        Array([1.       , 1.2660999], dtype=float32)
    """
    original = x
    (x,) = promote_args_inexact("i0", x)
    if not is_kind(x, np.floating):
        raise ValueError(
            f"Unsupported input type to jax.numpy.i0: {dtype_of(original)}"
        )
    return _i0(x)


# --- mantissa and exponent ------------------------------------------------------------


def _float_layout(dtype):
    """(dtype of the bits, bits of the mantissa, exponent bias)."""
    info = dtypes.finfo(dtype)
    return np.dtype(f"int{8 * dtype.itemsize}"), info.nmant, (1 << (info.nexp - 1)) - 1


@custom_jvp
def _frexp(x):
    dtype = dtype_of(x)
    integer, mantissa, bias = _float_layout(dtype)
    tiny = lax.lt(lax.abs(x), literal(dtypes.finfo(dtype).tiny, dtype))
    scaled = lax.mul(x, literal(2.0**mantissa, dtype))
    scaled = lax.select(tiny, scaled, x)
    shift = where_inline(tiny, literal(-mantissa, integer), literal(0, integer))
    bits = lax.bitcast_convert_type(scaled, integer)
    mask = (1 << dtypes.finfo(dtype).nexp) - 1
    exponent = lax.bitwise_and(
        lax.shift_right_arithmetic(bits, literal(mantissa, integer)),
        literal(mask, integer),
    )
    exponent = lax.add(lax.sub(exponent, literal(bias, integer)), literal(1, integer))
    exponent = lax.add(shift, exponent)
    kept = lax.bitwise_and(bits, literal(~(mask << mantissa), integer))
    half = lax.bitwise_or(kept, literal((bias - 1) << mantissa, integer))
    fraction = lax.bitcast_convert_type(half, dtype)
    special = lax.bitwise_or(lax.eq(lax.abs(x), literal(np.inf, dtype)), lax.ne(x, x))
    special = lax.bitwise_or(special, lax.eq(x, literal(0, dtype)))
    exponent = where_inline(special, literal(0, integer), exponent)
    return lax.select(special, x, fraction), convert(exponent, np.dtype("int32"))


@_frexp.defjvp
def _frexp_rule(primals, tangents):
    (x,), (t,) = primals, tangents
    fraction, exponent = _frexp(x)
    t_fraction = lax.mul(t, lax.exp2(lax.neg(convert(exponent, dtype_of(x)))))
    zero = np.zeros(shape_of(exponent), dtypes.float0)
    return (fraction, exponent), (t_fraction, zero)


@jit
def frexp(x, /):
    """(m, e) with x = m * 2**e, |m| in [0.5, 1) and e an int32. TypeError for complex
    x.

    Args:
        x: array or scalar, not complex.

    Returns:
        A pair of arrays of the shape of `x`: in floating point, and of int32.

    Examples:
        >>> jnp.frexp(jnp.array([1.0, 6.0]))
        (Array([0.5 , 0.75], dtype=float32), Array([1, 3], dtype=int32))
    """
    (x,) = ensure_arraylike("frexp", x)
    (x,) = promote_args_inexact("frexp", x)
    if is_complex(x):
        raise TypeError("frexp does not support complex-valued inputs")
    return _frexp(x)


@jit
def ldexp(x1, x2, /):
    """x1 * 2**x2, elementwise.

    Args:
        x1: array or scalar, not complex.
        x2: array or scalar of integers.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.ldexp(jnp.array([0.5, 0.75]), jnp.array([1, 3]))
        Array([1., 6.], dtype=float32)
    """
    x1, x2 = ensure_arraylike("ldexp", x1, x2)
    d1, d2 = dtype_of(x1), dtype_of(x2)
    if d1.kind == "c" or d2.kind not in "biu":
        raise ValueError(f"ldexp not supported for input types {(d1, d2)}")
    (x1,) = promote_args_inexact("ldexp", x1)
    x1, x2 = promote_args("ldexp", x1, convert(x2, dtype_of(x1)))
    x1, x2 = asarray(x1), asarray(x2)
    x, exponent = frexp(x1)
    e = lax.add(convert(exponent, x.dtype), x2)
    large = lax.gt(e, _like(0, e))
    x = _select_where(large, lax.mul(x, _like(2, x)), x)
    e = _select_where(lax.gt(e, _like(0, e)), lax.sub(e, _like(1, e)), e)
    product = lax.mul(x, lax.pow(_like(2, e), e))
    special = lax.bitwise_or(jnp.isinf(x1), lax.eq(x1, _like(0, x1)))
    return _select_where(special, x1, product)


def spacing(x, /):
    """The distance to the next larger number in magnitude, with the sign of x.

    Args:
        x: array or scalar, not complex.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.spacing(jnp.array([1.0, 2.0]))
        Array([1.1920929e-07, 2.3841858e-07], dtype=float32)
    """
    (x,) = promote_args_inexact("spacing", x)
    if is_complex(x):
        raise ValueError("jnp.spacing is not defined for complex inputs.")
    dtype = dtype_of(x)
    inf = literal(np.inf, dtype)
    if dtype == np.dtype("float16"):
        return lax.sub(lax.nextafter(x, inf), x)
    step = lax.sub(lax.nextafter(x, jnp.copysign(inf, x)), x)
    least = literal(dtypes.finfo(dtype).smallest_subnormal, dtype)
    return lax.select(lax.eq(step, _like(0, step)), jnp.copysign(least, x), step)


# --- integers -------------------------------------------------------------------------


def _two_integers(name, x1, x2):
    x1, x2 = promote_dtypes(*ensure_arraylike(name, x1, x2))
    if not is_kind(x1, np.integer):
        raise ValueError(f"Arguments to jax.numpy.{name} must be integers.")
    return x1, x2


@jit
def gcd(x1, x2):
    """The greatest common divisor, elementwise. ValueError unless both are integers.

    Args:
        x1: array or scalar of integers.
        x2: array or scalar of integers.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.gcd(jnp.array([12, 7]), 8)
        Array([4, 1], dtype=int32)
    """
    x1, x2 = jnp.broadcast_arrays(*_two_integers("gcd", x1, x2))

    def unfinished(pair):
        return jnp.any(lax.ne(pair[1], _like(0, pair[1])))

    def step(pair):
        a, b = pair
        left = where_inline(lax.ne(b, _like(0, b)), b, a)
        right = where_inline(lax.ne(b, _like(0, b)), lax.rem(a, b), constant_like(0, b))
        larger = where_inline(lax.lt(left, right), right, left)
        return larger, where_inline(lax.lt(left, right), left, right)

    return lax.while_loop(unfinished, step, (jnp.abs(x1), jnp.abs(x2)))[0]


@jit
def lcm(x1, x2):
    """The least common multiple, elementwise. ValueError unless both are integers.

    Args:
        x1: array or scalar of integers.
        x2: array or scalar of integers.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.lcm(jnp.array([4, 6]), 6)
        Array([12,  6], dtype=int32)
    """
    x1, x2 = _two_integers("lcm", x1, x2)
    x1, x2 = jnp.abs(x1), jnp.abs(x2)
    d = gcd(x1, x2)
    is_zero = lax.eq(d, _like(0, d))
    quotient = jnp.floor_divide(x2, d)
    product = lax.mul(*jnp.broadcast_arrays(x1, quotient))
    return where_inline(is_zero, constant_like(0, d), product)


# --- phases ---------------------------------------------------------------------------


@jit(static_argnames=("axis",))
def unwrap(p, discont=None, axis=-1, period=2 * math.pi):
    """`p` with jumps of more than `discont` (half a period) replaced by their
    complements.

    Args:
        p: array.
        discont: jumps above this are replaced; half a period by default.
        axis: along which.
        period: of the values.

    Returns:
        An array of the shape of `p`.

    Examples:
        >>> jnp.unwrap(jnp.array([0, 3, 1]), period=4)
        Array([ 0, -1, -3], dtype=int32)
    """
    p, period = promote_dtypes(*ensure_arraylike("unwrap", p, period))
    p = asarray(p)
    if is_complex(p):
        raise ValueError("jnp.unwrap does not support complex inputs.")
    if not p.shape[axis]:
        return p
    two = constant_like(2, period)
    if discont is None:
        discont = jnp.true_divide(period, two)
    integers = is_kind(p, np.integer)
    half = (jnp.floor_divide if integers else jnp.true_divide)(period, two)
    steps = jnp.diff(p, axis=axis)
    wrapped = jnp.mod(steps + half, period) - half
    wrapped = _where((wrapped == -half) & (steps > 0), half, wrapped)
    correction = _where(jnp.abs(steps) < discont, 0, wrapped - steps)
    first = lax.slice_in_dim(p, 0, 1, axis=axis)
    rest = lax.slice_in_dim(p, 1, None, axis=axis)
    rest = jnp.add(rest, jnp.cumsum(correction, axis=axis))
    return jnp.concatenate((first, rest), axis=axis)


__all__ = ["frexp", "gcd", "i0", "lcm", "ldexp", "logaddexp", "logaddexp2", "sinc", "spacing",
           "unwrap"]  # fmt: skip

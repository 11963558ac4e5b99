"""reduce_precision: floats rounded to fewer bits, in their own dtype."""

import operator

import numpy as np

from minijax import dtypes
from minijax.ops.arithmetic import add
from minijax.ops.bitcast import bitcast_convert_type
from minijax.ops.bits import bitwise_and, bitwise_or, shift_right_logical
from minijax.ops.comparison import gt, le
from minijax.ops.define import (
    FLOAT,
    check_dtype,
    constant_like,
    define,
    linear_jvp,
    select,
    unary_batch,
)


def reduce_precision(operand, exponent_bits, mantissa_bits):
    """`operand` rounded to what a float with so many exponent and mantissa bits can
    hold.

    Rounds to nearest, ties to even; what is too large becomes infinite, what is too
    small to be normal zero.
    """
    return reduce_precision_p.bind(
        operand,
        exponent_bits=operator.index(exponent_bits),
        mantissa_bits=operator.index(mantissa_bits),
    )


def _reduce_precision_shape(x, *, exponent_bits, mantissa_bits):
    check_dtype("reduce_precision", FLOAT, x.dtype)
    if exponent_bits < 1:
        raise ValueError(
            f"reduce_precision: exponent_bits must be positive; got {exponent_bits}"
        )
    if mantissa_bits < 0:
        raise ValueError(
            f"reduce_precision: mantissa_bits must be non-negative; got {mantissa_bits}"
        )
    return x


def _float_layout(dtype):
    """(exponent bits, mantissa bits) of a float dtype."""
    info = dtypes.finfo(dtype)
    return info.bits - 1 - info.nmant, info.nmant


def _reduce_precision_reference(x, *, exponent_bits, mantissa_bits):
    """By the value's own exponent: scale, round to even, scale back."""
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(np.where(np.isfinite(wide), wide, 0))
        step = exponent - 1 - min(mantissa_bits, _float_layout(x.dtype)[1])
        rounded = np.ldexp(np.rint(np.ldexp(wide, -step)), step)
        rounded = np.where(np.isfinite(wide), rounded, wide)
        if exponent_bits < _float_layout(x.dtype)[0]:
            bias = 2 ** (exponent_bits - 1) - 1
            zero, infinity = np.copysign(0.0, wide), np.copysign(np.inf, wide)
            rounded = np.where(abs(rounded) >= 2.0 ** (bias + 1), infinity, rounded)
            rounded = np.where(abs(rounded) < 2.0 ** (1 - bias), zero, rounded)
        return np.where(np.isnan(wide), np.nan, rounded).astype(x.dtype)


def _round_mantissa(bits, dropped):
    """Round away the lowest `dropped` bits of a float's bits, to nearest and even."""
    last = shift_right_logical(bits, constant_like(dropped, bits))
    odd = bitwise_and(last, constant_like(1, bits))
    half_less = constant_like((1 << (dropped - 1)) - 1, bits)
    keep = constant_like(
        ~((1 << dropped) - 1) & (2 ** (8 * bits.dtype.itemsize) - 1), bits
    )
    return bitwise_and(add(bits, add(odd, half_less)), keep)


def _reduce_precision_bits(x, exponent_bits, mantissa_bits):
    """The op in terms of the float's bits, as XLA expands it."""
    have_exponent, have_mantissa = _float_layout(x.dtype)
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    bits = original = bitcast_convert_type(x, unsigned)
    if mantissa_bits < have_mantissa:
        bits = _round_mantissa(bits, have_mantissa - mantissa_bits)
    if exponent_bits < have_exponent:
        bits = _clamp_exponent(bits, exponent_bits, have_exponent, have_mantissa)
    rounded = bitcast_convert_type(bits, x.dtype)
    infinite = constant_like(((1 << have_exponent) - 1) << have_mantissa, original)
    sign_off = constant_like((1 << (have_exponent + have_mantissa)) - 1, original)
    is_nan = gt(bitwise_and(original, sign_off), infinite)
    return select(is_nan, x, rounded)


def _clamp_exponent(bits, exponent_bits, have_exponent, have_mantissa):
    bias, have_bias = (1 << (exponent_bits - 1)) - 1, (1 << (have_exponent - 1)) - 1
    sign_bit = constant_like(1 << (have_exponent + have_mantissa), bits)
    infinity = constant_like(((1 << have_exponent) - 1) << have_mantissa, bits)
    exponent = bitwise_and(bits, infinity)
    sign = bitwise_and(bits, sign_bit)
    too_large = gt(exponent, constant_like((have_bias + bias) << have_mantissa, bits))
    too_small = le(exponent, constant_like((have_bias - bias) << have_mantissa, bits))
    bits = select(too_large, bitwise_or(sign, infinity), bits)
    return select(too_small, sign, bits)


def _reduce_precision_lower(b, ins, out_avals, *, exponent_bits, mantissa_bits):
    def expand(x):
        return [_reduce_precision_bits(x, exponent_bits, mantissa_bits)]

    return b.lower_fun(expand, ins, out_avals)


reduce_precision_p = define(
    "reduce_precision",
    shape=_reduce_precision_shape,
    reference=_reduce_precision_reference,
    jvp=linear_jvp(lambda: reduce_precision_p),
    transpose=lambda ct, x, **params: [reduce_precision_p.bind(ct, **params)],
    batch=unary_batch(lambda: reduce_precision_p),
    lower=_reduce_precision_lower,
)

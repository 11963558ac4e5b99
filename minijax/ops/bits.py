"""Bitwise logic, counts of bits, and shifts."""

import numpy as np

from minijax import dtypes
from minijax.ops.define import (
    BITS,
    INT,
    NONDIFFERENTIABLE,
    constant_like,
    convert,
    nary,
    unary,
)


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


def _zero_extended(x):
    """Integers of fewer than 8 bits as uint8, their sign taken for a bit."""
    x, bits = convert(x, np.uint8), dtypes.itemsize_bits(x.dtype)
    return bitwise_and(x, constant_like((1 << bits) - 1, x))


def _sign_extended(x):
    """Integers of fewer than 8 bits as int8, their highest bit taken for a sign."""
    x, unused = convert(x, np.int8), 8 - dtypes.itemsize_bits(x.dtype)
    unused = constant_like(unused, x)
    return shift_right_arithmetic(shift_left(x, unused), unused)


def population_count(x):
    """The number of set bits."""
    return population_count_p.bind(x)


population_count_p = unary(
    "population_count",
    INT,
    lambda x: np.bitwise_count(x.view(f"u{x.itemsize}")).astype(x.dtype),
    NONDIFFERENTIABLE,
)


population_count_p.narrow = lambda x: convert(
    population_count(_zero_extended(x)), x.dtype
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


def _clz_narrow(x):
    """The code at the top of a byte, ones below it."""
    code, unused = _zero_extended(x), 8 - dtypes.itemsize_bits(x.dtype)
    code = shift_left(code, constant_like(unused, code))
    code = bitwise_or(code, constant_like((1 << unused) - 1, code))
    return convert(clz(code), x.dtype)


clz_p.narrow = _clz_narrow


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
shift_right_logical_p.narrow = lambda x, y: convert(
    shift_right_logical(_zero_extended(x), _zero_extended(y)), x.dtype
)
shift_right_arithmetic_p = nary(
    "shift_right_arithmetic",
    INT,
    lambda x, y: _shift_reference(np.right_shift, True, True)(
        x.view(f"i{x.itemsize}"), y
    ).view(x.dtype),
    NONDIFFERENTIABLE,
)
shift_right_arithmetic_p.narrow = lambda x, y: convert(
    shift_right_arithmetic(_sign_extended(x), convert(_zero_extended(y), np.int8)),
    x.dtype,
)

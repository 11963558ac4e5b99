"""Comparisons in a total order: -NaN < -inf < ... < -0 < +0 < ... < inf < NaN."""

import numpy as np

from minijax.core import ShapedArray
from minijax.ops.bits import bitwise_and, bitwise_xor, shift_right_arithmetic
from minijax.ops.comparison import eq, le, lt
from minijax.ops.convert import bitcast_convert_type
from minijax.ops.define import (
    FLOAT,
    NONDIFFERENTIABLE,
    REAL,
    accepts,
    bool_result,
    dtype_of,
    nary,
)


def eq_to(x, y):
    """x == y in the total order: NaN equals itself, -0 and +0 differ."""
    return eq_to_p.bind(x, y)


def le_to(x, y):
    """x <= y in the total order."""
    return le_to_p.bind(x, y)


def lt_to(x, y):
    """x < y in the total order."""
    return lt_to_p.bind(x, y)


def _ordered_bits(x):
    """Integers that compare as floats do in the total order."""
    if not accepts(FLOAT, dtype_of(x)):
        return x
    width = 8 * dtype_of(x).itemsize
    integer = np.dtype(f"int{width}")
    bits = bitcast_convert_type(x, integer)
    sign = shift_right_arithmetic(bits, integer.type(width - 1))
    flip = bitwise_and(sign, integer.type(2 ** (width - 1) - 1))
    return bitwise_xor(bits, flip)


def _reference(compare):
    def reference(x, y):
        return compare(_ordered_numpy(x), _ordered_numpy(y))

    return reference


def _ordered_numpy(x):
    if x.dtype.kind in "biu":
        return x
    integer = np.dtype(f"int{8 * x.dtype.itemsize}")
    bits = np.ascontiguousarray(x).view(integer).reshape(x.shape)
    return np.where(bits < 0, bits ^ integer.type(np.iinfo(integer).max), bits)


def _total(name, compare, op):
    primitive = nary(
        name,
        REAL,
        _reference(compare),
        NONDIFFERENTIABLE,
        result=bool_result,
    )

    def lower(b, ins, out_avals):
        avals = [ShapedArray(view.shape, view.dtype) for view in ins]
        return b.lower_fun(
            lambda x, y: [op(_ordered_bits(x), _ordered_bits(y))], ins, avals
        )

    primitive.lower = lower
    return primitive


eq_to_p = _total("eq_to", np.equal, eq)
le_to_p = _total("le_to", np.less_equal, le)
lt_to_p = _total("lt_to", np.less, lt)

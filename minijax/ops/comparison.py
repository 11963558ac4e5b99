"""Extrema, comparisons and neighbouring floats."""

import ml_dtypes
import numpy as np

from minijax.core import ShapedArray
from minijax.dtypes import ExtendedDType, itemsize_bits, prng_key, storage_dtype
from minijax.ops.arithmetic import add, div, mul, sub
from minijax.ops.bits import bitwise_and, bitwise_or
from minijax.ops.define import (
    ANY,
    BOOL,
    FLOAT,
    NONDIFFERENTIABLE,
    REAL,
    bitcast,
    bool_result,
    constant_like,
    convert,
    full,
    in_aval,
    nary,
    no_derivative,
    select,
)


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
    return nary(name, kinds, reference, NONDIFFERENTIABLE, result=bool_result)


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


def _compare_words(primitive, combine):
    """Keys are equal if their words are, also where those of 128 bits, which are held as
    complex numbers, would be NaN or zeros of both signs.
    """
    on_numbers = primitive.lower
    whole = np.dtype(np.complex128)

    def is_wide(aval):
        return (
            isinstance(aval.dtype, ExtendedDType) and storage_dtype(aval.dtype) == whole
        )

    def lower(b, ins, out_avals):
        if not is_wide(b.eqn.invars[0].aval):
            return on_numbers(b, ins, out_avals)
        found = []
        for part in ("real", "imag"):
            halves = [
                b.ewise(part, [x], ShapedArray(x.shape, np.dtype(np.float64)))
                for x in ins
            ]
            words = [x.reinterpret(np.uint64) for x in halves]
            found.append(b.ewise(primitive.name, words, out_avals[0]))
        return [b.ewise(combine, found, out_avals[0])]

    def typed_reference(avals, x, y):
        if not is_wide(avals[0]):
            return primitive.reference(x, y)
        x, y = (np.array(v)[..., None].view(np.uint64) for v in (x, y))
        compared = primitive.reference(x, y)
        return compared.all(-1) if combine == "and" else compared.any(-1)

    primitive.lower, primitive.typed_reference = lower, typed_reference


_compare_words(eq_p, "and")
_compare_words(ne_p, "or")

lt_p = _comparison("lt", REAL + BOOL, np.less)
le_p = _comparison("le", REAL + BOOL, np.less_equal)
gt_p = _comparison("gt", REAL + BOOL, np.greater)
ge_p = _comparison("ge", REAL + BOOL, np.greater_equal)


def nextafter(x1, x2):
    """The next float after x1 in the direction of x2."""
    return nextafter_p.bind(x1, x2)


nextafter_p = nary(
    "nextafter",
    FLOAT,
    lambda x, y: np.where(x == y, y, np.nextafter(x, y)),
    no_derivative("nextafter"),
)


def _nextafter_narrow(x, y):
    """On the codes, whose highest bit is taken for a sign."""
    bits = itemsize_bits(x.dtype)
    whole = np.dtype(np.uint8 if bits == 8 else ml_dtypes.uint4)
    a, b = (convert(bitcast(v, whole), np.uint8) for v in (x, y))
    one, sign = constant_like(1, a), constant_like(1 << (bits - 1), a)
    positive = eq(bitwise_and(a, sign), constant_like(0, a))
    grows = eq(lt(x, y), positive)
    code = select(grows, add(a, one), sub(a, one))
    size = bitwise_and(a, constant_like((1 << (bits - 1)) - 1, a))
    smallest = bitwise_or(bitwise_and(b, sign), one)
    code = select(eq(size, constant_like(0, a)), smallest, code)
    code = select(eq(x, y), b, code)
    code = select(ne(y, y), b, code)
    code = select(ne(x, x), a, code)
    return bitcast(convert(code, whole), x.dtype)


nextafter_p.narrow = _nextafter_narrow

"""jnp's arithmetic, extremes, divisions and powers: functions of one or two arrays."""

import numpy as np

from minijax import dtypes, lax
from minijax.array import ArrayImpl
from minijax.control.call import jit
from minijax.numpy.binary import (
    ANY,
    FLOATS,
    INEXACT,
    NUMBERS,
    bool_or_number,
    direct_binary,
    promoting,
)
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    BOOL,
    broadcast_shapes,
    broadcast_to,
    constant_like,
    dtype_of,
    ensure_arraylike,
    is_complex,
    is_kind,
    literal,
    operand_like,
    promote_args_inexact,
    promote_args_numeric,
    promote_shapes,
    result_dtype,
    shape_of,
)
from minijax.numpy.ufunc_api import ufunc
from minijax.ops import arithmetic, comparison, exponential

# --- arithmetic -----------------------------------------------------------------------


@direct_binary(
    arithmetic.add_p, NUMBERS, bool_or_number("add", lax.bitwise_or, lax.add)
)
def _add(x, y, /):
    """x + y, elementwise; logical or for booleans.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.add(jnp.array([1, 2]), 3)
        Array([4, 5], dtype=int32)
        >>> jnp.add.reduce(jnp.array([1, 2, 3]))
        Array(6, dtype=int32)
    """


@direct_binary(arithmetic.sub_p, NUMBERS, promoting("subtract", lax.sub))
def _subtract(x, y, /):
    """x - y, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.subtract(jnp.array([1, 2]), 3)
        Array([-2, -1], dtype=int32)
    """


_multiply_numbers = bool_or_number("multiply", lax.bitwise_and, lax.mul)
_mask = jit(_multiply_numbers, inline=True)


def _multiply_slow(x, y):
    """Of a number and a bool as one program, which chooses rather than multiplies."""
    masks = [getattr(operand, "dtype", None) == BOOL for operand in (x, y)]
    return (_mask if masks[0] != masks[1] else _multiply_numbers)(x, y)


@direct_binary(arithmetic.mul_p, NUMBERS, _multiply_slow)
def _multiply(x, y, /):
    """x * y, elementwise; logical and for booleans.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.multiply(jnp.array([1, 2]), 3)
        Array([3, 6], dtype=int32)
    """


_divide_slow = promoting("true_divide", lax.div, promote_args_inexact)


@direct_binary(arithmetic.div_p, INEXACT, _divide_slow)
def true_divide(x, y, /):
    """x / y, elementwise, in floating point.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.divide(jnp.array([1, 2]), 4)
        Array([0.25, 0.5 ], dtype=float32)
    """


divide = true_divide


@direct_binary(comparison.max_p, ANY, promoting("maximum", lax.max))
def _maximum(x, y, /):
    """The larger of x and y, elementwise; NaN where either is.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.maximum(jnp.array([1, 5]), 3)
        Array([3, 5], dtype=int32)
    """


@direct_binary(comparison.min_p, ANY, promoting("minimum", lax.min))
def _minimum(x, y, /):
    """The smaller of x and y, elementwise; NaN where either is.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.minimum(jnp.array([1, 5]), 3)
        Array([1, 3], dtype=int32)
    """


@direct_binary(
    comparison.nextafter_p,
    frozenset(FLOATS),
    promoting("nextafter", lax.nextafter, promote_args_inexact),
)
def nextafter(x, y, /):
    """The next floating point number after x toward y, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.nextafter(1.0, 2.0)
        Array(1.0000001, dtype=float32, weak_type=True)
    """


@direct_binary(
    exponential.pow_p, INEXACT, promoting("float_power", lax.pow, promote_args_inexact)
)
def float_power(x, y, /):
    """x raised to the power y, elementwise, in floating point.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of the broadcast shape, in floating point.

    Examples:
        >>> jnp.float_power(jnp.array([2, 3]), 2)
        Array([4., 9.], dtype=float32)
    """


def _negative(x, /):
    """-x, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.negative(jnp.array([1, -2]))
        Array([-1,  2], dtype=int32)
    """
    (x,) = ensure_arraylike("negative", x)
    return lax.neg(x)


def positive(x, /):
    """x itself, as an array.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.positive(jnp.array([1, -2]))
        Array([ 1, -2], dtype=int32)
    """
    (x,) = ensure_arraylike("positive", x)
    return asarray(x)


def absolute(x, /):
    """|x|, elementwise; the modulus of complex numbers.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`; a real one for complex numbers.

    Examples:
        >>> jnp.absolute(jnp.array([-1, 2]))
        Array([1, 2], dtype=int32)
        >>> jnp.absolute(jnp.array([3 + 4j]))
        Array([5.], dtype=float32)
    """
    (x,) = ensure_arraylike("absolute", x)
    if dtype_of(x).kind in "bu":
        return asarray(x)
    return lax.abs(x)


abs = absolute


def fabs(x, /):
    """|x|, elementwise, in floating point. TypeError for complex x.

    Args:
        x: array or scalar, not complex.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.fabs(jnp.array([-1, 2]))
        Array([1., 2.], dtype=float32)
    """
    (x,) = promote_args_inexact("fabs", x)
    if is_complex(x):
        raise TypeError("ufunc 'fabs' does not support complex dtypes")
    return lax.abs(x)


def sign(x, /):
    """-1, 0 or 1 by the sign of x; x / |x| for complex x.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.sign(jnp.array([-3.0, 0.0, 2.0]))
        Array([-1.,  0.,  1.], dtype=float32)
    """
    (x,) = ensure_arraylike("sign", x)
    return lax.sign(x)


def square(x, /):
    """x * x, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.square(jnp.array([1, -2]))
        Array([1, 4], dtype=int32)
    """
    return lax.square(*promote_args_numeric("square", x))


def reciprocal(x, /):
    """1 / x, elementwise, in floating point.

    Args:
        x: array or scalar.

    Returns:
        An array of the shape of `x`, in floating point.

    Examples:
        >>> jnp.reciprocal(jnp.array([2.0, 4.0]))
        Array([0.5 , 0.25], dtype=float32)
    """
    return lax.integer_pow(*promote_args_inexact("reciprocal", x), -1)


def _float_quotient_and_remainder(x, y):
    """Floor division and modulus of floats, from the truncated remainder.

    The quotient is rounded, since (x - rem) / y may miss its integer by a last bit.
    """
    zero = operand_like(0, x)
    rem = lax.rem(x, y)
    quotient = lax.div(_select_where(lax.eq(y, zero), x, lax.sub(x, rem)), y)
    off = lax.bitwise_and(lax.ne(rem, zero), lax.ne(lax.sign(y), lax.sign(rem)))
    modulus = _select_where(off, lax.add(rem, y), rem)
    below = lax.sub(quotient, operand_like(1, x))
    quotient = _select_where(off, below, quotient)
    return lax.round(quotient), modulus


def _select_where(which, on_true, on_false):
    """`select_n` with the operands broadcast to the common shape where they differ."""
    shapes = [shape_of(x) for x in (which, on_true, on_false)]
    shape = broadcast_shapes(*shapes)
    if which.shape:
        which = broadcast_to(which, shape)
    return lax.select(
        which, broadcast_to(on_true, shape), broadcast_to(on_false, shape)
    )


@jit
def floor_divide(x1, x2, /):
    """x1 / x2 rounded down, elementwise. TypeError for complex operands.

    Args:
        x1: array or scalar, not complex.
        x2: array or scalar, not complex.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.floor_divide(jnp.array([7, -7]), 2)
        Array([ 3, -4], dtype=int32)
    """
    x1, x2 = promote_args_numeric("floor_divide", x1, x2)
    dtype = dtype_of(x1)
    if dtypes.issubdtype(dtype, np.unsignedinteger):
        return lax.div(x1, x2)
    if dtypes.issubdtype(dtype, np.integer):
        quotient = lax.div(x1, x2)
        signs_differ = lax.ne(lax.sign(x1), lax.sign(x2))
        inexact = lax.ne(lax.rem(x1, x2), operand_like(0, x1))
        off = lax.bitwise_and(signs_differ, inexact)
        below = lax.sub(quotient, operand_like(1, quotient))
        return _select_where(off, below, quotient)
    if dtype.kind == "c":
        raise TypeError("floor_divide does not support complex-valued inputs")
    return _float_quotient_and_remainder(x1, x2)[0]


def _nonzero_divisor(x):
    """`x` with 1 in place of each 0."""
    is_zero = lax.eq(x, literal(0, dtype_of(x)))
    return lax.select(is_zero, lax.full_like(x, 1), x)


@jit
def remainder(x1, x2, /):
    """x1 modulo x2 with the sign of x2, elementwise; x modulo 0 is 0 for integers.

    Args:
        x1: array or scalar, not complex.
        x2: array or scalar, not complex.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.remainder(jnp.array([7, -7]), 3)
        Array([1, 2], dtype=int32)
    """
    x1, x2 = promote_args_numeric("remainder", x1, x2)
    zero = literal(0, dtype_of(x1))
    if is_kind(x2, np.integer):
        x2 = _nonzero_divisor(x2)
    rem = lax.rem(x1, x2)
    nonzero = lax.ne(rem, zero)
    signs_differ = lax.ne(lax.lt(rem, zero), lax.lt(x2, zero))
    return _select_where(lax.bitwise_and(signs_differ, nonzero), lax.add(rem, x2), rem)


mod = remainder


@jit
def fmod(x1, x2, /):
    """The remainder of x1 / x2 with the sign of x1, elementwise.

    Args:
        x1: array or scalar, not complex.
        x2: array or scalar, not complex.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.fmod(jnp.array([7, -7]), 3)
        Array([ 1, -1], dtype=int32)
    """
    x1, x2 = ensure_arraylike("fmod", x1, x2)
    if dtypes.issubdtype(result_dtype(x1, x2)[0], np.integer):
        x2 = _nonzero_divisor(x2)
    return lax.rem(*promote_args_numeric("fmod", x1, x2))


@jit
def divmod(x1, x2, /):
    """(floor_divide(x1, x2), remainder(x1, x2)).

    Args:
        x1: array or scalar, not complex.
        x2: array or scalar, not complex.

    Returns:
        A pair of arrays of the broadcast shape.

    Examples:
        >>> jnp.divmod(jnp.array([7, -7]), 3)
        (Array([ 2, -3], dtype=int32), Array([1, 2], dtype=int32))
    """
    x1, x2 = promote_args_numeric("divmod", x1, x2)
    if is_kind(x1, np.integer):
        return floor_divide(x1, x2), remainder(x1, x2)
    return _float_quotient_and_remainder(x1, x2)


def power(x1, x2, /):
    """x1 raised to the power x2, elementwise.

    TypeError for negative static powers of integers.

    Args:
        x1: array or scalar.
        x2: array or scalar.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.power(jnp.array([2, 3]), 2)
        Array([4, 9], dtype=int32)
        >>> jnp.power(2.0, jnp.array([0.5, -1.0]))
        Array([1.4142135, 0.5      ], dtype=float32)
    """
    x1, x2 = ensure_arraylike("power", x1, x2)
    if is_integer_scalar(x2):
        x2 = x2._value[()]
    elif isinstance(x2, np.ndarray) and not x2.ndim:
        x2 = x2[()]
    if isinstance(x2, (int, np.integer)):
        (x1,) = promote_args_numeric("power", x1)
        return lax.integer_pow(x1, int(x2))
    return _power(x1, x2)


pow = power


def is_integer_scalar(x):
    """Whether `x` is one integer in an array without axes, known by its value."""
    return isinstance(x, ArrayImpl) and not x.shape and is_kind(x, np.integer)


def _power(x1, x2):
    if is_kind(x1, np.inexact) and dtype_of(x2).kind in "iu":  # not of narrow ones
        x1, x2 = promote_shapes("power", x1, x2)
        result_dtype(x1, x2)  # refuses the pair where promotion is strict
        return lax.pow(x1, x2)
    x1, x2 = promote_args_numeric("power", x1, x2)
    if is_kind(x1, np.integer):
        return _integer_power(x1, x2)
    return lax.pow(x1, x2)


def _integer_power(x, y):
    """Powers of integers by squaring; six bits of the exponent are enough to overflow."""
    zero, one = constant_like(0, x), constant_like(1, x)
    shape = broadcast_shapes(shape_of(x), shape_of(y))
    vanishes = lax.bitwise_and(lax.eq(x, zero), lax.ne(y, zero))
    first = [literal(n, dtype_of(x)) for n in (0, 1)]  # the result is never weak
    acc = lax.select(vanishes, *[broadcast_to(n, shape) for n in first])
    for _ in range(6):
        odd = lax.bitwise_and(y, one)
        product = lax.mul(acc, x)
        acc = _select_where(lax.ne(odd, zero), product, acc)
        x = lax.mul(x, x)
        y = lax.shift_right_logical(y, one)
    return acc


# --- ufunc objects --------------------------------------------------------------------

add = ufunc(_add, identity=0, reduce="sum", accumulate="cumsum", at="add")
subtract = ufunc(_subtract, at="subtract")
multiply = ufunc(_multiply, identity=1, reduce="prod", accumulate="cumprod", at="mul")
negative = ufunc(_negative, nin=1)
maximum = ufunc(_maximum, reduce="max", at="max")
minimum = ufunc(_minimum, reduce="min", at="min")

"""jnp's elementwise logic, of truth values and of bits."""

import numpy as np

from minijax import lax
from minijax.control.call import jit
from minijax.numpy.binary import INTS, direct_binary, promoting
from minijax.numpy.promotion import (
    BOOL,
    constant_like,
    convert,
    dtype_of,
    ensure_arraylike,
    is_kind,
    literal,
    promote_args,
    promote_args_numeric,
    shape_of,
)
from minijax.numpy.ufunc_api import ufunc
from minijax.numpy.ufuncs import absolute
from minijax.ops import bits

# --- logic and bits -------------------------------------------------------------------


def as_bool(x):
    """`x` for booleans, else x != 0."""
    if dtype_of(x) == BOOL:
        return x
    if shape_of(x):
        return lax.ne(x, literal(0, dtype_of(x)))
    return lax.ne(x, constant_like(0, x))


def _logical(name, op):
    def logical(x, y):
        x, y = promote_args(name, x, y)
        return op(as_bool(x), as_bool(y))

    return logical


_BOOLS = frozenset([BOOL])
_BITS = frozenset([BOOL, *INTS])


@direct_binary(bits.and_p, _BOOLS, _logical("logical_and", lax.bitwise_and))
def _logical_and(x, y, /):
    """Whether both x and y are nonzero, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.logical_and(jnp.array([True, False]), True)
        Array([ True, False], dtype=bool)
    """


@direct_binary(bits.or_p, _BOOLS, _logical("logical_or", lax.bitwise_or))
def _logical_or(x, y, /):
    """Whether x or y is nonzero, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.logical_or(jnp.array([True, False]), False)
        Array([ True, False], dtype=bool)
    """


@direct_binary(bits.xor_p, _BOOLS, _logical("logical_xor", lax.bitwise_xor))
def _logical_xor(x, y, /):
    """Whether exactly one of x and y is nonzero, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.logical_xor(jnp.array([True, False]), True)
        Array([False,  True], dtype=bool)
    """


def logical_not(x, /):
    """Whether x is zero, elementwise.

    Args:
        x: array or scalar.

    Returns:
        An array of booleans of the shape of `x`.

    Examples:
        >>> jnp.logical_not(jnp.array([0, 2]))
        Array([ True, False], dtype=bool)
    """
    (x,) = ensure_arraylike("logical_not", x)
    return lax.bitwise_not(as_bool(x))


@direct_binary(bits.and_p, _BITS, promoting("bitwise_and", lax.bitwise_and))
def _bitwise_and(x, y, /):
    """Bits set in both x and y.

    Args:
        x: array or scalar of integers or booleans.
        y: array or scalar of integers or booleans.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.bitwise_and(jnp.array([5, 6]), 3)
        Array([1, 2], dtype=int32)
    """


@direct_binary(bits.or_p, _BITS, promoting("bitwise_or", lax.bitwise_or))
def _bitwise_or(x, y, /):
    """Bits set in x or y.

    Args:
        x: array or scalar of integers or booleans.
        y: array or scalar of integers or booleans.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.bitwise_or(jnp.array([5, 6]), 3)
        Array([7, 7], dtype=int32)
    """


@direct_binary(bits.xor_p, _BITS, promoting("bitwise_xor", lax.bitwise_xor))
def _bitwise_xor(x, y, /):
    """Bits set in exactly one of x and y.

    Args:
        x: array or scalar of integers or booleans.
        y: array or scalar of integers or booleans.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.bitwise_xor(jnp.array([5, 6]), 3)
        Array([6, 5], dtype=int32)
    """


def bitwise_not(x, /):
    """Every bit inverted; logical not for booleans.

    Args:
        x: array or scalar of integers or booleans.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.bitwise_not(jnp.array([0, 5]))
        Array([-1, -6], dtype=int32)
    """
    (x,) = ensure_arraylike("bitwise_not", x)
    return lax.bitwise_not(x)


invert = bitwise_invert = bitwise_not


def left_shift(x, y, /):
    """x << y, elementwise.

    Args:
        x: array or scalar of integers.
        y: array or scalar of integers: how far.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.left_shift(jnp.array([1, 2]), 3)
        Array([ 8, 16], dtype=int32)
    """
    return lax.shift_left(*promote_args_numeric("left_shift", x, y))


bitwise_left_shift = left_shift


def right_shift(x1, x2, /):
    """x1 >> x2, elementwise, with the sign kept for signed integers.

    Args:
        x1: array or scalar of integers.
        x2: array or scalar of integers: how far.

    Returns:
        An array of the broadcast shape, in the promoted dtype.

    Examples:
        >>> jnp.right_shift(jnp.array([8, -8]), 2)
        Array([ 2, -2], dtype=int32)
    """
    x1, x2 = promote_args_numeric("right_shift", x1, x2)
    if is_kind(x1, np.unsignedinteger):
        return lax.shift_right_logical(x1, x2)
    return lax.shift_right_arithmetic(x1, x2)


bitwise_right_shift = right_shift


@jit
def bitwise_count(x, /):
    """The number of bits set in |x|, as uint8.

    Args:
        x: array or scalar of integers.

    Returns:
        An array of uint8 of the shape of `x`.

    Examples:
        >>> jnp.bitwise_count(jnp.array([0, 7, 8]))
        Array([0, 3, 1], dtype=uint8)
    """
    (x,) = promote_args_numeric("bitwise_count", x)
    return convert(lax.population_count(absolute(x)), np.dtype("uint8"))


logical_and = ufunc(_logical_and, identity=True, reduce="_reduce_logical_and")
logical_or = ufunc(_logical_or, identity=False, reduce="_reduce_logical_or")
logical_xor = ufunc(_logical_xor, identity=False, reduce="_reduce_logical_xor")
bitwise_and = ufunc(_bitwise_and, identity=-1, reduce="_reduce_bitwise_and")
bitwise_or = ufunc(_bitwise_or, identity=0, reduce="_reduce_bitwise_or")
bitwise_xor = ufunc(_bitwise_xor, identity=0, reduce="_reduce_bitwise_xor")

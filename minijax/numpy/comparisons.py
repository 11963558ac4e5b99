"""jnp's comparisons."""

from minijax import lax
from minijax.numpy.binary import ANY, REAL, direct_binary, promoting
from minijax.numpy.promotion import BOOL, dtype_of, promote_args
from minijax.ops import comparison

# --- comparisons --------------------------------------------------------------------


def _ordering(name, op):
    """The general way of comparisons; complex numbers compare lexicographically."""

    def slow(x, y):
        x, y = promote_args(name, x, y)
        if dtype_of(x).kind != "c":
            return op(x, y)
        same = lax.eq(lax.real(x), lax.real(y))
        by_imag = op(lax.imag(x), lax.imag(y))
        return lax.select(same, by_imag, op(lax.real(x), lax.real(y)))

    return slow


_ORDERED = REAL | {BOOL}


@direct_binary(comparison.eq_p, ANY, promoting("equal", lax.eq))
def equal(x, y, /):
    """x == y, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.equal(jnp.array([1, 2]), 2)
        Array([False,  True], dtype=bool)
    """


@direct_binary(comparison.ne_p, ANY, promoting("not_equal", lax.ne))
def not_equal(x, y, /):
    """x != y, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.not_equal(jnp.array([1, 2]), 2)
        Array([ True, False], dtype=bool)
    """


@direct_binary(comparison.lt_p, _ORDERED, _ordering("less", lax.lt))
def less(x, y, /):
    """x < y, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.less(jnp.array([1, 2, 3]), 2)
        Array([ True, False, False], dtype=bool)
    """


@direct_binary(comparison.le_p, _ORDERED, _ordering("less_equal", lax.le))
def less_equal(x, y, /):
    """x <= y, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.less_equal(jnp.array([1, 2, 3]), 2)
        Array([ True,  True, False], dtype=bool)
    """


@direct_binary(comparison.gt_p, _ORDERED, _ordering("greater", lax.gt))
def greater(x, y, /):
    """x > y, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.greater(jnp.array([1, 2, 3]), 2)
        Array([False, False,  True], dtype=bool)
    """


@direct_binary(comparison.ge_p, _ORDERED, _ordering("greater_equal", lax.ge))
def greater_equal(x, y, /):
    """x >= y, elementwise.

    Args:
        x: array or scalar.
        y: array or scalar.

    Returns:
        An array of booleans of the broadcast shape.

    Examples:
        >>> jnp.greater_equal(jnp.array([1, 2, 3]), 2)
        Array([False,  True,  True], dtype=bool)
    """

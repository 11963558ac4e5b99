"""jnp's reductions: sums, products, extrema, truth, and what means are made of."""

import math
import operator
from typing import Any

import numpy as np

from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.logic import as_bool
from minijax.numpy.promotion import (
    BOOL,
    INT32,
    canonical_axis,
    concrete_or_error,
    convert,
    dtype_of,
    ensure_arraylike,
    is_complex,
    is_kind,
    shape_of,
    user_dtype,
)
from minijax.numpy.selection import where_inline

_HALF = frozenset([np.dtype("float16"), np.dtype(dtypes.bfloat16)])
_F32 = np.dtype("float32")


def _no_out(name, out):
    if out is not None:
        raise NotImplementedError(f"The 'out' argument to jnp.{name} is not supported.")


def _static_axes(axis) -> Any:
    """None, one axis or a tuple of axes; some may be names of mapped axes."""
    axis = _known(axis)
    if axis is None:
        return None
    try:
        return operator.index(axis)
    except TypeError:
        return tuple([i if isinstance(i, str) else _static(i) for i in axis])


def reduction_axes(axis, rank):
    """(positions counted from 0, names of mapped axes)."""
    axis = _static_axes(axis)
    if axis is None:
        return tuple(range(rank)), ()
    if type(axis) is int:
        return (canonical_axis(axis, rank),), ()
    names = tuple([i for i in axis if isinstance(i, str)])
    positions = tuple([canonical_axis(i, rank) for i in axis if type(i) is int])
    if len({*positions, *names}) != len(axis):
        raise ValueError(f"duplicate value in 'axis': {axis}")
    return positions, names


def reduction_size(a, axis):
    """The number of elements that are reduced to one."""
    axis = _static_axes(axis)
    if axis is None:
        return a.size
    axis = axis if isinstance(axis, tuple) else (axis,)
    return math.prod(
        [lax.axis_size(i) if isinstance(i, str) else a.shape[i] for i in axis]
    )


def _known(axis):
    return concrete_or_error(None, axis, "axis argument to a jnp reduction")


def _static(axis):
    return operator.index(_known(axis))


def _promoted_integer(dtype):
    """Sums of small integers are taken in the default integer type, signed or not."""
    if dtype == BOOL:
        return dtypes.python_scalar_dtype(int)
    default = dtypes.python_scalar_dtype(int)
    if dtype.kind == "u" and dtype.itemsize < default.itemsize:
        return np.dtype(f"uint{8 * default.itemsize}")
    if dtype.kind == "i" and dtype.itemsize < default.itemsize:
        return default
    return dtype


def check_where(name, where):
    """ValueError if a mask is not boolean."""
    if where is not None:
        (where,) = ensure_arraylike(name, where)
        if dtype_of(where) != BOOL:
            raise ValueError(
                f"jnp.{name}: where must be None or a boolean array; got "
                f"where.dtype={dtype_of(where)!r}."
            )


def _mask(a, where, value):
    """`a` with `value` where the mask does not hold."""
    shape = shape_of(a)
    fill = lax.full_like(a, value)
    if shape or shape_of(where):
        return where_inline(where, a, fill)
    return lax.select(where, a, fill)


def _reduce(name, a, op, axis, keepdims, where, identity, out, initial=None,
            combine: Any = None, compute=None, result=None,
            collective: Any = None):  # fmt: skip
    """A reduction by the lax function `op` of an operand and axes.

    compute, result: the dtypes it is taken and given in; combine: what joins `initial`
    to it; identity: what masked elements become; collective: `op` for mapped axes.
    """
    _no_out(name, out)
    check_where(name, where)
    a = asarray(a)
    axes, names = reduction_axes(axis, a.ndim)
    if names and collective is None:
        raise NotImplementedError(f"Named reductions not implemented for jnp.{name}()")
    if a.dtype != compute or a.weak_type:
        a = convert(a, compute)
    if where is not None:
        a = _mask(a, where, identity)
    value = collective(a, axes + names) if names else op(a, axes)
    if result != compute:
        value = convert(value, result)
    if initial is not None:
        initial = convert(initial, result)
        if shape_of(initial):
            raise ValueError(
                "initial value must be a scalar. Got array of shape "
                f"{shape_of(initial)}"
            )
        value = combine(initial, value)
    return lax.expand_dims(value, axes) if keepdims else value


# --- sums and products ----------------------------------------------------------------


def _sum_dtypes(name, a, dtype, promote_integers):
    """(dtype to add in, dtype of the result)."""
    dtype = user_dtype(dtype, name)
    result = dtype_of(a) if dtype is None else dtype
    if dtype is None and promote_integers:
        result = _promoted_integer(result)
    elif dtype is None and result == BOOL:
        result = INT32
    if name == "sum" and result == BOOL:
        return result, result
    return (_F32 if dtype is None and result in _HALF else result), result


def _add_up(name, op, combine, identity, a, axis, dtype, out, keepdims, initial, where,
            promote_integers):  # fmt: skip
    (a,) = ensure_arraylike(name, a)
    check_where(name, where)
    compute, result = _sum_dtypes(name, a, dtype, promote_integers)
    if dtype_of(a) == BOOL != result:
        a = convert(a, dtypes.python_scalar_dtype(int))
    if result == BOOL:
        op = lax.reduce_or if name == "sum" else lax.reduce_and
        combine = lax.bitwise_or if name == "sum" else lax.bitwise_and
    return _reduce(
        name,
        a,
        op,
        axis,
        keepdims,
        where,
        identity,
        out,
        initial,
        combine,
        compute,
        result,
        lax.psum if name == "sum" else None,
    )


def sum(
    a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None,
    promote_integers=True,
):  # fmt: skip
    """The sum of elements along axes (None: all).

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to add in and to give; small integers are widened by default.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        initial: added to the sum.
        where: booleans that broadcast to `a`: which elements count.
        promote_integers: whether small integers are widened.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.sum(jnp.array([[1, 2], [3, 4]]))
        Array(10, dtype=int32)
        >>> jnp.sum(jnp.array([[1, 2], [3, 4]]), axis=0)
        Array([4, 6], dtype=int32)
    """
    return _add_up("sum", lax.reduce_sum, lax.add, 0, a, axis, dtype, out, keepdims,
                   initial, where, promote_integers)  # fmt: skip


def prod(
    a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None,
    promote_integers=True,
):  # fmt: skip
    """The product of elements along axes (None: all); arguments as for `sum`.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to multiply in and to give; small integers are widened by default.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        initial: multiplied with the product.
        where: booleans that broadcast to `a`: which elements count.
        promote_integers: whether small integers are widened.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.prod(jnp.array([2, 3, 4]))
        Array(24, dtype=int32)
    """
    return _add_up("prod", lax.reduce_prod, lax.mul, 1, a, axis, dtype, out, keepdims,
                   initial, where, promote_integers)  # fmt: skip


# --- extrema and truth ----------------------------------------------------------------


def _extremum(name, op, combine, a, axis, out, keepdims, initial, where):
    (a,) = ensure_arraylike(name, a)
    a = asarray(a)
    check_where(name, where)
    axes, _ = reduction_axes(axis, a.ndim)
    if initial is None:
        if where is not None:
            raise ValueError(
                f"reduction operation {name} does not have an identity, so to use a "
                "where "
                "mask one has to specify 'initial'"
            )
        if 0 in [a.shape[i] for i in axes]:
            raise ValueError(
                f"zero-size array to reduction operation {name} which has no identity"
            )
    worst = _worst(name, a.dtype) if where is not None else None
    collective = lax.pmax if name == "max" else lax.pmin
    return _reduce(name, a, op, axis, keepdims, where, worst, out, initial, combine,
                   a.dtype, a.dtype, collective)  # fmt: skip


def _worst(name, dtype):
    """The least element of `max`, the greatest of `min`: what masked elements become."""
    least = name == "max"
    if dtype == BOOL:
        return not least
    if dtypes.issubdtype(dtype, np.integer):
        info = dtypes.iinfo(dtype)
        return int(info.min if least else info.max)
    return -np.inf if least else np.inf


def max(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """The largest element along axes (None: all); NaN if there is one.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        initial: a lower bound of the result, required with `where` and for empty
            arrays.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.max(jnp.array([[1, 5], [3, 4]]), axis=1)
        Array([5, 4], dtype=int32)
    """
    return _extremum(
        "max", lax.reduce_max, lax.max, a, axis, out, keepdims, initial, where
    )


def min(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """The smallest element along axes (None: all); NaN if there is one.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        initial: an upper bound of the result, required with `where` and for empty
            arrays.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.min(jnp.array([[1, 5], [3, 4]]), axis=1)
        Array([1, 3], dtype=int32)
    """
    return _extremum(
        "min", lax.reduce_min, lax.min, a, axis, out, keepdims, initial, where
    )


amax, amin = max, min


def all(a, axis=None, out=None, keepdims=False, *, where=None):
    """Whether all elements along axes are nonzero.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array of booleans without the reduced axes.

    Examples:
        >>> jnp.all(jnp.array([[True, True], [True, False]]), axis=1)
        Array([ True, False], dtype=bool)
    """
    (a,) = ensure_arraylike("all", a)
    if is_complex(a):
        a = lax.real(a)  # as JAX converts complex numbers here
    return _reduce("all", a, lax.reduce_and, axis, keepdims, where, True, out,
                   compute=BOOL, result=BOOL)  # fmt: skip


def any(a, axis=None, out=None, keepdims=False, *, where=None):
    """Whether any element along axes is nonzero.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array of booleans without the reduced axes.

    Examples:
        >>> jnp.any(jnp.array([[False, False], [True, False]]), axis=1)
        Array([False,  True], dtype=bool)
    """
    (a,) = ensure_arraylike("any", a)
    if is_complex(a):
        a = lax.real(a)
    return _reduce("any", a, lax.reduce_or, axis, keepdims, where, False, out,
                   compute=BOOL, result=BOOL)  # fmt: skip


def ptp(a, axis=None, out=None, keepdims=False):
    """The largest minus the smallest element along axes.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.ptp(jnp.array([1, 5, 3]))
        Array(4, dtype=int32)
    """
    (a,) = ensure_arraylike("ptp", a)
    _no_out("ptp", out)
    return _ptp(a, _static_axes(axis), keepdims)


@jit(static_argnames=("axis", "keepdims"))
def _ptp(a, axis, keepdims):
    return lax.sub(max(a, axis, keepdims=keepdims), min(a, axis, keepdims=keepdims))


@jit(static_argnames=("axis", "keepdims"))
def count_nonzero(a, axis=None, keepdims=False):
    """The number of nonzero elements along axes.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array of integers without the reduced axes.

    Examples:
        >>> jnp.count_nonzero(jnp.array([[0, 1], [2, 3]]), axis=1)
        Array([1, 2], dtype=int32)
    """
    (a,) = ensure_arraylike("count_nonzero", a)
    return sum(as_bool(asarray(a)), axis, dtype=int, keepdims=keepdims)


def _reduce_logical(name, op, combine, identity):
    def reduce(a, axis=None, keepdims=False, where=None, initial=None, dtype=None):
        a = as_bool(asarray(a))
        initial = None if initial is None else as_bool(asarray(initial))
        return _reduce(name, a, op, axis, keepdims, where, identity, None, initial,
                       combine, BOOL, BOOL)  # fmt: skip

    return reduce


_reduce_logical_and = _reduce_logical(
    "logical_and", lax.reduce_and, lax.bitwise_and, True
)
_reduce_logical_or = _reduce_logical("logical_or", lax.reduce_or, lax.bitwise_or, False)
_reduce_logical_xor = _reduce_logical(
    "logical_xor", lax.reduce_xor, lax.bitwise_xor, False
)


def _reduce_bits(name, op, combine, identity):
    def reduce(a, axis=None, keepdims=False, where=None, initial=None, dtype=None):
        if not (is_kind(a, np.integer) or is_kind(a, np.bool_)):
            raise ValueError(f"integer argument required; got dtype={dtype_of(a)}")
        a = asarray(a, dtype)
        return _reduce(name, a, op, axis, keepdims, where, identity, None, initial,
                       combine, a.dtype, a.dtype)  # fmt: skip

    return reduce


_reduce_bitwise_and = _reduce_bits("bitwise_and", lax.reduce_and, lax.bitwise_and, -1)
_reduce_bitwise_or = _reduce_bits("bitwise_or", lax.reduce_or, lax.bitwise_or, 0)
_reduce_bitwise_xor = _reduce_bits("bitwise_xor", lax.reduce_xor, lax.bitwise_xor, 0)

# --- places of extrema ----------------------------------------------------------------


def _arg_extremum(name, op, a, axis, out, keepdims):
    (a,) = ensure_arraylike(name, a)
    _no_out(name, out)
    a = asarray(a)
    rank = a.ndim
    if axis is None:
        place, a = 0, lax.reshape(a, (a.size,)) if rank != 1 else a
    else:
        place = _static(axis)
    if not a.shape[place]:
        raise ValueError(f"attempt to get {name} of an empty sequence")
    place = canonical_axis(place, a.ndim)
    index = op(a, place, dtypes.python_scalar_dtype(int))
    if not keepdims:
        return index
    return lax.expand_dims(index, range(rank) if axis is None else (place,))


def argmax(a, axis=None, out=None, keepdims=None):
    """The index of the first largest element (or NaN) along an axis (None: of all).

    Args:
        a: array.
        axis: along which to look; None for the flattened array.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array of integers without the axis.

    Examples:
        >>> jnp.argmax(jnp.array([1, 5, 3]))
        Array(1, dtype=int32)
    """
    return _arg_extremum("argmax", lax.argmax, a, axis, out, keepdims)


def argmin(a, axis=None, out=None, keepdims=None):
    """The index of the first smallest element (or NaN) along an axis (None: of all).

    Args:
        a: array.
        axis: along which to look; None for the flattened array.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array of integers without the axis.

    Examples:
        >>> jnp.argmin(jnp.array([1, 5, 0]))
        Array(2, dtype=int32)
    """
    return _arg_extremum("argmin", lax.argmin, a, axis, out, keepdims)

"""jnp's reductions that ignore NaN."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.moments import _mean_dtypes, _variance_dtypes
from minijax.numpy.promotion import (
    convert,
    ensure_arraylike,
    is_complex,
    is_kind,
    literal,
    user_dtype,
)
from minijax.numpy.reductions import _no_out, _static, check_where
from minijax.numpy.selection import _where, where_inline


def _ignoring(name, reduction, fill, a, axis, out, keepdims, initial, where, **options):
    """`reduction` with NaN replaced by `fill`; NaN where every element is NaN, if
    asked.
    """
    (a,) = ensure_arraylike(name, a)
    _no_out(name, out)
    check_where(name, where)
    options = {
        "axis": axis,
        "keepdims": keepdims,
        "initial": initial,
        "where": where,
        **options,
    }
    nan_if_empty = options.pop("nan_if_empty", False)
    if not is_kind(a, np.inexact):
        return reduction(a, **options)
    clean = where_inline(lax.ne(a, a), lax.full_like(a, fill), a)
    value = reduction(clean, **options)
    if not nan_if_empty or initial is not None:
        return value
    every = jnp.all(lax.ne(a, a), axis=axis, keepdims=keepdims)
    return where_inline(every, literal(np.nan, value.dtype), value)


_STATICS = ("axis", "keepdims")


@jit(static_argnames=_STATICS)
def nanmax(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """`max` of the elements that are not NaN; NaN where there are none.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        initial: a lower bound of the result, required with `where`.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.nanmax(jnp.array([1.0, jnp.nan, 3.0]))
        Array(3., dtype=float32)
    """
    return _ignoring("nanmax", jnp.max, -np.inf, a, axis, out, keepdims, initial, where,
                     nan_if_empty=True)  # fmt: skip


@jit(static_argnames=_STATICS)
def nanmin(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """`min` of the elements that are not NaN; NaN where there are none.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        initial: an upper bound of the result, required with `where`.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.nanmin(jnp.array([1.0, jnp.nan, 3.0]))
        Array(1., dtype=float32)
    """
    return _ignoring("nanmin", jnp.min, np.inf, a, axis, out, keepdims, initial, where,
                     nan_if_empty=True)  # fmt: skip


@jit(static_argnames=("axis", "dtype", "keepdims"))
def nansum(
    a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None
):
    """`sum` with NaN counted as 0.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to add in and to give.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        initial: added to the sum.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.nansum(jnp.array([1.0, jnp.nan, 3.0]))
        Array(4., dtype=float32)
    """
    return _ignoring("nansum", jnp.sum, 0, a, axis, out, keepdims, initial, where,
                     dtype=user_dtype(dtype, "nansum"))  # fmt: skip


@jit(static_argnames=("axis", "dtype", "keepdims"))
def nanprod(
    a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None
):
    """`prod` with NaN counted as 1.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to multiply in and to give.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        initial: multiplied with the product.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.nanprod(jnp.array([2.0, jnp.nan, 3.0]))
        Array(6., dtype=float32)
    """
    return _ignoring("nanprod", jnp.prod, 1, a, axis, out, keepdims, initial, where,
                     dtype=user_dtype(dtype, "nanprod"))  # fmt: skip


@jit(static_argnames=("axis", "dtype", "keepdims"))
def nanmean(a, axis=None, dtype=None, out=None, keepdims=False, where=None):
    """`mean` of the elements that are not NaN.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to compute in and to give.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array without the reduced axes, in floating point.

    Examples:
        >>> jnp.nanmean(jnp.array([1.0, jnp.nan, 3.0]))
        Array(2., dtype=float32)
    """
    (a,) = ensure_arraylike("nanmean", a)
    _no_out("nanmean", out)
    dtype = user_dtype(dtype, "nanmean")
    check_where("nanmean", where)
    if not is_kind(a, np.inexact):
        return jnp.mean(a, axis, dtype, None, keepdims, where=where)
    compute, result = _mean_dtypes(dtype, a)
    present = lax.bitwise_not(lax.ne(a, a))
    count = jnp.sum(present, axis, dtype=compute, keepdims=keepdims, where=where)
    total = nansum(a, axis, dtype=compute, keepdims=keepdims, where=where)
    return convert(lax.div(total, count), result)


@jit(static_argnames=("axis", "dtype", "keepdims"))
def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, where=None,
           mean=None):  # fmt: skip
    """`var` of the elements that are not NaN; NaN where they are not more than `ddof`.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to compute in and to give.
        out: must be None: results are new arrays.
        ddof: what to subtract from the number of elements in the divisor.
        keepdims: whether reduced axes stay, with size 1.
        where: booleans that broadcast to `a`: which elements count.
        mean: the mean along these axes, with axes of size 1, where it is known.

    Returns:
        An array without the reduced axes, in floating point.

    Examples:
        >>> jnp.nanvar(jnp.array([1.0, jnp.nan, 3.0]))
        Array(1., dtype=float32)
    """
    (a,) = ensure_arraylike("nanvar", a)
    _no_out("nanvar", out)
    check_where("nanvar", where)
    dtype = user_dtype(dtype, "nanvar")
    compute, result = _variance_dtypes(dtype, a)
    a = convert(a, compute)
    if mean is None:
        mean = nanmean(a, axis, dtype=compute, keepdims=True, where=where)
    missing = lax.ne(a, a)
    centered = _where(missing, 0, lax.sub(a, convert(asarray(mean), compute)))
    if is_complex(centered):
        centered = lax.real(lax.mul(centered, lax.conj(centered)))
    else:
        centered = lax.square(centered)
    present = lax.bitwise_not(lax.ne(a, a))
    count = jnp.sum(present, axis, keepdims=keepdims, where=where)
    count = jnp.subtract(count, ddof)
    too_few = lax.le(count, literal(0, count.dtype))
    total = jnp.sum(centered, axis, keepdims=keepdims, where=where)
    total = _where(too_few, np.nan, total)
    divisor = _where(too_few, 1, count)
    return convert(lax.div(total, convert(divisor, total.dtype)), result)


@jit(static_argnames=("axis", "dtype", "keepdims"))
def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, where=None,
           mean=None):  # fmt: skip
    """`std` of the elements that are not NaN.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to compute in and to give.
        out: must be None: results are new arrays.
        ddof: what to subtract from the number of elements in the divisor.
        keepdims: whether reduced axes stay, with size 1.
        where: booleans that broadcast to `a`: which elements count.
        mean: the mean along these axes, with axes of size 1, where it is known.

    Returns:
        An array without the reduced axes, in floating point.

    Examples:
        >>> jnp.nanstd(jnp.array([1.0, jnp.nan, 3.0]))
        Array(1., dtype=float32)
    """
    (a,) = ensure_arraylike("nanstd", a)
    _no_out("nanstd", out)
    check_where("nanstd", where)
    return lax.sqrt(
        nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean)
    )


def _arg(name, function, a, axis, out, keepdims):
    (a,) = ensure_arraylike(name, a)
    _no_out(name, out)
    axis = None if axis is None else _static(axis)
    return function(a, axis=axis, keepdims=bool(keepdims))


@jit(static_argnames=("axis", "keepdims"))
def _nanargmax(a, axis, keepdims):
    return _nan_arg(a, jnp.argmax, -np.inf, axis, keepdims)


@jit(static_argnames=("axis", "keepdims"))
def _nanargmin(a, axis, keepdims):
    return _nan_arg(a, jnp.argmin, np.inf, axis, keepdims)


def _nan_arg(a, function, worst, axis, keepdims):
    if not is_kind(a, np.inexact):
        return function(a, axis=axis, keepdims=keepdims)
    missing = lax.ne(a, a)
    a = _where(missing, worst, a)
    index = function(a, axis=axis, keepdims=keepdims)
    nothing = jnp.all(missing, axis=axis, keepdims=keepdims)
    return _where(nothing, -1, index)


def nanargmax(a, axis=None, out=None, keepdims=None):
    """`argmax` of the elements that are not NaN; -1 where there are none.

    Args:
        a: array.
        axis: along which to look; None for the flattened array.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array of integers without the axis.

    Examples:
        >>> jnp.nanargmax(jnp.array([1.0, jnp.nan, 3.0]))
        Array(2, dtype=int32)
    """
    return _arg("nanargmax", _nanargmax, a, axis, out, keepdims)


def nanargmin(a, axis=None, out=None, keepdims=None):
    """`argmin` of the elements that are not NaN; -1 where there are none.

    Args:
        a: array.
        axis: along which to look; None for the flattened array.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array of integers without the axis.

    Examples:
        >>> jnp.nanargmin(jnp.array([jnp.nan, 1.0, 3.0]))
        Array(1, dtype=int32)
    """
    return _arg("nanargmin", _nanargmin, a, axis, out, keepdims)


__all__ = ["nanargmax", "nanargmin", "nanmax", "nanmean", "nanmin", "nanprod",
           "nanstd", "nansum", "nanvar"]  # fmt: skip

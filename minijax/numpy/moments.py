"""jnp's means, variances and standard deviations."""

import numpy as np

from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    broadcast_to,
    canonical_axes,
    convert,
    dtype_of,
    ensure_arraylike,
    inexact_dtype,
    is_complex,
    literal,
    user_dtype,
)
from minijax.numpy.reductions import (
    _F32,
    _HALF,
    _no_out,
    _reduce,
    _static_axes,
    check_where,
    reduction_size,
    sum,
)
from minijax.numpy.selection import _where

# --- means and variances --------------------------------------------------------------


def _mean_dtypes(dtype, a):
    """(dtype to compute in, dtype of the result): half precision is added in float32."""
    result = inexact_dtype(dtype_of(a)) if dtype is None else dtype
    if dtype is None and result in _HALF:
        return _F32, result
    return result, result


def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    """The mean of elements along axes (None: all), in floating point.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to compute in and to give.
        out: must be None: results are new arrays.
        keepdims: whether reduced axes stay, with size 1.
        where: booleans that broadcast to `a`: which elements count.

    Returns:
        An array without the reduced axes.

    Examples:
        >>> jnp.mean(jnp.array([[1, 2], [3, 5]]), axis=1)
        Array([1.5, 4. ], dtype=float32)
    """
    (a,) = ensure_arraylike("mean", a)
    _no_out("mean", out)
    return _mean(asarray(a), axis, user_dtype(dtype, "mean"), keepdims, where)


def _mean(a, axis, dtype, keepdims, where):
    check_where("mean", where)
    compute, result = _mean_dtypes(dtype, a)
    if where is None:
        count = literal(reduction_size(a, axis), compute)
    else:
        count = sum(
            broadcast_to(where, a.shape), axis, dtype=compute, keepdims=keepdims
        )
    value = _reduce("mean", a, lax.reduce_sum, axis, keepdims, where, 0, None,
                    compute=compute, result=compute, collective=lax.psum)  # fmt: skip
    return convert(lax.div(value, count), result)


def average(a, axis=None, weights=None, returned=False, keepdims=False):
    """The weighted mean of elements along an axis; with `returned`, and the sum of
    weights.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        weights: of the shape of `a`, or of its axis; equal if None.
        returned: whether to give the sum of weights, too.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes, or a pair of them.

    Examples:
        >>> jnp.average(jnp.array([1.0, 2.0]), weights=jnp.array([3.0, 1.0]))
        Array(1.25, dtype=float32)
    """
    (a,) = ensure_arraylike("average", a)
    a = asarray(a)
    if axis is not None:
        axis = canonical_axes(axis, a.ndim, distinct=True)
    if weights is None:
        value = mean(a, axis=axis, keepdims=keepdims)
        if not returned:
            return value
        return value, lax.full_like(value, reduction_size(a, axis))
    a, weights = ensure_arraylike("average", a, weights)
    dtype = inexact_dtype(dtypes.result_type(a, weights))
    a, weights = convert(a, dtype), convert(weights, dtype)
    if a.shape != weights.shape:
        weights = _spread_weights(a, weights, axis)
    total = sum(weights, axis, keepdims=keepdims)
    value = lax.div(sum(lax.mul(a, weights), axis, keepdims=keepdims), total)
    if not returned:
        return value
    return value, broadcast_to(total, value.shape)


def _spread_weights(a, weights, axis):
    if axis is None:
        raise ValueError("Axis must be specified when shapes of a and weights differ.")
    if weights.shape != tuple([a.shape[i] for i in axis]):
        raise ValueError(
            "Shape of weights must be consistent with shape of a along specified axis."
        )
    if len(axis) > 1:
        weights = lax.transpose(weights, sorted(range(len(axis)), key=axis.__getitem__))
    return lax.broadcast_in_dim(weights, a.shape, sorted(axis))


def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None,
        mean=None, correction=None):  # fmt: skip
    """The variance of elements along axes (None: all).

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to compute in and to give.
        out: must be None: results are new arrays.
        ddof: what to subtract from the number of elements in the divisor.
        keepdims: whether reduced axes stay, with size 1.
        where: booleans that broadcast to `a`: which elements count.
        mean: the mean along these axes, with axes of size 1, where it is known.
        correction: the same as `ddof`, by the name that the array API has.

    Returns:
        An array without the reduced axes, in floating point.

    Examples:
        >>> jnp.var(jnp.array([1, 2, 3, 4]))
        Array(1.25, dtype=float32)
    """
    (a,) = ensure_arraylike("var", a)
    _no_out("var", out)
    ddof = _degrees_of_freedom(ddof, correction)
    return _var(
        a, _static_axes(axis), user_dtype(dtype, "var"), ddof, keepdims, where, mean
    )


def _degrees_of_freedom(ddof, correction):
    if correction is None:
        return ddof
    if not isinstance(ddof, int) or ddof != 0:
        raise ValueError("ddof and correction can't be provided simultaneously.")
    return correction


def _variance_dtypes(dtype, a):
    """(dtype to compute in, dtype of the result).  ValueError for a real `dtype` of
    complex `a`.
    """
    found = dtype_of(a)
    if dtype is not None:
        if dtypes.issubdtype(found, np.complexfloating) and dtype.kind != "c":
            raise ValueError(
                "jax.numpy.var does not yet support real dtype parameters when "
                "computing "
                "the variance of an array of complex values. The semantics of "
                "numpy.var "
                "seem unclear in this case. Please comment on "
                "https://github.com/jax-ml/jax/issues/2283 if this behavior is "
                "important "
                "to you."
            )
        return _F32 if dtype in _HALF else dtype, dtype
    result = inexact_dtype(found)
    compute = _F32 if result in _HALF else result
    if result.kind == "c":
        result = np.dtype(f"float{4 * result.itemsize}")
    return compute, result


@jit(static_argnames=("axis", "dtype", "keepdims"))
def _var(a, axis, dtype, ddof, keepdims, where, mean):
    check_where("var", where)
    compute, result = _variance_dtypes(dtype, a)
    a = convert(a, compute)
    if mean is None:
        mean = _mean(a, axis, compute, True, where)
    centered = lax.sub(a, convert(asarray(mean), compute))
    if is_complex(centered):
        centered = lax.real(lax.mul(centered, lax.conj(centered)))
    else:
        centered = lax.square(centered)
    real = dtype_of(centered)
    if where is None:
        count = literal(reduction_size(a, axis), real)
    else:
        count = sum(broadcast_to(where, a.shape), axis, dtype=real, keepdims=keepdims)
    divisor = lax.sub(count, convert(ddof, real))
    total = _reduce("sum", centered, lax.reduce_sum, axis, keepdims, where, 0, None,
                    compute=real, result=real, collective=lax.psum)  # fmt: skip
    value = convert(lax.div(total, divisor), result)
    positive = lax.gt(divisor, literal(0, real))
    return _where(positive, value, np.nan)


def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None,
        mean=None, correction=None):  # fmt: skip
    """The standard deviation of elements along axes: the square root of `var`.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        dtype: to compute in and to give.
        out: must be None: results are new arrays.
        ddof: what to subtract from the number of elements in the divisor.
        keepdims: whether reduced axes stay, with size 1.
        where: booleans that broadcast to `a`: which elements count.
        mean: the mean along these axes, with axes of size 1, where it is known.
        correction: the same as `ddof`, by the name that the array API has.

    Returns:
        An array without the reduced axes, in floating point.

    Examples:
        >>> jnp.std(jnp.array([1.0, 3.0]))
        Array(1., dtype=float32)
    """
    (a,) = ensure_arraylike("std", a)
    _no_out("std", out)
    ddof = _degrees_of_freedom(ddof, correction)
    dtype = user_dtype(dtype, "std")
    if dtype is not None and not dtypes.issubdtype(dtype, np.inexact):
        raise ValueError(f"dtype argument to jnp.std must be inexact; got {dtype}")
    return _std(a, _static_axes(axis), dtype, ddof, keepdims, where, mean)


@jit(static_argnames=("axis", "dtype", "keepdims"))
def _std(a, axis, dtype, ddof, keepdims, where, mean):
    check_where("std", where)
    return lax.sqrt(_var(a, axis, dtype, ddof, keepdims, where, mean))

"""jnp's running sums and products along an axis."""

import numpy as np

from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.logic import as_bool
from minijax.numpy.promotion import (
    BOOL,
    INT32,
    canonical_axis,
    convert,
    ensure_arraylike,
    is_kind,
    literal,
    user_dtype,
)
from minijax.numpy.reductions import _promoted_integer, _static
from minijax.numpy.selection import where_inline

# --- running sums ---------------------------------------------------------------------


def _running(name, op, identity, a, axis, dtype, out, fill_nan=False, promote=False):
    (a,) = ensure_arraylike(name, a)
    if out is not None:
        raise NotImplementedError(f"The 'out' argument to jnp.{name} is not supported")
    dtype = user_dtype(dtype, name)
    a = asarray(a)
    if axis is None or (a.weak_type and not a.ndim):  # a Python number has an axis
        a = lax.reshape(a, (a.size,)) if a.ndim != 1 else a
        axis = axis or 0
    axis = canonical_axis(_static(axis), a.ndim)
    if fill_nan and is_kind(a, np.inexact):
        a = where_inline(lax.ne(a, a), lax.full_like(a, identity), a)
    if dtype is None:
        dtype = a.dtype
        if dtype == BOOL:
            dtype = dtypes.python_scalar_dtype(int)
        elif promote:
            dtype = _promoted_integer(dtype)
    if dtype == BOOL:
        a = as_bool(a)
        return convert(op(convert(a, INT32), axis), BOOL)
    return op(convert(a, dtype), axis)


@jit(static_argnames=("axis", "dtype"))
def cumsum(a, axis=None, dtype=None, out=None):
    """The running sum along an axis (None: of the flattened array).

    Args:
        a: array.
        axis: along which to add; None for the flattened array.
        dtype: to add in and to give.
        out: must be None: results are new arrays.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.cumsum(jnp.array([1, 2, 3]))
        Array([1, 3, 6], dtype=int32)
    """
    return _running("cumsum", lax.cumsum, 0, a, axis, dtype, out)


@jit(static_argnames=("axis", "dtype"))
def cumprod(a, axis=None, dtype=None, out=None):
    """The running product along an axis (None: of the flattened array).

    Args:
        a: array.
        axis: along which to multiply; None for the flattened array.
        dtype: to multiply in and to give.
        out: must be None: results are new arrays.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.cumprod(jnp.array([1, 2, 3]))
        Array([1, 2, 6], dtype=int32)
    """
    return _running("cumprod", lax.cumprod, 1, a, axis, dtype, out)


@jit(static_argnames=("axis", "dtype"))
def nancumsum(a, axis=None, dtype=None, out=None):
    """`cumsum` with NaN counted as 0.

    Args:
        a: array.
        axis: along which to add; None for the flattened array.
        dtype: to add in and to give.
        out: must be None: results are new arrays.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.nancumsum(jnp.array([1.0, jnp.nan, 3.0]))
        Array([1., 1., 4.], dtype=float32)
    """
    return _running("nancumsum", lax.cumsum, 0, a, axis, dtype, out, fill_nan=True)


@jit(static_argnames=("axis", "dtype"))
def nancumprod(a, axis=None, dtype=None, out=None):
    """`cumprod` with NaN counted as 1.

    Args:
        a: array.
        axis: along which to multiply; None for the flattened array.
        dtype: to multiply in and to give.
        out: must be None: results are new arrays.

    Returns:
        An array of the shape of `a`.

    Examples:
        >>> jnp.nancumprod(jnp.array([2.0, jnp.nan, 3.0]))
        Array([2., 2., 6.], dtype=float32)
    """
    return _running("nancumprod", lax.cumprod, 1, a, axis, dtype, out, fill_nan=True)


@jit(static_argnames=("axis", "dtype"))
def _cumsum_with_promotion(a, axis, dtype):
    return _running("cumulative_sum", lax.cumsum, 0, a, axis, dtype, None, promote=True)


def _cumulative(name, op, identity, x, axis, dtype, include_initial, promote=False):
    (x,) = ensure_arraylike(name, x)
    x = asarray(x)
    if not x.ndim:
        what = name.removeprefix("cumulative_").replace("prod", "product")
        raise ValueError(
            f"The input must be non-scalar to take a cumulative {what}, however a "
            "scalar value or scalar array was given."
        )
    if axis is None:
        if x.ndim > 1:
            raise ValueError(
                f"The input array has rank {x.ndim}, however axis was not set to an "
                "explicit value. The axis argument is only optional for "
                "one-dimensional "
                "arrays."
            )
        axis = 0
    axis = canonical_axis(axis, x.ndim)
    if promote:
        out = _cumsum_with_promotion(x, axis, dtype)
    else:
        out = _running(name, op, identity, x, axis, dtype, None)
    if include_initial:
        shape = list(out.shape)
        shape[axis] = 1
        first = lax.full(tuple(shape), literal(identity, out.dtype))
        out = lax.concatenate([first, out], axis)
    return out


def cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    """The running sum along an axis, which only vectors may leave out; with 0 first, if
    asked.

    Args:
        x: array.
        axis: along which to add; vectors may leave it out.
        dtype: to add in and to give.
        include_initial: whether the result begins with 0.

    Returns:
        An array; one longer with the initial 0.

    Examples:
        >>> jnp.cumulative_sum(jnp.array([1, 2, 3]), include_initial=True)
        Array([0, 1, 3, 6], dtype=int32)
    """
    return _cumulative(
        "cumulative_sum", lax.cumsum, 0, x, axis, dtype, include_initial, promote=True
    )


def cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False):
    """The running product along an axis, which only vectors may leave out; with 1
    first, if asked.

    Args:
        x: array.
        axis: along which to multiply; vectors may leave it out.
        dtype: to multiply in and to give.
        include_initial: whether the result begins with 1.

    Returns:
        An array; one longer with the initial 1.

    Examples:
        >>> jnp.cumulative_prod(jnp.array([1, 2, 3]))
        Array([1, 2, 6], dtype=int32)
    """
    return _cumulative(
        "cumulative_prod", lax.cumprod, 1, x, axis, dtype, include_initial
    )

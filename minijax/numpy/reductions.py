"""jnp's reductions: sum, mean, extrema, variance, their NaN-ignoring twins, and running
sums.
"""

import math
import operator
from typing import Any

import numpy as np

from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    BOOL,
    INT32,
    broadcast_to,
    canonical_axes,
    canonical_axis,
    concrete_or_error,
    convert,
    dtype_of,
    ensure_arraylike,
    inexact_dtype,
    is_complex,
    is_kind,
    literal,
    shape_of,
    user_dtype,
)
from minijax.numpy.selection import _where, where_inline
from minijax.numpy.ufuncs import as_bool

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

    dtype: to add in and return; small integers are widened by default. initial: added
    to the sum; where: the elements to take.
    """
    return _add_up("sum", lax.reduce_sum, lax.add, 0, a, axis, dtype, out, keepdims,
                   initial, where, promote_integers)  # fmt: skip


def prod(
    a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None,
    promote_integers=True,
):  # fmt: skip
    """The product of elements along axes (None: all); arguments as for `sum`."""
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

    initial: a lower bound of the result, required with `where` and for empty arrays.
    """
    return _extremum(
        "max", lax.reduce_max, lax.max, a, axis, out, keepdims, initial, where
    )


def min(a, axis=None, out=None, keepdims=False, initial=None, where=None):
    """The smallest element along axes (None: all); NaN if there is one.

    initial: an upper bound of the result, required with `where` and for empty arrays.
    """
    return _extremum(
        "min", lax.reduce_min, lax.min, a, axis, out, keepdims, initial, where
    )


amax, amin = max, min


def all(a, axis=None, out=None, keepdims=False, *, where=None):
    """Whether all elements along axes are nonzero."""
    (a,) = ensure_arraylike("all", a)
    if is_complex(a):
        a = lax.real(a)  # as JAX converts complex numbers here
    return _reduce("all", a, lax.reduce_and, axis, keepdims, where, True, out,
                   compute=BOOL, result=BOOL)  # fmt: skip


def any(a, axis=None, out=None, keepdims=False, *, where=None):
    """Whether any element along axes is nonzero."""
    (a,) = ensure_arraylike("any", a)
    if is_complex(a):
        a = lax.real(a)
    return _reduce("any", a, lax.reduce_or, axis, keepdims, where, False, out,
                   compute=BOOL, result=BOOL)  # fmt: skip


def ptp(a, axis=None, out=None, keepdims=False):
    """The largest minus the smallest element along axes."""
    (a,) = ensure_arraylike("ptp", a)
    _no_out("ptp", out)
    return _ptp(a, _static_axes(axis), keepdims)


@jit(static_argnames=("axis", "keepdims"))
def _ptp(a, axis, keepdims):
    return lax.sub(max(a, axis, keepdims=keepdims), min(a, axis, keepdims=keepdims))


@jit(static_argnames=("axis", "keepdims"))
def count_nonzero(a, axis=None, keepdims=False):
    """The number of nonzero elements along axes."""
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

# --- means and variances --------------------------------------------------------------


def _mean_dtypes(dtype, a):
    """(dtype to compute in, dtype of the result): half precision is added in float32."""
    result = inexact_dtype(dtype_of(a)) if dtype is None else dtype
    if dtype is None and result in _HALF:
        return _F32, result
    return result, result


def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    """The mean of elements along axes (None: all), in floating point."""
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

    weights: of the shape of `a`, or of one axis of it.
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

    ddof (or correction): what is subtracted from the number of elements in the divisor;
    mean: the mean along these axes, kept as axes of size 1, if it is known.
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
        result = inexact_dtype(dtype)
        return _F32 if result in _HALF else result, result
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
    """The standard deviation of elements along axes: the square root of `var`."""
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
    """The index of the first largest element (or NaN) along an axis (None: of all)."""
    return _arg_extremum("argmax", lax.argmax, a, axis, out, keepdims)


def argmin(a, axis=None, out=None, keepdims=None):
    """The index of the first smallest element (or NaN) along an axis (None: of all)."""
    return _arg_extremum("argmin", lax.argmin, a, axis, out, keepdims)


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
    """The running sum along an axis (None: of the flattened array)."""
    return _running("cumsum", lax.cumsum, 0, a, axis, dtype, out)


@jit(static_argnames=("axis", "dtype"))
def cumprod(a, axis=None, dtype=None, out=None):
    """The running product along an axis (None: of the flattened array)."""
    return _running("cumprod", lax.cumprod, 1, a, axis, dtype, out)


@jit(static_argnames=("axis", "dtype"))
def nancumsum(a, axis=None, dtype=None, out=None):
    """`cumsum` with NaN counted as 0."""
    return _running("nancumsum", lax.cumsum, 0, a, axis, dtype, out, fill_nan=True)


@jit(static_argnames=("axis", "dtype"))
def nancumprod(a, axis=None, dtype=None, out=None):
    """`cumprod` with NaN counted as 1."""
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
    """
    return _cumulative(
        "cumulative_sum", lax.cumsum, 0, x, axis, dtype, include_initial, promote=True
    )


def cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False):
    """The running product along an axis, which only vectors may leave out; with 1
    first, if asked.
    """
    return _cumulative(
        "cumulative_prod", lax.cumprod, 1, x, axis, dtype, include_initial
    )

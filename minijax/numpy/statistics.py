"""jnp's order statistics and covariances: quantile, median, cov, corrcoef."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    broadcast_to,
    canonical_axes,
    convert,
    ensure_arraylike,
    inexact_dtype,
    is_complex,
    is_kind,
    literal,
    promote_args_inexact,
    promote_dtypes_inexact,
    shape_of,
    user_dtype,
)
from minijax.numpy.selection import _where
from minijax.ops.gather import GatherDimensionNumbers

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf")
_STATICS = ("axis", "overwrite_input", "method", "keepdims")


def _check(name, out, overwrite_input):
    if overwrite_input or out is not None:
        raise ValueError(
            f"jax.numpy.{name} does not support overwrite_input=True or out != None"
        )


@jit(static_argnames=_STATICS)
def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear",
             keepdims=False, *, weights=None):  # fmt: skip
    """The q-quantiles (0 <= q <= 1) of elements along axes (None: all); NaN if there is
    one.

    Args:
        a: array.
        q: numbers from 0 to 1.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        overwrite_input: must be False.
        method: 'linear', 'lower', 'higher', 'midpoint' or 'nearest': what to give
            between two elements.
        keepdims: whether reduced axes stay, with size 1.
        weights: what each element counts.

    Returns:
        An array with the axes of `q`, then those of `a` that are left.

    Examples:
        >>> jnp.quantile(jnp.array([1.0, 2.0, 4.0]), 0.75)
        Array(3., dtype=float32)
    """
    a, q = ensure_arraylike("quantile", a, q)
    _check("quantile", out, overwrite_input)
    return _quantile(a, q, axis, method, keepdims, False, weights)


@jit(static_argnames=_STATICS)
def nanquantile(a, q, axis=None, out=None, overwrite_input=False, method="linear",
                keepdims=False, *, weights=None):  # fmt: skip
    """`quantile` of the elements that are not NaN.

    Args:
        a: array.
        q: numbers from 0 to 1.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        overwrite_input: must be False.
        method: as for `quantile`.
        keepdims: whether reduced axes stay, with size 1.
        weights: what each element counts.

    Returns:
        An array with the axes of `q`, then those of `a` that are left.

    Examples:
        >>> jnp.nanquantile(jnp.array([1.0, jnp.nan, 3.0]), 0.5)
        Array(2., dtype=float32)
    """
    a, q = ensure_arraylike("nanquantile", a, q)
    _check("nanquantile", out, overwrite_input)
    return _quantile(a, q, axis, method, keepdims, True, weights)


def _percent(q):
    (q,) = promote_dtypes_inexact(q)
    return lax.div(q, literal(100, dtypes.dtype(q), dtypes.is_weakly_typed(q)))


@jit(static_argnames=_STATICS)
def percentile(a, q, axis=None, out=None, overwrite_input=False, method="linear",
               keepdims=False, *, weights=None, out_sharding=None):  # fmt: skip
    """`quantile` with q in percent.

    Args:
        a: array.
        q: numbers from 0 to 100.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        overwrite_input: must be False.
        method: as for `quantile`.
        keepdims: whether reduced axes stay, with size 1.
        weights: what each element counts.
        out_sharding: accepted; there is one device.

    Returns:
        An array with the axes of `q`, then those of `a` that are left.

    Examples:
        >>> jnp.percentile(jnp.array([1.0, 2.0, 4.0]), jnp.array([0, 50]))
        Array([1., 2.], dtype=float32)
    """
    a, q = ensure_arraylike("percentile", a, q)
    return quantile(a, _percent(q), axis=axis, out=out, overwrite_input=overwrite_input,
                    method=method, keepdims=keepdims, weights=weights)  # fmt: skip


@jit(static_argnames=_STATICS)
def nanpercentile(a, q, axis=None, out=None, overwrite_input=False, method="linear",
                  keepdims=False, *, weights=None):  # fmt: skip
    """`nanquantile` with q in percent.

    Args:
        a: array.
        q: numbers from 0 to 100.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        overwrite_input: must be False.
        method: as for `quantile`.
        keepdims: whether reduced axes stay, with size 1.
        weights: what each element counts.

    Returns:
        An array with the axes of `q`, then those of `a` that are left.

    Examples:
        >>> jnp.nanpercentile(jnp.array([1.0, jnp.nan, 3.0]), 50)
        Array(2., dtype=float32)
    """
    a, q = ensure_arraylike("nanpercentile", a, q)
    return nanquantile(a, _percent(q), axis=axis, out=out, overwrite_input=overwrite_input,
                       method=method, keepdims=keepdims, weights=weights)  # fmt: skip


@jit(static_argnames=("axis", "overwrite_input", "keepdims"))
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """The median of elements along axes (None: all).

    Args:
        a: array.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        overwrite_input: must be False.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes, in floating point.

    Examples:
        >>> jnp.median(jnp.array([1, 2, 10, 11]))
        Array(6., dtype=float32)
    """
    (a,) = ensure_arraylike("median", a)
    return quantile(a, 0.5, axis=axis, out=out, overwrite_input=overwrite_input,
                    keepdims=keepdims, method="midpoint")  # fmt: skip


@jit(static_argnames=("axis", "overwrite_input", "keepdims"))
def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """The median of the elements that are not NaN.

    Args:
        a: array.
        axis: one axis, several, or None for all.
        out: must be None: results are new arrays.
        overwrite_input: must be False.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes, in floating point.

    Examples:
        >>> jnp.nanmedian(jnp.array([1.0, jnp.nan, 3.0]))
        Array(2., dtype=float32)
    """
    (a,) = ensure_arraylike("nanmedian", a)
    return nanquantile(a, 0.5, axis=axis, out=out, overwrite_input=overwrite_input,
                       keepdims=keepdims, method="midpoint")  # fmt: skip


def _quantile(a, q, axis, method, keepdims, ignore_nan, weights):
    if method not in _METHODS:
        raise ValueError(
            "method can only be 'linear', 'lower', 'higher', 'midpoint', 'nearest' or "
            "'inverted_cdf'"
        )
    if weights is None:
        (a,) = promote_dtypes_inexact(a)
    else:
        a, weights = _weighted(a, weights, axis, method)
    a = asarray(a)
    if is_complex(a):
        raise ValueError(
            "quantile does not support complex input, as the operation is poorly "
            "defined."
        )
    q = asarray(q)
    if q.ndim > 1:
        raise ValueError(f"q must be have rank <= 1, got shape {shape_of(q)}")
    if weights is not None:
        weights = _one_axis(weights, axis)[0]
    a, axis, kept = _one_axis(a, axis)
    n = a.shape[axis]
    if method == "inverted_cdf":
        result = _inverted_cdf(a, q, weights, axis, ignore_nan)
    else:
        make_parts = _nan_aware_parts if ignore_nan else _plain_parts
        result = _interpolate(method, *make_parts(a, q, axis, n))
    if keepdims and kept:
        result = jnp.reshape(result, (*q.shape, *kept))
    return convert(result, a.dtype)


def _weighted(a, weights, axis, method):
    """The elements and their weights, in one inexact dtype and shape."""
    if is_complex(weights):
        raise ValueError("Weights cannot be complex types.")
    if method != "inverted_cdf":
        raise NotImplementedError(
            f"{method} doesn't support weights. Only method 'inverted_cdf' supports "
            "weights."
        )
    a, weights = promote_dtypes_inexact(a, weights)
    shape = shape_of(a)
    if shape_of(weights) == shape:
        return a, weights
    if axis is None:
        raise ValueError("Weights shape must match 'a' shape when axis is None.")
    axes = canonical_axes(axis, len(shape))
    reduced = tuple([shape[i] for i in axes])
    if shape_of(weights) != reduced:
        raise ValueError(
            f"Weights shape {shape_of(weights)} must match reduction axes {reduced}"
        )
    return a, lax.broadcast_in_dim(weights, shape, axes)


def _inverted_cdf(a, q, weights, axis, ignore_nan):
    """The first of the sorted elements up to which there are `q` of all the weights.

    NaN where a weight is negative or NaN, and where there is no element to count.
    """
    weights = lax.full_like(a, 1) if weights is None else asarray(weights)
    a, weights = lax.sort((a, weights), axis, num_keys=1)
    missing = lax.ne(a, a)
    bad = lax.bitwise_or(
        lax.lt(weights, lax.full_like(weights, 0)), lax.ne(weights, weights)
    )
    clean = lax.select(lax.bitwise_or(bad, missing), lax.full_like(weights, 0), weights)
    sums = jnp.cumsum(clean, axis=axis)
    index = dtypes.python_scalar_dtype(int)
    count = a.shape[axis]
    if ignore_nan:
        present = jnp.sum(lax.bitwise_not(missing), axis, dtype=index, keepdims=True)
    else:
        present = lax.full_like(lax.slice_in_dim(sums, 0, 1, axis=axis), count, index)
    undefined = lax.bitwise_or(
        jnp.any(bad, axis=axis, keepdims=True),
        lax.eq(present, lax.full_like(present, 0)),
    )
    if not ignore_nan:
        undefined = lax.bitwise_or(
            undefined, jnp.any(missing, axis=axis, keepdims=True)
        )
    total = lax.slice_in_dim(sums, count - 1, count, axis=axis)

    def at(level):
        target = lax.mul(convert(level, total.dtype), total)
        below = lax.lt(sums, broadcast_to(target, sums.shape))
        place = jnp.sum(below, axis, dtype=index, keepdims=True)
        place = lax.max(lax.min(place, present - 1), literal(0, index))
        found = _where(undefined, np.nan, jnp.take_along_axis(a, place, axis))
        return lax.squeeze(found, (axis,))

    return jnp.stack([at(level) for level in q]) if q.ndim else at(q)


def _one_axis(a, axis):
    """`a` with the reduced axes merged into one; that axis; the shape with axes of size
    1 kept.
    """
    if axis is None:
        return (jnp.ravel(a) if a.ndim != 1 else a), 0, (1,) * a.ndim
    axes = canonical_axes(axis, a.ndim)
    if len(set(axes)) < len(axes):
        raise ValueError("repeated axis")
    kept = [1 if i in axes else n for i, n in enumerate(a.shape)]
    if len(axes) == 1:
        return a, axes[0], kept
    rest = [i for i in range(a.ndim) if i not in axes]
    a = jnp.transpose(a, [*rest, *axes])
    shape = a.shape[: len(rest)]
    return jnp.reshape(a, (*shape, math.prod(a.shape[len(rest) :]))), len(rest), kept


def _plain_parts(a, q, axis, n):
    """(sorted, low index, high index, their weights); one NaN makes the whole line NaN."""
    missing = jnp.any(lax.ne(a, a), axis=axis, keepdims=True)
    a = _where(missing, np.nan, a)
    a = lax.sort(a, axis)
    dtype = q.dtype
    count, one = literal(n, dtype), literal(1, dtype)
    q = lax.mul(q, lax.sub(count, one))
    low, high = lax.floor(q), lax.ceil(q)
    high_weight = lax.sub(q, low)
    low_weight = lax.sub(one, high_weight)
    low = lax.clamp(literal(0, dtype), low, lax.sub(count, one))
    high = lax.clamp(literal(0, dtype), high, lax.sub(count, one))
    index = dtypes.python_scalar_dtype(int)
    low, high = convert(low, index), convert(high, index)
    picks = [_take_sorted(a, place, axis) for place in (low, high)]
    return (*picks, low_weight, high_weight)


def _take_sorted(a, place, axis):
    """The elements of sorted lines at one place, or at each of a vector of them."""
    place = lax.expand_dims(place, (place.ndim,))
    offset = tuple(range(place.ndim - 1, a.ndim - 1 + place.ndim - 1))
    numbers = GatherDimensionNumbers(offset, (axis,), (axis,))
    sizes = [1 if i == axis else n for i, n in enumerate(a.shape)]
    return lax.gather(a, place, numbers, tuple(sizes))


def _nan_aware_parts(a, q, axis, n):
    """As `_plain_parts`, for the elements that are not NaN, of which each line has its
    own number.
    """
    a = _where(lax.ne(a, a), np.nan, a)
    a = lax.sort(a, axis)
    dtype = q.dtype
    counts = jnp.sum(
        jnp.logical_not(jnp.isnan(a)), axis=axis, dtype=dtype, keepdims=True
    )
    shape = list(a.shape)
    shape[axis] = 1
    lead = (*q.shape, *shape)
    q = lax.broadcast_in_dim(q, lead, tuple(range(q.ndim)))
    zero, one = literal(0, dtype), literal(1, dtype)
    last = lax.sub(
        lax.broadcast_in_dim(counts, lead, tuple(range(len(lead) - a.ndim, len(lead)))),
        one,
    )
    q = lax.mul(q, last)
    low, high = lax.floor(q), lax.ceil(q)
    high_weight = lax.sub(q, low)
    low_weight = lax.sub(one, high_weight)
    low, high = [lax.max(zero, lax.min(x, last)) for x in (low, high)]
    index = dtypes.python_scalar_dtype(int)
    place = len(lead) - a.ndim + axis
    picks = [
        lax.squeeze(_along(a, convert(x, index), axis, len(lead) - a.ndim), (place,))
        for x in (low, high)
    ]
    weights = [lax.squeeze(w, (place,)) for w in (low_weight, high_weight)]
    return (*picks, *weights)


def _along(a, index, axis, n_lead):
    if n_lead:
        rows = [jnp.take_along_axis(a, index[i], axis) for i in range(index.shape[0])]
        return jnp.stack(rows)
    return jnp.take_along_axis(a, index, axis)


def _interpolate(method, low, high, low_weight, high_weight):
    if low_weight.shape != low.shape:
        dims = tuple(range(low_weight.ndim))
        low_weight, high_weight = [
            lax.broadcast_in_dim(w, low.shape, dims) for w in (low_weight, high_weight)
        ]
    if method == "linear":
        dtype = low_weight.dtype
        return lax.add(
            lax.mul(convert(low, dtype), low_weight),
            lax.mul(convert(high, dtype), high_weight),
        )
    if method == "lower":
        return low
    if method == "higher":
        return high
    half = literal(0.5, low.dtype)
    if method == "midpoint":
        return lax.mul(lax.add(low, high), half)
    nearer = lax.le(high_weight, literal(0.5, high_weight.dtype))
    return lax.select(nearer, low, high)


# --- covariance -----------------------------------------------------------------------


@jit(static_argnames=("rowvar", "bias", "ddof", "dtype"))
def cov(
    m,
    y=None,
    rowvar=True,
    bias=False,
    ddof=None,
    fweights=None,
    aweights=None,
    dtype=None,
):
    """The covariance matrix of variables in the rows of `m` (and `y`), or the columns.

    Args:
        m: vector or matrix of observations.
        y: more variables, in the same form.
        rowvar: whether rows are variables, rather than columns.
        bias: whether to divide by the number of observations, rather than one less.
        ddof: what to subtract from that number, in place of `bias`.
        fweights: how often each observation was made.
        aweights: what each observation counts.
        dtype: of the result.

    Returns:
        A matrix, or a scalar for one variable.

    Examples:
        >>> jnp.cov(jnp.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
        Array([[ 1., -1.],
               [-1.,  1.]], dtype=float32)
    """
    if dtype is not None and not dtypes.issubdtype(dtype, np.inexact):
        raise ValueError(
            f"cov: dtype must be a subclass of float or complex; got {dtype=}"
        )
    if y is not None:
        if len(shape_of(m)) != len(shape_of(y)):
            lax.broadcast_shapes(shape_of(m), shape_of(y))
        m, y = promote_args_inexact("cov", m, y)
    m = _variables(m, rowvar, dtype)
    if not m.shape[0]:
        return jnp.zeros((0, 0), dtypes.python_scalar_dtype(float))
    if y is not None:
        m = lax.concatenate([m, _variables(y, rowvar, dtype, keep_row=True)], 0)
    n = m.shape[0]
    if not m.shape[1]:
        return jnp.full(() if n == 1 else (n, n), np.nan, m.dtype)
    if ddof is None:
        ddof = 1 if bias is False or bias == 0 else 0
    w = _observation_weights(fweights, aweights, m.shape[1])
    mean, total = jnp.average(m, axis=1, weights=w, returned=True)
    total = total[0]
    if w is None:
        divisor = m.shape[1] - ddof
    elif ddof == 0:
        divisor = total
    elif aweights is None:
        divisor = total - ddof
    else:
        divisor = total - ddof * jnp.sum(w * jnp.abs(aweights)) / total
    centered = m - mean[:, None]
    other = centered.T if w is None else (centered * w[None]).T
    product = jnp.dot(centered, other.conj())
    return (
        (product / divisor).squeeze() if product.shape == (1, 1) else product / divisor
    )


def _variables(m, rowvar, dtype, keep_row=False):
    (m,) = ensure_arraylike("cov", m)
    dtype = user_dtype(dtype, "cov")
    m = asarray(m)
    if m.ndim > 2:
        raise ValueError("m has more than 2 dimensions")
    m = convert(m, inexact_dtype(m.dtype if dtype is None else dtype))
    is_row = m.ndim != 2 or (keep_row and m.shape[0] == 1)
    m = jnp.atleast_2d(m)
    return m if rowvar or is_row else m.T


def _observation_weights(fweights, aweights, n):
    """The weights of the observations, absolute and multiplied; None without any."""
    w = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        (given,) = ensure_arraylike("cov", given)
        if len(shape_of(given)) != 1:
            raise RuntimeError(f"cannot handle multidimensional {name}")
        if shape_of(given)[0] != n:
            raise RuntimeError(f"incompatible numbers of samples and {name}")
        if name == "fweights" and not is_kind(given, np.integer):
            raise TypeError("fweights must be integer.")
        given = jnp.abs(asarray(given))
        w = given if w is None else w * given
    return w


@jit(static_argnames=("rowvar", "dtype"))
def corrcoef(x, y=None, rowvar=True, dtype=None):
    """The matrix of correlation coefficients, see `cov`.

    Args:
        x: vector or matrix of observations.
        y: more variables, in the same form.
        rowvar: whether rows are variables, rather than columns.
        dtype: of the result.

    Returns:
        A matrix, or a scalar for one variable.

    Examples:
        >>> jnp.corrcoef(jnp.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).round(3)
        Array([[ 1., -1.],
               [-1.,  1.]], dtype=float32)
    """
    (x,) = ensure_arraylike("corrcoef", x)
    if dtype is not None and not dtypes.issubdtype(dtype, np.inexact):
        raise ValueError(
            f"corrcoef: dtype must be a subclass of float or complex; got {dtype=}"
        )
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return lax.div(c, c)
    d = convert(lax.sqrt(jnp.real(jnp.diag(c))), c.dtype)
    c = c / d[:, None] / d[None, :]
    if is_complex(c):
        return lax.complex(jnp.clip(lax.real(c), -1, 1), jnp.clip(lax.imag(c), -1, 1))
    return jnp.clip(c, -1, 1)


__all__ = [
    "corrcoef", "cov", "median", "nanmedian", "nanpercentile",
    "nanquantile", "percentile", "quantile",
]  # fmt: skip

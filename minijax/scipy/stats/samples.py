"""Statistics of samples: the mode, ranks, the standard error of the mean."""

import math
from collections import namedtuple

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    canonical_axis,
    ensure_arraylike,
    promote_args_inexact,
)

ModeResult = namedtuple("ModeResult", ("mode", "count"))


@jit(static_argnames=("axis", "nan_policy", "keepdims"))
def mode(a, axis=0, nan_policy="propagate", keepdims=False):
    """(the most common value along an axis, the least of several; how often it is there).

    axis: None for all elements.  nan_policy: "propagate" only.
    """
    (x,) = ensure_arraylike("mode", a)
    _check_policy(nan_policy, "mode")
    x = jnp.atleast_1d(asarray(x))
    rank = x.ndim
    if axis is not None:
        axis = canonical_axis(axis, x.ndim)
        x = jnp.moveaxis(x, axis, 0)
    shape = x.shape[1:] if axis is not None else ()
    x = (
        x.reshape(x.shape[0], math.prod(x.shape[1:]))
        if axis is not None
        else x.reshape(-1, 1)
    )
    if not x.shape[0]:
        dtype = dtypes.canonicalize_dtype(np.dtype(float))
        shape = shape if not keepdims or axis is None else _with_one(shape, axis)
        nan = jnp.full(shape, np.nan, dtype)
        return ModeResult(nan, jnp.zeros(shape, dtype))
    values, counts = _modes(x)
    values, counts = values.reshape(shape), counts.reshape(shape)
    if keepdims:
        full = (1,) * rank if axis is None else _with_one(shape, axis)
        values, counts = values.reshape(full), counts.reshape(full)
    return ModeResult(values, counts)


def _with_one(shape, axis):
    return (*shape[:axis], 1, *shape[axis:])


def _modes(x):
    """The mode of each column and its count, from runs of the sorted column."""
    x = jnp.sort(x, axis=0)
    differs = (x[1:] != x[:-1]) & ~(jnp.isnan(x[1:]) & jnp.isnan(x[:-1]))
    starts = jnp.concatenate([jnp.ones_like(x[:1], dtype=bool), differs], axis=0)
    place = lax.broadcasted_iota(np.dtype("int32"), x.shape, 0)
    first = lax.cummax(jnp.where(starts, place, 0), axis=0)
    length = place - first + 1
    # the first of the longest runs: argmax of the lengths reached
    best = jnp.argmax(length, axis=0)
    values = jnp.take_along_axis(x, best[None], axis=0)[0]
    counts = jnp.take_along_axis(length, best[None], axis=0)[0]
    return values, counts.astype(int)


def _check_policy(nan_policy, name):
    if nan_policy not in ("propagate", "omit", "raise"):
        raise ValueError(
            f"Illegal nan_policy value {nan_policy!r}; expected one of "
            "{'propagate', 'omit', 'raise'}"
        )
    if nan_policy == "omit":
        raise NotImplementedError(
            f"Logic for `nan_policy` of {nan_policy} is not implemented"
        )
    if nan_policy == "raise":
        raise NotImplementedError(
            f"In order to best JIT compile `{name}`, we cannot know whether `x` contains nans. "
            f"Please check if nans exist in `x` outside of the `{name}` function."
        )


def rankdata(a, method="average", *, axis=None, nan_policy="propagate"):
    """The ranks of values from 1, along an axis or over all of them (None).

    method: what equal values get: "average", "min", "max", "dense" (no gaps) or
    "ordinal" (by place).
    """
    (a,) = ensure_arraylike("rankdata", a)
    _check_policy(nan_policy, "rankdata")
    if method not in ("average", "min", "max", "dense", "ordinal"):
        raise ValueError(f"unknown method '{method}'")
    return _rankdata(asarray(a), axis, method)


@jit(static_argnums=(1, 2))
def _rankdata(a, axis, method):
    if axis is not None:
        return jnp.apply_along_axis(lambda row: _rankdata(row, None, method), axis, a)
    flat = jnp.ravel(a)
    order = jnp.argsort(flat)
    places = lax.iota(order.dtype, order.size)
    inverse = jnp.zeros_like(order).at[order].set(places)
    ranks = _ranks(flat[order], inverse, method).astype(_float())
    return jnp.where(jnp.isnan(flat).any(), np.nan, ranks)


def _ranks(ordered, inverse, method):
    """The ranks of values from their order: `inverse` is the place of each."""
    if method == "ordinal":
        return inverse + 1
    new = jnp.insert(ordered[1:] != ordered[:-1], 0, True)
    dense = new.cumsum()[inverse]
    if method == "dense":
        return dense
    n = ordered.size
    (starts,) = jnp.nonzero(new, size=n + 1, fill_value=n)
    if method == "max":
        return starts[dense]
    if method == "min":
        return starts[dense - 1] + 1
    return 0.5 * (starts[dense] + starts[dense - 1] + 1).astype(_float())


def _float():
    return dtypes.canonicalize_dtype(np.dtype(float))


@jit(static_argnames=("axis", "nan_policy", "keepdims"))
def sem(a, axis=0, ddof=1, nan_policy="propagate", *, keepdims=False):
    """The standard error of the mean along an axis, with `ddof` degrees of freedom less.

    nan_policy: "propagate", or "omit" to leave NaNs out.
    """
    (b,) = promote_args_inexact("sem", a)
    b = asarray(b)
    if nan_policy == "propagate":
        size = b.size if axis is None else b.shape[axis]
        return b.std(axis, ddof=ddof, keepdims=keepdims) / jnp.sqrt(size).astype(
            b.dtype
        )
    if nan_policy == "omit":
        count = (~jnp.isnan(b)).sum(axis, keepdims=keepdims)
        spread = jnp.nanstd(b, axis, ddof=ddof, keepdims=keepdims)
        return spread / jnp.sqrt(count).astype(b.dtype)
    raise ValueError(f"{nan_policy} is not supported")

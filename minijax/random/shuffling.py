"""Permutations and random choices."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    canonical_axis,
    check_arraylike,
    promote_dtypes_inexact,
    shape_of,
)
from minijax.ops.random import random_bits
from minijax.ops.shape import canonical_shape
from minijax.random.arguments import one_key, split_keys, static
from minijax.random.basic import _uniform, randint
from minijax.random.continuous import gumbel

_MAX_UINT32 = np.iinfo(np.uint32).max


def permutation(key, x, axis=0, independent=False, *, out_sharding=None):
    """`x` with its slices along an axis in random order.

    Args:
        key: a random key; x: array, or an integer n for `arange(n)`; axis: along which
            slices are moved.
        independent: shuffle each vector along the axis on its own.
    """
    key = one_key("permutation", key)
    check_arraylike("permutation", x)
    axis = canonical_axis(axis, len(shape_of(x)) or 1)
    if not shape_of(x):
        if not dtypes.issubdtype(dtypes.dtype(x), np.integer):
            raise TypeError("x must be an integer or at least 1-dimensional")
        return _shuffle(key, jnp.arange(int(x)), axis)
    x = asarray(x)
    if independent or x.ndim == 1:
        return _shuffle(key, x, axis)
    order = _shuffle(key, jnp.arange(x.shape[axis]), 0)
    return jnp.take(x, order, axis, unique_indices=True)


@static("axis")
def _shuffle(key, x, axis):
    # Sorting by random numbers; ties, which bias the order, fade with the number of
    # rounds: each round takes 32 bits of the log2(n ** 3) that make their share
    # negligible.
    rounds = math.ceil(3 * math.log(max(1, x.size)) / math.log(_MAX_UINT32))
    for _ in range(rounds):
        key, subkey = split_keys(key)
        order = random_bits(subkey, 32, x.shape)
        _, x = lax.sort_key_val(order, x, axis)
    return x


def choice(key, a, shape=(), replace=True, p=None, axis=0, mode=None):
    """Random slices of an array.

    Args:
        key: a random key; a: array, or an integer n for `arange(n)`; axis: the axis to
            choose along.
        shape: of the drawn indices, which takes the place of the axis in the result.
        replace: whether a slice may be drawn more than once.
        p: probabilities of the slices, all equal if None.
        mode: of `gumbel`, which draws without replacement by probabilities.
    """
    key = one_key("choice", key)
    if not isinstance(shape, tuple | list | np.ndarray):
        raise TypeError(
            f"shape argument of jax.random.choice must be a sequence, got {shape}"
        )
    check_arraylike("choice", a)
    arr = asarray(a)
    n_inputs = int(a) if arr.ndim == 0 else arr.shape[canonical_axis(axis, arr.ndim)]
    if arr.ndim:
        axis = canonical_axis(axis, arr.ndim)
    shape = canonical_shape(shape)
    n_draws = math.prod(shape)
    if n_draws == 0:
        return jnp.zeros(shape, dtype=arr.dtype)
    if n_inputs <= 0:
        raise ValueError("a must be greater than 0 unless no samples are taken")
    if not replace and n_draws > n_inputs:
        raise ValueError(
            f"Cannot take a larger sample (size {n_draws}) than population (size "
            f"{n_inputs}) when 'replace=False'"
        )
    if p is None:
        return _choose_evenly(key, arr, n_inputs, n_draws, shape, replace, axis)
    check_arraylike("choice", p)
    (p,) = promote_dtypes_inexact(asarray(p))
    if p.shape != (n_inputs,):
        raise ValueError(
            f"p must be None or a 1D vector with the same size as a.shape[axis]. p has "
            f"shape {p.shape} and a.shape[axis] is {n_inputs}."
        )
    return _choose_by(key, arr, p, n_draws, shape, replace, axis, mode)


def _choose_evenly(key, arr, n_inputs, n_draws, shape, replace, axis):
    if replace:
        index = randint(key, shape, 0, n_inputs)
        return _slices(arr, index, axis, shape)
    whole = arr if arr.ndim else n_inputs
    drawn = permutation(key, whole, axis if arr.ndim else 0)
    place = axis if arr.ndim else 0
    drawn = drawn[(slice(None),) * place + (slice(n_draws),)]
    return _spread(drawn, arr, shape, axis)


def _choose_by(key, arr, p, n_draws, shape, replace, axis, mode):
    if replace:
        total = jnp.cumsum(p)
        r = total[-1] * (1 - _uniform(key, shape, p.dtype, 0.0, 1.0))
        return _slices(arr, jnp.searchsorted(total, r).astype(int), axis, shape)
    # Gumbel noise on the logarithms: the n largest are a draw without replacement.
    noisy = gumbel(key, (p.shape[0],), p.dtype, mode) + jnp.log(p)
    index = lax.top_k(noisy, n_draws)[1].astype(int)
    drawn = index if arr.ndim == 0 else jnp.take(arr, index, axis)
    return _spread(drawn, arr, shape, axis)


def _slices(arr, index, axis, shape):
    if arr.ndim == 0:
        return _spread(index, arr, shape, axis)
    return _spread(jnp.take(arr, index, axis), arr, shape, axis)


def _spread(drawn, arr, shape, axis):
    """`drawn` with its axis of draws reshaped to `shape`."""
    full = shape if arr.ndim == 0 else arr.shape[:axis] + shape + arr.shape[axis + 1 :]
    return lax.reshape(drawn, full)

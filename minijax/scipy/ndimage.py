"""`jax.scipy.ndimage`: arrays read at points between their elements."""

import functools
import itertools
import operator

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import is_kind


def _mirrored(index, size):
    """Folded at the middles of the edge elements: c b a b c d."""
    s = size - 1
    return jnp.abs((index + s) % (2 * s) - s) if s else 0 * index


def _reflected(index, size):
    """Folded at the edges: b a a b c d."""
    return jnp.floor_divide(_mirrored(2 * index + 1, 2 * size + 1), 2)


_MODES = {
    "constant": lambda index, size: index,
    "nearest": lambda index, size: jnp.clip(index, 0, size - 1),
    "wrap": lambda index, size: index % size,
    "mirror": _mirrored,
    "reflect": _reflected,
}


def _nearest(coordinate):
    index = _rounded(coordinate).astype(np.int32)
    return [(index, coordinate.dtype.type(1))]


def _rounded(x):
    return lax.round(x) if is_kind(x, np.inexact) else x


def _linear(coordinate):
    lower = jnp.floor(coordinate)
    upper_weight = coordinate - lower
    index = lower.astype(np.int32)
    return [(index, 1 - upper_weight), (index + 1, upper_weight)]


@jit(static_argnums=(2, 3))
def _map_coordinates(input, coordinates, order, mode, cval):
    coordinates = [asarray(c) for c in coordinates]
    cval = jnp.asarray(cval, input.dtype)
    if len(coordinates) != input.ndim:
        raise ValueError(
            "coordinates must be a sequence of length input.ndim, but "
            f"{len(coordinates)} != {input.ndim}"
        )
    if mode not in _MODES:
        raise NotImplementedError(
            f"jax.scipy.ndimage.map_coordinates does not yet support mode {mode}. "
            f"Currently supported modes are {set(_MODES)}."
        )
    if order not in (0, 1):
        raise NotImplementedError(
            "jax.scipy.ndimage.map_coordinates currently requires order<=1"
        )
    nodes = [
        _nodes(c, size, order, mode)
        for c, size in zip(coordinates, input.shape, strict=True)
    ]
    terms = []
    for corner in itertools.product(*nodes):
        indices, valid, weights = zip(*corner, strict=True)
        value = input[indices]
        if mode == "constant":
            value = jnp.where(functools.reduce(operator.and_, valid), value, cval)
        terms.append(functools.reduce(operator.mul, weights) * value)
    result = functools.reduce(operator.add, terms)
    if is_kind(input, np.integer):
        result = _rounded(result)
    return result.astype(input.dtype)


def _nodes(coordinate, size, order, mode):
    """(index, whether it is inside, weight) of the elements around a coordinate."""
    found = (_nearest if order == 0 else _linear)(coordinate)
    return [
        (_MODES[mode](index, size), (index >= 0) & (index < size), weight)
        for index, weight in found
    ]


def map_coordinates(input, coordinates, order, mode="constant", cval=0.0):
    """The values of `input` at points, interpolated.

    Args:
        input: array; coordinates: an array for each of its axes, all of the result's shape.
        order: 0 for the nearest element, 1 for linear interpolation.
        mode: what lies outside: "constant" (`cval`), "nearest", "wrap", "mirror", "reflect".
    """
    return _map_coordinates(asarray(input), list(coordinates), order, mode, cval)


__all__ = ["map_coordinates"]

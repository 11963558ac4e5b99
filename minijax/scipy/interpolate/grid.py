"""Interpolation of values on a rectangular grid."""

from itertools import product
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, tree_util
from minijax.numpy.promotion import check_arraylike, promote_dtypes_inexact

_NAME = "RegularGridInterpolator"


def _check_method(method):
    if method not in ("linear", "nearest"):
        raise ValueError(f"method {method!r} is not defined")
    return method


def _coordinates(points, ndim):
    """Points as an array whose last axis has the coordinates of one."""
    if isinstance(points, tuple) and len(points) == 1:
        (points,) = points
    if isinstance(points, tuple):
        parts = jnp.broadcast_arrays(*points)
        return jnp.stack(parts, axis=-1).astype(dtypes.canonicalize_dtype(float))
    check_arraylike("_ndim_coords_from_arrays", points)
    points = jnp.asarray(points)
    return points.reshape(-1, ndim) if points.ndim == 1 else points


class RegularGridInterpolator:
    """A function of N variables, from its values at the points of a grid.

    points: N arrays, the strictly increasing coordinates along each axis
    values: an array with N leading axes; further ones are kept
    method: "linear" or "nearest"
    bounds_error: only False
    fill_value: what points outside get; None extrapolates

    ValueError for an unknown method or too many coordinates, NotImplementedError for
    bounds_error.
    """

    def __init__(
        self,
        points: Any,
        values: Any,
        method: str = "linear",
        bounds_error: bool = False,
        fill_value: Any = np.nan,
    ):
        self.method = _check_method(method)
        self.bounds_error = bounds_error
        if bounds_error:
            raise NotImplementedError("`bounds_error` takes no effect under JIT")
        check_arraylike(_NAME, values)
        if len(points) > values.ndim:
            raise ValueError(
                f"there are {len(points)} point arrays, but values has {values.ndim} "
                "dimensions"
            )
        (self.values,) = promote_dtypes_inexact(values)
        if fill_value is not None:
            check_arraylike(_NAME, fill_value)
            fill_value = jnp.asarray(fill_value)
            if not jnp.can_cast(fill_value.dtype, self.values.dtype, "same_kind"):
                raise ValueError(
                    "fill_value must be either 'None' or of a type compatible with values"
                )
        self.fill_value = fill_value
        check_arraylike(_NAME, *points)
        self.grid = tuple([jnp.asarray(p) for p in points])

    def __call__(self, xi: Any, method: str | None = None) -> Any:
        """The function at points given as an array (..., N) or as N arrays.

        ValueError for another number of coordinates, or an unknown method.
        """
        method = _check_method(self.method if method is None else method)
        ndim = len(self.grid)
        xi = _coordinates(xi, ndim)
        if xi.shape[-1] != ndim:
            raise ValueError(
                f"the requested sample points xi have dimension {xi.shape[1]}, but this "
                f"{_NAME} has dimension {ndim}"
            )
        shape = xi.shape[:-1] + self.values.shape[ndim:]
        cells, shares, outside = self._find_cells(xi.reshape(-1, ndim).T)
        found = getattr(self, f"_{method}")(cells, shares)
        if self.fill_value is not None:
            outside = outside.reshape(-1, *[1] * (found.ndim - 1))
            found = jnp.where(outside, self.fill_value, found)
        return found.reshape(shape)

    def _find_cells(self, xi):
        """The lower corner of each point's cell, the place in it, whether it is outside."""
        cells, shares = [], []
        outside = jnp.zeros(xi.shape[1], bool)
        for x, grid in zip(xi, self.grid, strict=True):
            cell = jnp.clip(jnp.searchsorted(grid, x) - 1, 0, grid.size - 2)
            low, high = grid[cell], grid[cell + 1]
            cells.append(cell)
            shares.append((x - low) / (high - low))
            outside |= (x < grid[0]) | (x > grid[-1])
        return cells, shares, outside

    def _linear(self, cells, shares):
        """The mean of the cell's corners, weighted by nearness."""
        rest = (slice(None),) + (None,) * (self.values.ndim - len(cells))
        total = jnp.asarray(0.0)
        for corner in product((0, 1), repeat=len(cells)):
            weight = jnp.asarray(1.0)
            for upper, share in zip(corner, shares, strict=True):
                weight = weight * (share if upper else 1 - share)
            place = tuple([c + upper for c, upper in zip(cells, corner, strict=True)])
            total = total + self.values[place] * weight[rest]
        return total

    def _nearest(self, cells, shares):
        places = [
            jnp.where(share <= 0.5, cell, cell + 1)
            for cell, share in zip(cells, shares, strict=True)
        ]
        return self.values[tuple(places)]


def _flatten(interpolator):
    children = interpolator.grid, interpolator.values, interpolator.fill_value
    return children, (interpolator.method, interpolator.bounds_error)


def _unflatten(settings, children):
    grid, values, fill_value = children
    method, bounds_error = settings
    return RegularGridInterpolator(grid, values, method, bounds_error, fill_value)


tree_util.register_pytree_node(RegularGridInterpolator, _flatten, _unflatten)

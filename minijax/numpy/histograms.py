"""jnp's histograms."""

import operator
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax.numpy.creation import asarray
from minijax.numpy.filling import ones
from minijax.numpy.promotion import (
    concrete_or_error,
    ensure_arraylike,
    promote_dtypes_inexact,
    shape_of,
)
from minijax.numpy.ranges import linspace
from minijax.numpy.selection import _where


def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """The edges of equal bins from the least to the largest element, or over `range`.

    Args:
        a: array.
        bins: their number, or the edges themselves.
        range: the first and the last edge; by default the least and the largest
            element.
        weights: accepted; they change no edge.

    Returns:
        A vector of edges, one more than there are bins.

    Examples:
        >>> jnp.histogram_bin_edges(jnp.array([0.0, 1.0, 4.0]), bins=4)
        Array([0., 1., 2., 3., 4.], dtype=float32)
    """
    if isinstance(bins, str):
        raise NotImplementedError("string values for `bins` not implemented.")
    (a,) = ensure_arraylike("histogram_bin_edges", a)
    a = asarray(promote_dtypes_inexact(a)[0])
    if len(shape_of(bins)) == 1:
        return asarray(bins, dtype=a.dtype)
    bins = operator.index(
        concrete_or_error(None, bins, "bins argument of histogram_bin_edges")
    )
    a = jnp.ravel(a)
    low, high = (a.min(), a.max()) if range is None else range
    ends = asarray([low, high], dtype=a.dtype)
    flat = jnp.ptp(ends) == 0
    first = jnp.where(flat, ends[0] - 0.5, ends[0])
    last = jnp.where(jnp.ptp(ends) == 0, ends[1] + 0.5, ends[1])
    return linspace(first, last, bins + 1, dtype=a.dtype)


def histogram(a, bins=10, range=None, weights=None, density=None):
    """(counts in each bin, edges): the last bin includes both its edges.

    Args:
        a: array.
        bins: their number, or the edges themselves.
        range: the first and the last edge; by default the least and the largest
            element.
        weights: what each element counts; 1 if None.
        density: whether to divide by the total and by the widths of bins.

    Returns:
        A pair of vectors: counts, edges.

    Examples:
        >>> jnp.histogram(jnp.array([1, 2, 2, 5]), bins=2)
        (Array([3., 1.], dtype=float32), Array([1., 3., 5.], dtype=float32))
    """
    if isinstance(bins, str):
        raise TypeError(
            f"histogram: expected bins to be a number or edges, got {bins!r}"
        )
    if weights is None:
        (a,) = ensure_arraylike("histogram", a)
        a = asarray(promote_dtypes_inexact(a)[0])
        weights = ones(shape_of(a), a.dtype)
    else:
        a, weights = ensure_arraylike("histogram", a, weights)
        if shape_of(a) != shape_of(weights):
            raise ValueError("weights should have the same shape as a.")
        a, weights = promote_dtypes_inexact(a, weights)
    edges = histogram_bin_edges(a, bins, range, weights)
    places = jnp.searchsorted(edges, a, side="right")
    places = _where(a == edges[-1], len(edges) - 1, places)
    counts = jnp.zeros(len(edges), weights.dtype).at[places].add(weights)[1:]
    if density:
        widths = jnp.diff(edges)
        counts = counts / widths / counts.sum()
    return counts, edges


def histogram2d(x, y, bins: Any = 10, range=None, weights=None, density=None):
    """(counts, edges of x, edges of y) of points (x, y).

    Args:
        x: vector of coordinates.
        y: vector of coordinates.
        bins: the number of bins or their edges, for both axes or a pair of them.
        range: a pair for each axis: the first and the last edge.
        weights: what each point counts.
        density: whether to divide by the total and by the areas of bins.

    Returns:
        (matrix of counts, edges along x, edges along y).

    Examples:
        >>> jnp.histogram2d(jnp.array([0.0, 1.0]), jnp.array([0.0, 1.0]), bins=2)[0]
        Array([[1, 0],
               [0, 1]], dtype=int32)
    """
    x, y = ensure_arraylike("histogram2d", x, y)
    n = bins if isinstance(bins, int) else len(bins)
    if not isinstance(bins, int) and n not in (1, 2):
        x_edges = y_edges = asarray(bins)
        bins = [x_edges, y_edges]
    sample = jnp.transpose(asarray([x, y]))
    counts, edges = histogramdd(sample, bins, range, weights, density)
    return counts, edges[0], edges[1]


def histogramdd(sample, bins: Any = 10, range=None, weights=None, density=None):
    """(counts, edges for each column) of points in the rows of `sample`.

    Args:
        sample: matrix with a row for each point.
        bins: the number of bins or their edges, for all columns or one each.
        range: a pair for each column: the first and the last edge.
        weights: what each point counts.
        density: whether to divide by the total and by the volumes of bins.

    Returns:
        (array of counts, list of edges for each column).

    Examples:
        >>> jnp.histogramdd(jnp.array([[0.0, 0.0], [1.0, 1.0]]), bins=2)[0]
        Array([[1, 0],
               [0, 1]], dtype=int32)
    """
    if weights is None:
        (sample,) = ensure_arraylike("histogramdd", sample)
        (sample,) = promote_dtypes_inexact(sample)
    else:
        sample, weights = ensure_arraylike("histogramdd", sample, weights)
        if shape_of(weights) != shape_of(sample)[:1]:
            raise ValueError("should have one weight for each sample.")
        sample, weights = promote_dtypes_inexact(sample, weights)
    sample = asarray(sample)
    n, d = sample.shape
    if range is not None and (
        len(range) != d
        or any(r is not None and shape_of(np.asarray(r)) != (2,) for r in range)
    ):
        raise ValueError(
            f"For sample.shape={(n, d)}, range must be a sequence of {d} pairs or "
            f"Nones; got {range=}"
        )
    try:
        n_bins = len(bins)
    except TypeError:
        per_axis = [bins] * d
    else:
        if n_bins != d:
            raise ValueError("should be a bin for each dimension.")
        per_axis = list(bins)
    edges, places = [], []
    for i in np.arange(d):
        r = None if range is None else range[i]
        column = sample[:, int(i)]
        edge = histogram_bin_edges(column, per_axis[i], r, weights)
        place = jnp.searchsorted(edge, column, side="right")
        edges.append(edge)
        places.append(jnp.where(column == edge[-1], place - 1, place))
    sizes = [len(edge) + 1 for edge in edges]
    flat = jnp.ravel_multi_index(places, sizes, mode="clip")
    counts = jnp.bincount(flat, weights, length=int(np.prod(sizes))).reshape(sizes)
    counts = counts[(slice(1, -1),) * d]
    if density:
        counts = counts.astype(sample.dtype)
        counts = counts / counts.sum()
        for i, edge in enumerate(edges):
            shape = [1] * d
            shape[i] = -1
            counts = counts / jnp.diff(edge).reshape(shape)
    return counts, edges

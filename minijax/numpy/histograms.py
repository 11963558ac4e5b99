"""jnp's histograms."""

import operator
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax.numpy.creation import asarray, linspace, ones
from minijax.numpy.promotion import (
    concrete_or_error,
    ensure_arraylike,
    promote_dtypes_inexact,
    shape_of,
)
from minijax.numpy.selection import _where


def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """The edges of equal bins from the least to the largest element, or over `range`.

    bins: their number, or the edges themselves.
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

    weights: of each element; density: divide by the total and the widths.
    """
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
    """(counts, edges of x, edges of y) of points (x, y)."""
    x, y = ensure_arraylike("histogram2d", x, y)
    n = bins if isinstance(bins, int) else len(bins)
    if not isinstance(bins, int) and n not in (1, 2):
        x_edges = y_edges = asarray(bins)
        bins = [x_edges, y_edges]
    sample = jnp.transpose(asarray([x, y]))
    counts, edges = histogramdd(sample, bins, range, weights, density)
    return counts, edges[0], edges[1]


def histogramdd(sample, bins: Any = 10, range=None, weights=None, density=None):
    """(counts, edges for each column) of points in the rows of `sample`."""
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

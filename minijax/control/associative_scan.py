"""associative_scan: all prefixes of an associative operation in logarithmically many
steps.
"""

import numpy as np

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.ops.arithmetic import add
from minijax.ops.define import zeros
from minijax.ops.joining import concatenate
from minijax.ops.shape import canonical_axis, rev
from minijax.ops.slicing import pad, slice_in_dim
from minijax.traceback_util import api_boundary


@api_boundary
def associative_scan(fn, elems, reverse=False, axis=0):
    """The prefixes elems[0], fn(elems[0], elems[1]), ... along an axis.

    Args:
        fn: associative, on pytrees like `elems`, elementwise along `axis`.
        elems: a pytree of arrays of equal size along `axis`.
        reverse: suffixes in place of prefixes.

    The recursion is Blelloch's ("Prefix Sums and Their Applications", 1990): combine
    pairs, scan those, fill in the elements between.
    """
    if not callable(fn):
        raise TypeError("lax.associative_scan: fn argument should be callable.")
    flat, tree = flatten(elems)
    axis = canonical_axis(axis, core.get_aval(flat[0]).ndim)
    sizes = {core.get_aval(x).shape[axis] for x in flat}
    if len(sizes) != 1:
        raise ValueError(
            "Array inputs to associative_scan must have the same first dimension. "
            f"(saw: {[core.get_aval(x).shape for x in flat]})"
        )
    if reverse:
        flat = [rev(x, (axis,)) for x in flat]

    def combine(a, b):
        return flatten(fn(unflatten(tree, a), unflatten(tree, b)))[0]

    scanned = _scan(combine, flat, axis)
    if reverse:
        scanned = [rev(x, (axis,)) for x in scanned]
    return unflatten(tree, scanned)


def _scan(combine, elems, axis):
    n = core.get_aval(elems[0]).shape[axis]
    if n < 2:
        return elems

    def every_second(values, start, stop):
        return [slice_in_dim(x, start, stop, 2, axis) for x in values]

    pairs = combine(every_second(elems, 0, n - 1), every_second(elems, 1, n))
    odd = _scan(combine, pairs, axis)
    rest = every_second(elems, 2, n)
    before = odd if n % 2 else [slice_in_dim(x, 0, -1, 1, axis) for x in odd]
    even = combine(before, rest) if n > 2 else rest
    first = [slice_in_dim(x, 0, 1, 1, axis) for x in elems]
    even = [
        concatenate([f, e], axis) if n > 2 else f
        for f, e in zip(first, even, strict=True)
    ]
    return [_interleave(e, o, axis) for e, o in zip(even, odd, strict=True)]


def _interleave(even, odd, axis):
    """Elements of `even` and `odd` in turn along an axis, by adding them padded with
    zeros.
    """
    aval = core.get_aval(even)
    n_even, n_odd = aval.shape[axis], core.get_aval(odd).shape[axis]
    total = n_even + n_odd
    zero = zeros(aval.update(shape=(), weak_type=False))

    def spread(x, low, n):
        config = [(0, 0, 0)] * aval.ndim
        config[axis] = (low, total - low - (2 * n - 1), 1)
        return pad(x, zero, config)

    even, odd = spread(even, 0, n_even), spread(odd, 1, n_odd)
    return (even | odd) if aval.dtype == np.dtype(bool) else add(even, odd)

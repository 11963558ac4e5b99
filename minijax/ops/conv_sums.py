"""Convolutions with large windows at a few places, as sums of products.

The gradient of a small kernel is one: its window is as large as the image.  With hardly any
features there is no matrix product in it that would pay for laying out the patches.
"""

import math

import numpy as np

from minijax.core import ShapedArray
from minijax.ops.arithmetic import mul
from minijax.ops.joining import concatenate
from minijax.ops.reduce import reduce_sum
from minijax.ops.shape import reshape, transpose
from minijax.ops.slicing import pad
from minijax.ops.slicing import slice as static_slice

_MOST = 32  # sums
_MOST_FEATURES = 2  # of the output, and images
_LEAST = 2048  # products in each


def by_sums(b, lhs, rhs, out, groups, numbers, space):
    """The result view of a convolution, or None where sums are not the way.

    Arguments as those of `conv_phases.by_phases`.
    """
    shape, dtype = out
    out_spec = numbers[2]
    images, features = shape[out_spec[0]], shape[out_spec[1]]
    if groups != [1, 1] or np.dtype(dtype).kind != "f":
        return None
    if any(base > 1 for _, _, base, _ in space):
        return None
    if math.prod(shape) > _MOST or images * features > _MOST_FEATURES:
        return None
    if math.prod(rhs.shape) // features < _LEAST:
        return None
    avals = [ShapedArray(view.shape, dtype) for view in (lhs, rhs)]

    def sums(lhs, rhs):
        return [_sums(lhs, rhs, shape, numbers, space)]

    return b.lower_fun(sums, [lhs, rhs], avals)[0]


def _sums(lhs, rhs, shape, numbers, space):
    lhs_spec, rhs_spec, out_spec = numbers
    config = [(0, 0, 0)] * len(shape)
    for d, (_, padding, _, _) in zip(lhs_spec[2:], space, strict=True):
        config[d] = (*padding, 0)
    lhs = pad(lhs, np.zeros((), lhs.dtype), config)
    order = [0] * len(shape)  # the kernel's dims as those of the input
    for mine, its in zip(lhs_spec, rhs_spec, strict=True):
        order[mine] = its
    rhs = transpose(rhs, order)
    found = []
    for index in np.ndindex(*shape):
        window = _window(lhs, rhs, [index[d] for d in out_spec], lhs_spec, space)
        feature = index[out_spec[1]]
        kernel = static_slice(
            rhs,
            [feature if d == lhs_spec[0] else 0 for d in range(rhs.ndim)],
            [feature + 1 if d == lhs_spec[0] else n for d, n in enumerate(rhs.shape)],
        )
        products = mul(window, kernel)
        found.append(reshape(reduce_sum(products, tuple(range(rhs.ndim))), (1,)))
    return reshape(concatenate(found, 0), shape)


def _window(lhs, rhs, place, spec, space):
    """What an output sees: place is its image, its feature and its place in space."""
    image, _, *at = place
    starts, limits, steps = [0] * lhs.ndim, list(lhs.shape), [1] * lhs.ndim
    starts[spec[0]], limits[spec[0]] = image, image + 1
    for d, k, (stride, _, _, dilation) in zip(spec[2:], at, space, strict=True):
        starts[d], steps[d] = k * stride, dilation
        limits[d] = starts[d] + (rhs.shape[d] - 1) * dilation + 1
    return static_slice(lhs, starts, limits, steps)

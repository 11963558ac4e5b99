"""Convolutions in NumPy, slow and obvious: the reference of `conv_general_dilated`."""

import numpy as np

from minijax.ops.conv_shapes import default_layout_shape, dilate, from_default_layout
from minijax.ops.define import FLOAT, accepts


def conv_reference(
    lhs,
    rhs,
    *,
    window_strides,
    padding,
    lhs_dilation,
    rhs_dilation,
    dimension_numbers,
    feature_group_count,
    batch_group_count,
    preferred_element_type,
    **_,
):
    """Sums products of shifted inputs, one kernel place after the other."""
    lhs_spec, rhs_spec, out_spec = dimension_numbers
    dtype = lhs.dtype if preferred_element_type is None else preferred_element_type
    within = np.float32 if accepts(FLOAT, dtype) and dtype.itemsize == 2 else dtype
    x = _padded(lhs.transpose(lhs_spec).astype(within), lhs_dilation, padding)
    w = rhs.transpose(rhs_spec).astype(within)
    extents = [dilate(n, d) for n, d in zip(w.shape[2:], rhs_dilation, strict=True)]
    counts = default_layout_shape(
        x.shape, (w.shape[0], 1, *extents), window_strides, [(0, 0)] * len(extents)
    )[2:]
    groups = feature_group_count * batch_group_count
    shape = x.shape[0] // batch_group_count, w.shape[0], *counts
    if 0 in shape:
        return np.zeros(from_default_layout(shape, out_spec), dtype)
    x = _grouped(x, feature_group_count, batch_group_count)
    w = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    out = np.zeros((groups, x.shape[1], w.shape[1], *counts), within)
    for place in np.ndindex(*w.shape[3:]):
        cut = tuple(
            slice(at * dilation, at * dilation + (n - 1) * stride + 1, stride)
            for at, dilation, n, stride in zip(
                place, rhs_dilation, counts, window_strides, strict=True
            )
        )
        part = x[(slice(None),) * 3 + cut]
        out += np.einsum("gnc...,goc->gno...", part, w[(slice(None),) * 3 + place])
    out = np.moveaxis(out, 0, 1).reshape(x.shape[1], -1, *counts)
    return out.transpose(np.argsort(out_spec)).astype(dtype)


def _grouped(x, feature_groups, batch_groups):
    """[groups, batch, features, space..] of one group."""
    batch, features, *space = x.shape
    x = x.reshape(
        batch_groups,
        batch // batch_groups,
        feature_groups,
        features // feature_groups,
        *space,
    )
    x = np.moveaxis(x, 2, 1)
    return x.reshape(batch_groups * feature_groups, *x.shape[2:])


def _padded(x, dilation, padding):
    space = [dilate(n, d) for n, d in zip(x.shape[2:], dilation, strict=True)]
    out = np.zeros((*x.shape[:2], *space), x.dtype)
    every = (slice(None), slice(None))
    out[every + tuple(slice(None, None, d) for d in dilation)] = x
    out = np.pad(
        out, [(0, 0), (0, 0), *[(max(lo, 0), max(hi, 0)) for lo, hi in padding]]
    )
    crop = [
        slice(max(-lo, 0), n - max(-hi, 0))
        for n, (lo, hi) in zip(out.shape[2:], padding, strict=True)
    ]
    return out[every + tuple(crop)]

"""`scaled_dot`: a product of arrays of narrow floats, each block of which has a scale."""

import numpy as np

from minijax import dtypes
from minijax.core import ShapedArray
from minijax.ops.arithmetic import mul
from minijax.ops.convert import convert
from minijax.ops.define import (
    NOT_LINEAR,
    batch_front,
    define,
    full,
    no_derivative,
    shape_of,
)
from minijax.ops.dot import dot_general
from minijax.ops.random import by_reference
from minijax.ops.shape import broadcast_in_dim, reshape

_BF16 = dtypes.bfloat16


def scaled_dot(
    lhs, rhs, *, lhs_scale=None, rhs_scale=None, dimension_numbers=None,
    preferred_element_type=None,
):  # fmt: skip
    """`dot_general` of (lhs * lhs_scale) and (rhs * rhs_scale), both in bfloat16.

    A scale has the sizes of its operand but along contracted dimensions, where each
    element serves a block of two or more; None scales by one.
    dimension_numbers: of `dot_general`; by default that of matrices, batched in front.
    preferred_element_type: of the result, bfloat16 by default.
    TypeError where shapes do not fit.
    """
    if dimension_numbers is None:
        n = len(shape_of(lhs))
        if n < 2:
            raise TypeError("scaled_dot does not support 0-rank and 1-rank operands.")
        front = tuple(range(n - 2))
        dimension_numbers = ((n - 1,), (n - 2,)), (front, front)
    contracted = dimension_numbers[0]
    dtype = _BF16 if preferred_element_type is None else preferred_element_type
    scales = [
        _ones(x, dims) if scale is None else scale
        for x, scale, dims in zip(
            (lhs, rhs), (lhs_scale, rhs_scale), contracted, strict=True
        )
    ]
    return scaled_dot_p.bind(
        lhs,
        rhs,
        *scales,
        dimension_numbers=dimension_numbers,
        preferred_element_type=dtypes.check_user_dtype(dtype, "scaled_dot"),
    )


def _ones(operand, contracted):
    shape = [1 if k in contracted else n for k, n in enumerate(shape_of(operand))]
    return full(ShapedArray(tuple(shape), np.dtype("float8_e8m0fnu")), 1)


# --- shapes ---------------------------------------------------------------------------


def _shape(lhs, rhs, *scales, dimension_numbers, preferred_element_type):
    contracted, batch = dimension_numbers
    if len({len(x.shape) for x in (lhs, rhs, *scales)}) > 1:
        raise TypeError(
            "All input tensors must have the same rank. Got lhs rank: "
            f"{len(lhs.shape)} rhs rank: {len(rhs.shape)} lhs_scale rank: "
            f"{len(scales[0].shape)} rhs_scale rank: {len(scales[1].shape)}."
        )
    for what, (left, right) in (("batch", batch), ("contracting", contracted)):
        if len(left) != len(right):
            raise TypeError(
                f"LHS and RHS must have the same number of {what} dimensions, got "
                f"{len(left)} and {len(right)}."
            )
    for i, j in zip(*batch, strict=True):
        sizes = [x.shape[i] for x in (lhs, scales[0])]
        sizes += [x.shape[j] for x in (rhs, scales[1])]
        if len(set(sizes)) > 1:
            raise TypeError(
                "All input tensors must have the same batch dimension size for batch dims "
                f"({i}, {j})."
            )
    for i, j in zip(*contracted, strict=True):
        if lhs.shape[i] != rhs.shape[j]:
            raise TypeError(
                f"LHS contracting dim {i} of size {lhs.shape[i]} does not match RHS "
                f"contracting dim {j} of size {rhs.shape[j]}."
            )
    for side, x, scale, dims in zip(
        ("LHS", "RHS"), (lhs, rhs), scales, contracted, strict=True
    ):
        _check_scale(side, x.shape, scale.shape, dims)
    kept = [
        x.shape[k]
        for x, dims, shared in zip((lhs, rhs), contracted, batch, strict=True)
        for k in range(len(x.shape))
        if k not in dims and k not in shared
    ]
    shape = (*[lhs.shape[i] for i in batch[0]], *kept)
    return ShapedArray(shape, preferred_element_type)


def _check_scale(side, shape, scale, contracted):
    for k, (n, parts) in enumerate(zip(shape, scale, strict=True)):
        if k not in contracted:
            if parts != n:
                raise TypeError(
                    f"{side} dim {k} of size {n} does not match scale dim size {parts}."
                )
        elif n % parts:
            raise TypeError(
                f"{side} contracting dim {k} of size {n} must be divisible by its scale's "
                f"dim size {parts}."
            )
        elif n // parts < 2:
            raise TypeError(
                f"The ratio of {side} contracting dim {k} to its scale's dim size "
                f"({n // parts}) must be at least 2."
            )


# --- rules ----------------------------------------------------------------------------


def _scaled(x, scale):
    """Each element by the scale of its block."""
    split, dims = [], []
    for n, parts in zip(x.shape, scale.shape, strict=True):
        dims.append(len(split))
        split += [n] if parts == n else [parts, n // parts]
    scale = reshape(broadcast_in_dim(convert(scale, _BF16), split, dims), x.shape)
    return mul(convert(x, _BF16), scale)


def _dot(lhs, rhs, lhs_scale, rhs_scale, *, dimension_numbers, preferred_element_type):
    return dot_general(
        _scaled(lhs, lhs_scale),
        _scaled(rhs, rhs_scale),
        dimension_numbers,
        preferred_element_type=preferred_element_type,
    )


def _reference(*arrays, **params):
    return by_reference(lambda *xs: [_dot(*xs, **params)], *arrays)[0]


def _batch(axis, args, dims, *, dimension_numbers, **params):
    args = [batch_front(axis, x, d) for x, d in zip(args, dims, strict=True)]
    contracted, batch = (
        tuple([tuple([k + 1 for k in dims]) for dims in pair])
        for pair in dimension_numbers
    )
    numbers = contracted, tuple((0, *dims) for dims in batch)
    return scaled_dot_p.bind(*args, dimension_numbers=numbers, **params), 0


def _lower(b, ins, out_avals, **params):
    avals = [ShapedArray(view.shape, view.dtype) for view in ins]
    return b.lower_fun(lambda *xs: [_dot(*xs, **params)], ins, avals)


scaled_dot_p = define(
    "scaled_dot",
    shape=_shape,
    reference=_reference,
    jvp=no_derivative("scaled_dot"),
    transpose=NOT_LINEAR,
    batch=_batch,
    lower=_lower,
)

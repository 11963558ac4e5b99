"""Convolutions of any rank, layout, stride, dilation and grouping: `conv_general_dilated`.

The derivatives are convolutions too: with respect to the input, one with the reversed
kernel over the dilated cotangent; with respect to the kernel, one of the input with the
cotangent, batch and features exchanged.
"""

import math

import numpy as np

from minijax import dtypes
from minijax.core import ShapedArray, Zero, is_undefined_primal
from minijax.ops.arithmetic import add
from minijax.ops.comparison import eq
from minijax.ops.conv_batch import conv_batch
from minijax.ops.conv_phases import by_phases
from minijax.ops.conv_reference import conv_reference
from minijax.ops.conv_shapes import (
    ConvDimensionNumbers,
    axis_into,
    axis_out_of,
    check_pairs,
    conv_dimension_numbers,
    conv_transpose_padding,
    default_layout_shape,
    dilate,
    dilate_shape,
    from_default_layout,
    ints,
    padtype_to_pads,
)
from minijax.ops.conv_sums import by_sums
from minijax.ops.convert import convert_element_type
from minijax.ops.define import (
    COMPLEX,
    FLOAT,
    INT,
    accepts,
    bilinear_jvp,
    check_out_sharding,
    define,
    dtype_of,
    shape_of,
)
from minijax.ops.dot import canonicalize_precision, product_operands
from minijax.ops.shape import (
    broadcast_in_dim,
    broadcasted_iota,
    reshape,
    rev,
    transpose,
)
from minijax.ops.views import convert_real, real_view

_NAME = "conv_general_dilated"


def conv_general_dilated(
    lhs,
    rhs,
    window_strides,
    padding,
    lhs_dilation=None,
    rhs_dilation=None,
    dimension_numbers=None,
    feature_group_count=1,
    batch_group_count=1,
    precision=None,
    preferred_element_type=None,
    out_sharding=None,
):
    """The convolution of `lhs` (batch, features, space) with a kernel `rhs`, not reversed.

    padding: "SAME", "SAME_LOWER", "VALID", or (low, high) for each spatial dimension;
        negative crops.
    lhs_dilation: gaps put between input elements (a transposed convolution);
        rhs_dilation: between the kernel's.
    feature_group_count, batch_group_count: of how many independent convolutions this is
        made, along the features or the batch.  TypeError or ValueError where the
        arguments do not fit.
    """
    check_out_sharding(out_sharding, "conv_general_dilated")
    lhs_shape, rhs_shape = shape_of(lhs), shape_of(rhs)
    numbers = conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers)
    n_space = len(lhs_shape) - 2
    window_strides = ints(window_strides)
    lhs_dilation = (1,) * n_space if lhs_dilation is None else ints(lhs_dilation)
    rhs_dilation = (1,) * n_space if rhs_dilation is None else ints(rhs_dilation)
    if isinstance(padding, str):
        if any(d != 1 for d in lhs_dilation):
            raise ValueError(
                "String padding is not implemented for transposed convolution using this "
                "op. Please either exactly specify the required padding or use "
                "conv_transpose."
            )
        window = dilate_shape(
            [rhs_shape[d] for d in numbers.rhs_spec[2:]], rhs_dilation
        )
        space = [lhs_shape[d] for d in numbers.lhs_spec[2:]]
        if len(window_strides) == n_space and min(window_strides, default=1) > 0:
            padding = padtype_to_pads(space, window, window_strides, padding)
        else:
            padding = ((0, 0),) * n_space  # the shape rule says what is wrong
    if preferred_element_type is not None:
        preferred_element_type = dtypes.canonical_result(
            np.dtype(preferred_element_type), [dtype_of(lhs)]
        )
    return conv_general_dilated_p.bind(
        lhs,
        rhs,
        window_strides=window_strides,
        padding=check_pairs(_NAME, padding),
        lhs_dilation=lhs_dilation,
        rhs_dilation=rhs_dilation,
        dimension_numbers=numbers,
        feature_group_count=int(feature_group_count),
        batch_group_count=int(batch_group_count),
        precision=canonicalize_precision(precision),
        preferred_element_type=preferred_element_type,
        out_sharding=None,
    )


def conv(
    lhs, rhs, window_strides, padding, precision=None, preferred_element_type=None
):
    """A convolution in the default layout: NCHW by OIHW gives NCHW."""
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def conv_with_general_padding(
    lhs,
    rhs,
    window_strides,
    padding,
    lhs_dilation,
    rhs_dilation,
    precision=None,
    preferred_element_type=None,
):
    """`conv` with explicit padding and dilations."""
    return conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation=lhs_dilation,
        rhs_dilation=rhs_dilation,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


_TRANSPOSE_LAYOUTS = {
    3: ("NHC", "HIO", "NHC"),
    4: ("NHWC", "HWIO", "NHWC"),
    5: ("NHWDC", "HWDIO", "NHWDC"),
}


def conv_transpose(
    lhs,
    rhs,
    strides,
    padding,
    rhs_dilation=None,
    dimension_numbers=None,
    transpose_kernel=False,
    precision=None,
    preferred_element_type=None,
    use_consistent_padding=False,
):
    """A transposed ("fractionally strided") convolution; channels last by default.

    transpose_kernel: reverse the kernel and exchange its features, so that this is the
        transpose of a convolution with that kernel.  use_consistent_padding: explicit
        padding is that of this convolution.
    """
    rank = len(shape_of(lhs))
    if dimension_numbers is None:
        if rank not in _TRANSPOSE_LAYOUTS:
            raise ValueError("No 4+ dimensional dimension_number defaults.")
        dimension_numbers = _TRANSPOSE_LAYOUTS[rank]
    numbers = conv_dimension_numbers(shape_of(lhs), shape_of(rhs), dimension_numbers)
    window = [shape_of(rhs)[d] for d in numbers.rhs_spec[2:]]
    n_space = len(window)
    dilation = (1,) * n_space if rhs_dilation is None else ints(rhs_dilation)
    window = [dilate(n, d) for n, d in zip(window, dilation, strict=True)]
    if isinstance(padding, str):
        padding = [
            conv_transpose_padding(k, s, padding)
            for k, s in zip(window, strides, strict=True)
        ]
    elif use_consistent_padding:
        padding = [
            (k - 1 - low, k - 1 - high)
            for k, (low, high) in zip(window, padding, strict=True)
        ]
    if transpose_kernel:
        rhs = _transposed_kernel(rhs, numbers.rhs_spec)
    return conv_general_dilated(
        lhs,
        rhs,
        (1,) * n_space,
        padding,
        strides,
        dilation,
        numbers,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def _transposed_kernel(rhs, spec):
    for axis in spec[2:]:
        rhs = rev(rhs, (axis,))
    order = list(range(len(spec)))
    order[spec[0]], order[spec[1]] = spec[1], spec[0]
    return transpose(rhs, tuple(order))


def conv_general_dilated_patches(
    lhs,
    filter_shape,
    window_strides,
    padding,
    lhs_dilation=None,
    rhs_dilation=None,
    dimension_numbers=None,
    precision=None,
    preferred_element_type=None,
):
    """The patches that a convolution would see: features become (feature, filter..)."""
    filter_shape = ints(filter_shape)
    numbers = conv_dimension_numbers(
        shape_of(lhs), (1, 1, *filter_shape), dimension_numbers
    )
    size, features = math.prod(filter_shape), shape_of(lhs)[numbers.lhs_spec[1]]
    square = size, size
    rows = add(broadcasted_iota(np.int32, square, 0), np.int32(0))
    ones = eq(rows, broadcasted_iota(np.int32, square, 1))
    kernel = convert_element_type(ones, dtype_of(lhs))
    kernel = broadcast_in_dim(kernel, (features, *square), (1, 2))
    kernel = reshape(kernel, (features * size, 1, *filter_shape))
    kernel = transpose(
        kernel, tuple(numbers.rhs_spec.index(d) for d in range(len(numbers.rhs_spec)))
    )
    return conv_general_dilated(
        lhs,
        kernel,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        numbers,
        feature_group_count=features,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


# --- shape ----------------------------------------------------------------------------


def _check_groups(lhs, rhs, numbers, feature_group_count, batch_group_count):
    batch, features = (lhs.shape[d] for d in numbers.lhs_spec[:2])
    out_features, in_features = (rhs.shape[d] for d in numbers.rhs_spec[:2])
    for what, count, size, of in (
        ("feature", feature_group_count, features, "feature"),
        ("batch", batch_group_count, batch, "batch"),
    ):
        if count <= 0:
            raise ValueError(
                f"{_NAME} {what}_group_count must be a positive integer, got {count}."
            )
        if size % count:
            raise ValueError(
                f"{_NAME} {what}_group_count must divide lhs {of} dimension size, but "
                f"{count} does not divide {size}."
            )
    if features // feature_group_count != in_features:
        raise ValueError(
            f"{_NAME} lhs feature dimension size divided by feature_group_count must "
            f"equal the rhs input feature dimension size, but {features} // "
            f"{feature_group_count} != {in_features}."
        )
    for what, count in (("feature", feature_group_count), ("batch", batch_group_count)):
        if out_features % count:
            raise ValueError(
                f"{_NAME} rhs output feature dimension size must be a multiple of "
                f"{what}_group_count, but {out_features} is not a multiple of {count}."
            )
    if feature_group_count > 1 and batch_group_count > 1:
        raise ValueError(
            "At most one of batch_group_count and feature_group_count may be > 1, got "
            f"batch_group_count={batch_group_count} and "
            f"feature_group_count={feature_group_count}"
        )


def _check_window(window_strides, padding, lhs_dilation, rhs_dilation, n_space):
    for what, values in (
        ("window_strides", window_strides),
        ("lhs_dilation", lhs_dilation),
        ("rhs_dilation", rhs_dilation),
    ):
        if len(values) != n_space:
            raise ValueError(
                f"{_NAME} window and {what} must have the same number of dimensions, but "
                f"got {n_space} and {len(values)}"
            )
        if any(v <= 0 for v in values):
            if what == "window_strides":
                raise ValueError(f"{_NAME} needs positive {what}, got {values}.")
            raise TypeError(f"All dilations must be positive, got {values}.")
    if len(padding) != n_space:
        raise TypeError(
            f"Wrong number of explicit pads for convolution: expected {n_space}, got "
            f"{len(padding)}."
        )


def _conv_dtype(lhs, rhs, preferred):
    if lhs.dtype != rhs.dtype:
        raise TypeError(
            f"lax.{_NAME} requires arguments to have the same dtypes, got "
            f"{lhs.dtype.name}, {rhs.dtype.name}."
        )
    if preferred is None or preferred == lhs.dtype:
        return lhs.dtype
    combinations = ((INT, INT + FLOAT), (FLOAT, FLOAT), (COMPLEX, COMPLEX))
    if not any(
        accepts(kinds, lhs.dtype) and accepts(results, preferred)
        for kinds, results in combinations
    ):
        raise TypeError(
            "Input type is incompatible with `preferred_element_type`. The compatible "
            "combinations of (input_type, preferred_element_type) are (integral, "
            "integral), (integral, floating), (floating, floating), (complex, complex)."
        )
    if preferred.itemsize < lhs.dtype.itemsize:
        raise TypeError(
            "`preferred_element_type` must not be narrower than the original type."
        )
    return preferred


def _default_layout(aval, spec):
    return tuple(aval.shape[d] for d in spec)


def _conv_shape(
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
    if lhs.ndim != rhs.ndim:
        raise ValueError(
            f"{_NAME} lhs and rhs must have the same number of dimensions, but got "
            f"{lhs.shape} and {rhs.shape}."
        )
    _check_groups(lhs, rhs, dimension_numbers, feature_group_count, batch_group_count)
    n_space = lhs.ndim - 2
    _check_window(window_strides, padding, lhs_dilation, rhs_dilation, n_space)
    lhs_spec, rhs_spec, out_spec = dimension_numbers
    left, right = _default_layout(lhs, lhs_spec), _default_layout(rhs, rhs_spec)
    left = left[:2] + dilate_shape(left[2:], lhs_dilation)
    right = right[:2] + dilate_shape(right[2:], rhs_dilation)
    shape = default_layout_shape(
        left, right, window_strides, padding, batch_group_count
    )
    dtype = _conv_dtype(lhs, rhs, preferred_element_type)
    weak = lhs.weak_type and rhs.weak_type
    return ShapedArray(from_default_layout(shape, out_spec), dtype, weak)


# --- derivatives ----------------------------------------------------------------------


def _conv_transpose_rule(ct, lhs, rhs, **params):
    if is_undefined_primal(lhs):
        return [_ct_of_lhs(ct, lhs.aval, rhs, **params), None]
    return [None, _ct_of_rhs(ct, lhs, rhs.aval, **params)]


def _same_dtype(x, ct, preferred):
    if preferred is None or dtype_of(x) == dtype_of(ct):
        return x
    return convert_element_type(x, dtype_of(ct))


def _back(ct, dtype):
    return ct if dtype_of(ct) == dtype else convert_element_type(ct, dtype)


def _swapped(spec):
    return (spec[1], spec[0], *spec[2:])


def _dilated_extents(lhs, rhs, out, numbers, strides, lhs_dilation, rhs_dilation):
    """For each spatial dimension: the dilated extents of lhs, rhs and output."""
    for k in range(len(strides)):
        yield (
            dilate(lhs[numbers.lhs_spec[2 + k]], lhs_dilation[k]),
            dilate(rhs[numbers.rhs_spec[2 + k]], rhs_dilation[k]),
            dilate(out[numbers.out_spec[2 + k]], strides[k]),
        )


def _ct_of_lhs(
    ct,
    aval,
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
    **params,
):
    lhs_spec, rhs_spec, out_spec = dimension_numbers
    extents = _dilated_extents(
        aval.shape,
        shape_of(rhs),
        shape_of(ct),
        dimension_numbers,
        window_strides,
        lhs_dilation,
        rhs_dilation,
    )
    pads = []
    for (left, window, out), (low, _) in zip(extents, padding, strict=True):
        before = window - low - 1
        pads.append((before, left + window - 1 - out - before))
    groups = max(feature_group_count, batch_group_count)
    if groups > 1:
        rhs = axis_out_of(reshape, rhs, rhs_spec[0], groups)
        rhs = axis_into(reshape, rhs, rhs_spec[0], rhs_spec[1])
    rhs = rev(rhs, tuple(rhs_spec[2:]))
    rhs = _same_dtype(rhs, ct, preferred_element_type)
    out = conv_general_dilated_p.bind(
        ct,
        rhs,
        window_strides=lhs_dilation,
        padding=tuple(pads),
        lhs_dilation=window_strides,
        rhs_dilation=rhs_dilation,
        dimension_numbers=ConvDimensionNumbers(out_spec, _swapped(rhs_spec), lhs_spec),
        feature_group_count=groups,
        batch_group_count=1,
        preferred_element_type=preferred_element_type,
        **params,
    )
    if batch_group_count > 1:
        out = axis_out_of(reshape, out, lhs_spec[1], batch_group_count)
        out = axis_into(reshape, out, lhs_spec[1], lhs_spec[0])
    return _back(out, aval.dtype)


def _ct_of_rhs(
    ct,
    lhs,
    aval,
    *,
    window_strides,
    padding,
    lhs_dilation,
    rhs_dilation,
    dimension_numbers,
    feature_group_count,
    batch_group_count,
    preferred_element_type,
    **params,
):
    if 0 in shape_of(ct):  # a kernel without elements is no kernel
        return Zero(aval)
    lhs_spec, rhs_spec, out_spec = dimension_numbers
    extents = _dilated_extents(
        shape_of(lhs),
        aval.shape,
        shape_of(ct),
        dimension_numbers,
        window_strides,
        lhs_dilation,
        rhs_dilation,
    )
    pads = tuple(
        (low, out - left + window - low - 1)
        for (left, window, out), (low, _) in zip(extents, padding, strict=True)
    )
    lhs = _same_dtype(lhs, ct, preferred_element_type)
    out = conv_general_dilated_p.bind(
        lhs,
        ct,
        window_strides=rhs_dilation,
        padding=pads,
        lhs_dilation=lhs_dilation,
        rhs_dilation=window_strides,
        dimension_numbers=ConvDimensionNumbers(
            _swapped(lhs_spec), _swapped(out_spec), _swapped(rhs_spec)
        ),
        feature_group_count=batch_group_count,
        batch_group_count=feature_group_count,
        preferred_element_type=preferred_element_type,
        **params,
    )
    return _back(out, aval.dtype)


def _conv_batch(axis, args, dims, **params):
    return conv_batch(conv_general_dilated_p.bind, axis, args, dims, **params)


# --- lowering -------------------------------------------------------------------------

_COMPUTED = {"b": "i8", "i": "i8", "u": "i8"}


def _compute_dtype(dtype):
    """What the runtime convolves in: integers in 64 bits, half types in float32."""
    if dtype.kind in _COMPUTED:
        return np.dtype(_COMPUTED[dtype.kind])
    if accepts(FLOAT, dtype) and dtype.itemsize == 2:
        return np.dtype("f4")
    return dtype


def _conv_lower(
    b,
    ins,
    out_avals,
    *,
    window_strides,
    padding,
    lhs_dilation,
    rhs_dilation,
    dimension_numbers,
    feature_group_count,
    batch_group_count,
    precision,
    **_,
):
    aval = out_avals[0]
    if aval.size == 0 or 0 in ins[0].shape or 0 in ins[1].shape:
        return [b.full(aval, 0)]
    lhs, rhs, within = product_operands(b, ins, aval.dtype, precision, _NAME)
    within = _compute_dtype(within)
    lhs = real_view(b, b.convert(lhs, within))
    rhs = real_view(b, b.convert(rhs, within))
    places = tuple(
        zip(window_strides, padding, lhs_dilation, rhs_dilation, strict=True)
    )
    groups = [feature_group_count, batch_group_count]
    args = (lhs, rhs, (aval.shape, within), groups, dimension_numbers, places)
    out = by_sums(b, *args)
    if out is None:
        out = by_phases(b, *args)
    return [convert_real(b, out, aval.dtype)]


conv_general_dilated_p = define(
    _NAME,
    shape=_conv_shape,
    reference=conv_reference,
    jvp=bilinear_jvp(lambda: conv_general_dilated_p),
    transpose=_conv_transpose_rule,
    batch=_conv_batch,
    lower=_conv_lower,
)

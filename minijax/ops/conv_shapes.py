"""What a convolution's arguments mean: layouts, paddings, shapes."""

from collections import namedtuple

import numpy as np

from minijax import core

# each spec: the places of (batch, feature, spatial..) of lhs and out, (out feature, in
# feature, spatial..) of rhs
ConvDimensionNumbers = namedtuple("ConvDimensionNumbers", "lhs_spec rhs_spec out_spec")

# What functions take as `dimension_numbers`, for annotations.
ConvGeneralDilatedDimensionNumbers = tuple[str, str, str] | ConvDimensionNumbers | None


def conv_dimension_numbers(lhs_shape, rhs_shape, dimension_numbers):
    """Layouts (None, three strings as "NHWC", or already so) as `ConvDimensionNumbers`.

    None means batch, feature, spatial.. for lhs and out, and out feature, in feature,
    spatial.. for rhs. TypeError where they do not fit the shapes.
    """
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        return dimension_numbers
    if len(lhs_shape) != len(rhs_shape):
        raise TypeError(
            "convolution requires lhs and rhs ndim to be equal, got "
            f"{len(lhs_shape)} and {len(rhs_shape)}."
        )
    if dimension_numbers is None:
        iota = tuple(range(len(lhs_shape)))
        return ConvDimensionNumbers(iota, iota, iota)
    if not isinstance(dimension_numbers, (list, tuple)):
        raise TypeError(
            "convolution dimension_numbers must be tuple/list or None, got "
            f"{type(dimension_numbers)}."
        )
    if len(dimension_numbers) != 3:
        raise TypeError(
            "convolution dimension_numbers list/tuple must be length 3, got "
            f"{len(dimension_numbers)}."
        )
    if not all(isinstance(spec, str) for spec in dimension_numbers):
        raise TypeError(
            "convolution dimension_numbers elements must be strings, got "
            f"{tuple(map(type, dimension_numbers))}."
        )
    for i, spec in enumerate(dimension_numbers):
        if len(spec) != len(lhs_shape):
            raise TypeError(
                f"convolution dimension_numbers[{i}] must have len equal to the ndim of "
                f"lhs and rhs, got {len(spec)} for lhs and rhs shapes {tuple(lhs_shape)} "
                f"and {tuple(rhs_shape)}."
            )
    return ConvDimensionNumbers(*conv_general_permutations(dimension_numbers))


def conv_general_permutations(dimension_numbers):
    """Three strings as permutations to batch, feature, spatial.. (rhs: out, in, ..)."""
    lhs, rhs, out = dimension_numbers
    for i, (spec, (a, b)) in enumerate(
        zip(dimension_numbers, ("NC", "OI", "NC"), strict=True)
    ):
        if spec.count(a) != 1 or spec.count(b) != 1:
            raise TypeError(
                f"convolution dimension_numbers[{i}] must contain the characters '{a}' "
                f"and '{b}' exactly once, got {spec}."
            )
        if len(spec) != len(set(spec)):
            raise TypeError(
                f"convolution dimension_numbers[{i}] cannot have duplicate characters, "
                f"got {spec}."
            )
    if not set(lhs) - set("NC") == set(rhs) - set("OI") == set(out) - set("NC"):
        raise TypeError(
            "convolution dimension_numbers elements must each have the same set of "
            f"spatial characters, got {tuple(dimension_numbers)}."
        )
    spatial = [c for c in rhs if c not in "OI"]

    def places(spec, first):
        return tuple(spec.index(c) for c in (*first, *spatial))

    return places(lhs, "NC"), places(rhs, "OI"), places(out, "NC")


def dilate(n, dilation):
    """The extent of n elements with dilation - 1 gaps between neighbours."""
    return n if dilation == 1 else core.max_dim((n - 1) * dilation + 1, 0)


def dilate_shape(shape, dilation):
    """`dilate` for each dimension.  TypeError unless the dilations are positive."""
    if any(d <= 0 for d in dilation):
        raise TypeError(f"All dilations must be positive, got {tuple(dilation)}.")
    return tuple(dilate(n, d) for n, d in zip(shape, dilation, strict=True))


def padtype_to_pads(in_shape, window_shape, window_strides, padding):
    """Padding as a list of (low, high): "SAME", "SAME_LOWER", "VALID" in any case, or explicit.

    SAME pads so that the output has ceil(in / stride) elements, more at the high
    (SAME_LOWER: low) end. RuntimeError for another name, TypeError for anything else.
    """
    if not isinstance(padding, str):
        raise TypeError(f"Unknown padding type: {padding}.")
    kind = padding.upper()
    if kind == "VALID":
        return [(0, 0)] * len(in_shape)
    if kind not in ("SAME", "SAME_LOWER"):
        raise RuntimeError(
            "Unrecognized padding type: expected 'VALID', 'SAME', or 'SAME_LOWER', got "
            f"{padding}."
        )
    pads = []
    for n, window, stride in zip(in_shape, window_shape, window_strides, strict=True):
        n, window, stride = core.as_size(n), core.as_size(window), int(stride)
        total = core.max_dim((-(-n // stride) - 1) * stride + window - n, 0)
        low = total // 2 if kind == "SAME" else total - total // 2
        pads.append((low, total - low))
    return pads


def window_counts(extents, windows, strides):
    """How many windows fit, for each dimension."""
    return tuple(
        core.max_dim((n - window) // stride + 1, 0)
        for n, window, stride in zip(extents, windows, strides, strict=True)
    )


def conv_shape_tuple(lhs_shape, rhs_shape, strides, pads, batch_group_count=1):
    """The shape of a convolution in the default layout, all given in that layout.

    Sizes of windows are NumPy's integers, as JAX gives them to users.
    """
    shape = default_layout_shape(lhs_shape, rhs_shape, strides, pads, batch_group_count)
    return (*shape[:2], *_as_numpy(shape[2:]))


def _as_numpy(shape):
    return tuple(np.asarray(shape, np.int64))


def default_layout_shape(lhs_shape, rhs_shape, strides, pads, batch_group_count=1):
    """`conv_shape_tuple` in Python's integers."""
    if isinstance(pads, str):
        pads = padtype_to_pads(lhs_shape[2:], rhs_shape[2:], strides, pads)
    if len(pads) != len(lhs_shape) - 2:
        raise TypeError(
            "Wrong number of explicit pads for convolution: expected "
            f"{len(lhs_shape) - 2}, got {len(pads)}."
        )
    padded = tuple(
        n + low + high for n, (low, high) in zip(lhs_shape[2:], pads, strict=True)
    )
    if any(n < 0 for n in padded):
        raise ValueError(
            "Negative padding is larger than the size of the corresponding dimension: "
            f"got padding={tuple(pads)} for lhs_shape[2:]={tuple(lhs_shape[2:])}"
        )
    if batch_group_count > 1:
        assert lhs_shape[0] % batch_group_count == 0
    space = window_counts(padded, rhs_shape[2:], strides)
    return (lhs_shape[0] // batch_group_count, rhs_shape[0], *space)


def _permuted(shape, order):
    return tuple(shape[d] for d in order)


def from_default_layout(shape, spec):
    """A shape in the order (batch, feature, spatial..) put into the layout of `spec`."""
    out = [0] * len(shape)
    for place, n in zip(spec, shape, strict=True):
        out[place] = n
    return tuple(out)


def conv_general_shape_tuple(
    lhs_shape, rhs_shape, window_strides, padding, dimension_numbers
):
    """The shape of a convolution in the layouts that `dimension_numbers` give."""
    lhs, rhs, out = conv_general_permutations(dimension_numbers)
    shape = default_layout_shape(
        _permuted(lhs_shape, lhs), _permuted(rhs_shape, rhs), window_strides, padding
    )
    return _as_numpy(from_default_layout(shape, out))


def conv_transpose_padding(window, stride, padding):
    """The padding (low, high) of the dilated input that undoes a convolution's padding."""
    if padding == "SAME":
        total = window + stride - 2
        low = window - 1 if stride > window - 1 else -(-total // 2)
    elif padding == "VALID":
        total = window + stride - 2 + max(window - stride, 0)
        low = window - 1
    else:
        raise ValueError("Padding mode must be `SAME` or `VALID`.")
    return low, total - low


def conv_transpose_shape_tuple(
    lhs_shape, rhs_shape, window_strides, padding, dimension_numbers
):
    """The shape of a transposed convolution."""
    lhs, rhs, out = conv_general_permutations(dimension_numbers)
    lhs_shape, rhs_shape = _permuted(lhs_shape, lhs), _permuted(rhs_shape, rhs)
    if isinstance(padding, str):
        padding = [
            conv_transpose_padding(k, s, padding)
            for k, s in zip(rhs_shape[2:], window_strides, strict=True)
        ]
    dilated = dilate_shape(lhs_shape[2:], window_strides)
    shape = default_layout_shape(
        lhs_shape[:2] + dilated, rhs_shape, (1,) * len(window_strides), padding
    )
    return _as_numpy(from_default_layout(shape, out))


def check_pairs(name, padding):
    """Padding as a tuple of pairs of Python ints; ValueError if it is not one."""
    try:
        pairs = tuple((core.as_size(low), core.as_size(high)) for low, high in padding)
    except (TypeError, ValueError):
        raise ValueError(
            f"padding argument to {name} should be a string or a sequence of (low, high) "
            f"pairs, got {padding}"
        ) from None
    return pairs


def axis_into(reshape, x, source, target):
    """Merge axis `source` of `x` into another, as its slow part.

    target: the other axis' place once `source` is gone.
    """
    order = [d for d in range(x.ndim) if d != source]
    sizes = [x.shape[d] for d in order]
    sizes[target] *= x.shape[source]
    order.insert(target, source)
    plain = order == sorted(order)
    return reshape(x, tuple(sizes), None if plain else tuple(order))


def axis_out_of(reshape, x, axis, size):
    """Split axis `axis` of `x` in two, of which the slow one has `size` elements."""
    rest, left = divmod(x.shape[axis], size)
    assert not left
    return reshape(x, (*x.shape[:axis], size, rest, *x.shape[axis + 1 :]), None)


def ints(values):
    """A tuple of Python ints."""
    return tuple(int(v) for v in np.asarray(values, dtype=object).ravel())

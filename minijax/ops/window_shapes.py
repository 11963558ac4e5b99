"""What the arguments of a reduction over windows mean, the shapes that follow, and how
the runtime is told.
"""

import numpy as np

from minijax import dtypes
from minijax.ops.conv_shapes import (
    check_pairs,
    dilate_shape,
    ints,
    padtype_to_pads,
    window_counts,
)
from minijax.ops.define import FLOAT, accepts
from minijax.ops.slicing import inserted


def window_params(shape, dimensions, strides, padding, base_dilation, window_dilation):
    """The parameters of a window in canonical form."""
    dimensions = ints(dimensions)
    n = len(dimensions)
    strides = (1,) * n if strides is None else ints(strides)
    base_dilation = (1,) * n if base_dilation is None else ints(base_dilation)
    window_dilation = (1,) * n if window_dilation is None else ints(window_dilation)
    if isinstance(padding, str):
        lengths = {
            len(shape),
            n,
            len(strides),
            len(base_dilation),
            len(window_dilation),
        }
        fits = len(lengths) == 1
        if fits and min(strides, default=1) > 0:
            extents = dilate_shape(dimensions, window_dilation)
            spread = dilate_shape(shape, base_dilation)
            padding = padtype_to_pads(spread, extents, strides, padding)
        else:
            padtype_to_pads((), (), (), padding)
            padding = ((0, 0),) * n  # the shape rule says what is wrong
    return {
        "window_dimensions": dimensions,
        "window_strides": strides,
        "padding": check_pairs("reduce_window", padding),
        "base_dilation": base_dilation,
        "window_dilation": window_dilation,
    }


def _check_positive(name, what, values):
    if any(v <= 0 for v in values):
        raise TypeError(
            f"{name} {what} must have every element be strictly positive, got {values}."
        )


def output_shape(name, shape, params):
    """The shape of a reduction over windows, after checking its parameters."""
    dimensions = params["window_dimensions"]
    if len(shape) != len(dimensions):
        raise TypeError(
            f"{name} got the wrong number of window_dimensions for operand: got operand "
            f"shape {shape} with window_dimensions {dimensions}."
        )
    _check_positive(name, "window_dimensions", dimensions)
    for what in ("window_strides", "base_dilation", "window_dilation"):
        values = params[what]
        if len(values) != len(dimensions):
            error = ValueError if what == "window_strides" else TypeError
            raise error(
                f"{name} got inconsistent {what} and window_dimensions: got {what} "
                f"{values} and window_dimensions {dimensions}."
            )
    _check_positive(name, "window_strides", params["window_strides"])
    padding = params["padding"]
    if len(padding) != len(dimensions):
        raise ValueError(
            f"{name} needs padding for each of {len(dimensions)} dimensions, got "
            f"{len(padding)}."
        )
    return reduce_window_shape_tuple(
        shape,
        dimensions,
        params["window_strides"],
        padding,
        params["base_dilation"],
        params["window_dilation"],
    )


def reduce_window_shape_tuple(
    operand_shape,
    window_dimensions,
    window_strides,
    padding,
    base_dilation=None,
    window_dilation=None,
):
    """The shape of a reduction over windows with explicit padding."""
    if base_dilation is not None:
        operand_shape = dilate_shape(operand_shape, base_dilation)
    if window_dilation is not None:
        window_dimensions = dilate_shape(window_dimensions, window_dilation)
    padded = tuple(
        n + low + high for n, (low, high) in zip(operand_shape, padding, strict=True)
    )
    return window_counts(padded, window_dimensions, window_strides)


def with_batch_dim(params, place):
    """The parameters with a dimension of windows of one element at `place`."""
    return {
        name: inserted(values, place, (0, 0) if name == "padding" else 1)
        for name, values in params.items()
    }


def encode_windows(params):
    """The window of each dimension as the runtime takes it."""
    words = []
    for k, n in enumerate(params["window_dimensions"]):
        words += [n, params["window_strides"][k], params["padding"][k][0]]
        words += [params.get("base_dilation", _ONES)[k]]
        words += [params.get("window_dilation", _ONES)[k]]
    return words


_ONES = (1,) * 64


def extreme_value(dtype, largest):
    """The largest or smallest value of a dtype."""
    if accepts(FLOAT, dtype) or dtype.kind == "c":
        return np.inf if largest else -np.inf
    if dtype.kind == "b":
        return largest
    info = dtypes.iinfo(dtype)
    return info.max if largest else info.min


# names of ops that the runtime reduces windows by (enum mjx_reduce_kind)
KINDS = {"add": 0, "mul": 1, "max": 2, "min": 3, "and": 4, "or": 5, "xor": 6}

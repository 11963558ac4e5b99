"""Convolutions whose kernel differs from place to place: `conv_general_dilated_local`."""

from minijax.ops.conv import conv_general_dilated_patches
from minijax.ops.conv_shapes import conv_dimension_numbers
from minijax.ops.define import shape_of
from minijax.ops.dot import dot_general
from minijax.ops.shape import transpose


def conv_general_dilated_local(
    lhs,
    rhs,
    window_strides,
    padding,
    filter_shape,
    lhs_dilation=None,
    rhs_dilation=None,
    dimension_numbers=None,
    precision=None,
):
    """A convolution with a kernel of its own for every place of the output.

    Args:
        lhs: batch, features and space, in the order of `dimension_numbers`.
        rhs: output features, input features x filter places, and the output's space.
        filter_shape: the sizes of the filter in space.

    Other arguments as `conv_general_dilated`'s.  The output has its layout.
    """
    numbers = conv_dimension_numbers(
        shape_of(lhs), (1, 1, *filter_shape), dimension_numbers
    )
    patches = conv_general_dilated_patches(
        lhs, filter_shape, window_strides, padding, lhs_dilation, rhs_dilation,
        numbers, precision,
    )  # fmt: skip
    rhs_spec, out_spec = numbers.rhs_spec, numbers.out_spec
    out = dot_general(
        patches,
        rhs,
        dimension_numbers=(
            (out_spec[1:2], rhs_spec[1:2]),
            (out_spec[2:], rhs_spec[2:]),
        ),
        precision=precision,
    )
    space = len(filter_shape)  # the product has space, batch, output features
    order = [0] * (space + 2)
    order[out_spec[0]], order[out_spec[1]] = space, space + 1
    for k in range(space):
        order[out_spec[2 + k]] = k
    return transpose(out, tuple(order))

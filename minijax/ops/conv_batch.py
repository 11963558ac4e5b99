"""How a convolution is batched: the new axis joins the batch, or the features with groups."""

from minijax.ops.conv_shapes import axis_into, axis_out_of
from minijax.ops.shape import reshape


def conv_batch(conv, axis, args, dims, **params):
    """The batch rule; `conv` binds the primitive."""
    lhs, rhs = args
    if dims[1] is None:
        return _batch_lhs(conv, axis.size, lhs, dims[0], rhs, **params)
    if dims[0] is None:
        return _batch_rhs(conv, axis.size, lhs, rhs, dims[1], **params)
    return _batch_both(conv, axis.size, lhs, dims[0], rhs, dims[1], **params)


def _into_within_groups(x, dim, axis, groups):
    """Merge batch dimension `dim` into `axis` (its place without it), inside its groups."""
    if groups == 1:
        return axis_into(reshape, x, dim, axis)
    x = axis_out_of(reshape, x, axis + (dim <= axis), groups)
    x = axis_into(reshape, x, dim + (axis < dim), axis + 1)
    return axis_into(reshape, x, axis, axis)


def _batch_lhs(
    conv, size, lhs, dim, rhs, *, dimension_numbers, batch_group_count, **params
):
    lhs_spec, _, out_spec = dimension_numbers
    lhs = _into_within_groups(lhs, dim, lhs_spec[0], batch_group_count)
    out = conv(
        lhs,
        rhs,
        dimension_numbers=dimension_numbers,
        batch_group_count=batch_group_count,
        **params,
    )
    return axis_out_of(reshape, out, out_spec[0], size), out_spec[0]


def _batch_rhs(
    conv,
    size,
    lhs,
    rhs,
    dim,
    *,
    dimension_numbers,
    feature_group_count,
    batch_group_count,
    **params,
):
    _, rhs_spec, out_spec = dimension_numbers
    groups = max(feature_group_count, batch_group_count)
    rhs = _into_within_groups(rhs, dim, rhs_spec[0], groups)
    out = conv(
        lhs,
        rhs,
        dimension_numbers=dimension_numbers,
        feature_group_count=feature_group_count,
        batch_group_count=batch_group_count,
        **params,
    )
    place = out_spec[1]
    if groups > 1:
        out = axis_out_of(reshape, out, place, groups)
        out = axis_out_of(reshape, out, place + 1, size)
        return axis_into(reshape, out, place, place + 1), place
    return axis_out_of(reshape, out, place, size), place


def _batch_both(
    conv,
    size,
    lhs,
    lhs_dim,
    rhs,
    rhs_dim,
    *,
    dimension_numbers,
    feature_group_count,
    batch_group_count,
    **params,
):
    lhs_spec, rhs_spec, out_spec = dimension_numbers
    if batch_group_count > 1:
        lhs = axis_into(reshape, lhs, lhs_dim, lhs_spec[0])
        batch_group_count *= size
    else:
        lhs = axis_into(reshape, lhs, lhs_dim, lhs_spec[1])
        feature_group_count *= size
    rhs = axis_into(reshape, rhs, rhs_dim, rhs_spec[0])
    out = conv(
        lhs,
        rhs,
        dimension_numbers=dimension_numbers,
        feature_group_count=feature_group_count,
        batch_group_count=batch_group_count,
        **params,
    )
    return axis_out_of(reshape, out, out_spec[1], size), out_spec[1]

"""`lax.gather` and convolutions of a `BCOO`."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.api.inspection import make_jaxpr
from minijax.api.vectorize import vmap
from minijax.experimental.sparse.bcoo_layout import bcoo_update_layout
from minijax.experimental.sparse.bcoo_parts import bcoo_transpose
from minijax.experimental.sparse.bcoo_shape import (
    _dense_aval,
    bcoo_dynamic_slice,
    bcoo_reshape,
    bcoo_squeeze,
)
from minijax.experimental.sparse.bcoo_type import BCOO


def bcoo_gather(
    operand, start_indices, dimension_numbers, slice_sizes, *, unique_indices=False,
    indices_are_sorted=False, mode=None, fill_value=None,
):  # fmt: skip
    """`lax.gather` for indices that lie within the array: NotImplementedError for other
    modes.
    """
    promise = lax.GatherScatterMode.PROMISE_IN_BOUNDS
    mode = promise if mode is None else lax.GatherScatterMode.from_any(mode)
    if mode != promise or dimension_numbers.operand_batching_dims:
        raise NotImplementedError(f"bcoo_gather: mode={mode} not yet supported.")
    start_indices = jnp.asarray(start_indices)
    out = _dense_aval(
        lax.gather, operand, start_indices, dimension_numbers=dimension_numbers,
        slice_sizes=slice_sizes, mode=mode,
    )  # fmt: skip
    mapped = dimension_numbers.start_index_map
    sizes = list(operand.shape)
    for axis in mapped:
        sizes[axis] = slice_sizes[axis]

    def slice_at(place):
        starts = [jnp.zeros((), start_indices.dtype)] * operand.ndim
        for k, axis in enumerate(mapped):
            starts[axis] = place[k]
        found = bcoo_dynamic_slice(operand, starts, sizes)
        return bcoo_squeeze(found, dimensions=dimension_numbers.collapsed_slice_dims)

    rows = start_indices.reshape(-1, start_indices.shape[-1])
    found = vmap(slice_at)(rows)
    batch_shape = start_indices.shape[:-1]
    found = bcoo_reshape(found, new_sizes=(*batch_shape, *found.shape[1:]))
    return _with_offsets(found, dimension_numbers.offset_dims, len(out.shape))


def _with_offsets(found, offset_dims, rank):
    """The axes of the slices moved from the end to `offset_dims`."""
    batch_dims = [d for d in range(rank) if d not in offset_dims]
    order = np.argsort([*batch_dims, *offset_dims]).tolist()
    if order == list(range(rank)):
        return found
    if sorted(order[: found.n_batch]) != list(range(found.n_batch)):
        found = bcoo_update_layout(found, n_batch=0)
    return bcoo_transpose(found, permutation=order)


def bcoo_conv_general_dilated(
    lhs, rhs, *, window_strides, padding, lhs_dilation=None, rhs_dilation=None,
    dimension_numbers=None, feature_group_count=1, batch_group_count=1, precision=None,
    preferred_element_type=None, out_sharding=None,
):  # fmt: skip
    """`lax.conv_general_dilated` of one channel along one axis, either side sparse.

    NotImplementedError for strides, dilation, groups, more channels or axes.
    """
    del precision, preferred_element_type, out_sharding

    def dense(lhs, rhs):
        return lax.conv_general_dilated(
            lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation,
            dimension_numbers, feature_group_count, batch_group_count,
        )  # fmt: skip

    shapes = [jnp.zeros(x.shape, x.dtype) for x in (lhs, rhs)]
    (eqn,) = make_jaxpr(dense)(*shapes).eqns
    _check_convolution(eqn.params, lhs, rhs)
    (pads,) = eqn.params["padding"]
    index_dtype = next(
        (x.indices.dtype for x in (lhs, rhs) if isinstance(x, BCOO)), "int32"
    )
    return _convolved(*[_as_line(x, index_dtype) for x in (lhs, rhs)], pads=pads)


def _check_convolution(params, lhs, rhs):
    ones = (1,) * (lhs.ndim - 2)
    for name in ("lhs_dilation", "rhs_dilation"):
        if params[name] != ones:
            raise NotImplementedError(f"bcoo convolution with {name}.")
    if params["window_strides"] != ones:
        raise NotImplementedError("bcoo convolution with non-unit window_strides.")
    if params["batch_group_count"] != 1 or params["feature_group_count"] != 1:
        raise NotImplementedError("bcoo convolution with non-unit group counts.")
    if lhs.shape[:2] != (1, 1) or rhs.shape[:2] != (1, 1):
        raise NotImplementedError(
            "bcoo convolution with leading dimensions other than (1, 1)"
        )


def _as_line(mat, index_dtype):
    """(elements, their places, the size) of an array of shape (1, 1, size)."""
    size = mat.shape[-1]
    if not isinstance(mat, BCOO):
        return jnp.asarray(mat)[0, 0], jnp.arange(size, dtype=index_dtype), size
    mat = bcoo_update_layout(mat, n_batch=2, n_dense=0)
    indices = mat.indices[0, 0, :, 0]
    return jnp.where(indices < size, mat.data[0, 0], 0), indices, size


def _convolved(lhs, rhs, pads):
    """A product for each pair of elements, where it falls."""
    lhs_data, lhs_indices, lhs_size = lhs
    rhs_data, rhs_indices, rhs_size = rhs
    before, after = map(int, pads)
    size = max(0, lhs_size + before + after - rhs_size + 1)
    data = (lhs_data[:, None] * rhs_data[None]).reshape(-1)
    place = (lhs_indices[:, None] + (before - rhs_indices)[None]).reshape(-1)
    outside = (place < 0) | (place >= size)
    data, place = jnp.where(outside, 0, data), jnp.where(outside, size, place)
    return BCOO((data[None, None], place[None, None, :, None]), shape=(1, 1, size))

"""Products with a `BCOO`: contractions, sampled ones, and elementwise products."""

import math

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.experimental.sparse.bcoo_layout import batch_to_sparse, bcoo_update_layout
from minijax.experimental.sparse.bcoo_parts import (
    _bcoo_extract,
    _bcoo_sum_duplicates,
    in_bounds,
    places,
)
from minijax.experimental.sparse.bcoo_type import BCOO, _validate_bcoo
from minijax.experimental.sparse.util import (
    SparseInfo,
    _dot_general_validated_shape,
    dot_general_aval,
    nfold_vmap,
    remaining,
)


def _tuples(dimension_numbers):
    contract, batch = dimension_numbers

    def numbers(axes):
        return (axes,) if isinstance(axes, int) else tuple([int(a) for a in axes])

    return tuple(map(numbers, contract)), tuple(map(numbers, batch))


def bcoo_dot_general(
    lhs, rhs, *, dimension_numbers, precision=None, preferred_element_type=None,
    out_sharding=None,
):  # fmt: skip
    """`lax.dot_general` where either side may be a BCOO; sparse if both are.

    NotImplementedError for contractions of dense axes, and for batch axes of the product
    that are not those of the sparse array.
    """
    del precision, out_sharding  # there is one of each
    kwargs = {
        "dimension_numbers": dimension_numbers,
        "preferred_element_type": preferred_element_type,
    }
    if isinstance(lhs, BCOO) and isinstance(rhs, BCOO):
        arrays = _bcoo_spdot_general(
            *lhs._bufs, *rhs._bufs, lhs_spinfo=lhs._info, rhs_spinfo=rhs._info, **kwargs
        )
        shape = _dot_general_validated_shape(lhs.shape, rhs.shape, dimension_numbers)
        return BCOO(arrays, shape=shape)
    if isinstance(lhs, BCOO):
        return _bcoo_dot_general(*lhs._bufs, rhs=rhs, lhs_spinfo=lhs._info, **kwargs)
    if isinstance(rhs, BCOO):
        return _bcoo_rdot_general(lhs, *rhs._bufs, rhs_spinfo=rhs._info, **kwargs)
    return lax.dot_general(lhs, rhs, **kwargs)


class _Dense:
    """The dense array that a sparse one stands for, as far as shapes go."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, dtype


def _bcoo_dot_general(
    lhs_data, lhs_indices, rhs, *, dimension_numbers, preferred_element_type, lhs_spinfo
):
    """The dense product of a sparse array with a dense one."""
    data, indices, rhs = map(jnp.asarray, (lhs_data, lhs_indices, rhs))
    shape = tuple(lhs_spinfo.shape)
    numbers = _tuples(dimension_numbers)
    props = _validate_bcoo(data, indices, shape)
    aval = dot_general_aval(
        _Dense(shape, data.dtype), rhs, numbers, preferred_element_type
    )
    (contract, rhs_contract), (batch, rhs_batch) = numbers
    _check_dot_axes(props, contract, batch)
    n = props.n_batch
    pairs = sorted(zip(contract, rhs_contract, strict=True))
    from_batch = [left for left, _ in pairs if left < n]
    data, indices = batch_to_sparse(data, indices, from_batch, shape)
    columns = [
        *range(len(from_batch)),
        *[k - n + len(from_batch) for k, _ in pairs if k >= n],
    ]
    free = remaining(range(indices.shape[-1]), columns)
    indices = indices[..., np.array([*columns, *free], int)]
    free_sizes = [s for k, s in enumerate(shape) if n <= k < n + props.n_sparse]
    free_sizes = [free_sizes[k - len(from_batch)] for k in free]

    left = remaining(range(n), from_batch)  # the batch axes that are left
    order = [left.index(k) for k in (*batch, *remaining(left, batch))]
    data = data.transpose([*order, *range(len(left), data.ndim)])
    indices = indices.transpose([*order, *range(len(left), indices.ndim)])
    rest = remaining(range(rhs.ndim), rhs_batch, rhs_contract)
    rhs = rhs.transpose([*rhs_batch, *[right for _, right in pairs], *rest])

    def product(data, indices, rhs):
        return _product(
            data, indices, rhs, len(columns), free_sizes, preferred_element_type
        )

    product = nfold_vmap(product, len(left) - len(batch), in_axes=(0, 0, None))
    product = nfold_vmap(product, len(batch))
    return jnp.broadcast_to(product(data, indices, rhs), aval.shape)


def _check_dot_axes(props, contract, batch):
    if batch and max(batch) >= props.n_batch:
        raise NotImplementedError(
            "bcoo_dot_general batch dimensions must be among the batch dimensions in the "
            "sparse representation.\n"
            f"got lhs_batch={batch}, n_batch={props.n_batch}"
        )
    if max(contract, default=-1) >= props.n_batch + props.n_sparse:
        raise NotImplementedError(
            "bcoo_dot_general: contracting over dense dimensions."
        )


def _product(data, indices, rhs, n_contract, free_sizes, dtype):
    """One batch: the first `n_contract` columns of indices meet the first axes of rhs."""
    if n_contract:
        columns = places(indices[:, :n_contract])
        picked = rhs.at[columns].get(mode="fill", fill_value=0)
    else:
        picked = jnp.broadcast_to(rhs, (data.shape[0], *rhs.shape))
    terms = lax.dot_general(
        data, picked, (((), ()), ((0,), (0,))), preferred_element_type=dtype
    )
    if indices.shape[1] == n_contract:
        return terms.sum(0, dtype=terms.dtype)
    zeros = jnp.zeros((*free_sizes, *terms.shape[1:]), terms.dtype)
    return zeros.at[places(indices[:, n_contract:])].add(terms, mode="drop")


def _bcoo_rdot_general(
    lhs, rhs_data, rhs_indices, *, dimension_numbers, preferred_element_type, rhs_spinfo
):
    """The dense product of a dense array with a sparse one."""
    contract, batch = _tuples(dimension_numbers)
    found = _bcoo_dot_general(
        rhs_data, rhs_indices, lhs, lhs_spinfo=rhs_spinfo,
        dimension_numbers=(contract[::-1], batch[::-1]),
        preferred_element_type=preferred_element_type,
    )  # fmt: skip
    n_batch = len(batch[0])
    swap = len(rhs_spinfo.shape) - len(contract[0])
    order = [*range(n_batch), *range(swap, found.ndim), *range(n_batch, swap)]
    return found.transpose(order)


def bcoo_dot_general_sampled(A, B, indices, *, dimension_numbers):
    """The elements at `indices` of the dense product of A and B: data of a BCOO."""
    A, B, indices = map(jnp.asarray, (A, B, indices))
    numbers = _tuples(dimension_numbers)
    shape = _dot_general_validated_shape(A.shape, B.shape, numbers)
    if indices.shape[-1] == len(shape) and not numbers[1][0]:
        return _sampled_rows(A, B, indices, numbers[0])
    product = lax.dot_general(A, B, numbers, precision=lax.Precision.HIGHEST)
    return _bcoo_extract(indices, product)


def _sampled_rows(A, B, indices, contract):
    """Sampled where every axis has an index: only what is asked for is computed."""

    def rows(x, axes, columns):
        free = remaining(range(x.ndim), axes)
        x = x.transpose([*free, *axes])
        if not free:
            return jnp.broadcast_to(x, (indices.shape[0], *x.shape))
        return x.at[places(indices[:, columns])].get(mode="fill", fill_value=0)

    n = A.ndim - len(contract[0])
    left = rows(A, contract[0], slice(0, n))
    right = rows(B, contract[1], slice(n, None))
    axes = tuple(range(1, left.ndim))
    return lax.dot_general(
        left, right, ((axes, axes), ((0,), (0,))), precision=lax.Precision.HIGHEST
    )


# --- sparse with sparse ---------------------------------------------------------------


def _check_sparse_dot(lhs, rhs, numbers):
    (contract, rhs_contract), (batch, rhs_batch) = numbers
    if lhs.n_dense or rhs.n_dense:
        raise NotImplementedError("bcoo_spdot_general with dense dimensions.")
    for props, axes, among in ((lhs, batch, contract), (rhs, rhs_batch, rhs_contract)):
        if max(axes, default=-1) >= props.n_batch:
            raise NotImplementedError(
                "bcoo_spdot_general: batch_dims must correspond to batch dimensions of "
                "the sparse representation."
            )
        if min(among, default=props.n_batch) < props.n_batch:
            raise NotImplementedError(
                "bcoo_spdot_general only supports contraction of sparse indices."
            )
    if rhs.n_batch > len(rhs_batch) and lhs.n_sparse > len(contract):
        raise ValueError(
            "bcoo_spdot_general: cannot have unused batch dims on rhs with unused sparse "
            "dims on lhs."
        )


def _bcoo_spdot_general(
    lhs_data, lhs_indices, rhs_data, rhs_indices, *, lhs_spinfo, rhs_spinfo,
    dimension_numbers, preferred_element_type=None,
):  # fmt: skip
    """(data, indices) of the product of two sparse arrays."""
    numbers = _tuples(dimension_numbers)
    shapes = tuple(lhs_spinfo.shape), tuple(rhs_spinfo.shape)
    lhs = _validate_bcoo(lhs_data, lhs_indices, shapes[0])
    rhs = _validate_bcoo(rhs_data, rhs_indices, shapes[1])
    out_shape = _dot_general_validated_shape(*shapes, numbers)
    _check_sparse_dot(lhs, rhs, numbers)
    (contract, rhs_contract), (batch, rhs_batch) = numbers
    n_out = lhs.n_batch + rhs.n_batch - len(batch)
    nse = 1
    for props, axes in ((lhs, contract), (rhs, rhs_contract)):
        nse *= props.nse if props.n_sparse > len(axes) else 1
    nse = min(nse, math.prod(out_shape[n_out:]))

    def to_front(x, props, axes):
        order = [*axes, *remaining(range(props.n_batch), axes)]
        return x.transpose([*order, *range(props.n_batch, x.ndim)])

    arrays = [to_front(x, lhs, batch) for x in (lhs_data, lhs_indices)]
    arrays += [to_front(x, rhs, rhs_batch) for x in (rhs_data, rhs_indices)]
    sides = (
        [k - lhs.n_batch for k in contract], shapes[0][lhs.n_batch :],
        [k - rhs.n_batch for k in rhs_contract], shapes[1][rhs.n_batch :],
    )  # fmt: skip

    def product(*arrays):
        data, indices = _sparse_product(arrays, sides, preferred_element_type)
        info = SparseInfo(out_shape[n_out:])
        return _bcoo_sum_duplicates(data, indices, spinfo=info, nse=nse)

    product = nfold_vmap(product, rhs.n_batch - len(batch), in_axes=(None, None, 0, 0))
    product = nfold_vmap(product, lhs.n_batch - len(batch), in_axes=(0, 0, None, None))
    return nfold_vmap(product, len(batch))(*arrays)


def _sparse_product(arrays, sides, dtype):
    """One batch: a product for each pair of elements, zeros where they do not meet."""
    lhs_data, lhs_indices, rhs_data, rhs_indices = arrays
    lhs_axes, lhs_shape, rhs_axes, rhs_shape = sides

    def split(indices, axes, shape):
        free = remaining(range(len(shape)), axes)
        sizes = [shape[k] for k in axes]
        met = indices[:, np.array(axes, int)]
        return met, indices[:, np.array(free, int)], in_bounds(met, sizes)

    left, left_free, left_real = split(lhs_indices, lhs_axes, lhs_shape)
    right, right_free, right_real = split(rhs_indices, rhs_axes, rhs_shape)
    meet = (left[:, None] == right[None]).all(-1)
    meet &= left_real[:, None] & right_real[None]
    if dtype is not None:
        lhs_data, rhs_data = lhs_data.astype(dtype), rhs_data.astype(dtype)
    data = jnp.where(meet, lhs_data[:, None] * rhs_data[None], 0)
    pairs = [
        jnp.broadcast_to(x, (*meet.shape, x.shape[-1]))
        for x in (left_free[:, None], right_free[None])
    ]
    indices = jnp.concatenate(pairs, -1)
    return data.reshape(-1), indices.reshape(data.size, indices.shape[-1])


# --- elementwise ----------------------------------------------------------------------


def bcoo_multiply_sparse(lhs, rhs):
    """The elementwise product of two sparse arrays of one rank, which may broadcast."""
    if lhs.ndim != rhs.ndim:
        raise TypeError(
            "bcoo_multiply_sparse: arrays must have same number of dimensions, got "
            f"{lhs.shape}, {rhs.shape}"
        )
    if lhs.n_dense != rhs.n_dense:
        raise NotImplementedError(
            "bcoo_multiply_sparse: arrays with differing numbers of dense dimensions: "
            f"{lhs}, {rhs}"
        )
    n = min(lhs.n_batch, rhs.n_batch)
    lhs = bcoo_update_layout(lhs, n_batch=n)
    rhs = bcoo_update_layout(rhs, n_batch=n)
    shape = jnp.broadcast_shapes(lhs.shape, rhs.shape)
    sizes = [x.shape[n : n + x.n_sparse] for x in (lhs, rhs)]

    def product(*arrays):
        return _elementwise(arrays, *sizes)

    arrays = nfold_vmap(product, n)(*lhs._bufs, *rhs._bufs)
    return BCOO(arrays, shape=shape)


def _elementwise(arrays, lhs_sizes, rhs_sizes):
    """One batch: a product for each pair of elements, padding where they do not meet."""
    lhs_data, lhs_indices, rhs_data, rhs_indices = arrays
    both = [k for k, s in enumerate(lhs_sizes) if s != 1 and rhs_sizes[k] != 1]
    both = np.array(both, int)
    meet = (lhs_indices[:, None, both] == rhs_indices[None, :, both]).all(-1)
    meet &= in_bounds(lhs_indices, lhs_sizes)[:, None]
    meet &= in_bounds(rhs_indices, rhs_sizes)[None]
    end = jnp.array(jnp.broadcast_shapes(lhs_sizes, rhs_sizes), lhs_indices.dtype)
    indices = jnp.maximum(lhs_indices[:, None], rhs_indices[None])
    indices = jnp.where(meet[..., None], indices, end)
    data = lhs_data[:, None] * rhs_data[None]
    data = jnp.where(meet.reshape(*meet.shape, *[1] * (data.ndim - 2)), data, 0)
    n = meet.size
    return data.reshape(n, *data.shape[2:]), indices.reshape(n, indices.shape[-1])


def bcoo_multiply_dense(sp_mat, v):
    """The data of the elementwise product with a dense array no larger than it."""
    data, indices, shape = sp_mat.data, sp_mat.indices, sp_mat.shape
    v = jnp.asarray(v)
    if not v.ndim:
        return data * v
    if v.ndim > len(shape) or jnp.broadcast_shapes(v.shape, shape) != shape:
        raise NotImplementedError(
            "multiplication between sparse and dense is only implemented for cases where "
            "the output shape matches the sparse matrix shape. Got "
            f"shape={shape}, v.shape={v.shape}"
        )
    v = v.reshape((1,) * (len(shape) - v.ndim) + v.shape)

    def product(data, indices, v):
        columns = [
            column if size != 1 else jnp.zeros_like(column)
            for column, size in zip(places(indices), v.shape, strict=False)
        ]
        if not columns:
            return data * v
        return data * v.at[tuple(columns)].get(mode="fill", fill_value=0)

    return nfold_vmap(product, sp_mat.n_batch)(data, indices, v)

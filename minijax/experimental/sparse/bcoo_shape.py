"""What `lax` does to the shape of arrays, for a `BCOO`."""

import functools
import math
import operator

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.api.inspection import ShapeDtypeStruct, eval_shape
from minijax.experimental.sparse.bcoo_layout import batch_to_sparse, bcoo_update_layout
from minijax.experimental.sparse.bcoo_parts import (
    _bcoo_sum_duplicates,
    _split_permutation,
    in_bounds,
)
from minijax.experimental.sparse.bcoo_type import BCOO
from minijax.experimental.sparse.util import SparseInfo, limits, split_shape
from minijax.numpy.promotion import canonical_axis


def _dense_aval(fun, *operands, **params):
    """What `fun` gives for dense arrays of such shapes; its errors too."""
    shapes = [ShapeDtypeStruct(x.shape, x.dtype) for x in operands]
    return eval_shape(functools.partial(fun, **params), *shapes)


def _parts(mat, values):
    return split_shape(values, mat.n_batch, mat.n_sparse)


# --- more axes ------------------------------------------------------------------------


def bcoo_broadcast_in_dim(mat, *, shape, broadcast_dimensions, sharding=None):
    """`lax.broadcast_in_dim`: axes before sparse ones become batch axes.

    ValueError where kinds of axes would mix, NotImplementedError for new sparse axes
    larger than 1.
    """
    shape, dims = tuple(shape), tuple(broadcast_dimensions)
    if mat.ndim != len(dims):
        raise ValueError(
            f"spinfo.shape={mat.shape} and broadcast_dimensions={dims} must have the same "
            "length"
        )
    batch, sparse, dense = _parts(mat, dims)
    _check_order("batch and sparse", batch, sparse, len(shape))
    _check_order("sparse and dense", sparse, dense, len(shape))
    n_batch = min(dims[mat.n_batch :], default=len(shape))
    n_dense = len(shape) - min(dense) if dense else 0
    n_sparse = len(shape) - n_batch - n_dense
    new = split_shape(shape, n_batch, n_sparse)
    if math.prod(_parts(mat, mat.shape)[1]) != math.prod(new[1]):
        raise NotImplementedError("Adding sparse dimensions with lengths != 1")

    def with_batch(x):
        """New batch axes of size 1, which stand for any size."""
        sizes = [1] * n_batch
        for axis, size in zip(batch, x.shape, strict=False):
            sizes[axis] = size
        return x.reshape(*sizes, *x.shape[len(batch) :])

    data, indices = with_batch(mat.data), with_batch(mat.indices)
    stays = [k - n_sparse + 1 for k in dense]
    full = (*data.shape[:n_batch], mat.nse, *new[2])
    data = lax.broadcast_in_dim(data, full, (*range(n_batch + 1), *stays))
    if n_sparse != mat.n_sparse:
        columns = jnp.zeros((*indices.shape[:-1], n_sparse), indices.dtype)
        at = np.array(sparse, int) - n_batch
        indices = columns.at[..., at].set(indices)
    grown = [
        jnp.broadcast_to(x, (*new[0], *x.shape[n_batch:])) for x in (data, indices)
    ]
    return BCOO(grown, shape=shape)


def _check_order(kinds, first, second, rank):
    if max(first, default=0) > min(second, default=rank):
        raise ValueError(f"Cannot mix {kinds} dimensions during broadcast_in_dim")


def bcoo_concatenate(operands, *, dimension):
    """`lax.concatenate` along a batch or sparse axis; all with equal layouts."""
    dimension = operator.index(dimension)
    if not all(isinstance(x, BCOO) for x in operands):
        raise ValueError(
            "bcoo_concatenate: expected operands to be a sequence of BCOO arrays. Got "
            f"{operands}"
        )
    out = _dense_aval(lambda *xs: lax.concatenate(xs, dimension), *operands)
    if len({x.n_dense for x in operands}) > 1:
        raise ValueError(
            "bcoo_concatenate requires inputs to have matching nse dimensions."
        )
    operands = _with_one_layout(operands)
    n_batch, n_sparse = operands[0].n_batch, operands[0].n_sparse
    for arrays in zip(*[x._bufs for x in operands], strict=True):
        batches = {
            tuple([s for k, s in enumerate(x.shape[:n_batch]) if k != dimension])
            for x in arrays
        }
        if len(batches) > 1:
            raise NotImplementedError(
                "concatenation of arrays with broadcasted batch indices"
            )
    if dimension < n_batch:
        nse = max(x.nse for x in operands)
        operands = [_bcoo_set_nse(x, nse) for x in operands]
        arrays = [
            jnp.concatenate(x, axis=dimension)
            for x in zip(*[x._bufs for x in operands], strict=True)
        ]
    elif dimension < n_batch + n_sparse:
        arrays = _joined_elements(operands, dimension)
    else:
        raise NotImplementedError("Concatenation along dense dimensions.")
    return BCOO(arrays, shape=out.shape)


def _with_one_layout(operands):
    """The operands with as many batch axes; those of `x[None]` may become sparse or back."""
    counts = {x.n_batch for x in operands}
    if counts == {0, 1}:
        for other, wanted in ((0, 1), (1, 0)):
            if all(x.shape[0] == 1 for x in operands if x.n_batch == other):
                return [bcoo_update_layout(x, n_batch=wanted) for x in operands]
    if len(counts) > 1:
        raise ValueError(
            "bcoo_concatenate requires inputs to have matching batch dimensions."
        )
    return operands


def _joined_elements(operands, dimension):
    n = operands[0].n_batch
    data = jnp.concatenate([x.data for x in operands], axis=n)
    offset, indices = 0, []
    for x in operands:
        real = in_bounds(x.indices, _parts(x, x.shape)[1])[..., None]
        moved = x.indices.at[..., dimension - n].add(offset)
        last = x is operands[-1]
        # padding would lie within the operands that follow
        far = jnp.iinfo(x.indices.dtype).max
        indices.append(moved if last else jnp.where(real, moved, far))
        offset += x.shape[dimension]
    return data, jnp.concatenate(indices, axis=n)


def _bcoo_set_nse(mat, nse):
    """`mat` with `nse` elements a batch: some fewer, or padding."""
    if nse == mat.nse:
        return mat
    n = mat.n_batch
    if nse < mat.nse:
        keep = (*[slice(None)] * n, slice(nse))
        arrays = mat.data[keep], mat.indices[keep]
    else:
        grow = [(0, 0)] * mat.data.ndim
        grow[n] = (0, nse - mat.nse)
        end = limits(_parts(mat, mat.shape)[1], mat.indices)
        rows = (*mat.indices.shape[:n], nse - mat.nse, mat.n_sparse)
        padding = jnp.broadcast_to(end, rows)
        arrays = (
            jnp.pad(mat.data, grow),
            jnp.concatenate([mat.indices, padding], axis=n),
        )
    return BCOO(arrays, **mat._known())


# --- other axes -----------------------------------------------------------------------


def bcoo_reshape(mat, *, new_sizes, dimensions=None, sharding=None):
    """`lax.reshape`, which must not mix batch, sparse and dense axes: ValueError."""
    new_sizes = tuple([operator.index(s) for s in new_sizes])
    n = mat.n_batch
    if any(x.shape[:n] != mat.shape[:n] for x in mat._bufs):
        raise NotImplementedError(
            "reshape of arrays with broadcasted batch dimensions."
        )
    batch, sparse, _ = _parts(mat, mat.shape)
    order = range(mat.ndim) if dimensions is None else dimensions
    batch_perm, sparse_perm, dense_perm = _split_permutation(
        tuple(order), mat, mat.ndim
    )
    ends = _ends_of_kinds(mat, new_sizes, math.prod(batch), math.prod(sparse))
    new = new_sizes[: ends[0]], new_sizes[ends[0] : ends[1]], new_sizes[ends[1] :]
    data = mat.data.transpose([*batch_perm, n, *[k + n + 1 for k in dense_perm]])
    data = data.reshape(*new[0], mat.nse, *new[2])
    indices = mat.indices.transpose([*batch_perm, n, n + 1])
    indices = indices.reshape(*new[0], mat.nse, mat.n_sparse)
    if not new[1]:
        indices = jnp.zeros((*new[0], mat.nse, 0), indices.dtype)
    elif sparse:
        indices = _reindexed(indices, sparse, sparse_perm, new[1])
    else:
        indices = jnp.zeros((*new[0], mat.nse, len(new[1])), indices.dtype)
    return BCOO((data, indices), shape=new_sizes)


def _ends_of_kinds(mat, new_sizes, batch_size, sparse_size):
    """Where in the new sizes the batch axes end, and the sparse ones."""
    products = np.cumprod(new_sizes)
    said = f"got shape={mat.shape} new_shape={new_sizes} with"
    if batch_size != 1 and batch_size not in products:
        raise ValueError(
            "bcoo_reshape: new shape cannot mix batch and sparse dimensions; "
            f"{said} n_batch={mat.n_batch}"
        )
    if sparse_size != 1 and batch_size * sparse_size not in products:
        raise ValueError(
            "bcoo_reshape: new shape cannot mix sparse and dense dimensions; "
            f"{said} n_dense={mat.n_dense}"
        )
    wanted = [batch_size, batch_size * sparse_size]
    return [int(np.searchsorted(products, size, side="right")) for size in wanted]


def _reindexed(indices, sizes, permutation, new_sizes):
    """Indices in an array of `sizes`, permuted and reshaped to `new_sizes`."""
    real = in_bounds(indices, sizes)[..., None]
    columns = tuple([indices[..., k] for k in permutation])
    flat = jnp.ravel_multi_index(columns, [sizes[k] for k in permutation], mode="clip")
    found = jnp.stack(jnp.unravel_index(flat, new_sizes), axis=-1).astype(indices.dtype)
    return jnp.where(real, found, limits(new_sizes, indices))


def bcoo_rev(operand, dimensions):
    """`lax.rev`."""
    dims = [operator.index(d) for d in dimensions]
    _dense_aval(lax.rev, operand, dimensions=dims)
    n, end = operand.n_batch, operand.n_batch + operand.n_sparse
    batch = [d for d in dims if d < n]
    sparse = np.array([d - n for d in dims if n <= d < end], int)
    dense = [d + 1 - operand.n_sparse for d in dims if d >= end]
    data = lax.rev(operand.data, [*batch, *dense])
    indices = lax.rev(operand.indices, batch)
    if sparse.size:
        sizes = _parts(operand, operand.shape)[1]
        last = limits([sizes[k] - 1 for k in sparse], indices)
        turned = indices.at[..., sparse].set(last - indices[..., sparse])
        real = in_bounds(indices, sizes)[..., None]
        indices = jnp.where(real, turned, limits(sizes, indices))
    return BCOO((data, indices), shape=operand.shape)


def bcoo_squeeze(arr, *, dimensions):
    """`lax.squeeze`: without some axes of size 1."""
    gone = {canonical_axis(operator.index(d), arr.ndim) for d in dimensions}
    if any(arr.shape[d] != 1 for d in gone):
        raise ValueError(
            "cannot select an axis to squeeze out which has size not equal to one, got "
            f"shape={arr.shape} and dimensions={tuple(dimensions)}"
        )
    n, end = arr.n_batch, arr.n_batch + arr.n_sparse
    batch = tuple(d for d in gone if d < n)
    dense = tuple(d - arr.n_sparse + 1 for d in gone if d >= end)
    kept = np.array([d - n for d in range(n, end) if d not in gone], int)
    data = lax.squeeze(arr.data, batch + dense)
    indices = lax.squeeze(arr.indices[..., kept], batch)
    shape = [s for d, s in enumerate(arr.shape) if d not in gone]
    return BCOO((data, indices), **{**arr._known(), "shape": tuple(shape)})


# --- less of an array -----------------------------------------------------------------


def bcoo_slice(mat, *, start_indices, limit_indices, strides=None):
    """`lax.slice`."""
    if not isinstance(mat, BCOO):
        raise TypeError(
            f"bcoo_slice: input should be BCOO array, got type(mat)={type(mat)}"
        )
    starts = [operator.index(k) for k in start_indices]
    ends = [operator.index(k) for k in limit_indices]
    strides = (
        [1] * mat.ndim if strides is None else [operator.index(k) for k in strides]
    )
    _check_slice(mat, starts, ends, strides)
    cuts = [slice(*cut) for cut in zip(starts, ends, strides, strict=True)]
    shape = [
        len(range(*cut.indices(s))) for cut, s in zip(cuts, mat.shape, strict=True)
    ]
    batch, sparse, dense = _parts(mat, cuts)

    def cut_batch(x):
        """Axes of size 1 that stand for more stay as they are, unless nothing is left."""
        return tuple(
            [
                cut if x.shape[k] == mat.shape[k] else slice(min(1, shape[k]))
                for k, cut in enumerate(batch)
            ]
        )

    data = mat.data[(*cut_batch(mat.data), slice(None), *dense)]
    indices = mat.indices[cut_batch(mat.indices)]
    if not sparse:
        return BCOO((data, indices), shape=shape)
    first, stop, step = (
        limits([getattr(cut, name) for cut in sparse], indices)
        for name in ("start", "stop", "step")
    )
    keep = (indices >= first) & (indices < stop) & ((indices - first) % step == 0)
    return _kept(mat, data, (indices - first) // step, keep.all(-1), shape)


def _check_slice(mat, starts, ends, strides):
    if not len(starts) == len(ends) == mat.ndim:
        raise ValueError(f"bcoo_slice: indices must have size mat.ndim={mat.ndim}")
    if len(strides) != mat.ndim:
        raise ValueError(f"len(strides) = {len(strides)}; expected {mat.ndim}")
    if any(s <= 0 for s in strides):
        raise ValueError(
            f"strides must be a sequence of positive integers; got {strides}"
        )
    if not all(
        0 <= a <= b <= s for a, b, s in zip(starts, ends, mat.shape, strict=True)
    ):
        raise ValueError(
            f"bcoo_slice: invalid indices. Got start_indices={starts}, "
            f"limit_indices={ends} and shape={mat.shape}"
        )


def _kept(mat, data, indices, keep, shape):
    """The elements to keep at their new indices, no more of them than there are places."""
    _, sizes, _ = _parts(mat, shape)
    end = limits(sizes, indices)
    indices = jnp.where(keep[..., None], indices, end)
    data = jnp.where(keep.reshape(*keep.shape, *[1] * mat.n_dense), data, 0)
    nse = math.prod(sizes)
    if mat.nse > nse:
        info = SparseInfo(tuple(shape))
        data, indices = _bcoo_sum_duplicates(data, indices, spinfo=info, nse=nse)
    return BCOO((data, indices), shape=shape)


def bcoo_dynamic_slice(mat, start_indices, slice_sizes):
    """`lax.dynamic_slice`."""
    sizes = tuple([operator.index(s) for s in slice_sizes])
    starts = [jnp.asarray(k) for k in start_indices]
    _dense_aval(lambda x, *starts: lax.dynamic_slice(x, starts, sizes), mat, *starts)
    batch, sparse, dense = zip(_parts(mat, starts), _parts(mat, sizes), strict=True)
    zero = jnp.zeros((), starts[0].dtype if starts else jnp.int32)

    def cut(x, others, other_sizes):
        one = [x.shape[k] != mat.shape[k] for k in range(mat.n_batch)]
        first = [zero if alone else k for alone, k in zip(one, batch[0], strict=True)]
        count = [
            min(1, s) if alone else s for alone, s in zip(one, batch[1], strict=True)
        ]
        return lax.dynamic_slice(x, [*first, *others], [*count, *other_sizes])

    data = cut(mat.data, [zero, *dense[0]], [mat.nse, *dense[1]])
    indices = cut(mat.indices, [zero, zero], [mat.nse, mat.n_sparse])
    if not mat.n_sparse:
        return BCOO((data, indices), shape=sizes)
    whole = limits(_parts(mat, mat.shape)[1], indices)
    count = limits(sparse[1], indices)
    first = jnp.stack(sparse[0]).astype(indices.dtype).reshape(whole.shape)
    first = jnp.clip(jnp.where(first < 0, first + whole, first), 0, whole - count)
    keep = ((indices >= first) & (indices < first + count)).all(-1)
    return _kept(mat, data, indices - first, keep, sizes)


def bcoo_reduce_sum(mat, *, axes):
    """The sum over some axes, sparse."""
    gone = sorted({operator.index(a) for a in axes})
    n, end = mat.n_batch, mat.n_batch + mat.n_sparse
    data = mat.data.sum(tuple([a - mat.n_sparse + 1 for a in gone if a >= end]))
    real = in_bounds(mat.indices, _parts(mat, mat.shape)[1])
    data = jnp.where(real.reshape(*real.shape, *[1] * (data.ndim - n - 1)), data, 0)
    kept = [a - n for a in range(n, end) if a not in gone]
    indices = mat.indices[..., np.array(kept, int)]
    batch = [a for a in gone if a < n]
    if batch:
        data, indices = batch_to_sparse(data, indices, batch, mat.shape)
        indices = indices[..., len(batch) :]
    shape = [s for a, s in enumerate(mat.shape) if a not in gone]
    return BCOO((data, indices), shape=shape)

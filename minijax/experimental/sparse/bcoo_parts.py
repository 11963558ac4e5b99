"""Dense to sparse and back, elements in order and once: on the arrays of a `BCOO`."""

import operator
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax.experimental.sparse.bcoo_type import (
    BCOO,
    _validate_bcoo,
    _validate_bcoo_indices,
)
from minijax.experimental.sparse.util import (
    _count_stored_elements,
    broadcast_batch,
    limits,
    nfold_vmap,
    split_shape,
)
from minijax.numpy.promotion import concrete_or_error


def places(indices):
    """The columns of a batch's indices, to index with."""
    return tuple([indices[:, k] for k in range(indices.shape[1])])


def in_bounds(indices, sparse_shape):
    """For each element whether it is one, and not padding."""
    return (indices < limits(sparse_shape, indices)).all(-1)


# --- dense to sparse and back ---------------------------------------------------------


def _bcoo_todense(data, indices, *, spinfo):
    """The array (of `spinfo.shape`) that data and indices stand for."""
    data, indices = jnp.asarray(data), jnp.asarray(indices)
    props = _validate_bcoo(data, indices, spinfo.shape)
    batch, sparse, dense = split_shape(spinfo.shape, props.n_batch, props.n_sparse)

    def dense_of(data, indices):
        if not sparse:
            return data.sum(0, dtype=data.dtype)
        zeros = jnp.zeros((*sparse, *dense), data.dtype)
        return zeros.at[places(indices)].add(data, mode="drop")

    found = nfold_vmap(dense_of, props.n_batch)(data, indices)
    return broadcast_batch(found, batch)


def bcoo_todense(mat):
    """The array with all its zeros."""
    return _bcoo_todense(mat.data, mat.indices, spinfo=mat._info)


def bcoo_fromdense(mat, *, nse=None, n_batch=0, n_dense=0, index_dtype: Any = np.int32):
    """The elements of a dense array that are not 0.

    nse: how many of a batch are stored, where that must be known. n_batch, n_dense: how
    many leading axes have indices of their own, and trailing ones none.
    """
    mat = jnp.asarray(mat)
    if nse is None:
        nse = _count_stored_elements(mat, n_batch, n_dense)
    nse = concrete_or_error(operator.index, nse, _NSE_IS_TRACED)
    arrays = _bcoo_fromdense(
        mat, nse=nse, n_batch=n_batch, n_dense=n_dense, index_dtype=index_dtype
    )
    return BCOO(arrays, shape=mat.shape, indices_sorted=True, unique_indices=True)


_NSE_IS_TRACED = (
    "The error arose for the nse argument of bcoo_fromdense. In order for "
    "BCOO.fromdense() to be used in traced/compiled code, you must pass a concrete value "
    "to the nse (number of stored elements) argument."
)


def _bcoo_fromdense(mat, *, nse, n_batch=0, n_dense=0, index_dtype=np.int32):
    """(data, indices) of the elements that are not 0, in order."""
    mat = jnp.asarray(mat)
    n_sparse = mat.ndim - n_batch - n_dense
    if min(n_sparse, n_batch, n_dense) < 0:
        raise ValueError(
            f"{n_batch=} and {n_dense=} do not fit an array of shape {mat.shape}"
        )

    def stored(mat):
        if not n_sparse:  # no zeros are left out, nor their derivatives
            indices = jnp.zeros((nse, 0), index_dtype)
            return _extracted(indices, mat), indices
        mask = (mat != 0).any(tuple(range(n_sparse, mat.ndim)))
        found = jnp.nonzero(mask, size=nse, fill_value=mask.shape)
        indices = jnp.stack(found, 1).astype(index_dtype)
        real = jnp.arange(nse) < mask.sum()
        return _extracted(indices, mat, real), indices

    return nfold_vmap(stored, n_batch, broadcasted=False)(mat)


def _extracted(indices, mat, wanted=None):
    """The blocks of one dense batch at the indices, zeros where they are not wanted."""
    if indices.shape[1]:
        found = mat.at[places(indices)].get(mode="fill", fill_value=0)
    else:
        found = jnp.broadcast_to(mat, (indices.shape[0], *mat.shape))
    if wanted is None:
        return found
    return jnp.where(wanted.reshape(-1, *[1] * (found.ndim - 1)), found, 0)


def bcoo_extract(sparr, arr, *, assume_unique=None):
    """The elements of the dense `arr` where `sparr` has elements, as a sparse array."""
    if not isinstance(sparr, BCOO):
        raise TypeError(
            f"First input to bcoo_extract should be a BCOO array. Got {sparr}"
        )
    arr = jnp.asarray(arr)
    if arr.shape != sparr.shape:
        raise ValueError(
            f"shape mismatch: sparr.shape={sparr.shape} a.shape={arr.shape}"
        )
    if assume_unique is None:
        assume_unique = sparr.unique_indices
    data = _bcoo_extract(sparr.indices, arr, assume_unique=assume_unique)
    return BCOO((data, sparr.indices), **sparr._known())


def _bcoo_extract(indices, arr, *, assume_unique=True):
    """The blocks of a dense array at indices; of repeated ones, if need be, the first."""
    indices, arr = jnp.asarray(indices), jnp.asarray(arr)
    props = _validate_bcoo_indices(indices, arr.shape)

    def extract(indices, arr):
        first = None if assume_unique else _is_first(indices)
        return _extracted(indices, arr, first)

    return nfold_vmap(extract, props.n_batch)(indices, arr)


# --- in order, and once ---------------------------------------------------------------


def lexicographic(indices):
    """The order that sorts the rows of a batch's indices."""
    if not indices.shape[1]:
        return jnp.arange(indices.shape[0])
    return jnp.lexsort(places(indices)[::-1])


def _groups(indices):
    """Rows in order: (their order, whether each is another row than the last)."""
    order = lexicographic(indices)
    rows = indices[order]
    is_new = (rows[1:] != rows[:-1]).any(1)
    first = jnp.ones(min(1, indices.shape[0]), bool)
    return order, jnp.concatenate([first, is_new])


def _is_first(indices):
    order, is_new = _groups(indices)
    return jnp.zeros_like(is_new).at[order].set(is_new)


def _unique_rows(indices, sparse_shape):
    """(the rows once, in order, then padding; of each row which; how many are real)."""
    nse, n_sparse = indices.shape
    if not n_sparse:
        return indices[:1], jnp.zeros(nse, jnp.int32), jnp.int32(1)
    end = limits(sparse_shape, indices)
    indices = jnp.where((indices < end).all(1, keepdims=True), indices, end)
    order, is_new = _groups(indices)
    group = jnp.cumsum(is_new) - 1
    found = jnp.broadcast_to(end, indices.shape).at[group].set(indices[order])
    which = jnp.zeros_like(group).at[order].set(group)
    return found, which, (found < end).all(1).sum()


def _bcoo_sum_duplicates(data, indices, *, spinfo, nse):
    """(data, indices) with every place once, in order; nse of them, or as many as are."""
    props = _validate_bcoo(data, indices, spinfo.shape)
    batch, sparse, _ = split_shape(spinfo.shape, props.n_batch, props.n_sparse)
    unique = nfold_vmap(
        lambda i: _unique_rows(i, sparse), len(batch), broadcasted=False
    )
    found, which, real = unique(indices)
    if nse is None:
        nse = 1 if not sparse else real.max(initial=0)
    nse = _known_nse(nse)
    found = _with_nse(found, nse, sparse)

    def summed(data, which):
        zeros = jnp.zeros((nse, *data.shape[1:]), data.dtype)
        return zeros.at[which].add(data, mode="drop")

    return nfold_vmap(summed, len(batch))(data, which), found


def _known_nse(nse):
    try:
        return operator.index(nse)
    except TypeError:
        raise ValueError(
            "bcoo_sum_duplicates: nse must be specified when using the function within "
            "jit, vmap, and other transformations requiring abstract evaluation."
        ) from None


def _with_nse(indices, nse, sparse_shape):
    """The first `nse` rows, padding after them."""
    missing = nse - indices.shape[-2]
    if missing <= 0:
        return indices[..., :nse, :]
    end = limits(sparse_shape, indices)
    shape = (*indices.shape[:-2], missing, indices.shape[-1])
    return jnp.concatenate([indices, jnp.broadcast_to(end, shape)], axis=-2)


def bcoo_sum_duplicates(mat, nse=None):
    """`mat` without places that occur twice, in order; nse: how many places it keeps.

    ValueError where `nse` is needed and not given: in traced functions.
    """
    arrays = _bcoo_sum_duplicates(mat.data, mat.indices, spinfo=mat._info, nse=nse)
    return BCOO(arrays, shape=mat.shape, indices_sorted=True, unique_indices=True)


def bcoo_eliminate_zeros(mat, nse=None):
    """`mat` without stored zeros and repeated places."""
    props = _validate_bcoo(mat.data, mat.indices, mat.shape)
    batch, sparse, _ = split_shape(mat.shape, props.n_batch, props.n_sparse)
    zero = (mat.data == 0).all(tuple(range(props.n_batch + 1, mat.data.ndim)))
    shared = [k for k in range(len(batch)) if mat.indices.shape[k] == 1]
    zero = zero.all(tuple(shared), keepdims=True)
    end = limits(sparse, mat.indices)
    indices = jnp.where(zero[..., None], end, mat.indices)
    return bcoo_sum_duplicates(BCOO((mat.data, indices), shape=mat.shape), nse)


def bcoo_sort_indices(mat):
    """The elements of each batch in the order of their places."""
    order = nfold_vmap(lexicographic, mat.n_batch, broadcasted=False)(mat.indices)
    take = nfold_vmap(lambda x, order: x[order], mat.n_batch)
    arrays = take(mat.data, order), take(mat.indices, order)
    return BCOO(arrays, **{**mat._known(), "indices_sorted": True})


# --- transposition --------------------------------------------------------------------


def _split_permutation(permutation, props, ndim):
    """How a permutation permutes the axes of each kind; NotImplementedError if it mixes."""
    if sorted(permutation) != list(range(ndim)):
        raise ValueError(f"Invalid permutation: {permutation} for {ndim} axes")
    batch, sparse, dense = split_shape(permutation, props.n_batch, props.n_sparse)
    if sorted(batch) != list(range(props.n_batch)):
        raise NotImplementedError(
            "transpose permutation cannot permute batch axes with non-batch axes; "
            f"got permutation {permutation}, with n_batch={props.n_batch}."
        )
    end = props.n_batch + props.n_sparse
    if sorted(dense) != list(range(end, ndim)):
        raise NotImplementedError(
            "transpose permutation cannot permute dense axes with non-dense axes; "
            f"got permutation {permutation}, with n_dense={props.n_dense}."
        )
    return batch, [k - props.n_batch for k in sparse], [k - end for k in dense]


def _bcoo_transpose(data, indices, *, permutation, spinfo):
    """(data, indices) of the array with its axes permuted, each among its kind."""
    props = _validate_bcoo(data, indices, spinfo.shape)
    permutation = tuple([operator.index(k) for k in permutation])
    batch, sparse, dense = _split_permutation(permutation, props, len(spinfo.shape))
    n = props.n_batch
    data = data.transpose([*batch, n, *[k + n + 1 for k in dense]])
    indices = indices[..., np.array(sparse, int)]
    return data, indices.transpose([*batch, n, n + 1])


def bcoo_transpose(mat, *, permutation):
    """`mat` with its axes permuted, each among the axes of its kind."""
    permutation = tuple([operator.index(k) for k in permutation])
    arrays = _bcoo_transpose(*mat._bufs, permutation=permutation, spinfo=mat._info)
    sparse = permutation[mat.n_batch : mat.n_batch + mat.n_sparse]
    known = {
        "indices_sorted": mat.indices_sorted and list(sparse) == sorted(sparse),
        "unique_indices": mat.unique_indices,
    }
    return BCOO(arrays, shape=[mat.shape[k] for k in permutation], **known)

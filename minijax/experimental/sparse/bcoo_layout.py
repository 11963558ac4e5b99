"""Axes of a `BCOO` that become axes of another kind: batch, sparse, dense."""

import math
import operator
import warnings

import numpy as np

import minijax.numpy as jnp
from minijax.experimental.sparse.bcoo_type import BCOO
from minijax.experimental.sparse.util import (
    SparseEfficiencyError,
    SparseEfficiencyWarning,
    nfold_vmap,
)


def batch_to_sparse(data, indices, axes, shape):
    """Batch axes made the first sparse axes: (data, indices) with more elements a batch.

    axes: in the order that the new columns of the indices have; shape: of the array.
    """
    if not axes:
        return data, indices
    n = indices.ndim - 2
    kept = [k for k in range(n) if k not in axes]
    sizes = [shape[k] for k in axes]

    def joined(x):
        full = [shape[k] if k in axes else x.shape[k] for k in range(n)]
        x = jnp.broadcast_to(x, (*full, *x.shape[n:]))
        x = x.transpose([*kept, *axes, *range(n, x.ndim)])
        n_joined = math.prod(sizes) * x.shape[n]
        return x.reshape(*x.shape[: len(kept)], n_joined, *x.shape[n + 1 :])

    nse = indices.shape[-2]
    joined_indices = joined(indices)
    columns = np.indices((*sizes, nse))[:-1].reshape(len(axes), -1).T
    columns = jnp.asarray(columns, indices.dtype)
    columns = jnp.broadcast_to(columns, (*joined_indices.shape[:-1], len(axes)))
    return joined(data), jnp.concatenate([columns, joined_indices], axis=-1)


def _dense_to_sparse(data, indices, count):
    """The first `count` dense axes made the last sparse axes."""
    n = indices.ndim - 2
    sizes = data.shape[n + 1 : n + 1 + count]
    nse, per_block = indices.shape[-2], math.prod(sizes)
    columns = np.indices(sizes).reshape(count, per_block).T
    columns = jnp.asarray(np.tile(columns, (nse, 1)), indices.dtype)
    indices = jnp.repeat(
        indices, per_block, axis=-2, total_repeat_length=nse * per_block
    )
    columns = jnp.broadcast_to(columns, (*indices.shape[:-1], count))
    data = data.reshape(*data.shape[:n], nse * per_block, *data.shape[n + 1 + count :])
    return data, jnp.concatenate([indices, columns], axis=-1)


def _sparse_to_dense(data, indices, sizes):
    """The last sparse axes, of these sizes, made dense: each element a block of zeros."""
    count = len(sizes)

    def block(data, index):
        place = tuple([index[k] for k in range(index.shape[0] - count, index.shape[0])])
        zeros = jnp.zeros((*sizes, *data.shape), data.dtype)
        return zeros.at[place].set(data, mode="drop"), index[:-count]

    return nfold_vmap(block, indices.ndim - 1)(data, indices)


def _sparse_to_batch(data, indices, sizes):
    """The first sparse axes, of these sizes, made batch axes that store every element."""
    count = len(sizes)

    def spread(data, indices):
        nse = indices.shape[0]
        place = (*[indices[:, k] for k in range(count)], jnp.arange(nse))
        zeros = jnp.zeros((*sizes, *data.shape), data.dtype)
        rest = indices[:, count:]
        rest = jnp.broadcast_to(rest, (*sizes, *rest.shape))
        return zeros.at[place].set(data, mode="drop"), rest

    return nfold_vmap(spread, indices.ndim - 2)(data, indices)


def bcoo_update_layout(mat, *, n_batch=None, n_dense=None, on_inefficient="error"):
    """`mat` with other numbers of batch and dense axes (None: as many as it has).

    More of them store many zeros, unless their axes have size 1: on_inefficient says
    what is done then, 'error' (SparseEfficiencyError), 'warn' or None. ValueError where
    the numbers do not fit.
    """
    n_batch = mat.n_batch if n_batch is None else operator.index(n_batch)
    n_dense = mat.n_dense if n_dense is None else operator.index(n_dense)
    if (n_batch, n_dense) == (mat.n_batch, mat.n_dense):
        return mat
    _check_layout(mat, n_batch, n_dense, on_inefficient)
    data, indices = mat.data, mat.indices
    if n_dense < mat.n_dense:
        data, indices = _dense_to_sparse(data, indices, mat.n_dense - n_dense)
    if n_batch < mat.n_batch:
        axes = range(n_batch, mat.n_batch)
        data, indices = batch_to_sparse(data, indices, axes, mat.shape)
    if n_dense > mat.n_dense:
        sizes = mat.shape[mat.ndim - n_dense : mat.ndim - mat.n_dense]
        data, indices = _sparse_to_dense(data, indices, sizes)
    if n_batch > mat.n_batch:
        sizes = mat.shape[mat.n_batch : n_batch]
        data, indices = _sparse_to_batch(data, indices, sizes)
    return BCOO((data, indices), shape=mat.shape)


def _check_layout(mat, n_batch, n_dense, on_inefficient):
    if on_inefficient not in ("error", "warn", None):
        raise ValueError(
            f"on_inefficent={on_inefficient!r}; expected one of ['error', 'warn', None]."
        )
    if n_batch < 0:
        raise ValueError(f"n_batch must be non-negative; got {n_batch}")
    if n_dense < 0:
        raise ValueError(f"n_dense must be non-negative; got {n_dense}")
    if n_batch + n_dense > mat.ndim:
        raise ValueError(
            f"sum of n_batch={n_batch} and n_dense={n_dense} cannot be larger than "
            f"mat.ndim={mat.ndim}."
        )
    to_dense = mat.shape[mat.ndim - n_dense : mat.ndim - mat.n_dense]
    to_batch = mat.shape[mat.n_batch : n_batch]
    _on_inefficient(on_inefficient, mat, "n_dense", mat.n_dense, n_dense, to_dense)
    _on_inefficient(on_inefficient, mat, "n_batch", mat.n_batch, n_batch, to_batch)


def _on_inefficient(action, mat, name, old, new, sizes):
    if action is None or max(sizes, default=1) <= 1:
        return
    text = (
        f"For matrix of shape {mat.shape}, increasing {name} from {old} to {new} results "
        "in inefficient storage. To disable this {}, set the on_inefficient argument of "
        "bcoo_update_layout to {}None."
    )
    if action == "error":
        raise SparseEfficiencyError(text.format("error", "'warn' or "))
    warnings.warn(text.format("warning", ""), SparseEfficiencyWarning, stacklevel=4)

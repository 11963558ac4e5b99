"""What the sparse formats share: batching over leading axes, counts, warnings."""

from typing import Any, NamedTuple

import minijax.numpy as jnp
from minijax import lax
from minijax.api.inspection import ShapeDtypeStruct, eval_shape
from minijax.api.vectorize import vmap


class SparseEfficiencyError(ValueError):
    """An operation would store many zeros, and was not told that this is meant."""


class SparseEfficiencyWarning(UserWarning):
    """An operation stores many zeros."""


class CuSparseEfficiencyWarning(SparseEfficiencyWarning):
    """JAX's, of GPUs; never given here."""


class SparseInfo(NamedTuple):
    """What the arrays of a sparse array do not tell."""

    shape: tuple
    indices_sorted: bool = False
    unique_indices: bool = False


def nfold_vmap(fun, N, *, broadcasted=True, in_axes: Any = 0) -> Any:
    """`fun` mapped over N leading axes; broadcasted: axes of size 1 go with any other."""
    mapped = broadcasting_vmap if broadcasted else vmap
    for _ in range(N):
        fun = mapped(fun, in_axes=in_axes)
    return fun


def broadcasting_vmap(fun, in_axes: Any = 0, out_axes=0):
    """`vmap` of a function of arrays in which an axis of size 1 goes with any other."""

    def mapped(*args):
        axes = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
        sizes = {
            x.shape[a] for x, a in zip(args, axes, strict=True) if a is not None
        } - {1}
        if len(sizes) > 1:
            raise ValueError("broadcasting_vmap: mismatched input shapes")
        if sizes:
            one = [
                a is not None and x.shape[a] == 1
                for x, a in zip(args, axes, strict=True)
            ]
            args = [
                x.squeeze(a) if alone else x
                for x, a, alone in zip(args, axes, one, strict=True)
            ]
            axes = tuple(
                [None if alone else a for a, alone in zip(axes, one, strict=True)]
            )
        return vmap(fun, in_axes=axes, out_axes=out_axes)(*args)

    return mapped


def broadcast_batch(array, batch):
    """`array` with its leading axes, of size 1 or as in `batch`, made as in `batch`."""
    return jnp.broadcast_to(array, (*batch, *array.shape[len(batch) :]))


def split_shape(shape, n_batch, n_sparse):
    """The batch, sparse and dense parts of a shape."""
    shape = tuple(shape)
    end = n_batch + n_sparse
    return shape[:n_batch], shape[n_batch:end], shape[end:]


def limits(shape, indices):
    """The sizes of sparse axes as a row, of the rank and dtype of the indices that are to
    be compared with it.
    """
    row = jnp.array(shape, indices.dtype)
    return row.reshape(*[1] * (indices.ndim - 1), len(shape))


def remaining(axes, *gone):
    """The axes that none of `gone` names, in order."""
    left_out = {a for part in gone for a in part}
    return [a for a in axes if a not in left_out]


def _count_stored_elements_per_batch(mat, n_batch=0, n_dense=0):
    """For each batch how many elements of a dense array must be stored."""
    mask = jnp.asarray(mat) != 0
    if n_dense:
        mask = mask.any(tuple(range(mask.ndim - n_dense, mask.ndim)))
    return mask.sum(tuple(range(n_batch, mask.ndim)))


def _count_stored_elements(mat, n_batch=0, n_dense=0):
    """How many elements a batch of a dense array must store, at most."""
    return _count_stored_elements_per_batch(mat, n_batch, n_dense).max(initial=0)


def _csr_to_coo(indices, indptr):
    """The rows of compressed rows, and the columns as they are."""
    starts = jnp.zeros_like(indices).at[indptr].add(1)
    return jnp.cumsum(starts) - 1, indices


def _coo_extract(row, col, mat):
    """The elements of a dense matrix at rows and columns."""
    return mat[row, col]


def _csr_extract(indices, indptr, mat):
    """The elements of a dense matrix at compressed rows."""
    return _coo_extract(*_csr_to_coo(indices, indptr), mat)


def dot_general_aval(lhs, rhs, dimension_numbers, preferred_element_type=None):
    """Shape and dtype of a dense product of such shapes; its errors too."""

    def product(a, b):
        return lax.dot_general(
            a, b, dimension_numbers, preferred_element_type=preferred_element_type
        )

    shapes = [ShapeDtypeStruct(x.shape, x.dtype) for x in (lhs, rhs)]
    return eval_shape(product, *shapes)


def _dot_general_validated_shape(lhs_shape, rhs_shape, dimension_numbers):
    """The shape of a product of arrays of such shapes; its errors too."""
    lhs = ShapeDtypeStruct(lhs_shape, jnp.float32)
    rhs = ShapeDtypeStruct(rhs_shape, jnp.float32)
    return dot_general_aval(lhs, rhs, dimension_numbers).shape

"""Batched compressed rows: `BCSR`, by way of `BCOO`.

data: (*batch, nse, *dense), indices: (*batch, nse), indptr: (*batch, rows + 1). The
elements from `indptr[r]` to `indptr[r + 1]` lie in row r, those after the last are padding.
"""

from typing import Any, NamedTuple

import minijax.numpy as jnp
from minijax import tree_util
from minijax.api.vmappable import register_vmappable
from minijax.experimental.sparse._base import JAXSparse
from minijax.experimental.sparse.bcoo_dot import _bcoo_dot_general
from minijax.experimental.sparse.bcoo_parts import (
    _bcoo_extract,
    bcoo_eliminate_zeros,
    bcoo_fromdense,
    bcoo_sort_indices,
    bcoo_sum_duplicates,
    bcoo_todense,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_broadcast_in_dim,
    bcoo_concatenate,
)
from minijax.experimental.sparse.bcoo_type import (
    BCOO,
    Batched,
    check_data,
    element,
    fits,
    whole,
)
from minijax.experimental.sparse.util import (
    _csr_to_coo,
    nfold_vmap,
    split_shape,
)


class BCSRProperties(NamedTuple):
    """How many batch and dense axes there are, and how many elements."""

    n_batch: int
    n_dense: int
    nse: int


def _validate_bcsr_indices(indices, indptr, shape):
    """The properties that indices have in an array of `shape`; ValueError if none."""
    assert jnp.issubdtype(indices.dtype, jnp.integer)
    assert jnp.issubdtype(indptr.dtype, jnp.integer)
    shape = tuple(shape)
    n_batch = indices.ndim - 1
    n_dense = len(shape) - n_batch - 2
    assert n_dense >= 0
    for name, x in (("indices", indices), ("indptr", indptr)):
        if not fits(x.shape[:n_batch], shape[:n_batch]):
            raise ValueError(
                f"{name} batch dimensions not compatible for {name}.shape={x.shape}, "
                f"shape={shape}"
            )
    if indptr.shape[n_batch:] != (shape[n_batch] + 1,):
        raise ValueError("indptr shape must match the matrix shape plus 1.")
    return BCSRProperties(n_batch, n_dense, indices.shape[-1])


def _validate_bcsr(data, indices, indptr, shape):
    """The properties of a sparse array; ValueError where its parts do not fit."""
    shape = tuple(shape)
    props = _validate_bcsr_indices(indices, indptr, shape)
    check_data(data, shape, props, 2)
    return props


def _bcsr_to_bcoo(indices, indptr, *, shape):
    """The indices of a BCOO."""
    n_batch, _, _ = _validate_bcsr_indices(indices, indptr, shape)
    columns = nfold_vmap(_csr_to_coo, n_batch)(indices, indptr)
    return jnp.stack(columns, axis=-1)


def _bcoo_to_bcsr(indices, *, shape, index_dtype=jnp.int32):
    """(indices, indptr) of the indices of a BCOO, which are in order."""
    n_batch, n_sparse = indices.ndim - 2, indices.shape[-1]
    if n_sparse != 2:
        raise ValueError("Must have 2 sparse dimensions to be converted to BCSR.")

    def starts(rows):
        counts = jnp.zeros(shape[n_batch] + 1, index_dtype)
        return jnp.cumsum(counts.at[rows + 1].add(1, mode="drop"), dtype=index_dtype)

    indptr = nfold_vmap(starts, n_batch, broadcasted=False)(indices[..., 0])
    return indices[..., 1].astype(index_dtype), indptr


@tree_util.register_pytree_node_class
class BCSR(Batched):
    """BCSR((data, indices, indptr), shape=...): compressed rows.

    ValueError where the arrays do not fit the shape.
    """

    _names = ("data", "indices", "indptr")
    indptr: Any

    def _validate(self):
        _validate_bcsr(self.data, self.indices, self.indptr, self.shape)

    nse = property(lambda self: self.indices.shape[-1])
    n_batch = property(lambda self: self.indices.ndim - 1)
    n_sparse = property(lambda _: 2)
    n_dense = property(lambda self: self.data.ndim - self.indices.ndim)

    @property
    def _sparse_shape(self):
        return self.shape[self.n_batch : self.n_batch + 2]

    @classmethod
    def _empty(
        cls, shape, *, dtype=None, index_dtype="int32", n_dense=0, n_batch=0, nse=0
    ):
        if min(n_dense, n_batch, nse) < 0:
            raise ValueError(
                f"Invalid inputs: shape={shape}, n_dense={n_dense}, n_batch={n_batch}, "
                f"nse={nse}"
            )
        if len(shape) - n_dense - n_batch != 2:
            raise ValueError("BCSR sparse.empty: must have 2 sparse dimensions.")
        batch, (rows, columns), dense = split_shape(shape, n_batch, 2)
        data = jnp.zeros((*batch, nse, *dense), dtype)
        indices = jnp.full((*batch, nse), columns, index_dtype)
        return cls(
            (data, indices, jnp.zeros((*batch, rows + 1), index_dtype)), shape=shape
        )

    @classmethod
    def fromdense(cls, mat, *, nse=None, index_dtype=jnp.int32, n_dense=0, n_batch=0):
        """The elements of a dense array: see `bcsr_fromdense`."""
        return bcsr_fromdense(
            mat, nse=nse, index_dtype=index_dtype, n_dense=n_dense, n_batch=n_batch
        )

    @classmethod
    def from_bcoo(cls, arr):
        """The same elements, row by row; NotImplementedError but for two sparse axes."""
        if arr.n_sparse != 2:
            raise NotImplementedError(
                f"BSCR.from_bcoo requires n_sparse=2; got arr.n_sparse={arr.n_sparse}"
            )
        arr = arr if arr.indices_sorted else bcoo_sort_indices(arr)
        dtype = arr.indices.dtype
        arrays = _bcoo_to_bcsr(arr.indices, shape=arr.shape, index_dtype=dtype)
        return cls((arr.data, *arrays), shape=arr.shape)

    @classmethod
    def from_scipy_sparse(cls, mat, *, index_dtype=None, n_dense=0, n_batch=0):
        """The elements of a matrix of scipy.sparse."""
        if n_dense or n_batch:
            raise NotImplementedError(
                "BCSR from_scipy_sparse with nonzero n_dense/n_batch."
            )
        if mat.ndim != 2:
            raise ValueError(
                f"BCSR from_scipy_sparse requires 2D array; {mat.ndim}D is given."
            )
        mat, dtype = mat.tocsr(), index_dtype or jnp.int32
        arrays = [jnp.asarray(x).astype(dtype) for x in (mat.indices, mat.indptr)]
        return cls((jnp.asarray(mat.data), *arrays), shape=mat.shape)

    def to_bcoo(self):
        """The same elements, each with all of its indices."""
        indices = _bcsr_to_bcoo(self.indices, self.indptr, shape=self.shape)
        return BCOO((self.data, indices), shape=self.shape)

    def todense(self):
        """The array with all its zeros."""
        return bcsr_todense(self)

    def transpose(self, axes=None):
        """NotImplementedError: columns are not compressed."""
        raise NotImplementedError("Transpose is not implemented.")

    def sum_duplicates(self, nse=None, remove_zeros=True):
        """Without repeated places; nse: how many stay, where it must be known."""
        once = bcsr_eliminate_zeros if remove_zeros else bcsr_sum_duplicates
        return once(self, nse)


register_vmappable(BCSR, int, int, element, whole, None)


def bcsr_eliminate_zeros(mat, nse=None):
    """`mat` without stored zeros and repeated places."""
    return BCSR.from_bcoo(bcoo_eliminate_zeros(mat.to_bcoo(), nse))


def bcsr_sum_duplicates(mat, nse=None):
    """`mat` without repeated places."""
    return BCSR.from_bcoo(bcoo_sum_duplicates(mat.to_bcoo(), nse))


def bcsr_fromdense(mat, *, nse=None, n_batch=0, n_dense=0, index_dtype=jnp.int32):
    """The elements of a dense array that are not 0, which has two sparse axes."""
    mat = jnp.asarray(mat)
    if mat.ndim != n_batch + n_dense + 2:
        raise ValueError("bcsr_fromdense: must have 2 sparse dimensions.")
    found = bcoo_fromdense(
        mat, nse=nse, n_batch=n_batch, n_dense=n_dense, index_dtype=index_dtype
    )
    arrays = _bcoo_to_bcsr(found.indices, shape=mat.shape, index_dtype=index_dtype)
    return BCSR((found.data, *arrays), shape=mat.shape)


def _bcsr_fromdense(mat, *, nse, n_batch=0, n_dense=0, index_dtype=jnp.int32):
    """(data, indices, indptr) of the elements that are not 0."""
    return bcsr_fromdense(
        mat, nse=nse, n_batch=n_batch, n_dense=n_dense, index_dtype=index_dtype
    )._bufs


def bcsr_todense(mat):
    """The array with all its zeros."""
    return bcoo_todense(mat.to_bcoo())


def _bcsr_todense(data, indices, indptr, *, spinfo):
    """The array (of `spinfo.shape`) that the arrays of a BCSR stand for."""
    return bcsr_todense(BCSR((data, indices, indptr), shape=spinfo.shape))


def bcsr_extract(indices, indptr, mat):
    """The elements of a dense array where a BCSR of these indices has elements."""
    indices, indptr, mat = map(jnp.asarray, (indices, indptr, mat))
    return _bcoo_extract(_bcsr_to_bcoo(indices, indptr, shape=mat.shape), mat)


def bcsr_dot_general(
    lhs, rhs, *, dimension_numbers, precision=None, preferred_element_type=None,
    out_sharding=None,
):  # fmt: skip
    """`lax.dot_general` of a BCSR with a dense array; NotImplementedError for others."""
    del precision, out_sharding  # there is one of each
    if not isinstance(lhs, BCSR) or isinstance(rhs, JAXSparse):
        raise NotImplementedError(
            "bcsr_dot_general currently implemented for BCSR lhs and ndarray rhs."
        )
    return _bcoo_dot_general(
        *lhs.to_bcoo()._bufs, rhs=rhs, dimension_numbers=dimension_numbers,
        preferred_element_type=preferred_element_type, lhs_spinfo=lhs._info,
    )  # fmt: skip


def bcsr_broadcast_in_dim(mat, *, shape, broadcast_dimensions, sharding=None):
    """`lax.broadcast_in_dim`: new axes come before the sparse ones."""
    wide = bcoo_broadcast_in_dim(
        mat.to_bcoo(), shape=shape, broadcast_dimensions=broadcast_dimensions
    )
    return BCSR.from_bcoo(wide)


def bcsr_concatenate(operands, *, dimension):
    """`lax.concatenate` along a batch or sparse axis."""
    arrays = [x.to_bcoo() for x in operands]
    return BCSR.from_bcoo(bcoo_concatenate(arrays, dimension=dimension))

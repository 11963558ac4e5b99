"""Sparse matrices with compressed rows, or columns: `CSR` and `CSC`."""

import minijax.numpy as jnp
from minijax import tree_util
from minijax.experimental.sparse._base import JAXSparse
from minijax.experimental.sparse.coo import (
    COOInfo,
    _coo_fromdense,
    _coo_matmat,
    _coo_matvec,
    _coo_todense,
    check_matrix,
    diagonal,
    stored_count,
    times,
)
from minijax.experimental.sparse.util import _csr_to_coo


class _Compressed(JAXSparse):
    """What both have: elements, their indices within a line, where the lines start."""

    _lines = 0  # the axis that is compressed

    def __init__(self, args, *, shape):
        self.data, self.indices, self.indptr = map(jnp.asarray, args)
        self.shape = tuple(shape)

    def _arrays(self):
        return self.data, self.indices, self.indptr

    @classmethod
    def tree_unflatten(cls, aux_data, children):
        """Inverse of `tree_flatten`; the children may be anything."""
        self = object.__new__(cls)
        self.data, self.indices, self.indptr = children
        if aux_data.keys() != {"shape"}:
            raise ValueError(
                f"{cls.__name__}.tree_unflatten: invalid aux_data={aux_data}"
            )
        self.shape = aux_data["shape"]
        return self

    @classmethod
    def _empty(cls, shape, *, dtype=None, index_dtype="int32"):
        check_matrix(cls.__name__, shape)
        indptr = jnp.zeros(shape[cls._lines] + 1, index_dtype)
        arrays = jnp.empty(0, dtype), jnp.empty(0, index_dtype), indptr
        return cls(arrays, shape=shape)


@tree_util.register_pytree_node_class
class CSR(_Compressed):
    """CSR((data, indices, indptr), shape=...): row r has the elements from `indptr[r]`
    to `indptr[r + 1]`, `indices` are their columns.
    """

    @classmethod
    def fromdense(cls, mat, *, nse=None, index_dtype=jnp.int32):
        """The elements of a dense matrix that are not 0."""
        return csr_fromdense(mat, nse=nse, index_dtype=index_dtype)

    @classmethod
    def _eye(cls, N, M, k, *, dtype=None, index_dtype="int32"):
        rows, columns = diagonal(N, M, k, index_dtype)
        indptr = _row_starts(rows, N, index_dtype)
        return cls((jnp.ones(rows.size, dtype), columns, indptr), shape=(N, M))

    def todense(self):
        """The matrix with all its zeros."""
        return csr_todense(self)

    def transpose(self, axes=None):
        """The same arrays, as columns."""
        assert axes is None
        return CSC(self._arrays(), shape=self.shape[::-1])

    def __matmul__(self, other):
        return times(self, other, csr_matvec, csr_matmat)


@tree_util.register_pytree_node_class
class CSC(_Compressed):
    """CSC((data, indices, indptr), shape=...): column c has the elements from
    `indptr[c]` to `indptr[c + 1]`, `indices` are their rows.
    """

    _lines = 1

    @classmethod
    def fromdense(cls, mat, *, nse=None, index_dtype=jnp.int32):
        """The elements of a dense matrix that are not 0."""
        return csr_fromdense(mat.T, nse=nse, index_dtype=index_dtype).T

    @classmethod
    def _eye(cls, N, M, k, *, dtype=None, index_dtype="int32"):
        return CSR._eye(M, N, -k, dtype=dtype, index_dtype=index_dtype).T

    def todense(self):
        """The matrix with all its zeros."""
        return csr_todense(self.T).T

    def transpose(self, axes=None):
        """The same arrays, as rows."""
        assert axes is None
        return CSR(self._arrays(), shape=self.shape[::-1])

    def __matmul__(self, other):
        return times(
            self, other, lambda mat, v: csr_matvec(mat.T, v, transpose=True),
            lambda mat, B: csr_matmat(mat.T, B, transpose=True),
        )  # fmt: skip


def _row_starts(rows, n_rows, dtype):
    counts = jnp.zeros(n_rows + 1, dtype).at[rows + 1].add(1, mode="drop")
    return jnp.cumsum(counts, dtype=dtype)


def _coordinates(data, indices, indptr, shape):
    """The arrays and the info of a COO."""
    return (data, *_csr_to_coo(indices, indptr)), COOInfo(tuple(shape), True)


def csr_todense(mat):
    """The matrix with all its zeros."""
    return _csr_todense(*mat._bufs, shape=mat.shape)


def _csr_todense(data, indices, indptr, *, shape):
    arrays, info = _coordinates(data, indices, indptr, shape)
    return _coo_todense(*arrays, spinfo=info)


def csr_fromdense(mat, *, nse=None, index_dtype=jnp.int32):
    """The elements of a dense matrix that are not 0; nse: how many, where it must be
    known.
    """
    mat = jnp.asarray(mat)
    nse = stored_count(mat, nse)
    return CSR(_csr_fromdense(mat, nse=nse, index_dtype=index_dtype), shape=mat.shape)


def _csr_fromdense(mat, *, nse, index_dtype=jnp.int32):
    """(data, indices, indptr) of the elements that are not 0."""
    data, _, col = _coo_fromdense(mat, nse=nse, index_dtype=index_dtype)
    counts = (jnp.asarray(mat) != 0).sum(1)
    indptr = jnp.concatenate([jnp.zeros(1, counts.dtype), jnp.cumsum(counts)])
    return data, col, indptr.astype(index_dtype)


def csr_matvec(mat, v, transpose=False):
    """The product with a vector; transpose: of the transposed matrix."""
    return _csr_matvec(*mat._bufs, v=v, shape=mat.shape, transpose=transpose)


def _csr_matvec(data, indices, indptr, v, *, shape, transpose=False):
    arrays, info = _coordinates(data, indices, indptr, shape)
    return _coo_matvec(*arrays, v, spinfo=info, transpose=transpose)


def csr_matmat(mat, B, *, transpose=False):
    """The product with a matrix; transpose: of the transposed sparse matrix."""
    return _csr_matmat(*mat._bufs, B=B, shape=mat.shape, transpose=transpose)


def _csr_matmat(data, indices, indptr, B, *, shape, transpose=False):
    arrays, info = _coordinates(data, indices, indptr, shape)
    return _coo_matmat(*arrays, B, spinfo=info, transpose=transpose)

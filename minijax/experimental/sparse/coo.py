"""Sparse matrices as rows, columns and values: `COO`."""

import operator
from typing import NamedTuple

import minijax.numpy as jnp
from minijax import lax, tree_util
from minijax.experimental.sparse._base import JAXSparse
from minijax.numpy.promotion import concrete_or_error, promote_dtypes


class COOInfo(NamedTuple):
    """What the arrays of a COO do not tell."""

    shape: tuple
    rows_sorted: bool = False
    cols_sorted: bool = False


def diagonal(N, M, k, index_dtype):
    """(rows, columns) of diagonal `k` of an N by M matrix."""
    first = max(0, -k)
    n = max(0, min(N - first, M - max(0, k)))
    rows = jnp.arange(first, first + n, dtype=index_dtype)
    return rows, rows + k


def check_matrix(name, shape):
    """ValueError for shapes that do not have two axes."""
    if len(shape) != 2:
        raise ValueError(f"{name} must have ndim=2; got shape={tuple(shape)}")


def times(mat, other, matvec, matmat):
    """The product of a sparse matrix, by the functions of its format."""
    if isinstance(other, JAXSparse):
        raise NotImplementedError("matmul between two sparse objects.")
    data, other = promote_dtypes(mat.data, jnp.asarray(other))
    if other.ndim not in (1, 2):
        raise NotImplementedError(f"matmul with object of shape {other.shape}")
    arrays, known = mat.tree_flatten()
    promoted = type(mat).tree_unflatten(known, (data, *arrays[1:]))
    return (matvec if other.ndim == 1 else matmat)(promoted, other)


def stored_count(mat, nse):
    """How many elements are stored of a dense matrix: those that are not 0, or `nse`."""
    nse = (mat != 0).sum() if nse is None else nse
    return concrete_or_error(
        operator.index, nse, "The error arose for the nse argument."
    )


@tree_util.register_pytree_node_class
class COO(JAXSparse):
    """COO((data, row, col), shape=...): `data[i]` stands at (row[i], col[i])."""

    def __init__(self, args, *, shape, rows_sorted=False, cols_sorted=False):
        self.data, self.row, self.col = map(jnp.asarray, args)
        self.shape = tuple(shape)
        self._rows_sorted, self._cols_sorted = rows_sorted, cols_sorted

    @property
    def _info(self):
        return COOInfo(self.shape, self._rows_sorted, self._cols_sorted)

    def _arrays(self):
        return self.data, self.row, self.col

    def _known(self):
        return self._info._asdict()

    @classmethod
    def tree_unflatten(cls, aux_data, children):
        """Inverse of `tree_flatten`; the children may be anything."""
        self = object.__new__(cls)
        self.data, self.row, self.col = children
        if aux_data.keys() != {"shape", "rows_sorted", "cols_sorted"}:
            raise ValueError(f"COO.tree_unflatten: invalid aux_data={aux_data}")
        self.shape = aux_data["shape"]
        self._rows_sorted = aux_data["rows_sorted"]
        self._cols_sorted = aux_data["cols_sorted"]
        return self

    @classmethod
    def fromdense(cls, mat, *, nse=None, index_dtype=jnp.int32):
        """The elements of a dense matrix that are not 0."""
        return coo_fromdense(mat, nse=nse, index_dtype=index_dtype)

    @classmethod
    def _empty(cls, shape, *, dtype=None, index_dtype="int32"):
        check_matrix("COO", shape)
        none = jnp.empty(0, index_dtype)
        known = {"rows_sorted": True, "cols_sorted": True}
        return cls((jnp.empty(0, dtype), none, none), shape=shape, **known)

    @classmethod
    def _eye(cls, N, M, k, *, dtype=None, index_dtype="int32"):
        row, col = diagonal(N, M, k, index_dtype)
        known = {"rows_sorted": True, "cols_sorted": True}
        return cls((jnp.ones(row.size, dtype), row, col), shape=(N, M), **known)

    def _sort_indices(self):
        """The elements in order of rows and columns."""
        if self._rows_sorted:
            return self
        row, col, data = lax.sort((self.row, self.col, self.data), num_keys=2)
        return COO((data, row, col), shape=self.shape, rows_sorted=True)

    def todense(self):
        """The matrix with all its zeros."""
        return coo_todense(self)

    def transpose(self, axes=None):
        """Rows for columns."""
        if axes is not None:
            raise NotImplementedError("axes argument to transpose()")
        known = {"rows_sorted": self._cols_sorted, "cols_sorted": self._rows_sorted}
        return COO((self.data, self.col, self.row), shape=self.shape[::-1], **known)

    def __matmul__(self, other):
        return times(self, other, coo_matvec, coo_matmat)


def coo_todense(mat):
    """The matrix with all its zeros."""
    return _coo_todense(*mat._bufs, spinfo=mat._info)


def _coo_todense(data, row, col, *, spinfo):
    """The matrix of `spinfo.shape` with the elements at rows and columns, added up."""
    return jnp.zeros(spinfo.shape, data.dtype).at[row, col].add(data)


def coo_fromdense(mat, *, nse=None, index_dtype=jnp.int32):
    """The elements of a dense matrix that are not 0; nse: how many, where it must be
    known.
    """
    mat = jnp.asarray(mat)
    arrays = _coo_fromdense(mat, nse=stored_count(mat, nse), index_dtype=index_dtype)
    return COO(arrays, shape=mat.shape, rows_sorted=True)


def _coo_fromdense(mat, *, nse, index_dtype=jnp.int32):
    """(data, row, col) of the elements that are not 0."""
    mat = jnp.asarray(mat)
    check_matrix("mat", mat.shape)
    row, col = jnp.nonzero(mat, size=nse)
    real = jnp.arange(nse) < (mat != 0).sum()
    data = jnp.where(real, mat[row, col], 0)
    return data, row.astype(index_dtype), col.astype(index_dtype)


def coo_matvec(mat, v, transpose=False):
    """The product with a vector; transpose: of the transposed matrix."""
    return _coo_matvec(*mat._bufs, v=v, spinfo=mat._info, transpose=transpose)


def _coo_matvec(data, row, col, v, *, spinfo, transpose=False):
    return _coo_product(data, row, col, v, spinfo.shape, transpose, 1)


def coo_matmat(mat, B, *, transpose=False):
    """The product with a matrix; transpose: of the transposed sparse matrix."""
    return _coo_matmat(*mat._bufs, B=B, spinfo=mat._info, transpose=transpose)


def _coo_matmat(data, row, col, B, *, spinfo, transpose=False):
    return _coo_product(data, row, col, B, spinfo.shape, transpose, 2)


def _coo_product(data, row, col, other, shape, transpose, rank):
    other = jnp.asarray(other)
    if transpose:
        row, col, shape = col, row, shape[::-1]
    assert other.ndim == rank and other.shape[0] == shape[1]
    assert data.dtype == other.dtype
    picked = other.at[col].get(mode="fill", fill_value=0)
    terms = data.reshape(-1, *[1] * (rank - 1)) * picked
    zeros = jnp.zeros((shape[0], *other.shape[1:]), terms.dtype)
    return zeros.at[row].add(terms, mode="drop")

"""Sparse arrays as coordinates and values.

An element is a row of `indices` with its number in `data`; elements of one place add up,
and those with an index outside of the shape count as padding.
"""

import operator
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax import tree_util
from minijax.numpy.creation import canonical_shape
from minijax.numpy.promotion import concrete_or_error, user_dtype

_WHOLLY_SPARSE = "minijax has sparse arrays without batch or dense axes only"


class JAXSparse:
    """What sparse arrays of all formats have."""

    data: Any
    shape: tuple
    nse: Any = property(lambda self: self.data.shape[0])
    dtype = property(lambda self: self.data.dtype)
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape)))
    T = property(lambda self: self.transpose())

    __hash__ = None  # pyright: ignore[reportAssignmentType]
    __array_priority__ = 100  # NumPy's operators leave it to those here

    def __repr__(self):
        name = type(self).__name__
        if not hasattr(self.data, "dtype"):  # a tree of something else
            return f"{name}(<invalid>)"
        return f"{name}({self.dtype}{list(self.shape)}, nse={self.nse})"

    def __len__(self):
        return self.shape[0]

    def todense(self) -> Any:
        """The array with all its zeros."""
        raise NotImplementedError(f"{type(self).__name__}.todense")

    def transpose(self, axes=None) -> Any:
        """With its axes permuted."""
        raise NotImplementedError(f"{type(self).__name__}.transpose")


@tree_util.register_pytree_node_class
class BCOO(JAXSparse):
    """BCOO((data, indices), shape=...): `data[i]` stands at `indices[i]`.

    indices_sorted, unique_indices: what is known of the rows of `indices`.
    """

    n_batch = n_dense = 0
    n_sparse = property(lambda self: self.indices.shape[-1])

    def __init__(self, args, *, shape, indices_sorted=False, unique_indices=False):
        self.data, self.indices = (jnp.asarray(x) for x in args)
        self.shape = tuple(shape)
        self.indices_sorted = indices_sorted
        self.unique_indices = unique_indices
        if self.indices.ndim != 2 or self.indices.shape[1] != self.ndim:
            raise NotImplementedError(
                f"{_WHOLLY_SPARSE}: {self.indices.shape=}, {shape=}"
            )
        if self.data.shape != self.indices.shape[:1]:
            raise ValueError(
                f"Invalid data.shape={self.data.shape} for "
                f"nse={self.indices.shape[0]}, n_batch=0, n_dense=0"
            )

    # --- making ---

    @classmethod
    def fromdense(cls, mat, *, nse=None, index_dtype=np.int32, n_dense=0, n_batch=0):
        """The elements of `mat` that are not 0; nse: how many, where that must be known."""
        if n_dense or n_batch:
            raise NotImplementedError(_WHOLLY_SPARSE)
        mat = jnp.asarray(mat)
        if nse is None:
            nse = concrete_or_error(
                operator.index,
                (mat != 0).sum(),
                "The error arose for the nse argument of bcoo_fromdense. In a traced "
                "function say it: BCOO.fromdense(mat, nse=...).",
            )
        places = jnp.nonzero(mat, size=nse, fill_value=mat.shape)
        data = mat.at[places].get(mode="fill", fill_value=0)
        indices = jnp.stack(places, axis=1).astype(index_dtype)
        return cls(
            (data, indices), shape=mat.shape, indices_sorted=True, unique_indices=True
        )

    @classmethod
    def from_scipy_sparse(cls, mat, *, index_dtype=None, n_dense=0, n_batch=0):
        """The elements of a matrix of scipy.sparse."""
        if n_dense or n_batch:
            raise NotImplementedError(_WHOLLY_SPARSE)
        mat = mat.tocoo()
        indices = np.column_stack((mat.row, mat.col)).astype(index_dtype or np.int32)
        return cls((mat.data, indices), shape=mat.shape)

    def _with(self, data=None, **known):
        """Other values at the same places."""
        return BCOO(
            (self.data if data is None else data, self.indices),
            shape=self.shape,
            **{**self._known(), **known},
        )

    def _known(self):
        return {
            "indices_sorted": self.indices_sorted,
            "unique_indices": self.unique_indices,
        }

    def tree_flatten(self):
        """The arrays, and all else."""
        return (self.data, self.indices), {"shape": self.shape, **self._known()}

    @classmethod
    def tree_unflatten(cls, aux, children):
        """Inverse of `tree_flatten`; the children may be anything."""
        self = object.__new__(cls)
        self.data, self.indices = children
        vars(self).update(aux)
        return self

    # --- as something else ---

    def _places(self):
        return tuple([self.indices[:, k] for k in range(self.n_sparse)])

    def todense(self):
        """The array with all its zeros."""
        zeros = jnp.zeros(self.shape, self.dtype)
        return zeros.at[self._places()].add(self.data, mode="drop")

    def astype(self, dtype):
        """The same elements in another dtype."""
        return self._with(self.data.astype(user_dtype(dtype, "astype")))

    def transpose(self, axes=None):
        """With its axes permuted, reversed if `axes` is None."""
        order = tuple(range(self.ndim))[::-1] if axes is None else tuple(axes)
        if sorted(order) != list(range(self.ndim)):
            raise ValueError(f"{axes} does not permute the axes of shape {self.shape}")
        indices = self.indices[:, np.array(order, int)]
        shape = tuple([self.shape[k] for k in order])
        known = {**self._known(), "indices_sorted": False}
        return BCOO((self.data, indices), shape=shape, **known)

    def sort_indices(self):
        """The elements in the order of their places."""
        order = jnp.lexsort(self._places()[::-1])
        known = {**self._known(), "indices_sorted": True}
        return BCOO((self.data[order], self.indices[order]), shape=self.shape, **known)

    def sum_duplicates(self, nse=None, remove_zeros=True):
        """Without places that occur twice; nse: how many, where that must be known."""
        limit = jnp.array(self.shape, self.indices.dtype)
        inside = (self.indices < limit).all(axis=1, keepdims=True)
        indices = jnp.where(inside, self.indices, limit)
        data = jnp.where(inside[:, 0], self.data, 0)
        found, which = jnp.unique(
            indices, axis=0, size=self.nse, fill_value=limit, return_inverse=True
        )
        data = jnp.zeros_like(self.data).at[which.reshape(-1)].add(data)
        out = BCOO((data, found), shape=self.shape)
        if remove_zeros:
            keep = data != 0
        else:
            keep = (found < limit).all(axis=1)
        if nse is None:
            nse = concrete_or_error(
                operator.index,
                keep.sum(),
                "The error arose for the nse argument of sum_duplicates.",
            )
        (rows,) = jnp.nonzero(keep, size=nse, fill_value=self.nse)
        data = out.data.at[rows].get(mode="fill", fill_value=0)
        found = jnp.where(
            (rows < self.nse)[:, None], found.at[rows].get(mode="clip"), limit
        )
        return BCOO(
            (data, found), shape=self.shape, indices_sorted=True, unique_indices=True
        )

    def block_until_ready(self):
        """Itself, when its arrays are there."""
        self.data.block_until_ready()
        self.indices.block_until_ready()
        return self

    # --- arithmetic ---

    def __neg__(self):
        return self._with(-self.data)

    def __mul__(self, other):
        if isinstance(other, JAXSparse):
            return NotImplemented
        other = jnp.asarray(other)
        if not other.ndim:
            return self._with(self.data * other)
        other = jnp.broadcast_to(other, self.shape)
        picked = other.at[self._places()].get(mode="fill", fill_value=0)
        return self._with(self.data * picked)

    __rmul__ = __mul__

    def __truediv__(self, other):
        if isinstance(other, JAXSparse) or jnp.ndim(other):
            return NotImplemented
        return self._with(self.data / other)

    def __add__(self, other):
        if not isinstance(other, BCOO):
            return self._added_to_dense(other)
        if self.shape != other.shape:
            raise NotImplementedError(
                "Addition between sparse matrices of other shapes."
            )
        data = jnp.concatenate([self.data, other.data])
        return BCOO(
            (data, jnp.concatenate([self.indices, other.indices])), shape=self.shape
        )

    __radd__ = __add__

    def _added_to_dense(self, other):
        if jnp.shape(other) != self.shape:
            raise NotImplementedError(
                "Addition between a sparse array X and a dense array Y is not implemented "
                "when the output shape is larger than Y.shape. This is to prevent silent "
                "densification of a large sparse array; use X.todense() if it is meant."
            )
        return self.todense() + other

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __matmul__(self, other):
        if isinstance(other, JAXSparse):
            raise NotImplementedError("minijax does not multiply two sparse matrices")
        other = jnp.asarray(other)
        if self.ndim > 2 or other.ndim not in (1, 2):
            raise NotImplementedError("products with sparse arrays of more than 2 axes")
        if self.shape[-1] != other.shape[0]:
            raise TypeError(
                "dot_general requires contracting dimensions to have the same shape, got "
                f"({self.shape[-1]},) and ({other.shape[0]},)."
            )
        *rows, columns = self._places()
        picked = other.at[columns].get(mode="fill", fill_value=0)
        terms = picked * self.data.reshape(-1, *[1] * (other.ndim - 1))
        if not rows:
            return terms.sum(0)
        out = jnp.zeros((self.shape[0], *other.shape[1:]), terms.dtype)
        return out.at[rows[0]].add(terms, mode="drop")

    def __rmatmul__(self, other):
        return (self.transpose() @ jnp.asarray(other).T).T

    def sum(self, axis=None):
        """The sum over all axes (an array), or over some (sparse)."""
        if axis is None:
            return self.data.sum()
        gone = {operator.index(a) % self.ndim for a in np.atleast_1d(axis)}
        kept = [k for k in range(self.ndim) if k not in gone]
        if not kept:
            return self.data.sum()
        shape = canonical_shape([self.shape[k] for k in kept])
        return BCOO((self.data, self.indices[:, np.array(kept)]), shape=shape)


def bcoo_fromdense(mat, *, nse=None, n_batch=0, n_dense=0, index_dtype=np.int32):
    """`BCOO.fromdense`."""
    return BCOO.fromdense(
        mat, nse=nse, n_batch=n_batch, n_dense=n_dense, index_dtype=index_dtype
    )


def bcoo_todense(mat):
    """The array with all its zeros."""
    return mat.todense()


def bcoo_transpose(mat, *, permutation):
    """`mat` with its axes permuted."""
    return mat.transpose(permutation)


def bcoo_sum_duplicates(mat, nse=None):
    """`mat` without places that occur twice."""
    return mat.sum_duplicates(nse)


def todense(arr):
    """A sparse array with all its zeros; other arrays as they are."""
    return arr.todense() if isinstance(arr, JAXSparse) else arr


def empty(shape, dtype=None, index_dtype="int32", sparse_format="bcoo"):
    """A sparse array without elements."""
    _check_format(sparse_format)
    dtype = user_dtype(dtype, "empty") or jnp.float32
    indices = jnp.zeros((0, len(shape)), index_dtype)
    return BCOO((jnp.zeros(0, dtype), indices), shape=shape, indices_sorted=True,
                unique_indices=True)  # fmt: skip


def eye(N, M=None, k=0, dtype=None, index_dtype="int32", sparse_format="bcoo"):
    """A sparse matrix with ones on diagonal `k`."""
    _check_format(sparse_format)
    columns = N if M is None else M
    first = max(0, -k)
    n = max(0, min(N - first, columns - max(0, k)))
    rows = jnp.arange(first, first + n, dtype=index_dtype)
    data = jnp.ones(n, user_dtype(dtype, "eye") or jnp.float32)
    return BCOO((data, jnp.stack([rows, rows + k], axis=1)), shape=(N, columns),
                indices_sorted=True, unique_indices=True)  # fmt: skip


def _check_format(name):
    if name != "bcoo":
        raise NotImplementedError(f"sparse_format={name!r}: minijax has 'bcoo' only")

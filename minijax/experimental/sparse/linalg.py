"""Linear systems with sparse matrices."""

import minijax.numpy as jnp
from minijax.experimental.sparse.csr import _csr_todense
from minijax.experimental.sparse.lobpcg import (
    _lobpcg_standard_callable as _lobpcg_standard_callable,
)
from minijax.experimental.sparse.lobpcg import (
    _lobpcg_standard_matrix as _lobpcg_standard_matrix,
)
from minijax.experimental.sparse.lobpcg import lobpcg_standard as lobpcg_standard


def spsolve(data, indices, indptr, b, tol=1e-6, reorder=1):
    """The solution x of A x = b, A a square matrix in the CSR format.

    A is made dense and factored: time and memory are those of a dense matrix. tol,
    reorder: accepted, what solvers of sparse factors would use. TypeError or ValueError
    where the arrays do not make a system.
    """
    data, indices, indptr, b = map(jnp.asarray, (data, indices, indptr, b))
    if data.dtype != b.dtype:
        raise ValueError(
            f"data types do not match: data.dtype={data.dtype} b.dtype={b.dtype}"
        )
    if not all(jnp.issubdtype(x.dtype, jnp.integer) for x in (indices, indptr)):
        raise ValueError(
            f"index arrays must be integer typed; got indices.dtype={indices.dtype} "
            f"indptr.dtype={indptr.dtype}"
        )
    if not data.ndim == indices.ndim == indptr.ndim == b.ndim == 1:
        raise ValueError("Arrays must be one-dimensional.")
    if indptr.size != b.size + 1 or data.shape != indices.shape:
        raise ValueError(
            f"Invalid CSR buffer sizes: data.shape={data.shape} "
            f"indices.shape={indices.shape} indptr.shape={indptr.shape}"
        )
    if reorder not in (0, 1, 2, 3):
        raise ValueError(f"reorder={reorder} not valid, must be one of [1, 2, 3, 4]")
    return jnp.linalg.solve(_csr_todense(data, indices, indptr, shape=(b.size,) * 2), b)

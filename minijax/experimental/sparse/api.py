"""`todense`, `empty` and `eye`, of any format."""

import operator

import numpy as np

from minijax.core import Zero
from minijax.experimental.sparse._base import JAXSparse
from minijax.experimental.sparse.bcoo_type import BCOO
from minijax.experimental.sparse.bcsr import BCSR
from minijax.experimental.sparse.coo import COO
from minijax.experimental.sparse.csr import CSC, CSR
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import concrete_or_error
from minijax.ops.define import define

_FORMATS = {"bcsr": BCSR, "bcoo": BCOO, "coo": COO, "csr": CSR, "csc": CSC}
_WITH_EYE = {name: cls for name, cls in _FORMATS.items() if name != "bcsr"}


def todense(arr):
    """A sparse array with all its zeros; other arrays as they are."""
    return arr.todense() if isinstance(arr, JAXSparse) else todense_p.bind(asarray(arr))


def _todense_jvp(primals, tangents):
    (t,) = tangents
    return todense_p.bind(*primals), t if type(t) is Zero else todense_p.bind(t)


# The identity; of sparse arrays, under `sparsify`, it has a rule that makes them dense.
todense_p = define(
    "todense",
    shape=lambda x: x,
    reference=np.array,
    jvp=_todense_jvp,
    transpose=lambda ct, x: [todense_p.bind(ct)],
    batch=lambda axis, args, dims: (todense_p.bind(*args), dims[0]),
    lower=lambda b, ins, out_avals: ins,
)


def empty(shape, dtype=None, index_dtype="int32", sparse_format="bcoo", **kwds):
    """A sparse array without elements; kwds: `n_batch`, `n_dense`, `nse` if batched."""
    if sparse_format not in _FORMATS:
        raise ValueError(
            f"sparse_format={sparse_format!r} not recognized; must be one of "
            f"{list(_FORMATS)}"
        )
    cls = _FORMATS[sparse_format]
    return cls._empty(tuple(shape), dtype=dtype, index_dtype=index_dtype, **kwds)


def eye(N, M=None, k=0, dtype=None, index_dtype="int32", sparse_format="bcoo", **kwds):
    """A sparse matrix with ones on diagonal `k`; kwds: `n_batch`, `n_dense` of a BCOO."""
    N, M, k = (
        concrete_or_error(operator.index, n) for n in (N, N if M is None else M, k)
    )
    cls = _WITH_EYE[sparse_format]
    return cls._eye(N=N, M=M, k=k, dtype=dtype, index_dtype=index_dtype, **kwds)

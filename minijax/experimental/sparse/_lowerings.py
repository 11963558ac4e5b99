"""Products with matrices in the CSR format as primitives."""

import numpy as np

from minijax import core
from minijax.experimental.sparse.csr import _csr_matmat, _csr_matvec
from minijax.extend.core import Primitive
from minijax.interpreters.mlir import lower_fun, register_lowering

SUPPORTED_DATA_DTYPES = [np.float32, np.float64, np.complex64, np.complex128]
SUPPORTED_INDEX_DTYPES = [np.int32]


def _product(name, compute, rank):
    """The primitive of `compute(data, indices, indptr, x, shape=, transpose=)`."""

    def types(data, indices, indptr, x, *, shape, transpose):
        out, inner = shape[::-1] if transpose else shape
        fits = x.ndim == rank and x.shape[0] == inner and data.dtype == x.dtype
        if not (fits and data.dtype in SUPPORTED_DATA_DTYPES):
            raise TypeError(
                f"{name} multiplies a matrix of shape {shape} (transposed: {transpose}) "
                f"and dtype {data.dtype} with an array of rank {rank} of its dtype, one "
                f"of {[d.__name__ for d in SUPPORTED_DATA_DTYPES]}; got {x}"
            )
        if {indices.dtype.type, indptr.dtype.type} - set(SUPPORTED_INDEX_DTYPES):
            raise TypeError(f"{name} takes int32 indices, got {indices}, {indptr}")
        return core.ShapedArray((out, *x.shape[1:]), x.dtype)

    def impl(*args, **params):
        types(*map(core.get_aval, args), **params)
        return compute(*args, **params)

    primitive = Primitive(name)
    primitive.def_abstract_eval(types)
    register_lowering(primitive, lower_fun(compute, multiple_results=False))
    primitive.def_impl(impl)
    return primitive


csr_spmv_p = _product("csr_spmv", _csr_matvec, 1)
csr_spmm_p = _product("csr_spmm", _csr_matmat, 2)

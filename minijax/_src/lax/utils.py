"""What the operations share."""

import numpy as np

from minijax import dtypes


def int_dtype_for_dim(d, *, signed):
    """The integer dtype that holds the places along a dimension of `d` elements."""
    return int_dtype_for_shape((d,), signed=signed)


def int_dtype_for_shape(shape, *, signed):
    """The integer dtype of 32 bits if it holds every size of `shape`, else that of 64."""
    narrow, wide = (np.int32, np.int64) if signed else (np.uint32, np.uint64)
    return np.dtype(wide if any(d > np.iinfo(narrow).max for d in shape) else narrow)


def input_dtype(x, *_, out_dtype=None, **__):
    """The dtype of a result: the one asked for, or that of the operand."""
    return x.dtype if out_dtype is None else dtypes.canonicalize_dtype(out_dtype)


def dtype_to_string(dtype):
    """The name of a dtype, as messages have it."""
    return str(np.dtype(dtype).name) if not dtypes.is_extended(dtype) else str(dtype)

"""The elementwise, shape and reduction operations."""

import functools
import itertools
from typing import Any

import numpy as np

from minijax import dtypes, lax
from minijax._src._homes import names_of
from minijax._src.dtypes import is_weakly_typed_scalar
from minijax.numpy.creation import asarray as asarray
from minijax.numpy.promotion import literal
from minijax.ops.convert import convert

PrecisionLike = DotDimensionNumbers = Any

# What ops accept, by kinds of numbers
_float, _complex, _int = {np.floating}, {np.complexfloating}, {np.integer}
_num = _int | _float | _complex
_any = _num | {np.bool_}
_bool_or_int = _int | {np.bool_}

_zeros = functools.partial(lax.full_like, fill_value=0)
_ones = functools.partial(lax.full_like, fill_value=1)


def remaining(original, *removed_lists):
    """What none of the lists has, in order."""
    removed = {x for some in removed_lists for x in some}
    return [x for x in original if x not in removed]


def _const(example, value):
    """`value` with the dtype of `example`; a Python scalar for a weakly typed one."""
    dtype = dtypes.dtype(example)
    if not is_weakly_typed_scalar(example):
        return literal(value, dtype)
    value = dtypes.scalar_type_of(example)(value)
    return value if dtypes.dtype(value) == dtype else np.array(value, dtype)


def _convert_element_type(operand, new_dtype=None, weak_type=False, sharding=None):
    """`operand` with another dtype, or another weak type."""
    if new_dtype is None:
        new_dtype = dtypes.dtype(operand)
    return convert(operand, new_dtype, weak_type)


def _eye(dtype, shape, offset):
    """A matrix with ones on one diagonal."""
    row, column = (lax.broadcasted_iota(np.int32, shape, k) for k in (0, 1))
    return convert(lax.eq(row + np.int32(offset), column), np.dtype(dtype))


def _delta(dtype, shape, axes):
    """A generalised identity: ones where the indices along `axes` agree."""
    base = tuple(shape[axis] for axis in axes)
    index = [lax.broadcasted_iota(np.int32, base, k) for k in range(len(base))]
    same = [lax.eq(a, b) for a, b in itertools.pairwise(index)]
    found = functools.reduce(lax.bitwise_and, same)
    return lax.broadcast_in_dim(convert(found, np.dtype(dtype)), shape, axes)


def _tri(dtype, shape, offset):
    """A matrix with ones on and below one diagonal."""
    row, column = (lax.broadcasted_iota(np.int32, shape, k) for k in (0, 1))
    return convert(lax.ge(row + np.int32(offset), column), np.dtype(dtype))


__getattr__ = names_of(
    __name__,
    "minijax.lax",
    "minijax.ops.arithmetic",
    "minijax.ops.bits",
    "minijax.ops.comparison",
    "minijax.ops.complex_parts",
    "minijax.ops.exponential",
    "minijax.ops.rounding",
    "minijax.ops.special",
    "minijax.ops.trigonometric",
    "minijax.ops.reduce",
    "minijax.ops.convert",
    "minijax.ops.identities",
    "minijax.ops.shape",
    "minijax.ops.define",
    "minijax.numpy.promotion",
)

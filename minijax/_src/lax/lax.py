"""The elementwise, shape and reduction operations."""

from typing import Any

from minijax import dtypes
from minijax._src._homes import names_of
from minijax.numpy.creation import asarray as asarray
from minijax.numpy.promotion import literal
from minijax.ops.convert import convert

PrecisionLike = DotDimensionNumbers = Any


def _const(example, value):
    """`value` with the dtype of `example`."""
    return literal(value, dtypes.dtype(example))


def _convert_element_type(operand, new_dtype=None, weak_type=False, sharding=None):
    """`operand` with another dtype, or another weak type."""
    return convert(operand, new_dtype, weak_type)


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
    "minijax.ops.shape",
    "minijax.ops.define",
    "minijax.numpy.promotion",
)

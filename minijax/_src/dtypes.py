"""Dtypes, promotion and weak types."""

import numpy as np

from minijax import config, dtypes
from minijax import dtype_lattice as lattice
from minijax._src._homes import names_of
from minijax._src.typing import DType as DType
from minijax._src.typing import DTypeLike as DTypeLike
from minijax.numpy.scalar_types import bool_ as _bool

int_, uint, float_, complex_ = np.int64, np.uint64, np.float64, np.complex128
_weak_types = [int, float, complex]
_custom_float_dtypes = [*lattice.small_floats, np.dtype(dtypes.bfloat16)]
_float8_dtypes = [t for t in lattice.small_floats if t.name.startswith("float8")]
_custom_float_scalar_types = [t.type for t in _custom_float_dtypes]
_float4_dtypes = [t for t in lattice.small_floats if t.name.startswith("float4")]
_float6_dtypes = [t for t in lattice.small_floats if t.name.startswith("float6")]
_intn_dtypes = [*lattice.small_ints]
_bool_types = [np.dtype(bool)]
_unsigned_types = [t for t in lattice.small_ints if t.name[0] == "u"] + lattice.unsigned
_signed_types = [t for t in lattice.small_ints if t.name[0] == "i"] + lattice.signed
_int_types = _unsigned_types + _signed_types
_float_types = [*lattice.small_floats, *lattice.floats]
_complex_types = lattice.complexes
_jax_types = sorted((np.dtype(t) for t in dtypes.array_dtypes), key=str)
short_dtype_name = dtypes.short_name


_jax_dtype_set = {*_jax_types, np.dtype(dtypes.float0)}
python_scalar_types_to_dtypes = {
    bool: np.dtype("bool"),
    int: np.dtype("int64"),
    float: np.dtype("float64"),
    complex: np.dtype("complex128"),
}


def default_int_dtype():
    """The dtype of Python's ints."""
    return dtypes.python_scalar_dtype(int)


def default_uint_dtype():
    """The unsigned dtype as wide as that of Python's ints."""
    return np.dtype("uint64" if config.values.jax_enable_x64 else "uint32")


def default_float_dtype():
    """The dtype of Python's floats."""
    return dtypes.python_scalar_dtype(float)


def default_complex_dtype():
    """The dtype of Python's complex numbers."""
    return dtypes.python_scalar_dtype(complex)


default_types = {
    "b": lambda: np.dtype("bool"),
    "i": default_int_dtype,
    "u": default_uint_dtype,
    "f": default_float_dtype,
    "c": default_complex_dtype,
}


def jax_dtype(obj, *, align=False, copy=False):
    """A dtype; Python's types and None stand for the default ones."""
    if obj is None:
        return default_float_dtype()
    if obj in (bool, int, float, complex):
        return dtypes.python_scalar_dtype(obj)
    if dtypes.issubdtype(obj, dtypes.extended):
        return obj
    return np.dtype(obj, align=align, copy=copy)


def dtype(x):
    """`dtypes.dtype`, where 64-bit dtypes that are asked for by name or as a type give
    what the flag `jax_explicit_x64_dtypes` says.
    """
    kind = isinstance(x, type) and issubclass(x, np.generic)
    if kind or isinstance(x, (str, np.dtype)):
        return dtypes.check_user_dtype(x, "dtype")
    return dtypes.dtype(x)


def is_weakly_typed_scalar(x):
    """Whether `x` is a Python number or bool, or a weakly typed Array of rank 0."""
    try:
        return x.aval.weak_type and np.ndim(x) == 0
    except AttributeError:
        return type(x) in dtypes.python_scalar_types


def _dtype_and_weaktype(x):
    return dtypes.dtype(x), x in _weak_types or dtypes.is_weakly_typed(x)


def _jax_type(dtype, weak_type):
    """What stands for a dtype in promotion: of a weak one, a Python type."""
    if not weak_type or dtype.kind == "b":
        return dtype
    return float if dtype in _custom_float_dtypes else type(dtype.type(0).item())


def coerce_to_array(x, dtype=None):
    """A NumPy array of the dtype that tracing gives `x`."""
    return np.asarray(x, dtypes.dtype(x) if dtype is None else dtype)


def safe_to_cast(input_dtype_or_value, output_dtype_or_value):
    """Whether the first converts to the second without loss by promotion; what is weakly
    typed adapts to the second.
    """
    out = dtypes.dtype(output_dtype_or_value)
    kind = _jax_type(*_dtype_and_weaktype(input_dtype_or_value))
    return dtypes.promote_types(kind, out) == out


_promotion = config.context_manager("jax_numpy_dtype_promotion")
_enable_x64 = config.context_manager("jax_enable_x64")


def _type_promotion_lattice(strict, x64):
    """dtype or Python type -> those just above it in promotion."""
    edges = lattice._lattice_edges(strict)
    if not (strict or x64):
        uint32, int32 = np.dtype("uint32"), np.dtype("int32")
        edges[uint32] = [int32, np.dtype("uint64")]
    return edges


def _least_upper_bound(jax_numpy_dtype_promotion, x64, *nodes):
    """The dtype or Python type that all nodes of the lattice promote to."""
    with _promotion(jax_numpy_dtype_promotion), _enable_x64(x64):
        return lattice.least_upper_bound(nodes)


def scalar_type_to_dtype(typ, value=None):
    """The dtype of a Python type of numbers; OverflowError if `value` does not fit."""
    found = dtypes.python_scalar_dtype(typ)
    if typ is int and value is not None:
        dtypes.check_python_int(value, found)
    return found


def check_valid_dtype(dtype):
    """TypeError for a dtype that no array has."""
    if dtype not in _jax_dtype_set:
        raise TypeError(
            f"Dtype {dtype} is not a valid JAX array type. Only arrays of numeric types "
            "are supported by JAX."
        )


_find = names_of(__name__, "minijax.dtypes", "minijax.numpy.promotion", "minijax.numpy")


def __getattr__(name):
    # Types of numbers are NumPy's and ml_dtypes' here, not those of `jax.numpy`.
    found = _find(name)
    return found.dtype.type if isinstance(found, type(_bool)) else found

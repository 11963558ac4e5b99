"""jnp's scalar types: `jnp.float32` names a dtype, and called makes an array of it.

They are not numpy's scalar classes and have no instances. But `np.dtype` takes them,
they equal `np.float32` and hash alike, and np.float32(1) is an instance of jnp.float32.
"""

from typing import Any

import ml_dtypes
import numpy as np


class _Hooks:
    """What is installed later, by the module that makes arrays."""

    # asarray(x, dtype=...) -> array
    asarray: Any = None


def install_asarray(asarray) -> None:
    """Sets the function that calls of scalar types use: asarray(x, dtype=...)."""
    _Hooks.asarray = staticmethod(asarray)


class _ScalarMeta(type):
    """The class of scalar types; `dtype` is the one that each names."""

    dtype: np.dtype

    def __hash__(cls):
        return hash(cls.dtype.type)

    def __eq__(cls, other):
        if cls is other:
            return True
        if isinstance(other, _ScalarMeta):
            return cls.dtype == other.dtype
        return cls.dtype.type == other

    def __ne__(cls, other):
        return not cls == other

    def __call__(cls, x):
        return _Hooks.asarray(x, dtype=cls.dtype)

    def __instancecheck__(cls, instance):
        return isinstance(instance, cls.dtype.type)


def _scalar_type(scalar_class):
    dtype = np.dtype(scalar_class)
    doc = (
        f"The dtype {dtype.name}; called, makes an array of it.\n\n"
        "JAX has no scalar objects: scalars are arrays without dimensions."
    )
    body = {"dtype": dtype, "__module__": __package__, "__doc__": doc}
    return _ScalarMeta(dtype.name, (object,), body)


bool_ = _scalar_type(np.bool_)
if hasattr(ml_dtypes, "int1"):  # newer releases only
    int1 = _scalar_type(ml_dtypes.int1)
    uint1 = _scalar_type(ml_dtypes.uint1)
int2 = _scalar_type(ml_dtypes.int2)
int4 = _scalar_type(ml_dtypes.int4)
int8 = _scalar_type(np.int8)
int16 = _scalar_type(np.int16)
int32 = _scalar_type(np.int32)
int64 = _scalar_type(np.int64)
uint2 = _scalar_type(ml_dtypes.uint2)
uint4 = _scalar_type(ml_dtypes.uint4)
uint8 = _scalar_type(np.uint8)
uint16 = _scalar_type(np.uint16)
uint32 = _scalar_type(np.uint32)
uint64 = _scalar_type(np.uint64)
float4_e2m1fn = _scalar_type(ml_dtypes.float4_e2m1fn)
float6_e2m3fn = _scalar_type(ml_dtypes.float6_e2m3fn)
float6_e3m2fn = _scalar_type(ml_dtypes.float6_e3m2fn)
float8_e3m4 = _scalar_type(ml_dtypes.float8_e3m4)
float8_e4m3 = _scalar_type(ml_dtypes.float8_e4m3)
float8_e4m3b11fnuz = _scalar_type(ml_dtypes.float8_e4m3b11fnuz)
float8_e4m3fn = _scalar_type(ml_dtypes.float8_e4m3fn)
float8_e4m3fnuz = _scalar_type(ml_dtypes.float8_e4m3fnuz)
float8_e5m2 = _scalar_type(ml_dtypes.float8_e5m2)
float8_e5m2fnuz = _scalar_type(ml_dtypes.float8_e5m2fnuz)
float8_e8m0fnu = _scalar_type(ml_dtypes.float8_e8m0fnu)
bfloat16 = _scalar_type(ml_dtypes.bfloat16)
float16 = _scalar_type(np.float16)
float32 = _scalar_type(np.float32)
float64 = _scalar_type(np.float64)
complex64 = _scalar_type(np.complex64)
complex128 = _scalar_type(np.complex128)

bool = bool_
single = float32
double = float_ = float64
csingle = complex64
cdouble = complex_ = complex128
int_ = int64
uint = uint64

# The abstract classes, and object, are numpy's own.
generic = np.generic
number = np.number
integer = np.integer
signedinteger = np.signedinteger
unsignedinteger = np.unsignedinteger
inexact = np.inexact
floating = np.floating
complexfloating = np.complexfloating
flexible = np.flexible
character = np.character
object_ = np.object_

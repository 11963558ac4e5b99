"""Avals, arrays and parameters of equations, from one framework to the other."""

import enum
from importlib import import_module
from typing import Any

import numpy as np

from minijax import config, core, dtypes, lax, random
from minijax.array import ArrayImpl


class InteropError(Exception):
    """A jaxpr holds something that the other framework has no counterpart of."""


def jax_module(name: str = "") -> Any:
    """Real JAX, or a module of it; imported only here.

    InteropError where a program runs under the alias that makes `jax` mean minijax.
    """
    found = import_module("jax" + name)
    if getattr(found, "__name__", "").startswith("minijax"):
        raise InteropError("`import jax` gives minijax here; interop needs real JAX")
    return found


def require_same_width() -> None:
    """InteropError unless both frameworks take Python numbers as equally wide."""
    ours = bool(config.values.jax_enable_x64)
    theirs = bool(jax_module().config.jax_enable_x64)
    if ours != theirs:
        raise InteropError(
            f"jax_enable_x64 is {ours} here and {theirs} in JAX; set both alike"
        )


# --- avals ----------------------------------------------------------------------------


def dtype_from_jax(dtype: Any) -> Any:
    """A dtype of JAX's: NumPy's own, or that of a PRNG key."""
    if isinstance(dtype, np.dtype):
        return dtype
    text = str(dtype)
    if text.startswith("key<"):
        return _key_dtype(text)
    raise InteropError(f"no counterpart of dtype {text}")


def _key_dtype(text: str) -> Any:
    """The dtype of minijax that prints like `text`, as key<fry>."""
    for impl in ("threefry2x32", "rbg", "unsafe_rbg"):
        dtype = random.key(0, impl=impl).dtype
        if str(dtype) == text:
            return dtype
    raise InteropError(f"no generator of random bits is behind {text}")


def impl_name(text: str) -> str:
    """The name of the generator behind a key dtype that prints like `text`."""
    return _key_dtype(text).impl


def aval_from_jax(aval: Any) -> core.ShapedArray:
    """JAX's ShapedArray as minijax's; InteropError for other kinds."""
    if not hasattr(aval, "shape"):
        raise InteropError(f"no counterpart of a value of type {aval}")
    weak = bool(getattr(aval, "weak_type", False))
    return core.ShapedArray(aval.shape, dtype_from_jax(aval.dtype), weak)


def struct_of(aval: Any) -> Any:
    """An aval of minijax's as what JAX traces functions with."""
    jax = jax_module()
    dtype = aval.dtype
    if isinstance(dtype, dtypes.KeyTy):
        dtype = jax.random.key(0, impl=dtype.impl).dtype
    return jax.ShapeDtypeStruct(aval.shape, dtype, weak_type=aval.weak_type)


# --- arrays ---------------------------------------------------------------------------


def array_from_jax(x: Any) -> Any:
    """JAX's array (or a NumPy array or scalar) as minijax's."""
    if str(getattr(x, "dtype", "")).startswith("key<"):
        data = jax_module().random.key_data(x)
        return random.wrap_key_data(np.asarray(data), impl=impl_name(str(x.dtype)))
    if not hasattr(x, "dtype"):
        return x
    weak = bool(getattr(x, "weak_type", False))
    numpy_like = isinstance(x, np.ndarray | np.generic)
    dtype = dtypes.canonicalize_dtype(x.dtype) if numpy_like else x.dtype
    # A copy: JAX may give the memory of its own to others.
    data = np.array(x, dtype, order="C")
    return ArrayImpl(core.ShapedArray(data.shape, data.dtype, weak), data)


def array_to_jax(x: Any) -> Any:
    """minijax's array (or a NumPy array or scalar) as JAX's; weak types are lost."""
    jax = jax_module()
    if isinstance(getattr(x, "dtype", None), dtypes.KeyTy):
        data = np.asarray(random.key_data(x))
        return jax.random.wrap_key_data(data, impl=x.dtype.impl)
    return jax.numpy.asarray(np.asarray(x)) if hasattr(x, "dtype") else x


# --- parameters -----------------------------------------------------------------------

# Parameters that say where or how, not what: they have one value on one CPU device.
PLACES = {
    "sharding", "out_sharding", "in_shardings", "out_shardings", "in_layouts",
    "out_layouts", "ctx_mesh", "mesh", "compiler_options_kvs",
}  # fmt: skip


def value_from_jax(value: Any) -> Any:
    """A plain parameter of JAX's (no jaxpr, no function) as minijax's."""
    return _converted(value, lax, dtype_from_jax)


def value_to_jax(value: Any) -> Any:
    """A plain parameter of minijax's as JAX's."""

    def dtype_of(dtype):
        if isinstance(dtype, dtypes.KeyTy):
            return jax_module().random.key(0, impl=dtype.impl).dtype
        return dtype

    return _converted(value, jax_module(".lax"), dtype_of)


def _converted(value: Any, target: Any, dtype_of: Any) -> Any:
    """`value` with enums and dimension numbers replaced by those of `target`."""
    if value is None or isinstance(
        value, bool | int | float | complex | str | np.generic
    ):
        return _enum(value, target) if isinstance(value, enum.Enum) else value
    if isinstance(value, enum.Enum):
        return _enum(value, target)
    if isinstance(value, np.dtype | dtypes.ExtendedDType) or str(value)[:4] == "key<":
        return dtype_of(value)
    if type(value).__name__ == "PRNGImpl":
        return _key_dtype(f"key<{value.tag}>")
    fields = getattr(value, "_fields", None) or getattr(
        value, "__dataclass_fields__", None
    )
    fields = fields or getattr(value, "__match_args__", None)
    kind = getattr(target, type(value).__name__, None)
    if fields and kind is not None:
        given = {name: getattr(value, name) for name in fields}
        return kind(**{k: _converted(v, target, dtype_of) for k, v in given.items()})
    if isinstance(value, tuple | list):
        return type(value)(_converted(v, target, dtype_of) for v in value)
    if isinstance(value, dict):
        return {k: _converted(v, target, dtype_of) for k, v in value.items()}
    raise InteropError(f"no counterpart of {value!r}, a {type(value).__name__}")


def _enum(value: enum.Enum, target: Any) -> Any:
    kind = getattr(target, type(value).__name__, None)
    if kind is None:
        raise InteropError(f"no counterpart of {value!r}")
    return getattr(kind, value.name)

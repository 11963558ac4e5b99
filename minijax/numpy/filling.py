"""jnp's makers of arrays that are filled with one value."""

from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax.array import ArrayImpl, placed
from minijax.core import Tracer
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    broadcast_to,
    convert,
    ensure_arraylike,
    literal,
    shape_of,
    user_dtype,
)
from minijax.ops.shape import broadcast_in_dim_p

# --- filled ---------------------------------------------------------------------------


def canonical_shape(shape: Any, context: str = "") -> tuple:
    """A static shape as a tuple of ints.  TypeError for anything else."""
    if type(shape) is tuple and all(type(n) is int for n in shape):
        return shape
    # Arrays, and sequences of others, are shapes as well.
    if not getattr(shape, "ndim", hasattr(shape, "__iter__")):
        shape = (shape,)
    try:
        return tuple([core.as_size(n) for n in shape])
    except (AttributeError, TypeError):
        raise _bad_shape(tuple(shape), context) from None


def _bad_shape(shape, context):
    message = (
        f"Shapes must be 1D sequences of concrete values of integer type, got {shape}."
    )
    if context:
        message += f" {context}."
    traced = [n for n in shape if isinstance(n, Tracer)]
    if traced:
        message += (
            "\nIf using `jit`, try using `static_argnums` or applying `jit` to smaller "
            f"subfunctions.{core.errors.origin(traced[0])}"
        )
    return TypeError(message)


def _fill(shape, value, dtype, where):
    if dtype is None:
        dtype = dtypes.python_scalar_dtype(float)
    else:
        try:
            dtype = user_dtype(dtype, where)
        except TypeError as error:
            raise TypeError(f"{error}{_forgotten_tuple(where, shape, dtype)}") from None
    if dtype == dtypes.float0:
        return np.zeros(canonical_shape(shape), dtype)
    return _spread(_element(value, dtype), canonical_shape(shape))


def _forgotten_tuple(where, shape, dtype):
    """What to add to an error about a dtype that may have been meant as a size."""
    if not (isinstance(shape, int) and isinstance(dtype, int)):
        return ""
    return (
        f".\n\nDid you accidentally write `jax.numpy.{where}({shape}, {dtype})` when "
        f"you meant `jax.numpy.{where}(({shape}, {dtype}))`, i.e. with a single tuple "
        "argument for the shape?"
    )


def _element(number, dtype, weak=False):
    """A number as a scalar of a dtype; a key has it in each of its words."""
    if not isinstance(dtype, dtypes.ExtendedDType):
        return literal(_wrapped(number, dtype), dtype, weak)
    words = np.full(dtype.itemsize // 4, number, np.uint32)
    key = words.view(dtypes.storage_dtype(dtype)).reshape(())
    return ArrayImpl(core.ShapedArray((), dtype), key)


def _wrapped(number, dtype):
    """The number; of a Python integer that the dtype does not hold, the lower bits."""
    large = type(number) is int and number.bit_length() >= 8 * dtype.itemsize
    if large and np.issubdtype(dtype, np.integer):
        return int(dtypes.wrapped_int(number, dtype))
    return number


def _spread(scalar, shape):
    """An array of a shape with every element `scalar`."""
    if not shape:
        return asarray(scalar)
    return broadcast_in_dim_p.bind(
        scalar, shape=shape, broadcast_dimensions=(), sharding=None
    )


def zeros(shape, dtype=None, *, device=None, out_sharding=None) -> Any:
    """An array of zeros.

    Args:
        shape: a size, or a tuple of sizes.
        dtype: of the result; the default float if None.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        An array of the given shape.

    Examples:
        >>> jnp.zeros((2, 3))
        Array([[0., 0., 0.],
               [0., 0., 0.]], dtype=float32)
        >>> jnp.zeros(2, dtype=int)
        Array([0, 0], dtype=int32)
    """
    return placed(_fill(shape, 0, dtype, "zeros"), device)


def ones(shape, dtype=None, *, device=None, out_sharding=None) -> Any:
    """An array of ones.

    Args:
        shape: a size, or a tuple of sizes.
        dtype: of the result; the default float if None.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        An array of the given shape.

    Examples:
        >>> jnp.ones((2, 3))
        Array([[1., 1., 1.],
               [1., 1., 1.]], dtype=float32)
        >>> jnp.ones(2, dtype=bool)
        Array([ True,  True], dtype=bool)
    """
    return placed(_fill(shape, 1, dtype, "ones"), device)


def empty(shape, dtype=None, *, device=None, out_sharding=None) -> Any:
    """An array of zeros: arrays here are never uninitialised.

    Args:
        shape: a size, or a tuple of sizes.
        dtype: of the result; the default float if None.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        An array of the given shape.

    Examples:
        >>> jnp.empty(2)
        Array([0., 0.], dtype=float32)
    """
    return placed(_fill(shape, 0, dtype, "empty"), device)


def full(shape, fill_value, dtype=None, *, device=None, out_sharding=None) -> Any:
    """An array of which every element is `fill_value` (which may be an array to
    broadcast).

    Args:
        shape: a size, or a tuple of sizes.
        fill_value: scalar, or array that broadcasts to `shape`.
        dtype: of the result; by default that of the value.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        An array of the given shape.

    Examples:
        >>> jnp.full((2, 2), 7)
        Array([[7, 7],
               [7, 7]], dtype=int32, weak_type=True)
        >>> jnp.full((2, 2), jnp.array([1, 2]))
        Array([[1, 2],
               [1, 2]], dtype=int32)
    """
    (fill_value,) = ensure_arraylike("full", fill_value)
    dtype = user_dtype(dtype, "full")
    shape = canonical_shape(shape)
    wanted = dtypes.python_scalar_dtype(int) if dtype is None else dtype
    fill_value = _wrapped(fill_value, wanted)
    if dtype is not None:
        if type(fill_value) is int:
            fill_value = _element(fill_value, dtype, False)
        fill_value = convert(fill_value, dtype)
    if not shape_of(fill_value):
        return placed(_spread(fill_value, shape), device)
    return asarray(broadcast_to(fill_value, shape), device=device)


def _like(a, value, dtype, shape, where, device):
    if not (hasattr(a, "dtype") and hasattr(a, "shape")):
        (a,) = ensure_arraylike(where, a)
    dtype = user_dtype(dtype, where)
    weak = False
    if dtype is None:
        aval = core.own_aval(a)
        if aval is None and type(a) in dtypes.python_scalar_types:
            aval = core.get_aval(a)
        dtype = dtypes.dtype(a) if aval is None else aval.dtype
        weak = aval is not None and aval.weak_type
    shape = tuple(shape_of(a)) if shape is None else canonical_shape(shape)
    if type(value) is int:
        value = _element(value, dtype, weak)
    value = convert(value, dtype, weak)
    out = broadcast_to(value, shape) if shape_of(value) else _spread(value, shape)
    if device is None and type(a) is ArrayImpl and a.committed:
        device = a.sharding if len(shape) == a.ndim else a.sharding.whole()
    elif device is None and type(a) in core.shapes_only and shape == a.shape:
        device = a.sharding
    return placed(out, device)


def zeros_like(a, dtype=None, shape=None, *, device=None, out_sharding=None) -> Any:
    """Zeros of the shape and dtype of `a`, where these are not given.

    Args:
        a: array or scalar, or anything with a shape and a dtype.
        dtype: of the result; by default that of `a`.
        shape: of the result; by default that of `a`.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        An array of zeros.

    Examples:
        >>> jnp.zeros_like(jnp.array([1.5, 2.5]))
        Array([0., 0.], dtype=float32)
    """
    return _like(a, 0, dtype, shape, "zeros_like", device)


def ones_like(a, dtype=None, shape=None, *, device=None, out_sharding=None) -> Any:
    """Ones of the shape and dtype of `a`, where these are not given.

    Args:
        a: array or scalar, or anything with a shape and a dtype.
        dtype: of the result; by default that of `a`.
        shape: of the result; by default that of `a`.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        An array of ones.

    Examples:
        >>> jnp.ones_like(jnp.array([1.5, 2.5]), dtype=int)
        Array([1, 1], dtype=int32)
    """
    return _like(a, 1, dtype, shape, "ones_like", device)


def empty_like(prototype, dtype=None, shape=None, *, device=None) -> Any:
    """Zeros of the shape and dtype of `prototype`, where these are not given.

    Args:
        prototype: array or scalar, or anything with a shape and a dtype.
        dtype: of the result; by default that of `prototype`.
        shape: of the result; by default that of `prototype`.
        device: a device or sharding that the result is committed to.

    Returns:
        An array of zeros.

    Examples:
        >>> jnp.empty_like(jnp.array([1, 2]))
        Array([0, 0], dtype=int32)
    """
    return _like(prototype, 0, dtype, shape, "empty_like", device)


def full_like(
    a, fill_value, dtype=None, shape=None, *, device=None, out_sharding=None
) -> Any:
    """`fill_value` in the shape and dtype of `a`, where these are not given.

    Args:
        a: array or scalar, or anything with a shape and a dtype.
        fill_value: scalar, or array that broadcasts.
        dtype: of the result; by default that of `a`.
        shape: of the result; by default that of `a`.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        An array filled with the value.

    Examples:
        >>> jnp.full_like(jnp.array([1, 2]), 9)
        Array([9, 9], dtype=int32)
    """
    _, fill_value = ensure_arraylike("full_like", 0, fill_value)
    return _like(a, fill_value, dtype, shape, "full_like", device)

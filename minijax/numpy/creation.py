"""jnp's makers of arrays of Python's, NumPy's and other libraries' values."""

import warnings
from typing import Any

import numpy as np

from minijax import _callpath, core, dtypes, errors, lax
from minijax import array as array_module
from minijax.array import ArrayImpl, placed
from minijax.core import Tracer
from minijax.device import Sharding
from minijax.numpy import scalar_types
from minijax.numpy.promotion import (
    BOOL,
    constant_like,
    convert,
    ensure_arraylike,
    user_dtype,
)
from minijax.ops.convert import (
    convert_element_type_p,
    copy_p,
)
from minijax.transforms.ad import JVPTracer

# --- from values ----------------------------------------------------------------------


def asarray(
    a, dtype=None, order=None, *, copy=None, device=None, out_sharding=None
) -> Any:
    """`a` as an array: itself where it is one already of that dtype.

    Args:
        a: array, scalar, or nested sequences of them.
        dtype: of the result; by default that of `a`.
        order: None or 'K', 'A', 'C': arrays are row-major.
        copy: True for a copy, False for an error where one would be needed.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        An array; `a` itself where it is one of that dtype.

    Examples:
        >>> jnp.asarray([1, 2])
        Array([1, 2], dtype=int32)
        >>> jnp.asarray(1.0, dtype=jnp.int32)
        Array(1, dtype=int32)
    """
    if dtype is None and not copy and isinstance(a, (ArrayImpl, Tracer)):
        return placed(_as_array(a), device)
    dtype = user_dtype(dtype, "asarray")
    return array(a, dtype, copy=bool(copy), order=order, device=device)


def _as_array(x):
    """An array as it is; a tracer of a Python or NumPy value as one of an array."""
    known = x._concrete() if isinstance(x, Tracer) else x
    if known is None or isinstance(known, ArrayImpl):
        return x
    if isinstance(x, JVPTracer):  # no equation: this conversion has no derivative
        with core.eval_context():  # nor is it part of what is traced now
            return JVPTracer(x._trace, _as_array(x.primal), _as_array(x.tangent))
    if not isinstance(x, Tracer):
        return array(x)
    return convert_element_type_p.bind(
        x, new_dtype=x.aval.dtype, weak_type=x.aval.weak_type, sharding=None
    )


def array(
    object,
    dtype=None,
    *args,
    copy=True,
    order: str | None = "K",
    ndmin=0,
    device=None,
    out_sharding=None,
) -> Any:
    """An array of `object`: an array, a scalar, or nested sequences of them.

    Raises TypeError for values that no array holds, ValueError for None and for ragged
    sequences, OverflowError for integers out of range.

    Args:
        object: array, scalar, or nested sequences of them.
        dtype: of the result; by default that of the values.
        *args: accepted as NumPy's.
        copy: whether arrays are copied.
        order: None or 'K', 'A', 'C': arrays are row-major.
        ndmin: the least number of axes; new ones come first.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        An array.

    Examples:
        >>> jnp.array([[1, 2], [3, 4]])
        Array([[1, 2],
               [3, 4]], dtype=int32)
        >>> jnp.array([1, 2.5], ndmin=2)
        Array([[1. , 2.5]], dtype=float32)
    """
    if args:
        copy, order, ndmin = _by_place(args, (copy, order, ndmin))
    if order is not None and order != "K":
        raise NotImplementedError("Only implemented for order='K'")
    dtype = user_dtype(dtype, "array")
    out = _from_object(object, dtype, copy)
    missing = ndmin - out.ndim
    if missing > 0:
        out = lax.expand_dims(out, range(missing))
    return placed(out, device)


def _by_place(args, given) -> Any:
    """copy, order and ndmin of `array`, of which the first few were given by place."""
    if len(args) > 3:
        raise TypeError(
            f"array() takes at most 5 positional arguments but {len(args) + 2} were given"
        )
    names, plain = ("copy", "order", "ndmin"), (True, "K", 0)
    for name, value, default in zip(names, given, plain, strict=True):
        if name in names[: len(args)] and value != default:
            raise TypeError(f"array() got multiple values for argument '{name}'")
    warnings.warn(
        "Passing the copy, order, and ndmin arguments to jnp.array positionally is "
        "deprecated. Use keyword arguments instead.",
        DeprecationWarning,
        stacklevel=3,
    )
    return (*args, *given[len(args) :])


def _from_object(x, dtype, copy=False) -> Any:
    if isinstance(x, core.SymbolicSize):
        x = x.as_value()
    elif hasattr(x, "__jax_array__"):
        x = x.__jax_array__()
        dtype = dtypes.dtype(x) if dtype is None else dtype  # never weak
    if core.is_masked(x):
        if not copy:
            core.get_aval(x)  # raises
        x = np.asarray(x)  # a copy is without the mask, as NumPy's
    if isinstance(x, (ArrayImpl, Tracer)):
        if dtype is not None and (x.dtype != dtype or x.weak_type):
            return convert(x, dtype)
        return _copied(x) if copy else x
    if array_module.transfers_guarded() and core.current_trace() is core.eval_trace:
        array_module.check_transfer(x if core.valid_jaxtype(x) else np.asarray(x))
    typed = core.own_aval(x) if dtype is None else None
    if typed is not None:  # a number or NumPy array that says its type
        return core.constant(ArrayImpl(typed, np.array(x, typed.dtype, order="C")))
    if isinstance(x, (np.ndarray, np.generic)):
        if dtype is None and x.dtype == dtypes.float0:
            return np.array(x)  # NumPy's, as tangents of integers are
        plain = _callpath.from_numpy(x) if dtype is None else None
        return _from_numpy(x, dtype) if plain is None else core.constant(plain)
    if type(x) in dtypes.python_scalar_types:
        return _from_scalar(x, dtype)
    base = next((kind for kind in (int, float, complex) if isinstance(x, kind)), None)
    if base is not None:  # of an enumeration, say
        number: Any = base
        return _from_scalar(number(x), dtype)
    if isinstance(x, (list, tuple)):
        return _from_sequence(x, dtype)
    return _from_other(x, dtype)


def _copied(x):
    out = copy_p.bind(x)
    if type(x) is type(out) is ArrayImpl and x.committed:
        return out._alias(out.aval, x._place)
    return out


def _from_numpy(x, dtype):
    if dtype is None:
        dtype = dtypes.dtype(x)
    return _made(_cast(np.asarray(x), dtype))


def _made(host, weak=False, value=None):
    """An array of NumPy data in its dtype; value: see `core.constant`."""
    return core.constant(array_module.from_numpy(host, weak, host.dtype), value)


def _cast(x, dtype):
    if isinstance(x.dtype, np.dtype) and x.dtype == dtype:
        return x
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def _from_scalar(x, dtype):
    weak = dtype is None and not isinstance(x, bool)
    if dtype is None:
        dtype = dtypes.python_scalar_dtype(type(x))
        if weak and dtype.kind == "i" and not -(2**31) <= x < 2**31:
            _check_fits(x, dtype)
    if type(x) is float and abs(x) > _SMALL_FLOAT or type(x) is complex:
        with np.errstate(over="ignore"):
            host = np.array(x, dtype)
    else:
        host = np.array(x, dtype)
    return _made(host, weak, x if weak else None)


_SMALL_FLOAT = 65504.0  # the largest number that every default float holds


def _check_fits(x, dtype):
    info = np.iinfo(dtype)
    if not info.min <= x <= info.max:
        raise OverflowError(f"Python int {x} too large to convert to {dtype.name}")


def _leaves(x):
    """The elements of nested lists and tuples."""
    if isinstance(x, (list, tuple)):
        for item in x:
            yield from _leaves(item)
    elif hasattr(x, "__jax_array__"):
        yield x.__jax_array__()
    else:
        yield x


def _from_sequence(x, dtype):
    kinds, arrays, others = set(), [], []
    for leaf in _leaves(x):
        if type(leaf) in dtypes.python_scalar_types:
            kinds.add(type(leaf))
        elif isinstance(leaf, (ArrayImpl, Tracer)):
            arrays.append(leaf)
        elif leaf is None:
            raise ValueError("None is not a valid value for jnp.array")
        else:
            others.append(leaf)
    if dtype is None:
        dtype = _sequence_dtype([*kinds], arrays, others)
    if arrays:
        return _stack(x, dtype)
    if any(isinstance(leaf, np.ndarray) for leaf in others) or others:
        return _made(_cast(np.array(x), dtype))
    return _made(np.array(x, dtype))


def _sequence_dtype(kinds, arrays, others):
    if not (kinds or arrays or others):
        return dtypes.python_scalar_dtype(float)
    hosts: list[Any] = [
        np.asarray(leaf) if not isinstance(leaf, np.generic) else leaf
        for leaf in others
    ]
    for host in hosts:
        dtypes.dtype(host if host.ndim else host[()])
    return dtypes.result_type(*kinds, *arrays, *hosts)


def _stack(x, dtype):
    """Nested sequences with arrays among their elements."""
    if not isinstance(x, (list, tuple)):
        return _from_object(x, dtype)
    if all(core.own_aval(leaf) is None for leaf in _leaves(x)):
        return _made(_cast(np.array(x), dtype))
    parts = [
        lax.expand_dims(convert(item, dtype), (0,))
        if not isinstance(item, (list, tuple)) and not hasattr(item, "__jax_array__")
        else lax.expand_dims(_stack(item, dtype), (0,))
        for item in x
    ]
    return parts[0] if len(parts) == 1 else lax.concatenate(parts, 0)


def _from_other(x, dtype):
    if x is None:
        raise ValueError("None is not a valid value for jnp.array")
    host = np.asarray(x) if dtype is None else np.array(x, dtype)
    if host.dtype not in dtypes.array_dtypes:
        raise TypeError(
            f"Value '{x}' with dtype {host.dtype} is not a valid JAX array type. Only "
            "arrays of numeric types are supported by JAX."
        )
    return _from_numpy(host, dtype)


scalar_types.install_asarray(asarray)


def astype(x, dtype, /, *, copy=False, device=None) -> Any:
    """`x` in another dtype (None: the default float); floats to integers truncate.

    Args:
        x: array.
        dtype: of the result; None for the default float.
        copy: whether the result may not be `x` itself.
        device: a device or sharding that the result is committed to.

    Returns:
        An array of the shape of `x`.

    Examples:
        >>> jnp.astype(jnp.array([1.7, -1.7]), jnp.int32)
        Array([ 1, -1], dtype=int32)
    """
    (x,) = ensure_arraylike("astype", x)
    dtype = float if dtype is None else dtype
    dtype = dtypes.check_user_dtype(dtype, "astype")
    out = _from_object(x, None)
    if out.dtype == dtype and not out.weak_type:
        return placed(copy_p.bind(out) if copy else out, device)
    if isinstance(dtype, dtypes.ExtendedDType):
        return placed(convert(out, dtype), device)
    if isinstance(out.dtype, dtypes.ExtendedDType):
        if out.dtype._rules is None:
            raise NotImplementedError("Cannot call abstract method astype")
        return placed(convert(out, dtype), device)
    if out.dtype.kind == "c" and dtype.kind != "c":
        out = _complex_as_real(out, dtype)
    return placed(convert(out, dtype), device)


def _complex_as_real(x, dtype):
    """The real parts in another dtype, with a warning; for bool what is not 0."""
    if dtype == BOOL:
        return lax.ne(x, constant_like(0, x))
    warnings.warn(
        "Casting from complex to real dtypes will soon raise a ValueError. Please "
        "first use jnp.real or jnp.imag to take the real/imaginary component of your "
        "input.",
        DeprecationWarning,
        stacklevel=3,
    )
    return convert_element_type_p.bind(
        x, new_dtype=dtype, weak_type=False, sharding=None
    )


def copy(a, order=None) -> Any:
    """A copy of an array.

    Args:
        a: array or scalar.
        order: accepted; arrays are row-major.

    Returns:
        An array with the elements of `a` in memory of its own.

    Examples:
        >>> jnp.copy(jnp.array([1, 2]))
        Array([1, 2], dtype=int32)
    """
    (a,) = ensure_arraylike("copy", a)
    return array(a, copy=True, order=order)


def frombuffer(buffer, dtype=float, count=-1, offset=0):
    """A one-dimensional array of the bytes of `buffer`.

    Args:
        buffer: bytes, or an object that has them.
        dtype: of the elements.
        count: how many elements to read; -1 for all.
        offset: the bytes to leave out at the start.

    Returns:
        A vector.

    Examples:
        >>> jnp.frombuffer(b"\x01\x02\x03", dtype=jnp.uint8)
        Array([1, 2, 3], dtype=uint8)
    """
    return asarray(np.frombuffer(buffer, dtype=dtype, count=count, offset=offset))


def fromstring(string, dtype=float, count=-1, *, sep):
    """A one-dimensional array of the numbers in a text, which `sep` separates.

    Args:
        string: text.
        dtype: of the elements.
        count: how many numbers to read; -1 for all.
        sep: what stands between the numbers.

    Returns:
        A vector.

    Examples:
        >>> jnp.fromstring("1, 2, 3", dtype=int, sep=",")
        Array([1, 2, 3], dtype=int32)
    """
    return asarray(np.fromstring(string=string, dtype=dtype, count=count, sep=sep))


def from_dlpack(x, /, *, device=None, copy=None):
    """An array with the elements of an object that has `__dlpack__`.

    Args:
        x: array of any library that speaks DLPack.
        device: a device or sharding that the result is committed to.
        copy: False where a copy would be an error; arrays of other libraries are always
            copied.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> import numpy as np
        >>> jnp.from_dlpack(np.arange(3))
        Array([0, 1, 2], dtype=int32)
    """
    if not (hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__")):
        raise TypeError(
            "The array passed to from_dlpack must have __dlpack__ and __dlpack_device__ "
            "methods."
        )
    if isinstance(x, ArrayImpl):
        array = x.copy() if copy else x.clone()
    elif copy is False:
        raise ValueError(
            "Specified input which requires a copy since the memory belongs to another "
            "library. However copy=False. Set copy=True or copy=None to perform the "
            "requested operation."
        )
    else:
        array = array_module.from_numpy(_compact(np.from_dlpack(x)))
    place = device if isinstance(device, Sharding) else True
    return array._alias(array.aval, place)


def _compact(x):
    """`x`, whose elements lie in a block without gaps, in any order of the axes."""
    order = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    if not x.transpose(order).flags.c_contiguous:
        raise errors.JaxRuntimeError(
            "UNIMPLEMENTED: Only DLPack tensors with trivial (compact) striding are "
            "supported; i.e., tensors whose striding represents a transposition of the "
            f"underlying buffer but not broadcasting. Dimensions were: {list(x.shape)}, "
            f"strides were {[n // x.itemsize for n in x.strides]}."
        )
    return x


def fromfile(*args, **kwargs):
    """Not implemented: it would read a file, which is no part of a pure function.

    Args:
        *args: accepted.
        **kwargs: accepted.

    Returns:
        Nothing: NotImplementedError is raised.

    Examples:
        >>> import numpy as np
        >>> jnp.asarray(np.frombuffer(b"\x01\x02", dtype=np.uint8))
        Array([1, 2], dtype=uint8)
    """
    raise NotImplementedError(
        "jnp.fromfile() is not implemented because it may be non-pure and thus unsafe "
        "for "
        "use with JIT and other JAX transformations. Consider using "
        "jnp.asarray(np.fromfile(...)) instead, although care should be taken if "
        "np.fromfile is used within jax transformations because of its potential "
        "side-effect of consuming the file object."
    )


def fromiter(*args, **kwargs):
    """Not implemented: it would consume an iterator, which is no part of a pure
    function.

    Args:
        *args: accepted.
        **kwargs: accepted.

    Returns:
        Nothing: NotImplementedError is raised.

    Examples:
        >>> jnp.array(list(range(3)))
        Array([0, 1, 2], dtype=int32)
    """
    raise NotImplementedError(
        "jnp.fromiter() is not implemented because it may be non-pure and thus unsafe "
        "for "
        "use with JIT and other JAX transformations. Consider using "
        "jnp.asarray(np.fromiter(...)) instead, although care should be taken if "
        "np.fromiter is used within jax transformations because of its potential "
        "side-effect of consuming the iterable object."
    )

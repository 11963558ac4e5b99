"""jnp's makers of arrays: from Python and NumPy values, filled ones, ranges and grids
of numbers.
"""

import math
import operator
import warnings
from typing import Any

import numpy as np

from minijax import _callpath, core, dtypes, errors, lax
from minijax import array as array_module
from minijax.array import ArrayImpl, placed
from minijax.control.call import jit
from minijax.core import Tracer
from minijax.device import Sharding
from minijax.numpy import scalar_types
from minijax.numpy.promotion import (
    BOOL,
    broadcast_shapes,
    broadcast_to,
    canonical_axis,
    check_arraylike,
    concrete_or_error,
    constant_like,
    convert,
    dtype_of,
    ensure_arraylike,
    inexact_dtype,
    literal,
    promote_dtypes_inexact,
    promote_shapes,
    result_dtype,
    shape_of,
    user_dtype,
)
from minijax.ops.convert import (
    ArrayCopySemantics,
    convert_element_type_p,
    copy_p,
    device_put_p,
)
from minijax.ops.shape import broadcast_in_dim_p
from minijax.transforms.ad import JVPTracer

# --- from values ----------------------------------------------------------------------


def asarray(
    a, dtype=None, order=None, *, copy=None, device=None, out_sharding=None
) -> Any:
    """`a` as an array: itself where it is one already of that dtype.

    a: array, scalar, or nested sequences of them. device: what the array is
    committed to, a device or a sharding. out_sharding: accepted; there is one device.
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

    ndmin: the least number of axes; new ones come first. device: what the
    array is committed to. out_sharding: accepted; there is one device. Raises
    TypeError for values that no array holds, ValueError for None and for ragged
    sequences, OverflowError for integers out of range.
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
    if hasattr(x, "__jax_array__"):
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
    if len({shape_of(part) for part in parts}) > 1:
        raise TypeError(
            "jnp.array: the elements of a sequence must have equal shapes, got "
            f"{[shape_of(part)[1:] for part in parts]}"
        )
    return parts[0] if len(parts) == 1 else lax.concatenate(parts, 0)


def _from_other(x, dtype):
    if x is None:
        raise ValueError("None is not a valid value for jnp.array")
    host = np.asarray(x)
    if host.dtype not in dtypes.array_dtypes:
        raise TypeError(
            f"Value '{x}' with dtype {host.dtype} is not a valid JAX array type. Only "
            "arrays of numeric types are supported by JAX."
        )
    return _from_numpy(host, dtype)


scalar_types.install_asarray(asarray)


def astype(x, dtype, /, *, copy=False, device=None) -> Any:
    """`x` in another dtype (None: the default float); floats to integers truncate."""
    (x,) = ensure_arraylike("astype", x)
    dtype = float if dtype is None else dtype
    dtype = dtypes.check_user_dtype(dtype, "astype")
    out = _from_object(x, None)
    if out.dtype == dtype and not out.weak_type:
        return placed(copy_p.bind(out) if copy else out, device)
    if isinstance(dtype, dtypes.ExtendedDType):
        raise ValueError(f"Cannot convert_element_type from {out.dtype} to {dtype}")
    if isinstance(out.dtype, dtypes.ExtendedDType):
        raise NotImplementedError("Cannot call abstract method astype")
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
    """A copy of an array."""
    (a,) = ensure_arraylike("copy", a)
    return array(a, copy=True, order=order)


def frombuffer(buffer, dtype=float, count=-1, offset=0):
    """A one-dimensional array of the bytes of `buffer`."""
    return asarray(np.frombuffer(buffer, dtype=dtype, count=count, offset=offset))


def fromstring(string, dtype=float, count=-1, *, sep):
    """A one-dimensional array of the numbers in a text, which `sep` separates."""
    return asarray(np.fromstring(string=string, dtype=dtype, count=count, sep=sep))


def from_dlpack(x, /, *, device=None, copy=None):
    """An array with the elements of an object that has `__dlpack__`.

    device: a device or sharding. copy: False where a copy would be an error; arrays of
    other libraries are always copied.
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
    """Not implemented: it would read a file, which is no part of a pure function."""
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
    """
    raise NotImplementedError(
        "jnp.fromiter() is not implemented because it may be non-pure and thus unsafe "
        "for "
        "use with JIT and other JAX transformations. Consider using "
        "jnp.asarray(np.fromiter(...)) instead, although care should be taken if "
        "np.fromiter is used within jax transformations because of its potential "
        "side-effect of consuming the iterable object."
    )


# --- filled ---------------------------------------------------------------------------


def canonical_shape(shape: Any, context: str = "") -> tuple:
    """A static shape as a tuple of ints.  TypeError for anything else."""
    if type(shape) is tuple and all(type(n) is int for n in shape):
        return shape
    # Arrays, and sequences of others, are shapes as well.
    if not getattr(shape, "ndim", hasattr(shape, "__iter__")):
        shape = (shape,)
    try:
        return tuple([operator.index(n) for n in shape])
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
    """An array of zeros.  dtype: the default float if None."""
    return placed(_fill(shape, 0, dtype, "zeros"), device)


def ones(shape, dtype=None, *, device=None, out_sharding=None) -> Any:
    """An array of ones.  dtype: the default float if None."""
    return placed(_fill(shape, 1, dtype, "ones"), device)


def empty(shape, dtype=None, *, device=None, out_sharding=None) -> Any:
    """An array of zeros: arrays here are never uninitialised."""
    return placed(_fill(shape, 0, dtype, "empty"), device)


def full(shape, fill_value, dtype=None, *, device=None, out_sharding=None) -> Any:
    """An array of which every element is `fill_value` (which may be an array to
    broadcast).
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
    return placed(out, device)


def zeros_like(a, dtype=None, shape=None, *, device=None, out_sharding=None) -> Any:
    """Zeros of the shape and dtype of `a`, where these are not given."""
    return _like(a, 0, dtype, shape, "zeros_like", device)


def ones_like(a, dtype=None, shape=None, *, device=None, out_sharding=None) -> Any:
    """Ones of the shape and dtype of `a`, where these are not given."""
    return _like(a, 1, dtype, shape, "ones_like", device)


def empty_like(prototype, dtype=None, shape=None, *, device=None) -> Any:
    """Zeros of the shape and dtype of `prototype`, where these are not given."""
    return _like(prototype, 0, dtype, shape, "empty_like", device)


def full_like(
    a, fill_value, dtype=None, shape=None, *, device=None, out_sharding=None
) -> Any:
    """`fill_value` in the shape and dtype of `a`, where these are not given."""
    (fill_value,) = ensure_arraylike("full_like", fill_value)
    return _like(a, fill_value, dtype, shape, "full_like", device)


# --- ranges ---------------------------------------------------------------------------


def _concrete(value, name):
    return concrete_or_error(
        None, value, f"It arose in the jnp.arange argument '{name}'"
    )


def arange(
    start, stop=None, step=None, dtype=None, *, device=None, out_sharding=None
) -> Any:
    """The numbers from `start` (or 0) to before `stop` in steps; the arguments are
    static.

    dtype: of the result; by default the promotion of the arguments.
    """
    given = [x for x in (start, stop, step) if x is not None]
    check_arraylike("arange", *given)
    wanted = user_dtype(dtype, "arange")
    if stop is None and step is None:
        start, stop = None, start
    start = _concrete(start, "start")
    stop = _concrete(stop, "stop")
    step = _concrete(step, "step")
    for name, x in (("start", start), ("stop", stop), ("step", step)):
        if x is not None and np.ndim(x):
            raise ValueError(
                f"jax.numpy.arange: arguments must be scalars; got {name}={x}"
            )
    if any(np.iscomplexobj(x) for x in given):
        raise ValueError(
            "Passing complex start/stop/step to jnp.arange is no longer supported "
            "starting in JAX v0.10.0."
        )
    if stop is None:
        start, stop = 0, start
    if wanted is None:
        wanted = result_dtype(*given)[0]
    return put(_arange(start, stop, step, wanted), device)


def put(x, place) -> Any:
    """`x` committed to a device or sharding; an equation says so while it is traced."""
    out = placed(x, place)
    if place is None or type(out) is ArrayImpl:
        return out
    how = ArrayCopySemantics.REUSE_INPUT
    (out,) = device_put_p.bind(x, devices=(place,), srcs=(None,), copy_semantics=(how,))
    return out


def _arange(start, stop, step, dtype):
    begin = 0 if start is None else start
    if step is not None and not step:
        raise ZeroDivisionError("division by zero")
    size = max(0, math.ceil((stop - begin) / (1 if step is None else step)))
    index = lax.iota(dtype, size)
    if step is None and (start is None or start == 0):
        return index
    if step is not None:
        index = lax.mul(literal(_wrapped(step, dtype), dtype), index)
    return lax.add(literal(_wrapped(begin, dtype), dtype), index)


def linspace(
    start,
    stop,
    num=50,
    endpoint=True,
    retstep=False,
    dtype=None,
    axis=0,
    *,
    device=None,
) -> Any:
    """`num` numbers evenly spaced from `start` to `stop`; with `retstep`, and their
    distance.

    start, stop: broadcast together; the numbers run along a new `axis`.
    """
    num = operator.index(concrete_or_error(None, num, "'num' argument of jnp.linspace"))
    axis = operator.index(axis)
    start, stop = ensure_arraylike("linspace", start, stop)
    dtype = user_dtype(dtype, "linspace")
    out = _linspace(start, stop, num, endpoint, retstep, dtype, axis)
    if retstep:
        return tuple([placed(x, device) for x in out])
    return placed(out, device)


@jit(static_argnames=("num", "endpoint", "retstep", "dtype", "axis"))
def _linspace(start, stop, num, endpoint, retstep, dtype, axis):
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    if dtype is None:
        dtype = dtypes.to_inexact_dtype(dtypes.result_type(start, stop))
    compute = dtypes.to_inexact_dtype(dtype)
    start, stop = convert(start, compute), convert(stop, compute)
    shape = broadcast_shapes(shape_of(start), shape_of(stop))
    start, stop = [
        x if x.shape == shape else broadcast_to(x, shape) for x in (start, stop)
    ]
    axis = canonical_axis(axis, len(shape) + 1)
    parts = num - 1 if endpoint else num
    edge = (*shape[:axis], 1, *shape[axis:])
    if num > 1:
        delta = (
            lax.div(lax.sub(stop, start), literal(parts, compute)) if retstep else None
        )
        out = _between(start, stop, parts, edge, axis, compute)
        if endpoint:
            out = lax.concatenate([out, lax.expand_dims(stop, (axis,))], axis)
    elif num == 1:
        delta = asarray(literal(np.nan, compute)) if endpoint else lax.sub(stop, start)
        out = lax.reshape(start, edge)
    else:
        delta = asarray(literal(np.nan, compute))
        out = lax.full((*shape[:axis], 0, *shape[axis:]), literal(0, compute))
    if dtypes.issubdtype(dtype, np.integer):
        out = lax.floor(out)
    out = convert(out, dtype)
    return (out, delta) if retstep else out


def _between(start, stop, parts, edge, axis, dtype):
    """start + (stop - start) * i / parts for i below `parts`, along `axis`."""
    index = lax.iota(dtype, parts)
    if len(edge) > 1:
        index = lax.reshape(
            index, (1,) * axis + (parts,) + (1,) * (len(edge) - axis - 1)
        )
    step = lax.div(index, literal(parts, dtype))
    left = lax.mul(lax.reshape(start, edge), lax.sub(literal(1, dtype), step))
    return lax.add(left, lax.mul(lax.reshape(stop, edge), step))


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """`num` numbers from base**start to base**stop, evenly spaced on a logarithmic
    scale.
    """
    num = operator.index(concrete_or_error(None, num, "'num' argument of jnp.logspace"))
    dtype = user_dtype(dtype, "logspace")
    return _logspace(start, stop, num, endpoint, base, dtype, operator.index(axis))


@jit(static_argnames=("num", "endpoint", "dtype", "axis"))
def _logspace(start, stop, num, endpoint, base, dtype, axis):
    start, stop = ensure_arraylike("logspace", start, stop)
    dtype = _range_dtype(start, stop, dtype)
    compute = _range_dtype(start, stop, None)
    start, stop = convert(start, compute), convert(stop, compute)
    exponents = linspace(start, stop, num, endpoint=endpoint, axis=axis)
    return convert(lax.pow(*promote_dtypes_inexact(base, exponents)), dtype)


def _range_dtype(start, stop, dtype):
    if dtype is not None:
        return dtype
    return inexact_dtype(dtypes.result_type(start, stop))


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """`num` numbers from `start` to `stop` in a geometric progression."""
    num = operator.index(
        concrete_or_error(None, num, "'num' argument of jnp.geomspace")
    )
    dtype = user_dtype(dtype, "geomspace")
    return _geomspace(start, stop, num, endpoint, dtype, operator.index(axis))


@jit(static_argnames=("num", "endpoint", "dtype", "axis"))
def _geomspace(start, stop, num, endpoint, dtype, axis):
    start, stop = ensure_arraylike("geomspace", start, stop)
    dtype = _range_dtype(start, stop, dtype)
    compute = _range_dtype(start, stop, None)
    start, stop = convert(start, compute), convert(stop, compute)
    direction = lax.sign(start)
    first, last = [
        _log10(lax.div(*promote_shapes("geomspace", x, direction)))
        for x in (start, stop)
    ]
    powers = logspace(
        first, last, num, endpoint=endpoint, base=10.0, dtype=compute, axis=axis
    )
    if shape_of(direction):
        direction = lax.expand_dims(direction, (axis,))
    return convert(lax.mul(*_equal_rank(direction, powers)), dtype)


def _equal_rank(x, y):
    missing = len(shape_of(y)) - len(shape_of(x))
    if shape_of(x) and missing > 0:
        x = lax.expand_dims(x, range(missing))
    return x, y


def _log10(x):
    return lax.mul(lax.log(x), literal(1 / math.log(10), dtype_of(x)))

"""jnp's ranges: numbers in steps, and evenly spaced ones."""

import math
import operator
from typing import Any

import numpy as np

from minijax import dtypes, lax
from minijax.array import ArrayImpl, placed
from minijax.control.call import jit
from minijax.core import as_size, has_symbols
from minijax.numpy.creation import asarray
from minijax.numpy.filling import _wrapped
from minijax.numpy.promotion import (
    broadcast_shapes,
    broadcast_to,
    canonical_axis,
    check_arraylike,
    concrete_or_error,
    convert,
    dtype_of,
    ensure_arraylike,
    inexact_dtype,
    literal,
    promote_args_inexact,
    promote_shapes,
    result_dtype,
    shape_of,
    user_dtype,
)
from minijax.numpy.slices import count_of
from minijax.ops.identities import ArrayCopySemantics, device_put_p

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

    Args:
        start: the first number; the end, with a start of 0, where it stands alone.
        stop: the end, which is not reached.
        step: the distance of numbers; 1 by default.
        dtype: of the result; by default the promotion of the arguments.
        device: a device or sharding that the result is committed to.
        out_sharding: accepted; there is one device.

    Returns:
        A vector of ceil((stop - start) / step) numbers.

    Examples:
        >>> jnp.arange(4)
        Array([0, 1, 2, 3], dtype=int32)
        >>> jnp.arange(1, 2, 0.25)
        Array([1.  , 1.25, 1.5 , 1.75], dtype=float32)
    """
    given = [x for x in (start, stop, step) if x is not None]
    check_arraylike("arange", *given)
    wanted = user_dtype(dtype, "arange")
    if start is None:
        raise TypeError("jax.numpy.arange: start must be a number, not None")
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
    if step is not None and not step and not has_symbols((begin, stop)):
        raise ZeroDivisionError("division by zero")
    size = _count(begin, stop, 1 if step is None else step)
    index = lax.iota(dtype, size)
    if step is None and (start is None or start == 0):
        return index
    if step is not None:
        index = lax.mul(literal(_wrapped(step, dtype), dtype), index)
    return lax.add(literal(_wrapped(begin, dtype), dtype), index)


def _count(begin, stop, step):
    """How many numbers a range has."""
    if not has_symbols((begin, stop, step)):
        return max(0, math.ceil((stop - begin) / step))
    if any(isinstance(n, (float, np.floating)) for n in (begin, stop, step)):
        raise ValueError(
            "In arange with non-constant arguments all of start, stop, and step must be "
            "either dimension expressions or integers: "
            f"start={begin}, stop={stop}, step={step}"
        )
    begin, stop, step = map(as_size, (begin, stop, step))
    if isinstance(step, int) and not step:
        raise ValueError("arange has step == 0")
    return count_of(begin, stop, step)


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

    Args:
        start: the first value.
        stop: the last value.
        num: how many, a static integer.
        endpoint: whether `stop` is among them.
        retstep: whether to give the distance, too.
        dtype: of the result; floating point by default.
        axis: where in the result the numbers run.
        device: a device or sharding that the result is committed to.

    Returns:
        An array, `start` and `stop` broadcast with a new axis of size `num`; or (array,
        distance).

    Examples:
        >>> jnp.linspace(0, 1, 5)
        Array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
        >>> jnp.linspace(0, 4, 4, endpoint=False)
        Array([0., 1., 2., 3.], dtype=float32)
    """
    num = as_size(concrete_or_error(None, num, "'num' argument of jnp.linspace"))
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
    if not -1 - len(shape) <= axis <= len(shape):
        raise IndexError(
            f"jax.numpy.linspace: axis {axis} is out of bounds for an array of dimension "
            f"{len(shape) + 1}"
        )
    axis %= len(shape) + 1
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

    Args:
        start: the exponent of the first value.
        stop: that of the last.
        num: how many, a static integer.
        endpoint: whether the last value is among them.
        base: what is raised to a power.
        dtype: of the result; floating point by default.
        axis: where in the result the numbers run.

    Returns:
        An array with a new axis of size `num`.

    Examples:
        >>> jnp.logspace(0, 3, 4)
        Array([   1.,   10.,  100., 1000.], dtype=float32)
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
    powers = lax.pow(*promote_args_inexact("logspace", base, exponents))
    return convert(powers, dtype)


def _range_dtype(start, stop, dtype):
    if dtype is not None:
        return dtype
    return inexact_dtype(dtypes.result_type(start, stop))


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """`num` numbers from `start` to `stop` in a geometric progression.

    Args:
        start: the first value.
        stop: the last value.
        num: how many, a static integer.
        endpoint: whether `stop` is among them.
        dtype: of the result; floating point by default.
        axis: where in the result the numbers run.

    Returns:
        An array with a new axis of size `num`.

    Examples:
        >>> jnp.geomspace(1, 8, 4).round(3)
        Array([1., 2., 4., 8.], dtype=float32)
    """
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
    shape = broadcast_shapes(shape_of(start), shape_of(stop))
    canonical_axis(axis, len(shape) + 1)
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

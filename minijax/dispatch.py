"""From a call to an executable: eager ops, the caches, arguments as NumPy data.

Eager ops are one-equation programs, kept by primitive, avals and parameters.
"""

import importlib
import weakref
from typing import Any

import numpy as np

from minijax import _callpath, config, core, dtypes, stats
from minijax.array import ArrayImpl
from minijax.device import common_devices_indices_map


def address(data):
    """The address of a NumPy array's first element."""
    return data.__array_interface__["data"][0]


# type of an argument -> function that gives its elements as NumPy data; for types of
# others, which have no `__array__` or another one
canonicalize_dtype_handlers: dict[type, Any] = {
    np.ndarray: np.asarray,
    core.Token: lambda _: 0,
}


def as_data(x, dtype):
    """The elements of `x` as a dense NumPy array of the storage dtype `dtype`."""
    if type(x) is ArrayImpl:
        data = x._data
        return x._value if data is None else data
    if isinstance(x, np.ndarray) and x.dtype == dtypes.float0:
        return np.zeros(x.shape, dtype)
    if isinstance(x, int) and dtype.kind in "iu" and not isinstance(x, bool):
        dtypes.check_int_argument(x, dtype)
        return np.asarray(x, dtype)
    canonical = canonicalize_dtype_handlers.get(type(x))
    if canonical is not None:
        x = canonical(x)
    elif hasattr(x, "shape") and not hasattr(x, "__array__"):
        raise TypeError(
            f"Argument of shape {core.get_aval(x)} of type {type(x)} is not a valid JAX "
            "type."
        )
    return np.ascontiguousarray(np.asarray(x, dtype)).reshape(np.shape(x))


_callpath.set_argument_rules(core.get_aval, as_data)


def executable():
    """The module that makes programs, and brings the backend with it."""
    return importlib.import_module("minijax.executable")


def key_reuse():
    """The module that keeps account of keys, under the flag `jax_debug_key_reuse`."""
    return importlib.import_module("minijax.experimental.key_reuse._core")


def compiled(closed, name):
    """The executable of a closed jaxpr, made at its first use and kept with it."""
    known = closed.memo.get(compiled)
    if known is None:
        known = closed.memo[compiled] = executable().Compiled(closed, name)
    return known


_eager = {}
_MAX_EAGER = 4096
_served = set()  # primitives that keep programs of their own
caches = weakref.WeakSet()  # whatever else `clear_caches` is to clear


def apply_primitive(primitive, args, params, *, ignore_impl=False):
    """Compute one primitive now: by its compiled form where its own is ignored."""
    own = None if ignore_impl else primitive.own_impl
    run = _run if own is None else _run_own
    if config.values.jax_debug_key_reuse:
        return key_reuse().apply_checked(run, primitive, args, params)
    return run(primitive, args, params)


def _run_own(primitive, args, params):
    return primitive.own_impl(*args, **params)


def _run(primitive, args, params):
    avals = tuple([core.get_aval(x) for x in args])
    outs = _program(primitive, avals, params)(args)
    return outs if primitive.multiple_results else outs[0]


def eager_program(primitive, avals, params):
    """The program of an eager call, for the call path in C to keep; None where the
    primitive has its own way of being computed.
    """
    if primitive.own_impl is not None:
        return None
    _served.add(primitive)
    form = None if primitive.multiple_results else ...
    return _program(primitive, avals, params), form, ()


def _program(primitive, avals, params):
    """The compiled form of one equation."""
    key = primitive, avals, tuple(params.items())
    known = _eager.get(key)
    if known is None:
        stats.count("eager_cache_miss")
        stats.event("xla_primitive_callable_cache_miss")
        stats.event("trace_to_jaxpr")
        stats.event("jit_cpp_cache_miss")
        known = executable().compile_primitive(primitive, avals, params)
        if len(_eager) >= _MAX_EAGER:
            _eager.pop(next(iter(_eager)))
        _eager[key] = known
    return known


core.eager = apply_primitive
core.eager_program = eager_program


def clear_eager():
    """Forget the programs of eager ops."""
    _eager.clear()
    for primitive in _served:
        primitive._forget()


def clear_caches():
    """Forget every trace and executable."""
    clear_eager()
    common_devices_indices_map.cache_clear()
    for cache in list(caches):
        cache.clear()


def environment():
    """What runs here, for reports."""
    return executable().environment()


stats.register_environment(environment)

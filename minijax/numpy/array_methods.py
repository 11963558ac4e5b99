"""The operators and methods of arrays and tracers, installed on both classes."""

import functools
import importlib
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax import _callpath, dtypes, lax
from minijax.array import ArrayImpl
from minijax.control.call import Statics
from minijax.control.served import serve
from minijax.core import ShapedArray, Tracer, aval_rules
from minijax.device import Sharding
from minijax.numpy import (
    comparisons,
    creation,
    logic,
    promotion,
    shape_ops,
    ufuncs,
)
from minijax.numpy.promotion import BOOL, literal_makers

_IMMUTABLE = (
    "JAX arrays are immutable and do not support in-place item assignment. Instead of "
    "x[idx] = y, use x = x.at[idx].set(y) or another .at[] method: "
    "https://docs.jax.dev/en/latest/_autosummary/jax.numpy.ndarray.at.html"
)

# --- operators ------------------------------------------------------------------------


def _accepts(other):
    """Whether an operand of an operator is an array or a scalar; others may know
    better.
    """
    if type(other) in aval_rules:
        return not _is_high(other)
    return isinstance(other, (np.generic, np.ndarray, int, float, complex))


def _is_high(other):
    """Whether it is, or stands for, a value of a type that users define."""
    return isinstance(other, Tracer) and other.aval.is_high


def _converted(other):
    """What `other` is as an array, where it knows that."""
    if type(other) in aval_rules and not _is_high(other):
        return other
    if hasattr(other, "__jax_array__"):
        return other.__jax_array__()
    return other


# What an operator would otherwise do with them: sequences are joined and repeated,
# and anything can be compared.
_REFUSED = {
    "+": (list, tuple),
    "*": (list, tuple),
    "==": (list, tuple, dict, set),
}


def _refuse(symbol, x, y, other):
    """TypeError for an operand that the operator means something else for;
    NotImplemented for what may implement it itself.
    """
    if isinstance(other, _REFUSED.get(symbol, ())):
        raise TypeError(
            f"unsupported operand type(s) for {symbol}: '{type(x).__name__}' and "
            f"'{type(y).__name__}'"
        )
    return NotImplemented


def _fast_operators(symbol, fun):
    """(operator, reflected operator) of a fast binary function of `ufuncs`."""
    primitive, accepted, slow = fun.parts
    bind = primitive.bind
    maker_of = literal_makers.get

    def operator(self, other):
        a = self.aval
        b = getattr(other, "aval", None) if type(other) in aval_rules else None
        if b is None or b.is_high:
            make = maker_of((a.dtype, type(other)))
            if make is not None and a.dtype in accepted and not a.weak_type:
                return bind(self, make(other))
            other = _converted(other)
            if _accepts(other):
                return slow(self, other)
            return _refuse(symbol, self, other, other)
        if (
            a.dtype is b.dtype
            and a.weak_type is b.weak_type
            and (a.ndim == b.ndim or not a.ndim or not b.ndim)
            and a.dtype in accepted
            and not (a.weak_type and a.dtype is BOOL)  # promoted: strong
        ):
            return bind(self, other)
        return slow(self, other)

    def reflected(self, other):
        a = self.aval
        make = maker_of((a.dtype, type(other)))
        if make is not None and a.dtype in accepted and not a.weak_type:
            return bind(make(other), self)
        other = _converted(other)
        if _accepts(other):
            return slow(other, self)
        return _refuse(symbol, other, self, other)

    return operator, reflected


def _operators(fun):
    """(operator, reflected operator) of any function of two arrays."""

    def operator(self, other):
        other = _converted(other)
        if _accepts(other):
            return fun(self, other)
        return NotImplemented

    def reflected(self, other):
        other = _converted(other)
        if _accepts(other):
            return fun(other, self)
        return NotImplemented

    return operator, reflected


def _module(name):
    """A module of this package that few programs need."""
    return importlib.import_module(f"minijax.numpy.{name}")


def _matmul(x, y):
    return jnp.matmul(x, y)


_FAST = {
    "add": ("+", ufuncs._add),
    "sub": ("-", ufuncs._subtract),
    "mul": ("*", ufuncs._multiply),
    "truediv": ("/", ufuncs.true_divide),
    "and": ("&", logic._bitwise_and),
    "or": ("|", logic._bitwise_or),
    "xor": ("^", logic._bitwise_xor),
}
_GENERAL = {
    "floordiv": ufuncs.floor_divide,
    "mod": ufuncs.remainder,
    "divmod": ufuncs.divmod,
    "pow": ufuncs.power,
    "matmul": _matmul,
    "lshift": logic.left_shift,
    "rshift": logic.right_shift,
}
_COMPARISONS = {
    "eq": ("==", comparisons.equal),
    "ne": ("==", comparisons.not_equal),  # JAX says so too
    "lt": ("<", comparisons.less),
    "le": ("<=", comparisons.less_equal),
    "gt": (">", comparisons.greater),
    "ge": (">=", comparisons.greater_equal),
}


def _served_power():
    """`**` on arrays: an exponent that is a number decides what is computed."""
    of_arrays = serve(ufuncs.power)

    def power(x, y):
        both = type(x) is type(y) is ArrayImpl and not ufuncs.is_integer_scalar(y)
        return of_arrays(x, y) if both else ufuncs.power(x, y)

    return serve(ufuncs.power, Statics((1,), (), ()), power)


def _binary_operators():
    """name -> (served function, operator, reflected operator or None)."""
    found = {}
    for name, (symbol, fun) in _FAST.items():
        found[name] = serve(fun), *_fast_operators(symbol, fun)
    for name, fun in _GENERAL.items():
        served = _served_power() if name == "pow" else serve(fun)
        found[name] = served, *_operators(fun)
    for name, (symbol, fun) in _COMPARISONS.items():
        found[name] = serve(fun), _fast_operators(symbol, fun)[0], None
    return found


_UNARY = {
    "neg": ufuncs._negative,
    "abs": ufuncs.absolute,
    "invert": logic.bitwise_not,
}


def _positive(self):
    return self


def _round(self, ndigits=None):
    out = jnp.round(self, ndigits or 0)
    return out.astype(int) if ndigits is None else out


def _setitem(self, index, value):
    raise TypeError(_IMMUTABLE)


def _contains(self, item):
    if jnp.ndim(item):
        raise ValueError(
            "Array.__contains__: query value must be a scalar, got "
            f"query.shape={jnp.shape(item)}"
        )
    if self.aval.ndim != 1:
        raise ValueError(
            "Array.__contains__: search array must be one-dimensional, got "
            f"arr.shape={self.aval.shape}."
        )
    return bool((self == item).any())


def _iter(self):
    if not self.aval.ndim:
        raise TypeError("iteration over a 0-d array")
    if isinstance(self, ArrayImpl):
        return _iterate_rows(self)
    return iter([
        lax.index_in_dim(self, i, 0, keepdims=False)
        for i in range(int(self.aval.shape[0]))
    ])  # fmt: skip


def _iterate_rows(x):
    aval = ShapedArray(x.shape[1:], x.dtype, x.weak_type)
    if x.is_deleted():
        _ = x._value
    place = x._place
    if isinstance(place, Sharding):
        place = place.whole()
    for row in x._data:
        yield ArrayImpl(aval, np.array(row), place)


# --- methods --------------------------------------------------------------------------


def _astype(self, dtype, copy=False, device=None):
    """The array in another dtype."""
    return creation.astype(self, dtype, copy=copy, device=device)


def _flatten(self, order="C", *, out_sharding=None):
    """The array as a vector."""
    return shape_ops.ravel(self, order)


def _view(self, dtype=None, type=None):
    """The bytes of the array read as another dtype; the last axis changes its size."""
    if type is not None:
        raise NotImplementedError("`type` argument of array.view() is not supported.")
    if dtype is None:
        return self
    new, old = promotion.user_dtype(dtype, "view"), self.dtype
    old_bits, new_bits = dtypes.itemsize_bits(old), dtypes.itemsize_bits(new)
    if not self.ndim:
        if old_bits != new_bits:
            raise ValueError(
                "view() of a 0d array is only supported if the itemsize is unchanged."
            )
        return lax.squeeze(_view(lax.expand_dims(self, (0,)), new), (0,))
    if self.shape[-1] * old_bits % new_bits:
        raise ValueError(
            "When changing to a larger dtype, its size must be a divisor of the total "
            "size in bytes of the last axis of the array."
        )
    if old == new:
        return self
    if new == np.dtype(bool):
        return _view(self, np.dtype("uint8")) != 0
    if new.kind == "c":
        part = np.dtype(f"float{4 * new.itemsize}")
        pairs = _regroup(_view(self, part), 2)
        return lax.complex(pairs[..., 0], pairs[..., 1])
    if old == np.dtype(bool):
        return _view(self.astype("uint8"), new)
    if old.kind == "c":
        parts = jnp.stack([lax.real(self), lax.imag(self)], axis=-1)
        return _view(_merge_last(parts), new)
    if old_bits > new_bits:
        return _merge_last(lax.bitcast_convert_type(self, new))
    if old_bits < new_bits:
        self = _regroup(self, new_bits // old_bits)
    return lax.bitcast_convert_type(self, new)


def _merge_last(x):
    """`x` with its last two axes made one."""
    return lax.reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1]))


def _regroup(x, n):
    """`x` with its last axis split into groups of `n`, a new last axis."""
    return lax.reshape(x, (*x.shape[:-1], x.shape[-1] // n, n))


def _by_name(name):
    """A method that calls the jnp function of its name, which is loaded when first
    used.
    """

    def method(self, *args, **kwargs):
        return getattr(jnp, name)(self, *args, **kwargs)

    method.__name__ = method.__qualname__ = name
    return method


class _Reduction:
    """A reduction as a method; the first to be looked up loads and installs them all."""

    def __init__(self, name):
        self._name = name

    def __get__(self, array, kind):
        for home, names in _REDUCTIONS.items():
            for name in names.split():
                method = getattr(_module(home), name)
                _install_method(name, method, serve(method))
        return getattr(kind if array is None else array, self._name)


def _byteswap(self):
    """The array with the bytes of each number in reverse order."""
    if self.dtype.itemsize == 1:
        return self
    if self.dtype.kind == "c":
        return lax.complex(_byteswap(lax.real(self)), _byteswap(lax.imag(self)))
    parts = lax.bitcast_convert_type(self, np.dtype("uint8"))
    return lax.bitcast_convert_type(lax.rev(parts, (self.ndim,)), self.dtype)


def _flat(self):
    """Arrays have no iterator over their elements: NotImplementedError."""
    raise NotImplementedError(
        "JAX Arrays do not implement the arr.flat property: consider arr.flatten() "
        "instead."
    )


def _format(self):
    """How and where the elements of an array lie: in row-major order."""
    return importlib.import_module("minijax.experimental.layout").format_of(self)


def _reversed(self):
    """The elements along the first axis, from the last."""
    return (self[i] for i in range(len(self) - 1, -1, -1))


def _first_getitem(self, index):
    """`x[index]`, loaded at its first use."""
    getitem = _module("indexing").getitem
    install_getitem(getitem)
    return getitem(self, index)


def install_getitem(getitem):
    """Make `getitem` what indexes arrays and tracers, in place of its loader."""
    tracer: Any = Tracer
    tracer.__getitem__ = getitem
    _callpath.set_operator("getitem", None, getitem, None)


def install_at():
    """Make `at` of arrays and tracers what it is, in place of its loader."""
    helper = _module("index_update")._IndexUpdateHelper
    for kind in (ArrayImpl, Tracer):
        kind.at = property(helper)  # pyright: ignore[reportAttributeAccessIssue]
    return helper


def _first_at(self):
    """`x.at`, loaded at its first use."""
    return install_at()(self)


@functools.cache
def load_subscripts():
    """Put what indexes arrays and tracers in place of its loaders."""
    install_getitem(_module("indexing").getitem)
    install_at()


def load_all():
    """Put all methods of arrays and tracers in place of their loaders."""
    load_subscripts()
    for name in " ".join(_REDUCTIONS.values()).split():
        getattr(Tracer, name)


def names():
    """The names of methods of arrays, and of properties; not those of operators."""
    found = {n: m for n, m in _methods().items() if not n.startswith("__")}
    properties = [n for n, m in found.items() if isinstance(m, property)]
    return [n for n in found if n not in properties] + ["reshape", "item"], properties


def let_mean(name, concerns, other):
    """Let a method or property of tracers mean `other` on those that `concerns` holds of.

    The loaders must have been replaced: `load_subscripts`, `load_all`.
    """
    plain: Any = getattr(Tracer, name)
    of_arrays: Any = plain.fget if isinstance(plain, property) else plain

    def chosen(self, *args, **kwargs):
        return (other if concerns(self) else of_arrays)(self, *args, **kwargs)

    setattr(Tracer, name, chosen if of_arrays is plain else property(chosen))


def _repr(self):
    return _module("printing").array_repr(self)


def _str(self):
    return _module("printing").array_str(self)


def _namespace(self, *, api_version=None):
    """The module of the Python array API standard. ValueError for another version."""
    if api_version not in (None, jnp.__array_api_version__):
        raise ValueError(
            f"{api_version=!r} is not available; available versions are: "
            f"{[jnp.__array_api_version__]}"
        )
    return jnp


def _compress(self, condition, axis=None, *, out=None, size=None, fill_value=0):
    """The slices along an axis where a condition holds, as `jnp.compress`."""
    return jnp.compress(
        condition, self, axis=axis, out=out, size=size, fill_value=fill_value
    )


# Methods of arrays that run as one program.
_SERVED = frozenset([
    "astype", "flatten", "ravel", "squeeze", "swapaxes", "transpose", "view",
])  # fmt: skip
_REDUCTIONS = {
    "moments": "mean std var",
    "reductions": "all any argmax argmin max min prod ptp sum",
    "running": "cumprod cumsum",
}
_LATER = (
    "argpartition", "argsort", "choose", "diagonal", "nonzero", "searchsorted", "sort",
    "trace",
)  # fmt: skip


def _to_device(self, device, *, stream=None):
    """The array on a device or sharding; NotImplementedError for a `stream`."""
    if stream is not None:
        raise NotImplementedError("stream argument of array.to_device()")
    # The home of `device_put` builds on this module.
    arrays = importlib.import_module("minijax.api.arrays")
    return arrays.device_put(self, device)


def _methods():
    return {
        "__round__": _round,
        "__setitem__": _setitem,
        "__contains__": _contains,
        "__iter__": _iter,
        "__reversed__": _reversed,
        "__array_namespace__": _namespace,
        "astype": _astype,
        "byteswap": _byteswap,
        "flat": property(_flat),
        "clip": _by_name("clip"),
        "compress": _compress,
        "conj": _by_name("conj"),
        "conjugate": _by_name("conjugate"),
        "copy": creation.copy,
        "dot": _by_name("dot"),
        "flatten": _flatten,
        "ravel": shape_ops.ravel,
        "repeat": _by_name("repeat"),
        "round": _by_name("round"),
        "squeeze": shape_ops.squeeze,
        "swapaxes": shape_ops.swapaxes,
        "take": _by_name("take"),
        "to_device": _to_device,
        "transpose": shape_ops.transpose_method,
        "view": _view,
        "at": property(_first_at),
        "T": property(shape_ops.transpose),
        "mT": property(shape_ops.matrix_transpose),
        "real": property(_by_name("real")),
        "imag": property(_by_name("imag")),
        **{name: _by_name(name) for name in _LATER},
        **{
            name: _Reduction(name)
            for names in _REDUCTIONS.values()
            for name in names.split()
        },
    }


def _install_operators():
    """The operators: of arrays in the call path, of tracers as methods."""
    tracer: Any = Tracer
    for name, (served, method, reflected) in _binary_operators().items():
        setattr(Tracer, f"__{name}__", method)
        if reflected is not None:
            setattr(Tracer, f"__r{name}__", reflected)
        _callpath.set_operator(name, served, method, reflected)
    for name, method in _UNARY.items():
        setattr(Tracer, f"__{name}__", method)
        _callpath.set_operator(name, serve(method), method, None)
    tracer.__pos__ = _positive
    install_getitem(_first_getitem)


def _no_cuda(array):
    raise AttributeError("__cuda_array_interface__ is only defined for GPU buffers.")


def _install_method(name, of_tracers, of_arrays):
    setattr(Tracer, name, of_tracers)
    setattr(ArrayImpl, name, of_arrays)


def install():
    """Give arrays and tracers their operators and methods."""
    _install_operators()
    for name, method in _methods().items():
        _install_method(name, method, serve(method) if name in _SERVED else method)
    array: Any = ArrayImpl
    tracer: Any = Tracer
    array._reshape = tracer.reshape = shape_ops.reshape_method
    array.__repr__, array.__str__ = _repr, _str
    array.format = property(_format)
    array.__cuda_array_interface__ = property(_no_cuda)


install()

"""`Array`: an immutable array in memory, with its aval.

`jax.Array` is also what `isinstance` asks of tracers.  Operators and methods are
installed by `numpy/array_methods.py`; how arrays print is in `numpy/printing.py`.
"""

import importlib
import operator
from typing import Any

import numpy as np

from minijax import _callpath, config, core, dtypes, errors
from minijax.core import ShapedArray, Tracer
from minijax.device import CPU, DEFAULT_SHARDING, Device, Shard, Sharding


class _ArrayMeta(type):
    def __instancecheck__(cls, instance):
        if cls is Array:
            return isinstance(instance, (ArrayImpl, Tracer))
        return type.__instancecheck__(cls, instance)

    def __call__(cls, *args, **kwargs):
        if cls is Array:
            raise TypeError("jax.Array cannot be made: use jax.numpy.array")
        return type.__call__(cls, *args, **kwargs)

    def __getattr__(cls, name):
        # What all arrays have, to be looked up, documented and inspected.
        if cls is Array and not name.startswith("_"):
            return getattr(ArrayImpl, name)
        raise AttributeError(f"type object '{cls.__name__}' has no attribute '{name}'")

    def __dir__(cls):
        return type.__dir__(ArrayImpl if cls is Array else cls)


class Array(metaclass=_ArrayMeta):
    """The type of arrays and of the tracers that stand for them (`jax.Array`)."""

    __slots__ = ()


class ArrayImpl(_callpath.Array, Array):
    """ArrayImpl(aval, data, committed=False): an array in memory.

    `data` is a dense NumPy array of the aval's shape in the storage dtype (a PRNG key is
    one opaque element of it) that nobody will write to. `_data` is a read-only view of
    the elements, or None once the array is deleted; `_place` the sharding that the
    user placed it with (or True), else False. The call path in C makes most of them.
    """

    __slots__ = ()
    __array_priority__ = 100
    __hash__ = None  # pyright: ignore[reportAssignmentType]

    @classmethod
    def _from_parts(cls, aval, sharding, arrays, committed, _skip_checks=False):
        """What JAX's `ArrayImpl` makes: the array of the parts on each device, one.

        ValueError for another number of parts, or a part of another shape or dtype.
        """
        if len(arrays) != 1:
            raise ValueError(
                "Expected 1 per-device arrays (this is how many devices are addressable "
                f"by the sharding), but got {len(arrays)}"
            )
        (part,) = arrays
        if part.dtype != aval.dtype:
            raise ValueError(
                "Input buffers to `Array` must have matching dtypes. Got "
                f"{part.dtype.name}, expected {aval.dtype.name} for buffer: {part}"
            )
        if part.shape != aval.shape:
            raise ValueError(
                f"Expected shard shape {aval.shape} doesn't match the single device array "
                f"shape {part.shape}. Shape of Array is {aval.str_short()} with sharding "
                f"{sharding}"
            )
        if type(part) is not ArrayImpl:  # still traced
            return part
        part = placed(part, sharding) if committed else part
        return part._alias(aval, committed and part._place)

    itemsize = property(lambda self: self.aval.dtype.itemsize)
    nbytes = property(lambda self: self.aval.size * self.aval.dtype.itemsize)
    committed = _committed = property(lambda self: bool(self._place))
    is_fully_addressable = is_fully_replicated = True

    @property
    def sharding(self):
        """Where the parts of the array live: what `device_put` was told."""
        place = self._place
        return place if isinstance(place, Sharding) else DEFAULT_SHARDING

    _sharding = sharding

    @property
    def device(self):
        """The device that holds the array."""
        return CPU

    def devices(self):
        """The devices that hold a part of the array."""
        self.check_alive()
        return {CPU}

    def platform(self):
        """The platform of the device."""
        return CPU.platform

    @property
    def traceback(self):
        """Where the array was made; that is not kept."""
        return

    @property
    def addressable_shards(self):
        """The parts of the array: one."""
        self.check_alive()
        return [Shard(self)]

    global_shards = addressable_shards

    def _fully_replicated_shard(self):
        """The one part, on its device."""
        return self.addressable_data(0)

    def addressable_data(self, index):
        """The part of the array with the given number, which is the whole of it."""
        self.check_alive()
        return self

    @property
    def _arrays(self):
        """The parts as arrays; None once deleted."""
        return None if self.is_deleted() else [self]

    @property
    def _npy_value(self):
        """The elements where they are at hand; None once deleted."""
        return self._data

    @property
    def _value(self) -> np.ndarray:
        """The elements as a NumPy array.  RuntimeError once deleted."""
        data = self._data
        if data is None:
            raise self._deleted()
        if isinstance(self.aval.dtype, dtypes.ExtendedDType):
            raise TypeError(
                "JAX array with PRNGKey dtype cannot be converted to a NumPy array. "
                "Use jax.random.key_data(arr) if you wish to extract the underlying "
                "integer array."
            )
        return data

    @property
    def _impl(self):
        """The generator of an array of random keys.  AttributeError of another array."""
        if not isinstance(self.aval.dtype, dtypes.KeyTy):
            raise AttributeError("'ArrayImpl' object has no attribute '_impl'")
        return self.aval.dtype

    @property
    def _base_array(self):
        """The words of random keys: deleted as the keys are, sharing their memory."""
        shape = (*self.shape, *self._impl.key_shape)
        data = self._data
        if data is None:
            data = np.zeros(self.shape, dtypes.storage_dtype(self.aval.dtype))
        words = data[..., None].view(np.uint32).reshape(shape)
        base = ArrayImpl(ShapedArray(shape, words.dtype), words)
        if self.is_deleted():
            base.delete()
        return base

    def _deleted(self):
        kind = self.aval.str_short()
        return RuntimeError(f"Array has been deleted with shape={kind}.")

    def check_alive(self):
        """RuntimeError once the array is deleted."""
        if self.is_deleted():
            raise self._deleted()

    _check_if_deleted = check_alive

    def _to_numpy(self, dtype=None, context=None, copy=None):
        """What `__array__` gives where it is not simply the elements."""
        value = self._value
        if copy is False:
            return np.array(value, dtype, copy=False)
        if dtype is not None and np.dtype(dtype) != value.dtype:
            return value.astype(dtype)
        return value.copy() if copy else value

    def __len__(self):
        if not self.aval.ndim:
            raise TypeError("len() of unsized object")
        return self.aval.shape[0]

    def __bool__(self):
        value = self._value
        if value.size != 1:
            raise errors.ambiguous_truth(value.size)
        return bool(value.reshape(()))

    def _scalar(self, kind):
        value = self._value
        if value.ndim:
            raise TypeError("Only scalar arrays can be converted to Python scalars; "
                            f"got arr.ndim={value.ndim}")  # fmt: skip
        # A Python number first, so that `float` of a complex one is refused.
        return kind(value.item() if value.dtype.kind == "c" else value[()])

    def __int__(self):
        return self._scalar(int)

    def __float__(self):
        return self._scalar(float)

    def __complex__(self):
        return self._scalar(complex)

    def __index__(self):
        value = self._value
        if value.ndim or value.dtype.kind not in "iu":
            raise TypeError("Only integer scalar arrays can be converted to a scalar "
                            "index.")  # fmt: skip
        return int(value[()])

    def __hex__(self):
        return hex(self.__index__())

    def __oct__(self):
        return oct(self.__index__())

    def __format__(self, spec):
        if isinstance(self.aval.dtype, dtypes.ExtendedDType):
            return object.__format__(self, spec)
        if not self.aval.ndim:
            return format(self._value[()], spec)
        return format(self._value, spec)

    def item(self, *args):
        """The one element (or the one at the given index) as a Python scalar."""
        return self._value.item(*args)

    def tolist(self):
        """The elements as nested lists of Python scalars."""
        return self._value.tolist()

    def tobytes(self, order: Any = "C"):
        """The elements' bytes."""
        return self._value.tobytes(order)

    def copy_to_host_async(self):
        """The memory is the host's already."""
        self.check_alive()

    def is_ready(self):
        """Whether the value is there; always."""
        return True

    def unsafe_buffer_pointer(self):
        """The address of the first element."""
        self.check_alive()
        return self._data.__array_interface__["data"][0]

    def on_device_size_in_bytes(self):
        """The size of the elements, in bytes."""
        return self.nbytes

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """A DLPack capsule over the same memory, which the consumer must not write to."""
        value = self._value
        if max_version is None or tuple(max_version) < (1, 0):
            value = np.asarray(_Writeable(value))
        return value.__dlpack__(max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self):
        return self._value.__dlpack_device__()

    def __reduce__(self):
        self.check_alive()
        if isinstance(self.aval.dtype, dtypes.ExtendedDType):
            return ArrayImpl, (self.aval, np.array(self._data))
        return from_numpy, (np.array(self._data), self.aval.weak_type)

    def __copy__(self):
        self.check_alive()
        return ArrayImpl(self.aval, self._data.copy())

    def __deepcopy__(self, memo):
        return self.__copy__()

    def clone(self):
        """An array of its own over the same memory."""
        self.check_alive()
        return self._alias(self.aval, self._place)


class _Writeable:
    """The memory of an array, said to be writeable: DLPack before version 1 has no
    read-only arrays.
    """

    def __init__(self, array):
        self.array = array
        interface = dict(array.__array_interface__)
        interface["data"] = interface["data"][0], False
        self.__array_interface__ = interface


def transfers_guarded():
    """Whether values from the host may not become arrays silently."""
    return config.values.jax_transfer_guard_host_to_device not in (None, "allow")


def check_transfer(x, explicit=False):
    """Do what the transfer guard says of a value from the host that becomes an array:
    log it, or raise JaxRuntimeError.  explicit: whether the user asked for that.
    """
    if isinstance(x, (ArrayImpl, Tracer)) or not transfers_guarded():
        return
    level, _, also_explicit = config.values.jax_transfer_guard_host_to_device.partition(
        "_"
    )
    if explicit and not also_explicit:
        return
    aval = core.get_aval(x)
    said = f"host-to-device transfer: aval={aval!r}, dst_sharding={DEFAULT_SHARDING}"
    if level == "disallow":
        raise errors.JaxRuntimeError(f"INVALID_ARGUMENT: Disallowed {said}")
    importlib.import_module("logging").getLogger("minijax").warning(said)


def from_numpy(x, weak_type=False, dtype=None):
    """An Array with a copy of NumPy data, in the canonical dtype or the given one."""
    dtype = dtypes.canonicalize_dtype(x.dtype) if dtype is None else dtype
    return ArrayImpl(
        ShapedArray(x.shape, dtype, weak_type), np.array(x, dtype, order="C")
    )


def placed(x, place) -> Any:
    """An array committed to a device or sharding; as it is where `place` is None, and
    while it is traced.

    ValueError for what is no place, and where the sharding has more axes than `x`.
    """
    if place is None:
        return x
    if not isinstance(place, (Device, Sharding)):
        raise ValueError(
            f"sharding={place!r} must be an instance of jax.sharding.Sharding"
        )
    if type(x) is not ArrayImpl:
        return x
    if not isinstance(place, Sharding):
        return x._alias(x.aval, True)
    try:
        place.check_compatible_aval(x.shape)
    except ValueError as error:
        raise ValueError(
            "One of device_put args is incompatible with its sharding annotation "
            f"{place}: {error}"
        ) from None
    place.shard_shape(x.shape)
    if not place.is_fully_addressable:  # which abstract meshes do not say
        raise ValueError(f"{place} has devices of other processes")
    return x._alias(x.aval, place)


_callpath.set_place_rule(operator.methodcaller("whole"))
core.aval_rules[ArrayImpl] = lambda x: x.aval


def _scalar_value(x):
    """What stands for an array without axes in equations: weak ones become Python's."""
    if isinstance(x.aval.dtype, dtypes.ExtendedDType):
        return None
    value = x._value[()]
    return value.item() if x.aval.weak_type else value


core.scalar_values[ArrayImpl] = _scalar_value

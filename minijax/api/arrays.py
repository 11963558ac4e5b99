"""device_put, device_get, block_until_ready and their kind: arrays in and out."""

import gc
import importlib

import numpy as np

from minijax import _callpath, config, core, dtypes, errors, stats
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import flatten_axes
from minijax.array import Array, ArrayImpl, check_transfer, placed, transfers_guarded
from minijax.device import Device, Sharding, SingleDeviceSharding, devices
from minijax.numpy import asarray
from minijax.tree_util import tree_map


def device_put(x, device=None, *, src=None, donate=False, may_alias=None):
    """The pytree `x` with its leaves as arrays on the device.

    Args:
        device: a device, a sharding, or a pytree prefix of such.
        donate: the arrays in `x` may be given up; they are left as they are.
        may_alias: False for arrays that share no memory with `x`.

    ValueError for other devices, RuntimeError for arrays that were deleted.
    """
    if core.ref_rules.in_use and core.is_ref(x):
        raise TypeError(f"device_put takes arrays, and got a reference: {x}")
    if may_alias and donate is True:
        raise ValueError("may_alias and donate cannot be True at the same time.")
    if transfers_guarded():
        return _guarded_put(x, device, may_alias)
    if device is may_alias is None:
        array = _callpath.from_numpy(x)
        if array is not None:
            _say_put(x)
            return array if type(x) is ArrayImpl else core.constant(array)
    copies = may_alias is False
    if device is None or isinstance(device, _PLACES):
        return tree_map(lambda leaf: _put(leaf, device, copies), x)
    given, tree = flatten(device, lambda d: d is None or isinstance(d, _PLACES))
    places = [_as_place(place) for place in given]
    numbered = unflatten(tree, range(len(places)))
    leaves, x_tree = flatten(x)
    which = flatten_axes("device_put device", x_tree, numbered)
    for leaf, k in zip(leaves, which, strict=True):
        layout = getattr(given[k], "layout", None)
        if layout is not None:
            layout.check_compatible_aval(np.shape(leaf))
    moved = [
        _put(leaf, places[k], copies) for leaf, k in zip(leaves, which, strict=True)
    ]
    return unflatten(x_tree, moved)


def _guarded_put(x, device, may_alias):
    """`device_put` where the transfer guard has a say: of explicit transfers only."""
    for leaf in flatten(x)[0]:
        check_transfer(leaf, explicit=True)
    with config.State("jax_transfer_guard_host_to_device")("allow"):
        return device_put(x, device, may_alias=may_alias)


_PLACES = Device, Sharding


def _as_place(place):
    """A place as None, device or sharding.  ValueError for what is no place."""
    if place is None or isinstance(place, _PLACES):
        return place
    named = importlib.import_module("minijax.named_sharding")
    if isinstance(place, named.PartitionSpec):
        current = importlib.import_module("minijax.mesh").get_mesh()
        if current.empty:
            raise ValueError(
                "Please set a mesh via `jax.set_mesh` if a PartitionSpec is passed to "
                "device_put"
            )
        return named.NamedSharding(current, place)
    layouts = importlib.import_module("minijax.experimental.layout")
    if isinstance(place, layouts.Format):
        if place.layout is layouts.Layout.AUTO:
            raise ValueError(
                "sharding and layout in `Layout` instance should be concrete. Got layout: "
                f"{place}. Use a `Layout` or None in place of AUTO."
            )
        return place.sharding
    if isinstance(place, importlib.import_module("minijax.memory").Space):
        return SingleDeviceSharding(memory_kind=place.memory_kind)
    raise ValueError(
        "`jax.device_put` only accepts `None`, `jax.sharding.Sharding`, "
        "`jax.Device`, `Format`, `jax.memory.Space` or a pytree of these "
        f"values. Received invalid value: {place}"
    )


def _put(leaf, place, copies=False):
    if isinstance(leaf, (core.Tracer, core.Token)):
        return leaf
    core.argument_aval(leaf)
    array = asarray(leaf)
    _say_put(leaf)
    if type(array) is not ArrayImpl:
        return array
    array.check_alive()
    if copies:
        array = array.copy()
    if array.committed and place is not None and array.sharding == _sharding(place):
        return array
    return placed(array, place)


def _say_put(x):
    if type(x) is ArrayImpl:
        return
    stats.event("batched_device_put_start")
    stats.event("batched_device_put_end")


def _sharding(place):
    return place if isinstance(place, Sharding) else SingleDeviceSharding(place)


def device_get(x):
    """The pytree `x` with its arrays as NumPy arrays."""
    return tree_map(_get, x)


def _get(leaf):
    if isinstance(leaf, core.Tracer) or not hasattr(leaf, "__array__"):
        return leaf
    if isinstance(leaf, ArrayImpl) and dtypes.is_extended(leaf.dtype):
        return leaf
    return leaf.__array__()


def block_until_ready(x):
    """Wait for the arrays in the pytree `x`; computation here is synchronous."""
    for leaf in flatten(x)[0]:
        wait = getattr(leaf, "block_until_ready", None)
        if wait is not None:
            wait()
    return x


def copy_to_host_async(x):
    """Ask the leaves that know how to copy themselves to the host to do so."""
    for leaf in flatten(x)[0]:
        if hasattr(leaf, "copy_to_host_async"):
            leaf.copy_to_host_async()
    return x


def effects_barrier():
    """Effects have all happened; computation here is synchronous."""


# --- arrays from parts --------------------------------------------------------------


def _sharding_of_parts(given):
    """A sharding, or that of a format.  TypeError for anything else."""
    layouts = importlib.import_module("minijax.experimental.layout")
    if isinstance(given, layouts.Format):
        if given.layout is layouts.Layout.AUTO:
            raise TypeError(
                "`Layout.AUTO` cannot be used in place of a device-local layout when "
                f"calling `jax.make_array_from_callback`. Got {given}"
            )
        given = given.sharding
    if not isinstance(given, Sharding):
        raise TypeError(
            f"sharding should be an instance of `jax.sharding`. Got {given} of type "
            f"{type(given)}"
        )
    return given


def make_array_from_callback(shape, sharding, data_callback, dtype=None):
    """The array of `shape` whose part on each device is `data_callback(index)`.

    ValueError where a part has another shape, TypeError for what is no sharding.
    """
    if core.current_trace() is not core.eval_trace:
        raise errors.UnexpectedTracerError(
            "jax.make_array_from_callback cannot be called within a traced context."
        )
    sharding = _sharding_of_parts(sharding)
    (index,) = sharding.devices_indices_map(tuple(shape)).values()
    part = asarray(data_callback(index))
    if dtype is not None and part.dtype != dtypes.canonicalize_dtype(dtype):
        raise ValueError(
            "If `dtype` is provided to `jax.make_array_from_callback`, it must match the "
            f"dtype of the addressable shards. Got dtype={dtype} and shard "
            f"dtype={part.dtype}`."
        )
    return ArrayImpl(part.aval.update(shape=tuple(shape)), sharding, [part], True)


def make_array_from_single_device_arrays(shape, sharding, arrays, *, dtype=None):
    """The array of `shape` made of the parts on each device: one."""
    if not isinstance(arrays, (list, tuple)):
        raise TypeError(
            "jax.make_array_from_single_device_arrays `arrays` argument must be a list "
            f"or tuple, but got {type(arrays)}."
        )
    if not arrays and dtype is None:
        raise ValueError(
            "If the Array has no addressable shards, `dtype` must be provided via the "
            "`dtype` argument to `jax.make_array_from_single_device_arrays`."
        )
    for array in arrays:
        if isinstance(array, core.Tracer):
            raise ValueError(
                "jax.make_array_from_single_device_arrays requires a list of concrete "
                f"arrays as input, but got types {set(map(type, arrays))}"
            )
        if not isinstance(array, Array):
            raise TypeError(f"Unsupported type for elements in `arrays`: {type(array)}")
    shape = tuple(shape)
    if arrays and dtype is not None and arrays[0].dtype != np.dtype(dtype):
        raise ValueError(
            "If `dtype` is provided to `jax.make_array_from_single_device_arrays`, it must "
            f"match the dtype of the addressable shards. Got dtype={np.dtype(dtype)} and "
            f"shard dtype={arrays[0].dtype}`."
        )
    if not arrays:
        return ArrayImpl(
            core.ShapedArray(shape, np.dtype(dtype)), sharding, arrays, True
        )
    return ArrayImpl(arrays[0].aval.update(shape=shape), sharding, arrays, True)


def make_array_from_process_local_data(sharding, local_data, global_shape=None):
    """The array (or pytree of them) made of what every process has: here, of its own."""

    def make(data, shape=None):
        shape = np.shape(data) if shape is None else tuple(shape)
        if shape != np.shape(data):
            raise ValueError(
                "When calling `make_array_from_process_local_data` on a single process, "
                "global_shape should be None or equal to local_data.shape.Got "
                f"global_shape={shape} and local_data.shape={np.shape(data)}."
            )
        data = asarray(data)
        return ArrayImpl(data.aval, sharding, [data], True)

    if global_shape is None or isinstance(global_shape, tuple):
        return tree_map(lambda data: make(data, global_shape), local_data)
    return tree_map(make, local_data, global_shape)


def live_arrays(platform=None):
    """Every array that is alive and not deleted.  RuntimeError for other platforms."""
    devices(platform)
    return [x for x in gc.get_objects() if type(x) is ArrayImpl and not x.is_deleted()]

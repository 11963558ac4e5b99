"""The one device, and shardings over it."""

import functools
import importlib
import warnings

from minijax import errors


class Memory:
    """A kind of memory of the device; here all of them are the same memory."""

    platform = "cpu"
    process_index = 0

    def __init__(self, number, kind, name, short):
        self._id, self.kind, self._name, self._short = number, kind, name, short

    def addressable_by_devices(self):
        """The devices that can use it."""
        return [CPU]

    def __repr__(self):
        return f"{self._short}_{self._id}"

    def __str__(self):
        return f"{self._name}(id={self._id}, process_index=0, client=cpu)"


MEMORIES = {
    memory.kind: memory
    for memory in (
        Memory(0, "device", "CpuDeviceMemory", "CPU_DEVICE"),
        Memory(1, "pinned_host", "PinnedHostMemory", "PINNED_HOST"),
        Memory(2, "unpinned_host", "UnpinnedHostMemorySpace", "UNPINNED_HOST"),
    )
}


def checked_memory_kind(kind):
    """A kind of memory that there is, the default for None."""
    if kind is None:
        return "device"
    if kind not in MEMORIES:
        raise ValueError(_NO_MEMORY.format(kinds=", ".join(MEMORIES), kind=kind))
    return kind


_NO_MEMORY = (
    "Could not find memory addressable by device cpu. Device cpu can address the "
    "following memory kinds: {kinds}. Got memory kind: {kind}"
)


class Device:
    """The processor that everything runs on."""

    platform = "cpu"
    device_kind = "cpu"
    id = 0
    process_index = 0
    host_id = 0
    task_id = 0
    local_hardware_id = 0

    @property
    def client(self):
        """What runs programs on it."""
        return importlib.import_module("minijax.extend.backend").get_backend()

    def __repr__(self):
        return "CpuDevice(id=0)"

    def __str__(self):
        return "cpu:0"

    def __reduce__(self):
        return "CPU"  # there is one

    def memory_stats(self):
        """Nothing is counted on a CPU."""
        return

    def memory(self, kind):
        """The memory of a kind.  JaxRuntimeError for one there is not."""
        if kind not in MEMORIES:
            said = _NO_MEMORY.format(kinds=", ".join(MEMORIES), kind=kind)
            raise errors.JaxRuntimeError(f"INVALID_ARGUMENT: {said}")
        return MEMORIES[kind]

    def default_memory(self):
        """The memory that arrays live in."""
        return MEMORIES["device"]

    def addressable_memories(self):
        """All kinds of memory."""
        return list(MEMORIES.values())


CPU = Device()


def _check_backend(backend):
    if backend is None or str(backend) == "cpu":
        return
    if backend == "gpu":  # a name of several platforms
        raise RuntimeError(
            f"Unknown backend: '{backend}' requested, but no platforms that are "
            f"instances of {backend} are present. Platforms present are: cpu"
        )
    raise RuntimeError(f"Unknown backend {backend}. Available backends are ['cpu']")


def devices(backend=None):
    """The devices: one CPU.  RuntimeError for any other backend."""
    _check_backend(backend)
    return [CPU]


def local_devices(process_index=None, backend=None, host_id=None):
    """The devices of this process.  ValueError for the number of another."""
    if host_id is not None:
        _warn_of_alias(
            "The argument to jax.local_devices", "`host_id`", "`process_index`"
        )
        process_index = host_id
    _check_backend(backend)
    if process_index not in (None, 0):
        raise ValueError(f"Unknown process_index {process_index}")
    return [CPU]


def device_count(backend=None):
    """How many devices there are."""
    _check_backend(backend)
    return 1


local_device_count = device_count


def process_count(backend=None):
    """How many processes there are."""
    _check_backend(backend)
    return 1


def process_index(backend=None):
    """Which of the processes this is."""
    _check_backend(backend)
    return 0


def process_indices(backend=None):
    """The numbers of all processes."""
    _check_backend(backend)
    return [0]


def _warn_of_alias(what, old, new):
    warnings.warn(
        f"{what} has been renamed{' from ' * bool(old)}{old} to {new}. This alias will "
        "eventually be removed; please update your code.",
        stacklevel=3,
    )


def _alias(name, fun):
    """`fun` under an old name, which warns."""

    def renamed(backend=None):
        _warn_of_alias(f"jax.{name}", "", f"jax.{fun.__name__}")
        return fun(backend)

    renamed.__name__ = name
    renamed.__doc__ = fun.__doc__
    return renamed


host_count = _alias("host_count", process_count)
host_id = _alias("host_id", process_index)
host_ids = _alias("host_ids", process_indices)


def default_backend():
    """The platform's name."""
    return "cpu"


class UnspecifiedValue:
    """Where a place is not said: it follows from the rest."""

    def __repr__(self):
        return "UnspecifiedValue"

    def __reduce__(self):
        return "UNSPECIFIED"


UNSPECIFIED = UnspecifiedValue()


class Sharding:
    """Where the parts of an array live; here all of it is on one device."""

    _memory_kind = None
    _is_concrete = True

    @property
    def device_set(self):
        """The devices that hold a part."""
        return {CPU}

    @property
    def addressable_devices(self):
        """Those of them that belong to this process: all."""
        return {CPU}

    @property
    def is_fully_addressable(self):
        """Whether all devices belong to this process."""
        return True

    @property
    def has_addressable_devices(self):
        """Whether a device belongs to this process."""
        return True

    @property
    def is_fully_replicated(self):
        """Whether each device has all of the array."""
        return True

    @property
    def num_devices(self):
        """The number of devices."""
        return 1

    @property
    def memory_kind(self):
        """The kind of memory that the array is in."""
        return self._memory_kind

    @property
    def _device_assignment(self):
        return (CPU,)

    _addressable_device_assignment = property(lambda self: self._device_assignment)

    def addressable_devices_indices_map(self, global_shape):
        """The part that each device holds: everything."""
        return {CPU: (slice(None),) * len(global_shape)}

    def devices_indices_map(self, global_shape):
        """The part that each device holds; ValueError where it cannot be split."""
        return common_devices_indices_map(self, tuple(global_shape))

    def shard_shape(self, global_shape):
        """The shape of each part."""
        return tuple(global_shape)

    def check_compatible_aval(self, aval_shape):
        """An array of any shape can lie on one device."""

    def is_equivalent_to(self, other, ndim):
        """Whether both place an array of `ndim` axes alike, in the same memory."""
        return isinstance(other, Sharding) and self.memory_kind == other.memory_kind

    def with_memory_kind(self, kind):
        """The same layout in another kind of memory."""
        raise NotImplementedError("Subclasses should implement this method.")

    def whole(self):
        """Where a result lies of an array here whose axes are not the result's."""
        return self


@functools.lru_cache(maxsize=4096)
def common_devices_indices_map(sharding, global_shape):
    """The part of an array that each device holds; ValueError where it cannot be split."""
    sharding.shard_shape(global_shape)
    return sharding.addressable_devices_indices_map(global_shape)


class SingleDeviceSharding(Sharding):
    """All of an array on one device."""

    def __init__(self, device=None, *, memory_kind=None):
        self._device = CPU if device is None else device
        self._memory_kind = checked_memory_kind(memory_kind)

    def __repr__(self):
        return (
            f"SingleDeviceSharding(device={self._device!r}, "
            f"memory_kind={self.memory_kind})"
        )

    def __hash__(self):
        return hash((SingleDeviceSharding, self.memory_kind))

    def __eq__(self, other):
        return (
            type(other) is SingleDeviceSharding
            and self.memory_kind == other.memory_kind
        )

    def __reduce__(self):
        return _single, (self.memory_kind,)

    def _to_xla_hlo_sharding(self, num_dimensions):
        return importlib.import_module("minijax.hlo_sharding").HloSharding.replicate()

    def with_memory_kind(self, kind):
        """The same device, another kind of its memory."""
        return SingleDeviceSharding(self._device, memory_kind=kind)


def _single(memory_kind):
    return SingleDeviceSharding(CPU, memory_kind=memory_kind)


DEFAULT_SHARDING = SingleDeviceSharding()


class Shard:
    """One device's part of an array: all of it."""

    replica_id = 0
    device = CPU

    def __init__(self, data):
        self.data = data
        self.index = (slice(None, None, None),) * data.ndim

    def __repr__(self):
        return (
            f"Shard(device={self.device!r}, index={self.index}, "
            f"replica_id={self.replica_id}, data={self.data})"
        )

"""The one device, and shardings over it."""


class Device:
    """The processor that everything runs on."""

    platform = "cpu"
    device_kind = "cpu"
    id = 0
    process_index = 0
    host_id = 0
    task_id = 0
    local_hardware_id = 0
    slice_index = None
    num_slices = None

    def __repr__(self):
        return "CpuDevice(id=0)"

    def __str__(self):
        return "cpu:0"

    def memory_stats(self):
        """Nothing is counted on a CPU."""
        return

    def default_memory(self):
        """The kind of memory that arrays live in."""
        return "device"


CPU = Device()


def _check_backend(backend):
    if backend is not None and str(backend) != "cpu":
        raise RuntimeError(
            f"Unknown backend: '{backend}' requested, but no platforms that are "
            "instances of it are present. Platforms present are: cpu"
        )


def devices(backend=None):
    """The devices: one CPU.  RuntimeError for any other backend."""
    _check_backend(backend)
    return [CPU]


def local_devices(process_index=None, backend=None, host_id=None):
    """The devices of this process.  ValueError for the number of another."""
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
    return 1


def process_index(backend=None):
    """Which of the processes this is."""
    return 0


host_count, host_id = process_count, process_index


def process_indices(backend=None):
    """The numbers of all processes."""
    return [0]


host_ids = process_indices


def default_backend():
    """The platform's name."""
    return "cpu"


class Sharding:
    """Where the parts of an array live; here all of it is on one device."""

    @property
    def device_set(self):
        """The devices that hold a part."""
        return {CPU}

    addressable_devices = device_set
    is_fully_addressable = True
    is_fully_replicated = True
    num_devices = 1
    memory_kind = None

    def addressable_devices_indices_map(self, global_shape):
        """The part that each device holds: everything."""
        return {CPU: (slice(None),) * len(global_shape)}

    devices_indices_map = addressable_devices_indices_map

    def shard_shape(self, global_shape):
        """The shape of each part."""
        return tuple(global_shape)

    def is_equivalent_to(self, other, ndim):
        """Whether both place an array of `ndim` axes alike: always, on one device."""
        return isinstance(other, Sharding)

    def with_memory_kind(self, kind):
        """The same sharding; there is one kind of memory."""
        return self


class SingleDeviceSharding(Sharding):
    """All of an array on one device."""

    def __init__(self, device=CPU, *, memory_kind=None):
        self._device = device
        self.memory_kind = memory_kind

    def __repr__(self):
        return (
            f"SingleDeviceSharding(device={self._device!r}, "
            f"memory_kind={self.memory_kind or 'device'})"
        )

    def __hash__(self):
        return hash((SingleDeviceSharding, self.memory_kind))

    def __eq__(self, other):
        return type(other) is SingleDeviceSharding


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

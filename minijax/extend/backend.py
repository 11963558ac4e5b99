"""The backend (`jax.extend.backend`): one, on the CPU."""

import functools
import gc
import importlib

from minijax import device, dispatch
from minijax.dispatch import clear_caches


class Client:
    """What runs programs: the C runtime on the CPU."""

    platform = "cpu"
    platform_version = "cpu"
    runtime_type = "minijax"

    def devices(self):
        """All devices."""
        return device.devices()

    local_devices = devices

    def device_count(self):
        """How many devices there are."""
        return device.device_count()

    local_device_count = device_count

    def process_index(self):
        """Which of the processes this is."""
        return 0

    host_id = process_index

    def live_executables(self):
        """The executables that something still refers to."""
        made = dispatch.executable().Compiled
        return [x for x in gc.get_objects() if type(x) is made]

    def heap_profile(self):
        """What the live arrays take, as the bytes of a profile for pprof."""
        return importlib.import_module("minijax.memory_profile").heap_profile()

    def __repr__(self):
        return "<minijax client, platform cpu>"


_CLIENT = Client()


@functools.lru_cache  # tests clear what is kept
def get_backend(platform=None):
    """The client of a platform.  RuntimeError for any but the CPU."""
    device.devices(platform if isinstance(platform, str) else None)
    return _CLIENT


def backends():
    """Platform name -> client."""
    return {"cpu": _CLIENT}


def backend_xla_version(platform=None):
    """The version of XLA that the backend is built of: None, it is not."""


def get_default_device():
    """The device that computations run on."""
    return device.CPU


def clear_backends():
    """Forget what was compiled for the backends."""
    clear_caches()

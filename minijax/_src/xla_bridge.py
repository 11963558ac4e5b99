"""The backends by name, and their devices."""

from minijax._src._homes import names_of
from minijax._src.config import config_states
from minijax.extend import backend

_backends = backend.backends()
backends = backend.backends
get_backend = backend.get_backend
num_cpu_devices = config_states["jax_num_cpu_devices"]


def backends_are_initialized():
    """Whether a backend has been started: the only one always has."""
    return True


def canonicalize_platform(platform):
    """The name of a platform.  RuntimeError for any but the CPU."""
    get_backend(platform)
    return platform


_PLATFORMS_OF = {"gpu": ("cuda", "rocm", "oneapi")}


def expand_platform_alias(platform):
    """The platforms that a name stands for."""
    return list(_PLATFORMS_OF.get(platform, (platform,)))


def known_platforms():
    """The names of all platforms that there are rules for."""
    return {"cpu", "tpu", *_PLATFORMS_OF, *_PLATFORMS_OF["gpu"]}


def is_known_platform(platform):
    """Whether there may be a platform of this name."""
    return platform in known_platforms()


def get_device_backend(device=None):
    """The backend that a device belongs to."""
    return get_backend()


def backend_pjrt_c_api_version(platform=None):
    """The version of the interface to XLA's plugins: None, there are none."""


def backend_stablehlo_version(platform=None):
    """The version of StableHLO that the backend reads: None, it reads none."""


def using_pjrt_c_api(backend=None):
    """Whether the backend is a plugin of XLA's."""
    return False


__getattr__ = names_of(__name__, "minijax.extend.backend", "minijax.device")

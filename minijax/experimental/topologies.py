"""Sets of devices to compile for (`jax.experimental.topologies`): the attached one."""

from minijax.device import Device as Device
from minijax.device import devices
from minijax.experimental.mesh_utils import create_device_mesh
from minijax.mesh import Mesh


class TopologyDescription:
    """A list of devices."""

    def __init__(self, devices):
        self.devices = devices


def get_attached_topology(platform=None):
    """The devices that there are."""
    return TopologyDescription(devices(platform))


def get_topology_desc(topology_name="", platform=None, **kwargs):
    """Devices that are not attached; there are none to compile for.

    RuntimeError for TPUs, NotImplementedError for other platforms.
    """
    if platform is None or platform == "tpu":
        raise RuntimeError("minijax has no TPUs; cannot generate TPU topology.")
    raise NotImplementedError(f"topology not implemented for {platform}")


def make_mesh(topo, mesh_shape, axis_names, *, contiguous_submeshes=False):
    """A mesh of all devices of a topology."""
    arranged = create_device_mesh(
        mesh_shape, topo.devices, contiguous_submeshes=contiguous_submeshes
    )
    return Mesh(arranged, axis_names)

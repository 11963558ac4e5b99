"""Shardings, meshes and partition specs (`jax.sharding`)."""

from typing import Any

from minijax.alias import missing_attribute
from minijax.api.shard import auto_axes as auto_axes
from minijax.api.shard import explicit_axes as explicit_axes
from minijax.control.constraint import reshard as reshard
from minijax.device import Sharding as Sharding
from minijax.device import SingleDeviceSharding as SingleDeviceSharding
from minijax.mesh import AbstractDevice as AbstractDevice
from minijax.mesh import AbstractMesh as AbstractMesh
from minijax.mesh import AxisType as AxisType
from minijax.mesh import Mesh as Mesh
from minijax.mesh import get_abstract_mesh as get_abstract_mesh
from minijax.mesh import get_mesh as get_mesh
from minijax.mesh import set_mesh as set_mesh
from minijax.mesh import use_abstract_mesh as use_abstract_mesh
from minijax.named_sharding import NamedSharding as NamedSharding
from minijax.partition_spec import PartitionSpec as PartitionSpec

make_single_device_sharding = SingleDeviceSharding


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)

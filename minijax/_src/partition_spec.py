"""How the axes of an array lie over a mesh."""

from minijax._src._homes import names_of
from minijax.partition_spec import PartitionSpec

UnconstrainedSingleton = type(PartitionSpec.UNCONSTRAINED)

__getattr__ = names_of(__name__, "minijax.partition_spec", "minijax.mesh")

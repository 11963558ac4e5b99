"""Meshes, and which one is current."""

from minijax._src._homes import names_of
from minijax.mesh import EMPTY_ABSTRACT_MESH as empty_abstract_mesh  # noqa: F401
from minijax.mesh import EMPTY_MESH as empty_concrete_mesh  # noqa: F401
from minijax.mesh import get_mesh as get_concrete_mesh  # noqa: F401

__getattr__ = names_of(__name__, "minijax.mesh", "minijax.partition_spec")

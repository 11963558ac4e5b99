"""Functions over meshes (`jax.interpreters.pxla`)."""

from minijax.alias import missing_attribute
from minijax.mesh import Mesh as Mesh
from minijax.mesh import thread_resources as thread_resources


def __getattr__(name):
    raise missing_attribute(__name__, name)

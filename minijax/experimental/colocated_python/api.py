"""What `jax.experimental.colocated_python` is called by."""

from minijax.experimental.colocated_python.func import make_callable
from minijax.experimental.colocated_python.obj import wrap_class
from minijax.mesh import Mesh


def colocated_cpu_devices(devices_or_mesh):
    """The CPU devices beside the given devices (a list), or a mesh of such: the same."""
    return devices_or_mesh if isinstance(devices_or_mesh, Mesh) else [*devices_or_mesh]


def colocated_python(fun):
    """`fun`, a function from pytrees of arrays to such, as one that runs beside the
    devices of its arguments; its method `specialize` fixes what is known beforehand.
    """
    return make_callable(fun)


def colocated_python_class(cls):
    """`cls` as a class whose objects live beside the devices that their methods are
    called with; an object is made by the first call of one of its methods.
    """
    return wrap_class(cls)

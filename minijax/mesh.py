"""Meshes, partition specs and shardings over the one device there is.

The types are JAX's, and so are their checks; a mesh can only have one device, so that
every axis has size 1 and an array lies whole wherever it lies.
"""

import enum
import threading
from collections import OrderedDict

import numpy as np

from minijax.device import CPU, Sharding, SingleDeviceSharding


class AxisType(enum.Enum):
    """Who decides how values are laid out along a mesh axis."""

    Auto = enum.auto()
    Explicit = enum.auto()
    Manual = enum.auto()

    def __repr__(self):
        return self.name


class PartitionSpec(tuple):
    """For each axis of an array the mesh axis (or axes) it is split over, or None."""

    __slots__ = ()

    class _Unconstrained:
        def __repr__(self):
            return "UNCONSTRAINED"

    UNCONSTRAINED = _Unconstrained()

    def __new__(cls, *partitions, unreduced=frozenset(), reduced=frozenset()):
        return tuple.__new__(cls, partitions)

    def __repr__(self):
        inner = ", ".join(map(repr, self)) + ("," if len(self) == 1 else "")
        return f"P({inner})"

    def __reduce__(self):
        return PartitionSpec, tuple(self)

    def __add__(self, other):
        return PartitionSpec(*self, *_partitions(other))

    def __radd__(self, other):
        return PartitionSpec(*_partitions(other), *self)

    def update(self, *, partitions=None, **_):
        """A copy with other partitions."""
        return self if partitions is None else PartitionSpec(*partitions)


def _partitions(other):
    if not isinstance(other, tuple):
        raise NotImplementedError(
            f"A PartitionSpec joins with a PartitionSpec or a tuple, not with {other!r}"
        )
    return other


class _MeshBase:
    """What meshes with and without devices share."""

    _stack_name = ""

    def _set_axes(self, sizes, names, axis_types):
        names = (names,) if isinstance(names, str) else tuple(names)
        if len(set(names)) != len(names):
            raise ValueError(f"Mesh axis names must be unique, got {names}")
        self.axis_names = names
        self.axis_sizes = tuple(int(n) for n in sizes)
        if axis_types is None:
            axis_types = (AxisType.Auto,) * len(names)
        elif isinstance(axis_types, AxisType):
            axis_types = (axis_types,) * len(names)
        self.axis_types = tuple(axis_types)

    @property
    def shape(self):
        """Axis name -> size, in order."""
        return OrderedDict(zip(self.axis_names, self.axis_sizes, strict=True))

    @property
    def shape_tuple(self):
        """Pairs of axis name and size."""
        return tuple(zip(self.axis_names, self.axis_sizes, strict=True))

    @property
    def size(self):
        """The number of devices."""
        return int(np.prod(self.axis_sizes)) if self.axis_sizes else 0

    @property
    def empty(self):
        """Whether the mesh has no axes."""
        return not self.axis_names

    @property
    def manual_axes(self):
        """The axes of type Manual."""
        return self._axes_of(AxisType.Manual)

    @property
    def auto_axes(self):
        """The axes of type Auto."""
        return self._axes_of(AxisType.Auto)

    @property
    def explicit_axes(self):
        """The axes of type Explicit."""
        return self._axes_of(AxisType.Explicit)

    def _axes_of(self, kind):
        pairs = zip(self.axis_names, self.axis_types, strict=True)
        return tuple(name for name, t in pairs if t is kind)

    def _key(self):
        return type(self), self.axis_sizes, self.axis_names, self.axis_types

    def __hash__(self):
        return hash(self._key())

    def __eq__(self, other):
        return isinstance(other, _MeshBase) and self._key() == other._key()

    def _axes_text(self):
        return ", ".join(f"'{name}': {n}" for name, n in self.shape.items())


class AbstractMesh(_MeshBase):
    """A mesh of sizes and names only."""

    def __init__(self, axis_sizes, axis_names, axis_types=None, **_):
        self._set_axes(axis_sizes, axis_names, axis_types)

    @property
    def abstract_mesh(self):
        """The mesh itself."""
        return self

    def __repr__(self):
        return f"AbstractMesh({self._axes_text()}, axis_types={self.axis_types})"


class Mesh(_MeshBase):
    """An array of devices with named axes; a context manager that makes it current."""

    def __init__(self, devices, axis_names, axis_types=None):
        devices = np.asarray(devices, dtype=object)
        names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        if devices.ndim != len(names):
            raise ValueError(
                "Mesh requires the ndim of its first argument (`devices`) to equal the "
                "length of its second argument (`axis_names`), but got devices.ndim == "
                f"{devices.ndim} and len(axis_names) == {len(names)}."
            )
        self.devices = devices
        self._set_axes(devices.shape, names, axis_types)

    is_multi_process = False

    @property
    def local_mesh(self):
        """The part of the mesh in this process: all of it."""
        return self

    @property
    def local_devices(self):
        """The devices of this process."""
        return list(self.devices.flat)

    @property
    def device_ids(self):
        """The devices' numbers."""
        return np.vectorize(lambda d: d.id, otypes=[int])(self.devices)

    @property
    def abstract_mesh(self):
        """The mesh without its devices."""
        return AbstractMesh(self.axis_sizes, self.axis_names, self.axis_types)

    def __enter__(self):
        _current.physical.append(self)
        return self

    def __exit__(self, *exc):
        _current.physical.pop()
        return False

    def __repr__(self):
        return (
            f"Mesh(axis_sizes={self.axis_sizes}, axis_names={self.axis_names}, "
            f"axis_types={self.axis_types})"
        )

    def __str__(self):
        return f"Mesh({self._axes_text()}, axis_types={self.axis_types})"


EMPTY_MESH = Mesh(np.empty((), dtype=object), ())
EMPTY_ABSTRACT_MESH = AbstractMesh((), ())


class _Current(threading.local):
    def __init__(self):
        self.physical = []
        self.set = []  # meshes made current by set_mesh
        self.abstract = []


_current = _Current()


class _Environment:
    """The mesh that a `with mesh:` block made current."""

    @property
    def physical_mesh(self):
        """The mesh; an empty one outside of such blocks."""
        return _current.physical[-1] if _current.physical else EMPTY_MESH


class _ThreadResources:
    """What this thread computes on."""

    env = _Environment()


thread_resources = _ThreadResources()


def current_mesh():
    """The mesh that unqualified partition specs refer to, or None."""
    for stack in (_current.physical, _current.set, _current.abstract):
        if stack:
            return stack[-1]
    return None


class _Held:
    """A context manager that undoes a change of the current mesh."""

    def __init__(self, stack, previous):
        self._stack, self._previous = stack, previous

    def __enter__(self):
        return None

    def __exit__(self, *exc):
        self._stack[:] = self._previous
        return False


def set_mesh(mesh):
    """Make a mesh current, for good or for a `with` block."""
    previous = list(_current.set)
    _current.set.append(mesh)
    return _Held(_current.set, previous)


def use_abstract_mesh(mesh):
    """Make an abstract mesh current within a `with` block."""
    previous = list(_current.abstract)
    _current.abstract.append(mesh)
    return _Held(_current.abstract, previous)


def get_mesh():
    """The mesh set by `set_mesh`; an empty one if there is none."""
    return _current.set[-1] if _current.set else EMPTY_MESH


def get_abstract_mesh():
    """The current mesh without its devices; an empty one if there is none."""
    if _current.abstract:
        return _current.abstract[-1]
    return _current.set[-1].abstract_mesh if _current.set else EMPTY_ABSTRACT_MESH


def make_mesh(axis_shapes, axis_names, axis_types=None, *, devices=None):
    """A mesh of the given sizes.  ValueError for more than the one device."""
    shapes = tuple(int(n) for n in axis_shapes)
    available = [CPU] if devices is None else list(devices)
    if int(np.prod(shapes)) > len(available):
        raise ValueError(
            f"Number of devices {len(available)} must be >= the product of mesh_shape "
            f"{shapes}"
        )
    if axis_types is None:
        axis_types = (AxisType.Explicit,) * len(shapes)
    grid = np.empty(shapes, dtype=object)
    grid.reshape(-1)[:] = available[: grid.size]
    return Mesh(grid, axis_names, axis_types)


class DuplicateSpecError(Exception):
    """A partition spec names a mesh axis more than once."""

    def __init__(self, message, mesh, pspec):
        super().__init__(message)
        self.message, self.mesh, self.pspec = message, mesh, pspec

    def __str__(self):
        return self.message


def _check_axes(mesh, spec):
    """ValueError for an axis the mesh has not, DuplicateSpecError for one named twice."""
    parts = [part if isinstance(part, tuple) else (part,) for part in spec]
    names = [name for part in parts for name in part if isinstance(name, str)]
    for name in names:
        if name not in mesh.axis_names:
            raise ValueError(
                f"Resource axis: {name} of {spec} is not found in mesh: "
                f"{mesh.axis_names}."
            )
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise DuplicateSpecError(
            "A single NamedSharding spec specification can map every mesh axis to at "
            f"most one positional dimension, but {spec} has duplicate entries for "
            + ", ".join(f"`{name}`" for name in sorted(twice)),
            mesh,
            spec,
        )


class NamedSharding(Sharding):
    """An array laid out over a mesh as a partition spec says."""

    def __init__(self, mesh, spec, *, memory_kind=None, **_):
        if not isinstance(spec, PartitionSpec):
            raise TypeError(
                f"Unexpected type {type(spec)} for NamedSharding spec; expected "
                "PartitionSpec"
            )
        _check_axes(mesh, spec)
        self.mesh, self.spec, self.memory_kind = mesh, spec, memory_kind

    def __repr__(self):
        kind = self.memory_kind or "device"
        return f"NamedSharding(mesh={self.mesh}, spec={self.spec}, memory_kind={kind})"

    def __hash__(self):
        return hash((self.mesh, self.spec))

    def __eq__(self, other):
        return (
            isinstance(other, NamedSharding)
            and self.mesh == other.mesh
            and self.spec == other.spec
        )

    def update(self, *, mesh=None, spec=None, **_):
        """A copy with another mesh or spec."""
        return NamedSharding(mesh or self.mesh, self.spec if spec is None else spec)


def sharding_of(aval):
    """The sharding that avals tell of: nothing is split, over a mesh without axes."""
    return NamedSharding(AbstractMesh((), ()), PartitionSpec(*[None] * aval.ndim))


__all__ = [
    "AbstractMesh", "AxisType", "Mesh", "NamedSharding", "PartitionSpec", "Sharding",
    "SingleDeviceSharding", "current_mesh", "get_abstract_mesh", "get_mesh", "make_mesh",
    "set_mesh", "use_abstract_mesh",
]  # fmt: skip

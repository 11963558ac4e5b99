"""Meshes over the one device there is, and which of them is current.

The types are JAX's, and so are their checks; a mesh can only have one device, so that
every axis has size 1 and an array lies whole wherever it lies.
"""

import contextlib
import enum
import threading
import warnings
import weakref
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

from minijax import config
from minijax.device import CPU


class AxisType(enum.Enum):
    """Who decides how values are laid out along a mesh axis."""

    Auto = enum.auto()
    Explicit = enum.auto()
    Manual = enum.auto()

    def __repr__(self):
        return self.name


class AbstractDevice:
    """What an abstract mesh knows of its devices."""

    __slots__ = ("device_kind", "num_cores", "platform")

    def __init__(self, device_kind, num_cores, platform):
        self.device_kind = device_kind
        self.num_cores = num_cores
        self.platform = platform

    def _key(self):
        return self.device_kind, self.num_cores, self.platform

    def __eq__(self, other):
        return isinstance(other, AbstractDevice) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __reduce__(self):
        return AbstractDevice, self._key()

    def __repr__(self):
        return f"AbstractDevice({self._text()})"

    def _text(self):
        return (
            f"device_kind={self.device_kind}, num_cores={self.num_cores}, "
            f"platform={self.platform}"
        )


_ABSTRACT_CPU = AbstractDevice(CPU.device_kind, None, CPU.platform)


def _axis_types(kind, names, given):
    """The type of each axis, as a tuple."""
    if given is None:
        return (AxisType.Auto,) * len(names)
    types = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if not all(isinstance(t, AxisType) for t in types):
        raise TypeError(
            f"axis_types passed to {kind} must be of type `jax.sharding.AxisType`. Got "
            f"{types} of type {tuple(type(t) for t in types)}"
        )
    if len(types) != len(names):
        raise ValueError(
            "Number of axis names should match the number of axis_types. Got "
            f"axis_names={names} and axis_types={types}"
        )
    return types


class _MeshBase:
    """What meshes with and without devices share.  Immutable, and made once each."""

    axis_names: tuple
    axis_sizes: tuple
    axis_types: tuple
    _made = weakref.WeakValueDictionary()

    @classmethod
    def _once(cls, key, **fields):
        """The mesh with these fields; `key` tells it from the others of its class."""
        key = (cls, *key)
        found = cls._made.get(key)
        if found is None:
            found = object.__new__(cls)
            for name, value in fields.items():
                object.__setattr__(found, name, value)
            cls._made[key] = found
        return found

    def __setattr__(self, name, value):
        raise AttributeError(f"cannot assign to field '{name}'")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

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

    def _all_of(self, kind):
        return bool(self.axis_types) and all(t is kind for t in self.axis_types)

    are_all_axes_auto = property(lambda self: self._all_of(AxisType.Auto))
    are_all_axes_explicit = property(lambda self: self._all_of(AxisType.Explicit))
    are_all_axes_manual = property(lambda self: self._all_of(AxisType.Manual))
    _any_axis_auto = property(lambda self: AxisType.Auto in self.axis_types)
    _any_axis_explicit = property(lambda self: AxisType.Explicit in self.axis_types)
    _any_axis_manual = property(lambda self: AxisType.Manual in self.axis_types)
    _name_to_type = property(
        lambda self: dict(zip(self.axis_names, self.axis_types, strict=True))
    )

    def _axes_text(self):
        return ", ".join(f"'{name}': {n}" for name, n in self.shape_tuple) or "()"


def _not_of_abstract(name):
    """An attribute of meshes with devices only."""

    def read(self):
        raise ValueError(f"AbstractMesh does not implement {name}")

    return property(read)


class AbstractMesh(_MeshBase):
    """A mesh of sizes and names only."""

    abstract_device: AbstractDevice | None

    def __new__(cls, axis_sizes, axis_names, axis_types=None, *, abstract_device=None):
        """The mesh of these axes."""
        sizes, names = tuple(axis_sizes), tuple(axis_names)
        types = _axis_types("AbstractMesh", names, axis_types)
        if len(sizes) != len(names):
            raise ValueError(
                f"safe_zip() argument 1 has length {len(names)} but argument 0 has "
                f"length {len(sizes)}. All lengths: ({len(sizes)}, {len(names)})"
            )
        return cls._once(
            (sizes, names, types, abstract_device),
            axis_sizes=sizes,
            axis_names=names,
            axis_types=types,
            abstract_device=abstract_device,
        )

    devices = _not_of_abstract("devices")
    device_ids = _not_of_abstract("device_ids")
    is_multi_process = _not_of_abstract("is_multi_process")
    local_devices = _not_of_abstract("local_devices")
    local_mesh = _not_of_abstract("local_mesh")

    @property
    def abstract_mesh(self):
        """The mesh itself."""
        return self

    def update(
        self, axis_sizes=None, axis_names=None, axis_types=None, *, abstract_device=None
    ):
        """A mesh with some of these in place of this one's."""
        return AbstractMesh(
            self.axis_sizes if axis_sizes is None else axis_sizes,
            self.axis_names if axis_names is None else axis_names,
            self.axis_types if axis_types is None else axis_types,
            abstract_device=(
                self.abstract_device if abstract_device is None else abstract_device
            ),
        )

    def update_axis_types(self, name_to_type):
        """A mesh with other types of the named axes."""
        pairs = zip(self.axis_names, self.axis_types, strict=True)
        return self.update(
            axis_types=tuple([name_to_type.get(name, t) for name, t in pairs])
        )

    def _key(self):
        return self.axis_sizes, self.axis_names, self.axis_types

    def __hash__(self):
        return hash(self._key())

    def __eq__(self, other):
        return isinstance(other, AbstractMesh) and self._key() == other._key()

    def __reduce__(self):
        return _abstract, (*self._key(), self.abstract_device)

    def __repr__(self):
        device = "" if self.abstract_device is None else self.abstract_device._text()
        return (
            f"AbstractMesh({self._axes_text()}, axis_types={self.axis_types}"
            f"{', ' if device else ''}{device})"
        )


def _abstract(sizes, names, types, device):
    return AbstractMesh(sizes, names, types, abstract_device=device)


class Mesh(_MeshBase, contextlib.ContextDecorator):
    """An array of devices with named axes; a context manager that makes it current."""

    devices: np.ndarray

    def __new__(cls, devices, axis_names, axis_types=None):
        """The mesh of these devices and axes."""
        if not isinstance(devices, np.ndarray):
            devices = np.array(devices, dtype=object)
        names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        if any(name is None for name in names):
            raise ValueError(f"Mesh axis names cannot be None. Got: {names}")
        if devices.ndim != len(names):
            raise ValueError(
                "Mesh requires the ndim of its first argument (`devices`) to equal the "
                "length of its second argument (`axis_names`), but got devices.ndim == "
                f"{devices.ndim} and len(axis_names) == {len(names)}."
            )
        types = _axis_types("Mesh", names, axis_types)
        devices = devices.copy()
        devices.flags.writeable = False
        return cls._once(
            (tuple(devices.flat), devices.shape, names, types),
            devices=devices,
            axis_sizes=devices.shape,
            axis_names=names,
            axis_types=types,
        )

    is_multi_process = False

    @property
    def is_scalar(self):
        """Whether the mesh has axes, none of them split."""
        return self.devices.ndim == 0

    @property
    def local_mesh(self):
        """The part of the mesh in this process: all of it."""
        return self

    @property
    def local_devices(self):
        """The devices of this process."""
        return list(self.devices.flat)

    @property
    def _flat_devices_tuple(self):
        return tuple(self.devices.flat)

    @property
    def device_ids(self):
        """The devices' numbers."""
        return np.vectorize(lambda d: d.id, otypes=[int])(self.devices)

    @property
    def abstract_mesh(self):
        """The mesh without its devices."""
        return AbstractMesh(
            self.axis_sizes,
            self.axis_names,
            self.axis_types,
            abstract_device=None if self.empty else _ABSTRACT_CPU,
        )

    def update(self, devices=None, axis_names=None, axis_types=None):
        """A mesh with some of these in place of this one's."""
        return Mesh(
            self.devices if devices is None else devices,
            self.axis_names if axis_names is None else axis_names,
            self.axis_types if axis_types is None else axis_types,
        )

    def __enter__(self):
        if config.values.jax_disallow_mesh_context_manager:
            raise RuntimeError(
                "Mesh context manager is disabled: jax_disallow_mesh_context_manager is "
                "set. Use `with jax.set_mesh(mesh):`."
            )
        warnings.warn(
            "`with mesh:` context manager has been deprecated. Please use "
            "`with jax.set_mesh(mesh):` instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        _current.physical.append(self)
        return self

    def __exit__(self, *exc):
        _current.physical.pop()
        return False

    def _key(self):
        return (
            self.axis_sizes,
            self.axis_names,
            self.axis_types,
            tuple(self.devices.flat),
        )

    def __hash__(self):
        return hash(self._key())

    def __eq__(self, other):
        return isinstance(other, Mesh) and self._key() == other._key()

    def __reduce__(self):
        return Mesh, (self.devices, self.axis_names, self.axis_types)

    def __repr__(self):
        if self.empty:
            return "Mesh(axis_sizes=(), axis_names=())"
        return (
            f"Mesh(axis_sizes={self.axis_sizes}, axis_names={self.axis_names}, "
            f"axis_types={self.axis_types})"
        )

    def __str__(self):
        if self.empty:
            return "Mesh()"
        return f"Mesh({self._axes_text()}, axis_types={self.axis_types})"


EMPTY_MESH = Mesh(np.empty((), dtype=object), ())
EMPTY_ABSTRACT_MESH = AbstractMesh((), ())


class _Current(threading.local):
    def __init__(self):
        self.physical = []
        self.set = []  # meshes made current by set_mesh
        self.abstract = []
        self.mapped = []  # those that `shard_map`s around us map over


_current = _Current()


class ResourceEnv(NamedTuple):
    """The mesh that a `with mesh:` block makes current."""

    physical_mesh: Mesh


EMPTY_ENV = ResourceEnv(EMPTY_MESH)


class _ThreadResources:
    """What this thread computes on."""

    @property
    def env(self):
        """The mesh in force; an empty one outside of `with` blocks."""
        physical = _current.physical
        return ResourceEnv(physical[-1]) if physical else EMPTY_ENV


thread_resources = _ThreadResources()


def current_mesh():
    """The mesh that unqualified partition specs refer to, or None."""
    for stack in (_current.physical, _current.set, _current.abstract):
        if stack:
            return stack[-1]
    return None


def set_mesh_in_force():
    """The mesh that `set_mesh` or `use_abstract_mesh` made current, or None."""
    for stack in (_current.set, _current.abstract):
        if stack:
            return stack[-1]
    return None


def mapped_mesh():
    """The mesh of the innermost `shard_map` whose function is being traced, or None."""
    return _current.mapped[-1] if _current.mapped else None


@contextlib.contextmanager
def mapped_over(mesh):
    """Trace a function that `shard_map` maps over a mesh."""
    _current.mapped.append(mesh)
    try:
        yield
    finally:
        _current.mapped.pop()


class set_mesh:
    """set_mesh(mesh): make a mesh current, for good or for a `with` block."""

    __slots__ = ("_previous", "prev_abstract_mesh", "prev_mesh")

    def __init__(self, mesh):
        if not (mesh is None or isinstance(mesh, Mesh)):
            raise ValueError(
                f"Expected mesh of type `jax.sharding.Mesh`. Got {type(mesh)}"
            )
        self._previous = list(_current.set)
        self.prev_mesh, self.prev_abstract_mesh = get_mesh(), get_abstract_mesh()
        _current.set.append(EMPTY_MESH if mesh is None else mesh)

    def __enter__(self):
        return None

    def __exit__(self, *exc):
        _current.set[:] = self._previous


class use_abstract_mesh:
    """use_abstract_mesh(mesh): make an abstract mesh current within a `with` block."""

    __slots__ = ("_previous", "mesh", "prev")

    def __init__(self, mesh):
        if not isinstance(mesh, AbstractMesh):
            raise ValueError(
                f"Expected mesh of type `jax.sharding.AbstractMesh`. Got {type(mesh)}"
            )
        self.mesh, self.prev = mesh, get_abstract_mesh()

    def __enter__(self):
        self._previous = list(_current.abstract)
        _current.abstract.append(self.mesh)

    def __exit__(self, *exc):
        _current.abstract[:] = self._previous


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

"""Shardings: an array laid out over a mesh as a partition spec says.

With one device an array lies whole wherever it lies; names, ranks and divisibility are
checked all the same.
"""

import importlib
import math

from minijax.device import UNSPECIFIED as UNSPECIFIED
from minijax.device import Sharding, checked_memory_kind
from minijax.device import UnspecifiedValue as UnspecifiedValue
from minijax.mesh import AbstractMesh, AxisType, Mesh, get_mesh
from minijax.partition_spec import PartitionSpec


class DuplicateSpecError(Exception):
    """A partition spec names a mesh axis more than once."""

    def __init__(self, message, mesh, pspec):
        super().__init__(message)
        self.message, self.mesh, self.pspec = message, mesh, pspec

    def __str__(self):
        return self.message


def _check_axes(mesh, spec):
    """ValueError for an axis the mesh has not, DuplicateSpecError for one named twice."""
    names = [*spec.names(), *spec.unreduced, *spec.reduced]
    _check_sums(mesh, spec, "Unreduced", spec.unreduced)
    _check_sums(mesh, spec, "Reduced", spec.reduced)
    for name in names:
        if name not in mesh.axis_names:
            raise ValueError(
                f"Resource axis: {name} of {spec} is not found in mesh: "
                f"{mesh.axis_names}."
            )
    check_no_duplicates("NamedSharding spec", mesh, spec)


def check_no_duplicates(what, mesh, spec):
    """DuplicateSpecError where a partition spec names a mesh axis more than once."""
    names = [*spec.names(), *spec.unreduced, *spec.reduced]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise DuplicateSpecError(
            f"A single {what} specification can map every mesh axis to at "
            f"most one positional dimension, but {spec} has duplicate entries for "
            + ", ".join(f"`{name}`" for name in sorted(twice)),
            mesh,
            spec,
        )


def _check_sums(mesh, spec, kind, names):
    """ValueError where axes with parts of sums are not explicit axes of the mesh."""
    missing = [name for name in names if name not in mesh.axis_names]
    if missing:
        raise ValueError(
            f"{kind} axes {', '.join(missing)} is not found in "
            f"mesh.axis_names={mesh.axis_names}. Got pspec={spec}"
        )
    if any(name not in mesh.explicit_axes for name in names):
        raise ValueError(
            f"{kind} axes can only refer to mesh axes that is of type `Explicit`. Got "
            f"{kind.lower()} axes: {frozenset(names)} and mesh: {mesh}"
        )


class IndivisibleError(ValueError):
    """An axis is not a multiple of the number of parts that it is split into."""


def _of_devices(name):
    """An attribute of shardings that an abstract mesh does not say: ValueError."""
    known: property = getattr(Sharding, name)

    def read(self):
        if not self._is_concrete:
            raise ValueError(
                f"{name} is not implemented for `jax.sharding.AbstractMesh`."
            )
        return known.__get__(self)

    return property(read)


def _as_compilers_write():
    return importlib.import_module("minijax.hlo_sharding")


class NamedSharding(Sharding):
    """An array laid out over a mesh as a partition spec says."""

    def __init__(self, mesh, spec, memory_kind=None, _logical_device_ids=None):
        if not isinstance(mesh, (Mesh, AbstractMesh)):
            raise TypeError(
                f"NamedSharding expects a Mesh or an AbstractMesh, got {mesh!r} of type "
                f"{type(mesh)}"
            )
        if not isinstance(spec, PartitionSpec):
            raise TypeError(
                "NamedSharding(): incompatible function arguments: spec is to be a "
                f"PartitionSpec, got {spec!r} of type {type(spec)}"
            )
        _check_axes(mesh, spec)
        self.mesh, self.spec = mesh, spec
        if isinstance(mesh, Mesh):
            memory_kind = checked_memory_kind(memory_kind)
        self._memory_kind = memory_kind

    @property
    def _is_concrete(self):
        return isinstance(self.mesh, Mesh)

    @property
    def num_devices(self):
        """The number of devices of the mesh."""
        return self.mesh.size

    device_set = _of_devices("device_set")
    addressable_devices = _of_devices("addressable_devices")
    is_fully_addressable = _of_devices("is_fully_addressable")
    has_addressable_devices = _of_devices("has_addressable_devices")
    _device_assignment = _of_devices("_device_assignment")

    @property
    def is_fully_replicated(self):
        """Whether nothing is split: all named axes have size 1."""
        sizes = self.mesh.shape
        return all(sizes[name] == 1 for name in self.spec.names())

    @property
    def replicated_axes(self):
        """The axes of the mesh that the spec does not name."""
        named = {*self.spec.names(), *self.spec.unreduced}
        return frozenset(self.mesh.axis_names) - named

    def check_compatible_aval(self, aval_shape):
        """ValueError for arrays with fewer axes than the spec has parts."""
        if len(aval_shape) < len(self.spec):
            extra = (
                " For scalars the PartitionSpec should be P()" if not aval_shape else ""
            )
            raise ValueError(
                f"Sharding {self} is only valid for values of rank at least "
                f"{len(self.spec)}, but was applied to a value of rank "
                f"{len(aval_shape)}.{extra}"
            )

    def _tiling(self, ndim):
        """For each of `ndim` axes the number of parts."""
        sizes = self.mesh.shape
        parts = [p if isinstance(p, tuple) else (p,) for p in self.spec.partitions]
        counts = [math.prod(sizes.get(name, 1) for name in part) for part in parts]
        return (counts + [1] * ndim)[:ndim]

    def shard_shape(self, global_shape):
        """The shape of each part.  ValueError where an axis cannot be split evenly."""
        tiling = self._tiling(len(global_shape))
        for axis, (size, count) in enumerate(zip(global_shape, tiling, strict=True)):
            if size % count:
                raise IndivisibleError(
                    f"Sharding {self} implies that array axis {axis} is partitioned "
                    f"{count} times, but the dimension size is {size} (full shape: "
                    f"{tuple(global_shape)}, per-dimension tiling factors: {tiling} "
                    "should evenly divide the shape)"
                )
        return tuple([n // c for n, c in zip(global_shape, tiling, strict=True)])

    def _to_xla_hlo_sharding(self, num_dimensions):
        return _as_compilers_write().named_sharding_to_xla_hlo_sharding(
            self, num_dimensions
        )

    def _to_sdy_sharding(self, num_dimensions, modify_wrt_axis_types=False):
        return _as_compilers_write().sdy_sharding_of_named(
            self, num_dimensions, modify_wrt_axis_types
        )

    def __repr__(self):
        kind = "" if self.memory_kind is None else f", memory_kind={self.memory_kind}"
        return f"NamedSharding(mesh={self.mesh}, spec={self.spec}{kind})"

    def __hash__(self):
        return hash((self.mesh, self.spec, self.memory_kind))

    def __eq__(self, other):
        return (
            isinstance(other, NamedSharding)
            and self.mesh == other.mesh
            and self.spec == other.spec
            and self.memory_kind == other.memory_kind
        )

    def __reduce__(self):
        return NamedSharding, (self.mesh, self.spec, self.memory_kind)

    def with_memory_kind(self, kind):
        """The same layout in another kind of memory."""
        return NamedSharding(self.mesh, self.spec, kind)

    def whole(self):
        """Each device of the mesh has all of it."""
        return NamedSharding(self.mesh, PartitionSpec(), self.memory_kind)

    def update(self, *, mesh=None, spec=None, memory_kind=None):
        """A copy with another mesh, spec or kind of memory."""
        return NamedSharding(
            self.mesh if mesh is None else mesh,
            self.spec if spec is None else spec,
            self.memory_kind if memory_kind is None else memory_kind,
        )


def sharding_of(aval):
    """The sharding that avals tell of: nothing is split, over a mesh without axes."""
    return NamedSharding(AbstractMesh((), ()), PartitionSpec(*[None] * aval.ndim))


def explicit_sharding(sharding, operation):
    """The NamedSharding that an `out_sharding` of `operation` stands for: a PartitionSpec
    is one of the mesh that `set_mesh` set.  TypeError for what is no sharding,
    ValueError without a mesh and for axes that are not explicit.
    """
    if isinstance(sharding, PartitionSpec):
        mesh = get_mesh()
        if mesh.empty:
            raise ValueError(
                "Using PartitionSpec when you are not under a mesh context is not "
                "allowed. Please pass a NamedSharding instance or enter into a mesh "
                f"context via `jax.set_mesh`. Got {sharding}"
            )
        sharding = NamedSharding(mesh, sharding)
    if not isinstance(sharding, NamedSharding):
        raise TypeError(
            f"`out_sharding` argument of {operation} only supports instances of "
            f"`NamedSharding` or `PartitionSpec`. Got {sharding} of type: "
            f"{type(sharding)}"
        )
    types = dict(zip(sharding.mesh.axis_names, sharding.mesh.axis_types, strict=True))
    for name in sharding.spec.names():
        if types[name] is not AxisType.Explicit:
            raise ValueError(
                f"PartitionSpec passed to {operation} cannot contain axis names that are "
                f"of type Auto or Manual. Got PartitionSpec: {sharding.spec} with axis "
                f"name: {name} of type: {types[name]}."
            )
    return sharding


def is_format(place):
    """Whether something is a sharding together with a layout."""
    return hasattr(place, "layout") and hasattr(place, "sharding")


def without_layout(place):
    """The sharding of a format, all arrays being in row-major order; others unchanged."""
    return place.sharding if is_format(place) else place

"""Shardings as XLA and Shardy write them: tiles of devices, or axes for each dimension."""

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np

from minijax.device import Sharding, checked_memory_kind
from minijax.partition_spec import PartitionSpec

# --- tiles of devices -----------------------------------------------------------------


class HloSharding:
    """How many tiles each dimension has, and which device has which tile.

    A last tile dimension beyond the array's holds devices with equal tiles.
    """

    def __init__(self, tiles=(), devices=(), replicate_on_last=False):
        self._tiles, self._devices = tuple(tiles), tuple(devices)
        self._replicate_on_last = replicate_on_last

    @staticmethod
    def replicate():
        """The sharding in which each device has the whole array."""
        return HloSharding()

    def is_replicated(self):
        """Whether each device has the whole array."""
        return not self._tiles

    def is_tiled(self):
        """Whether some dimension is divided."""
        return bool(self._tiles)

    def is_unreduced(self):
        """Whether the devices hold parts of a sum: never."""
        return False

    def tile_assignment_dimensions(self):
        """The number of tiles of each dimension; [0] where nothing is divided."""
        return list(self._tiles) or [0]

    def tile_assignment_devices(self):
        """The numbers of the devices, tile by tile."""
        return list(self._devices)

    def replicate_on_last_tile_dim(self):
        """Whether the last tile dimension is no dimension of the array."""
        return self._replicate_on_last

    def _key(self):
        return self._tiles, self._devices, self._replicate_on_last

    def __eq__(self, other):
        return isinstance(other, HloSharding) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        if self.is_replicated():
            return "{replicated}"
        tiles, devices = (",".join(map(str, x)) for x in (self._tiles, self._devices))
        last = " last_tile_dim_replicate" if self._replicate_on_last else ""
        return f"{{devices=[{tiles}]{devices}{last}}}"


def hlo_sharding_of(sizes, parts):
    """The tiles of an array whose dimensions are divided by axes of a mesh.

    sizes: axis name -> size, in order; parts: for each dimension a tuple of axis names.
    """
    counts = [math.prod(sizes[name] for name in part) for part in parts]
    if all(n == 1 for n in counts):
        return HloSharding.replicate()
    named = [name for part in parts for name in part]
    rest = [name for name in sizes if name not in named]
    number = np.arange(math.prod(sizes.values())).reshape(tuple(sizes.values()))
    order = [list(sizes).index(name) for name in (*named, *rest)]
    devices = number.transpose(order).reshape(-1).tolist()
    copies = math.prod(sizes[name] for name in rest)
    tiles = counts if copies == 1 else [*counts, copies]
    return HloSharding(tiles, devices, copies > 1)


@functools.lru_cache(maxsize=4096)
def named_sharding_to_xla_hlo_sharding(sharding, rank):
    """The tiles that a NamedSharding makes of an array of this rank."""
    parts = [p if isinstance(p, tuple) else (p,) for p in sharding.spec.partitions]
    sizes = dict(sharding.mesh.shape)
    named = [tuple([n for n in part if n in sizes]) for part in parts]
    return hlo_sharding_of(sizes, (named + [()] * rank)[:rank])


def array_mapping_to_axis_resources(mapping):
    """The spec in which each axis of a mesh divides the dimension that it is mapped to."""
    parts = [()] * (max(mapping.values(), default=-1) + 1)
    for name, dim in mapping.items():
        parts[dim] += (name,)
    return PartitionSpec(*parts)


def are_hlo_shardings_equal(a, b):
    """Whether the tiles and their devices are the same."""
    return a == b


def is_hlo_sharding_replicated(sharding):
    """Whether each device has the whole array."""
    return sharding.is_replicated()


def parse_flatten_op_sharding(hlo_sharding, mesh):
    """The one spec (in a list) that has these tiles on a mesh; ValueError if there is none."""
    if hlo_sharding.is_replicated():
        return [PartitionSpec()]
    sizes = dict(mesh.shape)
    rank = len(hlo_sharding._tiles) - hlo_sharding._replicate_on_last
    for count in range(1, len(sizes) + 1):
        for names in itertools.permutations(sizes, count):
            for where in itertools.combinations_with_replacement(range(rank), count):
                parts = [
                    tuple([n for n, d in zip(names, where, strict=True) if d == k])
                    for k in range(rank)
                ]
                if hlo_sharding_of(sizes, parts) == hlo_sharding:
                    return [PartitionSpec(*parts)]
    raise ValueError(f"{hlo_sharding} is not one of {mesh}")


class GSPMDSharding(Sharding):
    """A sharding given by its tiles. On the one device there is, they are whole arrays."""

    def __init__(self, devices, op_sharding, *, memory_kind=None, _device_list=None):
        self._devices, self._hlo_sharding = tuple(devices), op_sharding
        self._memory_kind = checked_memory_kind(memory_kind)

    @classmethod
    def get_replicated(cls, device_assignment, *, memory_kind=None):
        """The sharding in which each device has the whole array."""
        return cls(device_assignment, HloSharding.replicate(), memory_kind=memory_kind)

    def _to_xla_hlo_sharding(self, num_dimensions):
        return self._hlo_sharding

    def with_memory_kind(self, kind):
        """The same layout in another kind of memory."""
        return GSPMDSharding(self._devices, self._hlo_sharding, memory_kind=kind)

    def _key(self):
        return self._devices, self._hlo_sharding, self._memory_kind

    def __eq__(self, other):
        return isinstance(other, GSPMDSharding) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        kind = "" if self._memory_kind is None else f", memory_kind={self._memory_kind}"
        return f"GSPMDSharding({self._hlo_sharding}{kind})"

    def __reduce__(self):
        return GSPMDSharding.get_replicated, (self._devices,)


# --- axes for each dimension ----------------------------------------------------------


class SdyDim(NamedTuple):
    """The axes that divide a dimension; is_open: whether more may."""

    axes: tuple
    is_open: bool

    def __repr__(self):
        return f"SdyDim({self._text()})"

    def _text(self):
        names = [f"'{name}'" for name in self.axes] + ["?"] * self.is_open
        return f"{{{', '.join(names)}}}"


class SdyArray(NamedTuple):
    """The axes that divide each dimension of an array, and those that do not."""

    mesh_shape: tuple | None
    dim_shardings: tuple
    logical_device_ids: tuple | None = None
    replicated_axes: frozenset = frozenset()
    unreduced_axes: frozenset = frozenset()

    def __repr__(self):
        dims = ", ".join(dim._text() for dim in self.dim_shardings)
        ids = self.logical_device_ids
        text = "" if ids is None else f", device_ids={ids}"
        if self.replicated_axes:
            text += f", replicated_axes={self.replicated_axes}"
        return f"SdyArray([{dims}]{text})"


def sdy_sharding_of_named(sharding, rank, modify_wrt_axis_types=False):
    """What a NamedSharding says of an array of this rank.

    modify_wrt_axis_types: whether automatic axes may divide any dimension, and unused
    explicit ones none.
    """
    dims = [SdyDim((), False)] * rank
    for k, part in enumerate(sharding.spec.partitions):
        if part is PartitionSpec.UNCONSTRAINED:
            dims[k] = SdyDim((), True)
        elif part is not None:
            dims[k] = SdyDim(part if isinstance(part, tuple) else (part,), False)
    mesh, replicated = sharding.mesh, frozenset()
    if modify_wrt_axis_types and mesh._any_axis_auto:
        dims = [SdyDim(dim.axes, True) for dim in dims]
        replicated = frozenset(sharding.replicated_axes) & frozenset(mesh.explicit_axes)
    return SdyArray(
        mesh.shape_tuple, tuple(dims), replicated_axes=replicated,
        unreduced_axes=frozenset(sharding.spec.unreduced),
    )  # fmt: skip

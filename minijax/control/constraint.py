"""Sharding constraints: checked, and on one device always met."""

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import flatten_axes
from minijax.device import Device, Sharding
from minijax.mesh import NamedSharding, PartitionSpec, current_mesh


def with_sharding_constraint(x, shardings):
    """`x`, checked to fit the shardings (a pytree prefix of it); nothing moves."""
    leaves, tree = flatten(x)
    specs, spec_tree = flatten(shardings, lambda s: s is None or _is_sharding(s))
    for spec in specs:
        if not (spec is None or _is_sharding(spec)):
            raise TypeError(f"with_sharding_constraint got an unexpected {spec!r}")
        if isinstance(spec, PartitionSpec) and current_mesh() is None:
            raise RuntimeError(
                "with_sharding_constraint requires a non-empty mesh in context if you are "
                "passing `PartitionSpec`s to shardings. Got an empty mesh context."
            )
    numbered = unflatten(spec_tree, range(len(specs)))
    places = flatten_axes("with_sharding_constraint shardings", tree, numbered)
    for leaf, place in zip(leaves, places, strict=True):
        _check_rank(leaf, specs[place])
    return x


def _is_sharding(x):
    return isinstance(x, (PartitionSpec, Sharding, Device))


def _check_rank(x, sharding):
    spec = sharding.spec if isinstance(sharding, NamedSharding) else sharding
    rank = core.get_aval(x).ndim
    if isinstance(spec, PartitionSpec) and len(spec) > rank:
        raise ValueError(
            f"One of with_sharding_constraint arguments was given the sharding {sharding}, "
            f"which implies that the array has a rank of at least {len(spec)}, but its "
            f"rank is {rank}"
        )


def reshard(x, out_shardings):
    """`x` in another layout; on one device it is the same."""
    return x

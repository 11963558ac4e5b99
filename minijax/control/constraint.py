"""Sharding constraints: checked, recorded, and on one device always met."""

import numpy as np

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import flatten_axes
from minijax.array import ArrayImpl, from_numpy
from minijax.device import Sharding
from minijax.mesh import Mesh, current_mesh, get_abstract_mesh, get_mesh
from minijax.named_sharding import (
    NamedSharding,
    explicit_sharding,
    is_format,
    without_layout,
)
from minijax.ops.define import define, linear_jvp
from minijax.partition_spec import UNCONSTRAINED, PartitionSpec


def with_sharding_constraint(x, shardings):
    """`x`, checked to fit the shardings (a pytree prefix of it); nothing moves."""
    leaves, tree = flatten(x)
    given, spec_tree = flatten(
        shardings, lambda s: s is None or is_format(s) or _is_sharding(s)
    )
    layouts = [getattr(place, "layout", None) for place in given]
    specs = list(map(without_layout, given))
    for spec in specs:
        if spec is None:
            raise ValueError(
                "One of with_sharding_constraint arguments got sharding None which is not "
                "allowed. Please only pass `jax.sharding.Sharding` instances."
            )
        if not _is_sharding(spec):
            raise TypeError(
                "shardings leaf specifications are expected to be PartitionSpec instances "
                f"or None, but got {spec}"
            )
        if isinstance(spec, PartitionSpec) and current_mesh() is None:
            raise RuntimeError(
                "with_sharding_constraint requires a non-empty mesh in context if you are "
                "passing `PartitionSpec`s to shardings. You can define a context mesh via "
                "`jax.set_mesh(mesh)`. Alternatively, provide `Sharding`s to shardings "
                "and then the mesh context manager is not required."
            )
    numbered = unflatten(spec_tree, range(len(specs)))
    places = flatten_axes("with_sharding_constraint shardings", tree, numbered)
    pairs = zip(leaves, places, strict=True)
    return unflatten(tree, [_constrained(x, specs[k], layouts[k]) for x, k in pairs])


def _is_sharding(x):
    return isinstance(x, (PartitionSpec, Sharding))


def _constrained(x, sharding, layout):
    traced = isinstance(x, core.Tracer)
    if isinstance(sharding, PartitionSpec):
        mesh = current_mesh()
        abstract = get_abstract_mesh()
        sharding = NamedSharding(
            mesh if abstract.empty or not traced else abstract, sharding
        )
    _check_constraint(x, sharding)
    if traced:
        return _recorded(x, sharding, layout)
    if type(x) is not ArrayImpl:
        x = from_numpy(np.asarray(x), core.get_aval(x).weak_type)
    if isinstance(sharding, NamedSharding) and not isinstance(sharding.mesh, Mesh):
        sharding = NamedSharding(_mesh_of(x), sharding.spec)
    return x._alias(x.aval, sharding)


def _recorded(x, sharding, layout):
    """The constraint as an equation."""
    free = ()
    if isinstance(sharding, NamedSharding):
        free = [k for k, part in enumerate(sharding.spec) if part is UNCONSTRAINED]
    mesh = get_abstract_mesh()
    return sharding_constraint_p.bind(
        x,
        sharding=sharding,
        layout=layout,
        context_mesh=get_mesh() if mesh.empty else mesh,
        unconstrained_dims=frozenset(free),
    )


def _constraint_batch(axis, args, dims, *, sharding, unconstrained_dims, **params):
    """The mapped axis may lie anywhere; the axes of a mesh of one device are no matter."""
    (x,), (d,) = args, dims
    free = {k + (k >= d) for k in unconstrained_dims}
    if axis.spmd_name is None:
        free.add(d)
    if isinstance(sharding, NamedSharding):
        parts = [UNCONSTRAINED if k in free else None for k in range(x.ndim)]
        parts[d] = parts[d] or axis.spmd_name
        sharding = sharding.update(spec=PartitionSpec(*parts))
    out = sharding_constraint_p.bind(
        x, sharding=sharding, unconstrained_dims=frozenset(free), **params
    )
    return out, d


sharding_constraint_p = define(
    "sharding_constraint",
    shape=lambda x, **_: x,
    reference=lambda x, **_: x,
    jvp=linear_jvp(lambda: sharding_constraint_p),
    transpose=lambda ct, x, **params: [sharding_constraint_p.bind(ct, **params)],
    batch=_constraint_batch,
    lower=lambda b, ins, out_avals, **_: ins,
    narrow=core.AS_STORED,
)


def _mesh_of(x):
    """The mesh whose devices hold `x`: its own, or the one that `set_mesh` set.
    TypeError where there is none.
    """
    if isinstance(x.sharding, NamedSharding):
        return x.sharding.mesh
    mesh = get_mesh()
    if mesh.empty:
        raise TypeError(
            "The sharding on the input must be a `NamedSharding` since the target sharding "
            f"has an `AbstractMesh` in it. Got sharding type {type(x.sharding)} for shape "
            f"{x.aval.str_short(False).lstrip('~')}"
        )
    return mesh


def _check_constraint(x, sharding):
    """ValueError where the array has too few axes, or axes of the mesh are not
    automatic.
    """
    try:
        sharding.check_compatible_aval(core.get_aval(x).shape)
    except ValueError as error:
        raise ValueError(
            "One of with_sharding_constraint arguments is incompatible with its sharding "
            f"annotation {sharding}: {error}"
        ) from None
    if not isinstance(sharding, NamedSharding):
        return
    mesh = sharding.mesh
    if any(name not in mesh.auto_axes for name in sharding.spec.names()):
        raise ValueError(
            "The spec of NamedSharding passed to with_sharding_constraint can only refer "
            f"to Auto axes of the mesh. Got spec={sharding.spec} and "
            f"mesh={mesh.abstract_mesh}. You probably meant to use `reshard` API?"
        )


def reshard(xs, out_shardings):
    """The pytree `xs` laid out over a mesh with explicit axes as `out_shardings` say (a
    pytree prefix of it): NamedShardings, or PartitionSpecs under `set_mesh`.
    """
    leaves, tree = flatten(xs)
    specs, spec_tree = flatten(out_shardings, lambda s: s is None or _is_sharding(s))
    numbered = unflatten(spec_tree, range(len(specs)))
    places = flatten_axes("reshard out_shardings", tree, numbered)
    return unflatten(
        tree,
        [_reshard(x, specs[k]) for x, k in zip(leaves, places, strict=True)],
    )


def _reshard(x, sharding):
    sharding = explicit_sharding(sharding, "reshard")
    aval = core.get_aval(x)
    sharding.check_compatible_aval(aval.shape)
    if isinstance(x, core.Tracer):
        return x
    out = x if isinstance(x, ArrayImpl) else from_numpy(np.asarray(x), aval.weak_type)
    spec = sharding.spec._normalized_spec_for_aval(aval.ndim)
    return out._alias(out.aval, sharding.update(spec=spec))

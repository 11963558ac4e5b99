"""shard_map, pmap and sharding constraints: programs for many devices, run on the one
there is.

The mesh's axes have size 1: the function sees each argument whole, and collectives
along them are the identity.
"""

import functools

from minijax import core, device
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import flatten_axes
from minijax.api.vectorize import vmap
from minijax.control.call import jit
from minijax.mesh import NamedSharding, PartitionSpec, current_mesh
from minijax.traceback_util import api_boundary
from minijax.tree_util import tree_map


class Infer:
    """Stands for specs that are read off the arguments."""


def shard_map(
    f=None,
    /,
    *,
    out_specs,
    in_specs=Infer,
    mesh=None,
    axis_names=frozenset(),
    check_vma=True,
):
    """`f` on the shards of its arguments: `in_specs` and `out_specs` say how they are
    cut.

    ValueError where specs do not fit the mesh or the arguments' ranks, or there is no
    mesh.
    """
    if f is None:
        return functools.partial(
            shard_map,
            out_specs=out_specs,
            in_specs=in_specs,
            mesh=mesh,
            axis_names=axis_names,
            check_vma=check_vma,
        )
    if not callable(f):
        raise TypeError(
            f"shard_map requires a callable for its first argument, got {f}"
        )

    @functools.wraps(f, updated=())
    @api_boundary
    def wrapped(*args):
        used = mesh if mesh is not None else current_mesh()
        if used is None:
            raise ValueError(
                "The context mesh cannot be empty. Use `jax.set_mesh(mesh)` to enter into "
                "a mesh context, or pass `mesh` to shard_map"
            )
        flat, in_tree = flatten(args)
        if in_specs is not Infer:
            specs = _flat_specs("shard_map in_specs", in_tree, in_specs)
            for x, spec in zip(flat, specs, strict=True):
                _check_spec(used, spec, core.get_aval(x), "in_specs")
        names = axis_names or used.axis_names
        sizes = {name: used.shape[name] for name in names}
        with core.extend_axis_env(sizes):
            out = f(*args)
        leaves, out_tree = flatten(out)
        specs = _flat_specs("shard_map out_specs", out_tree, out_specs)
        for x, spec in zip(leaves, specs, strict=True):
            _check_spec(used, spec, core.get_aval(x), "out_specs")
        return out

    return wrapped


def _is_spec(x):
    return x is None or isinstance(x, PartitionSpec)


def _flat_specs(what, tree, specs):
    """The spec of each leaf; a spec stands for the whole subtree under it."""
    leaves, spec_tree = flatten(specs, _is_spec)
    numbered = unflatten(spec_tree, range(len(leaves)))
    return [leaves[k] for k in flatten_axes(what, tree, numbered)]


def _check_spec(mesh, spec, aval, what):
    if spec is None:
        return
    if len(spec) > aval.ndim:
        raise ValueError(
            f"shard_map applied with {what} {spec}, which has {len(spec)} entries, to a "
            f"value of rank {aval.ndim}"
        )
    NamedSharding(mesh, spec)


def smap(f=None, /, *, in_axes=Infer, out_axes, axis_name):
    """`shard_map` over one mesh axis, with axes in place of specs."""
    if f is None:
        return functools.partial(
            smap, in_axes=in_axes, out_axes=out_axes, axis_name=axis_name
        )

    def spec(axis):
        return (
            PartitionSpec()
            if axis is None
            else PartitionSpec(*[None] * axis, axis_name)
        )

    in_specs = in_axes
    if in_axes is not Infer:
        in_specs = tree_map(spec, in_axes, is_leaf=lambda a: a is None)
    out_specs = tree_map(spec, out_axes, is_leaf=lambda a: a is None)
    return shard_map(f, in_specs=in_specs, out_specs=out_specs)


def pmap(
    fun,
    axis_name=None,
    *,
    in_axes=0,
    out_axes=0,
    static_broadcasted_argnums=(),
    devices=None,
    backend=None,
    axis_size=None,
    donate_argnums=(),
):
    """`fun` mapped over devices: the mapped axes must have size 1, one slice a device.

    ValueError for more slices than devices.
    """
    statics = static_broadcasted_argnums
    statics = (statics,) if isinstance(statics, int) else tuple(statics)
    name = axis_name if axis_name is not None else object()
    if not all(type(axis) is int for axis in flatten(in_axes)[0]):
        raise TypeError(
            "pmap in_axes must be an int, None, or (nested) container with those types "
            f"as leaves, but got {in_axes}."
        )

    @functools.wraps(fun, updated=())
    @api_boundary
    def mapped(*args, **kwargs):
        if statics and max(statics) >= len(args):
            raise ValueError(
                f"pmapped function has static_broadcasted_argnums={statics} but was "
                f"called with only {len(args)} positional argument"
                f"{'s' * (len(args) > 1)}. All static broadcasted arguments must be "
                "passed positionally."
            )
        dynamic = [x for k, x in enumerate(args) if k not in statics]
        if not flatten((dynamic, kwargs))[0]:
            raise ValueError("pmap requires at least one argument with a mapped axis.")

        def call(*dynamic, **kwargs):
            feed = iter(dynamic)
            every = [args[k] if k in statics else next(feed) for k in range(len(args))]
            return fun(*every, **kwargs)

        axes = in_axes
        if isinstance(in_axes, (tuple, list)):
            axes = tuple(a for k, a in enumerate(in_axes) if k not in statics)
        _check_one_slice(dynamic, kwargs, axes)
        return vmap(call, axes, out_axes, name, axis_size)(*dynamic, **kwargs)

    return jit(mapped, static_argnums=statics, donate_argnums=donate_argnums)


def _check_one_slice(args, kwargs, axes):
    flat, tree = flatten((tuple(args), kwargs))
    for x, axis in zip(
        flat, flatten_axes("pmap in_axes", tree, (axes, 0)), strict=True
    ):
        shape = core.get_aval(x).shape
        if axis is not None and shape and shape[axis] != 1:
            raise ValueError(
                f"compiling computation that requires {shape[axis]} logical devices, but "
                f"only {device.device_count()} are available: pmap's mapped axis must have "
                f"size {device.device_count()}, got shape {shape}"
            )


def _with_axes(f=None, /, *, axes=None, **_):
    if f is None:
        return functools.partial(_with_axes, axes=axes)
    return f


auto_axes = explicit_axes = _with_axes

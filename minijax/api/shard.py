"""shard_map, pmap and sharding constraints: programs for many devices, run on the one
there is.

The mesh's axes have size 1: the function sees each argument whole, and collectives
along them are the identity.
"""

import functools

import numpy as np

from minijax import core, device, lax
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import flatten_axes, is_none, prefix_errors
from minijax.api.inspection import trace_tree
from minijax.array import ArrayImpl
from minijax.control.body import as_array
from minijax.control.call import jit
from minijax.control.shard_map import call_on_shards, manual_axes
from minijax.control.shard_map import shard_map_p as shard_map_p
from minijax.control.signature import check_callable, leaf_names
from minijax.control.varying import varying_axes
from minijax.mesh import AbstractMesh, Mesh, current_mesh, mapped_mesh, mapped_over
from minijax.named_sharding import NamedSharding
from minijax.partition_spec import PartitionSpec
from minijax.traceback_util import api_boundary, wraps
from minijax.tree_util import keystr, tree_flatten_with_path, tree_map


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
            f"shard_map requires a callable for its first argument, but got {f} of type "
            f"{type(f)}."
        )

    @wraps(f)
    @api_boundary
    def wrapped(*args):
        used = mesh if mesh is not None else mapped_mesh() or current_mesh()
        if used is None:
            raise ValueError(
                "The context mesh cannot be empty. Use `jax.set_mesh(mesh)` to enter into "
                "a mesh context, or pass `mesh` to shard_map"
            )
        _check_map(used, axis_names, in_specs=in_specs, out_specs=out_specs)
        fun, args, ins = _without_static(f, args, in_specs)
        flat = flatten(args)[0]
        placed_on = used
        if isinstance(mesh, AbstractMesh):
            placed_on = _mesh_of(flat, mesh)
        call = _Call(f, placed_on, frozenset(axis_names or used.axis_names))
        ins = (
            [None] * len(flat)
            if in_specs is Infer
            else call.checked(args, ins, "in_specs")
        )
        params = {
            "mesh": used,
            "newly_manual_axes": call.names,
            "check_vma": bool(check_vma),
        }
        with manual_axes(**params), mapped_over(used):
            closed, _, out_tree = trace_tree(fun, args, {}, "shard_map")
        out = unflatten(out_tree, closed.out_avals)
        outs = call.checked(out, out_specs, "out_specs")
        if check_vma and in_specs is not Infer:
            call.check_replication(closed, ins, outs, out)
        leaves = call_on_shards(closed, flat, _given(ins), _given(outs), **params)
        return unflatten(
            out_tree,
            [call.placed(x, spec) for x, spec in zip(leaves, outs, strict=True)],
        )

    return wrapped


def _check_map(mesh, axis_names, **specs):
    """TypeError for what is no mesh or no specs, ValueError for names it lacks."""
    if not isinstance(mesh, (Mesh, AbstractMesh)):
        raise TypeError(
            "shard_map requires a `jax.sharding.Mesh` or a `jax.sharding.AbstractMesh` "
            f"instance for its second argument, but got {mesh} of type {type(mesh)}."
        )
    names, known = frozenset(axis_names), frozenset(mesh.axis_names)
    if not names <= known:
        raise ValueError(
            f"jax.shard_map requires axis_names={names} to be a subset of "
            f"mesh.axis_names={known}"
        )
    for name, tree in specs.items():
        rows = () if tree is Infer else tree_flatten_with_path(tree, _is_spec)[0]
        wrong = [
            f"  {name}{keystr(path)} is {spec} of type {type(spec).__name__}, "
            for path, spec in rows
            if not _is_spec(spec)
        ]
        if wrong:
            raise TypeError(
                f"shard_map {name} argument must be a pytree of "
                "`jax.sharding.PartitionSpec` instances, but:\n\n"
                + "\n".join(wrong)
                + f"\n\nCheck the {name} values passed to shard_map."
            )


def _without_static(fun, args, specs):
    """(function of those arguments that have specs, these arguments, their specs)."""
    if not isinstance(specs, (tuple, list)) or isinstance(specs, PartitionSpec):
        return fun, args, specs
    if len(specs) != len(args) or None not in specs:
        return fun, args, specs
    given = [k for k, spec in enumerate(specs) if spec is not None]

    @wraps(fun)
    def with_static(*dynamic):
        every = list(args)
        for k, x in zip(given, dynamic, strict=True):
            every[k] = x
        return fun(*every)

    dynamic = tuple([args[k] for k in given])
    return with_static, dynamic, tuple([specs[k] for k in given])


def _mesh_of(values, mesh):
    """The mesh that arrays are cut over, of the shape of an abstract one; while there are
    tracers among them the abstract one.

    ValueError where no array has one, or one of another shape.
    """
    if any(isinstance(x, core.Tracer) for x in values):
        return mesh
    found = None
    for x in values:
        if type(x) is not ArrayImpl or not isinstance(x.sharding, NamedSharding):
            continue
        found = x.sharding.mesh
        if found.shape_tuple != mesh.shape_tuple:
            raise ValueError(
                f"Mesh shape of the input {found.shape_tuple} does not match the mesh "
                f"shape passed to shard_map  {mesh.shape_tuple} for shape "
                f"{x.aval.str_short()}"
            )
    if found is None:
        raise ValueError(
            "Please pass `jax.Array`s with a `NamedSharding` as input to `shard_map` when "
            "passing `AbstractMesh` to the mesh argument."
        )
    return found


class _Call:
    """One call of a function over shards: the mesh, and the axes that it is mapped over.

    Its checks raise ValueError.
    """

    def __init__(self, fun, mesh, names):
        self.fun, self.mesh, self.names = fun, mesh, names
        self.name = getattr(fun, "__name__", str(fun))

    def checked(self, values, specs, what):
        """The spec of each leaf of `values`, which fits its rank and the mesh."""
        leaves, tree = flatten(values)
        found = _flat_specs(f"shard_map {what}", tree, specs)
        for k, (x, spec) in enumerate(zip(leaves, found, strict=True)):
            if spec is not None:
                rank = getattr(x, "ndim", None)
                rank = core.get_aval(x).ndim if rank is None else rank
                self._check_axes(spec, what)
                if len(spec) > rank:
                    value = self._said(values, k, what)
                    aval = x if isinstance(x, core.ShapedArray) else core.get_aval(x)
                    shape = aval.str_short()
                    raise self._too_long(spec, rank, what, f"{value} has shape {shape}")
        return found

    def _check_axes(self, spec, what):
        for name in spec.names():
            if name not in self.names:
                raise ValueError(
                    f"shard_map {what} argument must refer to an axis marked as manual "
                    f"({self.names}), but:\n\n  {what} refers to {name!r}\n\nCheck the "
                    f"{what} values passed to shard_map."
                )

    def _said(self, values, k, what):
        """How an error names a leaf of the arguments or results."""
        path = _path(values, k)
        if what == "out_specs":
            return f"{self.name}(*args){path}"
        place = tree_flatten_with_path(values)[0][k][0][0].idx
        names = leaf_names(self.fun, flatten(((0,) * len(values), {}))[1])()
        return (
            f"the passed args{path}, where args[{place}] is bound to {self.name}'s "
            f"parameter '{names[place]}',"
        )

    def _too_long(self, spec, rank, what, value):
        kind = {"in_specs": "input", "out_specs": "output"}[what]
        return ValueError(
            f"shard_map applied to the function '{self.name}' was given an {what} entry "
            f"which is too long to be compatible with the corresponding {kind} value "
            f"from the function:\n\n{what} is {spec} which has length {len(spec)}, but "
            f"{value}, which has rank {rank} (and {rank} < {len(spec)})\n\nEntries in "
            f"{what} must be of length no greater than the number of axes in the "
            f"corresponding {kind} value.\n\nEither revise the spec to be shorter, or "
            f"modify '{self.name}' so that its {kind}s have sufficient rank."
        )

    def check_replication(self, closed, ins, outs, out):
        """A result is the same along every axis that its spec does not name."""
        axes = [self._axes(spec) for spec in ins]
        found = varying_axes(closed.jaxpr, axes)
        for k, (varies, spec) in enumerate(zip(found, outs, strict=True)):
            wrong = (varies & self.names) - self._axes(spec)
            if not wrong:
                continue
            raise ValueError(
                f"shard_map applied to the function '{self.name}' was given out_specs "
                "which require replication which can't be statically inferred given the "
                f"mesh:\n\nThe mesh given has shape {tuple(self.mesh.axis_sizes)} with "
                f"corresponding axis names {self.mesh.axis_names}.\n\nout_specs"
                f"{_path(out, k)} is {spec} {self._implied(spec, varies, wrong)}\n\n"
                "Check if these output values are meant to be replicated over those mesh "
                "axes. If not, consider revising the corresponding out_specs entries. If "
                "so, consider disabling the check by passing the check_vma=False "
                "argument to `jax.shard_map`."
            )

    def _implied(self, spec, varies, wrong):
        order = [name for name in self.mesh.axis_names if name in wrong]
        if varies >= self.names:
            axes = ", ".join(f"'{name}'" for name in order)
            axis = "axes" if len(order) > 1 else "axis"
            return (
                "which implies that the corresponding output value is replicated across "
                f"mesh {axis} {axes}, but could not infer replication over any axes"
            )
        named = ",".join(sorted(map(str, self._axes(spec))))
        return (
            "which implies that the corresponding output value is only varying across "
            f"mesh axes {{{named}}} and not {{{','.join(map(str, order))}}}, but it was "
            "inferred to be possibly varying over "
            f"{{{','.join(sorted(map(str, varies)))}}}"
        )

    @staticmethod
    def _axes(spec):
        return frozenset(() if spec is None else spec.names())

    def placed(self, x, spec):
        """A result that is computed, committed to its shards."""
        x = as_array(x)
        if type(x) is not ArrayImpl or not isinstance(self.mesh, Mesh):
            return x
        return x._alias(x.aval, NamedSharding(self.mesh, spec or PartitionSpec()))


def _given(specs):
    """Specs, where None is one that cuts nothing."""
    return [PartitionSpec() if spec is None else spec for spec in specs]


def _path(values, k):
    return keystr(tree_flatten_with_path(values)[0][k][0])


def _is_spec(x):
    return x is None or isinstance(x, PartitionSpec)


def _flat_specs(what, tree, specs):
    """The spec of each leaf; a spec stands for the whole subtree under it."""
    leaves, spec_tree = flatten(specs, _is_spec)
    numbered = unflatten(spec_tree, range(len(leaves)))
    return [leaves[k] for k in flatten_axes(what, tree, numbered)]


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
        in_specs = tree_map(spec, in_axes, is_leaf=is_none)
    out_specs = tree_map(spec, out_axes, is_leaf=is_none)
    return shard_map(f, in_specs=in_specs, out_specs=out_specs)


def _check_static_places(statics, n_args):
    if statics and max(statics) >= n_args:
        raise ValueError(
            f"pmapped function has static_broadcasted_argnums={statics} but was called "
            f"with only {n_args} positional argument{'s' * (n_args > 1)}. All static "
            "broadcasted arguments must be passed positionally."
        )


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
    check_callable(fun)
    if devices is not None and not devices:
        raise ValueError("'devices' argument to pmap must be non-empty, or None.")
    statics = static_broadcasted_argnums
    statics = (statics,) if isinstance(statics, int) else tuple(statics)
    name = "_internal_pmap_axis_name" if axis_name is None else axis_name
    if not all(type(axis) is int for axis in flatten(in_axes)[0]):
        raise TypeError(
            "pmap in_axes must be an int, None, or (nested) container with those types "
            f"as leaves, but got {in_axes}."
        )
    mesh = Mesh(np.array(device.devices(backend)), (name,))
    out_specs = tree_map(functools.partial(_spec, name), out_axes, is_leaf=is_none)

    @wraps(fun)
    @api_boundary
    def mapped(*args, **kwargs):
        hash(fun)  # TypeError for what cannot be told apart from others
        _check_static_places(statics, len(args))
        dynamic = tuple([x for k, x in enumerate(args) if k not in statics])
        axes = in_axes
        if isinstance(in_axes, (tuple, list)):
            axes = tuple(a for k, a in enumerate(in_axes) if k not in statics)
        flat, in_tree = flatten((dynamic, kwargs))
        axes = _flat_axes("pmap in_axes", in_tree, (axes, 0), axes, dynamic)
        _check_one_slice(flat, axes, axis_size)

        def call(*slices):
            pairs = zip(slices, axes, strict=True)
            leaves = [x if a is None else lax.squeeze(x, (a,)) for x, a in pairs]
            dynamic, kwargs = unflatten(in_tree, leaves)
            feed = iter(dynamic)
            every = [args[k] if k in statics else next(feed) for k in range(len(args))]
            result = fun(*every, **kwargs)
            outs, out_tree = flatten(result)
            for x in outs:
                if not core.valid_jaxtype(x):
                    raise core.no_value(x)
            out_dims = _flat_axes("pmap out_axes", out_tree, out_axes, out_axes, result)
            pairs = zip(outs, out_dims, strict=True)
            return unflatten(
                out_tree,
                [x if a is None else lax.expand_dims(x, (a,)) for x, a in pairs],
            )

        specs = tuple([_spec(name, axis) for axis in axes])
        options = {"mesh": mesh, "in_specs": specs, "out_specs": out_specs}
        return shard_map(call, **options, check_vma=False)(*flat)

    places = tree_map(functools.partial(NamedSharding, mesh), out_specs)
    jitted = jit(
        mapped,
        static_argnums=statics,
        donate_argnums=donate_argnums,
        out_shardings=places,
    )
    jitted.names_places = False  # equations name them in the `shard_map`
    leaves, tree = flatten((in_axes, out_axes), is_none)
    jitted.share_cache(fun, "pmap", name, axis_size, tree, *leaves)
    return jitted


def _flat_axes(what, tree, axes, prefix, full):
    """The axis of each leaf of a tree.  ValueError that names the first misfit of the
    prefix, as users wrote it, and what it is to be one of.
    """
    try:
        return flatten_axes(what, tree, axes)
    except ValueError:
        misfits = prefix_errors(prefix, full, is_none)
        if not misfits:
            raise
        raise misfits[0](what) from None


def _spec(name, axis):
    """The spec of arrays that are cut along one axis, or not at all."""
    return PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, name)


def _check_one_slice(flat, axes, axis_size):
    """ValueError unless the mapped axes, of which there must be some, have one slice for
    each device: one.
    """
    shapes = [core.get_aval(x).shape for x in flat]
    pairs = zip(shapes, axes, strict=True)
    sizes = [shape[axis] for shape, axis in pairs if axis is not None and shape]
    if not sizes:
        raise ValueError("pmap requires at least one argument with a mapped axis.")
    if axis_size is not None and axis_size != sizes[0]:
        raise ValueError(
            f"Specified axis_size {axis_size} doesn't match received axis_size "
            f"{sizes[0]}."
        )
    wrong = [size for size in sizes if size != 1]
    if wrong:
        raise ValueError(
            f"compiling computation that requires {wrong[0]} logical devices, but only "
            f"{device.device_count()} are available: pmap's mapped axes must have size "
            f"{device.device_count()}, got {sizes}"
        )


def auto_axes(f=None, /, *, axes=None, out_sharding=None):
    """`f` itself, or a decorator: axes of a mesh of one device need no types."""
    return (lambda g: g) if f is None else f


def explicit_axes(f=None, /, *, axes=None, in_sharding=None):
    """As `auto_axes`."""
    return auto_axes(f)

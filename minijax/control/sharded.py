"""jit with `in_shardings` or `out_shardings`: on one device they say what the results are
committed to, and they are checked as JAX checks them.
"""

from typing import Any

from minijax import _callpath, core
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import flatten_axes, is_none, prefix_misfits
from minijax.array import ArrayImpl
from minijax.control.call import PjitFunction, jitted
from minijax.control.signature import leaf_names
from minijax.device import Sharding, SingleDeviceSharding
from minijax.mesh import set_mesh_in_force, thread_resources
from minijax.named_sharding import (
    UNSPECIFIED,
    NamedSharding,
    check_no_duplicates,
    without_layout,
)
from minijax.partition_spec import PartitionSpec
from minijax.traceback_util import filter_error
from minijax.tree_util import keystr, tree_flatten_with_path, tree_map


class ShardedFunction(PjitFunction):
    """A jitted function whose arguments or results have places of their own.

    `names_places`: whether equations that call it name them; `maker`: what made it,
    `jit` or `pjit`, which differ in the mesh that partition specs refer to.
    """

    names_places = True
    _plain: Any = None

    def __init__(self, fun, options, in_shardings, out_shardings, maker="jit"):
        super().__init__(fun, *options)
        self._plain = _Unplaced(fun, *options)
        self._plain.places = self._equation_places
        if isinstance(in_shardings, list):
            in_shardings = tuple(in_shardings)
        self._ins = _Places("in_shardings", in_shardings, maker)
        self._outs = _Places("out_shardings", out_shardings, maker)
        self._maker = maker

    def __reduce__(self):
        _, (fun, *options) = super().__reduce__()
        places = self._ins.prefix, self._outs.prefix
        return type(self), (fun, options, *places, self._maker)

    def share_cache(self, fun, *more):
        super().share_cache(fun, *more)
        # a table of its own: the other one's calls are served in C
        self._serve(
            _callpath.Signatures(), self._statics.nums, self._statics.argnames, None
        )
        if self._plain is not None:
            self._plain.share_cache(fun, *more)

    def _compile(self, *args, **kwargs):
        """Nothing: no call is served in C before its places are looked at."""

    def _call_in_python(self, *args, **kwargs):
        try:
            self._check_arguments(args, kwargs)
            outs = self._plain(*args, **kwargs)
            return self._placed(outs, self._unspecified(args, kwargs))
        except Exception as error:
            filter_error(error)
            raise

    def _stage(self, stage, args, kwargs):
        self._check_arguments(args, kwargs)
        return super()._stage(stage, args, kwargs)

    def _stage_places(self, args, kwargs, traced):
        ins, _, _ = super()._stage_places(args, kwargs, traced)
        if self._ins.given:
            _, args, _ = self._statics.split(args, kwargs)
            given = self._ins.over(flatten(tuple(args))[1])
            ins = [x if g is None else g for x, g in zip(ins, given, strict=True)]
        outs = self._outs.over(traced.out_tree)
        for k, (aval, place) in enumerate(
            zip(traced.closed.out_avals, outs, strict=True)
        ):
            numbered = unflatten(traced.out_tree, range(len(outs)))
            _check(aval, place, "outputs", lambda k=k, t=numbered: _result_path(t, k))
        rest = self._unspecified(args, kwargs)
        rest = rest if isinstance(rest, Sharding) else None
        avals = traced.closed.out_avals
        placed = [
            _of_rank(rest, a) if place is None else place
            for place, a in zip(outs, avals, strict=True)
        ]
        return ins, placed, outs

    def _equation_places(self, traced, args):
        """The parameters of an equation that calls this function on these arguments."""
        if self._statics.any:
            _, args, _ = self._statics.split(args, {})
        trees = flatten(tuple(args))[1], traced.out_tree
        return {
            name: tuple(UNSPECIFIED if x is None else x for x in places.over(tree))
            for (name, places), tree in zip(
                {"in_shardings": self._ins, "out_shardings": self._outs}.items(),
                trees,
                strict=True,
            )
            if places.given and self.names_places
        }

    def _check_arguments(self, args, kwargs):
        if self._ins.prefix is None or self._ins.prefix is UNSPECIFIED:
            return
        if kwargs:
            raise ValueError(
                "pjit does not support kwargs when in_shardings is specified."
            )
        static, args, _ = self._statics.split(args, kwargs)
        args = tuple(args)
        leaves, tree = flatten((args, {}))
        places = self._ins.over(flatten(args)[1], tupled=True)
        names = leaf_names(self._fun, tree, [k for k, _ in static[0]] if static else ())
        for k, (x, place) in enumerate(zip(leaves, places, strict=True)):
            _check(x, place, "arguments", lambda k=k: names()[k])

    def _placed(self, outs, rest):
        """The results, committed to where they were asked for, else to `rest`."""
        if not (rest or self._outs.given):
            return outs
        leaves, tree = flatten(outs)
        places = self._outs.over(tree)
        for k, (x, place) in enumerate(zip(leaves, places, strict=True)):
            _check(x, place, "outputs", lambda k=k: _result_path(outs, k))
        return unflatten(
            tree,
            [
                x._alias(x.aval, _of_rank(rest, x.aval) if place is None else place)
                if type(x) is ArrayImpl
                else x
                for x, place in zip(leaves, places, strict=True)
            ],
        )

    def _unspecified(self, args, kwargs):
        """Where a result goes that nobody asked a place for: the mesh there is."""
        given = [*self._outs.shardings(), *self._ins.shardings()]
        for sharding in given:
            if isinstance(sharding, NamedSharding):
                return NamedSharding(sharding.mesh, PartitionSpec())
        mesh = None if given else entered_mesh(self._maker)
        if mesh is None or any(map(_is_put, flatten((args, kwargs))[0])):
            return bool(given)
        return NamedSharding(mesh, PartitionSpec())


class FunctionOnDevice(ShardedFunction):
    """A jitted function with a device of its own."""

    names_places = False

    def __init__(self, fun, options, device, maker):
        super().__init__(fun, options, None, SingleDeviceSharding(device), maker)
        self._device = device

    def __reduce__(self):
        _, (fun, options, *_) = super().__reduce__()
        return type(self), (fun, options, self._device, self._maker)

    def _check_arguments(self, args, kwargs):
        if entered_mesh(self._maker) is not None:
            raise ValueError(
                "Mesh context manager should not be used with jit when backend or "
                "device is also specified as an argument to jit."
            )


def _of_rank(place, aval):
    """A place without parts for an array: over explicit axes it says so for each of the
    array's axes.
    """
    if not (isinstance(place, NamedSharding) and place.mesh._any_axis_explicit):
        return place
    return place.update(spec=PartitionSpec(*[None] * aval.ndim))


def _is_put(x):
    return type(x) is ArrayImpl and x.committed


def entered_mesh(maker):
    """The mesh that functions of `jit` or `pjit` run on now, or None: that of
    `set_mesh`, or for `pjit` that of a `with mesh:` block.
    """
    mesh = (
        thread_resources.env.physical_mesh if maker == "pjit" else set_mesh_in_force()
    )
    return None if mesh is None or mesh.empty else mesh


class _Unplaced(PjitFunction):
    """The function that is run, with the places that its equations name."""

    def _special_params(self, traced, args, kwargs):
        found = super()._special_params(traced, args, kwargs)
        return {**found, **self.places(traced, args)}


class _Places:
    """A pytree prefix of shardings, partition specs and None."""

    def __init__(self, name, prefix, maker):
        self.name, self._maker = name, maker
        prefix = self.prefix = tree_map(without_layout, prefix, is_leaf=is_none)
        leaves, self.tree = flatten(
            prefix, lambda s: s is None or isinstance(s, (PartitionSpec, Sharding))
        )
        self.leaves = [None if leaf is UNSPECIFIED else leaf for leaf in leaves]
        self.given = any(leaf is not None for leaf in self.leaves)
        for leaf in self.leaves:
            if type(leaf).__name__ in ("Layout", "AutoLayoutSingleton"):
                raise ValueError(
                    "`jax.jit` does not accept device-local layouts directly. Create a "
                    "`Format` instance wrapping this device-local layout and pass that to "
                    f"`jit` instead. Got {leaf}"
                )
            if not (leaf is None or isinstance(leaf, (PartitionSpec, Sharding))):
                raise TypeError(
                    f"{name} leaf specifications are expected to be PartitionSpec "
                    f"instances or None, but got {leaf}"
                )
            if isinstance(leaf, PartitionSpec):
                check_no_duplicates(name, None, leaf)

    def shardings(self):
        """The shardings there are, specs as those over the mesh in force."""
        return [self._sharding(leaf) for leaf in self.leaves if leaf is not None]

    def _sharding(self, leaf):
        if not isinstance(leaf, PartitionSpec):
            return leaf
        mesh = entered_mesh(self._maker)
        if mesh is None:
            raise RuntimeError(
                f"{self._maker} requires a non-empty mesh in context if you are passing "
                f"`PartitionSpec`s to {self.name}. You can define a context mesh via "
                "`jax.set_mesh(mesh)`. Alternatively, provide `Sharding`s to "
                f"{self.name} and then the mesh context manager is not required."
            )
        return NamedSharding(mesh, leaf)

    def over(self, tree, tupled=False):
        """A sharding or None for each leaf of a tree, which `tupled` says is that of the
        positional arguments.
        """
        if self.prefix is None:
            return [None] * tree.num_leaves
        found = [None if x is None else self._sharding(x) for x in self.leaves]
        numbered = unflatten(self.tree, range(len(found)))
        name = f"pjit {self.name}"
        return [found[k] for k in flatten_axis_resources(name, tree, numbered, tupled)]


def flatten_axis_resources(what, tree, shardings, tupled_args):
    """A tuple with the leaf of `shardings`, a prefix of `tree`, over each of its leaves.

    ValueError where it is none; with `tupled_args` (the tree is that of the positional
    arguments) the error says so of what is no tuple of their number.
    """
    try:
        return tuple(flatten_axes(what, tree, shardings))
    except ValueError:
        if tupled_args:
            _check_tuple(what, tree, shardings)
        found = prefix_misfits(what, tree, shardings)
        said = "\n".join([f"Mismatch details ({len(found)} found):", *found])
        raise ValueError(said) from None


def _check_tuple(what, tree, shardings):
    count = len(tree.children())
    if type(shardings) is not tuple:
        but = f"not a tuple: got {type(shardings)} instead."
    elif len(shardings) != count:
        but = (
            f"the wrong length: got a tuple or list of length {len(shardings)} for an "
            f"args tuple of length {count}."
        )
    else:
        return
    raise ValueError(
        f"{what} specification must be a tree prefix of the positional arguments tuple. "
        f"In particular, {what} must either be a Sharding, a PartitionSpec, or a tuple "
        f"of length equal to the number of positional arguments. But {what} is {but}"
        f"{_singleton_hint(what, tree, shardings)}"
    )


def _singleton_hint(what, tree, shardings):
    """That a tuple around the specification is missing, where this is so."""
    try:
        flatten_axes(what, tree, (shardings,))
    except ValueError:
        return ""
    return (
        " Given the corresponding argument being passed, it looks like "
        f"{what} might need to be wrapped in a singleton tuple."
    )


def _check(x, place, what, path):
    if place is None:
        return
    try:
        shape = x.shape if hasattr(x, "shape") else core.get_aval(x).shape
        place.check_compatible_aval(shape)
    except ValueError as error:
        raise ValueError(
            f"One of pjit {what} with pytree key path {path()} is incompatible with its "
            f"sharding annotation {place}: {error}"
        ) from None


def _result_path(outs, k):
    return "result" + keystr(tree_flatten_with_path(outs)[0][k][0])


def pjit(
    fun,
    in_shardings=UNSPECIFIED,
    out_shardings=UNSPECIFIED,
    static_argnums=None,
    static_argnames=None,
    donate_argnums=None,
    donate_argnames=None,
    keep_unused=False,
    device=None,
    backend=None,
    inline=False,
    compiler_options=None,
) -> Any:
    """`jit` whose partition specs and results are of the mesh of a `with mesh:` block."""
    return jitted(
        "pjit", fun, in_shardings, out_shardings, static_argnums, static_argnames,
        donate_argnums, donate_argnames, keep_unused, device, backend, inline,
        compiler_options,
    )  # fmt: skip

"""vmap: flatten, batch, unflatten."""

import functools
from typing import Any

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import flatten_axes
from minijax.traceback_util import api_boundary
from minijax.transforms import batching
from minijax.tree_util import keystr, tree_flatten_with_path


def vmap(
    fun,
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_name=None,
    axis_size=None,
    spmd_axis_name=None,
    sum_match=False,
):
    """`fun` mapped over an axis of its arguments, as one batched computation.

    Args:
        in_axes: for each argument the axis to map (None: none), or a pytree prefix of
            such.
        out_axes: where the mapped axis goes in the outputs; likewise.
        axis_name: what collectives (`lax.psum`, ...) call the axis.
        axis_size: the axis's size, where no argument tells.
        spmd_axis_name: accepted; there is one device.

    ValueError where sizes or axes do not fit, TypeError where axes are not integers.
    """
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if not (in_axes is None or type(in_axes) in (int, tuple)):
        raise TypeError(
            "vmap in_axes must be an int, None, or a tuple of entries corresponding to "
            f"the positional arguments passed to the function, but got {in_axes}."
        )
    if not all(type(a) is int for a in flatten(in_axes)[0]):
        raise TypeError(
            "vmap in_axes must be an int, None, or (nested) container with those types "
            f"as leaves, but got {in_axes}."
        )
    if not all(type(a) is int for a in flatten(out_axes)[0]):
        raise TypeError(
            "vmap out_axes must be an int, None, or (nested) container with those types "
            f"as leaves, but got {out_axes}."
        )

    @functools.wraps(fun, updated=())
    @api_boundary
    def mapped(*args, **kwargs):
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ValueError(
                "vmap in_axes must be an int, None, or a tuple of entries corresponding "
                "to the positional arguments passed to the function, but got "
                f"len(in_axes)={len(in_axes)}, len(args)={len(args)}"
            )
        flat, in_tree = flatten((args, kwargs))
        dims = flatten_axes("vmap in_axes", in_tree, (in_axes, 0))
        dims = [_canonical(x, d) for x, d in zip(flat, dims, strict=True)]
        size = _mapped_size(fun, (args, kwargs), flat, dims, axis_size)
        axis = core.AxisData(size, axis_name, spmd_axis_name)
        trees = []

        def flat_fun(*leaves):
            args, kwargs = unflatten(in_tree, leaves)
            outs, tree = flatten(fun(*args, **kwargs))
            trees.append(tree)
            return outs

        outs, out_dims = batching.batch(flat_fun, axis, flat, dims)
        wanted = flatten_axes("vmap out_axes", trees[0], out_axes)
        for x in outs:
            core.get_aval(x)
        moved = [
            _to_out_axis(axis, x, d, w)
            for x, d, w in zip(outs, out_dims, wanted, strict=True)
        ]
        return unflatten(trees[0], moved)

    return mapped


def _to_out_axis(axis, x, dim, wanted):
    if wanted is None and dim is not None:
        raise ValueError(
            f"at vmap out_axes, got axis spec None but output was batched on axis {dim}"
        )
    if wanted is not None:
        rank = core.get_aval(x).ndim - (dim is not None)
        if not -rank - 1 <= wanted <= rank:
            raise ValueError(
                f"axis {wanted} is out of bounds for array of dimension {rank + 1}"
            )
    return batching.match_axis(axis, x, dim, wanted)


def _canonical(x, dim):
    """A mapped axis as a number from 0."""
    if dim is None:
        return None
    aval = core.get_aval(x)
    if not -aval.ndim <= dim < aval.ndim:
        least = dim + 1 if dim >= 0 else -dim
        raise ValueError(
            f"vmap was requested to map its argument along axis {dim}, which implies "
            f"that its rank should be at least {least}, but is only {aval.ndim} (its "
            f"shape is {aval.shape})"
        )
    return dim + aval.ndim if dim < 0 else dim


def _mapped_size(fun, tree, flat, dims, given):
    sizes = {
        core.get_aval(x).shape[d]
        for x, d in zip(flat, dims, strict=True)
        if d is not None
    }
    if given is not None:
        sizes.add(given)
    if not sizes:
        if not flat:
            raise ValueError("vmap wrapped function must be passed at least one argument "
                             f"containing an array, got empty args={tree[0]} and "
                             f"kwargs={tree[1]}")  # fmt: skip
        raise ValueError(
            "vmap must have at least one non-None value in in_axes or axis_size must be "
            "specified"
        )
    if len(sizes) > 1:
        raise ValueError(_inconsistent(fun, tree, dims, given))
    return sizes.pop()


def _inconsistent(fun, tree, dims, given):
    """Which argument has which size."""
    names = _argument_names(fun)
    lines = []
    if given is not None:
        lines.append(f"  * axis_size was given as {given};")
    for (path, x), d in zip(tree_flatten_with_path(tree)[0], dims, strict=True):
        if d is None:
            continue
        aval = core.get_aval(x)
        where = _path_name(path, names)
        lines.append(
            f"  * one axis had size {aval.shape[d]}: axis {d} of {where} of type "
            f"{aval.str_short(False).lstrip('~')};"
        )
    return "vmap got inconsistent sizes for array axes to be mapped:\n" + "\n".join(
        lines
    ).rstrip(";")


def _argument_names(fun):
    code = getattr(fun, "__code__", None)
    return code.co_varnames[: code.co_argcount] if code else ()


def _path_name(path, names):
    kind, place = path[0].idx, path[1]
    if kind == 1:
        return f"kwargs{keystr(path[1:])}"
    if place.idx < len(names):
        return f"argument {names[place.idx]}{keystr(path[2:])}"
    return f"args{keystr(path[1:])}"

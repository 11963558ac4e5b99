"""vmap: flatten, batch, unflatten."""

from typing import Any

from minijax import core
from minijax._pytree import unflatten
from minijax._pytree_prefix import flatten_axes
from minijax.api.vmappable import (
    are_axes,
    elements,
    flatten_mapped,
    is_axis,
    is_mapping_spec,
    is_vmappable,
    wholes,
)
from minijax.control.ref_checks import check_arguments, refuse_views
from minijax.control.signature import check_callable
from minijax.traceback_util import api_boundary, documented
from minijax.transforms import batching
from minijax.tree_util import keystr, tree_flatten_with_path

_VMAP = core.Transform("vmap")
_DOC = (
    "Vectorized version of {fun}. Takes similar arguments as {fun} but with additional "
    "array axes over which {fun} is mapped."
)


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
    check_callable(fun)
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    _check_axes(in_axes, out_axes)
    doc = getattr(fun, "__doc__", None)
    original = f"\n\nOriginal documentation:\n\n{doc}" if doc else ""

    @documented(fun, _DOC + "{original}", original=original)
    @api_boundary
    def mapped(*args, **kwargs):
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ValueError(
                "vmap in_axes must be an int, None, or a tuple of entries corresponding "
                "to the positional arguments passed to the function, but got "
                f"len(in_axes)={len(in_axes)}, len(args)={len(args)}"
            )
        flat, in_tree = flatten_mapped((args, kwargs))
        if core.ref_rules.in_use:
            refuse_views(fun, "vmap", (args, kwargs), flat)
        specs = flatten_axes("vmap in_axes", in_tree, (in_axes, 0), kws=True)
        dims = [_canonical(x, d) for x, d in zip(flat, specs, strict=True)]
        if core.ref_rules.in_use:
            moving = [None if d is None else x for x, d in zip(flat, dims, strict=True)]
            check_arguments("vmap", fun, moving, in_tree)
        size = _mapped_size(fun, (args, kwargs), flat, specs, axis_size)
        axis = core.AxisData(size, axis_name, spmd_axis_name)
        trees = []

        def flat_fun(*leaves):
            args, kwargs = unflatten(in_tree, elements(leaves, specs))
            outs, tree = flatten_mapped(fun(*args, **kwargs))
            trees.append(tree)
            return wholes(outs, tree, out_axes)

        with core.within(_VMAP):
            outs, out_dims = batching.batch(flat_fun, axis, flat, dims)
        return unflatten(trees[0], _moved(axis, outs, out_dims, trees[0], out_axes))

    return mapped


def _check_axes(in_axes, out_axes):
    if type(in_axes) not in (tuple, type(None)) and not is_axis(in_axes):
        raise TypeError(
            "vmap in_axes must be an int, None, or a tuple of entries corresponding to "
            f"the positional arguments passed to the function, but got {in_axes}."
        )
    for name, axes in (("in_axes", in_axes), ("out_axes", out_axes)):
        if not are_axes(axes):
            raise TypeError(
                f"vmap {name} must be an int, None, or (nested) container with those "
                f"types as leaves, but got {axes}."
            )


def _moved(axis, outs, out_dims, tree, out_axes):
    """The flat outputs with their mapped axes where `out_axes` wants them."""
    wanted = flatten_axes("vmap out_axes", tree, out_axes)
    for x in outs:
        if not (core.valid_jaxtype(x) or is_vmappable(x)):
            raise TypeError(
                f"Output from batched function {x!r} with type {type(x)} is not a "
                "valid JAX type"
            )
    moved = []
    for k, (x, d, w) in enumerate(zip(outs, out_dims, wanted, strict=True)):
        if w is None and d is not None:
            raise _unmapped_output(axis, d, tree, k)
        moved.append(x if is_vmappable(x) else _to_out_axis(axis, x, d, w))
    return moved


def _unmapped_output(axis, dim, tree, k):
    """The error of output `k`, which varies but has no axis in `out_axes`."""
    if axis.name is not None:
        return ValueError(
            f"vmap has mapped output (axis_name={axis.name}) but out_axes is None"
        )
    numbered = unflatten(tree, range(tree.num_leaves))
    path = keystr(tree_flatten_with_path(numbered)[0][k][0])
    return ValueError(
        f"at vmap out_axes{path}, got axis spec None but output was batched on axis {dim}"
    )


def _to_out_axis(axis, x, dim, wanted):
    if wanted is not None and not is_mapping_spec(wanted):
        rank = core.get_aval(x).ndim - (dim is not None)
        if not -rank - 1 <= wanted <= rank:
            raise ValueError(
                f"axis {wanted} is out of bounds for array of dimension {rank + 1}"
            )
    return batching.match_axis(axis, x, dim, wanted)


def _canonical(x, dim):
    """A mapped axis as a number from 0."""
    if dim is None or is_vmappable(x):
        return None
    if is_mapping_spec(dim):
        return dim
    aval = core.get_aval(x)
    if aval.is_high:
        raise ValueError(
            f"vmap was asked to map a value of non-array type {aval} along axis {dim}; "
            "`in_axes` must have a MappingSpec for it"
        )
    if not -aval.ndim <= dim < aval.ndim:
        least = dim + 1 if dim >= 0 else -dim
        raise ValueError(
            f"vmap was requested to map its argument along axis {dim}, which implies "
            f"that its rank should be at least {least}, but is only {aval.ndim} (its "
            f"shape is {aval.shape})"
        )
    return dim + aval.ndim if dim < 0 else dim


def _shape(x) -> Any:
    """The shape of an argument; None for a value of a registered type without one."""
    if is_vmappable(x):
        return getattr(x, "shape", None)
    return getattr(core.get_aval(x), "shape", None)


def _mapped_size(fun, tree, flat, specs, given):
    dims = [d if type(d) is int and _shape(x) is not None else None
            for x, d in zip(flat, specs, strict=True)]  # fmt: skip
    sizes = {_shape(x)[d] for x, d in zip(flat, dims, strict=True) if d is not None}
    if given is not None:
        sizes.add(given)
    if not sizes:
        if not flat:
            raise ValueError(
                "vmap wrapped function must be passed at least one argument containing "
                "an array or axis_size must be specified, got empty "
                f"*args={tree[0]} and **kwargs={tree[1]}"
            )
        raise ValueError(
            "vmap must have at least one non-None value in in_axes or axis_size must be "
            "specified"
        )
    if len(sizes) > 1:
        raise ValueError(_inconsistent(fun, tree, dims, given))
    return sizes.pop()


def _inconsistent(fun, tree, dims, given):
    """Which sizes there are, the commonest first, and an argument that has each."""
    names = _argument_names(fun)
    found = {}
    for (path, x), d in zip(
        tree_flatten_with_path(tree, is_vmappable)[0], dims, strict=True
    ):
        if d is not None:
            where = _path_name(path, names)
            kind = x if is_vmappable(x) else core.get_aval(x).str_short()
            place = f"axis {d % len(_shape(x))} of {where} of type {kind}"
            found.setdefault(_shape(x)[d], []).append(place)
    by_count = sorted(found.items(), key=lambda item: -len(item[1]))
    lines = []
    if given is not None:
        lines.append(f"  * the `axis_size` argument was {given}")
    for k, (size, places) in enumerate(by_count):
        n = len(places)
        if n == 1:
            lines.append(f"  * one axis had size {size}: {places[0]}")
        else:
            some = "some" if k else "most"
            lines.append(
                f"  * {some} axes ({n} of them) had size {size}, e.g. {places[0]}"
            )
    said = ";\n".join(lines)
    return f"vmap got inconsistent sizes for array axes to be mapped:\n{said}"


def _argument_names(fun):
    """The names of the positional parameters, `*args` among them."""
    code = getattr(fun, "__code__", None)
    if code is None:
        return ()
    names = list(code.co_varnames[: code.co_argcount])
    if code.co_flags & _VARARGS:
        more = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        names.append(more)
    return names


_VARARGS = 0x04  # the flag of code objects with *args


def _path_name(path, names):
    kind, place = path[0].idx, path[1]
    if kind == 1:
        return f"kwargs{keystr(path[1:])}"
    if place.idx < len(names):
        return f"argument {names[place.idx]}{keystr(path[2:])}"
    return f"args{keystr(path[1:])}"

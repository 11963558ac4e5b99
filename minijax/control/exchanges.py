"""all_gather and its kind: collectives that move data along named axes."""

import math

import numpy as np

from minijax import core
from minijax.control.collectives import (
    Collective,
    axis_index,
    check_bound,
    identity_lower,
    names_of,
    psum_p,
    refuse_groups,
)
from minijax.ops.arithmetic import mul
from minijax.ops.define import (
    NO_RULE,
    batch_front,
    define,
    linear_jvp,
    move_axis,
)
from minijax.ops.index import dynamic_index_in_dim, dynamic_slice_in_dim
from minijax.ops.joining import concatenate
from minijax.ops.reduce import reduce_sum
from minijax.ops.shape import reshape, squeeze
from minijax.ops.slicing import slice_in_dim
from minijax.tree_util import tree_map


def all_gather(
    x, axis_name, *, axis_index_groups=None, axis=0, tiled=False, to="varying"
):
    """Every member's `x`, stacked along a new axis (`tiled`: concatenated along
    `axis`).

    to: whether `shard_map` takes the result for one that differs between the members
    ("varying"), or not ("invarying", "reduced").  ValueError for anything else.
    """
    if to not in ("varying", "invarying", "reduced"):
        raise ValueError(
            "Got unexpected `to` value for `jax.lax.all_gather`. Allowed `to` values "
            "are: {'varying', 'invarying', 'reduced'}"
        )
    refuse_groups(axis_index_groups, axis_name)
    names = names_of(axis_name)
    size = core.axis_size(names)

    primitive = all_gather_p if to == "varying" else all_gather_invariant_p

    def gather(leaf):
        place = axis
        if axis < 0:
            place = axis + core.get_aval(leaf).ndim + (not tiled)
        return primitive.bind(
            leaf,
            all_gather_dimension=place,
            axis_name=names,
            axis_index_groups=None,
            axis_size=size,
            tiled=tiled,
        )

    return tree_map(gather, x)


def _gather_shape(x, *, all_gather_dimension, axis_size, tiled, **_):
    shape = list(x.shape)
    if tiled:
        shape[all_gather_dimension] *= axis_size
    else:
        shape.insert(all_gather_dimension, axis_size)
    return x.update(shape=shape)


def _gather_batch(primitive_of):
    def batch(axis, args, dims, *, all_gather_dimension, axis_name, tiled, **params):
        (x,), (dim,) = args, dims
        if axis.name not in axis_name:
            x = batch_front(axis, x, dim)
            out = primitive_of().bind(
                x, all_gather_dimension=all_gather_dimension + 1, axis_name=axis_name,
                tiled=tiled, **params,
            )  # fmt: skip
            return out, 0
        if len(axis_name) > 1:
            raise NotImplementedError("all_gather along several vmapped axes")
        x = move_axis(batch_front(axis, x, dim), 0, all_gather_dimension)
        if tiled:
            shape = x.shape
            k = all_gather_dimension
            x = reshape(x, (*shape[:k], shape[k] * shape[k + 1], *shape[k + 2 :]))
        return x, None

    return batch


def _gather_transpose(ct, x, *, all_gather_dimension, axis_name, axis_size, tiled, **_):
    return [
        reduce_scatter_p.bind(
            ct,
            axis_name=axis_name,
            axis_index_groups=None,
            axis_size=axis_size,
            scatter_dimension=all_gather_dimension,
            tiled=tiled,
        )
    ]


def _own_part(ct, x, *, all_gather_dimension, axis_name, tiled, **_):
    """What each member gave to a result that is the same for all."""
    size = x.aval.shape[all_gather_dimension] if tiled else 1
    start = mul(axis_index(axis_name), np.int32(size))
    part = dynamic_slice_in_dim(ct, start, size, all_gather_dimension)
    return [part if tiled else squeeze(part, (all_gather_dimension,))]


def _gathering(name, primitive_of, transpose):
    return define(
        name,
        cls=Collective,
        shape=_gather_shape,
        reference=lambda x, *, all_gather_dimension, tiled, **_: (
            x if tiled else np.expand_dims(x, all_gather_dimension)
        ),
        jvp=linear_jvp(primitive_of),
        transpose=transpose,
        batch=_gather_batch(primitive_of),
        lower=lambda b, ins, out_avals, **_: [b.reshape(ins[0], out_avals[0].shape)],
    )


all_gather_p = _gathering("all_gather", lambda: all_gather_p, _gather_transpose)
all_gather_invariant_p = _gathering(
    "all_gather_invariant", lambda: all_gather_invariant_p, _own_part
)


def psum_scatter(
    x, axis_name, *, scatter_dimension=0, axis_index_groups=None, tiled=False
):
    """The sum over a named axis, of which each member keeps its own part."""
    refuse_groups(axis_index_groups, axis_name)
    names = names_of(axis_name)
    size = core.axis_size(names)
    return tree_map(
        lambda leaf: reduce_scatter_p.bind(
            leaf,
            axis_name=names,
            axis_index_groups=None,
            axis_size=size,
            scatter_dimension=scatter_dimension,
            tiled=tiled,
        ),
        x,
    )


def _scatter_shape(x, *, axis_size, scatter_dimension, tiled, **_):
    shape = list(x.shape)
    n = shape[scatter_dimension]
    if tiled:
        if n % axis_size:
            raise ValueError(f"tiled reduce_scatter operand scatter dimension size {n} must "
                             f"be divisible by shard_count {axis_size}")  # fmt: skip
        shape[scatter_dimension] = n // axis_size
    else:
        if n != axis_size:
            raise ValueError(f"reduce_scatter operand scatter dimension size {n} must match "
                             f"shard_count {axis_size}")  # fmt: skip
        del shape[scatter_dimension]
    return x.update(shape=shape)


def _scatter_batch(
    axis, args, dims, *, axis_name, axis_size, scatter_dimension, tiled, **params
):
    (x,), (dim,) = args, dims
    if axis.name not in axis_name:
        params |= {"axis_name": axis_name, "axis_size": axis_size, "tiled": tiled}
        x, kept = batch_front(axis, x, dim), scatter_dimension + 1
        return reduce_scatter_p.bind(x, scatter_dimension=kept, **params), 0
    if len(axis_name) > 1:
        raise NotImplementedError("psum_scatter along other than the one vmapped axis")
    total = reduce_sum(batch_front(axis, x, dim), (0,))
    total = move_axis(total, scatter_dimension, 0)
    if tiled:
        n = total.shape[0] // axis_size
        parts = reshape(total, (axis_size, n, *total.shape[1:]))
        return move_axis(parts, 1, scatter_dimension + 1), 0
    return total, 0


reduce_scatter_p = define(
    "reduce_scatter",
    cls=Collective,
    shape=_scatter_shape,
    reference=lambda x, *, scatter_dimension, tiled, **_: (
        x if tiled else np.squeeze(x, scatter_dimension)
    ),
    jvp=linear_jvp(lambda: reduce_scatter_p),
    transpose=lambda ct, x, *, scatter_dimension, axis_name, axis_size, tiled, **_: [
        all_gather_p.bind(
            ct,
            all_gather_dimension=scatter_dimension,
            axis_name=axis_name,
            axis_index_groups=None,
            axis_size=axis_size,
            tiled=tiled,
        )
    ],
    batch=_scatter_batch,
    lower=lambda b, ins, out_avals, **_: [b.reshape(ins[0], out_avals[0].shape)],
)


def ppermute(x, axis_name, perm):
    """Each (source, target) in `perm` sends `x`.

    Members that receive nothing get zeros.
    """
    names = names_of(axis_name)
    perm = tuple((int(a), int(b)) for a, b in perm)
    check_bound("ppermute", names)
    if any(len(set(ends)) < len(perm) for ends in zip(*perm, strict=True)):
        raise ValueError(
            f"ppermute sources and destinations must be unique, got {perm}."
        )
    return tree_map(lambda leaf: ppermute_p.bind(leaf, axis_name=names, perm=perm), x)


def _ppermute_batch(axis, args, dims, *, axis_name, perm):
    (x,), (dim,) = args, dims
    if axis.name not in axis_name:
        return ppermute_p.bind(x, axis_name=axis_name, perm=perm), dim
    x = batch_front(axis, x, dim)
    source = {b: a for a, b in perm}
    if len(perm) != axis.size:
        raise AssertionError("Permutation doesn't match the axis size!")
    parts = [
        slice_in_dim(x, source[k], source[k] + 1, axis=0) for k in range(axis.size)
    ]
    return concatenate(parts, 0), 0


ppermute_p = define(
    "ppermute",
    cls=Collective,
    shape=lambda x, *, axis_name, perm: x,
    reference=lambda x, *, axis_name, perm: x if perm else np.zeros_like(x),
    jvp=linear_jvp(lambda: ppermute_p),
    transpose=lambda ct, x, *, axis_name, perm: [
        ppermute_p.bind(ct, axis_name=axis_name, perm=tuple((b, a) for a, b in perm))
    ],
    batch=_ppermute_batch,
    lower=lambda b, ins, out_avals, *, axis_name, perm: (
        list(ins) if perm else [b.full(out_avals[0], 0)]
    ),
)


def pshuffle(x, axis_name, perm):
    """Member k gets the `x` of member perm[k]."""
    if sorted(perm) != list(range(core.axis_size(axis_name))):
        raise ValueError(f"`perm` does not represent a permutation: {perm}")
    return ppermute(x, axis_name, list(zip(perm, range(len(perm)), strict=True)))


def all_to_all(
    x, axis_name, split_axis, concat_axis, *, axis_index_groups=None, tiled=False
):
    """Split `x` along `split_axis`, a part to each member.

    Join what comes along `concat_axis`.
    """
    refuse_groups(axis_index_groups, axis_name)
    size = core.axis_size(axis_name)

    def exchange(leaf):
        aval = core.get_aval(leaf)
        if tiled and aval.shape[split_axis] % size:
            raise ValueError(
                f"The size of all_to_all split_axis ({aval.shape[split_axis]}) has to be "
                f"divisible by the size of the named axis {axis_name} ({size})"
            )
        if not tiled and aval.shape[split_axis] != size:
            raise ValueError(
                "all_to_all requires the size of the mapped axis axis_name to equal "
                f"x.shape[split_axis], but they are {size} and {aval.shape[split_axis]} "
                "respectively."
            )
        return all_to_all_p.bind(
            leaf,
            axis_name=axis_name,
            axis_index_groups=None,
            split_axis=split_axis,
            concat_axis=concat_axis,
            tiled=tiled,
        )

    return tree_map(exchange, x)


def pswapaxes(x, axis_name, axis, *, axis_index_groups=None):
    """Swap a named axis with the axis `axis` of equal size."""
    return all_to_all(x, axis_name, axis, axis, axis_index_groups=axis_index_groups)


def _all_to_all_shape(x, *, axis_name, split_axis, concat_axis, tiled, **_):
    size = core.axis_size(axis_name)
    shape = list(x.shape)
    if tiled:
        shape[split_axis] //= size
        shape[concat_axis] *= size
    else:
        del shape[split_axis]
        shape.insert(concat_axis, size)
    return x.update(shape=shape)


def _all_to_all_batch(
    axis, args, dims, *, axis_name, split_axis, concat_axis, tiled, **p
):
    (x,), (dim,) = args, dims
    if axis.name not in names_of(axis_name):
        x = batch_front(axis, x, dim)
        out = all_to_all_p.bind(
            x, axis_name=axis_name, split_axis=split_axis + 1,
            concat_axis=concat_axis + 1, tiled=tiled, **p,
        )  # fmt: skip
        return out, 0
    x = batch_front(axis, x, dim)
    sizes = [core.axis_size(name) for name in names_of(axis_name)]
    k, shape = split_axis + 1, x.shape
    rest = (shape[k] // math.prod(sizes),) if tiled else ()
    x = reshape(x, (*shape[:k], *sizes, *rest, *shape[k + 1 :]))
    for place, name in enumerate(names_of(axis_name), k):
        if name != axis.name:
            x = all_to_all_p.bind(
                x, axis_name=name, split_axis=place, concat_axis=place, tiled=False, **p
            )
            continue
        # the part for each member becomes the batch axis, the old one takes its place
        x = move_axis(move_axis(x, place, 0), 1, place)
    shape = x.shape
    x = reshape(x, (*shape[:k], math.prod(sizes), *shape[k + len(sizes) :]))
    x = move_axis(x, k, concat_axis + 1)
    if tiled:
        shape, k = x.shape, concat_axis + 1
        x = reshape(x, (*shape[:k], shape[k] * shape[k + 1], *shape[k + 2 :]))
    return x, 0


all_to_all_p = define(
    "all_to_all",
    cls=Collective,
    shape=_all_to_all_shape,
    reference=NO_RULE("needs a mesh"),
    jvp=linear_jvp(lambda: all_to_all_p),
    transpose=lambda ct, x, *, split_axis, concat_axis, **params: [
        all_to_all_p.bind(ct, split_axis=concat_axis, concat_axis=split_axis, **params)
    ],
    batch=_all_to_all_batch,
    lower=lambda b, ins, out_avals, **_: [b.reshape(ins[0], out_avals[0].shape)],
)


def pbroadcast(x, axis_name, source):
    """Every member gets the `x` of member `source`."""
    size = core.axis_size(axis_name)
    gathered = all_gather(x, axis_name)
    return tree_map(
        lambda leaf: dynamic_index_in_dim(
            leaf, min(source, size - 1), 0, keepdims=False
        ),
        gathered,
    )


def pcast(x, axis_name, *, to):
    """`x`, taken to vary along named axes (`to` is "varying"): a pytree like `x`.

    TypeError for axes that are no tuple or str; ValueError for another `to` than
    "varying", "reduced" or "unreduced", and outside of `shard_map`.
    """
    if not axis_name:
        return x
    if not isinstance(axis_name, (tuple, str)):
        raise TypeError(f"{axis_name=} must be a tuple or a str. Got {axis_name}")
    if to not in ("varying", "reduced", "unreduced"):
        raise ValueError(
            "Got unexpected `to` value. Allowed `to` values are: "
            "{'varying', 'reduced', 'unreduced'}"
        )
    if to != "varying":
        raise NotImplementedError(f"pcast to {to!r} needs explicit mesh axes")
    return pvary(x, axis_name)


def pvary(x, axis_name):
    """`pcast` to "varying"."""
    names = names_of(axis_name)
    return tree_map(lambda leaf: pvary_p.bind(leaf, axes=names), x) if names else x


class _Varying(Collective):
    """A collective that leaves values as they are, but says along which axes they vary."""

    key = "axes"


def _pvary_shape(x, *, axes):
    if not all(name in core.axis_env() for name in axes):
        raise ValueError("pvary should be called under jax.shard_map.")
    return x


pvary_p = define(
    "pvary",
    cls=_Varying,
    shape=_pvary_shape,
    reference=lambda x, *, axes: x,
    jvp=linear_jvp(lambda: pvary_p),
    transpose=lambda ct, x, *, axes: psum_p.bind(ct, axes=axes, axis_index_groups=None),
    batch=lambda axis, args, dims, *, axes: (pvary_p.bind(*args, axes=axes), dims[0]),
    lower=identity_lower,
)

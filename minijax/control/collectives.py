"""psum and its kind: reductions along named axes, and `axis_index`.

Under `vmap(axis_name=...)` each becomes ordinary array work on the batch axis.  With
one device, the axes of a mesh have size 1, and what is left of a collective there is
the identity.  Those that move data are in `exchanges`.
"""

from typing import Any

import numpy as np

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.core import Primitive, ShapedArray, Zero
from minijax.ops.arithmetic import div, mul
from minijax.ops.comparison import eq
from minijax.ops.convert import convert_element_type
from minijax.ops.define import (
    NO_RULE,
    NONDIFFERENTIABLE,
    define,
    dtype_of,
    scalar,
    shape_of,
)
from minijax.ops.reduce import reduce_max, reduce_min, reduce_sum
from minijax.ops.select import select
from minijax.ops.shape import broadcast, iota
from minijax.transforms import ad
from minijax.tree_util import tree_map


def names_of(axis_name):
    """One name or several, as a tuple."""
    return tuple(axis_name) if isinstance(axis_name, (tuple, list)) else (axis_name,)


class Collective(Primitive):
    """A primitive that communicates along the named axes in its parameter `key`."""

    key = "axis_name"

    def axis_names(self, params):
        return names_of(params[self.key])


class Reduction(Collective):
    """A collective that reduces over all of `axes`."""

    key = "axes"
    multiple_results = True


def refuse_groups(groups, axis_name):
    """NotImplementedError where a collective is asked for within groups of several members;
    ValueError where the one member there is in none or twice.
    """
    if groups is not None:
        if core.axis_size(axis_name) == 1:
            if [k for group in groups for k in group] != [0]:
                raise ValueError(
                    "axis_index_groups must cover all indices exactly once"
                )
            return
        raise NotImplementedError(
            "axis_index_groups not supported in vmap collectives. Please open a feature "
            "request!"
        )


# --- reductions -----------------------------------------------------------------------


def _bind_reduction(primitive, reduce, x, axis_name, axis_index_groups):
    """`primitive` over the names in `axis_name`, `reduce` over the positions in it."""
    refuse_groups(axis_index_groups, axis_name)
    leaves, tree = flatten(x)
    positions = tuple([i for i in names_of(axis_name) if isinstance(i, int)])
    names = tuple([i for i in names_of(axis_name) if not isinstance(i, int)])
    if positions:
        leaves = [reduce(leaf, positions) for leaf in leaves]
    if leaves and (names or not positions):
        leaves = primitive.bind(*leaves, axes=names, axis_index_groups=None)
    return unflatten(tree, leaves)


def psum(x, axis_name, *, axis_index_groups=None):
    """The sum of `x` over a named axis (or several): a pytree like `x`.

    An integer among the names is an axis of `x`, here and in `pmax` and `pmin`.
    """
    if isinstance(x, (int, float, complex, np.number)) and not isinstance(x, bool):
        return _sum_of_constant(x, names_of(axis_name))
    x = tree_map(_at_least_int, x)
    return _bind_reduction(psum_p, reduce_sum, x, axis_name, axis_index_groups)


def _sum_of_constant(x, axes):
    for axis in axes:
        if isinstance(axis, int):
            raise ValueError(f"axis {axis} is out of bounds for array of dimension 0")
    return core.axis_size(axes) * x


def _at_least_int(leaf):
    if core.get_aval(leaf).dtype == bool:
        return convert_element_type(leaf, np.int32)
    return leaf


def pmean(x, axis_name, *, axis_index_groups=None):
    """The mean of `x` over a named axis."""
    total = psum(x, axis_name, axis_index_groups=axis_index_groups)
    n = _sum_of_constant(1, names_of(axis_name))

    def mean(leaf):
        aval = core.get_aval(leaf)
        if aval.dtype.kind in "iub":
            leaf = convert_element_type(leaf, np.float32)
            aval = core.get_aval(leaf)
        return div(leaf, scalar(aval.dtype, n))

    return tree_map(mean, total)


def pmax(x, axis_name, *, axis_index_groups=None):
    """The largest `x` over a named axis."""
    return _bind_reduction(pmax_p, reduce_max, x, axis_name, axis_index_groups)


def pmin(x, axis_name, *, axis_index_groups=None):
    """The smallest `x` over a named axis."""
    return _bind_reduction(pmin_p, reduce_min, x, axis_name, axis_index_groups)


def pargmax(x, axis_name):
    """Along a named axis, the first place of the largest `x`."""
    return _first_place("pargmax", pmax, x, axis_name)


def pargmin(x, axis_name):
    """Along a named axis, the first place of the smallest `x`."""
    return _first_place("pargmin", pmin, x, axis_name)


def _first_place(name, extreme, x, axis_name):
    if isinstance(axis_name, (tuple, list)):
        raise TypeError(f"{name} only accepts a single axis, got {axis_name}")
    found = extreme(x, axis_name)
    place: Any = axis_index(axis_name)
    here = eq(found, convert_element_type(x, dtype_of(found)))
    nowhere = scalar(place.dtype, np.iinfo(place.dtype).max)
    shape = shape_of(found)
    if shape:
        place, nowhere = [broadcast(v, shape) for v in (place, nowhere)]
    return pmin(select(here, place, nowhere), axis_name)


def _unbound(what, name):
    return NameError(
        f"Found an unbound axis name: {name}. To fix this, please call {what} under "
        "`jax.shard_map`."
    )


def check_bound(what, names):
    """NameError where one of the named axes is not in scope."""
    for name in names:
        if name not in core.axis_env():
            raise _unbound(what, name)


def _reduction_shape(name):
    def shape(*avals, axes, axis_index_groups):
        check_bound(name, axes)
        return [a.strip_weak_type() if name != "psum" else a for a in avals]

    return shape


def _reduction_batch(primitive_of, reduce, unmapped):
    def batch(axis, args, dims, *, axes, axis_index_groups):
        params = {"axes": axes, "axis_index_groups": axis_index_groups}
        if axis.name not in axes:
            return primitive_of().bind(*args, **params), dims
        rest = tuple(name for name in axes if name != axis.name)
        outs = [
            unmapped(x, axis.size) if d is None else reduce(x, (d,))
            for x, d in zip(args, dims, strict=True)
        ]
        if rest:
            outs = primitive_of().bind(*outs, axes=rest, axis_index_groups=None)
        return outs, [None] * len(outs)

    return batch


def _repeated(x, n):
    return mul(x, scalar(core.get_aval(x).dtype, n))


def _psum_jvp(primals, tangents, **params):
    outs = psum_p.bind(*primals, **params)
    return outs, _psum_of_nonzero(tangents, params)


def _psum_transpose(cts, *args, **params):
    return _psum_of_nonzero(cts, params)


def _psum_of_nonzero(tangents, params):
    live = ad.without_zeros(tangents)
    found = iter(psum_p.bind(*live, **params) if live else ())
    return [t if type(t) is Zero else next(found) for t in tangents]


def identity_lower(b, ins, out_avals, **_):
    """On one device every mesh axis has size 1."""
    return list(ins)


psum_p = define(
    "psum",
    cls=Reduction,
    shape=_reduction_shape("psum"),
    reference=lambda *args, **_: list(args),
    jvp=_psum_jvp,
    transpose=_psum_transpose,
    batch=_reduction_batch(lambda: psum_p, reduce_sum, _repeated),
    lower=identity_lower,
)


def _extremum(name, primitive_of, reduce):
    return define(
        name,
        cls=Reduction,
        shape=_reduction_shape(name),
        reference=lambda *args, **_: list(args),
        jvp=NO_RULE(f"{name} has no derivative rule, as in JAX"),
        transpose=NO_RULE("is not linear"),
        batch=_reduction_batch(primitive_of, reduce, lambda x, n: x),
        lower=identity_lower,
    )


pmax_p = _extremum("pmax", lambda: pmax_p, reduce_max)
pmin_p = _extremum("pmin", lambda: pmin_p, reduce_min)

# --- where am I -----------------------------------------------------------------------


def axis_index(axis_name):
    """The place along a named axis, int32."""
    names = names_of(axis_name)
    index = None
    for name in names:
        try:
            size = core.axis_size(name)
        except NameError:
            raise _unbound("axis_index", name) from None
        place = axis_index_p.bind(axis_name=name)
        index = place if index is None else index * np.int32(size) + place
    return index


def axis_size(axis_name):
    """The size of a named axis, a Python int."""
    return core.axis_size(axis_name)


axis_index_p = define(
    "axis_index",
    cls=Collective,
    shape=lambda *, axis_name: ShapedArray((), np.int32),
    reference=lambda *, axis_name: np.int32(0),
    jvp=NONDIFFERENTIABLE,
    transpose=NO_RULE("has no inputs"),
    batch=lambda axis, args, dims, *, axis_name: (iota(np.int32, axis.size), 0),
    lower=lambda b, ins, out_avals, *, axis_name: [b.full(out_avals[0], 0)],
)

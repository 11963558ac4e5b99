"""Choosing between arrays, element by element."""

import numpy as np

from minijax import dtypes
from minijax.core import AS_STORED, ShapedArray, Zero, is_undefined_primal
from minijax.ops.bits import bitwise_and
from minijax.ops.comparison import eq, gt, lt
from minijax.ops.define import (
    ANY,
    NOT_LINEAR,
    add_tangents,
    batch_front,
    broadcast_like,
    check_dtype,
    constant_like,
    define,
    dtype_of,
    in_aval,
    move_axis,
    shape_of,
    structural,
    zeros,
)
from minijax.ops.shape import broadcast_in_dim

# --- select_n -----------------------------------------------------------------------


def select_n(which, *cases):
    """cases[which], element by element.

    which: booleans (one or two cases) or integers, of the cases' shape or of rank 0.
    An integer out of range takes the nearest case.
    """
    if not cases:
        raise ValueError("select_n() must have at least one case")
    return select_n_p.bind(which, *cases)


@structural
def select(pred, on_true, on_false):
    """`on_true` where `pred` is true, else `on_false`."""
    return select_n_p.bind(pred, on_false, on_true)


def _select_n_shape(which, *cases):
    first = cases[0]
    if not dtypes.issubdtype(which.dtype, np.bool_) and not dtypes.issubdtype(
        which.dtype, np.integer
    ):
        raise TypeError(
            f"select `which` must be boolean or integer type, got {which.dtype}."
        )
    if which.dtype == np.bool_ and len(cases) > 2:
        raise TypeError("select with boolean `which` cannot have > 2 cases.")
    if any(c.shape != first.shape for c in cases):
        shapes = ", ".join(str(c.shape) for c in cases)
        raise TypeError(f"select cases must have the same shapes, got [{shapes}].")
    if which.shape and which.shape != first.shape:
        raise TypeError(
            "select `which` must be scalar or have the same shape as cases, got `which` "
            f"shape {which.shape} but case shape {first.shape}."
        )
    if any(c.dtype != first.dtype for c in cases):
        names = ", ".join(c.dtype.name for c in cases)
        raise TypeError(
            f"lax.select requires arguments to have the same dtypes, got {names}. (Tip: "
            "jnp.where is a similar function that does automatic type promotion on "
            "inputs)."
        )
    weak = all(c.weak_type for c in cases)
    return ShapedArray(first.shape, first.dtype, weak)


def _select_n_reference(which, *cases):
    index = np.clip(np.asarray(which).astype(np.int64), 0, len(cases) - 1)
    index = np.broadcast_to(index, cases[0].shape)
    out = np.empty(cases[0].shape, cases[0].dtype)
    for k, case in enumerate(cases):
        out[index == k] = case[index == k]
    return out


def _select_n_jvp(primals, tangents):
    which, *cases = primals
    out = select_n_p.bind(which, *cases)
    tangents = tangents[1:]
    if all(type(t) is Zero for t in tangents):
        return out, Zero.of(out)
    zero = zeros(in_aval(next(t for t in tangents if type(t) is not Zero)))
    tangents = [zero if type(t) is Zero else t for t in tangents]
    return out, select_n_p.bind(which, *tangents)


def _select_n_transpose(ct, which, *cases):
    zero = zeros(in_aval(ct))

    def of_case(k):
        if dtype_of(which) == np.bool_:
            return select_n_p.bind(
                which, *[ct if i == k else zero for i in range(len(cases))]
            )
        return select_n_p.bind(eq(which, constant_like(k, which)), zero, ct)

    cts = [
        of_case(k) if is_undefined_primal(case) else None
        for k, case in enumerate(cases)
    ]
    return [None, *cts]


def _select_n_batch(axis, args, dims):
    (which, *cases), (which_dim, *case_dims) = args, dims
    first_dim = case_dims[0]
    if all(d == which_dim for d in case_dims):
        which = _stretch(which, cases[0], which_dim)
        return select_n_p.bind(which, *cases), which_dim
    if not shape_of(which) and None not in case_dims:
        rest = zip(cases[1:], case_dims[1:], strict=True)
        moved = [move_axis(c, d, first_dim) for c, d in rest]
        return select_n_p.bind(which, cases[0], *moved), first_dim
    if shape_of(which):
        which = batch_front(axis, which, which_dim)
    cases = [batch_front(axis, c, d) for c, d in zip(cases, case_dims, strict=True)]
    return select_n_p.bind(_stretch(which, cases[0], 0), *cases), 0


def _stretch(which, case, dim):
    """A `which` of one element a batch member, spread over the members' elements."""
    shape = shape_of(case)
    if len(shape_of(which)) in (0, len(shape)):
        return which
    return broadcast_in_dim(which, shape, (dim,))


def _select_n_lower(b, ins, out_avals):
    which, *cases = ins
    which = b.from_cells(which, b.eqn.invars[0].aval.dtype)
    out = cases[0]
    if which.dtype == np.bool_:
        if len(cases) == 2:
            out = b.ewise("select", [which, *cases], out_avals[0])
        return [out]
    mask = ShapedArray(which.shape, np.dtype(bool))
    for k, case in enumerate(cases[1:], 1):
        limit = b.full(ShapedArray(which.shape, which.dtype), k)
        reached = b.ewise("ge", [which, limit], mask)
        out = b.ewise("select", [reached, out, case], out_avals[0])
    return [out]


select_n_p = define(
    "select_n",
    shape=_select_n_shape,
    reference=_select_n_reference,
    jvp=_select_n_jvp,
    transpose=_select_n_transpose,
    batch=_select_n_batch,
    lower=_select_n_lower,
    narrow=AS_STORED,
)

# --- clamp --------------------------------------------------------------------------


def clamp(min, x, max):
    """`x`, but `min` where it is below and `max` where it is above.

    min and max: of the shape of x or of rank 0, and of its dtype.
    """
    return clamp_p.bind(min, x, max)


def _clamp_shape(low, x, high):
    for name, bound in (("min", low), ("max", high)):
        if bound.shape and bound.shape != x.shape:
            raise TypeError(
                f"clamp requires {name}.shape == operand.shape or {name}.shape == (), "
                f"got {name}.shape={bound.shape}, operand.shape={x.shape}."
            )
    if not low.dtype == x.dtype == high.dtype:
        names = ", ".join(str(a.dtype) for a in (low, x, high))
        raise TypeError(
            f"lax.clamp requires arguments to have the same dtypes, got {names}."
        )
    check_dtype("clamp", ANY, x.dtype)
    return x.update(weak_type=low.weak_type and x.weak_type and high.weak_type)


def _clamp_jvp(primals, tangents):
    low, x, high = primals
    out = clamp_p.bind(*primals)
    masks = (
        lambda: bitwise_and(gt(low, x), lt(low, high)),
        lambda: bitwise_and(gt(x, low), lt(x, high)),
        lambda: lt(high, x),
    )
    total = Zero.of(out)
    parts = [
        select(mask(), t, zeros(in_aval(t)))
        for t, mask in zip(_spread(tangents, out), masks, strict=True)
        if type(t) is not Zero
    ]
    for part in parts:
        total = add_tangents(total, part)
    return out, total


def _spread(tangents, out):
    return [t if type(t) is Zero else broadcast_like(t, out) for t in tangents]


def _clamp_batch(axis, args, dims):
    (low, x, high), (low_dim, x_dim, high_dim) = args, dims
    if low_dim == x_dim == high_dim:
        low, high = _stretch(low, x, x_dim), _stretch(high, x, x_dim)
        return clamp_p.bind(low, x, high), x_dim
    if not shape_of(low) and not shape_of(high):
        return clamp_p.bind(low, x, high), x_dim
    low, high = (
        batch_front(axis, bound, d) if shape_of(bound) else bound
        for bound, d in ((low, low_dim), (high, high_dim))
    )
    x = batch_front(axis, x, x_dim)
    low, high = (
        bound if shape_of(bound) else broadcast_like(bound, x) for bound in (low, high)
    )
    return clamp_p.bind(_stretch(low, x, 0), x, _stretch(high, x, 0)), 0


def _larger(x, y):
    """The larger of two arrays, NaN if either is, and 0 rather than -0."""
    wins = (x > y) | ((x == y) & ~np.signbit(x)) | np.isnan(x)
    return np.where(wins & ~np.isnan(y), x, y)


def _clamp_reference(low, x, high):
    if not dtypes.issubdtype(x.dtype, np.floating):
        return np.minimum(np.maximum(x, low), high)
    return (-_larger(-_larger(x, low), -high)).astype(x.dtype)


clamp_p = define(
    "clamp",
    shape=_clamp_shape,
    reference=_clamp_reference,
    jvp=_clamp_jvp,
    transpose=NOT_LINEAR,
    batch=_clamp_batch,
    lower=lambda b, ins, out_avals: [b.ewise("clamp", ins, out_avals[0])],
)

"""Reductions over axes: sums, products, extrema, logic, positions of extrema."""

import operator
from typing import Any

import numpy as np

from minijax import config, core, dtypes
from minijax.core import AS_STORED, ShapedArray, Zero
from minijax.ops.arithmetic import add, div, mul
from minijax.ops.comparison import eq
from minijax.ops.convert import convert
from minijax.ops.define import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NONDIFFERENTIABLE,
    NOT_LINEAR,
    NUMBER,
    accepts,
    add_tangents,
    check_dtype,
    constant_like,
    define,
    dtype_of,
    in_aval,
    linear_jvp,
    shape_of,
    structural,
)
from minijax.ops.rounded_reduce import rounded_lower
from minijax.ops.shape import broadcast_in_dim, reshape, squeeze
from minijax.ops.slicing import pad, slice

# --- the lowering they share ----------------------------------------------------------


def kept_shape(shape_, axes):
    """A shape without the given axes."""
    return tuple(n for d, n in enumerate(shape_) if d not in axes)


def mergeable(view, dims):
    """(size, stride) of the dims of a view as one, or None where no one stride walks
    them.
    """
    size, stride = 1, 0
    for d in reversed(dims):
        n = view.shape[d]
        if n == 1:
            continue
        if size == 1:
            size, stride = n, view.strides[d]
        elif view.strides[d] != stride * size:
            return None
        else:
            size *= n
    return size, stride


def view3(b, view, axes):
    """The view as [outer, n, inner] with `axes` in the middle, or None where strides
    forbid it.

    The kept axes keep their order: a prefix of them is outer, the rest inner.
    """
    n = mergeable(view, axes)
    if n is None:
        return None
    kept = [d for d in range(len(view.shape)) if d not in axes]
    before = sum(d < axes[0] for d in kept)
    for cut in sorted(range(len(kept) + 1), key=lambda cut: abs(cut - before)):
        outer, inner = mergeable(view, kept[:cut]), mergeable(view, kept[cut:])
        if outer is not None and inner is not None:
            sizes, strides = zip(outer, n, inner, strict=True)
            return view._with(sizes, strides)
    return None


def _groups(view, axes):
    """The axes in runs that one stride walks."""
    runs = []
    for d in axes:
        if runs and mergeable(view, [*runs[-1], d]) is not None:
            runs[-1].append(d)
        else:
            runs.append([d])
    return runs


def _reduce_instr(b, view, axes, kind):
    """One REDUCE over axes that one stride walks; a dense view of the kept axes."""
    shape_ = kept_shape(view.shape, axes)
    middle = view3(b, view, axes)
    if middle is None:
        kept = [d for d in range(len(view.shape)) if d not in axes]
        dense = b.dense(view.transpose([*kept, *axes]))
        n = int(np.prod([view.shape[d] for d in axes], dtype=np.int64))
        middle = dense.reshape((dense.size // n if n else 0, n, 1))
    outer, _, inner = middle.shape
    (out,) = b.instr("REDUCE", [middle], [((outer, inner), view.dtype)], [kind])
    return out.reshape(shape_)


def lower_reduce(b, view, axes, kind):
    """Reduce a view over axes, in as few instructions as its strides allow."""
    axes = sorted({d % len(view.shape) for d in axes}) if axes else []
    shape_ = kept_shape(view.shape, axes)
    single = [d for d in axes if view.shape[d] == 1]
    if len(single) == len(axes):
        return view.squeeze(single)
    if 0 in shape_:
        return b.empty(shape_, view.dtype)
    if not view.size:
        empty = b.empty((view.buffer is None, 0), view.dtype)._with(
            (1, 0, 1), (0, 0, 0)
        )
        (out,) = b.instr("REDUCE", [empty], [((1, 1), view.dtype)], [kind])
        return out.reshape(()).broadcast(shape_, ())
    view = b.dense(view) if view.buffer is None else view
    if view.dtype.itemsize == 2 and len(_groups(view, axes)) > 1:
        return _reduce_instr(b, view, axes, kind)  # no rounding between steps
    while axes:
        last = _groups(view, axes)[-1]
        view = _reduce_instr(b, view, last, kind)
        axes = axes[: len(axes) - len(last)]
    return view


# of `enum mjx_reduce_kind`
SUM, PROD, MAX, MIN, AND, OR, XOR = range(7)
_TREE_KERNEL = {MAX: "max", MIN: "min"}


def _lower_by_kind(kind):
    def lower(b, ins, out_avals, *, axes, out_sharding=None):
        (x,) = ins
        if x.dtype.kind == "c" and kind in _TREE_KERNEL:
            return [_lower_complex_extremum(b, x, axes, kind)]
        return [lower_reduce(b, x, axes, kind)]

    return lower


def _lower_complex_extremum(b, view, axes, kind):
    """By halves, which may overlap: an extremum does not mind an element twice."""
    axes = sorted(axes)
    kept = [d for d in range(len(view.shape)) if d not in axes]
    shape_ = kept_shape(view.shape, axes)
    view = b.reshape(
        view.transpose([*axes, *kept]), (-1 if 0 else _count(view, axes), *shape_)
    )
    if not view.shape[0]:
        worst = complex(-np.inf if kind == MAX else np.inf)
        return b.full(ShapedArray(shape_, view.dtype), worst)
    while (n := view.shape[0]) > 1:
        half = -(-n // 2)
        aval = ShapedArray((half, *shape_), view.dtype)
        zeros_, limits = [0] * len(view.shape), list(view.shape)
        low = view.slice(zeros_, [half, *limits[1:]])
        high = view.slice([n - half, *zeros_[1:]], limits)
        view = b.ewise(_TREE_KERNEL[kind], [low, high], aval)
    return view.squeeze((0,))


def _count(view, axes):
    count = 1
    for d in axes:
        count *= view.shape[d]
    return count


# --- definition -----------------------------------------------------------------------


def _axes_shape(name, kinds):
    def rule(x, *, axes, out_sharding=None):
        _check_axes(x, axes)
        if not accepts(kinds, x.dtype):
            names = ", ".join(kind.__name__.rstrip("_") for kind in kinds)
            if kinds == NUMBER:
                names = "number"
            raise TypeError(
                f"{name} does not accept dtype {x.dtype}. Accepted dtypes are subtypes "
                f"of {names}."
            )
        return ShapedArray(kept_shape(x.shape, axes), x.dtype, x.weak_type)

    return rule


def _check_axes(x, axes):
    if len(set(axes)) != len(axes):
        raise ValueError(f"duplicate value in 'axes' of reduction: {axes}")
    if any(not 0 <= d < x.ndim for d in axes):
        raise ValueError(
            f"reduction axes {axes} contains out-of-bounds indices for {x.str_short()}."
        )


def _axes_batch(primitive_of):
    """The batch rule of a reduction: the batch axis is one more that is kept."""

    def batch(axis, args, dims, *, axes, **params):
        (x,), (d,) = args, dims
        shape_ = shape_of(x)
        _check_axes(ShapedArray(shape_[:d] + shape_[d + 1 :], x.dtype), axes)
        shifted = tuple(k + (k >= d) for k in axes)
        out = primitive_of().bind(x, axes=shifted, **params)
        return out, d - sum(k < d for k in shifted)

    return batch


# --- sum and product ------------------------------------------------------------------


@structural
def reduce_sum(operand, axes, *, out_sharding=None):
    """The sum over the given axes (distinct, counted from the front).

    ValueError for 16-bit floats where the flag `jax_allow_f16_reductions` is off.
    """
    if not config.values.jax_allow_f16_reductions:
        _check_wide(core.get_aval(operand), axes)
    return reduce_sum_p.bind(operand, axes=tuple(axes), out_sharding=None)


def _check_wide(x, axes):
    half = x.dtype.itemsize == 2 and dtypes.issubdtype(x.dtype, np.floating)
    if half and any(x.shape[d] != 1 for d in axes):
        raise ValueError(
            f"reduce_sum on operand {x.str_short(True)} is not allowed when "
            "jax_allow_f16_reductions=False."
        )


def _reduce_sum_transpose(ct, x, *, axes, out_sharding):
    shape_ = in_aval(x).shape
    kept = tuple(d for d in range(len(shape_)) if d not in axes)
    return [broadcast_in_dim(ct, shape_, kept)]


def _half_safe(function):
    """A NumPy reduction that computes floats of up to 16 bits in float32, and keeps the
    dtype.
    """

    def reference(x, *, axes, out_sharding=None):
        small = dtypes.issubdtype(x.dtype, np.floating) and x.dtype.itemsize <= 2
        with np.errstate(all="ignore"):
            wide = x.astype(np.float32 if small else dtypes.wide_dtype(x.dtype))
            return np.asarray(function(wide, axis=axes)).astype(x.dtype)

    return reference


reduce_sum_p = define(
    "reduce_sum",
    shape=_axes_shape("reduce_sum", NUMBER),
    reference=_half_safe(lambda x, axis: np.sum(x, axis, dtype=x.dtype)),
    jvp=linear_jvp(lambda: reduce_sum_p),
    transpose=_reduce_sum_transpose,
    batch=_axes_batch(lambda: reduce_sum_p),
    lower=rounded_lower(_lower_by_kind(SUM), add, 0),
    narrow=AS_STORED,
)


def reduce_prod(operand, axes):
    """The product over the given axes."""
    return reduce_prod_p.bind(operand, axes=tuple(axes))


def _reduce_prod_jvp(primals, tangents, *, axes):
    (x,), (t,) = primals, tangents
    if type(t) is Zero:
        out = reduce_prod(x, axes)
        return out, Zero.of(out)
    identities = [constant_like(1, x), constant_like(0, x)]
    return tuple(reduce_pairs(_mul_pairs, [x, t], identities, axes))


def _mul_pairs(left, right):
    """(x, t) of the product of two values that carry tangents."""
    (x, t), (y, s) = left, right
    return [mul(x, y), add_tangents(mul(t, y), mul(x, s))]


def reduce_pairs(combine, operands, identities, axes):
    """Reduce arrays of one shape over axes, combining halves; a list.

    combine: two lists of arrays -> list; identities[k] stands in for operand k where a
    half is one element too short, or where there is none at all.
    """
    shape_ = shape_of(operands[0])
    kept = [d for d in range(len(shape_)) if d not in axes]
    n = 1
    for d in axes:
        n *= shape_[d]
    flat_shape = (n, *[shape_[d] for d in kept])
    xs = [reshape(x, flat_shape, (*axes, *kept)) for x in operands]
    if not n:
        return [broadcast_in_dim(v, flat_shape[1:], ()) for v in identities]
    while n > 1:
        half = (n + 1) // 2
        left = [_rows(x, 0, half) for x in xs]
        right = [_rows(x, half, n) for x in xs]
        if n % 2:
            config = [(0, 1, 0)] + [(0, 0, 0)] * len(kept)
            right = [pad(x, v, config) for x, v in zip(right, identities, strict=True)]
        xs, n = combine(left, right), half
    return [squeeze(x, (0,)) for x in xs]


def _rows(x, start, stop):
    shape_ = shape_of(x)
    rest = [0] * (len(shape_) - 1)
    return slice(x, [start, *rest], [stop, *shape_[1:]], [1] * len(shape_))


reduce_prod_p = define(
    "reduce_prod",
    shape=_axes_shape("reduce_prod", NUMBER),
    reference=_half_safe(lambda x, axis: np.prod(x, axis, dtype=x.dtype)),
    jvp=_reduce_prod_jvp,
    transpose=NOT_LINEAR,
    batch=_axes_batch(lambda: reduce_prod_p),
    lower=rounded_lower(_lower_by_kind(PROD), mul, 1),
    narrow=AS_STORED,
)

# --- extrema --------------------------------------------------------------------------


def reduce_max(operand, axes):
    """The largest element over the given axes; NaN if there is one."""
    return reduce_max_p.bind(operand, axes=tuple(axes))


def reduce_min(operand, axes):
    """The smallest element over the given axes; NaN if there is one."""
    return reduce_min_p.bind(operand, axes=tuple(axes))


def extremum_identity(kind, dtype):
    """The value that no element is worse than: what an empty reduction gives."""
    worst_is_low = kind == MAX
    if dtype == np.bool_:
        return not worst_is_low
    if dtypes.issubdtype(dtype, np.integer):
        info = dtypes.iinfo(dtype)
        return info.min if worst_is_low else info.max
    return -np.inf if worst_is_low else np.inf


def _extremum_reference(kind, function):
    def reference(x, *, axes, out_sharding=None):
        worst = np.asarray(extremum_identity(kind, x.dtype)).astype(x.dtype)
        return np.asarray(function.reduce(x, axis=axes, initial=worst)).astype(x.dtype)

    return reference


def _extremum_jvp(primitive_of):
    """The tangent's mean over the places where the extremum is reached."""

    def jvp(primals, tangents, *, axes):
        (x,), (t,) = primals, tangents
        out = primitive_of().bind(x, axes=axes)
        if type(t) is Zero:
            return out, Zero.of(out)
        ones = [1 if d in axes else n for d, n in enumerate(shape_of(x))]
        there = convert(eq(x, reshape(out, ones)), dtype_of(t))
        count = reduce_sum(there, axes)
        return out, div(reduce_sum(mul(t, there), axes), count)

    return jvp


def _extremum(name, kind, function):
    primitive = define(
        name,
        shape=_axes_shape(name, ANY),
        reference=_extremum_reference(kind, function),
        jvp=_extremum_jvp(lambda: primitive),
        transpose=NOT_LINEAR,
        batch=_axes_batch(lambda: primitive),
        lower=_lower_by_kind(kind),
    )
    return primitive


reduce_max_p = _extremum("reduce_max", MAX, np.maximum)
reduce_min_p = _extremum("reduce_min", MIN, np.minimum)

# --- logic ----------------------------------------------------------------------------


def reduce_and(operand, axes):
    """All bits that are set in every element over the given axes."""
    return reduce_and_p.bind(operand, axes=tuple(axes))


def reduce_or(operand, axes):
    """All bits that are set in some element over the given axes."""
    return reduce_or_p.bind(operand, axes=tuple(axes))


def reduce_xor(operand, axes):
    """All bits that are set in an odd number of elements over the given axes."""
    return reduce_xor_p.bind(operand, axes=tuple(axes))


def _logic_shape(x, *, axes):
    if x.dtype != np.bool_ and not dtypes.issubdtype(x.dtype, np.integer):
        raise TypeError(
            f"logical reduction requires operand dtype bool or int, got {x.dtype}."
        )
    for d in axes:
        if not -x.ndim <= d < x.ndim:
            raise IndexError(
                f"index {d} is out of bounds for axis 0 with size {x.ndim}"
            )
    gone = {d % x.ndim for d in axes}
    return ShapedArray(kept_shape(x.shape, gone), x.dtype)  # JAX: strongly typed


def _logic(name, kind, function):
    primitive = define(
        name,
        shape=_logic_shape,
        reference=lambda x, *, axes: np.asarray(function.reduce(x, axis=axes)),
        jvp=NONDIFFERENTIABLE,
        transpose=NOT_LINEAR,
        batch=_axes_batch(lambda: primitive),
        lower=_lower_by_kind(kind),
    )
    return primitive


reduce_and_p = _logic("reduce_and", AND, np.bitwise_and)
reduce_or_p = _logic("reduce_or", OR, np.bitwise_or)
reduce_xor_p = _logic("reduce_xor", XOR, np.bitwise_xor)

# --- positions of extrema -------------------------------------------------------------


def argmax(operand, axis, index_dtype):
    """The index along `axis` of the (first) largest element, or of the first NaN."""
    return _arg_bind(argmax_p, "argmax", operand, axis, index_dtype)


def argmin(operand, axis, index_dtype):
    """The index along `axis` of the (first) smallest element, or of the first NaN."""
    return _arg_bind(argmin_p, "argmin", operand, axis, index_dtype)


def _arg_bind(primitive, name, operand, axis, index_dtype):
    index_dtype = dtypes.check_user_dtype(index_dtype, name)
    return primitive.bind(
        operand, axes=(operator.index(axis),), index_dtype=index_dtype
    )


def _arg_shape(name, x, axes, index_dtype):
    (axis,) = axes
    if not 0 <= axis < x.ndim:
        raise ValueError(f"Invalid axis {axis} for operand shape {x.shape}")
    if x.shape[axis] < 1:
        raise ValueError(
            "argmin and argmax require non-empty reduced dimension. operand.shape="
            f"{x.shape} {axis=}"
        )
    if not dtypes.issubdtype(index_dtype, np.integer):
        raise TypeError(
            f"index_dtype must be an integer type, but got {np.dtype(index_dtype)}"
        )
    compared_by = "lt" if name == "argmin" else "gt"
    check_dtype(compared_by, INT + FLOAT + BOOL, x.dtype, " at position 0")
    return ShapedArray(kept_shape(x.shape, axes), index_dtype)


def _arg_reference(function):
    def reference(x, *, axes, index_dtype):
        (axis,) = axes
        if x.dtype == dtypes.bfloat16:
            x = x.astype(np.float32)
        return np.asarray(function(x, axis)).astype(index_dtype)

    return reference


def dense3(b, view, axis) -> Any:
    """The view as [outer, n, inner] around `axis`, copied only where strides force it."""
    found = None if view.buffer is None else _around(view, axis)
    return found or _around(b.dense(view), axis)


def _around(view, axis):
    """[outer, n, inner] with all axes before `axis` outer and all after it inner."""
    rank = len(view.shape)
    outer = mergeable(view, list(range(axis)))
    inner = mergeable(view, list(range(axis + 1, rank)))
    if not view.size:
        sizes = (
            _count(view, range(axis)),
            view.shape[axis],
            _count(view, range(axis + 1, rank)),
        )
        return view._with(sizes, (sizes[1] * sizes[2], sizes[2], 1))
    if outer is None or inner is None:
        return None
    middle = view.shape[axis], view.strides[axis]
    sizes, strides = zip(outer, middle, inner, strict=True)
    return view._with(sizes, strides)


def _arg_lower(kind):
    def lower(b, ins, out_avals, *, axes, index_dtype):
        view = ins[0]
        shape_ = out_avals[0].shape
        if 0 in shape_:
            return [b.empty(shape_, index_dtype)]
        view = dense3(b, view, axes[0])
        outer, _, inner = view.shape
        (out,) = b.instr("ARGREDUCE", [view], [((outer, inner), index_dtype)], [kind])
        return [out.reshape(shape_)]

    return lower


def _arg(name, kind, function):
    primitive = define(
        name,
        shape=lambda x, *, axes, index_dtype: _arg_shape(name, x, axes, index_dtype),
        reference=_arg_reference(function),
        jvp=NONDIFFERENTIABLE,
        transpose=NOT_LINEAR,
        batch=_axes_batch(lambda: primitive),
        lower=_arg_lower(kind),
    )
    return primitive


argmax_p = _arg("argmax", MAX, np.argmax)
argmin_p = _arg("argmin", MIN, np.argmin)

"""Reductions over sliding windows (pooling), and their derivatives.

A window of `window_dimensions`, its elements `window_dilation` apart, is slid in steps
of `window_strides` over the operand, whose elements are spread `base_dilation` apart
and padded.  Only real elements count.
"""

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.core import AS_STORED, ClosedJaxpr, ShapedArray, Zero, is_undefined_primal
from minijax.ops import arithmetic, comparison
from minijax.ops.conv_shapes import dilate
from minijax.ops.define import (
    ANY,
    FLOAT,
    NO_RULE,
    NUMBER,
    accepts,
    batch_front,
    constant_like,
    define,
    dtype_of,
    in_aval,
    instantiate,
    shape_of,
)
from minijax.ops.scalar_jaxpr import eval_elementwise, paired_jvp
from minijax.ops.slicing import pad, slice
from minijax.ops.views import real_view
from minijax.ops.window_reference import (
    reduce_window_reference,
    select_and_gather_add_reference,
    select_and_scatter_add_reference,
)
from minijax.ops.window_shapes import (
    output_shape,
    reduce_window_shape_tuple,  # noqa: F401 (public)
    window_params,
)
from minijax.trace import DebugInfo, describe_function, trace

# --- what all share -------------------------------------------------------------------


def _with_batch_dim(params, place):
    """The parameters with a dimension of windows of one element at `place`."""

    def insert(values, value):
        return (*values[:place], value, *values[place:])

    return {
        name: insert(values, (0, 0) if name == "padding" else 1)
        for name, values in params.items()
    }


def _encode(params):
    """The window of each dimension as the runtime takes it."""
    words = []
    for k, n in enumerate(params["window_dimensions"]):
        words += [n, params["window_strides"][k], params["padding"][k][0]]
        words += [params.get("base_dilation", _ONES)[k]]
        words += [params.get("window_dilation", _ONES)[k]]
    return words


_ONES = (1,) * 64

# --- reduce_window --------------------------------------------------------------------


def reduce_window(
    operand,
    init_value,
    computation,
    window_dimensions,
    window_strides=None,
    padding="VALID",
    base_dilation=None,
    window_dilation=None,
):
    """What each window of `operand` is reduced to by `computation`, starting from `init_value`.

    operand, init_value: an array and a scalar, or two pytrees of such; `computation`
        combines two scalars (or trees of them).  `lax.add`, `lax.max` and `lax.min`
        with their identities have primitives of their own, which can be differentiated.
        TypeError or ValueError where the arguments do not fit.
    """
    operands, tree = flatten(operand)
    inits, init_tree = flatten(init_value)
    if not operands:
        raise ValueError("reduce_window must have at least one operand.")
    if tree != init_tree:
        raise ValueError(
            "Operands must have the same tree structure as init_values: "
            f"{tree} vs. {init_tree}"
        )
    params = window_params(
        shape_of(operands[0]),
        window_dimensions,
        window_strides,
        padding,
        base_dilation,
        window_dilation,
    )
    if len(operands) == 1:
        known = _known_reduction(computation, operands[0], inits[0])
        if known is not None:
            return unflatten(tree, [known.bind(operands[0], **params)])
    closed = _combine_jaxpr(computation, [core.get_aval(x) for x in inits], tree)
    outs = reduce_window_p.bind(
        *operands,
        *inits,
        jaxpr=closed.jaxpr,
        consts=tuple(closed.consts),
        **params,
    )
    return unflatten(tree, outs)


def _combine_jaxpr(computation, avals, tree):
    """The jaxpr of `computation` on scalars of the initial values' types."""
    scalars = [aval.update(shape=()) for aval in avals]

    def combine(*args):
        half = len(args) // 2
        out = computation(unflatten(tree, args[:half]), unflatten(tree, args[half:]))
        outs, out_tree = flatten(out)
        if out_tree != tree:
            raise ValueError(
                "reduce_window output must have the same tree structure as the operands "
                f"{tree} vs. {out_tree}"
            )
        return outs

    info = DebugInfo("reduce_window comp", describe_function(computation))
    return trace(combine, scalars + scalars, info)


def _worst(dtype, largest):
    """The largest or smallest value of a dtype."""
    if accepts(FLOAT, dtype) or dtype.kind == "c":
        return np.inf if largest else -np.inf
    if dtype.kind == "b":
        return largest
    info = dtypes.iinfo(dtype)
    return info.max if largest else info.min


def _known_reduction(computation, operand, init):
    """The primitive of a computation with its identity, or None."""
    if isinstance(init, core.Tracer) or shape_of(init):
        return None
    if isinstance(dtype_of(operand), dtypes.ExtendedDType):
        return None
    dtype = dtype_of(init)  # whose identity it is; that of the operand may differ
    init = np.asarray(init)
    if computation is arithmetic.add and init == 0:
        return reduce_window_sum_p
    if computation is comparison.max and accepts(REAL_OR_BOOL, dtype):
        return reduce_window_max_p if init == _worst(dtype, False) else None
    if computation is comparison.min and accepts(REAL_OR_BOOL, dtype):
        return reduce_window_min_p if init == _worst(dtype, True) else None
    return None


REAL_OR_BOOL = (np.bool_, np.integer, np.floating)


def _reduce_window_shape(*avals, jaxpr, consts, **params):
    half = len(avals) // 2
    operands, inits = avals[:half], avals[half:]
    if any(x.shape != operands[0].shape for x in operands):
        shapes = [x.shape for x in operands]
        raise TypeError(f"reduce_window operands must have one shape, got {shapes}.")
    if any(x.shape for x in inits):
        shapes = [x.shape for x in inits]
        raise TypeError(
            "reduce_window expected init_values to be scalars but init_values have shapes "
            f"{shapes}."
        )
    if [x.dtype for x in operands] != [x.dtype for x in inits]:
        raise TypeError(
            "reduce_window got inconsistent dtypes for operands and init_values: got "
            f"operand dtypes {[x.dtype for x in operands]} and init_value dtypes "
            f"{[x.dtype for x in inits]}."
        )
    shape = output_shape("reduce_window", operands[0].shape, params)
    for var, x in zip(jaxpr.outvars, operands, strict=True):
        if var.aval.shape or var.aval.dtype != x.dtype:
            raise TypeError(
                "reduce_window: computation must give scalars of its operands' dtypes, "
                f"got {var.aval} for {x.dtype.name}"
            )
    return [ShapedArray(shape, x.dtype) for x in operands]


def _reduce_window_jvp(primals, tangents, *, jaxpr, consts, **params):
    """Values and tangents reduced together: windows of pairs."""
    half = len(primals) // 2
    if any(type(t) is not Zero for t in tangents[half:]):
        raise TypeError(
            "reduce_window jvp does not support non-zero init_value_tangent."
        )
    pair = paired_jvp(ClosedJaxpr(jaxpr, consts))
    outs = reduce_window_p.bind(
        *primals[:half],
        *map(instantiate, tangents[:half]),
        *primals[half:],
        *map(instantiate, tangents[half:]),
        jaxpr=pair.jaxpr,
        consts=tuple(pair.consts),
        **params,
    )
    return outs[:half], outs[half:]


def _reduce_window_batch(axis, args, dims, *, jaxpr, consts, **params):
    half = len(args) // 2
    if any(d is not None for d in dims[half:]):
        raise NotImplementedError(
            "reduce_window batching is not implemented for initial values"
        )
    operands = [
        batch_front(axis, x, d) for x, d in zip(args[:half], dims[:half], strict=True)
    ]
    params = _with_batch_dim(params, 0)
    outs = reduce_window_p.bind(
        *operands, *args[half:], jaxpr=jaxpr, consts=consts, **params
    )
    return outs, [0] * half


# names of ops that the runtime reduces windows by (enum mjx_reduce_kind)
_KINDS = {"add": 0, "mul": 1, "max": 2, "min": 3, "and": 4, "or": 5, "xor": 6}


def _single_op(jaxpr):
    """The name of the op if the jaxpr is just one of `_KINDS` on its two inputs, else None."""
    if len(jaxpr.eqns) != 1 or len(jaxpr.invars) != 2:
        return None
    (eqn,) = jaxpr.eqns
    name = eqn.primitive.name
    if name not in _KINDS or jaxpr.outvars != eqn.outvars:
        return None
    return name if set(eqn.invars) == set(jaxpr.invars) else None


def _reduce_window_lower(b, ins, out_avals, *, jaxpr, consts, **params):
    if out_avals[0].size == 0:
        return [b.full(aval, 0) for aval in out_avals]
    name, dtype = _single_op(jaxpr), out_avals[0].dtype
    ordered_pairs = dtype.kind == "c" and name in ("max", "min")
    if name is not None and not ordered_pairs and dtype not in dtypes.narrow_dtypes:
        view, init = ins
        out = _lower_kind(b, view, out_avals[0], name, params)
        return [b.ewise(name, [init.broadcast(out.shape, ()), out], out_avals[0])]
    return _lower_by_places(b, ins, out_avals, ClosedJaxpr(jaxpr, consts), params)


def _lower_kind(b, view, aval, name, params):
    """One reduction by the runtime; half types in float32."""
    dtype = view.dtype
    half = accepts(FLOAT, aval.dtype) and dtype.itemsize == 2
    within = np.dtype("f4") if half else dtype
    view = real_view(b, b.convert(view, within))
    words = [_KINDS[name], *_encode(params)]
    (out,) = b.instr("REDUCE_WINDOW", [view], [(aval.shape, within)], words)
    return b.convert(out, dtype)


def _lower_by_places(b, ins, out_avals, closed, params):
    """Any computation: one place of the window after the other, for all windows at once."""
    half = len(ins) // 2
    shape = out_avals[0].shape
    totals = [v.broadcast(shape, ()) for v in ins[half:]]
    for place in np.ndindex(*params["window_dimensions"]):
        part = _windows_at(ins[0].shape, shape, place, params)
        if part is None:
            continue
        target, source = part
        seen = [_cut(v, source) for v in ins[:half]]
        so_far = [_cut(v, target) for v in totals]
        outs = _inline_on_arrays(b, closed, so_far + seen)
        totals = [
            _replaced(b, total, target, out)
            for total, out in zip(totals, outs, strict=True)
        ]
    return totals


def _windows_at(in_shape, out_shape, place, params):
    """Which windows see real elements at `place`, and which elements: (cut of out, cut of in).

    A cut: (start, count, step) for each dimension.  None where there are none.
    """
    target, source = [], []
    for k, at in enumerate(place):
        stride, base = params["window_strides"][k], params["base_dilation"][k]
        shift = at * params["window_dilation"][k] - params["padding"][k][0]
        hits = [
            (j, (j * stride + shift) // base)
            for j in range(out_shape[k])
            if (j * stride + shift) % base == 0
            and 0 <= (j * stride + shift) // base < in_shape[k]
        ]
        if not hits:
            return None
        (j0, i0), n = hits[0], len(hits)
        target.append((j0, n, hits[1][0] - j0 if n > 1 else 1))
        source.append((i0, n, hits[1][1] - i0 if n > 1 else 1))
    return target, source


def _cut(view, cut):
    return view.slice(
        [start for start, _, _ in cut],
        [start + (n - 1) * step + 1 for start, n, step in cut],
        [step for _, _, step in cut],
    )


def _replaced(b, total, cut, part):
    """`total` with a part of it replaced."""
    if part.shape == total.shape:
        return part
    out = b.empty(total.shape, total.dtype)
    b.copy_into(out, total)
    b.copy_into(_cut(out, cut), part)
    return out


def _inline_on_arrays(b, closed, ins):
    """Inline a jaxpr of scalars on arrays of one shape: its ops must be elementwise."""
    avals = [
        ShapedArray(view.shape, var.aval.dtype)
        for view, var in zip(ins, closed.jaxpr.invars, strict=True)
    ]
    return b.lower_fun(lambda *args: eval_elementwise(closed, args), ins, avals)


reduce_window_p = define(
    "reduce_window",
    multiple_results=True,
    shape=_reduce_window_shape,
    reference=reduce_window_reference,
    jvp=_reduce_window_jvp,
    transpose=NO_RULE("Transpose rule for 'reduce_window' not implemented"),
    batch=_reduce_window_batch,
    lower=_reduce_window_lower,
    narrow=AS_STORED,
)

# --- sum, max and min over windows ----------------------------------------------------


def _kind_shape(name, kinds):
    def shape(operand, **params):
        if not accepts(kinds, operand.dtype):
            raise TypeError(
                f"operand to {name} must have a number dtype, got {operand.dtype}"
            )
        return operand.update(
            shape=output_shape("reduce_window", operand.shape, params)
        )

    return shape


def _kind_batch(primitive_of):
    def batch(_axis, args, dims, **params):
        (operand,), (place,) = args, dims
        params = _with_batch_dim(params, place)
        return primitive_of().bind(operand, **params), place

    return batch


def _kind_lower(name):
    def lower(b, ins, out_avals, **params):
        if out_avals[0].size == 0:
            return [b.full(out_avals[0], 0)]
        return [_lower_kind(b, ins[0], out_avals[0], name, params)]

    return lower


def _kind_reference(function, identity):
    def reference(operand, **params):
        init = np.asarray(identity(operand.dtype)).astype(operand.dtype)
        return reduce_window_reference(operand, init, function=function, **params)[0]

    return reference


def _sum_jvp(primals, tangents, **params):
    out = reduce_window_sum_p.bind(*primals, **params)
    (t,) = tangents
    if type(t) is Zero:
        return out, Zero.of(out)
    return out, reduce_window_sum_p.bind(t, **params)


def _sum_transpose(
    ct,
    operand,
    *,
    window_dimensions,
    window_strides,
    padding,
    base_dilation,
    window_dilation,
):
    """A sum over windows of the cotangent, spread out by the strides and padded."""
    config = []
    for k, n in enumerate(operand.aval.shape):
        window = dilate(window_dimensions[k], window_dilation[k])
        out = dilate(shape_of(ct)[k], window_strides[k])
        before = window - padding[k][0] - 1
        after = dilate(n, base_dilation[k]) + window - 1 - out - before
        config.append((before, after, window_strides[k] - 1))
    zero = constant_like(0, ct)
    n_dims = len(config)
    out = reduce_window_sum_p.bind(
        pad(ct, zero, tuple(config)),
        window_dimensions=window_dimensions,
        window_strides=base_dilation,
        padding=((0, 0),) * n_dims,
        base_dilation=(1,) * n_dims,
        window_dilation=window_dilation,
    )
    return [out]


reduce_window_sum_p = define(
    "reduce_window_sum",
    shape=_kind_shape("reduce_window_sum", NUMBER),
    reference=_kind_reference(np.add, lambda dtype: 0),
    jvp=_sum_jvp,
    transpose=_sum_transpose,
    batch=_kind_batch(lambda: reduce_window_sum_p),
    lower=_kind_lower("add"),
)


def _extreme(name, kernel, op, function, largest, select):
    """reduce_window_max or _min; its tangent is that of the element that `select` keeps."""

    def jvp(primals, tangents, **params):
        (operand,), (t,) = primals, tangents
        out = primitive.bind(operand, **params)
        if type(t) is Zero:
            return out, Zero.of(out)
        t = select_and_gather_add_p.bind(t, operand, select_prim=select, **params)
        return out, t

    by_kind = _kind_lower(kernel)

    def lower(b, ins, out_avals, **params):
        (aval,) = out_avals
        if aval.dtype.kind != "c" or not aval.size:
            return by_kind(b, ins, out_avals, **params)
        scalar = aval.update(shape=())
        first = b.full(scalar, complex(_worst(np.dtype("f4"), not largest)))
        combine = trace(lambda x, y: [op(x, y)], [scalar, scalar])
        return _lower_by_places(b, [*ins, first], out_avals, combine, params)

    primitive = define(
        name,
        shape=_kind_shape(name, ANY),
        reference=_kind_reference(function, lambda dtype: _worst(dtype, not largest)),
        jvp=jvp,
        transpose=NO_RULE(f"Transpose rule for '{name}' not implemented"),
        batch=_kind_batch(lambda: primitive),
        lower=lower,
    )
    return primitive


reduce_window_max_p = _extreme(
    "reduce_window_max", "max", comparison.max, np.maximum, True, comparison.ge_p
)
reduce_window_min_p = _extreme(
    "reduce_window_min", "min", comparison.min, np.minimum, False, comparison.le_p
)

# --- select_and_gather_add, select_and_scatter_add ------------------------------------


def _select_kind(select_prim):
    """The runtime's kind of extreme that `select_prim` keeps: MAX or MIN."""
    return _KINDS["max" if select_prim is comparison.ge_p else "min"]


def _places(b, view, shape, select_prim, from_identity, params):
    """The place (a row-major index) of what each window selects, as [n, 1]; -1 for none."""
    view = b.convert(view, np.float32) if _is_half(view.dtype) else view
    words = [_select_kind(select_prim), int(from_identity), *_encode(params)]
    out = shape, np.dtype(np.int64)
    (index,) = b.instr("ARG_WINDOW", [real_view(b, view)], [out], words)
    return b.reshape(index, (index.size, 1))


def _is_half(dtype):
    return accepts(FLOAT, dtype) and dtype.itemsize == 2


def _gather_add_shape(tangents, operand, *, select_prim, **params):
    if tangents.shape != operand.shape:
        raise TypeError(
            "select_and_gather_add tangents and operand shapes must match, got "
            f"{tangents.shape} and {operand.shape}."
        )
    shape = output_shape("select_and_gather_add", operand.shape, params)
    return tangents.update(shape=shape)


def _gather_add_jvp(primals, tangents, **params):
    out = select_and_gather_add_p.bind(*primals, **params)
    if type(tangents[0]) is Zero:
        return out, Zero.of(out)
    return out, select_and_gather_add_p.bind(tangents[0], primals[1], **params)


def _gather_add_transpose(
    ct, tangents, operand, *, base_dilation, window_dilation, **params
):
    if any(d != 1 for d in window_dilation):
        raise NotImplementedError(
            "VJP not implemented for select_and_gather (MaxPool) with window "
            f"dilation, got window_dilation={window_dilation}."
        )
    if all(d == 1 for d in base_dilation):
        return [select_and_scatter_add_p.bind(ct, operand, **params), None]
    # between the elements lie ones that no window selects
    dtype = dtype_of(operand)
    never = _worst(dtype, params["select_prim"] is not comparison.ge_p)
    operand = pad(
        operand, np.array(never, dtype), [(0, 0, d - 1) for d in base_dilation]
    )
    out = select_and_scatter_add_p.bind(ct, operand, **params)
    starts, limits = (0,) * len(base_dilation), shape_of(out)
    return [slice(out, starts, limits, base_dilation), None]


def _select_batch(primitive_of):
    def batch(axis, args, dims, *, select_prim, **params):
        args = [batch_front(axis, x, d) for x, d in zip(args, dims, strict=True)]
        params = _with_batch_dim(params, 0)
        return primitive_of().bind(*args, select_prim=select_prim, **params), 0

    return batch


def _gather_add_lower(b, ins, out_avals, *, select_prim, **params):
    aval = out_avals[0]
    if aval.size == 0 or 0 in ins[1].shape:
        return [b.full(aval, 0)]
    tangents, operand = ins
    index = _places(b, operand, aval.shape, select_prim, True, params)
    flat = real_view(b, b.reshape(tangents, (tangents.size,)))
    # no offset dims, dim 0 collapsed, no batching; it is indexed by the only component;
    # sizes 1
    words = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1]
    (out,) = b.instr("GATHER", [flat, index], [((aval.size,), flat.dtype)], words)
    return [b.reshape(out, aval.shape)]


select_and_gather_add_p = define(
    "select_and_gather_add",
    shape=_gather_add_shape,
    reference=select_and_gather_add_reference,
    jvp=_gather_add_jvp,
    transpose=_gather_add_transpose,
    batch=_select_batch(lambda: select_and_gather_add_p),
    lower=_gather_add_lower,
)


def _scatter_add_shape(source, operand, *, select_prim, **params):
    ones = (1,) * operand.ndim
    windows = {**params, "base_dilation": ones, "window_dilation": ones}
    shape = output_shape("select_and_scatter_add", operand.shape, windows)
    if shape != source.shape:
        raise TypeError(
            "select_and_scatter_add source must have the shape of the windows, got "
            f"{source.shape} for windows {shape}."
        )
    return ShapedArray(operand.shape, source.dtype, operand.weak_type)


def _scatter_add_jvp(primals, tangents, **params):
    out = select_and_scatter_add_p.bind(*primals, **params)
    if type(tangents[0]) is Zero:
        return out, Zero.of(out)
    return out, select_and_scatter_add_p.bind(tangents[0], primals[1], **params)


def _scatter_add_transpose(ct, source, operand, **params):
    if not is_undefined_primal(source):
        return [None, None]
    ones = (1,) * len(in_aval(operand).shape)
    out = select_and_gather_add_p.bind(
        ct, operand, base_dilation=ones, window_dilation=ones, **params
    )
    return [out, None]


def _scatter_add_lower(b, ins, out_avals, *, select_prim, **params):
    aval = out_avals[0]
    source, operand = ins
    if aval.size == 0 or source.size == 0:
        return [b.full(aval, 0)]
    index = _places(b, operand, source.shape, select_prim, False, params)
    truths = aval.dtype.kind == "b"  # their sum is whether any is true
    within = np.dtype("i4") if truths else aval.dtype
    source = b.convert(source, within) if truths else source
    updates = real_view(b, b.reshape(source, (source.size,)))
    flat = ShapedArray((aval.size,), within)
    zeros = b.full(flat, 0)
    # SCATTER add, drop; no window dims, dim 0 inserted and indexed by the only
    # component
    words = [1, 1, 0, 1, 0, 0, 0, 1, 0]
    out = (aval.size,), updates.dtype
    (out,) = b.instr("SCATTER", [zeros, index, updates], [out], words)
    out = b.convert(out, aval.dtype) if truths else out
    return [b.reshape(out, aval.shape)]


select_and_scatter_add_p = define(
    "select_and_scatter_add",
    shape=_scatter_add_shape,
    reference=select_and_scatter_add_reference,
    jvp=_scatter_add_jvp,
    transpose=_scatter_add_transpose,
    batch=_select_batch(lambda: select_and_scatter_add_p),
    lower=_scatter_add_lower,
)

"""Reductions over sliding windows (pooling), and their derivatives.

A window of `window_dimensions`, its elements `window_dilation` apart, is slid in steps
of `window_strides` over the operand, whose elements are spread `base_dilation` apart
and padded.  Only real elements count.
"""

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.core import AS_STORED, ClosedJaxpr, ShapedArray, Zero
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
    instantiate,
    shape_of,
)
from minijax.ops.reduce import lower_reduce
from minijax.ops.scalar_jaxpr import described_pair, eval_elementwise, paired_jvp
from minijax.ops.slicing import pad
from minijax.ops.views import real_view
from minijax.ops.window_reference import (
    reduce_window_reference,
)
from minijax.ops.window_select import select_and_gather_add_p
from minijax.ops.window_shapes import (
    KINDS,
    encode_windows,
    extreme_value,
    output_shape,
    reduce_window_shape_tuple,  # noqa: F401 (public)
    window_params,
    with_batch_dim,
)
from minijax.trace import trace

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
        info.results.append(out_tree)
        return outs

    info = described_pair("reduce_window comp", computation, tree)
    return trace(combine, scalars + scalars, info)


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
        return reduce_window_max_p if init == extreme_value(dtype, False) else None
    if computation is comparison.min and accepts(REAL_OR_BOOL, dtype):
        return reduce_window_min_p if init == extreme_value(dtype, True) else None
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
    params = with_batch_dim(params, 0)
    outs = reduce_window_p.bind(
        *operands, *args[half:], jaxpr=jaxpr, consts=consts, **params
    )
    return outs, [0] * half


def _single_op(jaxpr):
    """The name of the op if the jaxpr is just one of `KINDS` on its two inputs, else None."""
    if len(jaxpr.eqns) != 1 or len(jaxpr.invars) != 2:
        return None
    (eqn,) = jaxpr.eqns
    name = eqn.primitive.name
    if name not in KINDS or jaxpr.outvars != eqn.outvars:
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


def _whole_dims(shape, params):
    """The dims that the window covers wholly; none if it slides or pads in any other."""
    dims = [d for d, n in enumerate(params["window_dimensions"]) if n > 1]
    plain = all(
        pad == (0, 0) and base == 1
        for pad, base in zip(params["padding"], params["base_dilation"], strict=True)
    )
    for d, n in enumerate(shape):
        if d in dims:
            plain = plain and n == params["window_dimensions"][d]
            plain = plain and params["window_dilation"][d] == 1
        else:
            plain = plain and params["window_strides"][d] == 1
    return dims if plain else []


def _lower_kind(b, view, aval, name, params):
    """One reduction by the runtime; half types in float32."""
    whole = _whole_dims(view.shape, params)
    if whole:
        kept = [d for d in range(len(aval.shape)) if d not in whole]
        out = lower_reduce(b, real_view(b, view), whole, KINDS[name])
        return out.broadcast(aval.shape, kept)
    dtype = view.dtype
    half = accepts(FLOAT, aval.dtype) and dtype.itemsize == 2
    within = np.dtype("f4") if half else dtype
    view = real_view(b, b.convert(view, within))
    words = [KINDS[name], *encode_windows(params)]
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
        params = with_batch_dim(params, place)
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
        first = b.full(scalar, complex(extreme_value(np.dtype("f4"), not largest)))
        combine = trace(lambda x, y: [op(x, y)], [scalar, scalar])
        return _lower_by_places(b, [*ins, first], out_avals, combine, params)

    primitive = define(
        name,
        shape=_kind_shape(name, ANY),
        reference=_kind_reference(
            function, lambda dtype: extreme_value(dtype, not largest)
        ),
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

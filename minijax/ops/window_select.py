"""select_and_gather_add and select_and_scatter_add: the derivatives of max and min over
windows, which read and write where a window has its extreme.
"""

from operator import ge

import numpy as np

from minijax.core import ShapedArray, Zero, is_undefined_primal
from minijax.ops import comparison
from minijax.ops.define import (
    FLOAT,
    accepts,
    batch_front,
    define,
    dtype_of,
    in_aval,
    shape_of,
)
from minijax.ops.slicing import pad, slice
from minijax.ops.views import real_view
from minijax.ops.window_reference import (
    select_and_gather_add_reference,
    select_and_scatter_add_reference,
)
from minijax.ops.window_shapes import (
    KINDS,
    encode_windows,
    extreme_value,
    output_shape,
    with_batch_dim,
)


def _select_kind(select_prim):
    """The runtime's kind of extreme that `select_prim` keeps: MAX or MIN."""
    return KINDS["max" if select_prim is comparison.ge_p else "min"]


def _places(b, view, shape, select_prim, from_identity, params):
    """The place (a row-major index) of what each window selects, as [n, 1]; -1 for none."""
    view = b.convert(view, np.float32) if _is_half(view.dtype) else view
    words = [_select_kind(select_prim), int(from_identity), *encode_windows(params)]
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
    never = extreme_value(dtype, params["select_prim"] is not comparison.ge_p)
    operand = pad(
        operand, np.array(never, dtype), [(0, 0, d - 1) for d in base_dilation]
    )
    out = select_and_scatter_add_p.bind(ct, operand, **params)
    starts, limits = (0,) * len(base_dilation), shape_of(out)
    return [slice(out, starts, limits, base_dilation), None]


def _select_batch(primitive_of):
    def batch(axis, args, dims, *, select_prim, **params):
        args = [batch_front(axis, x, d) for x, d in zip(args, dims, strict=True)]
        params = with_batch_dim(params, 0)
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
    apart = all(map(ge, params["window_strides"], params["window_dimensions"]))
    # SCATTER add, drop; no window dims, dim 0 inserted and indexed by the only
    # component
    words = [1, 1, int(apart), 0, 1, 0, 0, 0, 1, 0]
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

"""bitcast_convert_type: the same bits as another dtype."""

import numpy as np

from minijax import dtypes
from minijax.core import AS_STORED, ShapedArray, Zero
from minijax.ops.define import (
    NOT_LINEAR,
    define,
    move_axis,
    structural,
)


@structural
def bitcast_convert_type(operand, new_dtype):
    """The bits of `operand` read as `new_dtype`.

    Where the new element is k times smaller, the result has a new last axis of size k
    (lowest bits first); where it is k times larger, the operand's last axis must have
    size k and is used up.
    """
    new_dtype = dtypes.check_user_dtype(new_dtype, "bitcast_convert_type")
    return bitcast_convert_type_p.bind(operand, new_dtype=new_dtype)


def _bitcast_shape(x, *, new_dtype):
    old_bits = dtypes.itemsize_bits(x.dtype)
    new_bits = dtypes.itemsize_bits(new_dtype)
    if x.dtype != new_dtype and (
        _bool_or_complex(x.dtype) or _bool_or_complex(new_dtype)
    ):
        raise TypeError(
            "lax.bitcast_convert_type does not support bool or complex values unless the "
            f"operand and destination types match. Got operand dtype={x.dtype}, "
            f"{new_dtype=}. Consider using the arr.view() method instead."
        )
    shape = x.shape
    if old_bits > new_bits:
        shape = (*shape, old_bits // new_bits)
    elif old_bits < new_bits:
        last = shape[-1] if shape else 1
        if last * old_bits != new_bits:
            raise ValueError(
                f"Attempting to convert array of shape {shape} from {x.dtype} of size "
                f"{old_bits} bits to {new_dtype} of size {new_bits}, bits but "
                f"{last} * {old_bits} != {new_bits}"
            )
        shape = shape[:-1]
    return ShapedArray(shape, new_dtype)


def _bool_or_complex(dtype):
    return dtypes.issubdtype(dtype, np.bool_) or dtypes.issubdtype(
        dtype, np.complexfloating
    )


def _bitcast_reference(x, *, new_dtype):
    x = np.ascontiguousarray(x).reshape(x.shape)
    old, new = dtypes.itemsize_bits(x.dtype), dtypes.itemsize_bits(new_dtype)
    if old == new:
        return x.view(new_dtype)
    codes = x.view(f"u{x.itemsize}")
    places = np.arange(max(old, new) // min(old, new), dtype=np.uint64) * min(old, new)
    if old > new:
        parts = (codes[..., None].astype(np.uint64) >> places) & np.uint64(2**new - 1)
    else:
        parts = np.bitwise_or.reduce(codes.astype(np.uint64) << places, -1)
    return parts.astype(f"u{new_dtype.itemsize}").view(new_dtype)


def _bitcast_batch(axis, args, dims, *, new_dtype):
    (x,), (d,) = args, dims
    widens = dtypes.itemsize_bits(x.dtype) < dtypes.itemsize_bits(new_dtype)
    if widens and d == x.ndim - 1:  # the last axis is the one that is used up
        x, d = move_axis(x, d, 0), 0
    return bitcast_convert_type_p.bind(x, new_dtype=new_dtype), d


def _bitcast_lower(b, ins, out_avals, *, new_dtype):
    view = ins[0] if ins[0].buffer is not None else b.dense(ins[0])
    cell = dtypes.cell_dtype(new_dtype)
    old = dtypes.itemsize_bits(b.eqn.invars[0].aval.dtype)
    new = dtypes.itemsize_bits(new_dtype)
    if old == new:
        return [view.reinterpret(cell)]
    if old > new:
        return [_split_bits(b, view, cell, new, old // new)]
    return [_join_bits(b, view, cell, old)]


def _split_bits(b, view, dtype, bits, k):
    """Each element as `k` smaller ones of `bits` bits, along a new last axis."""
    wide, narrow = np.dtype(f"u{view.dtype.itemsize}"), np.dtype(f"u{dtype.itemsize}")
    view = view.reinterpret(wide)
    shape = view.shape
    out = b.empty((*shape, k), narrow)
    for i in range(k):
        shift = b.full(ShapedArray(shape, wide), i * bits)
        part = b.ewise("shift_right_logical", [view, shift], ShapedArray(shape, wide))
        part = b.convert(part, narrow)
        if bits < 8:
            aval = ShapedArray(shape, narrow)
            part = b.ewise("and", [part, b.full(aval, (1 << bits) - 1)], aval)
        b.copy_into(_slot(out, i), part)
    return out.reinterpret(dtype)


def _join_bits(b, view, dtype, bits):
    """The last axis, of elements of `bits` bits, joined to one, lowest bits first."""
    wide, narrow = np.dtype(f"u{dtype.itemsize}"), np.dtype(f"u{view.dtype.itemsize}")
    view = view.reinterpret(narrow)
    aval = ShapedArray(view.shape[:-1], wide)
    total = b.convert(_slot(view, 0), wide)
    for i in range(1, view.shape[-1]):
        part = b.convert(_slot(view, i), wide)
        part = b.ewise("shift_left", [part, b.full(aval, bits * i)], aval)
        total = b.ewise("or", [total, part], aval)
    return total.reinterpret(dtype)


def _slot(view, i):
    """Element `i` of the last axis."""
    last = len(view.shape) - 1
    starts = [0] * last + [i]
    return view.slice(starts, [*view.shape[:-1], i + 1]).squeeze((last,))


def _bitcast_jvp(primals, tangents, *, new_dtype):
    out = bitcast_convert_type_p.bind(*primals, new_dtype=new_dtype)
    return out, Zero.of(out)


bitcast_convert_type_p = define(
    "bitcast_convert_type",
    shape=_bitcast_shape,
    reference=_bitcast_reference,
    jvp=_bitcast_jvp,
    transpose=NOT_LINEAR,
    batch=_bitcast_batch,
    lower=_bitcast_lower,
    narrow=AS_STORED,
)

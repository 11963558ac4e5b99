"""Threefry-2x32: the block function that random bits come from.

The runtime holds a threefry key as a 64-bit word whose low half is the first of the key's
two 32-bit words.  (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.)
"""

import numpy as np

from minijax.core import ShapedArray
from minijax.ops.define import (
    NONDIFFERENTIABLE,
    NOT_LINEAR,
    define,
    elementwise_batch,
)

_U32, _U64 = np.dtype(np.uint32), np.dtype(np.uint64)
_ROTATIONS = (13, 15, 26, 6), (17, 29, 16, 24)


def count_words(shape):
    """The high and the low words of 0, 1, 2, ... in an array of `shape` (NumPy)."""
    counts = np.arange(int(np.prod(shape)), dtype=np.uint64).reshape(shape)
    return (counts >> np.uint64(32)).astype(_U32), counts.astype(_U32)


# --- threefry2x32 -------------------------------------------------------------------


def threefry2x32(k1, k2, x1, x2):
    """The 20-round block function on uint32 words: two words from a key and two counts."""
    return threefry2x32_p.bind(k1, k2, x1, x2)


def threefry_reference(k1, k2, x1, x2):
    """The same in NumPy, words of any shapes that broadcast."""
    k1, k2, x1, x2 = np.broadcast_arrays(k1, k2, x1, x2)
    keys = k1, k2, k1 ^ k2 ^ np.uint32(0x1BD11BDA)
    with np.errstate(over="ignore"):
        a, b = x1 + keys[0], x2 + keys[1]
        for group in range(5):
            for r in _ROTATIONS[group % 2]:
                a = a + b
                b = a ^ ((b << np.uint32(r)) | (b >> np.uint32(32 - r)))
            a = a + keys[(group + 1) % 3]
            b = b + keys[(group + 2) % 3] + np.uint32(group + 1)
    return [a, b]


def _threefry_shape(*avals):
    for aval in avals:
        if aval.dtype != _U32:
            raise TypeError(f"threefry2x32 takes uint32 operands, got {aval.dtype}")
    shape = np.broadcast_shapes(*[a.shape for a in avals])
    return [ShapedArray(shape, _U32)] * 2


def _threefry_batch(axis, args, dims):
    outs, dim = elementwise_batch(lambda: threefry2x32_p)(axis, args, dims)
    return outs, [dim, dim]


def _threefry_lower(b, ins, out_avals):
    return b.kernel("threefry2x32_u32", ins, out_avals[0].shape, [_U32, _U32])


threefry2x32_p = define(
    "threefry2x32",
    multiple_results=True,
    shape=_threefry_shape,
    reference=threefry_reference,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=_threefry_batch,
    lower=_threefry_lower,
)

# --- lowering on 64-bit key words -----------------------------------------------------


def words_of_keys(b, key):
    """The two uint32 words of a view of threefry keys."""
    high = _shifted(b, "shift_right_logical", key)
    return b.convert(key, _U32), b.convert(high, _U32)


def _shifted(b, op, view):
    amount = b.constant(np.uint64(32))
    return b.ewise(op, [view, amount], ShapedArray(view.shape, _U64))


def keys_of_words(b, first, second):
    """Threefry keys from views of their two uint32 words."""
    aval = ShapedArray(first.shape, _U64)
    high = _shifted(b, "shift_left", b.convert(second, _U64))
    return b.ewise("or", [b.convert(first, _U64), high], aval)


def _counts(b, lead, shape):
    """Views of the count words of `shape`, repeated over leading axes."""
    size = int(np.prod(shape))
    aval = ShapedArray((size,), _U32)
    low = b.iota(aval, 0).reshape(shape)
    high = b.full(ShapedArray(shape, _U32), 0)
    if size > 2**32:
        wide = b.iota(ShapedArray((size,), _U64), 0).reshape(shape)
        low, high = words_of_keys(b, b.dense(wide))
    dims = range(len(lead), len(lead) + len(shape))
    return [view.broadcast((*lead, *shape), dims) for view in (high, low)]


def hashed_counts(b, key, shape):
    """Threefry of the counts of `shape` under every key: two views of (*keys, *shape)."""
    lead = key.shape
    full = (*lead, *shape)
    k1, k2 = (w.broadcast(full, range(len(lead))) for w in words_of_keys(b, key))
    return b.kernel(
        "threefry2x32_u32", [k1, k2, *_counts(b, lead, shape)], full, [_U32] * 2
    )

"""Sums and products of narrow floats: each step is rounded, so that the order matters.

XLA's order, which this follows: long axes are cut into windows of 32, each of which is
reduced from its first element to its last, until what is left fits in one. Running sums
go through blocks of 16, to which the sums of the blocks before are added.
"""

import math

from minijax import dtypes
from minijax.core import ShapedArray
from minijax.ops.define import FLOAT, accepts, constant_like, move_axis, shape_of
from minijax.ops.shape import broadcast_in_dim, reshape, rev
from minijax.ops.slicing import pad, slice_in_dim
from minijax.trace import trace

_WINDOW, _BLOCK = 32, 16


def rounded_lower(general, step, identity):
    """The lower rule of a reduction by the binary op `step`; `general`: that for dtypes
    with arithmetic of their own, which integers of fewer bits are widened for.
    """

    def lower(b, ins, out_avals, *, axes, **params):
        dtype = out_avals[0].dtype
        if not _rounds(dtype):
            return _without_rounding(general, b, ins, out_avals, axes=axes, **params)
        (view,) = ins
        while any(view.shape[d] > _WINDOW for d in axes):
            aval = ShapedArray(view.shape, dtype)
            (cut,) = b.lower_fun(
                lambda x: [_windows(x, axes, identity)], [view], [aval]
            )
            inner = [2 * d + 1 for d in range(len(view.shape))]
            view = _in_order(b, cut, dtype, inner, step, identity)
        return [_in_order(b, view, dtype, axes, step, identity)]

    return lower


def rounded_cumulative(general, step, identity):
    """As `rounded_lower`, of a cumulative op."""

    def lower(b, ins, out_avals, *, axis, reverse):
        (aval,) = out_avals
        if not (_rounds(aval.dtype) and aval.size):
            return _without_rounding(
                general, b, ins, out_avals, axis=axis, reverse=reverse
            )

        def turned(x):
            x = move_axis(rev(x, (axis,)) if reverse else x, axis, 0)
            return [x]

        def turned_back(x):
            x = move_axis(x, 0, axis)
            return [rev(x, (axis,)) if reverse else x]

        (view,) = b.lower_fun(turned, ins, out_avals)
        view = _running(b, view, aval.dtype, step, identity)
        return b.lower_fun(turned_back, [view], [ShapedArray(view.shape, aval.dtype)])

    return lower


def _rounds(dtype):
    return dtype in dtypes.narrow_dtypes and accepts(FLOAT, dtype)


def _without_rounding(general, b, ins, out_avals, **params):
    """`general`, on wider elements where integers are narrow: wrapping can wait."""
    (aval,) = out_avals
    view = b.from_cells(ins[0], aval.dtype)
    (out,) = general(b, [view], [ShapedArray(aval.shape, view.dtype)], **params)
    return [b.convert_to(out, aval.dtype)]


def _running(b, view, dtype, step, identity):
    """The prefixes of `view` along its first axis, reduced."""
    n, *rest = view.shape
    total = ShapedArray(tuple(rest), dtype)
    if n <= _BLOCK:
        body = b.subprogram(trace(lambda so_far, x: [step(so_far, x)] * 2, [total] * 2))
        outs = [(total.shape, dtype), (view.shape, dtype)]
        ins = [b.dense(b.full(total, identity)), b.dense(view)]
        return b.instr("SCAN", ins, outs, [body, n, 0, 0, 1, 0])[1]
    count = -(-n // _BLOCK)

    def blocks(x):
        end = [(0, count * _BLOCK - n, 0)] + [(0, 0, 0)] * len(rest)
        x = pad(x, constant_like(identity, x), end)
        return [move_axis(reshape(x, (count, _BLOCK, *rest)), 1, 0)]

    def joined(within, ends):
        first = [(1, -1, 0)] + [(0, 0, 0)] * len(rest)
        before = pad(ends, constant_like(identity, ends), first)
        before = broadcast_in_dim(before, within.shape, tuple(range(1, within.ndim)))
        x = reshape(move_axis(step(before, within), 0, 1), (count * _BLOCK, *rest))
        return [slice_in_dim(x, 0, n, 1, 0)]

    (cut,) = b.lower_fun(blocks, [view], [ShapedArray(view.shape, dtype)])
    within = _running(b, cut, dtype, step, identity)
    last = within.slice((_BLOCK - 1, *[0] * (len(rest) + 1)), within.shape).squeeze(
        (0,)
    )
    ends = _running(b, last, dtype, step, identity)
    avals = [ShapedArray(x.shape, dtype) for x in (within, ends)]
    return b.lower_fun(joined, [within, ends], avals)[0]


def _windows(x, axes, identity):
    """Each axis as two: windows of up to 32 where it is reduced, of 1 where it is kept;
    identities fill up those at both ends.
    """
    sizes, padding = [], []
    for d, n in enumerate(shape_of(x)):
        window = max(min(n, _WINDOW), 1) if d in axes else 1
        count = -(-n // window)
        missing = count * window - n
        padding.append((missing // 2, missing - missing // 2, 0))
        sizes += [count, window]
    return reshape(pad(x, constant_like(identity, x), padding), tuple(sizes))


def _in_order(b, view, dtype, axes, step, identity):
    """Reduce along axes in row-major order, in a loop."""
    kept = [d for d in range(len(view.shape)) if d not in axes]
    rest = ShapedArray(tuple([view.shape[d] for d in kept]), dtype)
    n = math.prod([view.shape[d] for d in axes])
    start = b.full(rest, identity)
    if not n or not rest.size:
        return start

    def rows(x):
        return [reshape(x, (n, *rest.shape), (*axes, *kept))]

    (xs,) = b.lower_fun(rows, [view], [ShapedArray(view.shape, dtype)])
    body = b.subprogram(trace(lambda total, x: [step(total, x)], [rest, rest]))
    params = [body, n, 0, 0, 1, 0]
    return b.instr(
        "SCAN", [b.dense(start), b.dense(xs)], [(rest.shape, dtype)], params
    )[0]

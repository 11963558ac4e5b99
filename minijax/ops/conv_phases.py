"""Convolutions of dilated inputs, without products with the zeros in between.

Where the input has `base - 1` zeros between its elements, an output element sees every
`base`-th place of the window at most, and which ones repeats along the output. The outputs
that see the same places are a *phase*: a convolution of the input as it is with those
places, and the output is put together from its phases. As in XLA, an infinite weight then
meets no zero that nobody wrote.
"""

import itertools
import math
from dataclasses import dataclass

from minijax.core import ShapedArray

_MOST = 256  # phases; what has more is left to the runtime, zeros and all


@dataclass(frozen=True)
class _Phase:
    """One dim of space: the outputs first, first + step, .. and the places they see."""

    outputs: slice
    places: slice
    params: tuple  # of the convolution: stride, low, high, 1, dilation
    seen: int  # places; there may be none


def _phases_of(n_in, window, n_out, stride, low, base, dilation):
    """The phases of one dim: output j sees input i at place k where
    j * stride + k * dilation - low == i * base.
    """
    step, place_step = base // math.gcd(stride, base), base // math.gcd(dilation, base)
    phases = []
    for first in range(min(step, n_out)):
        shift = first * stride - low
        fits = (k for k in range(place_step) if (shift + k * dilation) % base == 0)
        k = min(next(fits, window), window)
        seen, count = -(-(window - k) // place_step), -(-(n_out - first) // step)
        move, apart = stride * step // base, dilation * place_step // base
        start = -((shift + k * dilation) // base)
        high = (count - 1) * move + (seen - 1) * apart + 1 - n_in - start
        params = (move, start, high, 1, apart)
        outputs, places = slice(first, n_out, step), slice(k, window, place_step)
        phases.append(_Phase(outputs, places, params, seen))
    return phases


def _part(view, dims, slices):
    """The elements of a view that `slices` take, each along its dim."""
    starts, limits, steps = (
        [0] * len(view.shape),
        list(view.shape),
        [1] * len(view.shape),
    )
    for d, taken in zip(dims, slices, strict=True):
        starts[d], limits[d], steps[d] = taken.start, taken.stop, taken.step
    return view.slice(starts, limits, steps)


def by_phases(b, lhs, rhs, out, groups, numbers, space):
    """The result view of a convolution.

    out: its shape and dtype; groups: of features and of the batch; numbers: the layouts;
    space: (stride, (low, high), base, dilation) of each dim of space.
    """
    shape, dtype = out
    layouts = [place for spec in numbers for place in spec]

    def convolve(rhs, shape, params):
        params = [*groups, *layouts, *(p for of_dim in params for p in of_dim)]
        return b.instr("CONV", [lhs, rhs], [(tuple(shape), dtype)], params)[0]

    in_dims, window_dims, out_dims = (spec[2:] for spec in numbers)
    dims = [
        _phases_of(lhs.shape[i], rhs.shape[w], shape[o], stride, low, base, dilation)
        for i, w, o, (stride, (low, _), base, dilation) in zip(
            in_dims, window_dims, out_dims, space, strict=True
        )
    ]
    dilated = any(base > 1 for _, _, base, _ in space)
    if not dilated or math.prod(map(len, dims)) > _MOST:
        return convolve(rhs, shape, [(s, *pad, base, d) for s, pad, base, d in space])
    total = b.empty(shape, dtype)
    for phases in itertools.product(*dims):
        target = _part(total, out_dims, [p.outputs for p in phases])
        if not all(p.seen for p in phases):
            b.copy_into(target, b.full(ShapedArray((), dtype), 0))
            continue
        places = _part(rhs, window_dims, [p.places for p in phases])
        b.copy_into(target, convolve(places, target.shape, [p.params for p in phases]))
    return total

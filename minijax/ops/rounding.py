"""Rounding to integers, by one of two rules for halves."""

import enum

import numpy as np

from minijax.ops.define import FLOAT, NONDIFFERENTIABLE, unary


class RoundingMethod(enum.IntEnum):
    """Where halves go: away from zero, or to the even neighbour."""

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


def round(x, rounding_method=RoundingMethod.AWAY_FROM_ZERO):
    """The nearest integer, as a float; `rounding_method` says where halves go."""
    return round_p.bind(x, rounding_method=RoundingMethod(rounding_method))


def _round_reference(x, rounding_method):
    if rounding_method is RoundingMethod.TO_NEAREST_EVEN:
        return np.rint(x)
    whole = np.trunc(x)
    up = np.abs(x - whole) >= np.asarray(0.5, x.dtype)
    return np.copysign(np.abs(whole) + up.astype(x.dtype), x)


def _round_lower(b, ins, out_avals, *, rounding_method):
    even = rounding_method is RoundingMethod.TO_NEAREST_EVEN
    return [b.ewise("round_even" if even else "round", ins, out_avals[0])]


round_p = unary("round", FLOAT, _round_reference, NONDIFFERENTIABLE)
round_p.lower = _round_lower

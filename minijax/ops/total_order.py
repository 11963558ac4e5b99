"""Comparisons in a total order: -NaN < -inf < ... < -0 < +0 < ... < inf < NaN."""

import numpy as np

from minijax.ops.define import (
    FLOAT,
    NONDIFFERENTIABLE,
    REAL,
    accepts,
    bool_result,
    nary,
)


def eq_to(x, y):
    """x == y in the total order: NaN equals itself, -0 and +0 differ."""
    return eq_to_p.bind(x, y)


def le_to(x, y):
    """x <= y in the total order."""
    return le_to_p.bind(x, y)


def lt_to(x, y):
    """x < y in the total order."""
    return lt_to_p.bind(x, y)


def _reference(compare):
    def reference(x, y):
        return compare(_ordered_numpy(x), _ordered_numpy(y))

    return reference


def _ordered_numpy(x):
    if x.dtype.kind in "biu":
        return x
    integer = np.dtype(f"int{8 * x.dtype.itemsize}")
    bits = np.ascontiguousarray(x).view(integer).reshape(x.shape)
    return np.where(bits < 0, bits ^ integer.type(np.iinfo(integer).max), bits)


def _total(name, compare):
    """Floats have kernels of their own; among integers the order is the usual one."""
    primitive = nary(
        name,
        REAL,
        _reference(compare),
        NONDIFFERENTIABLE,
        result=bool_result,
    )

    def lower(b, ins, out_avals):
        kernel = name if accepts(FLOAT, ins[0].dtype) else name.removesuffix("_to")
        return [b.ewise(kernel, ins, out_avals[0])]

    primitive.lower = lower
    return primitive


eq_to_p = _total("eq_to", np.equal)
le_to_p = _total("le_to", np.less_equal)
lt_to_p = _total("lt_to", np.less)

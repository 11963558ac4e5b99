"""Runs a function in tier 0 and in tier 1, and compares the bits."""

import numpy as np

import minijax
from cbackend import native
from minijax import executable


def compiled(fun, args):
    """A program of its own for these arguments, and the flat arguments."""
    lowered = minijax.jit(fun).lower(*args)
    closed = lowered._traced.closed
    return executable.Compiled(closed, "tiers"), minijax.tree.leaves(args)


def bits(array):
    """An array's elements as bytes; all NaNs are one NaN (payloads are no result)."""
    data = np.array(array._data, copy=True)
    if data.dtype.kind in "fc" or data.dtype == minijax.numpy.bfloat16:
        parts = {"c8": np.float32, "c16": np.float64}
        code = f"{data.dtype.kind}{data.dtype.itemsize}"
        flat = data.reshape(-1).view(parts.get(code, data.dtype))
        with np.errstate(all="ignore"):
            flat[np.isnan(flat)] = np.nan
        return data.shape, data.dtype, flat.tobytes()
    return data.shape, data.dtype, data.tobytes()


def run_both(fun, args):
    """The results of both tiers; AssertionError where the bits differ."""
    program, leaves = compiled(fun, args)
    first = program(leaves)
    assert native.install(program.executable, background=False), "no native code"
    second = program(leaves)
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        assert bits(a) == bits(b), f"result {k}: tier 0 {a!r}, tier 1 {b!r}"
    return second

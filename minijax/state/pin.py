"""`pin` and `unpin`: arrays that are to stay where they are, for devices that can do that.

They are traced, and refused at lowering: a CPU has no such memory, JAX's neither.
"""

from typing import Any

from minijax.avals import AbstractValue
from minijax.ops.define import NO_RULE, define

_REFUSED = NO_RULE("this device pins no buffers")


class AbstractLinVal(AbstractValue):
    """The type of a pinned array of type `inner_aval`."""

    def __init__(self, inner_aval, memory_space=None):
        self.inner_aval, self.memory_space = inner_aval, memory_space

    shape = property(lambda self: self.inner_aval.shape)
    dtype = property(lambda self: self.inner_aval.dtype)
    ndim = property(lambda self: self.inner_aval.ndim)

    def str_short(self, short_dtypes=False, **_):
        """As JAX writes it."""
        return f"AbstractLinVal(inner_aval={self.inner_aval!r}, memory_space=None)"

    __repr__ = str_short


def _define(name, shape):
    return define(
        name, shape=shape, reference=_REFUSED, jvp=_REFUSED, transpose=_REFUSED,
        batch=_REFUSED, lower=_REFUSED,
    )  # fmt: skip


pin_p = _define("pin", lambda x, *, to: AbstractLinVal(x, to))
unpin_p = _define("unpin", lambda x: x.inner_aval)


def pin(x: Any, to: Any = None) -> Any:
    """`x` in memory that it does not leave.  NotImplementedError where it is to run."""
    return pin_p.bind(x, to=to)


def unpin(x: Any) -> Any:
    """The array that was pinned."""
    return unpin_p.bind(x)

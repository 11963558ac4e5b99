"""NumPy arrays that can be keys."""

from typing import Any

import numpy as np


class HashableArray:
    """A copy of an array that cannot be written, equal to others of the same elements."""

    __slots__ = ["val"]

    def __init__(self, val: Any):
        self.val = np.array(val, copy=True)
        self.val.setflags(write=False)

    def __hash__(self):
        return hash((self.val.shape, self.val.dtype, self.val.tobytes()))

    def __eq__(self, other):
        if not isinstance(other, HashableArray):
            return False
        a, b = self.val, other.val
        return (a.shape, a.dtype) == (b.shape, b.dtype) and np.array_equal(a, b)

    def __repr__(self):
        return f"HashableArray({self.val!r})"

    def __str__(self):
        return f"HashableArray({self.val})"

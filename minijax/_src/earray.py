"""Arrays of an extended dtype of the user's, held as the physical array below them."""

from typing import Any

from minijax import core


class EArray:
    """A value of type `aval` whose elements lie in the array `data`.

    It can be held, copied and waited for; no operation takes it.
    """

    __slots__ = ("_aval", "_data")
    __hash__: Any = None

    def __init__(self, aval, data):
        self._aval, self._data = aval, data

    aval = property(lambda self: self._aval)
    shape = property(lambda self: self._aval.shape)
    dtype = property(lambda self: self._aval.dtype)
    ndim = property(lambda self: len(self._aval.shape))
    sharding = property(lambda self: self._data.sharding)

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def block_until_ready(self):
        """Wait for the elements; returns this."""
        self._data.block_until_ready()
        return self

    def copy(self):
        """One with a copy of the elements."""
        return EArray(self._aval, self._data.copy())

    def __repr__(self):
        return f"E{self._data!r}"


core.aval_rules[EArray] = lambda x: x.aval

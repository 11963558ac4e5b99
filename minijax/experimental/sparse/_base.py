"""What sparse arrays of all formats have."""

import math
from typing import Any

from minijax import core


class JAXSparse:
    """A sparse array: a pytree of arrays with a shape and a dtype of its own."""

    data: Any
    shape: tuple

    __hash__ = None  # pyright: ignore[reportAssignmentType]
    __array_priority__ = 100  # NumPy's operators leave it to those here

    nse: Any = property(lambda self: self.data.shape[0])
    dtype = property(lambda self: self.data.dtype)
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))
    T = property(lambda self: self.transpose())

    def __repr__(self):
        name = type(self).__name__
        try:
            text = f"{name}({self.dtype}{list(self.shape)}{self._extra()})"
        except Exception:  # a tree of something else
            text = f"{name}(<invalid>)"
        if isinstance(self.data, core.Tracer):
            return f"{type(self.data).__name__}[{text}]"
        return text

    def _extra(self):
        """What the text says after the shape."""
        return f", nse={self.nse}"

    def __len__(self):
        return self.shape[0]

    def _known(self):
        """All but the arrays, as keywords of the constructor."""
        return {"shape": self.shape}

    def _arrays(self) -> Any:
        """The arrays, as a tuple."""
        raise NotImplementedError(f"{type(self).__name__}._arrays")

    @property
    def _bufs(self) -> Any:
        return self._arrays()

    def tree_flatten(self):
        """The arrays, and all else."""
        return self._arrays(), self._known()

    def todense(self) -> Any:
        """The array with all its zeros."""
        raise NotImplementedError(f"{type(self)}.todense")

    def transpose(self, axes=None) -> Any:
        """With its axes permuted."""
        raise NotImplementedError(f"{type(self)}.transpose")

    def block_until_ready(self):
        """Itself, when its arrays are there."""
        for array in self._arrays():
            array.block_until_ready()
        return self


def _missing(name):
    def method(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self)}.{name}")

    method.__name__ = name
    return method


for _name in (
    "sum", "__neg__", "__pos__", "__matmul__", "__rmatmul__", "__mul__", "__rmul__",
    "__add__", "__radd__", "__sub__", "__rsub__", "__getitem__",
):  # fmt: skip
    setattr(JAXSparse, _name, _missing(_name))

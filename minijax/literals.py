"""Python numbers and NumPy arrays that carry a dtype, whatever 64-bit mode is in force."""

from typing import Any

import numpy as np

from minijax import avals, dtypes
from minijax.avals import ShapedArray


class _Typed:
    """A number with a dtype; its type is weak."""

    __slots__ = ()
    _kind: Any = int
    dtype: Any
    aval: ShapedArray

    def __new__(cls, value, dtype):
        make: Any = super().__new__
        number = make(cls, value)
        number.dtype = np.dtype(dtype)
        number.aval = ShapedArray((), number.dtype, weak_type=True)
        return number

    def __repr__(self):
        number = self._kind(self)
        return f"{type(self).__name__}({number}, dtype={self.dtype.name})"

    def __getnewargs__(self):
        return self._kind(self), self.dtype


class TypedInt(_Typed, int):
    """An int with a dtype."""


class TypedFloat(_Typed, float):
    """A float with a dtype."""

    _kind = float


class TypedComplex(_Typed, complex):
    """A complex number with a dtype."""

    _kind = complex


typed_scalar_types = {TypedInt, TypedFloat, TypedComplex}
_TYPED = {int: TypedInt, float: TypedFloat, complex: TypedComplex}


def typed(x):
    """A Python number with the dtype that it has now; anything else as it is.

    OverflowError for an int that its dtype cannot hold.
    """
    kind = _TYPED.get(type(x))
    if kind is None:
        return x
    dtype = dtypes.python_scalar_dtype(type(x))
    if kind is TypedInt:
        dtypes.check_python_int(x, dtype)
    return kind(x, dtype)


class TypedNdArray(np.ndarray):
    """A NumPy array that keeps its dtype, and may be weakly typed."""

    def __new__(cls, val, aval=None):
        made = np.asarray(val).view(cls)
        made._weak = aval is not None and aval.weak_type
        return made

    def __array_finalize__(self, obj):
        self._weak = getattr(obj, "_weak", False)

    @property
    def aval(self):
        """The type as JAX sees it."""
        return ShapedArray(self.shape, self.dtype, weak_type=self._weak)

    weak_type = property(lambda self: self._weak)
    val = property(np.asarray)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        plain = [np.asarray(x) if isinstance(x, TypedNdArray) else x for x in inputs]
        if out is not None:
            kwargs["out"] = tuple(np.asarray(x) for x in out)
        return getattr(ufunc, method)(*plain, **kwargs)

    def __repr__(self):
        weak = ", weak_type=True" if self._weak else ""
        shown = np.array2string(np.asarray(self), separator=", ")
        return f"TypedNdArray({shown}, dtype={self.dtype.name}{weak})"

    def __reduce__(self):
        return TypedNdArray, (np.asarray(self), self.aval)


for _cls in (*typed_scalar_types, TypedNdArray):
    avals.aval_rules[_cls] = lambda x: x.aval
avals.literal_types |= typed_scalar_types

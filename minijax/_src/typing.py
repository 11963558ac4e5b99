"""Names of types for annotations."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from minijax._src._homes import names_of

DType = np.dtype
DimSize = int
Shape = Sequence[int]
StaticScalar = np.bool_ | np.number | bool | int | float | complex


@runtime_checkable
class SupportsShape(Protocol):
    """Anything with a shape."""

    @property
    def shape(self) -> tuple[int, ...]: ...


@runtime_checkable
class SupportsSize(Protocol):
    """Anything with a number of elements."""

    @property
    def size(self) -> int: ...


@runtime_checkable
class SupportsNdim(Protocol):
    """Anything with a number of axes."""

    @property
    def ndim(self) -> int: ...


@runtime_checkable
class DuckTypedArray(Protocol):
    """What is typed as an array: with a dtype and a shape."""

    @property
    def dtype(self) -> np.dtype: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


class DeprecatedArg:
    """The default of arguments that are not used any more."""

    def __repr__(self):
        return "Deprecated"


__getattr__ = names_of(__name__, "minijax.typing")

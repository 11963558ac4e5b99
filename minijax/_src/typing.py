"""Names of types for annotations."""

from collections.abc import Sequence

import numpy as np

from minijax._src._homes import names_of

DType = np.dtype
DimSize = int
Shape = Sequence[int]
StaticScalar = np.bool_ | np.number | bool | int | float | complex


class DeprecatedArg:
    """The default of arguments that are not used any more."""

    def __repr__(self):
        return "Deprecated"


__getattr__ = names_of(__name__, "minijax.typing")

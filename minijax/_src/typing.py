"""Names of types for annotations."""

import numpy as np

from minijax._src._homes import names_of

DType = np.dtype

__getattr__ = names_of(__name__, "minijax.typing")

"""Arrays from other libraries without a copy (`jax.dlpack`)."""

import numpy as np

from minijax.numpy import from_dlpack as from_dlpack

_KINDS = "biufc"


def is_supported_dtype(dtype):
    """Whether arrays of the dtype can be exchanged."""
    return np.dtype(dtype).kind in _KINDS

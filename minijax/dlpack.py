"""Arrays from other libraries without a copy (`jax.dlpack`)."""

import numpy as np

from minijax import dtypes
from minijax import numpy as jnp

_KINDS = "biufc"


def from_dlpack(external_array, device=None, copy=None):
    """An array with the elements of an object that has `__dlpack__`; see
    `jax.numpy.from_dlpack`.
    """
    return jnp.from_dlpack(external_array, device=device, copy=copy)


def is_supported_dtype(dtype):
    """Whether arrays of the dtype can be exchanged."""
    dtype = np.dtype(dtype)
    return dtype.kind in _KINDS or dtype == dtypes.bfloat16

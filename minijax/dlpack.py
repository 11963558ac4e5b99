"""Arrays from other libraries without a copy (`jax.dlpack`)."""

import numpy as np

from minijax import dtypes
from minijax import numpy as jnp

_SUPPORTED = frozenset(
    np.dtype(t) for t in dtypes.array_dtypes if np.dtype(t) not in dtypes.narrow_dtypes
)


def from_dlpack(external_array, device=None, copy=None):
    """An array with the elements of an object that has `__dlpack__`; see
    `jax.numpy.from_dlpack`.
    """
    return jnp.from_dlpack(external_array, device=device, copy=copy)


def is_supported_dtype(dtype):
    """Whether arrays of the dtype can be exchanged.  TypeError for None."""
    if dtype is None:
        raise TypeError(f"Expected a string or dtype-like object; got {dtype=}")
    return np.dtype(dtype) in _SUPPORTED

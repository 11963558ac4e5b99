"""device_put, device_get, block_until_ready and their kind: arrays in and out."""

import numpy as np

from minijax import core
from minijax._pytree import flatten
from minijax.array import ArrayImpl
from minijax.device import Device, Sharding
from minijax.numpy import asarray
from minijax.tree_util import tree_map


def device_put(x, device=None, *, src=None, donate=False, may_alias=None):
    """The pytree `x` with its leaves as arrays on the device."""
    if device is not None and not isinstance(device, (Device, Sharding)):
        leaves = flatten(
            device, lambda d: d is None or isinstance(d, (Device, Sharding))
        )
        for leaf in leaves[0]:
            if leaf is not None and not isinstance(leaf, (Device, Sharding)):
                raise ValueError(
                    "device_put: device must be a Device, a Sharding or a pytree of "
                    f"them, got {leaf!r}"
                )
    return tree_map(lambda leaf: _put(leaf, device is not None), x)


def _put(leaf, committed):
    if isinstance(leaf, core.Tracer):
        return leaf
    array = asarray(leaf)
    if committed and type(array) is ArrayImpl and not array._committed:
        return ArrayImpl(array.aval, array._data, True)
    return array


def device_get(x):
    """The pytree `x` with its arrays as NumPy arrays."""
    return tree_map(_get, x)


def _get(leaf):
    return np.asarray(leaf) if isinstance(leaf, ArrayImpl) else leaf


def block_until_ready(x):
    """Wait for the arrays in the pytree `x`; computation here is synchronous."""
    for leaf in flatten(x)[0]:
        wait = getattr(leaf, "block_until_ready", None)
        if wait is not None:
            wait()
    return x


def copy_to_host_async(x):
    """Arrays are in the host's memory already."""
    return x


def effects_barrier():
    """Effects have all happened; computation here is synchronous."""

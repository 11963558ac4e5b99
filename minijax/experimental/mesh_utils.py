"""Arranging devices for a mesh (`jax.experimental.mesh_utils`)."""

import math

import numpy as np

from minijax.device import devices as all_devices


def create_device_mesh(
    mesh_shape,
    devices=None,
    *,
    contiguous_submeshes=False,
    allow_split_physical_axes=False,
):
    """An array of devices of shape `mesh_shape`.

    ValueError unless its size is the number of devices.
    """
    devices = all_devices() if devices is None else list(devices)
    if math.prod(mesh_shape) != len(devices):
        raise ValueError(
            f"Number of devices {len(devices)} must equal the product of mesh_shape "
            f"{tuple(mesh_shape)}"
        )
    mesh = np.empty(len(devices), dtype=object)
    mesh[:] = devices
    return mesh.reshape(mesh_shape)


def create_hybrid_device_mesh(
    mesh_shape,
    dcn_mesh_shape,
    devices=None,
    *,
    process_is_granule=False,
    should_sort_granules_by_key=True,
    allow_split_physical_axes=False,
):
    """An array of devices for several hosts; with one host both shapes are all ones.

    ValueError where the devices do not tell their slice, or are not as many.
    """
    devices = all_devices() if devices is None else list(devices)
    if not process_is_granule:
        for device in devices:
            if getattr(device, "slice_index", None) is None:
                raise ValueError(
                    f"Device {device.platform}:{device.id} does not have attribute "
                    "slice_index. See `process_is_granule` option."
                )
    n_granules = len({device.process_index for device in devices})
    if math.prod(dcn_mesh_shape) != n_granules:
        raise ValueError(
            f"Number of slices/processes {n_granules} must equal the product of "
            f"dcn_mesh_shape {tuple(dcn_mesh_shape)}"
        )
    mesh = create_device_mesh(mesh_shape, devices)
    shape = [a * b for a, b in zip(dcn_mesh_shape, mesh_shape, strict=True)]
    return mesh.reshape(shape)

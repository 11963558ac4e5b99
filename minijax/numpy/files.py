"""jnp's reading and writing of .npy and .npz files."""

import numpy as np

from minijax.numpy.creation import asarray


def load(file, *args, **kwargs):
    """The arrays in a .npy or .npz file, as arrays where they have numeric dtypes."""
    out = np.load(file, *args, **kwargs)
    if isinstance(out, np.ndarray) and out.dtype != np.object_:
        return asarray(out)
    return out


save = np.save
savez = np.savez

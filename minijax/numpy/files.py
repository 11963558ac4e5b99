"""jnp's reading and writing of .npy and .npz files."""

import numpy as np

from minijax.numpy.creation import asarray


def load(file, *args, **kwargs):
    """The arrays in a .npy or .npz file, as arrays where they have numeric dtypes."""
    out = np.load(file, *args, **kwargs)
    if isinstance(out, np.ndarray) and out.dtype != np.object_:
        return asarray(out)
    return out


def save(file, arr, allow_pickle=True):
    """Write an array to a .npy file."""
    np.save(file, np.asarray(arr), allow_pickle=allow_pickle)


def savez(file, *args, allow_pickle=True, **kwds):
    """Write arrays, by name, to a .npz file."""
    np.savez(
        file,
        *[np.asarray(x) for x in args],
        allow_pickle=allow_pickle,
        **{name: np.asarray(x) for name, x in kwds.items()},
    )

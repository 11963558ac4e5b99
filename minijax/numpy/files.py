"""jnp's reading and writing of .npy and .npz files."""

import numpy as np

from minijax import dtypes
from minijax.numpy.creation import asarray


def load(file, *args, **kwargs):
    """The arrays in a .npy or .npz file; a single numeric one as an array of JAX's.

    Such files do not tell bfloat16 from two bytes of anything, and it is taken for
    that.

    Args:
        file: a path, or a file opened for reading bytes.
        *args: as `numpy.load` takes them.
        **kwargs: as `numpy.load` takes them.

    Returns:
        An array, or what maps names to arrays.

    Examples:
        >>> import io, numpy as np
        >>> file = io.BytesIO()
        >>> np.save(file, np.arange(3))
        >>> _ = file.seek(0)
        >>> jnp.load(file)
        Array([0, 1, 2], dtype=int32)
    """
    out = np.load(file, *args, **kwargs)
    if isinstance(out, np.ndarray):
        if out.dtype == "V2":
            out = out.view(dtypes.bfloat16)
        if dtypes.issubdtype(out.dtype, np.number) or out.dtype == np.bool_:
            return asarray(out)
    return out


save = np.save
savez = np.savez

"""jnp's questions about shapes and dtypes, answered without computing."""

import operator
from typing import Any

import numpy as np

from minijax import dtypes
from minijax.numpy.promotion import canonical_axes, check_arraylike, shape_of

_KINDS = {
    "bool": (np.bool_,),
    "signed integer": (np.signedinteger,),
    "unsigned integer": (np.unsignedinteger,),
    "integral": (np.integer,),
    "real floating": (np.floating,),
    "complex floating": (np.complexfloating,),
    "numeric": (np.number,),
}


def ndim(a):
    """The number of axes."""
    if hasattr(a, "ndim"):
        return a.ndim
    check_arraylike("ndim", a)
    return len(shape_of(a))


def shape(a):
    """The sizes of the axes."""
    if hasattr(a, "shape"):
        return tuple(a.shape)
    check_arraylike("shape", a)
    return ()


def size(a, axis=None):
    """The number of elements, or that along axes."""
    check_arraylike("size", a)
    sizes = shape_of(a)
    total = 1
    axis = (
        axis
        if axis is None or isinstance(axis, (tuple, list))
        else operator.index(axis)
    )
    for i in canonical_axes(axis, len(sizes)):
        total *= sizes[i]
    return total


def can_cast(from_, to, casting: Any = "safe"):
    """Whether a dtype converts to another by NumPy's rule of that name."""
    return np.can_cast(from_, to, casting)


def isdtype(dtype, kind):
    """Whether a dtype is of a kind of the array API standard, is a dtype, or one of
    several.
    """
    found = dtypes.dtype(dtype)
    for option in kind if isinstance(kind, tuple) else (kind,):
        if isinstance(option, str):
            if option not in _KINDS:
                raise ValueError(
                    f"Unrecognized kind={option!r} expected one of {list(_KINDS)}, or "
                    "a "
                    "compatible input for jnp.dtype()"
                )
            if any(dtypes.issubdtype(found, abstract) for abstract in _KINDS[option]):
                return True
        elif found == np.dtype(option):
            return True
    return False

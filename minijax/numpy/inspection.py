"""jnp's questions about shapes and dtypes, answered without computing."""

import warnings
from typing import Any

import numpy as np

from minijax import dtypes
from minijax.numpy.promotion import canonical_axes, ensure_arraylike

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
    """The number of axes.

    Args:
        a: array, scalar or nested sequences.

    Returns:
        An int.

    Examples:
        >>> jnp.ndim(jnp.ones((2, 3)))
        2
    """
    if hasattr(a, "ndim"):
        return a.ndim
    return np.ndim(_converted(a, "ndim"))


def shape(a):
    """The sizes of the axes.

    Args:
        a: array, scalar or nested sequences.

    Returns:
        A tuple of ints.

    Examples:
        >>> jnp.shape(jnp.ones((2, 3)))
        (2, 3)
    """
    if hasattr(a, "shape"):
        return tuple(a.shape)
    return np.shape(_converted(a, "shape"))


def _converted(a, name):
    """A number, or what an object that knows how to become an array of JAX's becomes.

    DeprecationWarning for others, which are returned.
    """
    if hasattr(a, "__jax_array__"):
        return a.__jax_array__()
    try:
        (a,) = ensure_arraylike(name, a)
    except TypeError as error:
        warnings.warn(
            f"{error} In a future JAX release this will be an error.",
            DeprecationWarning,
            stacklevel=3,
        )
    return a


def size(a, axis=None):
    """The number of elements, or that along axes.

    Args:
        a: array, scalar or nested sequences.
        axis: one axis, several, or None for all.

    Returns:
        An int.

    Examples:
        >>> jnp.size(jnp.ones((2, 3)))
        6
        >>> jnp.size(jnp.ones((2, 3)), axis=1)
        3
    """
    sizes = tuple(a.shape) if hasattr(a, "shape") else np.shape(_converted(a, "size"))
    total = 1
    axes = canonical_axes(axis, len(sizes))
    if len(set(axes)) < len(axes):
        raise ValueError(f"repeated axis: {axes}")
    for i in axes:
        total *= sizes[i]
    return total


def can_cast(from_, to, casting: Any = "safe"):
    """Whether a dtype converts to another by NumPy's rule of that name.

    Args:
        from_: dtype, or array.
        to: dtype.
        casting: 'no', 'equiv', 'safe', 'same_kind' or 'unsafe'.

    Returns:
        A bool.

    Examples:
        >>> jnp.can_cast(jnp.int32, jnp.float64)
        True
        >>> jnp.can_cast(jnp.float32, jnp.int32)
        False
    """
    return np.can_cast(from_, to, casting)


def _dtype_of_kind(option):
    if isinstance(option, (type, np.dtype)) or hasattr(option, "dtype"):
        return np.dtype(option)
    if isinstance(option, str):
        try:
            return np.dtype(option)
        except TypeError as error:
            raise ValueError(
                f"Unrecognized kind={option!r} expected one of {list(_KINDS)}, or a "
                "compatible input for jnp.dtype()"
            ) from error
    raise TypeError(
        f"Expected kind to be a dtype, string, or tuple; got kind={option!r}"
    )


def isdtype(dtype, kind):
    """Whether a dtype is of a kind of the array API standard, is a dtype, or one of
    several.

    Args:
        dtype: dtype, or what names one.
        kind: a dtype, one of 'bool', 'signed integer', 'unsigned integer', 'integral',
            'real floating', 'complex floating' and 'numeric', or a tuple of such.

    Returns:
        A bool.

    Examples:
        >>> jnp.isdtype(jnp.float32, "real floating")
        True
        >>> jnp.isdtype(jnp.int8, ("bool", "integral"))
        True
    """
    found = dtype if isinstance(dtype, dtypes.ExtendedDType) else np.dtype(dtype)
    for option in kind if isinstance(kind, tuple) else (kind,):
        if isinstance(option, str) and option in _KINDS:
            same = any(dtypes.issubdtype(found, kind) for kind in _KINDS[option])
        else:
            same = found == _dtype_of_kind(option)
        if same:
            return True
    return False

"""Functions of the array API standard: those of jnp, on matrices in the last axes."""

import minijax.numpy as jnp
from minijax.numpy.promotion import ensure_arraylike, shape_of

# --- of the array API standard --------------------------------------------------------


def cross(x1, x2, /, *, axis=-1):
    """The cross product of vectors of three components along an axis.

    Args:
        x1: array of vectors.
        x2: array of vectors.
        axis: of the components.

    Returns:
        An array of vectors.

    Examples:
        >>> jnp.linalg.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0]))
        Array([0, 0, 1], dtype=int32)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.cross", x1, x2)
    if shape_of(x1)[axis] != 3 or shape_of(x2)[axis] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, but they "
            f"have x1.shape[axis]={shape_of(x1)[axis]} and "
            f"x2.shape[axis]={shape_of(x2)[axis]}"
        )
    return jnp.cross(x1, x2, axis=axis)


def diagonal(x, /, *, offset=0):
    """The diagonals of matrices in the last two axes.

    Args:
        x: array of two axes or more.
        offset: which diagonal; above 0 for those to the right.

    Returns:
        An array with one axis less.

    Examples:
        >>> jnp.linalg.diagonal(jnp.array([[1, 2], [3, 4]]))
        Array([1, 4], dtype=int32)
    """
    (x,) = ensure_arraylike("jnp.linalg.diagonal", x)
    return jnp.diagonal(x, offset=offset, axis1=-2, axis2=-1)


def matmul(x1, x2, /, *, precision=None, preferred_element_type=None):
    """The matrix product, as `jnp.matmul`.

    Args:
        x1: array of one axis or more.
        x2: array of one axis or more.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.

    Returns:
        An array.

    Examples:
        >>> jnp.linalg.matmul(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.matmul", x1, x2)
    return jnp.matmul(
        x1, x2, precision=precision, preferred_element_type=preferred_element_type
    )


def matrix_transpose(x, /):
    """Matrices in the last two axes, transposed.

    Args:
        x: array of two axes or more.

    Returns:
        An array.

    Examples:
        >>> jnp.linalg.matrix_transpose(jnp.array([[1, 2], [3, 4]]))
        Array([[1, 3],
               [2, 4]], dtype=int32)
    """
    (x,) = ensure_arraylike("jnp.linalg.matrix_transpose", x)
    return jnp.matrix_transpose(x)


def outer(x1, x2, /):
    """The outer product of two vectors.

    Args:
        x1: vector.
        x2: vector.

    Returns:
        A matrix.

    Examples:
        >>> jnp.linalg.outer(jnp.array([1, 2]), jnp.array([3, 4]))
        Array([[3, 4],
               [6, 8]], dtype=int32)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.outer", x1, x2)
    if len(shape_of(x1)) != 1 or len(shape_of(x2)) != 1:
        raise ValueError(
            "Input arrays must be one-dimensional, but they are "
            f"x1.ndim={len(shape_of(x1))} x2.ndim={len(shape_of(x2))}"
        )
    return jnp.outer(x1, x2)


def tensordot(
    x1, x2, /, *, axes=2, precision=None, preferred_element_type=None, out_sharding=None
):
    """The sums of products over pairs of axes, as `jnp.tensordot`.

    Args:
        x1: array.
        x2: array.
        axes: how many axes (the last of `x1`, the first of `x2`), or a pair: axes of
            `x1`, axes of `x2`.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.
        out_sharding: accepted; there is one device.

    Returns:
        An array with the other axes of both.

    Examples:
        >>> jnp.linalg.tensordot(jnp.ones((2, 3)), jnp.ones((3, 2)), axes=1)
        Array([[3., 3.],
               [3., 3.]], dtype=float32)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.tensordot", x1, x2)
    return jnp.tensordot(
        x1,
        x2,
        axes=axes,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )


def trace(x, /, *, offset=0, dtype=None):
    """The sums along the diagonals of matrices in the last two axes.

    Args:
        x: array of two axes or more.
        offset: which diagonal; above 0 for those to the right.
        dtype: to add in and to give; by default that of `x`.

    Returns:
        An array without the last two axes.

    Examples:
        >>> jnp.linalg.trace(jnp.array([[1, 2], [3, 4]]))
        Array(5, dtype=int32)
    """
    (x,) = ensure_arraylike("jnp.linalg.trace", x)
    return jnp.trace(x, offset=offset, axis1=-2, axis2=-1, dtype=dtype)


def vecdot(x1, x2, /, *, axis=-1, precision=None, preferred_element_type=None):
    """The sums of products along an axis, as `jnp.vecdot`.

    Args:
        x1: array of one axis or more.
        x2: array of one axis or more.
        axis: along which to add.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.

    Returns:
        An array without the axis.

    Examples:
        >>> jnp.linalg.vecdot(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    x1, x2 = ensure_arraylike("jnp.linalg.vecdot", x1, x2)
    return jnp.vecdot(
        x1,
        x2,
        axis=axis,
        precision=precision,
        preferred_element_type=preferred_element_type,
    )

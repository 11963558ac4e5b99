"""Norms of vectors and matrices, for `jax.numpy.linalg`."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.decompositions import svd
from minijax.numpy.promotion import (
    canonical_axes,
    ensure_arraylike,
    is_complex,
    literal,
    promote_dtypes_inexact,
)

# --- norms ----------------------------------------------------------------------------


@jit(static_argnames=("ord", "axis", "keepdims"))
def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors along one axis, or of matrices along two (None: of all
    elements).

    Args:
        x: array.
        ord: 2 by default, 'fro' for matrices; for vectors any number or infinity; for
            matrices 'fro', 'nuc', 1, 2, inf and their negatives.
        axis: one axis for vectors, two for matrices, None for all elements.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the axes, in floating point.

    Examples:
        >>> jnp.linalg.norm(jnp.array([3.0, 4.0]))
        Array(5., dtype=float32)
        >>> jnp.linalg.norm(jnp.array([[1.0, 2.0], [3.0, 4.0]]), ord=1, axis=(0, 1))
        Array(6., dtype=float32)
    """
    (x,) = promote_dtypes_inexact(*ensure_arraylike("jnp.linalg.norm", x))
    x = asarray(x)
    if axis is None:
        if ord is None:
            return jnp.sqrt(jnp.sum(_squares(x), keepdims=keepdims))
        axes = tuple(range(x.ndim))
    else:
        axes = canonical_axes(axis, x.ndim)
    if len(axes) == 1:
        return vector_norm(
            x, ord=2 if ord is None else ord, axis=axes[0], keepdims=keepdims
        )
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    raise ValueError(
        f"Improper number of axes for norm: axis={axes}. Pass one axis to compute a "
        "vector-norm, or two axes to compute a matrix-norm."
    )


def _squares(x):
    """|x|²."""
    if is_complex(x):
        return lax.real(lax.mul(x, lax.conj(x)))
    return x if x.dtype == np.bool_ else lax.mul(x, x)


def _matrix_norm(x, ord, axes, keepdims):
    row, column = axes
    if row == column:
        raise ValueError(f"duplicate value in 'axis': {axes}")
    if ord is None or ord == "fro":
        return jnp.sqrt(jnp.sum(_squares(x), axis=axes, keepdims=keepdims))
    if ord in (1, -1, np.inf, -np.inf):
        inner, outer = (row, column) if ord in (1, -1) else (column, row)
        if not keepdims and outer > inner:
            outer -= 1
        sums = jnp.sum(jnp.abs(x), axis=inner, keepdims=keepdims)
        if ord > 0:
            return jnp.amax(sums, axis=outer, keepdims=keepdims, initial=0)
        return jnp.amin(sums, axis=outer, keepdims=keepdims)
    if ord not in ("nuc", 2, -2):
        raise ValueError(f"Invalid order '{ord}' for matrix norm.")
    s = svd(jnp.moveaxis(x, axes, (-2, -1)), compute_uv=False)
    if ord == "nuc":
        out = s.sum(axis=-1)
    else:
        out = s.max(axis=-1, initial=0) if ord == 2 else s.min(axis=-1)
    return jnp.expand_dims(out, axes) if keepdims else out


def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """The norm of matrices in the last two axes, see `norm`.

    Args:
        x: array of matrices in the last two axes.
        keepdims: whether reduced axes stay, with size 1.
        ord: as for `norm`.

    Returns:
        An array without the last two axes.

    Examples:
        >>> jnp.linalg.matrix_norm(jnp.array([[3.0, 0.0], [0.0, 4.0]]))
        Array(5., dtype=float32)
    """
    (x,) = ensure_arraylike("jnp.linalg.matrix_norm", x)
    return norm(x, ord=ord, keepdims=keepdims, axis=(-2, -1))


@jit(static_argnames=("axis", "keepdims", "ord"))
def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """The norm of vectors along axes (None: of all elements); ord: any number or ±inf.

    Args:
        x: array.
        axis: one axis, several, or None for all.
        keepdims: whether reduced axes stay, with size 1.
        ord: any number or infinity.

    Returns:
        An array without the axes, in floating point.

    Examples:
        >>> jnp.linalg.vector_norm(jnp.array([3.0, -4.0]), ord=1)
        Array(7., dtype=float32)
    """
    (x,) = ensure_arraylike("jnp.linalg.vector_norm", x)
    if ord not in (None, 2, 1, np.inf, -np.inf):  # these keep integers or sum them
        (x,) = promote_dtypes_inexact(x)
    x = asarray(x)
    if ord is None or ord == 2:
        return jnp.sqrt(jnp.sum(_squares(x), axis=axis, keepdims=keepdims))
    if ord == np.inf:
        return jnp.amax(jnp.abs(x), axis=axis, keepdims=keepdims, initial=0)
    if ord == -np.inf:
        return jnp.amin(jnp.abs(x), axis=axis, keepdims=keepdims)
    real = np.dtype(f"float{4 * x.dtype.itemsize}") if is_complex(x) else x.dtype
    if ord == 0:
        return jnp.sum(
            x != literal(0, x.dtype), dtype=real, axis=axis, keepdims=keepdims
        )
    if ord == 1:
        return jnp.sum(jnp.abs(x), axis=axis, keepdims=keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid order '{ord}' for vector norm.")
    order = literal(ord, real)
    total = jnp.sum(lax.pow(jnp.abs(x), order), axis=axis, keepdims=keepdims)
    return lax.pow(total, literal(1.0 / ord, real))

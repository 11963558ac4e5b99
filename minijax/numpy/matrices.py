"""jnp's matrices by pattern: identity, triangles, diagonals, and the indices of these."""

import operator

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.filling import canonical_shape, ones, zeros
from minijax.numpy.promotion import (
    INT32,
    broadcast_to,
    canonical_axis,
    concrete_or_error,
    convert,
    ensure_arraylike,
    is_kind,
    literal,
    operand_like,
    shape_of,
    user_dtype,
)
from minijax.numpy.ranges import arange, put


def _size(n, where):
    return operator.index(concrete_or_error(None, n, where))


def _check_diagonal(k):
    if len(shape_of(k)) or not is_kind(k, np.integer):
        raise ValueError(f"k must be a scalar integer; got {k}")


def _eye_mask(shape, offset):
    """True where column = row + offset."""
    rows = lax.broadcasted_iota(INT32, shape, 0)
    columns = lax.broadcasted_iota(INT32, shape, 1)
    return lax.eq(lax.add(rows, convert(offset, INT32)), columns)


def _tri_mask(shape, offset):
    """True where column <= row + offset."""
    rows = lax.add(lax.broadcasted_iota(INT32, shape, 0), convert(offset, INT32))
    return lax.ge(rows, lax.broadcasted_iota(INT32, shape, 1))


def eye(N, M=None, k=0, dtype=None, *, device=None):
    """An (N, M) matrix with ones on the k-th diagonal; M is N by default.

    Args:
        N: the number of rows.
        M: the number of columns; `N` if None.
        k: which diagonal has the ones; above 0 for those to the right.
        dtype: of the result; the default float if None.
        device: a device or sharding that the result is committed to.

    Returns:
        A matrix.

    Examples:
        >>> jnp.eye(2)
        Array([[1., 0.],
               [0., 1.]], dtype=float32)
        >>> jnp.eye(2, 3, k=1, dtype=int)
        Array([[0, 1, 0],
               [0, 0, 1]], dtype=int32)
    """
    if isinstance(k, int):
        k = min(max(k, -(2**31)), 2**31 - 1)  # a diagonal far outside is no diagonal
    (k,) = ensure_arraylike("eye", k)
    _check_diagonal(k)
    dtype = user_dtype(float if dtype is None else dtype, "eye")
    (n,) = canonical_shape(N, "argument of 'N' jnp.eye()")
    m = n if M is None else canonical_shape(M, "argument 'M' of jnp.eye()")[0]
    if n < 0 or m < 0:
        raise ValueError(f"negative dimensions are not allowed, got {N} and {M}")
    return put(convert(_eye_mask((n, m), k), dtype), device)


def identity(n, dtype=None):
    """The (n, n) identity matrix.

    Args:
        n: the number of rows and columns.
        dtype: of the result; the default float if None.

    Returns:
        A matrix.

    Examples:
        >>> jnp.identity(2)
        Array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0, dtype=None):
    """An (N, M) matrix with ones on and below the k-th diagonal.

    Args:
        N: the number of rows.
        M: the number of columns; `N` if None.
        k: the last diagonal that has ones.
        dtype: of the result; float32 if None.

    Returns:
        A matrix.

    Examples:
        >>> jnp.tri(3)
        Array([[1., 0., 0.],
               [1., 1., 0.],
               [1., 1., 1.]], dtype=float32)
    """
    dtype = np.dtype(np.float32) if dtype is None else user_dtype(dtype, "tri")
    shape = canonical_shape((N, N if M is None else M))
    if isinstance(k, float):
        k = operator.index(k)
    return convert(_tri_mask(shape, k), dtype)


def _triangle(name, m, k, lower):
    (m,) = ensure_arraylike(name, m)
    shape = shape_of(m)
    if len(shape) < 2:
        raise ValueError(f"Argument to jax.numpy.{name} must be at least 2D")
    mask = _tri_mask(shape[-2:], k if lower else k - 1)
    mask = broadcast_to(mask, shape)
    nothing = lax.full_like(m, 0)
    return lax.select(mask, m, nothing) if lower else lax.select(mask, nothing, m)


@jit(static_argnames=("k",))
def tril(m, k=0):
    """`m` with zeros above the k-th diagonal of its last two axes.

    Args:
        m: array of two axes or more.
        k: the last diagonal that is kept.

    Returns:
        An array of the shape of `m`.

    Examples:
        >>> jnp.tril(jnp.ones((2, 3)))
        Array([[1., 0., 0.],
               [1., 1., 0.]], dtype=float32)
    """
    return _triangle("tril", m, k, True)


@jit(static_argnames=("k",))
def triu(m, k=0):
    """`m` with zeros below the k-th diagonal of its last two axes.

    Args:
        m: array of two axes or more.
        k: the first diagonal that is kept.

    Returns:
        An array of the shape of `m`.

    Examples:
        >>> jnp.triu(jnp.ones((2, 3)))
        Array([[1., 1., 1.],
               [0., 1., 1.]], dtype=float32)
    """
    return _triangle("triu", m, k, False)


def diag(v, k=0):
    """A matrix with the vector `v` on its k-th diagonal; of a matrix, that diagonal.

    Args:
        v: vector or matrix.
        k: which diagonal; above 0 for those to the right.

    Returns:
        A matrix for a vector, a vector for a matrix.

    Examples:
        >>> jnp.diag(jnp.array([1, 2]))
        Array([[1, 0],
               [0, 2]], dtype=int32)
        >>> jnp.diag(jnp.array([[1, 2], [3, 4]]))
        Array([1, 4], dtype=int32)
    """
    (v,) = ensure_arraylike("diag", v)
    return _diag(asarray(v), operator.index(k))


@jit(static_argnames=("k",))
def _diag(v, k):
    if v.ndim == 2:
        return diagonal(v, offset=k)
    if v.ndim != 1:
        raise ValueError("diag input must be 1d or 2d")
    v = lax.pad(v, operand_like(0, v), [(max(0, -k), max(0, k), 0)])
    n = v.shape[0]
    mask = _eye_mask((n, n), k)
    column = broadcast_to(lax.expand_dims(v, (1,)), (n, n))
    return lax.select(mask, column, lax.full_like(column, 0))


def diagflat(v, k=0):
    """A matrix with the flattened `v` on its k-th diagonal.

    Args:
        v: array.
        k: which diagonal; above 0 for those to the right.

    Returns:
        A matrix.

    Examples:
        >>> jnp.diagflat(jnp.array([[1], [2]]))
        Array([[1, 0],
               [0, 2]], dtype=int32)
    """
    (v,) = ensure_arraylike("diagflat", v)
    k = operator.index(k)
    v = jnp.ravel(v)
    n = v.shape[0]
    size = n + abs(k)
    out = zeros(size * size, v.dtype)
    i = arange(n)
    places = i + k + i * size if k >= 0 else i + (i - k) * size
    return out.at[places].set(v).reshape(size, size)


@jit(static_argnames=("offset", "axis1", "axis2"))
def diagonal(a, offset=0, axis1=0, axis2=1):
    """The diagonals in the plane of two axes, as a new last axis.

    Args:
        a: array of two axes or more.
        offset: which diagonal; above 0 for those to the right.
        axis1: the axis of rows.
        axis2: the axis of columns.

    Returns:
        An array with one axis less.

    Examples:
        >>> jnp.diagonal(jnp.array([[1, 2], [3, 4]]))
        Array([1, 4], dtype=int32)
    """
    (a,) = ensure_arraylike("diagonal", a)
    a = asarray(a)
    if a.ndim < 2:
        raise ValueError("diagonal requires an array of at least two dimensions.")
    offset = _size(offset, "'offset' argument of jnp.diagonal()")
    a = jnp.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = a.shape[-2:]
    size = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    i = arange(size)
    j = arange(abs(offset), abs(offset) + size)
    line = a[..., i, j] if offset >= 0 else a[..., j, i]
    return convert(line, line.dtype)  # JAX: strongly typed, whatever a is


@jit(static_argnames=("axis1", "axis2", "dtype"))
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """The sums along the diagonals in the plane of two axes.

    Args:
        a: array of two axes or more.
        offset: which diagonal; above 0 for those to the right.
        axis1: the axis of rows.
        axis2: the axis of columns.
        dtype: to add in and to give; by default that of `a`.
        out: must be None: results are new arrays.

    Returns:
        An array with two axes less.

    Examples:
        >>> jnp.trace(jnp.array([[1, 2], [3, 4]]))
        Array(5, dtype=int32)
    """
    (a,) = ensure_arraylike("trace", a)
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.trace is not supported.")
    rank = len(shape_of(a))
    if canonical_axis(axis1, rank) == canonical_axis(axis2, rank):
        raise ValueError(
            f"axis1 and axis2 can not be same. axis1={axis1} and axis2={axis2}"
        )
    a = jnp.moveaxis(a, (axis1, axis2), (-2, -1))
    _check_diagonal(offset)
    mask = _eye_mask(a.shape[-2:], offset)
    nothing = lax.full_like(a, 0)
    a = lax.select(broadcast_to(mask, a.shape), a, nothing)
    return jnp.sum(a, axis=(-2, -1), dtype=dtype)


def fill_diagonal(a, val, wrap=False, *, inplace=True):
    """`a` with its main diagonal set to `val`; the result is a new array.

    ValueError unless `inplace` is False.

    Args:
        a: array of two axes or more.
        val: scalar or vector; repeated along the diagonal.
        wrap: whether the diagonal begins again in tall matrices.
        inplace: must be False.

    Returns:
        An array of the shape and dtype of `a`.

    Examples:
        >>> jnp.fill_diagonal(jnp.zeros((2, 2)), 5, inplace=False)
        Array([[5., 0.],
               [0., 5.]], dtype=float32)
    """
    if inplace:
        raise NotImplementedError("JAX arrays are immutable, must use inplace=False")
    if wrap:
        raise NotImplementedError("wrap=True is not implemented, must use wrap=False")
    a, val = ensure_arraylike("fill_diagonal", a, val)
    a = asarray(a)
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    n = min(a.shape)
    i = arange(n)
    if len(shape_of(val)):
        val = jnp.ravel(val)
        val = val[:n] if val.shape[0] >= n else jnp.tile(val, -(-n // val.shape[0]))[:n]
    return a.at[(i,) * a.ndim].set(val)


def diag_indices(n, ndim=2):
    """The indices of the main diagonal of an array with `ndim` axes of size n.

    Args:
        n: the size of the axes.
        ndim: the number of axes.

    Returns:
        A tuple of vectors of integers.

    Examples:
        >>> jnp.diag_indices(2)
        (Array([0, 1], dtype=int32), Array([0, 1], dtype=int32))
    """
    n = _size(n, "'n' argument of jnp.diag_indices()")
    ndim = _size(ndim, "'ndim' argument of jnp.diag_indices()")
    if n < 0:
        raise ValueError(f"n argument to diag_indices must be nonnegative, got {n}")
    if ndim < 0:
        raise ValueError(
            f"ndim argument to diag_indices must be nonnegative, got {ndim}"
        )
    return (lax.iota(dtypes.python_scalar_dtype(int), n),) * ndim


def diag_indices_from(arr):
    """The indices of the main diagonal of an array.

    Args:
        arr: array of two axes or more, all of one size.

    Returns:
        A tuple of vectors of integers.

    Examples:
        >>> jnp.diag_indices_from(jnp.zeros((2, 2)))
        (Array([0, 1], dtype=int32), Array([0, 1], dtype=int32))
    """
    (arr,) = ensure_arraylike("diag_indices_from", arr)
    shape = shape_of(arr)
    if len(shape) < 2:
        raise ValueError("input array must be at least 2-d")
    if len(set(shape)) != 1:
        raise ValueError("All dimensions of input must be of equal length")
    return diag_indices(shape[0], ndim=len(shape))


def mask_indices(n, mask_func, k=0, *, size=None):
    """The indices at which `mask_func(ones((n, n)), k)` is nonzero.

    Args:
        n: the number of rows and columns.
        mask_func: function of a matrix and `k`, as `jnp.tril`.
        k: handed on to `mask_func`.
        size: the static number of indices, for use under jit.

    Returns:
        A tuple of two vectors of integers.

    Examples:
        >>> jnp.mask_indices(2, jnp.tril)
        (Array([0, 1, 1], dtype=int32), Array([0, 0, 1], dtype=int32))
    """
    return jnp.nonzero(mask_func(ones((n, n)), k), size=size)


def tril_indices(n, k=0, m=None):
    """The indices of the lower triangle of an (n, m) matrix.

    Args:
        n: the number of rows.
        k: the last diagonal that is included.
        m: the number of columns; `n` if None.

    Returns:
        A tuple of two vectors of integers.

    Examples:
        >>> jnp.tril_indices(2)
        (Array([0, 1, 1], dtype=int32), Array([0, 0, 1], dtype=int32))
    """
    n, k, m = _triangle_sizes("tril_indices", n, k, m)
    size = sum(min(m, max(0, i + k + 1)) for i in range(n))
    return jnp.nonzero(tril(ones((n, m)), k=k), size=size)


def triu_indices(n, k=0, m=None):
    """The indices of the upper triangle of an (n, m) matrix.

    Args:
        n: the number of rows.
        k: the first diagonal that is included.
        m: the number of columns; `n` if None.

    Returns:
        A tuple of two vectors of integers.

    Examples:
        >>> jnp.triu_indices(2)
        (Array([0, 0, 1], dtype=int32), Array([0, 1, 1], dtype=int32))
    """
    n, k, m = _triangle_sizes("triu_indices", n, k, m)
    size = sum(m - min(m, max(0, i + k)) for i in range(n))
    return jnp.nonzero(triu(ones((n, m)), k=k), size=size)


def _triangle_sizes(name, n, k, m):
    n = _size(n, f"n argument of jnp.{name}")
    return n, _size(k, f"k argument of jnp.{name}"), n if m is None else _size(m, name)


def tril_indices_from(arr, k=0):
    """The indices of the lower triangle of a matrix.

    Args:
        arr: matrix.
        k: the last diagonal that is included.

    Returns:
        A tuple of two vectors of integers.

    Examples:
        >>> jnp.tril_indices_from(jnp.zeros((2, 2)))
        (Array([0, 1, 1], dtype=int32), Array([0, 0, 1], dtype=int32))
    """
    return tril_indices(*_matrix_shape("tril_indices_from", arr, k))


def triu_indices_from(arr, k=0):
    """The indices of the upper triangle of a matrix.

    Args:
        arr: matrix.
        k: the first diagonal that is included.

    Returns:
        A tuple of two vectors of integers.

    Examples:
        >>> jnp.triu_indices_from(jnp.zeros((2, 2)))
        (Array([0, 0, 1], dtype=int32), Array([0, 1, 1], dtype=int32))
    """
    return triu_indices(*_matrix_shape("triu_indices_from", arr, k))


def _matrix_shape(name, arr, k):
    (arr,) = ensure_arraylike(name, arr)
    shape = shape_of(arr)
    if len(shape) != 2:
        raise ValueError("Only 2-D inputs are accepted")
    return shape[0], k, shape[1]


@jit(static_argnames=("N", "increasing"))
def vander(x, N=None, increasing=False):
    """The matrix of powers of a vector; the first column has the highest unless
    `increasing`.

    Args:
        x: vector.
        N: the number of columns; the length of `x` if None.
        increasing: whether the powers ascend from left to right.

    Returns:
        A matrix with a row for each element of `x`.

    Examples:
        >>> jnp.vander(jnp.array([1, 2, 3]))
        Array([[1, 1, 1],
               [4, 2, 1],
               [9, 3, 1]], dtype=int32)
    """
    (x,) = ensure_arraylike("vander", x)
    x = asarray(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array")
    n = x.shape[0] if N is None else _size(N, "'N' argument of jnp.vander()")
    if n < 0:
        raise ValueError("N must be nonnegative")
    powers = lax.iota(x.dtype, n)
    if not increasing:
        powers = lax.sub(literal(n - 1, powers.dtype), powers)
    return jnp.power(lax.expand_dims(x, (1,)), lax.expand_dims(powers, (0,)))


__all__ = [
    "diag", "diag_indices", "diag_indices_from", "diagflat", "diagonal", "eye",
    "fill_diagonal", "identity", "mask_indices", "trace", "tri", "tril", "tril_indices",
    "tril_indices_from", "triu", "triu_indices", "triu_indices_from", "vander",
]  # fmt: skip

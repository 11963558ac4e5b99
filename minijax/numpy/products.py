"""jnp's products: matmul, dot, tensordot and their kin, all by way of
`lax.dot_general`.
"""

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    canonical_axis,
    check_core_sizes,
    convert,
    ensure_arraylike,
    is_complex,
    promote_args,
    promote_args_inexact,
    promote_dtypes,
    result_dtype,
    shape_of,
    user_dtype,
)

_NO_BATCH = ((), ())


def contract(
    a, b, contracting, batch=_NO_BATCH, precision=None, preferred=None, place=None
):
    """`dot_general` in the promoted dtype of the operands, or in `preferred`."""
    weak = False
    if preferred is None:
        preferred, weak = result_dtype(a, b)
    out = lax.dot_general(
        a,
        b,
        (contracting, batch),
        precision=precision,
        preferred_element_type=preferred,
        out_sharding=place,
    )
    return convert(out, out.dtype, weak)


def dot(a, b, *, precision=None, preferred_element_type=None, out_sharding=None):
    """The sum of products over the last axis of `a` and the second to last (or only) of
    `b`.

    Args:
        a: array or scalar.
        b: array or scalar.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.
        out_sharding: accepted; there is one device.

    Returns:
        An array; scalars are multiplied.

    Examples:
        >>> jnp.dot(jnp.array([1, 2]), jnp.array([3, 4]))
        Array(11, dtype=int32)
        >>> jnp.dot(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    a, b = ensure_arraylike("dot", a, b)
    preferred = user_dtype(preferred_element_type, "dot")
    rank_a, rank_b = len(shape_of(a)), len(shape_of(b))
    if not rank_a or not rank_b:
        dims = ((), ())
    else:
        dims = ((rank_a - 1,), (0 if rank_b == 1 else rank_b - 2,))
    return contract(a, b, dims, _NO_BATCH, precision, preferred, out_sharding)


def matmul(a, b, *, precision=None, preferred_element_type=None, out_sharding=None):
    """The matrix product over the last two axes; the others broadcast; vectors are
    contracted.

    Args:
        a: array of one axis or more.
        b: array of one axis or more.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.
        out_sharding: accepted; there is one device.

    Returns:
        An array.

    Examples:
        >>> jnp.matmul(jnp.array([[1, 2], [3, 4]]), jnp.array([[1, 0], [1, 1]]))
        Array([[3, 2],
               [7, 4]], dtype=int32)
    """
    a, b = ensure_arraylike("matmul", a, b)
    for place, x in enumerate((a, b)):
        if not len(shape_of(x)):
            raise ValueError(
                f"matmul input operand {place} must have ndim at least 1, but it has "
                "ndim 0"
            )
    preferred = user_dtype(preferred_element_type, "matmul")
    rank_a, rank_b = len(a.shape), len(b.shape)
    if rank_a <= 2 and rank_b <= 2:
        dims = ((rank_a - 1,), (0,))
        return contract(a, b, dims, _NO_BATCH, precision, preferred, out_sharding)
    return _batched_matmul(a, b, precision, preferred, out_sharding)


def _batched_matmul(a, b, precision, preferred, place):
    """Axes that both have become batch axes; those that one lacks (or has of size 1) do
    not.
    """
    n = max(a.ndim, b.ndim) - 2
    sizes_a, sizes_b = _batch_sizes(a.shape, n), _batch_sizes(b.shape, n)
    pairs = list(zip(sizes_a, sizes_b, strict=True))
    if any(p != q and 1 not in (p, q) and None not in (p, q) for p, q in pairs):
        types = [str(x.aval) for x in (asarray(a), asarray(b))]
        raise ValueError(
            f"Incompatible types for matmul arguments: {' and '.join(types)}"
        )
    shared = [i for i, (p, q) in enumerate(pairs) if p == q and p not in (1, None)]
    units = tuple([i for i, pair in enumerate(pairs) if pair == (1, 1)])
    a, names_a = _without_units(a, sizes_a, sizes_b, shared, "m")
    b, names_b = _without_units(b, sizes_b, sizes_a, shared, "n")
    axis_b = b.ndim - 1 if names_b[-1] == "k" else b.ndim - 2
    contracting = ((a.ndim - 1,), (axis_b,))
    batch = tuple(
        [tuple([names.index(i) for i in shared]) for names in (names_a, names_b)]
    )
    out = contract(a, b, contracting, batch, precision, preferred, place)
    names = [*shared]
    names += [x for x in names_a if x != "k" and x not in shared]
    names += [x for x in names_b if x != "k" and x not in shared]
    wanted = [i for i in range(n) if i in names] + [x for x in ("m", "n") if x in names]
    order = tuple([names.index(x) for x in wanted])
    if order != tuple(range(len(order))):
        out = lax.transpose(out, order)
    return lax.expand_dims(out, units) if units else out


def _batch_sizes(shape, n):
    """The sizes of the leading axes, None for those that are missing."""
    own = shape[:-2] if len(shape) > 2 else ()
    return [None] * (n - len(own)) + list(own)


def _without_units(x, own, other, shared, free):
    """`x` without axes of size 1 that broadcast, and the names of its axes."""
    names, drop, axis = [], [], 0
    for i, (mine, its) in enumerate(zip(own, other, strict=True)):
        if mine is None:
            continue
        if mine == 1 and its is not None and i not in shared:
            drop.append(axis)
        else:
            names.append(i)
        axis += 1
    if x.ndim == 1:
        names.append("k")
    else:
        names += ["m", "k"] if free == "m" else ["k", "n"]
    return (lax.squeeze(x, tuple(drop)) if drop else x), names


def vdot(a, b, *, precision=None, preferred_element_type=None):
    """The sum of products of all elements, those of `a` conjugated.

    Args:
        a: array.
        b: array of as many elements.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.

    Returns:
        An array without axes.

    Examples:
        >>> jnp.vdot(jnp.array([1 + 2j]), jnp.array([3j]))
        Array(6.+3.j, dtype=complex64)
    """
    a, b = ensure_arraylike("vdot", a, b)
    if is_complex(a):
        a = lax.conj(a)
    return dot(jnp.ravel(a), jnp.ravel(b), precision=precision,
               preferred_element_type=preferred_element_type)  # fmt: skip


def vecdot(x1, x2, /, *, axis=-1, precision=None, preferred_element_type=None):
    """The sums of products along an axis, those of `x1` conjugated; the other axes
    broadcast.

    Args:
        x1: array of one axis or more.
        x2: array of one axis or more.
        axis: along which to add.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.

    Returns:
        An array without the axis.

    Examples:
        >>> jnp.vecdot(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    x1, x2 = [asarray(x) for x in ensure_arraylike("vecdot", x1, x2)]
    if x1.shape[axis] != x2.shape[axis]:
        raise ValueError(
            f"axes must match; got shapes {x1.shape} and {x2.shape} with {axis=}"
        )
    x1, x2 = jnp.moveaxis(x1, axis, -1), jnp.moveaxis(x2, axis, -1)
    check_core_sizes([x1, x2], [("n",), ("n",)], "(n),(n)->()")
    if is_complex(x1):
        x1 = lax.conj(x1)
    preferred = user_dtype(preferred_element_type, "vecdot")
    return _mapped_dot(x1, x2, (1, 1), precision, preferred)


def _mapped_dot(x, y, ranks, precision=None, preferred=None):
    """The product of the trailing axes (1: vectors, 2: matrices); the leading ones
    broadcast.

    Contracts the last axis of x with the last of y (vector, vector), the last of x with
    the last of a vector y, or the last of a vector x with the second to last of y.
    """
    lead_x, lead_y = x.shape[: x.ndim - ranks[0]], y.shape[: y.ndim - ranks[1]]
    names_x = [*range(len(lead_x))] + (["k"] if ranks[0] == 1 else ["m", "k"])
    names_y = [*range(len(lead_y))] + (["k"] if ranks[1] == 1 else ["k", "n"])
    n = max(len(lead_x), len(lead_y))
    names_x = [i + n - len(lead_x) if isinstance(i, int) else i for i in names_x]
    names_y = [i + n - len(lead_y) if isinstance(i, int) else i for i in names_y]
    size_x, size_y = (
        dict(zip(names_x, x.shape, strict=True)),
        dict(zip(names_y, y.shape, strict=True)),
    )
    both = [i for i in range(n) if i in size_x and i in size_y]
    x = _drop(x, names_x, [i for i in both if size_x[i] == 1 != size_y[i]])
    y = _drop(y, names_y, [i for i in both if size_y[i] == 1 != size_x[i]])
    batch = [i for i in both if size_x[i] == size_y[i]]
    out = contract(
        x, y,
        ((names_x.index("k"),), (names_y.index("k"),)),
        (tuple([names_x.index(i) for i in batch]), tuple([names_y.index(i) for i in batch])),
        precision, preferred,
    )  # fmt: skip
    names = batch + [i for i in names_x if i != "k" and i not in batch]
    names += [i for i in names_y if i != "k" and i not in batch]
    wanted = [i for i in range(n) if i in names] + [i for i in ("m", "n") if i in names]
    return jnp.transpose(out, [names.index(i) for i in wanted])


def _drop(x, names, gone):
    axes = tuple([names.index(i) for i in gone])
    for i in gone:
        names.remove(i)
    return lax.squeeze(x, axes) if axes else x


@jit
def matvec(x1, x2, /):
    """Matrices times vectors; the leading axes broadcast.

    Args:
        x1: array of matrices in the last two axes.
        x2: array of vectors in the last axis.

    Returns:
        An array of vectors.

    Examples:
        >>> jnp.matvec(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    x1, x2 = [asarray(x) for x in ensure_arraylike("matvec", x1, x2)]
    check_core_sizes([x1, x2], [("n", "m"), ("m",)], "(n,m),(m)->(n)")
    return _mapped_dot(x1, x2, (2, 1))


def vecmat(x1, x2, /):
    """Conjugated vectors times matrices; the leading axes broadcast.

    Args:
        x1: array of vectors in the last axis.
        x2: array of matrices in the last two axes.

    Returns:
        An array of vectors.

    Examples:
        >>> jnp.vecmat(jnp.array([1, 1]), jnp.array([[1, 2], [3, 4]]))
        Array([4, 6], dtype=int32)
    """
    x1, x2 = [asarray(x) for x in ensure_arraylike("vecmat", x1, x2)]
    check_core_sizes([x1, x2], [("n",), ("n", "m")], "(n),(n,m)->(m)")
    if is_complex(x1):
        x1 = lax.conj(x1)
    return _mapped_dot(x1, x2, (1, 2))


def inner(a, b, *, precision=None, preferred_element_type=None):
    """The sums of products over the last axes of both.

    Args:
        a: array.
        b: array, whose last axis has the size of that of `a`.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.

    Returns:
        An array with the other axes of both.

    Examples:
        >>> jnp.inner(jnp.array([1, 2]), jnp.array([3, 4]))
        Array(11, dtype=int32)
    """
    a, b = ensure_arraylike("inner", a, b)
    preferred = user_dtype(preferred_element_type, "inner")
    rank_a, rank_b = len(shape_of(a)), len(shape_of(b))
    if not rank_a or not rank_b:
        out = jnp.multiply(a, b)
        return out if preferred is None else convert(out, preferred)
    dims = ((rank_a - 1,), (rank_b - 1,))
    return contract(a, b, dims, _NO_BATCH, precision, preferred)


def outer(a, b, out=None):
    """Every element of `a` times every element of `b`, both flattened.

    Args:
        a: array.
        b: array.
        out: must be None: results are new arrays.

    Returns:
        A matrix.

    Examples:
        >>> jnp.outer(jnp.array([1, 2]), jnp.array([3, 4]))
        Array([[3, 4],
               [6, 8]], dtype=int32)
    """
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.outer is not supported.")
    a, b = ensure_arraylike("outer", a, b)
    a, b = promote_dtypes(a, b)
    a, b = lax.expand_dims(jnp.ravel(a), (1,)), lax.expand_dims(jnp.ravel(b), (0,))
    return jnp.multiply(a, b)


def tensordot(
    a, b, axes=2, *, precision=None, preferred_element_type=None, out_sharding=None
):
    """The sums of products over pairs of axes.

    Raises TypeError where they do not fit.

    Args:
        a: array.
        b: array.
        axes: how many axes (the last of `a`, the first of `b`), or a pair: axes of `a`,
            axes of `b`.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.
        out_sharding: accepted; there is one device.

    Returns:
        An array with the other axes of both.

    Examples:
        >>> jnp.tensordot(jnp.ones((2, 3)), jnp.ones((3, 2)), axes=1)
        Array([[3., 3.],
               [3., 3.]], dtype=float32)
    """
    a, b = ensure_arraylike("tensordot", a, b)
    preferred = user_dtype(preferred_element_type, "tensordot")
    rank_a, rank_b = len(shape_of(a)), len(shape_of(b))
    if isinstance(axes, int):
        if axes > min(rank_a, rank_b):
            raise TypeError(
                f"Number of tensordot axes (axes {axes}) exceeds input ranks "
                f"({shape_of(a)} and "
                f"{shape_of(b)})"
            )
        dims = (tuple(range(rank_a - axes, rank_a)), tuple(range(axes)))
    else:
        mine, its = _axes_lists(axes)
        dims = (
            tuple([canonical_axis(i, rank_a) for i in mine]),
            tuple([canonical_axis(i, rank_b) for i in its]),
        )
    return contract(a, b, dims, _NO_BATCH, precision, preferred, out_sharding)


def _axes_lists(axes):
    """The contracted axes of either operand of `tensordot`, as sequences."""
    if not isinstance(axes, (tuple, list)) or len(axes) != 2:
        raise TypeError(
            "tensordot axes argument must be an int, a pair of ints, or a pair of "
            "lists/tuples of ints."
        )
    if all(hasattr(x, "__index__") for x in axes):
        return [(x,) for x in axes]
    if not all(isinstance(x, (tuple, list)) for x in axes):
        raise TypeError(
            "tensordot requires both axes lists to be either ints, tuples or lists, "
            f"got {axes[0]} and {axes[1]}"
        )
    if len(axes[0]) != len(axes[1]):
        raise TypeError(
            f"tensordot requires axes lists to have equal length, got {axes[0]} and "
            f"{axes[1]}."
        )
    return axes


@jit
def kron(a, b):
    """The Kronecker product: every element of `a` times the whole of `b`.

    Args:
        a: array.
        b: array.

    Returns:
        An array, each of whose sizes is the product of two.

    Examples:
        >>> jnp.kron(jnp.array([1, 2]), jnp.array([1, 1]))
        Array([1, 1, 2, 2], dtype=int32)
    """
    a, b = [asarray(x) for x in promote_dtypes(*ensure_arraylike("kron", a, b))]
    rank = max(a.ndim, b.ndim)
    a = lax.expand_dims(a, range(rank - a.ndim)) if a.ndim < rank else a
    b = lax.expand_dims(b, range(rank - b.ndim)) if b.ndim < rank else b
    shape = [m * n for m, n in zip(a.shape, b.shape, strict=True)]
    a = lax.expand_dims(a, range(1, 2 * rank, 2)) if rank else a
    b = lax.expand_dims(b, range(0, 2 * rank, 2)) if rank else b
    return lax.reshape(lax.mul(a, b), tuple(shape))


@jit(static_argnames=("axisa", "axisb", "axisc", "axis"), inline=True)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cross product of vectors of two or three components along an axis.

    Args:
        a: array of vectors.
        b: array of vectors.
        axisa: the axis of vectors in `a`.
        axisb: the axis of vectors in `b`.
        axisc: the axis of vectors in the result.
        axis: in place of the other three.

    Returns:
        An array of vectors, or of scalars for vectors of two components.

    Examples:
        >>> jnp.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0]))
        Array([0, 0, 1], dtype=int32)
    """
    a, b = ensure_arraylike("cross", a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = jnp.moveaxis(a, axisa, -1), jnp.moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError("Dimension must be either 2 or 3 for cross product")
    a, b = promote_dtypes(a, b)
    if a.shape[-1] == 2 and b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    x, y = [[v[..., i] for i in range(v.shape[-1])] for v in (a, b)]
    if len(x) == 2:
        parts = [x[1] * y[2], -x[0] * y[2], x[0] * y[1] - x[1] * y[0]]
    elif len(y) == 2:
        parts = [-x[2] * y[1], x[2] * y[0], x[0] * y[1] - x[1] * y[0]]
    else:
        parts = [
            x[1] * y[2] - x[2] * y[1],
            x[2] * y[0] - x[0] * y[2],
            x[0] * y[1] - x[1] * y[0],
        ]
    return jnp.moveaxis(jnp.array(parts), 0, axisc)


# --- convolution ----------------------------------------------------------------------


@jit(static_argnames=("mode", "precision", "preferred_element_type"))
def convolve(a, v, mode="full", *, precision=None, preferred_element_type=None):
    """The convolution of two vectors.

    Args:
        a: vector.
        v: vector.
        mode: 'full' for all overlaps, 'same' for as many as the longer has, 'valid' for
            whole overlaps.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.

    Returns:
        A vector.

    Examples:
        >>> jnp.convolve(jnp.array([1, 2, 3]), jnp.array([1, 1]))
        Array([1., 3., 5., 3.], dtype=float32)
    """
    return _sliding(a, v, mode, False, precision, preferred_element_type)


@jit(static_argnames=("mode", "precision", "preferred_element_type"))
def correlate(a, v, mode="valid", *, precision=None, preferred_element_type=None):
    """The cross-correlation of two vectors, the second conjugated; `mode` as for
    `convolve`.

    Args:
        a: vector.
        v: vector.
        mode: as for `convolve`.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.

    Returns:
        A vector.

    Examples:
        >>> jnp.correlate(jnp.array([1, 2, 3]), jnp.array([1, 1]))
        Array([3., 5.], dtype=float32)
    """
    return _sliding(a, v, mode, True, precision, preferred_element_type)


def _sliding(a, v, mode, correlating, precision, preferred):
    name = "correlate" if correlating else "convolve"
    a, v = ensure_arraylike(name, a, v)
    if len(shape_of(a)) != 1 or len(shape_of(v)) != 1:
        raise ValueError(f"{name}() only support 1-dimensional inputs.")
    # the common dtype is an inexact one where the result's is not given
    promote = promote_args_inexact if preferred is None else promote_args
    a, v = [asarray(x) for x in promote(name, a, v)]
    if not a.size or not v.size:
        raise ValueError(
            f"{name}: inputs cannot be empty, got shapes {a.shape} and {v.shape}."
        )
    dtype = a.dtype if preferred is None else user_dtype(preferred, name)
    if correlating:
        v = jnp.conj(v)
    swap = a.shape[0] < v.shape[0]
    if swap:
        a, v = v, a
    if not correlating:
        v = lax.rev(v, (0,))
    m = v.shape[0]
    if mode == "valid":
        padding = [(0, 0)]
    elif mode == "same":
        padding = [(m // 2, m - m // 2 - 1)]
    elif mode == "full":
        padding = [(m - 1, m - 1)]
    else:
        raise ValueError("mode must be one of ['full', 'same', 'valid']")
    out = lax.conv_general_dilated(
        lax.expand_dims(a, (0, 1)),
        lax.expand_dims(v, (0, 1)),
        (1,),
        padding,
        precision=precision,
        preferred_element_type=None if preferred is None else dtype,
    )
    if swap and correlating:
        out = lax.rev(out, (2,))
    return lax.squeeze(out, (0, 1))

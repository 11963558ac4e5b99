"""Ops that rearrange elements without computing: broadcast, reshape, transpose, iota
and their kin.

In the C backend all of them are views; only a reshape whose strides do not allow it
copies.
"""

import math
import operator

import numpy as np

from minijax import array, core, dtypes
from minijax.core import AS_STORED, ShapedArray, Tracer, Zero
from minijax.ops.convert import convert, is_array
from minijax.ops.define import (
    NOT_LINEAR,
    NUMBER,
    accepts,
    define,
    in_aval,
    linear_jvp,
    move_axis,
    shape_of,
    structural,
    sum_axes,
)

# --- checks shared by this family -----------------------------------------------------


def canonical_shape(shape):
    """A shape given by a user (an integer or a sequence) as a tuple of Python integers."""
    try:
        return (core.as_size(shape),)
    except TypeError:
        pass
    try:
        return tuple([core.as_size(n) for n in shape])
    except TypeError:
        traced = [n for n in shape if isinstance(n, Tracer)]
        hint = ""
        if traced:
            hint = (
                "\nIf using `jit`, try using `static_argnums` or applying `jit` to "
                f"smaller subfunctions.{core.errors.origin(traced[0])}"
            )
        raise TypeError(
            "Shapes must be 1D sequences of concrete values of integer type, got "
            f"{tuple(shape)}.{hint}"
        ) from None


def canonical_axis(axis, ndim):
    """`axis` counted from the front.  ValueError if there is no such axis."""
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of bounds for array of dimension {ndim}")
    return axis + ndim if axis < 0 else axis


def check_nonnegative(op, what, values):
    """TypeError unless all of `values` are nonnegative integers."""
    if any(v < 0 for v in values):
        raise TypeError(
            f"{op} {what} must have every element be nonnegative, got {tuple(values)}."
        )


# --- broadcast ------------------------------------------------------------------------


def broadcast(operand, sizes, *, out_sharding=None):
    """`operand` repeated along new leading axes of the given sizes."""
    if not len(sizes):
        aval = core.get_aval(operand)
        return (
            operand
            if is_array(operand)
            else convert(operand, aval.dtype, aval.weak_type)
        )
    shape = shape_of(operand)
    dims = tuple(range(len(sizes), len(sizes) + len(shape)))
    return broadcast_in_dim(operand, (*sizes, *shape), dims)


@structural
def broadcast_in_dim(operand, shape, broadcast_dimensions, *, out_sharding=None):
    """`operand` in `shape`, its axis k as axis `broadcast_dimensions[k]`.

    Axes of size 1 and axes that the operand lacks repeat.  TypeError where shapes do
    not fit.
    """
    shape, dims = tuple(shape), tuple(broadcast_dimensions)
    own = shape_of(operand)
    if own == shape and dims == tuple(range(len(own))) and is_array(operand):
        return operand
    return broadcast_in_dim_p.bind(
        operand, shape=shape, broadcast_dimensions=dims, sharding=None
    )


def _broadcast_in_dim_shape(x, *, shape, broadcast_dimensions, sharding):
    op, dims = "broadcast_in_dim", broadcast_dimensions
    if not all(
        isinstance(n, core.SymbolicSize) or hasattr(n, "__index__") for n in shape
    ):
        kinds = ", ".join(str(type(n)) for n in shape)
        raise TypeError(f"{op} shape must have every element be an integer type, got "
                        f"({kinds}).")  # fmt: skip
    check_nonnegative(op, "shape", shape)
    if len(dims) != x.ndim:
        raise TypeError(
            f"{op} broadcast_dimensions must have length equal to operand ndim; got "
            f"broadcast_dimensions {dims} for operand ndim {x.ndim}."
        )
    if len(shape) < x.ndim:
        raise TypeError(
            f"{op} target broadcast shape must have equal or higher rank to the operand "
            f"shape; got operand ndim {x.ndim} and target broadcast ndim {len(shape)}."
        )
    if any(not 0 <= d < len(shape) for d in dims):
        raise TypeError(
            f"{op} broadcast_dimensions must be a subset of output dimensions, got "
            f"{dims} for operand ndim {x.ndim} and shape {shape}."
        )
    if len(set(dims)) != len(dims):
        raise TypeError(
            f"{op} broadcast_dimensions must be unique, got {dims} for operand ndim "
            f"{x.ndim} and shape {shape}."
        )
    if any(n not in (1, shape[d]) for n, d in zip(x.shape, dims, strict=True)):
        raise TypeError(
            f"{op} operand dimension sizes must either be 1, or be equal to their "
            "corresponding dimensions in the target broadcast shape; got operand of "
            f"shape {x.shape}, target broadcast shape {shape}, broadcast_dimensions "
            f"{dims} "
        )
    return ShapedArray(shape, x.dtype, x.weak_type)


def _broadcast_in_dim_reference(x, *, shape, broadcast_dimensions, sharding):
    aligned = [1] * len(shape)
    order = sorted(range(x.ndim), key=lambda k: broadcast_dimensions[k])
    for k, d in enumerate(broadcast_dimensions):
        aligned[d] = x.shape[k]
    return np.broadcast_to(x.transpose(order).reshape(aligned), shape)


def _broadcast_in_dim_transpose(ct, x, *, shape, broadcast_dimensions, sharding):
    aval = in_aval(x)
    kept = [d for n, d in zip(aval.shape, broadcast_dimensions, strict=True) if n != 1]
    axes = tuple(d for d in range(len(shape)) if d not in kept)
    ct = sum_axes(ct, axes)
    order = sorted(range(len(kept)), key=lambda k: kept[k])
    if order != list(range(len(kept))):  # the operand's axes in the order it had them
        ct = transpose(ct, tuple(order.index(k) for k in range(len(kept))))
    return [expand_dims(ct, [k for k, n in enumerate(aval.shape) if n == 1])]


def _broadcast_in_dim_batch(axis, args, dims, *, shape, broadcast_dimensions, sharding):
    x = move_axis(args[0], dims[0], 0)
    out = broadcast_in_dim(
        x, (axis.size, *shape), (0, *[d + 1 for d in broadcast_dimensions])
    )
    return out, 0


broadcast_in_dim_p = define(
    "broadcast_in_dim",
    shape=_broadcast_in_dim_shape,
    reference=_broadcast_in_dim_reference,
    jvp=linear_jvp(lambda: broadcast_in_dim_p),
    transpose=_broadcast_in_dim_transpose,
    batch=_broadcast_in_dim_batch,
    lower=lambda b, ins, out_avals, *, shape, broadcast_dimensions, sharding: [
        ins[0].broadcast(shape, broadcast_dimensions)
    ],
    narrow=AS_STORED,
)


def broadcast_to_rank(x, rank):
    """`x` with leading axes of size 1 so that it has at least `rank` axes."""
    ndim = len(shape_of(x))
    return broadcast(x, (1,) * max(rank - ndim, 0))


def broadcast_like(arr, like_arr):
    """`arr` broadcast to the shape of `like_arr`, its axes lined up with the last ones."""
    shape = shape_of(like_arr)
    first = len(shape) - len(shape_of(arr))
    return broadcast_in_dim(arr, shape, tuple(range(first, len(shape))))


def broadcast_shapes(*shapes):
    """The shape that arrays of the given shapes broadcast to, by NumPy's rules.

    TypeError for what is no shape, ValueError for shapes that do not fit together.
    """
    shapes = [canonical_shape(tuple(s)) for s in shapes]
    for shape in shapes:
        if any(n < 0 for n in shape):
            raise TypeError(
                "Only non-negative indices are allowed when broadcasting static shapes, "
                f"but got shape {shape}."
            )
    rank = max((len(s) for s in shapes), default=0)
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in shapes]
    out = []
    for sizes in zip(*padded, strict=True):
        found = {n for n in sizes if n != 1}
        if len(found) > 1:
            raise ValueError(f"Incompatible shapes for broadcasting: {shapes=}")
        out.append(found.pop() if found else 1)
    return tuple(out)


@structural
def expand_dims(array, dimensions):
    """`array` with axes of size 1 at the given places of the result."""
    dimensions = tuple(dimensions)
    ndim = len(shape_of(array)) + len(dimensions)
    places = {canonical_axis(d, ndim) for d in dimensions}
    if len(places) != len(dimensions):
        raise ValueError(f"repeated axis in lax.expand_dims: {dimensions}")
    sizes = iter(shape_of(array))
    shape = tuple(1 if d in places else next(sizes) for d in range(ndim))
    kept = tuple(d for d in range(ndim) if d not in places)
    return broadcast_in_dim(array, shape, kept)


# --- squeeze --------------------------------------------------------------------------


def squeeze(array, dimensions):
    """`array` without the given axes, each of size 1.  ValueError otherwise."""
    ndim = len(shape_of(array))
    dims = tuple(canonical_axis(d, ndim) for d in dimensions)
    if not dims and is_array(array):
        return array
    return squeeze_p.bind(array, dimensions=dims)


def _squeeze_shape(x, *, dimensions):
    if len(set(dimensions)) != len(dimensions):
        raise ValueError(f"dimensions are not unique: {dimensions}")
    if any(x.shape[d] != 1 for d in dimensions):
        raise ValueError(
            "cannot select an axis to squeeze out which has size not equal to one, got "
            f"shape={x.shape} and {dimensions=}"
        )
    kept = [n for d, n in enumerate(x.shape) if d not in dimensions]
    return ShapedArray(kept, x.dtype, x.weak_type)


def _squeeze_batch(axis, args, dims, *, dimensions):
    x = move_axis(args[0], dims[0], 0)
    return squeeze(x, tuple(d + 1 for d in dimensions)), 0


squeeze_p = define(
    "squeeze",
    shape=_squeeze_shape,
    reference=lambda x, *, dimensions: np.squeeze(x, dimensions),
    jvp=linear_jvp(lambda: squeeze_p),
    transpose=lambda ct, x, *, dimensions: [expand_dims(ct, dimensions)],
    batch=_squeeze_batch,
    lower=lambda b, ins, out_avals, *, dimensions: [ins[0].squeeze(dimensions)],
    narrow=AS_STORED,
)

# --- reshape --------------------------------------------------------------------------


@structural
def reshape(operand, new_sizes, dimensions=None, *, out_sharding=None):
    """The elements of `operand` in row-major order (of its axes `dimensions`) as
    `new_sizes`.

    TypeError unless both hold equally many elements.
    """
    new_sizes = canonical_shape(new_sizes)
    own = shape_of(operand)
    if dimensions is not None:
        dimensions = tuple(operator.index(d) for d in dimensions)
        if dimensions == tuple(range(len(own))):
            dimensions = None
    if dimensions is None and own and own == new_sizes and is_array(operand):
        return operand
    return reshape_p.bind(
        operand, new_sizes=new_sizes, dimensions=dimensions, sharding=None
    )


def _reshape_shape(x, *, new_sizes, dimensions, sharding):
    if any(n < 0 for n in new_sizes):
        raise TypeError(f"reshape new_sizes must all be positive, got {new_sizes}.")
    if math.prod(new_sizes) != x.size:
        raise TypeError(
            "reshape total size must be unchanged, got new_sizes "
            f"{new_sizes} for shape {x.shape}."
        )
    if dimensions is not None and sorted(dimensions) != list(range(x.ndim)):
        raise TypeError(
            "reshape dimensions must be a permutation of operand dimensions, got "
            f"dimensions {dimensions} for shape {x.shape}."
        )
    return ShapedArray(new_sizes, x.dtype, x.weak_type)


def _reshape_transpose(ct, x, *, new_sizes, dimensions, sharding):
    shape = in_aval(x).shape
    if dimensions is None:
        return [reshape(ct, shape)]
    ct = reshape(ct, tuple(shape[d] for d in dimensions))
    return [transpose(ct, inverse_permutation(dimensions))]


def _reshape_batch(axis, args, dims, *, new_sizes, dimensions, sharding):
    x = move_axis(args[0], dims[0], 0)
    if dimensions is not None:
        dimensions = (0, *[d + 1 for d in dimensions])
    return reshape(x, (axis.size, *new_sizes), dimensions), 0


def _reshape_lower(b, ins, out_avals, *, new_sizes, dimensions, sharding):
    view = ins[0] if dimensions is None else ins[0].transpose(dimensions)
    return [b.reshape(view, new_sizes)]


reshape_p = define(
    "reshape",
    shape=_reshape_shape,
    reference=lambda x, *, new_sizes, dimensions, sharding: np.reshape(
        x if dimensions is None else x.transpose(dimensions), new_sizes
    ),
    jvp=linear_jvp(lambda: reshape_p),
    transpose=_reshape_transpose,
    batch=_reshape_batch,
    lower=_reshape_lower,
    narrow=AS_STORED,
)


def collapse(operand, start_dimension, stop_dimension=None):
    """`operand` with its axes start .. stop-1 as one."""
    shape = shape_of(operand)
    first, stop, _ = slice(start_dimension, stop_dimension).indices(len(shape))
    if stop < first:
        raise ValueError(
            f"Invalid dimension range passed to collapse: {shape}[{first}:{stop}]"
        )
    merged = math.prod(shape[first:stop])
    return reshape(operand, (*shape[:first], merged, *shape[stop:]))


# --- transpose ------------------------------------------------------------------------


def inverse_permutation(permutation):
    """The permutation that undoes another."""
    inverse = [0] * len(permutation)
    for place, axis in enumerate(permutation):
        inverse[axis] = place
    return tuple(inverse)


@structural
def transpose(operand, permutation):
    """`operand` with its axes in another order: axis k of the result was
    permutation[k].
    """
    permutation = tuple(operator.index(d) for d in permutation)
    own = tuple(range(len(shape_of(operand))))
    if permutation == own and is_array(operand):
        return operand
    return transpose_p.bind(operand, permutation=permutation)


def _transpose_shape(x, *, permutation):
    if sorted(permutation) != list(range(x.ndim)):
        raise TypeError(
            "transpose permutation isn't a permutation of operand dimensions, got "
            f"permutation {permutation} for operand shape {x.shape}."
        )
    return ShapedArray([x.shape[d] for d in permutation], x.dtype, x.weak_type)


def _transpose_batch(axis, args, dims, *, permutation):
    (d,) = dims
    shifted = [k if k < d else k + 1 for k in permutation]
    return transpose(args[0], (d, *shifted)), 0


transpose_p = define(
    "transpose",
    shape=_transpose_shape,
    reference=lambda x, *, permutation: np.transpose(x, permutation),
    jvp=linear_jvp(lambda: transpose_p),
    transpose=lambda ct, x, *, permutation: [
        transpose(ct, inverse_permutation(permutation))
    ],
    batch=_transpose_batch,
    lower=lambda b, ins, out_avals, *, permutation: [ins[0].transpose(permutation)],
    narrow=AS_STORED,
)

# --- rev ------------------------------------------------------------------------------


def rev(operand, dimensions):
    """`operand` with the given axes backwards."""
    return rev_p.bind(operand, dimensions=tuple(dimensions))


def _rev_shape(x, *, dimensions):
    if len(set(dimensions)) != len(dimensions):
        raise TypeError(f"rev dimensions must be unique, got {dimensions}.")
    check_nonnegative("rev", "dimensions", dimensions)
    if any(d >= x.ndim for d in dimensions):
        raise TypeError(
            "rev dimensions must all be less than operand ndim, got dimensions "
            f"{dimensions} for operand ndim {x.ndim}."
        )
    return x


def _rev_batch(axis, args, dims, *, dimensions):
    (d,) = dims
    shifted = [k if k < d else k + 1 for k in dimensions]
    return rev(args[0], shifted), d


rev_p = define(
    "rev",
    shape=_rev_shape,
    reference=lambda x, *, dimensions: np.flip(x, dimensions),
    jvp=linear_jvp(lambda: rev_p),
    transpose=lambda ct, x, *, dimensions: [rev(ct, dimensions)],
    batch=_rev_batch,
    lower=lambda b, ins, out_avals, *, dimensions: [ins[0].reverse(dimensions)],
    narrow=AS_STORED,
)

# --- iota, full, empty ----------------------------------------------------------------


def iota(dtype, size):
    """0, 1, ... size-1 in the given dtype."""
    return broadcasted_iota(dtype, (size,), 0)


def broadcasted_iota(dtype, shape, dimension, *, out_sharding=None):
    """An array whose elements are their index along `dimension`."""
    dtype = dtypes.check_user_dtype(dtype, "broadcasted_iota")
    return iota_p.bind(
        dtype=dtype,
        shape=canonical_shape(shape),
        dimension=operator.index(dimension),
        sharding=None,
    )


def _iota_shape(*, dtype, shape, dimension, sharding):
    check_nonnegative("iota", "shape", shape)
    if not accepts(NUMBER, dtype):
        raise TypeError(
            f"iota does not accept dtype {dtype}. Accepted dtypes are subtypes of "
            "integer, floating, complexfloating."
        )
    if not 0 <= dimension < len(shape):
        raise ValueError(
            f"iota dimension must be between 0 and len(shape), got {dimension=} for "
            f"{shape=}"
        )
    return ShapedArray(shape, dtype)


def _iota_reference(*, dtype, shape, dimension, sharding):
    column = [1] * len(shape)
    column[dimension] = shape[dimension]
    index = np.arange(shape[dimension]).astype(dtype)
    return np.broadcast_to(index.reshape(column), shape)


def _iota_lower(b, ins, out_avals, *, dtype, shape, dimension, sharding):
    aval = out_avals[0]
    if dtypes.issubdtype(dtype, np.complexfloating):
        return [b.convert(b.iota(aval.update(dtype=np.dtype("f8")), dimension), dtype)]
    if dtypes.issubdtype(dtype, np.floating) and dtype.itemsize < 4:
        return [b.convert(b.iota(aval.update(dtype=np.dtype("f4")), dimension), dtype)]
    return [b.iota(aval, dimension)]


def _no_operands_jvp(primals, tangents, **params):
    out = iota_p.bind(**params)
    return out, Zero.of(out)


iota_p = define(
    "iota",
    shape=_iota_shape,
    reference=_iota_reference,
    jvp=_no_operands_jvp,
    transpose=NOT_LINEAR,
    batch=lambda axis, args, dims, **params: (iota_p.bind(**params), None),
    lower=_iota_lower,
)


def empty(shape, dtype, *, out_sharding=None):
    """An array of the given shape and dtype; here its elements are zeros."""
    return full(shape, 0, dtype)


def full(shape, fill_value, dtype=None, *, sharding=None):
    """An array of the given shape with `fill_value`, a scalar, everywhere.

    dtype: by default that of the fill value, weak if it is.
    """
    shape = canonical_shape(shape)
    if shape_of(fill_value):
        raise TypeError(
            "full must be called with scalar fill_value, got fill_value.shape "
            f"{shape_of(fill_value)}."
        )
    weak = dtype is None and dtypes.is_weakly_typed(fill_value)
    dtype = dtypes.dtype(fill_value) if dtype is None else dtype
    if not isinstance(dtype, dtypes.ExtendedDType):
        dtype = dtypes.check_user_dtype(dtype, "full")
    return array.placed(_filled(shape, fill_value, dtype, weak), sharding)


def _filled(shape, fill_value, dtype, weak):
    value = convert(fill_value, dtype, weak)
    if type(value) is array.ArrayImpl and shape and not is_array(fill_value):
        value = _literal(value._value[()], dtype, weak)
    return broadcast(value, shape)


def _literal(value, dtype, weak):
    """A scalar as equations write it: a Python number where it is weak."""
    if dtypes.is_wider(dtype):
        return convert(value, dtype, weak)
    kind = dtypes.scalar_type_of_dtype(dtype)
    if weak and dtypes.python_scalar_dtype(kind) == dtype:
        return kind(value)
    return value


def full_like(x, fill_value, dtype=None, shape=None, sharding=None):
    """An array like `x` (its shape, dtype and weak flag unless given) filled with a
    scalar.
    """
    shape = shape_of(x) if shape is None else canonical_shape(shape)
    weak = dtype is None and dtypes.is_weakly_typed(x)
    dtype = dtypes.dtype(x) if dtype is None else dtype
    if not isinstance(dtype, dtypes.ExtendedDType):
        dtype = dtypes.check_user_dtype(dtype, "full_like")
    if shape_of(fill_value):
        raise TypeError(
            "full must be called with scalar fill_value, got fill_value.shape "
            f"{shape_of(fill_value)}."
        )
    if sharding is None and type(x) is array.ArrayImpl and x.committed:
        sharding = x.sharding if shape == x.shape else x.device
    elif sharding is None and type(x) in core.shapes_only and shape == x.shape:
        sharding = x.sharding
    return array.placed(_filled(shape, fill_value, dtype, weak), sharding)


def shape_as_value(shape):
    """A shape as an array of int32."""
    return core.constant(array.from_numpy(np.array(shape, np.int32)))

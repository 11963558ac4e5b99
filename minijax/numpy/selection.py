"""jnp's choices between values: where, select, piecewise, choose, clip, nan_to_num,
fmax, fmin.
"""

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.control.call import jit
from minijax.numpy.comparisons import greater, less
from minijax.numpy.promotion import (
    BOOL,
    INT32,
    broadcast_shapes,
    broadcast_to,
    check_arraylike,
    concrete_or_error,
    constant_like,
    convert,
    dtype_of,
    ensure_arraylike,
    is_complex,
    is_kind,
    promote_args,
    promote_dtypes,
    shape_of,
)


@jit
def _where(condition, x, y):
    return where_inline(condition, x, y)


def where_inline(condition, x, y):
    """`where` without a call of its own: for use inside other functions."""
    condition, x, y = ensure_arraylike("where", condition, x, y)
    if not dtypes.issubdtype(dtype_of(condition), np.bool_):
        condition = lax.ne(condition, constant_like(0, condition))
    x, y = promote_dtypes(x, y)
    shape = broadcast_shapes(shape_of(condition), shape_of(x), shape_of(y))
    if shape_of(condition) and shape_of(condition) != shape:
        condition = broadcast_to(condition, shape)
    return lax.select(condition, broadcast_to(x, shape), broadcast_to(y, shape))


def where(condition, x=None, y=None, /, *, size=None, fill_value=None):
    """`x` where the condition holds, else `y`; alone, the indices where it holds.

    Args:
        condition: array, true where it is nonzero.
        x: what to take where it holds.
        y: what to take where it does not.
        size: without `x` and `y`, the static number of indices.
        fill_value: without `x` and `y`, what pads them.

    Returns:
        An array of the broadcast shape, or a tuple of vectors of integers.

    Examples:
        >>> jnp.where(jnp.array([True, False]), 1, jnp.array([10, 20]))
        Array([ 1, 20], dtype=int32)
        >>> jnp.where(jnp.array([0, 3, 4]))
        (Array([1, 2], dtype=int32),)
    """
    if x is None and y is None:
        (condition,) = ensure_arraylike("where", condition)
        return jnp.nonzero(condition, size=size, fill_value=fill_value)
    condition, x, y = ensure_arraylike("where", condition, x, y)
    if size is not None or fill_value is not None:
        raise ValueError(
            "size and fill_value arguments cannot be used in three-term where function."
        )
    return _where(condition, x, y)


def select(condlist, choicelist, default=0):
    """For each element the choice of the first condition that holds, else the default.

    Args:
        condlist: a sequence of arrays of booleans.
        choicelist: a sequence of as many arrays.
        default: what to take where no condition holds.

    Returns:
        An array.

    Examples:
        >>> x = jnp.arange(4)
        >>> jnp.select([x < 1, x > 2], [x - 10, x + 10], default=0)
        Array([-10,   0,   0,  13], dtype=int32)
    """
    if len(condlist) != len(choicelist):
        raise ValueError(
            "condlist must have length equal to choicelist "
            f"({len(condlist)} vs {len(choicelist)})"
        )
    if not len(condlist):
        raise ValueError("condlist must be non-empty")
    check_arraylike("select", *condlist, *choicelist, default)
    choices = promote_dtypes(*ensure_arraylike("select", default, *choicelist))
    first = jnp.stack(jnp.broadcast_arrays(False, *condlist))
    index = lax.argmax(convert(first, BOOL), 0, INT32)
    shape = broadcast_shapes(shape_of(index), *[shape_of(x) for x in choices])
    index = broadcast_to(index, shape)
    return lax.select_n(index, *[broadcast_to(x, shape) for x in choices])


def piecewise(x, condlist, funclist, *args, **kw):
    """For each element the function (or constant) of the last condition that holds.

    One function more than there are conditions gives the default, else 0. Functions get
    (x, *args, **kw).

    Args:
        x: array.
        condlist: a sequence of arrays of booleans.
        funclist: a sequence of functions and scalars.
        *args: handed on to functions.
        **kw: handed on to functions.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.piecewise(jnp.array([-1.0, 2.0]), [jnp.array([True, False])], [jnp.abs, 0.0])
        Array([1., 0.], dtype=float32)
    """
    (x,) = ensure_arraylike("piecewise", x)
    n_conditions, n_functions = len(condlist), len(funclist)
    if n_functions == n_conditions + 1:
        funclist = [funclist[-1], *funclist[:-1]]
    elif n_functions == n_conditions:
        funclist = [0, *funclist]
    else:
        raise ValueError(
            f"with {n_conditions} condition(s), either {n_conditions} or "
            f"{n_conditions + 1} functions are expected; got {n_functions}"
        )
    constants = {i: f for i, f in enumerate(funclist) if not callable(f)}
    functions = frozenset((i, f) for i, f in enumerate(funclist) if callable(f))
    conditions = jnp.asarray(condlist, dtype=bool)
    return _piecewise(x, conditions, constants, functions, *args, **kw)


@jit(static_argnames=("functions",))
def _piecewise(x, conditions, constants, functions, *args, **kw):
    first = jnp.concatenate([jnp.zeros_like(conditions[:1]), conditions])
    index = jnp.argmax(jnp.cumsum(first, axis=0), axis=0)
    known = dict(functions)

    def branch(i):
        if i in known:
            return lambda x: known[i](x, *args, **kw).astype(dtype)
        return lambda x: jnp.asarray(constants[i], dtype)

    dtype = dtype_of(x)
    branches = [branch(i) for i in range(len(conditions) + 1)]
    return jnp.vectorize(lax.switch, excluded={1})(index, branches, x)


def choose(a, choices, out=None, mode="raise"):
    """`choices[a[i]][i]` for each place i.

    Args:
        a: array of integers.
        choices: a sequence of arrays, or an array with the choices along its first
            axis.
        out: must be None: results are new arrays.
        mode: for indices out of range, 'raise' for an error (where they are known),
            'wrap' or 'clip'.

    Returns:
        An array.

    Examples:
        >>> jnp.choose(jnp.array([0, 1]), [jnp.array([1, 2]), jnp.array([10, 20])])
        Array([ 1, 20], dtype=int32)
    """
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.choose is not supported.")
    a, *choices = ensure_arraylike("choose", a, *choices)
    if not is_kind(a, np.integer):
        raise ValueError("`a` array must be integer typed")
    n = len(choices)
    if mode == "raise":
        host = concrete_or_error(
            np.asarray, a, "The error occurred because jnp.choose was jit-compiled "
            "with mode='raise'. Use mode='wrap' or mode='clip' instead."
        )  # fmt: skip
        if host.size and (host.min() < 0 or host.max() >= n):
            raise ValueError("invalid entry in choice array")
    elif mode == "wrap":
        a = jnp.mod(a, n)
    elif mode == "clip":
        a = clip(a, 0, n - 1)
    else:
        raise ValueError(
            f"mode={mode!r} not understood. Must be 'raise', 'wrap', or 'clip'"
        )
    a, *choices = jnp.broadcast_arrays(a, *choices)
    choices = jnp.array(choices)
    grid = jnp.indices(a.shape, sparse=True) if a.ndim else ()
    return choices[(a, *grid)]


@jit
def clip(arr=None, /, min=None, max=None):
    """`arr` with elements below `min` and above `max` replaced by these bounds.

    ValueError for complex values, which have no order.

    Args:
        arr: array.
        min: the lower bound; none if None.
        max: the upper bound; none if None.

    Returns:
        An array.

    Examples:
        >>> jnp.clip(jnp.array([-5, 0, 5]), 0, 3)
        Array([0, 0, 3], dtype=int32)
    """
    if arr is None:
        raise ValueError("At most one of a_min and a_max may be None")
    bounds = [x for x in (min, max) if x is not None]
    arr, *bounds = ensure_arraylike("clip", arr, *bounds)
    if any(is_complex(x) for x in (arr, *bounds)):
        raise ValueError(
            "Clip received a complex value either through the input or the min/max "
            "keywords. Complex values have no ordering and cannot be clipped. Please "
            "convert to a real value or array by taking the real or imaginary "
            "components "
            "via jax.numpy.real/imag respectively."
        )
    if min is not None:
        arr = jnp.maximum(min, arr)
    if max is not None:
        arr = jnp.minimum(max, arr)
    return jnp.asarray(arr)


@jit
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """`x` with NaN, inf and -inf replaced: by 0, the largest and the smallest finite
    number.

    Args:
        x: array.
        copy: must be True.
        nan: in place of NaN.
        posinf: in place of inf; the largest number by default.
        neginf: in place of -inf; the smallest number by default.

    Returns:
        An array of the shape and dtype of `x`.

    Examples:
        >>> jnp.nan_to_num(jnp.array([jnp.nan, jnp.inf, 1.0]), posinf=9.0)
        Array([0., 9., 1.], dtype=float32)
    """
    (x,) = ensure_arraylike("nan_to_num", x)
    dtype = dtype_of(x)
    if not dtypes.issubdtype(dtype, np.inexact):
        return x
    if dtype.kind == "c":
        parts = [
            nan_to_num(part(x), nan=nan, posinf=posinf, neginf=neginf)
            for part in (lax.real, lax.imag)
        ]
        return lax.complex(*parts)
    info = dtypes.finfo(dtype)
    posinf = info.max if posinf is None else posinf
    neginf = info.min if neginf is None else neginf
    x = where_inline(lax.ne(x, x), convert(nan, dtype), x)
    x = where_inline(jnp.isposinf(x), convert(posinf, dtype), x)
    return where_inline(jnp.isneginf(x), convert(neginf, dtype), x)


@jit
def fmax(x1, x2):
    """The larger of x1 and x2, elementwise; the other where one is NaN.

    Args:
        x1: array or scalar.
        x2: array or scalar.

    Returns:
        An array of the broadcast shape.

    Examples:
        >>> jnp.fmax(jnp.array([1.0, jnp.nan]), jnp.array([0.0, 2.0]))
        Array([1., 2.], dtype=float32)
    """
    x1, x2 = ensure_arraylike("fmax", x1, x2)
    return where_inline(_or_nan(greater(x1, x2), x2), x1, x2)


@jit
def fmin(x1, x2):
    """The smaller of x1 and x2, elementwise; the other where one is NaN.

    Args:
        x1: array or scalar.
        x2: array or scalar.

    Returns:
        An array of the broadcast shape.

    Examples:
        >>> jnp.fmin(jnp.array([1.0, jnp.nan]), jnp.array([0.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """
    x1, x2 = ensure_arraylike("fmin", x1, x2)
    return where_inline(_or_nan(less(x1, x2), x2), x1, x2)


def _or_nan(condition, x):
    return jnp.logical_or(*promote_args("or", condition, lax.ne(x, x)))


def place(arr, mask, vals, *, inplace=True):
    """`arr` with the places where `mask` holds set to `vals`, repeated as often as
    needed.

    Args:
        arr: array.
        mask: booleans, as many as `arr` has elements.
        vals: what to put there.
        inplace: must be False.

    Returns:
        An array of the shape and dtype of `arr`.

    Examples:
        >>> jnp.place(jnp.arange(4), jnp.array([0, 1, 0, 1]), 9, inplace=False)
        Array([0, 9, 2, 9], dtype=int32)
    """
    arr, mask, vals = ensure_arraylike("place", arr, mask, vals)
    vals = jnp.ravel(vals)
    if inplace:
        raise ValueError(
            "jax.numpy.place cannot modify arrays in-place, because JAX arrays are "
            "immutable. Pass inplace=False to instead return an updated array."
        )
    arr = jnp.asarray(arr)
    if (
        arr.size != np.size(mask)
        if not hasattr(mask, "size")
        else arr.size != mask.size
    ):
        raise ValueError("place: arr and mask must be the same size")
    if not vals.size:
        raise ValueError("Cannot place values from an empty array")
    if not arr.size:
        return arr
    mask = jnp.ravel(mask)
    indices = jnp.where(mask, size=mask.size, fill_value=mask.size)[0]
    vals = jnp.resize(vals, indices.shape)
    return arr.ravel().at[indices].set(vals, mode="drop").reshape(arr.shape)


def put(a, ind, v, mode=None, *, inplace=True):
    """`a` with the flattened places `ind` set to `v`, repeated as often as needed.

    Args:
        a: array.
        ind: integers.
        v: what to put there.
        mode: out of bounds, 'clip' (by default) or 'wrap'.
        inplace: must be False.

    Returns:
        An array of the shape and dtype of `a`.

    Examples:
        >>> jnp.put(jnp.arange(4), jnp.array([0, 2]), 9, inplace=False)
        Array([9, 1, 9, 3], dtype=int32)
    """
    a, ind, v = ensure_arraylike("put", a, ind, v)
    a, ind, v = jnp.asarray(a), jnp.ravel(ind), jnp.ravel(v)
    if not a.size or not ind.size or not v.size:
        return a
    v = jnp.resize(v, ind.shape)
    if inplace:
        raise ValueError(
            "jax.numpy.put cannot modify arrays in-place, because JAX arrays are "
            "immutable. Pass inplace=False to instead return an updated array."
        )
    scatter_mode = "drop"
    if mode is None:
        pass
    elif mode == "clip":
        ind = jnp.clip(ind, 0, a.size - 1)
        scatter_mode = "promise_in_bounds"
    elif mode == "wrap":
        ind = ind % a.size
        scatter_mode = "promise_in_bounds"
    elif mode == "raise":
        raise NotImplementedError("The 'raise' mode to jnp.put is not supported.")
    else:
        raise ValueError(f"mode should be one of 'wrap' or 'clip'; got {mode=}")
    return a.at[jnp.unravel_index(ind, a.shape)].set(v, mode=scatter_mode)


def extract(condition, arr, *, size=None, fill_value=0):
    """The elements of `arr` where the condition holds, as `compress` of both flattened.

    Args:
        condition: array, true where it is nonzero.
        arr: array.
        size: the static length of the result, for use under jit.
        fill_value: what pads it.

    Returns:
        A vector.

    Examples:
        >>> jnp.extract(jnp.array([True, False, True]), jnp.array([1, 2, 3]))
        Array([1, 3], dtype=int32)
    """
    return compress(
        jnp.ravel(condition), jnp.ravel(arr), size=size, fill_value=fill_value
    )


def compress(condition, a, axis=None, *, size=None, fill_value=0, out=None):
    """The slices of `a` along an axis where the one-dimensional condition holds.

    Args:
        condition: vector of booleans.
        a: array.
        axis: along which to take; None for the flattened array.
        size: the static length of the result, for use under jit.
        fill_value: what pads it.
        out: must be None: results are new arrays.

    Returns:
        An array.

    Examples:
        >>> jnp.compress(jnp.array([True, False]), jnp.array([[1, 2], [3, 4]]), axis=0)
        Array([[1, 2]], dtype=int32)
    """
    condition, arr, fill_value = ensure_arraylike("compress", condition, a, fill_value)
    if out is not None:
        raise NotImplementedError(
            "The 'out' argument to jnp.compress is not supported."
        )
    condition = jnp.asarray(condition).astype(bool)
    if condition.ndim != 1:
        raise ValueError("condition must be a 1D array")
    arr = jnp.asarray(arr)
    if axis is None:
        axis, arr = 0, jnp.ravel(arr)
    arr = jnp.moveaxis(arr, axis, 0)
    condition, extra = condition[: arr.shape[0]], condition[arr.shape[0] :]
    arr = arr[: condition.shape[0]]
    if size is None:
        if jnp.any(extra):
            raise ValueError("condition contains entries that are out of bounds")
        return jnp.moveaxis(arr[condition], 0, axis)
    if not 0 <= size <= arr.shape[0]:
        raise ValueError(
            "size must be positive and not greater than the size of the array axis; "
            f"got {size=} for a.shape[axis]={arr.shape[0]}"
        )
    mask = jnp.expand_dims(condition, range(1, arr.ndim))
    arr = jnp.where(mask, arr, jnp.array(fill_value, dtype=arr.dtype))
    order = jnp.argsort(condition, stable=True, descending=True)
    return jnp.moveaxis(arr[order][:size], 0, axis)


__all__ = ["choose", "clip", "compress", "extract", "fmax", "fmin", "nan_to_num",
           "piecewise", "place", "put", "select", "where"]  # fmt: skip

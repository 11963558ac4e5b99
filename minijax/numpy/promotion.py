"""How jnp's functions take their arguments: checks, dtype promotion, shape promotion.

Python scalars become literals of the promoted dtype; arrays and tracers are converted
only where their dtype or weak flag differs.  Operands of rank 0, and sizes 1, are left
to the ops to broadcast.
"""

import warnings
from typing import Any

import numpy as np

from minijax import config, core, dtypes, errors
from minijax.ops.convert import (
    convert_element_type_p,
    extended_target,
    loses_imaginary_part,
    scalar_constant,
    warn_of_lost_part,
)
from minijax.ops.shape import broadcast_in_dim_p, canonical_axis

BOOL = np.dtype(bool)
INT32 = np.dtype("int32")
_PYTHON_KIND = {"f": float, "i": int, "c": complex, "b": bool}


def ensure_arraylike(name, *args) -> Any:
    """The arguments, those with a `__jax_array__` method converted by it.

    TypeError if one is neither an array nor a scalar.
    """
    for x in args:
        if type(x) is np.ndarray and x.dtype == dtypes.float0:
            raise TypeError(FLOAT0.format(name=name))
        if type(x) not in core.aval_rules:
            return [_arraylike(name, position, x) for position, x in enumerate(args)]
    return args


FLOAT0 = (
    "Called {name} with a float0 array. float0s do not support any operations by design "
    "because they are not compatible with non-trivial vector spaces. No implicit dtype "
    "conversion is done. You can use np.zeros_like(arr, dtype=float) to cast a float0 "
    "array to a regular zeros array.\nIf you didn't expect to get a float0 you might "
    "have accidentally taken a gradient with respect to an integer argument."
)


def _arraylike(name, position, x):
    if hasattr(x, "__jax_array__"):
        return x.__jax_array__()
    if not core.valid_jaxtype(x):
        raise TypeError(
            f"{name} requires ndarray or scalar arguments, got {type(x)} at position "
            f"{position}."
        )
    return x


def check_arraylike(name, *args):
    """TypeError if an argument is neither an array nor a scalar."""
    ensure_arraylike(name, *args)


def check_arraylike_or_none(name, *args):
    """As `check_arraylike`; None is accepted too."""
    check_arraylike(name, *[x for x in args if x is not None])


def shape_of(x) -> Any:
    """The shape of an array, tracer, NumPy value or Python scalar."""
    return getattr(x, "shape", ())


def aval_of(x) -> Any:
    """The aval of an array, tracer, NumPy value or Python scalar."""
    try:
        return x.aval
    except AttributeError:
        return core.get_aval(x)


def dtype_of(x) -> Any:
    """The canonical dtype of an array, tracer, NumPy value or Python scalar."""
    return aval_of(x).dtype


def is_kind(x, kind):
    """Whether the dtype of `x` is of an abstract NumPy scalar type."""
    return dtypes.issubdtype(dtype_of(x), kind)


def is_complex(x):
    """Whether `x` has a complex dtype."""
    return dtype_of(x).kind == "c"


# --- literals -----------------------------------------------------------------------


def literal(value, dtype, weak=False) -> Any:
    """A Python or NumPy scalar as a literal of `dtype`; integers wrap."""
    if isinstance(value, core.SymbolicSize):
        return convert(value, dtype, weak)
    if dtypes.is_wider(dtype):
        return scalar_constant(value, dtype, weak)  # NumPy's own would lose bits
    if weak:
        python = _PYTHON_KIND.get(dtype.kind)
        if python is not None and dtype == dtypes.python_scalar_dtype(python):
            return python(value)
        return convert_element_type_p.bind(
            literal(value, dtype), new_dtype=dtype, weak_type=True, sharding=None
        )
    if type(value) is int and dtype.kind in "iu":
        return _integer_literal(value, dtype)
    with np.errstate(all="ignore"):
        return np.asarray(value).astype(dtype)[()]


def _integer_literal(value, dtype):
    try:
        return dtype.type(value)
    except OverflowError:
        pass
    default = dtypes.python_scalar_dtype(int)
    dtypes.check_python_int(value, default)
    return np.asarray(default.type(value)).astype(dtype)[()]


def _literal_makers():
    """(dtype, Python type) -> function making a literal, where promotion keeps dtype."""
    makers = {}
    for name in ("float32", "float64"):
        dtype = np.dtype(name)
        makers[dtype, float] = dtype.type if name == "float32" else _maker(dtype)
        makers[dtype, int] = _integer_maker(dtype)
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"):
        dtype = np.dtype(name)
        makers[dtype, int] = _integer_maker(dtype)
    return makers


def _maker(dtype):
    return lambda value: literal(value, dtype)


def _integer_maker(dtype):
    def make(value):
        dtypes.check_int_argument(value, dtypes.python_scalar_dtype(int))
        return literal(value, dtype)

    return make


# how a Python scalar joins a strongly typed array without changing the dtype
literal_makers = _literal_makers()


def constant_like(value, x):
    """The scalar `value` in the dtype of `x`; weakly typed if `x` is a weak scalar."""
    aval = aval_of(x)
    return literal(value, aval.dtype, aval.weak_type and not aval.shape)


def operand_like(value, x):
    """The scalar `value` as it joins `x` in `x + value`: as weakly typed as `x`."""
    aval = aval_of(x)
    return literal(value, aval.dtype, aval.weak_type)


# --- dtypes -------------------------------------------------------------------------


def convert(x, dtype, weak=False) -> Any:
    """`x` in a canonical dtype and weak flag; itself if it has them."""
    try:
        aval = x.aval
    except AttributeError:
        return _convert_host(x, dtype, weak)
    if aval.dtype == dtype and aval.weak_type == weak:
        return x
    if loses_imaginary_part(aval.dtype, dtype):
        warn_of_lost_part()
    if aval.dtype != dtype and "K" in (aval.dtype.kind, dtype.kind):
        dtype = extended_target(aval.dtype, dtype)
    return convert_element_type_p.bind(
        x, new_dtype=dtype, weak_type=weak, sharding=None
    )


def _convert_host(x, dtype, weak):
    if not isinstance(x, np.ndarray):
        return literal(x, dtype, weak)
    if not x.ndim and not weak:
        return literal(x[()], dtype)
    if dtypes.canonicalize_dtype(x.dtype) == dtype and not weak:
        return x
    return convert_element_type_p.bind(
        x, new_dtype=dtype, weak_type=weak, sharding=None
    )


def result_dtype(*args) -> Any:
    """(dtype, weak flag) that promoting the values gives."""
    avals = [aval_of(x) for x in args]
    return dtypes.result_dtype(
        tuple([a.dtype for a in avals]), tuple([a.weak_type for a in avals])
    )


def _promoted(x, dtype, weak):
    """`convert`, but a Python integer must fit the dtype that it stands for."""
    if type(x) is int:
        dtypes.check_int_argument(x, dtypes.python_scalar_dtype(int))
    return convert(x, dtype, weak)


def promote_dtypes(*args) -> Any:
    """The values in their common dtype."""
    if len(args) < 2:
        return list(args)
    dtype, weak = result_dtype(*args)
    return [_promoted(x, dtype, weak) for x in args]


def inexact_dtype(dtype) -> Any:
    """The canonical dtype in which inexact functions compute on `dtype`."""
    if isinstance(dtype, dtypes.ExtendedDType):
        raise TypeError(f"{dtype} has no floating point counterpart.")
    return dtypes.canonical_result(dtypes.to_inexact_dtype(dtype), [dtype])


def promote_dtypes_inexact(*args) -> Any:
    """The values in their common dtype, or its floating point counterpart."""
    dtype, weak = result_dtype(*args)
    dtype = inexact_dtype(dtype)
    return [_promoted(x, dtype, weak) for x in args]


def promote_dtypes_numeric(*args) -> Any:
    """The values in their common dtype; int32 for booleans."""
    dtype, weak = result_dtype(*args)
    if dtype == BOOL:
        dtype = INT32
    return [_promoted(x, dtype, weak) for x in args]


# --- shapes -------------------------------------------------------------------------


def promote_dtypes_complex(*args) -> Any:
    """The values in the complex counterpart of their common dtype."""
    dtype, weak = result_dtype(*args)
    if dtype.kind != "c":
        dtype = np.result_type(inexact_dtype(dtype), np.complex64)
    return [_promoted(x, dtype, weak) for x in args]


def expand_rank(x, rank) -> Any:
    """`x` with axes of size 1 in front, `rank` axes in all."""
    shape = shape_of(x)
    new = rank - len(shape)
    return broadcast_in_dim_p.bind(
        x,
        shape=(1,) * new + tuple(shape),
        broadcast_dimensions=tuple(range(new, rank)),
        sharding=None,
    )


def promote_shapes(name, *args) -> Any:
    """The values with equal ranks; those of rank 0 stay as they are."""
    ranks = [len(shape_of(x)) for x in args]
    rank = max(ranks)
    if all(r == rank or not r for r in ranks):
        return args
    if config.values.jax_numpy_rank_promotion != "allow":
        _rank_promotion(name, args)
    broadcast_shapes(*map(shape_of, args))
    return [
        expand_rank(x, rank) if 0 < r < rank else x
        for x, r in zip(args, ranks, strict=True)
    ]


def _rank_promotion(name, args):
    shapes = " ".join([str(tuple(shape_of(x))) for x in args])
    message = (
        f"Following NumPy automatic rank promotion for {name} on shapes {shapes}. Set "
        "the "
        "jax_numpy_rank_promotion config option to 'allow' to disable this warning; "
        "for "
        "more information, see "
        "https://docs.jax.dev/en/latest/rank_promotion_warning.html."
    )
    if config.values.jax_numpy_rank_promotion == "raise":
        raise ValueError(
            f"Operands could not be broadcast together for {name} on shapes {shapes} "
            "and "
            "with the config option jax_numpy_rank_promotion='raise'. For more "
            "information, see "
            "https://docs.jax.dev/en/latest/rank_promotion_warning.html."
        )
    warnings.warn(message, stacklevel=4)


def promote_args(name, *args) -> Any:
    """Arguments checked, in their common dtype, with equal ranks."""
    args = ensure_arraylike(name, *args)
    kinds = [dtype_of(x) for x in args]
    if any(dtype != kinds[0] for dtype in kinds):
        _refuse_keys(name, kinds)
    return promote_shapes(name, *promote_dtypes(*args))


def _refuse_keys(name, kinds):
    if any(dtype.kind == "K" for dtype in kinds):
        said = ", ".join(map(str, kinds))
        raise TypeError(f"{name} does not accept dtypes {said}.")


def promote_args_inexact(name, *args) -> Any:
    """As `promote_args`, in a floating point or complex dtype."""
    return promote_shapes(name, *promote_dtypes_inexact(*ensure_arraylike(name, *args)))


def promote_args_numeric(name, *args) -> Any:
    """As `promote_args`; booleans become int32."""
    return promote_shapes(name, *promote_dtypes_numeric(*ensure_arraylike(name, *args)))


def promote_args_complex(name, *args) -> Any:
    """As `promote_args`, in a complex dtype."""
    return promote_shapes(name, *promote_dtypes_complex(*ensure_arraylike(name, *args)))


def broadcast_to(x, shape) -> Any:
    """`x` broadcast to a shape as NumPy does.  ValueError where that is impossible."""
    old = tuple(shape_of(x))
    if old == shape:
        return x
    new = len(shape) - len(old)
    if new < 0:
        raise ValueError(
            "Cannot broadcast to shape with fewer dimensions: "
            f"arr_shape={old} shape={shape}"
        )
    if any(n not in (1, m) for n, m in zip(old, shape[new:], strict=True)):
        dtype = dtype_of(x)
        wanted, given = [f"{dtype}[{','.join(map(str, s))}]" for s in (shape, old)]
        raise ValueError(
            f"Incompatible types for broadcasting: input type={given} and requested "
            f"type={wanted}"
        )
    return broadcast_in_dim_p.bind(
        x,
        shape=shape,
        broadcast_dimensions=tuple(range(new, len(shape))),
        sharding=None,
    )


def broadcast_shapes(*shapes):
    """The shape that shapes broadcast to as NumPy does.  ValueError if there is none."""
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return tuple(first)
    rank = max([len(shape) for shape in shapes])
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        found = {n for n in sizes if n != 1}
        if len(found) > 1:
            raise ValueError(
                f"Incompatible shapes for broadcasting: shapes={[tuple(s) for s in shapes]}"
            )
        result.append(found.pop() if found else 1)
    return tuple(result)


# --- static arguments ---------------------------------------------------------------


def concrete_or_error(force, value, context="") -> Any:
    """A static value, by `force` (int, np.asarray, ...) unless that is None.

    ConcretizationTypeError for traced values, with `context`.
    """
    if isinstance(value, core.Tracer):
        known = value._concrete()
        if known is None:
            raise errors.ConcretizationTypeError(value, context)
        value = known
    return value if force is None else force(value)


def canonical_axes(axis, rank, distinct=False):
    """One axis, several, or None (all of them) as a tuple counted from 0.

    ValueError out of range, and with `distinct` for an axis that is there twice.
    """
    if axis is None:
        return tuple(range(rank))
    try:
        return (canonical_axis(axis, rank),)
    except TypeError:
        axes = tuple([canonical_axis(i, rank) for i in axis])
    if distinct and len(set(axes)) != len(axes):
        raise ValueError(f"repeated axis: {axes}")
    return axes


def user_dtype(dtype, where) -> Any:
    """The canonical dtype for a user's `dtype` argument; None stays None."""
    return None if dtype is None else dtypes.check_user_dtype(dtype, where)


def core_sizes(arrays, names, where):
    """{name: size} of the last axes, named as in a signature of `jnp.vectorize`.

    where: what an error names as the function.  ValueError where sizes do not fit.
    """
    sizes = {}
    for x, own in zip(arrays, names, strict=True):
        if x.ndim < len(own):
            raise ValueError(
                f"input with shape {x.shape} does not have enough dimensions for all "
                f"core dimensions {own} on {where}"
            )
        for name, n in zip(own, x.shape[x.ndim - len(own) :], strict=True):
            if sizes.setdefault(name, n) != n:
                raise ValueError(
                    f"inconsistent size for core dimension {name!r}: {n} vs "
                    f"{sizes[name]} on {where}"
                )
    return sizes


def check_core_sizes(arrays, names, signature):
    """`core_sizes` for a function of the library with a `jnp.vectorize` signature.

    The leading axes are checked too: that they broadcast, and that they may.
    """
    excluded = frozenset()
    core_sizes(arrays, names, f"vectorized function with {excluded=} and {signature=}")
    leads = [x.shape[: x.ndim - len(own)] for x, own in zip(arrays, names, strict=True)]
    broadcast_shapes(*leads)
    check_core_ranks(arrays, leads, signature)


def check_core_ranks(arrays, leads, signature):
    """Warn, or raise ValueError, where the leading axes' ranks are promoted."""
    mode = config.values.jax_numpy_rank_promotion
    ranks = {len(own) for own, x in zip(leads, arrays, strict=True) if x.ndim}
    if mode == "allow" or len(ranks) < 2:
        return
    message = (
        f"operands with shapes {[x.shape for x in arrays]} require rank promotion for "
        f"jnp.vectorize function with signature {signature}. Set the "
        "jax_numpy_rank_promotion config option to 'allow' to disable this message; for "
        "more information, see "
        "https://docs.jax.dev/en/latest/rank_promotion_warning.html."
    )
    if mode == "raise":
        raise ValueError(message)
    warnings.warn(message, stacklevel=4)

"""Dtypes: canonical forms, weak types, promotion. Also the public `jax.dtypes`.

A value's type is a dtype and a weak flag. Python scalars (not bool) are weak: they take
the dtype of what they meet. Promotion is the least upper bound in JAX's lattice, see
https://docs.jax.dev/en/latest/type_promotion.html
"""

import sys
import warnings
from typing import Any

import ml_dtypes
import numpy as np

from minijax import config
from minijax import dtype_lattice as lattice
from minijax.dtype_lattice import (
    TypePromotionError,
    array_dtypes,
    cell_dtype,
    itemsize_bits,
    narrow_dtypes,
    wide_dtype,
)
from minijax.extended_dtypes import (
    ExtendedDType,
    KeyTy,
    PrimalTangentDType,
    TokenTy,
    extended,
    float0,
    key_dtypes,
    physical_dtype,
    primal_tangent_dtype_scalar,
    prng_key,
    storage_dtype,
    token,
)

bfloat16 = ml_dtypes.bfloat16
finfo = ml_dtypes.finfo
iinfo = ml_dtypes.iinfo

# The abstract classes above ml_dtypes' scalar classes, which numpy does not know.
_KINDS = {
    **{
        dt.type: {np.integer, np.number, np.unsignedinteger}
        if dt.name.startswith("u")
        else {np.integer, np.number, np.signedinteger}
        for dt in lattice.small_ints
    },
    **{
        dt.type: {np.floating, np.inexact, np.number}
        for dt in [lattice.np_bfloat16, *lattice.small_floats]
    },
}

_NARROW = {
    np.dtype("int64"): np.dtype("int32"),
    np.dtype("uint64"): np.dtype("uint32"),
    np.dtype("float64"): np.dtype("float32"),
    np.dtype("complex128"): np.dtype("complex64"),
}

_PYTHON_WIDE = {
    bool: lattice.np_bool,
    int: np.dtype("int64"),
    float: np.dtype("float64"),
    complex: np.dtype("complex128"),
}
_PYTHON_NARROW = {t: _NARROW.get(dt, dt) for t, dt in _PYTHON_WIDE.items()}

python_scalar_types = (bool, int, float, complex)


def python_scalar_dtype(scalar_type: type, x64: bool | None = None) -> np.dtype:
    """The canonical dtype of bool, int, float or complex, with x64 as now or as given."""
    if x64 is None:
        x64 = config.values.jax_enable_x64
    return (_PYTHON_WIDE if x64 else _PYTHON_NARROW)[scalar_type]


def is_python_scalar(x) -> bool:
    """Whether x is exactly a bool, int, float or complex: np.float64(1) is not."""
    return type(x) in _PYTHON_WIDE


# -- canonical dtypes ----------------------------------------------------------------

_canonical_wide = {}
_canonical_narrow = {}


def canonicalize_dtype(dtype, allow_extended_dtype: bool = False) -> Any:
    """The dtype that values of `dtype` have here: 64-bit types narrow without x64.

    dtype: anything `np.dtype` takes. An extended dtype is returned as it is with
    allow_extended_dtype, and otherwise a ValueError.
    """
    cache = _canonical_wide if config.values.jax_enable_x64 else _canonical_narrow
    try:
        return cache[dtype]
    except (KeyError, TypeError):
        pass
    if isinstance(dtype, ExtendedDType):
        if allow_extended_dtype:
            return dtype
        raise ValueError(
            f"canonicalize_dtype called on extended dtype {dtype} with"
            " allow_extended_dtype=False"
        )
    result = np.dtype(dtype)
    if cache is _canonical_narrow:
        result = _NARROW.get(result, result)
    if isinstance(dtype, (type, np.dtype)):
        cache[dtype] = result
    return result


def is_wider(dtype) -> bool:
    """Whether a dtype has 64 bits without x64: NumPy's scalars of it then lose some."""
    return dtype in _NARROW and not config.values.jax_enable_x64


def canonical_result(dtype, operands) -> Any:
    """The dtype of what is computed from arrays: 64 bits stay where an operand has them,
    as it may without x64 where the user asked for them explicitly.
    """
    if any(operand in _NARROW for operand in operands):
        return dtype
    return canonicalize_dtype(dtype, allow_extended_dtype=True)


def check_user_dtype(dtype, where: str = "") -> Any:
    """The canonical dtype for what a user passed as `dtype=` to the function `where`.

    Warns when x64 is off and a 64-bit dtype was asked for, or does what the flag
    `jax_explicit_x64_dtypes` says; Python's scalar types, which only say a kind, do not.
    Raises TypeError for what no array can have.
    """
    if isinstance(dtype, type) and dtype in _PYTHON_WIDE:
        return python_scalar_dtype(dtype)
    if isinstance(dtype, ExtendedDType):
        return dtype
    if hasattr(dtype, "aval"):
        raise ValueError(
            "Passing an array as a dtype argument is no longer supported; instead of "
            "dtype=arr use dtype=arr.dtype."
        )
    wanted = np.dtype(dtype)
    if wanted not in array_dtypes and wanted != float0:
        raise TypeError(
            "JAX only supports number, bool, and string dtypes, got dtype"
            f" {dtype} in {where}"
        )
    result = canonicalize_dtype(wanted)
    if result != wanted and dtype is not None:
        where = where and f" requested in {where}"
        mode = config.values.jax_explicit_x64_dtypes
        if mode == config.ExplicitX64Mode.ALLOW:
            return wanted
        if mode == config.ExplicitX64Mode.ERROR:
            raise ValueError(
                f"Explicitly requested dtype {wanted.name}{where} is not"
                " available. To enable more dtypes, set the jax_enable_x64 or"
                " jax_explicit_x64_dtypes configuration option."
            )
        warnings.warn(
            f"Explicitly requested dtype {wanted.name}{where} is not"
            f" available, and will be truncated to dtype {result.name}. To enable more"
            " dtypes, set the jax_enable_x64 configuration option or the"
            " JAX_ENABLE_X64 shell environment variable. See "
            "https://github.com/jax-ml/jax#current-gotchas for more.",
            stacklevel=_user_stacklevel(),
        )
    return result


check_and_canonicalize_user_dtype = check_user_dtype


def _user_stacklevel():
    """The `stacklevel` of the user's frame, for a warning raised by the caller."""
    root = __name__.partition(".")[0]
    level = 1
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] != root:
            break
        frame = frame.f_back
        level += 1
    return level


# -- the dtype of a value ------------------------------------------------------------


def dtype(x, *, canonicalize: bool = True) -> Any:
    """The dtype of an array, scalar, or of what names a dtype.

    Raises ValueError for None, TypeError for what has no dtype or not one an array may
    have. Lists have none.
    """
    if type(x) in _PYTHON_WIDE:
        result = _PYTHON_WIDE[type(x)]
    elif x is None:
        raise ValueError(f"Invalid argument to dtype: {x}.")
    else:
        result = _value_dtype(x)
        if isinstance(result, ExtendedDType):
            return result
        if result not in array_dtypes and result != float0:
            raise TypeError(
                f"Value {x!r} with dtype {result} is not a valid JAX array type."
                " Only arrays of numeric types are supported by JAX."
            )
    if not canonicalize or hasattr(x, "aval"):
        return result
    return canonicalize_dtype(result)


def _value_dtype(x):
    if isinstance(x, ExtendedDType):
        raise TypeError(f"Cannot determine dtype of {x}")
    if not isinstance(x, type):
        found = getattr(x, "dtype", None) or getattr(
            getattr(x, "aval", None), "dtype", None
        )
        if isinstance(found, (np.dtype, ExtendedDType)):
            return found
        for kind in python_scalar_types:  # enumerations, say
            if isinstance(x, kind):
                return python_scalar_dtype(kind)
    try:
        return np.dtype(x)
    except TypeError as error:
        raise TypeError(f"Cannot determine dtype of {x}") from error


def is_weakly_typed(x) -> bool:
    """Whether x is a Python number (not bool), or has an aval with a weak type."""
    try:
        return x.aval.weak_type
    except AttributeError:
        return type(x) in _WEAK


_WEAK = {int, float, complex}


def _dtype_and_weak(x):
    """-> (dtype, weak) of a value or of a dtype's name: int is weak, "int32" not."""
    if x is None:
        return python_scalar_dtype(float), False
    if isinstance(x, type) and x in _PYTHON_WIDE:
        return python_scalar_dtype(x), x in _WEAK
    if isinstance(x, (type, str, np.dtype)):
        named = dtype(x, canonicalize=False)
        if isinstance(getattr(x, "dtype", None), np.dtype):  # as of jnp.float64
            return canonicalize_dtype(named), False
        return check_user_dtype(named, "dtype"), False
    return dtype(x), is_weakly_typed(x)


def scalar_type_of(x) -> type:
    """bool, int, float or complex: the kind of a value's dtype."""
    return scalar_type_of_dtype(dtype(x))


def scalar_type_of_dtype(dtype) -> type:
    """bool, int, float or complex: the kind of a dtype. TypeError for other kinds."""
    if not isinstance(dtype, ExtendedDType):
        for kind, abstract in _KIND_CLASSES:
            if issubdtype(dtype, abstract):
                return kind
    raise TypeError(f"Invalid scalar value of dtype {dtype}")


_KIND_CLASSES = (
    (bool, np.bool_),
    (int, np.integer),
    (float, np.floating),
    (complex, np.complexfloating),
)


# -- kinds of dtypes -----------------------------------------------------------------

_subdtype_cache = {}


def issubdtype(a, b) -> bool:
    """Whether dtype or scalar class a is b or a kind of b, extended dtypes included.

    As `np.issubdtype`, but bfloat16 is floating, int4 is a signedinteger, and so on.
    """
    try:
        return _subdtype_cache[a, b]
    except (KeyError, TypeError):
        pass
    result = _issubdtype(a, b)
    simple = (type, np.dtype, ExtendedDType)
    if isinstance(a, simple) and isinstance(b, simple):
        _subdtype_cache[a, b] = result
    return result


def _scalar_class(x):
    if isinstance(x, ExtendedDType):
        return x.type
    if isinstance(x, type) and issubclass(x, np.generic):
        return x
    return np.dtype(x).type


def _issubdtype(a, b):
    if isinstance(b, ExtendedDType) or b == float0:
        return a == b
    a_class, b_class = _scalar_class(a), _scalar_class(b)
    return issubclass(a_class, b_class) or b_class in _KINDS.get(a_class, ())


def is_extended(dtype) -> bool:
    """Whether a dtype is an extended one (of random keys)."""
    return isinstance(dtype, ExtendedDType)


def supports_inf(dtype) -> bool:
    """Whether a floating dtype has an infinity."""
    with np.errstate(all="ignore"):
        return bool(np.isinf(np.array(np.inf).astype(np.dtype(dtype))))


_INEXACT = {
    lattice.np_bool: np.dtype("float32"),
    **{dt: np.dtype("float32") for dt in lattice.unsigned[:3] + lattice.signed[:3]},
    **{np.dtype(n): np.dtype("float32") for n in (ml_dtypes.int4, ml_dtypes.uint4)},
    np.dtype("int64"): np.dtype("float64"),
    np.dtype("uint64"): np.dtype("float64"),
}


def to_inexact_dtype(dtype) -> np.dtype:
    """The dtype in which inexact functions compute on `dtype`: int64 -> float64."""
    dtype = np.dtype(dtype)
    return _INEXACT.get(dtype, dtype)


def to_numeric_dtype(dtype) -> np.dtype:
    """bool -> int32; every other dtype is itself."""
    dtype = np.dtype(dtype)
    return np.dtype("int32") if dtype == lattice.np_bool else dtype


def to_complex_dtype(dtype) -> np.dtype:
    """complex128 for 64-bit integers, float64 and complex128, else complex64."""
    inexact = to_inexact_dtype(dtype)
    wide = inexact in (np.dtype("float64"), np.dtype("complex128"))
    return lattice.complexes[1 if wide else 0]


def to_floating_dtype(dtype) -> np.dtype:
    """As `to_inexact_dtype`, and complex types become the dtype of their parts."""
    inexact = to_inexact_dtype(dtype)
    return finfo(inexact).dtype if inexact.kind == "c" else inexact


def check_python_int(x, dtype):
    """OverflowError where a Python integer does not fit the dtype it stands for."""
    if x.bit_length() >= 8 * dtype.itemsize and x != -(1 << 8 * dtype.itemsize - 1):
        raise OverflowError(f"Python int {x} too large to convert to {dtype.name}")


def holds_int(dtype, x):
    """Whether a Python integer lies in the range of an integer dtype."""
    info = np.iinfo(dtype)
    return info.min <= x <= info.max


def check_int_argument(x, dtype, whose=""):
    """OverflowError where a Python integer that a user passed does not fit `dtype`."""
    if not holds_int(dtype, x):
        raise OverflowError(
            "An overflow was encountered while parsing an argument to a jitted "
            f"computation: Python int {x} too large to convert to {dtype.name}{whose}"
        )


def wrapped_int(x, dtype):
    """A Python integer in an integer dtype, its upper bits cut off.

    OverflowError where 64 bits do not hold it.
    """
    try:
        return np.asarray(x, np.int64).astype(dtype)[()]
    except OverflowError:
        raise OverflowError("Python int too large to convert to C long") from None


def short_name(dtype) -> str:
    """A dtype as jaxprs print it: f32, i8, bool, bf16, f8_e4m3fn, key<fry>, float0."""
    try:
        return _short_names[dtype]
    except KeyError:
        pass
    if isinstance(dtype, ExtendedDType):
        return dtype.name
    dtype = np.dtype(dtype)
    name = "float0" if dtype == float0 else dtype.name
    for long, short in _ABBREVIATIONS:
        if name.startswith(long) and dtype != float0:
            name = short + name[len(long) :]
            break
    _short_names[dtype] = name
    return name


_short_names = {}
_ABBREVIATIONS = (
    ("uint", "u"),
    ("int", "i"),
    ("float", "f"),
    ("bfloat", "bf"),
    ("complex", "c"),
)


def primal_tangent_dtype(primal_dtype, tangent_dtype, name=None):
    """A dtype of values of `primal_dtype`, whose tangents are of `tangent_dtype`."""
    primal, tangent = dtype(primal_dtype), dtype(tangent_dtype)
    shown = f"PrimalTangentDType{{{short_name(primal)}/{short_name(tangent)}}}"
    return PrimalTangentDType(primal, tangent, name or shown)


# -- promotion -----------------------------------------------------------------------


def _lattice_node(dtype, weak):
    """Weak types stand in the lattice by their kind alone."""
    return scalar_type_of_dtype(dtype) if weak and dtype != lattice.np_bool else dtype


_result_cache = {}


def result_dtype(dtypes: tuple, weak: tuple):
    """-> (canonical dtype, weak) of the promotion of operands; cached, for the core.

    dtypes: the operands' canonical dtypes; weak: their weak flags. Raises
    TypePromotionError where there is no common dtype.
    """
    flags = config.values
    key = dtypes, weak, flags.jax_enable_x64, flags.jax_numpy_dtype_promotion
    try:
        return _result_cache[key]
    except KeyError:
        result, is_weak = _promote(dtypes, weak)
        strong = [dt for dt, w in zip(dtypes, weak, strict=True) if not (w or is_weak)]
        result = canonical_result(result, strong)
        _result_cache[key] = result, is_weak
        return result, is_weak


def _promote(dtypes, weak):
    """-> (dtype, weak), the dtype not yet canonical."""
    first = dtypes[0]
    if not all(weak) and all(dt == first for dt in dtypes):
        return first, False
    pairs = zip(dtypes, weak, strict=True)
    nodes = list(dict.fromkeys([_lattice_node(dt, w) for dt, w in pairs]))
    node = nodes[0] if len(nodes) == 1 else lattice.least_upper_bound(nodes)
    if isinstance(node, type):
        return _PYTHON_WIDE[node], True
    return node, False


def lattice_result_type(*args):
    """-> (dtype, weak) of the promotion of values or dtypes."""
    dtypes, weak = zip(*[_dtype_and_weak(x) for x in args], strict=True)
    found, is_weak = _promote(dtypes, weak)
    return canonicalize_dtype(found, allow_extended_dtype=True), is_weak


def result_type(*args, return_weak_type_flag: bool = False) -> Any:
    """The canonical dtype that promoting the arguments gives.

    Raises ValueError without arguments, TypePromotionError where there is no common
    dtype.

    Args:
        *args: arrays, scalars, or what names dtypes; None for the default float.
        return_weak_type_flag: whether to tell if the type is weak, too.

    Returns:
        A dtype, or (dtype, weak).

    Examples:
        >>> jnp.result_type(jnp.int8, jnp.array([1.0]))
        dtype('float32')
    """
    if not args:
        raise ValueError("at least one array or dtype is required")
    dtypes, weak = zip(*[_dtype_and_weak(x) for x in args], strict=True)
    result = result_dtype(dtypes, weak)
    return result if return_weak_type_flag else result[0]


def promote_types(a, b) -> np.dtype:
    """The promotion of two dtypes, not canonicalized; int, float, complex are weak.

    Args:
        a: dtype, or int, float or complex.
        b: dtype, or int, float or complex.

    Returns:
        A dtype.

    Examples:
        >>> jnp.promote_types("int8", "bfloat16")
        dtype(bfloat16)
        >>> jnp.promote_types("int8", int)
        dtype('int8')
    """
    nodes = [x if _is_weak_type(x) else np.dtype(x) for x in (a, b)]
    node = nodes[0]
    if nodes[0] != nodes[1]:
        node = lattice.least_upper_bound(nodes)
    return _PYTHON_WIDE[node] if isinstance(node, type) else node


def _is_weak_type(x):
    return isinstance(x, type) and x in _WEAK

"""convert_element_type, and copy: the same values, of another dtype or in other memory."""

import warnings
from typing import Any

import numpy as np

from minijax import array, core, dtypes
from minijax.core import AS_STORED, ShapedArray, Zero
from minijax.ops.define import (
    define,
    in_aval,
    linear_jvp,
    structural,
    unary_batch,
)

ComplexWarning = np.exceptions.ComplexWarning


def is_array(x):
    """Whether `x` is an Array or tracer already, so that a no-op may return it."""
    return isinstance(x, (core.Tracer, array.ArrayImpl))


# --- convert_element_type -----------------------------------------------------------


def convert_element_type(operand, new_dtype):
    """`operand` with its elements converted to `new_dtype`; the result is never weak.

    Floats become integers by truncation, saturating, NaN as 0; complex numbers lose
    their imaginary part with a warning.  TypeError for what no array can hold,
    ValueError for random keys and for no dtype.
    """
    if new_dtype is None:
        raise ValueError("dtype must be specified.")
    return convert(operand, new_dtype)


@structural
def convert(operand, new_dtype=None, weak_type=False):
    """`convert_element_type` with a choice of the weak flag; `new_dtype` None keeps it.

    A no-op returns the operand itself; Python and NumPy scalars are converted without
    an equation.
    """
    if hasattr(operand, "__jax_array__"):
        operand = operand.__jax_array__()
    old_dtype, old_weak = dtypes.dtype(operand), dtypes.is_weakly_typed(operand)
    new_dtype = old_dtype if new_dtype is None else _target_dtype(old_dtype, new_dtype)
    if old_dtype == new_dtype and old_weak == weak_type and is_array(operand):
        return operand
    if loses_imaginary_part(old_dtype, new_dtype):
        warn_of_lost_part()
    if not is_array(operand):
        if not np.ndim(operand) and old_dtype != dtypes.float0:
            return scalar_constant(operand, new_dtype, weak_type)
        if old_dtype == new_dtype and not weak_type:
            return core.constant(array.from_numpy(operand))
    return convert_element_type_p.bind(
        operand, new_dtype=new_dtype, weak_type=bool(weak_type), sharding=None
    )


def _target_dtype(old: Any, new: Any) -> Any:
    kinds = [isinstance(dtype, dtypes.ExtendedDType) for dtype in (old, new)]
    if not kinds[1]:
        new = dtypes.check_user_dtype(new, "convert_element_type")
    return new if new == old or not any(kinds) else extended_target(old, new)


def extended_target(old: Any, new: Any) -> Any:
    """`new`, if conversion between it and `old`, one of them extended, is allowed.

    ValueError where it is not: only between an extended dtype and that of the numbers
    which represent it, and where its rules say so.
    """
    kinds = [isinstance(dtype, dtypes.ExtendedDType) for dtype in (old, new)]
    if all(kinds):
        raise ValueError(
            f"cannot directly convert between extended dtypes: from {old.name} to "
            f"{new.name}; convert to the representation in between"
        )
    extended, other = (new, np.dtype(old)) if kinds[1] else (old, np.dtype(new))
    if not getattr(extended._rules, "allow_conversion", False):
        name = new.name if kinds[1] else other.name
        raise ValueError(f"Cannot convert_element_type from {old} to {name}")
    represented = dtypes.physical_dtype(extended)
    if other != represented:
        way = "to {} from" if kinds[1] else "from {} to"
        raise ValueError(
            f"can only convert {way.format('extended dtype')} its representation dtype; "
            f"that of {extended.name} is {represented.name}, got {other.name}"
        )
    return new if kinds[1] else other


def warn_of_lost_part():
    """ComplexWarning, as NumPy gives it for such a conversion."""
    warnings.warn(
        "Casting complex values to real discards the imaginary part",
        ComplexWarning,
        stacklevel=4,
    )


def loses_imaginary_part(old, new):
    """Whether a conversion drops imaginary parts."""
    complexes = np.complexfloating
    return dtypes.issubdtype(old, complexes) and not dtypes.issubdtype(new, complexes)


def scalar_constant(x, dtype, weak_type):
    """A Python or NumPy scalar as an array of `dtype`."""
    value = np.asarray(x)
    if value.dtype.kind == "O":  # an integer that no dtype holds
        value = np.asarray(float(x) if dtypes.issubdtype(dtype, np.inexact) else x)
        if value.dtype.kind == "O":
            raise OverflowError(f"Python int {x} too large to convert to {dtype.name}")
    if (
        value.dtype.kind == "c"
        and dtype.kind not in "cb"
        and not isinstance(x, np.generic)
    ):
        value = np.asarray(x, dtype)
    if dtype == np.bool_ and not isinstance(x, np.ndarray):
        value = value != 0  # of both parts, as NumPy has it
    aval = ShapedArray((), dtype, weak_type)
    stored = dtypes.storage_dtype(dtype)
    return core.constant(array.ArrayImpl(aval, convert_reference(value, stored)))


def convert_reference(x: Any, new_dtype, **_):
    """NumPy's conversion, with XLA's rules: floats saturate, only real parts count."""
    x = np.asarray(x)
    if dtypes.issubdtype(x.dtype, np.complexfloating) and new_dtype.kind != "c":
        x = np.real(x)
    with np.errstate(all="ignore"):
        whole = x.dtype == np.bool_ or dtypes.issubdtype(x.dtype, np.integer)
        if whole or not dtypes.issubdtype(new_dtype, np.integer):
            return x.astype(new_dtype)
        info = dtypes.iinfo(new_dtype)
        wide = x.astype(np.float64)
        inside = np.where(np.isnan(wide) | (abs(wide) >= 2.0**63), 0, wide)
        exact = np.clip(
            inside.astype(np.int64), max(info.min, -(2**63)), min(info.max, 2**63 - 1)
        )
        if info.max > 2**63 - 1:
            high = (wide >= 2.0**63) & (wide < 2.0**64)
            exact = np.where(high, np.where(high, wide, 0).astype(np.uint64), exact)
        result = exact.astype(new_dtype)
        result = np.where(
            wide >= float(info.max), np.array(info.max, new_dtype), result
        )
        return np.where(wide <= info.min, np.array(info.min, new_dtype), result)


def _convert_jvp(primals, tangents, *, new_dtype, weak_type, sharding):
    (x,), (t,) = primals, tangents
    out = convert_element_type_p.bind(
        x, new_dtype=new_dtype, weak_type=weak_type, sharding=sharding
    )
    moving = core.get_aval(out).to_tangent_aval()
    if type(t) is Zero or moving.dtype == dtypes.float0:
        return out, Zero.of(out)
    if core.get_aval(t).dtype == moving.dtype and moving.dtype != new_dtype:
        return out, t
    return out, convert_element_type_p.bind(
        t, new_dtype=moving.dtype, weak_type=weak_type, sharding=sharding
    )


def _convert_transpose(ct, x, *, new_dtype, weak_type, sharding):
    aval = in_aval(x)
    return [
        convert_element_type_p.bind(
            ct, new_dtype=aval.dtype, weak_type=aval.weak_type, sharding=sharding
        )
    ]


def _convert_fold(value, aval, *, new_dtype, weak_type, sharding):
    """A scalar converted; not to or from what NumPy has no dtype for."""
    if not (_is_plain(aval.dtype) and _is_plain(new_dtype)):
        return None
    out = convert_reference(np.asarray(value).astype(aval.dtype), new_dtype)[()]
    if not weak_type:
        return out
    number = out.item()
    return number if core.get_aval(number).dtype == new_dtype else None


def _is_plain(dtype):
    return isinstance(dtype, np.dtype) and dtype.kind in "biufc"


convert_element_type_p = define(
    "convert_element_type",
    shape=lambda x, *, new_dtype, weak_type, sharding: ShapedArray(
        x.shape, new_dtype, weak_type
    ),
    reference=lambda x, *, new_dtype, weak_type, sharding: convert_reference(
        x, dtypes.storage_dtype(new_dtype)
    ),
    jvp=_convert_jvp,
    transpose=_convert_transpose,
    batch=unary_batch(lambda: convert_element_type_p),
    fold=_convert_fold,
    lower=lambda b, ins, out_avals, *, new_dtype, weak_type, sharding: [
        _convert_lower(b, ins[0], new_dtype)
    ],
    narrow=AS_STORED,
)


def _convert_lower(b, view, new_dtype):
    old_dtype = b.eqn.invars[0].aval.dtype
    extended = isinstance(new_dtype, dtypes.ExtendedDType)
    if (
        extended
        or isinstance(old_dtype, dtypes.ExtendedDType)
        or new_dtype == old_dtype
    ):
        return view
    view = b.from_cells(view, old_dtype)
    return b.convert_to(view, np.bool_ if new_dtype == dtypes.float0 else new_dtype)


# --- copy -----------------------------------------------------------------------------

copy_p = define(
    "copy",
    shape=lambda x: x,
    reference=np.array,
    jvp=linear_jvp(lambda: copy_p),
    transpose=lambda ct, x: [copy_p.bind(ct)],
    batch=unary_batch(lambda: copy_p),
    lower=lambda b, ins, out_avals: ins,
    narrow=AS_STORED,
)

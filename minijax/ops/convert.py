"""Ops that keep the values and change what they are: dtypes, bits, precision.

Identities that mean something.
"""

import enum
import operator
import warnings
from typing import Any

import numpy as np

from minijax import array, core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.core import AS_STORED, ShapedArray, Zero, is_undefined_primal
from minijax.ops.arithmetic import add
from minijax.ops.bits import bitwise_and, bitwise_or, shift_right_logical
from minijax.ops.comparison import gt, le
from minijax.ops.define import (
    FLOAT,
    NOT_LINEAR,
    check_dtype,
    constant_like,
    define,
    in_aval,
    instantiate,
    move_axis,
    select,
    structural,
    zeros,
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
    if not any(kinds):
        return dtypes.check_user_dtype(new, "convert_element_type")
    return new if new == old else extended_target(old, new)


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


def _unary_batch(primitive_of):
    """The batch rule of ops that see each element alone."""

    def batch(axis, args, dims, **params):
        return primitive_of().bind(*args, **params), dims[0]

    return batch


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
    batch=_unary_batch(lambda: convert_element_type_p),
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


# --- bitcast_convert_type -----------------------------------------------------------


@structural
def bitcast_convert_type(operand, new_dtype):
    """The bits of `operand` read as `new_dtype`.

    Where the new element is k times smaller, the result has a new last axis of size k
    (lowest bits first); where it is k times larger, the operand's last axis must have
    size k and is used up.
    """
    new_dtype = dtypes.check_user_dtype(new_dtype, "bitcast_convert_type")
    return bitcast_convert_type_p.bind(operand, new_dtype=new_dtype)


def _bitcast_shape(x, *, new_dtype):
    old_bits = dtypes.itemsize_bits(x.dtype)
    new_bits = dtypes.itemsize_bits(new_dtype)
    if x.dtype != new_dtype and (
        _bool_or_complex(x.dtype) or _bool_or_complex(new_dtype)
    ):
        raise TypeError(
            "lax.bitcast_convert_type does not support bool or complex values unless the "
            f"operand and destination types match. Got operand dtype={x.dtype}, "
            f"{new_dtype=}. Consider using the arr.view() method instead."
        )
    shape = x.shape
    if old_bits > new_bits:
        shape = (*shape, old_bits // new_bits)
    elif old_bits < new_bits:
        last = shape[-1] if shape else 1
        if last * old_bits != new_bits:
            raise ValueError(
                f"Attempting to convert array of shape {shape} from {x.dtype} of size "
                f"{old_bits} bits to {new_dtype} of size {new_bits}, bits but "
                f"{last} * {old_bits} != {new_bits}"
            )
        shape = shape[:-1]
    return ShapedArray(shape, new_dtype)


def _bool_or_complex(dtype):
    return dtypes.issubdtype(dtype, np.bool_) or dtypes.issubdtype(
        dtype, np.complexfloating
    )


def _bitcast_reference(x, *, new_dtype):
    x = np.ascontiguousarray(x).reshape(x.shape)
    old, new = dtypes.itemsize_bits(x.dtype), dtypes.itemsize_bits(new_dtype)
    if old == new:
        return x.view(new_dtype)
    codes = x.view(f"u{x.itemsize}")
    places = np.arange(max(old, new) // min(old, new), dtype=np.uint64) * min(old, new)
    if old > new:
        parts = (codes[..., None].astype(np.uint64) >> places) & np.uint64(2**new - 1)
    else:
        parts = np.bitwise_or.reduce(codes.astype(np.uint64) << places, -1)
    return parts.astype(f"u{new_dtype.itemsize}").view(new_dtype)


def _bitcast_batch(axis, args, dims, *, new_dtype):
    (x,), (d,) = args, dims
    widens = dtypes.itemsize_bits(x.dtype) < dtypes.itemsize_bits(new_dtype)
    if widens and d == x.ndim - 1:  # the last axis is the one that is used up
        x, d = move_axis(x, d, 0), 0
    return bitcast_convert_type_p.bind(x, new_dtype=new_dtype), d


def _bitcast_lower(b, ins, out_avals, *, new_dtype):
    view = ins[0] if ins[0].buffer is not None else b.dense(ins[0])
    cell = dtypes.cell_dtype(new_dtype)
    old = dtypes.itemsize_bits(b.eqn.invars[0].aval.dtype)
    new = dtypes.itemsize_bits(new_dtype)
    if old == new:
        return [view.reinterpret(cell)]
    if old > new:
        return [_split_bits(b, view, cell, new, old // new)]
    return [_join_bits(b, view, cell, old)]


def _split_bits(b, view, dtype, bits, k):
    """Each element as `k` smaller ones of `bits` bits, along a new last axis."""
    wide, narrow = np.dtype(f"u{view.dtype.itemsize}"), np.dtype(f"u{dtype.itemsize}")
    view = view.reinterpret(wide)
    shape = view.shape
    out = b.empty((*shape, k), narrow)
    for i in range(k):
        shift = b.full(ShapedArray(shape, wide), i * bits)
        part = b.ewise("shift_right_logical", [view, shift], ShapedArray(shape, wide))
        part = b.convert(part, narrow)
        if bits < 8:
            aval = ShapedArray(shape, narrow)
            part = b.ewise("and", [part, b.full(aval, (1 << bits) - 1)], aval)
        b.copy_into(_slot(out, i), part)
    return out.reinterpret(dtype)


def _join_bits(b, view, dtype, bits):
    """The last axis, of elements of `bits` bits, joined to one, lowest bits first."""
    wide, narrow = np.dtype(f"u{dtype.itemsize}"), np.dtype(f"u{view.dtype.itemsize}")
    view = view.reinterpret(narrow)
    aval = ShapedArray(view.shape[:-1], wide)
    total = b.convert(_slot(view, 0), wide)
    for i in range(1, view.shape[-1]):
        part = b.convert(_slot(view, i), wide)
        part = b.ewise("shift_left", [part, b.full(aval, bits * i)], aval)
        total = b.ewise("or", [total, part], aval)
    return total.reinterpret(dtype)


def _slot(view, i):
    """Element `i` of the last axis."""
    last = len(view.shape) - 1
    starts = [0] * last + [i]
    return view.slice(starts, [*view.shape[:-1], i + 1]).squeeze((last,))


def _bitcast_jvp(primals, tangents, *, new_dtype):
    out = bitcast_convert_type_p.bind(*primals, new_dtype=new_dtype)
    return out, Zero.of(out)


bitcast_convert_type_p = define(
    "bitcast_convert_type",
    shape=_bitcast_shape,
    reference=_bitcast_reference,
    jvp=_bitcast_jvp,
    transpose=NOT_LINEAR,
    batch=_bitcast_batch,
    lower=_bitcast_lower,
    narrow=AS_STORED,
)

# --- reduce_precision ---------------------------------------------------------------


def reduce_precision(operand, exponent_bits, mantissa_bits):
    """`operand` rounded to what a float with so many exponent and mantissa bits can
    hold.

    Rounds to nearest, ties to even; what is too large becomes infinite, what is too
    small to be normal zero.
    """
    return reduce_precision_p.bind(
        operand,
        exponent_bits=operator.index(exponent_bits),
        mantissa_bits=operator.index(mantissa_bits),
    )


def _reduce_precision_shape(x, *, exponent_bits, mantissa_bits):
    check_dtype("reduce_precision", FLOAT, x.dtype)
    if exponent_bits < 1:
        raise ValueError(
            f"reduce_precision: exponent_bits must be positive; got {exponent_bits}"
        )
    if mantissa_bits < 0:
        raise ValueError(
            f"reduce_precision: mantissa_bits must be non-negative; got {mantissa_bits}"
        )
    return x


def _float_layout(dtype):
    """(exponent bits, mantissa bits) of a float dtype."""
    info = dtypes.finfo(dtype)
    return info.bits - 1 - info.nmant, info.nmant


def _reduce_precision_reference(x, *, exponent_bits, mantissa_bits):
    """By the value's own exponent: scale, round to even, scale back."""
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(np.where(np.isfinite(wide), wide, 0))
        step = exponent - 1 - min(mantissa_bits, _float_layout(x.dtype)[1])
        rounded = np.ldexp(np.rint(np.ldexp(wide, -step)), step)
        rounded = np.where(np.isfinite(wide), rounded, wide)
        if exponent_bits < _float_layout(x.dtype)[0]:
            bias = 2 ** (exponent_bits - 1) - 1
            zero, infinity = np.copysign(0.0, wide), np.copysign(np.inf, wide)
            rounded = np.where(abs(rounded) >= 2.0 ** (bias + 1), infinity, rounded)
            rounded = np.where(abs(rounded) < 2.0 ** (1 - bias), zero, rounded)
        return np.where(np.isnan(wide), np.nan, rounded).astype(x.dtype)


def _round_mantissa(bits, dropped):
    """Round away the lowest `dropped` bits of a float's bits, to nearest and even."""
    last = shift_right_logical(bits, constant_like(dropped, bits))
    odd = bitwise_and(last, constant_like(1, bits))
    half_less = constant_like((1 << (dropped - 1)) - 1, bits)
    keep = constant_like(
        ~((1 << dropped) - 1) & (2 ** (8 * bits.dtype.itemsize) - 1), bits
    )
    return bitwise_and(add(bits, add(odd, half_less)), keep)


def _reduce_precision_bits(x, exponent_bits, mantissa_bits):
    """The op in terms of the float's bits, as XLA expands it."""
    have_exponent, have_mantissa = _float_layout(x.dtype)
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    bits = original = bitcast_convert_type(x, unsigned)
    if mantissa_bits < have_mantissa:
        bits = _round_mantissa(bits, have_mantissa - mantissa_bits)
    if exponent_bits < have_exponent:
        bits = _clamp_exponent(bits, exponent_bits, have_exponent, have_mantissa)
    rounded = bitcast_convert_type(bits, x.dtype)
    infinite = constant_like(((1 << have_exponent) - 1) << have_mantissa, original)
    sign_off = constant_like((1 << (have_exponent + have_mantissa)) - 1, original)
    is_nan = gt(bitwise_and(original, sign_off), infinite)
    return select(is_nan, x, rounded)


def _clamp_exponent(bits, exponent_bits, have_exponent, have_mantissa):
    bias, have_bias = (1 << (exponent_bits - 1)) - 1, (1 << (have_exponent - 1)) - 1
    sign_bit = constant_like(1 << (have_exponent + have_mantissa), bits)
    infinity = constant_like(((1 << have_exponent) - 1) << have_mantissa, bits)
    exponent = bitwise_and(bits, infinity)
    sign = bitwise_and(bits, sign_bit)
    too_large = gt(exponent, constant_like((have_bias + bias) << have_mantissa, bits))
    too_small = le(exponent, constant_like((have_bias - bias) << have_mantissa, bits))
    bits = select(too_large, bitwise_or(sign, infinity), bits)
    return select(too_small, sign, bits)


def _reduce_precision_lower(b, ins, out_avals, *, exponent_bits, mantissa_bits):
    def expand(x):
        return [_reduce_precision_bits(x, exponent_bits, mantissa_bits)]

    return b.lower_fun(expand, ins, out_avals)


def _linear_unary_jvp(primitive_of):
    """The jvp of an op that is linear in its one operand: the op itself."""

    def jvp(primals, tangents, **params):
        out = primitive_of().bind(*primals, **params)
        if type(tangents[0]) is Zero:
            return out, Zero.of(out)
        return out, primitive_of().bind(*tangents, **params)

    return jvp


reduce_precision_p = define(
    "reduce_precision",
    shape=_reduce_precision_shape,
    reference=_reduce_precision_reference,
    jvp=_linear_unary_jvp(lambda: reduce_precision_p),
    transpose=lambda ct, x, **params: [reduce_precision_p.bind(ct, **params)],
    batch=_unary_batch(lambda: reduce_precision_p),
    lower=_reduce_precision_lower,
)

# --- identities ---------------------------------------------------------------------

copy_p = define(
    "copy",
    shape=lambda x: x,
    reference=np.array,
    jvp=_linear_unary_jvp(lambda: copy_p),
    transpose=lambda ct, x: [copy_p.bind(ct)],
    batch=_unary_batch(lambda: copy_p),
    lower=lambda b, ins, out_avals: ins,
    narrow=AS_STORED,
)


class ArrayCopySemantics(enum.IntEnum):
    """Whether a value that is put somewhere may share the memory of what it was."""

    REUSE_INPUT = 0
    ALWAYS_COPY = 1
    DONATE_INPUT = 2


def _device_put_jvp(primals, tangents, **params):
    outs = device_put_p.bind(*primals, **params)
    moved = [
        t if type(t) is Zero else device_put_p.bind(t, **_only(params, k))[0]
        for k, t in enumerate(tangents)
    ]
    return outs, moved


def _device_put_transpose(cts, *args, **params):
    return [
        ct if type(ct) is Zero else device_put_p.bind(ct, **_only(params, k))[0]
        for k, ct in enumerate(cts)
    ]


def _only(params, k):
    """The parameters of the operand `k`."""
    return {name: (value[k],) for name, value in params.items()}


device_put_p = define(
    "device_put",
    multiple_results=True,
    shape=lambda *avals, **_: list(avals),
    reference=lambda *args, **_: list(args),
    jvp=_device_put_jvp,
    transpose=_device_put_transpose,
    batch=lambda axis, args, dims, **params: (device_put_p.bind(*args, **params), dims),
    lower=lambda b, ins, out_avals, **_: ins,
    narrow=AS_STORED,
)


def stop_gradient(x):
    """The pytree `x`, of which derivatives see nothing."""
    leaves, tree = flatten(x)
    return unflatten(tree, [_stop_gradient_leaf(leaf) for leaf in leaves])


def _stop_gradient_leaf(x):
    if not core.valid_jaxtype(x):
        raise core.no_value(x)
    if not isinstance(x, core.Tracer):
        return x
    if isinstance(x.dtype, dtypes.ExtendedDType):
        return x
    return stop_gradient_p.bind(x)


def _stop_gradient_jvp(primals, tangents):
    out = stop_gradient_p.bind(*primals)
    return out, Zero.of(out)


stop_gradient_p = define(
    "stop_gradient",
    shape=lambda x: x,
    reference=np.array,
    jvp=_stop_gradient_jvp,
    transpose=NOT_LINEAR,
    batch=_unary_batch(lambda: stop_gradient_p),
    lower=lambda b, ins, out_avals: ins,
    narrow=AS_STORED,
)


def stage(x, /):
    """The number or array `x` as an array; a traced one as it is.

    TypeError for anything else.
    """
    core.check_arguments("stage", [x])
    return convert(x, weak_type=dtypes.is_weakly_typed(x))


def dce_sink(val, *, prevent_mlir_dce=False):
    """Keeps what computes the pytree `val` from being removed as unread."""
    for leaf in flatten(val)[0]:
        dce_sink_p.bind(leaf, prevent_mlir_dce=prevent_mlir_dce)


dce_sink_p = define(
    "dce_sink",
    multiple_results=True,
    shape=lambda x, **_: [],
    reference=lambda x, **_: [],
    jvp=lambda primals, tangents, **params: (dce_sink_p.bind(*primals, **params), []),
    transpose=NOT_LINEAR,
    batch=lambda axis, args, dims, **params: (dce_sink_p.bind(*args, **params), []),
    lower=lambda b, ins, out_avals, **_: [],
)
dce_sink_p.effects = frozenset([core.Effect("NoDCE")])


def optimization_barrier(operand, /):
    """The pytree `operand`, all of it computed before any of what follows."""
    leaves, tree = flatten(operand)
    return unflatten(tree, optimization_barrier_p.bind(*leaves))


def _barrier_jvp(primals, tangents):
    outs = optimization_barrier_p.bind(*primals)
    if all(type(t) is Zero for t in tangents):
        return outs, [Zero.of(x) for x in outs]
    return outs, optimization_barrier_p.bind(*[instantiate(t) for t in tangents])


def _barrier_transpose(cts, *args):
    cts = [zeros(ct.aval) if type(ct) is Zero else ct for ct in cts]
    outs = optimization_barrier_p.bind(*cts)
    return [
        ct if is_undefined_primal(x) else None for ct, x in zip(outs, args, strict=True)
    ]


optimization_barrier_p = define(
    "optimization_barrier",
    multiple_results=True,
    shape=lambda *avals: list(avals),
    reference=lambda *arrays: list(arrays),
    jvp=_barrier_jvp,
    transpose=_barrier_transpose,
    batch=lambda axis, args, dims: (optimization_barrier_p.bind(*args), list(dims)),
    lower=lambda b, ins, out_avals: ins,
    narrow=AS_STORED,
    stays=True,
)

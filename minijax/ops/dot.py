"""Products of matrices: `dot_general` and what is written with it.

An operand's dimensions are of three kinds: batch (paired, kept), contracting (paired,
summed over) and free (kept).  The result has the batch dimensions, then the left's free
ones, then the right's.
"""

import math
from collections import namedtuple
from collections.abc import Sequence
from enum import Enum

import numpy as np

from minijax import dtypes
from minijax.config import values as config_values
from minijax.core import ShapedArray, is_undefined_primal
from minijax.ops.convert import convert_element_type_p
from minijax.ops.define import (
    COMPLEX,
    FLOAT,
    accepts,
    bilinear_jvp,
    check_out_sharding,
    define,
    dtype_of,
    shape_of,
)
from minijax.ops.dot_pairs import paired_sums, paired_sums_pay
from minijax.ops.shape import transpose
from minijax.ops.views import convert_real, real_view

# --- precision ------------------------------------------------------------------


class Precision(Enum):
    """How accurate accelerators should be; on a CPU every choice computes the same."""

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2

    @classmethod
    def _missing_(cls, value):
        return _PRECISION_NAMES.get(value)

    def __repr__(self):
        return f"Precision.{self.name}"

    def __str__(self):
        return self.name


_PRECISION_NAMES = {
    "highest": Precision.HIGHEST,
    "float32": Precision.HIGHEST,
    "high": Precision.HIGH,
    "bfloat16_3x": Precision.HIGH,
    "tensorfloat32": Precision.HIGH,
    "default": Precision.DEFAULT,
    "bfloat16": Precision.DEFAULT,
    "fastest": Precision.DEFAULT,
    None: Precision.DEFAULT,
}

DotAlgorithm = namedtuple(
    "DotAlgorithm",
    "lhs_precision_type rhs_precision_type accumulation_type lhs_component_count "
    "rhs_component_count num_primitive_operations allow_imprecise_accumulation",
    defaults=(1, 1, 1, False),
)

_PRESETS = (
    "DEFAULT ANY_F8_ANY_F8_F32 ANY_F8_ANY_F8_F32_FAST_ACCUM ANY_F8_ANY_F8_ANY "
    "ANY_F8_ANY_F8_ANY_FAST_ACCUM F16_F16_F16 F16_F16_F32 BF16_BF16_BF16 "
    "BF16_BF16_F32 BF16_BF16_F32_X3 BF16_BF16_F32_X6 BF16_BF16_F32_X9 "
    "TF32_TF32_F32 TF32_TF32_F32_X3 F32_F32_F32 F64_F64_F64"
)


class _Preset(Enum):
    def __str__(self):
        return self.name

    def __repr__(self):
        return f"DotAlgorithmPreset.{self.name}"


DotAlgorithmPreset = _Preset("DotAlgorithmPreset", _PRESETS)
DotAlgorithmPreset.__doc__ = "Named algorithms: operand types and type of the sums."

# What functions take as `precision` and `dimension_numbers`, for annotations.
PrecisionLike = (
    str
    | Precision
    | tuple[str, str]
    | tuple[Precision, Precision]
    | DotAlgorithm
    | DotAlgorithmPreset
    | None
)
_Pair = tuple[Sequence[int], Sequence[int]]
DotDimensionNumbers = tuple[_Pair, _Pair]

# what a CPU computes with for each preset it accepts (None: the operands' own type)
_PRESET_DTYPES = {
    "DEFAULT": None,
    "BF16_BF16_F32": None,
    "BF16_BF16_F32_X3": None,
    "BF16_BF16_F32_X6": None,
    "F16_F16_F16": np.dtype("f2"),
    "F32_F32_F32": np.dtype("f4"),
    "F64_F64_F64": np.dtype("f8"),
}


def _bad_precision(precision):
    names = list(_PRECISION_NAMES)
    return ValueError(
        f"Precision argument must be one of:\n- None,\n- a string in {names},\n"
        "- a lax.Precision value,\n- a tuple of two lax.Precision values or strings,\n"
        "- a lax.DotAlgorithmPreset or the name of one of these presets, or\n"
        f"- a lax.DotAlgorithm value;\nbut got {precision}."
    )


def _one_precision(precision):
    if isinstance(precision, Precision):
        return precision
    if isinstance(precision, str):
        return _PRECISION_NAMES.get(precision)
    return None


def canonicalize_precision(precision):
    """What a user gave as `precision`, as the parameter of an equation.

    None, a pair of `Precision`, a `DotAlgorithmPreset` or a `DotAlgorithm`.  ValueError
    for anything else.
    """
    if precision is None:
        precision = config_values.jax_default_matmul_precision
        if precision is None:
            return None
    if isinstance(precision, (DotAlgorithmPreset, DotAlgorithm)):
        return precision
    pair = precision if type(precision) in (tuple, list) else (precision, precision)
    if len(pair) == 2:
        found = _one_precision(pair[0]), _one_precision(pair[1])
        if None not in found:
            return found
    if isinstance(precision, str) and precision in DotAlgorithmPreset.__members__:
        return DotAlgorithmPreset[precision]
    raise _bad_precision(precision)


# --- dot_general ----------------------------------------------------------------


def dot_general(
    lhs,
    rhs,
    dimension_numbers,
    precision=None,
    preferred_element_type=None,
    *,
    out_sharding=None,
):
    """The product of two arrays, summed over paired dimensions.

    `dimension_numbers` is ((lhs contracting, rhs contracting), (lhs batch, rhs batch)).
    The sums are made and returned in `preferred_element_type` where one is given, else
    in the operands' common type. TypeError where the dimensions do not fit.
    """
    check_out_sharding(out_sharding, "dot_general")
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    dims = (
        (_indices(lhs_contract), _indices(rhs_contract)),
        (_indices(lhs_batch), _indices(rhs_batch)),
    )
    if preferred_element_type is not None:
        preferred_element_type = dtypes.canonical_result(
            np.dtype(preferred_element_type), [dtype_of(lhs)]
        )
    return dot_general_p.bind(
        lhs,
        rhs,
        dimension_numbers=dims,
        precision=canonicalize_precision(precision),
        preferred_element_type=preferred_element_type,
        out_sharding=None,
    )


def _indices(dims):
    return tuple(d.__index__() for d in _each(dims))


def _each(dims):
    for d in dims:
        if not hasattr(d, "__index__"):
            kind = type(d).__name__
            raise TypeError(f"'{kind}' object cannot be interpreted as an integer")
        yield d


def dot(
    lhs,
    rhs,
    *,
    dimension_numbers=None,
    precision=None,
    preferred_element_type=None,
    out_sharding=None,
):
    """The product of vectors or matrices; of other ranks with `dimension_numbers` only."""
    if dimension_numbers is None:
        left, right = shape_of(lhs), shape_of(rhs)
        if not (len(left) in (1, 2) and len(right) in (1, 2) and left[-1] == right[0]):
            raise ValueError(
                "jax.lax.dot: dimension_numbers must be specified when not performing "
                "simple un-batched matrix-matrix, matrix-vector, or vector-vector "
                f"products; got lhs_shape={left} rhs_shape={right}"
            )
        dimension_numbers = (((len(left) - 1,), (0,)), ((), ()))
    return dot_general(
        lhs,
        rhs,
        dimension_numbers,
        precision,
        preferred_element_type,
        out_sharding=out_sharding,
    )


def batch_matmul(lhs, rhs, precision=None):
    """Products of matrices, [..., M, K] by [..., K, N]."""
    rank, other = len(shape_of(lhs)), len(shape_of(rhs))
    if min(rank, other) < 2:
        raise ValueError(
            f"Arguments to batch_matmul must be at least 2D, got {rank}, {other}"
        )
    if rank != other:
        raise ValueError(
            f"Arguments to batch_matmul must have same ndim, got {rank}, {other}"
        )
    batch = tuple(range(rank - 2))
    dims = (((rank - 1,), (rank - 2,)), (batch, batch))
    return dot_general(lhs, rhs, dims, precision=precision)


# --- its rules --------------------------------------------------------------------


def _check_one_side(side, aval, contract, batch):
    if not all(0 <= d < aval.ndim for d in (*contract, *batch)):
        raise TypeError(
            f"dot_general requires {side} dimension numbers to be nonnegative and less "
            f"than the number of axes of the {side} value, got {side}_batch of {batch} "
            f"and {side}_contracting of {contract} for {side} of rank {aval.ndim}"
        )
    for what, dims in (("batch", batch), ("contracting", contract)):
        if len(set(dims)) != len(dims):
            raise TypeError(
                f"dot_general requires {side} {what} dimensions to be distinct, got "
                f"{side}_{what} {dims}."
            )
    if set(contract) & set(batch):
        raise TypeError(
            f"dot_general requires {side} batch dimensions to be disjoint from "
            f"contracting dimensions, got {side}_batch {batch} and {side}_contracting "
            f"{contract}."
        )


def _sizes(aval, dims):
    return tuple(aval.shape[d] for d in dims)


def _check_dimension_numbers(lhs, rhs, dimension_numbers):
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    _check_one_side("lhs", lhs, lhs_contract, lhs_batch)
    _check_one_side("rhs", rhs, rhs_contract, rhs_batch)
    if len(lhs_batch) != len(rhs_batch):
        raise TypeError(
            "dot_general requires equal numbers of lhs_batch and rhs_batch dimensions, "
            f"got lhs_batch {lhs_batch} and rhs_batch {rhs_batch}."
        )
    left, right = _sizes(lhs, lhs_batch), _sizes(rhs, rhs_batch)
    if left != right:
        raise TypeError(
            "dot_general requires lhs batch dimensions and rhs batch dimensions to have "
            f"the same shape, got {left} and {right}."
        )
    left, right = _sizes(lhs, lhs_contract), _sizes(rhs, rhs_contract)
    if left != right:
        raise TypeError(
            "dot_general requires contracting dimensions to have the same shape, got "
            f"{left} and {right}."
        )


def _rank_of_dtype(dtype):
    """Sorts dtypes: of two operands, the product has the one that comes last."""
    kind = 3 if accepts(COMPLEX, dtype) else 2 if accepts(FLOAT, dtype) else 1
    if dtype.kind == "b":
        kind = 0
    tie = dtype.kind == "i" if kind == 1 else dtype != np.dtype("f2")
    return kind, dtype.itemsize, tie


def _bits(dtype):
    """The width of a number: 1 for booleans, that of one part for complex numbers."""
    if dtype.kind == "b":
        return 1
    return dtype.itemsize * (4 if dtype.kind == "c" else 8)


def product_dtype(lhs, rhs, preferred):
    """The dtype of a dot or convolution.  TypeError where `preferred` is too narrow."""
    natural = lhs if lhs == rhs else max(lhs, rhs, key=_rank_of_dtype)
    if preferred is None or preferred == natural:
        return natural
    if not accepts(FLOAT, natural) and _bits(preferred) < _bits(natural):
        raise TypeError(
            "`preferred_element_type` must not be narrower than the original type, got "
            f"preferred_element_type of {preferred} for result type of {natural}."
        )
    return preferred


def _free(rank, *used):
    taken = set().union(*used)
    return tuple(d for d in range(rank) if d not in taken)


def _dot_general_shape(
    lhs, rhs, *, dimension_numbers, precision, preferred_element_type, out_sharding
):
    _check_dimension_numbers(lhs, rhs, dimension_numbers)
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    shape = (
        _sizes(lhs, lhs_batch)
        + _sizes(lhs, _free(lhs.ndim, lhs_contract, lhs_batch))
        + _sizes(rhs, _free(rhs.ndim, rhs_contract, rhs_batch))
    )
    dtype = product_dtype(lhs.dtype, rhs.dtype, preferred_element_type)
    return ShapedArray(shape, dtype, lhs.weak_type and rhs.weak_type)


def _dot_general_reference(
    lhs, rhs, *, dimension_numbers, precision, preferred_element_type, out_sharding
):
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    lhs_free = _free(lhs.ndim, lhs_contract, lhs_batch)
    rhs_free = _free(rhs.ndim, rhs_contract, rhs_batch)
    dtype = product_dtype(lhs.dtype, rhs.dtype, preferred_element_type)
    within = _compute_dtype(lhs.dtype, rhs.dtype, dtype)
    if within.itemsize == 2 and accepts(FLOAT, within):
        within = np.dtype("f4")
    batch = _sizes(lhs, lhs_batch)
    a = lhs.astype(within).transpose(lhs_batch + lhs_free + lhs_contract)
    b = rhs.astype(within).transpose(rhs_batch + rhs_contract + rhs_free)
    n_sum = math.prod(_sizes(lhs, lhs_contract))
    rows, columns = _sizes(lhs, lhs_free), _sizes(rhs, rhs_free)
    a = a.reshape(*batch, math.prod(rows), n_sum)
    b = b.reshape(*batch, n_sum, math.prod(columns))
    return np.matmul(a, b).reshape(batch + rows + columns).astype(dtype)


def _dot_general_transpose(ct, x, y, *, dimension_numbers, **params):
    contract, batch = dimension_numbers
    if is_undefined_primal(x):
        return [_transpose_lhs(ct, x.aval, y, (contract, batch), True, params), None]
    swapped = contract[::-1], batch[::-1]
    return [None, _transpose_lhs(ct, y.aval, x, swapped, False, params)]


def _transpose_lhs(ct, aval, other, dimension_numbers, is_lhs, params):
    """The cotangent of the operand of `aval`, whose dimension numbers come first."""
    (mine_contract, its_contract), (mine_batch, its_batch) = dimension_numbers
    its_rank = len(shape_of(other))
    mine_free = _free(aval.ndim, mine_contract, mine_batch)
    its_free = _free(its_rank, its_contract, its_batch)
    n_batch = len(mine_batch)
    start = n_batch + (len(mine_free) if is_lhs else 0)
    ct_batch = tuple(range(n_batch))
    ct_its_free = tuple(range(start, start + len(its_free)))
    dims = ((ct_its_free, its_free), (ct_batch, its_batch))
    out = dot_general_p.bind(ct, other, dimension_numbers=dims, **params)
    # the result has dims: batch, mine_free, then its contracting ones in the order of
    # `other`
    by_place = sorted(range(len(its_contract)), key=its_contract.__getitem__)
    order = mine_batch + mine_free + tuple(mine_contract[i] for i in by_place)
    inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
    if inverse != tuple(range(len(order))):
        out = transpose(out, inverse)
    if dtype_of(out) != aval.dtype:
        out = cotangent_as(out, aval.dtype)
    return out


def cotangent_as(ct, dtype):
    """A cotangent in the dtype of its primal; the real part for a real one."""
    return convert_element_type_p.bind(
        ct, new_dtype=dtype, weak_type=False, sharding=None
    )


def _past(dims, new):
    """Dimension numbers of an operand that has gained a dimension at `new`."""
    return tuple(d + (d >= new) for d in dims)


def _dot_general_batch(axis, args, dims, *, dimension_numbers, **params):
    dims_out, place = batch_dimension_numbers(
        tuple(len(shape_of(x)) for x in args), dims, dimension_numbers
    )
    return dot_general_p.bind(*args, dimension_numbers=dims_out, **params), place


def batch_dimension_numbers(ranks, dims, dimension_numbers):
    """The dimension numbers of a batched product, and where its batch dimension is.

    An operand batched alone keeps the axis as a free one; two make a batch dimension,
    in front.
    """
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    left, right = dims
    if left is not None:
        lhs_contract, lhs_batch = _past(lhs_contract, left), _past(lhs_batch, left)
    if right is not None:
        rhs_contract, rhs_batch = _past(rhs_contract, right), _past(rhs_batch, right)
    if left is not None and right is not None:
        lhs_batch, rhs_batch = (left, *lhs_batch), (right, *rhs_batch)
        place = 0
    elif left is not None:
        free = _free(ranks[0], lhs_contract, lhs_batch)
        place = len(lhs_batch) + free.index(left)
    else:
        n_left = ranks[0] - len(lhs_contract)
        free = _free(ranks[1], rhs_contract, rhs_batch)
        place = n_left + free.index(right)
    return ((lhs_contract, rhs_contract), (lhs_batch, rhs_batch)), place


# --- lowering -----------------------------------------------------------------------


def _compute_dtype(lhs, rhs, out):
    """The dtype in which to multiply and add.

    Operands of different dtypes are converted to that of the result first, as XLA has it
    on a CPU, narrow as it may be.
    """
    return max(lhs, out, key=_rank_of_dtype) if lhs == rhs else out


def _preset_dtype(precision, what):
    """The dtype a preset asks for, or None.  ValueError if a CPU does not have it."""
    if precision is None or isinstance(precision, tuple) and not isinstance(
        precision, DotAlgorithm
    ):  # fmt: skip
        return None
    name = precision.name if isinstance(precision, DotAlgorithmPreset) else None
    if name not in _PRESET_DTYPES:
        raise ValueError(
            f"The precision '{precision}' is not supported by {what} on CPU"
        )
    return _PRESET_DTYPES[name]


def product_operands(b, ins, out_dtype, precision, what):
    """The operands of a product in the types that the runtime takes, and its result type.

    The runtime multiplies operands of one type, and adds in that type or a wider one of
    its kind.
    """
    lhs, rhs = ins
    wanted = _preset_dtype(precision, what)
    if wanted is not None and accepts(FLOAT, lhs.dtype) and accepts(FLOAT, rhs.dtype):
        return b.convert(lhs, wanted), b.convert(rhs, wanted), wanted
    if lhs.dtype == rhs.dtype and _adds_in(lhs.dtype, out_dtype):
        return lhs, rhs, out_dtype
    within = _compute_dtype(lhs.dtype, rhs.dtype, out_dtype)
    return convert_real(b, lhs, within), convert_real(b, rhs, within), within


_WIDER = {("f2", "f4"), ("V2", "f4"), ("f4", "f8")}


def _adds_in(dtype, out):
    """Whether the runtime multiplies elements of `dtype` into sums of `out`."""
    if dtype == out:
        return True
    if dtype.kind in "iu" and out.kind in "iu":
        return out.itemsize >= dtype.itemsize
    return (dtype.str[1:], out.str[1:]) in _WIDER


def _has_products(dtype):
    """Whether there are elementwise products of numbers of that type."""
    return dtype.kind in "iufc" or dtype == dtypes.bfloat16


def _outer_product(b, lhs, rhs, n_batch, n_contract, aval):
    """A product that sums nothing: batch, free, contracted axes, the latter of size 1."""
    lhs, rhs = (
        x.squeeze(range(len(x.shape) - n_contract, len(x.shape))) for x in (lhs, rhs)
    )
    n_left, rank = len(lhs.shape), len(aval.shape)
    left = lhs.broadcast(aval.shape, range(n_left))
    right = rhs.broadcast(aval.shape, [*range(n_batch), *range(n_left, rank)])
    return b.ewise("mul", [left, right], aval)


_SHORT = 16  # sums of fewer terms are not made along a vector


def _batch_sizes(sizes, lhs, rhs):
    """The batch dims as the fewest that both operands can walk; one or two."""
    n, total = len(sizes), math.prod(sizes)
    for cut in range(n):
        split = (math.prod(sizes[:cut]), math.prod(sizes[cut:])) if cut else (total,)
        if all(x.reshape((*split, *x.shape[n:])) is not None for x in (lhs, rhs)):
            return split
    return (total,)


def _dot_general_lower(
    b,
    ins,
    out_avals,
    *,
    dimension_numbers,
    precision,
    preferred_element_type,
    out_sharding,
):
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    aval = out_avals[0]
    if aval.size == 0:
        return [b.full(aval, 0)]
    lhs, rhs, within = product_operands(b, ins, aval.dtype, precision, "dot_general")
    lhs_free = _free(len(lhs.shape), lhs_contract, lhs_batch)
    rhs_free = _free(len(rhs.shape), rhs_contract, rhs_batch)
    n_sum = math.prod(_sizes(lhs, lhs_contract))
    if n_sum == 1 and lhs.dtype == rhs.dtype == within and _has_products(within):
        lhs = lhs.transpose(lhs_batch + lhs_free + lhs_contract)
        rhs = rhs.transpose(rhs_batch + rhs_free + rhs_contract)
        sizes = len(lhs_batch), len(lhs_contract)
        out = _outer_product(b, lhs, rhs, *sizes, aval.update(dtype=within))
        return [b.convert(out, aval.dtype)]
    same = lhs.dtype == rhs.dtype == within
    if same and paired_sums_pay(lhs, rhs, dimension_numbers, n_sum):
        out = paired_sums(b, lhs, rhs, dimension_numbers)
        return [b.convert(out, aval.dtype)]
    rows = math.prod(_sizes(lhs, lhs_free))
    columns = math.prod(_sizes(rhs, rhs_free))
    if columns == 1 < rows and n_sum < _SHORT:
        # One column lies in memory as one row does, and rows are what vectors serve.
        lhs, rhs, rows, columns = rhs, lhs, columns, rows
        lhs_free, rhs_free = rhs_free, lhs_free
        lhs_batch, rhs_batch = rhs_batch, lhs_batch
        lhs_contract, rhs_contract = rhs_contract, lhs_contract
    lhs = lhs.transpose(lhs_batch + lhs_free + lhs_contract)
    rhs = rhs.transpose(rhs_batch + rhs_contract + rhs_free)
    sizes = _batch_sizes(aval.shape[: len(lhs_batch)], lhs, rhs)
    lhs = b.reshape(lhs, (*sizes, rows, n_sum))
    rhs = b.reshape(rhs, (*sizes, n_sum, columns))
    lhs, rhs = real_view(b, lhs), real_view(b, rhs)
    (out,) = b.instr("DOT", [lhs, rhs], [((*sizes, rows, columns), within)], [])
    return [b.reshape(convert_real(b, out, aval.dtype), aval.shape)]


dot_general_p = define(
    "dot_general",
    shape=_dot_general_shape,
    reference=_dot_general_reference,
    jvp=bilinear_jvp(lambda: dot_general_p),
    transpose=_dot_general_transpose,
    batch=_dot_general_batch,
    lower=_dot_general_lower,
)

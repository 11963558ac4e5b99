"""The largest and smallest elements, which may be found approximately: here, exactly.

A recall of less than all elements is a leave that only accelerators take; the CPU backend
of XLA finds them all too.
"""

import math

import numpy as np

from minijax import dtypes, errors
from minijax.core import ShapedArray, Zero
from minijax.ops.arithmetic import neg, neg_p
from minijax.ops.define import NOT_LINEAR, define, shape_of
from minijax.ops.shape import reshape
from minijax.ops.sort import pick_along, top_k, top_k_p


def approx_max_k(
    operand,
    k,
    reduction_dimension=-1,
    recall_target=0.95,
    reduction_input_size_override=-1,
    aggregate_to_topk=True,
):
    """[values, indices] of the `k` largest elements along a dimension, in descending order.

    operand: floating. The result is exact, whatever `recall_target` allows. Unless
    `aggregate_to_topk`, there are as many results as a partial reduction of that recall
    leaves (Chern et al., "TPU-KNN: K Nearest Neighbor Search at Peak FLOP/s", 2022).
    reduction_input_size_override: of how many elements these are a part, for that number.
    Raises ValueError for other dtypes and for `k` not in 1 .. size.
    """
    return list(
        approx_top_k_p.bind(
            operand, k=k, reduction_dimension=reduction_dimension,
            recall_target=recall_target, is_max_k=True,
            reduction_input_size_override=reduction_input_size_override,
            aggregate_to_topk=aggregate_to_topk,
        )
    )  # fmt: skip


def approx_min_k(
    operand,
    k,
    reduction_dimension=-1,
    recall_target=0.95,
    reduction_input_size_override=-1,
    aggregate_to_topk=True,
):
    """[values, indices] of the `k` smallest elements, ascending; as `approx_max_k`."""
    return list(
        approx_top_k_p.bind(
            operand, k=k, reduction_dimension=reduction_dimension,
            recall_target=recall_target, is_max_k=False,
            reduction_input_size_override=reduction_input_size_override,
            aggregate_to_topk=aggregate_to_topk,
        )
    )  # fmt: skip


def _partial_size(n, rank, k, recall_target, whole):
    """How many of `n` elements a reduction leaves that keeps the `k` largest with a
    probability of `recall_target`; `whole`: of how many they are a part, or -1.

    It halves the tiles of the elements as often as leaves one place for each collision
    that the recall does not allow.
    """
    tile = 128 if rank > 1 else 1024
    if n <= tile:
        return n
    if k == 1:
        return tile
    if recall_target == 1:
        return n
    least = max(int((1 - k) / math.log(recall_target)), tile)
    halvings = ((n if whole < 0 else whole) // least).bit_length() - 1
    if halvings < 1:
        return n
    tiles = -(-n // tile)
    return -(-tiles // 2 ** min(halvings, (tiles - 2).bit_length())) * tile


def _shape(
    operand, *, k, reduction_dimension, recall_target, aggregate_to_topk,
    reduction_input_size_override, **_,
):  # fmt: skip
    if k <= 0:
        raise ValueError(f"k must be positive, got {k}")
    if not operand.shape:
        raise TypeError(
            f"approx_top_k operand must have >= 1 dimension, got {operand.shape}"
        )
    n = operand.shape[reduction_dimension]
    if n < k:
        raise ValueError(
            f"k must be smaller than the size of reduction_dim {n}, got {k}"
        )
    if not dtypes.issubdtype(operand.dtype, np.floating):
        raise ValueError("operand must be a floating type")
    if not 0 < recall_target <= 1:
        raise ValueError(f"recall_target must be in (0, 1], got {recall_target}")
    shape = list(operand.shape)
    shape[reduction_dimension] = k
    if 0 <= reduction_input_size_override < n:
        raise errors.JaxRuntimeError(
            f"INVALID_ARGUMENT: reduction_input_size_override: "
            f"{reduction_input_size_override} should be greater equals to "
            f"operands[reduction_dim]: {n}"
        )
    if not aggregate_to_topk:
        shape[reduction_dimension] = _partial_size(
            n, len(shape), k, recall_target, reduction_input_size_override
        )
    return [operand.update(shape=shape), ShapedArray(shape, np.int32)]


def _exact(operand, k, dimension, is_max_k):
    if is_max_k:
        return top_k(operand, k, axis=dimension)
    values, indices = top_k(neg(operand), k, axis=dimension)
    return [neg(values), indices]


def _count(operand, params):
    """How many results there are along the reduced dimension."""
    aval = ShapedArray(operand.shape, operand.dtype)
    return _shape(aval, **params)[0].shape[params["reduction_dimension"]]


def _reference(operand, *, reduction_dimension, is_max_k, **params):
    axis = reduction_dimension % operand.ndim
    k = _count(operand, params | {"reduction_dimension": axis})
    if is_max_k:
        return top_k_p.reference(operand, k=k, axis=axis)
    values, indices = top_k_p.reference(neg_p.reference(operand), k=k, axis=axis)
    return [neg_p.reference(values), indices]


def _jvp(primals, tangents, *, reduction_dimension, **params):
    (operand,), (t,) = primals, tangents
    outs = approx_top_k_p.bind(
        operand, reduction_dimension=reduction_dimension, **params
    )
    values, indices = outs
    if type(t) is Zero:
        return outs, [Zero.of(values), Zero.of(indices)]
    places = reshape(indices, (*shape_of(indices), 1))
    axis = reduction_dimension % len(shape_of(operand))
    return outs, [pick_along(t, places, axis), Zero.of(indices)]


def _batch(_axis, args, dims, *, reduction_dimension, **params):
    (operand,), (place,) = args, dims
    axis = reduction_dimension % (len(shape_of(operand)) - 1)
    outs = approx_top_k_p.bind(
        operand, reduction_dimension=axis + (place <= axis), **params
    )
    return outs, [place, place]


def _lower(b, ins, out_avals, *, reduction_dimension, is_max_k, **_):
    k = out_avals[0].shape[reduction_dimension]
    avals = [ShapedArray(ins[0].shape, out_avals[0].dtype)]
    return b.lower_fun(
        lambda x: _exact(x, k, reduction_dimension, is_max_k), ins, avals
    )


approx_top_k_p = define(
    "approx_top_k",
    multiple_results=True,
    shape=_shape,
    reference=_reference,
    jvp=_jvp,
    transpose=NOT_LINEAR,
    batch=_batch,
    lower=_lower,
)

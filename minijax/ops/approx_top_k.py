"""The largest and smallest elements, which may be found approximately: here, exactly.

A recall of less than all elements is a leave that only accelerators take; the CPU backend
of XLA finds them all too.
"""

import numpy as np

from minijax import dtypes
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

    operand: floating. recall_target, reduction_input_size_override: accepted; the result
    is exact. Raises ValueError for other dtypes and for `k` not in 1 .. size;
    NotImplementedError unless `aggregate_to_topk`.
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


def _shape(operand, *, k, reduction_dimension, aggregate_to_topk, recall_target, **_):
    if not aggregate_to_topk:
        raise NotImplementedError(
            "approximate top-k without aggregation has no meaning on this backend: pass "
            "aggregate_to_topk=True"
        )
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
    return [operand.update(shape=shape), ShapedArray(shape, np.int32)]


def _exact(operand, k, dimension, is_max_k):
    if is_max_k:
        return top_k(operand, k, axis=dimension)
    values, indices = top_k(neg(operand), k, axis=dimension)
    return [neg(values), indices]


def _reference(operand, *, k, reduction_dimension, is_max_k, **_):
    axis = reduction_dimension % operand.ndim
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


def _lower(b, ins, out_avals, *, k, reduction_dimension, is_max_k, **_):
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

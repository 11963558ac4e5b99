"""The largest and smallest elements, which may be found approximately: here, exactly.

A recall of less than all elements is a leave that only accelerators take; the CPU backend
of XLA finds them all too.
"""

import numpy as np

from minijax import dtypes
from minijax.ops.arithmetic import neg
from minijax.ops.define import dtype_of
from minijax.ops.sort import top_k


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
    _check(operand, k, reduction_dimension, recall_target, aggregate_to_topk)
    return top_k(operand, k, axis=reduction_dimension)


def approx_min_k(
    operand,
    k,
    reduction_dimension=-1,
    recall_target=0.95,
    reduction_input_size_override=-1,
    aggregate_to_topk=True,
):
    """[values, indices] of the `k` smallest elements, ascending; as `approx_max_k`."""
    _check(operand, k, reduction_dimension, recall_target, aggregate_to_topk)
    values, indices = top_k(neg(operand), k, axis=reduction_dimension)
    return [neg(values), indices]


def _check(operand, k, dimension, recall_target, aggregate_to_topk):
    if not aggregate_to_topk:
        raise NotImplementedError(
            "approximate top-k without aggregation has no meaning on this backend: pass "
            "aggregate_to_topk=True"
        )
    shape = np.shape(operand)
    if not shape:
        raise TypeError(f"approx_top_k operand must have >= 1 dimension, got {shape}")
    if not dtypes.issubdtype(dtype_of(operand), np.floating):
        raise ValueError("operand must be a floating type")
    if not 0 < recall_target <= 1:
        raise ValueError(f"recall_target must be in (0, 1], got {recall_target}")
    if k <= 0:
        raise ValueError(f"k must be positive, got {k}")
    if k > shape[dimension]:
        raise ValueError(
            f"k must be smaller than the size of reduction_dim {shape[dimension]}, got {k}"
        )

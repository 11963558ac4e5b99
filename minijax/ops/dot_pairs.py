"""Products of operands of which every axis is paired: one sum for each pair of lines.

`einsum("ij,ij->i")` is one, and a `vmap` of `dot` of vectors.
"""

from minijax.core import ShapedArray
from minijax.ops.reduce import SUM, lower_reduce

_FEW = 16  # products of vectors serve sums of as many terms and more


def paired_sums(b, lhs, rhs, dimension_numbers):
    """Sums of products of operands without free axes, over one axis after the other.

    The products are in the operands' own order of memory, so that sums across lines go
    over whole lines at once.
    """
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    partner = dict(zip(lhs_contract + lhs_batch, rhs_contract + rhs_batch, strict=True))
    order = sorted(
        partner, key=lambda d: -abs(lhs.strides[d]) - abs(rhs.strides[partner[d]])
    )
    lhs, rhs = lhs.transpose(order), rhs.transpose([partner[d] for d in order])
    products = b.ewise("mul", [lhs, rhs], ShapedArray(lhs.shape, lhs.dtype))
    sums = lower_reduce(b, products, [order.index(d) for d in lhs_contract], SUM)
    kept = [d for d in order if d in lhs_batch]
    return sums.transpose([kept.index(d) for d in lhs_batch])


def paired_sums_pay(lhs, rhs, dimension_numbers, n_sum):
    """Whether `paired_sums` is quicker than a product of matrices for each pair.

    It is for few terms, and where the terms do not lie beside each other.
    """
    (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = dimension_numbers
    if lhs.buffer is None or rhs.buffer is None or lhs.dtype.kind not in "iuf":
        return False
    if len(lhs.shape) > len(lhs_contract + lhs_batch):
        return False
    if len(rhs.shape) > len(rhs_contract + rhs_batch) or lhs.size == n_sum or not n_sum:
        return False
    near = min(
        max(lhs.strides[i], rhs.strides[j])
        for i, j in zip(lhs_contract, rhs_contract, strict=True)
        if lhs.shape[i] > 1
    )
    return lhs.dtype.itemsize >= 4 and (n_sum < _FEW or near > 1)

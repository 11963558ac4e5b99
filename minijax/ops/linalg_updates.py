"""Products and updates of symmetric matrices: `symmetric_product`, `cholesky_update`."""

import numpy as np

from minijax.core import ShapedArray
from minijax.ops.arithmetic import add, mul
from minijax.ops.define import FLOAT, constant_like
from minijax.ops.linalg import (
    check_lapack,
    check_operands,
    define_routine,
    each_matrix,
    matmul,
    single,
    swap,
    tril,
    vectors,
)

# --- symmetric_product ----------------------------------------------------------------


def symmetric_product(
    a_matrix, c_matrix, *, alpha=1.0, beta=0.0, symmetrize_output=False
):
    """alpha a a^T + beta c, for a [..., m, n] and symmetric c [..., m, m].

    symmetrize_output: also copy the lower triangle over the upper one.
    """
    out = symmetric_product_p.bind(a_matrix, c_matrix, alpha=alpha, beta=beta)
    if symmetrize_output:
        upper = swap(tril(out, -1))
        out = add(tril(out, 0), upper)
    return out


def _symmetric_product_shape(a, c, *, alpha, beta):
    check_operands("symmetric_product", [a, c], [2, 2], FLOAT)
    if c.shape[-2:] != (a.shape[-2], a.shape[-2]):
        raise ValueError(
            "symmetric_update expects a rectangular matrix of shape (m, n) and a square "
            f"matrix of shape (n, n). Got shapes {a.shape[-2:]} and {c.shape[-2:]}."
        )
    return ShapedArray(c.shape, c.dtype)


def _symmetric_product(a, c, *, alpha, beta):
    product = mul(constant_like(alpha, a), matmul(a, swap(a)))
    return [add(product, mul(constant_like(beta, c), c))]


def _symmetric_product_lower(b, ins, out_avals, **params):
    avals = [ShapedArray(view.shape, view.dtype) for view in ins]
    return b.lower_fun(lambda a, c: _symmetric_product(a, c, **params), ins, avals)


symmetric_product_p = define_routine(
    "symmetric_product",
    shape=_symmetric_product_shape,
    reference=lambda a, c, *, alpha, beta: (
        alpha * (a @ np.swapaxes(a, -1, -2)) + beta * c
    ).astype(c.dtype),
    lower=_symmetric_product_lower,
)

# --- cholesky_update ------------------------------------------------------------------


def cholesky_update(r_matrix, w_vector):
    """The upper triangular R with R^T R = r^T r + w w^T, for r [..., n, n] and w [...,
    n].
    """
    return cholesky_update_p.bind(r_matrix, w_vector)


def _cholesky_update_shape(r, w):
    check_operands("cholesky_update", [r, w], [2, 1], FLOAT)
    n = w.shape[-1]
    if r.shape[-2:] != (n, n):
        raise ValueError(
            "Rank-1 update to Cholesky decomposition takes a square matrix and a "
            f"vector of the same size as input. Got shapes {r.shape[-2:]} and "
            f"{w.shape[-1:]} instead"
        )
    return ShapedArray(r.shape, r.dtype)


@single
@each_matrix(2, 1)
def _cholesky_update_reference(r, w):
    upper = np.linalg.qr(np.vstack([r, w]), mode="r")
    return [upper * np.where(np.diag(upper) < 0, -1, 1)[:, None].astype(r.dtype)]


def _cholesky_update_lower(b, ins, out_avals):
    (aval,) = out_avals
    check_lapack(b, aval.dtype)
    if aval.dtype.kind == "c":
        raise b.unsupported(f"Unsupported dtype {aval.dtype}.")
    if not aval.size:
        return [b.full(aval, 0)]
    n = aval.shape[-1]
    batch = aval.size // (n * n)
    r = b.reshape(ins[0], (batch, n, n))
    outs = [((batch, n, n), aval.dtype)]
    (view,) = b.instr("CHOLESKY_UPDATE", [r, vectors(b, ins[1])], outs)
    return [b.reshape(view, aval.shape)]


cholesky_update_p = define_routine(
    "cholesky_update",
    shape=_cholesky_update_shape,
    reference=_cholesky_update_reference,
    lower=_cholesky_update_lower,
)

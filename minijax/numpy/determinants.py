"""Determinants of square matrices, and their derivatives."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.control.custom_jvp import custom_jvp
from minijax.control.lu_solve import lu_solve
from minijax.numpy.creation import asarray
from minijax.numpy.decompositions import SlogdetResult, matrix
from minijax.numpy.promotion import is_complex
from minijax.ops import linalg_triangular as triangular_ops
from minijax.ops.linalg import take_rows
from minijax.ops.linalg_lu import lu as lu_op

# --- determinants ---------------------------------------------------------------------


def _slogdet_of(a):
    lu, pivots, _ = lu_op(a)
    diagonal = jnp.diagonal(lu, axis1=-2, axis2=-1)
    is_zero = (diagonal == 0).any(axis=-1)
    moved = pivots != lax.broadcasted_iota(pivots.dtype, pivots.shape, pivots.ndim - 1)
    parity = jnp.count_nonzero(moved, axis=-1)
    if is_complex(a):
        sign = jnp.prod(diagonal / jnp.abs(diagonal).astype(diagonal.dtype), axis=-1)
    else:
        sign = asarray(1, a.dtype)
        parity = parity + jnp.count_nonzero(diagonal < 0, axis=-1)
    sign = jnp.where(is_zero, 0, sign * (1 - 2 * (parity % 2)).astype(a.dtype))
    logdet = jnp.where(is_zero, -np.inf, jnp.sum(jnp.log(jnp.abs(diagonal)), axis=-1))
    return sign.astype(a.dtype), logdet


def _trace_of_quotient(a, t):
    """The trace of a⁻¹ t, linear in `t` for transposition too."""
    factors, _, permutation = lu_op(a)
    return jnp.trace(lu_solve(factors, permutation, t), axis1=-1, axis2=-2)


def _small_det(a):
    """The determinant of matrices of one or two rows."""
    if a.shape[-1] == 1:
        return a[..., 0, 0]
    return a[..., 0, 0] * a[..., 1, 1] - a[..., 0, 1] * a[..., 1, 0]


def _slope_of_small(a, t):
    """The derivative of log(det), in closed form."""
    if a.shape[-1] == 1:
        return t[..., 0, 0] / a[..., 0, 0]
    by_rows = t[..., 0, 0] * a[..., 1, 1] - t[..., 0, 1] * a[..., 1, 0]
    by_rows += t[..., 1, 1] * a[..., 0, 0] - t[..., 1, 0] * a[..., 0, 1]
    return by_rows / _small_det(a)


@custom_jvp
def _slogdet(a):
    if a.shape[-1] not in (1, 2):
        return _slogdet_of(a)
    det = _small_det(a)
    return jnp.sign(det), jnp.log(jnp.abs(det))


@_slogdet.defjvp
def _slogdet_rule(primals, tangents):
    (a,), (t,) = primals, tangents
    sign, logdet = _slogdet(a)
    small = a.shape[-1] in (1, 2)
    slope = _slope_of_small(a, t) if small else _trace_of_quotient(a, t)
    if is_complex(a):
        t_sign = (slope - slope.real.astype(slope.dtype)) * sign
        return (sign, logdet), (t_sign, slope.real)
    return (sign, logdet), (jnp.zeros_like(sign), slope)


@jit(static_argnames=("method",))
def slogdet(a, *, method=None):
    """(sign, log |det|) of square matrices; method: 'lu' or 'qr', alike here.

    Args:
        a: array of square matrices in the last two axes.
        method: 'lu' or 'qr', which are alike here.

    Returns:
        A named tuple: sign, logabsdet.

    Examples:
        >>> jnp.linalg.slogdet(jnp.array([[0.0, 2.0], [1.0, 0.0]])).sign
        Array(-1., dtype=float32)
    """
    a = matrix("slogdet", a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"Argument to slogdet() must have shape [..., n, n], got {a.shape}"
        )
    if method not in (None, "lu", "qr"):
        raise ValueError(
            f"Unknown slogdet method '{method}'. Supported methods are 'lu' (`None`), "
            "and 'qr'."
        )
    if method == "qr" and is_complex(a):
        raise NotImplementedError(
            "slogdet method='qr' not implemented for complex inputs"
        )
    return SlogdetResult(*_slogdet(a))


@jit
def det(a):
    """The determinant of square matrices.

    Args:
        a: array of square matrices in the last two axes.

    Returns:
        An array without the last two axes.

    Examples:
        >>> jnp.linalg.det(jnp.array([[2.0, 1.0], [1.0, 4.0]]))
        Array(7., dtype=float32)
    """
    a = matrix("det", a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"Argument to _det() must have shape [..., n, n], got {a.shape}"
        )
    if not a.shape[-1]:
        return jnp.ones(a.shape[:-2], a.dtype)
    if a.shape[-1] == 1:
        return a[..., 0, 0]
    if a.shape[-1] == 2:
        return _small_det(a)
    if a.shape[-1] == 3:
        return (
            a[..., 0, 0] * a[..., 1, 1] * a[..., 2, 2]
            + a[..., 0, 1] * a[..., 1, 2] * a[..., 2, 0]
            + a[..., 0, 2] * a[..., 1, 0] * a[..., 2, 1]
            - a[..., 0, 2] * a[..., 1, 1] * a[..., 2, 0]
            - a[..., 0, 0] * a[..., 1, 2] * a[..., 2, 1]
            - a[..., 0, 1] * a[..., 1, 0] * a[..., 2, 2]
        )
    return _det(a)


def _signed_diagonal(lu, pivots):
    """The pivots, the first with the sign of the row exchanges."""
    moved = pivots != lax.broadcasted_iota(pivots.dtype, pivots.shape, pivots.ndim - 1)
    parity = jnp.count_nonzero(moved, axis=-1) % 2
    sign = (1 - 2 * parity).astype(lu.dtype)
    diagonal = jnp.diagonal(lu, axis1=-2, axis2=-1)
    return diagonal.at[..., 0].multiply(sign)


@custom_jvp
def _det(a):
    lu, pivots, _ = lu_op(a)
    return jnp.prod(_signed_diagonal(lu, pivots), axis=-1)


@_det.defjvp
def _det_rule(primals, tangents):
    """det' = trace(adj(a) a'); adj(a) a' needs no division by the last pivot.

    With L y = P a', the last row of adj(a) a' is that of y times all pivots but the
    last. So the derivative holds for matrices of rank n - 1 too; for those of less it is
    zero.
    """
    (a,), (t,) = primals, tangents
    lu, pivots, permutation = lu_op(a)
    products = jnp.cumprod(_signed_diagonal(lu, pivots), axis=-1)
    det, rest = products[..., -1], products[..., -2]
    y = take_rows(t, permutation)
    y = triangular_ops.triangular_solve(
        lu, y, left_side=True, lower=True, unit_diagonal=True
    )
    y = jnp.concatenate([y[..., :-1, :] * det[..., None, None], y[..., -1:, :]], -2)
    upper = lu.at[..., -1, -1].set(1 / rest)
    ones = triangular_ops.triangular_solve(
        upper, jnp.ones_like(lu[..., :1]), left_side=True
    )
    deficient = ~jnp.isfinite(ones).all(axis=(-2, -1), keepdims=True)
    upper = jnp.where(deficient, jnp.eye(lu.shape[-1], dtype=lu.dtype), upper)
    y = jnp.where(deficient, jnp.zeros_like(y), y)
    z = triangular_ops.triangular_solve(upper, y, left_side=True)
    return det, jnp.trace(z, axis1=-1, axis2=-2)

"""Square systems by LU factorisation, differentiated as the solutions they are."""

from typing import Any

import numpy as np

from minijax.control.call import jit
from minijax.control.linear_solve import custom_linear_solve
from minijax.core import AxisData
from minijax.ops.define import expand, shape_of
from minijax.ops.dot import Precision, dot_general
from minijax.ops.identities import stop_gradient
from minijax.ops.linalg import take_rows
from minijax.ops.linalg_lu import lu
from minijax.ops.linalg_triangular import triangular_solve
from minijax.ops.shape import broadcasted_iota, squeeze
from minijax.ops.sort import sort_key_val
from minijax.transforms import batching


def lu_solve(factors, permutation, b, trans=0) -> Any:
    """The x with A x = b, where `lu(A)` gave `factors` [..., n, n] and `permutation`.

    b: [..., n, k], or vectors [..., n].  trans: 1 for the transpose of A, 2 for its
    adjoint.
    """
    return _lu_solve(factors, permutation, b, trans)


@jit(static_argnums=(3,))
def _lu_solve(factors, permutation, b, trans):
    axis = len(shape_of(factors)) - 1
    is_vector = len(shape_of(b)) == axis
    x = expand(b, (axis,)) if is_vector else b
    if trans == 0:
        x = take_rows(x, permutation)
        x = triangular_solve(factors, x, left_side=True, lower=True, unit_diagonal=True)
        x = triangular_solve(factors, x, left_side=True)
    else:
        how = {"left_side": True, "transpose_a": True, "conjugate_a": trans == 2}
        x = triangular_solve(factors, x, **how)
        x = triangular_solve(factors, x, lower=True, unit_diagonal=True, **how)
        x = take_rows(x, inverse_permutation(permutation))
    return squeeze(x, (axis,)) if is_vector else x


def inverse_permutation(permutation):
    """The permutation [..., n] that undoes this one."""
    last = len(shape_of(permutation)) - 1
    places = broadcasted_iota(np.int32, shape_of(permutation), last)
    return sort_key_val(permutation, places)[1]


def solve(a, b) -> Any:
    """The x with a x = b, for square a [..., n, n] and b [..., n, k] or [..., n].

    The batch dimensions and dtypes of both must be the same.
    """
    factors, _, permutation = lu(stop_gradient(a))

    def solve_vectors(b):
        return custom_linear_solve(
            lambda x: _times(a, x),
            b,
            lambda _, x: lu_solve(factors, permutation, x, 0),
            lambda _, x: lu_solve(factors, permutation, x, 1),
        )

    rank = len(shape_of(b))
    if rank < len(shape_of(a)):
        return solve_vectors(b)
    axis = AxisData(shape_of(b)[-1])
    if not axis.size:
        return b
    outs, dims = batching.batch(
        lambda column: [solve_vectors(column)], axis, [b], [rank - 1]
    )
    return batching.match_axis(axis, outs[0], dims[0], rank - 1)


def _times(a, x):
    """The products of matrices and vectors."""
    last = len(shape_of(x)) - 1
    batch = tuple(range(last))
    numbers = (((last + 1,), (last,)), (batch, batch))
    return dot_general(a, x, numbers, Precision.HIGHEST)

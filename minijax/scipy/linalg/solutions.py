"""Solutions of linear systems with SciPy's signatures."""

import warnings

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control import lu_solve as control
from minijax.control.call import jit
from minijax.control.linear_solve import custom_linear_solve
from minijax.numpy import linalg as numpy_linalg
from minijax.numpy.decompositions import adjoint
from minijax.numpy.promotion import check_core_sizes, is_complex
from minijax.ops import linalg_eigen as eigen_ops
from minijax.ops import linalg_triangular as triangular_ops
from minijax.ops.linalg_lu import lu_pivots_to_permutation
from minijax.scipy.linalg.decompositions import cholesky, matrix, real_if


def _batch(a, b):
    """a [..., n, n] and b [..., n, k] with the same batch dimensions."""
    lead = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (
        jnp.broadcast_to(a, (*lead, *a.shape[-2:])),
        jnp.broadcast_to(b, (*lead, *b.shape[-2:])),
    )


def _columns(name, a, b, others=()):
    """(a, b as columns, whether `b` holds vectors); the sizes are checked.

    others: arrays of a vector for each matrix `a`.
    """
    by_batch = a.ndim == b.ndim + 1 and a.shape[-1] == b.shape[-1]
    if by_batch and b.ndim > 1:
        warnings.warn(
            f"jax.scipy.linalg.{name}: batched 1D solves with b.ndim > 1 are deprecated, "
            "and in the future will be treated as a batched 2D solve. Use b[..., None] "
            "and squeeze(-1) the result to avoid this warning.",
            FutureWarning,
            stacklevel=4,
        )
    is_vector = b.ndim == 1 or by_batch
    names = [("n", "n"), *[("n",) for _ in others], ("n",) if is_vector else ("n", "k")]
    inputs, output = (
        [f"({','.join(core)})" for core in names],
        "(n)" if is_vector else "(n,k)",
    )
    check_core_sizes([a, *others, b], names, f"{','.join(inputs)}->{output}")
    return a, b[..., None] if is_vector else b, is_vector


# --- by factors -----------------------------------------------------------------------


@jit(static_argnames=("lower",))
def _cho_solve(c, b, lower):
    c, b = matrix("cho_solve", c, b)
    if c.ndim < 2 or c.shape[-1] != c.shape[-2]:
        raise ValueError("The factored matrix c is not square.")
    c, b, vector = _columns("cho_solve", c, b)
    c, b = _batch(c, b)
    for of_adjoint in (not lower, lower):
        b = triangular_ops.triangular_solve(
            c,
            b,
            left_side=True,
            lower=lower,
            transpose_a=of_adjoint,
            conjugate_a=of_adjoint,
        )
    return b[..., 0] if vector else b


def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    """The x with a x = b, from `cho_factor(a)`."""
    c, lower = c_and_lower
    return _cho_solve(c, b, lower)


@jit(static_argnames=("trans", "overwrite_b", "check_finite"))
def lu_solve(lu_and_piv, b, trans=0, overwrite_b=False, check_finite=True):
    """The x with a x = b, from `lu_factor(a)`; trans: 1 the transpose, 2 the adjoint of
    `a`.
    """
    factors, pivots = lu_and_piv
    factors, b = matrix("lu_solve", factors, b)
    if trans not in (0, 1, 2):
        raise ValueError(f"'trans' value must be 0, 1, or 2, got {trans}")
    permutation = lu_pivots_to_permutation(jnp.asarray(pivots), factors.shape[-2])
    factors, b, vector = _columns("lu_solve", factors, b, [permutation])
    factors, b = _batch(factors, b)
    permutation = jnp.broadcast_to(permutation, factors.shape[:-1])
    x = control.lu_solve(factors, permutation, b, trans)
    return x[..., 0] if vector else x


# --- of whole matrices ----------------------------------------------------------------


def _cholesky_solve(a, b, lower):
    """Solve with Hermitian positive definite `a`, differentiated as the solution."""
    factor = lax.stop_gradient(cholesky(a, lower=lower))

    return custom_linear_solve(
        lambda x: jnp.matmul(a, x, precision=lax.Precision.HIGHEST),
        b,
        lambda _, b: _cho_solve(factor, b, lower),
        symmetric=True,
    )


@jit(static_argnames=(
    "lower", "overwrite_a", "overwrite_b", "debug", "check_finite", "assume_a",
))  # fmt: skip
def solve(
    a,
    b,
    lower=False,
    overwrite_a=False,
    overwrite_b=False,
    debug=False,
    check_finite=True,
    assume_a="gen",
):
    """The x with a x = b.

    assume_a: 'gen', 'sym', 'her', or 'pos' (Hermitian positive definite: `lower` tells
    which triangle is read).
    """
    kinds = ["gen", "sym", "her", "pos"]
    if assume_a not in kinds:
        raise ValueError(f"Expected assume_a to be one of {kinds}; got {assume_a!r}")
    a, b = matrix("solve", a, b)
    if assume_a != "pos":
        return numpy_linalg.solve(a, b)
    numpy_linalg.check_system(a, b)
    vector = a.ndim == b.ndim + 1
    a, b = _batch(a, b[..., None] if vector else b)
    x = _cholesky_solve(a, b, lower)
    return x[..., 0] if vector else x


_TRANS = {0: 0, "N": 0, 1: 1, "T": 1, 2: 2, "C": 2}


@jit(static_argnames=(
    "trans", "lower", "unit_diagonal", "overwrite_b", "debug", "check_finite",
))  # fmt: skip
def solve_triangular(
    a,
    b,
    trans=0,
    lower=False,
    unit_diagonal=False,
    overwrite_b=False,
    debug=None,
    check_finite=True,
):
    """The x with a x = b for triangular a.

    trans: 0 or 'N'; 1 or 'T' for the transpose, 2 or 'C' for the adjoint of `a`.
    """
    a, b = matrix("solve_triangular", a, b)
    if trans not in _TRANS:
        raise ValueError(f"Invalid 'trans' value {trans}")
    how = _TRANS[trans]
    a, b, vector = _columns("solve_triangular", a, b)
    a, b = _batch(a, b)
    x = triangular_ops.triangular_solve(
        a,
        b,
        left_side=True,
        lower=lower,
        transpose_a=how > 0,
        conjugate_a=how == 2,
        unit_diagonal=unit_diagonal,
    )
    return x[..., 0] if vector else x


def inv(a, overwrite_a=False, check_finite=True):
    """The inverse of square matrices."""
    return numpy_linalg.inv(a)


def det(a, overwrite_a=False, check_finite=True):
    """The determinant of square matrices."""
    return numpy_linalg.det(a)


# --- sylvester ------------------------------------------------------------------------


def _by_schur(a, b, c):
    """R Y + Y S = U^H C V for the complex Schur forms of a and b, column by column.

    Bartels and Stewart, "Solution of the matrix equation AX + XB = C", CACM 15 (1972).
    """
    r, u = eigen_ops.schur(a)
    s, v = eigen_ops.schur(b)
    f = adjoint(u) @ c @ v
    unit = jnp.eye(a.shape[0], dtype=a.dtype)

    def step(k, y):
        right = f[:, k] - y @ s[:, k]  # columns from k on are still zero
        column = triangular_ops.triangular_solve(
            r + s[k, k] * unit, right[:, None], left_side=True
        )
        return y.at[:, k].set(column[:, 0])

    y = lax.fori_loop(0, b.shape[0], step, jnp.zeros_like(f))
    return u @ y @ adjoint(v)


def _by_eigenvalues(a, b, c):
    """X from the eigenvectors of a and b, which must be complete."""
    wa, u = eigen_ops.eig(a, compute_left_eigenvectors=False)
    wb, v = eigen_ops.eig(b, compute_left_eigenvectors=False)
    f = numpy_linalg.solve(u, c @ v) / (wa[:, None] + wb[None, :])
    return numpy_linalg.solve(v.T, (u @ f).T).T


@jit(static_argnames=("method", "tol"))
def solve_sylvester(A, B, C, *, method="schur", tol=1e-8):
    """The X with A X + X B = C; NaN where A and -B have a common eigenvalue (within
    `tol`).
    """
    A, B, C = matrix("solve_sylvester", A, B, C)
    if A.ndim != 2 or B.ndim != 2 or C.shape != (A.shape[0], B.shape[0]):
        raise ValueError(
            f"Incompatible shapes for Sylvester equation:\nA: {A.shape}\nB: {B.shape}\n"
            f"C: {C.shape}"
        )
    if method not in ("schur", "eigen"):
        raise ValueError(
            f"Unrecognized method {method}. The two valid methods are either "
            '"schur" or "eigen".'
        )
    all_real = not is_complex(C)
    dtype = np.result_type(C.dtype, np.complex64)
    solver = _by_schur if method == "schur" else _by_eigenvalues
    x = solver(A.astype(dtype), B.astype(dtype), C.astype(dtype))
    gaps = numpy_linalg.eigvals(A)[:, None] + numpy_linalg.eigvals(B)[None, :]
    x = real_if(all_real, x)
    return jnp.where(jnp.any(abs(gaps) < tol), jnp.nan, x)

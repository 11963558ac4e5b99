"""Iterative solvers of A x = b, where A is a function: cg, bicgstab and gmres.

x and b may be trees of arrays; the solvers see them as one vector.  A derivative of a
solution is found by solving another system, not by following the iterations.
"""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax import array, core, lax, tree_util
from minijax.api.arrays import device_put
from minijax.flatten_util import ravel_pytree
from minijax.scipy.sparse.krylov import bicgstab_solve, cg_solve, gmres_solve

__all__ = ["bicgstab", "cg", "gmres"]

_dot = partial(jnp.dot, precision=lax.Precision.HIGHEST)


def _operator(a):
    """`a` as a function of a vector."""
    if callable(a):
        return a
    is_array = isinstance(a, (np.ndarray, array.Array, core.Tracer))
    if not is_array and not hasattr(a, "__matmul__"):
        raise TypeError(f"linear operator must be either a function or ndarray: {a}")
    shape = getattr(a, "shape", None)
    if shape is not None and (len(shape) != 2 or shape[0] != shape[1]):
        raise ValueError(
            f"linear operator must be a square matrix, but has shape: {shape}"
        )
    return partial(_dot if is_array else operator.matmul, a)


def _checked(b, x0):
    """b and x0 as trees of arrays of equal structure."""
    if x0 is None:
        x0 = tree_util.tree_map(jnp.zeros_like, b)
    b, x0 = device_put((b, x0))
    structures = [tree_util.tree_structure(tree) for tree in (x0, b)]
    if structures[0] != structures[1]:
        raise ValueError(
            "x0 and b must have matching tree structure: "
            f"{structures[0]} vs {structures[1]}"
        )
    shapes = [[x.shape for x in tree_util.tree_leaves(tree)] for tree in (x0, b)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"arrays in x0 and b must have matching shapes: {shapes[0]} vs {shapes[1]}"
        )
    return b, x0


def _size(tree):
    return sum(leaf.size for leaf in tree_util.tree_leaves(tree))


def _on_vectors(fun, unravel):
    """A function of trees as a function of vectors."""
    return lambda vector: ravel_pytree(fun(unravel(vector)))[0]


def _solve(algorithm, a, b, x0, preconditioner, symmetric):
    """The solution by `algorithm(a, b, x0, preconditioner)` on vectors."""

    def solve(matvec, b):
        vector, unravel = ravel_pytree(b)
        found = algorithm(
            _on_vectors(matvec, unravel),
            vector,
            ravel_pytree(x0)[0],
            None if preconditioner is None else _on_vectors(preconditioner, unravel),
        )
        return unravel(found)

    return lax.custom_linear_solve(
        a, b, solve=solve, transpose_solve=solve, symmetric=symmetric
    )


def _is_complex(tree):
    return any(jnp.iscomplexobj(leaf) for leaf in tree_util.tree_leaves(tree))


def _krylov(solver, a, b, x0, tol, atol, maxiter, M, symmetric):
    b, x0 = _checked(b, x0)
    if maxiter is None:
        maxiter = 10 * _size(b)
    algorithm = partial(solver, tol=tol, atol=atol, maxiter=maxiter)
    preconditioner = None if M is None else _operator(M)
    symmetric = symmetric and not _is_complex(b)
    return _solve(algorithm, _operator(a), b, x0, preconditioner, symmetric), None


def cg(
    A: Callable | Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Callable | Any = None,
) -> tuple[Any, None]:
    """(x, None) with A x = b, by conjugate gradients; A hermitian, positive definite.

    A, M: a function of such trees as b, or a square matrix; M is near A's inverse
    x0: where to start, zeros by default
    tol, atol: ends where |b - A x| <= max(tol |b|, atol)
    maxiter: of iterations, ten for each unknown by default

    TypeError and ValueError for an A, M or x0 that does not fit.
    """
    return _krylov(cg_solve, A, b, x0, tol, atol, maxiter, M, True)


def bicgstab(
    A: Callable | Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Callable | Any = None,
) -> tuple[Any, None]:
    """(x, None) with A x = b, by stabilised biconjugate gradients; arguments as in `cg`."""
    return _krylov(bicgstab_solve, A, b, x0, tol, atol, maxiter, M, False)


def gmres(
    A: Callable | Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    restart: int = 20,
    maxiter: int | None = None,
    M: Callable | Any = None,
    solve_method: str = "batched",
) -> tuple[Any, Any]:
    """(x, info) with A x = b, by generalised minimal residuals; arguments as in `cg`.

    restart: size of the Krylov spaces; maxiter: how many of them
    solve_method: "batched" solves for x at the end of each, "incremental" as it grows
    info: 0, or -1 where x is not a number
    """
    b, x0 = _checked(b, x0)
    size = _size(b)
    if maxiter is None:
        maxiter = 10 * size
    if solve_method not in ("batched", "incremental"):
        raise ValueError(
            f"invalid solve_method {solve_method}, must be either 'incremental' or "
            "'batched'"
        )
    preconditioner = None if M is None else _operator(M)
    vector, unravel = ravel_pytree(b)
    norm = jnp.linalg.norm(vector)
    if preconditioner is None:
        scaled_norm = norm
    else:
        scaled_norm = jnp.linalg.norm(_on_vectors(preconditioner, unravel)(vector))
    atol = jnp.maximum(tol * norm, atol)
    algorithm = partial(
        gmres_solve,
        atol=atol,
        inner_tolerance=scaled_norm * jnp.minimum(1.0, atol / norm),
        restart=min(restart, size),
        maxiter=maxiter,
        incremental=solve_method == "incremental",
    )
    x = _solve(algorithm, _operator(A), b, x0, preconditioner, False)
    failed = jnp.isnan(jnp.linalg.norm(ravel_pytree(x)[0]))
    return x, jnp.where(failed, -1, 0)

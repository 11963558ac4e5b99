"""`minimize`: the choice of a solver, and what it found."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from minijax.scipy.optimize.bfgs import minimize_bfgs
from minijax.scipy.optimize.lbfgs import minimize_lbfgs


class OptimizeResults(NamedTuple):
    """Where a solver stopped, and why.

    x: the last point; fun, jac: the function and its gradient there
    success: whether the gradient is small enough
    status: 0 converged, 1 out of iterations, others tell what failed
    hess_inv: the estimate of the Hessian's inverse; None for methods that keep none
    nfev, njev: how often the function and its gradient were computed
    nit: number of iterations
    """

    x: Any
    success: Any
    status: Any
    fun: Any
    jac: Any
    hess_inv: Any
    nfev: Any
    njev: Any
    nit: Any


_METHODS = {
    "bfgs": minimize_bfgs,
    "l-bfgs-experimental-do-not-rely-on-this": minimize_lbfgs,
}


def minimize(
    fun: Callable,
    x0: Any,
    args: tuple = (),
    *,
    method: str,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResults:
    """Minimise `fun(x, *args)`, a real number, over x of shape (n,), starting at `x0`.

    method: "BFGS", or "l-bfgs-experimental-do-not-rely-on-this"
    tol: accepted, not used
    options: arguments of the method, such as maxiter, gtol and norm

    TypeError where args is no tuple, ValueError for an unknown method.
    """
    if not isinstance(args, tuple):
        raise TypeError(
            f"args argument to jax.scipy.optimize.minimize must be a tuple, got {args}"
        )
    solver = _METHODS.get(method.lower())
    if solver is None:
        raise ValueError(f"Method {method} not recognized")
    found = solver(lambda x: fun(x, *args), x0, **(options or {}))
    return OptimizeResults(
        x=found.x,
        success=found.converged & ~found.failed,
        status=found.status,
        fun=found.value,
        jac=found.gradient,
        hess_inv=getattr(found, "inverse", None),
        nfev=found.evaluations,
        njev=found.evaluations,
        nit=found.iterations,
    )

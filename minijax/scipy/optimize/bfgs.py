"""BFGS: Nocedal and Wright, Numerical Optimization (1999), algorithm 8.1."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.api.differentiate import value_and_grad
from minijax.numpy import linalg
from minijax.scipy.optimize.line_search import line_search

_dot = partial(jnp.dot, precision=lax.Precision.HIGHEST)
_einsum = partial(jnp.einsum, precision=lax.Precision.HIGHEST)


class _State(NamedTuple):
    converged: Any
    failed: Any
    iterations: Any
    evaluations: Any
    x: Any
    value: Any
    gradient: Any
    inverse: Any  # of the Hessian, estimated
    previous_value: Any
    status: Any
    line_search_status: Any


def minimize_bfgs(
    fun, x0, maxiter=None, norm=np.inf, gtol=1e-5, line_search_maxiter=10
):
    """The state in which BFGS ends.

    maxiter: of iterations, 200 for each variable by default
    norm, gtol: the gradient's norm of this order is below gtol at a minimum
    """
    if maxiter is None:
        maxiter = np.size(x0) * 200
    n = x0.shape[0]
    value, gradient = value_and_grad(fun)(x0)
    start = _State(
        converged=linalg.norm(gradient, ord=norm) < gtol,
        failed=False,
        iterations=0,
        evaluations=1,
        x=x0,
        value=value,
        gradient=gradient,
        inverse=jnp.eye(n, dtype=x0.dtype),
        # makes the first step's length about 1 / |gradient|
        previous_value=value + linalg.norm(gradient) / 2,
        status=0,
        line_search_status=0,
    )

    def unfinished(state):
        return ~state.converged & ~state.failed & (state.iterations < maxiter)

    def step(state):
        direction = -_dot(state.inverse, state.gradient)
        found = line_search(
            fun,
            state.x,
            direction,
            value=state.value,
            gradient=state.gradient,
            previous_value=state.previous_value,
            maxiter=line_search_maxiter,
        )
        moved = found.step * direction
        change = found.gradient - state.gradient
        return state._replace(
            converged=linalg.norm(found.gradient, ord=norm) < gtol,
            failed=found.failed,
            iterations=state.iterations + 1,
            evaluations=state.evaluations + found.evaluations,
            x=state.x + moved,
            value=found.value,
            gradient=found.gradient,
            inverse=_update(state.inverse, moved, change),
            previous_value=state.value,
            line_search_status=found.status,
        )

    end = lax.while_loop(unfinished, step, start)
    failure = jnp.where(end.failed, 2 + end.line_search_status, -1)
    stopped = jnp.where(end.iterations == maxiter, 1, failure)
    return end._replace(status=jnp.where(end.converged, 0, stopped))


def _update(inverse, moved, change):
    """The estimate after the gradient changed by `change` over `moved`: (8.16)."""
    rho = jnp.reciprocal(_dot(change, moved))
    n = moved.shape[0]
    w = jnp.eye(n, dtype=rho.dtype) - rho * (moved[:, None] * change[None, :])
    updated = _einsum("ij,jk,lk", w, inverse, w)
    updated = updated + rho * moved[:, None] * moved[None, :]
    return jnp.where(jnp.isfinite(rho), updated, inverse)

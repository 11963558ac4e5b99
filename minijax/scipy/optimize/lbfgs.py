"""L-BFGS: Nocedal and Wright, Numerical Optimization (1999), algorithms 9.1 and 9.2.

Complex variables as in Sorber, Van Barel and De Lathauwer, SIAM J. Optim. 22(3), 2012.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.api.differentiate import value_and_grad
from minijax.numpy import linalg
from minijax.scipy.optimize.line_search import line_search

_dot = partial(jnp.dot, precision=lax.Precision.HIGHEST)


class _State(NamedTuple):
    converged: Any
    failed: Any
    iterations: Any
    evaluations: Any
    x: Any
    value: Any
    gradient: Any
    # the last moves, the gradient's changes over them and 1 / their product
    moves: Any
    changes: Any
    rhos: Any
    gamma: Any  # scale of the first guess of the Hessian's inverse
    status: Any


def minimize_lbfgs(
    fun,
    x0,
    maxiter=None,
    norm=np.inf,
    maxcor=10,
    ftol=2.220446049250313e-09,
    gtol=1e-05,
    maxfun=None,
    maxgrad=None,
    maxls=20,
):
    """The state in which L-BFGS ends.

    maxiter, maxfun, maxgrad: most iterations and evaluations; 200 iterations for each
        variable where none is given
    norm, gtol: the gradient's norm of this order is below gtol at a minimum
    ftol: an iteration that gains less is the last
    maxcor: how many iterations are remembered; maxls: steps of a line search

    status: 0 converged, 1 maxiter, 2 maxfun, 3 maxgrad, 4 ftol, 5 line search failed
    """
    if maxiter is None and maxfun is None and maxgrad is None:
        maxiter = len(x0) * 200
    limits = maxiter, maxfun, maxgrad

    def step(state):
        direction = _direction(state)
        found = line_search(
            fun, state.x, direction, state.value, state.gradient, maxiter=maxls
        )
        moved = jnp.asarray(found.step).astype(direction.dtype) * direction
        change = found.gradient - state.gradient
        product = jnp.real(_dot(change, moved))
        rho = jnp.reciprocal(product).astype(change.dtype)
        gamma = product / jnp.real(_dot(jnp.conj(change), change))
        converged = linalg.norm(found.gradient, ord=norm) < gtol
        status = _status(state, found, ftol, limits)
        return _State(
            converged=converged,
            failed=(status > 0) & ~converged,
            iterations=state.iterations + 1,
            evaluations=state.evaluations + found.evaluations,
            x=(state.x + moved).astype(state.x.dtype),
            value=found.value.astype(state.value.dtype),
            gradient=found.gradient.astype(state.gradient.dtype),
            moves=_remember(state.moves, moved),
            changes=_remember(state.changes, change),
            rhos=_remember(state.rhos, rho),
            gamma=gamma.astype(state.gamma.dtype),
            status=jnp.where(converged, 0, status),
        )

    start = _start(fun, x0, maxcor)
    return lax.while_loop(lambda s: ~s.converged & ~s.failed, step, start)


def _start(fun, x0, maxcor):
    value, gradient = value_and_grad(fun)(x0)
    n, dtype = len(x0), jnp.result_type(x0)
    false = jnp.zeros((), bool)
    return _State(
        converged=false,
        failed=false,
        iterations=0,
        evaluations=1,
        x=x0,
        value=value,
        gradient=gradient,
        moves=jnp.zeros((maxcor, n), dtype),
        changes=jnp.zeros((maxcor, n), dtype),
        rhos=jnp.zeros((maxcor,), dtype),
        gamma=jnp.ones((), gradient.dtype),
        status=0,
    )


def _status(state, found, ftol, limits):
    maxiter, maxfun, maxgrad = limits
    status = jnp.where(state.value - found.value < ftol, 4, 0)
    counts = (state.evaluations, maxgrad), (state.evaluations, maxfun)
    for code, (count, most) in zip((3, 2, 1), (*counts, (state.iterations, maxiter))):
        if most is not None:
            status = jnp.where(count >= most, code, status)
    return jnp.where(found.failed, 5, status)


def _direction(state):
    """Minus the estimated inverse Hessian times the gradient: two loops over memory."""
    memory = len(state.rhos)
    known = jnp.where(state.iterations < memory, state.iterations, memory)

    def backward(j, carry):
        q, alphas = carry
        i = memory - 1 - j
        product = _dot(jnp.conj(state.moves[i]), q).real.astype(state.rhos.dtype)
        alpha = state.rhos[i] * product
        return q - alpha * jnp.conj(state.changes[i]), alphas.at[i].set(alpha)

    def forward(j, q):
        i = memory - known + j
        product = _dot(state.changes[i], q).real.astype(state.rhos.dtype)
        beta = state.rhos[i] * product
        return q + (alphas[i] - beta) * state.moves[i]

    start = -jnp.conj(state.gradient), jnp.zeros_like(state.rhos)
    q, alphas = lax.fori_loop(0, known, backward, start)
    return lax.fori_loop(0, known, forward, state.gamma * q)


def _remember(history, new):
    return jnp.roll(history, -1, axis=0).at[-1].set(new)

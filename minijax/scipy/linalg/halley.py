"""The polar decomposition by products, QR and Cholesky factors alone (QDWH)."""

import math
from collections.abc import Iterator

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.dtypes import finfo
from minijax.numpy.decompositions import adjoint
from minijax.numpy.linalg import qr
from minijax.scipy.linalg.decompositions import cho_factor
from minijax.scipy.linalg.solutions import cho_solve

_QR_WEIGHT = 100.0  # above it a Cholesky factor would lose the small singular values
_LIMIT = (3.0, 1.0, 3.0)  # what the weights tend to: Halley's own


@jit(static_argnames=("is_hermitian", "max_iterations", "eps"))
def qdwh(x, *, is_hermitian=False, max_iterations=None, eps=None, dynamic_shape=None):
    """(u, h, iterations, converged) with x = u h, u orthonormal, h Hermitian.

    x: (M, N) with M >= N; only the rows and columns of `dynamic_shape` count.
    eps: the change of `u`, to the third power over four, at which it has converged.
    is_hermitian: accepted; it changes nothing. ValueError where M < N.
    """
    if x.shape[0] < x.shape[1]:
        raise ValueError("The input matrix of shape M x N must have M >= N.")
    if dynamic_shape is not None:
        x = leading_block(x, dynamic_shape)
    bound = finfo(x.dtype).eps if eps is None else eps
    u, iterations, moving = _iterate(
        _scaled(x), float(bound), 10 if max_iterations is None else max_iterations
    )
    u = 1.5 * u - 0.5 * u @ (adjoint(u) @ u)  # a step that rounds to orthonormal
    h = adjoint(u) @ x
    return u, (h + adjoint(h)) / 2, iterations, jnp.logical_not(moving)


def _iterate(u, bound, limit):
    """(u, iterations, whether u still moves): the weights known ahead, then Halley's."""
    tolerance = (4 * bound) ** (1 / 3)

    def moves(new, old):
        return jnp.linalg.norm(new - old) > tolerance * jnp.linalg.norm(new)

    done, moving = 0, jnp.array(True)
    for weights in list(_weights(bound))[:limit]:
        old, u = u, _step(u, *weights)
        done, moving = done + 1, moves(u, old)

    def unfinished(state):
        _, iterations, moving = state
        return moving & (iterations < limit)

    def again(state):
        u, iterations, _ = state
        new = _step(u, *_LIMIT)
        return new, iterations + 1, moves(new, u)

    return lax.while_loop(unfinished, again, (u, jnp.int32(done), moving))


def _weights(bound: float) -> Iterator[tuple[float, float, float]]:
    """Weights that map [bound, 1] nearest to 1, then what is left of it, and so on."""
    start = bound
    while abs(bound - 1) > 10 * start:
        square = bound * bound
        root = math.sqrt(1 + math.cbrt(4 * (1 - square)) / math.cbrt(square * square))
        inner = 8 - 4 * (root * root - 1) + 8 * (2 - square) / (square * root)
        a = root + math.sqrt(max(inner, 0.0)) / 2
        b = (a - 1) ** 2 / 4
        c = a + b - 1
        yield a, b, c
        bound = min(1.0, bound * (a + b * square) / (1 + c * square))


def _step(u, a, b, c):
    """u (a + b u^H u) (1 + c u^H u)^-1, by the factorization that is exact enough."""
    share = b / c
    if c > _QR_WEIGHT:
        rows = u.shape[0]
        q, _ = qr(jnp.concatenate([math.sqrt(c) * u, _identity(u)]))
        moved = (a - share) / math.sqrt(c) * (q[:rows] @ adjoint(q[rows:]))
    else:
        factor = cho_factor(_identity(u) + c * (adjoint(u) @ u))
        moved = (a - share) * adjoint(cho_solve(factor, adjoint(u)))
    return share * u + moved


def _scaled(x):
    """x with no singular value above 1; zeros stay zeros."""
    size = jnp.abs(x)
    norm = jnp.sqrt(size.sum(0).max(initial=0)) * jnp.sqrt(size.sum(1).max(initial=0))
    return x / jnp.where(norm == 0, 1, norm).astype(x.dtype)


def leading_block(x, shape):
    """x with zeros outside its first rows and columns."""
    rows, columns = (lax.broadcasted_iota("int32", x.shape, d) for d in (0, 1))
    return jnp.where((rows < shape[0]) & (columns < shape[1]), x, jnp.zeros_like(x))


def _identity(u):
    return jnp.eye(u.shape[1], dtype=u.dtype)

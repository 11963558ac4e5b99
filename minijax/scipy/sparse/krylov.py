"""The iterations of `sparse.linalg` on vectors: Saad, Iterative Methods for Sparse
Linear Systems (2003), algorithms 6.18, 9.1, 7.7, 6.9 and section 6.5.3.

a, m: the operator and the preconditioner (None for none), functions of a vector.
"""

from functools import partial

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.scipy import linalg

_dot = partial(jnp.dot, precision=lax.Precision.HIGHEST)
_vdot = partial(jnp.vdot, precision=lax.Precision.HIGHEST)


def _real_vdot(x, y):
    """The real part of the inner product, computed as a real number."""
    result = _vdot(x.real, y.real)
    if jnp.iscomplexobj(x) or jnp.iscomplexobj(y):
        result += _vdot(x.imag, y.imag)
    return result


def _identity(x):
    return x


def _least_square(b, tol, atol):
    return jnp.maximum(jnp.square(tol) * _real_vdot(b, b), jnp.square(atol))


def cg_solve(a, b, x0, m, tol, atol, maxiter):
    """Conjugate gradients, until |r| <= max(tol |b|, atol)."""
    precondition = _identity if m is None else m
    least = _least_square(b, tol, atol)

    def unfinished(state):
        _, r, gamma, _, k = state
        square = gamma.real if m is None else _real_vdot(r, r)
        return (square > least) & (k < maxiter)

    def step(state):
        x, r, gamma, p, k = state
        image = a(p)
        alpha = gamma / _real_vdot(p, image).astype(dtype)
        r = r - alpha * image
        z = precondition(r)
        new = _real_vdot(r, z).astype(dtype)
        return x + alpha * p, r, new, z + (new / gamma) * p, k + 1

    r = b - a(x0)
    z = precondition(r)
    dtype = z.dtype
    gamma = _real_vdot(r, z).astype(dtype)
    return lax.while_loop(unfinished, step, (x0, r, gamma, z, 0))[0]


def bicgstab_solve(a, b, x0, m, tol, atol, maxiter):
    """Stabilised biconjugate gradients; ends early, k < 0, where it breaks down."""
    precondition = _identity if m is None else m
    least = _least_square(b, tol, atol)

    def unfinished(state):
        r, k = state[1], state[-1]
        return (_real_vdot(r, r) > least) & (k < maxiter) & (k >= 0)

    def step(state):
        x, r, alpha, omega, rho, p, q, k = state
        new_rho = _vdot(start, r)
        beta = new_rho / rho * alpha / omega
        p = r + beta * (p - omega * q)
        direction = precondition(p)
        q = a(direction)
        alpha = new_rho / _vdot(start, q)
        s = r - alpha * q
        done = _real_vdot(s, s) < least
        smoothed = precondition(s)
        t = a(smoothed)
        omega = _vdot(t, s) / _vdot(t, t)
        x = x + alpha * direction
        x = jnp.where(done, x, x + omega * smoothed)
        r = jnp.where(done, s, s - omega * t)
        k = jnp.where((omega == 0) | (alpha == 0), -11, k + 1)
        k = jnp.where(new_rho == 0, -10, k)
        return x, r, alpha, omega, new_rho, p, q, k

    start = b - a(x0)
    one = jnp.ones((), start.dtype)
    state = x0, start, one, one, one, start, start, 0
    return lax.while_loop(unfinished, step, state)[0]


def _normalized(x, threshold=None):
    """(x / |x|, |x|), or zeros where |x| is no more than the threshold."""
    norm = jnp.sqrt(_real_vdot(x, x))
    if threshold is None:
        threshold = dtypes.finfo(norm.dtype).eps
    large = norm > threshold
    unit = jnp.where(large, x / norm.astype(x.dtype), 0)
    return unit.astype(x.dtype), jnp.where(large, norm, 0)


def gmres_solve(a, b, x0, m, atol, inner_tolerance, restart, maxiter, incremental):
    """Restarted GMRES, until the preconditioned residual's norm is at most atol."""
    precondition = _identity if m is None else m

    def image(v):
        return precondition(a(v))

    def residual(x):
        return _normalized(precondition(b - a(x)))

    def unfinished(state):
        _, _, norm, k = state
        return (k < maxiter) & (norm > atol)

    def cycle(state):
        x, unit, norm, k = state
        basis = jnp.zeros((*unit.shape, restart + 1), unit.dtype).at[:, 0].set(unit)
        if incremental:
            basis, weights = _grow_and_solve(image, basis, norm, inner_tolerance)
        else:
            basis, weights = _grow_then_solve(image, basis, norm)
        x = x + _dot(basis[:, :-1], weights)
        return x, *residual(x), k + 1

    return lax.while_loop(unfinished, cycle, (x0, *residual(x0), 0))[0]


def _arnoldi(image, k, basis, rows):
    """Add the image of basis vector k, made orthonormal, to the basis.

    Row k of `rows` becomes its overlaps; the new vector is zero where the space is
    complete, which the third result tells.
    """
    new = image(basis[:, k])
    _, norm = _normalized(new)
    overlaps = jnp.einsum("ij,i->j", basis.conj(), new, precision="highest")
    new = new - _dot(basis, overlaps)
    unit, rest = _normalized(new, dtypes.finfo(norm.dtype).eps * norm)
    overlaps = overlaps.at[k + 1].set(rest.astype(overlaps.dtype))
    return basis.at[:, k + 1].set(unit), rows.at[k].set(overlaps), rest == 0.0


def _grow_then_solve(image, basis, norm):
    """The basis, and the weights of its vectors that leave the least residual."""
    restart = basis.shape[1] - 1

    def unfinished(state):
        _, _, complete, k = state
        return (k < restart) & ~complete

    def step(state):
        basis, rows, _, k = state
        return *_arnoldi(image, k, basis, rows), k + 1

    rows = jnp.eye(restart, restart + 1, dtype=basis.dtype)
    basis, rows, *_ = lax.while_loop(
        unfinished, step, (basis, rows, jnp.zeros((), bool), 0)
    )
    target = jnp.zeros(restart + 1, basis.dtype).at[0].set(norm.astype(basis.dtype))
    # normal equations: the basis is small, and restarts correct what they lose
    square, projected = _dot(rows.conj(), rows.T), _dot(rows.conj(), target)
    return basis, linalg.solve(square, projected, assume_a="pos")


def _grow_and_solve(image, basis, norm, tolerance):
    """As `_grow_then_solve`, with a QR factorisation kept up to date by rotations."""
    restart = basis.shape[1] - 1
    dtype = basis.dtype

    def unfinished(state):
        k, error = state[:2]
        return (k < restart) & (error > tolerance)

    def step(state):
        k, _, basis, rows, target, rotations = state
        basis, rows, _ = _arnoldi(image, k, basis, rows)
        row = lax.fori_loop(0, k, lambda i, r: _rotate(r, i, rotations[i]), rows[k])
        rotation = _rotation(row[k], row[k + 1])
        rows = rows.at[k].set(_rotate(row, k, rotation))
        target = _rotate(target, k, rotation)
        error = jnp.abs(target[k + 1])
        return k + 1, error, basis, rows, target, rotations.at[k].set(rotation)

    rows = jnp.eye(restart, restart + 1, dtype=dtype)
    target = jnp.zeros(restart + 1, dtype).at[0].set(norm.astype(dtype))
    rotations = jnp.zeros((restart, 2), dtype)
    state = 0, norm, basis, rows, target, rotations
    _, _, basis, rows, target, _ = lax.while_loop(unfinished, step, state)
    return basis, linalg.solve_triangular(rows[:, :-1].T, target[:-1])


def _rotate(vector, i, rotation):
    """Elements i and i + 1 turned by a rotation (cosine, sine)."""
    cos, sin = rotation
    first, second = vector[i], vector[i + 1]
    vector = vector.at[i].set(cos.conj() * first - sin.conj() * second)
    return vector.at[i + 1].set(sin * first + cos * second)


def _rotation(x, y):
    """The rotation (cosine, sine) that makes y zero in (x, y)."""
    smaller = jnp.abs(x) < jnp.abs(y)
    ratio = -jnp.where(smaller, x, y) / jnp.where(smaller, y, x)
    scale = lax.rsqrt(1 + jnp.abs(ratio) ** 2).astype(ratio.dtype)
    nothing = jnp.abs(y) == 0
    cos = jnp.where(nothing, 1, jnp.where(smaller, scale * ratio, scale))
    sin = jnp.where(nothing, 0, jnp.where(smaller, scale, scale * ratio))
    return jnp.stack([cos, sin])

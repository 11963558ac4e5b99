"""Ordinary differential equations: `odeint`, adaptive, differentiable by the adjoint.

The method is Dormand and Prince's of order 5 with an embedded one of order 4 (J. Comput.
Appl. Math. 6, 1980).  Steps are chosen, and the first one guessed, as in Hairer,
Nørsett and Wanner, "Solving Ordinary Differential Equations I", II.4; values between
steps come from Shampine's interpolant of order 4 (Math. Comput. 46, 1986).
"""

import functools

import numpy as np

from minijax import lax as lax
from minijax import numpy as jnp
from minijax.api.differentiate import vjp
from minijax.api.vectorize import vmap
from minijax.control.call import jit
from minijax.control.custom_vjp import closure_convert, custom_vjp
from minijax.core import Tracer
from minijax.flatten_util import ravel_pytree
from minijax.tree_util import tree_leaves, tree_map

# the Butcher tableau: row i gives the slopes that stage i + 1 starts from
_STAGE_TIMES = np.array([1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0, 0.0])
_STAGES = np.array([
    [1 / 5, 0, 0, 0, 0, 0, 0],
    [3 / 40, 9 / 40, 0, 0, 0, 0, 0],
    [44 / 45, -56 / 15, 32 / 9, 0, 0, 0, 0],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0, 0, 0],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0, 0],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0],
])  # fmt: skip
_SOLUTION = np.array(
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0])  # fmt: skip
# the solution of order 5 less the one of order 4
_ERROR = np.array([
    35 / 384 - 1951 / 21600, 0, 500 / 1113 - 22642 / 50085, 125 / 192 - 451 / 720,
    -2187 / 6784 + 12231 / 42400, 11 / 84 - 649 / 6300, -1 / 60,
])  # fmt: skip
# the interpolant's value in the middle of a step
_MIDDLE = np.array([
    6025192743 / 30085553152 / 2, 0, 51252292925 / 65400821598 / 2,
    -2691868925 / 45128329728 / 2, 187940372067 / 1594534317056 / 2,
    -1776094331 / 19743644256 / 2, 11237099 / 235043384 / 2,
])  # fmt: skip


def _step(func, y0, f0, t0, dt):
    """One step: (new value, its slope, error estimate, all seven slopes)."""
    slopes = jnp.zeros((7, f0.shape[0]), f0.dtype).at[0, :].set(f0)

    def stage(i, slopes):
        alphas = jnp.asarray(_STAGE_TIMES, dt.dtype)
        betas = jnp.asarray(_STAGES, f0.dtype)
        t = t0 + dt * alphas[i - 1]
        y = y0 + dt.astype(f0.dtype) * _dot(betas[i - 1, :], slopes)
        return slopes.at[i, :].set(func(y, t))

    slopes = lax.fori_loop(1, 7, stage, slopes)
    dt = dt.astype(f0.dtype)
    y1 = dt * _dot(jnp.asarray(_SOLUTION, f0.dtype), slopes) + y0
    error = dt * _dot(jnp.asarray(_ERROR, f0.dtype), slopes)
    return y1, slopes[-1], error, slopes


def _dot(weights, slopes):
    return jnp.dot(weights, slopes, precision=lax.Precision.HIGHEST)


def _interpolant(y0, y1, slopes, dt):
    """Coefficients (highest power first) of the polynomial on [0, 1] through a step."""
    dt = dt.astype(y0.dtype)
    middle = y0 + dt * _dot(jnp.asarray(_MIDDLE, y0.dtype), slopes)
    d0, d1 = dt * slopes[0], dt * slopes[-1]
    # floats, so that an integer state is refused where the loop's types are compared
    a = -2.0 * d0 + 2.0 * d1 - 8.0 * y0 - 8.0 * y1 + 16.0 * middle
    b = 5.0 * d0 - 3.0 * d1 + 18.0 * y0 + 14.0 * y1 - 32.0 * middle
    c = -4.0 * d0 + d1 - 11.0 * y0 - 5.0 * y1 + 16.0 * middle
    return jnp.stack([a, b, c, d0, y0])


def _squares(x):
    return jnp.real(x) ** 2 + jnp.imag(x) ** 2 if jnp.iscomplexobj(x) else x**2


def _first_step(func, t0, y0, order, rtol, atol, f0):
    """A guess at the first step, from the sizes of value, slope and curvature."""
    dtype = y0.dtype
    scale = atol + jnp.abs(y0) * rtol
    d0 = jnp.linalg.norm(y0 / scale.astype(dtype))
    d1 = jnp.linalg.norm(f0 / scale.astype(dtype))
    tiny = (d0 < 1e-5) | (d1 < 1e-5)
    h0 = jnp.where(tiny, 1e-6, 0.01 * d0 / d1)
    y1 = y0 + h0.astype(dtype) * f0
    f1 = func(y1, t0 + h0)
    d2 = jnp.linalg.norm((f1 - f0) / scale.astype(dtype)) / h0
    flat = (d1 <= 1e-15) & (d2 <= 1e-15)
    power = 1.0 / (order + 1.0)
    h1 = jnp.where(
        flat,
        jnp.maximum(1e-6, h0 * 1e-3),
        (0.01 / jnp.maximum(d1, d2)) ** power,
    )
    return jnp.minimum(100.0 * h0, h1)


def _error_ratio(error, rtol, atol, y0, y1):
    """The root mean square of the error over what is tolerated."""
    tolerated = atol + rtol * jnp.maximum(jnp.abs(y0), jnp.abs(y1))
    ratio = error / tolerated.astype(error.dtype)
    return jnp.sqrt(jnp.mean(_squares(ratio)))


_ORDER = 5.0
_SAFETY, _LARGEST_GROWTH, _LEAST_SHRINKAGE = 0.9, 10.0, 0.2


def _next_step(last, ratio):
    """The step size that would have met the tolerance, within bounds."""
    least = jnp.where(ratio < 1, 1.0, _LEAST_SHRINKAGE)
    wanted = jnp.maximum(ratio ** (-1.0 / _ORDER) * _SAFETY, least)
    factor = jnp.minimum(_LARGEST_GROWTH, wanted)
    return jnp.where(ratio == 0, last * _LARGEST_GROWTH, last * factor)


def odeint(func, y0, t, *args, rtol=1.4e-8, atol=1.4e-8, mxstep=np.inf, hmax=np.inf):
    """The solution of dy/dt = func(y, t, *args) with y(t[0]) = y0, at times `t`.

    Args:
        func: gives dy/dt, a pytree like `y0`.
        y0: a pytree of arrays.
        t: increasing times, of shape (n,).
        *args: further arguments of `func`, pytrees of arrays, differentiable.
        rtol, atol: tolerated error of a step, relative and absolute.
        mxstep: most steps between two times.
        hmax: longest step.

    A pytree like `y0` with a leading axis of size n.  Reverse mode integrates the
    adjoint equation backwards in time.  TypeError where an argument is no array, or
    one of integers stands for what moves.
    """
    for leaf in tree_leaves((y0, t, *args)):
        if not isinstance(leaf, (Tracer, np.ndarray, np.generic, jnp.ndarray)) and (
            not isinstance(leaf, (bool, int, float, complex))
        ):
            raise TypeError(
                "The contents of odeint *args must be arrays or scalars, but got "
                f"{leaf}."
            )
    if not jnp.issubdtype(t.dtype, jnp.floating):
        raise TypeError(f"t must be an array of floats, but got {t}.")
    converted, consts = closure_convert(func, y0, t[0], *args)
    solve = functools.partial(_odeint, converted, rtol, atol, mxstep, hmax)
    return solve(y0, t, *args, *consts)


@functools.partial(jit, static_argnums=(0, 1, 2, 3, 4))
def _odeint(func, rtol, atol, mxstep, hmax, y0, t, *args):
    y0, unravel = ravel_pytree(y0)

    def flat_func(y, t, *args):
        return ravel_pytree(func(unravel(y), t, *args))[0]

    out = _flat_odeint(flat_func, rtol, atol, mxstep, hmax, y0, t, *args)
    return vmap(unravel)(out)


@functools.partial(custom_vjp, nondiff_argnums=(0, 1, 2, 3, 4))
def _flat_odeint(func, rtol, atol, mxstep, hmax, y0, t, *args):
    def slope(y, t):
        return func(y, t, *args)

    f0 = slope(y0, t[0])
    dt = jnp.clip(_first_step(slope, t[0], y0, 4, rtol, atol, f0), 0.0, hmax)
    polynomial = jnp.array([y0] * 5)
    init = [y0, f0, t[0], dt, t[0], polynomial]

    def to_time(carry, target):
        def unfinished(state):
            i, _, _, t, dt, _, _ = state
            return (t < target) & (i < mxstep) & (dt > 0)

        def advance(state):
            i, y, f, t, dt, last_t, polynomial = state
            new_y, new_f, error, slopes = _step(slope, y, f, t, dt)
            new_t = t + dt
            ratio = _error_ratio(error, rtol, atol, y, new_y)
            new_polynomial = _interpolant(y, new_y, slopes, dt)
            dt = jnp.clip(_next_step(dt, ratio), 0.0, hmax)
            taken = [new_y, new_f, new_t, dt, t, new_polynomial]
            kept = [y, f, t, dt, last_t, polynomial]
            accept = ratio <= 1.0
            chosen = [jnp.where(accept, a, b) for a, b in zip(taken, kept, strict=True)]
            return [i + 1, *chosen]

        _, *carry = lax.while_loop(unfinished, advance, [0, *carry])
        _, _, t, _, last_t, polynomial = carry
        place = (target - last_t) / (t - last_t)
        y = jnp.polyval(polynomial, place.astype(polynomial.dtype))
        return carry, y

    _, ys = lax.scan(to_time, init, t[1:])
    return jnp.concatenate((y0[None], ys))


def _odeint_fwd(func, rtol, atol, mxstep, hmax, y0, t, *args):
    ys = _flat_odeint(func, rtol, atol, mxstep, hmax, y0, t, *args)
    return ys, (ys, t, args)


def _odeint_rev(func, rtol, atol, mxstep, hmax, residuals, g):
    """Cotangents of y0, t and args: the adjoint system, interval by interval, backwards."""
    ys, t, args = residuals

    def adjoint(state, t, *args):
        """Slopes of value, adjoint, and the cotangents of time and arguments."""
        y, y_bar, *_ = state
        slope, pullback = vjp(func, y, -t, *args)
        return (-slope, *pullback(y_bar))

    y_bar = g[-1]
    t0_bar = jnp.zeros((), t.dtype)
    args_bar = tree_map(jnp.zeros_like, args)

    def interval(carry, i):
        y_bar, t0_bar, args_bar = carry
        slope = func(ys[i], t[i], *args)
        t_bar = jnp.dot(slope, g[i])
        t0_bar = t0_bar - t_bar.astype(t0_bar.dtype)
        state = (ys[i], y_bar, t0_bar, args_bar)
        out = odeint(
            adjoint, state, jnp.array([-t[i], -t[i - 1]]), *args,
            rtol=rtol, atol=atol, mxstep=mxstep, hmax=hmax,
        )  # fmt: skip
        _, y_bar, t0_bar, args_bar = tree_map(lambda x: x[1], out)
        return (y_bar + g[i - 1], t0_bar, args_bar), t_bar

    init = y_bar, t0_bar, args_bar
    places = jnp.arange(len(t) - 1, 0, -1)
    (y_bar, t0_bar, args_bar), rev_ts_bar = lax.scan(interval, init, places)
    ts_bar = jnp.concatenate([t0_bar[None], rev_ts_bar[::-1].astype(t.dtype)])
    return (y_bar, ts_bar, *args_bar)


_flat_odeint.defvjp(_odeint_fwd, _odeint_rev)

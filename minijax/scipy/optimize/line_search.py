"""A step that meets the strong Wolfe conditions.

Nocedal and Wright, Numerical Optimization (1999), algorithms 3.5 and 3.6.  Everything is
a choice by `where`, so that a search is two loops without branches.
"""

from functools import partial
from typing import Any, NamedTuple

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.api.differentiate import value_and_grad
from minijax.numpy.promotion import promote_dtypes_inexact
from minijax.tree import map as tree_map

_dot = partial(jnp.dot, precision=lax.Precision.HIGHEST)
_ZOOM_STEPS = 30
# parts of the bracket, at its ends, in which no cubic or quadratic step is taken
_CUBIC_MARGIN, _QUADRATIC_MARGIN = 0.2, 0.1


class Found(NamedTuple):
    """A step, the function and its gradient there; how the search went.

    status: 0 found, 1 the bracket could not be narrowed, 3 out of iterations
    """

    failed: Any
    iterations: Any
    evaluations: Any
    step: Any
    value: Any
    gradient: Any
    status: Any


class _Point(NamedTuple):
    """A step along the direction, with the function's value and slope there."""

    step: Any
    value: Any
    slope: Any


class _Best(NamedTuple):
    point: _Point
    gradient: Any


class _Zoom(NamedTuple):
    done: Any
    failed: Any
    count: Any
    low: _Point
    high: _Point
    last: _Point  # the end of the bracket that was given up last
    best: _Best
    evaluations: Any


class _Search(NamedTuple):
    done: Any
    failed: Any
    count: Any
    last: _Point
    best: _Best
    evaluations: Any


def _pick(condition, new, old):
    return tree_map(lambda a, b: jnp.where(condition, a, b), new, old)


def _like(new, old):
    """`new` with the dtypes of `old`, as a loop's carry needs."""
    return tree_map(lambda a, b: jnp.asarray(a).astype(b.dtype), new, old)


def _cubic_minimum(p, q, r):
    """Where the cubic through three points, with p's slope, has its minimum."""
    dq, dr = q.step - p.step, r.step - p.step
    scale = (dq * dr) ** 2 * (dq - dr)
    eq = q.value - p.value - p.slope * dq
    er = r.value - p.value - p.slope * dr
    a = (dr**2 * eq - dq**2 * er) / scale
    b = (-(dr**3) * eq + dq**3 * er) / scale
    return p.step + (-b + jnp.sqrt(b * b - 3.0 * a * p.slope)) / (3.0 * a)


def _quadratic_minimum(p, q):
    """Where the parabola through two points, with p's slope, has its minimum."""
    d = q.step - p.step
    b = (q.value - p.value - p.slope * d) / d**2
    return p.step - p.slope / (2.0 * b)


def _within_bracket(state):
    """The next step to try: by a cubic, else a parabola, else the middle."""
    low, high = state.low, state.high
    width = high.step - low.step
    left, right = jnp.minimum(high.step, low.step), jnp.maximum(high.step, low.step)

    def inside(step, margin):
        return (step > left + margin * width) & (step < right - margin * width)

    cubic = _cubic_minimum(low, high, state.last)
    quadratic = _quadratic_minimum(low, high)
    middle = (low.step + high.step) / 2.0
    other = jnp.where(inside(quadratic, _QUADRATIC_MARGIN), quadratic, middle)
    use_cubic = (state.count > 0) & inside(cubic, _CUBIC_MARGIN)
    return jnp.where(use_cubic, cubic, other)


def _zoom(evaluate, too_high, flat, low, high, best, skip):
    """Narrow the bracket between two points until a step meets the conditions."""
    middle = [(low.step + high.step) / 2.0, (low.value + high.value) / 2.0, low.slope]
    point = _Point(jnp.ones_like(low.step), low.value, low.slope)
    start = _Zoom(
        done=jnp.zeros((), bool),
        failed=jnp.zeros((), bool),
        count=0,
        low=low,
        high=high,
        last=_Point(*middle),
        best=_Best(point, best.gradient),
        evaluations=0,
    )
    bits = dtypes.finfo(low.step.dtype).bits
    narrowest = 1e-5 if bits < 64 else 1e-10

    def body(state):
        low, high = state.low, state.high
        width = high.step - low.step
        point, gradient = evaluate(_within_bracket(state))
        new = _like(_Best(point, gradient), state.best)
        point = new.point
        as_high = too_high(point) | (point.value >= low.value)
        found = flat(point) & ~as_high
        as_low = ~as_high & ~found
        turned = (point.slope * width >= 0.0) & as_low
        count = state.count + 1
        return _Zoom(
            done=found | state.done,
            failed=state.failed | (width <= narrowest) | (count >= _ZOOM_STEPS),
            count=count,
            low=_pick(as_low, point, low),
            high=_pick(as_high, point, _pick(turned, low, high)),
            last=_pick(as_high | turned, high, _pick(as_low, low, state.last)),
            best=_pick(found, new, state.best),
            evaluations=state.evaluations + 1,
        )

    return lax.while_loop(lambda s: ~s.done & ~skip & ~s.failed, body, start)


def line_search(
    fun,
    x,
    direction,
    value,
    gradient,
    previous_value=None,
    c1=1e-4,
    c2=0.9,
    maxiter=20,
):
    """Search along `direction` from `x`, where `fun` is `value` with `gradient`.

    previous_value: the function one iteration before: the first step is guessed by it
    c1, c2: constants of the conditions of decrease and of curvature
    """
    x, direction = promote_dtypes_inexact(x, direction)

    def evaluate(step):
        step = jnp.asarray(step, dtype=direction.dtype)
        value, gradient = value_and_grad(fun)(x + step * direction)
        slope = jnp.real(_dot(gradient, direction))
        return _Point(step.real, value, slope), gradient

    slope = jnp.real(_dot(gradient, direction))
    first = _first_step(value, slope, previous_value)

    def too_high(point):
        return point.value > value + c1 * point.step * slope

    def flat(point):
        return jnp.abs(point.slope) <= -c2 * slope

    def body(state):
        step = jnp.where(state.count == 1, first, state.last.step * 2.0)
        point, found = evaluate(step)
        new = _like(_Best(point, found), state.best)
        point = new.point
        rising = too_high(point) | (point.value >= state.last.value) & (state.count > 1)
        good = flat(point) & ~rising
        passed = (point.slope >= 0.0) & ~rising & ~good
        zoomed = rising | passed
        zoom = _zoom(
            evaluate,
            too_high,
            flat,
            _pick(rising, state.last, point),
            _pick(rising, point, state.last),
            origin,
            ~zoomed,
        )
        best = _pick(good, new, state.best)
        return _Search(
            done=zoomed | good | state.done,
            failed=zoomed & zoom.failed | state.failed,
            count=state.count + 1,
            last=point,
            best=_pick(zoomed, zoom.best, best),
            evaluations=state.evaluations + 1 + zoom.evaluations,
        )

    zero = jnp.zeros((), dtype=jnp.real(direction).dtype)
    origin = _Best(_Point(zero, value, slope), gradient)
    false = jnp.zeros((), bool)
    start = _Search(false, false, 1, origin.point, origin, 0)
    end = lax.while_loop(
        lambda s: ~s.done & (s.count <= maxiter) & ~s.failed, body, start
    )
    return Found(
        failed=end.failed | ~end.done,
        iterations=end.count - 1,
        evaluations=end.evaluations,
        step=_not_tiny(end.best.point.step),
        value=end.best.point.value,
        gradient=end.best.gradient,
        status=jnp.where(end.failed, 1, jnp.where(end.count > maxiter, 3, 0)),
    )


def _first_step(value, slope, previous_value):
    if previous_value is None:
        return 1.0
    guess = 1.01 * 2 * (value - previous_value) / slope
    return jnp.where(guess > 1, 1.0, guess)


def _not_tiny(step):
    """Below 64 bits a step too small to move would stop the solver in place."""
    if dtypes.finfo(step.dtype).bits == 64:
        return step
    return jnp.where(jnp.abs(step) < 1e-8, jnp.sign(step) * 1e-8, step)

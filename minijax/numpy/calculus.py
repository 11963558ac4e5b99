"""jnp's numerical calculus: gradient, trapezoid, interp."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    canonical_axes,
    ensure_arraylike,
    is_complex,
    operand_like,
    promote_dtypes_inexact,
    shape_of,
)
from minijax.numpy.selection import _where


@jit(static_argnames=("axis", "edge_order"))
def gradient(f, *varargs, axis=None, edge_order=None):
    """The derivatives of samples along axes: central differences, one-sided at the
    ends.

    Args:
        f: array of samples.
        *varargs: the distances of the samples, one for all axes or one each, or
            coordinates along each axis.
        axis: one axis, several, or None for all.
        edge_order: None; the ends are differences to one side.

    Returns:
        An array of the shape of `f`, or a list of one for each of several axes.

    Examples:
        >>> jnp.gradient(jnp.array([1.0, 2.0, 4.0, 7.0]))
        Array([1. , 1.5, 2.5, 3. ], dtype=float32)
    """
    if edge_order is not None:
        raise NotImplementedError(
            "The 'edge_order' argument to jnp.gradient is not supported."
        )
    f, *varargs = promote_dtypes_inexact(*ensure_arraylike("gradient", f, *varargs))
    f = asarray(f)
    axes = canonical_axes(axis, f.ndim)
    if min([f.shape[i] for i in axes], default=2) < 2:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least 2 "
            "elements are required."
        )
    if not axes:
        return []
    if not varargs:
        steps = [operand_like(1.0, f)] * len(axes)
    elif len(varargs) == 1:
        steps = list(varargs) * len(axes)
    elif len(varargs) == len(axes):
        steps = list(varargs)
    else:
        raise TypeError(
            f"Invalid number of spacing arguments {len(varargs)} for axis={axis}"
        )
    out = [_gradient_along(f, h, i) for i, h in zip(axes, steps, strict=True)]
    return out[0] if len(out) == 1 else out


def _gradient_along(f, h, axis):
    def part(x, start, stop, i=axis):
        return lax.slice_in_dim(x, start, stop, axis=i)

    n = f.shape[axis]
    first = lax.sub(part(f, 1, 2), part(f, 0, 1))
    last = lax.sub(part(f, n - 1, n), part(f, n - 2, n - 1))
    if shape_of(h):
        if len(shape_of(h)) != 1:
            raise ValueError("Spacing arrays must be 1D arrays or scalars.")
        if h.shape[0] != n:
            raise ValueError(
                "Spacing arrays must have the same length as the dimension along which "
                "the gradient is calculated."
            )
        return _uneven(f, asarray(h), axis, part, first, last)
    inner = lax.sub(part(f, 2, n), part(f, 0, n - 2))
    inner = lax.div(lax.mul(inner, operand_like(0.5, f)), h)
    last = lax.div(last, h)
    return lax.concatenate([lax.div(first, h), inner, last], axis)


def _uneven(f, h, axis, part, first, last):
    """Central differences for coordinates `h`, of second order."""
    shape = [1] * f.ndim
    shape[axis] = -1

    def steps(a, b):
        return lax.sub(part(h, *b, i=0), part(h, *a, i=0)).reshape(shape)

    n = f.shape[axis]
    begin = first / steps((0, 1), (1, 2))
    end = last / steps((n - 2, n - 1), (n - 1, n))
    left, right = steps((0, n - 2), (1, n - 1)), steps((1, n - 1), (2, n))
    a = -right / (left * (left + right))
    b = (right - left) / (left * right)
    c = left / (right * (left + right))
    inner = a * part(f, 0, n - 2) + b * part(f, 1, n - 1) + c * part(f, 2, n)
    return lax.concatenate([begin, inner, end], axis)


@jit(static_argnames=("axis",))
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of samples along an axis by the trapezoidal rule.

    Args:
        y: array of samples.
        x: where they were taken; evenly spaced by `dx` if None.
        dx: the distance of samples.
        axis: along which to integrate.

    Returns:
        An array of the shape of `y` without `axis`, in floating point.

    Examples:
        >>> jnp.trapezoid(jnp.array([1.0, 2.0, 3.0]))
        Array(4., dtype=float32)
        >>> jnp.trapezoid(jnp.array([1.0, 2.0, 3.0]), x=jnp.array([0.0, 2.0, 4.0]))
        Array(8., dtype=float32)
    """
    if x is None:
        (y,) = promote_dtypes_inexact(*ensure_arraylike("trapezoid", y))
        y, steps = asarray(y), asarray(dx)
        if steps.ndim:
            steps = lax.expand_dims(steps, range(y.ndim - steps.ndim))
            steps = jnp.moveaxis(steps, axis, -1)
    else:
        y, x = promote_dtypes_inexact(*ensure_arraylike("trapezoid", y, x))
        y, x = asarray(y), asarray(x)
        if x.ndim == 1:
            steps = jnp.diff(x)
        else:
            steps = jnp.moveaxis(jnp.diff(x, axis=axis), axis, -1)
    y = jnp.moveaxis(y, axis, -1)
    if not steps.ndim or steps.shape[-1] == 1:
        step = steps[..., 0] if steps.ndim else steps
        return step * (y.sum(-1) - 0.5 * (y[..., 0] + y[..., -1]))
    return 0.5 * (steps * (y[..., 1:] + y[..., :-1])).sum(-1)


def interp(x, xp, fp, left=None, right=None, period=None):
    """Piecewise linear interpolation at `x` through the points (xp, fp), xp ascending.

    Args:
        x: where to interpolate.
        xp: vector of the points, ascending.
        fp: vector of the values there.
        left: the value below all points; that of the first by default, or
            'extrapolate'.
        right: the value above all points; that of the last by default, or
            'extrapolate'.
        period: that of the function, in place of `left` and `right`.

    Returns:
        An array of the shape of `x`.

    Examples:
        >>> jnp.interp(1.5, jnp.array([1.0, 2.0]), jnp.array([10.0, 20.0]))
        Array(15., dtype=float32)
    """
    static = []
    for name, value in (("left", left), ("right", right)):
        if isinstance(value, str):
            if value != "extrapolate":
                raise ValueError(
                    f"the only valid string value of `{name}` is 'extrapolate', but "
                    f"got: {value!r}"
                )
            static.append(name)
    return _interp(
        x, xp, fp,
        None if "left" in static else left,
        None if "right" in static else right,
        period,
        extrapolate=tuple(static),
    )  # fmt: skip


@jit(static_argnames=("extrapolate",))
def _interp(x, xp, fp, left, right, period, extrapolate):
    x, xp, fp = [asarray(v) for v in ensure_arraylike("interp", x, xp, fp)]
    if xp.shape != fp.shape or xp.ndim != 1:
        raise ValueError("xp and fp must be one-dimensional arrays of equal size")
    x, xp = promote_dtypes_inexact(x, xp)
    (fp,) = promote_dtypes_inexact(fp)
    if is_complex(x):
        raise ValueError("jnp.interp: complex x values not supported.")
    if period is not None:
        if shape_of(period):
            raise ValueError(f"period must be a scalar; got {period}")
        period = abs(period)
        x, xp = x % period, xp % period
        xp, fp = lax.sort((xp, fp), num_keys=1)
        xp = jnp.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = jnp.concatenate([fp[-1:], fp, fp[:1]])
    i = jnp.clip(jnp.searchsorted(xp, x, side="right"), 1, len(xp) - 1)
    df, dx, delta = fp[i] - fp[i - 1], xp[i] - xp[i - 1], x - xp[i - 1]
    flat = lax.abs(dx) <= float(np.spacing(np.finfo(xp.dtype).eps))
    at_left = fp[i - 1]
    f = _where(flat, at_left, fp[i - 1] + delta / _where(flat, 1, dx) * df)
    if period is None:
        if "left" not in extrapolate:
            f = _where(x < xp[0], fp[0] if left is None else left, f)
        if "right" not in extrapolate:
            f = _where(x > xp[-1], fp[-1] if right is None else right, f)
    return f

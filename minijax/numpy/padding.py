"""`jnp.pad` and its modes."""

import numpy as np

import minijax.numpy as jnp
from minijax import core, lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    broadcast_to,
    concrete_or_error,
    convert,
    dtype_of,
    ensure_arraylike,
    literal,
    shape_of,
)

_OPTIONS = {
    "empty": (),
    "edge": (),
    "wrap": (),
    "constant": ("constant_values",),
    "linear_ramp": ("end_values",),
    "maximum": ("stat_length",),
    "mean": ("stat_length",),
    "median": ("stat_length",),
    "minimum": ("stat_length",),
    "reflect": ("reflect_type",),
    "symmetric": ("reflect_type",),
}


def _as_array(value, name):
    try:
        return np.asarray(value)
    except ValueError as error:
        raise TypeError(f"`{name}` entries must be the same shape: {value}") from error


def _pairs(value, rank, name):
    """(before, after) for each axis, of a scalar, a pair, or a sequence of either."""
    value = _as_array(value, name)
    try:
        return np.broadcast_to(value, (rank, 2))
    except ValueError:
        raise ValueError(
            f"jnp.pad: {name} with nd={rank} has unsupported shape {value.shape}. Valid "
            f"shapes are ({rank}, 2), (1, 2), (2,), (1,), or ()."
        ) from None


def _widths(pad_width, rank):
    pairs = _pairs(pad_width, rank, "pad_width")
    try:
        return tuple([(core.as_size(a), core.as_size(b)) for a, b in pairs])
    except TypeError:
        raise TypeError("`pad_width` must be of integral type.") from None


def pad(array, pad_width, mode="constant", **kwargs):
    """`array` with elements added at the ends of its axes.

    Args:
        array: array.
        pad_width: (before, after) for each axis, or one pair or number for all.
        mode: 'constant' (`constant_values`), 'edge', 'wrap', 'reflect', 'symmetric'
            (`reflect_type`), 'linear_ramp' (`end_values`), 'maximum', 'mean', 'median',
            'minimum' (`stat_length`), 'empty', or a function of a vector, its widths,
            its axis and `kwargs`.
        **kwargs: what the mode takes.

    Returns:
        A larger array.

    Examples:
        >>> jnp.pad(jnp.array([1, 2]), (1, 2))
        Array([0, 1, 2, 0, 0], dtype=int32)
        >>> jnp.pad(jnp.array([1, 2, 3]), 2, mode="reflect")
        Array([3, 2, 1, 2, 3, 2, 1], dtype=int32)
    """
    (array,) = ensure_arraylike("pad", array)
    array = asarray(array)
    widths = _widths(jnp_static(pad_width), array.ndim)
    if callable(mode):
        return _pad_by_function(array, widths, mode, **kwargs)
    if mode not in _OPTIONS:
        raise NotImplementedError(f"Unimplemented padding mode '{mode}' for np.pad.")
    unknown = set(kwargs) - set(_OPTIONS[mode])
    if unknown:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {unknown}")
    if any(n < 0 for pair in widths for n in pair):
        raise ValueError("index can't contain negative values")
    if mode == "constant":
        values = kwargs.get("constant_values", 0)
        return _pad_constant(array, values, widths)
    if mode == "linear_ramp":
        return _pad_ramp(array, kwargs.get("end_values", 0), widths)
    if mode in ("maximum", "mean", "median", "minimum"):
        length = kwargs.get("stat_length")
        length = (
            None
            if length is None
            else tuple(map(tuple, _pairs(length, array.ndim, "stat_length").tolist()))
        )
        return _pad_statistic(array, widths, length, mode)
    if mode == "empty":
        return _pad_constant(array, 0, widths)
    return _pad_copies(array, widths, mode, kwargs.get("reflect_type", "even"))


def jnp_static(pad_width):
    """A static pad width: TypeError for traced ones."""
    static = concrete_or_error(None, pad_width, "pad_width argument of jnp.pad")
    return _as_array(static, "pad_width")


@jit(static_argnames=("widths",))
def _pad_constant(x, values, widths):
    rank = x.ndim
    if not isinstance(values, (list, tuple)) and not shape_of(values):
        config = [(a, b, 0) for a, b in widths]
        return lax.pad(x, convert(values, x.dtype, x.weak_type), config)
    values = convert(jnp.asarray(values, x.dtype), x.dtype, x.weak_type)
    values = broadcast_to(values, (rank, 2))
    for axis in range(rank):
        for side in range(2):
            config = [(0, 0, 0)] * rank
            config[axis] = (
                (widths[axis][0], 0, 0) if side == 0 else (0, widths[axis][1], 0)
            )
            x = lax.pad(x, values[axis, side], config)
    return x


def _slice(x, start, stop, axis):
    return lax.slice_in_dim(x, start, stop, axis=axis)


@jit(static_argnames=("widths", "mode", "reflect_type"))
def _pad_copies(x, widths, mode, reflect_type):
    for axis, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        if not x.shape[axis]:
            raise ValueError(f"Cannot apply '{mode}' padding to empty axis")
        if mode == "edge":
            x = _pad_edge(x, axis, before, after)
        elif mode == "wrap":
            x = _pad_wrap(x, axis, before, after)
        else:
            x = _pad_mirror(x, axis, before, after, mode, reflect_type)
    return x


def _pad_edge(x, axis, before, after):
    n = x.shape[axis]
    first = jnp.repeat(_slice(x, 0, 1, axis), before, axis=axis)
    last = jnp.repeat(_slice(x, n - 1, n, axis), after, axis=axis)
    return lax.concatenate([first, x, last], axis)


def _pad_wrap(x, axis, before, after):
    n = x.shape[axis]
    whole_before, rest_before = divmod(before, n)
    whole_after, rest_after = divmod(after, n)
    parts = [_slice(x, n - rest_before, n, axis)] if rest_before else []
    parts += [x] * (whole_before + 1 + whole_after)
    parts += [_slice(x, 0, rest_after, axis)] if rest_after else []
    return lax.concatenate(parts, axis) if len(parts) > 1 else parts[0]


def _pad_mirror(x, axis, before, after, mode, reflect_type):
    """Grow by mirror images until both ends are long enough; each image is of what is
    there.
    """
    if reflect_type not in ("even", "odd"):
        raise ValueError(f"Invalid value for `reflect_type`: {reflect_type}")
    offset = 1 if mode == "reflect" else 0
    n = x.shape[axis]
    if n == 1 and offset:
        return _pad_edge(x, axis, before, after)
    for length, at_front in ((before, True), (after, False)):
        step = n - offset
        while length > 0:
            size = x.shape[axis]
            take = min(length, step)
            if at_front:
                part, edge = (
                    _slice(x, offset, offset + take, axis),
                    _slice(x, 0, 1, axis),
                )
            else:
                part = _slice(x, size - offset - take, size - offset, axis)
                edge = _slice(x, size - 1, size, axis)
            part = lax.rev(part, (axis,))
            if reflect_type == "odd":
                part = 2 * edge - part
            x = lax.concatenate([part, x] if at_front else [x, part], axis)
            length -= take
    return x


@jit(static_argnames=("widths",))
def _pad_ramp(x, end_values, widths):
    ends = broadcast_to(jnp.asarray(end_values), (x.ndim, 2))
    dtype, weak = x.dtype, x.weak_type
    for axis, (before, after) in enumerate(widths):
        n = x.shape[axis]
        first = lax.squeeze(_slice(x, 0, 1, axis), (axis,))
        last = lax.squeeze(_slice(x, n - 1, n, axis), (axis,))
        parts = [
            _ramp(ends[axis, 0], first, before, axis, dtype, weak),
            x,
            lax.rev(_ramp(ends[axis, 1], last, after, axis, dtype, weak), (axis,)),
        ]
        x = lax.concatenate(parts, axis)
    return x


def _ramp(end, edge, n, axis, dtype, weak):
    line = jnp.linspace(end, edge, n, endpoint=False, dtype=dtype, axis=axis)
    return convert(line, dtype, weak)


@jit(static_argnames=("widths", "length", "mode"))
def _pad_statistic(x, widths, length, mode):
    function = {
        "maximum": jnp.max,
        "minimum": jnp.min,
        "mean": jnp.mean,
        "median": jnp.median,
    }[mode]
    for axis, (before, after) in enumerate(widths):
        n = x.shape[axis]
        if length is None:
            parts = [function(x, axis=axis, keepdims=True)] * 2
        else:
            low, high = [min(k, n) for k in length[axis]]
            if low < 1 or high < 1:
                raise ValueError("stat_length of 0 yields no value for padding")
            parts = [
                function(_slice(x, 0, low, axis), axis=axis, keepdims=True),
                function(_slice(x, n - high, n, axis), axis=axis, keepdims=True),
            ]
        if jnp.issubdtype(dtype_of(x), np.integer):
            parts = [jnp.round(part) for part in parts]
        parts = [convert(part, x.dtype, x.weak_type) for part in parts]
        x = lax.concatenate(
            [
                jnp.repeat(parts[0], before, axis=axis),
                x,
                jnp.repeat(parts[1], after, axis=axis),
            ],
            axis,
        )
    return x


def _pad_by_function(x, widths, function, **kwargs):
    (x,) = ensure_arraylike("pad", x)
    padded = lax.pad(x, literal(0, x.dtype), [(a, b, 0) for a, b in widths])
    for axis in range(x.ndim):
        padded = jnp.apply_along_axis(
            function, axis, padded, widths[axis], axis, kwargs
        )
    return padded

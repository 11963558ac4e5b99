"""`jax.numpy.fft`: discrete Fourier transforms, by way of `lax.fft`."""

import operator

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    canonical_axes,
    check_arraylike,
    concrete_or_error,
    convert,
    ensure_arraylike,
    promote_dtypes_inexact,
)

# --- the transforms -----------------------------------------------------------------------


def _factor(a, lengths, name, norm):
    """What the result is multiplied by; None for 1."""
    if norm == "backward":
        return None
    count = jnp.prod(jnp.asarray(np.array(lengths, a.dtype)))
    inverse = name in ("ifftn", "irfftn")
    if norm == "ortho":
        return jnp.sqrt(count) if inverse else 1 / jnp.sqrt(count)
    if norm == "forward":
        return count if inverse else 1 / count
    raise ValueError(
        f"jax.numpy.fft.{name}: norm={norm} is not supported. Supported options are "
        '"backward", "ortho" and "forward"'
    )


def _sizes(name, s, axes):
    """The static lengths, given axes or not."""
    if s is None:
        return None
    s = tuple([operator.index(n) for n in s])
    if any(n <= 0 for n in s):
        raise ValueError(f"jax.numpy.fft.{name}: sizes must be positive, got s={s}")
    if axes is not None and len(s) != len(axes):
        raise ValueError(f"jax.numpy.fft.{name}: shape and axes have different lengths")
    return s


def _transform(name, kind, a, s, axes, norm):
    """The transform of `kind` over axes, the last of which is halved for real data."""
    (a,) = ensure_arraylike(f"jnp.fft.{name}", a)
    (a,) = promote_dtypes_inexact(a)
    a = asarray(a)
    if kind in ("FFT", "IFFT", "IRFFT"):
        a = convert(a, dtypes.to_complex_dtype(a.dtype))
    s = _sizes(name, s, axes)
    if axes is None:
        axes = range(a.ndim) if s is None else range(a.ndim - len(s), a.ndim)
    axes = canonical_axes(tuple(axes), a.ndim)
    if len(set(axes)) != len(axes):
        raise ValueError(
            f"jax.numpy.fft.{name} does not support repeated axes. Got axes {list(axes)}."
        )
    if not axes:
        return a
    order = [i for i in range(a.ndim) if i not in axes] + list(axes)
    back = np.argsort(order).tolist()
    moved = jnp.transpose(a, order)
    lengths = list(s) if s is not None else [a.shape[i] for i in axes]
    if s is not None:
        moved = _fitted(moved, lengths, kind)
    elif kind == "IRFFT":
        lengths[-1] = max(0, 2 * (lengths[-1] - 1))
    out = _in_parts(moved, kind, lengths)
    factor = _factor(out, lengths, name, norm)
    if factor is not None:
        out = out * factor.astype(out.dtype)
    return jnp.transpose(out, back)


def _fitted(a, lengths, kind):
    """`a` cut or padded with zeros to the lengths of its last axes."""
    wanted = list(lengths)
    if kind == "IRFFT":
        wanted[-1] = lengths[-1] // 2 + 1
    lead = a.ndim - len(wanted)
    limits = [*a.shape[:lead], *map(min, a.shape[lead:], wanted)]
    if tuple(limits) != a.shape:
        a = lax.slice(a, (0,) * a.ndim, limits)
    pads = [(0, n - m, 0) for n, m in zip(wanted, a.shape[lead:], strict=True)]
    return jnp.pad(a, [(0, 0)] * lead + [(0, high) for _, high, _ in pads])


def _in_parts(a, kind, lengths):
    """The op takes up to three axes: the others are transformed before or after."""
    if len(lengths) <= 3:
        return lax.fft(a, kind, tuple(lengths))
    n = len(lengths)
    complex_kind = "IFFT" if kind in ("IFFT", "IRFFT") else "FFT"
    if kind in ("FFT", "IFFT", "RFFT"):
        a = lax.fft(a, kind, tuple(lengths[-3:]))
        return _leading(a, complex_kind, lengths[:-3], n)
    a = _leading(a, complex_kind, lengths[:-3], n)
    return lax.fft(a, kind, tuple(lengths[-3:]))


def _leading(a, kind, lengths, n):
    """The transform over the first axes of the last `n`."""
    lead = a.ndim - n
    k = len(lengths)
    order = [*range(lead), *range(lead + k, a.ndim), *range(lead, lead + k)]
    back = np.argsort(order).tolist()
    return jnp.transpose(_in_parts(jnp.transpose(a, order), kind, list(lengths)), back)


def fftn(a, s=None, axes=None, norm=None):
    """The transform over several axes (None: all, or the last ones that `s` gives lengths).

    norm: where to divide by the number of points: 'backward' (the inverse), 'forward', or
    'ortho' (by its root, in both).
    """
    return _transform("fftn", "FFT", a, s, axes, norm or "backward")


def ifftn(a, s=None, axes=None, norm=None):
    """The inverse of `fftn`."""
    return _transform("ifftn", "IFFT", a, s, axes, norm or "backward")


def rfftn(a, s=None, axes=None, norm=None):
    """`fftn` of real data, of which the last axis keeps its first n // 2 + 1 elements."""
    return _transform("rfftn", "RFFT", a, s, axes, norm or "backward")


def irfftn(a, s=None, axes=None, norm=None):
    """The inverse of `rfftn`; the last axis has 2 (n - 1) elements unless `s` says more."""
    return _transform("irfftn", "IRFFT", a, s, axes, norm or "backward")


def _one(function, name, a, n, axis, norm):
    if isinstance(axis, (list, tuple)):
        raise ValueError(
            f"jax.numpy.fft.{name} does not support multiple axes. Please use "
            f"jax.numpy.fft.{name}n. Got axis = {axis!r}."
        )
    axes = [-1] if axis is None else [axis]
    return function(a, None if n is None else [n], axes, norm)


def fft(a, n=None, axis=-1, norm=None):
    """The transform over an axis, cut or padded with zeros to length `n`; see `fftn`."""
    return _one(fftn, "fft", a, n, axis, norm)


def ifft(a, n=None, axis=-1, norm=None):
    """The inverse of `fft`."""
    return _one(ifftn, "ifft", a, n, axis, norm)


def rfft(a, n=None, axis=-1, norm=None):
    """`fft` of real data: its first n // 2 + 1 elements."""
    return _one(rfftn, "rfft", a, n, axis, norm)


def irfft(a, n=None, axis=-1, norm=None):
    """The inverse of `rfft`, with `n` elements (2 (m - 1) of m by default)."""
    return _one(irfftn, "irfft", a, n, axis, norm)


def fft2(a, s=None, axes=(-2, -1), norm=None):
    """`fftn` over two axes."""
    return _two(fftn, "fft2", a, s, axes, norm)


def ifft2(a, s=None, axes=(-2, -1), norm=None):
    """The inverse of `fft2`."""
    return _two(ifftn, "ifft2", a, s, axes, norm)


def rfft2(a, s=None, axes=(-2, -1), norm=None):
    """`rfftn` over two axes."""
    return _two(rfftn, "rfft2", a, s, axes, norm)


def irfft2(a, s=None, axes=(-2, -1), norm=None):
    """The inverse of `rfft2`."""
    return _two(irfftn, "irfft2", a, s, axes, norm)


def _two(function, name, a, s, axes, norm):
    if len(axes) != 2:
        raise ValueError(
            f"jax.numpy.fft.{name} only supports 2 axes. Got axes = {axes!r}."
        )
    return function(a, s, axes, norm)


_OPPOSITE = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def _opposite(norm):
    try:
        return _OPPOSITE[norm or "backward"]
    except KeyError:
        raise ValueError(
            f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".'
        ) from None


def hfft(a, n=None, axis=-1, norm=None):
    """The real transform of data with Hermitian symmetry, given by its first half."""
    (a,) = ensure_arraylike("jnp.fft.hfft", a)
    a = jnp.conj(a)
    axis = -1 if axis is None else axis
    size = 2 * (a.shape[axis] - 1) if n is None else n
    scale = _scale(size, norm, {"backward": 1, "forward": 0})
    return irfft(a, n, axis) * scale


def ihfft(a, n=None, axis=-1, norm=None):
    """The inverse of `hfft`."""
    (a,) = ensure_arraylike("jnp.fft.ihfft", a)
    axis = -1 if axis is None else axis
    size = asarray(a).shape[axis] if n is None else n
    scale = _scale(size, norm, {"backward": -1, "forward": 0})
    return jnp.conj(rfft(a, n, axis)) * scale


def _scale(size, norm, powers):
    _opposite(norm)
    norm = norm or "backward"
    if norm == "ortho":
        return size ** (powers["backward"] / 2)
    return float(size) ** powers[norm]


# --- frequencies and their order -------------------------------------------------------------


def _frequencies(name, n, d, dtype):
    n = operator.index(concrete_or_error(None, n, f"n argument of jnp.fft.{name}"))
    if n == 0:
        raise ValueError(f"The n argument of jnp.fft.{name} cannot be 0.")
    if dtype is None:
        dtype = dtypes.python_scalar_dtype(float)
    return n, dtypes.check_user_dtype(dtype, name), d


def fftfreq(n, d=1.0, *, dtype=None, device=None):
    """The frequencies of the elements of `fft` for n samples at distance `d`."""
    n, dtype, d = _frequencies("fftfreq", n, d, dtype)
    i = jnp.arange(n, dtype=dtype)
    half = n // 2
    shifted = jnp.remainder(i + half, n) - half
    return shifted / convert(d * n, dtype)


def rfftfreq(n, d=1.0, *, dtype=None, device=None):
    """The frequencies of the elements of `rfft` for n samples at distance `d`."""
    n, dtype, d = _frequencies("rfftfreq", n, d, dtype)
    return jnp.arange(n // 2 + 1, dtype=dtype) / convert(d * n, dtype)


def _rolled(name, x, axes, amount):
    check_arraylike(name, x)
    x = asarray(x)
    if axes is None:
        axes = tuple(range(x.ndim))
    if isinstance(axes, int):
        return jnp.roll(x, amount(x.shape[axes]), axes)
    return jnp.roll(x, [amount(x.shape[i]) for i in axes], tuple(axes))


def fftshift(x, axes=None):
    """`x` with frequency zero in the middle of axes (None: all)."""
    return _rolled("fftshift", x, axes, lambda n: n // 2)


def ifftshift(x, axes=None):
    """The inverse of `fftshift`."""
    return _rolled("ifftshift", x, axes, lambda n: -(n // 2))


__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn",
    "ifftshift", "ihfft", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq",
    "rfftn",
]  # fmt: skip

"""Spectra of windowed segments of a signal: `stft`, its inverse, and mean powers."""

import importlib
import operator
import warnings

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.numpy import fft
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    broadcast_shapes,
    canonical_axis,
    ensure_arraylike,
    is_complex,
    promote_dtypes_inexact,
)
from minijax.scipy.signal import detrend as without_trend


def _odd(x, n):
    """`x` continued on both sides of its last axis, mirrored in its end points."""
    if n < 1:
        return x
    if n > x.shape[-1] - 1:
        raise ValueError(
            f"The extension length n ({n}) is too big. It must not exceed "
            f"x.shape[axis]-1, which is {x.shape[-1] - 1}."
        )
    before = 2 * x[..., :1] - jnp.flip(x[..., 1 : n + 1], -1)
    after = 2 * x[..., -1:] - jnp.flip(x[..., -n - 1 : -1], -1)
    return jnp.concatenate([before, x, after], -1)


def _padded(x, before, after, mode="constant"):
    if not before and not after:
        return x
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(before, after)], mode)


_BOUNDARIES = {
    "even": lambda x, n: _padded(x, n, n, "reflect"),
    "odd": _odd,
    "constant": lambda x, n: _padded(x, n, n, "edge"),
    "zeros": lambda x, n: _padded(x, n, n),
    None: lambda x, n: x,
}


def _named_window(window, n, dtype):
    """The weights of a window; only "hann" does without SciPy."""
    if window != "hann":
        get_window = importlib.import_module("scipy.signal").get_window
        return jnp.array(get_window(window, n), dtype=dtype)
    if n == 1:
        return jnp.ones(1, dtype)
    return (jnp.sin(jnp.linspace(0, np.pi, n, endpoint=False)) ** 2).astype(dtype)


def _window(window, nperseg, length, dtype):
    """(weights, length of the segments)."""
    if isinstance(window, (str, tuple)):
        n = length if nperseg is None else nperseg
        if n > length:
            warnings.warn(
                f"nperseg={n} is greater than input_length={length}, using "
                f"nperseg={length}",
                stacklevel=5,
            )
            n = length
        return _named_window(window, n, dtype), n
    weights = asarray(window, dtype=dtype)
    if weights.ndim != 1:
        raise ValueError("window must be 1-D")
    if length < weights.size:
        raise ValueError("window is longer than input signal")
    if nperseg is not None and nperseg != weights.size:
        raise ValueError(
            "value specified for nperseg is different from length of window"
        )
    return weights, weights.size


def _lengths(nperseg, noverlap, nfft):
    """(overlap, transform length) of segments, checked."""
    noverlap = nperseg // 2 if noverlap is None else int(noverlap)
    nfft = nperseg if nfft is None else int(nfft)
    if nfft < nperseg:
        raise ValueError("nfft must be greater than or equal to nperseg.")
    if noverlap >= nperseg:
        raise ValueError("noverlap must be less than nperseg.")
    return noverlap, nfft


def _checked_signals(x, y, axis):
    """(x, y or None, axis) as floating point arrays of one rank."""
    axis = canonical_axis(operator.index(axis), np.ndim(x))
    if y is None:
        (x,) = promote_dtypes_inexact(*ensure_arraylike("spectral_helper", x))
        return asarray(x), None, axis
    x, y = promote_dtypes_inexact(*ensure_arraylike("spectral_helper", x, y))
    x, y = asarray(x), asarray(y)
    if x.ndim != y.ndim:
        raise ValueError(
            f"two-arguments must have the same rank ({x.ndim} vs {y.ndim})."
        )
    try:
        broadcast_shapes(_without_axis(x.shape, axis), _without_axis(y.shape, axis))
    except ValueError as error:
        raise ValueError("x and y cannot be broadcast together.") from error
    return x, y, axis


def _without_axis(shape, axis):
    return shape[:axis] + shape[axis + 1 :]


def _empty_spectra(x, y, axis):
    """Frequencies, times and transforms of signals without elements."""
    shape = x.shape
    if y is not None:
        outer = broadcast_shapes(*[_without_axis(a.shape, axis) for a in (x, y)])
        least = min(x.shape[axis], y.shape[axis])
        shape = (*outer[:axis], least, *outer[axis:])
    zeros = jnp.zeros(shape, np.finfo(x.dtype).dtype)
    return zeros, zeros, jnp.zeros(shape, dtypes.to_complex_dtype(x.dtype))


def _scale(weights, fs, scaling):
    if scaling == "density":
        return 1.0 / (fs * (weights * weights).sum())
    if scaling == "spectrum":
        return 1.0 / weights.sum() ** 2
    raise ValueError(f"Unknown scaling: {scaling}")


def _spectra(
    x, y, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis,
    *, power=True, boundary=None, padded=False,
):  # fmt: skip
    """(frequencies, times, spectra of windowed segments): the common part.

    power: products of the transforms of x and y, or x and x; else the transforms of x.
    """
    if boundary not in _BOUNDARIES:
        raise ValueError(
            f"Unknown boundary option '{boundary}', must be one of: {list(_BOUNDARIES)}"
        )
    x, y, axis = _checked_signals(x, y, axis)
    nperseg = None if nperseg is None else int(nperseg)
    if nperseg is not None and nperseg < 1:
        raise ValueError("nperseg must be a positive integer")
    weights, nperseg = _window(window, nperseg, x.shape[axis], x.dtype)
    signals = [x] if y is None else [x, y]
    if not all(a.size for a in signals):
        return _empty_spectra(x, y, axis)
    signals = [jnp.moveaxis(a, axis, -1) for a in signals]
    longest = max(a.shape[-1] for a in signals)
    signals = [_padded(a, 0, longest - a.shape[-1]) for a in signals]
    noverlap, nfft = _lengths(nperseg, noverlap, nfft)
    signals = [_BOUNDARIES[boundary](a, nperseg // 2) for a in signals]
    flattened = _detrending(detrend, axis)
    scale = _scale(weights, fs, scaling)
    onesided = return_onesided and not is_complex(x)
    if return_onesided and not onesided:
        warnings.warn(
            "Input data is complex, switching to return_onesided=False", stacklevel=3
        )
    transform = fft.rfft if onesided else fft.fft
    outs = []
    for a in signals:
        segments, starts = _segments(a, nperseg, nperseg - noverlap, padded)
        weighted = lax.expand_dims(weights, range(segments.ndim - 1))
        outs.append(transform(weighted * flattened(segments), n=nfft))
    out = outs[0]
    if power:
        out = jnp.conj(out) * outs[-1]
    scale = scale if power else jnp.sqrt(scale)
    out = (out * scale.astype(out.dtype)).astype(dtypes.to_complex_dtype(x.dtype))
    if onesided and power:
        out = out.at[..., 1 : None if nfft % 2 else -1].multiply(2)
    if power and y is None:
        out = out.real
    real = np.finfo(x.dtype).dtype
    times = jnp.array(starts + nperseg / 2, real) / fs
    if boundary is not None:
        times -= nperseg / 2 / fs
    frequencies = (fft.rfftfreq if onesided else fft.fftfreq)(nfft, 1 / fs, dtype=real)
    return frequencies, times, jnp.moveaxis(out, -1, axis)


def _segments(x, nperseg, step, padded):
    """(segments of the last axis, their starts); `padded`: up to whole segments."""
    if padded:
        x = _padded(x, 0, (nperseg - x.shape[-1]) % step % nperseg)
    starts = np.arange(0, x.shape[-1] - nperseg + 1, step)
    return x[..., starts[:, None] + np.arange(nperseg)], starts


def _detrending(kind, axis):
    """The function on segments (..., segment, time) that `detrend` stands for."""
    if isinstance(kind, str):
        return lambda segments: without_trend(segments, type=kind)
    if callable(kind):
        # JAX moves the axis of the signal last, though the segments' own is
        return lambda segments: jnp.moveaxis(
            kind(jnp.moveaxis(segments, axis, -1)), -1, axis
        )
    if kind:
        raise ValueError(f"Unsupported detrend type: {kind}")
    return lambda segments: segments


def stft(
    x,
    fs=1.0,
    window="hann",
    nperseg=256,
    noverlap=None,
    nfft=None,
    detrend=False,
    return_onesided=True,
    boundary="zeros",
    padded=True,
    axis=-1,
):
    """(frequencies, times, transforms of windowed segments of `x` along `axis`).

    The frequency axis takes the place of `axis`, the times are last.
    ValueError for lengths that do not fit, or an unknown `boundary`.
    """
    return _spectra(
        x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided,
        "spectrum", axis, power=False, boundary=boundary, padded=padded,
    )  # fmt: skip


# --- power spectra --------------------------------------------------------------------


def csd(
    x,
    y,
    fs=1.0,
    window="hann",
    nperseg=None,
    noverlap=None,
    nfft=None,
    detrend="constant",
    return_onesided=True,
    scaling="density",
    axis=-1,
    average="mean",
):
    """(frequencies, cross power spectral density of x and y), by Welch's method.

    y: None for the density of `x` with itself, which is real.  average: over the
    segments, "mean" or "median".
    """
    frequencies, _, power = _spectra(
        x, y, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling,
        axis,
    )  # fmt: skip
    if power.ndim < 2 or not power.size:
        return frequencies, power
    if power.shape[-1] == 1:
        return frequencies, power[..., 0]
    return frequencies, _average(power, average)


def _average(power, average):
    if average == "mean":
        return power.mean(axis=-1)
    if average != "median":
        raise ValueError(f'average must be "median" or "mean", got {average}')
    # Allen et al., "FINDCHIRP", 2012, appendix B: the bias of a median of so many
    even = np.arange(2.0, power.shape[-1], 2)
    bias = (1 + (1 / (even + 1) - 1 / even).sum()).astype(power.dtype)
    if is_complex(power):
        middle = lax.complex(
            jnp.median(power.real, axis=-1), jnp.median(power.imag, axis=-1)
        )
    else:
        middle = jnp.median(power, axis=-1)
    return middle / bias


def welch(
    x,
    fs=1.0,
    window="hann",
    nperseg=None,
    noverlap=None,
    nfft=None,
    detrend="constant",
    return_onesided=True,
    scaling="density",
    axis=-1,
    average="mean",
):
    """(frequencies, power spectral density of x), by Welch's method; see `csd`."""
    frequencies, power = csd(
        x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling,
        axis, average,
    )  # fmt: skip
    return frequencies, power.real


# --- the inverse ----------------------------------------------------------------------


def _overlap_and_add(x, step):
    """The sum of segments (..., segment, time), each `step` after the one before."""
    *lead, frames, length = x.shape
    parts = -(-length // step)
    x = _padded(x, 0, parts * step - length).reshape(*lead, frames, parts, step)
    # part p belongs p steps later: rows longer by one than they are read again
    x = jnp.moveaxis(x, -2, -3)
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, parts), (0, 0)])
    row = (frames + parts - 1) * step
    x = x.reshape(*lead, -1)[..., : parts * row].reshape(*lead, parts, row)
    return x.sum(axis=-2)[..., : step * (frames - 1) + length]


def _inverse_lengths(bins, nperseg, noverlap, nfft, onesided):
    """(segment length, step) of transforms with so many bins, checked."""
    whole = 2 * (bins - 1) if onesided else bins
    nperseg = int(nperseg or whole)
    if nperseg < 1:
        raise ValueError("nperseg must be a positive integer")
    if nfft is None:
        nfft = whole + (onesided and nperseg == whole + 1)
    if int(nfft) < nperseg:
        raise ValueError(
            f"FFT length ({int(nfft)}) must be longer than nperseg ({nperseg})."
        )
    noverlap = int(noverlap or nperseg // 2)
    if noverlap >= nperseg:
        raise ValueError("noverlap must be less than nperseg.")
    return nperseg, nperseg - noverlap


def _inverse_window(window, nperseg, dtype):
    if isinstance(window, (str, tuple)):
        return _named_window(window, nperseg, dtype)
    weights = asarray(window)
    if weights.ndim != 1:
        raise ValueError("window must be 1-D")
    if weights.shape[0] != nperseg:
        raise ValueError(f"window must have length of {nperseg}")
    return weights


def istft(
    Zxx,
    fs=1.0,
    window="hann",
    nperseg=None,
    noverlap=None,
    nfft=None,
    input_onesided=True,
    boundary=True,
    time_axis=-1,
    freq_axis=-2,
):
    """(times, the signal with the transforms Zxx of windowed segments).

    boundary: the signal had been continued at both ends, as `stft` does.  The rest is as
    in `stft`.
    """
    (Zxx,) = ensure_arraylike("istft", Zxx)
    Zxx = asarray(Zxx)
    if Zxx.ndim < 2:
        raise ValueError("Input stft must be at least 2d!")
    freq_axis = canonical_axis(freq_axis, Zxx.ndim)
    time_axis = canonical_axis(time_axis, Zxx.ndim)
    if freq_axis == time_axis:
        raise ValueError("Must specify differing time and frequency axes!")
    Zxx = Zxx.astype(dtypes.to_complex_dtype(Zxx.dtype))
    bins = Zxx.shape[freq_axis]
    nperseg, step = _inverse_lengths(bins, nperseg, noverlap, nfft, input_onesided)
    inverse = fft.irfft if input_onesided else fft.ifft
    Zxx = jnp.moveaxis(Zxx, (time_axis, freq_axis), (-2, -1))
    segments = inverse(Zxx, n=nfft)[..., :nperseg]
    weights = _inverse_window(window, nperseg, segments.dtype)
    segments = segments * weights.sum()  # `stft` divides by it
    weighted = segments * lax.expand_dims(weights, range(segments.ndim - 1))
    x = _overlap_and_add(weighted, step)
    squares = jnp.broadcast_to(weights * weights, segments.shape[-2:])
    norm = _overlap_and_add(squares, step)
    if boundary:
        half = nperseg // 2
        x, norm = x[..., half:-half], norm[half:-half]
    norm = jnp.where(norm > 1e-10, norm, 1.0)
    x = x / lax.expand_dims(norm, range(x.ndim - 1))
    if x.ndim > 1 and time_axis != Zxx.ndim - 1:
        x = jnp.moveaxis(x, -1, time_axis - (freq_axis < time_axis))
    # JAX counts the first axis, whichever it is
    times = jnp.arange(x.shape[0], dtype=np.finfo(x.dtype).dtype) / fs
    return times, x

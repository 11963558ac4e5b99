"""Spectra of windowed segments of a signal: `stft`."""

import importlib
import operator
import warnings

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes, lax
from minijax.numpy import fft
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import canonical_axis, is_complex, promote_dtypes_inexact
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
                stacklevel=4,
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
    if boundary not in _BOUNDARIES:
        raise ValueError(
            f"Unknown boundary option '{boundary}', must be one of: {list(_BOUNDARIES)}"
        )
    (x,) = promote_dtypes_inexact(x)
    x = asarray(x)
    axis = canonical_axis(operator.index(axis), x.ndim)
    nperseg = None if nperseg is None else int(nperseg)
    if nperseg is not None and nperseg < 1:
        raise ValueError("nperseg must be a positive integer")
    real = np.finfo(x.dtype).dtype
    complex_dtype = dtypes.to_complex_dtype(x.dtype)
    weights, nperseg = _window(window, nperseg, x.shape[axis], x.dtype)
    if not x.size:
        empty = jnp.zeros(x.shape, real)
        return empty, empty, jnp.zeros(x.shape, complex_dtype)
    noverlap, nfft = _lengths(nperseg, noverlap, nfft)
    x = _BOUNDARIES[boundary](jnp.moveaxis(x, axis, -1), nperseg // 2)
    onesided = return_onesided and not is_complex(x)
    if return_onesided and not onesided:
        warnings.warn(
            "Input data is complex, switching to return_onesided=False", stacklevel=2
        )
    segments, starts = _segments(x, nperseg, nperseg - noverlap, padded)
    segments = _without_trend(segments, detrend)
    segments = lax.expand_dims(weights, range(segments.ndim - 1)) * segments
    transform, frequencies = (
        (fft.rfft, fft.rfftfreq) if onesided else (fft.fft, fft.fftfreq)
    )
    out = transform(segments, n=nfft)
    out = out / jnp.sqrt(weights.sum() ** 2).astype(out.dtype)
    times = jnp.array(starts + nperseg / 2, real) / fs
    if boundary is not None:
        times -= nperseg / 2 / fs
    out = jnp.moveaxis(out.astype(complex_dtype), -1, axis)
    return frequencies(nfft, 1 / fs, dtype=real), times, out


def _segments(x, nperseg, step, padded):
    """(segments of the last axis, their starts); `padded`: up to whole segments."""
    if padded:
        x = _padded(x, 0, (nperseg - x.shape[-1]) % step % nperseg)
    starts = np.arange(0, x.shape[-1] - nperseg + 1, step)
    return x[..., starts[:, None] + np.arange(nperseg)], starts


def _without_trend(segments, kind):
    if callable(kind):
        return kind(segments)
    return without_trend(segments, type=kind) if kind else segments

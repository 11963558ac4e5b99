"""`jax.scipy.signal`: convolutions, and signals without their trend."""

import importlib
import itertools
import math
from typing import Any

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.alias import missing_attribute
from minijax.control.call import jit
from minijax.numpy import fft
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import canonical_axis, is_complex, promote_dtypes_inexact

_MODES = ("full", "same", "valid")


def _padding(shape, mode):
    if mode == "full":
        return tuple((n - 1, n - 1) for n in shape)
    if mode == "same":
        # the shorter side first, as NumPy centres
        return tuple((n // 2, n - n // 2 - 1) for n in shape)
    return ((0, 0),) * len(shape)


def _convolve(in1, in2, mode, precision):
    """A convolution of any rank, by lax; for "valid" the smaller one is the kernel."""
    if mode not in _MODES:
        raise ValueError("mode must be one of ['full', 'same', 'valid']")
    if in1.ndim != in2.ndim:
        raise ValueError("in1 and in2 must have the same number of dimensions")
    if in1.size == 0 or in2.size == 0:
        raise ValueError(
            f"zero-size arrays not supported in convolutions, got shapes {in1.shape} and "
            f"{in2.shape}."
        )
    in1, in2 = [asarray(x) for x in promote_dtypes_inexact(in1, in2)]
    no_swap = all(a >= b for a, b in zip(in1.shape, in2.shape, strict=True))
    if not no_swap:
        if not all(a <= b for a, b in zip(in1.shape, in2.shape, strict=True)):
            raise ValueError(
                "One input must be smaller than the other in every dimension."
            )
        if mode == "valid":
            in1, in2 = in2, in1
    padding = _padding(in2.shape, mode)
    kernel = jnp.flip(in2)
    result = lax.conv_general_dilated(
        in1[None, None],
        kernel[None, None],
        (1,) * in1.ndim,
        padding,
        precision=precision,
    )
    return result[0, 0]


def convolve(in1, in2, mode="full", method="auto", precision=None):
    """The convolution of two arrays of one rank.

    mode: "full", "same" (the middle, of the shape of in1) or "valid".  method: "fft", or
    "auto" and "direct", which are the same.
    """
    if method == "fft":
        return fftconvolve(in1, in2, mode=mode)
    if method in ("direct", "auto"):
        return _convolve(asarray(in1), asarray(in2), mode, precision)
    raise ValueError(f"Got {method=}; expected 'auto', 'fft', or 'direct'.")


def correlate(in1, in2, mode="full", method="auto", precision=None):
    """The cross-correlation of two arrays of one rank; see `convolve`."""
    return convolve(
        in1, jnp.flip(jnp.conj(asarray(in2))), mode, method=method, precision=precision
    )


def _check_2d(name, in1, in2, boundary, fillvalue):
    if boundary != "fill" or fillvalue != 0:
        raise NotImplementedError(
            f"{name}() only supports boundary='fill', fillvalue=0"
        )
    if in1.ndim != 2 or in2.ndim != 2:
        raise ValueError(f"{name}() only supports {2}-dimensional inputs.")


def convolve2d(in1, in2, mode="full", boundary="fill", fillvalue=0, precision=None):
    """The convolution of two matrices, zero outside."""
    in1, in2 = asarray(in1), asarray(in2)
    _check_2d("convolve2d", in1, in2, boundary, fillvalue)
    return _convolve(in1, in2, mode, precision)


def correlate2d(in1, in2, mode="full", boundary="fill", fillvalue=0, precision=None):
    """The cross-correlation of two matrices, zero outside."""
    in1, in2 = asarray(in1), asarray(in2)
    _check_2d("correlate2d", in1, in2, boundary, fillvalue)
    if mode == "full":
        return _convolve(jnp.flip(in1), in2.conj(), mode, precision)[::-1, ::-1]
    return jnp.flip(_convolve(jnp.flip(in1), in2.conj(), mode, precision))


def fftconvolve(in1, in2, mode="full", axes=None):
    """The convolution of two arrays through their Fourier transforms.

    axes: along these only, all by default; the others broadcast.
    """
    in1, in2 = [asarray(x) for x in promote_dtypes_inexact(in1, in2)]
    if in1.ndim != in2.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    if mode not in _MODES:
        raise ValueError("mode must be one of ['full', 'same', 'valid']")
    if not in1.ndim:
        return in1 * in2
    axes = range(in1.ndim) if axes is None else axes
    axes = (axes,) if isinstance(axes, int) else axes
    axes = tuple(canonical_axis(axis, in1.ndim) for axis in axes)
    if any(in1.shape[a] != in2.shape[a] for a in range(in1.ndim) if a not in axes):
        raise ValueError(
            f"mapped axes must have same shape; got {in1.shape=} {in2.shape=} {axes=}"
        )
    axes = tuple(sorted(set(axes)))
    if not axes:
        return in1 * in2
    smaller = all(in1.shape[a] <= in2.shape[a] for a in axes)
    larger = all(in1.shape[a] >= in2.shape[a] for a in axes)
    if mode == "valid" and not larger:
        if not smaller:
            raise ValueError(
                "For 'valid' mode, One input must be at least as large as the other in "
                "every dimension."
            )
        in1, in2 = in2, in1
    full = [in1.shape[a] + in2.shape[a] - 1 for a in axes]
    if is_complex(in1):
        product = fft.fftn(in1, full, axes) * fft.fftn(in2, full, axes)
        out = fft.ifftn(product, full, axes)
    else:
        product = fft.rfftn(in1, full, axes) * fft.rfftn(in2, full, axes)
        out = fft.irfftn(product, full, axes)
    starts, sizes = [0] * out.ndim, list(out.shape)
    for a in axes:
        if mode != "full":
            less = 0 if mode == "same" else in2.shape[a] - 1
            sizes[a] = in1.shape[a] - less
        starts[a] = (out.shape[a] - sizes[a]) // 2
    return lax.dynamic_slice(out, starts, sizes)


def detrend(data, axis=-1, type="linear", bp=0, overwrite_data=None):
    """`data` less its mean ("constant") or least-squares line ("linear") along an axis.

    bp: places of breaks, between which lines are taken apart.
    """
    if overwrite_data is not None:
        raise NotImplementedError("overwrite_data argument not implemented.")
    if type not in ("constant", "linear"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    (data,) = promote_dtypes_inexact(data)
    data = asarray(data)
    if type == "constant":
        return data - data.mean(axis, keepdims=True)
    n = data.shape[axis]
    breaks = np.sort(np.unique(np.concatenate([np.ravel(bp), [0, n]]).astype(int)))
    if breaks[0] < 0 or breaks[-1] > n:
        raise ValueError(
            "Breakpoints must be non-negative and less than length of data along given axis."
        )
    moved = jnp.moveaxis(data, axis, 0)
    flat = moved.reshape(n, math.prod(moved.shape[1:]))
    parts = [_without_line(flat[low:high]) for low, high in itertools.pairwise(breaks)]
    return jnp.moveaxis(jnp.concatenate(parts).reshape(moved.shape), 0, axis)


@jit
def _without_line(x):
    """Columns less their least-squares lines, in closed form."""
    n = x.shape[0]
    if n < 2:
        return jnp.zeros_like(x)
    t = jnp.arange(1, n + 1, dtype=x.dtype) - (n + 1) / 2
    t = t[:, None]
    centred = x - x.mean(0, keepdims=True)
    slope = (t * centred).sum(0, keepdims=True) / (t * t).sum()
    return centred - t * slope


# These need the windows and segments of another module, which is loaded for them.
_SPECTRA = ("csd", "istft", "stft", "welch")

__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "csd",  # noqa: F822 (found by __getattr__)
    "detrend",
    "fftconvolve",
    "istft",  # noqa: F822
    "stft",  # noqa: F822
    "welch",  # noqa: F822
]


def __getattr__(name: str) -> Any:
    if name not in _SPECTRA:
        raise missing_attribute(__name__, name)
    return getattr(importlib.import_module("minijax.scipy.spectra"), name)


def __dir__():
    return sorted({*__all__, *globals()})

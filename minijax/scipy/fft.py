"""`jax.scipy.fft`: cosine transforms of type 2, and their inverses."""

import operator

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.numpy import fft
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import (
    canonical_axes,
    canonical_axis,
    is_complex,
    promote_dtypes_inexact,
)


def _check(name, kind, norm):
    if kind != 2:
        raise NotImplementedError("Only DCT type 2 is implemented.")
    if norm not in (None, "backward", "ortho"):
        raise ValueError(f"jax.scipy.fft.{name}: {norm=!r} is not implemented")


def _interleaved(x, axis):
    """The elements of even place, then those of odd place backwards."""
    even = lax.slice_in_dim(x, 0, None, 2, axis)
    odd = lax.slice_in_dim(x, 1, None, 2, axis)
    return jnp.concatenate([even, lax.rev(odd, (axis,))], axis=axis)


def _deinterleaved(x, axis):
    """The inverse of `_interleaved`."""
    half = (x.shape[axis] + 1) // 2
    even = lax.slice_in_dim(x, 0, half, axis=axis)
    odd = lax.rev(lax.slice_in_dim(x, half, None, axis=axis), (axis,))
    out = jnp.zeros(x.shape, x.dtype)
    before = (slice(None),) * axis
    out = out.at[(*before, slice(None, None, 2))].set(even)
    return out.at[(*before, slice(1, None, 2))].set(odd)


def _turns(n, dtype):
    """e^(-i pi k / 2n) of k < n."""
    k = lax.iota(dtype, n).astype(np.result_type(dtype, np.complex64))
    return jnp.exp(-0.5j * np.pi * k / n)


def _ortho(x, axis):
    """The divisor that makes the transform of `x` orthogonal."""
    n = x.shape[axis]
    factor = jnp.concatenate([jnp.full(1, 4, x.dtype), jnp.full(n - 1, 2, x.dtype)])
    return _along(jnp.sqrt(factor * n), axis, x.ndim)


def _along(vector, axis, rank):
    return jnp.expand_dims(vector, [a for a in range(rank) if a != axis])


def _sized(x, n, axis):
    if n is None:
        return x
    place = [slice(None)] * x.ndim
    place[axis] = slice(0, n)
    pads = [(0, 0)] * x.ndim
    pads[axis] = (0, max(0, n - x.shape[axis]))
    return jnp.pad(x[tuple(place)], pads)


def _by_parts(function, x):
    """A real linear function, of the parts of complex arrays."""
    if is_complex(x):
        return lax.complex(function(x.real), function(x.imag))
    return function(x)


def dct(x, type=2, n=None, axis=-1, norm=None):
    """The cosine transform 2 sum_j x_j cos(pi k (2j + 1) / 2n) along an axis.

    type: 2 only; n: the length, to which `x` is cut or padded; norm: None or "ortho".
    """
    _check("dct", type, norm)
    (x,) = promote_dtypes_inexact(x)
    x = asarray(x)
    axis = canonical_axis(axis, x.ndim)
    return _by_parts(lambda part: _dct(part, axis, norm), _sized(x, n, axis))


def _dct(x, axis, norm):
    size = x.shape[axis]
    spectrum = fft.fft(_interleaved(x, axis), axis=axis)
    real = np.dtype("float64" if spectrum.dtype.itemsize == 16 else "float32")
    out = spectrum * _along(_turns(size, real), axis, x.ndim)
    out = 2 * out.real
    if norm == "ortho":
        out = out / _ortho(out, axis)
    return out


def idct(x, type=2, n=None, axis=-1, norm=None):
    """The inverse of `dct`."""
    _check("idct", type, norm)
    (x,) = promote_dtypes_inexact(x)
    x = asarray(x)
    axis = canonical_axis(axis, x.ndim)
    return _by_parts(lambda part: _idct(part, axis, norm), _sized(x, n, axis))


def _idct(x, axis, norm):
    size = x.shape[axis]
    if norm == "ortho":
        x = x * _ortho(x, axis)
    wide = np.result_type(x.dtype, np.complex64)
    real = np.dtype("float64" if wide.itemsize == 16 else "float32")
    # of the spectrum's two halves only one is here, so only element 0 is halved
    spectrum = x.astype(wide) / _along(_turns(size, real), axis, x.ndim)
    first = _along(lax.iota(np.dtype("int32"), size) == 0, axis, x.ndim)
    spectrum = jnp.where(first, spectrum / 2, spectrum)
    return _deinterleaved(fft.ifft(spectrum, axis=axis).real, axis)


def _axes(x, s, axes):
    if axes is None:
        axes = range(x.ndim - (x.ndim if s is None else len(s)), x.ndim)
    axes = tuple(axes) if np.iterable(axes) else axes
    return canonical_axes(axes, x.ndim, distinct=True)


def _each(name, function, x, type, s, axes, norm):
    _check(name, type, norm)
    (x,) = promote_dtypes_inexact(x)
    x = asarray(x)
    if s is not None:
        s = list(s) if np.iterable(s) else [operator.index(s)]
        if len(s) > x.ndim:
            raise ValueError(
                f"s must have at most x.ndim ({x.ndim}) elements, got {len(s)}"
            )
    axes = _axes(x, s, axes)
    # where there are more sizes than axes, or fewer, JAX leaves the rest as it is
    for n, axis in zip(s or (), axes, strict=False):
        x = _sized(x, n, axis)

    def along_all(part):
        for axis in axes:
            part = function(part, axis, norm)
        return part

    return _by_parts(along_all, x)


def dctn(x, type=2, s=None, axes=None, norm=None):
    """`dct` along several axes, all by default; `s`: their lengths."""
    return _each("dctn", _dct, x, type, s, axes, norm)


def idctn(x, type=2, s=None, axes=None, norm=None):
    """The inverse of `dctn`."""
    return _each("idctn", _idct, x, type, s, axes, norm)


__all__ = ["dct", "dctn", "idct", "idctn"]

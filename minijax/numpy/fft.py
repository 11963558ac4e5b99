"""`jax.numpy.fft`: discrete Fourier transforms, and the frequencies of their elements."""

import operator

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes
from minijax.array import placed
from minijax.control.fourier import fft as lax_fft
from minijax.numpy.creation import array, asarray
from minijax.numpy.promotion import canonical_axis, ensure_arraylike
from minijax.numpy.ranges import arange
from minijax.ops.fft import FftType

_INVERSE = (FftType.IFFT, FftType.IRFFT)
_MOST_AXES = 3  # that one transform takes; more are done in turn


def _scale(lengths, dtype, inverse, norm):
    """The factor that `norm` adds to a transform that is divided as "backward" says;
    None for 1.
    """
    if norm is None or norm == "backward":
        return None
    if norm not in ("ortho", "forward"):
        raise ValueError(
            f'Invalid norm value {norm}; should be "backward","ortho" or "forward".'
        )
    count = jnp.prod(asarray(np.asarray(lengths, dtype)))
    if norm == "ortho":
        count = jnp.sqrt(count)
    return count if inverse else 1 / count


def _lengths(a, s, axes):
    """(lengths as `s` says or None, axes); both checked."""
    if s is not None:
        s = [operator.index(n) for n in s]
        if any(n < 1 for n in s):
            raise ValueError("Shape should be positive.")
    if axes is None:
        count = a.ndim if s is None else len(s)
        axes = range(a.ndim - count, a.ndim)
    axes = list(axes)
    if s is not None and len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    return s, axes


def _resized(a, s, axes, kind):
    """`a` cut or padded with zeros at the end of its axes to the sizes that lengths `s`
    ask for.
    """
    wanted = list(a.shape)
    for axis, n in zip(axes, s, strict=True):
        wanted[axis] = n
    if kind == FftType.IRFFT:
        wanted[axes[-1]] = s[-1] // 2 + 1
    cut = tuple(slice(min(m, n)) for m, n in zip(wanted, a.shape, strict=True))
    a = a[cut]
    pads = [(0, n - m) for m, n in zip(a.shape, wanted, strict=True)]
    return jnp.pad(a, pads)


def _transform(name, kind, a, s, axes, norm, inverse=None):
    """The transform of several axes; `inverse` says which way `norm` is meant."""
    full_name = f"jax.numpy.fft.{name}"
    (a,) = ensure_arraylike(full_name, a)
    a = asarray(a)
    given = axes
    s, axes = _lengths(a, s, axes)
    if len(axes) > a.ndim and s is None:
        raise ValueError(f"{full_name} got more axes than dimensions")
    if len(set(axes)) != len(axes):
        raise ValueError(
            f"{full_name} does not support repeated axes. Got axes {given}."
        )
    axes = [canonical_axis(axis, a.ndim) for axis in axes]
    if len(axes) > _MOST_AXES:
        return _in_turn(name, kind, a, s, axes, norm, inverse)
    if not axes and kind == FftType.IRFFT:
        kind = FftType.IFFT  # no axis is left to become real
    last = [a.ndim - len(axes) + k for k in range(len(axes))]
    a = jnp.moveaxis(a, axes, last)
    if s is not None:
        a = _resized(a, s, last, kind)
    else:
        s = [a.shape[axis] for axis in last]
        if kind == FftType.IRFFT and s:
            s[-1] = max(0, 2 * (s[-1] - 1))
    out = lax_fft(a, kind, tuple(s))
    scale = _scale(s, out.dtype, kind in _INVERSE if inverse is None else inverse, norm)
    if scale is not None:
        out = out * scale
    return jnp.moveaxis(out, last, axes)


def _in_turn(name, kind, a, s, axes, norm, inverse):
    """More axes than one transform takes, in equal parts; the real transform is of the last."""
    n = len(axes)
    tail = -(-n // -(-n // _MOST_AXES))
    head = n - tail
    s_head, s_tail = (None, None) if s is None else (s[:head], s[head:])

    def of_head(a, kind):
        last = list(range(a.ndim - head, a.ndim))
        a = jnp.moveaxis(a, axes[:head], last)
        a = _transform(name, kind, a, s_head, last, norm, inverse)
        return jnp.moveaxis(a, last, axes[:head])

    if kind == FftType.IRFFT:
        a = of_head(a, FftType.IFFT)
        return _transform(name, kind, a, s_tail, axes[head:], norm, inverse)
    a = _transform(name, kind, a, s_tail, axes[head:], norm, inverse)
    return of_head(a, FftType.FFT if kind == FftType.RFFT else kind)


def _along(name, kind, a, n, axis, norm, inverse=None):
    """The transform of one axis."""
    _check_one_axis(name, axis)
    axes = None if axis is None else [axis]
    s = None if n is None else [n]
    return _transform(name, kind, a, s, axes, norm, inverse)


def _check_one_axis(name, axis):
    if isinstance(axis, (list, tuple)):
        raise ValueError(
            f"jax.numpy.fft.{name} does not support multiple axes. "
            f"Please use jax.numpy.fft.{name}n. Got axis = {axis!r}."
        )


def _two(name, kind, a, s, axes, norm):
    if len(axes) != 2:
        raise ValueError(
            f"jax.numpy.fft.{name} only supports 2 axes. Got axes = {axes!r}."
        )
    return _transform(name, kind, a, s, axes, norm)


def fft(a, n=None, axis=-1, norm=None):
    """The transform along an axis.

    Args:
        a: array.
        n: the length, to which `a` is cut or padded with zeros.
        axis: along which.
        norm: which way is divided by the length: 'backward' (None), 'forward', or
            'ortho' for its root both ways.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.fft(jnp.array([1.0, 2.0, 3.0, 4.0]))
        Array([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j], dtype=complex64)
    """
    return _along("fft", FftType.FFT, a, n, axis, norm)


def ifft(a, n=None, axis=-1, norm=None):
    """The inverse of `fft`.

    Args:
        a: array.
        n: as for `fft`.
        axis: along which.
        norm: as for `fft`.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.ifft(jnp.array([2.0, 0.0])).real
        Array([1., 1.], dtype=float32)
    """
    return _along("ifft", FftType.IFFT, a, n, axis, norm)


def rfft(a, n=None, axis=-1, norm=None):
    """The first n // 2 + 1 elements of the transform of a real array; the others are
    their conjugates.

    Args:
        a: array, not complex.
        n: as for `fft`.
        axis: along which.
        norm: as for `fft`.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.rfft(jnp.array([1.0, 2.0, 3.0, 4.0]))
        Array([10.+0.j, -2.+2.j, -2.+0.j], dtype=complex64)
    """
    return _along("rfft", FftType.RFFT, a, n, axis, norm)


def irfft(a, n=None, axis=-1, norm=None):
    """The inverse of `rfft`: n real elements, an even number by default.

    Args:
        a: array.
        n: the length of the result.
        axis: along which.
        norm: as for `fft`.

    Returns:
        An array of real numbers.

    Examples:
        >>> jnp.fft.irfft(jnp.array([4.0, 0.0, 0.0]))
        Array([1., 1., 1., 1.], dtype=float32)
    """
    return _along("irfft", FftType.IRFFT, a, n, axis, norm)


def hfft(a, n=None, axis=-1, norm=None):
    """The transform, real, of an array with Hermitian symmetry, of which `a` is the
    first half.

    Args:
        a: array.
        n: the length of the result.
        axis: along which.
        norm: as for `fft`.

    Returns:
        An array of real numbers.

    Examples:
        >>> jnp.fft.hfft(jnp.array([1.0, 0.0, 0.0]))
        Array([1., 1., 1., 1.], dtype=float32)
    """
    (a,) = ensure_arraylike("jax.numpy.fft.hfft", a)
    a = asarray(a)
    _check_one_axis("hfft", axis)
    count = 2 * (a.shape[axis] - 1) if n is None else operator.index(n)
    out = _along("hfft", FftType.IRFFT, jnp.conj(a), n, axis, norm, inverse=False)
    return out * count


def ihfft(a, n=None, axis=-1, norm=None):
    """The inverse of `hfft`: the first half of the inverse transform of a real array.

    Args:
        a: array, not complex.
        n: as for `fft`.
        axis: along which.
        norm: as for `fft`.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.ihfft(jnp.array([4.0, 0.0, 0.0, 0.0])).real
        Array([1., 1., 1.], dtype=float32)
    """
    a = asarray(a)
    _check_one_axis("ihfft", axis)
    count = a.shape[axis] if n is None else operator.index(n)
    out = _along("ihfft", FftType.RFFT, a, n, axis, norm, inverse=True)
    return jnp.conj(out) * (1 / count)


def fftn(a, s=None, axes=None, norm=None):
    """The transform along several axes, all by default; `s`: their lengths.

    Args:
        a: array.
        s: the lengths.
        axes: several axes, None for all.
        norm: as for `fft`.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.fftn(jnp.ones((2, 2))).real
        Array([[4., 0.],
               [0., 0.]], dtype=float32)
    """
    return _transform("fftn", FftType.FFT, a, s, axes, norm)


def ifftn(a, s=None, axes=None, norm=None):
    """The inverse of `fftn`.

    Args:
        a: array.
        s: the lengths.
        axes: several axes, None for all.
        norm: as for `fft`.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.ifftn(jnp.array([[4.0, 0.0], [0.0, 0.0]])).real
        Array([[1., 1.],
               [1., 1.]], dtype=float32)
    """
    return _transform("ifftn", FftType.IFFT, a, s, axes, norm)


def rfftn(a, s=None, axes=None, norm=None):
    """The transform of a real array along several axes; of the last one, the first
    half.

    Args:
        a: array, not complex.
        s: the lengths.
        axes: several axes, None for all.
        norm: as for `fft`.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.rfftn(jnp.ones((2, 2))).real
        Array([[4., 0.],
               [0., 0.]], dtype=float32)
    """
    return _transform("rfftn", FftType.RFFT, a, s, axes, norm)


def irfftn(a, s=None, axes=None, norm=None):
    """The inverse of `rfftn`.

    Args:
        a: array.
        s: the lengths of the result.
        axes: several axes, None for all.
        norm: as for `fft`.

    Returns:
        An array of real numbers.

    Examples:
        >>> jnp.fft.irfftn(jnp.array([[4.0, 0.0], [0.0, 0.0]]))
        Array([[1., 1.],
               [1., 1.]], dtype=float32)
    """
    return _transform("irfftn", FftType.IRFFT, a, s, axes, norm)


def fft2(a, s=None, axes=(-2, -1), norm=None):
    """The transform along two axes.

    Args:
        a: array.
        s: the two lengths.
        axes: the two axes.
        norm: as for `fft`.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.fft2(jnp.ones((2, 2))).real
        Array([[4., 0.],
               [0., 0.]], dtype=float32)
    """
    return _two("fft2", FftType.FFT, a, s, axes, norm)


def ifft2(a, s=None, axes=(-2, -1), norm=None):
    """The inverse of `fft2`.

    Args:
        a: array.
        s: the two lengths.
        axes: the two axes.
        norm: as for `fft`.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.ifft2(jnp.array([[4.0, 0.0], [0.0, 0.0]])).real
        Array([[1., 1.],
               [1., 1.]], dtype=float32)
    """
    return _two("ifft2", FftType.IFFT, a, s, axes, norm)


def rfft2(a, s=None, axes=(-2, -1), norm=None):
    """The transform of a real array along two axes; of the last one, the first half.

    Args:
        a: array, not complex.
        s: the two lengths.
        axes: the two axes.
        norm: as for `fft`.

    Returns:
        An array of complex numbers.

    Examples:
        >>> jnp.fft.rfft2(jnp.ones((2, 2))).real
        Array([[4., 0.],
               [0., 0.]], dtype=float32)
    """
    return _two("rfft2", FftType.RFFT, a, s, axes, norm)


def irfft2(a, s=None, axes=(-2, -1), norm=None):
    """The inverse of `rfft2`.

    Args:
        a: array.
        s: the two lengths of the result.
        axes: the two axes.
        norm: as for `fft`.

    Returns:
        An array of real numbers.

    Examples:
        >>> jnp.fft.irfft2(jnp.array([[4.0, 0.0], [0.0, 0.0]]))
        Array([[1., 1.],
               [1., 1.]], dtype=float32)
    """
    return _two("irfft2", FftType.IRFFT, a, s, axes, norm)


# --- frequencies ----------------------------------------------------------------------


def _frequency_arguments(name, n, dtype):
    dtype = dtypes.canonicalize_dtype(
        np.dtype(float) if dtype is None else np.dtype(dtype)
    )
    if isinstance(n, (list, tuple)):
        raise ValueError(
            f"The n argument of jax.numpy.fft.{name} only takes an int. Got n = {list(n)}."
        )
    return dtype


def _check_spacing(name, d):
    if isinstance(d, (list, tuple)):
        raise ValueError(
            f"The d argument of jax.numpy.fft.{name} only takes a single value. Got d = "
            f"{list(d)}."
        )


def fftfreq(n, d=1.0, *, dtype=None, device=None):
    """The frequencies of the elements of a transform of n points `d` apart, in cycles
    per unit of d.

    Args:
        n: the number of points, a static integer.
        d: their distance.
        dtype: of the result.
        device: a device or sharding that the result is committed to.

    Returns:
        A vector.

    Examples:
        >>> jnp.fft.fftfreq(4)
        Array([ 0.  ,  0.25, -0.5 , -0.25], dtype=float32)
    """
    dtype = _frequency_arguments("fftfreq", n, dtype)
    _check_spacing("fftfreq", d)
    half = n // 2
    is_float = dtypes.issubdtype(dtype, np.floating)
    real = dtype if is_float else dtypes.python_scalar_dtype(float)
    k = (arange(n, dtype=real) + half) % n - half
    return placed((k / array(d * n, dtype=real)).astype(dtype), device)


def rfftfreq(n, d=1.0, *, dtype=None, device=None):
    """The frequencies of the elements of `rfft` of n points `d` apart, in cycles per
    unit of d.

    Args:
        n: the number of points, a static integer.
        d: their distance.
        dtype: of the result.
        device: a device or sharding that the result is committed to.

    Returns:
        A vector.

    Examples:
        >>> jnp.fft.rfftfreq(4)
        Array([0.  , 0.25, 0.5 ], dtype=float32)
    """
    dtype = _frequency_arguments("rfftfreq", n, dtype)
    _check_spacing("rfftfreq", d)
    k = arange(n // 2 + 1, dtype=dtype)
    return placed(k / array(d * n, dtype=dtype), device)


def _shift(name, x, axes, half):
    (x,) = ensure_arraylike(name, x)
    x = asarray(x)
    if axes is None:
        axes = tuple(range(x.ndim))
        return jnp.roll(x, [half(n) for n in x.shape], axes)
    if isinstance(axes, int):
        return jnp.roll(x, half(x.shape[axes]), axes)
    return jnp.roll(x, [half(x.shape[axis]) for axis in axes], axes)


def fftshift(x, axes=None):
    """`x` with the element of frequency 0 moved from the start of axes to their middle.

    Args:
        x: array.
        axes: one axis, several, or None for all.

    Returns:
        An array of the shape of `x`.

    Examples:
        >>> jnp.fft.fftshift(jnp.fft.fftfreq(4))
        Array([-0.5 , -0.25,  0.  ,  0.25], dtype=float32)
    """
    return _shift("fftshift", x, axes, lambda n: n // 2)


def ifftshift(x, axes=None):
    """The inverse of `fftshift`.

    Args:
        x: array.
        axes: one axis, several, or None for all.

    Returns:
        An array of the shape of `x`.

    Examples:
        >>> jnp.fft.ifftshift(jnp.array([-2, -1, 0, 1]))
        Array([ 0,  1, -2, -1], dtype=int32)
    """
    return _shift("ifftshift", x, axes, lambda n: -(n // 2))


__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

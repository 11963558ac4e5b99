"""Discrete Fourier transforms of the last dimensions."""

import enum
import math

import numpy as np

from minijax.core import ShapedArray, is_undefined_primal
from minijax.ops.arithmetic import div, mul
from minijax.ops.complex_parts import conj, real
from minijax.ops.convert import convert_element_type
from minijax.ops.define import (
    batch_front,
    constant_like,
    define,
    dtype_of,
    linear_jvp,
    shape_of,
)
from minijax.ops.index import dynamic_update_slice
from minijax.ops.shape import broadcast_in_dim


class FftType(enum.IntEnum):
    """Which transform: complex forward or inverse, real to half of the spectrum, or its
    inverse.
    """

    FFT = 0
    IFFT = 1
    RFFT = 2
    IRFFT = 3


_FORWARD_KIND = {FftType.FFT: 0, FftType.RFFT: 0, FftType.IFFT: 1, FftType.IRFFT: 1}
_REAL_KIND = {FftType.RFFT: 2, FftType.IRFFT: 3}


def fft_type_of(kind):
    """The `FftType` of that name or number.  ValueError or TypeError if there is none."""
    if isinstance(kind, str):
        try:
            return FftType[kind.upper() if kind.islower() else kind]
        except KeyError:
            raise ValueError(f"Unknown FFT type '{kind}'") from None
    try:
        return FftType(kind)
    except ValueError:
        raise TypeError(f"Unknown FFT type value '{kind}'") from None


def _complex_dtype(dtype):
    return np.dtype("complex128" if dtype.itemsize == 8 else "complex64")


def fft(x, fft_type, fft_lengths):
    """The transform of the last `len(fft_lengths)` dimensions.

    Args:
        x: complex, or real for RFFT (and converted otherwise).
        fft_type: an `FftType`, or its name.
        fft_lengths: the sizes of the transformed dimensions; those of the result for IRFFT.

    Inverse transforms are divided by the number of transformed points.  ValueError for
    other sizes, and for an RFFT of what is neither float32 nor float64.
    """
    kind = fft_type_of(fft_type)
    dtype = dtype_of(x)
    if kind == FftType.RFFT:
        if dtype.kind == "c":
            raise ValueError("only real valued inputs supported for rfft")
        x = convert_element_type(x, _real_dtype(dtype))
    elif dtype.kind != "c":
        wide = dtype.name in ("float64", "int64", "uint64")
        x = convert_element_type(x, np.dtype("complex128" if wide else "complex64"))
    lengths = tuple(int(n) for n in fft_lengths)
    if not lengths:
        # no dimension to transform: the value itself, in the type of the result
        return real(x) if kind == FftType.IRFFT else x
    return fft_p.bind(x, fft_type=kind, fft_lengths=lengths)


def _real_dtype(dtype):
    if dtype.name in ("float32", "float64"):
        return dtype
    if dtype.kind == "f" or dtype.name == "bfloat16":
        raise ValueError(f"RFFT input must be float32 or float64, got {dtype.name}")
    return np.dtype("float64" if dtype.itemsize == 8 else "float32")


def _fft_shape(x, *, fft_type, fft_lengths):
    rank = len(fft_lengths)
    if len(x.shape) < rank:
        raise ValueError(
            f"FFT input shape {x.shape} must have at least as many input dimensions as "
            f"fft_lengths {fft_lengths}."
        )
    if fft_type == FftType.IRFFT:
        if x.shape[-rank:-1] != fft_lengths[:-1]:
            raise ValueError(
                f"IRFFT input shape {x.shape} minor dimensions must be equal to all except "
                f"the last fft_length, got fft_lengths={fft_lengths}"
            )
        dtype = np.dtype("float64" if x.dtype.itemsize == 16 else "float32")
        return ShapedArray((*x.shape[:-1], fft_lengths[-1]), dtype)
    name = fft_type.name if fft_type == FftType.RFFT else "FFT"
    if x.shape[-rank:] != fft_lengths:
        raise ValueError(
            f"{name} input shape {x.shape} minor dimensions must be equal to fft_lengths "
            f"{fft_lengths}"
        )
    if fft_type != FftType.RFFT:
        return x.strip_weak_type()
    return ShapedArray((*x.shape[:-1], x.shape[-1] // 2 + 1), _complex_dtype(x.dtype))


def _fft_reference(x, *, fft_type, fft_lengths):
    axes = tuple(range(x.ndim - len(fft_lengths), x.ndim))
    if fft_type == FftType.IRFFT:
        out = np.fft.irfftn(x, fft_lengths, axes)
        return out.astype(np.float64 if x.itemsize == 16 else np.float32)
    function = {0: np.fft.fftn, 1: np.fft.ifftn, 2: np.fft.rfftn}[int(fft_type)]
    dtype = x.dtype if x.dtype.kind == "c" else _complex_dtype(x.dtype)
    return function(x, axes=axes).astype(dtype)


def _mask(shape, n, dtype):
    """How often each element of a half spectrum stands for one of the whole: 1 at the
    ends, else 2.
    """
    size = shape[-1]
    one, two = dtype.type(1), dtype.type(2)
    mask = broadcast_in_dim(two, (size,), ())
    end = broadcast_in_dim(one, (1,), ())
    mask = dynamic_update_slice(mask, end, (0,))
    if n % 2 == 0:
        mask = dynamic_update_slice(mask, broadcast_in_dim(one, (1,), ()), (size - 1,))
    return broadcast_in_dim(mask, (1,) * (len(shape) - 1) + (size,), (len(shape) - 1,))


def rfft_transpose(ct, fft_lengths):
    """The transpose of a real transform: of `ct` over the half spectrum, real."""
    n = math.prod(fft_lengths)
    mask = _mask(shape_of(ct), fft_lengths[-1], dtype_of(ct))
    spread = _installed["fft"](div(conj(ct), mask), FftType.IRFFT, fft_lengths)
    return mul(constant_like(n, spread), spread)


def _irfft_transpose(ct, fft_lengths):
    x = _installed["fft"](ct, FftType.RFFT, fft_lengths)
    mask = _mask(shape_of(x), fft_lengths[-1], dtype_of(x))
    scale = constant_like(1 / math.prod(fft_lengths), mask)
    return conj(mul(mul(scale, mask), x))


def _fft_transpose(ct, x, *, fft_type, fft_lengths):
    assert is_undefined_primal(x)
    if fft_type == FftType.RFFT:
        return [_installed["rfft_transpose"](ct, fft_lengths)]
    if fft_type == FftType.IRFFT:
        return [_irfft_transpose(ct, fft_lengths)]
    return [_installed["fft"](ct, fft_type, fft_lengths)]


def _fft_batch(axis, args, dims, *, fft_type, fft_lengths):
    (x,), (dim,) = args, dims
    x = batch_front(axis, x, dim)
    return _installed["fft"](x, fft_type, fft_lengths), 0


def _pass(b, view, axis, kind, n, size, dtype):
    """One instruction: the transform of one dimension, which gets `size` elements."""
    shape = view.shape
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    view = b.reshape(view, (outer, shape[axis], inner))
    (out,) = b.instr("FFT", [view], [((outer, size, inner), dtype)], [kind, n])
    return b.reshape(out, (*shape[:axis], size, *shape[axis + 1 :]))


def _fft_lower(b, ins, out_avals, *, fft_type, fft_lengths):
    (view,) = ins
    aval = out_avals[0]
    last = len(aval.shape) - 1
    if fft_type == FftType.IRFFT and view.shape[-1] != fft_lengths[-1] // 2 + 1:
        raise ValueError(
            "IRFFT requires the last dimension to be fft_lengths[-1] // 2 + 1, got shape "
            f"{tuple(view.shape)} for fft_lengths {fft_lengths}"
        )
    if math.prod(aval.shape) == 0 or 0 in view.shape:
        return [b.full(aval, 0)]
    axes = range(last - len(fft_lengths) + 1, last + 1)
    numbers = dict(zip(axes, fft_lengths, strict=True))
    n = numbers.pop(last)
    dtype = np.dtype(aval.dtype)
    kind = _FORWARD_KIND[fft_type]
    if fft_type != FftType.IRFFT:
        view = _pass(
            b, view, last, _REAL_KIND.get(fft_type, kind), n, aval.shape[-1], dtype
        )
    for axis, size in reversed(numbers.items()):
        view = _pass(b, view, axis, kind, size, size, view.dtype)
    if fft_type == FftType.IRFFT:
        view = _pass(b, view, last, _REAL_KIND[fft_type], n, n, dtype)
    return [view]


fft_p = define(
    "fft",
    shape=_fft_shape,
    reference=_fft_reference,
    jvp=linear_jvp(lambda: fft_p),
    transpose=_fft_transpose,
    batch=_fft_batch,
    lower=_fft_lower,
)


# the functions that rules call; `control/fourier.py` puts compiled ones in their places
_installed = {"fft": fft, "rfft_transpose": rfft_transpose}


def install(**functions):
    """Provide the functions that rules call."""
    _installed.update(functions)

"""Complex numbers and their parts."""

import numpy as np

from minijax.core import is_undefined_primal
from minijax.ops.arithmetic import neg
from minijax.ops.define import (
    COMPLEX,
    accepts,
    constant_like,
    dtype_of,
    in_aval,
    jointly_linear,
    nary,
    real_dtype,
    unary,
    unbroadcast,
)


def real(x):
    """The real part."""
    return real_p.bind(x)


def imag(x):
    """The imaginary part."""
    return imag_p.bind(x)


def complex(x, y):
    """x + iy."""
    return complex_p.bind(x, y)


def conj(x):
    """The complex conjugate of a real or complex x; always complex."""
    return conj_p.bind(x, input_dtype=dtype_of(x))


def _complex_dtype(dtype):
    return np.dtype("c16") if dtype == np.dtype("f8") else np.dtype("c8")


def _zero_like(x):
    return constant_like(0, x)


def _strong_zero(x):
    """A zero for a cotangent's other part: the complex cotangent is not weak."""
    return dtype_of(x).type(0)


def _complex_reference(x, y):
    """The parts put side by side: arithmetic would lose the sign of zeros."""
    out = np.empty(np.broadcast_shapes(x.shape, y.shape), _complex_dtype(x.dtype))
    out.real, out.imag = x, y
    return out


real_p = unary("real", COMPLEX, np.real, lambda t, x, ans: real(t), result=real_dtype)
real_p.transpose = lambda ct, x: [complex(ct, _strong_zero(ct))]
imag_p = unary("imag", COMPLEX, np.imag, lambda t, x, ans: imag(t), result=real_dtype)
imag_p.transpose = lambda ct, x: [complex(_strong_zero(ct), neg(ct))]
complex_p = nary(
    "complex",
    (np.float32, np.float64),
    _complex_reference,
    (
        lambda t, ans, x, y: complex(t, _zero_like(t)),
        lambda t, ans, x, y: complex(_zero_like(t), t),
    ),
    result=_complex_dtype,
    transpose=lambda ct, x, y: [
        unbroadcast(real(ct), in_aval(x)) if is_undefined_primal(x) else None,
        unbroadcast(imag(neg(ct)), in_aval(y)) if is_undefined_primal(y) else None,
    ],
)
complex_p.jvp = jointly_linear(
    lambda: complex_p,
    (lambda t: complex(t, _zero_like(t)), lambda t: complex(_zero_like(t), t)),
)


def _conj_transpose(ct, x, *, input_dtype):
    if accepts(COMPLEX, input_dtype):
        return [conj_p.bind(ct, input_dtype=input_dtype)]
    return [real(ct)]


def _conj_lower(b, ins, out_avals, **_):
    (x,) = ins
    if x.dtype.kind == "c":
        return [b.ewise("conj", ins, out_avals[0])]
    zero = b.full(out_avals[0].update(dtype=x.dtype), 0)
    return [b.ewise("complex", [x, zero], out_avals[0])]


conj_p = unary(
    "conj",
    (np.float32, np.complexfloating, np.float64),
    lambda x, **_: (
        np.conj(x) if x.dtype.kind == "c" else _complex_reference(x, np.zeros_like(x))
    ),
    lambda t, x, ans, **params: conj_p.bind(t, **params),
    result=lambda dtype: dtype if accepts(COMPLEX, dtype) else _complex_dtype(dtype),
)
conj_p.transpose = _conj_transpose
conj_p.lower = _conj_lower

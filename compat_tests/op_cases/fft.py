"""Rows for ops/fft.py."""

from compat_tests.op_cases import A, case, error

_C64, _F32 = ("complex64",), ("float32",)


def _fft(kind, *lengths):
    return lambda lax, x: lax.fft(x, getattr(lax.FftType, kind), lengths)


def _row(name, kind, lengths, *inputs, **options):
    # equations, which are calls with many parameters, are compared by test_fft.py
    options = {"values": "normal", "tol": 2e-5, "jaxpr": False, **options}
    return case(name, _fft(kind, *lengths), *inputs, **options)


CASES = [
    _row("forward", "FFT", (6,), A(2, 6), dtypes=_C64),
    _row("of-real", "FFT", (6,), A(6), dtypes=_F32),
    _row("of-integers", "FFT", (5,), A(2, 5), dtypes=("int32",)),
    _row("inverse", "IFFT", (7,), A(7), dtypes=_C64),
    _row("two", "FFT", (3, 4), A(3, 4), dtypes=_C64),
    _row("three", "IFFT", (2, 3, 5), A(2, 3, 5), dtypes=_C64),
    _row("real-even", "RFFT", (6,), A(2, 6), dtypes=_F32),
    _row("real-odd", "RFFT", (5,), A(5), dtypes=_F32),
    _row("real-two", "RFFT", (3, 4), A(3, 4), dtypes=_F32),
    _row("to-real-even", "IRFFT", (6,), A(2, 4), dtypes=_C64),
    _row("to-real-odd", "IRFFT", (5,), A(3), dtypes=_C64),
    _row("to-real-two", "IRFFT", (3, 4), A(3, 3), dtypes=_C64),
    _row("to-real-one", "IRFFT", (1,), A(2, 1), dtypes=_C64),
    _row("one-point", "FFT", (1,), A(3, 1), dtypes=_C64),
    _row("large-prime", "FFT", (37,), A(37), dtypes=_C64, vmap=False),
    error("other-length", _fft("FFT", 5), A(4), dtypes=_C64),
    error("other-length-real", _fft("RFFT", 5), A(4)),
    error("too-many-lengths", _fft("FFT", 1, 4), A(4), dtypes=_C64),
    error("real-of-complex", _fft("RFFT", 4), A(4), dtypes=_C64),
    error("real-of-half", _fft("RFFT", 4), A(4), dtypes=("float16",)),
    error("unknown", lambda lax, x: lax.fft(x, "DCT", (4,)), A(4)),
]

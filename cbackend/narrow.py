"""Elements of fewer than 8 bits, and floats of 8: how they lie in a byte, what they are as
wider ones.

A Program has no arithmetic on them. They are read from bytes, computed with in a wider
dtype, and rounded once, to nearest and even, when they are stored: all by the integer
kernels that there are, so that both tiers give the same bits.
"""

import ml_dtypes
import numpy as np

from minijax.avals import ShapedArray
from minijax.dtypes import iinfo, narrow_dtypes, storage_dtype, wide_dtype

_U8, _I8, _U32, _F32 = (np.dtype(t) for t in ("uint8", "int8", "uint32", "float32"))
_F32_INF = 0x7F800000


def cells(array):
    """A NumPy array or scalar as the elements of a buffer."""
    array = np.asarray(array)
    return array.view(_U8) if array.dtype in narrow_dtypes else array


def stored(value, dtype):
    """`value` converted to a dtype, as the elements of a buffer."""
    narrow = dtype in narrow_dtypes
    return cells(np.asarray(value).astype(dtype if narrow else storage_dtype(dtype)))


def widened(eqn):
    """-> (the operands' avals, the parameters) of an equation on wider elements.

    Where a wider float is preferred for its result, operands are of that dtype; operands
    of several narrow floats meet in the widest.
    """
    dtypes = [atom.aval.dtype for atom in [*eqn.invars, *eqn.outvars]]
    wide = {dtype: wide_dtype(dtype) for dtype in dtypes}
    floats = [w for d, w in wide.items() if d in narrow_dtypes and w.kind == "f"]
    preferred = eqn.params.get("preferred_element_type")
    if preferred is not None and preferred not in narrow_dtypes:
        floats.append(preferred)
    if floats:
        meet = max(floats, key=lambda dtype: dtype.itemsize)
        wide = {d: meet if w.kind == "f" and d != w else w for d, w in wide.items()}
    params = {
        name: wide.get(value, value) if isinstance(value, np.dtype) else value
        for name, value in eqn.params.items()
    }
    avals = [ShapedArray(a.aval.shape, wide[a.aval.dtype]) for a in eqn.invars]
    return avals, params


class Format:
    """A narrow float: a sign, exponent and mantissa bits, and what its last codes mean.

    infinite: the last exponent is of infinities and NaNs. nan: the one code that is not a
    number, or None; where it is that of -0, zero has no sign.
    """

    __slots__ = ("bias", "exponent", "infinite", "mantissa", "nan")

    def __init__(self, exponent, mantissa, bias, infinite=False, nan=None):
        self.exponent, self.mantissa, self.bias = exponent, mantissa, bias
        self.infinite, self.nan = infinite, nan

    @property
    def sign(self):
        """The sign's bit."""
        return 1 << (self.exponent + self.mantissa)

    @property
    def unsigned_zero(self):
        """Whether there is no -0."""
        return self.nan == self.sign

    @property
    def last(self):
        """The code of the largest finite number."""
        if self.infinite:
            return self.infinity - 1
        return self.sign - 1 - (self.nan == self.sign - 1)

    @property
    def infinity(self):
        """The code of infinity, where there is one."""
        return ((1 << self.exponent) - 1) << self.mantissa


_E8M0 = np.dtype(ml_dtypes.float8_e8m0fnu)
_FORMATS = {
    np.dtype(getattr(ml_dtypes, name)): form
    for name, form in {
        "float4_e2m1fn": Format(2, 1, 1),
        "float6_e2m3fn": Format(2, 3, 1),
        "float6_e3m2fn": Format(3, 2, 3),
        "float8_e3m4": Format(3, 4, 3, infinite=True),
        "float8_e4m3": Format(4, 3, 7, infinite=True),
        "float8_e4m3fn": Format(4, 3, 7, nan=0x7F),
        "float8_e4m3fnuz": Format(4, 3, 8, nan=0x80),
        "float8_e4m3b11fnuz": Format(4, 3, 11, nan=0x80),
        "float8_e5m2": Format(5, 2, 15, infinite=True),
        "float8_e5m2fnuz": Format(5, 2, 16, nan=0x80),
    }.items()
}


class _Bits:
    """Arithmetic on views of one shape, in terms of a Builder's kernels."""

    def __init__(self, b, shape):
        self.b, self.shape = b, shape

    def number(self, value, dtype=_U32):
        """A constant, everywhere."""
        return self.b.full(ShapedArray(self.shape, dtype), value)

    def __call__(self, op, x, y):
        """A kernel on views; `y` may be a number."""
        y = self.number(y, x.dtype) if isinstance(y, (int, float)) else y
        dtype = np.dtype(bool) if op in ("lt", "gt", "ge", "eq") else x.dtype
        return self.b.ewise(op, [x, y], ShapedArray(self.shape, dtype))

    def select(self, which, on_true, on_false):
        """`on_true` where `which`, else `on_false`; each a view or a number."""
        other = on_false if isinstance(on_true, int) else on_true
        cases = [
            self.number(x, other.dtype) if isinstance(x, int) else x
            for x in (on_false, on_true)
        ]
        return self.b.ewise(
            "select", [which, *cases], ShapedArray(self.shape, other.dtype)
        )


def widen(b, view, dtype):
    """Stored elements of a narrow dtype as float32, int8 or uint8, exactly."""
    bits = _Bits(b, view.shape)
    if dtype == _E8M0:
        return _from_exponent(bits, view)
    if dtype in _FORMATS:
        return _from_float(bits, view, _FORMATS[dtype])
    unused = 8 - iinfo(dtype).bits
    if dtype.name.startswith("u"):
        return bits("and", view, 0xFF >> unused)
    view = view.reinterpret(_I8)
    return bits("shift_right_arithmetic", bits("shift_left", view, unused), unused)


def _from_float(bits, view, form):
    code = bits.b.convert(view, _U32)
    size = bits("and", code, form.sign - 1)
    exponent = (127 - form.bias) << 23
    normal = bits("add", bits("shift_left", size, 23 - form.mantissa), exponent)
    small = bits(
        "mul", bits.b.convert(size, _F32), 2.0 ** (1 - form.bias - form.mantissa)
    )
    value = bits.select(
        bits("lt", size, 1 << form.mantissa), small.reinterpret(_U32), normal
    )
    if form.infinite:
        special = bits("or", bits("shift_left", size, 23 - form.mantissa), _F32_INF)
        value = bits.select(bits("ge", size, form.infinity), special, value)
    elif form.nan == form.sign - 1:
        value = bits.select(bits("eq", size, form.nan), _F32_INF | 1 << 22, value)
    sign = bits("and", code, form.sign)
    value = bits(
        "or", value, bits("shift_left", sign, 31 - form.exponent - form.mantissa)
    )
    if form.unsigned_zero:
        value = bits.select(bits("eq", code, form.nan), _F32_INF | 1 << 22, value)
    return value.reinterpret(_F32)


def _from_exponent(bits, view):
    code = bits.b.convert(view, _U32)
    value = bits("shift_left", code, 23)
    value = bits.select(bits("eq", code, 0), 1 << 22, value)
    value = bits.select(bits("eq", code, 0xFF), _F32_INF | 1 << 22, value)
    return value.reinterpret(_F32)


class Source:
    """A float that is rounded to narrower ones: its dtype, that of its bits, its layout."""

    __slots__ = ("bias", "bits", "dtype", "mantissa")

    def __init__(self, dtype, bits, mantissa, bias):
        self.dtype, self.bits = dtype, bits
        self.mantissa, self.bias = mantissa, bias

    @property
    def infinity(self):
        """The bits of infinity."""
        return (2 * self.bias + 1) << self.mantissa


_SOURCES = {
    np.dtype("float64"): Source(np.dtype("float64"), np.dtype("uint64"), 52, 1023)
}
_SINGLE = Source(_F32, _U32, 23, 127)


def narrow(b, view, dtype):
    """Elements of any dtype rounded to a narrow one, as they are stored.

    Integers wrap around; floats become integers by truncation, saturating.
    """
    if dtype not in _FORMATS and dtype != _E8M0:
        return _to_integer(b, view, dtype)
    source = _SOURCES.get(view.dtype, _SINGLE)
    view = b.convert(view, source.dtype)
    if view.buffer is None:
        view = b.dense(view)
    bits = _Bits(b, view.shape)
    view = view.reinterpret(source.bits)
    if dtype == _E8M0:
        return b.convert(_to_exponent(bits, view, source), _U8)
    return b.convert(_to_float(bits, view, source, _FORMATS[dtype]), _U8)


def _to_integer(b, view, dtype):
    info = iinfo(dtype)
    limits = int(info.min), int(info.max)
    saturates = view.dtype.kind in "fcV"
    view = b.convert(view, _I8 if info.min < 0 else _U8)
    if view.buffer is None:
        view = b.dense(view)
    bits = _Bits(b, view.shape)
    if saturates:
        view = bits("min", bits("max", view, limits[0]), limits[1])
    return bits("and", view.reinterpret(_U8), (1 << info.bits) - 1)


def _nearest(bits, size, shift):
    """Without the lowest `shift` bits, rounded to nearest and even."""
    odd = bits("and", bits("shift_right_logical", size, shift), 1)
    total = bits("add", bits("add", size, odd), (1 << (shift - 1)) - 1)
    return bits("shift_right_logical", total, shift)


def _to_float(bits, code, source, form):
    places = 8 * source.bits.itemsize - 1
    size = bits("and", code, (1 << places) - 1)
    shift, rebias = source.mantissa - form.mantissa, source.bias - form.bias
    normal = bits("sub", _nearest(bits, size, shift), rebias << form.mantissa)
    # Adding this, the sum's lowest bits are the multiple of the smallest number.
    magic = np.array(2.0 ** (1 - form.bias + shift), source.dtype)
    total = bits("add", size.reinterpret(source.dtype), float(magic))
    small = bits("sub", total.reinterpret(source.bits), int(magic.view(source.bits)))
    smallest = bits("lt", size, (rebias + 1) << source.mantissa)
    result = bits.select(smallest, small, normal)
    sign = bits("shift_right_logical", code, places)
    sign = bits("shift_left", sign, form.exponent + form.mantissa)
    is_nan = bits("gt", size, source.infinity)
    return _finished(bits, form, is_nan, sign, result)


def _finished(bits, form, is_nan, sign, result):
    """The code with its sign, what has no number seen to."""
    if form.unsigned_zero:
        sign = bits.select(bits("eq", result, 0), result, sign)
        overflow = bits("gt", result, form.last)
        return bits.select(overflow, form.nan, bits("or", result, sign))
    result = bits("min", result, form.last + (form.infinite or form.nan is not None))
    if form.infinite:
        quiet = form.infinity | 1 << (form.mantissa - 1)
        result = bits.select(is_nan, quiet, result)
    elif form.nan is None:  # the nearest that there is: -0
        return bits.select(is_nan, form.sign, bits("or", result, sign))
    return bits("or", result, sign)


def _to_exponent(bits, code, source):
    """Ties go up. Zero has no code, nor have negative numbers and what is too large."""
    half, rebias = 1 << (source.mantissa - 1), source.bias - 127
    size, part = bits("min", code, source.infinity), half
    if not rebias:  # the smallest, of mantissa `half`, is no normal float32
        part = bits.select(bits("lt", size, 2 * half), half - 1, bits.number(half))
    total = bits("add", size, part)
    result = bits("shift_right_logical", total, source.mantissa)
    result = bits("min", bits("sub", result, rebias), 0xFF)
    smallest = (rebias << source.mantissa) - half if rebias else 1
    return bits.select(bits("lt", code, smallest), 0xFF, result)

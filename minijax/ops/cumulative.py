"""Cumulative sums, products, extrema and log-sum-exps along one axis."""

import operator

import numpy as np

from minijax import dtypes
from minijax.core import AS_STORED, ShapedArray, Zero
from minijax.ops.arithmetic import add, div, mul, neg, sub
from minijax.ops.comparison import eq, max, min, ne
from minijax.ops.complex_parts import complex, imag, real
from minijax.ops.define import (
    NOT_LINEAR,
    add_tangents,
    constant_like,
    define,
    full,
    in_aval,
    linear_jvp,
    select,
    shape_of,
)
from minijax.ops.exponential import exp, log1p
from minijax.ops.joining import concatenate
from minijax.ops.reduce import MAX, MIN, PROD, SUM, dense3
from minijax.ops.rounded_reduce import rounded_cumulative
from minijax.ops.rounding import abs, round
from minijax.ops.shape import rev
from minijax.ops.slicing import pad, slice_in_dim

LOGSUMEXP = 7  # of `enum mjx_reduce_kind`


def _check_axis(x, axis):
    if axis < 0:
        raise ValueError("XLA operations do not allow negative axes")
    if axis >= x.ndim:
        raise ValueError(f"axis {axis} is out of bounds for array of shape {x.shape}")


def _cumulative_shape(name):
    def rule(x, *, axis, reverse):
        _check_axis(x, axis)
        if not dtypes.issubdtype(x.dtype, np.number):
            raise TypeError(
                f"{name} does not accept dtype {x.dtype}. Accepted dtypes are subtypes "
                "of number."
            )
        return ShapedArray(x.shape, x.dtype, x.weak_type)

    return rule


def _cumulative_batch(primitive_of):
    def batch(batch_axis, args, dims, *, axis, reverse):
        (x,), (d,) = args, dims
        out = primitive_of().bind(x, axis=axis + (d <= axis), reverse=reverse)
        return out, d

    return batch


def _cumulative_lower(kind):
    def lower(b, ins, out_avals, *, axis, reverse):
        (x,) = ins
        if not x.size:
            return [x]
        view = dense3(b, x, axis)
        (out,) = b.instr("CUM", [view], [(view.shape, x.dtype)], [kind, int(reverse)])
        return [out.reshape(x.shape)]

    return lower


def _cumulative_reference(function):
    """`function(x, axis)` with the axis turned around for `reverse`; halves in float32."""

    def reference(x, *, axis, reverse):
        small = dtypes.issubdtype(x.dtype, np.floating) and x.dtype.itemsize <= 2
        wide = x.astype(np.float32 if small else dtypes.wide_dtype(x.dtype))
        wide = np.flip(wide, axis) if reverse else wide
        with np.errstate(all="ignore"):
            out = function(wide, axis).astype(x.dtype)
        return np.flip(out, axis) if reverse else out

    return reference


def _bind(primitive, operand, axis, reverse):
    return primitive.bind(operand, axis=operator.index(axis), reverse=bool(reverse))


# --- the sum, which is linear ---------------------------------------------------


def cumsum(operand, axis=0, reverse=False):
    """The sums of the elements up to each one along `axis` (from the end if `reverse`)."""
    return _bind(cumsum_p, operand, axis, reverse)


def _cumsum_reference(x, axis):
    out = np.cumsum(x, axis, dtype=x.dtype)
    return out + x.dtype.type(0)  # a sum begins with 0, so that it is never -0


cumsum_p = define(
    "cumsum",
    shape=_cumulative_shape("cumsum"),
    reference=_cumulative_reference(_cumsum_reference),
    jvp=linear_jvp(lambda: cumsum_p),
    transpose=lambda ct, x, *, axis, reverse: [cumsum(ct, axis, not reverse)],
    batch=_cumulative_batch(lambda: cumsum_p),
    lower=rounded_cumulative(_cumulative_lower(SUM), add, 0),
    narrow=AS_STORED,
)

# --- the others: derivatives through a scan in log(n) steps -----------------------


def _take(arrays, start, limit, stride, axis):
    return [slice_in_dim(x, start, limit, stride, axis) for x in arrays]


def _scan_pairs(combine, elems, axis):
    """All prefixes of lists of arrays under an associative `combine`: two lists -> list.

    Combines neighbours, scans those half as many, and fills in the even places
    (Blelloch, 1990).
    """
    n = shape_of(elems[0])[axis]
    if n < 2:
        return elems
    odd = combine(_take(elems, 0, -1, 2, axis), _take(elems, 1, None, 2, axis))
    odd = _scan_pairs(combine, odd, axis)
    before = _take(odd, 0, -1, 1, axis) if n % 2 == 0 else odd
    even = combine(before, _take(elems, 2, None, 2, axis))
    first = _take(elems, 0, 1, 1, axis)
    even = [concatenate([a, b], axis) for a, b in zip(first, even, strict=True)]
    return _interleave(even, odd, axis)


def _interleave(even, odd, axis):
    """The elements of two lists of arrays in turn along an axis."""
    n_even, n_odd = shape_of(even[0])[axis], shape_of(odd[0])[axis]
    spread_even = [_spaced(x, axis, 0, n_odd == n_even) for x in even]
    spread_odd = [_spaced(x, axis, 1, n_odd != n_even) for x in odd]
    return [add(a, b) for a, b in zip(spread_even, spread_odd, strict=True)]


def _spaced(x, axis, before, after):
    """Zeros between the elements along an axis, and one before and after if asked."""
    config = [(0, 0, 0)] * len(shape_of(x))
    config[axis] = int(before), int(after), 1
    return pad(x, constant_like(0, x), config)


def _scan_jvp(primitive_of, combine):
    """The jvp of a cumulative op as that of a scan with `combine` on (value, tangent)."""

    def jvp(primals, tangents, *, axis, reverse):
        (x,), (t,) = primals, tangents
        if type(t) is Zero:
            out = primitive_of().bind(x, axis=axis, reverse=reverse)
            return out, Zero.of(out)
        elems = [rev(e, (axis,)) for e in (x, t)] if reverse else [x, t]
        outs = _scan_pairs(combine, elems, axis)
        return tuple(rev(e, (axis,)) for e in outs) if reverse else tuple(outs)

    return jvp


def _mul_dual(left, right):
    (x, t), (y, s) = left, right
    return [mul(x, y), add_tangents(mul(t, y), mul(x, s))]


def _extremum_dual(function):
    def combine(left, right):
        (x, t), (y, s) = left, right
        ans = function(x, y)
        from_x = mul(t, _share(x, ans, y))
        return [ans, add_tangents(from_x, mul(s, _share(y, ans, x)))]

    return combine


def _like(x, value):
    return full(in_aval(x).strip_weak_type(), value)


def _share(mine, ans, other):
    """1 where this operand is the extremum, 1/2 where both are, else 0."""
    won = select(eq(mine, ans), _like(ans, 1), _like(ans, 0))
    return div(won, select(eq(other, ans), _like(ans, 2), _like(ans, 1)))


def _logaddexp(x, y):
    """log(exp(x) + exp(y)); right for equal infinities, whose difference is NaN."""
    larger, delta = max(x, y), sub(x, y)
    finite = add(larger, log1p(exp(neg(abs(delta)))))
    return select(ne(delta, delta), add(x, y), finite)


def _finite_or_zero(x):
    infinite = eq(x, constant_like(np.inf, x))
    return select(infinite, _like(x, 0), x)


def _logaddexp_dual(left, right):
    (x, t), (y, s) = left, right
    is_complex = in_aval(x).dtype.kind == "c"
    ans = (_complex_logaddexp if is_complex else _logaddexp)(x, y)
    from_x = mul(t, exp(sub(_finite_or_zero(x), _finite_or_zero(ans))))
    from_y = mul(s, exp(sub(_finite_or_zero(y), _finite_or_zero(ans))))
    return [ans, add(from_x, from_y)]


def _complex_logaddexp(x, y):
    larger, smaller = max(x, y), min(x, y)
    total = add(larger, log1p(exp(sub(smaller, larger))))
    angle = imag(total)
    turn = angle.dtype.type(2 * np.pi)
    turns = round(div(angle, turn))
    return complex(real(total), sub(angle, mul(turns, turn)))


def _in_pairs_if_complex(kind, function):
    """The lowering of an op whose kernel knows no complex numbers: in log(n) steps."""
    on_reals = _cumulative_lower(kind)

    def lower(b, ins, out_avals, *, axis, reverse):
        (aval,) = out_avals
        if aval.dtype.kind != "c" or not aval.size:
            return on_reals(b, ins, out_avals, axis=axis, reverse=reverse)

        def combine(left, right):
            return [function(left[0], right[0])]

        def prefixes(x):
            x = rev(x, (axis,)) if reverse else x
            (out,) = _scan_pairs(combine, [x], axis)
            return [rev(out, (axis,)) if reverse else out]

        return b.lower_fun(prefixes, ins, [aval])

    return lower


def _logsumexp_reference(x, axis):
    if x.dtype.kind != "c":
        return np.logaddexp.accumulate(x, axis) + x.dtype.type(0)
    return np.log(np.cumsum(np.exp(x), axis))


def _cumulative(name, kind, function, combine, on_complex=None, rounded=None):
    lower = _cumulative_lower(kind)
    if rounded is not None:
        lower = rounded_cumulative(lower, *rounded)
    if on_complex is not None:
        lower = _in_pairs_if_complex(kind, on_complex)
    primitive = define(
        name,
        shape=_cumulative_shape(name),
        reference=_cumulative_reference(function),
        jvp=_scan_jvp(lambda: primitive, combine),
        transpose=NOT_LINEAR,
        batch=_cumulative_batch(lambda: primitive),
        lower=lower,
        narrow=None if rounded is None else AS_STORED,
    )
    return primitive


def cumprod(operand, axis=0, reverse=False):
    """The products of the elements up to each one along `axis`."""
    return _bind(cumprod_p, operand, axis, reverse)


def cummax(operand, axis=0, reverse=False):
    """The largest of the elements up to each one along `axis`."""
    return _bind(cummax_p, operand, axis, reverse)


def cummin(operand, axis=0, reverse=False):
    """The smallest of the elements up to each one along `axis`."""
    return _bind(cummin_p, operand, axis, reverse)


def cumlogsumexp(operand, axis=0, reverse=False):
    """log of the sums of exp of the elements up to each one along `axis`."""
    return _bind(cumlogsumexp_p, operand, axis, reverse)


cumprod_p = _cumulative(
    "cumprod",
    PROD,
    lambda x, axis: np.cumprod(x, axis, dtype=x.dtype),
    _mul_dual,
    rounded=(mul, 1),
)
cummax_p = _cumulative("cummax", MAX, np.maximum.accumulate, _extremum_dual(max), max)
cummin_p = _cumulative("cummin", MIN, np.minimum.accumulate, _extremum_dual(min), min)
cumlogsumexp_p = _cumulative(
    "cumlogsumexp", LOGSUMEXP, _logsumexp_reference, _logaddexp_dual, _complex_logaddexp
)

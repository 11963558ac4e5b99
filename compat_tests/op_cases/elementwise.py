"""Rows for the elementwise ops: arithmetic to special functions."""

import numpy as np

from compat_tests.op_cases import (
    ANY,
    BITS,
    BOOL,
    COMPLEX,
    F32,
    FLOATS,
    INTS,
    NUMBER,
    REAL,
    A,
    case,
    error,
)  # fmt: skip

_INEXACT = FLOATS + COMPLEX
_SIGNED = FLOATS + ("int32",)
_ALL_INTS = ("int8", "int16", "int32", "uint8", "uint16", "uint32")
# XLA's functions are themselves rounded; these are a few units in the last place
_CLOSE = {"float32": 4e-6, "float16": 2e-3, "bfloat16": 2e-2, "complex64": 1e-5}
_LOOSE = {"float32": 5e-5, "float16": 4e-3, "bfloat16": 3e-2}


def _unary(name):
    return lambda lax, x: getattr(lax, name)(x)


def _binary(name):
    return lambda lax, x, y: getattr(lax, name)(x, y)


def _function(name, dtypes, values="normal", tol=_CLOSE, special=True, **options):
    """A row on moderate values with derivatives, and one on all values without."""
    rows = [
        case(
            name,
            _unary(name),
            A(2, 5),
            dtypes=dtypes,
            values=values,
            tol=tol,
            **options,
        )
    ]
    if special:
        reals = tuple(d for d in dtypes if d not in COMPLEX)
        rows.append(
            case(
                f"{name}-any",
                _unary(name),
                A(24),
                dtypes=reals,
                tol=tol,
                diff=False,
                vmap=False,
            )
        )
    return rows


def _operator(name, dtypes, any_dtypes=None, values="normal", tol=_CLOSE, **options):
    rows = [
        case(
            name,
            _binary(name),
            A(2, 5),
            A(2, 5),
            dtypes=dtypes,
            values=values,
            tol=tol,
            **options,
        ),
        case(
            f"{name}-scalar",
            _binary(name),
            A(2, 3),
            A(),
            dtypes=dtypes[:1],
            values=values,
            tol=tol,
            **options,
        ),
        case(
            f"{name}-empty",
            _binary(name),
            A(0, 3),
            A(0, 3),
            dtypes=dtypes[:1],
            diff=False,
        ),
    ]
    rows.append(
        case(
            f"{name}-any",
            _binary(name),
            A(24),
            A(24),
            dtypes=any_dtypes or dtypes,
            tol=tol,
            diff=False,
            vmap=False,
        )
    )
    return rows


_REAL_COMPLEX = tuple(d for d in NUMBER if d not in COMPLEX)

CASES = [
    *_function("neg", NUMBER, tol=None),
    *_operator("add", NUMBER, _REAL_COMPLEX, tol=None),
    *_operator("sub", NUMBER, _REAL_COMPLEX, tol=None),
    *_operator("mul", NUMBER, _REAL_COMPLEX, tol={"complex64": 1e-6}),
    *_operator("div", NUMBER, _REAL_COMPLEX, values="positive", tol=_CLOSE),
    *_operator("mulhi", _ALL_INTS, values="any", tol=None, diff=False),
    *_operator("rem", REAL, values="positive", tol=_CLOSE),
    *_function("sign", _INEXACT + INTS),
    *_function("abs", _SIGNED + COMPLEX),
    *_function("square", NUMBER),
    *[
        case(
            f"integer-pow{y}",
            lambda lax, x, y=y: lax.integer_pow(x, y),
            A(2, 5),
            dtypes=FLOATS if y < 0 else REAL,
            values="positive",
            tol=_CLOSE,
            diff_jaxpr=y != 0,
        )
        for y in (0, 1, 2, 3, 5, 8, -1, -2)
    ],
    *_function("floor", FLOATS, tol=None),
    *_function("ceil", FLOATS, tol=None),
    *_function("is_finite", FLOATS, tol=None, diff=False),
    *_function("exp", FLOATS),
    # XLA multiplies by log 2 in the operand's own precision
    *_function(
        "exp2", FLOATS, tol={"float32": 4e-6, "float16": 1e-2, "bfloat16": 5e-2}
    ),
    *_function("log", FLOATS, values="positive"),
    *_function("log1p", FLOATS, values="positive"),
    *_function("expm1", FLOATS),
    *_operator("pow", FLOATS, values="positive", tol=_LOOSE),
    case(
        "pow-int",
        lambda lax, x, y: lax.pow(x, y),
        A(5),
        A(5, dtype="int32", values="small"),
        values="positive",
        tol=_CLOSE,
    ),
    case(
        "pow-int-spread",
        lambda lax, x, y: lax.pow(x, y),
        A(2, 3),
        A(1, 3, dtype="int32", values="small"),
        dtypes=F32,
        values="positive",
        tol=_CLOSE,
        jaxpr=False,  # JAX drops the axis before it broadcasts, and moves both batch axes
    ),
    *_function("sqrt", FLOATS, values="positive"),
    *_function("rsqrt", FLOATS, values="positive"),
    *_function("cbrt", FLOATS, values="positive"),
    *_function("logistic", FLOATS),
    *_function("sin", FLOATS),
    *_function("cos", FLOATS),
    *_function("tan", FLOATS, values="unit", special=False),
    *_function("asin", FLOATS, values="unit"),
    *_function("acos", FLOATS, values="unit"),
    *_function("atan", FLOATS),
    *_operator("atan2", FLOATS, values="positive"),
    *_function("sinh", FLOATS, values="unit"),
    *_function("cosh", FLOATS, values="unit"),
    *_function("tanh", FLOATS),
    *_function("asinh", FLOATS, values="unit"),
    *_function("acosh", FLOATS, values="positive", special=False, diff=False),
    *_function("atanh", FLOATS, values="unit"),
    *[
        row
        for name in ("max", "min")
        for row in _operator(name, REAL + BOOL, tol=_CLOSE)
    ],
    *[
        row
        for name in ("eq", "ne")
        for row in _operator(name, ANY, tol=None, diff=False)
    ],
    *[
        row
        for name in ("lt", "le", "gt", "ge")
        for row in _operator(name, REAL + BOOL, tol=None, diff=False)
    ],
    *_operator("nextafter", FLOATS, values="any", tol=None, diff=False),
    *_function("bitwise_not", BITS, values="any", tol=None, special=False),
    *[
        row
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
        for row in _operator(name, BITS, values="any", tol=None)
    ],
    *_function("population_count", _ALL_INTS, values="any", tol=None, special=False),
    *_function("clz", _ALL_INTS, values="any", tol=None, special=False),
    *[
        row
        for name in ("shift_left", "shift_right_logical", "shift_right_arithmetic")
        for row in _operator(name, _ALL_INTS, values="small", tol=None)
    ],
    *_function("real", COMPLEX, tol=None, special=False),
    *_function("imag", COMPLEX, tol=None, special=False),
    *_function("conj", COMPLEX + F32, tol=None, special=False),
    case("complex", _binary("complex"), A(2, 3), A(2, 3), tol=None),
    *_function("erf", FLOATS),
    *_function("erfc", FLOATS),
    *_function("erf_inv", FLOATS, values="unit"),
    *_function("lgamma", FLOATS, values="positive", tol=_LOOSE),
    *_function("digamma", FLOATS, values="positive", tol=_LOOSE, special=False),
    *_function("bessel_i0e", FLOATS, tol=_LOOSE),
    *_function("bessel_i1e", FLOATS, tol=_LOOSE),
    case("igamma", _binary("igamma"), A(5), A(5), values="positive", tol=_LOOSE),
    case("igammac", _binary("igammac"), A(5), A(5), values="positive", tol=_LOOSE),
    case(
        "igamma_grad_a",
        _binary("igamma_grad_a"),
        A(5),
        A(5),
        values="positive",
        tol=1e-4,
        diff=False,
    ),
    case(
        "random_gamma_grad",
        _binary("random_gamma_grad"),
        A(5),
        A(5),
        values="positive",
        tol=1e-3,
        diff=False,
        jaxpr=False,
    ),
    case(
        "zeta",
        lambda lax, x, q: lax.zeta(lax.add(x, np.float32(1.5)), q),
        A(5),
        A(5),
        values="positive",
        diff=False,
        tol=1e-4,
    ),
    case(
        "polygamma",
        lambda lax, m, x: lax.polygamma(m, x),
        A(5, values="small"),
        A(5, values="positive"),
        diff=[1],
        tol=1e-4,
    ),
    case(
        "betainc",
        lambda lax, a, b, x: lax.betainc(a, b, lax.abs(x)),
        A(5, values="positive"),
        A(5, values="positive"),
        A(5, values="unit"),
        diff=[2],
        tol=1e-4,
        jaxpr=False,
    ),
    error("add-dtypes", _binary("add"), A(3), A(3, dtype="int32")),
    error("add-ranks", _binary("add"), A(3), A(2, 3)),
    error("add-shapes", _binary("add"), A(3), A(2)),
    error("add-bool", _binary("add"), A(3), A(3), dtypes=BOOL),
    error("sin-int", _unary("sin"), A(3), dtypes=INTS),
    error("floor-complex", _unary("floor"), A(3), dtypes=COMPLEX),
    error("lt-complex", _binary("lt"), A(3), A(3), dtypes=COMPLEX),
    error("not-float", _unary("bitwise_not"), A(3)),
    error("shift-float", _binary("shift_left"), A(3), A(3)),
]

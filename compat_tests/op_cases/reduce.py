"""Rows for ops/reduce.py."""

import numpy as np

from compat_tests.op_cases import (
    BITS,
    COMPLEX,
    F32,
    NUMBER,
    REAL,
    A,
    case,
    error,
)  # fmt: skip

_SUM = {"float32": 1e-5, "float16": 5e-3, "bfloat16": 4e-2, "complex64": 1e-5}
_ORDERED = REAL + ("bool",)


def _axes(name, axes):
    return lambda lax, x: getattr(lax, name)(x, axes)


def _arithmetic(name, tol):
    def row(label, axes, *shape, **options):
        options = {"values": "normal", "tol": tol, **options}
        return case(f"{name}{label}", _axes(name, axes), A(*shape), **options)

    return [
        row("", (0,), 5, 3, dtypes=NUMBER),
        row("-last", (1,), 3, 5),
        row("-all", (0, 1), 2, 3),
        row("-order", (1, 0), 2, 3),
        row("-outer-and-inner", (0, 2), 2, 3, 4),
        row("-middle", (1,), 2, 3, 4),
        row("-none", (), 2, 3),
        row("-scalar", (), dtypes=F32),
        row("-one", (0,), 1, 3),
        row("-of-empty", (0,), 0, 3, dtypes=NUMBER, diff=False),
        row("-to-empty", (1,), 0, 3),
        row("-special", (0,), 4, 4, values="special", diff=False, vmap=False, tol=1e-5),
    ]


def _failures(name):
    return [
        error(f"{name}-negative", _axes(name, (-1,)), A(2, 3)),
        error(f"{name}-twice", _axes(name, (0, 0)), A(2, 3)),
        error(f"{name}-outside", _axes(name, (2,)), A(2, 3)),
        error(f"{name}-int", _axes(name, 0), A(2, 3)),
    ]


def _transposed(name, tol):
    """Axes whose strides do not collapse, broadcasts, reversals and iotas under a
    reduction.
    """

    def over(view):
        return lambda lax, x: getattr(lax, name)(view(lax, x), (0, 2))

    views = {
        "transposed": lambda lax, x: lax.transpose(x, (1, 2, 0)),
        "reversed": lambda lax, x: lax.rev(x, (0, 2)),
        "broadcast": lambda lax, x: lax.broadcast_in_dim(x, (2, 2, 3, 4), (0, 2, 3)),
        "sliced": lambda lax, x: lax.slice(x, (0, 0, 1), (2, 3, 4), (1, 2, 2)),
    }
    return [
        case(
            f"{name}-{label}",
            over(view),
            A(2, 3, 4),
            values="normal",
            tol=tol,
            diff=False,
            vmap=False,
        )
        for label, view in views.items()
    ]


CASES = [
    *_arithmetic("reduce_sum", _SUM),
    *_arithmetic("reduce_prod", _SUM),
    *_failures("reduce_sum"),
    *_failures("reduce_prod"),
    *_failures("reduce_max"),
    error("reduce_sum-bool", _axes("reduce_sum", (0,)), A(2), dtypes=("bool",)),
    *_transposed("reduce_sum", _SUM),
    *_transposed("reduce_max", None),
    *_transposed("reduce_prod", _SUM),
    case(
        "reduce_sum-iota",
        lambda lax: lax.reduce_sum(lax.broadcasted_iota(np.int32, (3, 4), 1), (0,)),
    ),
    case(
        "reduce_sum-large",
        _axes("reduce_sum", (0,)),
        A(3000),
        values="normal",
        tol=1e-4,
        diff=False,
        vmap=False,
    ),
    case(
        "reduce_sum-wide",
        _axes("reduce_sum", (0,)),
        A(70, 40),
        values="normal",
        tol=1e-4,
        diff=False,
        vmap=False,
    ),
    *[
        case(
            f"{name}{label}",
            _axes(name, axes),
            A(*shape),
            dtypes=dtypes,
            values=values,
            diff=diff,
            tol=1e-6,
        )
        for name in ("reduce_max", "reduce_min")
        for label, axes, shape, dtypes, values, diff in (
            ("", (0,), (4, 3), _ORDERED, "any", False),
            ("-slope", (1,), (3, 4), F32, "normal", None),
            ("-ties", (0, 1), (3, 4), F32, "small", None),
            ("-all", (0, 1), (3, 4), _ORDERED, "any", False),
            ("-none", (), (3,), F32, "normal", None),
            ("-of-empty", (0,), (0, 3), _ORDERED, "any", False),
            ("-to-empty", (1,), (0, 3), F32, "any", False),
            ("-complex", (0,), (5, 3), COMPLEX, "normal", False),
        )
    ],
    *[
        case(f"{name}{label}", _axes(name, axes), A(*shape), dtypes=BITS)
        for name in ("reduce_and", "reduce_or", "reduce_xor")
        for label, axes, shape in (
            ("", (0,), (3, 4)),
            ("-all", (1, 0), (3, 4)),
            ("-of-empty", (0,), (0, 2)),
        )
    ],
    error("reduce_and-float", _axes("reduce_and", (0,)), A(2)),
    error("reduce_or-outside", _axes("reduce_or", (2,)), A(2, 3), dtypes=("bool",)),
    *[
        case(
            f"{name}{label}",
            lambda lax, x, name=name, axis=axis, dtype=dtype: getattr(lax, name)(
                x, axis, dtype
            ),
            A(*shape),
            dtypes=_ORDERED,
            values=values,
            diff=False,
        )
        for name in ("argmax", "argmin")
        for label, axis, shape, dtype, values in (
            ("", 0, (5, 3), np.int32, "any"),
            ("-last", 1, (3, 5), np.int32, "any"),
            ("-middle", 1, (2, 5, 3), np.uint8, "small"),
            ("-ties", 0, (9,), np.int32, "small"),
        )
    ],
    case(
        "argmax-transposed",
        lambda lax, x: lax.argmax(lax.transpose(x, (2, 0, 1)), 1, np.int32),
        A(2, 3, 4),
        diff=False,
    ),
    error("argmax-negative", lambda lax, x: lax.argmax(x, -1, np.int32), A(2, 3)),
    error("argmax-outside", lambda lax, x: lax.argmax(x, 2, np.int32), A(2, 3)),
    error("argmax-float", lambda lax, x: lax.argmax(x, 0, np.float32), A(2, 3)),
    error("argmax-empty", lambda lax, x: lax.argmax(x, 0, np.int32), A(0, 3)),
]

CASES += [
    case(
        f"reduce-{name}",
        lambda lax, x, name=name, init=init: lax.reduce(
            x, x.dtype.type(init), getattr(lax, name), (0,)
        ),
        A(5, 3),
        values="normal",
        tol=_SUM,
        dtypes=dtypes,
    )
    for name, init, dtypes in (
        ("add", 0, REAL),
        ("mul", 1, REAL),
        ("max", -np.inf, F32),
        ("min", np.inf, F32),
        ("bitwise_and", -1, ("int32",)),
        ("bitwise_or", 0, ("int32",)),
        ("bitwise_xor", 0, ("int32",)),
    )
]
CASES += [
    case(
        "reduce-max-from-zero",
        lambda lax, x: lax.reduce(x, np.float32(0), lax.max, (0,)),
        A(5, 3),
        values="normal",
        tol=1e-6,
        diff_jaxpr=False,
    ),
    case(
        "reduce-add-from-one",
        lambda lax, x: lax.reduce(x, np.float32(1), lax.add, (1, 0)),
        A(3, 4),
        values="normal",
        tol=1e-5,
        diff_jaxpr=False,
    ),
    case(
        "reduce-lambda",
        lambda lax, x: lax.reduce(
            x, np.float32(2), lambda a, b: lax.add(a, lax.mul(b, np.float32(1))), (0,)
        ),
        A(7, 3),
        values="normal",
        tol=1e-5,
        diff_jaxpr=False,
        jaxpr=True,
    ),
    case(
        "reduce-two",
        lambda lax, x, y: lax.reduce(
            (x, y),
            (np.float32(0), np.float32(1)),
            lambda a, b: (lax.add(a[0], b[0]), lax.mul(a[1], b[1])),
            (0,),
        ),
        A(5, 3),
        A(5, 3),
        values="unit",
        tol=1e-5,
        diff_jaxpr=False,
    ),
    case(
        "reduce-empty",
        lambda lax, x: lax.reduce(x, np.float32(2), lax.max, (0,)),
        A(0, 3),
        diff=False,
    ),
    case(
        "reduce-bool",
        lambda lax, x: lax.reduce(x, False, lax.max, (0,)),
        A(4, 3),
        dtypes=("bool",),
    ),
    error(
        "reduce-dtypes",
        lambda lax, x: lax.reduce(x, 1, lax.add, (0,)),
        A(2, 3),
        message=False,
    ),
    error(
        "reduce-axis",
        lambda lax, x: lax.reduce(x, np.float32(0), lax.add, (-1,)),
        A(2, 3),
    ),
    error(
        "reduce-trees",
        lambda lax, x: lax.reduce((x,), (), lax.add, (0,)),
        A(2, 3),
        message=False,
    ),
    error("reduce-init-shape", lambda lax, x: lax.reduce(x, x, lax.add, (0,)), A(2, 3)),
]

"""Rows for ops/window.py and ops/window_select.py."""

import numpy as np

from compat_tests.op_cases import FLOATS, A, case, error

_SAME = (1, 2, 3), (1, 2, 2), "SAME"
_DILATED = (1, 2, 3), (1, 2, 1), ((0, 0), (1, 0), (0, 1)), (1, 2, 1), (1, 1, 2)
_PADDED = (1, 2, 3), (1, 1, 2), ((0, 0), (2, 1), (0, 3))
_OVERLAP = (2, 3), (1, 1), "VALID"


def _reduce(op, init, window):
    return lambda lax, x: lax.reduce_window(x, init, getattr(lax, op), *window)


def _row(name, op, init, window, *inputs, **options):
    options = {"values": "normal", "tol": 1e-5, **options}
    return case(name, _reduce(op, init, window), *inputs, **options)


_X = A(2, 3, 5)
_LOWEST = np.iinfo(np.int32).min

CASES = [
    _row("sum", "add", 0.0, _SAME, _X),
    _row("sum-int", "add", 0, _SAME, _X, dtypes=("int32",)),
    _row(
        "sum-half", "add", 0.0, _OVERLAP, A(4, 5), dtypes=FLOATS, tol=5e-2, jaxpr=False
    ),
    _row("sum-complex", "add", 0.0, _OVERLAP, A(4, 5), dtypes=("complex64",)),
    _row("sum-dilated", "add", 0.0, _DILATED, _X),
    _row("sum-padded", "add", 0.0, _PADDED, _X),
    _row("sum-no-windows", "add", 0.0, ((1, 9, 2), (1, 1, 2)), _X, vmap=False),
    _row("max", "max", -np.inf, _SAME, _X, dtypes=FLOATS),
    _row("max-special", "max", -np.inf, _OVERLAP, A(4, 5), values="any", diff=False),
    _row("max-int", "max", _LOWEST, _SAME, _X, dtypes=("int32",)),
    _row("max-unsigned", "max", np.uint8(0), _SAME, _X, dtypes=("uint8",)),
    _row("max-bool", "max", False, _SAME, _X, dtypes=("bool",)),
    _row("max-dilated", "max", -np.inf, _DILATED, _X, diff=False),
    _row("max-padded", "max", -np.inf, _PADDED, _X),
    _row("max-overlapping", "max", -np.inf, _OVERLAP, A(5, 6)),
    _row("max-ties", "max", -np.inf, _OVERLAP, A(5, 6), values="small"),
    _row("min", "min", np.inf, _SAME, _X),
    _row("min-ties", "min", np.inf, _PADDED, _X, values="small"),
    _row("product", "mul", 1.0, _OVERLAP, A(4, 5), diff=False),
    _row("sum-from-one", "add", 1.0, _PADDED, _X, diff=False),
    _row("or", "bitwise_or", False, _SAME, _X, dtypes=("bool",)),
    _row("and", "bitwise_and", -1, _OVERLAP, A(4, 5), dtypes=("int32",)),
    _row("strides-left-out", "add", 0.0, ((1, 2, 2),), _X),
    _row("one-dim", "max", -np.inf, ((3,), (2,), ((1, 1),)), A(9)),
    _row("cumulative", "add", 0.0, ((5,), (1,), ((4, 0),)), A(5)),
    case(
        "computation",
        lambda lax, x: lax.reduce_window(
            x, 3.0, lambda a, b: lax.add(a, lax.mul(b, b)), *_PADDED
        ),
        _X,
        values="normal",
        tol=1e-5,
        diff=False,
    ),
    case(
        "computation-dilated",
        lambda lax, x: lax.reduce_window(
            x, 3.0, lambda a, b: lax.add(a, lax.mul(b, b)), *_DILATED
        ),
        _X,
        values="normal",
        tol=1e-5,
        diff=False,
    ),
    case(
        "two-operands",
        lambda lax, x, y: lax.reduce_window(
            (x, y),
            (0.0, 1.0),
            lambda a, b: (lax.add(a[0], b[0]), lax.mul(a[1], b[1])),
            *_OVERLAP,
        ),
        A(4, 5),
        A(4, 5),
        values="unit",
        tol=1e-5,
        diff=False,
        vmap=False,
    ),
    case(
        "init-argument",
        lambda lax, x, i: lax.reduce_window(x, i, lax.add, *_SAME),
        _X,
        A(),
        values="normal",
        tol=1e-5,
        diff=False,
        vmap=False,
    ),
    error("window-rank", _reduce("add", 0.0, ((1, 2), (1, 2, 2))), _X),
    error("padding-name", _reduce("add", 0.0, ((1, 2, 2), (1, 2, 2), "foo")), _X),
    error(
        "padding-count",
        _reduce("add", 0.0, ((1, 2, 2), (1, 2, 2), ((0, 0),))),
        _X,
        message=False,
    ),
    error(
        "stride-zero",
        _reduce("add", 0.0, ((1, 2, 2), (1, 0, 2), "VALID")),
        _X,
        message=False,
    ),
    error("window-zero", _reduce("add", 0.0, ((1, 0, 2), (1, 1, 2), "VALID")), _X),
    error(
        "base-dilation-zero", _reduce("add", 0.0, (*_SAME[:2], "VALID", (1, 0, 1))), _X
    ),
    error("init-vector", _reduce("add", np.zeros(1, np.float32), _SAME), _X),
    error("init-dtype", _reduce("add", np.int32(1), _SAME), _X),
    error("sum-of-booleans", _reduce("add", False, _SAME), _X, dtypes=("bool",)),
    error("nothing", lambda lax: lax.reduce_window((), (), lambda a, b: a, (1,))),
]

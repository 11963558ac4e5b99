"""Rows for ops/dot.py."""

import numpy as np

from compat_tests.op_cases import BOOL, COMPLEX, F32, FLOATS, INTS, A, case, error

_BATCHED = (((2,), (1,)), ((0,), (0,)))
# sums of a few products of sixteenths: exact in float32, rounded once in the half types
_ANY = FLOATS + INTS + COMPLEX + BOOL


def _dot(name, dimension_numbers, *inputs, **options):
    return case(
        name,
        lambda lax, x, y: lax.dot_general(x, y, dimension_numbers),
        *inputs,
        values="normal",
        tol="ulp",
        **options,
    )


def _pref(dtype):
    return lambda lax, x, y: lax.dot(x, y, preferred_element_type=dtype)


CASES = [
    _dot("dot_general", _BATCHED, A(2, 3, 4), A(2, 4, 5), dtypes=_ANY),
    _dot("outer", (((), ()), ((), ())), A(2, 3), A(4)),
    _dot("two-contracted", (((3, 1), (0, 2)), ((), ())), A(2, 4, 3, 2), A(2, 5, 4)),
    _dot("batch-inside", (((0,), (2,)), ((2,), (1,))), A(3, 2, 4), A(5, 4, 3)),
    _dot("free-between", (((1,), (2,)), ((0,), (0,))), A(2, 4, 3, 2), A(2, 5, 4)),
    _dot("all-contracted", (((0, 1), (1, 0)), ((), ())), A(2, 3), A(3, 2)),
    _dot("empty-sum", (((1,), (0,)), ((), ())), A(2, 0), A(0, 3)),
    _dot("empty-result", (((1,), (0,)), ((), ())), A(0, 2), A(2, 3)),
    _dot("vectors", (((0,), (0,)), ((), ())), A(7), A(7)),
    case(
        "wide",
        lambda lax, x, y: lax.dot(lax.tile(x, (3, 13)), lax.tile(y, (13, 14))),
        A(1, 5),
        A(5, 5),
        values="normal",
        tol=1e-4,
    ),
    case(
        "dot",
        lambda lax, x, y: lax.dot(x, y),
        A(2, 3),
        A(3, 4),
        values="normal",
        tol="ulp",
    ),
    case(
        "dot-vector",
        lambda lax, x, y: lax.dot(x, y),
        A(2, 3),
        A(3),
        values="normal",
        tol="ulp",
        vmap=False,
    ),
    case(
        "batch_matmul",
        lambda lax, x, y: lax.batch_matmul(x, y),
        A(2, 3, 4),
        A(2, 4, 2),
        values="normal",
        tol="ulp",
    ),
    case(
        "precision",
        lambda lax, x, y: lax.dot(x, y, precision=("highest", "default")),
        A(2, 3),
        A(3, 2),
        values="normal",
        tol="ulp",
    ),
    case(
        "preset",
        lambda lax, x, y: lax.dot(x, y, precision="F32_F32_F32"),
        A(2, 3),
        A(3, 2),
        values="normal",
        tol="ulp",
    ),
    case(
        "transposed-views",
        lambda lax, x, y: lax.dot(lax.transpose(x, (1, 0)), lax.rev(y, (0, 1))),
        A(3, 2),
        A(3, 4),
        values="normal",
        tol="ulp",
    ),
    case(
        "broadcast-view",
        lambda lax, x, y: lax.dot(lax.broadcast_in_dim(x, (2, 3), (1,)), y),
        A(3),
        A(3, 4),
        values="normal",
        tol="ulp",
    ),
    case(
        "iota-view",
        lambda lax, x: lax.dot(lax.broadcasted_iota(np.float32, (2, 3), 1), x),
        A(3, 4),
        values="normal",
        tol="ulp",
    ),
    case(
        "preferred-wider",
        _pref(np.float32),
        A(2, 3),
        A(3, 4),
        dtypes=("bfloat16", "float16", "float32"),
        values="normal",
        tol="ulp",
    ),
    case(
        "preferred-int",
        _pref(np.int32),
        A(2, 3),
        A(3, 4),
        dtypes=("int8", "uint8", "float32", "bool"),
        values="normal",
    ),
    case(
        "preferred-narrow",
        _pref(np.float16),
        A(2, 3),
        A(3, 4),
        dtypes=F32,
        values="normal",
        tol=2e-3,
    ),
    case(
        "mixed",
        lambda lax, x, y: lax.dot(x, y),
        A(2, 3, dtype="bfloat16"),
        A(3, 4),
        dtypes=("float32", "int32", "complex64"),
        values="normal",
        tol=2e-2,
    ),
    case(
        "mixed-signs",
        lambda lax, x, y: lax.dot(x, y),
        A(2, 3, dtype="int8"),
        A(3, 4, dtype="uint8"),
        values="any",
    ),
    error(
        "contract-sizes",
        lambda lax, x, y: lax.dot_general(x, y, (((2,), (2,)), ((0,), (0,)))),
        A(2, 3, 4),
        A(2, 4, 5),
    ),
    error(
        "batch-sizes",
        lambda lax, x, y: lax.dot_general(x, y, (((2,), (1,)), ((1,), (0,)))),
        A(2, 3, 4),
        A(2, 4, 5),
    ),
    error(
        "batch-count",
        lambda lax, x, y: lax.dot_general(x, y, (((2,), (1,)), ((0, 1), (0,)))),
        A(2, 3, 4),
        A(2, 4, 5),
    ),
    error(
        "overlap",
        lambda lax, x, y: lax.dot_general(x, y, (((2,), (1,)), ((2,), (0,)))),
        A(2, 3, 4),
        A(2, 4, 5),
    ),
    error(
        "repeated",
        lambda lax, x, y: lax.dot_general(x, y, (((2, 2), (1, 1)), ((), ()))),
        A(2, 3, 4),
        A(2, 4, 5),
    ),
    error(
        "outside",
        lambda lax, x, y: lax.dot_general(x, y, (((7,), (1,)), ((0,), (0,)))),
        A(2, 3, 4),
        A(2, 4, 5),
    ),
    error("dot-shapes", lambda lax, x, y: lax.dot(x, y), A(2, 3), A(2, 4)),
    error("dot-ranks", lambda lax, x, y: lax.dot(x, y), A(2, 3, 4), A(4)),
    error(
        "matmul-ranks", lambda lax, x, y: lax.batch_matmul(x, y), A(2, 3, 4), A(4, 2)
    ),
    error("bad-precision", lambda lax, x: lax.dot(x, x, precision="foo"), A(2, 2)),
    error("preferred-too-narrow", _pref("int8"), A(2, 3), A(3, 4), dtypes=("int32",)),
]

"""Rows for ops/convert.py, bitcast.py, reduce_precision.py, identities.py and select.py."""

import numpy as np

from compat_tests.op_cases import (
    ANY,
    COMPLEX,
    F32,
    FLOATS,
    INTS,
    A,
    case,
    error,
)  # fmt: skip

_TARGETS = (
    "bool", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float16", "bfloat16",
    "float32", "complex64",
)  # fmt: skip


def _convert(target):
    return lambda lax, x: lax.convert_element_type(
        x, np.dtype(target) if target != "bfloat16" else target
    )


CASES = [
    *[
        case(
            f"convert-to-{target}",
            _convert(target),
            A(2, 5),
            dtypes=ANY,
            values="any",
            diff=None if target in ("float16", "float32", "complex64") else False,
        )
        for target in _TARGETS
    ],
    case(
        "convert-python-float",
        lambda lax, x: lax.convert_element_type(x, float),
        A(3),
        dtypes=ANY,
    ),
    case(
        "convert-python-int",
        lambda lax, x: lax.convert_element_type(x, int),
        A(3),
        dtypes=ANY,
        diff=False,
    ),
    case(
        "convert-python-bool",
        lambda lax, x: lax.convert_element_type(x, bool),
        A(),
        dtypes=ANY,
        diff=False,
    ),
    case(
        "convert-scalar",
        lambda lax, x: lax.convert_element_type(3, np.float32) * x,
        A(2),
        values="normal",
        jaxpr=False,
        vmap=False,
    ),
    case("convert-scalar-value", lambda lax: lax.convert_element_type(2**40, np.int32)),
    case(
        "convert-scalar-float",
        lambda lax: lax.convert_element_type(1e20, np.uint8),
        jaxpr=False,
    ),
    case(
        "convert-scalar-nan",
        lambda lax: lax.convert_element_type(float("nan"), np.int32),
        jaxpr=False,
    ),
    case(
        "convert-scalar-strong",
        lambda lax: lax.convert_element_type(1, float),
        jaxpr=False,
    ),
    error("convert-none", lambda lax, x: lax.convert_element_type(x, None), A(2)),
    error("convert-list", lambda lax: lax.convert_element_type([1, 2], np.float32)),
    error(
        "convert-str",
        lambda lax: lax.convert_element_type("a", np.float32),
        message=False,
    ),
    case(
        "bitcast-int",
        lambda lax, x: lax.bitcast_convert_type(x, np.int32),
        A(2, 3),
        diff=False,
    ),
    case(
        "bitcast-float",
        lambda lax, x: lax.bitcast_convert_type(x, np.float32),
        A(2, 3),
        dtypes=("int32", "uint32"),
    ),
    case(
        "bitcast-narrow8",
        lambda lax, x: lax.bitcast_convert_type(x, np.uint8),
        A(2, 3),
        dtypes=("float32", "int32", "bfloat16"),
        diff=False,
        vmap=False,
    ),
    case(
        "bitcast-narrow16",
        lambda lax, x: lax.bitcast_convert_type(x, np.float16),
        A(3),
        dtypes=("float32",),
        diff=False,
        vmap=False,
    ),
    case(
        "bitcast-widen",
        lambda lax, x: lax.bitcast_convert_type(x, np.float32),
        A(3, 4),
        dtypes=("uint8", "int8"),
        diff=False,
        vmap=False,
    ),
    case(
        "bitcast-widen16",
        lambda lax, x: lax.bitcast_convert_type(x, np.int32),
        A(3, 2),
        dtypes=("float16", "bfloat16"),
        diff=False,
        vmap=False,
    ),
    case(
        "bitcast-same",
        lambda lax, x: lax.bitcast_convert_type(x, x.dtype),
        A(3),
        dtypes=ANY,
        diff=False,
    ),
    case(
        "bitcast-transposed",
        lambda lax, x: lax.bitcast_convert_type(lax.transpose(x, (1, 0)), np.int16),
        A(2, 3),
        diff=False,
        vmap=False,
    ),
    case(
        "bitcast-iota",
        lambda lax: lax.bitcast_convert_type(lax.iota(np.int32, 4), np.uint32),
    ),
    error(
        "bitcast-size",
        lambda lax, x: lax.bitcast_convert_type(x, np.float32),
        A(3, 3),
        dtypes=("uint16",),
    ),
    error(
        "bitcast-rank",
        lambda lax, x: lax.bitcast_convert_type(x, np.float32),
        A(),
        dtypes=("uint16",),
    ),
    error(
        "bitcast-bool",
        lambda lax, x: lax.bitcast_convert_type(x, np.uint8),
        A(3),
        dtypes=("bool",),
    ),
    error(
        "bitcast-complex",
        lambda lax, x: lax.bitcast_convert_type(x, np.float32),
        A(3),
        dtypes=COMPLEX,
    ),
    *[
        case(
            f"reduce-precision-{e}-{m}",
            lambda lax, x, e=e, m=m: lax.reduce_precision(x, e, m),
            A(3, 7),
            dtypes=FLOATS,
            defaults=() if m else FLOATS,
        )
        for e, m in ((5, 10), (8, 7), (8, 23), (4, 3), (11, 2), (2, 0))
    ],
    error(
        "reduce-precision-int",
        lambda lax, x: lax.reduce_precision(x, 5, 10),
        A(3),
        dtypes=INTS,
    ),
    error(
        "reduce-precision-exponent", lambda lax, x: lax.reduce_precision(x, 0, 10), A(3)
    ),
    case("stop-gradient", lambda lax, x: lax.stop_gradient(x), A(2, 3), dtypes=ANY),
    case(
        "stop-gradient-product",
        lambda lax, x: lax.mul(lax.stop_gradient(x), x),
        A(2, 3),
        values="normal",
        tol="ulp",
    ),
    error("stop-gradient-str", lambda lax: lax.stop_gradient("a")),
    case(
        "optimization-barrier",
        lambda lax, x, y: lax.optimization_barrier((x, y)),
        A(2),
        A(3, dtype="int32"),
        diff=[0],
        diff_jaxpr=False,
    ),
    case(
        "optimization-barrier-one", lambda lax, x: lax.optimization_barrier(x), A(2, 3)
    ),
    case(
        "optimization-barrier-dropped",
        lambda lax, x, y: lax.optimization_barrier((x, y))[0],
        A(2),
        A(3),
    ),
    case("copy", lambda lax, x: lax.copy_p.bind(x), A(2, 3), dtypes=ANY),
    case(
        "select",
        lambda lax, b, x, y: lax.select(b, x, y),
        A(2, 3, dtype="bool"),
        A(2, 3),
        A(2, 3),
        dtypes=ANY,
    ),
    case(
        "select-scalar-pred",
        lambda lax, b, x, y: lax.select(b, x, y),
        A(dtype="bool"),
        A(2, 3),
        A(2, 3),
        dtypes=F32,
    ),
    case(
        "select-scalar",
        lambda lax, b, x, y: lax.select(b, x, y),
        A(dtype="bool"),
        A(),
        A(),
    ),
    case("select-weak", lambda lax, b, x: lax.select(b, x, 1.0), A(dtype="bool"), A()),
    case(
        "select-n-one",
        lambda lax, b, x: lax.select_n(b, x),
        A(3, dtype="bool"),
        A(3),
        diff=False,
    ),
    case(
        "select-n-three",
        lambda lax, i, x, y, z: lax.select_n(i, x, y, z),
        A(6, dtype="int32", values="small"),
        A(6),
        A(6),
        A(6),
    ),
    case(
        "select-n-uint8",
        lambda lax, i, x, y: lax.select_n(i, x, y),
        A(6, dtype="uint8", values="small"),
        A(6),
        A(6),
        jaxpr=True,
    ),
    case(
        "select-empty",
        lambda lax, b, x: lax.select(b, x, x),
        A(0, 3, dtype="bool"),
        A(0, 3),
    ),
    error("select-float", lambda lax, x: lax.select(x, x, x), A(2)),
    error(
        "select-which-shape",
        lambda lax, b, x: lax.select_n(b, x, x),
        A(3, dtype="bool"),
        A(2, 3),
    ),
    error(
        "select-case-shapes",
        lambda lax, b, x: lax.select_n(b, x, np.float32(1)),
        A(3, dtype="bool"),
        A(3),
    ),
    error(
        "select-dtypes",
        lambda lax, b, x, i: lax.select_n(b, x, i),
        A(3, dtype="bool"),
        A(3),
        A(3, dtype="int32"),
    ),
    error(
        "select-bool-three",
        lambda lax, b, x: lax.select_n(b, x, x, x),
        A(3, dtype="bool"),
        A(3),
    ),
    error("select-none", lambda lax, b: lax.select_n(b), A(3, dtype="bool")),
    case(
        "clamp",
        lambda lax, a, x, b: lax.clamp(a, x, b),
        A(2, 3),
        A(2, 3),
        A(2, 3),
        dtypes=("float32", *INTS, "float16", "bool"),
        values="normal",
        tol="ulp",
        defaults=("bool",),
    ),
    case(
        "clamp-any",
        lambda lax, a, x, b: lax.clamp(a, x, b),
        A(2, 3),
        A(2, 3),
        A(2, 3),
        dtypes=FLOATS,
        diff=False,
        vmap=False,
    ),
    case(
        "clamp-scalars",
        lambda lax, a, x, b: lax.clamp(a, x, b),
        A(),
        A(2, 3),
        A(),
        dtypes=("float32", "int32"),
        values="normal",
        diff=[1],
        tol="ulp",
    ),
    case(
        "clamp-python",
        lambda lax, x: lax.clamp(0.0, x, 1.0),
        A(2, 3),
        values="normal",
        tol="ulp",
    ),
    case(
        "clamp-mixed",
        lambda lax, x, b: lax.clamp(np.float32(-0.5), x, b),
        A(2, 3),
        A(2, 3),
        values="normal",
        tol="ulp",
    ),
    error("clamp-min-shape", lambda lax, a, x: lax.clamp(a, x, x), A(3), A(2, 3)),
    error("clamp-max-shape", lambda lax, a, x: lax.clamp(x, x, a), A(3), A(2, 3)),
    error("clamp-dtypes", lambda lax, a, x: lax.clamp(a, x, x), A(dtype="int32"), A(3)),
    error("clamp-python-int", lambda lax, x: lax.clamp(0, x, 1), A(3)),
]

"""Rows for ops/slicing.py and ops/joining.py."""

import numpy as np

from compat_tests.op_cases import ANY, A, case, error

_PAD = ((1, 1, 0), (0, -1, 1))

CASES = [
    case("slice", lambda lax, x: lax.slice(x, (0, 1), (2, 3)), A(2, 3), dtypes=ANY),
    case("slice-all", lambda lax, x: lax.slice(x, (0, 0), (2, 3)), A(2, 3)),
    case("slice-strides", lambda lax, x: lax.slice(x, (0, 1), (5, 7), (2, 3)), A(5, 7)),
    case("slice-unit-strides", lambda lax, x: lax.slice(x, (1,), (3,), (1,)), A(4)),
    case("slice-empty", lambda lax, x: lax.slice(x, (2, 1), (2, 3)), A(2, 3)),
    case(
        "slice-reversed",
        lambda lax, x: lax.slice(lax.rev(x, (0,)), (1,), (4,), (2,)),
        A(5),
    ),
    error("slice-rank", lambda lax, x: lax.slice(x, (0,), (2,)), A(2, 3)),
    error("slice-negative", lambda lax, x: lax.slice(x, (-1, 0), (2, 3)), A(2, 3)),
    error("slice-limit", lambda lax, x: lax.slice(x, (0, 0), (3, 3)), A(2, 3)),
    error("slice-order", lambda lax, x: lax.slice(x, (2, 0), (1, 3)), A(2, 3)),
    error("slice-limits", lambda lax, x: lax.slice(x, (0, 0), (2,)), A(2, 3)),
    error(
        "slice-stride-count", lambda lax, x: lax.slice(x, (0, 0), (2, 3), (1,)), A(2, 3)
    ),
    case(
        "slice-in-dim", lambda lax, x: lax.slice_in_dim(x, 1, None, 2, axis=1), A(2, 5)
    ),
    case("slice-in-dim-negative", lambda lax, x: lax.slice_in_dim(x, -2, -1), A(4, 3)),
    error("slice-in-dim-large", lambda lax, x: lax.slice_in_dim(x, 0, 10), A(4, 3)),
    case("index-in-dim", lambda lax, x: lax.index_in_dim(x, -1, 1), A(2, 3)),
    case(
        "index-in-dim-dropped", lambda lax, x: lax.index_in_dim(x, 0, 1, False), A(2, 3)
    ),
    error("index-in-dim-outside", lambda lax, x: lax.index_in_dim(x, 3, 1), A(2, 3)),
    case("split", lambda lax, x: lax.split(x, (1, 2), 1), A(2, 3), dtypes=ANY),
    case("split-negative", lambda lax, x: lax.split(x, (1, 0, 2), -1), A(2, 3)),
    case("split-one-part", lambda lax, x: lax.split(x, (1, 2), 1)[1], A(2, 3)),
    error("split-sum", lambda lax, x: lax.split(x, (1, 1), 1), A(2, 3)),
    error("split-sizes", lambda lax, x: lax.split(x, (4, -1), 1), A(2, 3)),
    error("split-axis", lambda lax, x: lax.split(x, (3,), 2), A(2, 3)),
    case(
        "concatenate",
        lambda lax, x, y: lax.concatenate([x, y, x], 0),
        A(2, 3),
        A(1, 3),
        dtypes=ANY,
    ),
    case(
        "concatenate-last",
        lambda lax, x, y: lax.concatenate([x, y], 1),
        A(2, 3),
        A(2, 1),
    ),
    case("concatenate-one", lambda lax, x: lax.concatenate([x], 0), A(2, 3)),
    case(
        "concatenate-empty",
        lambda lax, x, y: lax.concatenate([x, y], 0),
        A(0, 3),
        A(2, 3),
    ),
    case(
        "concatenate-constant",
        lambda lax, x: lax.concatenate([x, np.ones((1, 3), "f4")], 0),
        A(2, 3),
    ),
    case("concatenate-array", lambda lax, x: lax.concatenate(x, 0), A(2, 3)),
    case(
        "concatenate-views",
        lambda lax, x: lax.concatenate([lax.transpose(x, (1, 0)), lax.rev(x, (0,))], 0),
        A(3, 3),
    ),
    error("concatenate-none", lambda lax: lax.concatenate([], 0)),
    error(
        "concatenate-rank", lambda lax, x, y: lax.concatenate([x, y], 0), A(2, 3), A(3)
    ),
    error(
        "concatenate-sizes",
        lambda lax, x, y: lax.concatenate([x, y], 0),
        A(2, 3),
        A(3, 2),
    ),
    error(
        "concatenate-dtypes",
        lambda lax, x, y: lax.concatenate([x, y], 0),
        A(2, 3),
        A(2, 3, dtype="int32"),
    ),
    error("concatenate-dimension", lambda lax, x: lax.concatenate([x, x], -1), A(2, 3)),
    error("concatenate-scalars", lambda lax, x: lax.concatenate([x, x], 0), A()),
    case("stack", lambda lax, x, y: lax.stack([x, y], 1), A(2, 3), A(2, 3), dtypes=ANY),
    case("stack-first", lambda lax, x, y: lax.stack([x, y]), A(2), A(2)),
    case("stack-last", lambda lax, x, y: lax.stack([x, y], -1), A(2), A(2)),
    case("stack-scalars", lambda lax, x, y: lax.stack([x, y, x]), A(), A()),
    error("stack-rank", lambda lax, x, y: lax.stack([x, y], 0), A(2, 3), A(2)),
    error(
        "stack-dtypes",
        lambda lax, x, y: lax.stack([x, y], 0),
        A(2),
        A(2, dtype="int32"),
    ),
    error("stack-axis", lambda lax, x: lax.stack([x, x], 3), A(2, 3)),
    case("unstack", lambda lax, x: lax.unstack(x, 1), A(2, 3), dtypes=ANY),
    case("unstack-negative", lambda lax, x: lax.unstack(x, -2), A(2, 3)),
    case("unstack-one", lambda lax, x: lax.unstack(x)[1], A(2, 3)),
    error("unstack-axis", lambda lax, x: lax.unstack(x, 2), A(2, 3)),
    error("unstack-scalar", lambda lax, x: lax.unstack(x), A()),
    case(
        "pad",
        lambda lax, x, v: lax.pad(x, v, _PAD),
        A(2, 3),
        A(),
        dtypes=ANY,
        values="normal",
        tol="ulp",
    ),
    case("pad-zero", lambda lax, x: lax.pad(x, np.float32(0), _PAD), A(2, 3)),
    case("pad-nothing", lambda lax, x: lax.pad(x, np.float32(0), ((0, 0, 0),)), A(3)),
    case(
        "pad-crop",
        lambda lax, x: lax.pad(x, np.float32(0), ((-1, -2, 0), (-1, 1, 0))),
        A(5, 4),
    ),
    case(
        "pad-crop-interior",
        lambda lax, x: lax.pad(x, np.float32(7), ((-3, -2, 2),)),
        A(5),
    ),
    case("pad-crop-all", lambda lax, x: lax.pad(x, np.float32(7), ((-9, 7, 0),)), A(3)),
    case("pad-empty", lambda lax, x: lax.pad(x, np.float32(7), ((2, 1, 3),)), A(0)),
    case("pad-weak", lambda lax, x: lax.pad(x, 1.0, ((2, 1, 1),)), A(3)),
    case(
        "pad-scalar",
        lambda lax, x, v: lax.pad(x, v, ()),
        A(),
        A(),
        values="normal",
        tol="ulp",
    ),
    case(
        "pad-value-only",
        lambda lax, x, v: lax.pad(x, v, ((1, 2, 1),)),
        A(3),
        A(),
        values="normal",
        diff=[0],
        tol="ulp",
    ),
    error("pad-rank", lambda lax, x: lax.pad(x, np.float32(0), ((0, 0, 0),)), A(2, 3)),
    error(
        "pad-interior", lambda lax, x: lax.pad(x, np.float32(0), ((0, 0, -1),)), A(3)
    ),
    error(
        "pad-size",
        lambda lax, x: lax.pad(x, np.float32(0), ((-2, -2, 0), (0, 0, 0))),
        A(2, 3),
    ),
    error("pad-dtypes", lambda lax, x: lax.pad(x, 0, ((0, 0, 0),)), A(3)),
    error("pad-value-shape", lambda lax, x: lax.pad(x, x, ((0, 0, 0),)), A(3)),
    error("pad-config", lambda lax, x: lax.pad(x, np.float32(0), ((0, 0),)), A(3)),
    case(
        "tile",
        lambda lax, x: lax.tile(x, (2, 3)),
        A(2, 3),
        dtypes=ANY,
        values="normal",
        tol="ulp",
    ),
    case("tile-once", lambda lax, x: lax.tile(x, (1, 1)), A(2, 3)),
    case("tile-zero", lambda lax, x: lax.tile(x, (0, 2)), A(2, 3), diff=False),
    error("tile-rank", lambda lax, x: lax.tile(x, (2, 1, 1)), A(2, 3)),
]

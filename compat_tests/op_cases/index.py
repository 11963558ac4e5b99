"""Rows for ops/gather.py, ops/scatter.py and ops/index.py."""

import numpy as np

from compat_tests.op_cases import ANY, NUMBER, A, case, error

# operand [5, 4, 3], indices [2, 1]: rows, cut to [4, 2]
_ROWS = (1, 2), (0,), (0,)
_ROW_SIZES = (1, 4, 2)
_UNIQUE = np.array([[3], [0]], np.int32)
_WIDE = np.iinfo(np.int32).max


def _gather(numbers, sizes, **options):
    def fun(lax, x, i):
        return lax.gather(x, i, lax.GatherDimensionNumbers(*numbers), sizes, **options)

    return fun


def _indices(*shape, values="normal", dtype="int32"):
    return A(*shape, dtype=dtype, values=values)


def _scatter(name, numbers=((1,), (0,), (0,)), **options):
    def fun(lax, x, i, u):
        numbers_ = lax.ScatterDimensionNumbers(*numbers)
        return getattr(lax, name)(x, i, u, numbers_, **options)

    return fun


def _unique(name, **options):
    def fun(lax, x, u):
        numbers = lax.ScatterDimensionNumbers((1,), (0,), (0,))
        return getattr(lax, name)(
            x, _UNIQUE, u, numbers, unique_indices=True, **options
        )

    return fun


def _bad_gather(name, numbers, sizes=_ROW_SIZES, indices=(2, 1), dtype="int32"):
    return error(
        f"gather-{name}",
        _gather(numbers, sizes),
        A(5, 4, 3),
        A(*indices, dtype=dtype),
    )


def _bad_scatter(name, numbers, indices=(2, 1), updates=(2, 3), dtype="int32"):
    return error(
        f"scatter-{name}",
        _scatter("scatter", numbers),
        A(5, 4),
        A(*indices, dtype=dtype),
        A(*updates),
    )


_GATHERS = [
    case(
        "gather-fill",
        _gather(_ROWS, _ROW_SIZES, mode="fill"),
        A(5, 4, 3),
        _indices(2, 1),
        dtypes=ANY,
    ),
    case(
        "gather-clip",
        _gather(_ROWS, _ROW_SIZES, mode="clip"),
        A(5, 4, 3),
        _indices(2, 1),
    ),
    case(
        "gather",
        _gather(_ROWS, _ROW_SIZES),
        A(5, 4, 3),
        _indices(2, 1, values="small"),
    ),
    case(
        "gather-fill-value",
        _gather(_ROWS, _ROW_SIZES, mode="fill", fill_value=7),
        A(5, 4, 3),
        _indices(2, 1),
        dtypes=NUMBER,
    ),
    case(
        "gather-flags",
        _gather(_ROWS, _ROW_SIZES, unique_indices=True, indices_are_sorted=True),
        A(5, 4, 3),
        _indices(1, 1, values="small"),
        vmap=False,
    ),
    case(
        "gather-two-components",
        _gather(((1,), (0, 2), (2, 0)), (1, 3, 1), mode="fill"),
        A(5, 4, 4),
        _indices(3, 2),
    ),
    case(
        "gather-windows",
        _gather(((0, 2), (), (1, 0)), (2, 3), mode="fill"),
        A(5, 4),
        _indices(3, 2),
    ),
    case(
        "gather-batching",
        _gather(((1,), (1,), (1,), (0,), (0,)), (1, 1, 2), mode="clip"),
        A(5, 4, 3),
        _indices(5, 1),
    ),
    case(
        "gather-scalar-slices",
        _gather(((), (0, 1), (0, 1)), (1, 1), mode="fill"),
        A(3, 4),
        _indices(2, 3, 2),
        dtypes=ANY,
    ),
    case(
        "gather-no-component",
        _gather(((0, 1), (), ()), (2, 2)),
        A(3, 4),
        A(0, dtype="int32"),
    ),
    case(
        "gather-empty-slices",
        _gather(((1,), (0,), (0,)), (1, 0), mode="fill"),
        A(3, 4),
        _indices(2, 1),
    ),
    case(
        "gather-unsigned",
        _gather(((), (0,), (0,)), (1,), mode="fill"),
        A(5),
        A(3, 1, dtype="uint32", values="any"),
    ),
    case(
        "gather-index-types",
        lambda lax, x, i, j: [
            lax.gather(x, k, lax.GatherDimensionNumbers((), (0,), (0,)), (1,), mode=m)
            for k in (i, j)
            for m in ("fill", "clip")
        ],
        A(5),
        A(3, 1, dtype="int8", values="any"),
        A(3, 1, dtype="uint8", values="any"),
    ),
    case(
        "gather-iota-indices",
        lambda lax, x: lax.gather(
            x,
            lax.broadcasted_iota(np.int32, (4, 1), 0),
            lax.GatherDimensionNumbers((), (0,), (0,)),
            (1,),
        ),
        A(5),
    ),
    _bad_gather("float-indices", _ROWS, dtype="float32"),
    _bad_gather("offset-order", ((2, 1), (0,), (0,))),
    _bad_gather("offset-repeated", ((1, 1), (0,), (0,))),
    _bad_gather("offset-outside", ((1, 5), (0,), (0,))),
    _bad_gather("map-length", ((1, 2), (0,), (0, 1))),
    _bad_gather("map-outside", ((1, 2), (0,), (7,))),
    _bad_gather("collapsed-order", ((1,), (1, 0), (0,)), (1, 1, 2)),
    _bad_gather("collapsed-outside", ((1, 2), (7,), (0,)), (1, 1, 2)),
    _bad_gather("collapsed-size", _ROWS, (2, 4, 2)),
    _bad_gather("slice-count", _ROWS, (1, 4)),
    _bad_gather("offset-count", ((1,), (0,), (0,))),
    _bad_gather("slice-large", _ROWS, (1, 9, 2)),
    _bad_gather("slice-negative", _ROWS, (1, -1, 2)),
    _bad_gather("batching-size", ((1, 2), (), (2,), (0,), (0,)), (1, 1, 2), (3, 1)),
    _bad_gather("batching-vector", ((1, 2), (), (2,), (0,), (1,)), (1, 1, 2), (5, 1)),
    _bad_gather("batching-count", ((1, 2), (), (2,), (0,), ()), (1, 1, 2), (5, 1)),
    _bad_gather("scalar-indices", _ROWS, indices=()),
    error(
        "gather-mode",
        _gather(_ROWS, _ROW_SIZES, mode="foo"),
        A(5, 4, 3),
        _indices(2, 1),
    ),
]

_SCATTERS = [
    case(
        "scatter",
        _scatter("scatter"),
        A(5, 4),
        _indices(2, 1),
        A(2, 3),
        dtypes=ANY,
    ),
    case(
        "scatter-clip",
        _scatter("scatter", mode="clip"),
        A(5, 4),
        _indices(2, 1),
        A(2, 3),
    ),
    *[
        case(
            f"{name}",
            _scatter(name),
            A(5, 4),
            _indices(3, 1),
            A(3, 3),
            dtypes=NUMBER,
            values="normal",
            tol="ulp",
            diff=False if name == "scatter_mul" else None,
        )
        for name in ("scatter_add", "scatter_sub", "scatter_mul")
    ],
    *[
        case(
            f"{name}",
            _scatter(name),
            A(5, 4),
            _indices(3, 1),
            A(3, 3),
            dtypes=("float32", "int32", "uint8", "bool"),
            values="small",
            tol="ulp",
        )
        for name in ("scatter_min", "scatter_max")
    ],
    case(
        "scatter_max-special",
        _scatter("scatter_max"),
        A(5, 4),
        _indices(3, 1),
        A(3, 3),
        diff=False,
        dtypes=("float32", "float16", "bfloat16"),
    ),
    case("scatter-unique", _unique("scatter"), A(5, 4), A(2, 3)),
    case(
        "scatter_mul-unique",
        _unique("scatter_mul"),
        A(5, 4),
        A(2, 3),
        values="normal",
        tol="ulp",
    ),
    case(
        "scatter-batching",
        _scatter("scatter_add", ((1,), (), (1,), (0,), (0,)), mode="clip"),
        A(5, 4),
        _indices(5, 1),
        A(5, 2),
        values="normal",
    ),
    case(
        "scatter-elements",
        _scatter("scatter_add", ((), (0, 1), (1, 0))),
        A(4, 5),
        _indices(3, 2, 2),
        A(3, 2),
        values="normal",
        tol="ulp",
    ),
    case(
        "scatter-windows",
        _scatter("scatter_add", ((0, 2), (), (0, 1))),
        A(5, 4),
        _indices(3, 2),
        A(2, 3, 3),
        values="normal",
        tol="ulp",
    ),
    case(
        "scatter-one",
        _scatter("scatter", ((0,), (0,), (0,))),
        A(5, 4),
        _indices(1),
        A(4),
    ),
    case(
        "scatter_apply",
        lambda lax, x, i: lax.scatter_apply(
            x,
            i,
            lambda v: lax.mul(v, v),
            lax.ScatterDimensionNumbers((1,), (0,), (0,)),
            update_shape=(3, 3),
        ),
        A(5, 4),
        _indices(3, 1),
        values="unit",
        tol="ulp",
        diff=False,
    ),
    case(
        "scatter-empty",
        _scatter("scatter", ((1,), (0,), (0,))),
        A(5, 4),
        A(0, 1, dtype="int32"),
        A(0, 4),
    ),
    _bad_scatter("float-indices", ((1,), (0,), (0,)), dtype="float32"),
    _bad_scatter("window-outside", ((3,), (0,), (0,))),
    _bad_scatter("inserted-outside", ((1,), (5,), (0,))),
    _bad_scatter("rank", ((1,), (), (0,))),
    _bad_scatter("map-length", ((1,), (0,), (0, 1))),
    _bad_scatter("map-outside", ((1,), (0,), (7,))),
    _bad_scatter("updates-rank", ((1,), (0,), (0,)), updates=(2, 3, 1)),
    _bad_scatter("window-large", ((1,), (0,), (0,)), updates=(2, 9)),
    _bad_scatter("updates-size", ((1,), (0,), (0,)), updates=(3, 3)),
    _bad_scatter("window-order", ((1, 0), (), (0,)), (1,), (2, 2)),
    _bad_scatter("batching-outside", ((1,), (), (0,), (7,), (0,))),
    error(
        "scatter-dtypes",
        _scatter("scatter"),
        A(5, 4),
        _indices(2, 1),
        A(2, 3, dtype="int32"),
    ),
]


def _slice(lax, x, i):
    return lax.dynamic_slice(x, (i, np.int32(1)), (2, 3))


def _update(lax, x, u, i):
    return lax.dynamic_update_slice(x, u, (i, np.int32(1)))


_SLICES = [
    case("dynamic_slice", _slice, A(5, 4), _indices(), dtypes=ANY),
    case(
        "dynamic_slice-vector",
        lambda lax, x, i: lax.dynamic_slice(x, i, (2, 3)),
        A(5, 4),
        _indices(2),
    ),
    case(
        "dynamic_slice-unsigned",
        lambda lax, x, i: lax.dynamic_slice(x, (i,), (2,)),
        A(5),
        A(dtype="uint32", values="any"),
    ),
    case(
        "dynamic_slice-extremes",
        lambda lax, x, i: lax.dynamic_slice(x, (i,), (2,)),
        A(5),
        A(dtype="int32", values="any"),
    ),
    case(
        "dynamic_slice-constants",
        lambda lax, x: lax.dynamic_slice(x, (-2, 9), (2, 3)),
        A(5, 4),
    ),
    case(
        "dynamic_slice-not-negative",
        lambda lax, x, i: lax.dynamic_slice(
            x, (i, i), (2, 3), allow_negative_indices=(False, True)
        ),
        A(5, 4),
        _indices(values="small"),
    ),
    case(
        "dynamic_slice_in_dim",
        lambda lax, x, i: lax.dynamic_slice_in_dim(x, i, 2, axis=-1),
        A(3, 5),
        _indices(),
    ),
    case("dynamic_update_slice", _update, A(5, 4), A(2, 3), _indices(), dtypes=ANY),
    case(
        "dynamic_update_slice-empty",
        _update,
        A(5, 4),
        A(0, 3),
        _indices(),
    ),
    case(
        "dynamic_update_slice_in_dim",
        lambda lax, x, u, i: lax.dynamic_update_slice_in_dim(x, u, i, axis=1),
        A(3, 5),
        A(3, 2),
        _indices(),
    ),
    error(
        "slice-sizes-large",
        lambda lax, x: lax.dynamic_slice(x, (1, 1), (2, 7)),
        A(5, 4),
    ),
    error(
        "slice-sizes-negative",
        lambda lax, x: lax.dynamic_slice(x, (1, 1), (2, -1)),
        A(5, 4),
    ),
    error(
        "slice-start-count", lambda lax, x: lax.dynamic_slice(x, (1,), (2, 3)), A(5, 4)
    ),
    error(
        "slice-start-float",
        lambda lax, x: lax.dynamic_slice(x, (1.0, 1), (2, 1)),
        A(5, 4),
    ),
    error(
        "slice-start-vector",
        lambda lax, x, i: lax.dynamic_slice(x, (i, np.int32(1)), (2, 1)),
        A(5, 4),
        _indices(2),
    ),
    error(
        "update-rank",
        lambda lax, x, u: lax.dynamic_update_slice(x, u, (1, 1)),
        A(5, 4),
        A(3),
    ),
    error(
        "update-large",
        lambda lax, x, u: lax.dynamic_update_slice(x, u, (1, 1)),
        A(5, 4),
        A(6, 1),
    ),
    error(
        "update-dtype",
        lambda lax, x, u: lax.dynamic_update_slice(x, u, (1, 1)),
        A(5, 4),
        A(2, 3, dtype="int32"),
    ),
    error(
        "update-start-float",
        lambda lax, x, u: lax.dynamic_update_slice(x, u, (1.0, 1)),
        A(5, 4),
        A(2, 3),
    ),
]

CASES = _GATHERS + _SCATTERS + _SLICES

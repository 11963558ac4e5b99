"""Rows for ops/conv.py."""

from compat_tests.op_cases import BOOL, COMPLEX, FLOATS, INTS, A, case, error

_NHWC = ("NHWC", "HWIO", "NHWC")
_X, _W = A(2, 4, 3, 2), A(3, 2, 2, 3)


def _call(**options):
    options = {
        "window_strides": (1, 1),
        "padding": "SAME",
        "dimension_numbers": _NHWC,
        **options,
    }
    return lambda lax, x, w: lax.conv_general_dilated(x, w, **options)


def _conv(name, lhs=_X, rhs=_W, dtypes=("float32",), vmap=True, **options):
    return case(
        name,
        _call(**options),
        lhs,
        rhs,
        dtypes=dtypes,
        values="normal",
        tol={"float32": 2e-5, "float16": 5e-3, "bfloat16": 5e-2, "complex64": 2e-5},
        vmap=vmap,
    )


def _bad(name, lhs=_X, rhs=_W, message=True, **options):
    return error(name, _call(**options), lhs, rhs, message=message)


def _other(name, fun, *inputs, **options):
    return case(name, fun, *inputs, values="normal", tol=2e-5, **options)


CASES = [
    _conv("conv", dtypes=FLOATS + INTS + COMPLEX + BOOL),
    _conv("strides", window_strides=(2, 3)),
    _conv("valid", padding="VALID"),
    _conv("lower", padding="SAME_LOWER", window_strides=(2, 2)),
    _conv("padding", padding=((2, 1), (0, 3))),
    _conv("cropped", padding=((-1, 1), (0, -2))),
    _conv("rhs-dilation", rhs_dilation=(2, 3)),
    _conv("lhs-dilation", lhs_dilation=(2, 3), padding=((1, 2), (0, 1))),
    _conv(
        "all-together",
        lhs_dilation=(2, 1),
        rhs_dilation=(1, 2),
        window_strides=(3, 2),
        padding=((1, 2), (-1, 2)),
    ),
    _conv("feature-groups", rhs=A(3, 2, 1, 6), feature_group_count=2),
    _conv("depthwise", lhs=A(2, 3, 3, 4), rhs=A(2, 2, 1, 8), feature_group_count=4),
    _conv("batch-groups", rhs=A(3, 2, 2, 6), batch_group_count=2),
    _conv("one-by-one", rhs=A(1, 1, 2, 3)),
    _conv("window-of-all", rhs=A(4, 3, 2, 3), padding="VALID"),
    _conv("wide-padding", padding=((7, 0), (0, 8))),
    _conv("few-features", lhs=A(2, 4, 5, 1), rhs=A(3, 3, 1, 2)),
    _conv("no-windows", rhs=A(7, 2, 2, 3), padding="VALID", vmap=False),
    _conv("no-batch", lhs=A(0, 4, 3, 2), vmap=False),
    _other(
        "large",
        lambda lax, x, w: lax.conv_general_dilated(
            lax.tile(x, (2, 6, 6, 4)),
            lax.tile(w, (3, 1, 4, 8)),
            (1, 1),
            "SAME",
            dimension_numbers=_NHWC,
        ),
        A(1, 2, 2, 2),
        A(1, 3, 2, 2),
        vmap=False,
    ),
    _conv(
        "odd-layout",
        lhs=A(2, 3, 4, 2),
        rhs=A(3, 2, 3, 2),
        dimension_numbers=("CHWN", "OIHW", "CWNH"),
    ),
    _conv(
        "default-layout",
        lhs=A(1, 4, 3, 4),
        rhs=A(6, 2, 3, 2),
        dimension_numbers=None,
        feature_group_count=2,
    ),
    _conv(
        "default-layout-batch-groups",
        lhs=A(2, 2, 3, 4),
        rhs=A(4, 2, 3, 2),
        dimension_numbers=None,
        batch_group_count=2,
    ),
    _conv(
        "one-dim",
        lhs=A(2, 7, 3),
        rhs=A(3, 3, 4),
        window_strides=(2,),
        dimension_numbers=("NWC", "WIO", "NWC"),
    ),
    _conv(
        "three-dims",
        lhs=A(1, 2, 2, 3, 3),
        rhs=A(2, 2, 2, 2, 3),
        window_strides=(1, 1, 1),
        dimension_numbers=None,
        vmap=False,
    ),
    _conv(
        "no-space",
        lhs=A(2, 4),
        rhs=A(5, 4),
        window_strides=(),
        padding=(),
        dimension_numbers=None,
    ),
    _conv("precision", precision="highest"),
    _conv("preferred", preferred_element_type="float32", dtypes=("bfloat16",)),
    _other(
        "nchw",
        lambda lax, x, w: lax.conv(x, w, (2, 1), "SAME"),
        A(1, 2, 3, 4),
        A(2, 2, 3, 2),
    ),
    _other(
        "general-padding",
        lambda lax, x, w: lax.conv_with_general_padding(
            x, w, (1, 1), ((1, 1), (1, 2)), (1, 2), (2, 1)
        ),
        A(1, 2, 3, 4),
        A(2, 2, 3, 2),
    ),
    _other(
        "transposed",
        lambda lax, x, w: lax.conv_transpose(x, w, (2, 2), "SAME"),
        _X,
        _W,
    ),
    _other(
        "transposed-kernel",
        lambda lax, x, w: lax.conv_transpose(
            x, w, (2, 3), "VALID", transpose_kernel=True
        ),
        _X,
        A(3, 2, 3, 2),
    ),
    _other(
        "transposed-padding",
        lambda lax, x, w: lax.conv_transpose(
            x,
            w,
            (2, 2),
            ((1, 1), (0, 2)),
            rhs_dilation=(2, 1),
            use_consistent_padding=True,
        ),
        _X,
        _W,
    ),
    _other(
        "patches",
        lambda lax, x: lax.conv_general_dilated_patches(
            x, (3, 2), (1, 2), "SAME", dimension_numbers=_NHWC
        ),
        _X,
    ),
    _other(
        "local",
        lambda lax, x, w: lax.conv_general_dilated_local(
            x, w, (1, 2), "VALID", (3, 2), dimension_numbers=_NHWC
        ),
        _X,
        A(_X.shape[1] - 2, (_X.shape[2] - 2) // 2 + 1, 6 * _X.shape[3], 2),
    ),
    _bad("strides-count", window_strides=(1,)),
    _bad("padding-count", padding=((1, 1),)),
    _bad("padding-name", padding="foo"),
    _bad("padding-pairs", padding=((1, 1), 1)),
    _bad("dilation-zero", rhs_dilation=(1, 0)),
    _bad("string-and-dilation", lhs_dilation=(2, 2)),
    _bad("groups", feature_group_count=3),
    _bad("groups-zero", feature_group_count=0),
    _bad("batch-groups-divide", batch_group_count=3),
    _bad("out-groups", rhs=A(3, 2, 1, 3), feature_group_count=2),
    _bad("features", rhs=A(3, 2, 3, 3)),
    _bad("rank", rhs=A(2, 2, 3)),
    _bad("dtypes", rhs=A(3, 2, 2, 3, dtype="int32")),
    _bad("preferred-narrow", preferred_element_type="float16"),
    _bad("numbers-length", dimension_numbers=("NHWC", "HWIO")),
    _bad("numbers-space", dimension_numbers=("NHWC", "HWIO", "NHXC")),
    _bad("numbers-repeated", dimension_numbers=("NHHC", "HWIO", "NHWC")),
    _bad("numbers-rank", dimension_numbers=("NHW", "HWIO", "NHWC")),
    _bad("numbers-type", dimension_numbers=3),
    _bad("cropped-away", padding=((-7, 0), (0, 0)), message=False),
]

"""Rows for ops/cumulative.py."""

from compat_tests.op_cases import F32, FLOATS, INTS, A, case, error

_TOL = {"float32": 1e-5, "float16": 1e-2, "bfloat16": 1e-1, "complex64": 1e-5}
_NAMES = ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")


def _along(name, *args, **kwargs):
    return lambda lax, x: getattr(lax, name)(x, *args, **kwargs)


def _dtypes(name):
    if name == "cumlogsumexp":
        return FLOATS
    complexes = ("complex64",) if name in ("cumsum", "cumprod") else ()
    return FLOATS + INTS + complexes


CASES = [
    *[
        case(
            f"{name}{label}",
            _along(name, *args, **kwargs),
            A(*shape),
            dtypes=_dtypes(name) if not label else F32,
            values="normal",
            tol=_TOL,
            diff_jaxpr=name != "cumlogsumexp",
        )
        for name in _NAMES
        for label, args, kwargs, shape in (
            ("", (), {}, (5, 3)),
            ("-last", (1,), {}, (3, 5)),
            ("-reverse", (0,), {"reverse": True}, (6,)),
            ("-middle", (1,), {"reverse": True}, (2, 4, 3)),
            ("-one", (0,), {}, (1, 3)),
            ("-empty", (0,), {}, (0, 3)),
        )
    ],
    *[
        case(
            f"{name}-special",
            _along(name),
            A(7, 4),
            dtypes=FLOATS,
            tol=_TOL,
            diff=False,
            vmap=False,
        )
        for name in _NAMES
    ],
    *[
        case(
            f"{name}-transposed",
            lambda lax, x, name=name: getattr(lax, name)(
                lax.transpose(x, (2, 0, 1)), 1
            ),
            A(2, 3, 4),
            values="normal",
            tol=_TOL,
            diff=False,
            vmap=False,
        )
        for name in _NAMES
    ],
    *[
        error(f"{name}-{label}", _along(name, *args), A(*shape), dtypes=dtypes)
        for name in _NAMES
        for label, args, shape, dtypes in (
            ("negative", (-1,), (2, 3), F32),
            ("outside", (2,), (2, 3), F32),
            ("scalar", (), (), F32),
            ("bool", (), (3,), ("bool",)),
        )
    ],
]

"""What JAX's own tests of the transformations look at, on both sides."""

import re
import warnings

import numpy as np
import pytest
from sides import NAMES, Side


def _shown(x):
    if isinstance(x, (tuple, list)):
        return f"{type(x).__name__}({', '.join(map(_shown, x))})"
    if isinstance(x, dict):
        return str({k: _shown(v) for k, v in x.items()})
    if type(x).__name__ == "ArrayImpl":
        return f"{x.dtype}{x.shape}{x.weak_type} {np.asarray(x).round(4).tolist()}"
    if isinstance(x, np.ndarray):
        return f"numpy {x.dtype}{x.shape}"
    return re.sub(r"0x[0-9a-f]+|minijax", "jax", repr(x))


def _said(body, side):
    """What `body` gives, or its error's type and first line, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = _shown(body(side))
        except Exception as error:
            first = str(error).strip().splitlines()[0]
            found = re.sub(r"0x[0-9a-f]+", "0x", f"{type(error).__name__}: {first}")
    return [found, *[f"{w.category.__name__}: {w.message}" for w in caught]]


def _same(body):
    theirs, ours = (_said(body, Side(name)) for name in NAMES)
    assert ours == theirs


# --- donation ---------------------------------------------------------------------------


def _deleted(f, *types, **options):
    """Which of its arguments `f`, jitted with `options`, takes."""

    def body(side):
        args = [side.jnp.ones(*t) for t in types]
        side.jit(lambda *xs: f(side, *xs), **options)(*args)
        return [x.is_deleted() for x in args]

    return body


def _twice(side, **options):
    x = side.jnp.ones(3)
    try:
        side.jit(lambda x, y: x + y, **options)(x, x)
    except side.errors.JaxRuntimeError as error:
        return "INVALID_ARGUMENT" in str(error)


def _ahead(side, f):
    x = side.jnp.ones(3)
    lowered = side.jit(f, donate_argnums=0).lower(x)
    lowered.compile()(x)
    return lowered.donate_argnums, x.is_deleted()


V = ((3,),)
DONATED = {
    "fits": _deleted(lambda s, x: x + 1, V, donate_argnums=0),
    "identity": _deleted(lambda s, x: x, V, donate_argnums=0),
    "too large": _deleted(lambda s, x: x.sum(), V, donate_argnums=0),
    "one of two": _deleted(lambda s, x, y: x + y, V, V, donate_argnums=(0, 1)),
    "both": _deleted(lambda s, x, y: (x + y, x * y), V, V, donate_argnums=(0, 1)),
    "unread": _deleted(lambda s, x, y: y + 1, V, V, donate_argnums=0),
    "unread, kept": _deleted(
        lambda s, x, y: y + 1, V, V, donate_argnums=0, keep_unused=True
    ),
    "other shape": _deleted(lambda s, x: x.reshape(3, 2), ((2, 3),), donate_argnums=0),
    "other type": _deleted(lambda s, x: x.astype(int), V, donate_argnums=0),
    "shared": lambda s: _twice(s, donate_argnums=0),
    "donated twice": lambda s: _twice(s, donate_argnums=(0, 1)),
    "shared, unread": _deleted(lambda s, x, y: x + 1, V, V, donate_argnums=0),
    "ahead of time": lambda s: _ahead(s, lambda x: x + 1),
    "ahead of time, too large": lambda s: _ahead(s, lambda x: x.sum()),
}


@pytest.mark.parametrize("name", DONATED)
def test_donated(name):
    _same(DONATED[name])


# --- weak types of derivatives ------------------------------------------------------------

FUNCTIONS = {
    "square": lambda s, x: x**2,
    "cube": lambda s, x: x**3,
    "power": lambda s, x: x**2.5,
    "sqrt": lambda s, x: s.jnp.sqrt(x),
    "tanh": lambda s, x: s.jnp.tanh(x),
    "where": lambda s, x: s.jnp.where(x > 0, x, 0.0),
    "product": lambda s, x: x * x,
    "sum": lambda s, x: s.jnp.sum(x),
}
DERIVATIVES = {
    "grad": lambda s, f: s.grad(f)(2.0),
    "jvp": lambda s, f: s.jvp(f, (2.0,), (1.0,)),
    "jacfwd": lambda s, f: s.jacfwd(f)(2.0),
    "jacrev": lambda s, f: s.jacrev(f)(2.0),
    "second": lambda s, f: s.grad(s.grad(f))(2.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_weak_derivatives(name):
    for derivative in DERIVATIVES.values():
        _same(lambda s, d=derivative: d(s, lambda x: FUNCTIONS[name](s, x)))


# --- edges ----------------------------------------------------------------------------------


class _Incomparable:
    def __hash__(self):
        return 1

    def __eq__(self, other):
        raise NotImplementedError


def _incomparable(side):
    f = side.jit(lambda x, y: x, static_argnums=1)
    f(1, _Incomparable())
    try:
        f(1, _Incomparable())
    except ValueError as error:
        return "comparable using __eq__" in str(error)


def _traces(side):
    """How often a function is traced that is asked for its shapes, and called."""
    traces = []

    def f(x):
        traces.append(1)
        return x

    side.eval_shape(f, np.arange(3))
    side.jit(f)(np.arange(3))
    side.eval_shape(f, np.arange(3))
    return len(traces)


def _documented(side):
    def f(x):
        """Docs."""

    return side.make_jaxpr(f).__doc__


def _compiled(side, *args):
    def f(x, y):
        return x

    return side.jit(f).lower(1.0, side.jnp.ones(2)).compile()(*args)


def _mismatches(side):
    try:
        _compiled(side, 1, np.ones(3))
    except TypeError as error:
        return str(error).splitlines()[1:]


def _tracer_to_compiled(side):
    try:
        side.vmap(lambda x: _compiled(side, x, x))(side.jnp.ones(3))
    except TypeError as error:
        return "Tracer type <class '" in str(error)


def _out_axes(side, **options):
    f = side.vmap(lambda x: {"a": x, "b": (x, 1)}, **options)
    return f(side.jnp.ones(2))


EDGES = {
    "static": _incomparable,
    "traces of shapes": _traces,
    "docs of make_jaxpr": _documented,
    "types of compiled": _mismatches,
    "compiled and vmap": _tracer_to_compiled,
    "info of results": lambda s: s.jit(lambda x: x).lower(1.0).out_info,
    "struct with sharding": lambda s: s.ShapeDtypeStruct(
        (2,), "int32", sharding=s.sharding.SingleDeviceSharding(s.devices()[0])
    ),
    "shape of text": lambda s: s.eval_shape(lambda x: x, "a"),
    "output without axis": lambda s: _out_axes(s, out_axes={"a": 0, "b": None}),
    "named output without axis": lambda s: _out_axes(s, out_axes=None, axis_name="i"),
    "deep axes": lambda s: s.vmap(lambda x: x, in_axes=([0],))(np.ones(3)),
    "jacfwd to integers": lambda s: s.jacfwd(lambda x: x.astype(int))(3.0),
    "jacrev of integers": lambda s: s.jacrev(lambda x: x + 0.0, allow_int=True)(1),
    "jacfwd of two types": lambda s: s.jacfwd(lambda t: (t[0], t[0] + t[1]))(
        (np.float16([2]), np.float32([3]))
    ),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name):
    _same(EDGES[name])

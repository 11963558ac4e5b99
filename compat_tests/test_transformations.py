"""Edges of the transformations: odd arguments, their errors, float0, leaked tracers."""

import functools
import re
import types

import numpy as np
import pytest
from sides import NAMES, Side


def _outcome(body, side):
    """What `body` gives as text, or its error: type and first line."""
    try:
        return _text(body(side))
    except Exception as error:
        kind = type(error).__name__
        return f"{kind}: {str(error).strip().splitlines()[0]}"


def _text(x):
    if isinstance(x, (tuple, list)):
        return f"{type(x).__name__}({', '.join(map(_text, x))})"
    if isinstance(x, np.ndarray):
        return f"numpy {x.dtype}{x.shape}"
    return re.sub(r"0x[0-9a-f]+", "0x", repr(x))


def _vmapped(side, *args, axes=0, **kwargs):
    def f(a, b, *more):
        return a

    return side.vmap(f, in_axes=axes, **kwargs)(*args)


def _ones(side, *shape):
    return side.jnp.ones(shape)


def _int_gradient(side):
    return side.grad(lambda x: x + 0.0, allow_int=True)(np.ones((2, 4), int))


def _deleted(side):
    x = side.device_put(1.0)
    x.delete()
    return x


def _aliases(side):
    x = side.device_put(np.arange(8), side.devices()[0])
    one = side("sharding").SingleDeviceSharding(side.devices()[0])
    return [
        side.device_put(x, may_alias=True) is x,
        side.device_put(x, may_alias=False) is x,
        side.device_put(x, one, may_alias=True) is x,
        side.device_put(x, one, may_alias=False) is x,
        side.device_put(x) is x,
    ]


def _copied_to_host(side):
    calls = []
    leaf = types.SimpleNamespace(copy_to_host_async=lambda: calls.append(1))
    given = [leaf, 1, object()]
    return side.copy_to_host_async(given) is given, len(calls)


def _pair(x):
    return x, x


def _scaled(side):
    return lambda x, y: side.jnp.sin(x) * y


def _doubled(side, of_tangent=None):
    """A linear function whose rule is itself, or another function."""
    f = side.custom_jvp(lambda x: x * 2.0)
    f.defjvp(lambda primals, tangents: (f(*primals), (of_tangent or f)(*tangents)))
    return f


SHAPED = types.SimpleNamespace(shape=(3,), dtype=np.dtype("float32"))
EDGES = {
    "grad of str": lambda s: s.grad(lambda x: x)("foo"),
    "grad of objects": lambda s: s.grad(lambda x: x)(np.array([1, 2], dtype=object)),
    "argnums of str": lambda s: s.grad(lambda x: x, argnums="a"),
    "jvp of tuple and list": lambda s: s.jvp(lambda x: x, (1.0,), [1.0]),
    "splatted cotangents": lambda s: s.vjp(_pair, 1.0)[1](1.0, 1.0),
    "transpose int to float": lambda s: s.linear_transpose(lambda x: 2.0 * x, 1),
    "transpose float to int": lambda s: s.linear_transpose(lambda x: (x, x > 0), 1.0),
    "transpose of struct": lambda s: s.linear_transpose(lambda x: 2 * x, SHAPED)(
        np.ones(3, np.float32)
    ),
    "cotangent of other type": lambda s: s.linear_transpose(lambda x: x, 1.0)(1j),
    "transpose of custom_jvp": lambda s: s.linear_transpose(_doubled(s), 1.0)(3.0),
    "custom_jvp of a tangent": lambda s: s.grad(_doubled(s, s.jit(_doubled(s))))(1.0),
    "linearize of ints": lambda s: s.linearize(s.jnp.sum, s.jnp.arange(3))[1](
        np.ones(3)
    ),
    "float0 gradient": _int_gradient,
    "float0 moved": lambda s: _int_gradient(s).reshape((4, 2)),
    "float0 of vjp": lambda s: s.vjp(lambda x, i: x[i], np.ones(2), 1)[1](1.0)[1],
    "vjp out of jit": lambda s: s.jit(lambda x: s.vjp(_scaled(s), x, 2.0))(_ones(s, 3))[
        1
    ](_ones(s, 3)),
    "vjp into jit": lambda s: s.jit(lambda f, ct: f(ct))(
        s.vjp(_scaled(s), _ones(s, 3), 2.0)[1], _ones(s, 3)
    ),
    "vjp out of vmap": lambda s: s.jit(s.vmap(lambda f, ct: f(ct)[0]))(
        s.vmap(lambda x: s.vjp(_scaled(s), x, 2.0)[1])(_ones(s, 3)), _ones(s, 3)
    ),
    "linearized out of jit": lambda s: s.jit(lambda x: s.linearize(_scaled(s), x, 2.0))(
        _ones(s, 3)
    )[1](_ones(s, 3), 1.0),
    "linearized into jit": lambda s: s.jit(lambda f: f(_ones(s, 3), 0.5))(
        s.linearize(_scaled(s), _ones(s, 3), 2.0)[1]
    ),
    "kind of vjp": lambda s: type(s.vjp(_pair, 1.0)[1]).__name__,
    "float0 in sum": lambda s: _int_gradient(s) + _ones(s, 2, 4),
    "float0 in jnp": lambda s: s.jnp.sin(_int_gradient(s)),
    "float0 in lax": lambda s: s.lax.sin(_int_gradient(s)),
    "vmap of two sizes": lambda s: _vmapped(s, _ones(s, 2), _ones(s, 3)),
    "vmap of most sizes": lambda s: _vmapped(s, *[_ones(s, n) for n in (2, 3, 3)]),
    "vmap of axis_size": lambda s: _vmapped(s, _ones(s, 2), _ones(s, 2), axis_size=5),
    "vmap of nothing": lambda s: s.vmap(lambda x: x)({}),
    "named output": lambda s: s.vmap(lambda x: x, out_axes=None, axis_name="a")(
        _ones(s, 2)
    ),
    "vmap doc": lambda s: s.vmap(_pair).__doc__,
    "grad doc": lambda s: s.grad(_pair, argnums=(0, 1)).__doc__,
    "value_and_grad doc": lambda s: s.value_and_grad(_pair).__doc__,
    "jacrev doc": lambda s: s.jacrev(_pair).__doc__,
    "make_jaxpr name": lambda s: s.make_jaxpr(_pair).__name__,
    "make_jaxpr module": lambda s: s.make_jaxpr(_pair).__module__,
    "deleted repr": lambda s: repr(_deleted(s)),
    "deleted put": lambda s: s.device_put(_deleted(s), s.devices()[0]),
    "put nowhere": lambda s: s.device_put(_ones(s, 3), "nowhere"),
    "alias and donate": lambda s: s.device_put(_ones(s), may_alias=True, donate=True),
    "aliases": _aliases,
    "copy to host": _copied_to_host,
    "masked": lambda s: s.jnp.asarray(np.ma.array([1, 2], mask=[True, False])),
    "masked in jit": lambda s: s.jit(lambda x: x)(np.ma.array([1], mask=[True])),
    "index of float": lambda s: s.jit(lambda x: hex(x))(1.0),
    "index of vector": lambda s: s.jit(lambda x: [1, 2][x])(s.jnp.arange(3)),
    "int of vector": lambda s: s.jit(lambda x: int(x))(s.jnp.arange(3)),
    "bool of empty": lambda s: s.jit(lambda x: bool(x))(s.jnp.arange(0)),
    "bool of empty array": lambda s: bool(s.jnp.arange(0)),
}


@pytest.mark.parametrize("name", EDGES)
def test_edges(name):
    theirs, ours = (_outcome(EDGES[name], Side(side)) for side in NAMES)
    assert ours == theirs


def _kept_by(transform):
    def body(side):
        kept = []
        with side.checking_leaks():
            return transform(side)(lambda x: kept.append(x) or x)

    return body


def _scanned(side):
    def run(f):
        return side.lax.scan(lambda c, x: (f(c), None), 1.0, np.arange(3.0))

    return run


LEAKS = {
    "jit": _kept_by(lambda s: lambda f: s.jit(f)(3)),
    "nested jit": _kept_by(lambda s: lambda f: s.jit(lambda x: s.jit(f)(x))(3)),
    "vmap": _kept_by(lambda s: lambda f: s.vmap(f)(np.arange(3.0))),
    "scan": _kept_by(_scanned),
}


@pytest.mark.usefixtures("young_heap")
@pytest.mark.parametrize("name", LEAKS)
def test_leak_is_caught(name):
    for side in NAMES:
        with pytest.raises(Exception, match="Leaked trace") as caught:
            LEAKS[name](Side(side))
        assert "is referred to by" in str(caught.value)


def _relu(side):
    return side.checkpoint(lambda x: side("nn").relu(1.0 * x))


CLEAN = {
    "vmap": lambda s: s.vmap(lambda x: x * 2)(np.arange(3.0)),
    "vmap of jit": lambda s: s.vmap(s.jit(lambda x: x))(np.arange(3)),
    "grad of jit": lambda s: s.grad(s.jit(lambda x: x * x))(3.0),
    "scan": lambda s: _scanned(s)(s.jnp.sin),
    "jvp of scan": lambda s: s.jvp(
        lambda x: _scanned(s)(lambda c: c * x), (1.0,), (1.0,)
    ),
    "custom rule in checkpoint": lambda s: s.jit(lambda x: s.vjp(_relu(s), x)[0])(1.0),
    "solve": lambda s: s.jnp.linalg.solve(s.jnp.eye(3), _ones(s, 3)),
}


@pytest.mark.usefixtures("young_heap")
@pytest.mark.parametrize("name", CLEAN)
def test_no_leak_is_seen(name):
    for side in map(Side, NAMES):
        with side.checking_leaks():
            CLEAN[name](side)


def _used_late(side, run):
    kept = []
    run(side)(lambda x: kept.append(side.jnp.sin(x)) or x)
    return kept[0] + 1


USED_LATE = {
    "jit": lambda s: lambda f: s.jit(f)(1.0),
    "vmap": lambda s: lambda f: s.vmap(f)(np.arange(3.0)),
    "scan": _scanned,
}


@pytest.mark.parametrize("name", USED_LATE)
def test_used_late(name):
    said = []
    for side in map(Side, NAMES):
        with pytest.raises(side.errors.UnexpectedTracerError) as caught:
            _used_late(side, USED_LATE[name])
        text = str(caught.value)
        said.append((text.splitlines()[0], "created on line" in text))
    assert said[0] == said[1]


def _loop(side, init, change):
    return side.lax.scan(lambda c, _: (change(c), None), init, length=1)


def _zero(side):
    return side.jnp.int32(0)


def _float(x):
    return x.astype("float32")


LOOPS = {
    "other dtype": lambda s: _loop(s, _zero(s), _float),
    "other dtype of one": lambda s: _loop(
        s, (_zero(s), _zero(s)), lambda c: (c[0], _float(c[1]))
    ),
    "other types of two": lambda s: _loop(
        s, [_zero(s)] * 2, lambda c: [_float(c[0]), _float(c[1]).reshape(1, 1)]
    ),
    "other length": lambda s: _loop(s, (_zero(s),) * 2, lambda c: c[:1]),
    "list for tuple": lambda s: _loop(s, (_zero(s),) * 2, list),
    "more keys": lambda s: _loop(s, {"a": _zero(s)}, lambda c: {**c, "b": c["a"]}),
    "other keys": lambda s: _loop(s, {"a": _zero(s)}, lambda c: {"b": c["a"]}),
    "deeper": lambda s: _loop(
        s, ({"a": _zero(s)},) * 2, lambda c: ({**c[0], "b": c[0]["a"]},) * 2
    ),
    "while": lambda s: s.lax.while_loop(
        lambda c: c[0], lambda c: (c[0], c[0]), (np.bool_(False), np.float32(0))
    ),
    "fori": lambda s: s.lax.fori_loop(
        0, 1, lambda i, x: {"T": x["t"]}, {"t": _zero(s)}
    ),
    "no pair": lambda s: s.lax.scan(lambda c, x: c, _zero(s), None, 1),
    "negative unroll": lambda s: s.lax.scan(
        lambda c, x: (c, x), 0, np.arange(3), unroll=-1
    ),
    "condition pair": lambda s: s.lax.while_loop(lambda c: (c, c), lambda c: c, 0.0),
    "condition float": lambda s: s.lax.while_loop(lambda c: c, lambda c: c, 0.0),
    "float bound": lambda s: s.lax.fori_loop(0, 3.0, lambda i, c: c, 1.0),
    "predicate None": lambda s: s.lax.cond(None, abs, abs, 1.0),
    "predicate str": lambda s: s.lax.cond("yes", abs, abs, 1.0),
    "predicate tuple": lambda s: s.lax.cond((1.0, 1.0), abs, abs, 1.0),
    "branch tree": lambda s: s.lax.cond(
        True, lambda x: {"a": x}, lambda x: {"a": (x, x)}, 1.0
    ),
    "branch type": lambda s: s.lax.cond(
        True, lambda x: x, lambda x: x.astype(int), 1.0
    ),
    "branch types": lambda s: s.lax.switch(
        0, [lambda x: {"a": x}, lambda x: {"a": s.jnp.ones(1)}], 1.0
    ),
    "index str": lambda s: s.lax.switch("one", [abs, abs], 1.0),
    "index float": lambda s: s.lax.switch(1.0, [abs, abs], 1.0),
    "index vector": lambda s: s.lax.switch((1, 1), [abs, abs], 1.0),
    "operand of each branch": lambda s: s.lax.cond(
        False, 1.0, lambda x: x, 2.0, lambda x: -x
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_control_flow(name):
    said = []
    for side in map(Side, NAMES):
        try:
            said.append(_text(LOOPS[name](side)))
        except Exception as error:
            text = re.sub(
                r"<class 'jax\._src\.core\.ShapedArray'>", "pytree leaf", str(error)
            )
            said.append(f"{type(error).__name__}: {text.split('See https')[0]}")
    assert said[1] == said[0]


class _Odd:
    __name__ = __annotations__ = 3

    def __call__(self, x):
        return x * 2


def _custom_vjp(side, fwd, bwd, fun=lambda x: x, **kwargs):
    f = side.custom_vjp(fun, **kwargs)
    f.defvjp(fwd, bwd)
    return f


RULES = {
    "bare cotangent": lambda s: s.grad(
        _custom_vjp(s, lambda x: (x, None), lambda _, g: g)
    )(1.0),
    "too many arguments": lambda s: _custom_vjp(s, None, None)(1.0, 2.0),
    "gradient of a number": lambda s: s.grad(
        _custom_vjp(s, lambda x: (x, None), lambda _, g: (g,))
    )(1.0),
    "named by no string": lambda s: [
        of(_Odd())(s.jnp.ones(1)) for of in (s.vmap, s.pmap, s.checkpoint, s.jacrev)
    ],
    "weak gradient": lambda s: s.grad(lambda x: x)(1.0),
    "gradient of a carry": lambda s: s.grad(
        lambda x: s.lax.scan(
            lambda c, x: (c * x, None), s.jnp.asarray(x), np.ones(2, np.float32)
        )[0]
    )(1.0),
    "weak value": lambda s: s.grad(s.jnp.sin)(1.0),
    "weak base to an integer": lambda s: str(
        s.make_jaxpr(s.grad(lambda x, n: x**n))(0.3, np.int32(2))
    ),
    "strong gradient": lambda s: s.grad(lambda x: x * 2)(np.float32(1)),
    "weak columns": lambda s: s.jacfwd(lambda x: x)(1.0),
    "weak rows": lambda s: s.jacrev(lambda x: x)(1.0),
    "holomorphic": lambda s: s.grad(lambda x: x, holomorphic=True)(1j),
    **{
        f"type of an update, {name}": lambda s, a=a, b=b: s.vmap(
            lambda x, y: s.lax.dynamic_update_slice(x, y, ())
        )(*[s.jnp.broadcast_to(x, 3) for x in (a, b)])
        for name, a, b in [("weak", np.int32(1), 7), ("strong", 7, np.int32(1))]
    },
}


@pytest.mark.parametrize("name", RULES)
def test_rules(name):
    theirs, ours = (_outcome(RULES[name], Side(side)) for side in NAMES)
    assert ours == theirs


def test_traced_nondifferentiable_argument():
    def product(n, x):
        return x * n

    for side in map(Side, NAMES):
        f = _custom_vjp(
            side,
            lambda n, x: (x * n, None),
            lambda n, _, g: (g * n,),
            product,
            nondiff_argnums=(0,),
        )
        with pytest.raises(side.errors.UnexpectedTracerError, match="nondiff_argnums"):
            side.grad(f)(3.0, 2.0)


def _nothing(a, b, c):
    return a


def _no_keyword(a, /, b, *, c):
    return a


def _more(a, *more):
    return a


class _Silent:
    def __call__(self):
        return 1

    def __repr__(self):
        raise ValueError("no text")


def _generator(x):
    yield x


def _donated(side, *args, **options):
    def f(x, y):
        return x, y

    args_info, kwargs_info = side.jit(f, **options).lower(*args).args_info
    leaves = side.tree.leaves((args_info, kwargs_info))
    return [leaf.donated for leaf in leaves]


def _seen_static(side, options, *args, **kwargs):
    seen = []

    def f(x, y):
        seen.append([isinstance(value, side.core.Tracer) for value in (x, y)])
        return 1

    side.jit(f, **options)(*args, **kwargs)
    return seen


def _annotated(x: int) -> int:
    """Docs."""
    return x


_annotated.mark = 4

JITTED = {
    "generator": lambda s: s.jit(_generator),
    "staticmethod": lambda s: s.jit(staticmethod(_nothing)),
    "number": lambda s: s.jit(3),
    "no repr": lambda s: s.jit(_Silent()),
    "attribute": lambda s: s.jit(_annotated).mark,
    "name of partial": lambda s: s.jit(functools.partial(_more)).__getstate__()[
        "function_name"
    ],
    "positional-only name": lambda s: s.jit(_no_keyword, static_argnames="a"),
    "name of *args": lambda s: s.jit(_more, donate_argnames="more"),
    "unknown name": lambda s: s.jit(_nothing, static_argnames="z"),
    "unhashable": lambda s: s.jit(_nothing, static_argnums=1)(1, np.ones(1), 2),
    "numbers alone": lambda s: _seen_static(s, {"static_argnums": 1}, 2, y="a"),
    "numbers and no names": lambda s: _seen_static(
        s, {"static_argnums": 1, "static_argnames": ()}, 1, y=2
    ),
    "names and no numbers": lambda s: _seen_static(
        s, {"static_argnums": (), "static_argnames": "y"}, 1, 2
    ),
    "donated by number": lambda s: _donated(s, {"a": 1.0}, 2.0, donate_argnums=0),
    "donated by name": lambda s: _donated(s, 1.0, 2.0, donate_argnames="y"),
    "compiled for another tree": lambda s: s.jit(_pair).lower(1.0).compile()([1.0]),
    "compiled for another type": lambda s: s.jit(_pair).lower(1.0).compile()(1),
    "device": lambda s: str(s.devices()[0]),
    "other process": lambda s: s.local_devices(process_index=3),
    "in a matrix": lambda s: 2.0 in _ones(s, 2, 2),
    "float of complex": lambda s: float(s.jnp.complex64(1j)),
}


@pytest.mark.parametrize("name", JITTED)
def test_jitted(name):
    theirs, ours = (_outcome(JITTED[name], Side(side)) for side in NAMES)
    assert ours == theirs

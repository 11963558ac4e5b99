"""Edges of loops and branches: what is traced, carried, handed on and refused.

Each case gives the same text on both sides: types, weak types and values of the results,
or the error with its whole message.
"""

import gc
import weakref

import numpy as np
import pytest
from outcomes import outcome
from sides import NAMES, Side, assert_same, raised


def _without_jit(s, fun):
    with s.disable_jit():
        return fun()


def _times_traced(s, loop):
    times = []

    def body(*args):
        times.append(1)
        return args

    loop(body)
    return len(times)


def _leaked(s, loop):
    kept = []
    loop(lambda x: kept.append(x) or x + 1)
    return kept[0] + 1


def _equations(s, fun, *args):
    """Names, numbers of inputs and outputs, and such parameters as are numbers."""
    rows = []
    for eqn in s.make_jaxpr(fun)(*args).eqns:
        numbers = {k: v for k, v in eqn.params.items() if type(v) is int}
        bodies = [v for v in eqn.params.values() if hasattr(v, "eqns")]
        bodies += eqn.params.get("branches", ())
        sizes = [(len(b.in_avals), len(b.out_avals), len(b.eqns)) for b in bodies]
        counts = len(eqn.invars), len(eqn.outvars)
        rows.append((eqn.primitive.name, counts, sorted(numbers.items()), sizes))
    return str(rows)


def _live(s, fun, used, *args):
    """Which inputs the used outputs need, and sizes of the equations that are left."""
    pe = s("_src.interpreters.partial_eval")
    jaxpr, needed = pe.dce_jaxpr(s.make_jaxpr(fun)(*args).jaxpr, used)
    sizes = [(e.primitive.name, len(e.invars), len(e.outvars)) for e in jaxpr.eqns]
    return str((sizes, list(map(bool, needed))))


def _pass_one_on(c):
    return c[0] + 1, c[1], c[2]


def _dynamic_fori(s, n, init):
    return s.jit(lambda n: s.lax.fori_loop(0, n, lambda i, c: c + i, init))(n)


F32 = np.float32
CASES = {
    # bounds of fori_loop
    "fori of floats": lambda s: s.lax.fori_loop(0.5, 10.0, lambda i, c: c + i, F32(7)),
    "fori of traced floats": lambda s: s.jit(
        lambda a: s.lax.fori_loop(a, a + 3.0, lambda i, c: c + i, F32(7)))(0.5),
    "fori of a vector": lambda s: s.lax.fori_loop(
        s.jnp.arange(2), 3, lambda i, c: c, 1.0),
    "fori of strong bounds": lambda s: s.lax.fori_loop(
        np.int32(0), np.int32(3), lambda i, c: c + i, s.jnp.int8(1)),
    "fori of uint8": lambda s: s.lax.fori_loop(
        s.jnp.uint8(1), s.jnp.uint8(4), lambda i, c: c + i, s.jnp.float16(1)),
    "fori of weak bounds": lambda s: _dynamic_fori(s, 3, s.jnp.int8(1)),
    "fori of a strong bound": lambda s: _dynamic_fori(s, np.int32(3), s.jnp.int8(1)),
    "fori of unlike bounds": lambda s: s.lax.fori_loop(
        s.jnp.uint8(0), 3, lambda i, c: c, 1),
    "fori of None": lambda s: s.lax.fori_loop(None, 3, lambda i, c: c, 1),
    "fori without jit": lambda s: _without_jit(
        s, lambda: s.lax.fori_loop(0, 0, lambda i, c: c + i, 1.0)),
    "grad of fori of floats": lambda s: s.grad(
        lambda x: s.lax.fori_loop(x, x + 2.0, lambda i, c: c * x, x))(1.0),
    # weak types
    "scan promotes": lambda s: s.lax.scan(
        lambda c, x: (c + x, x), 0, s.jnp.ones(3, "int8")),
    "while promotes": lambda s: s.lax.while_loop(
        lambda c: c < 2, lambda c: c + s.jnp.uint16(1), 0),
    "carries in turn": lambda s: s.vmap(lambda x: s.lax.scan(
        lambda c, _: ((c[1], c[2], c[3], 0.0), None), (0.0, 1.0, 2.0, x), None, 2)[0])(
            s.jnp.arange(3.0)),
    "gradient through a promoted carry": lambda s: s.grad(lambda x: s.lax.scan(
        lambda c, y: (c * y, None), x, s.jnp.arange(1.0, 4))[0])(2.0),
    "scan is traced once": lambda s: _times_traced(
        s, lambda f: s.lax.scan(lambda c, x: f(c + x, x), 0.0, s.jnp.arange(3.0))),
    "while is traced once": lambda s: _times_traced(
        s, lambda f: s.lax.while_loop(lambda c: c < 3, lambda c: f(c + F32(1))[0], 0.0)),
    # what is handed on unchanged
    "scan hands on": lambda s: s.lax.scan(lambda c, x: (c, (x, c)), 1, np.arange(3)),
    "while hands on": lambda s: s.lax.while_loop(
        lambda c: c[0] < 3, _pass_one_on, (0, np.ones(2), 5)),
    "while reads what it hands on": lambda s: s.lax.while_loop(
        lambda c: c[0] < c[2], _pass_one_on, (0, np.ones(2), 5)),
    "cond hands on": lambda s: s.lax.cond(
        True, lambda a, b: (a, b, b), lambda a, b: (a, a, b), 1, 2.0),
    "map hands on": lambda s: s.lax.map(lambda x: x, np.ones(3)),
    "equations of scan": lambda s: _equations(
        s, lambda c, x: s.lax.scan(
            lambda c, x: ((c[0] + c[1], c[1]), (x, x + c[1])), c, x),
        (1.0, 2.0), s.jnp.ones(3)),
    "equations of while": lambda s: _equations(
        s, lambda c: s.lax.while_loop(lambda c: c[0] < 3, _pass_one_on, c), (0, 1.0, 2)),
    "equations of cond": lambda s: _equations(
        s, lambda p, a, b: s.lax.cond(
            p, lambda a, b: (a, b * 2, a), lambda a, b: (a, a, a), a, b), True, 1.0, 2.0),
    "constants of branches": lambda s: (lambda v: _equations(
        s, lambda p, a: s.lax.cond(p, lambda a: a + v, lambda a: a * v, a), True, 1.0))(
            s.jnp.arange(3.0)),
    "dead results of cond": lambda s: _live(
        s, lambda p, x, y: s.lax.cond(
            p, lambda x, y: (s.jnp.sin(x), s.jnp.cos(y)), lambda x, y: (x * 2, y * 3),
            x, y), [True, False], True, 1.0, 2.0),
    "dead results of scan": lambda s: _live(
        s, lambda c, x: s.lax.scan(
            lambda c, x: ((c[0] * x, c[1] + 1), (s.jnp.sin(c[0]), s.jnp.cos(c[1]))), c, x),
        [False, True, False, True], (1.0, 2.0), s.jnp.ones(3)),
    "root without aux": lambda s: s.lax.custom_root(
        lambda x: x, 0.0, lambda f, x: x, lambda f, x: x, has_aux=True),
    "root with too much": lambda s: s.lax.custom_root(
        lambda x: x, 0.0, lambda f, x: (x, x, x), lambda f, x: x, has_aux=True),
    "tangent of a root": lambda s: s.jvp(lambda y: s.lax.custom_root(
        lambda x: x - y, 0.0, lambda f, x: x, lambda f, x: (x, x)), (1.0,), (1.0,)),
    "loop that hands all on": lambda s: s.jit(
        lambda: s.lax.while_loop(lambda c: False, lambda c: c, 1))(),
    # without jit
    "vmap of while without jit": lambda s: _without_jit(s, lambda: s.vmap(
        lambda x: s.lax.while_loop(lambda c: c < 10.0, lambda c: c + 1.0, x))(
            s.jnp.arange(2.0))),
    "while without jit": lambda s: _without_jit(
        s, lambda: s.lax.while_loop(lambda c: c < 3, lambda c: c + 1, 0)),
    # unroll
    "unroll False": lambda s: _equations(s, lambda x: s.lax.scan(
        lambda c, x: (c + x, None), 0, x, unroll=False), s.jnp.arange(3)),
    "unroll True": lambda s: _equations(s, lambda x: s.lax.scan(
        lambda c, x: (c + x, None), 0, x, unroll=True), s.jnp.arange(3)),
    "unrolled wholly": lambda s: s.jit(lambda x: s.lax.scan(
        lambda c, x: ((c[1], c[0] * x[0] + x[1]), (c[0], x + c[1], x)),
        (x[0, 0], x[1, 1]), x, reverse=True, unroll=4))(s.jnp.arange(8.0).reshape(4, 2)),
    "unrolled, without xs": lambda s: s.jit(lambda x: s.lax.scan(
        lambda c, _: (c * x, c), x + 1, None, length=3, unroll=True))(s.jnp.arange(3.0)),
    # refusals
    "pair in a dict": lambda s: s.lax.scan(
        lambda c, x: {"a": c + x, "b": x}, 1, s.jnp.arange(3)),
    "triple": lambda s: s.lax.scan(lambda c, x: (c, x, 1), 1, s.jnp.arange(3)),
    "scalars to scan": lambda s: s.lax.scan(lambda c, x: (c, x), 1, [0, 1]),
    "traced length": lambda s: str(raised(lambda: s.jit(
        lambda n: s.lax.scan(lambda c, x: (c, x), 1, None, length=n))(3))).splitlines()[1],
    "carry of another tree": lambda s: s.lax.scan(
        lambda c, x: ((0, 0), x), None, s.jnp.arange(3)),
    "carry becomes a leaf": lambda s: s.lax.scan(
        lambda c, x: (0, x), (1, [2]), s.jnp.arange(3)),
    "carry becomes None": lambda s: s.lax.while_loop(lambda c: True, lambda c: None, 1.0),
    "text from a body": lambda s: s.lax.scan(
        lambda c, x: (c, {"k": "a"}), 1, s.jnp.arange(3)),
    "text from a branch": lambda s: s.lax.cond(True, lambda: "a", lambda: 1),
    "text from jit": lambda s: s.jit(lambda x: (x, ["a"]))(1.0),
    "text into a loop": lambda s: s.lax.while_loop(lambda c: True, lambda c: c, "a"),
    "text deep in an argument": lambda s: s.jit(lambda x, *y: x)(1, {"k": ["a"]}),
    "text in place of nothing": lambda s: s.jit(lambda: 1)("a"),
    "operand twice": lambda s: s.lax.cond(
        True, lambda x: x, lambda x: -x, 3.0, operand=2.0),
    "complex predicate": lambda s: s.lax.cond(1j, lambda: 1, lambda: 2),
    "date as predicate": lambda s: s.lax.cond(
        np.array("2020-01-01", "datetime64[D]"), lambda: 1, lambda: 2),
    "None as index": lambda s: s.lax.switch(None, [lambda: 1, lambda: 2]),
    "prefixes of a scalar": lambda s: s.lax.associative_scan(
        lambda a, b: a + b, F32(1)),
    "prefixes along no axis": lambda s: s.lax.associative_scan(
        lambda a, b: a + b, s.jnp.ones(3), axis=2),
    "reference from a branch": lambda s: str(raised(lambda: s.lax.cond(
        True, lambda: s.new_ref(1.0), lambda: s.new_ref(2.0)))).partition(" at ")[0],
    "leak from while": lambda s: _leaked(
        s, lambda f: s.lax.while_loop(lambda c: c < 2, f, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    theirs, ours = (outcome(CASES[name], Side(n)) for n in NAMES)
    assert ours == theirs


def test_a_numpy_value_that_is_differentiated_is_captured_by_a_loop():
    """Its conversion to an array is no part of the body."""
    value, xs = np.float32([[0.5, 0.1], [0.2, 0.3]]), np.ones((3, 2), np.float32)

    def gradient(s):
        def body(carry, x):
            return x, s.numpy.sum(m) * x + s.numpy.einsum("ij,j->i", m, carry)

        def total(given):
            nonlocal m
            m = given
            return s.lax.scan(body, xs[0], xs)[1].sum()

        m = None
        return np.asarray(s.grad(total)(value))

    ours, theirs = (gradient(Side(name)) for name in NAMES)
    np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("traced_bound", [False, True])
def test_body_of_a_counted_loop_is_traced_once(traced_bound):
    def traces(side):
        seen = []

        def body(i, x):
            seen.append(i)
            return x + i

        upper = side.jnp.int32(5) if traced_bound else 5
        out = [side.lax.fori_loop(0, upper, body, k * 1.0) for k in range(3)]
        gone = weakref.ref(body)
        del body
        gc.collect()
        return [out, len(seen), gone() is None]

    assert_same(traces)

"""Types of values that users define, and boxes and logs, under JAX's transformations."""

import dataclasses
import itertools
import re
from typing import Any

import numpy as np
import pytest
from sides import NAMES, Side

# --- numbers as integers with a scale: a type and two primitives ------------------------


@dataclasses.dataclass(frozen=True)
class Scaled:
    whole: Any
    scale: Any


def scaled(s):
    """(type, a function to it from arrays, a function from it)."""
    hijax = s("experimental.hijax")

    @dataclasses.dataclass(frozen=True)
    class ScaledTy(hijax.HiType):
        shape: tuple

        def lo_ty(self):
            return [
                hijax.ShapedArray(self.shape, np.dtype("int8")),
                hijax.ShapedArray(self.shape[:1], np.dtype("float32")),
            ]

        def lower_val(self, x):
            return [x.whole, x.scale]

        def raise_val(self, whole, scale):
            return Scaled(whole, scale)

        def to_tangent_aval(self):
            return self

        def vspace_zero(self):
            return Scaled(
                s.jnp.zeros(self.shape, "int8"), s.jnp.ones(self.shape[:1], "f4")
            )

        def vspace_add(self, x, y):
            return to(of(x) + of(y))

    class To(hijax.HiPrimitive):
        def abstract_eval(self, aval):
            return ScaledTy(aval.shape), set()

        def to_lojax(self, x):
            scale = s.jnp.abs(x).max(1) / 32.0
            return Scaled((x / scale[:, None]).astype("int8"), scale)

        def jvp(self, primals, tangents):
            return to(*primals), to(*tangents)

        def transpose(self, ct, x):
            return [of(ct)]

    class Of(hijax.HiPrimitive):
        def abstract_eval(self, aval):
            return hijax.ShapedArray(aval.shape, np.dtype("float32")), set()

        def to_lojax(self, x):
            return x.whole.astype("float32") * x.scale[:, None]

        def jvp(self, primals, tangents):
            return of(*primals), of(*tangents)

        def transpose(self, ct, x):
            return [to(ct)]

    to_p, of_p = To("to_scaled"), Of("of_scaled")
    to, of = to_p.bind, of_p.bind
    hijax.register_hitype(Scaled, lambda x: ScaledTy(x.whole.shape))
    return to, of


ROWS = np.array([[1, 2], [4, -8]], np.float32)


def _scans(s, to, of, x):
    def step(carry, y):
        return to(of(carry) + y), of(carry)

    return [
        s.lax.scan(step, x, np.ones((3, 2, 2), np.float32)),
        s.lax.fori_loop(0, 3, lambda i, x: to(of(x) * 2), x),
    ]


def _loops(s, to, of, x):
    def body(i_x):
        return i_x[0] + 1, to(of(i_x[1]) * 2)

    return [
        s.lax.while_loop(lambda i_x: i_x[0] < 3, body, (0, x)),
        [s.lax.cond(p, of, lambda x: of(x) * 2, x) for p in (True, False)],
    ]


def _derivatives(s, to, of, x):
    def f(rows):
        return (of(to(rows)) ** 2).sum()

    out, pullback = s.vjp(s.jit(of), x)
    return [
        s.grad(f)(ROWS), s.jit(s.grad(f))(ROWS), s.grad(s.jit(f))(ROWS), pullback(out),
        s.jax.jvp(of, (x,), (x,)), s.linearize(of, x)[1](x),
        s.grad(lambda x: of(x).sum() + of(x).sum())(x), "ScaledTy" in str(pullback),
        s.grad(s.jax.remat(f))(ROWS),
    ]  # fmt: skip


def _stages(s, to, of, x):
    lowered = s.jit(lambda x: [of(x), x]).lower(x)
    traced = s.jit(of).trace(x)
    return [
        lowered.compile()(x), bool(lowered.as_text()), s.eval_shape(to, ROWS),
        traced.jaxpr.is_high, traced.lojax.jaxpr.is_high,
    ]  # fmt: skip


def _called(s, to, of, x):
    f = s.custom_vjp(lambda x: of(x) * 2)
    f.defvjp(lambda x: (of(x), x), lambda x, ct: (to(ct),))
    return [
        s.jit(lambda x: x)(x), s.jit(to)(ROWS), s.jit(lambda x: s.jit(of)(x) + 1)(x),
        s.jit(lambda: of(x))(), f(x), s.jit(f)(x),
        s.jax.checkpoint(of)(x), s.jit(s.vmap(lambda y: of(x) + y))(ROWS),
    ]  # fmt: skip


SCALED = {
    "called": _called,
    "scans": _scans,
    "loops": _loops,
    "loops in jit": lambda s, *args: s.jit(lambda: _loops(s, *args))(),
    "derivatives": _derivatives,
    "stages": _stages,
    "equations": lambda s, to, of, x: [
        s.make_jaxpr(lambda x: to(of(x) * 2))(x), s.make_jaxpr(s.jit(of))(x),
    ],
    "no batching rule": lambda s, to, of, x: s.vmap(lambda y: of(to(y)))(ROWS[None]),
    "no such attribute": lambda s, to, of, x: s.jit(lambda x: x.scale)(x),
    "mapped like an array": lambda s, to, of, x: s.vmap(of)(x),
    "no length": lambda s, to, of, x: s.lax.scan(lambda c, x: (c, of(x)), 0, x),
    "not an equal type": lambda s, to, of, x: s.lax.cond(
        True, lambda x: x, lambda x: to(of(x)[:1]), x),
}  # fmt: skip


def outcome(body):
    """What `body()` gives, as text; or the type of its error."""
    try:
        return re.sub(r"0x[0-9a-f]+", "0x", str(body()))
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("name", SCALED)
def test_values_of_a_type(name):
    def body(s):
        to, of = scaled(s)
        return SCALED[name](s, to, of, to(ROWS))

    theirs, ours = (outcome(lambda side=side: body(Side(side))) for side in NAMES)
    assert ours == theirs


# --- operators, methods and attributes of a type ------------------------------------------


@dataclasses.dataclass(frozen=True)
class Point:
    x: Any


def points(s):
    """The value of a type that has its own operators and members, which give texts."""
    hijax = s("experimental.hijax")

    @dataclasses.dataclass(frozen=True)
    class PointTy(hijax.HiType):
        kind: str = "flat"

        def lo_ty(self):
            return [hijax.ShapedArray((), np.dtype("float32"))]

        def lower_val(self, value):
            return [value.x]

        def raise_val(self, x):
            return Point(x)

        def _add(self, point, other):
            return "add", other

        def _rsub(self, point, other):
            return "rsub", other

        def _eq(self, point, other):
            return "eq", other

        def _getitem(self, point, index):
            return "getitem", index

        def _setitem(self, point, index, value):
            SET.append((index, value))

        def _len(self, point):
            return 7

        def _iter(self, point):
            return iter("ab")

        def _contains(self, point, item):
            return item == 3

        def _neg(self, point):
            return "neg"

        def _round(self, point, *digits):
            return "round", digits

        def __getattr__(self, name):
            if name != "found":
                raise AttributeError(name)
            return hijax.aval_property(lambda point: "found")

        sum = hijax.aval_method(lambda point, axis=None: ("sum", axis))
        copy = hijax.aval_method(lambda point, **changes: ("copy", changes))
        T = hijax.aval_property(lambda point: "T")
        at = hijax.aval_property(lambda point: "at")
        __jax_array__ = hijax.aval_method(lambda point: s.jnp.float32(5))

    hijax.register_hitype(Point, lambda value: PointTy())
    return Point(s.jnp.float32(2))


SET = []
ONES = np.ones(2, "float32")
POINTS = {
    "an operator": lambda s, p: p + 1,
    "a reflected one": lambda s, p: 1 - p,
    "a comparison": lambda s, p: p == 1,
    "one that the type lacks": lambda s, p: p * 2,
    "no operator of arrays": lambda s, p: +p,
    "getitem": lambda s, p: p[3],
    "setitem": lambda s, p: (p.__setitem__(1, 2), SET.pop()),
    "len, iter and in": lambda s, p: (len(p), [*p], 3 in p),
    "neg and round": lambda s, p: (-p, round(p), round(p, 2)),
    "no conversion": lambda s, p: int(p),
    "a method": lambda s, p: (p.sum(axis=1), p.copy(deep=True)),
    "a method that the type lacks": lambda s, p: p.mean(),
    "a property": lambda s, p: (p.T, p.at),
    "one of the object's own": lambda s, p: p.kind,
    "one that is made when asked for": lambda s, p: p.found,
    "no such attribute": lambda s, p: p.scale,
    "after an array": lambda s, p: (
        s.jnp.asarray(ONES) + p, s.jnp.sin(ONES) @ (s.jnp.ones(2) * p)),
}  # fmt: skip


@pytest.mark.parametrize("name", POINTS)
def test_operators_and_members_of_a_type(name):
    def body(s):
        seen = []

        def f(point):
            seen.append(s.jax.tree.map(str, POINTS[name](s, point)))
            return point

        s.jit(f)(points(s))
        return seen

    theirs, ours = (outcome(lambda side=side: body(Side(side))) for side in NAMES)
    assert ours == theirs


def test_arrays_keep_theirs_beside_a_type():
    for s in map(Side, NAMES):
        points(s)

    @Side(NAMES[1]).jit
    def f(x):
        return x[0] + x.T.sum() - x.at[0].set(3.0).mean() + len(x) + x.copy()

    np.testing.assert_array_equal(f(ONES), [2.0 + 1 + 1 + 0, 4.0])


# --- tuples that are mapped ---------------------------------------------------------------


@dataclasses.dataclass
class Tup:
    items: tuple


def tuples(s):
    """(the spec of a tuple, a function that makes one, one that gives an item)."""
    hijax, private = s("experimental.hijax"), s("_src.hijax")

    @dataclasses.dataclass(frozen=True)
    class Spec(private.MappingSpec):
        axes: tuple

    @dataclasses.dataclass(frozen=True)
    class TupTy(hijax.HiType):
        kinds: tuple

        def lo_ty(self):
            return [lo for t in self.kinds for lo in t.lo_ty()]

        def lower_val(self, x):
            pairs = zip(self.kinds, x.items, strict=True)
            return [lo for t, y in pairs for lo in t.lower_val(y)]

        def raise_val(self, *arrays):
            feed = iter(arrays)
            return Tup(tuple([
                t.raise_val(*itertools.islice(feed, len(t.lo_ty()))) for t in self.kinds
            ]))  # fmt: skip

        def to_tangent_aval(self):
            return TupTy(tuple([t.to_tangent_aval() for t in self.kinds]))

        def dec_rank(self, size, spec):
            pairs = zip(self.kinds, spec.axes, strict=True)
            return TupTy(tuple([t.dec_rank(size, a) for t, a in pairs]))

        def inc_rank(self, size, spec):
            return TupTy(tuple([t.inc_rank(size, 0) for t in self.kinds]))

        def leading_axis_spec(self):
            return Spec(tuple([t.leading_axis_spec() for t in self.kinds]))

    class Make(hijax.VJPHiPrimitive):
        def __init__(self, kinds):
            self.in_avals, self.out_aval, self.params = kinds, TupTy(kinds), {}
            super().__init__()

        def expand(self, *items):
            return Tup(items)

        def batch(self, axis, args, dims):
            return make(*args), Spec(dims)

    class Get(hijax.VJPHiPrimitive):
        def __init__(self, kind, k):
            self.in_avals, self.out_aval = (kind,), kind.kinds[k]
            self.params = {"k": k}
            super().__init__()

        def expand(self, x):
            return x.items[self.k]

        def batch(self, axis, args, dims):
            return get(args[0], self.k), dims[0].axes[self.k]

    def make(*items):
        return Make(tuple(map(s.typeof, items)))(*items)

    def get(x, k):
        return Get(s.typeof(x), k)(x)

    hijax.register_hitype(Tup, lambda x: TupTy(tuple(map(s.typeof, x.items))))
    return Spec, make, get


def _mapped(s, spec, make, get):
    pair = make(s.jnp.arange(3.0), s.jnp.float32(5))
    both = spec((0, None)), spec((None, 0))

    def swapped(x):
        return make(get(x, 1), get(x, 0))

    grid = make(*[s.jnp.arange(12.0).reshape(3, 4)] * 2)
    rows, columns = spec((0, 0)), spec((1, 1))
    inner = s.vmap(lambda x: x, in_axes=rows, out_axes=rows, axis_size=3)
    return [
        s.vmap(swapped, in_axes=both[0], out_axes=both[1], axis_size=3)(pair),
        s.vmap(lambda x: get(make(x, x * 2), 1))(s.jnp.arange(3.0)),
        s.vmap(inner, in_axes=columns, out_axes=columns, axis_size=4)(grid),
    ]


def _scanned(s, spec, make, get):
    grid = make(s.jnp.arange(3.0), s.jnp.arange(12.0).reshape(3, 4))

    def step(carry, x):
        return carry + get(x, 0), make(get(x, 0) + 1, get(x, 1) * 2)

    def run():
        return s.lax.scan(step, 0.0, grid, length=3)

    return run(), s.jit(run)(), s.jit(lambda: get(make(1, 2), 1))()


def _handled(s, spec, make, get):
    """A type whose mapping is told to JAX's table."""
    inner = s("_src.core")
    kind = type(s.typeof(make(1.0)))

    def each(change):
        return lambda size, axis, *rest: kind(
            tuple([change(size, axis, aval) for aval in rest[-1].kinds])
        )

    inner.aval_mapping_handlers[kind] = (
        each(lambda size, axis, aval: aval.update(shape=aval.shape[1:])),
        each(lambda size, axis, aval: aval.update(shape=(size, *aval.shape))),
    )
    grid = make(s.jnp.arange(6.0).reshape(3, 2))
    return s.lax.scan(
        lambda c, x: (c + get(x, 0), make(get(x, 0) + 1)), np.zeros(2, "f4"), grid, 3
    )


@pytest.mark.parametrize("program", [_mapped, _scanned, _handled])
def test_tuples_are_mapped(program):
    theirs, ours = (
        outcome(lambda side=side: program(Side(side), *tuples(Side(side))))
        for side in NAMES
    )
    assert ours == theirs and "Error" not in ours


# --- boxes and logs -----------------------------------------------------------------------


def _set_in(s, jit):
    """Boxes that are arguments, are closed over, or are made inside."""
    private, traces = s("_src.hijax"), []
    held, given, inner = private.Box(1.0), private.Box(5.0), private.Box([])

    def add(box, x):
        traces.append(1)
        box.set(box.get() + x)
        held.set(held.get() * x)

    def make(x):
        box = private.Box(x)
        s.jit(lambda y: box.set(box.get() + y))(1.0)
        return box.get(), isinstance(box, private.Box)

    def grow():
        s.jit(lambda: inner.set([*inner.get(), 1]))()
        inner.set([*inner.get(), 2.0])

    if jit:
        run_add, run_make, run_grow = map(s.jit, (add, make, grow))
    else:
        run_add, run_make, run_grow = add, make, grow
    for box in (given, private.Box(3), given):
        run_add(box, 2.0)
    made = run_make(2.0)[0], s.grad(lambda x: run_make(x)[0])(2.0)
    run_grow(), run_grow()
    found = held.get(), given.get(), inner.get(), made
    return [*found, len(traces) if jit else None]


def _typed_anew(s, jit):
    """A box whose type changes between calls, and in them."""
    private, traces = s("_src.hijax"), []
    box = private.Box(None)

    @s.jit
    def f():
        traces.append(1)
        x = box.get()
        box.set(0 if x is None else {"a": x} if not isinstance(x, dict) else None)

    seen = []
    for _ in range(6):
        f()
        seen.append(str(box.get()))
    return seen, len(traces)


def _in_loops(s, jit):
    private = s("_src.hijax")
    box, log = private.Box(1.0), private.Log()

    def run():
        def step(c, x):
            box.set(box.get() * 2.0)
            log.append("x", x + 1)
            return c, None

        def body(i):
            box.set(box.get() + i)
            return i + 1

        s.lax.scan(step, 0, s.jnp.arange(3))
        s.lax.while_loop(lambda i: i < s.jnp.asarray(4), body, 0)
        for p in (True, False):
            s.lax.cond(s.jnp.asarray(p), lambda: box.set(box.get() - 1.0), lambda: None)
        log.append("y", box.get())

    (s.jit(run) if jit else run)()
    return box.get(), log._dct


def _differentiated(s, jit):
    private = s("_src.hijax")
    box, dot, seen = private.Box(5.0), private.Box(1.0), private.Box(0.0)

    def f(box, x):
        box.set(box.get() + x)
        return x * 2

    def g(x):
        seen.set(seen.get() + s.lax.stop_gradient(x))
        return h(seen, x * 2)

    h = s.custom_vjp(lambda box, x: x)
    h.defvjp(lambda box, x: (x, box), lambda box, ct: (box.set(ct), (None, ct))[1])
    f, g = (s.jit(f), s.jit(g)) if jit else (f, g)
    out = s.jax.jvp(f, (box, 2.0), (dot, 1.0))
    return out, box.get(), dot.get(), s.grad(g)(3.0), seen.get()


def _of_another_type(s, jit):
    box = s("_src.hijax").Box([1.0])

    def run():
        s.lax.fori_loop(0, s.jnp.asarray(3), lambda i, x: box.set(box.get() * 2), None)

    s.jit(run)()


def _without_stop(s, jit):
    box = s("_src.hijax").Box(1.0)
    f = s.jit(box.set) if jit else box.set
    return s.grad(lambda x: (f(x), x)[1])(1.0)


def _staged(s, jit):
    box = s("_src.hijax").Box(1.0)
    compiled = s.jit(lambda box: box.set(box.get() + 1.0)).lower(box).compile()
    compiled(box), compiled(box)
    return box.get(), s.make_jaxpr(lambda: s("_src.hijax").Box(2.0).get())()


BOXES = (
    _set_in, _typed_anew, _in_loops, _differentiated, _of_another_type, _without_stop,
    _staged,
)  # fmt: skip


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("program", BOXES)
def test_boxes_and_logs(program, jit):
    theirs, ours = (
        outcome(lambda side=side: program(Side(side), jit)) for side in NAMES
    )
    assert ours == theirs

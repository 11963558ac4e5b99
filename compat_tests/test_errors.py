"""Faulty programs: the same exception type on both sides, saying the essential words;
and tracebacks that end with the user's frames.
"""

import dataclasses
import functools

import numpy as np
import pytest
from sides import NAMES, Side, raised


def _leak(s):
    kept = []
    s.jit(lambda x: kept.append(x) or x)(1.0)
    return kept[0] + 1


def _leak_of(s, op):
    kept = []

    def f(x):
        kept.append(op(x))
        return x

    s.jit(f)(1.0)
    return kept[0] + 1


def _held_leak(s):
    kept = []

    def f(x):
        kept.append(x)
        return x

    with s.checking_leaks():
        s.jit(f)(1.0)


def _leaked_into_jit(s):
    kept = []
    s.vmap(lambda x: kept.append(x) or x)(s.jnp.ones(3))
    return s.jit(lambda y: y + kept[0])(1.0)


def _custom_vjp(s, bwd, transform):
    f = s.custom_vjp(lambda x: x)
    f.defvjp(lambda x: (x, None), bwd)
    return transform(f)


def _closing_over(kind, transform):
    """A custom function made in another, closing over its argument."""

    def program(s):
        def outer(x):
            f = getattr(s, kind)(lambda y: x * y)
            if kind == "custom_jvp":
                f.defjvp(lambda p, t: (x * p[0], x * t[0]))
            else:
                f.defvjp(lambda y: (x * y, None), lambda r, g: (x * g,))
            return f(2.0)

        return transform(s, outer)

    return program


def _custom_jvp(s, rule):
    f = s.custom_jvp(lambda x: x)
    f.defjvp(rule)
    return s.jvp(f, (1.0,), (1.0,))


def _donated(s):
    x = s.jnp.ones(3)
    s.jit(lambda y: y + 1, donate_argnums=0)(x)
    return np.asarray(x)  # in arithmetic JAX's type depends on what is cached


def _dynamic_fori(s, n):
    return s.lax.fori_loop(0, n.astype(int), lambda i, c: c * 2, n)


# name -> (faulty program, words of JAX's message that ours must have)
FAULTS = {
    # tracers where values are needed
    "leak": (_leak, ["Encountered an unexpected tracer", "side effect"]),
    "leak of a result": (lambda s: _leak_of(s, s.jnp.sin),
                         ["traced for jit", "was created on line", "(_leak_of.<locals>.f)",
                          "the final 5 stack frames (most recent last)"]),
    "custom jvp closes over jvp": (
        _closing_over("custom_jvp", lambda s, f: s.jvp(f, (3.0,), (1.0,))),
        ["unexpected tracer", "wrapped in a JVPTracer"]),
    "custom jvp closes over grad": (
        _closing_over("custom_jvp", lambda s, f: s.grad(f)(3.0)),
        ["unexpected tracer", "wrapped in a LinearizeTracer"]),
    "custom vjp closes over grad": (
        _closing_over("custom_vjp", lambda s, f: s.grad(f)(3.0)),
        ["unexpected tracer", "wrapped in a LinearizeTracer"]),
    "held leak": (_held_leak, ["Leaked trace", "is referred to by <list",
                               ">[0]\n", "closed-over variable kept"]),
    "leak into jit": (_leaked_into_jit, ["Encountered an unexpected tracer"]),
    "if": (lambda s: s.jit(lambda x: 1 if x > 0 else 2)(1.0),
           ["Attempted boolean conversion of traced array with shape bool[]",
            "while tracing the function <lambda> at", "for jit"]),
    "and": (lambda s: s.jit(lambda x: x and 1)(1.0), ["boolean conversion", "float32[]"]),
    "if in remat": (lambda s: s.checkpoint(lambda x: 1 if x > 0 else 2)(1.0),
                    ["boolean conversion of traced array with shape bool[]"]),
    "float": (lambda s: s.jit(float)(1.0), ["concrete value is expected", "`float`"]),
    "float in grad": (lambda s: s.grad(lambda x: x * float(x))(1.0),
                      ["concrete value is expected", "`float`"]),
    "complex in jvp": (lambda s: s.jvp(lambda x: x * complex(x), (1.0,), (1.0,)),
                       ["concrete value is expected", "`complex`"]),
    "tolist in grad": (lambda s: s.grad(lambda x: x * x.tolist())(1.0), ["tolist"]),
    "int": (lambda s: s.jit(lambda x: int(x))(1), ["`int` function", "x.astype(int)"]),
    "index": (lambda s: s.jit(lambda x: [1, 2][x])(1), ["__index__()", "int32[]"]),
    "range": (lambda s: s.jit(lambda x: list(range(x)))(1), ["__index__()"]),
    "numpy": (lambda s: s.jit(lambda x: np.sin(x))(1.0), ["__array__()", "float32[]"]),
    "item": (lambda s: s.jit(lambda x: x.item())(1.0),
             ["concrete value is expected", "in the item() method"]),
    "tolist": (lambda s: s.jit(lambda x: x.tolist())(1.0), ["tolist"]),
    "shape": (lambda s: s.jit(s.jnp.zeros)(3), ["Shapes must be 1D sequences"]),
    "arange": (lambda s: s.jit(s.jnp.arange)(3), ["jnp.arange argument 'stop'"]),
    "mask": (lambda s: s.jit(lambda x: x[x > 0])(s.jnp.ones(3)),
             ["Array boolean indices must be concrete"]),
    "hash": (lambda s: s.jit(hash)(1.0), ["unhashable type"]),
    "format": (lambda s: s.jit(lambda x: f"{x:.2f}")(1.0),
               ["unsupported format string passed to"]),
    "iterate": (lambda s: s.jit(list)(1.0), ["iteration over a 0-d array"]),
    # arrays
    "truth": (lambda s: bool(s.jnp.ones(3)), ["truth value", "ambiguous"]),
    "broadcast": (lambda s: s.jnp.ones(3) + s.jnp.ones(2),
                  ["incompatible shapes for broadcasting", "(3,), (2,)"]),
    "matmul": (lambda s: s.jnp.ones((3, 2)) @ s.jnp.ones(3),
               ["contracting dimensions to have the same shape", "(2,) and (3,)"]),
    "dtypes": (lambda s: s.lax.add(s.jnp.ones(3), s.jnp.ones(3, int)),
               ["same dtypes", "float32, int32", "Tip: jnp.add"]),
    "einsum": (lambda s: s.jnp.einsum("ij,jk", s.jnp.ones((2, 3)), s.jnp.ones((2, 3))),
               ["label 'j' for operand 1"]),
    "cross": (lambda s: s.jnp.cross(s.jnp.ones(4), s.jnp.ones(4, int)),
              ["must be either 2 or 3 for cross product"]),
    "convolve": (lambda s: s.jnp.convolve(s.jnp.ones((2, 3)), s.jnp.ones(2)),
                 ["only support 1-dimensional inputs"]),
    "unique": (lambda s: s.jit(s.jnp.unique)(s.jnp.ones(3)),
               ["for the first argument of jnp.unique()", "value for the size argument"]),
    "size of unique": (
        lambda s: s.jit(lambda n: s.jnp.unique(s.jnp.ones(3), size=n))(2),
        ["for the size argument of jnp.unique()"]),
    "union1d": (lambda s: s.jit(s.jnp.union1d)(s.jnp.ones(3), s.jnp.ones(2)),
                ["The error arose in union1d()"]),
    "intersect1d": (lambda s: s.jit(s.jnp.intersect1d)(s.jnp.ones(3), s.jnp.ones(2)),
                    ["for the first argument of jnp.unique()"]),
    "setxor1d of unique": (
        lambda s: s.jit(lambda x: s.jnp.setxor1d(x, x, assume_unique=True))(s.jnp.ones(3)),
        ["Array boolean indices must be concrete"]),
    "bandwidths": (lambda s: s("scipy.stats").gaussian_kde(s.jnp.ones(3), s.jnp.ones(1)),
                   ["`bw_method` should be 'scott'", "a scalar, or a callable"]),
    "rank of weights": (
        lambda s: s.jnp.polyfit(s.jnp.ones(3), s.jnp.ones(3), 1, w=s.jnp.ones((2, 2))),
        ["expected a 1-d array for weights"]),
    "length of weights": (
        lambda s: s.jnp.polyfit(s.jnp.ones(3), s.jnp.ones(3), 1, w=s.jnp.ones(2)),
        ["expected w and y to have the same length"]),
    "einsum rank": (lambda s: s.jnp.einsum("ijk", s.jnp.ones((2, 3))),
                    ["'ijk' does not contain the correct number of indices"]),
    "einsum twice": (lambda s: s.jnp.einsum("i->ii", s.jnp.ones(3)),
                     ["Output character 'i' appeared more than once"]),
    "einsum dots": (lambda s: s.jnp.einsum("i..->i", s.jnp.ones(3)),
                    ["Invalid Ellipses"]),
    "einsum arrows": (lambda s: s.jnp.einsum("i->i->", s.jnp.ones(3)),
                      ["Subscripts can only contain one '->'"]),
    "einsum path": (
        lambda s: s.jnp.einsum("i,i,i", *[s.jnp.ones(3)] * 3, optimize=[(0, 1, 2)]),
        ["simultaneous contraction of 3 or more operands"]),
    "index mode": (lambda s: s.jnp.ones(3).at[0].get(mode="x"), ["Unknown gather mode"]),
    "reshape": (lambda s: s.jnp.ones(6).reshape(4, 2), ["cannot reshape", "(size 6)"]),
    "concatenate": (lambda s: s.jnp.concatenate([s.jnp.ones((2, 3)), s.jnp.ones((2, 4))]),
                    ["Cannot concatenate", "(2, 3), (2, 4)"]),
    "ragged rows": (lambda s: s.jnp.array([1, s.jnp.ones(3)]),
                    ["different numbers of dimensions: got (1,), (1, 3)"]),
    "rows of two lengths": (lambda s: s.jnp.array([s.jnp.ones(2), [1.0, 2.0, 3.0]]),
                            ["Cannot concatenate", "(1, 2), (1, 3)"]),
    "attribute of a tracer": (lambda s: s.jit(lambda x: x.foo)(1.0),
                              ["DynamicJaxprTracer has no attribute foo"]),
    "fields left out": (
        lambda s: s.tree_util.register_dataclass(
            dataclasses.make_dataclass("Data", ["x", "y"]), ["x"], []),
        ["Missing fields: {'y'}", "drop_fields to suppress this error"]),
    "axis": (lambda s: s.jnp.sum(s.jnp.ones(3), axis=1), ["axis 1 is out of bounds"]),
    "assignment": (lambda s: s.jnp.ones(3).__setitem__(0, 1.0),
                   ["immutable", "x = x.at[idx].set(y)"]),
    "list": (lambda s: s.jnp.sum([1.0]), ["requires ndarray or scalar", "position 0"]),
    "float index": (lambda s: s.jnp.ones(3)[1.0], ["must have integer or boolean type"]),
    "list index": (lambda s: s.jnp.ones(3)[[0, 1]], ["non-tuple sequence"]),
    "too many indices": (lambda s: s.jnp.ones(3)[0, 0], ["Too many indices"]),
    "text index": (lambda s: s.jnp.ones(3)["a"], ["string indexing", "'a'"]),
    "text": (lambda s: s.jnp.array("abc"), ["not a valid JAX array type"]),
    "void": (lambda s: s.device_put(np.zeros(3, "V2")), ["not a valid JAX", "type"]),
    "overflow": (lambda s: s.jnp.int8(300), ["300 out of bounds for int8"]),
    "deleted": (_donated, ["Array has been deleted with shape=float32[3]"]),
    "dynamic_slice": (lambda s: s.lax.dynamic_slice(s.jnp.ones(3), (0,), (5,)),
                      ["slice_sizes must be less", "5", "(3,)"]),
    "key": (lambda s: s("random").normal(3), ["invalid PRNG key data"]),
    "key to NumPy": (lambda s: np.asarray(s("random").key(0)), ["jax.random.key_data"]),
    "unknown attribute": (lambda s: s.jnp.foo, ["has no attribute 'foo'"]),
    "unknown flag": (lambda s: s.config.update("jax_foo", 1), ["jax_foo"]),
    # jit
    "not callable": (lambda s: s.jit(3), ["Expected a callable value, got 3"]),
    "static": (lambda s: s.jit(lambda x, y: x, static_argnums=1)(1.0, [1]),
               ["Non-hashable static arguments", "unhashable type: 'list'"]),
    "static name": (lambda s: s.jit(lambda x: x, static_argnames="y")(1.0),
                    ["invalid argnames {'y'}"]),
    "text to jit": (lambda s: s.jit(lambda x: x)("a"),
                    ["as an abstract array", "<class 'str'>", "static_argnums"]),
    "object from jit": (lambda s: s.jit(lambda x: object())(1.0),
                        ["traced for jit returned a value of type <class 'object'>"]),
    # loops and branches
    "scan structure": (lambda s: s.lax.scan(lambda c, x: ((c, c), x), 0.0, s.jnp.arange(3)),
                       ["scan body function carry input and carry output",
                        "but they differ"]),
    "scan of no array": (lambda s: s.lax.scan(lambda c, x: (c, x), object, np.ones(2)),
                         ["of type '<class 'type'>' is not a valid JAX type"]),
    "scan pair": (lambda s: s.lax.scan(lambda c, x: c, 0.0, s.jnp.arange(3)),
                  ["scan body output must be a pair"]),
    "scan dtype": (lambda s: s.lax.scan(
        lambda c, x: (c.astype(complex), x), s.jnp.float32(0), s.jnp.arange(3)),
        ["must have equal types", "complex64[]", "dtypes do not match"]),
    "scan lengths": (lambda s: s.lax.scan(
        lambda c, x: (c, None), 0.0, (s.jnp.arange(3), s.jnp.arange(4))),
        ["different leading axis sizes: 3, 4"]),
    "scan without length": (lambda s: s.lax.scan(lambda c, x: (c, x), 0.0, None),
                            ["`length` not provided"]),
    "while shape": (lambda s: s.lax.while_loop(
        lambda c: c < 3, lambda c: s.jnp.ones(3), 0.0),
        ["while_loop body function carry input", "float32[3]", "shapes do not match"]),
    "while test": (lambda s: s.lax.while_loop(lambda c: c, lambda c: c, s.jnp.ones(3)),
                   ["cond_fun must return a boolean scalar"]),
    "while reverse": (lambda s: s.grad(lambda x: s.lax.while_loop(
        lambda c: c < 3, lambda c: c * 2, x))(1.0),
        ["Reverse-mode differentiation does not work for lax.while_loop"]),
    "cond structure": (lambda s: s.lax.cond(True, lambda x: x, lambda x: (x, x), 1.0),
                       ["must have the same pytree structure"]),
    "cond dtype": (lambda s: s.lax.cond(True, lambda x: x, lambda x: s.jnp.int32(x), 1.0),
                   ["cond branches must have equal output types", "int32[]"]),
    "cond predicate": (lambda s: s.lax.cond(s.jnp.ones(3), lambda: 1, lambda: 2),
                       ["Pred must be a scalar", "(3,)"]),
    "no branches": (lambda s: s.lax.switch(0, [], 1.0), ["Empty branch sequence"]),
    # vmap
    "axes length": (lambda s: s.vmap(lambda x, y: x, in_axes=(0,))(s.jnp.ones(3), 1.0),
                    ["len(in_axes)=1, len(args)=2"]),
    "axes tree": (lambda s: s.vmap(lambda x: x, in_axes=({"b": 0},))({"a": s.jnp.ones(3)}),
                  ["vmap in_axes specification must be a tree prefix"]),
    "sizes": (lambda s: s.vmap(lambda x, y: x)(s.jnp.ones(3), s.jnp.ones(2)),
              ["inconsistent sizes", "axis 0 of argument y of type float32[2]"]),
    "rank": (lambda s: s.vmap(lambda x: x)(1.0), ["along axis 0", "at least 1"]),
    "out of bounds": (lambda s: s.vmap(lambda x: x, in_axes=2)(s.jnp.ones((3, 3))),
                      ["along axis 2", "at least 3"]),
    "out_axes": (lambda s: s.vmap(lambda x: x, out_axes=None)(s.jnp.ones(3)),
                 ["vmap out_axes", "None"]),
    "axes type": (lambda s: s.vmap(lambda x: x, in_axes="a"), ["vmap in_axes must be"]),
    "axis name": (lambda s: s.lax.psum(1.0, "i"), ["unbound axis name: i"]),
    # derivatives
    "vector": (lambda s: s.grad(lambda x: x)(s.jnp.ones(3)),
               ["only defined for scalar-output functions", "(3,)"]),
    "no output": (lambda s: s.grad(lambda x: None)(1.0), ["scalar-output functions"]),
    "integers": (lambda s: s.grad(lambda x: x * 1.0)(3),
                 ["requires real- or complex-valued inputs", "int32", "allow_int"]),
    "complex": (lambda s: s.grad(lambda x: x)(1j), ["holomorphic=True"]),
    "argnums": (lambda s: s.grad(lambda x: x, argnums=2)(1.0),
                ["at least 3 positional arguments"]),
    "text to grad": (lambda s: s.grad(lambda x: x)("a"), ["not a valid JAX type"]),
    "aux": (lambda s: s.grad(lambda x: x, has_aux=True)(1.0), ["two-element tuple"]),
    "grad of no function": (lambda s: s.grad(3), ["Expected a callable value, got 3"]),
    "jvp structure": (lambda s: s.jvp(lambda x: x, (1.0,), ([1.0],)),
                      ["must have the same tree structure"]),
    "jvp dtype": (lambda s: s.jvp(lambda x: x, (1.0,), (1,)),
                  ["tangent dtype int32", "float32"]),
    "jvp shape": (lambda s: s.jvp(lambda x: x, (1.0,), (s.jnp.ones(3),)),
                  ["different primal and tangent shapes"]),
    "vjp structure": (lambda s: s.vjp(lambda x: x, 1.0)[1]((1.0, 1.0)),
                      ["unexpected tree structure"]),
    "vjp shape": (lambda s: s.vjp(lambda x: x, 1.0)[1](s.jnp.ones(3)),
                  ["float32[3]", "float32[]"]),
    "no rule": (lambda s: s.grad(s.custom_vjp(lambda x: x))(1.0), ["No VJP defined"]),
    "cotangent count": (lambda s: _custom_vjp(s, lambda r, g: (g, g), lambda f: s.grad(f)(1.0)),
                        ["bwd rule must produce", "same container"]),
    "forward mode": (lambda s: _custom_vjp(
        s, lambda r, g: (g,), lambda f: s.jvp(f, (1.0,), (1.0,))),
        ["can't apply forward-mode autodiff (jvp) to a custom_vjp function"]),
    "jvp rule": (lambda s: _custom_jvp(s, lambda p, t: (p[0], (t[0], t[0]))),
                 ["primal and tangent outputs with equal container"]),
    # trees
    "tree": (lambda s: s.tree.map(lambda a, b: a, {"a": 1}, {"b": 1}),
             ["pytree structure error"]),
}  # fmt: skip


class _Unhashable:
    """A function that cannot be told apart from others."""

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, x, *more):
        return (x, more[0]) if more else x


_F, _X, _TYPE = _Unhashable(), np.float32(1), np.zeros((), np.float32)
UNHASHABLE = {
    "cond": lambda s: s.lax.cond(True, _F, lambda x: x, _X),
    "switch": lambda s: s.lax.switch(0, [_F, _F], _X),
    "while cond": lambda s: s.lax.while_loop(_F, lambda x: x, False),
    "while body": lambda s: s.lax.while_loop(lambda x: x < 1, _F, _X),
    "fori": lambda s: s.lax.fori_loop(0, 2, _F, 1),
    "scan": lambda s: s.lax.scan(_F, _X, np.ones(2)),
    "checkpoint": lambda s: s.checkpoint(_F)(_X),
    "checkpoint in jit": lambda s: s.jit(lambda x: s.grad(s.checkpoint(_F))(x))(_X),
    "jit": lambda s: s.jit(_F)(_X),
    "pmap": lambda s: s.pmap(_F)(_X[None]),
    "closure_convert": lambda s: s.closure_convert(_F, _X),
    "custom_root": lambda s: s.lax.custom_root(_F, _X, lambda f, x: x, lambda g, y: y),
    "pure_callback": lambda s: s.pure_callback(_F, _TYPE, _X),
    "traced callback": lambda s: s.jit(lambda x: s.pure_callback(_F, _TYPE, x))(_X),
    "io_callback": lambda s: s("experimental").io_callback(_F, _TYPE, _X),
}


def _bool(*args):
    return bool(args[-1])  # of a tracer


def _with_solver(s, **functions):
    def function(name, default):
        return functions.get(name, default)

    solve = function("solve", lambda f, b: b), function("back", lambda f, b: b)
    return s.lax.custom_linear_solve(function("matvec", lambda x: x), _X, *solve)


# a function given to the library: how the error in it says what it is traced for
def _jvp_of(s, fun):
    f = s.custom_jvp(fun)
    f.defjvps(None)
    return f


def _vmap_of(s, fun):
    f = s.custom_batching.custom_vmap(fun)
    f.def_vmap(lambda size, mapped, x: (x, mapped[0]))
    return f


TRACED_FOR = {
    "fori_loop": lambda s: s.lax.fori_loop(0, 3, lambda i, c: _bool(c), _X),
    "fori_loop of a dict": lambda s: s.lax.fori_loop(
        0, 3, lambda i, c: {"a": _bool(c["a"])}, {"a": _X}),
    "fori_loop to a traced bound": lambda s: s.jit(
        lambda n: s.lax.fori_loop(0, n, lambda i, c: _bool(c), _X))(3),
    "no array of a fori_loop": lambda s: s.lax.fori_loop(0, 3, lambda i, c: "a", _X),
    "matvec": lambda s: _with_solver(s, matvec=lambda x: _bool(x)),
    "solve": lambda s: _with_solver(s, solve=lambda f, b: _bool(b)),
    "transpose_solve": lambda s: _with_solver(s, back=lambda f, b: _bool(b)),
    "root solve": lambda s: s.lax.custom_root(
        lambda x: x, _X, lambda f, x: _bool(x), lambda g, y: y),
    "root tangent_solve": lambda s: s.lax.custom_root(
        lambda x: x, _X, lambda f, x: x, lambda g, y: _bool(y)),
    "custom_jvp": lambda s: s.jit(_jvp_of(s, lambda x: _bool(x)))(_X),
    "custom_vmap": lambda s: _vmap_of(s, lambda x: _bool(x))(_X),
    "linear_call": lambda s: s.custom_derivatives.linear_call(
        lambda r, x: _bool(x), lambda r, x: x, _X, _X),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACED_FOR)
def test_error_says_what_was_traced(name):
    theirs, ours = [
        str(raised(functools.partial(TRACED_FOR[name], Side(n)))) for n in NAMES
    ]
    assert theirs == ours and "<lambda> at " in ours


@pytest.mark.parametrize("kind", ["reduce", "reduce_window"])
def test_error_in_a_reduction_says_what_was_traced(kind):
    def program(s):
        where = (0,) if kind == "reduce" else (2,)
        getattr(s.lax, kind)(np.ones(3, np.float32), _X, lambda a, b: _bool(b), where)

    theirs, ours = [str(raised(functools.partial(program, Side(n)))) for n in NAMES]
    what = f"<lambda> at {__file__}:"
    for text in (theirs, ours):
        assert what in text and f" for {kind} comp." in text


FAULTS |= {f"unhashable in {name}": (f, ["hash"]) for name, f in UNHASHABLE.items()}


def _bessel(s):
    with s.enable_x64(True):
        s.scipy.special.bessel_jn(s.jnp.ones(2, "complex128"), v=2)


FAULTS["bessel_jn of complex128"] = _bessel, ["complex input not supported"]
FAULTS["nameless"] = lambda s: s.named_call(_F)(_X), ["no attribute '__name__'"]


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name):
    program, words = FAULTS[name]
    theirs, ours = [raised(functools.partial(program, Side(n))) for n in NAMES]
    names = {t.__name__ for t in type(ours).__mro__}
    assert type(theirs).__name__ in names, f"{ours!r} in place of {theirs!r}"
    for word in words:
        assert word in str(theirs), f"a wrong test: JAX says {theirs}"
        assert word in str(ours), f"{ours} lacks {word!r}"

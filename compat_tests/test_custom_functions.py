"""Functions with rules of their own (custom_jvp, custom_vjp, custom_vmap), as JAX's own
tests look at them, on both sides.
"""

import functools
import re

import numpy as np
import pytest
from sides import NAMES, Side


def outcome(body, side):
    """What `body` gives, as text; or its error, whole."""
    try:
        found = body(side)
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    return re.sub(r"0x[0-9a-f]+|minijax", "jax", str(found))


def scanned(side, f):
    return lambda x: side.lax.scan(lambda x, _: (f(x), None), x, None, length=1)[0]


def recorded_literals(side):
    """Shapes of what a rule is given where the recorded call has a literal."""
    seen = []

    def fwd(x, n):
        seen.append(getattr(n, "shape", None))
        return x * n, n

    f = side.custom_vjp(lambda x, n: x * n)
    f.defvjp(fwd, lambda n, ct: (ct * n, np.zeros((), side.jax.dtypes.float0)))
    for call in (
        side.jit(lambda x: f(x, 3)),
        scanned(side, lambda x: f(x, 3)),
        side.jax.checkpoint(lambda x: f(x, 3)),
    ):
        seen.append(float(side.grad(call)(2.0)))
    return seen


def wrong_jvp(side, rule):
    f = side.custom_jvp(lambda x: x)
    f.defjvp(named("f_jvp", rule))
    return side.jax.jvp(scanned(side, f), (np.float32(1),), (np.float32(1),))


def wrong_fwd(side, fwd):
    f = side.custom_vjp(lambda x: x)
    f.defvjp(named("f_fwd", fwd), lambda _, g: (g,))
    return side.grad(scanned(side, f))(np.float32(1))


def named(name, fun):
    fun.__name__ = name
    return fun


def unchecked_bwd(side, unchecked):
    f = side.custom_vjp(lambda x, y: x)
    f.defvjp(lambda x, y: (x, None), lambda _, g: (side.jnp.zeros(3),) * 2)
    with side("_src.config").disable_bwd_checks(unchecked):
        grad = side.grad(lambda x, y: f(x, y).sum(), 1)
        return grad(side.jnp.ones(3), side.jnp.ones(4)).shape


def optimized(side, use, symbolic_zeros=False):
    """`tan`, whose forward rule is wrong, so that one sees which of them was computed."""
    jnp = side.jnp
    f = side.custom_vjp(jnp.tan)
    options = {"optimize_remat": True, "symbolic_zeros": symbolic_zeros}
    f.defvjp(lambda x: (jnp.sin(x), (x,)), lambda r, g: (jnp.cos(r[0]) * g,), **options)
    return [np.round(x, 3).tolist() for x in side.jax.tree.leaves(use(side, f))]


def optimized_fwd(side):
    custom_derivatives = side("_src.custom_derivatives")
    info = side("_src.api_util").debug_info

    def fun(x):
        return x * np.float32(1)

    def rule(x):
        return x * x, (2 * x,)

    args = [y for f in (fun, rule) for y in (f, info("custom_vjp", f, (1.0,), {}))]
    fwd = custom_derivatives.optimize_remat_of_custom_vjp_fwd(*args)
    x = side.jnp.arange(3.0)
    g = side.jit(lambda x: side.vmap(fwd)(x)[0].ravel())
    return side.jit(fwd)(x), side.jit(lambda x: fwd(x)[0])(x), g(x)


def no_tangents(side):
    jnp, float0 = side.jnp, side.dtypes.float0
    f = side.custom_jvp(lambda x, y: (x, y))
    zero = side("custom_derivatives").zero_from_primal
    f.defjvp(lambda primals, _: (tuple(primals), (2.0, zero(primals[1]))))
    tangents = (np.ones(()), jnp.zeros((), float0))
    _, (t, t0) = side.jax.jvp(f, (2.0, 3), tangents)
    return t, t0.dtype, jnp.ones((2, 3), float0).shape


def printed(side):
    f = side.custom_vjp(lambda x: x + 1)
    f.defvjp(named("f_fwd", lambda x: (f(x), ())), named("f_bwd", lambda _, g: g))
    x = np.float32(4)
    closed = side.make_jaxpr(lambda x: side.jax.jvp(f, (x,), (x,)))(x)
    dce = side("_src.interpreters.partial_eval").dce_jaxpr
    return dce(closed.jaxpr, [False, True])[0]


def partial(side, kind, *args, **kwargs):
    fun = functools.partial(lambda x, y, a: x + y * a, a=0.5)
    f = getattr(side, kind)(fun)
    if kind == "custom_jvp":
        f.defjvp(lambda p, t: (len(p) * p[0], t[0]))
    else:
        f.defvjp(lambda *p: (p[0], None), lambda _, g: (g, g))
    return side.grad(lambda xs: f(*xs, **kwargs))(args)


def mapped(side, use):
    """A function whose batching rule is wrong, its jvp under vmap."""
    seen = []
    f = side.custom_batching.custom_vmap(side.jnp.sin)

    @f.def_vmap
    def rule(size, in_batched, xs):
        seen.append((size, in_batched))
        return side.jnp.cos(xs), in_batched[0]

    def jvp(x, t):
        return side.jax.jvp(f, [x], [t])

    ones, row = side.jnp.float32(1), side.jnp.arange(3.0)
    return use(side, f, jvp, ones, row), seen


def constant(side, use):
    """A function that depends on nothing but the shape, whose rule says that it does."""
    f = side.custom_jvp(lambda x: np.zeros(x.shape, x.dtype))
    f.defjvp(lambda p, t: (f(p[0]), 3 * t[0]))
    return use(side, side.vmap(f), side.jnp.arange(3.0))


def transposed(side, times, residual):
    """What is left of a wrong transpose: the transpose of it is the function again."""

    def f(x):
        return side.custom_derivatives.linear_call(
            lambda r, x: x * r, lambda r, t: 5 * t + r, residual, x
        )  # fmt: skip

    for _ in range(times):
        f = (lambda g: lambda x: side.jax.linear_transpose(g, x)(x)[0])(f)
    x = side.jnp.arange(1.0, 3.0)
    return f(x), side.jit(f)(x)


def inside(side, program):
    """What the equations of `program` say of the bodies they hold."""
    jaxpr = side.make_jaxpr(program)(np.float32(1)).jaxpr
    values = [value for eqn in jaxpr.eqns for value in eqn.params.values()]
    infos = [
        x.debug_info for v in values if hasattr(x := getattr(v, "jaxpr", v), "eqns")
    ]
    return [
        (i.traced_for, i.func_name, i.func_filename == __file__, i.arg_names)
        for i in infos
    ]


def ruled(side, kind, fun):
    """`fun` with a rule of `kind`."""
    if kind == "custom_vmap":
        f = side.custom_batching.custom_vmap(fun)
        f.def_vmap(lambda size, mapped, *xs: (xs[0], mapped[0]))
        return f
    f = getattr(side, kind)(fun)
    if kind == "custom_jvp":
        f.defjvp(lambda p, t: (p[0], t[0]))
    else:
        f.defvjp(lambda *p: (p[0], None), lambda _, g: (g, g))
    return f


def paired(side, kind):
    """A function of a tuple, with a rule."""
    f = ruled(side, kind, lambda xy, z: {"sum": xy[0] * xy[1] + z})
    return lambda x: f((x, x), x)


def running(side, x):
    def body(ref):
        ref["a"][...] += ref["b"][...]

    return side("_src.state.discharge").run_state(body)({"a": x, "b": x})["a"]


def names(side, fun, args, kwargs, **options):
    """How the leaves of a call's arguments are told from each other, and the function."""
    info = side("_src.api_util").debug_info("jit", fun, args, kwargs, **options)
    here = info.func_filename == __file__
    return info.arg_names, info.func_name, here, isinstance(info.func_lineno, int)


def _signature(x, y=1, *, z, w=2):
    return x


def methods(side, outer, inner, names):
    kinds = {
        "jvp": side.custom_jvp,
        "vjp": side.custom_vjp,
        "vmap": side.custom_batching.custom_vmap,
    }
    f = kinds[outer](kinds[inner](lambda x: x + 1))
    return [callable(getattr(f, name)) for name in names]


def seen(side, kind):
    """The numbers that a function and its rule are called with, and what it gives."""
    found = []

    def noted(*numbers):
        found.append([f"{type(x).__name__} {x!r}" for x in numbers])

    f = getattr(side, kind)(lambda x, n: (noted(x, n), x)[1])
    if kind == "custom_jvp":
        f.defjvp(lambda p, t: (noted(*p), (p[0], t[0]))[1])
    else:
        f.defvjp(
            lambda x, n: (noted(x, n), (x, (x, n)))[1],
            lambda r, g: (noted(*r), (g, None))[1],
        )
    return f(2.0, 3), f(True, 1j), f(-(2**31), 0), side.grad(f)(2.0, 3), found


CASES = {
    "numbers of custom_jvp": lambda s: seen(s, "custom_jvp"),
    "numbers of custom_vjp": lambda s: seen(s, "custom_vjp"),
    "too large for custom_vjp": lambda s: ruled(s, "custom_vjp", lambda x: x)(1 << 40),
    "numbers of vjp": lambda s: [
        s.vjp(lambda x, n: (x, n, 3.0), 1.0, 2)[0],
        s.value_and_grad(lambda x: (x, 1), has_aux=True)(1.0)[0],
    ],
    "tree of a jvp rule": lambda s: wrong_jvp(s, lambda p, t: (p * 2, t * 2)),
    "shape of a jvp rule": lambda s: wrong_jvp(s, lambda p, t: (s.jnp.zeros(3), t[0])),
    "tree of a fwd rule": lambda s: wrong_fwd(s, lambda x: ((x, x), None)),
    "shape of a fwd rule": lambda s: wrong_fwd(s, lambda x: (s.jnp.zeros(3), None)),
    "checked bwd": lambda s: unchecked_bwd(s, False),
    "unchecked bwd": lambda s: unchecked_bwd(s, True),
    "remat": lambda s: optimized(
        s, lambda s, f: s.value_and_grad(lambda x: s.jax.remat(f)(x) ** 2)(3.2)
    ),
    "no remat": lambda s: optimized(s, lambda s, f: s.value_and_grad(f)(3.2)),
    "symbolic zeros": lambda s: optimized(s, lambda s, f: f(3.2), True),
    "fwd alone": optimized_fwd,
    "float0": no_tangents,
    "float0 as it is": lambda s: [
        (isinstance(x, s.Array), x.dtype, x.shape)
        for a in [np.zeros(2, s.dtypes.float0)]
        for x in (s.jnp.asarray(a), s.jnp.array(a), s.jax.device_put([a])[0])
    ],
    "custom_lin": printed,
    "partial": lambda s: partial(s, "custom_jvp", 1.0, 2.0),
    "partial of custom_vjp": lambda s: partial(s, "custom_vjp", 1.0, 2.0),
    "keyword": lambda s: partial(s, "custom_jvp", 1.0, 2.0, a=3.0),
    "mapped tangents": lambda s: mapped(
        s, lambda s, f, jvp, x, xs: s.vmap(jvp, (None, 0), (None, 0))(x, xs)
    ),
    "mapped primals": lambda s: mapped(
        s, lambda s, f, jvp, x, xs: s.vmap(jvp, (0, None))(xs, x)
    ),
    "both mapped": lambda s: mapped(s, lambda s, f, jvp, x, xs: s.vmap(jvp)(xs, xs)),
    "jacfwd": lambda s: mapped(s, lambda s, f, jvp, x, xs: s.jacfwd(f)(xs)),
    "constant": lambda s: constant(s, lambda s, f, x: s.grad(lambda x: f(x).sum())(x)),
    "constant jvp": lambda s: constant(s, lambda s, f, x: s.jax.jvp(f, (x,), (x,))),
    "constant jit": lambda s: constant(
        s, lambda s, f, x: s.jit(s.grad(lambda x: f(x).sum()))(x)
    ),
    **{
        f"transposed {n} times": lambda s, n=n: transposed(s, n, s.jnp.ones(2))
        for n in range(4)
    },
    **{
        f"{outer} of {inner}": lambda s, outer=outer, inner=inner: methods(
            s, outer, inner, ["def_vmap", f"def{(outer + inner).replace('vmap', '')}"]
        )
        for outer, inner in (
            ("jvp", "vmap"), ("vmap", "jvp"), ("vjp", "vmap"), ("vmap", "vjp")
        )
    },
    **{
        f"{of} of text": lambda s, of=of: getattr(s.jax, of)(lambda x: "a")(np.ones(1))
        for of in ("grad", "vmap", "make_jaxpr", "jacfwd", "jit")
    },
    "inside custom_jvp": lambda s: inside(s, paired(s, "custom_jvp")),
    "inside custom_vmap": lambda s: inside(s, paired(s, "custom_vmap")),
    "inside custom_vjp": lambda s: inside(
        s, lambda x: ruled(s, "custom_vjp", lambda long, z: long + z)(x, x)
    ),
    "inside linear_call": lambda s: inside(
        s, lambda x: s.custom_derivatives.linear_call(
            lambda r, x: x, lambda r, x: x, {"r": x}, x)
    ),
    "literals of a recorded call": lambda s: recorded_literals(s),
    "inside run_state": lambda s: inside(s, functools.partial(running, s)),
    "equation of custom_vmap": lambda s: s.make_jaxpr(paired(s, "custom_vmap"))(2.0),
    "names": lambda s: names(s, _signature, (1, (2, 3)), {"z": {"k": 1}}),
    "static names": lambda s: names(
        s, _signature, (1, 2), {"z": 3, "w": 4}, static_argnums=(1,),
        static_argnames=("w",)
    ),
    "names of another call": lambda s: names(s, _signature, (1, 2, 3), {"z": 3}),
    "names without a function": lambda s: names(s, 3, (1,), {}),
    "names of a partial": lambda s: names(
        s, functools.partial(_signature, z=1), (1,), {}
    ),
    "names of a jitted function": lambda s: names(s, s.jit(lambda y: y), (1,), {}),
    "long line": lambda s: repr(s.jnp.linspace(0, 1, 5) * 0.1234),
    "long rows": lambda s: repr(s.jnp.ones((2, 7)) * 0.7123),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    theirs, ours = (outcome(CASES[name], Side(side)) for side in NAMES)
    assert ours == theirs

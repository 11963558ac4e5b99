"""`shard_map` within loops and branches, and the equations that it leaves, on both sides."""

import re

import numpy as np
import pytest
from sides import NAMES, Side, said


def _looped(s, x):
    total = s.lax.psum(x.sum(), "x")
    return s.lax.scan(lambda c, _: (c * 2, c), total, None, length=2)[0]


def _branched(s, x):
    flag = s.lax.psum(x.sum(), "x") > 0
    return s.lax.cond(flag, lambda: s.lax.pmax(x, "x"), lambda: s.lax.pmin(x, "x"))


def _while(s, x):
    return s.lax.while_loop(lambda c: c < 5, lambda c: c + 1, s.lax.pmax(x.max(), "x"))


# name -> (function, specs of arguments, specs of results, options)
SHARDED = {
    "cut": (lambda s, x: x * 2, ["x"], ["x"], {}),
    "cut twice": (lambda s, x: x[None] * x, ["x"], [None, "x"], {}),
    "not replicated": (lambda s, x: x * 2, ["x"], [], {}),
    "not replicated over one": (lambda s, x: x * 2, [("x", "y")], ["x"], {}),
    "not checked": (lambda s, x: x * 2, ["x"], [], {"check_vma": False}),
    "psum": (lambda s, x: s.lax.psum(x, "x"), ["x"], [], {}),
    "psum of another": (lambda s, x: s.lax.psum(x, "x"), [("x", "y")], [], {}),
    "pmean": (lambda s, x: s.lax.pmean(x, ("x", "y")), [("x", "y")], [], {}),
    "gathered": (lambda s, x: s.lax.all_gather(x, "x"), ["x"], [], {}),
    "place": (lambda s, x: x + s.lax.axis_index("y"), ["x"], ["x"], {}),
    "in jit": (lambda s, x: s.jit(lambda x: s.lax.psum(x, "x"))(x), ["x"], [], {}),
    "in checkpoint": (lambda s, x: s.checkpoint(s.jnp.sin)(x), ["x"], [], {}),
    "scan": (_looped, ["x"], [], {}),
    "while": (_while, ["x"], [], {}),
    "cond": (_branched, ["x"], [], {}),
    "constant": (lambda s, x: s.jnp.ones(2), ["x"], [], {}),
    "cast": (lambda s, x: s.lax.pcast(x, "x", to="varying"), [], ["x"], {}),
    "cast, not replicated": (
        lambda s, x: s.lax.pcast({"a": x}, ("x",), to="varying"),
        [],
        [],
        {},
    ),
    "cast and summed": (
        lambda s, x: s.lax.psum(s.lax.pcast(x, "x", to="varying"), "x"),
        [],
        [],
        {},
    ),
    "cast along no axes": (lambda s, x: s.lax.pcast(x, (), to="varying"), [], [], {}),
    "cast along a set": (lambda s, x: s.lax.pcast(x, {"x"}, to="varying"), [], [], {}),
    "as it is": (lambda s, x: x, ["x"], ["x"], {}),
    "one axis": (lambda s, x: s.lax.psum(x, "x"), ["x"], [], {"axis_names": {"x"}}),
    "an axis that is not mapped": (lambda s, x: x, ["y"], ["y"], {"axis_names": {"x"}}),
    "too many entries": (lambda s, x: x, ["x", "y"], ["x"], {}),
    "too many entries of a result": (lambda s, x: x.sum(), ["x"], ["x"], {}),
}


@pytest.mark.parametrize("name", SHARDED)
def test_sharded(name):
    fun, ins, outs, options = SHARDED[name]

    def body(side):
        types = (side.sharding.AxisType.Auto,) * 2
        mesh = side.make_mesh((1, 1), ("x", "y"), axis_types=types)
        mapped = side.shard_map(
            lambda x: fun(side, x),
            mesh=mesh,
            in_specs=side.P(*ins),
            out_specs=side.P(*outs),
            **options,
        )
        out = mapped(np.arange(3, dtype=np.float32))
        return out, repr(out.sharding), out.committed

    theirs, ours = (said(body, Side(n)) for n in NAMES)
    for side in (theirs, ours):  # JAX names a wrapper of its own in some messages
        side[0] = re.sub(r"function '[^']*'", "function", side[0])
    assert ours == theirs


def test_casts_that_cannot_be():
    for s in (Side(n) for n in NAMES):
        with pytest.raises(
            ValueError, match=r"pvary should be called under jax.shard_"
        ):
            s.lax.pcast(s.jnp.ones(2), "x", to="varying")
        with pytest.raises(
            ValueError, match=r"Got unexpected `to` value. Allowed `to` "
        ):
            s.lax.pcast(s.jnp.ones(2), "x", to="other")


@pytest.mark.parametrize("axes", ["", "x", "y", "xx", "xy"])
def test_abstract_mesh(axes):
    """The mesh is that of the arguments; `axes` says over which axes these are cut."""

    def body(s):
        def mesh(name):
            types = (s.sharding.AxisType.Auto,)
            return s.make_mesh((1,), (name,), axis_types=types)

        x = np.arange(3, dtype=np.float32)
        args = [x] + [
            s.device_put(x, s.sharding.NamedSharding(mesh(name), s.P(name)))
            for name in axes
        ]
        mapped = s.shard_map(
            lambda *xs: [x * 2 for x in xs], mesh=mesh("x").abstract_mesh,
            in_specs=s.P("x"), out_specs=s.P("x"),
        )  # fmt: skip
        return [(repr(out.sharding), out.tolist()) for out in mapped(*args)]

    theirs, ours = (said(body, Side(n)) for n in NAMES)
    assert ours == theirs


def _on_x(s, fun, ins, outs, **options):
    """`fun` mapped over the axis x of a mesh of x and y."""
    types = (s.sharding.AxisType.Auto,) * 2
    mesh = s.make_mesh((1, 1), ("x", "y"), axis_types=types)
    return s.shard_map(fun, mesh=mesh, in_specs=ins, out_specs=outs, **options)


def _sine(s):
    return _on_x(s, s.jnp.sin, s.P("x"), s.P("x"))


def _summed(s):
    return _on_x(
        s,
        lambda x: s.lax.psum(s.jnp.sin(x) * x, "x"),
        s.P("x"),
        s.P(),
        axis_names={"x"},
    )


def _total(fun):
    return lambda *args: fun(*args).sum()


# Functions of one side that give a function of an array of shape (4,).
MAPPED = {
    "plain": _sine,
    "jit": lambda s: s.jit(_sine(s)),
    "psum": _summed,
    "closed over": lambda s: (
        lambda z: _on_x(s, lambda x: x * z.sum(), s.P("x"), s.P("x"), check_vma=False)(
            z
        )
    ),
    "an argument without spec": lambda s: (
        lambda z: _on_x(s, lambda x, n: x + s.jnp.ones(n), (s.P("x"), None), s.P("x"))(
            z, (4,)
        )
    ),
    "jvp": lambda s: lambda z: s.jvp(_sine(s), (z,), (z,)),
    "grad": lambda s: s.grad(_total(_sine(s))),
    "grad of psum": lambda s: s.grad(_total(s.jit(_summed(s)))),
    "pullback": lambda s: lambda z: s.vjp(_summed(s), z)[1](z),
    "grad of a cast": lambda s: s.grad(
        _total(
            _on_x(s, lambda x: s.lax.pcast(x, "x", to="varying") * x, s.P(), s.P("x"))
        )
    ),
    "vmap": lambda s: lambda z: s.vmap(_sine(s))(z[None]),
    "vmap to a mesh axis": lambda s: (
        lambda z: s.vmap(_sine(s), spmd_axis_name="y")(z[None])
    ),
    "grad of checkpoint": lambda s: s.grad(_total(s.checkpoint(_summed(s)))),
    "scan": lambda s: (
        lambda z: s.lax.scan(lambda c, _: (_sine(s)(c), None), z, None, length=2)[0]
    ),
    "unused result": lambda s: (
        lambda z: s.vjp(
            lambda x: _on_x(s, lambda x: (x * 2, s.jnp.sin(x)), s.P("x"), s.P("x"))(x)[
                0
            ],
            z,
        )[1](z)
    ),
}


@pytest.mark.parametrize("name", MAPPED)
def test_mapped_over_shards(name):
    x = np.float32([0.5, -1.0, 2.0, 3.0])
    theirs, ours = (Side(n) for n in NAMES)
    want, got = (s.tree.leaves(MAPPED[name](s)(x)) for s in (theirs, ours))
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def _shown_params(params):
    """The parameters of an equation; JAX has residuals before the results."""
    names = "mesh", "newly_manual_axes", "check_vma"
    specs = [sorted(map(repr, params[k])) for k in ("in_specs", "out_specs")]
    return [*specs, *[repr(params[name]) for name in names]]


@pytest.mark.parametrize(
    "name", ["plain", "psum", "closed over", "grad", "pullback", "vmap to a mesh axis"]
)
def test_equations_over_shards(name):
    def found(s):
        jaxpr = s.make_jaxpr(MAPPED[name](s))(np.ones(4, np.float32))
        eqns = [e for e in jaxpr.eqns if e.primitive.name == "shard_map"]
        assert all(len(e.params["in_specs"]) == len(e.invars) for e in eqns)
        return [_shown_params(e.params) for e in eqns]

    theirs, ours = (found(Side(n)) for n in NAMES)
    assert ours == theirs and ours


def test_specs_of_mappings_and_tiles_that_are_kept():
    def body(side):
        impls = side("_src.sharding_impls")
        mappings = [{"x": 0, "y": 1}, {"x": 0, "y": 0, "z": 2}, {"x": 1}, {}]
        tiles = impls.named_sharding_to_xla_hlo_sharding
        place = side.NamedSharding(side.make_mesh((1,), ("x",)), side.P("x"))
        first, before = place._to_xla_hlo_sharding(2), tiles.cache_info().hits
        again = place.update(memory_kind="device")._to_xla_hlo_sharding(2)
        specs = [str(impls.array_mapping_to_axis_resources(m)) for m in mappings]
        return specs, first is again, tiles.cache_info().hits - before

    theirs, ours = (body(Side(name)) for name in NAMES)
    assert ours == theirs

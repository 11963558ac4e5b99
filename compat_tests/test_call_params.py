"""What the equations of nested `jit` calls say, to tools that read jaxprs."""

import numpy as np
import pytest
from sides import assert_same


def _donating(side):
    return side.jit(
        lambda a, b: (side.jnp.sin(a) * b, a + 2), donate_argnums=0, keep_unused=True
    )


def _on_a_mesh(side, fun, x, **options):
    axis_type = side("sharding").AxisType.Auto
    mesh = side.make_mesh((1,), ("i",), axis_types=(axis_type,))
    place = side("sharding").NamedSharding(mesh, side.P("i"))
    with side.set_mesh(mesh):
        placed = side.jit(fun, **dict.fromkeys(options, place))
        return side.make_jaxpr(lambda x: (placed(x), _donating(side)(x, x)))(x)


# What nested calls are made of: jaxprs with calls in them
CALLS = {
    "plain": lambda s: s.make_jaxpr(lambda x: s.jit(lambda y: (y + 1, y))(x))(1.0),
    "donating": lambda s: s.make_jaxpr(lambda x: _donating(s)(x, x))(1.0),
    "batched": lambda s: s.make_jaxpr(s.vmap(_donating(s), (0, None)))(np.ones(3), 1.0),
    "jvp": lambda s: s.make_jaxpr(
        lambda x: s.jvp(lambda y: _donating(s)(3.0, y), (x,), (x,))
    )(1.0),
    "grad": lambda s: s.make_jaxpr(s.grad(lambda x: _donating(s)(x, 4.0)[0]))(1.0),
    "both places": lambda s: _on_a_mesh(
        s, lambda x: x, np.ones(3), in_shardings=0, out_shardings=0
    ),
    "unread": lambda s: s.make_jaxpr(s.checkpoint(lambda x: _donating(s)(x, x)[0]))(
        1.0
    ),
    "names": lambda s: s.make_jaxpr(s.jnp.clip)(1.0, 0.0, 2.0),
}


def _calls_in(jaxpr):
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "jit":
            yield eqn.params
        for value in eqn.params.values():
            if hasattr(value, "eqns"):
                yield from _calls_in(getattr(value, "jaxpr", value))


@pytest.mark.parametrize("name", CALLS)
def test_parameters_of_calls(name):
    """Tools read them; `eqn.params` has what JAX's has, and printing leaves out the same."""

    def found(side):
        closed = CALLS[name](side)
        calls = list(_calls_in(closed.jaxpr))
        assert calls
        told = [
            {key: str(value) for key, value in sorted(params.items()) if key != "jaxpr"}
            for params in calls
        ]
        return [str(told), str(closed)]

    assert_same(found)


def test_calls_are_bound_again_with_their_parameters():
    def found(side):
        (eqn,) = CALLS["donating"](side).jaxpr.eqns
        again = side.make_jaxpr(lambda *xs: eqn.primitive.bind(*xs, **eqn.params))(
            1.0, 2.0
        )
        mesh = eqn.params["ctx_mesh"]
        assert isinstance(mesh, side("sharding").Mesh) and mesh.empty
        assert mesh == side("sharding").Mesh(np.empty((), object), ())
        return [str(again), str(eqn.params["ctx_mesh"])]

    assert_same(found)


def test_no_compiler_options_inside():
    options = {"xla_embed_ir_in_executable": True}

    def call(side):
        inner = side.jit(lambda x: x + 1, compiler_options=options)
        with pytest.raises(ValueError, match="compiler_options"):
            side.jit(inner)(1.0)
        return [
            inner(1.0),
            side.vmap(inner)(np.ones(2)),
            side.jvp(inner, (1.0,), (1.0,)),
        ]

    assert_same(call)

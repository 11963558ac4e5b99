"""Sharding constraints as equations: printed, transformed, run and converted."""

import jax
import numpy as np
import pytest
from sides import NAMES, Side, assert_said_same, assert_same, raised

import minijax
from minijax.interop import from_jax, to_jax

X = np.arange(4, dtype=np.float32)


def _mesh(s):
    return s.make_mesh((1,), ("x",), axis_types=(s.sharding.AxisType.Auto,))


def _over(s, *parts):
    return s.NamedSharding(_mesh(s), s.P(*parts))


def _one(s):
    return s.sharding.SingleDeviceSharding(s.devices()[0])


def _twice(s, place):
    """A function that doubles its argument, which then lies as `place` says."""
    return lambda x: s.lax.with_sharding_constraint(x * 2, place)


def _in_loop(s, x):
    def body(carry, y):
        return s.lax.with_sharding_constraint(carry + y, _one(s)), carry

    return s.lax.scan(body, s.jnp.float32(0), x)


CONSTRAINED = {
    "mesh": lambda s, x: _twice(s, _over(s, "x"))(x),
    "device": lambda s, x: _twice(s, _one(s))(x),
    "tree": lambda s, x: s.lax.with_sharding_constraint({"a": x, "b": x}, _one(s)),
    "free axis": lambda s, x: _twice(s, _over(s, None, s.P.UNCONSTRAINED))(x[None]),
    "jvp": lambda s, x: s.jvp(_twice(s, _one(s)), (x,), (x,)),
    "vmap": lambda s, x: s.vmap(_twice(s, _over(s, None)), 1, 1)(
        s.jnp.reshape(x, (2, 2))
    ),
    "vmap over a name": lambda s, x: s.vmap(
        _twice(s, _over(s)), spmd_axis_name="x"
    )(x),
    "transposed": lambda s, x: s.linear_transpose(_twice(s, _one(s)), x)(x),
    "loop": _in_loop,
    "jit": lambda s, x: s.jit(_twice(s, _one(s)))(x),
    "key": lambda s, x: s.random.key_data(
        s.lax.with_sharding_constraint(s.random.key(3), _one(s))
    ),
}  # fmt: skip


def _closed(name, side):
    s = Side(side)
    return s.make_jaxpr(lambda x: CONSTRAINED[name](s, x))(X)


@pytest.mark.parametrize("name", CONSTRAINED)
def test_constraints_are_equations(name):
    theirs, ours = (str(_closed(name, side)) for side in NAMES)
    assert ours == theirs
    assert "sharding_constraint" in ours or name == "key"


@pytest.mark.parametrize("name", CONSTRAINED)
def test_constrained_values(name):
    program = CONSTRAINED[name]
    assert_same(lambda s: [program(s, X), s.jit(lambda x: program(s, x))(X)])


def test_within_a_mesh():
    def printed(s):
        with s.set_mesh(_mesh(s)):
            named = s.make_jaxpr(lambda x: _twice(s, s.P("x"))(x))(X)
        return [str(named)]

    assert_same(printed)


def test_numbers_become_arrays():
    for s in map(Side, NAMES):
        out = s.lax.with_sharding_constraint(X, _over(s, "x"))
        assert isinstance(out, s.Array)
        assert out.sharding.spec == s.P("x")


@pytest.mark.parametrize("name", ["mesh", "loop", "vmap"])
def test_converted_constraints(name):
    here = from_jax(_closed(name, "jax"))
    there = to_jax(_closed(name, "minijax"))
    ours = minijax.core.eval_jaxpr(here.jaxpr, here.consts, X)
    theirs = jax.jit(there)(X)
    for want, got in zip(theirs, ours, strict=True):
        np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


def _format(s, layout=None, *, placed=True):
    layouts = s("experimental.layout")
    if layout is not None:
        layout = layouts.Layout(layout) if layout else layouts.Layout.AUTO
    return layouts.Format(layout, _one(s) if placed else None)


def _parts(s, sharding):
    return s.make_array_from_callback((2,), sharding, lambda _: np.ones(2))


def _mapped(s, *specs, fun=lambda x: x, **options):
    ins, outs = specs
    options = {"mesh": _mesh(s), "in_specs": ins, "out_specs": outs, **options}
    return s.shard_map(fun, **options)


def _constrain(s, place):
    return s.lax.with_sharding_constraint(s.jnp.asarray(X), place)


# What is asked for, and what is said of it
ASKED = {
    "struct of any layout": lambda s: s.ShapeDtypeStruct((2,), "f", sharding=_format(s, ())),
    "jit with a layout": lambda s: s.jit(lambda x: x, in_shardings=_format(s, (0,)).layout),
    "jit with any layout": lambda s: s.jit(lambda x: x, out_shardings=_format(s, ()).layout),
    "constraint to a format": lambda s: _constrain(s, _format(s, (0,))),
    "constraint to any layout": lambda s: _constrain(s, _format(s, ())),
    "constraint to no layout": lambda s: _constrain(s, _format(s)),
    "constraint to no sharding": lambda s: _constrain(s, _format(s, (), placed=False)),
    "equation of a format": lambda s: s.make_jaxpr(
        lambda x: _constrain(s, _format(s, (0,))))(X),
    "parts of any layout": lambda s: _parts(s, _format(s, ())),
    "parts of a format": lambda s: _parts(s, _format(s, (0,))),
    "parts of no sharding": lambda s: _parts(s, _format(s, placed=False)),
    "parts of a number": lambda s: _parts(s, 3),
    "parts of another type": lambda s: s.make_array_from_single_device_arrays(
        (4,), _one(s), [s.jnp.asarray(X)], dtype="int32"),
    "parts of their type": lambda s: s.make_array_from_single_device_arrays(
        (4,), _one(s), [s.jnp.asarray(X)], dtype="float32"),
    "too many places": lambda s: s.jit(lambda x: x, in_shardings=[None, None])(X),
    "no places for names": lambda s: s.jit(lambda x: x, in_shardings=(None,))(x=X),
    "specs that are none": lambda s: _mapped(s, ("x", s.P()), s.P())(X, X),
    "specs of results that are none": lambda s: _mapped(s, s.P("x"), {"a": 3})(X),
    "axes that the mesh lacks": lambda s: _mapped(s, s.P(), s.P(), axis_names={"q"})(X),
    "no mesh": lambda s: _mapped(s, s.P(), s.P(), mesh=3)(X),
    "no function": lambda s: _mapped(s, s.P(), s.P(), fun=3),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_what_is_said_of_places(name):
    assert_said_same(ASKED[name])


def test_no_array_is_put_into_any_layout():
    for s in map(Side, NAMES):
        for placed in (True, False):
            form = _format(s, (), placed=placed)
            error = raised(lambda s=s, form=form: s.device_put([X], [form]))
            assert type(error) is ValueError
            assert f"should be concrete. Got layout: {form}" in str(error)

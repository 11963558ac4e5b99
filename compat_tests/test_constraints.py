"""Sharding constraints as equations: printed, transformed, run and converted."""

import jax
import numpy as np
import pytest
from sides import NAMES, Side, assert_same

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

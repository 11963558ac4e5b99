"""What checkpoint keeps, and how it is told, on both sides."""

import pytest
from sides import assert_said_same


def _static_of_checkpoint(side):
    """How often each call traces: static arguments without a hash are told by identity."""
    counts, given = [], ({"a": 1}, [1, 2], (1,))

    def counted(static, x):
        counts.append(len(static))
        return x * len(static)

    f = side.checkpoint(counted, static_argnums=0)
    for static in (given[0], given[0], {"a": 1}, given[1], given[2], (1,)):
        f(static, 2.0)
        counts.append("called")
    return [counts, side.grad(f, 1)(given[1], 2.0)]


def _checkpointed(side):
    """How often a checkpointed function is traced that is called and differentiated."""
    traces = []

    @side.checkpoint
    def f(x):
        traces.append(1)
        return side.jnp.sin(x)

    for x in (1.0, 2.0):
        f(x)
        side.grad(f)(x)
    return len(traces)


def _kept(side, policy, fun):
    saved = side("_src.ad_checkpoint").saved_residuals
    return [str(aval) for aval, _ in saved(side.checkpoint(fun, policy=policy), 2.0)]


def _named(side, x):
    name = side("ad_checkpoint").checkpoint_name
    y, z = (
        name(side.jnp.multiply(2.0, 2.0), "y"),
        name(side.jnp.multiply(2.0, 2.0), "z"),
    )
    return x * y * z


CHECKPOINTED = {
    "traces": _checkpointed,
    "linear": lambda s: _kept(s, None, lambda x: x * 2.0),
    "named": lambda s: _kept(
        s,
        s.checkpoint_policies.save_only_these_names("y"),
        lambda x: _named(s, x),
    ),
    "text": lambda s: s.checkpoint(lambda x: x)("a"),
    "static": lambda s: _static_of_checkpoint(s),
    "of jit": lambda s: [
        str(aval)
        for aval, _ in s("_src.ad_checkpoint").saved_residuals(
            s.jit(lambda x, y: x * y), 2.0, 3.0
        )
    ],
}


@pytest.mark.parametrize("name", CHECKPOINTED)
def test_checkpointed(name):
    assert_said_same(CHECKPOINTED[name])

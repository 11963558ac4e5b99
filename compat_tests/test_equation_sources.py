"""Where equations say that they come from: scopes, transformations and lines."""

import numpy as np
import pytest
from sides import both


def _scoped(s):
    @s.named_scope("outer")
    def f(x):
        with s.named_scope("inner"):
            y = s.jnp.sin(x)
        return y * 2

    return f


def _scoped_jit(s):
    @s.named_scope("outer")
    def f(x):
        @s.jit
        @s.named_scope("inner")
        def g(x):
            return s.jnp.sin(x)

        return g(x)

    return f


def _scoped_scan(s):
    def body(c, x):
        with s.named_scope("body"):
            return s.jnp.sin(c) * x, c

    def f(x):
        with s.named_scope("loop"):
            return s.lax.scan(body, x, np.arange(3, dtype=np.float32))[0]

    return f


def _scoped_rule(s):
    @s.custom_jvp
    @s.named_scope("function")
    def f(x):
        return s.jnp.sin(x)

    @f.defjvp
    def rule(primals, tangents):
        with s.named_scope("rule"):
            return f(*primals), s.jnp.cos(primals[0]) * tangents[0]

    def called(x):
        return f(x)

    return called


def _twice_differentiated(s):
    return s.grad(s.named_scope("between")(s.grad(_scoped(s))))


def _apart(s):
    def f(x):
        with s.named_scope("forward"):
            y, pull = s.vjp(_scoped(s), x)
        with s.named_scope("backward"):
            return pull(y)

    return f


def _inlined(s):
    inner = s.jit(_scoped(s), inline=True)

    @s.named_scope("call")
    def f(x):
        y = inner(x)
        return inner(y) + y

    return f


SCOPED = {
    "plain": _scoped,
    "inlined": _inlined,
    "grad of inlined": lambda s: s.grad(_inlined(s)),
    "jit": _scoped_jit,
    "scan": _scoped_scan,
    "rule": _scoped_rule,
    "vmap": lambda s: lambda x: s.vmap(_scoped(s))(x[None]),
    "jvp": lambda s: lambda x: s.jvp(_scoped(s), (x,), (x,)),
    "grad": lambda s: s.grad(_scoped(s)),
    "grad of jit": lambda s: s.grad(_scoped_jit(s)),
    "vmap of grad": lambda s: lambda x: s.vmap(s.grad(_scoped(s)))(x[None]),
    "grad of grad": _twice_differentiated,
    "vjp": _apart,
}


def _places(s, jaxpr):
    """(primitive, scopes, user's line) of every equation, in order."""
    found = []
    for eqn in jaxpr.eqns:
        where = s("extend.source_info_util").summarize(eqn.source_info)
        found.append((eqn.primitive.name, str(eqn.source_info.name_stack), where))
        for value in eqn.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                found += _places(s, inner)
    return found


@pytest.mark.parametrize("name", SCOPED)
def test_where_equations_come_from(name):
    theirs, ours = both(
        lambda s: _places(s, s.make_jaxpr(SCOPED[name](s))(np.float32(1)).jaxpr)
    )
    assert theirs == ours
    assert any(scopes for _, scopes, _ in theirs)

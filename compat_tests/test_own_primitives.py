"""Primitives that users define as classes (`VJPHiPrimitive`), as JAX runs them."""

import numpy as np
import pytest
from sides import assert_said_same


def _square(s):
    class Square(s("experimental.hijax").VJPHiPrimitive):
        def __init__(self, aval):
            self.in_avals, self.out_aval, self.params = (aval,), aval, {}
            super().__init__()

        def expand(self, x):
            return x**2

        def jvp(self, primals, tangents):
            (x,), (t,) = primals, tangents
            return self(x), t * 2.0 * x

        def vjp_fwd(self, nonzero, x):
            return self(x), x

        def vjp_bwd_retval(self, x, ct):
            return (ct * 2.0 * x,)

        def batch_dim_rule(self, axis, dims):
            return dims[0]

    return lambda x: Square(s.typeof(x))(x)


def _scaled(s):
    """A dict and an array to a dict, with a parameter and a rule that accumulates."""
    hijax = s("experimental.hijax")

    class Scaled(hijax.VJPHiPrimitive):
        def __init__(self, x, y, by):
            self.in_avals, self.out_aval = ({"x": x}, y), {"a": x, "b": x}
            self.params = {"by": by}
            super().__init__()

        def expand(self, d, y):
            return {"a": self.by * d["x"] * y, "b": d["x"]}

        def vjp_fwd(self, nonzero, d, y):
            return self(d, y), (d["x"], y)

        def vjp_bwd(self, res, ct, into_d, into_y):
            a, b = (hijax.instantiate_zeros(ct[name]) for name in "ab")
            into_d["x"].accum(self.by * a * res[1] + b)
            into_y.accum(self.by * a * res[0])

        def batch_dim_rule(self, axis, dims):
            return {"a": dims[0]["x"], "b": dims[0]["x"]}

    return lambda x, y, by=3.0: Scaled(s.typeof(x), s.typeof(y), by)({"x": x}, y)


def _linear(s):
    class Twice(s("experimental.hijax").VJPHiPrimitive):
        def __init__(self, aval):
            self.in_avals, self.out_aval, self.params = (aval,), aval, {}
            super().__init__()

        def expand(self, x):
            return 2.0 * x

        def jvp(self, primals, tangents):
            return self(*primals), self(*tangents)

        def lin(self, nonzero, x):
            return self(x), None

        def linearized(self, residuals, t):
            return self(t)

        def transpose(self, ct, into):
            into.accum(self(ct))

        def batch(self, axis, args, dims):
            return Twice(s.typeof(args[0]))(*args), dims[0]

    return lambda x: Twice(s.typeof(x))(x)


def _accums(s, place):
    """What `vjp_bwd` is given, where one argument's cotangent is asked for."""
    hijax, ad, seen = s("experimental.hijax"), s("_src.interpreters.ad"), []

    class Product(hijax.VJPHiPrimitive):
        def __init__(self, aval):
            self.in_avals, self.out_aval, self.params = (aval, aval), aval, {}
            super().__init__()

        def expand(self, x, y):
            return x * y

        def vjp_fwd(self, nonzero, x, y):
            return self(x, y), (x, y)

        def vjp_bwd(self, res, ct, into_x, into_y):
            for into, other in ((into_x, res[1]), (into_y, res[0])):
                seen.append(str(isinstance(into, ad.NullAccum)))
                into.accum(ct * other)

    return s.grad(lambda x, y: Product(s.typeof(x))(x, y).sum(), place)(X, X), seen


X, M = np.arange(1, 4, dtype="f4"), np.arange(6, dtype="f4").reshape(2, 3)

CASES = {
    "eagerly": lambda s: _square(s)(X),
    "printed": lambda s: str(s.make_jaxpr(_square(s))(X)),
    "in jit": lambda s: s.jit(lambda x: (_square(s)(x), x))(X),
    "reverse": lambda s: s.jit(s.grad(lambda x: s.jit(_square(s))(x).sum()))(X),
    "forward": lambda s: s.jvp(_square(s), (X,), (X,)),
    "twice": lambda s: s.hessian(_square(s))(2.0),
    "batch": lambda s: s.vmap(s.vmap(_square(s)), 1, 1)(M),
    "batch of derivatives": lambda s: s.vmap(s.grad(_square(s)))(X),
    "derivative of a batch": lambda s: s.grad(lambda m: s.vmap(_square(s))(m).sum())(M),
    "forward over a batch": lambda s: s.jvp(s.vmap(_square(s)), (M,), (M,)),
    "in a loop": lambda s: s.grad(lambda x: s.lax.scan(
        lambda c, _: (_square(s)(c), None), x, None, length=2)[0].sum())(X),
    "computed again": lambda s: s.grad(lambda x: s.checkpoint(_square(s))(x).sum())(X),
    "a parameter": lambda s: str(s.make_jaxpr(lambda x: _scaled(s)(x, x, 4.0))(X)),
    "no lin": lambda s: s.linearize(_square(s), X),
    "trees": lambda s: s.vmap(_scaled(s), (0, None))(M, X),
    "sums of cotangents": lambda s: s.grad(
        lambda x: _scaled(s)(x, 2 * x)["a"].sum() + _scaled(s)(x, x)["b"].sum())(X),
    "no jvp": lambda s: s.jvp(lambda x: _scaled(s)(x, x), (X,), (X,)),
    "linearized": lambda s: s.linearize(_linear(s), X)[1](X),
    "transposed": lambda s: s.linear_transpose(_linear(s), X)(X),
    "own batch": lambda s: s.vmap(_linear(s))(M),
    "accumulated for one": lambda s: _accums(s, 0),
    "accumulated for the other": lambda s: _accums(s, 1),
    "no vjp": lambda s: s.grad(lambda x: _linear(s)(x).sum())(X),
    "nothing set": lambda s: s("experimental.hijax").VJPHiPrimitive(),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    assert_said_same(CASES[name])

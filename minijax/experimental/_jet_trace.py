"""The trace of `jet`: values with the coefficients of their power series."""

import math
from typing import Any

from minijax import core, dtypes, lax
from minijax import numpy as jnp
from minijax.core import Tracer, Zero
from minijax.numpy.creation import asarray
from minijax.transforms import ad

# --- coefficients, of which None is zero --------------------------------------------------


def plus(a, b):
    """a + b."""
    return b if a is None else a if b is None else lax.add(a, b)


def times(number, a):
    """A coefficient times a Python number."""
    if a is None or number == 1:
        return a
    return lax.mul(a, lax.full_like(a, number))


def filled(terms, like):
    """The coefficients with zeros for None."""
    return [lax.full_like(like, 0) if a is None else a for a in terms]


def is_known(terms):
    """Whether any coefficient is not zero."""
    return any(a is not None for a in terms)


# primitive -> rule(primals, series, **params) -> (primal, terms), lists of both where the
# primitive has several results; `series` holds the terms from order 1 on.
jet_rules: dict[Any, Any] = {}


# --- without a rule: derivatives along the curve ------------------------------------------


def _derivative(fun):
    """The derivative of a flat function of one scalar; zeros instead of `Zero`."""

    def derived(t):
        outs, tangents = ad.jvp(fun, [t], [lax.full_like(t, 1)])
        return [
            lax.full_like(y, 0) if type(d) is Zero else d
            for y, d in zip(outs, tangents, strict=True)
        ]

    return derived


def along_curve(primitive, primals, series, params):
    """The series of any differentiable primitive: the derivatives at t = 0."""
    order = len(series[0])
    moving = [moves(x, s) for x, s in zip(primals, series, strict=True)]
    if not any(moving):
        out = primitive.bind(*primals, **params)
        still = [None] * order
        return (out, [still] * len(out)) if primitive.multiple_results else (out, still)
    real = jnp.finfo(jnp.result_type(*[p for p, m in zip(primals, moving) if m])).dtype

    def at(t):
        args = []
        for x, terms, known in zip(primals, series, moving, strict=True):
            value = None
            for term in reversed([x, *terms] if known else []):
                if value is not None:
                    value = lax.mul(value, jnp.broadcast_to(t.astype(x.dtype), x.shape))
                value = plus(value, term)
            args.append(value if known else x)
        out = primitive.bind(*args, **params)
        return list(out) if primitive.multiple_results else [out]

    zero = lax.full((), 0, real)
    outs, derivatives, fun = at(zero), [], at
    inexact = [is_inexact(y) for y in outs]
    for k in range(1, order + 1):
        fun = _derivative(fun)
        derivatives.append([
            times(1.0 / math.factorial(k), d) if moves else None
            for d, moves in zip(fun(zero), inexact, strict=True)
        ])  # fmt: skip
    terms = [list(one) for one in zip(*derivatives, strict=True)] or [[] for _ in outs]
    return (outs, terms) if primitive.multiple_results else (outs[0], terms[0])


def is_inexact(x):
    return dtypes.issubdtype(core.get_aval(x).dtype, jnp.inexact)


def moves(x, terms):
    """Whether an operand changes along the curve; integers do not, until converted."""
    return is_inexact(x) and is_known(terms)


# --- the trace --------------------------------------------------------------------------


class JetTracer(Tracer):
    """A value together with the coefficients of its series."""

    __slots__ = ("primal", "terms")
    jax_name = "JetTracer"

    def __init__(self, trace, primal, terms):
        self._trace, self.primal, self.terms = trace, primal, terms
        self.aval = core.get_aval(primal)

    def _concrete(self):
        return ad.concrete(self.primal)

    def __repr__(self):
        return f"JetTracer({self.aval.str_short(True)})"


# calls that only hold a jaxpr: it is run in their place
_CALLS = frozenset({"jit", "remat2"})


class JetTrace(core.Trace):
    """Carries series of one order along."""

    def __init__(self, parent, order):
        self.parent, self.order = parent, order

    def described(self):
        return self.parent.described()

    def split(self, x):
        """(primal, terms) of a value that may or may not be of this trace."""
        if type(x) is JetTracer and x._trace is self:
            return x.primal, x.terms
        return x, [None] * self.order

    def join(self, primal, terms):
        """A tracer of both, or just the primal where all terms are zero."""
        known = any(a is not None and is_inexact(a) for a in terms)
        return JetTracer(self, primal, terms) if known else primal

    def owns_any(self, args):
        """Whether one of the values is a tracer of this trace."""
        return any(type(x) is JetTracer and x._trace is self for x in args)

    def process_primitive(self, primitive, args, params):
        if not self.owns_any(args):
            return self.parent.process_primitive(primitive, args, params)
        if primitive.name in _CALLS:
            return core.eval_jaxpr(*_opened(params["jaxpr"]), *args)
        primals, series = [list(side) for side in zip(*map(self.split, args))]
        rule = jet_rules.get(primitive)
        with core.set_current_trace(self.parent):
            primals = [asarray(x) for x in primals]
            if rule is None:
                out, terms = along_curve(primitive, primals, series, params)
            else:
                out, terms = rule(primals, series, **params)
        if primitive.multiple_results:
            return [self.join(y, t) for y, t in zip(out, terms, strict=True)]
        return self.join(out, terms)

    def process_custom_jvp_call(self, primitive, fun, jvp, args, **params):
        if self.owns_any(args):
            return fun(*args)
        return self.parent.process_custom_jvp_call(primitive, fun, jvp, args, **params)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **params):
        if self.owns_any(args):
            return fun(*args)
        return self.parent.process_custom_vjp_call(
            primitive, fun, fwd, bwd, args, **params
        )


def _opened(closed):
    """(jaxpr, constants) of a closed or an open jaxpr."""
    if isinstance(closed, core.ClosedJaxpr):
        return closed.jaxpr, closed.consts
    return closed, []


def jet_of(fun, primals, series, order):
    """(outs, their terms) of the flat function `fun(*primals) -> list`."""
    level = JetTrace(core.current_trace(), order)
    args = [
        level.join(p, list(s)[:order]) for p, s in zip(primals, series, strict=True)
    ]
    try:
        with core.set_current_trace(level):
            outs = fun(*args)
        pairs = [level.split(y) for y in outs]
    finally:
        level.valid = False
    return [y for y, _ in pairs], [t for _, t in pairs]

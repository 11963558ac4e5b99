"""Splitting functions into what is known and what is not (`jax.interpreters.partial_eval`)."""

import functools
import itertools
import operator
from typing import Any

from minijax import core
from minijax.alias import missing_attribute
from minijax.trace import JaxprTracer as DynamicJaxprTracer  # noqa: F401
from minijax.trace import trace
from minijax.transforms.dce import dce
from minijax.transforms.linear_trace import LinearTrace as _LinearTrace

Val = Any


class PartialVal(tuple):
    """Either an aval (unknown), or a value (known): a pair with None for the other."""

    __slots__ = ()

    @classmethod
    def known(cls, const):
        """Of a value."""
        return cls((None, const))

    @classmethod
    def unknown(cls, aval):
        """Of an aval."""
        return cls((aval, None))

    def is_known(self):
        """Whether the value is known."""
        return self[0] is None

    def get_known(self):
        """The value, or None."""
        return self[1] if self[0] is None else None

    def get_aval(self):
        """The aval, of a known value too."""
        return core.get_aval(self[1]) if self[0] is None else self[0]


def dce_jaxpr(jaxpr, used_outputs, instantiate=False):
    """The jaxpr for some of its outputs: (jaxpr without unused inputs, used inputs)."""
    if isinstance(used_outputs, bool):
        used_outputs = [used_outputs] * len(jaxpr.outvars)
    if isinstance(instantiate, bool):
        instantiate = [instantiate] * len(jaxpr.invars)
    smaller, used = dce(jaxpr, used_outputs)
    used = [u or kept for u, kept in zip(used, instantiate, strict=True)]
    invars = [v for v, u in zip(jaxpr.invars, used, strict=True) if u]
    return smaller.replace(invars=invars), used


def dce_jaxpr_consts(jaxpr, used_outputs, instantiate=False):
    """`dce_jaxpr`, of constants too: (jaxpr, used constants, used inputs).

    A list `instantiate` has one entry for each constant, and then for each input.
    """
    n = len(jaxpr.constvars)
    opened = jaxpr.replace(constvars=[], invars=jaxpr.constvars + jaxpr.invars)
    smaller, used = dce_jaxpr(opened, used_outputs, instantiate)
    kept = sum(used[:n])
    closed = smaller.replace(
        constvars=smaller.invars[:kept], invars=smaller.invars[kept:]
    )
    return closed, used[:n], used[n:]


def dce_jaxpr_closed_call_rule(used_outputs, eqn):
    """The rule of a primitive whose parameter `call_jaxpr` is what it computes."""
    if not any(used_outputs) and not eqn.effects:
        return [False] * len(eqn.invars), None
    call = eqn.params["call_jaxpr"]
    smaller, used = dce_jaxpr(getattr(call, "jaxpr", call), used_outputs)
    if hasattr(call, "consts"):
        smaller = call.replace(jaxpr=smaller)
    return used, eqn.replace(
        invars=list(itertools.compress(eqn.invars, used)),
        outvars=list(itertools.compress(eqn.outvars, used_outputs)),
        params={**eqn.params, "call_jaxpr": smaller},
    )


dce_jaxpr_call_rule = dce_jaxpr_closed_call_rule


class _DceRules:
    """primitive -> rule(which outputs are used, equation) -> (which inputs are, equation).

    A rule is asked where some outputs are not used; None for the equation drops it.
    """

    def __init__(self):
        self._given = {}

    def __setitem__(self, primitive, rule):
        self._given[primitive] = rule
        primitive.dce = lambda used, eqn: rule(used, eqn)[1]

    def __getitem__(self, primitive):
        if primitive in self._given:
            return self._given[primitive]
        if primitive.dce is None:
            raise KeyError(primitive)
        return functools.partial(_own_dce, primitive)

    def __contains__(self, primitive):
        return primitive.dce is not None


def _own_dce(primitive, used, eqn):
    smaller = primitive.dce(used, eqn)
    return [any(a is b for b in smaller.invars) for a in eqn.invars], smaller


dce_rules = _DceRules()


def trace_to_jaxpr_dynamic(fun, in_avals, **_):
    """Trace a wrapped function of avals: (jaxpr, out_avals, constants)."""
    closed = trace(lambda *args: list(fun.call_wrapped(*args)), in_avals)
    return closed.jaxpr, closed.out_avals, closed.consts


def trace_to_jaxpr_nounits(fun, pvals, instantiate=False):
    """Run a wrapped function, computing what known inputs give and recording the rest.

    Returns (jaxpr, partial values of the outputs, constants): the jaxpr maps the
    unknown inputs to the unknown outputs.
    """
    level = _LinearTrace(core.current_trace())
    args = [
        p.get_known() if p.is_known() else level.new_arg(p.get_aval()) for p in pvals
    ]
    try:
        with core.set_current_trace(level):
            outs = list(fun.call_wrapped(*args))
        every = isinstance(instantiate, bool)
        wanted: Any = [instantiate] * len(outs) if every else instantiate
        unknown = [*map(operator.or_, level.owns(outs), wanted)]
        invars = [
            x.variable for x, p in zip(args, pvals, strict=True) if not p.is_known()
        ]
        late = [x for x, late in zip(outs, unknown, strict=True) if late]
        jaxpr, consts = level.finish(invars, late)
    finally:
        level.valid = False
    out_pvals = [
        PartialVal.unknown(core.get_aval(x)) if late else PartialVal.known(x)
        for x, late in zip(outs, unknown, strict=True)
    ]
    return jaxpr, out_pvals, consts


def __getattr__(name):
    raise missing_attribute(__name__, name)

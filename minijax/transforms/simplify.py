"""Jaxpr → smaller Jaxpr: dead code elimination."""

from minijax.core import ClosedJaxpr, Literal


def dce(jaxpr, used_outputs=None):
    """Drop equations that neither outputs nor effects need.

    `used_outputs`: which outputs count (default: all).  Returns (jaxpr with those outputs, mask of the inputs it still
    reads); inputs are kept.
    """
    outvars = jaxpr.outvars
    if used_outputs is not None:
        outvars = [v for v, used in zip(outvars, used_outputs, strict=True) if used]
    live = {v for v in outvars if type(v) is not Literal}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or any(v in live for v in eqn.outvars):
            kept.append(eqn)
            live.update(a for a in eqn.invars if type(a) is not Literal)
    kept.reverse()
    out = jaxpr.replace(eqns=kept, outvars=outvars)
    return out, [v in live for v in jaxpr.invars]


def simplify(closed):
    """What lowering sees: the closed jaxpr without dead equations and unused constants."""
    jaxpr, _ = dce(closed.jaxpr)
    if not closed.consts:
        return ClosedJaxpr(jaxpr)
    read = {a for eqn in jaxpr.eqns for a in eqn.invars if type(a) is not Literal}
    read.update(a for a in jaxpr.outvars if type(a) is not Literal)
    pairs = [
        (v, c) for v, c in zip(jaxpr.constvars, closed.consts, strict=True) if v in read
    ]
    jaxpr = jaxpr.replace(constvars=[v for v, _ in pairs])
    return ClosedJaxpr(jaxpr, [c for _, c in pairs])

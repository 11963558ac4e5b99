"""Jaxpr → jaxpr without dead equations."""

from minijax.core import Literal


def dce(jaxpr, used_outputs=None, *, compiled=False):
    """Drop equations that neither outputs nor effects need.

    `used_outputs`: which outputs count (default: all).  Returns (jaxpr with those
    outputs, mask of the inputs it still reads); inputs are kept.  `compiled`: what is to
    be compiled, not shown, so that equations need not stay as JAX's do.
    """
    outvars = jaxpr.outvars
    if used_outputs is not None:
        outvars = [v for v, used in zip(outvars, used_outputs, strict=True) if used]
    live = {v for v in outvars if type(v) is not Literal}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.marks or not live.isdisjoint(eqn.outvars):
            rule = eqn.primitive.dce or (compiled and eqn.primitive.dce_compiled)
            if rule and not live.issuperset(eqn.outvars):
                eqn = rule([v in live for v in eqn.outvars], eqn)
                if eqn is None:
                    continue
            kept.append(eqn)
            live.update([a for a in eqn.invars if type(a) is not Literal])
    kept.reverse()
    out = jaxpr.replace(eqns=kept, outvars=outvars)
    return out, [v in live for v in jaxpr.invars]

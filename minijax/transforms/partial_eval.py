"""Splitting a jaxpr into what is known early and what is left for later."""

from minijax.core import ClosedJaxpr, Literal, Var
from minijax.transforms.dce import dce


def split_jaxpr(closed, unknown, keep, n_known):
    """Split a closed jaxpr by which inputs are known early.

    The first `n_known` outputs must be known early.  Returns (early, late, n_kept):
    `early: known inputs -> known outputs + kept values`, `late: kept values + all
    inputs -> the other outputs`.  `late` computes again whatever early values it needs
    that `keep(primitive, *avals, **params)` does not keep.
    """
    jaxpr = closed.jaxpr
    late_vars = {v for v, late in zip(jaxpr.invars, unknown, strict=True) if late}
    early_eqns, kept = [], []
    for eqn in jaxpr.eqns:
        if any(type(a) is not Literal and a in late_vars for a in eqn.invars):
            late_vars.update(eqn.outvars)
            continue
        early_eqns.append(eqn)
        avals = [a.aval for a in eqn.invars]
        if keep(eqn.primitive, *avals, **eqn.params):
            kept += eqn.outvars
    outs, rest = jaxpr.outvars[:n_known], jaxpr.outvars[n_known:]
    late, kept = _late_part(jaxpr, rest, kept)
    known_inputs = [
        v for v, is_late in zip(jaxpr.invars, unknown, strict=True) if not is_late
    ]
    early, _ = dce(
        jaxpr.replace(invars=known_inputs, outvars=outs + kept, eqns=early_eqns)
    )
    return (
        ClosedJaxpr(early, closed.consts),
        ClosedJaxpr(late, closed.consts),
        len(kept),
    )


def _late_part(jaxpr, outvars, kept):
    """The equations for `outvars` from the inputs and the kept values that help."""
    given = {v: Var(v.aval) for v in kept}
    eqns = [
        eqn.replace(
            invars=[a if type(a) is Literal else given.get(a, a) for a in eqn.invars]
        )
        for eqn in jaxpr.eqns
    ]
    outvars = [v if type(v) is Literal else given.get(v, v) for v in outvars]
    fresh = [given[v] for v in kept]
    late, used = dce(
        jaxpr.replace(invars=fresh + jaxpr.invars, outvars=outvars, eqns=eqns)
    )
    needed = used[: len(kept)]
    kept = [v for v, n in zip(kept, needed, strict=True) if n]
    fresh = [v for v, n in zip(fresh, needed, strict=True) if n]
    return late.replace(invars=fresh + jaxpr.invars), kept

"""Splitting a jaxpr into what is known early and what is left for later."""

from minijax.core import ClosedJaxpr, Literal, Var
from minijax.transforms.dce import dce
from minijax.transforms.simplify import inline_calls


def split_jaxpr(closed, unknown, keep, n_known):
    """Split a closed jaxpr by which inputs are known early.

    The first `n_known` outputs must be known early.  Returns (early, late, n_kept):
    `early: known inputs -> known outputs + kept values`, `late: kept values + all
    inputs -> the other outputs`.  `late` computes again whatever early values it needs
    that `keep(primitive, *avals, **params)` does not keep.
    """
    jaxpr = closed.jaxpr
    late_vars = {v for v, late in zip(jaxpr.invars, unknown, strict=True) if late}
    early_eqns, late_eqns, kept = [], [], []
    for eqn in jaxpr.eqns:
        if any(type(a) is not Literal and a in late_vars for a in eqn.invars):
            late_vars.update(eqn.outvars)
            late_eqns.append(eqn)
            continue
        giving, given, held = _held(eqn, keep)
        early_eqns.append(giving)
        if not _done(eqn, keep, kept):
            late_eqns.append(given)
        kept += held
    outs, rest = jaxpr.outvars[:n_known], jaxpr.outvars[n_known:]
    late, kept = _late_part(jaxpr.replace(eqns=late_eqns, outvars=rest), kept)
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


def _held(eqn, keep):
    """(the equation that also gives what is kept of it, the one that is given that, and
    the variables that stand for it).
    """
    if eqn.primitive.keep is not None:
        return eqn.primitive.keep(eqn, keep)
    avals = [a.aval for a in eqn.invars]
    return eqn, eqn, eqn.outvars if keep(eqn.primitive, *avals, **eqn.params) else []


def _done(eqn, keep, kept):
    """Whether an equation that only has effects (a print) need not run again: the policy
    keeps it, and of what it reads something is kept rather than computed again.
    """
    if eqn.outvars or not eqn.marks:
        return False
    avals = [a.aval for a in eqn.invars]
    reads_kept = any(a is v for a in eqn.invars for v in kept)
    return reads_kept and keep(eqn.primitive, *avals, **eqn.params)


def keep_inside(closed, keep):
    """What is kept within the body of a loop or branch: (giving, given, n_kept).

    `giving: inputs -> outputs + kept values`, `given: kept values + inputs -> outputs`.
    """
    key = keep_inside, keep
    known = closed.memo.get(key)
    if known is None:
        known = closed.memo[key] = _keep_inside(inline_calls(closed), keep)
    return known


def _keep_inside(closed, keep):
    jaxpr = closed.jaxpr
    held = [_held(eqn, keep) for eqn in jaxpr.eqns]
    kept = [var for _, _, variables in held for var in variables]
    late_eqns = [
        given
        for eqn, (_, given, _) in zip(jaxpr.eqns, held, strict=True)
        if not _done(eqn, keep, kept)
    ]
    given, kept = _late_part(jaxpr.replace(eqns=late_eqns), kept)
    giving, _ = dce(
        jaxpr.replace(outvars=jaxpr.outvars + kept, eqns=[eqn for eqn, _, _ in held])
    )
    return (
        ClosedJaxpr(giving, closed.consts),
        ClosedJaxpr(given, closed.consts),
        len(kept),
    )


def _late_part(jaxpr, kept):
    """The jaxpr from the kept values that help it, and its inputs; and those values."""
    given = {v: Var(v.aval) for v in kept}
    eqns = [
        eqn.replace(
            invars=[a if type(a) is Literal else given.get(a, a) for a in eqn.invars]
        )
        for eqn in jaxpr.eqns
    ]
    outvars = [v if type(v) is Literal else given.get(v, v) for v in jaxpr.outvars]
    fresh = [given[v] for v in kept]
    late, used = dce(
        jaxpr.replace(invars=fresh + jaxpr.invars, outvars=outvars, eqns=eqns)
    )
    needed = used[: len(kept)]
    kept = [v for v, n in zip(kept, needed, strict=True) if n]
    fresh = [v for v, n in zip(fresh, needed, strict=True) if n]
    return late.replace(invars=fresh + jaxpr.invars), kept

"""Jaxpr → smaller Jaxpr: dead code elimination, and calls inlined."""

from minijax.core import ClosedJaxpr, Literal, Var
from minijax.transforms.fission import fission
from minijax.transforms.rewrite import rewrite


def simplify(closed):
    """What lowering sees: the closed jaxpr rewritten (`rewrite`), its scans distributed
    (`fission`), without dead equations and unused constants.
    """
    closed = rewrite(closed)
    distributed = fission(closed)
    if distributed is not closed:
        closed = rewrite(distributed)
    jaxpr = closed.jaxpr
    if not closed.consts:
        return ClosedJaxpr(jaxpr)
    read = {a for eqn in jaxpr.eqns for a in eqn.invars if type(a) is not Literal}
    read.update(a for a in jaxpr.outvars if type(a) is not Literal)
    pairs = [
        (v, c) for v, c in zip(jaxpr.constvars, closed.consts, strict=True) if v in read
    ]
    jaxpr = jaxpr.replace(constvars=[v for v, _ in pairs])
    return ClosedJaxpr(jaxpr, [c for _, c in pairs])


def inline_calls(closed):
    """The closed jaxpr with every `jit` equation replaced by the equations it calls."""
    if not any(eqn.primitive.name == "jit" for eqn in closed.jaxpr.eqns):
        return closed
    known = closed.memo.get(inline_calls)
    if known is None:
        eqns, consts = [], []
        jaxpr = closed.jaxpr
        renamed = _inline_into(eqns, consts, jaxpr, {})
        outvars = [renamed(a) for a in jaxpr.outvars]
        constvars = jaxpr.constvars + [v for v, _ in consts]
        known = closed.memo[inline_calls] = ClosedJaxpr(
            jaxpr.replace(constvars=constvars, outvars=outvars, eqns=eqns),
            closed.consts + [c for _, c in consts],
        )
    return known


def _inline_into(eqns, consts, jaxpr, names):
    """Append the equations of `jaxpr` with variables renamed; the renaming function."""

    def renamed(atom):
        return atom if type(atom) is Literal else names.get(atom, atom)

    for eqn in jaxpr.eqns:
        ins = [renamed(a) for a in eqn.invars]
        if eqn.primitive.name != "jit":
            outs = [Var(v.aval) for v in eqn.outvars]
            eqns.append(eqn.replace(invars=ins, outvars=outs))
        else:
            inner = eqn.params["jaxpr"]
            inner_names = dict(zip(inner.jaxpr.invars, ins, strict=True))
            for var, value in zip(inner.jaxpr.constvars, inner.consts, strict=True):
                inner_names[var] = Var(var.aval)
                consts.append((inner_names[var], value))
            inner_renamed = _inline_into(eqns, consts, inner.jaxpr, inner_names)
            outs = [inner_renamed(a) for a in inner.jaxpr.outvars]
        names.update(zip(eqn.outvars, outs, strict=True))
    return renamed

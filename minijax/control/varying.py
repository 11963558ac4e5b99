"""Along which mesh axes the values of a program may vary: what `shard_map` checks of its
results.

A value varies along the axes that an argument it comes from was cut along; `psum` and
its like give the same value along theirs.
"""

from minijax.control.collectives import Collective, Reduction, axis_index_p
from minijax.control.cond_rules import cond_p
from minijax.control.cotangent_axes import psum_invariant_like_p, pvary_like_p
from minijax.control.exchanges import all_gather_invariant_p
from minijax.control.scan_rules import scan_p
from minijax.control.while_loop import while_p
from minijax.core import ClosedJaxpr, Jaxpr, Literal

_NOWHERE = frozenset()


def varying_axes(jaxpr, ins):
    """The axes that each output varies along, where inputs vary along `ins`."""
    found = dict.fromkeys(jaxpr.constvars, _NOWHERE)
    found.update(zip(jaxpr.invars, ins, strict=True))

    def axes_of(atom):
        return _NOWHERE if type(atom) is Literal else found[atom]

    for eqn in jaxpr.eqns:
        outs = _of_eqn(eqn, [axes_of(a) for a in eqn.invars])
        found.update(zip(eqn.outvars, outs, strict=True))
    return [axes_of(a) for a in jaxpr.outvars]


def _of_eqn(eqn, ins):
    primitive, params = eqn.primitive, eqn.params
    if primitive in _LOOPS_AND_BRANCHES:
        return _LOOPS_AND_BRANCHES[primitive](params, ins)
    if isinstance(primitive, Reduction):
        return [axes - frozenset(params["axes"]) for axes in ins]
    if primitive is pvary_like_p:
        return ins[:1]
    if primitive is psum_invariant_like_p:
        return ins[1:]
    union = _NOWHERE.union(*ins)
    if primitive is all_gather_invariant_p:
        return [union - frozenset(params["axis_name"])]
    if primitive is axis_index_p or isinstance(primitive, Collective):
        union = union | frozenset(primitive.axis_names(params))
    for name in ("jaxpr", "call_jaxpr"):
        body = params.get(name)
        inner = body.jaxpr if isinstance(body, ClosedJaxpr) else body
        if isinstance(inner, Jaxpr) and len(inner.invars) == len(ins):
            return varying_axes(inner, ins)
    return [union] * len(eqn.outvars)


def _of_scan(params, ins):
    n, end = params["num_consts"], params["num_consts"] + params["num_carry"]
    return _of_loop(params["jaxpr"].jaxpr, ins[:n], ins[n:end], ins[end:])


def _of_while(params, ins):
    n, end = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    carry = _of_loop(params["body_jaxpr"].jaxpr, ins[n:end], ins[end:], [])
    (turns,) = varying_axes(params["cond_jaxpr"].jaxpr, ins[:n] + carry)
    return [axes | turns for axes in carry]


def _of_loop(body, consts, carry, xs):
    """What the carry varies along, to a fixed point; then the stacked outputs."""
    while True:
        outs = varying_axes(body, [*consts, *carry, *xs])
        grown = [a | b for a, b in zip(carry, outs, strict=False)]
        if grown == carry:
            return [*carry, *outs[len(carry) :]]
        carry = grown


def _of_cond(params, ins):
    index, *operands = ins
    each = [varying_axes(b.jaxpr, operands) for b in params["branches"]]
    return [index.union(*column) for column in zip(*each, strict=True)]


_LOOPS_AND_BRANCHES = {scan_p: _of_scan, while_p: _of_while, cond_p: _of_cond}

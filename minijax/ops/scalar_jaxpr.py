"""Jaxprs of scalars, run on whole arrays: what `lower` rules make of a user's function."""

from minijax import core
from minijax.core import ClosedJaxpr
from minijax.ops.define import shape_of


def eval_elementwise(closed, args):
    """Run a jaxpr of scalars on arrays; NotImplementedError if an op is not elementwise."""
    jaxpr = closed.jaxpr
    env = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))

    def read(atom):
        return atom.val if type(atom) is core.Literal else env[atom]

    shapes = {shape_of(x) for x in args}
    for eqn in jaxpr.eqns:
        ins = [read(atom) for atom in eqn.invars]
        inner = list(core.subjaxprs(eqn.params))
        if len(inner) == 1 and len(inner[0].in_avals) == len(ins):
            inner = inner[0] if type(inner[0]) is ClosedJaxpr else ClosedJaxpr(inner[0])
            outs = eval_elementwise(inner, ins)
        else:
            outs = eqn.primitive.bind_eqn(ins, eqn.params)
            outs = outs if eqn.primitive.multiple_results else [outs]
        if any(shape_of(x) not in (*shapes, ()) for x in outs):
            raise NotImplementedError(
                "a function of scalars may only use elementwise ops here, got "
                f"{eqn.primitive}"
            )
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]

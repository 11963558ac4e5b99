"""Validate a jaxpr: variables are defined before they are read, and typed by the rules."""

from minijax import core, errors
from minijax.core import Literal


def check_jaxpr(jaxpr):
    """JaxprTypeError, naming the equation and the user's line, if the jaxpr is malformed."""
    known = set(jaxpr.constvars) | set(jaxpr.invars)
    for eqn in jaxpr.eqns:
        _check_read(eqn.invars, known, eqn)
        _check_types(eqn)
        for inner in core.subjaxprs(eqn.params):
            check_jaxpr(getattr(inner, "jaxpr", inner))
        for var in eqn.outvars:
            if var in known:
                raise _malformed(eqn, f"variable {var} is defined twice")
            known.add(var)
    _check_read(jaxpr.outvars, known, None)


def _check_read(atoms, known, eqn):
    for atom in atoms:
        if type(atom) is not Literal and atom not in known:
            raise _malformed(eqn, f"variable {atom} is read before it is defined")


def _check_types(eqn):
    avals = [a.aval for a in eqn.invars]
    try:
        out = eqn.primitive.shape(*avals, **eqn.params)
    except (TypeError, ValueError) as error:
        raise _malformed(eqn, f"its shape rule refuses the inputs: {error}") from error
    outs = out if eqn.primitive.multiple_results else [out]
    for var, aval in zip(eqn.outvars, outs, strict=True):
        if (var.aval.shape, var.aval.dtype) != (aval.shape, aval.dtype):
            raise _malformed(eqn, f"an output is {var.aval}, but its rule gives {aval}")


def _malformed(eqn, why):
    if eqn is None:
        return errors.JaxprTypeError(f"malformed jaxpr: {why}, in its outputs")
    return errors.JaxprTypeError(
        f"malformed jaxpr: {why}, in equation\n    {eqn.primitive} of "
        f"{[a.aval.str_short() for a in eqn.invars]}\n"
        f"asked for at {core.describe_source(eqn.source)}"
    )

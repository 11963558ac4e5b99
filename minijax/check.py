"""Validate a jaxpr: variables are defined before they are read, and typed by the rules."""

from minijax import core, errors, pprint
from minijax.core import ClosedJaxpr, Literal

_NEAR = 20  # how many equations on either side of a malformed one errors show


def check_jaxpr(jaxpr):
    """JaxprTypeError, naming the equation and the user's line, if the jaxpr is malformed."""
    known = set(jaxpr.constvars) | set(jaxpr.invars)
    for eqn in jaxpr.eqns:
        why = (
            _undefined(eqn.invars, known, jaxpr)
            or _param_fault(eqn)
            or _inner_fault(eqn)
            or _type_fault(eqn, jaxpr)
            or _effect_fault(eqn, jaxpr)
        )
        if why:
            raise _malformed(jaxpr, eqn, why)
        with core.extend_axis_env(_mapped_axes(eqn)):
            for inner in core.subjaxprs(eqn.params):
                check_jaxpr(getattr(inner, "jaxpr", inner))
        for var in eqn.outvars:
            if var in known:
                why = f"Variable {_name(jaxpr, var)!r} already bound"
                raise _malformed(jaxpr, eqn, why)
            known.add(var)
    why = _undefined(jaxpr.outvars, known, jaxpr)
    if why:
        raise errors.JaxprTypeError(f"{why}, in the outputs of\n\n{jaxpr}\n")


def _mapped_axes(eqn):
    """The axes that have names within the jaxpr of an equation, with their sizes."""
    if eqn.primitive.name != "shard_map":
        return {}
    mesh = eqn.params["mesh"]
    return {name: mesh.shape[name] for name in eqn.params["newly_manual_axes"]}


def mapped_axes(jaxpr):
    """The axes that have names anywhere within a jaxpr, with their sizes."""
    found = {}
    for eqn in jaxpr.eqns:
        found |= _mapped_axes(eqn)
        for inner in core.subjaxprs(eqn.params):
            found |= mapped_axes(getattr(inner, "jaxpr", inner))
    return found


def _undefined(atoms, known, jaxpr):
    for atom in atoms:
        if type(atom) is not Literal and atom not in known:
            return f"Variable {_name(jaxpr, atom)!r} not defined"
    return None


def _is_size(value):
    return type(value) is int and value >= 0


def _is_branches(value):
    return type(value) is tuple and all(type(x) is ClosedJaxpr for x in value)


_SIZE = "non-negative int", _is_size
_CLOSED = "ClosedJaxpr", lambda value: type(value) is ClosedJaxpr
# primitive -> parameter -> (what it must be, in words; the test)
_PARAMS = {
    "scan": {
        "reverse": ("bool", lambda value: type(value) is bool),
        "num_consts": _SIZE,
        "num_carry": _SIZE,
        "jaxpr": _CLOSED,
        "unroll": _SIZE,
        "length": _SIZE,
    },
    "cond": {"branches": ("tuple of ClosedJaxpr", _is_branches)},
    "while": {
        "cond_jaxpr": _CLOSED,
        "body_jaxpr": _CLOSED,
        "cond_nconsts": _SIZE,
        "body_nconsts": _SIZE,
    },
}


def _param_fault(eqn):
    """What is wrong with the parameters of a loop or branch."""
    for name, (needed, holds) in _PARAMS.get(eqn.primitive.name, {}).items():
        value = eqn.params[name]
        if not holds(value):
            between = "\n" if "\n" in str(value) else " "
            return (
                f"invalid {eqn.primitive} param {name} of type {type(value).__name__}, "
                f"{needed} required:{between}{value}"
            )
    return None


def _inner_fault(eqn):
    """What is wrong with the numbers of inputs of the jaxprs that an equation calls."""
    n, params = len(eqn.invars), eqn.params
    if "branches" in params:
        takes = [len(branch.jaxpr.invars) for branch in params["branches"]]
        for k, other in enumerate(takes):
            if other != takes[0]:
                return (
                    f"{eqn.primitive} branch 0 takes {takes[0]} inputs, "
                    f"branch {k} takes {other}"
                )
        called, n = takes[0], n - 1
    elif eqn.primitive.name in ("jit", "scan", "remat2", "shard_map"):
        called = len(params["jaxpr"].jaxpr.invars)
    else:
        return None
    if called == n:
        return None
    return f"{eqn.primitive} with {n} operands cannot call jaxpr with {called} inputs"


def _type_fault(eqn, jaxpr):
    avals = [a.aval for a in eqn.invars]
    try:
        out = eqn.primitive.shape(*avals, **eqn.params)
    except (TypeError, ValueError) as error:
        return f"The shape rule of {eqn.primitive} refuses the inputs: {error}"
    outs = out if eqn.primitive.multiple_results else [out]
    for var, aval in zip(eqn.outvars, outs, strict=True):
        if (var.aval.shape, var.aval.dtype) != (aval.shape, aval.dtype):
            return (
                f"Value for variable {_name(jaxpr, var)!r} inconsistently typed as "
                f"{aval.str_short(True)} for let-binder of type {var.aval.str_short(True)}"
            )
    return None


def _effect_fault(eqn, jaxpr):
    for effect in eqn.effects:
        if effect not in jaxpr.effects:
            return (
                "Equation effect not present in jaxpr effects. Equation effect: "
                f"{effect}. Jaxpr effects: {jaxpr.effects}"
            )
    return None


def _name(jaxpr, var):
    return pprint.names_in(jaxpr)(var)


def _malformed(jaxpr, eqn, why):
    place = jaxpr.eqns.index(eqn)
    near = jaxpr.eqns[max(0, place - _NEAR) : place + _NEAR]
    names = pprint.names_in(jaxpr)
    return errors.JaxprTypeError(
        f"{why}\n\nin equation:\n\n{pprint.pretty_eqn(eqn, names)}\n\nfrom source: "
        f"{core.describe_source(eqn.source)}\n\nwhile checking jaxpr:\n\n"
        f"{pprint.pretty(jaxpr.replace(eqns=near), names=names)}\n"
    )

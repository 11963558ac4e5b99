"""Jaxprs of both frameworks in one plain form, so that `==` compares their equations.

Variables are numbered in order of appearance; constants are inputs; parameters that
only say how JAX runs a program on several devices, or that are functions, are left out.
"""

import numpy as np

# JAX's parameters that have no meaning on one device, or hold Python functions
_IGNORED = {
    "sharding",
    "out_sharding",
    "computation",
    "accuracy",
    "unreduced",
    "out_dtype",
}


def plain(closed):
    """A closed jaxpr as nested tuples."""
    jaxpr = closed.jaxpr
    numbers = {}
    ins = [_define(v, numbers) for v in [*jaxpr.constvars, *jaxpr.invars]]
    eqns = [_equation(eqn, numbers) for eqn in jaxpr.eqns]
    return (
        "jaxpr",
        tuple(ins),
        tuple(eqns),
        tuple(_atom(a, numbers) for a in jaxpr.outvars),
    )


def _define(var, numbers):
    numbers[var] = len(numbers)
    return f"{numbers[var]}:{_aval(var.aval)}"


def _aval(aval):
    weak = "~" if getattr(aval, "weak_type", False) else ""
    return f"{weak}{aval.dtype}{list(aval.shape)}"


def _atom(atom, numbers):
    if hasattr(atom, "val"):
        return f"{np.asarray(atom.val)}:{_aval(atom.aval)}"
    return str(numbers[atom])


def _equation(eqn, numbers):
    ins = tuple(_atom(a, numbers) for a in eqn.invars)
    outs = tuple(_define(v, numbers) for v in eqn.outvars)
    params = {k: _value(v) for k, v in eqn.params.items() if k not in _IGNORED}
    return (str(eqn.primitive), tuple(sorted(params.items())), ins, outs)


def _value(value):
    """A parameter's value without its framework's types."""
    if hasattr(value, "eqns"):
        closed = value if hasattr(value, "jaxpr") else _Closed(value)
        return plain(closed)
    if isinstance(value, (tuple, list)):
        return tuple(_value(v) for v in value)
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    return str(value)


class _Closed:
    def __init__(self, jaxpr):
        self.jaxpr = jaxpr


def lines(form):
    """A plain form as text lines, for messages."""
    _, ins, eqns, outs = form
    rows = [f"in {' '.join(ins)}"]
    for name, params, args, results in eqns:
        inside = " ".join(f"{k}={v}" for k, v in params)
        rows.append(f"{' '.join(results)} = {name}[{inside}] {' '.join(args)}")
    return [*rows, f"out {' '.join(outs)}"]

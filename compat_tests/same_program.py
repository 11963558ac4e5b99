"""A jaxpr of either framework with calls inlined and dead equations dropped, as plain lines.

Two frameworks trace the same program to the same lines, but for the differences that
`test_programs.py` lists with their reasons.
"""

from compat_tests.jaxprs import _atom, _aval, _value

CALLS = {"jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call"}
IGNORED = {
    "sharding", "out_sharding", "computation", "accuracy", "debug_info", "name", "out_dtype",
    "impl",
}  # fmt: skip
SAME_NAME = {}


def program_lines(closed):
    """The equations of a closed jaxpr, inlined and alive, one line each.

    Equations stand in the order in which the outputs need them, so that two traces that
    differ only in the order of independent equations give the same lines.
    """
    eqns, names = [], {}
    jaxpr = closed.jaxpr
    inputs = [*jaxpr.constvars, *jaxpr.invars]
    for var in inputs:
        names[var] = Value(var.aval)
    _inline(jaxpr, names, eqns)
    outs = [_lookup(a, names) for a in jaxpr.outvars]
    numbers = {names[var]: k for k, var in enumerate(inputs)}
    lines = [_line(eqn, numbers) for eqn in _in_order_of_need(eqns, outs)]
    return [*lines, f"out {' '.join(_name(a, numbers) for a in outs)}"]


def _in_order_of_need(eqns, outs):
    """The equations that outputs or effects need, depth first from the outputs."""
    maker = {out: eqn for eqn in eqns for out in eqn[3]}
    ordered, seen = [], set()
    effects = [eqn for eqn in eqns if eqn[4]]
    stack = [maker[v] for v in reversed(_values(outs)) if v in maker] + effects[::-1]
    while stack:
        eqn = stack[-1]
        if id(eqn) in seen:
            stack.pop()
            continue
        needed = [maker[v] for v in _values(eqn[2]) if v in maker]
        waiting = [e for e in needed if id(e) not in seen]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        seen.add(id(eqn))
        ordered.append(stack.pop())
    return ordered


class Value:
    """A variable after inlining."""

    def __init__(self, aval):
        self.aval = aval


def _lookup(atom, names):
    return atom if hasattr(atom, "val") else names[atom]


def _inline(jaxpr, names, eqns):
    for eqn in jaxpr.eqns:
        ins = [_lookup(a, names) for a in eqn.invars]
        name = str(eqn.primitive)
        if name in CALLS:
            inner = eqn.params.get("jaxpr") or eqn.params.get("call_jaxpr")
            body = getattr(inner, "jaxpr", inner)
            known = dict(zip(body.invars, ins, strict=True))
            for var in body.constvars:
                known[var] = Value(var.aval)
            _inline(body, known, eqns)
            outs = [_lookup(a, known) for a in body.outvars]
        else:
            outs = [Value(v.aval) for v in eqn.outvars]
            name = SAME_NAME.get(name, name)
            eqns.append((name, eqn.params, ins, outs, bool(eqn.effects)))
        names.update(zip(eqn.outvars, outs, strict=True))


def _values(atoms):
    return [a for a in atoms if isinstance(a, Value)]


def _name(atom, numbers):
    if isinstance(atom, Value):
        return str(numbers[atom])
    return _atom(atom, numbers)


def _line(eqn, numbers):
    name, params, ins, outs, _ = eqn
    args = " ".join(_name(a, numbers) for a in ins)
    for out in outs:
        numbers[out] = len(numbers)
    results = " ".join(f"{numbers[v]}:{_aval(v.aval)}" for v in outs)
    inner = [_param(v) for v in params.values() if hasattr(v, "eqns")]
    shown = {
        k: _value(v)
        for k, v in params.items()
        if k not in IGNORED and not hasattr(v, "eqns") and not callable(v)
    }
    text = " ".join(f"{k}={v}" for k, v in sorted(shown.items()))
    nested = "".join(f"\n    | {line}" for body in inner for line in body)
    return f"{results} = {name}[{text}] {args}{nested}"


def _param(value):
    return program_lines(value if hasattr(value, "jaxpr") else _Closed(value))


class _Closed:
    def __init__(self, jaxpr):
        self.jaxpr = jaxpr

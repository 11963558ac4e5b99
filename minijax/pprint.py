"""Jaxprs as text, laid out as JAX prints them."""

import itertools

import numpy as np

from minijax import core
from minijax.core import ClosedJaxpr, DropVar, Jaxpr, Literal

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WIDTH = 80


def names():
    """a, b, ..., z, ba, bb, ...: variable names in JAX's order."""
    letters = _LETTERS
    yield from letters
    for n in itertools.count(2):
        for word in itertools.product(letters, repeat=n):
            if word[0] != "a":
                yield "".join(word)


class _Names:
    """Names for variables, handed out as they are met."""

    def __init__(self):
        self.feed = names()
        self.known = {}

    def __call__(self, atom):
        if type(atom) is Literal:
            return f"{_literal(atom.val)}:{atom.aval.str_short()}"
        if atom not in self.known:
            self.known[atom] = next(self.feed)
        return self.known[atom]

    def typed(self, var):
        """`name:type`, or `_:type` for a variable nobody reads."""
        name = "_" if type(var) is DropVar else self(var)
        return f"{name}:{var.aval.str_short()}"


def _literal(value):
    if isinstance(value, (np.generic, np.ndarray)):
        value = np.asarray(value)
        return str(value.item() if value.dtype.kind != "V" else value)
    return str(value)


def pretty(jaxpr, indent=""):
    """A jaxpr and the jaxprs in its equations' parameters."""
    return _jaxpr(jaxpr, indent, _Names())


def _jaxpr(jaxpr, indent, name):
    consts = " ".join(name.typed(v) for v in jaxpr.constvars)
    args = " ".join(name.typed(v) for v in jaxpr.invars)
    used = {a for eqn in jaxpr.eqns for a in eqn.invars if type(a) is not Literal}
    used.update(a for a in jaxpr.outvars if type(a) is not Literal)
    lines = []
    for eqn in jaxpr.eqns:
        outs = " ".join(
            name.typed(v) if v in used else f"_:{v.aval.str_short()}"
            for v in eqn.outvars
        )
        ins = " ".join(name(a) for a in eqn.invars)
        params = _params(eqn.params, indent + "    ", name)
        equation = f"{eqn.primitive.name}{params} {ins}"
        lines.append(f"{outs} = {equation}" if outs else equation)
    outs = ", ".join(name(a) for a in jaxpr.outvars)
    outs = f"({outs},)" if len(jaxpr.outvars) == 1 else f"({outs})"
    head = f"{{ lambda {consts}; {args}. let"
    if len(lines) == 1 and "\n" not in lines[0]:
        whole = f"{head} {lines[0]} in {outs} }}"
        if len(whole) + len(indent) <= _WIDTH:
            return whole
    if not lines:
        return f"{head}  in {outs} }}"
    body = "".join(f"\n{indent}    {line}" for line in lines)
    return f"{head}{body}\n{indent}  in {outs} }}"


def _params(params, indent, name):
    shown = {k: v for k, v in sorted(params.items()) if v is not None}
    if not shown:
        return ""
    nested = any(_holds_jaxpr(v) for v in shown.values())
    parts = [f"{k}={_param(v, indent + '  ', name)}" for k, v in shown.items()]
    flat = f"[{' '.join(parts)}]"
    if not nested and len(flat) + len(indent) < _WIDTH - 10:
        return flat
    return "[" + "".join(f"\n{indent}  {part}" for part in parts) + f"\n{indent}]"


def _holds_jaxpr(value):
    if isinstance(value, (tuple, list)):
        return any(map(_holds_jaxpr, value))
    return isinstance(value, (Jaxpr, ClosedJaxpr))


def _param(value, indent, name):
    if isinstance(value, ClosedJaxpr):
        value = value.jaxpr
    if isinstance(value, Jaxpr):
        return _jaxpr(value, indent, name)
    if isinstance(value, tuple) and _holds_jaxpr(value):
        inner = "".join(f"\n{indent}  {_param(v, indent + '  ', name)}" for v in value)
        return f"({inner}\n{indent})"
    if isinstance(value, np.dtype):
        return value.name
    if callable(value):
        return getattr(value, "__name__", repr(value))
    return str(value)


core.pretty = pretty

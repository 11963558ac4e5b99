"""Which references an equation or a jaxpr reads, writes or adds to."""

from minijax import core
from minijax.core import AbstractRef, ClosedJaxpr
from minijax.effects import (
    AccumEffect,
    ReadEffect,
    RefEffect,
    WriteEffect,
    internal_mutable_array_effect,
)
from minijax.state import primitives

_ON_FIRST_INPUT = {
    primitives.get_p: ReadEffect,
    primitives.swap_p: WriteEffect,
    primitives.addupdate_p: AccumEffect,
}
_OF_A_WHOLE = primitives.new_ref_p, primitives.freeze_p


def effects_of_eqn(eqn):
    """The effects of an equation that has the mark `ref_effect`."""
    found = set(eqn.marks - {core.ref_effect})
    kind = _ON_FIRST_INPUT.get(eqn.primitive)
    if kind is not None:
        return frozenset(found | {kind(eqn.invars[0])})
    if eqn.primitive in _OF_A_WHOLE:
        return frozenset(found | {internal_mutable_array_effect})
    for jaxpr, given in _called(eqn):
        inner = jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr
        of = dict(zip(inner.invars, given, strict=False))
        for effect in inner.effects:
            if isinstance(effect, RefEffect):
                effect = effect.replace(input=of.get(effect.input, effect.input))
            found.add(effect)
    return frozenset(e for e in found if not _of_a_value(e))


def _of_a_value(effect):
    """Whether the reference is made by the equation of a value, as `run_state` does."""
    return isinstance(effect, RefEffect) and type(effect.input.aval) is not AbstractRef


def _called(eqn):
    """(jaxpr, the equation's inputs that it is given) of each that an equation calls."""
    params, atoms = eqn.params, list(eqn.invars)
    if eqn.primitive.name == "while":
        n, m = params["cond_nconsts"], params["body_nconsts"]
        carry = atoms[n + m :]
        return [
            (params["cond_jaxpr"], atoms[:n] + carry),
            (params["body_jaxpr"], atoms[n : n + m] + carry),
        ]
    if "branches" in params:
        return [(branch, atoms[1:]) for branch in params["branches"]]
    return [(jaxpr, atoms) for jaxpr in core.subjaxprs(params)]


def effects_of_jaxpr(jaxpr):
    """The effects of a jaxpr, without those on references that it makes itself."""
    outside = {*jaxpr.constvars, *jaxpr.invars}
    found = set(jaxpr.marks - {core.ref_effect})
    for eqn in jaxpr.eqns:
        found |= eqn.effects
    return frozenset(
        e for e in found if not isinstance(e, RefEffect) or e.input in outside
    )


def marks(effects):
    """Effects with one mark in place of those on references."""
    others = {e for e in effects if not isinstance(e, RefEffect)}
    others.discard(internal_mutable_array_effect)
    if len(others) < len(frozenset(effects)):
        others.add(core.ref_effect)
    return frozenset(others)


def install():
    """Let jaxprs and equations tell their effects on references."""
    core.ref_rules.effects_of_eqn = effects_of_eqn
    core.ref_rules.effects_of_jaxpr = effects_of_jaxpr
    core.ref_rules.marks = marks

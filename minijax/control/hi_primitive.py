"""Primitives on values of types that users define (`HiPrimitive`), and what traces note of
values that change.

Every trace that records keeps the state of each changing value among its variables
(`qdds`): what it was at the start, and what the equations so far made of it.
"""

from typing import Any

from minijax import _callpath, core
from minijax.control import hi_lower
from minijax.core import Primitive, Tracer
from minijax.hitypes import (
    AvalMutableQDD,
    AvalQDD,
    MappingSpec,
    MutableQuasiDynamicData,
)
from minijax.literals import typed
from minijax.ops.define import NO_RULE
from minijax.trace import JaxprTrace
from minijax.transforms.ad import JVPTrace
from minijax.transforms.batching import BatchTrace


class HiPrimitive(Primitive):
    """A primitive on values of users' own types. A subclass defines

    abstract_eval(*types, **params) -> (type or types of the results, effects); of a value
        that changes it gets an `AvalMutableQDD`, whose state it may update,
    to_lojax(*values, **params) -> the results, in terms of other operations,
    jvp(primals, tangents, **params) -> (results, tangents), and
    transpose(ct, *args, **params) -> cotangents, where derivatives are asked for.
    """

    only_in_python = True
    takes_refs = True
    reference = lower = NO_RULE("is carried out by its `to_lojax`")
    narrow = core.AS_STORED

    def __init__(self, name: str):
        super().__init__(name)
        install()

    def bind(self, *args: Any, **params: Any) -> Any:
        """Apply to values, under the current trace."""
        values = [*map(typed, args)]
        return core.current_trace().process_primitive(self, values, params)

    def bind_eqn(self, args: Any, params: Any) -> Any:
        return self.bind(*args, **params)

    own_impl = property(lambda self: self.to_lojax)

    def is_high(self, *avals: Any, **params: Any) -> bool:
        """Whether it is to be lowered: always."""
        return True

    def is_effectful(self, params: Any) -> bool:
        """Whether it has effects."""
        return False

    def _lacks(self, name: str) -> NotImplementedError:
        return NotImplementedError(f"primitive {self.name} must define `{name}`")

    def abstract_eval(self, *arg_avals: Any, **params: Any) -> Any:
        """(type of the result, effects)."""
        raise self._lacks("abstract_eval")

    def to_lojax(self, *args: Any, **params: Any) -> Any:
        """The result, in terms of other operations."""
        raise self._lacks("to_lojax")

    jvp: Any = NO_RULE("Differentiation rule not implemented")
    transpose: Any = NO_RULE("Transpose rule not implemented")
    batch: Any = NO_RULE("Batching rule not implemented")

    def shape(self, *avals: Any, **params: Any) -> Any:
        """The types of the results."""
        return self.abstract_eval(*avals, **params)[0]


# --- recording ------------------------------------------------------------------------


def _qdds(trace):
    """variable -> state, of a trace."""
    return trace.__dict__.setdefault("qdds", {})


def _note(trace, var, state):
    _qdds(trace)[var] = MutableQuasiDynamicData(state)


def argument(trace, var):
    """Note the state of a new input, whose type came with it."""
    if type(var.aval) is AvalQDD:
        _note(trace, var, var.aval.qdd)
        var.aval = var.aval.aval


def constant(trace, var, value):
    """Note the state of a value that a trace closes over."""
    if var.aval.has_qdd:
        _note(trace, var, state(trace.parent, value))


def state(level, x):
    """The state of the changing value `x` now, as a trace knows it."""
    while level is not None:
        kind = type(level)
        if kind is JaxprTrace:
            return _qdds(level)[level.atom(x)].cur_val
        if issubclass(kind, (JVPTrace, BatchTrace)) and isinstance(x, Tracer):
            x = level.split(x)[0]
        level = None if kind is hi_lower.LowerTrace else level.parent
    return x.cur_qdd()


def inputs(values, avals):
    """Types of arguments, with the state of those that change."""
    level = core.current_trace()
    return tuple([
        AvalQDD(aval, state(level, x)) if aval.has_qdd else aval
        for x, aval in zip(values, avals, strict=True)
    ])  # fmt: skip


def types(variables):
    """Types of variables, with the state at the start of those that change."""
    return [
        AvalQDD(v.aval, v.initial_qdd) if v.aval.has_qdd else v.aval for v in variables
    ]


def stage(trace, primitive, args, params):
    """Record an equation of a `HiPrimitive`; None for other primitives."""
    if not isinstance(primitive, HiPrimitive) or type(trace) is hi_lower.LowerTrace:
        return None
    atoms, avals = _callpath.atoms(trace, args)
    known = _qdds(trace)
    given = [
        AvalMutableQDD(aval, known[atom]) if aval.has_qdd else aval
        for atom, aval in zip(atoms, avals, strict=True)
    ]
    out, effects = primitive.abstract_eval(*given, **params)
    found = list(out) if primitive.multiple_results else [out]
    plain = [a.aval if type(a) is AvalQDD else a for a in found]
    out = plain if primitive.multiple_results else plain[0]
    outs = _callpath.record(trace, primitive, atoms, params, out)
    eqn = trace.eqns[-1]
    eqn.marks = frozenset(effects)
    for var, aval in zip(eqn.outvars, found, strict=True):
        if type(aval) is AvalQDD:
            _note(trace, var, aval.qdd)
    return outs


def recorded(trace):
    """Note what the last equation's inner jaxprs do to values that change."""
    eqn = trace.eqns[-1]
    for place, atom in enumerate(eqn.invars):
        if atom.aval.has_qdd and atom in _qdds(trace):
            for var in hi_lower.inner_variables(eqn, place):
                if var.final_qdd is not None:
                    _qdds(trace)[atom].update(var.final_qdd)


def finish(trace, variables):
    """Note with inputs and constants their states at the start and at the end."""
    for var in variables:
        known = trace.__dict__.get("qdds", {}).get(var)
        if known is not None:
            var.qdd = known.init_val, known.cur_val


def version(known):
    """Of the traces of a function for one signature, that which was made for the states
    which the changing values it closes over have now; None where there is none.
    """
    while known is not None and not _holds(known.closed):
        known = known.other
    return known


def _holds(closed):
    level = core.current_trace()
    return all(
        not var.aval.has_qdd or state(level, x) == var.initial_qdd
        for var, x in zip(closed.jaxpr.constvars, closed.consts, strict=True)
    )


def is_mapping_spec(axes):
    """Whether this says how values of such a type are mapped, in place of an axis."""
    return isinstance(axes, MappingSpec)


def install():
    """Let traces and passes know of such values from now on."""
    rules = core.hi_rules
    if not rules.in_use:
        rules.in_use = True
        for rule in (
            argument, constant, state, inputs, types, stage, recorded, finish, version,
            is_mapping_spec,
            hi_lower.run, hi_lower.concerns, hi_lower.lower, hi_lower.is_high,
        ):  # fmt: skip
            setattr(rules, rule.__name__, rule)

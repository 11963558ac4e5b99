"""Jaxprs: variables, equations and programs, and the effects that order them.

Everybody reaches these names through `core`.
"""

import importlib
from typing import Any

import numpy as np

from minijax.avals import AbstractRef
from minijax.source_info import SourceInfo

# --- effects ------------------------------------------------------------------


class Effect:
    """A reason why an equation must not be removed, repeated or reordered."""

    def __init__(self, name=None):
        cls = type(self)
        self.name = getattr(cls, "name", cls.__name__) if name is None else name

    def __repr__(self):
        return self.name


no_effects = frozenset()
# The mark of what makes, reads or writes references; `effects` says which, and how.
ref_effect = Effect("ref")


class RefRules:
    """What `state` does for the traces and passes that meet a reference.

    `state` replaces the one instance's methods; before it is imported there are no
    references.
    """

    in_use = False

    def bind(self, primitive, args, params) -> Any:
        """Apply a primitive with jaxprs to arguments with references among them."""
        raise NotImplementedError

    def discharge(self, closed) -> Any:
        """The closed jaxpr with values in place of references."""
        raise NotImplementedError

    def effects_of_eqn(self, eqn) -> Any:
        """The effects of an equation that has the mark `ref_effect`."""
        raise NotImplementedError

    def effects_of_jaxpr(self, jaxpr) -> Any:
        """Those of a jaxpr that has it."""
        raise NotImplementedError

    def is_view(self, x) -> bool:
        """Whether a value is a part of a reference."""
        return False

    def part_aval(self, inner, arrays, path) -> Any:
        """The aval of a part of a reference to `inner`."""
        raise NotImplementedError

    def marks(self, effects) -> Any:
        """Effects with the mark in place of those on references."""
        return frozenset(effects)


ref_rules = RefRules()


class HiRules:
    """What `control.hi_primitive` does for the traces and passes that meet values of types
    that users define. It replaces the one instance's methods; before it is imported there
    are no such values.
    """

    in_use = False

    def types(self, variables) -> Any:
        """The types of variables, of changing values with their state at the start."""
        raise NotImplementedError

    def state(self, level, x) -> Any:
        """The state of a changing value now, as a trace knows it."""
        raise NotImplementedError

    def inputs(self, values, avals) -> Any:
        """`avals` of the arguments of a trace, with the state of changing ones."""
        raise NotImplementedError

    def argument(self, trace, var) -> Any:
        """Note a new input of a trace."""
        raise NotImplementedError

    def constant(self, trace, var, value) -> Any:
        """Note a value that a trace closes over."""
        raise NotImplementedError

    def stage(self, trace, primitive, args, params) -> Any:
        """Record an equation of a user's primitive; None for all others."""
        raise NotImplementedError

    def recorded(self, trace) -> Any:
        """Note what the last equation of a trace does to changing values."""
        raise NotImplementedError

    def finish(self, trace, variables) -> Any:
        """Note the last state of changing inputs."""
        raise NotImplementedError

    def run(self, level, primitive, args, params) -> Any:
        """Compute a primitive that calls jaxprs with such values; None where there are
        none.
        """
        raise NotImplementedError

    def concerns(self, closed) -> bool:
        """Whether inputs, constants or outputs are such values."""
        return False

    def lower(self, closed) -> Any:
        """The closed jaxpr in terms of arrays."""
        raise NotImplementedError

    def version(self, known) -> Any:
        """That of what is known of a function which holds for what it closes over now."""
        return known

    def is_mapping_spec(self, axes) -> bool:
        """Whether this says how values of such a type are mapped, in place of an axis."""
        return False

    def is_high(self, jaxpr) -> bool:
        """Whether a jaxpr has primitives or types of a user's."""
        return False


hi_rules = HiRules()


def is_ref(x):
    """Whether a value or tracer is a mutable reference."""
    return type(getattr(x, "aval", None)) is AbstractRef


def without_refs(closed):
    """A closed jaxpr that takes no references, with values in place of those it makes."""
    return ref_rules.discharge(closed) if ref_effect in closed.marks else closed


# --- jaxprs -------------------------------------------------------------------


class Var:
    """A variable of a jaxpr, compared by identity."""

    # `qdd` is set for values that change only: their state at the start and at the end
    __slots__ = ("aval", "qdd")

    def __init__(self, aval):
        self.aval = aval

    initial_qdd = property(lambda self: getattr(self, "qdd", (None, None))[0])
    final_qdd = property(lambda self: getattr(self, "qdd", (None, None))[1])

    def twin(self):
        """Another variable of the type, whose value does not change."""
        other = Var(self.aval)
        if self.initial_qdd is not None:
            other.qdd = self.initial_qdd, self.initial_qdd
        return other

    def __repr__(self):
        kind = self.aval.str_short()
        return f"Var(id={id(self)}):{kind}"


class DropVar(Var):
    """An output that nothing reads."""

    __slots__ = ()


_COMPLEX = (complex, np.complexfloating)


class Literal:
    """A scalar constant in an equation's inputs."""

    __slots__ = ("val", "aval")

    def __init__(self, val, aval):
        self.val, self.aval = val, aval

    def identity(self):
        """What tells it from literals of other bits, or of another aval."""
        value = self.val
        # zeros differ in sign, parts of complex numbers too, and NaNs in more
        if value and value == value and not isinstance(value, _COMPLEX):
            return self.aval, type(value), value
        value = np.asarray(value)
        return self.aval, value.dtype, value.tobytes()

    def __repr__(self):
        return f"Literal({self.val})"


Atom = Var | Literal
ParamDict = dict[str, object]
Value = object


class JaxprEqn:
    """`outvars = primitive[params](invars)`; `source` locates the user's line.

    `marks` are its effects, with one mark for those on references.
    """

    __slots__ = ("primitive", "invars", "outvars", "params", "marks", "source")

    def __init__(
        self, primitive, invars, outvars, params, marks=no_effects, source=None
    ):
        self.primitive = primitive
        self.invars, self.outvars = invars, outvars
        self.params = params
        self.marks = marks
        self.source = source

    @property
    def effects(self):
        """The set of its effects; those on references name the variables."""
        if ref_effect in self.marks:
            return set(ref_rules.effects_of_eqn(self))
        return set(self.marks) if self.marks else no_effects

    @property
    def ctx(self):
        """What interpreters hold while they bind it: `with eqn.ctx.manager:`."""
        return importlib.import_module("minijax.eqn_context").JaxprEqnContext()

    def replace(self, **changes):
        """A copy with some fields changed."""
        changes.pop("ctx", None)
        fields = {name: getattr(self, name) for name in self.__slots__}
        return JaxprEqn(**{**fields, **changes})

    @property
    def source_info(self):
        """Where the user asked for this equation."""
        return SourceInfo(self.source or (None, 0, ()))

    def __repr__(self):
        return pretty_eqn(self)


def _types(variables):
    return hi_rules.types(variables) if hi_rules.in_use else [v.aval for v in variables]


class Jaxpr:
    """`{ lambda constvars ; invars . let eqns in outvars }`"""

    __slots__ = (
        "constvars", "invars", "outvars", "eqns", "marks", "debug_info", "memo",
    )  # fmt: skip

    def __init__(self, constvars, invars, outvars, eqns, effects=None, debug_info=None):
        self.constvars, self.invars = list(constvars), list(invars)
        self.outvars, self.eqns = list(outvars), list(eqns)
        if effects is None:
            marks = no_effects
            for eqn in self.eqns:
                if eqn.marks:
                    marks = marks | eqn.marks
        else:
            marks = ref_rules.marks(effects)
        self.marks = marks
        self.debug_info = debug_info
        self.memo = {}

    # JAX's own names for the fields, which its tests assign.
    _invars = property(
        lambda self: self.invars, lambda self, new: setattr(self, "invars", list(new))
    )
    _eqns = property(
        lambda self: self.eqns, lambda self, new: setattr(self, "eqns", list(new))
    )

    @property
    def effects(self):
        """The effects of its equations; those on references that it does not make itself
        name the variables.
        """
        if ref_effect in self.marks:
            return ref_rules.effects_of_jaxpr(self)
        return self.marks

    @property
    def in_avals(self):
        """The avals of the inputs."""
        return _types(self.invars)

    @property
    def out_avals(self):
        """The avals of the outputs."""
        return [v.aval for v in self.outvars]

    is_high = property(lambda self: hi_rules.is_high(self))

    def replace(self, **changes):
        """A copy with some fields changed."""
        names = ("constvars", "invars", "outvars", "eqns", "effects", "debug_info")
        fields = {name: getattr(self, name) for name in names if name != "effects"}
        fields["effects"] = None if "eqns" in changes else self.marks
        return Jaxpr(**{**fields, **changes})

    def pretty_print(self, *, use_color=False, **settings):
        """The jaxpr as text; `settings` as `pprint.Settings` has them."""
        return pretty(self, **settings)

    def __str__(self):
        return pretty(self)

    __repr__ = __str__


class ClosedJaxpr:
    """A jaxpr with the values of its constvars.

    `memo` keeps what passes derive from it (its derivative, its batched form, its
    executable), keyed by pass and arguments, so that a derived program lives exactly as
    long as its source.
    """

    __slots__ = ("jaxpr", "consts", "memo", "__weakref__")

    def __init__(self, jaxpr, consts=()):
        self.jaxpr = jaxpr
        self.consts = list(consts)
        self.memo = {}

    in_avals = property(lambda self: _types(self.jaxpr.invars))
    out_avals = property(lambda self: [v.aval for v in self.jaxpr.outvars])
    literals = property(lambda self: self.consts)
    constvars = property(lambda self: self.jaxpr.constvars)
    invars = property(lambda self: self.jaxpr.invars)
    outvars = property(lambda self: self.jaxpr.outvars)
    debug_info = property(lambda self: self.jaxpr.debug_info)
    eqns = property(lambda self: self.jaxpr.eqns)
    effects = property(lambda self: self.jaxpr.effects)
    marks = property(lambda self: self.jaxpr.marks)
    is_high = property(lambda self: self.jaxpr.is_high)

    def replace(self, jaxpr=None, consts=None):
        """A copy with another jaxpr or other constants."""
        return ClosedJaxpr(
            self.jaxpr if jaxpr is None else jaxpr,
            self.consts if consts is None else consts,
        )

    def map_jaxpr(self, fun):
        """A copy with `fun` of the jaxpr."""
        return self.replace(jaxpr=fun(self.jaxpr))

    def pretty_print(self, *, use_color=False, **settings):
        """The jaxpr as text; `settings` as `pprint.Settings` has them."""
        return pretty(self.jaxpr, **settings)

    def __str__(self):
        return pretty(self.jaxpr)

    __repr__ = __str__


def pretty(jaxpr, **settings):
    """A jaxpr as text; `settings` as `pprint.Settings` has them."""
    return _printer().pretty(jaxpr, **settings)


def pretty_eqn(eqn):
    """An equation as text."""
    return _printer().pretty_eqn(eqn)


def _printer():
    # Loaded at its first use: few programs print jaxprs.
    return importlib.import_module("minijax.pprint")


def subjaxprs(params):
    """The jaxprs (open or closed) among an equation's parameters."""
    for value in params.values():
        if isinstance(value, (Jaxpr, ClosedJaxpr)):
            yield value
        elif isinstance(value, (tuple, list)):
            for item in value:
                if isinstance(item, (Jaxpr, ClosedJaxpr)):
                    yield item

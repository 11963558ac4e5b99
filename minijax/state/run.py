"""Functions that write references, as functions of values: `run_state` and its kind."""

from collections.abc import Callable, Sequence
from typing import Any

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.body import debug_info_of
from minijax.core import AbstractRef, ClosedJaxpr, HigherOrderPrimitive
from minijax.numpy.creation import asarray
from minijax.ops.define import NO_RULE, define, zeros
from minijax.state import primitives
from minijax.state.discharge import Cell, discharge, run_on_cells, when_opened
from minijax.trace import JaxprTrace, hoist_consts, trace


def discharge_state(
    closed_jaxpr: ClosedJaxpr,
    *,
    should_discharge: bool | Sequence[bool] = True,
    lower: bool = True,
) -> ClosedJaxpr:
    """The closed jaxpr with values in place of references; the last values are further
    outputs.

    should_discharge: which inputs that are references become values.
    """
    n = len(closed_jaxpr.in_avals)
    if isinstance(should_discharge, bool):
        should_discharge = [should_discharge] * n
    kept = tuple([k for k in range(n) if not should_discharge[k]])
    return discharge(closed_jaxpr, kept=kept)


# --- the primitive --------------------------------------------------------------------

_OPENED = NO_RULE("is opened by every trace but those that record")


class _RunState(HigherOrderPrimitive):
    """Applies `jaxpr` to references: those given, and new ones that hold the given values.

    Its outputs are the last values of the new ones.
    """

    def bind(self, *args, **params):
        level = core.current_trace()
        if type(level) is JaxprTrace:
            return level.process_primitive(self, args, params)
        return _opened(args, **params)

    def bind_eqn(self, args, params):
        return self.bind(*args, **params)


def _places(jaxpr, is_initialized):
    """(which of the inputs is next given, or None; whether it is made) for each."""
    given = iter(range(len(jaxpr.invars)))
    return [next(given) if known else None for known in is_initialized]


def _opened(args, *, jaxpr, is_initialized, **_):
    refs, new = [], []
    for var, place in zip(jaxpr.invars, _places(jaxpr, is_initialized), strict=True):
        x = None if place is None else args[place]
        if type(var.aval) is AbstractRef and not core.is_ref(x):
            x = primitives.empty_ref(var.aval) if x is None else primitives.new_ref(x)
            new.append(x)
        refs.append(x)
    core.eval_jaxpr(jaxpr, (), *refs)
    return [primitives.freeze(ref) for ref in new]


def _discharged(eqn, ins):
    jaxpr, cells, new = eqn.params["jaxpr"], [], []
    for var, place in zip(
        jaxpr.invars, _places(jaxpr, eqn.params["is_initialized"]), strict=True
    ):
        x = None if place is None else ins[place]
        if type(var.aval) is AbstractRef and not (type(x) is Cell or core.is_ref(x)):
            x = Cell(zeros(var.aval.inner_aval) if x is None else asarray(x))
            new.append(x)
        cells.append(x)
    run_on_cells(jaxpr, (), cells)
    return [cell.value for cell in new]


def _made(jaxpr, is_initialized, avals):
    """The avals of the references that the equation makes itself."""
    return [
        var.aval
        for var, place in zip(jaxpr.invars, _places(jaxpr, is_initialized), strict=True)
        if type(var.aval) is AbstractRef
        and (place is None or type(avals[place]) is not AbstractRef)
    ]


def _shape(*avals, jaxpr, is_initialized, which_linear):
    return [ref.inner_aval for ref in _made(jaxpr, is_initialized, avals)]


run_state_p = define(
    "run_state",
    cls=_RunState,
    shape=_shape,
    reference=_OPENED,
    jvp=_OPENED,
    transpose=_OPENED,
    batch=_OPENED,
    lower=_OPENED,
)
# Also where nothing is read or written: it makes references, which are discharged
run_state_p.effects = frozenset([core.ref_effect])

when_opened[run_state_p] = _discharged

# --- functions ------------------------------------------------------------------------


class Uninitialized:
    """The value of a reference that is to be written before it is read."""


uninitialized = Uninitialized()
# class of an argument of `run_state` -> function from one to (AbstractRef, its value)
ref_type_rules: dict[type, Callable] = {}


def _ref_of(x):
    rule = ref_type_rules.get(type(x))
    return (AbstractRef(core.get_aval(x)), x) if rule is None else rule(x)


def run_state(f: Callable[[Any], None]) -> Callable[[Any], Any]:
    """A function from arrays to what `f` leaves in references that hold them."""

    def wrapped(args: Any) -> Any:
        leaves, tree = flatten(args)
        pairs = [_ref_of(x) for x in leaves]

        def on_refs(*refs):
            f(unflatten(tree, refs))
            return []

        info = debug_info_of("run_state", f, (args,))
        closed, consts = hoist_consts(trace(on_refs, [a for a, _ in pairs], info))
        given = [x for _, x in pairs if x is not uninitialized]
        known = [True] * len(consts) + [x is not uninitialized for _, x in pairs]
        outs = run_state_p.bind(
            *consts, *given, jaxpr=closed.jaxpr, is_initialized=tuple(known),
            which_linear=(False,) * (len(consts) + len(given)),
        )  # fmt: skip
        return unflatten(tree, outs)

    return wrapped


def run_state_reference(f: Callable[[Any], None]) -> Callable[[Any], Any]:
    """`run_state` by tracing `f` and discharging its references, which it must be given."""

    def wrapped(args: Any) -> Any:
        leaves, tree = flatten(args)

        def on_refs(*refs):
            f(unflatten(tree, refs))
            return []

        avals = [AbstractRef(core.get_aval(x)) for x in leaves]
        info = debug_info_of("run_state", f, (args,))
        pure = discharge(trace(on_refs, avals, info))
        return unflatten(tree, core.eval_jaxpr(pure.jaxpr, pure.consts, *leaves))

    return wrapped


def hoist_consts_to_refs(
    jaxpr: Any,
    *,
    index: int = 0,
    make_abstract_ref: Callable[[Any], AbstractRef] = AbstractRef,
) -> Any:
    """The jaxpr with references to its constants as inputs, from place `index` on.

    Constants that are references are inputs as they are.
    """
    own = [v.aval for v in jaxpr.constvars]
    is_ref = [type(aval) is AbstractRef for aval in own]
    avals = [v.aval for v in jaxpr.invars]
    avals[index:index] = [
        aval if known else make_abstract_ref(aval)
        for aval, known in zip(own, is_ref, strict=True)
    ]

    def hoisted(*args):
        n = index + len(own)
        consts = [
            x if known else primitives.get(x)
            for x, known in zip(args[index:n], is_ref, strict=True)
        ]
        return core.eval_jaxpr(jaxpr, consts, *args[:index], *args[n:])

    return trace(hoisted, avals, jaxpr.debug_info).jaxpr

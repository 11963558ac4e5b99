"""Functions that write references, as functions of values: `run_state` and its kind."""

from collections.abc import Callable, Sequence
from typing import Any

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.core import AbstractRef, ClosedJaxpr
from minijax.state import primitives
from minijax.state.discharge import discharge
from minijax.trace import DebugInfo, describe_function, trace


def discharge_state(
    closed_jaxpr: ClosedJaxpr, *, should_discharge: bool | Sequence[bool] = True
) -> ClosedJaxpr:
    """The closed jaxpr with values in place of references; the last values are further
    outputs.

    should_discharge: which inputs that are references become values.
    NotImplementedError for a call, loop or branch that uses some of both.
    """
    n = len(closed_jaxpr.in_avals)
    if isinstance(should_discharge, bool):
        should_discharge = [should_discharge] * n
    kept = tuple([k for k in range(n) if not should_discharge[k]])
    return discharge(closed_jaxpr, kept=kept)


def run_state(f: Callable[[Any], None]) -> Callable[[Any], Any]:
    """A function from arrays to what `f` leaves in references that hold them."""

    def wrapped(args: Any) -> Any:
        leaves, tree = flatten(args)
        refs = [primitives.new_ref(x) for x in leaves]
        f(unflatten(tree, refs))
        return unflatten(tree, [primitives.freeze(ref) for ref in refs])

    return wrapped


def run_state_reference(f: Callable[[Any], None]) -> Callable[[Any], Any]:
    """`run_state` by tracing `f` and discharging its references, which it must be given."""

    def wrapped(args: Any) -> Any:
        leaves, tree = flatten(args)

        def on_refs(*refs):
            f(unflatten(tree, refs))
            return []

        avals = [AbstractRef(core.get_aval(x)) for x in leaves]
        info = DebugInfo("run_state", describe_function(f))
        pure = discharge(trace(on_refs, avals, info))
        return unflatten(tree, core.eval_jaxpr(pure.jaxpr, pure.consts, *leaves))

    return wrapped

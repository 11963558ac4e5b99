"""Compiled programs as bytes, for another process or another day.

What is kept is the jaxpr that the program was made from, after its passes, and what is
known of arguments; loading it makes the program again.
"""

import importlib
import io
import pickle
import sys
from typing import Any

from minijax import dispatch
from minijax.control.call import Traced
from minijax.control.call_params import call_params
from minijax.control.custom_jvp import custom_jvp_call_p
from minijax.control.custom_vjp import custom_vjp_call_p
from minijax.control.jit_rules import jit_p
from minijax.core import ClosedJaxpr, Effect, Jaxpr, JaxprEqn, Primitive
from minijax.device import devices
from minijax.stages import Compiled

__all__ = ["deserialize_and_load", "serialize"]


def serialize(compiled: Compiled) -> tuple[bytes, Any, Any]:
    """(bytes, tree of the arguments, tree of the results) of a compiled function.

    TypeError for anything else; ValueError where it closes over a reference. What calls
    back into functions that pickle cannot name raises pickle's own error.
    """
    if not isinstance(compiled, Compiled):
        raise TypeError(f"serialize takes a jax.stages.Compiled, got {type(compiled)}")
    traced = compiled._traced
    if traced.calls_refs:
        raise ValueError("can't serialize with a closed-over mutable array ref")
    closed = dispatch.compiled(traced.closed, traced.name).closed
    kept = closed, traced.name, traced.arg_names, compiled._donated, compiled._places
    file = io.BytesIO()
    Pickler(file).dump(kept)
    return file.getvalue(), compiled.in_tree, compiled.out_tree


def deserialize_and_load(
    serialized: bytes, in_tree, out_tree, backend=None, execution_devices=None
) -> Compiled:
    """The compiled function of what `serialize` gave: bytes that one trusts, since
    reading them may run any code.

    backend, execution_devices: accepted where they name the one device. ValueError for
    trees of other sizes.
    """
    if backend is None or isinstance(backend, str):
        devices(backend)
    closed, name, arg_names, donated, places = pickle.loads(serialized)
    for what, tree, avals in (
        ("arguments", in_tree, closed.in_avals),
        ("results", out_tree, closed.out_avals),
    ):
        if tree.num_leaves != len(avals):
            raise ValueError(
                f"the program has {len(avals)} {what}, but their tree {tree} has "
                f"{tree.num_leaves} leaves"
            )
    return Compiled(Traced(closed, out_tree, in_tree, name, arg_names), donated, places)


class Pickler(pickle.Pickler):
    """Writes jaxprs without what passes derived from them, and primitives by name."""

    def __init__(self, file):
        super().__init__(file)
        self._names = _names()

    def reducer_override(self, obj: Any) -> Any:
        """How pickle shall write `obj`; NotImplemented for what it knows itself."""
        if isinstance(obj, Primitive | Effect) and id(obj) in self._names:
            return _named, self._names[id(obj)]
        if isinstance(obj, ClosedJaxpr):
            return ClosedJaxpr, (obj.jaxpr, obj.consts)
        if isinstance(obj, Jaxpr):
            return Jaxpr, (
                obj.constvars,
                obj.invars,
                obj.outvars,
                obj.eqns,
                obj.marks,
            )
        if isinstance(obj, JaxprEqn):
            eqn = _without_rules(obj)
            return JaxprEqn, (
                eqn.primitive, eqn.invars, eqn.outvars, eqn.params, eqn.marks
            )  # fmt: skip
        return NotImplemented


def _without_rules(eqn):
    """A call with derivative rules of the user's, which a program has no use for, as a
    plain one.
    """
    if eqn.primitive not in (custom_jvp_call_p, custom_vjp_call_p):
        return eqn
    params = call_params(eqn.params["call_jaxpr"], eqn.params["name"])
    return eqn.replace(primitive=jit_p, params=params)


def _names():
    """id -> (module, attribute) of every primitive and effect of this package."""
    package = __name__.partition(".")[0]
    modules = {name: module for name, module in sys.modules.items()
               if name.partition(".")[0] == package}  # fmt: skip
    return {
        id(value): (name, attribute)
        for name, module in modules.items()
        for attribute, value in list(vars(module).items())
        if isinstance(value, Primitive | Effect)
    }


def _named(module, attribute):
    return getattr(importlib.import_module(module), attribute)

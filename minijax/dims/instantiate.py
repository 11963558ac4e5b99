"""A jaxpr with symbolic sizes, at sizes that are given: numbers, or other symbols.

The equations are applied anew, with what their parameters say of sizes computed, so that the
ops' own rules find and check the shapes.
"""

from typing import Any

from minijax.core import AbstractRef, ClosedJaxpr, Jaxpr, Literal, ShapedArray
from minijax.dims.expr import Dim, evaluate
from minijax.dims.value import dim_as_value_p
from minijax.ops.convert import scalar_constant
from minijax.source_info import Replay
from minijax.trace import trace

# Where an equation has a derivative of the user's own, what stays is the function: calls of
# exported functions have derivatives that were exported.
_OWN_DERIVATIVES = ("custom_jvp_call", "custom_vjp_call")


def instantiate(closed: ClosedJaxpr, env: dict[str, Any]) -> ClosedJaxpr:
    """A closed jaxpr where the variables of sizes have the values of `env`."""
    avals = [_aval(v.aval, env) for v in closed.jaxpr.invars]
    return trace(
        lambda *args: _run(closed.jaxpr, closed.consts, args, env),
        avals,
        closed.jaxpr.debug_info,
    )


def _instantiate_open(jaxpr, env):
    n = len(jaxpr.constvars)
    all_in = jaxpr.replace(constvars=[], invars=jaxpr.constvars + jaxpr.invars)
    found = instantiate(ClosedJaxpr(all_in), env).jaxpr
    return found.replace(constvars=found.invars[:n], invars=found.invars[n:])


def _run(jaxpr, consts, args, env):
    values = dict(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))

    def read(atom):
        return atom.val if type(atom) is Literal else values[atom]

    with Replay() as replay:
        for eqn in jaxpr.eqns:
            replay.at(eqn.source)
            outs = _apply(eqn, [read(a) for a in eqn.invars], env)
            many = eqn.primitive.multiple_results
            values.update(zip(eqn.outvars, outs if many else [outs], strict=True))
    return [read(a) for a in jaxpr.outvars]


def _apply(eqn, args, env):
    if eqn.primitive is dim_as_value_p:
        return _value(evaluate(eqn.params["dim"], env), eqn.outvars[0].aval)
    if eqn.primitive.name in _OWN_DERIVATIVES:
        inner = eqn.params["call_jaxpr"]
        return _run(inner.jaxpr, inner.consts, args, env)
    return eqn.primitive.bind_eqn(args, substituted(eqn.params, env))


def _value(size, aval):
    if isinstance(size, Dim):
        return size.as_value()
    return scalar_constant(size, aval.dtype, aval.weak_type)


def _aval(aval, env):
    if type(aval) is AbstractRef:
        return AbstractRef(_aval(aval.inner_aval, env))
    if type(aval) is not ShapedArray or not any(isinstance(n, Dim) for n in aval.shape):
        return aval
    return aval.update(shape=substituted(aval.shape, env))


def substituted(x: Any, env: dict[str, Any]) -> Any:
    """A parameter, with the values of sizes in place of the sizes anywhere in it."""
    if isinstance(x, Dim):
        return evaluate(x, env)
    if isinstance(x, (str, int, float, type(None))):
        return x
    if isinstance(x, dict):
        return type(x)({name: substituted(value, env) for name, value in x.items()})
    if isinstance(x, (tuple, list)):
        items = [substituted(item, env) for item in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    if isinstance(x, ClosedJaxpr):
        return instantiate(x, env)
    if isinstance(x, Jaxpr):
        return _instantiate_open(x, env)
    if isinstance(x, (ShapedArray, AbstractRef)):
        return _aval(x, env)
    return _struct(x, env)


def _struct(x, env):
    """Of a `ShapeDtypeStruct` the one at these sizes; any other object as it is."""
    shape = getattr(x, "shape", None)
    if type(shape) is tuple and any(isinstance(n, Dim) for n in shape):
        return x.update(shape=substituted(shape, env))
    return x

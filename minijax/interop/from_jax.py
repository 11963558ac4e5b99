"""Real JAX's jaxpr → minijax's: equation by equation, through minijax's own rules.

Every equation is bound anew under a recording trace, so that minijax's shape rules say
what its results are; where JAX said otherwise, that is an InteropError.
"""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from minijax import control, core, executable, lax, ops
from minijax.control.custom_jvp import custom_jvp
from minijax.control.custom_vjp import custom_vjp
from minijax.control.jit_rules import call_jaxpr
from minijax.control.remat import remat_p
from minijax.ops.define import by_name
from minijax.trace import hoist_consts, trace

from .values import (
    PLACES,
    InteropError,
    array_from_jax,
    aval_from_jax,
    jax_module,
    require_same_width,
    struct_of,
    value_from_jax,
)


def from_jax(closed: Any) -> core.ClosedJaxpr:
    """A closed jaxpr of real JAX's as one of minijax's.

    InteropError, naming the equation, where minijax has no counterpart of something or
    gives a result of another type.
    """
    require_same_width()
    in_avals = [aval_from_jax(v.aval) for v in closed.jaxpr.invars]
    consts = [array_from_jax(c) for c in closed.consts]
    const_avals = [core.get_aval(c) for c in consts]

    def fun(*args):
        n = len(consts)
        return _evaluate(closed.jaxpr, args[:n], args[n:])

    recorded = trace(fun, [*const_avals, *in_avals])
    jaxpr = recorded.jaxpr
    constvars = [*jaxpr.constvars, *jaxpr.invars[: len(consts)]]
    return core.ClosedJaxpr(
        jaxpr.replace(constvars=constvars, invars=jaxpr.invars[len(consts) :]),
        [*recorded.consts, *consts],
    )


def executable_from_jax(closed: Any, name: str = "from_jax") -> Callable[..., list]:
    """A closed jaxpr of real JAX's, compiled for the C backend.

    The function takes and gives flat arrays of minijax's (see `array_from_jax`).
    """
    compiled = executable.Compiled(from_jax(closed), name)
    return lambda *args: compiled(args)


def _evaluate(jaxpr: Any, consts: Any, args: Any) -> list[Any]:
    """Bind the equations of JAX's jaxpr on minijax's values."""
    env: dict[Any, Any] = {}

    def read(atom):
        return _literal(atom) if hasattr(atom, "val") else env[atom]

    env.update(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    for eqn in jaxpr.eqns:
        outs = _bind(eqn, [read(a) for a in eqn.invars])
        _check(eqn, outs)
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(a) for a in jaxpr.outvars]


def _literal(atom: Any) -> Any:
    """A scalar in JAX's equations: weak ones are Python's, others arrays."""
    value = np.asarray(atom.val).astype(atom.aval.dtype)
    if getattr(atom.aval, "weak_type", False):
        return value.item()
    return core.constant(array_from_jax(value))


def _check(eqn: Any, outs: list[Any]) -> None:
    """InteropError where a result is not of the type that JAX says it has."""
    if len(outs) != len(eqn.outvars):
        raise InteropError(
            f"{eqn.primitive.name}: {len(outs)} results, on JAX {len(eqn.outvars)}"
        )
    for var, out in zip(eqn.outvars, outs):
        if hasattr(var.aval, "shape"):
            want, got = aval_from_jax(var.aval), core.get_aval(out)
            if want is not got:
                raise InteropError(
                    f"{eqn.primitive.name}: the result is {got!r}, on JAX {want!r}"
                )


def _bind(eqn: Any, args: list[Any]) -> list[Any]:
    name = eqn.primitive.name
    special = _SPECIAL.get(name)
    if special is not None:
        return special(eqn.params, args)
    primitive = _primitive(name)
    params = {
        key: _param(name, key, value)
        for key, value in eqn.params.items()
        if key not in _DROPPED.get(name, ())
    }
    out = primitive.bind(*args, **params)
    return list(out) if primitive.multiple_results else [out]


def _primitive(name: str) -> Any:
    """minijax's primitive of this name; modules that were not needed yet are loaded."""
    if name not in by_name:
        for package in (control, ops):
            for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
                import_module(found.name)
    if name not in by_name:
        raise InteropError(f"minijax has no primitive {name}")
    return by_name[name]


def _param(primitive: str, key: str, value: Any) -> Any:
    """One parameter; jaxprs within it are converted as well."""
    if key in PLACES:
        return None
    if key == "select_prim":
        return _primitive(value.name)
    if hasattr(value, "eqns"):
        if not hasattr(value, "consts"):
            return from_jax(_closed(value)).jaxpr
        return from_jax(value)
    if isinstance(value, tuple | list) and any(hasattr(x, "eqns") for x in value):
        return type(value)(_param(primitive, key, x) for x in value)
    try:
        return value_from_jax(value)
    except InteropError as error:
        raise InteropError(f"{primitive}: parameter {key}: {error}") from None


# --- equations that hold functions, or are called in another way ----------------------


def _jit(params: dict[str, Any], args: list[Any]) -> list[Any]:
    return call_jaxpr(from_jax(params["jaxpr"]), *args, name=params["name"])


def _closed_call(params: dict[str, Any], args: list[Any]) -> list[Any]:
    return _evaluate(params["call_jaxpr"].jaxpr, _consts(params["call_jaxpr"]), args)


def _closed(jaxpr: Any) -> Any:
    """JAX's jaxpr with its constants, of which an open one has none."""
    if hasattr(jaxpr, "consts"):
        return jaxpr
    return jax_module(".extend.core").ClosedJaxpr(jaxpr, ())


def _consts(closed: Any) -> list[Any]:
    return [array_from_jax(c) for c in closed.consts]


def _checkpoint(params: dict[str, Any], args: list[Any]) -> list[Any]:
    closed, consts = hoist_consts(from_jax(_closed(params["jaxpr"])))
    # A policy says what derivatives taken later may keep, not what is computed.
    return remat_p.bind(
        *consts,
        *args,
        jaxpr=closed,
        prevent_cse=params["prevent_cse"],
        differentiated=params["differentiated"],
        policy=None,
    )


def _custom_jvp(params: dict[str, Any], args: list[Any]) -> list[Any]:
    """The call, with JAX's derivative of it where one is asked for."""
    closed, rule = params["call_jaxpr"], params["jvp_jaxpr_fun"]
    n_consts = params["num_consts"]

    def jvp(primals, tangents):
        varying = [False] * (len(primals) - n_consts)
        jaxpr, consts, out_zeros = rule.call_wrapped(*varying)
        values = [array_from_jax(c) for c in consts]
        outs = _evaluate(jaxpr, values, [*primals[n_consts:], *tangents[n_consts:]])
        n = len(out_zeros)
        moving = iter(outs[n:])
        filled = [
            lax.full_like(x, 0) if zero else next(moving)
            for x, zero in zip(outs, out_zeros)
        ]
        return outs[:n], filled

    call = custom_jvp(lambda *xs: _evaluate(closed.jaxpr, _consts(closed), xs))
    call.defjvp(jvp)
    return call(*args)


def _custom_vjp(params: dict[str, Any], args: list[Any]) -> list[Any]:
    """The call, with JAX's forward and backward rules where they are asked for."""
    closed, n_consts = params["call_jaxpr"], params["num_consts"]
    n_out = len(closed.jaxpr.outvars)

    def forward(*primals):
        varying = [False] * (len(primals) - n_consts)
        jaxpr, consts, *_ = params["fwd_jaxpr_thunk"].call_wrapped(*varying)
        values = [array_from_jax(c) for c in consts]
        outs = _evaluate(jaxpr, values, primals[n_consts:])
        computed = iter(outs[: len(outs) - n_out])
        # A residual that is one of the arguments is not computed, but named.
        _, _, places = params["out_trees"]()
        residuals = [
            next(computed) if k is None else primals[n_consts:][k] for k in places
        ]
        return outs[len(outs) - n_out :], residuals

    def backward(residuals, cotangents):
        given = [*residuals, *cotangents]
        structs = [struct_of(core.get_aval(x)) for x in given]
        rule = jax_module().make_jaxpr(params["bwd"].call_wrapped)(*structs)
        found = _evaluate(rule.jaxpr, _consts(rule), given)
        constants = [lax.full_like(x, 0) for x in args[:n_consts]]
        return (*constants, *found)

    call = custom_vjp(lambda *xs: _evaluate(closed.jaxpr, _consts(closed), xs))
    call.defvjp(forward, backward)
    return call(*args)


def _reduce(params: dict[str, Any], args: list[Any]) -> list[Any]:
    n = len(args) // 2
    body = _closed(params["jaxpr"])

    def computation(x, y):
        xs, ys = (tuple(v) if isinstance(v, tuple | list) else (v,) for v in (x, y))
        outs = _evaluate(body.jaxpr, _consts(body), xs + ys)
        return tuple(outs) if isinstance(x, tuple | list) else outs[0]

    operands, initial = tuple(args[:n]), tuple(args[n:])
    return list(lax.reduce(operands, initial, computation, params["dimensions"]))


def _while(params: dict[str, Any], args: list[Any]) -> list[Any]:
    """A loop; with a mapped condition it runs while any element does."""
    cond, body = params["cond_jaxpr"], params["body_jaxpr"]
    if not cond.jaxpr.outvars[0].aval.shape:
        params = {key: _param("while", key, value) for key, value in params.items()}
        return _primitive("while").bind(*args, **params)
    n_cond, n_body = params["cond_nconsts"], params["body_nconsts"]
    cond_args, body_args = args[:n_cond], args[n_cond : n_cond + n_body]

    def running(state):
        return _evaluate(cond.jaxpr, _consts(cond), [*cond_args, *state])[0]

    def step(state):
        mask = running(state)
        found = _evaluate(body.jaxpr, _consts(body), [*body_args, *state])
        return [
            lax.select(_to_rank(mask, new), new, old) for new, old in zip(found, state)
        ]

    def any_running(state):
        mask = running(state)
        return lax.reduce_or(mask, tuple(range(mask.ndim)))

    return list(lax.while_loop(any_running, step, args[n_cond + n_body :]))


def _to_rank(mask: Any, like: Any) -> Any:
    return lax.broadcast_in_dim(mask, like.shape, tuple(range(mask.ndim)))


def _empty(params: dict[str, Any], args: list[Any]) -> list[Any]:
    """A scalar that JAX does not initialise, as zero."""
    return [lax.full((), 0, value_from_jax(params["dtype"]))]


def _collective(name: str) -> Callable[[dict[str, Any], list[Any]], list[Any]]:
    """A reduction over named axes; over numbered ones it is a plain one."""
    plain = {"psum": "reduce_sum", "pmax": "reduce_max", "pmin": "reduce_min"}[name]

    def bind(params, args):
        axes = params["axes"]
        if not all(isinstance(axis, int) for axis in axes):
            groups = params["axis_index_groups"]
            return list(
                _primitive(name).bind(*args, axes=axes, axis_index_groups=groups)
            )
        return [getattr(lax, plain)(x, axes) for x in args]

    return bind


_SPECIAL: dict[str, Callable[[dict[str, Any], list[Any]], list[Any]]] = {
    "jit": _jit,
    "pjit": _jit,
    "closed_call": _closed_call,
    "core_call": _closed_call,
    "remat2": _checkpoint,
    "checkpoint": _checkpoint,
    "custom_jvp_call": _custom_jvp,
    "custom_vjp_call": _custom_vjp,
    "reduce": _reduce,
    "while": _while,
    "empty2": _empty,
    # One device on either side: nothing is to be moved
    "sharding_constraint": lambda params, args: args,
    **{name: _collective(name) for name in ("psum", "pmax", "pmin")},
}
# Parameters that minijax's primitive does not have.
_DROPPED: dict[str, tuple[str, ...]] = {"mul": ("out_dtype",)}

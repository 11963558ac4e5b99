"""minijax's jaxpr → a function that real JAX traces, transforms and compiles.

Primitives are the ones that `jax.lax` and `jax.extend.core.primitives` publish; nested
calls, control flow and custom derivatives go through public functions where there is
one, so that JAX's own checks apply.
"""

from collections.abc import Callable
from typing import Any

from minijax import core
from minijax.core import Literal
from minijax.trace import trace
from minijax.transforms.ad import instantiate

from .values import (
    PLACES,
    InteropError,
    array_to_jax,
    aval_from_jax,
    jax_module,
    require_same_width,
    struct_of,
    value_to_jax,
)

# Primitives that must be told how exact to be; minijax's derivatives leave it out.
_WITH_ACCURACY = {
    "exp", "exp2", "log", "log1p", "expm1", "sin", "cos", "tan", "tanh", "logistic",
    "sqrt", "rsqrt", "cbrt",
}  # fmt: skip


def to_jax(closed: core.ClosedJaxpr) -> Callable[..., list]:
    """A closed jaxpr of minijax's as a function of flat JAX arrays, giving a list.

    It can be jitted, differentiated and batched by real JAX. InteropError, when it is
    traced, where JAX has no counterpart of something.
    """
    require_same_width()
    consts = [array_to_jax(c) for c in closed.consts]
    return lambda *args: _evaluate(closed.jaxpr, consts, args)


def closed_to_jax(closed: core.ClosedJaxpr) -> Any:
    """A closed jaxpr of minijax's as real JAX's ClosedJaxpr."""
    structs = [struct_of(aval) for aval in closed.in_avals]
    return jax_module().make_jaxpr(to_jax(closed))(*structs)


def _evaluate(jaxpr: core.Jaxpr, consts: Any, args: Any) -> list[Any]:
    """Bind the equations on JAX's values."""
    env: dict[Any, Any] = {}

    def read(atom):
        return _literal(atom) if type(atom) is Literal else env[atom]

    env.update(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    for eqn in jaxpr.eqns:
        outs = _bind(eqn, [read(a) for a in eqn.invars])
        _check(eqn, outs)
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(a) for a in jaxpr.outvars]


def _literal(atom: Literal) -> Any:
    if atom.aval.weak_type:
        return atom.val
    return jax_module().numpy.asarray(atom.val, atom.aval.dtype)


def _check(eqn: core.JaxprEqn, outs: list[Any]) -> None:
    """InteropError where a result is not of the type that minijax says it has.

    But for weak types: who calls the function may have none to give.
    """
    typeof = jax_module().typeof
    for var, out in zip(eqn.outvars, outs, strict=True):
        if hasattr(var.aval, "shape"):
            got = aval_from_jax(typeof(out))
            if got.strip_weak_type() is not var.aval.strip_weak_type():
                raise InteropError(
                    f"{eqn.primitive.name}: JAX's result is {got!r}, not {var.aval!r}"
                )


def _primitives() -> dict[str, Any]:
    """JAX's published primitives by name."""
    if not _found:
        places = jax_module(".lax"), jax_module(".lax.linalg")
        for place in (*places, jax_module(".extend.core.primitives")):
            for attribute, value in vars(place).items():
                if attribute.endswith("_p") and hasattr(value, "bind"):
                    _found[value.name] = value
    return _found


_found: dict[str, Any] = {}


def _bind(eqn: core.JaxprEqn, args: list[Any]) -> list[Any]:
    name = eqn.primitive.name
    special = _SPECIAL.get(name)
    if special is not None:
        return special(eqn.params, args)
    primitive = _primitives().get(name)
    if primitive is None:
        raise InteropError(f"JAX publishes no primitive {name}")
    params = {key: _param(name, key, value) for key, value in eqn.params.items()}
    if name in _WITH_ACCURACY:
        params.setdefault("accuracy", None)
    if name == "mul":
        params.setdefault("out_dtype", None)
    out = primitive.bind(*args, **params)
    return list(out) if primitive.multiple_results else [out]


def _param(primitive: str, key: str, value: Any) -> Any:
    """One parameter; jaxprs within it are converted as well."""
    if key in PLACES:
        return None
    if key == "select_prim":
        return _primitives()[value.name]
    if isinstance(value, core.ClosedJaxpr):
        return closed_to_jax(value)
    if isinstance(value, core.Jaxpr):
        return closed_to_jax(core.ClosedJaxpr(value)).jaxpr
    if isinstance(value, tuple | list) and any(hasattr(x, "eqns") for x in value):
        return type(value)(_param(primitive, key, x) for x in value)
    try:
        return value_to_jax(value)
    except InteropError as error:
        raise InteropError(f"{primitive}: parameter {key}: {error}") from None


# --- equations that hold functions, or are called in another way ----------------------


def _jit(params: dict[str, Any], args: list[Any]) -> list[Any]:
    fun = to_jax(params["jaxpr"])
    fun.__name__ = params["name"]
    return jax_module().jit(fun)(*args)


def _shard_map(params: dict[str, Any], args: list[Any]) -> list[Any]:
    """What it computes, on one device: JAX's own takes meshes of its own only."""
    return to_jax(params["jaxpr"])(*args)


def _checkpoint(params: dict[str, Any], args: list[Any]) -> list[Any]:
    # A policy says what derivatives taken later may keep, not what is computed.
    prevent_cse = params["prevent_cse"]
    fun = to_jax(params["jaxpr"])
    return jax_module().checkpoint(fun, prevent_cse=prevent_cse)(*args)


def _custom_jvp(params: dict[str, Any], args: list[Any]) -> list[Any]:
    """The call, with minijax's derivative of it where one is asked for."""
    jax = jax_module()
    rule = params["jvp"]

    def jvp(primals, tangents):
        avals = [aval_from_jax(jax.typeof(x)) for x in (*primals, *tangents)]
        n = len(primals)
        recorded = trace(lambda *xs: _flat_pair(rule(xs[:n], xs[n:])), avals)
        outs = to_jax(recorded)(*primals, *tangents)
        return outs[: len(outs) // 2], outs[len(outs) // 2 :]

    call = jax.custom_jvp(to_jax(params["call_jaxpr"]))
    call.defjvp(jvp)
    return call(*args)


def _flat_pair(pair: Any) -> list[Any]:
    """Primal outputs and their tangents as one list; zeros are filled in."""
    outs, tangents = pair
    filled = [instantiate(t) for t in tangents]
    return [*outs, *filled]


def _custom_vjp(params: dict[str, Any], args: list[Any]) -> list[Any]:
    """The call, with minijax's forward and backward rules where they are asked for."""
    jax = jax_module()
    closed = params["call_jaxpr"]
    n_out = len(closed.jaxpr.outvars)

    def recorded(fun, values):
        avals = [aval_from_jax(jax.typeof(x)) for x in values]
        return to_jax(trace(fun, avals))(*values)

    def forward(*primals):
        def rule(*xs):
            outs, residuals = params["fwd"](list(xs), [True] * len(xs))
            return [*outs, *residuals]

        outs = recorded(rule, primals)
        return outs[:n_out], outs[n_out:]

    def backward(residuals, cotangents):
        n = len(residuals)

        def rule(*xs):
            found = params["bwd"](list(xs[:n]), list(xs[n:]))
            avals = closed.in_avals
            return [
                instantiate(core.Zero(a.to_tangent_aval())) if _is_zero(ct) else ct
                for ct, a in zip(found, avals, strict=True)
            ]

        return tuple(recorded(rule, [*residuals, *cotangents]))

    call = jax.custom_vjp(to_jax(closed))
    call.defvjp(forward, backward)
    return call(*args)


def _is_zero(ct: Any) -> bool:
    return ct is None or type(ct) is core.Zero


def _random_seed(params: dict[str, Any], args: list[Any]) -> list[Any]:
    jax = jax_module()
    fun = lambda seed: jax.random.key(seed, impl=params["impl"].impl)  # noqa: E731
    for _ in args[0].shape:
        fun = jax.vmap(fun)
    return [fun(args[0])]


def _random_wrap(params: dict[str, Any], args: list[Any]) -> list[Any]:
    impl = params["impl"].impl
    return [jax_module().random.wrap_key_data(args[0], impl=impl)]


def _random_unwrap(params: dict[str, Any], args: list[Any]) -> list[Any]:
    return [jax_module().random.key_data(args[0])]


def _reduce(params: dict[str, Any], args: list[Any]) -> list[Any]:
    n = len(args) // 2
    jaxpr = params["jaxpr"]
    body = to_jax(jaxpr if hasattr(jaxpr, "consts") else core.ClosedJaxpr(jaxpr))

    def computation(x, y):
        xs, ys = (tuple(v) if isinstance(v, tuple | list) else (v,) for v in (x, y))
        outs = body(*xs, *ys)
        return tuple(outs) if isinstance(x, tuple | list) else outs[0]

    reduce = jax_module(".lax").reduce
    operands, initial = tuple(args[:n]), tuple(args[n:])
    return list(reduce(operands, initial, computation, params["dimensions"]))


_SPECIAL: dict[str, Callable[[dict[str, Any], list[Any]], list[Any]]] = {
    "jit": _jit,
    "shard_map": _shard_map,
    "remat2": _checkpoint,
    "custom_jvp_call": _custom_jvp,
    "custom_vjp_call": _custom_vjp,
    "random_seed": _random_seed,
    "random_wrap": _random_wrap,
    "random_unwrap": _random_unwrap,
    "reduce": _reduce,
    "sharding_constraint": lambda params, args: args,  # one device: nothing is moved
}

"""custom_jvp: functions whose forward derivative the user gives."""

import functools
from typing import Any

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.body import avals_of, same_type
from minijax.control.custom_call import (
    BY_TRACE,
    Call,
    SymbolicZero,
    call_lower,
    call_reference,
    call_shape,
    description,
    forwarding,
    listed,
    positional,
    static_places,
)
from minijax.control.signature import function_name
from minijax.core import HigherOrderPrimitive, Zero
from minijax.literals import typed
from minijax.ops.define import add_tangents, define, instantiate, zeros
from minijax.trace import WrappedFun, hoist_consts, named_like, trace
from minijax.traceback_util import api_boundary
from minijax.transforms import ad, batching
from minijax.transforms.dce import dce


class CustomJVPCall(HigherOrderPrimitive):
    """`custom_jvp_call[call_jaxpr, jvp]`: bound through the trace's own method."""

    def bind_with(self, fun, jvp, args, symbolic_zeros):
        """Call the flat function `fun` whose derivative is the flat `jvp(primals,
        tangents)`.
        """
        return core.current_trace().process_custom_jvp_call(
            self, fun, jvp, args, symbolic_zeros=symbolic_zeros
        )

    def bind(self, *args, subfuns=None, **params):
        if subfuns is None:
            return self.bind_eqn(args, params)
        fun, jvp = subfuns
        return self.bind_with(fun.call_wrapped, jvp, args, **params)

    def get_bind_params(self, params):
        """As `bind` takes them: functions in place of jaxprs."""
        fun = WrappedFun(core.jaxpr_as_fun(params["call_jaxpr"]))
        return {
            "subfuns": (fun, params["jvp"]),
            "symbolic_zeros": params["symbolic_zeros"],
        }

    def bind_eqn(self, args, params):
        return self.bind_with(
            core.jaxpr_as_fun(params["call_jaxpr"]),
            params["jvp"],
            args,
            params["symbolic_zeros"],
        )

    def stage(self, level, fun, jvp, args, *, symbolic_zeros):
        """Record the call in a recording trace."""
        avals = avals_of(args)
        closed, consts = hoist_consts(
            trace(fun, avals, description(fun, "custom_jvp fun"))
        )
        if consts:
            jvp = _ignoring_consts(jvp, len(consts))
        atoms = [level.atom(x) for x in [*consts, *args]]
        params = {
            "name": getattr(fun, "__name__", "fun"),
            "call_jaxpr": closed,
            "jvp": jvp,
            "num_consts": len(consts),
            "symbolic_zeros": symbolic_zeros,
        }
        return level.record(self, atoms, params, closed.out_avals)

    def batch_jvp(self, jvp, axis, dims, found_dims):
        """The batched form of a flat jvp rule; its outputs are mapped at 0.

        Once it has run, the list `found_dims` has the axes of the outputs.
        """

        @named_like(jvp)
        def batched(primals, tangents):
            live = ad.without_zeros(tangents)
            live_dims = [
                d for t, d in zip(tangents, dims, strict=True) if type(t) is not Zero
            ]
            found = []

            def flat(*args):
                feed = iter(args[len(primals) :])
                inner = [
                    Zero.of(p) if type(t) is Zero else next(feed)
                    for p, t in zip(args, tangents, strict=False)
                ]
                outs, out_tangents = jvp(list(args[: len(primals)]), inner)
                found[:] = [type(t) is Zero for t in out_tangents]
                return [*outs, *ad.without_zeros(out_tangents)]

            outs, out_dims = batching.batch(
                flat, axis, [*primals, *live], [*dims, *live_dims]
            )
            n = len(found)
            feed = iter(out_dims[n:])
            moved = [not zero and next(feed) is not None for zero in found]
            # One axis for an output and its tangent, which may depend on more
            mapped = [
                d is not None or also for d, also in zip(out_dims, moved, strict=False)
            ]
            found_dims[:] = [0 if is_mapped else None for is_mapped in mapped]
            result = [
                _match(axis, x, d, is_mapped)
                for x, d, is_mapped in zip(outs, out_dims, mapped, strict=False)
            ]
            feed = iter(zip(outs[n:], out_dims[n:], strict=True))
            out_tangents = [
                Zero.of(x) if zero else _match(axis, *next(feed), is_mapped)
                for x, zero, is_mapped in zip(result, found, mapped, strict=True)
            ]
            return result, out_tangents

        return batched


def _match(axis, x, dim, mapped):
    return batching.match_axis(axis, x, dim, 0 if mapped else None)


def _ignoring_consts(jvp, n):
    """A rule for the closed-over values too: they are taken not to vary."""

    @named_like(jvp)
    def with_consts(primals, tangents):
        return jvp(primals[n:], tangents[n:])

    return with_consts


def _custom_jvp_dce(used, eqn):
    """The call, and its rule, without its unused outputs."""
    closed, jvp = eqn.params["call_jaxpr"], eqn.params["jvp"]

    def wanted(values):
        return [x for x, want in zip(values, used, strict=True) if want]

    @named_like(jvp)
    def some(primals, tangents):
        outs, out_tangents = jvp(primals, tangents)
        return wanted(outs), wanted(out_tangents)

    jaxpr, _ = dce(closed.jaxpr, used)
    params = {**eqn.params, "call_jaxpr": closed.replace(jaxpr=jaxpr), "jvp": some}
    return eqn.replace(outvars=wanted(eqn.outvars), params=params)


def _custom_jvp_transpose(cts, *args, call_jaxpr, **_):
    # Of a call on tangents, which has no derivative any more that its rule could say.
    return ad.backward_pass(call_jaxpr.jaxpr, call_jaxpr.consts, args, cts)


custom_jvp_call_p = define(
    "custom_jvp_call",
    cls=CustomJVPCall,
    shape=call_shape("custom_jvp"),
    reference=call_reference,
    jvp=BY_TRACE,
    transpose=_custom_jvp_transpose,
    batch=BY_TRACE,
    lower=call_lower,
    dce=_custom_jvp_dce,
)


class custom_jvp:
    """A function with a jvp rule of the user's: `@jax.custom_jvp`, then `@f.defjvp`."""

    def __init__(self, fun, nondiff_argnums=(), nondiff_argnames=()):
        functools.update_wrapper(self, fun, updated=())
        self.fun = fun
        self.nondiff_argnums = static_places(fun, nondiff_argnums, nondiff_argnames)
        self.jvp: Any = None
        self.symbolic_zeros = False

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    __getattr__ = forwarding("def_vmap", "defvjp")

    def defjvp(self, jvp, symbolic_zeros=False):
        """Set the rule `jvp(*nondiff_args, primals, tangents) -> (out, tangent)`.

        Returns it.
        """
        self.jvp = jvp
        self.symbolic_zeros = symbolic_zeros
        return jvp

    def defjvps(self, *jvps):
        """One rule for each argument: `jvp(t, ans, *primals) -> tangent`, or None."""
        if self.nondiff_argnums:
            raise TypeError("Can't use ``defjvps`` with ``nondiff_argnums``.")

        def jvp(primals, tangents):
            ans = self(*primals)
            total = None
            for rule, t in zip(jvps, tangents, strict=True):
                if rule is not None:
                    part = flatten(rule(t, ans, *primals))
                    total = part[0] if total is None else [
                        add_tangents(x, y) for x, y in zip(total, part[0], strict=True)
                    ]  # fmt: skip
            leaves, tree = flatten(ans)
            if total is None:
                total = [instantiate(Zero.of(x)) for x in leaves]
            return ans, unflatten(tree, total)

        self.defjvp(jvp)

    @api_boundary
    def __call__(self, *args, **kwargs) -> Any:
        if self.jvp is None:
            raise AttributeError(
                f"No JVP defined for custom_jvp function {function_name(self.fun)} "
                "using defjvp."
            )
        args = positional("custom_jvp", self.fun, args, kwargs)
        call = Call(self.fun, args, self.nondiff_argnums)
        outs = custom_jvp_call_p.bind_with(
            call.flat_fun, self._flat_jvp(call), call.take_flat(), self.symbolic_zeros
        )
        return unflatten(call.out_tree, outs)

    def _flat_jvp(self, call):
        def flat_jvp(primals, tangents):
            wrap = SymbolicZero if self.symbolic_zeros else zeros
            moving = [wrap(t.aval) if type(t) is Zero else t for t in tangents]
            primals = list(map(typed, primals))
            pair = self.jvp(
                *call.static, call.unflatten(primals), call.unflatten(moving)
            )
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(
                    f"Custom JVP rule {function_name(self.jvp)} for function "
                    f"{function_name(self.fun)} "
                    "must produce a pair (list or tuple of length two) representing "
                    f"primal and tangent outputs, but got {pair}."
                )
            outs, tree = flatten(pair[0])
            out_tangents, tangent_tree = flatten(pair[1])
            if tree != tangent_tree:
                raise TypeError(
                    f"Custom JVP rule {function_name(self.jvp)} for function "
                    f"{function_name(self.fun)} "
                    "must produce primal and tangent outputs with equal container "
                    f"(pytree) structures, but got {tree} and {tangent_tree} "
                    "respectively."
                )
            call.check_outputs(self, tree, outs)
            call.out_tree = tree
            return outs, [
                _checked_tangent(self, x, t)
                for x, t in zip(outs, out_tangents, strict=True)
            ]

        flat_jvp.__name__ = function_name(self.jvp)
        return flat_jvp


def _checked_tangent(custom, x, t):
    if isinstance(t, SymbolicZero):
        return Zero(t.aval)
    want, got = core.get_aval(x).to_tangent_aval(), core.get_aval(t)
    if not same_type(want, got):
        raise TypeError(
            "Custom JVP rule must produce primal and tangent outputs with corresponding "
            "shapes and dtypes. Expected "
            f"{listed([want])} (tangent type of {listed([core.get_aval(x)])}) but got "
            f"{listed([got])}."
        )
    return Zero(want) if core.is_float0(want) else t

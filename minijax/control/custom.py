"""custom_jvp and custom_vjp: functions whose derivative the user gives.

Inside a trace that records, a call becomes an equation holding the function's jaxpr and
the rules; traces that differentiate use the rules at once, and the one that batches
batches function and rules alike.
"""

import functools
import inspect
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.array import from_numpy
from minijax.control.ref_checks import check_distinct_refs, refuse_refs
from minijax.control.signature import leaf_names
from minijax.core import HigherOrderPrimitive, Primitive, Zero
from minijax.effects import check_allowed, custom_derivatives_allowed_effects
from minijax.errors import UnexpectedTracerError
from minijax.ops.define import (
    NO_RULE,
    add_tangents,
    define,
    instantiate,
    sum_axes,
    zeros,
)
from minijax.trace import (
    DebugInfo,
    describe_function,
    hoist_consts,
    named_like,
    trace,
)
from minijax.traceback_util import api_boundary
from minijax.transforms import batching
from minijax.transforms.dce import dce
from minijax.transforms.evaluate import evaluate
from minijax.tree_util import register_pytree_node

_BY_TRACE = NO_RULE("is applied by the traces themselves")


def _call_shape(name):
    def shape(*_, call_jaxpr, **__):
        allowed = custom_derivatives_allowed_effects
        check_allowed(call_jaxpr.effects, allowed, f"`{name}`")
        return call_jaxpr.out_avals

    return shape


def _call_reference(*args, call_jaxpr, **_):
    return evaluate(call_jaxpr, *args)


def _call_lower(b, ins, out_avals, *, call_jaxpr, **_):
    return b.inline(call_jaxpr, ins)


# --- custom_jvp ---------------------------------------------------------------------


class CustomJVPCall(HigherOrderPrimitive):
    """`custom_jvp_call[call_jaxpr, jvp]`: bound through the trace's own method."""

    def bind_with(self, fun, jvp, args, symbolic_zeros):
        """Call the flat function `fun` whose derivative is the flat `jvp(primals,
        tangents)`.
        """
        return core.current_trace().process_custom_jvp_call(
            self, fun, jvp, args, symbolic_zeros=symbolic_zeros
        )

    def bind_eqn(self, args, params):
        return self.bind_with(
            core.jaxpr_as_fun(params["call_jaxpr"]),
            params["jvp"],
            args,
            params["symbolic_zeros"],
        )

    def stage(self, level, fun, jvp, args, *, symbolic_zeros):
        """Record the call in a recording trace."""
        avals = [core.get_aval(x) for x in args]
        closed, consts = hoist_consts(trace(fun, avals, level.debug_info))
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
            live = [t for t in tangents if type(t) is not Zero]
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
                return [*outs, *[t for t in out_tangents if type(t) is not Zero]]

            outs, out_dims = batching.batch(
                flat, axis, [*primals, *live], [*dims, *live_dims]
            )
            n = len(found)
            mapped = [d is not None for d in out_dims[:n]]
            found_dims[:] = [0 if is_mapped else None for is_mapped in mapped]
            result = [
                batching.to_front(axis, x, d)
                for x, d in zip(outs[:n], out_dims[:n], strict=True)
            ]
            feed = iter(zip(outs[n:], out_dims[n:], strict=True))
            out_tangents = [
                Zero.of(x) if zero else _match_primal(axis, *next(feed), is_mapped)
                for x, zero, is_mapped in zip(result, found, mapped, strict=True)
            ]
            return result, out_tangents

        return batched


def _match_primal(axis, tangent, dim, mapped):
    if mapped:
        return batching.match_axis(axis, tangent, dim, 0)
    return batching.to_front(axis, tangent, dim)


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


custom_jvp_call_p = define(
    "custom_jvp_call",
    cls=CustomJVPCall,
    shape=_call_shape("custom_jvp"),
    reference=_call_reference,
    jvp=_BY_TRACE,
    transpose=_BY_TRACE,
    batch=_BY_TRACE,
    lower=_call_lower,
    dce=_custom_jvp_dce,
)


class custom_jvp:
    """A function with a jvp rule of the user's: `@jax.custom_jvp`, then `@f.defjvp`."""

    def __init__(self, fun, nondiff_argnums=(), nondiff_argnames=()):
        functools.update_wrapper(self, fun, updated=())
        self.fun = fun
        self.nondiff_argnums = _static_places(fun, nondiff_argnums, nondiff_argnames)
        self.jvp: Any = None
        self.symbolic_zeros = False

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

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
                f"No JVP defined for custom_jvp function {_name(self.fun)} using defjvp."
            )
        args = _positional("custom_jvp", self.fun, args, kwargs)
        call = _Call(self.fun, args, self.nondiff_argnums)
        outs = custom_jvp_call_p.bind_with(
            call.flat_fun, self._flat_jvp(call), call.take_flat(), self.symbolic_zeros
        )
        return unflatten(call.out_tree, outs)

    def _flat_jvp(self, call):
        def flat_jvp(primals, tangents):
            wrap = SymbolicZero if self.symbolic_zeros else zeros
            moving = [wrap(t.aval) if type(t) is Zero else t for t in tangents]
            primals = [_with_shape(x) for x in primals]
            pair = self.jvp(
                *call.static, call.unflatten(primals), call.unflatten(moving)
            )
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(
                    f"Custom JVP rule {_name(self.jvp)} for function {_name(self.fun)} "
                    "must produce a pair (list or tuple of length two) representing "
                    f"primal and tangent outputs, but got {pair}."
                )
            outs, tree = flatten(pair[0])
            out_tangents, tangent_tree = flatten(pair[1])
            if tree != tangent_tree:
                raise TypeError(
                    f"Custom JVP rule {_name(self.jvp)} for function {_name(self.fun)} "
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

        flat_jvp.__name__ = _name(self.jvp)
        return flat_jvp


def _checked_tangent(custom, x, t):
    if isinstance(t, SymbolicZero):
        return Zero(t.aval)
    want, got = core.get_aval(x).to_tangent_aval(), core.get_aval(t)
    if (want.shape, want.dtype) != (got.shape, got.dtype):
        raise TypeError(
            "Custom JVP rule must produce primal and tangent outputs with corresponding "
            "shapes and dtypes. Expected "
            f"{_listed([want])} (tangent type of {_listed([core.get_aval(x)])}) but got "
            f"{_listed([got])}."
        )
    return Zero(want) if want.dtype == dtypes.float0 else t


class SymbolicZero:
    """A zero tangent or cotangent, as rules with `symbolic_zeros=True` see it."""

    def __init__(self, aval):
        self.aval = aval

    shape = property(lambda self: self.aval.shape)
    dtype = property(lambda self: self.aval.dtype)
    ndim = property(lambda self: self.aval.ndim)
    size = property(lambda self: self.aval.size)

    def __repr__(self):
        return f"SymbolicZero({self.aval})"


def _with_shape(x):
    """An argument as rules see it: a Python scalar has a shape and a dtype there."""
    if type(x) not in core.literal_types:
        return x
    aval = core.get_aval(x)
    return core.constant(from_numpy(np.asarray(x, aval.dtype), aval.weak_type))


class _Call:
    """One call of a custom function: its flat arguments, and what is left static."""

    def __init__(self, fun, args, static_places):
        self.places = set(static_places)
        self.static = [args[k] for k in sorted(self.places)]
        dynamic = tuple(x for k, x in enumerate(args) if k not in self.places)
        flat, self.in_tree = flatten(dynamic)
        self.flat = [_with_shape(x) for x in flat]
        self.out_tree = None
        self.out_avals: Any = None
        self._fun, self._n = fun, len(args)

        def flat_fun(*leaves):
            outs, self.out_tree = flatten(fun(*self.all_args(leaves)))
            self.out_avals = [core.get_aval(x) for x in outs]
            return outs

        flat_fun.__name__ = _name(fun)
        self.flat_fun = flat_fun

    def check_refs(self):
        """ValueError for a reference that is an argument twice, or comes to be returned."""
        _, tree = flatten((self.unflatten(self.flat), {}))
        said = f"in a call of custom_vjp function {_name(self._fun)}"
        names = leaf_names(self._fun, tree, self.places)
        check_distinct_refs(self.flat, (), said, names)
        self.flat_fun = _without_refs_out(self.flat_fun, _name(self._fun))

    def check_outputs(self, custom, tree, outs):
        """TypeError where a jvp rule's primal outputs are not of the function's types;
        these are known if the function has been traced.
        """
        if self.out_avals is None:
            return
        rule, fun = _name(custom.jvp), _name(custom.fun)
        said = (
            f"Custom JVP rule {rule} for function {fun} must produce a pair (list or "
            "tuple of length two) where the first element represents the primal output "
            f"(equal in value to the output of the custom_jvp-decorated function {fun}, "
            "and in particular "
        )
        if tree != self.out_tree:
            raise TypeError(
                f"{said}of the same container/pytree structure), but instead the JVP "
                f"rule output's first element had container/pytree structure:\n    {tree}\n"
                f"while the custom_jvp-decorated function {fun} had output "
                f"container/pytree structure:\n    {self.out_tree}."
            )
        got = [core.get_aval(x).strip_weak_type() for x in outs]
        want = [aval.strip_weak_type() for aval in self.out_avals]
        if got != want:
            raise TypeError(
                f"{said}with leaves of the same shape/dtype), but instead the JVP "
                f"rule output's first element had shapes/dtypes of:\n    {_listed(got)}\n"
                f"while the custom_jvp-decorated function {fun} had output shapes/dtypes "
                f"of:\n    {_listed(want)}"
            )

    def take_flat(self):
        """The flat arguments, once: rules that outlive the call keep no tracers."""
        flat, self.flat = self.flat, None
        return flat

    def unflatten(self, leaves):
        """The dynamic arguments as the user's trees."""
        return unflatten(self.in_tree, leaves)

    def all_args(self, leaves):
        """All arguments in place, the dynamic ones from flat leaves."""
        dynamic, static = iter(self.unflatten(leaves)), iter(self.static)
        return [
            next(static) if k in self.places else next(dynamic) for k in range(self._n)
        ]


def _without_refs_out(fun, name):
    """A flat function that raises ValueError where it would return a reference."""

    @named_like(fun)
    def checked(*leaves):
        outs = fun(*leaves)
        refuse_refs(f"custom_vjp primal function {name}", outs)
        return outs

    return checked


def _listed(avals):
    return ", ".join(aval.str_short() for aval in avals)


def _name(fun):
    return getattr(fun, "__name__", None) or type(fun).__name__


def _positional(kind, fun, args, kwargs):
    """All arguments by place, with defaults filled in."""
    try:
        bound = inspect.signature(fun).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(
            f"The input arguments to the {kind}-decorated function {_name(fun)} could "
            "not be resolved to positional-only arguments. Binding failed with the "
            f"error:\n{error}"
        ) from None
    except ValueError:
        if kwargs:
            raise TypeError(
                f"cannot tell the places of keyword arguments {list(kwargs)}"
            ) from None
        return args
    bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(
            f"The input arguments to the {kind}-decorated function {_name(fun)} could "
            "not be resolved to positional-only arguments. Binding failed with the "
            "error:\nThe following keyword arguments could not be resolved to positions: "
            f"{', '.join(bound.kwargs)}"
        )
    return bound.args


def _static_places(fun, nums, names):
    places = [nums] if isinstance(nums, int) else list(nums)
    if names:
        parameters = list(inspect.signature(fun).parameters)
        places += [parameters.index(name) for name in names]
    if any(k < 0 for k in places):
        n = len(inspect.signature(fun).parameters)
        places = [k + n if k < 0 else k for k in places]
    return tuple(sorted(set(places)))


# --- custom_vjp ---------------------------------------------------------------------


class CustomVJPCall(HigherOrderPrimitive):
    """`custom_vjp_call[call_jaxpr, fwd, bwd]`: bound through the trace's own method."""

    def bind_with(self, fun, fwd, bwd, args, **params):
        """Call the flat function `fun` with flat rules.

        `fwd(primals, perturbed) -> (outs, residuals)`, `bwd(residuals, cts) ->
        cotangents`.
        """
        return core.current_trace().process_custom_vjp_call(
            self, fun, fwd, bwd, args, **params
        )

    def bind_eqn(self, args, params):
        return self.bind_with(
            core.jaxpr_as_fun(params["call_jaxpr"]), params["fwd"], params["bwd"], args
        )

    def stage(self, level, fun, fwd, bwd, args):
        """Record the call in a recording trace."""
        avals = [core.get_aval(x) for x in args]
        closed, consts = hoist_consts(trace(fun, avals, level.debug_info))
        if consts:
            fwd, bwd = _with_consts(fwd, bwd, consts)
        atoms = [level.atom(x) for x in [*consts, *args]]
        params = {
            "name": getattr(fun, "__name__", "fun"),
            "call_jaxpr": closed,
            "fwd": fwd,
            "bwd": bwd,
            "num_consts": len(consts),
        }
        return level.record(self, atoms, params, closed.out_avals)

    @staticmethod
    def linear_call(bwd, residuals, tangents, out_avals):
        """The tangents of the outputs, as an equation whose transpose is `bwd`."""
        moving = [t for t in tangents if type(t) is not Zero]
        out_avals = tuple(a.to_tangent_aval() for a in out_avals)
        return custom_lin_p.bind(
            *residuals,
            *moving,
            num_res=len(residuals),
            bwd=bwd,
            out_avals=out_avals,
            nonzero=tuple(type(t) is not Zero for t in tangents),
        )

    @staticmethod
    def batch_vjp(fwd, bwd, axis, dims, out_dims):
        """The batched forms of flat rules.

        Once they have run, the list `out_dims` has the axes of the outputs.
        """
        res_dims = []

        @functools.wraps(fwd)
        def batched_fwd(primals, perturbed):
            n_out = []

            def flat(*args):
                outs, residuals = fwd(list(args), perturbed)
                n_out.append(len(outs))
                return [*outs, *residuals]

            values, value_dims = batching.batch(flat, axis, primals, dims)
            n = n_out[0]
            res_dims[:] = value_dims[n:]
            out_dims[:] = [None if d is None else 0 for d in value_dims[:n]]
            outs = [
                batching.to_front(axis, x, d)
                for x, d in zip(values[:n], value_dims[:n], strict=True)
            ]
            return outs, values[n:]

        @named_like(bwd)
        def batched_bwd(residuals, cts):
            return _batched_bwd(bwd, axis, dims, residuals, res_dims, cts, out_dims)

        return batched_fwd, batched_bwd


def _batched_bwd(bwd, axis, dims, residuals, res_dims, cts, ct_dims):
    """Apply `bwd` over a batch; cotangents of unmapped inputs are summed over it."""
    live = [ct for ct in cts if type(ct) is not Zero]
    live_dims = [d for ct, d in zip(cts, ct_dims, strict=True) if type(ct) is not Zero]
    zero_out = []

    def flat(*args):
        feed = iter(args[len(residuals) :])
        inner = [
            Zero(batching.mapped_aval(ct.aval, d)) if type(ct) is Zero else next(feed)
            for ct, d in zip(cts, ct_dims, strict=True)
        ]
        in_cts = bwd(list(args[: len(residuals)]), inner)
        zero_out[:] = [ct is None or type(ct) is Zero for ct in in_cts]
        return [ct for ct, z in zip(in_cts, zero_out, strict=True) if not z]

    outs, found_dims = batching.batch(
        flat, axis, [*residuals, *live], [*res_dims, *live_dims]
    )
    feed = iter(zip(outs, found_dims, strict=True))
    return [
        None if is_zero else _sum_if_unmapped(axis, *next(feed), dim)
        for is_zero, dim in zip(zero_out, dims, strict=True)
    ]


def _sum_if_unmapped(axis, ct, dim, wanted):
    if wanted is not None:
        return batching.match_axis(axis, ct, dim, wanted)
    return sum_axes(batching.match_axis(axis, ct, dim, 0), (0,))


def _with_consts(fwd, bwd, consts):
    """Rules for the closed-over values too: they get no cotangent."""
    n = len(consts)

    def fwd_with_consts(primals, perturbed):
        return fwd(primals[n:], perturbed[n:])

    def bwd_with_consts(residuals, cts):
        return [None] * n + list(bwd(residuals, cts))

    return fwd_with_consts, bwd_with_consts


def _custom_vjp_dce(used, eqn):
    """The call, and its rules, without its unused outputs: their cotangents are zero."""
    closed, fwd, bwd = (eqn.params[key] for key in ("call_jaxpr", "fwd", "bwd"))
    unused = [Zero(aval.to_tangent_aval()) for aval in closed.out_avals]

    def wanted(values):
        return [x for x, want in zip(values, used, strict=True) if want]

    @named_like(fwd)
    def some_fwd(primals, perturbed):
        outs, residuals = fwd(primals, perturbed)
        return wanted(outs), residuals

    @named_like(bwd)
    def some_bwd(residuals, cts):
        feed = iter(cts)
        every = zip(unused, used, strict=True)
        return bwd(residuals, [next(feed) if want else zero for zero, want in every])

    jaxpr, _ = dce(closed.jaxpr, used)
    rules = {"fwd": some_fwd, "bwd": some_bwd}
    params = {**eqn.params, "call_jaxpr": closed.replace(jaxpr=jaxpr), **rules}
    return eqn.replace(outvars=wanted(eqn.outvars), params=params)


custom_vjp_call_p = define(
    "custom_vjp_call",
    cls=CustomVJPCall,
    shape=_call_shape("custom_vjp"),
    reference=_call_reference,
    jvp=_BY_TRACE,
    transpose=_BY_TRACE,
    batch=_BY_TRACE,
    lower=_call_lower,
    dce=_custom_vjp_dce,
)


def _custom_lin_transpose(cts, *args, num_res, bwd, out_avals, nonzero):
    in_cts = bwd(list(args[:num_res]), cts)
    live = [ct for ct, nz in zip(in_cts, nonzero, strict=True) if nz]
    return [None] * num_res + live


def _no_forward_mode(*args, **params):
    raise TypeError("can't apply forward-mode autodiff (jvp) to a custom_vjp function.")


def _custom_lin_batch(axis, args, dims, *, num_res, bwd, out_avals, nonzero):
    res_dims, t_dims = dims[:num_res], iter(dims[num_res:])
    in_dims = [next(t_dims) if nz else None for nz in nonzero]
    in_dims = [0 if d is not None else None for d in in_dims]
    out_avals = tuple(batching.unmapped_aval(axis.size, 0, a) for a in out_avals)

    def batched_bwd(residuals, cts):
        ct_dims = [0] * len(cts)
        return _batched_bwd(bwd, axis, in_dims, residuals, res_dims, cts, ct_dims)

    moved = [
        batching.to_front(axis, x, d)
        for x, d in zip(args[num_res:], dims[num_res:], strict=True)
    ]
    outs = custom_lin_p.bind(
        *args[:num_res], *moved, num_res=num_res, bwd=batched_bwd,
        out_avals=out_avals, nonzero=nonzero,
    )  # fmt: skip
    return outs, [0] * len(outs)


class CustomLin(HigherOrderPrimitive):
    """`custom_lin[bwd]`: residuals may be references, which `bwd` reads and writes."""

    bind = Primitive.bind


custom_lin_p = define(
    "custom_lin",
    cls=CustomLin,
    shape=lambda *avals, out_avals, **_: list(out_avals),
    reference=NO_RULE("only its transpose is ever computed"),
    jvp=_no_forward_mode,
    transpose=_custom_lin_transpose,
    batch=_custom_lin_batch,
    lower=_no_forward_mode,
)


class CustomVJPPrimal:
    """An argument of a `fwd` rule with symbolic zeros: its value, and whether it
    varies.
    """

    def __init__(self, value, perturbed):
        self.value, self.perturbed = value, perturbed


class custom_vjp:
    """A function with reverse rules of the user's: `@jax.custom_vjp`, then
    `f.defvjp(fwd, bwd)`.
    """

    def __init__(self, fun, nondiff_argnums=(), nondiff_argnames=()):
        functools.update_wrapper(self, fun, updated=())
        self.fun = fun
        self.nondiff_argnums = _static_places(fun, nondiff_argnums, nondiff_argnames)
        self.fwd = self.bwd = None
        self.symbolic_zeros = False

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    def defvjp(self, fwd, bwd, symbolic_zeros=False, optimize_remat=False):
        """Set the rules: `fwd(*args) -> (out, residuals)`, `bwd(*nondiff, residuals,
        ct) -> cotangents`.
        """
        self.fwd, self.bwd = fwd, bwd
        self.symbolic_zeros = symbolic_zeros

    def __call__(self, *args, **kwargs) -> Any:
        if self.fwd is None:
            raise AttributeError(
                f"No VJP defined for custom_vjp function {_name(self.fun)} using defvjp."
            )
        args = _positional("custom_vjp", self.fun, args, kwargs)
        call = _Call(self.fun, args, self.nondiff_argnums)
        if core.ref_rules.in_use:
            call.check_refs()
        _refuse_tracers(call.static)
        fwd, bwd = _FlatRules(self, call).pair()
        outs = custom_vjp_call_p.bind_with(call.flat_fun, fwd, bwd, call.take_flat())
        return unflatten(call.out_tree, outs)


def _refuse_tracers(static):
    """UnexpectedTracerError for traced values among arguments that have no cotangent."""
    for x in flatten(static)[0]:
        if isinstance(x, core.Tracer):
            raise UnexpectedTracerError(
                "Found a JAX Tracer object passed as an argument to a custom_vjp "
                "function in a position indicated by nondiff_argnums as "
                "non-differentiable. Tracers cannot be passed as non-differentiable "
                "arguments to custom_vjp functions; pass them as ordinary arguments, "
                "and let the bwd rule return None for them."
            )


class _FlatRules:
    """The user's fwd and bwd as flat functions, with their results checked."""

    def __init__(self, custom, call):
        self.custom, self.call = custom, call
        self.in_avals = [core.get_aval(x) for x in call.flat]
        self.res_tree = None

    def pair(self):
        @named_like(self.custom.fwd)
        def fwd(primals, perturbed):
            return self.fwd(primals, perturbed)

        @named_like(self.custom.bwd)
        def bwd(residuals, cts):
            return self.bwd(residuals, cts)

        return fwd, bwd

    def fwd(self, primals, perturbed):
        custom, call = self.custom, self.call
        primals = [_with_shape(x) for x in primals]
        if custom.symbolic_zeros:
            primals = [
                CustomVJPPrimal(x, p) for x, p in zip(primals, perturbed, strict=True)
            ]
        pair = custom.fwd(*call.all_args(primals))
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(
                f"Custom VJP fwd rule {_name(custom.fwd)} for function "
                f"{_name(custom.fun)} must produce a pair (list or tuple of length two) "
                "where the first element represents the primal output (equal to those "
                f"of the custom_vjp-decorated function {_name(custom.fun)}) and the "
                "second element represents residuals (i.e. values stored from the "
                "forward pass for use on the backward pass), but instead of a pair the "
                f"fwd rule {_name(custom.fwd)} produced {pair}."
            )
        outs, call.out_tree = flatten(pair[0])
        residuals, self.res_tree = flatten(pair[1])
        if core.ref_rules.in_use:
            said = f"custom_vjp fwd function {_name(custom.fwd)}"
            refuse_refs(said, outs, " at output tree path [0]")
            refuse_refs(said, residuals, " at output tree path [1]", primals)
        return outs, residuals

    def bwd(self, residuals, cts):
        custom, call = self.custom, self.call
        wrap = SymbolicZero if custom.symbolic_zeros else zeros
        cts = [wrap(ct.aval) if type(ct) is Zero else ct for ct in cts]
        result = custom.bwd(
            *call.static,
            unflatten(self.res_tree, residuals),
            unflatten(call.out_tree, cts),
        )
        if isinstance(result, list):
            result = tuple(result)
        if not isinstance(result, tuple):
            raise self._misfit(flatten(result)[1])
        return self._checked(result)

    def _checked(self, result):
        """The cotangents as flat leaves, None for zeros."""
        leaves, tree = flatten(result, lambda x: x is None)
        full = self.call.in_tree
        if tree != full:
            leaves = self._spread(result, tree)
        return [
            self._checked_leaf(k, ct, aval)
            for k, (ct, aval) in enumerate(zip(leaves, self.in_avals, strict=True))
        ]

    def _spread(self, result, tree):
        """`result` with each None standing for a whole subtree of zeros."""
        full = self.call.in_tree
        try:
            dummies = unflatten(full, range(full.num_leaves))
            subtrees = tree.flatten_up_to(dummies)
            leaves = flatten(result, lambda x: x is None)[0]
            spread = []
            for leaf, subtree in zip(leaves, subtrees, strict=True):
                below = flatten(subtree)[0]
                if leaf is not None and len(below) != 1:
                    raise ValueError("a leaf stands where the arguments have a tree")
                spread += [leaf] * len(below)
            return spread
        except (ValueError, TypeError):
            raise self._misfit(tree) from None

    def _misfit(self, tree):
        return TypeError(
            "Custom VJP bwd rule must produce an output with the same container "
            "(pytree) structure as the args tuple of the primal function, and in "
            "particular must produce a tuple of length equal to the number of arguments "
            f"to the primal function, but got bwd output structure {tree} for primal "
            f"input structure {self.call.in_tree}."
        )

    def _checked_leaf(self, k, ct, aval):
        if isinstance(ct, SymbolicZero):
            want = aval.to_tangent_aval()
            if (ct.aval.shape, ct.aval.dtype) != (want.shape, want.dtype):
                raise ValueError(
                    "Custom VJP bwd rule produced a SymbolicZero with a shape/dtype that "
                    "does not match the corresponding input tangent shape/dtype: at "
                    f"output[{k}] the SymbolicZero had shape/dtype {ct.aval.str_short()} "
                    f"while the corresponding input had shape/dtype {aval.str_short()}. "
                    "Consider just returning a None here instead of a SymbolicZero object."
                )
        if ct is None or isinstance(ct, (SymbolicZero, Zero)):
            return None
        want, got = aval.to_tangent_aval(), core.get_aval(ct)
        if want.shape != got.shape and want.dtype != dtypes.float0:
            raise ValueError(
                "Custom VJP bwd rule must produce an output with the same type as the "
                f"args tuple of the primal function, but at output[{k}] the bwd rule "
                f"produced an output of type {_listed([got])} corresponding to an "
                f"input of type {_listed([aval])}, so the shapes do not match"
            )
        return None if want.dtype == dtypes.float0 else ct


def custom_gradient(fun) -> Any:
    """A function that returns (out, vjp function), differentiated by the latter."""

    @custom_vjp
    def wrapped(*args, **kwargs):
        return fun(*args, **kwargs)[0]

    def fwd(*args, **kwargs):
        out, rule = fun(*args, **kwargs)
        leaves, out_tree = flatten(out)
        avals = [core.get_aval(x).to_tangent_aval() for x in leaves]
        in_tree = []

        def flat_rule(*cts):
            result = rule(unflatten(out_tree, cts))
            flat, tree = flatten(result)
            in_tree.append(tree)
            return flat

        closed = trace(flat_rule, avals, DebugInfo("vjp", describe_function(rule)))
        return out, _Residuals(closed.consts, closed.jaxpr, in_tree[0], len(args))

    def bwd(residuals, ct):
        flat = core.eval_jaxpr(residuals.jaxpr, residuals.consts, *flatten(ct)[0])
        result = unflatten(residuals.in_tree, flat)
        return (
            result if residuals.n_args > 1 or isinstance(result, tuple) else (result,)
        )

    wrapped.defvjp(fwd, bwd)
    return wrapped


class _Residuals:
    """The constants of a traced vjp function: a pytree with the jaxpr as static data."""

    def __init__(self, consts, jaxpr, in_tree, n_args):
        self.consts = consts
        self.jaxpr, self.in_tree, self.n_args = jaxpr, in_tree, n_args


register_pytree_node(
    _Residuals,
    lambda r: (r.consts, (r.jaxpr, r.in_tree, r.n_args)),
    lambda static, consts: _Residuals(list(consts), *static),
)


def closure_convert(fun, *example_args):
    """`fun` with the traced values it closes over as explicit arguments.

    Returns (converted function, list of those values): `converted(*args, *values)`.
    """
    flat, in_tree = flatten(example_args)
    out_tree = []

    def flat_fun(*leaves):
        outs, tree = flatten(fun(*unflatten(in_tree, leaves)))
        out_tree.append(tree)
        return outs

    info = DebugInfo("closure_convert", describe_function(fun))
    closed = trace(flat_fun, [core.get_aval(x) for x in flat], info)
    hoisted = [
        isinstance(c, core.Tracer)
        and core.get_aval(c).to_tangent_aval().dtype != dtypes.float0
        for c in closed.consts
    ]
    values = [c for c, h in zip(closed.consts, hoisted, strict=True) if h]
    kept = [None if h else c for c, h in zip(closed.consts, hoisted, strict=True)]

    def converted(*args):
        n = len(args) - len(values)
        given = iter(args[n:])
        consts = [next(given) if h else c for c, h in zip(kept, hoisted, strict=True)]
        leaves, tree = flatten(args[:n])
        if tree != in_tree:
            raise TypeError(
                "The inputs to the closure produced by closure_convert must have the same "
                "Pytree structure as the example arguments passed when closure_convert "
                f"was called. Expected {in_tree}, but got {tree}"
            )
        return unflatten(out_tree[0], core.eval_jaxpr(closed.jaxpr, consts, *leaves))

    return converted, values

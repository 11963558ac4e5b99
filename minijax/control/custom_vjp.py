"""custom_vjp: functions whose backward derivative the user gives; custom_gradient and
closure_convert, which go with it.
"""

import functools
import importlib
from typing import Any

from minijax import config, core
from minijax._pytree import flatten, unflatten
from minijax.control.body import avals_of
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
from minijax.control.ref_checks import refuse_refs
from minijax.control.signature import function_name
from minijax.core import HigherOrderPrimitive, Primitive, Zero
from minijax.errors import UnexpectedTracerError
from minijax.literals import typed
from minijax.ops.convert import scalar_constant
from minijax.ops.define import NO_RULE, define, sum_axes, zeros
from minijax.trace import (
    DebugInfo,
    WrappedFun,
    describe_function,
    hoist_consts,
    named_like,
    trace,
)
from minijax.traceback_util import api_boundary
from minijax.transforms import ad, batching
from minijax.transforms.dce import dce
from minijax.tree_util import register_pytree_node


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

    def bind(self, *args, subfuns=None, **params):
        if subfuns is None:
            return self.bind_eqn(args, params)
        fun, fwd, bwd = subfuns
        return self.bind_with(fun.call_wrapped, fwd, bwd, args)

    def get_bind_params(self, params):
        """As `bind` takes them: functions in place of jaxprs."""
        fun = WrappedFun(core.jaxpr_as_fun(params["call_jaxpr"]))
        return {"subfuns": (fun, params["fwd"], params["bwd"])}

    def bind_eqn(self, args, params):
        return self.bind_with(
            core.jaxpr_as_fun(params["call_jaxpr"]), params["fwd"], params["bwd"], args
        )

    def stage(self, level, fun, fwd, bwd, args):
        """Record the call in a recording trace."""
        avals = avals_of(args)
        info = description(fun, "custom_vjp fun")
        info.names_of = None  # JAX names none here
        closed, consts = hoist_consts(trace(fun, avals, info))
        if consts:
            fwd, bwd = _with_consts(fwd, bwd, consts)
        atoms = [level.atom(x) for x in [*consts, *args]]
        params = {
            "name": getattr(fun, "__name__", "fun"),
            "call_jaxpr": closed,
            "fwd": _of_arrays(fwd),
            "bwd": bwd,
            "num_consts": len(consts),
        }
        return level.record(self, atoms, params, closed.out_avals)

    @staticmethod
    def linear_call(bwd, residuals, tangents, out_avals):
        """The tangents of the outputs, as an equation whose transpose is `bwd`."""
        moving = ad.without_zeros(tangents)
        out_avals = tuple(a.to_tangent_aval() for a in out_avals)
        return custom_lin_p.bind(
            *residuals,
            *moving,
            num_res=len(residuals),
            bwd=bwd,
            out_avals=out_avals,
            nonzero=ad.nonzero_mask(tangents),
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
            out_dims[:] = batching.front_dims(value_dims[:n])
            outs = batching.all_to_front(axis, values[:n], value_dims[:n])
            return outs, values[n:]

        @named_like(bwd)
        def batched_bwd(residuals, cts):
            return bwd_over_batch(bwd, axis, dims, residuals, res_dims, cts, out_dims)

        return batched_fwd, batched_bwd


def bwd_over_batch(bwd, axis, dims, residuals, res_dims, cts, ct_dims):
    """Apply `bwd` over a batch; cotangents of unmapped inputs are summed over it."""
    live = ad.without_zeros(cts)
    live_dims = [d for ct, d in zip(cts, ct_dims, strict=True) if type(ct) is not Zero]
    zero_out = []

    def flat(*args):
        feed = iter(args[len(residuals) :])
        inner = [
            Zero(batching.mapped_aval(ct.aval, d, axis.size))
            if type(ct) is Zero
            else next(feed)
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


def _of_arrays(fwd):
    """The rule of a recorded call: it is given arrays where the equation has literals."""
    if getattr(fwd, "is_of_arrays", False):
        return fwd

    def rule(primals, perturbed):
        return fwd([_array(x) for x in primals], perturbed)

    named: Any = functools.wraps(fwd)(rule)
    named.is_of_arrays = True
    return named


def _array(x):
    if not core.is_literal_value(x):
        return x
    aval = core.get_aval(x)
    if aval.shape:
        return x
    return scalar_constant(x, aval.dtype, aval.weak_type)


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
    shape=call_shape("custom_vjp"),
    reference=call_reference,
    jvp=BY_TRACE,
    transpose=NO_RULE("not implemented"),
    batch=BY_TRACE,
    lower=call_lower,
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
    in_dims = batching.front_dims([next(t_dims) if nz else None for nz in nonzero])
    out_avals = tuple(batching.unmapped_aval(axis.size, 0, a) for a in out_avals)

    def batched_bwd(residuals, cts):
        ct_dims = [0] * len(cts)
        return bwd_over_batch(bwd, axis, in_dims, residuals, res_dims, cts, ct_dims)

    moved = batching.all_to_front(axis, args[num_res:], dims[num_res:])
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
        self.nondiff_argnums = static_places(fun, nondiff_argnums, nondiff_argnames)
        self.fwd = self.bwd = None
        self.symbolic_zeros = self.optimize_remat = False

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    __getattr__ = forwarding("def_vmap", "defjvp", "defjvps")

    def defvjp(self, fwd, bwd, symbolic_zeros=False, optimize_remat=False):
        """Set the rules: `fwd(*args) -> (out, residuals)`, `bwd(*nondiff, residuals,
        ct) -> cotangents`.

        optimize_remat: where nobody reads the residuals, the function itself is
        computed in place of `fwd`.
        """
        if symbolic_zeros and optimize_remat:
            raise NotImplementedError(
                "remat optimization for custom_vjp does not support symbolic zeros"
            )
        self.fwd, self.bwd = fwd, bwd
        self.symbolic_zeros, self.optimize_remat = symbolic_zeros, optimize_remat

    @api_boundary
    def __call__(self, *args, **kwargs) -> Any:
        if self.fwd is None:
            raise AttributeError(
                f"No VJP defined for custom_vjp function {function_name(self.fun)} "
                "using defvjp."
            )
        args = positional("custom_vjp", self.fun, args, kwargs)
        call = Call(self.fun, args, self.nondiff_argnums)
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

        # As jaxprs print them
        fwd.symbolic_zeros = bwd.symbolic_zeros = self.custom.symbolic_zeros
        return fwd, bwd

    def fwd(self, primals, perturbed):
        if not self.custom.optimize_remat:
            return self._fwd(primals, perturbed)
        optimized = importlib.import_module("minijax.control.optimized_remat")
        fwd = functools.partial(self._fwd, perturbed=perturbed)
        return optimized.call_optimized(self.call.flat_fun, fwd, primals)

    def _fwd(self, primals, perturbed):
        custom, call = self.custom, self.call
        primals = list(map(typed, primals))
        if custom.symbolic_zeros:
            primals = [
                CustomVJPPrimal(x, p) for x, p in zip(primals, perturbed, strict=True)
            ]
        pair = custom.fwd(*call.all_args(primals))
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(
                f"Custom VJP fwd rule {function_name(custom.fwd)} for function "
                f"{function_name(custom.fun)} must produce a pair (list or tuple of "
                "length two) "
                "where the first element represents the primal output (equal to those "
                f"of the custom_vjp-decorated function {function_name(custom.fun)}) and the "
                "second element represents residuals (i.e. values stored from the "
                "forward pass for use on the backward pass), but instead of a pair the "
                f"fwd rule {function_name(custom.fwd)} produced {pair}."
            )
        outs, tree = flatten(pair[0])
        call.check_fwd(custom, tree, outs)
        call.out_tree = tree
        residuals, self.res_tree = flatten(pair[1])
        if core.ref_rules.in_use:
            said = f"custom_vjp fwd function {function_name(custom.fwd)}"
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
        unchecked = core.is_float0(want) or config.values.jax_disable_bwd_checks
        if not unchecked and _unlike(want, got):
            raise ValueError(
                "Custom VJP bwd rule must produce an output with the same type as the "
                f"args tuple of the primal function, but at output[{k}] the bwd rule "
                f"produced an output of type {listed([got])} corresponding to an "
                f"input of type {listed([aval])}, so the shapes do not match"
            )
        return None if core.is_float0(want) else ct


def _unlike(want, got):
    if want.is_high or got.is_high:
        return want != got
    return want.shape != got.shape


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
    hash(fun)  # TypeError for what cannot be told apart from others
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
        and not core.is_float0(core.get_aval(c).to_tangent_aval())
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

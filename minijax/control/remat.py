"""checkpoint: differentiate by computing again instead of keeping residuals."""

import weakref
from typing import Any

from minijax import config, core, stats
from minijax._pytree import flatten, unflatten
from minijax.control.body import merged, partition
from minijax.control.jit_rules import call_jaxpr
from minijax.control.signature import Statics, leaf_names, matched
from minijax.core import HigherOrderPrimitive, Zero
from minijax.effects import check_allowed, remat_allowed_effects
from minijax.ops.define import define, elementwise_batch
from minijax.trace import DebugInfo, describe_function, hoist_consts, trace
from minijax.traceback_util import api_boundary, wraps
from minijax.transforms import ad, batching
from minijax.transforms.dce import dce
from minijax.transforms.evaluate import evaluate
from minijax.transforms.partial_eval import split_jaxpr
from minijax.transforms.simplify import inline_calls

_ABSENT = object()


def checkpoint(
    fun,
    *,
    prevent_cse=True,
    policy=None,
    static_argnums=(),
    static_argnames=(),
    concrete=_ABSENT,
) -> Any:
    """`fun`, whose intermediate values are recomputed in the backward pass.

    `policy(primitive, *avals, **params) -> bool` says which results are kept all the
    same (see `checkpoint_policies`); by default none is.
    """
    if concrete is not _ABSENT:
        raise NotImplementedError(
            "The `concrete` option to `jax.checkpoint` was deprecated in JAX v0.8.2, and "
            "removed in JAX v0.10.0. In its place please use `static_argnums`; for details "
            "refer to https://docs.jax.dev/en/latest/jep/11830-new-remat-checkpoint.html."
        )
    matches = matched(fun, static_argnums, static_argnames, "static")
    statics = Statics(*matches, by_identity=True)

    @wraps(fun)
    @api_boundary
    def wrapped(*args, **kwargs):
        static, dynamic, keywords = statics.split(args, kwargs)
        flat, in_tree = flatten((dynamic, keywords))
        avals = tuple([core.argument_aval(x) for x in flat])
        closed, out_tree = _traced(fun, statics, static, in_tree, avals)
        closed, consts = hoist_consts(closed)
        outs = remat_p.bind(
            *consts,
            *flat,
            jaxpr=closed,
            prevent_cse=prevent_cse,
            differentiated=False,
            policy=policy,
        )
        return unflatten(out_tree, outs)

    return wrapped


remat = checkpoint

# function -> {signature: (closed jaxpr, out_tree)}, so that it is traced once
_traces = weakref.WeakKeyDictionary()


def _traced(fun, statics, static, in_tree, avals):
    names = tuple(core.axis_env().items())
    signature = statics, static, in_tree, avals, config.trace_key(), names
    hash(fun)  # TypeError: two functions must be told apart by what they are
    try:
        known = _traces.setdefault(fun, {})
    except TypeError:  # not weakly referable
        known = {}
    if signature not in known:
        found = _trace(fun, statics, static, in_tree, avals)
        if any(isinstance(x, core.Tracer) for x in found[0].consts):
            return found
        known[signature] = found
    return known[signature]


def _trace(fun, statics, static, in_tree, avals):
    trees = []

    def flat_fun(*leaves):
        given, named = unflatten(in_tree, leaves)
        given, named = statics.join(static, given, named)
        outs, tree = flatten(fun(*given, **named))
        trees.append(tree)
        return outs

    names_of = leaf_names(fun, in_tree, [k for k, _ in static[0]])
    info = DebugInfo("checkpoint / remat", describe_function(fun), names_of, trees)
    return trace(flat_fun, avals, info), trees[0]


def _remat_jvp(primals, tangents, *, jaxpr, **params):
    nonzero = ad.nonzero_mask(tangents)
    derived, out_nonzero = ad.jvp_jaxpr(jaxpr, nonzero)
    derived, consts = hoist_consts(derived)
    moving = ad.without_zeros(tangents)
    outs = remat_p.bind(*consts, *primals, *moving, jaxpr=derived, **params)
    n = len(out_nonzero)
    return outs[:n], ad.with_zeros(outs[n:], out_nonzero, jaxpr.out_avals)


def _remat_linearize(linear_trace, primals, tangents, *, jaxpr, policy, **params):
    """Run the function now, keeping what the policy says.

    Record the rest to be run again.
    """
    where = "partial-eval of `checkpoint`/`remat`"
    check_allowed(jaxpr.marks, remat_allowed_effects, where)
    nonzero = ad.nonzero_mask(tangents)
    derived, out_nonzero = _primal_then_linear(jaxpr, nonzero)
    n_out = len(out_nonzero)
    key = _remat_linearize, policy
    known = derived.memo.get(key)
    if known is None:
        unknown = (False,) * len(primals) + (True,) * sum(nonzero)
        forward, again, n_kept = split_jaxpr(
            inline_calls(derived), unknown, keep=policy or keep_nothing, n_known=n_out
        )
        known = forward, *_reading(again, n_kept, len(primals)), n_kept
        derived.memo[key] = known
        _log_residuals(forward, known[2], n_out)
    forward, again, reads, n_kept = known
    if core.current_trace() is core.eval_trace and not _only_in_python(forward):
        outs = call_jaxpr(forward, *primals, name="checkpoint")
    else:
        outs = core.eval_jaxpr(forward.jaxpr, forward.consts, *primals)
    outs, kept = outs[: len(outs) - n_kept], outs[len(outs) - n_kept :]
    primals = [x for x, read in zip(primals, reads, strict=True) if read]
    moving = ad.without_zeros(tangents)
    again, consts = hoist_consts(again)
    with core.set_current_trace(linear_trace):
        found = remat_p.bind(
            *consts,
            *kept,
            *primals,
            *moving,
            jaxpr=again,
            policy=policy,
            **{**params, "differentiated": True},
        )
    return outs, ad.with_zeros(found, out_nonzero, jaxpr.out_avals)


def _remat_split(linear_trace, args, *, jaxpr, **params):
    """Compute what is known now; record the linear part, which does it again."""
    late = linear_trace.owns(args)
    known, linear, out_late, n_residuals = ad.split_linear(jaxpr, late)
    early, _ = dce(known.jaxpr, [True] * out_late.count(False) + [False] * n_residuals)
    again = linear.memo.get(_remat_split)
    if again is None:
        again = linear.memo[_remat_split] = _known_then_linear(
            jaxpr, late, known, linear
        )
    again, consts = hoist_consts(again)
    with core.set_current_trace(linear_trace.parent):
        outs = core.eval_jaxpr(early, known.consts, *partition(late, args)[1])
    found = remat_p.bind(*consts, *args, jaxpr=again, **params)
    return merged(out_late, found, outs)


def _known_then_linear(closed, late, known, linear):
    """From the halves of `ad.split_linear`: all inputs -> late outputs."""

    def both(*args):
        moving, fixed = partition(late, args)
        outs = core.eval_jaxpr(known.jaxpr, known.consts, *fixed)
        residuals = outs[len(outs) - len(linear.jaxpr.invars) + len(moving) :]
        return core.eval_jaxpr(linear.jaxpr, linear.consts, *residuals, *moving)

    return trace(both, closed.in_avals, closed.jaxpr.debug_info)


def _only_in_python(closed):
    """Whether a jaxpr has a primitive that cannot be lowered, or that a user replaced."""
    jaxpr = getattr(closed, "jaxpr", closed)
    return any(
        eqn.primitive.only_in_python
        or any(map(_only_in_python, core.subjaxprs(eqn.params)))
        for eqn in jaxpr.eqns
    )


def _log_residuals(forward, reads, n_out):
    """Log which inputs, and which results of the function's equations, are kept."""

    def text():
        jaxpr = forward.jaxpr
        inputs = [v for v, read in zip(jaxpr.invars, reads, strict=False) if read]
        makers = {v: eqn.primitive for eqn in jaxpr.eqns for v in eqn.outvars}
        kept = [v for v in jaxpr.outvars[n_out:] if v in makers]
        shapes = "\n".join(f"  {v.aval.str_short(True)}" for v in inputs)
        made = "\n".join(f"  {v.aval.str_short(True)} from {makers[v]} " for v in kept)
        said = [f"saving inputs with shapes:\n{shapes}"] if inputs else []
        said += [f"saving these intermediates:\n{made}"] if kept else []
        return f"remat-decorated function {' and '.join(said) or 'saving no residuals'}"

    warns = config.values.jax_log_checkpoint_residuals
    stats.log("jax._src.ad_checkpoint", text, warns)


def _reading(again, n_kept, n_primals):
    """A jaxpr without the primals that it does not read, and which it reads."""
    _, reads = dce(again.jaxpr)
    primals = slice(n_kept, n_kept + n_primals)
    reads[:n_kept] = [True] * n_kept
    reads[primals.stop :] = [True] * (len(reads) - primals.stop)
    invars = [v for v, read in zip(again.jaxpr.invars, reads, strict=True) if read]
    return again.replace(jaxpr=again.jaxpr.replace(invars=invars)), reads[primals]


def _primal_then_linear(closed, nonzero):
    """As `jvp_jaxpr`, with the primal and the linear part of loops and branches apart.

    Returns (closed jaxpr, out_nonzero).
    """
    key = _primal_then_linear, nonzero
    known = closed.memo.get(key)
    if known is None:
        primal, linear, out_nonzero, n_residuals = ad.linearize_jaxpr(closed, nonzero)
        moving = [
            aval.to_tangent_aval()
            for aval, nz in zip(closed.in_avals, nonzero, strict=True)
            if nz
        ]
        n_in, n_out = len(nonzero), len(out_nonzero)

        def both(*args):
            outs = core.eval_jaxpr(primal.jaxpr, primal.consts, *args[:n_in])
            residuals = outs[n_out:]
            assert len(residuals) == n_residuals
            tangents = core.eval_jaxpr(
                linear.jaxpr, linear.consts, *residuals, *args[n_in:]
            )
            return outs[:n_out] + tangents

        info = closed.jaxpr.debug_info
        known = trace(both, closed.in_avals + moving, info), out_nonzero
        closed.memo[key] = known
    return known


def keep_nothing(*_, **__):
    """The policy of a checkpoint that was given none."""
    return False


def _remat_transpose(cts, *args, jaxpr, **params):
    def call(transposed, inputs):
        transposed, consts = hoist_consts(transposed)
        return remat_p.bind(*consts, *inputs, jaxpr=transposed, **params)

    return ad.transpose_call(cts, args, jaxpr, call)


def _remat_batch(axis, args, dims, *, jaxpr, **params):
    derived, out_dims = batching.batch_jaxpr(jaxpr, axis, batching.front_dims(dims))
    derived, consts = hoist_consts(derived)
    args = batching.all_to_front(axis, args, dims)
    return remat_p.bind(*consts, *args, jaxpr=derived, **params), out_dims


class _Remat(HigherOrderPrimitive):
    def bind(self, *args, **params):
        closed = params["jaxpr"]
        if core.current_trace() is core.eval_trace and _only_in_python(closed):
            return core.eval_jaxpr(closed.jaxpr, closed.consts, *args)
        return super().bind(*args, **params)

    def bind_eqn(self, args, params):
        return self.bind(*args, **params)


remat_p = define(
    "remat2",
    cls=_Remat,
    shape=lambda *avals, jaxpr, **_: jaxpr.out_avals,
    reference=lambda *args, jaxpr, **_: evaluate(jaxpr, *args),
    jvp=_remat_jvp,
    linearize=_remat_linearize,
    split=_remat_split,
    transpose=_remat_transpose,
    batch=_remat_batch,
    lower=lambda b, ins, out_avals, *, jaxpr, **_: b.inline(jaxpr, ins),
)


# --- names for policies ---------------------------------------------------------------


def checkpoint_name(x, name):
    """`x`, marked with a name that checkpoint policies can ask for."""
    leaves, tree = flatten(x)
    return unflatten(tree, [name_p.bind(leaf, name=name) for leaf in leaves])


def _name_jvp(primals, tangents, *, name):
    (x,), (t,) = primals, tangents
    return name_p.bind(x, name=name), (
        t if type(t) is Zero else name_p.bind(t, name=name)
    )


name_p = define(
    "name",
    shape=lambda x, *, name: x,
    reference=lambda x, *, name: x,
    jvp=_name_jvp,
    transpose=lambda ct, x, *, name: [ct],
    batch=elementwise_batch(lambda: name_p),
    lower=lambda b, ins, out_avals, *, name: ins,
)

"""The primitive that calls a jaxpr, `jit`, and its rules."""

import itertools
import types
from collections.abc import Mapping
from typing import Any

from minijax import core, dispatch, errors
from minijax.array import ArrayImpl
from minijax.control.body import merged, partition
from minijax.control.call_params import call_params, context_mesh, special_params
from minijax.core import HigherOrderPrimitive, Literal
from minijax.ops.define import define
from minijax.trace import hoist_consts
from minijax.transforms import ad, batching
from minijax.transforms.dce import dce
from minijax.transforms.evaluate import evaluate


def _jit_shape(*avals, jaxpr, name, compiler_options_kvs=(), **_):
    if compiler_options_kvs:
        raise ValueError(
            "`compiler_options` can only be passed to top-level `jax.jit`. Got "
            f"compiler_options={dict(compiler_options_kvs)} specified on a nested jit "
            f"with name: {name}. Give them to the outermost jit."
        )
    return jaxpr.out_avals


def _jit_jvp(primals, tangents, *, jaxpr, **params):
    nonzero = ad.nonzero_mask(tangents)
    derived, out_nonzero = ad.jvp_jaxpr(jaxpr, nonzero)
    moving = ad.without_zeros(tangents)
    special = special_params(params, _twice(nonzero), _twice(out_nonzero))
    outs = call_jaxpr(derived, *primals, *moving, name=params["name"], special=special)
    n = len(out_nonzero)
    return outs[:n], ad.with_zeros(outs[n:], out_nonzero, jaxpr.out_avals)


def _twice(nonzero):
    """The numbers of all, then those of the ones that move."""
    return [*range(len(nonzero)), *_moving(nonzero)]


def _moving(nonzero):
    return itertools.compress(range(len(nonzero)), nonzero)


def _fixed(late):
    return [k for k, is_late in enumerate(late) if not is_late]


def _jit_linearize(linear_trace, primals, tangents, *, jaxpr, **params):
    """Call the primal part now; record a call of the linear part."""
    nonzero = ad.nonzero_mask(tangents)
    primal, linear, out_nonzero, n_residuals = ad.linearize_jaxpr(jaxpr, nonzero)
    outs, found = _call_halves(
        linear_trace, (primal, linear, n_residuals), params,
        (primals, range(len(primals)), range(len(out_nonzero))),
        (ad.without_zeros(tangents), _moving(nonzero), _moving(out_nonzero)),
    )  # fmt: skip
    return outs, ad.with_zeros(found, out_nonzero, jaxpr.out_avals)


def _jit_split(linear_trace, args, *, jaxpr, **params):
    """Call what is known now; record a call of the linear part."""
    late = linear_trace.owns(args)
    known, linear, out_late, n_residuals = ad.split_linear(jaxpr, late)
    moving, fixed = partition(late, args)
    with core.set_current_trace(linear_trace.parent):
        outs, found = _call_halves(
            linear_trace, (known, linear, n_residuals), params,
            (fixed, _fixed(late), _fixed(out_late)),
            (moving, _moving(late), _moving(out_late)),
        )  # fmt: skip
    return merged(out_late, found, outs)


def _call_halves(linear_trace, halves, params, now, later):
    """Call the first half now, record a call of the second: (outputs of each).

    halves: (inputs -> outputs + residuals, residuals + inputs -> outputs, the number of
    residuals); now, later: for each half its arguments, and the places of these and of
    its outputs among those of the whole call, whose parameters are `params`.
    """
    first, second, n_residuals = halves
    args, ins, outs = now
    first, from_inputs = without_inputs(first, n_residuals)
    name, n_kept = params["name"], from_inputs.count(None)
    special = special_params(params, ins, [*outs] + [None] * n_kept)
    results = []
    if first.jaxpr.outvars or first.jaxpr.marks:
        results = call_jaxpr(first, *args, name=name, special=special)
    n = len(results) - n_kept
    computed = iter(results[n:])
    residuals = [next(computed) if k is None else args[k] for k in from_inputs]
    moving, ins, outs = later
    special = special_params(params, [None] * len(residuals) + [*ins], [*outs])
    special.pop("donated_invars", None)
    with core.set_current_trace(linear_trace):
        found = call_jaxpr(second, *residuals, *moving, name=name, special=special)
    return results[:n], found


def without_inputs(closed, n_last):
    """A closed jaxpr without those of its `n_last` last outputs that are its inputs, and
    for each of these outputs the number of the input, or None.
    """
    key = without_inputs, n_last
    known = closed.memo.get(key)
    if known is None:
        jaxpr = closed.jaxpr
        places = {v: k for k, v in enumerate(jaxpr.invars)}
        n = len(jaxpr.outvars) - n_last
        last = jaxpr.outvars[n:]
        found = [None if type(a) is Literal else places.get(a) for a in last]
        kept = [a for a, k in zip(last, found, strict=True) if k is None]
        smaller = closed.replace(jaxpr=jaxpr.replace(outvars=jaxpr.outvars[:n] + kept))
        known = closed.memo[key] = (smaller if len(kept) < n_last else closed), found
    return known


def _jit_transpose(cts, *args, jaxpr, **params):
    special = special_params(params)
    for key in ("donated_invars", "in_shardings", "out_shardings"):
        special.pop(key, None)  # results are arguments here

    def call(transposed, inputs):
        return call_jaxpr(transposed, *inputs, name=params["name"], special=special)

    return ad.transpose_call(cts, args, jaxpr, call)


def _jit_batch(axis, args, dims, *, jaxpr, **params):
    derived, out_dims = batching.batch_jaxpr(jaxpr, axis, batching.front_dims(dims))
    args = batching.all_to_front(axis, args, dims)
    special = special_params(params, range(len(args)), range(len(out_dims)))
    for key in ("in_shardings", "out_shardings"):
        special.pop(key, None)  # they say nothing of the new axis
    return call_jaxpr(derived, *args, name=params["name"], special=special), out_dims


def pruned_call(inner, used):
    """A closed jaxpr without its unused outputs, and without inputs that only those read.

    Returns (closed jaxpr, for each of the inputs whether it is left).
    """
    key = pruned_call, tuple(used)
    known = inner.memo.get(key)
    if known is None:
        jaxpr, reads = dce(inner.jaxpr, used)
        invars = [v for v, read in zip(jaxpr.invars, reads, strict=True) if read]
        known = inner.replace(jaxpr=jaxpr.replace(invars=invars)), reads
        inner.memo[key] = known
    return known


def _jit_dce(used, eqn):
    closed, reads = pruned_call(eqn.params["jaxpr"], used)
    special = special_params(eqn.params, [*_moving(reads)], [*_moving(used)])
    return eqn.replace(
        invars=[*itertools.compress(eqn.invars, reads)],
        outvars=[*itertools.compress(eqn.outvars, used)],
        params=call_params(closed, eqn.params["name"], special),
    )


def _jit_lower(b, ins, out_avals, *, jaxpr, **_):
    return b.inline(jaxpr, ins)


jit_p = define(
    "jit",
    cls=HigherOrderPrimitive,
    shape=_jit_shape,
    reference=lambda *args, jaxpr, **_: evaluate(jaxpr, *args),
    jvp=_jit_jvp,
    linearize=_jit_linearize,
    split=_jit_split,
    dce=_jit_dce,
    transpose=_jit_transpose,
    batch=_jit_batch,
    lower=_jit_lower,
)
jit_p.is_call = True


@jit_p.def_impl
def _jit_now(*args, donated_invars, **params):
    """Run an equation's call; the arguments that it was given for good are deleted."""
    params["donated_invars"] = donated_invars
    outs = core.eager(jit_p, args, params, ignore_impl=True)
    for x in itertools.compress(args, donated_invars):
        if type(x) is ArrayImpl:
            x.delete()
    return outs


def call_jaxpr(
    closed, *args, name, special: Mapping[str, Any] = types.MappingProxyType({})
) -> Any:
    """Call a closed jaxpr under the current trace, as an equation of its own.

    At top level that is a call of its executable. `special` has those of the equation's
    parameters that are not plain.
    """
    special_kind = takes_refs(closed) or core.hi_rules.concerns(closed)
    if core.current_trace() is core.eval_trace and not special_kind:
        for x in args:
            if isinstance(x, core.Tracer):
                raise errors.leaked(x)
        return dispatch.compiled(closed, name)(args)
    closed, consts = hoist_consts(closed)
    special = {**context_mesh(), **special}
    params = call_params(closed, name, special, n_consts=len(consts))
    return jit_p.bind(*consts, *args, **params)


def takes_refs(closed):
    """Whether a reference is among the inputs or constants."""
    variables = closed.jaxpr.invars + closed.jaxpr.constvars
    return any(type(v.aval) is core.AbstractRef for v in variables)

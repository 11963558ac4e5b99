"""The primitive `scan` and its rules."""

import numpy as np

from minijax import core
from minijax.control.body import (
    closed_over,
    merged,
    partition,
    split_list,
    stacked_aval,
)
from minijax.core import HigherOrderPrimitive, UndefinedPrimal, Zero
from minijax.dtypes import cell_dtype
from minijax.effects import check_allowed, control_flow_allowed_effects
from minijax.ops.convert import convert_element_type
from minijax.ops.define import add_tangents, define, instantiate
from minijax.trace import hoist_consts, trace
from minijax.transforms import ad, batching
from minijax.transforms.dce import dce
from minijax.transforms.evaluate import evaluate
from minijax.transforms.partial_eval import keep_inside


def _scan_shape(*avals, jaxpr, length, num_carry, **_):
    check_allowed(jaxpr.marks, control_flow_allowed_effects, "`scan`")
    outs = jaxpr.out_avals
    return outs[:num_carry] + [stacked_aval(a, length) for a in outs[num_carry:]]


def _nonzero_carry(jaxpr, nonzero, num_consts, num_carry, derive):
    """Which carries have tangents, by iteration to a fixed point; (mask, derived)."""
    consts, carry, xs = split_list(nonzero, [num_consts, num_carry])
    for _ in range(num_carry + 1):
        mask = tuple(consts + carry + xs)
        wanted = tuple(carry) + (False,) * (len(jaxpr.jaxpr.outvars) - num_carry)
        derived = derive(jaxpr, mask, wanted)
        out_nonzero = derived[2] if len(derived) > 2 else derived[1]
        grown = [a or b for a, b in zip(carry, out_nonzero[:num_carry], strict=True)]
        if grown == carry:
            return mask, derived
        carry = grown
    raise AssertionError("a monotone iteration over booleans reaches a fixed point")


def _with_carry(tangents, mask, num_consts, num_carry):
    """Tangents with zeros made arrays where the carry's mask demands it."""
    place = range(num_consts, num_consts + num_carry)
    return [
        instantiate(t) if k in place and mask[k] else t for k, t in enumerate(tangents)
    ]


def _scan_jvp(primals, tangents, *, jaxpr, num_consts, num_carry, **params):
    nonzero = ad.nonzero_mask(tangents)
    mask, (derived, out_nonzero) = _nonzero_carry(
        jaxpr, nonzero, num_consts, num_carry, ad.jvp_jaxpr
    )
    tangents = _with_carry(tangents, mask, num_consts, num_carry)
    consts, init, xs = split_list(primals, [num_consts, num_carry])
    consts_dot, init_dot, xs_dot = map(
        ad.without_zeros, split_list(tangents, [num_consts, num_carry])
    )
    order = _interleave(mask, num_consts, num_carry)
    n_out = len(jaxpr.jaxpr.outvars)
    n_carry_dot = sum(out_nonzero[:num_carry])
    outvars = derived.jaxpr.outvars
    carry, ys, carry_dot, ys_dot = split_list(
        outvars, [num_carry, n_out - num_carry, n_carry_dot]
    )
    body = core.ClosedJaxpr(
        derived.jaxpr.replace(
            invars=[derived.jaxpr.invars[k] for k in order],
            outvars=carry + carry_dot + ys + ys_dot,
        ),
        derived.consts,
    )
    body, more = hoist_consts(body)
    outs = scan_p.bind(
        *more, *consts, *consts_dot, *init, *init_dot, *xs, *xs_dot,
        jaxpr=_memoised(derived, body),
        num_consts=len(more) + len(consts) + len(consts_dot),
        num_carry=num_carry + n_carry_dot,
        **params,
    )  # fmt: skip
    carry, carry_dot, ys, ys_dot = split_list(
        outs, [num_carry, n_carry_dot, n_out - num_carry]
    )
    outs = carry + ys
    avals = map(core.get_aval, outs)
    return outs, ad.with_zeros(carry_dot + ys_dot, out_nonzero, avals)


def _memoised(source, body):
    """One object for the body derived from `source`, so that caches find it again."""
    return source.memo.setdefault("body", body)


def _interleave(mask, num_consts, num_carry):
    """Places of (consts, consts', carry, carry', xs, xs') among (primals, tangents)."""
    n = len(mask)
    places, at = [], n
    for nz in mask:
        places.append(at if nz else None)
        at += nz
    order = []
    for start, stop in (
        (0, num_consts),
        (num_consts, num_consts + num_carry),
        (num_consts + num_carry, n),
    ):
        order += range(start, stop)
        order += [p for p in places[start:stop] if p is not None]
    return order


def _scan_linearize(
    linear_trace, primals, tangents, *, jaxpr, num_consts, num_carry, **params
):
    """Run the primal loop, which also gives the residuals; record the linear loop.

    Residuals that no iteration changes are not stacked: inputs are passed on, and what
    follows from constants alone is computed once, outside the loop.
    """
    nonzero = ad.nonzero_mask(tangents)
    mask, (primal, linear, out_nonzero, n_res) = _nonzero_carry(
        jaxpr, nonzero, num_consts, num_carry, ad.linearize_jaxpr
    )
    tangents = _with_carry(tangents, mask, num_consts, num_carry)
    sizes = [num_consts, num_carry]
    moving = [*map(ad.without_zeros, split_list(tangents, sizes))]
    outs, found = _run_halves(
        linear_trace,
        (primal, linear, n_res),
        split_list(primals, sizes),
        moving,
        params,
    )
    return outs, ad.with_zeros(found, out_nonzero, map(core.get_aval, outs))


def _scan_split(linear_trace, args, *, jaxpr, num_consts, num_carry, **params):
    """Run the loop over what is known now; record the linear loop."""
    mask, (known, linear, out_late, n_res) = _nonzero_carry(
        jaxpr, linear_trace.owns(args), num_consts, num_carry, ad.split_linear
    )
    pairs = [
        partition(late, part)
        for late, part in zip(
            split_list(mask, [num_consts, num_carry]),
            split_list(args, [num_consts, num_carry]),
            strict=True,
        )
    ]
    moving, fixed = zip(*pairs, strict=True)
    with core.set_current_trace(linear_trace.parent):
        outs, found = _run_halves(
            linear_trace, (known, linear, n_res), fixed, moving, params
        )
    return merged(out_late, found, outs)


def _run_halves(linear_trace, halves, fixed, moving, params):
    """Loop over the first half now, record the loop over the second: (outputs of each).

    halves: bodies of (inputs -> outputs + residuals, residuals + inputs -> outputs), and
    the number of residuals; fixed, moving: (constants, start, xs) for each.
    """
    first, second, n_res = halves
    consts, init, xs = fixed
    split = first.memo.get(_split_residuals)
    if split is None:
        split = _split_residuals(first, n_res, len(consts), len(init))
        first.memo[_split_residuals] = split
    body, outside, sources = split
    outs = []
    if body.jaxpr.outvars or body.jaxpr.marks:
        body, more = hoist_consts(body)
        outs = scan_p.bind(
            *more, *consts, *init, *xs, jaxpr=_memoised(first, body),
            num_consts=len(more) + len(consts), num_carry=len(init), **params,
        )  # fmt: skip
    n_out = len(first.jaxpr.outvars) - n_res
    outs, stacked = outs[:n_out], outs[n_out:]
    once = core.eval_jaxpr(outside.jaxpr, outside.consts, *consts)
    given = {"const": consts, "xs": xs, "once": once, "stacked": stacked}
    invariant = [given[kind][k] for kind, k in sources if kind in ("const", "once")]
    varying = [given[kind][k] for kind, k in sources if kind in ("xs", "stacked")]
    in_order = [kind in ("const", "once") for kind, _ in sources]
    consts_dot, init_dot, xs_dot = moving
    linear_body = second.memo.get("body")
    if linear_body is None:
        linear_body = second.memo["body"] = _reorder_linear(second, in_order)
    linear_body, more = linear_body
    with core.set_current_trace(linear_trace):
        found = scan_p.bind(
            *more, *invariant, *consts_dot, *init_dot, *xs_dot, *varying,
            jaxpr=linear_body,
            num_consts=len(more) + len(invariant) + len(consts_dot),
            num_carry=len(init_dot), **params,
        )  # fmt: skip
    return outs, found


def _reorder_linear(linear, invariant):
    """The linear body with inputs (invariant res, consts', carry', xs', varying res)."""
    jaxpr = linear.jaxpr
    n_res = len(invariant)
    residuals, moving = jaxpr.invars[:n_res], jaxpr.invars[n_res:]
    fixed = [v for v, inv in zip(residuals, invariant, strict=True) if inv]
    varying = [v for v, inv in zip(residuals, invariant, strict=True) if not inv]
    body = jaxpr.replace(invars=fixed + moving + varying)
    return hoist_consts(core.ClosedJaxpr(body, linear.consts))


def _split_residuals(primal, n_res, num_consts, num_carry):
    """Sort the residuals of a loop body by where they come from.

    Returns (body without the unstacked ones, jaxpr from the constants to the
    once-computed ones, and for each residual a pair of kind and index: const, xs, once
    or stacked).
    """
    jaxpr = primal.jaxpr
    n_out = len(jaxpr.outvars) - n_res
    outs, residuals = jaxpr.outvars[:n_out], jaxpr.outvars[n_out:]
    const_vars = jaxpr.invars[:num_consts]
    x_vars = jaxpr.invars[num_consts + num_carry :]
    fixed = set(const_vars) | set(jaxpr.constvars)
    for eqn in jaxpr.eqns:
        if not eqn.marks and all(
            type(a) is core.Literal or a in fixed for a in eqn.invars
        ):
            fixed.update(eqn.outvars)
    sources, once, stacked = [], [], []
    for var in residuals:
        if var in const_vars:
            sources.append(("const", const_vars.index(var)))
        elif var in x_vars:
            sources.append(("xs", x_vars.index(var)))
        elif type(var) is core.Literal or var in fixed:
            sources.append(("once", len(once)))
            once.append(var)
        else:
            sources.append(("stacked", len(stacked)))
            stacked.append(var)
    body, _ = dce(jaxpr.replace(outvars=outs + stacked))
    outside, _ = dce(jaxpr.replace(invars=const_vars, outvars=once, eqns=[
        eqn for eqn in jaxpr.eqns
        if not eqn.marks and all(v in fixed for v in eqn.outvars)
    ]))  # fmt: skip
    consts = primal.consts
    return core.ClosedJaxpr(body, consts), core.ClosedJaxpr(outside, consts), sources


def _scan_transpose(cts, *args, jaxpr, length, num_consts, num_carry, reverse, unroll):
    """The loop backwards: cotangents of constants are summed up in its carry."""
    const_lin, _, x_lin = split_list(ad.linear_mask(args), [num_consts, num_carry])
    # A carry that starts at zero is linear too, whether or not its start varies.
    linear = (*const_lin, *[True] * num_carry, *x_lin)
    consts, _, xs = split_list(args, [num_consts, num_carry])
    known_consts = [x for x in consts if type(x) is not UndefinedPrimal]
    known_xs = [x for x in xs if type(x) is not UndefinedPrimal]
    ct_carry = [instantiate(ct) for ct in cts[:num_carry]]
    ct_ys = cts[num_carry:]
    live = ad.nonzero_mask(ct_ys)
    key = _scan_transpose, linear, live
    known = jaxpr.memo.get(key)
    if known is None:
        known = _transposed_body(jaxpr, linear, live, num_consts, num_carry)
        jaxpr.memo[key] = known
    body, more = known
    ct_consts = [
        instantiate(Zero(x.aval.to_tangent_aval()))
        for x in consts if type(x) is UndefinedPrimal
    ]  # fmt: skip
    outs = scan_p.bind(
        *more, *known_consts, *ct_consts, *ct_carry,
        *ad.without_zeros(ct_ys), *known_xs,
        jaxpr=body, length=length, num_consts=len(more) + len(known_consts),
        num_carry=len(ct_consts) + num_carry, reverse=not reverse, unroll=unroll,
    )  # fmt: skip
    ct_consts, ct_init, ct_xs = split_list(outs, [len(ct_consts), num_carry])
    return [
        *ad.at_linear(ct_consts, const_lin), *ct_init, *ad.at_linear(ct_xs, x_lin)
    ]  # fmt: skip


def _transposed_body(jaxpr, linear, live, num_consts, num_carry):
    """(known consts, ct consts, ct carry, live ct ys, known xs) -> (ct consts, ct
    carry, ct xs).
    """
    avals = jaxpr.in_avals
    out_avals = [a.to_tangent_aval() for a in jaxpr.out_avals]
    const_avals, _, x_avals = split_list(avals, [num_consts, num_carry])
    const_lin, _, x_lin = split_list(linear, [num_consts, num_carry])
    known_consts = [a for a, lin in zip(const_avals, const_lin, strict=True) if not lin]
    sums = [a.to_tangent_aval()
            for a, lin in zip(const_avals, const_lin, strict=True) if lin]  # fmt: skip
    carry = out_avals[:num_carry]
    ys = [a for a, lv in zip(out_avals[num_carry:], live, strict=True) if lv]
    known_xs = [a for a, lin in zip(x_avals, x_lin, strict=True) if not lin]
    sizes = [len(known_consts), len(sums), len(carry), len(ys)]

    def transposed(*tracers):
        kc, ct_sums, ct_carry, ct_ys, kx = (
            iter(part) for part in split_list(tracers, sizes)
        )
        args = [
            UndefinedPrimal(aval) if lin else next(kc if k < num_consts else kx)
            for k, (aval, lin) in enumerate(zip(avals, linear, strict=True))
        ]
        cts = [*ct_carry, *ad.with_zeros(ct_ys, live, jaxpr.out_avals[num_carry:])]
        found = ad.backward_pass(jaxpr.jaxpr, jaxpr.consts, args, cts)
        consts, init, xs = split_list(found, [num_consts, num_carry])
        summed = [
            instantiate(add_tangents(total, ct))
            for total, ct in zip(
                ct_sums, [c for c in consts if c is not None], strict=True
            )
        ]
        return [
            *summed,
            *[
                _typed_like(a, instantiate(ct))
                for a, ct in zip(carry, init, strict=True)
            ],
            *[instantiate(ct) for ct in xs if ct is not None],
        ]

    in_avals = [*known_consts, *sums, *carry, *ys, *known_xs]
    return hoist_consts(trace(transposed, in_avals, jaxpr.jaxpr.debug_info))


def _typed_like(aval, ct):
    """A cotangent as weakly typed as the carry that it becomes."""
    if core.get_aval(ct).weak_type and not aval.weak_type:
        return convert_element_type(ct, aval.dtype)
    return ct


def _scan_batch(axis, args, dims, *, jaxpr, num_consts, num_carry, **params):
    mapped = [d is not None for d in dims]
    const_b, carry_b, xs_b = split_list(mapped, [num_consts, num_carry])
    n_ys = len(jaxpr.jaxpr.outvars) - num_carry
    for _ in range(num_carry + 1):
        in_dims = tuple(0 if b else None for b in const_b + carry_b + xs_b)
        force = tuple(carry_b) + (False,) * n_ys
        body, out_dims = batching.batch_jaxpr(jaxpr, axis, in_dims, force)
        grown = [
            b or d is not None
            for b, d in zip(carry_b, out_dims[:num_carry], strict=True)
        ]
        if grown == carry_b:
            break
        carry_b = grown
    consts, init, xs = split_list(args, [num_consts, num_carry])
    const_d, init_d, xs_d = split_list(dims, [num_consts, num_carry])
    consts = batching.all_to_front(axis, consts, const_d)
    init = [
        batching.match_axis(axis, x, d, 0) if b else x
        for x, d, b in zip(init, init_d, carry_b, strict=True)
    ]
    xs = [
        x if d is None else batching.match_axis(axis, x, d, 1)
        for x, d in zip(xs, xs_d, strict=True)
    ]
    closed, more = hoist_consts(body)
    outs = scan_p.bind(
        *more, *consts, *init, *xs, jaxpr=_memoised(body, closed),
        num_consts=len(more) + num_consts, num_carry=num_carry, **params,
    )  # fmt: skip
    ys_dims = [None if d is None else 1 for d in out_dims[num_carry:]]
    return outs, [0 if b else None for b in carry_b] + ys_dims


def _scan_reference(*args, jaxpr, length, num_consts, num_carry, reverse, **_):
    consts, carry, xs = split_list(args, [num_consts, num_carry])
    ys = [np.empty((length, *a.shape), a.dtype) for a in jaxpr.out_avals[num_carry:]]
    order = range(length)
    for k in reversed(order) if reverse else order:
        outs = evaluate(jaxpr, *consts, *carry, *[x[k] for x in xs])
        carry = outs[:num_carry]
        for y, value in zip(ys, outs[num_carry:], strict=True):
            y[k] = value
    return [*carry, *ys]


def _scan_dce(used, eqn):
    """The loop without unused results, and without what only those need."""
    params = eqn.params
    num_consts, num_carry = params["num_consts"], params["num_carry"]
    body = params["jaxpr"]
    key = _scan_dce, tuple(used)
    known = body.memo.get(key)
    if known is None:
        known = body.memo[key] = _live_body(body, used, num_consts, num_carry)
    closed, reads, used = known
    kept_consts, kept_carry, _ = split_list(reads, [num_consts, num_carry])
    return eqn.replace(
        invars=[a for a, read in zip(eqn.invars, reads, strict=True) if read],
        outvars=[v for v, wanted in zip(eqn.outvars, used, strict=True) if wanted],
        params={
            **params,
            "jaxpr": closed,
            "num_consts": sum(kept_consts),
            "num_carry": sum(kept_carry),
        },
    )


def _live_body(body, used, num_consts, num_carry):
    """(body, which inputs it reads, which outputs it has): a carry is both or neither."""
    used = list(used)
    for _ in range(num_carry + 1):
        jaxpr, reads = dce(body.jaxpr, used)
        carried = reads[num_consts : num_consts + num_carry]
        if not any(r and not u for r, u in zip(carried, used, strict=False)):
            break
        used[:num_carry] = [r or u for r, u in zip(carried, used, strict=False)]
    reads[num_consts : num_consts + num_carry] = used[:num_carry]
    invars = [v for v, read in zip(jaxpr.invars, reads, strict=True) if read]
    return body.replace(jaxpr=jaxpr.replace(invars=invars)), reads, used


def _scan_keep(eqn, policy):
    """What the policy keeps of each iteration, stacked: a result, then one of `xs`."""
    params = eqn.params
    giving, given, n_kept = keep_inside(params["jaxpr"], policy)
    if not n_kept:
        return eqn, eqn, []
    invars = given.jaxpr.invars
    held = [core.Var(stacked_aval(v.aval, params["length"])) for v in invars[:n_kept]]
    given = given.replace(
        jaxpr=given.jaxpr.replace(invars=invars[n_kept:] + invars[:n_kept])
    )
    return (
        eqn.replace(outvars=eqn.outvars + held, params={**params, "jaxpr": giving}),
        eqn.replace(invars=eqn.invars + held, params={**params, "jaxpr": given}),
        held,
    )


_MAX_UNROLLED = 256  # equations of all iterations of an unrolled loop


def _scan_lower(
    b, ins, out_avals, *, jaxpr, length, num_consts, num_carry, reverse, unroll
):
    if 0 < length <= unroll and length * len(jaxpr.jaxpr.eqns) <= _MAX_UNROLLED:
        parts = split_list(ins, [num_consts, num_carry])
        return _lower_unrolled(b, parts, out_avals, jaxpr, length, reverse)
    body = b.subprogram(jaxpr)
    params = [body, length, int(reverse), num_consts, num_carry, *[0] * num_carry]
    outs = [(aval.shape, aval.dtype) for aval in out_avals]
    return b.instr("SCAN", [b.dense(x) for x in ins], outs, params)


def _scan_close_over(atoms, params):
    n = params["num_consts"]
    body, consts = closed_over(params["jaxpr"], atoms[:n])
    params = {**params, "jaxpr": body, "num_consts": len(consts)}
    return consts + atoms[n:], params


def _lower_unrolled(b, parts, out_avals, jaxpr, length, reverse):
    """The iterations one after the other, so that they become one fused instruction
    where the body is elementwise, as in Horner's rule.
    """
    consts, carry, xs = parts
    n_carry = len(carry)
    ys = [b.empty(aval.shape, cell_dtype(aval.dtype)) for aval in out_avals[n_carry:]]

    def nth(view, k):
        starts = (k, *[0] * (len(view.shape) - 1))
        return view.slice(starts, (k + 1, *view.shape[1:])).squeeze((0,))

    for k in reversed(range(length)) if reverse else range(length):
        outs = b.inline(jaxpr, [*consts, *carry, *[nth(x, k) for x in xs]])
        carry = outs[:n_carry]
        for y, value in zip(ys, outs[n_carry:], strict=True):
            b.copy_into(nth(y, k), value)
    return [*carry, *ys]


scan_p = define(
    "scan",
    cls=HigherOrderPrimitive,
    shape=_scan_shape,
    reference=_scan_reference,
    jvp=_scan_jvp,
    linearize=_scan_linearize,
    split=_scan_split,
    dce=_scan_dce,
    keep=_scan_keep,
    close_over=_scan_close_over,
    transpose=_scan_transpose,
    batch=_scan_batch,
    lower=_scan_lower,
)

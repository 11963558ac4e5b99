"""The primitive `cond` and its rules."""

import numpy as np

from minijax import core, dtypes
from minijax.control.body import (
    closed_over,
    merged,
    partition,
    split_list,
)
from minijax.core import ClosedJaxpr, HigherOrderPrimitive, UndefinedPrimal
from minijax.effects import check_allowed, control_flow_allowed_effects, io_effects
from minijax.ops.comparison import eq, ne
from minijax.ops.convert import convert_element_type
from minijax.ops.define import define, instantiate, zeros
from minijax.ops.identities import stop_gradient
from minijax.ops.select import select_n
from minijax.ops.shape import broadcast_in_dim
from minijax.trace import hoist_consts, trace
from minijax.transforms import ad, batching
from minijax.transforms.dce import dce
from minijax.transforms.evaluate import evaluate
from minijax.transforms.partial_eval import keep_inside


def platform_branch(platforms):
    """The index of the branch for this platform; None in `platforms` is the default.

    NotImplementedError where there is neither.
    """
    for k, names in enumerate(platforms):
        if names is None or "cpu" in names:
            return k
    raise NotImplementedError(
        "MLIR translation rule for primitive "
        f"'platform_index(platforms={platforms})' not found for platform cpu"
    )


def _cond_shape(index, *avals, branches, **_):
    """Branches may differ in weak types: the first one's are the result's."""
    for branch in branches:
        check_allowed(branch.marks, control_flow_allowed_effects, "`cond`")
    return branches[0].out_avals


def _cond_jvp(primals, tangents, *, branches, **params):
    index, *operands = primals
    _, *moving = tangents
    nonzero = ad.nonzero_mask(moving)
    out_nz = [
        any(column)
        for column in zip(*[ad.jvp_jaxpr(b, nonzero)[1] for b in branches], strict=True)
    ]
    derived = [ad.jvp_jaxpr(b, nonzero, tuple(out_nz))[0] for b in branches]
    n_out = len(branches[0].jaxpr.outvars)
    derived, consts = _joined_consts(derived)
    live = ad.without_zeros(moving)
    outs = cond_p.bind(index, *consts, *operands, *live, branches=derived, **params)
    outs, outs_dot = split_list(outs, [n_out])
    return outs, ad.with_zeros(outs_dot, out_nz, map(core.get_aval, outs))


def _joined_consts(branches):
    """Branches with the constants of all of them as leading inputs; (tuple, constants)."""
    if not any(b.consts for b in branches):
        return tuple(branches), []
    hoisted = [hoist_consts(b) for b in branches]
    every, sizes = [h[0] for h in hoisted], [len(h[1]) for h in hoisted]
    wide = tuple(_widened(c, k, every, sizes) for k, c in enumerate(every))
    return wide, [c for _, consts in hoisted for c in consts]


def _widened(closed, k, every, sizes):
    """Branch k as a jaxpr that takes the constants of every branch."""
    jaxpr = closed.jaxpr
    before = [v.twin() for c, n in zip(every[:k], sizes[:k], strict=True)
              for v in c.jaxpr.invars[:n]]  # fmt: skip
    after = [v.twin() for c, n in zip(every[k + 1:], sizes[k + 1:], strict=True)
             for v in c.jaxpr.invars[:n]]  # fmt: skip
    own, operands = jaxpr.invars[: sizes[k]], jaxpr.invars[sizes[k] :]
    return ClosedJaxpr(jaxpr.replace(invars=before + own + after + operands))


def _cond_linearize(linear_trace, primals, tangents, *, branches, **params):
    """Run the primal branches, which also give residuals; record the linear branches.

    Residuals of the same aval share a slot; a branch fills the slots it has no residual
    for with zeros.
    """
    index, *operands = primals
    _, *moving = tangents
    nonzero = ad.nonzero_mask(moving)
    out_nz = tuple(
        any(column)
        for column in zip(
            *[ad.linearize_jaxpr(b, nonzero)[2] for b in branches], strict=True
        )
    )
    halves = [ad.linearize_jaxpr(b, nonzero, out_nz) for b in branches]
    live = ad.without_zeros(moving)
    outs, found = _branch_halves(
        linear_trace, index, halves, len(out_nz), operands, live, params
    )
    return outs, ad.with_zeros(found, out_nz, map(core.get_aval, outs))


def _cond_split(linear_trace, args, *, branches, **params):
    """Run what is known of the branches now; record the linear branches."""
    index, *operands = args
    late_index, *late = linear_trace.owns(args)
    if late_index:
        return cond_p.bind(*args, branches=branches, **params)
    late = tuple(late)
    out_late = tuple(
        map(any, zip(*[ad.split_linear(b, late)[2] for b in branches], strict=True))
    )
    halves = [ad.split_linear(b, late, out_late) for b in branches]
    moving, fixed = partition(late, operands)
    with core.set_current_trace(linear_trace.parent):
        outs, found = _branch_halves(
            linear_trace, index, halves, out_late.count(False), fixed, moving, params
        )
    return merged(out_late, found, outs)


def _branch_halves(linear_trace, index, halves, n_out, operands, moving, params):
    """Run the first halves of branches now, record the second ones: (outputs of each).

    halves: for each branch (inputs -> n_out outputs + residuals, residuals + inputs ->
    outputs, _, the number of residuals). Residuals of the same aval share a slot; a
    branch fills the slots it has no residual for with zeros.
    """
    memo = halves[0][0].memo
    key = _branch_halves, n_out, tuple(id(h[0]) for h in halves[1:])
    known = memo.get(key)
    if known is None or known[2] != halves:
        slots, places = _residual_slots([(h[0], h[1], h[3]) for h in halves])
        pairs = list(zip(halves, places, strict=True))
        first = [_fill_slots(h[0], n_out, slots, p) for h, p in pairs]
        second = [_pick_slots(h[1], h[3], slots, p) for h, p in pairs]
        known = memo[key] = first, second, halves
    first, second, _ = known
    first, consts = _joined_consts(first)
    outs = []
    if n_out or any(b.jaxpr.outvars or b.jaxpr.marks for b in first):
        outs = cond_p.bind(index, *consts, *operands, branches=first, **params)
    second, consts = _joined_consts(second)
    with core.set_current_trace(linear_trace):
        found = cond_p.bind(
            index, *consts, *outs[n_out:], *moving, branches=second, **params
        )
    return outs[:n_out], found


def _residual_slots(split):
    """(avals of the shared slots, for each branch the slot of each residual)."""
    slots, places = [], []
    for primal, _, n_res in split:
        free = list(range(len(slots)))
        mine = []
        for aval in primal.out_avals[len(primal.out_avals) - n_res :]:
            aval = aval.strip_weak_type()
            slot = next((k for k in free if slots[k] is aval), None)
            if slot is None:
                slot = len(slots)
                slots.append(aval)
            else:
                free.remove(slot)
            mine.append(slot)
        places.append(mine)
    return slots, places


def _fill_slots(primal, n_out, slots, places):
    def filled(*args):
        values = core.eval_jaxpr(primal.jaxpr, primal.consts, *args)
        outs, residuals = values[:n_out], values[n_out:]
        by_slot = dict(zip(places, residuals, strict=True))
        return outs + [
            convert_element_type(by_slot[k], aval.dtype)
            if k in by_slot
            else zeros(aval)
            for k, aval in enumerate(slots)
        ]

    return trace(filled, primal.in_avals, primal.jaxpr.debug_info)


def _pick_slots(linear, n_res, slots, places):
    """The linear branch over all slots, those of other branches unread."""
    residuals, moving = linear.jaxpr.invars[:n_res], linear.jaxpr.invars[n_res:]
    invars = [core.Var(aval) for aval in slots]
    for slot, var in zip(places, residuals, strict=True):
        invars[slot] = var
    return ClosedJaxpr(linear.jaxpr.replace(invars=invars + moving), linear.consts)


def _cond_transpose(cts, index, *args, branches, **params):
    linear = ad.linear_mask(args)
    known = [x for x in args if type(x) is not UndefinedPrimal]
    live = ad.nonzero_mask(cts)
    transposed = [_transposed_branch(b, linear, live) for b in branches]
    transposed, consts = _joined_consts(transposed)
    found = cond_p.bind(
        index, *consts, *known, *ad.without_zeros(cts), branches=transposed, **params
    )
    return [None, *ad.at_linear(found, linear)]


def _transposed_branch(branch, linear, live):
    """(nonlinear inputs, live cotangents) -> cotangents of all linear inputs, as
    arrays.
    """
    key = _transposed_branch, linear, live
    known = branch.memo.get(key)
    if known is not None:
        return known
    avals = branch.in_avals
    out_avals = [a.to_tangent_aval() for a in branch.out_avals]
    known_avals = [a for a, lin in zip(avals, linear, strict=True) if not lin]
    ct_avals = [a for a, lv in zip(out_avals, live, strict=True) if lv]

    def transposed(*tracers):
        given, ct_feed = (iter(p) for p in split_list(tracers, [len(known_avals)]))
        args = [
            UndefinedPrimal(a) if lin else next(given)
            for a, lin in zip(avals, linear, strict=True)
        ]
        cts = ad.with_zeros(ct_feed, live, branch.out_avals)
        found = ad.backward_pass(branch.jaxpr, branch.consts, args, cts)
        return [instantiate(ct) for ct in found if ct is not None]

    known = trace(transposed, known_avals + ct_avals, branch.jaxpr.debug_info)
    branch.memo[key] = known
    return known


def _cond_batch(axis, args, dims, *, branches, **params):
    index, *operands = args
    index_dim, *dims = dims
    if index_dim is not None:
        return _cond_to_select(axis, index, index_dim, operands, dims, branches)
    in_dims = batching.front_dims(dims)
    mapped = [
        any(d is not None for d in column)
        for column in zip(
            *[batching.batch_jaxpr(b, axis, in_dims)[1] for b in branches], strict=True
        )
    ]
    batched = [
        batching.batch_jaxpr(b, axis, in_dims, tuple(mapped))[0] for b in branches
    ]
    batched, consts = _joined_consts(batched)
    operands = batching.all_to_front(axis, operands, dims)
    outs = cond_p.bind(index, *consts, *operands, branches=batched, **params)
    return outs, [0 if m else None for m in mapped]


def _cond_to_select(axis, index, index_dim, operands, dims, branches):
    """A batched index: run every branch on the whole batch, and pick by element."""
    branches = [core.without_refs(b) for b in branches]
    if any(b.marks & io_effects for b in branches):
        raise NotImplementedError("IO effect not supported in vmap-of-cond.")
    index = batching.match_axis(axis, index, index_dim, 0)
    operands = batching.all_to_front(axis, operands, dims)
    if any(b.marks for b in branches):
        # What a branch prints, it prints for each element.
        operands = [
            batching.match_axis(axis, x, None if d is None else 0, 0)
            for x, d in zip(operands, dims, strict=True)
        ]
        dims = [0] * len(operands)
    in_dims = batching.front_dims(dims)
    results = []
    for k, branch in enumerate(branches):
        taken = eq(index, np.int32(k))
        given = [
            _only_where(taken, x, d) for x, d in zip(operands, in_dims, strict=True)
        ]
        body, _ = batching.batch_jaxpr(branch, axis, in_dims, True)
        results.append(core.eval_jaxpr(body.jaxpr, body.consts, *given))
    if len(branches) == 2:
        index = ne(index, np.int32(0))
    outs = []
    for column in zip(*results, strict=True):
        shape = core.get_aval(column[0]).shape
        outs.append(select_n(broadcast_in_dim(index, shape, (0,)), *column))
    return outs, [0] * len(outs)


def _only_where(taken, x, dim):
    """`x`, differentiated only in elements whose branch is taken.

    So a NaN in the derivative of another branch does not reach it.
    """
    aval = core.get_aval(x)
    if dim is None or not dtypes.issubdtype(aval.dtype, np.inexact):
        return x
    return select_n(broadcast_in_dim(taken, aval.shape, (0,)), stop_gradient(x), x)


def _cond_dce(used, eqn):
    """The branches without unused results, and without what only those need."""
    branches = eqn.params["branches"]
    key = _cond_dce, tuple(used), tuple(map(id, branches[1:]))
    known = branches[0].memo.get(key)
    if known is None or known[2] != branches:
        live = [dce(b.jaxpr, used) for b in branches]
        reads = [any(column) for column in zip(*[r for _, r in live], strict=True)]
        smaller = tuple([
            ClosedJaxpr(jaxpr.replace(invars=partition(reads, jaxpr.invars)[0]), b.consts)
            for (jaxpr, _), b in zip(live, branches, strict=True)
        ])  # fmt: skip
        known = branches[0].memo[key] = smaller, reads, branches
    smaller, reads, _ = known
    return eqn.replace(
        invars=[eqn.invars[0], *partition(reads, eqn.invars[1:])[0]],
        outvars=partition(used, eqn.outvars)[0],
        params={**eqn.params, "branches": smaller},
    )


def _cond_keep(eqn, policy):
    """What the policy keeps of the branches, in slots that they share."""
    branches = eqn.params["branches"]
    inside = [keep_inside(b, policy) for b in branches]
    if not any(n_kept for _, _, n_kept in inside):
        return eqn, eqn, []
    n_out = len(eqn.outvars)
    slots, places = _residual_slots(inside)
    giving = [_fill_slots(b[0], n_out, slots, p)
              for b, p in zip(inside, places, strict=True)]  # fmt: skip
    given = [_pick_slots(b[1], b[2], slots, p)
             for b, p in zip(inside, places, strict=True)]  # fmt: skip
    held = [core.Var(aval) for aval in slots]
    return (
        eqn.replace(
            outvars=eqn.outvars + held,
            params={**eqn.params, "branches": tuple(giving)},
        ),
        eqn.replace(
            invars=[eqn.invars[0], *held, *eqn.invars[1:]],
            params={**eqn.params, "branches": tuple(given)},
        ),
        held,
    )


def _cond_reference(index, *args, branches, **_):
    return evaluate(branches[min(max(int(index), 0), len(branches) - 1)], *args)


def _cond_lower(b, ins, out_avals, *, branches, branches_platforms=None):
    if branches_platforms is not None:
        mine = platform_branch(branches_platforms)
        return b.inline(branches[mine], [b.dense(x) for x in ins[1:]])
    programs = [b.subprogram(branch) for branch in branches]
    outs = [(aval.shape, aval.dtype) for aval in out_avals]
    return b.instr("COND", [b.dense(x) for x in ins], outs, programs)


def _cond_close_over(atoms, params):
    closed = [closed_over(branch, atoms[1:]) for branch in params["branches"]]
    branches = tuple([branch for branch, _ in closed])
    return [atoms[0], *closed[0][1]], {**params, "branches": branches}


cond_p = define(
    "cond",
    cls=HigherOrderPrimitive,
    shape=_cond_shape,
    reference=_cond_reference,
    jvp=_cond_jvp,
    linearize=_cond_linearize,
    split=_cond_split,
    dce=_cond_dce,
    keep=_cond_keep,
    close_over=_cond_close_over,
    transpose=_cond_transpose,
    batch=_cond_batch,
    lower=_cond_lower,
)

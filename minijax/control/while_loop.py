"""while_loop and fori_loop, run wholly by the runtime."""

import functools
import weakref

import numpy as np

from minijax import config, core, dtypes, errors
from minijax._pytree import LEAF, flatten, unflatten
from minijax.control.body import (
    as_array,
    avals_of,
    carry_error,
    closed_over,
    debug_info_of,
    forwarded,
    merged,
    partition,
    promote_weak,
    pruned,
    same_type,
    split_list,
    trace_body,
)
from minijax.control.scan import scan
from minijax.core import ClosedJaxpr, HigherOrderPrimitive
from minijax.effects import IO, check_allowed, control_flow_allowed_effects
from minijax.ops.arithmetic import add
from minijax.ops.comparison import lt
from minijax.ops.convert import convert_element_type
from minijax.ops.define import define, instantiate, one_like
from minijax.ops.reduce import reduce_or
from minijax.ops.select import select
from minijax.ops.shape import broadcast_in_dim
from minijax.trace import hoist_consts, trace
from minijax.traceback_util import api_boundary
from minijax.transforms import ad, batching
from minijax.transforms.dce import dce
from minijax.transforms.evaluate import evaluate
from minijax.tree_util import tree_map


@api_boundary
def while_loop(cond_fun, body_fun, init_val):
    """`while cond_fun(val): val = body_fun(val)`, val a pytree that keeps its types.

    Reverse-mode differentiation is not possible, since the number of steps is not
    known.  TypeError where the condition is not a boolean scalar, or the value changes
    its type.
    """
    if not (callable(body_fun) and callable(cond_fun)):
        raise TypeError("lax.while_loop: body_fun and cond_fun arguments should be "
                        "callable.")  # fmt: skip
    if config.values.jax_disable_jit:
        try:
            return _while_in_python(cond_fun, body_fun, init_val)
        except errors.ConcretizationTypeError:
            pass  # the condition is hidden by a trace, of vmap for instance
    flat, tree = flatten(init_val)
    in_tree = flatten((init_val,))[1]
    for _ in range(2):
        avals = avals_of(flat)
        cond, cond_consts, cond_tree = trace_body(
            cond_fun, in_tree, avals, "while_cond"
        )
        body, body_consts, out_tree = trace_body(body_fun, in_tree, avals, "while_body")
        _check_condition(cond, cond_tree)
        if len(body.out_avals) != len(avals):
            break
        flat, changed = promote_weak(flat, avals, body.out_avals)
        if not changed:
            break
    if out_tree != tree or not all(map(same_type, avals, body.out_avals)):
        raise carry_error("while_loop", body_fun, tree, avals, out_tree, body.out_avals)
    return unflatten(tree, _bind_while(cond, cond_consts, body, body_consts, flat))


def _while_in_python(cond_fun, body_fun, val):
    """while_loop under `disable_jit`."""
    val = tree_map(as_array, val)
    while cond_fun(val):
        val = tree_map(as_array, body_fun(val))
    return val


def _bind_while(cond, cond_consts, body, body_consts, init):
    """Bind `while_p` with what it needs to carry only.

    What the body hands on unchanged and the condition does not read is a constant, and
    its own result.
    """
    n_consts = len(body_consts)
    same = [n_consts + k == place for k, place in enumerate(forwarded(body.jaxpr))]
    if any(same):
        unread = _unread(cond, len(cond_consts))
        same = [s and u for s, u in zip(same, unread, strict=True)]
        cond = _without_inputs(cond, [False] * len(cond_consts) + same)
        body = pruned(body, [not s for s in same], [False] * n_consts + same)
    fixed, carried = partition(same, init)
    outs = while_p.bind(
        *cond_consts,
        *fixed,
        *body_consts,
        *carried,
        cond_nconsts=len(cond_consts),
        cond_jaxpr=cond,
        body_nconsts=len(fixed) + n_consts,
        body_jaxpr=body,
    )
    return merged(same, fixed, outs)


def _unread(cond, n_consts):
    """Which of the loop's values the condition does not read."""
    known = cond.memo.get(_unread)
    if known is None:
        _, reads = dce(cond.jaxpr)
        known = cond.memo[_unread] = [not r for r in reads]
    return known[n_consts:]


def _without_inputs(closed, left_out):
    """`closed` without inputs that it does not read."""
    if not any(left_out):
        return closed
    key = _without_inputs, tuple(left_out)
    known = closed.memo.get(key)
    if known is None:
        jaxpr, _ = dce(closed.jaxpr)
        _, invars = partition(left_out, jaxpr.invars)
        known = ClosedJaxpr(jaxpr.replace(invars=invars), closed.consts)
        closed.memo[key] = known
    return known


def _check_condition(cond, tree):
    if tree is not LEAF:
        raise TypeError(
            f"cond_fun must return a boolean scalar, but got pytree {tree}."
        )
    aval = cond.out_avals[0]
    if aval.shape or aval.dtype != bool:
        raise TypeError(
            f"cond_fun must return a boolean scalar, but got output type(s) [{aval!r}]."
        )


@api_boundary
def fori_loop(lower, upper, body_fun, init_val, *, unroll=None):
    """`for i in range(lower, upper): val = body_fun(i, val)`.

    With Python bounds it is a `scan`, so that reverse-mode differentiation works; with
    traced bounds a `while_loop`.
    """
    if not callable(body_fun):
        raise TypeError("lax.fori_loop: body_fun argument should be callable.")
    dtype = _index_dtype(lower, upper)
    bounds = _concrete_bounds(lower, upper)
    if bounds is not None:
        first, last = bounds
        length = max(last - first, 0)
        if config.values.jax_disable_jit and not length:
            return init_val
        unroll = False if unroll is None else unroll
        step = _step_of(body_fun, _scan_step)
        (_, val), _ = scan(step, (first, init_val), None, length, unroll=unroll)
        return val
    if unroll is not None and unroll is not False and unroll != 1:
        raise ValueError(
            "Can only use `unroll` in `fori_loop` if the loop bounds are statically known."
        )
    if core.get_aval(lower).dtype != dtype:
        lower = convert_element_type(lower, dtype)
    if core.get_aval(upper).dtype != dtype:
        upper = convert_element_type(upper, dtype)
    body = _step_of(body_fun, _while_step)
    _, _, val = while_loop(_goes_on, body, (lower, upper, init_val))
    return val


def _scan_step(body_of):
    def step(loop_carry, _):
        i, val = loop_carry
        return (i + 1, body_of()(i, val)), None

    step.debug_info_of = functools.partial(_step_debug_info, body_of)
    return step


def _while_step(body_of):
    def body(loop_carry):
        i, last, val = loop_carry
        return add(i, one_like(i)), last, body_of()(i, val)

    body.debug_info_of = functools.partial(_step_debug_info, body_of)
    return body


def _step_debug_info(body_of, args):
    """The trace of a step as that of the body, whose index and value it takes."""
    i, *last, val = args[0]
    info = debug_info_of("fori_loop", body_of(), (i, val))
    names = info.arg_names or ()
    names = (*names[:1], *[""] * len(last), *names[1:])
    info.names_of = functools.partial(tuple, names)
    return info


def _goes_on(loop_carry):
    return lt(loop_carry[0], loop_carry[1])


# function -> {how a step is made: step}, so that a loop's body is traced once
_steps = weakref.WeakKeyDictionary()


def _step_of(body_fun, make):
    """What `make` makes of a function that gives the body, which it does not hold."""
    hash(body_fun)  # TypeError: two functions must be told apart by what they are
    try:
        known, body_of = _steps.setdefault(body_fun, {}), weakref.ref(body_fun)
    except TypeError:  # not weakly referable
        return make(lambda: body_fun)
    if make not in known:
        known[make] = make(body_of)
    return known[make]


def _index_dtype(lower, upper):
    """The common dtype of the bounds: one may be a weak integer beside a strong one."""
    dtype_low, dtype_high = dtypes.dtype(lower), dtypes.dtype(upper)
    if dtype_low == dtype_high:
        return dtype_low
    if np.issubdtype(dtype_low, np.signedinteger) and np.issubdtype(
        dtype_high, np.signedinteger
    ):
        weak = dtypes.is_weakly_typed(lower), dtypes.is_weakly_typed(upper)
        if weak == (True, False):
            return dtype_high
        if weak == (False, True):
            return dtype_low
    raise TypeError(
        "lower and upper arguments to fori_loop must have equal types, got "
        f"{dtype_low.name} and {dtype_high.name}"
    )


def _concrete_bounds(lower, upper) -> tuple[int, int] | None:
    """The bounds as ints, or None where a trace hides one, or they are no scalars."""
    first, last = ad.concrete(lower), ad.concrete(upper)
    if first is None or last is None or core.has_symbols((first, last)):
        return None
    try:
        return int(first), int(last)
    except TypeError:
        return None


# --- the primitive --------------------------------------------------------------------


def _while_shape(*avals, cond_jaxpr, body_jaxpr, **_):
    for closed in (cond_jaxpr, body_jaxpr):
        check_allowed(closed.marks, control_flow_allowed_effects, "`while`")
    return body_jaxpr.out_avals


def _while_jvp(
    primals, tangents, *, cond_nconsts, cond_jaxpr, body_nconsts, body_jaxpr
):
    cond_consts, body_consts, init = split_list(primals, [cond_nconsts, body_nconsts])
    _, consts_dot, init_dot = split_list(tangents, [cond_nconsts, body_nconsts])
    const_nz, carry_nz = ad.nonzero_mask(consts_dot), ad.nonzero_mask(init_dot)
    for _ in range(len(init) + 1):
        derived, out_nz = ad.jvp_jaxpr(body_jaxpr, const_nz + carry_nz, carry_nz)
        grown = tuple([a or b for a, b in zip(carry_nz, out_nz, strict=True)])
        if grown == carry_nz:
            break
        carry_nz = grown
    init_dot = [instantiate(t) for t, nz in zip(init_dot, carry_nz, strict=True) if nz]
    consts_dot = ad.without_zeros(consts_dot)
    known = derived.memo.get(_while_jvp)
    if known is None:
        known = derived.memo[_while_jvp] = _reordered(
            derived, cond_jaxpr, body_nconsts, len(init), len(consts_dot), len(init_dot)
        )
    body, more, cond = known
    outs = while_p.bind(
        *cond_consts, *more, *body_consts, *consts_dot, *init, *init_dot,
        cond_nconsts=cond_nconsts, cond_jaxpr=cond,
        body_nconsts=len(more) + len(body_consts) + len(consts_dot), body_jaxpr=body,
    )  # fmt: skip
    outs, outs_dot = split_list(outs, [len(init)])
    return outs, ad.with_zeros(outs_dot, carry_nz, map(core.get_aval, outs))


def _reordered(derived, cond_jaxpr, n_consts, n_carry, n_consts_dot, n_carry_dot):
    """The jvp body with inputs (consts, consts', carry, carry'), and a cond to match."""
    jaxpr = derived.jaxpr
    consts, carry, consts_dot, carry_dot = split_list(
        jaxpr.invars, [n_consts, n_carry, n_consts_dot]
    )
    body = jaxpr.replace(invars=consts + consts_dot + carry + carry_dot)
    body, more = hoist_consts(ClosedJaxpr(body, derived.consts))
    extra = [core.Var(v.aval) for v in carry_dot]
    cond = cond_jaxpr.jaxpr.replace(invars=cond_jaxpr.jaxpr.invars + extra)
    return body, more, ClosedJaxpr(cond)


def _while_linearize(linear_trace, primals, tangents, **params):
    """Run the loop now; the linear part is the whole loop again, with tangents."""
    outs = while_p.bind(*primals, **params)
    with core.set_current_trace(linear_trace):
        _, tangents_out = _while_jvp(primals, tangents, **params)
    return outs, tangents_out


def _while_transpose(*args, **params):
    raise ValueError(
        "Reverse-mode differentiation does not work for lax.while_loop or "
        "lax.fori_loop with dynamic start/stop values. Try using lax.scan, or using "
        "fori_loop with static start/stop."
    )


def _while_batch(
    axis, args, dims, *, cond_nconsts, cond_jaxpr, body_nconsts, body_jaxpr
):
    mapped = [d is not None for d in dims]
    cond_b, const_b, carry_b = split_list(mapped, [cond_nconsts, body_nconsts])
    for _ in range(len(carry_b) + 2):
        carry_dims = tuple(0 if b else None for b in carry_b)
        cond_dims = tuple(0 if b else None for b in cond_b) + carry_dims
        cond, (pred_dim,) = batching.batch_jaxpr(cond_jaxpr, axis, cond_dims)
        if pred_dim is not None:
            carry_b = [True] * len(carry_b)
            carry_dims = (0,) * len(carry_b)
            cond_dims = tuple(0 if b else None for b in cond_b) + carry_dims
            cond, _ = batching.batch_jaxpr(cond_jaxpr, axis, cond_dims)
        body_dims = tuple(0 if b else None for b in const_b) + carry_dims
        body, out_dims = batching.batch_jaxpr(
            body_jaxpr, axis, body_dims, tuple(carry_b)
        )
        grown = [b or d is not None for b, d in zip(carry_b, out_dims, strict=True)]
        if grown == carry_b:
            break
        carry_b = grown
    cond_consts, body_consts, init = split_list(args, [cond_nconsts, body_nconsts])
    cond_d, const_d, init_d = split_list(dims, [cond_nconsts, body_nconsts])
    cond_consts = batching.all_to_front(axis, cond_consts, cond_d)
    body_consts = batching.all_to_front(axis, body_consts, const_d)
    init = [
        batching.match_axis(axis, x, d, 0) if b else x
        for x, d, b in zip(init, init_d, carry_b, strict=True)
    ]
    if pred_dim is not None:
        if IO in cond_jaxpr.marks or IO in body_jaxpr.marks:
            raise NotImplementedError(
                "Unordered IO effects not supported in while_loop with batched predicate"
            )
        body, body_consts = _masked_body(
            axis, cond, body, cond_consts, body_consts, len(init)
        )
        cond = _any_of(cond)
    cond, more_cond = hoist_consts(cond)
    body, more_body = hoist_consts(body)
    outs = while_p.bind(
        *more_cond, *cond_consts, *more_body, *body_consts, *init,
        cond_nconsts=len(more_cond) + len(cond_consts), cond_jaxpr=cond,
        body_nconsts=len(more_body) + len(body_consts), body_jaxpr=body,
    )  # fmt: skip
    return outs, [0 if b else None for b in carry_b]


def _any_of(cond):
    """A condition that holds while any element of the batched one does."""
    known = cond.memo.get(_any_of)
    if known is None:

        def any_of(*args):
            (pred,) = core.eval_jaxpr(cond.jaxpr, cond.consts, *args)
            return [reduce_or(pred, (0,))]

        known = cond.memo[_any_of] = trace(any_of, cond.in_avals)
    return known


def _masked_body(axis, cond, body, cond_consts, body_consts, n_carry):
    """A body that leaves the elements alone whose condition no longer holds."""
    n_cond = len(cond_consts)

    def masked(*args):
        cc, bc, carry = split_list(args, [n_cond, len(body_consts)])
        (pred,) = core.eval_jaxpr(cond.jaxpr, cond.consts, *cc, *carry)
        new = core.eval_jaxpr(body.jaxpr, body.consts, *bc, *carry)
        return [_where(pred, n, old) for n, old in zip(new, carry, strict=True)]

    key = _masked_body, cond
    known = body.memo.get(key)
    if known is None:
        known = trace(masked, cond.in_avals[:n_cond] + body.in_avals)
        body.memo[key] = known
    return known, [*cond_consts, *body_consts]


def _where(pred, x, y):
    return select(broadcast_in_dim(pred, x.shape, (0,)), x, y)


def _while_reference(*args, cond_nconsts, cond_jaxpr, body_nconsts, body_jaxpr):
    cond_consts, body_consts, carry = split_list(args, [cond_nconsts, body_nconsts])
    while evaluate(cond_jaxpr, *cond_consts, *carry)[0]:
        carry = evaluate(body_jaxpr, *body_consts, *carry)
    return carry


def _while_lower(
    b, ins, out_avals, *, cond_nconsts, cond_jaxpr, body_nconsts, body_jaxpr
):
    cond, body = b.subprogram(cond_jaxpr), b.subprogram(body_jaxpr)
    n_carry = len(out_avals)
    params = [cond, body, cond_nconsts, body_nconsts, *[0] * n_carry]
    outs = [(aval.shape, aval.dtype) for aval in out_avals]
    return b.instr("WHILE", [b.dense(x) for x in ins], outs, params)


def _while_dce(used, eqn):
    """Without the carried values that neither used results nor the condition need."""
    params = eqn.params
    n_cond, n_body = params["cond_nconsts"], params["body_nconsts"]
    cond, body = params["cond_jaxpr"], params["body_jaxpr"]
    _, asked = dce(cond.jaxpr, compiled=True)
    needed = [a or b for a, b in zip(used, asked[n_cond:], strict=True)]
    while True:
        jaxpr, reads = dce(body.jaxpr, needed, compiled=True)
        grown = [a or b for a, b in zip(needed, reads[n_body:], strict=True)]
        if grown == needed:
            break
        needed = grown
    if all(needed):
        return eqn

    def kept(values):
        return [x for x, wanted in zip(values, needed, strict=True) if wanted]

    def without(closed, jaxpr, n_consts):
        invars = jaxpr.invars[:n_consts] + kept(jaxpr.invars[n_consts:])
        return ClosedJaxpr(jaxpr.replace(invars=invars), closed.consts)

    n = n_cond + n_body
    return eqn.replace(
        invars=list(eqn.invars[:n]) + kept(eqn.invars[n:]),
        outvars=kept(eqn.outvars),
        params={
            **params,
            "cond_jaxpr": without(cond, cond.jaxpr, n_cond),
            "body_jaxpr": without(body, jaxpr, n_body),
        },
    )


def _while_close_over(atoms, params):
    cond, body, init = split_list(
        atoms, [params["cond_nconsts"], params["body_nconsts"]]
    )
    cond_jaxpr, cond = closed_over(params["cond_jaxpr"], cond)
    body_jaxpr, body = closed_over(params["body_jaxpr"], body)
    return [*cond, *body, *init], {
        "cond_nconsts": len(cond), "cond_jaxpr": cond_jaxpr,
        "body_nconsts": len(body), "body_jaxpr": body_jaxpr,
    }  # fmt: skip


while_p = define(
    "while",
    cls=HigherOrderPrimitive,
    shape=_while_shape,
    reference=_while_reference,
    jvp=_while_jvp,
    linearize=_while_linearize,
    transpose=_while_transpose,
    batch=_while_batch,
    lower=_while_lower,
    dce_compiled=_while_dce,
    close_over=_while_close_over,
)

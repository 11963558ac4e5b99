"""while_loop and fori_loop, run wholly by the runtime."""

import numpy as np

from minijax import config, core, dtypes
from minijax._pytree import LEAF, flatten, unflatten
from minijax.control.body import (
    avals_of,
    carry_error,
    promote_weak,
    same_type,
    split_list,
    trace_body,
)
from minijax.control.scan import scan
from minijax.core import ClosedJaxpr, HigherOrderPrimitive, Zero
from minijax.ops.arithmetic import add
from minijax.ops.comparison import lt
from minijax.ops.convert import convert_element_type
from minijax.ops.define import define, instantiate
from minijax.ops.reduce import reduce_or
from minijax.ops.select import select
from minijax.ops.shape import broadcast_in_dim
from minijax.trace import hoist_consts, trace
from minijax.traceback_util import api_boundary
from minijax.transforms import ad, batching
from minijax.transforms.evaluate import evaluate


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
        val = init_val
        while cond_fun(val):
            val = body_fun(val)
        return val
    flat, tree = flatten(init_val)
    in_tree = flatten((init_val,))[1]
    for _ in range(2):
        avals = avals_of(flat)
        body, body_consts, out_tree = trace_body(body_fun, in_tree, avals, "while_body")
        if out_tree != tree:
            raise carry_error(
                "while_loop", body_fun, tree, avals, out_tree, body.out_avals
            )
        flat, changed = promote_weak(flat, avals, body.out_avals)
        if not changed:
            break
    if not all(map(same_type, avals, body.out_avals)):
        raise carry_error("while_loop", body_fun, tree, avals, out_tree, body.out_avals)
    cond, cond_consts, cond_tree = trace_body(cond_fun, in_tree, avals, "while_cond")
    _check_condition(cond, cond_tree)
    outs = while_p.bind(
        *cond_consts,
        *body_consts,
        *flat,
        cond_nconsts=len(cond_consts),
        cond_jaxpr=cond,
        body_nconsts=len(body_consts),
        body_jaxpr=body,
    )
    return unflatten(tree, outs)


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
    if bounds is not None and config.values.jax_disable_jit:
        val = init_val
        for i in range(*bounds):
            val = body_fun(i, val)
        return val
    if bounds is not None:
        first, last = bounds
        is_weak = all(core.get_aval(x).weak_type for x in (lower, upper))
        start, one = (first, 1) if is_weak else (dtype.type(first), dtype.type(1))

        def step(loop_carry, _):
            i, val = loop_carry
            return (add(i, one), body_fun(i, val)), None

        length = max(last - first, 0)
        (_, val), _ = scan(step, (start, init_val), None, length, unroll=unroll or 1)
        return val
    if unroll is not None and unroll is not False and unroll != 1:
        raise ValueError(
            "Can only use `unroll` in `fori_loop` if the loop bounds are statically known."
        )
    lower = convert_element_type(lower, dtype)
    upper = convert_element_type(upper, dtype)

    def body(loop_carry):
        i, last, val = loop_carry
        return add(i, dtype.type(1)), last, body_fun(i, val)

    _, _, val = while_loop(lambda c: lt(c[0], c[1]), body, (lower, upper, init_val))
    return val


def _index_dtype(lower, upper):
    avals = [core.get_aval(lower), core.get_aval(upper)]
    if avals[0].dtype.kind != avals[1].dtype.kind:
        raise TypeError(
            "lower and upper arguments to fori_loop must have equal types, got "
            f"{avals[0].dtype.name} and {avals[1].dtype.name}"
        )
    for aval in avals:
        if aval.shape or not dtypes.issubdtype(aval.dtype, np.integer):
            raise TypeError("fori_loop bounds must be integer scalars, got "
                            f"{aval.str_short(False)}")  # fmt: skip
    strong = {a.dtype for a in avals if not a.weak_type} or {a.dtype for a in avals}
    if len(strong) > 1:
        raise TypeError(
            "lower and upper arguments to fori_loop must have equal types, got "
            f"{avals[0].dtype.name} and {avals[1].dtype.name}"
        )
    return strong.pop()


def _concrete_bounds(lower, upper) -> tuple[int, int] | None:
    """The bounds as ints, or None where a trace hides one."""
    first, last = ad.concrete(lower), ad.concrete(upper)
    return None if first is None or last is None else (int(first), int(last))


# --- the primitive --------------------------------------------------------------------


def _while_shape(*avals, body_jaxpr, **_):
    return body_jaxpr.out_avals


def _while_jvp(
    primals, tangents, *, cond_nconsts, cond_jaxpr, body_nconsts, body_jaxpr
):
    cond_consts, body_consts, init = split_list(primals, [cond_nconsts, body_nconsts])
    _, consts_dot, init_dot = split_list(tangents, [cond_nconsts, body_nconsts])
    const_nz = [type(t) is not Zero for t in consts_dot]
    carry_nz = [type(t) is not Zero for t in init_dot]
    for _ in range(len(init) + 1):
        mask = tuple(const_nz + carry_nz)
        derived, out_nz = ad.jvp_jaxpr(body_jaxpr, mask, tuple(carry_nz))
        grown = [a or b for a, b in zip(carry_nz, out_nz, strict=True)]
        if grown == carry_nz:
            break
        carry_nz = grown
    init_dot = [instantiate(t) for t, nz in zip(init_dot, carry_nz, strict=True) if nz]
    consts_dot = [t for t in consts_dot if type(t) is not Zero]
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
    feed = iter(outs[len(init) :])
    outs = outs[: len(init)]
    tangents_out = [
        next(feed) if nz else Zero(core.get_aval(x).to_tangent_aval())
        for nz, x in zip(carry_nz, outs, strict=True)
    ]
    return outs, tangents_out


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
    cond_consts = _to_front(axis, cond_consts, cond_d)
    body_consts = _to_front(axis, body_consts, const_d)
    init = [
        batching.match_axis(axis, x, d, 0) if b else x
        for x, d, b in zip(init, init_d, carry_b, strict=True)
    ]
    if pred_dim is not None:
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


def _to_front(axis, values, dims):
    return [batching.to_front(axis, x, d) for x, d in zip(values, dims, strict=True)]


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
)

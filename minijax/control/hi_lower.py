"""From values of types that users define to arrays: jaxprs on arrays, made of jaxprs that
have such values, and what loops and branches become.

A jaxpr is lowered by running it on values that consist of tracers. What an equation does
to a value that changes, it does to that value, whose last state is a further output.
"""

import itertools
from typing import Any, NamedTuple

from minijax import core, dispatch
from minijax.control.body import same_type, split_list, stacked_aval
from minijax.core import ClosedJaxpr, Var
from minijax.hitypes import AvalQDD
from minijax.trace import JaxprTrace, hoist_consts, trace

# --- a jaxpr --------------------------------------------------------------------------


class LowerTrace(JaxprTrace):
    """Records operations on arrays; carries out those on other values."""

    def process_primitive(self, primitive, args, params):
        with core.set_current_trace(self):
            outs = run(self, primitive, args, params)
        if outs is None:
            outs = super().process_primitive(primitive, args, params)
        return outs

    def process_custom_jvp_call(self, primitive, fun, jvp, args, **params):
        return fun(*args)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **params):
        return fun(*args)


class Lowered(NamedTuple):
    """A jaxpr on arrays, and of which values these are the parts.

    closed: outputs are those of the whole, then the last states of changing inputs;
    in_sizes, out_sizes: of how many arrays each consists; changing: the places of the
    changing inputs; finals: for each its last state, and the `FlatTree` of its arrays.
    """

    closed: Any
    types: list
    in_sizes: list
    out_avals: list
    out_sizes: list
    changing: list
    finals: list


def lowered(closed):
    """A closed jaxpr as a `Lowered`, kept with it."""
    known = closed.memo.get(lowered)
    if known is None:
        known = closed.memo[lowered] = _lowered(closed)
    return known


def _lowered(closed):
    jaxpr, types = closed.jaxpr, closed.in_avals
    changing = [k for k, t in enumerate(types) if type(t) is AvalQDD]
    in_sizes = [len(t.lo_ty()) for t in types]
    found: Any = {}

    def on_arrays(*arrays):
        values = [*map(_raised, types, split_list(arrays, in_sizes)[:-1])]
        outs = core.eval_jaxpr(jaxpr, closed.consts, *values)
        parts = [*map(_parts, closed.out_avals, outs)]
        states = [jaxpr.invars[k].final_qdd for k in changing]
        finals = [
            types[k].aval.read_loval_out(state, values[k])
            for k, state in zip(changing, states, strict=True)
        ]
        places = [tree.update(range(len(tree))) for tree in finals]
        found.update(
            sizes=[*map(len, parts)], finals=[*zip(states, places, strict=True)]
        )
        return [*itertools.chain(*parts, *finals)]

    avals = [a for t in types for a in t.lo_ty()]
    made = trace(on_arrays, avals, jaxpr.debug_info, LowerTrace)
    sizes, finals = found["sizes"], found["finals"]
    return Lowered(made, types, in_sizes, closed.out_avals, sizes, changing, finals)


def _raised(kind, arrays):
    """The value of a type that consists of these arrays."""
    if type(kind) is AvalQDD:
        return kind.new_from_loval(*arrays)
    return kind.raise_val(*arrays) if kind.is_high else arrays[0]


def _parts(kind, x):
    """The arrays that a value consists of."""
    if type(kind) is AvalQDD:
        return kind.read_loval_in(x)
    return kind.lower_val(x) if kind.is_high else [x]


def _own_types(low, args):
    """The types of arguments: those of the jaxpr, or of many such values for a loop."""
    return [
        t if type(t) is AvalQDD else core.get_aval(x)
        for t, x in zip(low.types, args, strict=True)
    ]


def _flat(low, args):
    """For each argument the list of its arrays."""
    return [*map(_parts, _own_types(low, args), args)]


def _update(low, args, arrays):
    """Change the changing arguments to what was left of them."""
    parts = split_list(arrays, _final_sizes(low))[:-1]
    for k, (state, tree), part in zip(low.changing, low.finals, parts, strict=True):
        low.types[k].aval.update_from_loval2(state, args[k], tree.update(part))


def _final_sizes(low):
    return [len(tree) for _, tree in low.finals]


def lower(closed):
    """A closed jaxpr whose inputs and outputs are arrays in terms of arrays."""
    return lowered(closed).closed if is_high(closed) else closed


# --- which are to be lowered -----------------------------------------------------------


def is_high(jaxpr):
    """Whether a jaxpr, open or closed, has primitives or types of a user's."""
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    known = jaxpr.memo.get(is_high)
    if known is None:
        known = jaxpr.memo[is_high] = any(
            v.aval.is_high for v in (*jaxpr.constvars, *jaxpr.invars)
        ) or any(map(_is_high_eqn, jaxpr.eqns))
    return known


def _is_high_eqn(eqn):
    inner = core.subjaxprs(eqn.params)
    return hasattr(eqn.primitive, "to_lojax") or any(map(is_high, inner))


def concerns(jaxpr):
    """Whether inputs, constants or outputs of a jaxpr, open or closed, are no arrays."""
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    variables = *jaxpr.constvars, *jaxpr.invars, *jaxpr.outvars
    return any(v.aval.is_high for v in variables)


def inner_variables(eqn, place):
    """The inputs of the jaxprs that an equation calls which are its input `place`."""
    params, found = eqn.params, []
    for name in ("jaxpr", "call_jaxpr"):
        if name in params:
            found.append((params[name], place))
    if "branches" in params:
        found += [(branch, place - 1) for branch in params["branches"]]
    if "body_jaxpr" in params:
        found.append((params["body_jaxpr"], place - params["cond_nconsts"]))
    return [
        jaxpr.invars[k]
        for jaxpr, k in ((getattr(j, "jaxpr", j), k) for j, k in found)
        if 0 <= k < len(jaxpr.invars)
    ]


# --- calls, loops, branches --------------------------------------------------------------


def run(level, primitive, args, params):
    """Carry out a primitive that has a way of its own to be lowered, or that calls jaxprs
    with values that are no arrays. None for all others.
    """
    if hasattr(primitive, "to_lojax"):
        if level is core.eval_trace:
            return None  # it is what the primitive does at once, too
        return primitive.to_lojax(*args, **params)
    at_once = level is core.eval_trace
    inside = map(concerns if at_once else is_high, core.subjaxprs(params))
    if not any(core.get_aval(x).is_high for x in args) and not any(inside):
        return None
    rule = _RULES.get(primitive.name)
    if rule is None:
        raise NotImplementedError(
            f"{primitive.name} cannot be lowered with values of users' own types"
        )
    return rule(level, primitive, args, params)


def _call(level, primitive, args, params):
    closed = params["jaxpr"] if "jaxpr" in params else params["call_jaxpr"]
    if not isinstance(closed, ClosedJaxpr):
        closed = ClosedJaxpr(closed)
    if level is not core.eval_trace:
        return core.eval_jaxpr(closed.jaxpr, closed.consts, *args)
    low = lowered(closed)
    arrays = [*itertools.chain(*_flat(low, args))]
    outs = dispatch.compiled(low.closed, params.get("name", primitive.name))(arrays)
    return _results(low, args, outs, low.out_avals)


def _results(low, args, arrays, avals):
    """The values that a lowered jaxpr gave, once changing arguments were changed."""
    *parts, last = split_list(arrays, low.out_sizes)
    _update(low, args, last)
    return [*map(_raised, avals, parts)]


def _changes_not(low, what):
    """TypeError where a loop's body changes the type of what a value holds."""
    n = sum(low.out_sizes)
    lasts = split_list(low.closed.out_avals[n:], _final_sizes(low))
    for k, last in zip(low.changing, lasts, strict=False):
        kind = low.types[k]
        first = kind.lo_ty()
        if kind.is_writer:
            continue
        if len(first) != len(last) or not all(map(same_type, first, last)):
            raise TypeError(
                f"type-changing mutations not allowed in {what} body: a value of type "
                f"{kind.aval.str_short()} holds {first} at the start of an iteration and "
                f"{last} at its end."
            )


def _groups(values, low, n_consts):
    """Of one list for each input of a loop's body: (those of constants, of changing values
    that are carried, and of carried and other inputs).
    """
    carried = [k for k in low.changing if k < n_consts and not low.types[k].is_writer]
    fixed = [k for k in range(n_consts) if k not in low.changing]
    rest = range(n_consts, len(values))
    return [[x for k in places for x in values[k]] for places in (fixed, carried, rest)]


def _last_states(low):
    """The outputs of a lowered body that are last states: (those carried, those of values
    that are only added to).
    """
    outvars = low.closed.jaxpr.outvars[sum(low.out_sizes) :]
    parts = split_list(outvars, _final_sizes(low))
    carried, added = [], []
    for k, part in zip(low.changing, parts, strict=False):
        (added if low.types[k].is_writer else carried).extend(part)
    return carried, added


def _in_given_order(low, carried, added):
    """Last states as `_update` takes them, of those of both kinds."""
    carried, added = iter(carried), iter(added)
    return [
        next(added if low.types[k].is_writer else carried)
        for k, size in zip(low.changing, _final_sizes(low), strict=True)
        for _ in range(size)
    ]


def _scan(level, primitive, args, params):
    num_consts, num_carry = params["num_consts"], params["num_carry"]
    low = lowered(params["jaxpr"])
    _changes_not(low, "scan")
    fixed, states, rest = _groups(_flat(low, args), low, num_consts)
    n_carry = sum(low.in_sizes[num_consts : num_consts + num_carry])
    body, more = _scan_body(low, num_consts, num_carry)
    outs = primitive.bind(
        *more, *fixed, *states, *rest,
        **{
            **params,
            "jaxpr": body,
            "num_consts": len(more) + len(fixed),
            "num_carry": len(states) + n_carry,
        },
    )  # fmt: skip
    states, outs = split_list(outs, [len(states)])
    outs, added = split_list(outs, [sum(low.out_sizes)])
    avals = low.out_avals[:num_carry] + [
        stacked_aval(a, params["length"]) for a in low.out_avals[num_carry:]
    ]
    return _results(low, args, outs + _in_given_order(low, states, added), avals)


def _scan_body(low, num_consts, num_carry):
    """The body with the states of changing constants among what is carried."""
    key = _scan_body, num_consts, num_carry
    known = low.closed.memo.get(key)
    if known is None:
        jaxpr = low.closed.jaxpr
        fixed, states, rest = _groups(
            split_list(jaxpr.invars, low.in_sizes)[:-1], low, num_consts
        )
        carried, added = _last_states(low)
        outs = jaxpr.outvars[: sum(low.out_sizes)]
        body = jaxpr.replace(
            invars=fixed + states + rest, outvars=carried + outs + added
        )
        known = hoist_consts(ClosedJaxpr(body, low.closed.consts))
        low.closed.memo[key] = known
    return known


def _while(level, primitive, args, params):
    n_cond, n_body = params["cond_nconsts"], params["body_nconsts"]
    cond_args, body_args = args[:n_cond], args[n_cond:]
    carry = args[n_cond + n_body :]
    cond, low = lowered(params["cond_jaxpr"]), lowered(params["body_jaxpr"])
    _changes_not(low, "while_loop")
    fixed, states, rest = _groups(_flat(low, body_args), low, n_body)
    body, more = _scan_body(low, n_body, len(carry))
    cond_fixed = [*itertools.chain(*_flat(cond, [*cond_args, *carry])[:n_cond])]
    test, cond_more = hoist_consts(cond.closed)
    at = len(cond_more) + len(cond_fixed)
    unread = [Var(core.get_aval(x)) for x in states]
    test = test.jaxpr
    test = test.replace(invars=test.invars[:at] + unread + test.invars[at:])
    outs = primitive.bind(
        *cond_more, *cond_fixed, *more, *fixed, *states, *rest,
        cond_nconsts=at, cond_jaxpr=ClosedJaxpr(test),
        body_nconsts=len(more) + len(fixed), body_jaxpr=body,
    )  # fmt: skip
    states, outs = split_list(outs, [len(states)])
    return _results(low, body_args, outs + states, low.out_avals)


def _cond(level, primitive, args, params):
    index, *operands = args
    lows = [lowered(branch) for branch in params["branches"]]
    first, counts = lows[0], {len(low.closed.jaxpr.outvars) for low in lows}
    if len(counts) > 1:
        raise TypeError(
            "branches of cond must leave values that change with the same structure"
        )
    hoisted = [hoist_consts(low.closed) for low in lows]
    if any(consts for _, consts in hoisted):
        raise NotImplementedError(
            "branches of cond with values of users' own types close over traced values"
        )
    arrays = [*itertools.chain(*_flat(first, operands))]
    branches = tuple(closed for closed, _ in hoisted)
    outs = primitive.bind(index, *arrays, **{**params, "branches": branches})
    return _results(first, operands, outs, first.out_avals)


_RULES = {
    **dict.fromkeys(
        ("jit", "closed_call", "core_call", "remat2", "custom_jvp_call",
         "custom_vjp_call"), _call
    ),
    "scan": _scan,
    "while": _while,
    "cond": _cond,
}  # fmt: skip

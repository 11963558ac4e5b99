"""custom_vmap: a function whose batching rule the user gives."""

import functools

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.body import debug_info_of
from minijax.control.custom_call import forwarding, positional
from minijax.control.scan import scan
from minijax.control.signature import function_name
from minijax.core import HigherOrderPrimitive
from minijax.ops.define import NO_RULE, define, instantiate
from minijax.trace import hoist_consts, trace
from minijax.transforms import ad, batching
from minijax.transforms.evaluate import evaluate
from minijax.tree_util import tree_map, treedef_tuple


class custom_vmap:
    """`@custom_vmap`, then `@f.def_vmap` on a rule.

    The rule `(axis_size, in_batched, *args) -> (out, out_batched)` sees batched
    arguments with the batch axis first.
    """

    def __init__(self, fun):
        functools.update_wrapper(self, fun, updated=())
        self.fun, self.rule = fun, None

    __getattr__ = forwarding("defjvp", "defjvps", "defvjp")

    def def_vmap(self, vmap_rule):
        """Set the rule; returns it."""
        self.rule = vmap_rule
        return vmap_rule

    def __call__(self, *args, **kwargs):
        if self.rule is None:
            raise AttributeError(
                "No batching rule defined for custom_vmap function "
                f"{function_name(self.fun)} using def_vmap."
            )
        args = positional("custom_vmap", self.fun, args, kwargs)
        flat, in_tree = flatten(args)
        trees = []

        def flat_fun(*leaves):
            outs, tree = flatten(self.fun(*unflatten(in_tree, leaves)))
            trees.append(tree)
            return outs

        info = debug_info_of("custom_vmap fun", self.fun, args)
        closed = trace(flat_fun, [core.get_aval(x) for x in flat], info)
        closed, consts = hoist_consts(closed)
        outs = custom_vmap_p.bind(
            *consts,
            *flat,
            call=closed,
            rule=_FlatRule(self.rule, in_tree, trees[0], len(consts)),
            in_tree=flatten((consts, args))[1],
            out_tree=trees[0],
        )
        return unflatten(trees[0], outs)


class _FlatRule:
    """The user's rule on flat values."""

    def __init__(self, rule, in_tree, out_tree, n_consts):
        self.rule, self.in_tree, self.out_tree = rule, in_tree, out_tree
        self.n_consts = n_consts

    def __repr__(self):
        return repr(self.rule)

    @property
    def _rule_name(self):
        return getattr(self.rule, "__name__", "<unnamed rule>")

    def __call__(self, axis_size, mapped, values):
        if any(mapped[: self.n_consts]):
            raise NotImplementedError(
                "vmap over values that a custom_vmap function closes over"
            )
        args = unflatten(self.in_tree, values[self.n_consts :])
        flags = unflatten(self.in_tree, mapped[self.n_consts :])
        out, out_mapped = self.rule(axis_size, list(flags), *args)
        outs, tree = flatten(out)
        flags, flag_tree = flatten(out_mapped)
        if flag_tree != tree:
            raise ValueError(
                "structure of output value and output batching specification returned by "
                f"custom vmap rule ({self._rule_name}) do not match.\nOutput values: "
                f"{tree}\nBatching spec: {flag_tree}"
            )
        if tree != self.out_tree:
            raise ValueError(
                f"structure of output returned by custom vmap rule ({self._rule_name}) "
                "does not match that of original custom-vmapped function.\nOriginal "
                f"output: {self.out_tree}\nRule output: {tree}"
            )
        return outs, flags


def sequential_vmap(f):
    """`f`, batched as a loop over its elements."""
    mapped = custom_vmap(f)

    def rule(axis_size, in_batched, *args):
        flat, tree = flatten(args)
        flags = flatten(in_batched)[0]

        def step(_, xs):
            feed = iter(xs)
            leaves = [next(feed) if m else x for m, x in zip(flags, flat, strict=True)]
            return (), mapped(*unflatten(tree, leaves))

        moving = [x for x, m in zip(flat, flags, strict=True) if m]
        _, out = scan(step, (), moving, axis_size)
        return out, tree_map(lambda _: True, out)

    mapped.def_vmap(rule)
    return mapped


def _jvp(primals, tangents, *, call, rule, in_tree, out_tree):
    nonzero = (True,) * len(primals)
    derived, _ = ad.jvp_jaxpr(call, nonzero, True)
    moving = [instantiate(t) for t in tangents]
    n = len(call.jaxpr.outvars)

    def jvp_rule(axis_size, mapped, values):
        return _batch_of_jvp(rule, axis_size, mapped, values, len(primals))

    derived, consts = hoist_consts(derived)
    if consts:
        raise NotImplementedError("jvp of custom_vmap over a function with constants")
    outs = custom_vmap_p.bind(
        *primals,
        *moving,
        call=derived,
        rule=jvp_rule,
        in_tree=treedef_tuple((in_tree, in_tree)),
        out_tree=treedef_tuple((out_tree, out_tree)),
    )
    return outs[:n], outs[n:]


def _batch_of_jvp(rule, axis_size, mapped, values, n):
    """The batch of a jvp is the jvp of the batch.

    Where only primals or only tangents are mapped, that is no matter of the rule: its
    jvp is batched over them.
    """
    primals, tangents = values[:n], values[n:]
    both = [a and b for a, b in zip(mapped[:n], mapped[n:], strict=True)]
    if not any(both):
        return _jvp_over_batch(rule, axis_size, mapped, values, n)
    flags = [a or b for a, b in zip(mapped[:n], mapped[n:], strict=True)]
    axis = core.AxisData(axis_size)
    primals = [
        batching.match_axis(axis, x, 0 if m else None, 0) if f else x
        for x, m, f in zip(primals, mapped[:n], flags, strict=True)
    ]
    tangents = [
        batching.match_axis(axis, x, 0 if m else None, 0) if f else x
        for x, m, f in zip(tangents, mapped[n:], flags, strict=True)
    ]
    found = []

    def batched(*args):
        outs, out_flags = rule(axis_size, flags, list(args))
        found[:] = out_flags
        return outs

    outs, out_tangents = ad.jvp(batched, primals, tangents)
    return [*outs, *[instantiate(t) for t in out_tangents]], found * 2


def _jvp_over_batch(rule, axis_size, mapped, values, n):
    """The jvp of a rule that sees nothing mapped, once for each element."""

    def one_jvp(*values):
        outs, tangents = ad.jvp(unmapped, values[:n], values[n:])
        return [*outs, *map(instantiate, tangents)]

    def unmapped(*primals):
        return rule(axis_size, [False] * n, list(primals))[0]

    axis = core.AxisData(axis_size)
    dims = [0 if m else None for m in mapped]
    outs, dims = batching.batch(one_jvp, axis, values, dims)
    outs = batching.all_to_front(axis, outs, dims)
    return outs, [d is not None for d in dims]


def _batch(axis, args, dims, *, call, rule, in_tree, out_tree):
    args = batching.all_to_front(axis, args, dims)
    outs, mapped = rule(axis.size, [d is not None for d in dims], args)
    return outs, [0 if m else None for m in mapped]


custom_vmap_p = define(
    "custom_vmap_call",
    cls=HigherOrderPrimitive,
    shape=lambda *avals, call, **_: call.out_avals,
    reference=lambda *args, call, **_: evaluate(call, *args),
    jvp=_jvp,
    transpose=NO_RULE("is not linear"),
    batch=_batch,
    lower=lambda b, ins, out_avals, *, call, **_: b.inline(call, ins),
)


def _linearize(linear_trace, primals, tangents, *, call, **_):
    """Differentiate the function itself; its batching rule matters no more."""
    nonzero = ad.nonzero_mask(tangents)
    outs, linear, out_nonzero = ad.linearize(core.jaxpr_as_fun(call), primals, nonzero)
    moving = ad.without_zeros(tangents)
    with core.set_current_trace(linear_trace):
        found = core.eval_jaxpr(linear.jaxpr, linear.consts, *moving)
    return outs, ad.with_zeros(found, out_nonzero, map(core.get_aval, outs))


custom_vmap_p.linearize = _linearize

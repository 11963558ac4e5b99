"""A function must know a mutable reference under one name only: the checks of calls."""

from minijax import core
from minijax._pytree import flatten
from minijax.control.signature import leaf_names
from minijax.trace import describe_function
from minijax.transforms.ad import JVPTracer
from minijax.transforms.batching import BatchTracer


def check_distinct_refs(args, consts, said, names):
    """ValueError for a reference that is among the arguments twice, or also closed over.

    args, consts: flat; said: what is being done, as "when tracing f for jit"; names():
    those of the arguments.
    """
    closed_over, first = {id(referent(x)) for x in consts}, {}
    for k, x in enumerate(args):
        if not core.is_ref(x):
            continue
        what = f"mutable array reference of type {x.aval}"
        named = id(referent(x))
        if named in closed_over:
            raise ValueError(
                f"{said}, a {what} was both closed over and passed as the argument "
                f"{names()[k]}"
            )
        j = first.setdefault(named, k)
        if j != k:
            raise ValueError(
                "only one reference to a mutable array may be passed as an argument to a "
                f"function, but {said} the {what} appeared at both {names()[j]} and "
                f"{names()[k]}."
            )


def referent(x):
    """What a tracer of a reference stands for where transforms have wrapped it."""
    while True:
        if type(x) is JVPTracer:
            x = x.primal
        elif type(x) is BatchTracer:
            x = x.val
        else:
            return x


def check_operands(what, fun, operands, consts=()):
    """`check_distinct_refs` of what a loop or branch hands to one of its functions."""
    if not core.ref_rules.in_use:
        return
    flat, tree = flatten((operands, {}))
    check_arguments(what, fun, flat, tree, consts)


def check_arguments(what, fun, flat, tree, consts=()):
    """`check_distinct_refs` of the flat arguments of a function that is traced."""
    check_distinct_refs(
        flat, consts, f"when tracing {describe_function(fun)} for {what}",
        leaf_names(fun, tree),
    )  # fmt: skip


def refuse_views(fun, what, tree, leaves):
    """TypeError for a part of a reference among arguments that hold references."""
    if not any(map(core.is_ref, leaves)):
        return
    for x in flatten(tree, core.ref_rules.is_view)[0]:
        if core.ref_rules.is_view(x):
            raise TypeError(
                f"When tracing {describe_function(fun)} for {what}, TransformedRefs are "
                f"not allowed, but got {x}."
            )


def refuse_refs(said, outs, path="", given=()):
    """ValueError for a reference among the results of a rule, but for those it is given.

    said, path: which function's results they are, and where among them.
    """
    for x in outs:
        if core.is_ref(x) and not any(x is y for y in given):
            why = (
                "that was not an argument." if given
                else "but mutable array references cannot be returned there."
            )  # fmt: skip
            raise ValueError(
                f"{said} returned a mutable array reference of type {x.aval}{path}"
                f"{' ' if given else ', '}{why}"
            )

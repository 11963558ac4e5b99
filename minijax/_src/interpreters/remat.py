"""A function as what it computes now, and what computes it again later."""

from collections.abc import Callable
from typing import Any

from minijax import core
from minijax._src.flat_tree import FlatTree
from minijax._src.interpreters.partial_eval import trace_to_jaxpr
from minijax.api_util import debug_info
from minijax.control.remat import keep_nothing
from minijax.core import ClosedJaxpr
from minijax.transforms.partial_eval import split_jaxpr
from minijax.transforms.simplify import inline_calls
from minijax.tree_util import Partial, tree_flatten


def remat_jaxpr(
    jaxpr: ClosedJaxpr, policy: Callable | None
) -> tuple[ClosedJaxpr, ClosedJaxpr, int]:
    """(inputs -> outputs + kept values, kept values + inputs -> outputs, how many are
    kept); `policy(primitive, *avals, **params)` says which are.
    """
    outs = jaxpr.jaxpr.outvars
    twice = jaxpr.replace(jaxpr.jaxpr.replace(outvars=[*outs, *outs]))
    now = [False] * len(jaxpr.jaxpr.invars)
    keep = policy or keep_nothing
    return split_jaxpr(inline_calls(twice), now, keep=keep, n_known=len(outs))


def remat_transform(policy: Callable | None, f: Callable, *args: Any) -> Any:
    """(`f(*args)`, a function of `args` that computes it again from what is kept of it).

    policy: as for `jax.checkpoint`; None keeps nothing.
    """
    given = FlatTree.flatten_args(*args)
    info = debug_info("remat", f, args, {})
    closed, results = trace_to_jaxpr(f, given.map(core.get_aval), info)
    now, later, _ = remat_jaxpr(closed, policy)
    outs = core.eval_jaxpr(now.jaxpr, now.consts, *given)
    kept = outs[len(results) :]

    def again(kept, *args):
        leaves, _ = tree_flatten((args, {}))
        return results.tree.unflatten(
            core.eval_jaxpr(later.jaxpr, later.consts, *kept, *leaves)
        )

    return results.update(outs[: len(results)]).unflatten(), Partial(again, kept)

"""Splitting into known and unknown."""

from minijax._src._homes import names_of
from minijax._src.flat_tree import FlatTree
from minijax.ad_checkpoint import Offloadable, Recompute, Saveable  # noqa: F401
from minijax.core import ClosedJaxpr
from minijax.trace import JaxprTrace as DynamicJaxprTrace  # noqa: F401
from minijax.trace import JaxprTracer as DynamicJaxprTracer  # noqa: F401
from minijax.trace import trace


def convert_constvars_jaxpr(jaxpr):
    """The jaxpr with its constvars as first inputs."""
    invars = [*jaxpr.constvars, *jaxpr.invars]
    return jaxpr.replace(constvars=(), invars=invars)


def trace_to_jaxpr(fun, in_avals, debug_info):
    """(what `fun` does to arguments of the types in a `FlatTree` of (args, kwargs), as a
    closed jaxpr; the types of its results, as a `FlatTree`).
    """
    results = []

    def flat_fun(*leaves):
        args, kwargs = in_avals.update(leaves).unflatten()
        results.append(FlatTree.flatten(fun(*args, **kwargs)))
        return list(results[-1])

    closed = trace(flat_fun, list(in_avals), debug_info)
    return closed, results[-1].update(closed.out_avals)


def close_jaxpr(jaxpr):
    """A jaxpr without constvars, closed."""
    return ClosedJaxpr(jaxpr, ())


__getattr__ = names_of(
    __name__,
    "minijax.interpreters.partial_eval",
    "minijax.transforms.partial_eval",
    "minijax.trace",
    "minijax.transforms.simplify",
    "minijax.transforms.dce",
)

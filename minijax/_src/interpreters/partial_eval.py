"""Splitting into known and unknown."""

from minijax._src._homes import names_of
from minijax.core import ClosedJaxpr
from minijax.trace import JaxprTrace as DynamicJaxprTrace  # noqa: F401
from minijax.trace import JaxprTracer as DynamicJaxprTracer  # noqa: F401


def convert_constvars_jaxpr(jaxpr):
    """The jaxpr with its constvars as first inputs."""
    invars = [*jaxpr.constvars, *jaxpr.invars]
    return jaxpr.replace(constvars=(), invars=invars)


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

"""Computing primitives at once (`jax.interpreters.xla`)."""

from minijax import core, executable
from minijax.alias import missing_attribute
from minijax.dispatch import canonicalize_dtype_handlers as canonicalize_dtype_handlers


def apply_primitive(prim, *args, **params):
    """The result of a primitive, through its lowering rule."""
    avals = tuple(core.get_aval(x) for x in args)
    outs = executable.compile_primitive(prim, avals, params)(args)
    return outs if prim.multiple_results else outs[0]


def __getattr__(name):
    raise missing_attribute(__name__, name)

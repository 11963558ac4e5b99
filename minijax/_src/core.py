"""Jaxprs, primitives, traces and abstract values."""

from typing import Any

from minijax import check, core, dtypes, pprint
from minijax._src import pretty_printer
from minijax._src._homes import names_of
from minijax.ops.shape import canonical_shape
from minijax.pprint import Settings as JaxprPpSettings  # noqa: F401
from minijax.state.primitives import new_ref_p

AxisName = Any
Effects = frozenset
trace_ctx = core._state
abstract_token = core.AbstractToken()
ref_p = new_ref_p
check_jaxpr = check.check_jaxpr
pytype_aval_mappings = core.aval_rules


def trace_state_clean():
    """Whether nothing is being traced in this thread."""
    return core.current_trace() is core.eval_trace


def _under(kind):
    trace = core.current_trace()
    while trace is not None and str(trace) != kind:
        trace = trace.parent
    return trace is not None


def unsafe_am_i_under_a_jit():
    """Whether a function is being traced, for `jit` or any other that makes a jaxpr."""
    return _under("DynamicJaxprTrace")


def unsafe_am_i_under_a_vmap():
    """Whether a function is being vectorized."""
    return _under("BatchTrace")


def reset_trace_state():
    """Trace nothing any more in this thread; whether nothing was being traced."""
    clean = trace_state_clean()
    core._state.trace = core.eval_trace
    return clean


def physical_aval(aval):
    """The aval of the numbers that represent values of a library's own dtype."""
    if getattr(aval.dtype, "_rules", None) is None:
        return aval
    return core.ShapedArray(aval.shape, dtypes.physical_dtype(aval.dtype))


def is_empty_shape(shape):
    """Whether arrays of a shape have no elements."""
    return 0 in shape


def definitely_equal(x, y):
    """Whether two sizes are surely equal."""
    return x is y or x == y


def definitely_equal_shape(a, b):
    """Whether two shapes are surely equal."""
    return len(a) == len(b) and all(map(definitely_equal, a, b))


def is_constant_dim(d):
    """Whether a size is a number rather than a symbol: always, here."""
    return isinstance(d, int)


def is_concrete(x):
    """Whether the value of `x` is known."""
    return to_concrete_value(x) is not None


def to_concrete_value(x):
    """The value of `x`, or None where it is traced."""
    return x._concrete() if isinstance(x, core.Tracer) else x


def extend_axis_env_nd(name_size_pairs):
    """Named axes in scope for a `with` block."""
    return core.extend_axis_env(dict(name_size_pairs))


def unsafe_get_axis_names():
    """The names of the axes in scope."""
    return list(core.axis_env())


class JaxprPpContext:
    """The names of variables, which jaxprs printed after each other share."""

    def __init__(self, var_names=None):
        self.names = pprint.Names()
        self.names.known.update(var_names or {})


def _document(lines):
    return pretty_printer.join(pretty_printer.brk(), map(pretty_printer.text, lines))


def pp_jaxpr(jaxpr, context, settings):
    """A jaxpr as a document of the lines it is printed on."""
    names = context.names.with_settings(settings)
    return _document(pprint.pretty(jaxpr, names=names).split("\n"))


def pp_eqn(eqn, context, settings):
    """An equation as such a document."""
    names = context.names.with_settings(settings)
    return _document(pprint.pretty_eqn(eqn, names).split("\n"))


def canonicalize_shape(shape, context=""):
    """A shape as a tuple of ints.  TypeError for what is none."""
    return canonical_shape(shape)


__getattr__ = names_of(
    __name__,
    "minijax.extend.core",
    "minijax.core",
    "minijax.errors",
    "minijax.state.primitives",
    "minijax.extend.core._calls",
    "minijax.mesh",
    "minijax.named_sharding",
    "minijax.trace",
    "minijax.control.naming",
)

"""Jaxprs, primitives, traces and abstract values."""

from typing import Any

from minijax import check, core, dtypes, pprint
from minijax._src import pretty_printer
from minijax._src._homes import names_of
from minijax.api.inspection import abstract as shaped_abstractify  # noqa: F401
from minijax.ops.conv_shapes import dilate, window_counts
from minijax.ops.shape import canonical_shape
from minijax.pprint import Settings as JaxprPpSettings  # noqa: F401
from minijax.state.primitives import new_ref_p
from minijax.transforms.batching import aval_mapping_handlers as aval_mapping_handlers

AxisName = Any
Effects = frozenset
trace_ctx = core._state
abstract_token = core.AbstractToken()
no_axis_name = object()
ref_p = new_ref_p
check_jaxpr = check.check_jaxpr
pytype_aval_mappings = core.aval_rules


def trace_state_clean():
    """Whether nothing is being traced in this thread."""
    return core.current_trace() is core.eval_trace


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


def typematch(aval, other):
    """Whether two avals are of one type, weakly or not."""
    return aval.strip_weak_type() == other.strip_weak_type()


typecompat = typematch


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
    """Whether a size is a number rather than a symbol."""
    return not is_symbolic_dim(d) and hasattr(d, "__index__")


def is_symbolic_dim(v):
    """Whether a size is a symbol rather than a number."""
    return isinstance(v, core.SymbolicSize)


def is_dim(v):
    """Whether `v` may be the size of an axis."""
    return is_symbolic_dim(v) or is_constant_dim(v)


def definitely_equal_one_of_dim(d1, dlist):
    """Whether a size is surely one of some others."""
    return any(definitely_equal(d1, d) for d in dlist)


def dim_value_dtype():
    """The dtype of a size as an array."""
    return dtypes.python_scalar_dtype(int)


def dim_value_aval():
    """The type of a size as an array: a weak integer."""
    return core.ShapedArray((), dim_value_dtype(), weak_type=True)


def dim_constant(ct):
    """A number as an integer of `dim_value_dtype`."""
    return dim_value_dtype().type(ct)


def dimension_as_value(d):
    """A size as an array, or as the number that it is."""
    return d.as_value() if is_symbolic_dim(d) else dim_constant(d)


def dilate_dim(d, dilation):
    """The extent of `d` elements with `dilation - 1` gaps between neighbours."""
    return dilate(d, dilation)


def stride_dim(d, window_size, window_stride):
    """How many windows fit into `d` elements."""
    return window_counts((d,), (window_size,), (window_stride,))[0]


def is_constant_shape(s):
    """Whether all sizes of a shape are numbers."""
    return all(map(is_constant_dim, s))


def is_concrete(x):
    """Whether the value of `x` is known."""
    return to_concrete_value(x) is not None


def to_concrete_value(x):
    """The value of `x`, or None where it is traced."""
    return x._concrete() if isinstance(x, core.Tracer) else x


def extend_axis_env_nd(name_size_pairs):
    """Named axes in scope for a `with` block."""
    return core.extend_axis_env(dict(name_size_pairs))


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
    "minijax.extend.core._scope",
    "minijax.extend.core._calls",
    "minijax.core",
    "minijax.errors",
    "minijax.state.primitives",
    "minijax.mesh",
    "minijax.named_sharding",
    "minijax.eqn_context",
    "minijax.trace",
    "minijax.control.naming",
    "minijax.hitypes",
)

"""Jaxprs and primitives for libraries (`jax.extend.core`)."""

import numpy as np

from minijax import core, dtypes
from minijax import errors as errors
from minijax.alias import missing_attribute
from minijax.check import check_jaxpr as check_jaxpr
from minijax.core import AbstractToken as AbstractToken
from minijax.core import ClosedJaxpr as ClosedJaxpr
from minijax.core import DropVar as DropVar
from minijax.core import Effect as Effect
from minijax.core import Jaxpr as Jaxpr
from minijax.core import JaxprEqn as JaxprEqn
from minijax.core import Literal as Literal
from minijax.core import Token as Token
from minijax.core import Var as Var
from minijax.core import find_top_trace as find_top_trace
from minijax.core import jaxpr_as_fun as jaxpr_as_fun
from minijax.core import no_effects as no_effects
from minijax.core import set_current_trace as set_current_trace
from minijax.core import valid_jaxtype as valid_jaxtype
from minijax.errors import (
    InconclusiveDimensionOperation as InconclusiveDimensionOperation,
)
from minijax.errors import JaxprTypeError as JaxprTypeError
from minijax.extend.core import primitives as primitives
from minijax.extend.core._calls import CallPrimitive as CallPrimitive
from minijax.extend.core._primitive import Primitive as Primitive
from minijax.extend.core._scope import TraceTag as TraceTag
from minijax.extend.core._scope import call_impl as call_impl
from minijax.extend.core._scope import (
    nonempty_axis_env as nonempty_axis_env_DO_NOT_USE,  # noqa: F401
)
from minijax.extend.core._scope import (
    unsafe_am_i_under_a_jit as unsafe_am_i_under_a_jit_DO_NOT_USE,  # noqa: F401
)
from minijax.extend.core._scope import (
    unsafe_am_i_under_a_vmap as unsafe_am_i_under_a_vmap_DO_NOT_USE,  # noqa: F401
)
from minijax.extend.core._scope import (
    unsafe_get_axis_names as unsafe_get_axis_names_DO_NOT_USE,  # noqa: F401
)
from minijax.trace import DebugInfo as DebugInfo
from minijax.transforms import batching

Effects = frozenset


def new_jaxpr_eqn(
    invars, outvars, primitive, params, effects, source_info=None, ctx=None
):
    """An equation; `source_info` locates the user's line (default: here)."""
    source = core.user_frame() if source_info is None else source_info
    return JaxprEqn(
        primitive,
        list(invars),
        list(outvars),
        params,
        core.ref_rules.marks(effects),
        source,
    )


def mapped_aval(size, axis, aval):
    """The aval of one element along `axis` (None: the aval itself)."""
    return batching.mapped_aval(aval, axis)


def unmapped_aval(size, axis, aval, explicit_mesh_axis=None):
    """The aval with an axis of `size` put at `axis` (None: the aval itself)."""
    return batching.unmapped_aval(size, axis, aval)


def gensym():
    """A function from an aval to a new variable."""
    return Var


# The types of NumPy's values that functions take as arrays
array_types = {np.ndarray, *(np.dtype(t).type for t in dtypes.array_dtypes)}


def jaxprs_in_params(params):
    """The jaxprs among an equation's parameters, opened."""
    for found in core.subjaxprs(params):
        yield found.jaxpr if isinstance(found, ClosedJaxpr) else found


def subjaxprs(jaxpr):
    """The jaxprs in the equations of a jaxpr."""
    for eqn in jaxpr.eqns:
        yield from jaxprs_in_params(eqn.params)


def primal_dtype_to_tangent_dtype(primal_dtype):
    """The dtype of tangents: float0 for integers, booleans and keys."""
    return core.ShapedArray((), primal_dtype).to_tangent_aval().dtype


def concrete_or_error(force, val, context=""):
    """`val`, converted by `force` if given.  ConcretizationTypeError for a traced one."""
    if isinstance(val, core.Tracer):
        value = val._concrete()
        if value is None:
            raise errors.ConcretizationTypeError(val, context)
        val = value
    return val if force is None else force(val)


class take_current_trace:
    """The current trace for a `with` block; within it values are computed at once."""

    def __enter__(self):
        self._trace = core.current_trace()
        self._held = set_current_trace(core.eval_trace)
        self._held.__enter__()
        return self._trace

    def __exit__(self, *exc):
        return self._held.__exit__(*exc)


class OpaqueTraceState:
    """The state of tracing at one moment; equal to another of the same moment."""

    __slots__ = ("_trace", "_convention")

    def __init__(self, trace, convention):
        self._trace, self._convention = trace, convention

    def __eq__(self, other):
        return (
            isinstance(other, OpaqueTraceState)
            and self._trace is other._trace
            and self._convention == other._convention
        )

    def __hash__(self):
        return hash((id(self._trace), self._convention))


def get_opaque_trace_state(convention="flax"):
    """What is being traced now, to be compared with the same of another moment.

    convention: a name that the caller chooses.
    """
    return OpaqueTraceState(core.current_trace(), convention)


def __getattr__(name):
    raise missing_attribute(__name__, name)

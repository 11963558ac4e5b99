"""Primitives and traces, with avals, tracers and jaxprs: the words of everything else.

A `Primitive` is bound to arguments; the current `Trace` decides what that means:
compute at once (`EvalTrace`), record an equation (`trace.JaxprTrace`), or carry
tangents or a batch axis along (`transforms`).  Traces stack: each but the outermost has
a `parent`, and hands on whatever does not concern it.
"""

import importlib
import operator
import warnings
from typing import Any

import numpy as np

from minijax import _callpath, dtypes, errors
from minijax.alias import unknown_attribute
from minijax.avals import (
    AbstractRef,
    AbstractToken,
    AbstractValue,
    ShapedArray,
    SymbolicSize,
    Token,
    UndefinedPrimal,
    Zero,
    argument_aval,
    as_size,
    aval_rules,
    check_arguments,
    get_aval,
    is_float0,
    is_literal_value,
    is_masked,
    is_undefined_primal,
    literal_types,
    no_value,
    own_aval,
    pytype_aval_mappings,
    scalar_values,
    shapes_only,
    stored_aval,
    typeof,
    valid_jaxtype,
)
from minijax.jaxprs import (
    Atom,
    ClosedJaxpr,
    DropVar,
    Effect,
    Jaxpr,
    JaxprEqn,
    Literal,
    ParamDict,
    RefRules,
    Value,
    Var,
    hi_rules,
    is_ref,
    no_effects,
    pretty,
    pretty_eqn,
    ref_effect,
    ref_rules,
    subjaxprs,
    without_refs,
)
from minijax.source_info import (
    Replay,
    SourceInfo,
    Transform,
    describe_source,
    scopes,
    scopes_set,
    user_frame,
    within,
)
from minijax.tracers import Tracer

# Messages and pickles name them by where everybody finds them.
for _public in (
    AbstractRef, AbstractToken, AbstractValue, ShapedArray, Token, UndefinedPrimal, Zero,
    ClosedJaxpr, DropVar, Effect, Jaxpr, JaxprEqn, Literal, SourceInfo, Tracer, Var,
):  # fmt: skip
    _public.__module__ = __name__

# --- primitives ---------------------------------------------------------------


# In place of a `narrow` rule: an equation on `dtypes.narrow_dtypes` is lowered as it is. Its
# op only moves elements, or leaves them to inner jaxprs, or its own rules see to the dtypes.
AS_STORED = object()


class Primitive(_callpath.Primitive):
    """An operation with a slot for each of its rules.

    shape(*avals, **params) -> aval (a list if `multiple_results`)
    reference(*arrays, **params) -> array: in NumPy, slow and obvious, for checks
    jvp(primals, tangents, **params) -> (out, tangent); tangents may be `Zero`
    transpose(ct, *args, **params) -> cotangents; linear args are `UndefinedPrimal`
    batch(axis, args, dims, **params) -> (out, dim); dims: int or None per argument
    lower(b, ins, out_avals, **params) -> views; b: `cbackend.lower.Builder`

    and, where it helps,

    typed_reference(avals, *arrays, **params): in place of `reference`, where elements do
        not tell their type
    fold(value, aval, **params) -> the scalar that a literal operand gives, or None
    narrow(*args, **params) -> the op on `dtypes.narrow_dtypes` in terms of others, where
        it is not the op on wider elements, rounded; or `AS_STORED`

    and, for higher-order primitives only,

    linearize(linear_trace, primals, tangents, **params) -> (outs, tangents)
    split(linear_trace, args, **params) -> outs, where a rule calls it with tangents of that
        trace and with known values: what is known is computed now, the rest recorded
    dce(used_outputs, eqn) -> an equation without the unused outputs
    dce_compiled: the same, where JAX shows such equations as they are: before compilation
    keep(eqn, policy) -> (eqn that also gives what a checkpoint policy keeps of its inner
        values, eqn that is given them, the variables for them)
    close_over(atoms, params) -> (atoms, params) with literals in the jaxprs where every
        use of them has the same value
    """

    multiple_results = False
    call_primitive = False  # as JAX's; only those that users define can be one
    effects = no_effects
    only_in_python = False  # whether eager calls must reach a user's `def_impl`
    always_traced = False  # by transformations, even where no argument concerns them
    takes_refs = False  # whether its equations may have references among their inputs
    stays = False  # its equations are neither moved nor merged with equal ones
    is_call = False  # whether an equation stands for those of its parameter `jaxpr`
    shape: Any = None
    reference: Any = None
    jvp: Any = None
    transpose: Any = None
    batch: Any = None
    lower: Any = None
    linearize: Any = None
    split: Any = None
    dce: Any = None
    dce_compiled: Any = None
    keep: Any = None
    close_over: Any = None
    fold: Any = None
    typed_reference: Any = None
    narrow: Any = None
    own_impl: Any = None  # what eager calls run in place of a compiled program

    def __init__(self, name, multiple_results=False):
        self.name = name
        if multiple_results:
            self.multiple_results = True

    def __repr__(self):
        return self.name

    def __reduce__(self):
        raise TypeError(f"primitive {self.name} cannot be pickled")

    def __copy__(self):
        """Another primitive, which begins with the rules of this one."""
        other = type(self).__new__(type(self))
        other.__dict__.update(vars(self))
        return other

    def __deepcopy__(self, memo):
        return self.__copy__()

    @property
    def impl(self):
        """What computes the result of an eager call: `impl(*args, **params)`."""
        return self._program_impl if self.own_impl is None else self.own_impl

    @impl.setter
    def impl(self, impl):
        own = impl != self._program_impl
        self.own_impl = impl if own else None
        self._forget()

    def def_impl(self, impl):
        """Set what computes the result of eager calls; returns it."""
        self.impl = impl
        self.only_in_python = self.own_impl is not None
        return impl

    def _program_impl(self, *args, **params):
        return eager(self, args, params, ignore_impl=True)

    bind: Any  # (*args, **params): apply to arguments, under the current trace

    def _compile(self, *avals, **params):
        """What `bind` runs at top level for a new signature: see `eager_program`."""
        return eager_program(self, avals, params)

    def get_bind_params(self, params):
        """The parameters of an equation as `bind` takes them: the same."""
        return params

    def bind_eqn(self, args, params) -> Any:
        """Apply again what an equation recorded (`eval_jaxpr`)."""
        return _state.trace.process_primitive(self, args, params)

    def effects_of(self, params):
        """The effects of an equation with these parameters."""
        return self.effects

    def axis_names(self, params):
        """The named axes that an equation with these parameters communicates along."""
        return ()


class HigherOrderPrimitive(Primitive):
    """A primitive whose parameters hold jaxprs; its effects are theirs."""

    multiple_results = True
    narrow = AS_STORED
    takes_refs = True

    def bind(self, *args, **params):
        return HigherOrderPrimitive.bind_eqn(self, args, params)

    def bind_eqn(self, args, params):
        if ref_rules.in_use and any(map(is_ref, args)):
            return ref_rules.bind(self, args, params)
        return _state.trace.process_primitive(self, args, params)

    def effects_of(self, params):
        found = self.effects
        for jaxpr in subjaxprs(params):
            found = found | jaxpr.marks
        return found

    def axis_names(self, params):
        return {
            name
            for jaxpr in subjaxprs(params)
            for eqn in jaxpr.eqns
            for name in eqn.primitive.axis_names(eqn.params)
        }


# --- traces -------------------------------------------------------------------


class Trace:
    """One level of interpretation: what `bind` means while it is current."""

    parent = None
    main: Any = None  # what the tracers of one level have in common
    valid = True  # False once the trace has ended: its tracers must not be used again
    calls: dict | None = None  # what jit keeps of functions that close over tracers

    def process_primitive(self, primitive, args, params) -> Any:
        """Give `primitive` meaning at this level; args may belong to this trace or not."""
        raise NotImplementedError

    def constant(self, x, value=None):
        """An array that a program makes, as this level sees it: itself where it is known.

        value: for an array without axes, the scalar it was made of.
        """
        return x if self.parent is None else self.parent.constant(x, value)

    def __str__(self):
        return getattr(self, "jax_name", type(self).__name__)

    def full_raise(self, x):
        """`x`, which every level takes as it is: a level reads its own tracers only."""
        return x

    def described(self):
        """`function at file:line for transformation`, for error messages."""
        return ""


class EvalTrace(Trace):
    """The outermost level: every primitive is computed at once."""

    def _run(self, fun, args):
        _check_no_tracers(args)
        with set_current_trace(self):
            return fun(*args)

    def process_primitive(self, primitive, args, params):
        _check_no_tracers(args)
        if hi_rules.in_use:
            outs = hi_rules.run(self, primitive, args, params)
            if outs is not None:
                return outs
        try:
            return eager(primitive, args, params)
        except TypeError:
            check_arguments(primitive, args)
            raise

    def process_custom_jvp_call(self, primitive, fun, jvp, args, **_):
        """At top level a custom derivative does not matter: run the function."""
        return self._run(fun, args)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **_):
        """At top level a custom derivative does not matter: run the function."""
        return self._run(fun, args)


def _check_no_tracers(args):
    for arg in args:
        if isinstance(arg, Tracer):
            raise errors.leaked(arg)


def eager(primitive, args, params, *, ignore_impl=False):
    """Compute a primitive on arrays; `dispatch` puts its own in place of this one."""
    raise NotImplementedError("minijax.dispatch is not imported")


def eager_program(primitive, avals, params):
    """(executable, form of the results, ()) for eager calls with these avals, or None
    where `eager` must serve them; `dispatch` puts its own in place of this one.
    """
    raise NotImplementedError("minijax.dispatch is not imported")


eval_trace = EvalTrace()


# What the current thread traces (`trace`), and its named axes with their sizes
# (`axis_env`).
_state = _callpath.State(eval_trace, {})


def constant(x, value=None):
    """An array that was made just now, as the current trace sees it: see
    `Trace.constant`.
    """
    return _state.trace.constant(x, value)


def current_trace():
    """The trace that `bind` goes to in this thread."""
    return _state.trace


def find_top_trace(_):
    """The current trace, whatever the arguments."""
    return _state.trace


class set_current_trace:
    """Make `trace` current within a `with` block."""

    __slots__ = ("trace", "saved")

    def __init__(self, trace):
        self.trace = trace

    def __enter__(self):
        self.saved = _state.trace
        _state.trace = self.trace
        return self.trace

    def __exit__(self, *exc):
        _state.trace = self.saved
        return False


class extend_axis_env:
    """Names mapped axes, {name: size}, within a `with` block."""

    __slots__ = ("sizes", "saved")

    def __init__(self, sizes):
        self.sizes = sizes

    def __enter__(self):
        self.saved = _state.axis_env
        _state.axis_env = {**self.saved, **self.sizes}

    def __exit__(self, *exc):
        _state.axis_env = self.saved
        return False


def axis_env():
    """The named axes in scope: name -> size."""
    return _state.axis_env


def axis_size(name):
    """The size of a named axis in scope (a product for a tuple of names)."""
    if isinstance(name, (tuple, list)):
        size = 1
        for part in name:
            size *= axis_size(part)
        return size
    try:
        return _state.axis_env[name]
    except KeyError:
        raise NameError(f"unbound axis name: {name}") from None


class AxisData:
    """The axis a batch trace maps: its size, and its name or None."""

    __slots__ = ("size", "name", "spmd_name")

    def __init__(self, size, name=None, spmd_name=None):
        self.size, self.name, self.spmd_name = size, name, spmd_name


def eval_jaxpr(jaxpr, consts, *args, propagate_source_info=True):
    """Run a jaxpr by binding its equations under the current trace; a list of outputs.

    propagate_source_info: whether equations keep the lines they are from, or are from the
        line that runs them.
    """
    env = {}

    def read(atom):
        return atom.val if type(atom) is Literal else env[atom]

    env.update(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    with Replay() as replay:
        begin = replay.at if propagate_source_info else replay.within
        for eqn in jaxpr.eqns:
            begin(eqn.source)
            outs = eqn.primitive.bind_eqn([read(a) for a in eqn.invars], eqn.params)
            if eqn.primitive.multiple_results:
                env.update(zip(eqn.outvars, outs, strict=True))
            else:
                env[eqn.outvars[0]] = outs
    return [read(a) for a in jaxpr.outvars]


def jaxpr_as_fun(closed):
    """A closed jaxpr as a function of its inputs, giving a list."""
    return lambda *args: eval_jaxpr(closed.jaxpr, closed.consts, *args)


def eval_context():
    """Within a `with` block, values are computed at once, whatever is being traced."""
    return set_current_trace(eval_trace)


def max_dim(d1, d2):
    """The larger of two sizes."""
    symbol = _first_symbol(d1, d2)
    return max(d1, d2) if symbol is None else symbol.larger(d1, d2)


def min_dim(d1, d2):
    """The smaller of two sizes."""
    symbol = _first_symbol(d1, d2)
    return min(d1, d2) if symbol is None else symbol.smaller(d1, d2)


def _first_symbol(*sizes):
    return next((n for n in sizes if isinstance(n, SymbolicSize)), None)


def has_symbols(sizes):
    """Whether any of some sizes is a symbol rather than a number."""
    return _first_symbol(*sizes) is not None


def __getattr__(name: str) -> Any:
    if name == "ensure_compile_time_eval":  # JAX has it here too
        return importlib.import_module(
            "minijax.control.naming"
        ).ensure_compile_time_eval
    home = _MOVED.get(name)
    if home is None:
        raise unknown_attribute(__name__, name)
    use = f" Use {home}.{name}." if "._" not in home else ""
    said = f"jax.core.{name} is deprecated.{use}"
    warnings.warn(said, DeprecationWarning, stacklevel=2)
    return getattr(importlib.import_module(home.replace("jax", "minijax", 1)), name)


# What JAX has moved on, and what users still find here
_MOVED = {
    **dict.fromkeys((
        "CallPrimitive", "DebugInfo", "Effects", "check_jaxpr", "concrete_or_error", "gensym",
        "get_opaque_trace_state", "jaxprs_in_params", "new_jaxpr_eqn",
        "primal_dtype_to_tangent_dtype",
    ), "jax.extend.core"),
    **dict.fromkeys(("InconclusiveDimensionOperation", "JaxprTypeError"), "jax.errors"),
    **dict.fromkeys((
        "JaxprPpContext", "JaxprPpSettings", "abstract_token", "call", "is_concrete",
        "is_constant_dim", "is_constant_shape", "no_axis_name",
        "nonempty_axis_env_DO_NOT_USE", "trace_ctx",
        "unsafe_am_i_under_a_jit_DO_NOT_USE", "unsafe_am_i_under_a_vmap_DO_NOT_USE",
        "unsafe_get_axis_names_DO_NOT_USE",
    ), "jax._src.core"),
}  # fmt: skip

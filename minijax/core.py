"""Abstract values, jaxprs, primitives and traces: the words everything else is said in.

A `Primitive` is bound to arguments; the current `Trace` decides what that means:
compute at once (`EvalTrace`), record an equation (`trace.JaxprTrace`), or carry
tangents or a batch axis along (`transforms`).  Traces stack: each but the outermost has
a `parent`, and hands on whatever does not concern it.
"""

import importlib
import sys
from typing import Any, NamedTuple

import numpy as np

from minijax import _callpath, dtypes, errors

# --- abstract values ----------------------------------------------------------


class AbstractValue:
    """What is known of a value while tracing."""

    __slots__ = ()


class ShapedArray(_callpath.Aval, AbstractValue):
    """ShapedArray(shape, dtype, weak_type=False): the type of an array.

    Interned: equal avals are the same object, so that caches compare them by identity.
    """

    __slots__ = ()

    def __reduce__(self):
        return ShapedArray, (self.shape, self.dtype, self.weak_type)

    def update(self, shape=None, dtype=None, weak_type=None, **_):
        """This aval with some of its parts replaced."""
        return ShapedArray(
            self.shape if shape is None else shape,
            self.dtype if dtype is None else dtype,
            self.weak_type if weak_type is None else weak_type,
        )

    @property
    def sharding(self):
        """Where such values live: whole, on the one device."""
        return importlib.import_module("minijax.mesh").sharding_of(self)

    def strip_weak_type(self):
        """The same aval, with a strong dtype."""
        return ShapedArray(self.shape, self.dtype) if self.weak_type else self

    def to_tangent_aval(self):
        """The aval of tangents: float0 for integers, booleans and keys."""
        if self._tangent is None:
            inexact = dtypes.issubdtype(self.dtype, np.inexact)
            dtype = self.dtype if inexact else dtypes.float0
            self._tangent = ShapedArray(self.shape, dtype, self.weak_type and inexact)
        return self._tangent

    to_cotangent_aval = to_tangent_aval

    def str_short(self, short_dtypes=True, **_):
        """As `f32[2,3]`, or `float32[2,3]`."""
        name = dtypes.short_name(self.dtype) if short_dtypes else self.dtype.name
        if self.dtype == dtypes.float0:
            name = "float0"
        weak = "~" if self.weak_type and not short_dtypes else ""
        return f"{weak}{name}[{','.join(map(str, self.shape))}]"

    def __repr__(self):
        weak = ", weak_type=True" if self.weak_type else ""
        return f"ShapedArray({self.str_short(short_dtypes=False).lstrip('~')}{weak})"

    def __str__(self):
        return self.str_short(short_dtypes=False)

    def __len__(self):
        return self.shape[0]


class AbstractToken(AbstractValue):
    """The type of values that only order effects."""

    __slots__ = ()

    def str_short(self, short_dtypes=True, **_):
        """As printed in a jaxpr."""
        return "Tok"


_dtypes = {}


def _canonical_dtype(dtype):
    """The one object that stands for a dtype in avals."""
    if not isinstance(dtype, dtypes.ExtendedDType):
        dtype = np.dtype(dtype)
    return _dtypes.setdefault(dtype, dtype)


_callpath.set_dtype_rules(_canonical_dtype, dtypes.storage_dtype)


class AbstractRef(AbstractValue):
    """The type of a mutable reference (`state`) to an array of `inner_aval`.  Interned."""

    __slots__ = ("inner_aval",)
    _interned = {}
    memory_space = None
    weak_type = False

    def __new__(cls, inner_aval, memory_space=None, kind=None):
        known = cls._interned.get(inner_aval)
        if known is None:
            known = object.__new__(cls)
            known.inner_aval = inner_aval
            known = cls._interned.setdefault(inner_aval, known)
        return known

    def __init__(self, inner_aval, memory_space=None, kind=None):
        pass

    shape = property(lambda self: self.inner_aval.shape)
    dtype = property(lambda self: self.inner_aval.dtype)
    ndim = property(lambda self: self.inner_aval.ndim)
    size = property(lambda self: self.inner_aval.size)
    sharding = property(lambda self: self.inner_aval.sharding)

    def __reduce__(self):
        return AbstractRef, (self.inner_aval,)

    def to_tangent_aval(self):
        """The aval of a reference to tangents."""
        return AbstractRef(self.inner_aval.to_tangent_aval())

    to_cotangent_aval = to_tangent_aval

    def str_short(self, short_dtypes=True, **_):
        """As `Ref{f32[2,3]}`."""
        return f"Ref{{{self.inner_aval.str_short(short_dtypes)}}}"

    def __repr__(self):
        return self.str_short(False)


# type -> function from a value of it to its aval; `array.py` and `trace.py` add to it
aval_rules = {}
pytype_aval_mappings = aval_rules  # as JAX has it


def get_aval(x) -> Any:
    """The aval of an array, tracer, NumPy value or Python scalar.

    TypeError for anything else.
    """
    if isinstance(x, Tracer):
        return x.aval
    rule = aval_rules.get(type(x))
    if rule is None:
        rule = _find_aval_rule(x)
    return rule(x)


def argument_aval(x) -> Any:
    """`get_aval` of what a user handed to a transformation."""
    try:
        return get_aval(x)
    except TypeError:
        raise TypeError(
            f"Argument '{x}' of type {type(x)} is not a valid JAX type."
        ) from None


def _find_aval_rule(x):
    for cls in type(x).__mro__[1:]:
        if cls in aval_rules:
            rule = aval_rules[type(x)] = aval_rules[cls]
            return rule
    if hasattr(x, "__jax_array__"):
        raise ValueError(
            "Triggering __jax_array__() during abstractification is no longer supported. "
            "To avoid this error, either explicitly convert your object using "
            "jax.numpy.array(), or register your object as a pytree."
        )
    raise TypeError(f"Value {x!r} with type {type(x)} is not a valid JAX type")


def valid_jaxtype(x):
    """Whether `get_aval` takes `x`."""
    try:
        get_aval(x)
    except TypeError:
        return False
    return True


def check_arguments(primitive, args):
    """TypeError for an argument of a primitive that is no array."""
    for place, x in enumerate(args):
        if not valid_jaxtype(x):
            raise TypeError(
                f"Error interpreting argument to {primitive} as a JAX value. The "
                f"problematic value is of type {type(x)} and was passed to {primitive} "
                f"at position {place}."
            ) from None


def typeof(x):
    """The aval of `x` (`jax.typeof`)."""
    return get_aval(x)


def _numpy_aval(x):
    if type(x) is np.ma.MaskedArray:
        raise ValueError(
            "numpy masked arrays are not supported as direct inputs to JAX functions. "
            "Use arr.filled() to convert the value to a standard numpy array."
        )
    dtype = dtypes.canonicalize_dtype(x.dtype)
    if dtype.kind in "OSUMm" or (dtype.names and dtype != dtypes.float0):
        raise TypeError(
            f"Value {x!r} with dtype {dtype} is not a valid JAX array type. Only arrays "
            "of numeric types are supported by JAX."
        )
    return ShapedArray(x.shape, dtype)


def _scalar_aval(kind):
    weak = kind is not bool

    def rule(_):
        return ShapedArray((), dtypes.python_scalar_dtype(kind), weak)

    return rule


aval_rules[np.ndarray] = aval_rules[np.generic] = _numpy_aval
_SCALARS = (bool, int, float, complex)
for _kind in _SCALARS:
    aval_rules[_kind] = _scalar_aval(_kind)
for _x64 in (False, True):
    _callpath.set_scalar_avals(
        _x64,
        *[
            ShapedArray((), dtypes.python_scalar_dtype(kind, _x64), kind is not bool)
            for kind in _SCALARS
        ],
    )


# types whose scalars are written into equations rather than held as constants
literal_types = {bool, int, float, complex}


# type of arrays -> function giving the scalar behind one without axes, or None
scalar_values = {}


def is_literal_value(x):
    """Whether a scalar is written into equations as a literal."""
    return type(x) in literal_types or isinstance(x, np.generic)


class Zero:
    """A symbolic zero tangent or cotangent of the given aval: nothing is computed for
    it.
    """

    __slots__ = ("aval",)

    def __init__(self, aval):
        self.aval = aval

    @classmethod
    def of(cls, x):
        """The zero tangent of a value (or tracer)."""
        return cls(get_aval(x).to_tangent_aval())

    from_primal_value = of

    def __repr__(self):
        return f"Zero({self.aval.str_short()})"


class UndefinedPrimal:
    """Stands for the linear arguments of an equation that is being transposed."""

    __slots__ = ("aval",)

    def __init__(self, aval):
        self.aval = aval

    def __repr__(self):
        return f"UndefinedPrimal({self.aval})"


def is_undefined_primal(x):
    """Whether `x` marks a linear argument in a transpose rule."""
    return type(x) is UndefinedPrimal


# --- effects ------------------------------------------------------------------


class Effect:
    """A reason why an equation must not be removed, repeated or reordered."""

    def __init__(self, name=None):
        self.name = type(self).__name__ if name is None else name

    def __repr__(self):
        return self.name


no_effects = frozenset()
ref_effect = Effect("ref")  # a reference is made, read or written


class RefRules:
    """What `state` does for the traces and passes that meet a reference.

    `state` replaces the one instance's methods; before it is imported there are no
    references.
    """

    in_use = False

    def bind(self, primitive, args, params) -> Any:
        """Apply a primitive with jaxprs to arguments with references among them."""
        raise NotImplementedError

    def discharge(self, closed) -> Any:
        """The closed jaxpr with values in place of references."""
        raise NotImplementedError


ref_rules = RefRules()


def is_ref(x):
    """Whether a value or tracer is a mutable reference."""
    return type(getattr(x, "aval", None)) is AbstractRef


def without_refs(closed):
    """A closed jaxpr that takes no references, with values in place of those it makes."""
    return ref_rules.discharge(closed) if ref_effect in closed.effects else closed


# --- jaxprs -------------------------------------------------------------------


class Var:
    """A variable of a jaxpr, compared by identity."""

    __slots__ = ("aval",)

    def __init__(self, aval):
        self.aval = aval

    def __repr__(self):
        return f"Var(id={id(self)}):{self.aval.str_short()}"


class DropVar(Var):
    """An output that nothing reads."""

    __slots__ = ()


class Literal:
    """A scalar constant in an equation's inputs."""

    __slots__ = ("val", "aval")

    def __init__(self, val, aval):
        self.val, self.aval = val, aval

    def __repr__(self):
        return f"Literal({self.val})"


Atom = Var | Literal
ParamDict = dict[str, object]
Value = object


class SourceInfo(NamedTuple):
    """A line of the user's code."""

    code: Any
    line: int | None

    name_stack = ""  # scopes are not kept


class JaxprEqn:
    """`outvars = primitive[params](invars)`; `source` locates the user's line."""

    __slots__ = ("primitive", "invars", "outvars", "params", "effects", "source")

    def __init__(
        self, primitive, invars, outvars, params, effects=no_effects, source=None
    ):
        self.primitive = primitive
        self.invars, self.outvars = invars, outvars
        self.params = params
        self.effects = effects
        self.source = source

    def replace(self, **changes):
        """A copy with some fields changed."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return JaxprEqn(**{**fields, **changes})

    @property
    def source_info(self):
        """Where the user asked for this equation."""
        return SourceInfo(*(self.source or (None, None)))

    def __repr__(self):
        return pretty_eqn(self)


class Jaxpr:
    """`{ lambda constvars ; invars . let eqns in outvars }`"""

    __slots__ = (
        "constvars", "invars", "outvars", "eqns", "effects", "debug_info", "memo",
    )  # fmt: skip

    def __init__(self, constvars, invars, outvars, eqns, effects=None, debug_info=None):
        self.constvars, self.invars = list(constvars), list(invars)
        self.outvars, self.eqns = list(outvars), list(eqns)
        if effects is None:
            effects = no_effects
            for eqn in self.eqns:
                if eqn.effects:
                    effects = effects | eqn.effects
        self.effects = effects
        self.debug_info = debug_info
        self.memo = {}

    @property
    def in_avals(self):
        """The avals of the inputs."""
        return [v.aval for v in self.invars]

    @property
    def out_avals(self):
        """The avals of the outputs."""
        return [v.aval for v in self.outvars]

    def replace(self, **changes):
        """A copy with some fields changed."""
        names = ("constvars", "invars", "outvars", "eqns", "effects", "debug_info")
        fields = {name: getattr(self, name) for name in names}
        if "eqns" in changes and "effects" not in changes:
            fields["effects"] = None
        return Jaxpr(**{**fields, **changes})

    def pretty_print(self, *, use_color=False, **settings):
        """The jaxpr as text; `settings` as `pprint.Settings` has them."""
        return pretty(self, **settings)

    def __str__(self):
        return pretty(self)

    __repr__ = __str__


class ClosedJaxpr:
    """A jaxpr with the values of its constvars.

    `memo` keeps what passes derive from it (its derivative, its batched form, its
    executable), keyed by pass and arguments, so that a derived program lives exactly as
    long as its source.
    """

    __slots__ = ("jaxpr", "consts", "memo", "__weakref__")

    def __init__(self, jaxpr, consts=()):
        self.jaxpr = jaxpr
        self.consts = list(consts)
        self.memo = {}

    in_avals = property(lambda self: [v.aval for v in self.jaxpr.invars])
    out_avals = property(lambda self: [v.aval for v in self.jaxpr.outvars])
    literals = property(lambda self: self.consts)
    eqns = property(lambda self: self.jaxpr.eqns)
    effects = property(lambda self: self.jaxpr.effects)

    def replace(self, jaxpr=None, consts=None):
        """A copy with another jaxpr or other constants."""
        return ClosedJaxpr(
            self.jaxpr if jaxpr is None else jaxpr,
            self.consts if consts is None else consts,
        )

    def pretty_print(self, *, use_color=False, **settings):
        """The jaxpr as text; `settings` as `pprint.Settings` has them."""
        return pretty(self.jaxpr, **settings)

    def __str__(self):
        return pretty(self.jaxpr)

    __repr__ = __str__


def pretty(jaxpr, **settings):
    """A jaxpr as text; `settings` as `pprint.Settings` has them."""
    return _printer().pretty(jaxpr, **settings)


def pretty_eqn(eqn):
    """An equation as text."""
    return _printer().pretty_eqn(eqn)


def _printer():
    # Loaded at its first use: few programs print jaxprs.
    return importlib.import_module("minijax.pprint")


def subjaxprs(params):
    """The jaxprs (open or closed) among an equation's parameters."""
    for value in params.values():
        if isinstance(value, (Jaxpr, ClosedJaxpr)):
            yield value
        elif isinstance(value, (tuple, list)):
            for item in value:
                if isinstance(item, (Jaxpr, ClosedJaxpr)):
                    yield item


# --- where the user is ---------------------------------------------------------

_PACKAGE = __file__.rpartition("core.py")[0]


_own_files = {}  # file name -> whether it is one of this package's


def user_frame():
    """(code, line) of the innermost frame outside this package, or None."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        own = _own_files.get(name)
        if own is None:
            own = _own_files[name] = name.startswith(_PACKAGE)
        if not own:
            return frame.f_code, frame.f_lineno
        frame = frame.f_back
    return None


def describe_source(source):
    """`file:line (function)` for what `user_frame` gave."""
    code, line = source or (None, None)
    if code is None:
        return "an unknown line"
    return f"{code.co_filename}:{line} ({code.co_qualname})"


# --- primitives ---------------------------------------------------------------


class Primitive(_callpath.Primitive):
    """An operation with a slot for each of its rules.

    shape(*avals, **params) -> aval (a list if `multiple_results`)
    reference(*arrays, **params) -> array: in NumPy, slow and obvious, for checks
    jvp(primals, tangents, **params) -> (out, tangent); tangents may be `Zero`
    transpose(ct, *args, **params) -> cotangents; linear args are `UndefinedPrimal`
    batch(axis, args, dims, **params) -> (out, dim); dims: int or None per argument
    lower(b, ins, out_avals, **params) -> views; b: `cbackend.lower.Builder`

    and, for higher-order primitives only,

    linearize(linear_trace, primals, tangents, **params) -> (outs, tangents)
    dce(used_outputs, eqn) -> an equation without the unused outputs
    """

    multiple_results = False
    effects = no_effects
    call = False
    always_traced = False  # by transformations, even where no argument concerns them
    takes_refs = False
    shape: Any = None
    reference: Any = None
    jvp: Any = None
    transpose: Any = None
    batch: Any = None
    lower: Any = None
    linearize: Any = None
    dce: Any = None
    impl = None  # what eager calls run in place of a compiled program, if anything

    def __init__(self, name, multiple_results=False):
        self.name = name
        if multiple_results:
            self.multiple_results = True

    def __repr__(self):
        return self.name

    def __reduce__(self):
        raise TypeError(f"primitive {self.name} cannot be pickled")

    bind: Any  # (*args, **params): apply to arguments, under the current trace

    def _compile(self, *avals, **params):
        """What `bind` runs at top level for a new signature: see `eager_program`."""
        return eager_program(self, avals, params)

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
    takes_refs = True

    def bind(self, *args, **params):
        if ref_rules.in_use and any(map(is_ref, args)):
            return ref_rules.bind(self, args, params)
        return _state.trace.process_primitive(self, args, params)

    def effects_of(self, params):
        found = self.effects
        for jaxpr in subjaxprs(params):
            found = found | jaxpr.effects
        return found

    def axis_names(self, params):
        return {
            name
            for jaxpr in subjaxprs(params)
            for eqn in jaxpr.eqns
            for name in eqn.primitive.axis_names(eqn.params)
        }


# --- traces and tracers -------------------------------------------------------


class Trace:
    """One level of interpretation: what `bind` means while it is current."""

    parent = None
    valid = (
        True  # becomes False when the trace ends: its tracers must not be used again
    )

    def process_primitive(self, primitive, args, params) -> Any:
        """Give `primitive` meaning at this level; args may belong to this trace or not."""
        raise NotImplementedError

    def described(self):
        """`function at file:line for transformation`, for error messages."""
        return ""


class Tracer:
    """A stand-in for an array while a function is traced.

    `numpy` installs the operators and the array methods.
    """

    __slots__ = ("_trace", "aval", "__weakref__")
    __array_priority__ = 1000

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        name = cls.__dict__.get("jax_name")
        if isinstance(name, str):  # the name that messages have of Python's own
            cls.__name__ = cls.__qualname__ = name

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    shape = property(lambda self: self.aval.shape)
    dtype = property(lambda self: self.aval.dtype)
    ndim = property(lambda self: self.aval.ndim)
    size = property(lambda self: self.aval.size)
    weak_type = property(lambda self: self.aval.weak_type)
    itemsize = property(lambda self: self.aval.dtype.itemsize)
    nbytes = property(lambda self: self.aval.size * self.aval.dtype.itemsize)

    jax_name = "Tracer"  # what JAX calls tracers of this kind

    def created_at(self):
        """(code, line) of the user's line that made it, where that is known."""
        return

    def _concrete(self):
        """The value behind this tracer where there is one, else None."""
        return

    def __len__(self):
        if not self.aval.ndim:
            raise TypeError("len() of unsized object")
        return self.aval.shape[0]

    def __bool__(self):
        value = self._concrete()
        if value is None:
            if not self.aval.size:
                raise ValueError(_EMPTY)
            if self.aval.size != 1:
                raise ValueError(_AMBIGUOUS)
            raise errors.TracerBoolConversionError(self)
        return bool(value)

    def _convert(self, kind):
        value = self._concrete()
        if value is None:
            if self.aval.ndim:
                raise TypeError(
                    "Only scalar arrays can be converted to Python scalars; got "
                    f"arr.ndim={self.aval.ndim}"
                )
            name = kind.__name__
            raise errors.ConcretizationTypeError(
                self,
                f"The problem arose with the `{name}` function. If trying to convert the "
                f"data type of a value, try using `x.astype({name})` or "
                f"`jnp.array(x, {name})` instead.",
            )
        return kind(value)

    def __int__(self):
        return self._convert(int)

    def __float__(self):
        return self._convert(float)

    def __complex__(self):
        return self._convert(complex)

    def __index__(self):
        value = self._concrete()
        if value is None:
            if self.aval.ndim or not dtypes.issubdtype(self.aval.dtype, np.integer):
                raise TypeError(
                    "Only integer scalar arrays can be converted to a scalar index."
                )
            raise errors.TracerIntegerConversionError(self)
        return value.__index__()

    def __array__(self, *args, **kwargs):
        raise errors.TracerArrayConversionError(self)

    def item(self, *args):
        """The one element as a Python scalar; only where the value is known."""
        value = self._concrete()
        if value is None:
            raise errors.ConcretizationTypeError(self, "The problem arose with `item`.")
        return value.item(*args)

    def tolist(self):
        """The elements as nested lists; only where the value is known."""
        value = self._concrete()
        if value is None:
            raise errors.ConcretizationTypeError(
                self, f"The tolist() method was called on {errors.describe(self)}."
            )
        return value.tolist()

    @property
    def sharding(self):
        """Not known while a function is traced: AttributeError."""
        raise AttributeError(
            f"The 'sharding' attribute is not available on {errors.describe(self)}. "
            "To query sharding information on tracers, use `jax.typeof(x)`."
        )

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise errors.ConcretizationTypeError(
            self,
            "The error occurred in the __reduce__ method, which may indicate an attempt "
            "to serialize/pickle a traced value.",
        )


def _refuse(text):
    """A method that needs an array in memory: ConcretizationTypeError, saying so."""

    def method(self, *args, **kwargs):
        said = text.replace("TRACER", errors.describe(self)) + errors.origin(self)
        raise errors.ConcretizationTypeError(self, said)

    return method


def _unavailable(name):
    """An attribute of arrays only; AttributeError lets `getattr` have a default."""

    def read(self):
        raise AttributeError(
            f"The '{name}' method is not available on {errors.describe(self)}."
            f"{errors.origin(self)}"
        )

    return property(read)


def _refuse_what_needs_memory():
    methods = "delete", "devices", "is_deleted", "on_device_size_in_bytes", "tobytes"
    for name in (
        *methods, "addressable_data", "unsafe_buffer_pointer", "__dlpack__",
    ):  # fmt: skip
        setattr(Tracer, name, _refuse(f"The {name}() method was called on TRACER."))
    for name in ("global_shards", "is_fully_addressable", "is_fully_replicated",
                 "traceback"):  # fmt: skip
        read = _refuse(f"The {name} property was called on TRACER.")
        setattr(Tracer, name, property(read))
    for name in ("addressable_shards", "committed"):
        read = _refuse(f"The '{name}' attribute is not available on TRACER.")
        setattr(Tracer, name, property(read))
    for name in ("block_until_ready", "copy_to_host_async"):
        setattr(Tracer, name, _unavailable(name))


_refuse_what_needs_memory()


_EMPTY = (
    "The truth value of an empty array is ambiguous. Use `array.size > 0` to check that "
    "an array is not empty."
)
_AMBIGUOUS = (
    "The truth value of an array with more than one element is ambiguous. "
    "Use a.any() or a.all()"
)


class EvalTrace(Trace):
    """The outermost level: every primitive is computed at once."""

    def process_primitive(self, primitive, args, params):
        for arg in args:
            if isinstance(arg, Tracer):
                raise errors.leaked(arg)
        try:
            return eager(primitive, args, params)
        except TypeError:
            check_arguments(primitive, args)
            raise

    def process_custom_jvp_call(self, primitive, fun, jvp, args, **_):
        """At top level a custom derivative does not matter: run the function."""
        return fun(*args)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **_):
        """At top level a custom derivative does not matter: run the function."""
        return fun(*args)


def eager(primitive, args, params):
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


def current_trace():
    """The trace that `bind` goes to in this thread."""
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
    """Run a jaxpr by binding its equations under the current trace; a list of outputs."""
    env = {}

    def read(atom):
        return atom.val if type(atom) is Literal else env[atom]

    env.update(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    for eqn in jaxpr.eqns:
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
    return max(d1, d2)


def min_dim(d1, d2):
    """The smaller of two sizes."""
    return min(d1, d2)

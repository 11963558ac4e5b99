"""Abstract values: what is known of a value while tracing, and how it is found.

Everybody reaches these names through `core`.
"""

import importlib
import operator
from typing import Any

import numpy as np

from minijax import _callpath, dtypes


class AbstractValue:
    """What is known of a value while tracing."""

    __slots__ = ()
    is_high = has_qdd = False  # whether it is a type of a user's own, and may change

    def str_short(self, short_dtypes=False, **_):
        """As printed in a jaxpr."""
        return str(self)


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
        return importlib.import_module("minijax.named_sharding").sharding_of(self)

    def strip_weak_type(self):
        """The same aval, with a strong dtype."""
        return ShapedArray(self.shape, self.dtype) if self.weak_type else self

    def to_tangent_aval(self):
        """The aval of tangents: float0 for integers, booleans and keys."""
        if self._tangent is None:
            inexact = dtypes.issubdtype(self.dtype, np.inexact)
            dtype = self.dtype if inexact else dtypes.float0
            own = getattr(getattr(self.dtype, "_rules", None), "tangent_dtype", None)
            dtype = own(self.dtype) if own else dtype
            self._tangent = ShapedArray(self.shape, dtype, self.weak_type and inexact)
        return self._tangent

    to_cotangent_aval = to_ct_aval = at_least_vspace = to_tangent_aval

    def update_weak_type(self, weak_type):
        """The same aval, with a weak dtype or a strong one."""
        return self.update(weak_type=weak_type)

    def inc_rank(self, size, axis):
        """The aval of `size` such values, stacked along a new axis."""
        if axis is None:
            return self
        return self.update(shape=(*self.shape[:axis], size, *self.shape[axis:]))

    def dec_rank(self, size, axis):
        """The aval of one of the `size` values that are stacked along an axis."""
        if axis is None:
            return self
        return self.update(shape=(*self.shape[:axis], *self.shape[axis + 1 :]))

    # What types of a user's own define, of a type that is one array
    def lo_ty(self):
        """The types of the arrays that a value consists of: this one."""
        return [self]

    def lower_val(self, x):
        """The arrays that a value consists of: itself."""
        return [x]

    def raise_val(self, x):
        """The value that consists of these arrays."""
        return x

    def leading_axis_spec(self):
        """How a loop maps such values over their first axis."""
        return 0

    def normalize(self):
        """The same aval, with a strong dtype."""
        return self.strip_weak_type()

    def str_short(self, short_dtypes=False, **_):
        """As `f32[2,3]`, or `float32[2,3]`."""
        name = dtypes.short_name(self.dtype) if short_dtypes else self.dtype.name
        if self.dtype == dtypes.float0:
            name = "float0"
        return f"{name}[{','.join(map(str, self.shape))}]"

    def __repr__(self):
        weak = ", weak_type=True" if self.weak_type else ""
        return f"ShapedArray({self.str_short()}{weak})"

    def __str__(self):
        return f"~{self.str_short()}" if self.weak_type else self.str_short()

    def __len__(self):
        return self.shape[0]


class SymbolicSize:
    """The class of what may stand for the size of an axis in place of a number."""

    __slots__ = ()

    def as_value(self) -> Any:
        """The size as a traced array without axes."""
        raise NotImplementedError

    @staticmethod
    def larger(a, b) -> Any:
        """The larger of two sizes, of which one may be a number."""
        raise NotImplementedError

    @staticmethod
    def smaller(a, b) -> Any:
        """The smaller of two such sizes."""
        raise NotImplementedError


def as_size(n) -> Any:
    """A size as an int, or as the symbol that it is.  TypeError for what is neither."""
    return n if isinstance(n, SymbolicSize) else operator.index(n)


class AbstractToken(AbstractValue):
    """The type of values that only order effects.  One object.

    To a program such a value is a scalar of a dtype that has no operations.
    """

    __slots__ = ()
    _known = None
    shape: tuple = ()
    ndim, size, weak_type = 0, 1, False
    dtype = dtypes.token

    def __new__(cls):
        if cls._known is None:
            cls._known = object.__new__(cls)
        return cls._known

    def __reduce__(self):
        return AbstractToken, ()

    def to_tangent_aval(self):
        """The aval of tangents: the same."""
        return self

    to_cotangent_aval = to_ct_aval = at_least_vspace = to_tangent_aval
    strip_weak_type = to_tangent_aval

    def str_short(self, short_dtypes=False, **_):
        """As printed in a jaxpr."""
        return "Tok"

    def __repr__(self):
        return "AbstractToken()"


class Token:
    """A value that only orders effects, outside of any trace."""

    __slots__ = ()

    def block_until_ready(self):
        """Nothing is left to wait for."""


def stored_aval(aval):
    """The aval of the array that holds a value of `aval` in a program."""
    return ShapedArray((), aval.dtype) if type(aval) is AbstractToken else aval


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

    to_cotangent_aval = to_ct_aval = at_least_vspace = to_tangent_aval

    def str_short(self, short_dtypes=False, **_):
        """As `Ref{f32[2,3]}`."""
        return f"Ref{{{self.inner_aval.str_short(short_dtypes)}}}"

    def __repr__(self):
        return self.str_short()


# type -> function from a value of it to its aval; `array.py` and `trace.py` add to it
aval_rules: dict = {Token: lambda _: AbstractToken()}
shapes_only: set[type] = set()  # types with an aval that have no value
pytype_aval_mappings = aval_rules  # as JAX has it


def get_aval(x) -> Any:
    """The aval of an array, tracer, NumPy value or Python scalar.

    TypeError for anything else.
    """
    rule = aval_rules.get(type(x))
    if rule is None:
        rule = _find_aval_rule(x)
    return rule(x)


def own_aval(x) -> Any:
    """The aval of an array or tracer; None for all else, also for an object that only
    hands the look-up of its attributes on to an array.
    """
    return getattr(x, "aval", None) if type(x) in aval_rules else None


def argument_aval(x) -> Any:
    """`get_aval` of what a user handed to a transformation."""
    try:
        return get_aval(x)
    except TypeError:
        raise TypeError(
            f"Argument '{x}' of type {type(x)} is not a valid JAX type."
        ) from None


def no_value(x):
    """The error for what is no array, tracer or number; only of text JAX says it bare."""
    kind = f"{type(x)}" if isinstance(x, str) else f"'{type(x)}'"
    return TypeError(f"Argument '{x}' of type {kind} is not a valid JAX type")


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
    raise no_value(x)


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


def is_masked(x):
    """Whether `x` is one of NumPy's masked arrays."""
    # By its module's name: to ask for `np.ma` would import it.
    return type(x) is not np.ndarray and type(x).__module__.startswith("numpy.ma")


def _numpy_aval(x):
    if is_masked(x):
        raise ValueError(
            "numpy masked arrays are not supported as direct inputs to JAX functions. "
            "Use arr.filled() to convert the value to a standard numpy array."
        )
    dtype = dtypes.canonicalize_dtype(x.dtype)
    if not x.dtype.isnative:
        raise TypeError(
            f"Dtype {x.dtype} is not a valid JAX array type: its bytes are in another "
            f"order than this machine's. Use x.astype('{x.dtype.newbyteorder('=').name}')."
        )
    if dtype not in dtypes.array_dtypes and dtype != dtypes.float0:
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
    return type(x) in literal_types or isinstance(x, (np.generic, np.ndarray))


def is_float0(aval):
    """Whether values of a type are tangents of what cannot vary."""
    return not aval.is_high and aval.dtype == dtypes.float0


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
        return f"Zero({self.aval})"


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

"""Tracers: what stands for arrays while a function is traced.

A tracer has what its aval says, and refuses, in the words that JAX has, what only an array
in memory can do. Everybody reaches `Tracer` through `core`.
"""

import importlib
import operator
import sys

import numpy as np

from minijax import alias, dtypes, errors
from minijax.avals import (
    aval_rules,
)

_AVAL_OF_TRACER = operator.attrgetter("aval")


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
        if alias.is_installed():  # a kind that is loaded with its first use
            cls.__module__ = alias.public_name(cls.__module__)
        aval_rules[cls] = _AVAL_OF_TRACER

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    shape = property(lambda self: self.aval.shape)
    dtype = property(lambda self: self.aval.dtype)
    ndim = property(lambda self: self.aval.ndim)
    size = property(lambda self: self.aval.size)
    weak_type = property(lambda self: self.aval.weak_type)
    itemsize = property(lambda self: self.aval.dtype.itemsize)
    nbytes = property(lambda self: self.aval.size * self.aval.dtype.itemsize)

    jax_name = "Tracer"  # what JAX calls tracers of this kind

    def __getattr__(self, name):
        # of a type that users define: `hitypes`, which is loaded only with one
        known = getattr(type(self), name, None)
        if isinstance(known, property):  # which has said why not
            return known.__get__(self)
        own = sys.modules.get("minijax.hitypes")
        if own is None or not object.__getattribute__(self, "aval").is_high:
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name}", name=name, obj=self
            )
        return own.member(self, name)

    def _pretty_print(self, verbose=False):
        """A document of what it is; `verbose`: of its trace and what it holds, too."""
        printer = importlib.import_module("minijax._src.pretty_printer")
        return printer.tracer(self) if verbose else printer.text(repr(self))

    def _contents(self):
        """(name, value) of what it holds."""
        return ()

    def created_at(self):
        """The source of what made it, where that is known."""
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
            if self.aval.size != 1:
                raise errors.ambiguous_truth(self.aval.size)
            raise errors.TracerBoolConversionError(self)
        return bool(value)

    def _convert(self, kind, value=None):
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
        return self._convert(int, self._concrete())

    # As in JAX, these two do not look behind a tracer, though there may be a value.
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
            raise errors.ConcretizationTypeError(
                self, "This occurred in the item() method of jax.Array"
            )
        return value.item(*args)

    def tolist(self):
        """ConcretizationTypeError: no tracer gives its elements."""
        raise errors.ConcretizationTypeError(
            self, f"The tolist() method was called on {errors.describe(self)}."
        )

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


aval_rules[Tracer] = _AVAL_OF_TRACER


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

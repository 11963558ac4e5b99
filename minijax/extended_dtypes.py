"""Dtypes that NumPy does not have: of random keys, of tokens, and a library's own.

Everybody reaches these names through `dtypes`.
"""

import types
from typing import Any

import numpy as np

# The dtype of tangents of values that have none. numpy prints it as a void.
float0 = np.dtype([("float0", np.void, 0)])


class extended(np.generic):
    """Scalar class of all dtypes that numpy does not have."""


class prng_key(extended):
    """Scalar class of the dtypes of random keys."""


class ExtendedDType:
    """Base of dtypes whose elements are not numbers.

    A library's own dtype has `_rules`: `physical_element_aval(dtype)` says what an element
    is represented by (here: one number); `allow_conversion`, whether elements convert
    from and to that; `tangent_dtype(dtype)`, `add(dtype, x, y)` and `zero(dtype)`, how
    derivatives of them are made.
    """

    __slots__ = ()
    kind = "K"  # where a NumPy dtype has a letter: none of NumPy's
    name: str
    itemsize: Any = property(lambda self: storage_dtype(self).itemsize)
    type: Any
    _rules: Any = None


class KeyTy(ExtendedDType):
    """The dtype of typed random keys of one generator: prints as `key<fry>`.

    impl: the generator's name; tag: its short name; key_shape: of the uint32 words that
    make up a key.
    """

    __slots__ = ("impl", "tag", "key_shape", "itemsize", "name")
    type = prng_key

    def __init__(self, impl: str, tag: str, key_shape: tuple):
        self.impl = impl
        self.tag = tag
        self.key_shape = key_shape
        self.itemsize = 4 * int(np.prod(key_shape))
        self.name = f"key<{tag}>"

    def __repr__(self):
        return self.name

    def __eq__(self, other):
        if self is other:
            return True
        return type(other) is KeyTy and self.impl == other.impl

    def __hash__(self):
        return hash((KeyTy, self.impl))

    def __reduce__(self):
        return KeyTy, (self.impl, self.tag, self.key_shape)


class TokenTy(ExtendedDType):
    """The dtype of tokens, which only order effects: their elements say nothing."""

    __slots__ = ()
    name = "token"
    itemsize = 4
    type = extended

    def __repr__(self):
        return self.name


token = TokenTy()

# bytes -> a dtype of that size, for elements that are only moved
_OPAQUE = {
    4: np.dtype(np.uint32), 8: np.dtype(np.uint64), 16: np.dtype(np.complex128)
}  # fmt: skip


def storage_dtype(dtype):
    """How elements lie in memory: a key is one opaque element, a float0 a boolean."""
    if not isinstance(dtype, ExtendedDType):
        return np.dtype(bool) if dtype == float0 else dtype
    if dtype._rules is None:
        return _OPAQUE[dtype.itemsize]
    return physical_dtype(dtype)


def physical_dtype(dtype):
    """The dtype of the numbers that represent a library's own extended dtype.

    NotImplementedError where an element is more than one number.
    """
    element = dtype._rules.physical_element_aval(dtype)
    if element.shape:
        raise NotImplementedError(
            f"minijax keeps extended dtypes whose elements are one number each; those of "
            f"{dtype.name} have the shape {element.shape}"
        )
    return np.dtype(element.dtype)


class primal_tangent_dtype_scalar(extended):
    """Scalar class of the dtypes that `primal_tangent_dtype` gives."""


class PrimalTangentDType(ExtendedDType):
    """The dtype of values of one dtype, whose tangents have another."""

    type = primal_tangent_dtype_scalar

    def __init__(self, primal_dtype, tangent_dtype, name):
        self.primal_dtype, self.tangent_dtype = primal_dtype, tangent_dtype
        self.name = name
        self._rules = _PrimalTangentRules

    def __repr__(self):
        return self.name

    def _key(self):
        return self.primal_dtype, self.tangent_dtype, self.name

    def __eq__(self, other):
        return type(other) is PrimalTangentDType and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())


class _PrimalTangentRules:
    allow_conversion = True

    @staticmethod
    def physical_element_aval(dtype):
        return types.SimpleNamespace(shape=(), dtype=dtype.primal_dtype)

    @staticmethod
    def tangent_dtype(dtype):
        return dtype.tangent_dtype


key_dtypes = {
    "philox2x32": KeyTy("philox2x32", "phx2", (1,)),
    "philox4x32": KeyTy("philox4x32", "phx4", (2,)),
    "threefry2x32": KeyTy("threefry2x32", "fry", (2,)),
    "rbg": KeyTy("rbg", "rbg", (4,)),
    "unsafe_rbg": KeyTy("unsafe_rbg", "urbg", (4,)),
    "threefry4x32": KeyTy("threefry4x32", "fry4", (4,)),
}

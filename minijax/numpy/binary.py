"""How functions of two arrays are made: two operands of one dtype go straight to the op, a
Python scalar beside a strongly typed array becomes a literal, and everything else takes the
general way through `promotion`.
"""

import numpy as np

from minijax import dtypes
from minijax.core import aval_rules
from minijax.numpy.promotion import BOOL, dtype_of, literal_makers, promote_args

INTS = [np.dtype(f"{kind}{n}") for kind in ("int", "uint") for n in (8, 16, 32, 64)]
FLOATS = [np.dtype("float16"), np.dtype("float32"), np.dtype("float64")]
FLOATS.append(np.dtype(dtypes.bfloat16))
_COMPLEXES = [np.dtype("complex64"), np.dtype("complex128")]
INEXACT = frozenset([*FLOATS, *_COMPLEXES])
REAL = frozenset([*INTS, *FLOATS])
NUMBERS = REAL | INEXACT
ANY = NUMBERS | {BOOL}


def _fast_binary(primitive, accepted, slow):
    """A function of two operands: `primitive` at once where no promotion is needed.

    accepted: the dtypes that the primitive takes as they are; slow: what does the rest.
    """
    bind = primitive.bind
    maker_of = literal_makers.get

    def binary(x, y, /):
        a = getattr(x, "aval", None) if type(x) in aval_rules else None
        b = getattr(y, "aval", None) if type(y) in aval_rules else None
        if a is None or b is None:
            aval = a if b is None else b
            if aval is None or aval.weak_type or aval.dtype not in accepted:
                return slow(x, y)
            make = maker_of((aval.dtype, type(x if a is None else y)))
            if make is None:
                return slow(x, y)
            return bind(make(x), y) if a is None else bind(x, make(y))
        if (
            a.dtype is b.dtype
            and a.weak_type is b.weak_type
            and (a.ndim == b.ndim or not a.ndim or not b.ndim)
            and a.dtype in accepted
            and not (a.weak_type and a.dtype is BOOL)  # promoted: strong
        ):
            return bind(x, y)
        return slow(x, y)

    return binary


def direct_binary(primitive, accepted, slow):
    """Decorate the documented stand-in for a binary function with `_fast_binary`."""

    def decorate(stub):
        fast = _fast_binary(primitive, accepted, slow)
        fast.__name__ = fast.__qualname__ = stub.__name__
        fast.__doc__, fast.__module__ = stub.__doc__, stub.__module__
        fast.parts = primitive, accepted, slow
        return fast

    return decorate


def promoting(name, op, promote=promote_args):
    """The general way of the function `name`: promote both operands, then `op`."""

    def slow(x, y):
        return op(*promote(name, x, y))

    return slow


def bool_or_number(name, on_bool, on_number):
    """The general way of ops that mean something else for booleans."""

    def slow(x, y):
        x, y = promote_args(name, x, y)
        return on_bool(x, y) if dtype_of(x) == BOOL else on_number(x, y)

    return slow

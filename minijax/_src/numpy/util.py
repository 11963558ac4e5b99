"""Promotion of arguments."""

from minijax import dtypes
from minijax._src._homes import names_of
from minijax.numpy.creation import asarray as _arraylike_asarray
from minijax.numpy.promotion import FLOAT0, ensure_arraylike
from minijax.numpy.promotion import broadcast_to as _broadcast_to  # noqa: F401
from minijax.numpy.selection import _where as _where


def ensure_arraylike_tuple(fun_name, tup):
    """The elements as arrays; TypeError if one is neither an array nor a scalar."""
    return tuple([_arraylike_asarray(x) for x in ensure_arraylike(fun_name, *tup)])


def check_no_float0s(fun_name, *args):
    """TypeError for arrays of float0."""
    if any(dtypes.dtype(x) == dtypes.float0 for x in args):
        raise TypeError(FLOAT0.format(name=fun_name))


def check_for_prngkeys(fun_name, *args):
    """TypeError where arrays of keys are among other things."""
    found = [dtypes.dtype(x) for x in args]
    keys = any(dtypes.issubdtype(dtype, dtypes.prng_key) for dtype in found)
    if keys and len(set(found)) > 1:
        names = ", ".join(map(str, found))
        raise TypeError(f"{fun_name} does not accept dtypes {names}.")


__getattr__ = names_of(__name__, "minijax.numpy.promotion", "minijax.numpy")

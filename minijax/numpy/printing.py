"""How arrays print: as JAX prints them, with dtype and weak type."""

import numpy as np

from minijax import dtypes

ARRAY_NAME = "Array"


def array_repr(x):
    """`Array([1., 2.], dtype=float32, weak_type=True)`, within NumPy's print options."""
    aval = x.aval
    x.check_alive()
    if isinstance(aval.dtype, dtypes.ExtendedDType):
        return _key_repr(x)
    ending = f"dtype={aval.dtype.name}"
    if aval.weak_type:
        ending += ", weak_type=True"
    prefix = f"{ARRAY_NAME}("
    value = x._value
    width = np.get_printoptions()["linewidth"]
    if not aval.size:
        body = f"[], shape={aval.shape}"
    else:
        body = np.array2string(
            value, prefix=prefix, suffix=",", separator=", ", max_line_width=width
        )
    last = len(body) - (body.rfind("\n") + 1)
    separator = " "
    if last + len(ending) + 3 >= width:
        separator = " " * len(prefix)  # and no new line, as in JAX
    return f"{prefix}{body},{separator}{ending})"


def _key_repr(x):
    aval = x.aval
    words = x._data.reshape(-1).view(np.uint32)
    words = words.reshape(*aval.shape, *aval.dtype.key_shape)
    return f"{ARRAY_NAME}({aval.shape}, dtype={aval.dtype.name}) overlaying:\n{words}"


def array_str(x):
    """The elements, as `str` of a NumPy array."""
    if isinstance(x.aval.dtype, dtypes.ExtendedDType):
        return _key_repr(x)
    return str(x._value)

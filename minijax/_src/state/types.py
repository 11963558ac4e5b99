"""The types of mutable references."""

from minijax._src._homes import names_of
from minijax.core import AbstractRef, ShapedArray
from minijax.jaxprs import RefEffect as RefEffect


def shaped_array_ref(shape, dtype, weak_type=False):
    """The type of references to arrays of this shape and dtype."""
    return AbstractRef(ShapedArray(shape, dtype, weak_type))


__getattr__ = names_of(__name__, "minijax.ref")

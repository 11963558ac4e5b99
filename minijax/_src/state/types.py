"""The types of mutable references."""

from minijax._src._homes import names_of
from minijax.core import AbstractRef, ShapedArray
from minijax.effects import AccumEffect as AccumEffect
from minijax.effects import ReadEffect as ReadEffect
from minijax.effects import RefEffect as RefEffect
from minijax.effects import WriteEffect as WriteEffect
from minijax.state.primitives import RefIndexer as RefIndexer
from minijax.state.primitives import TransformedRef as TransformedRef
from minijax.state.run import Uninitialized as Uninitialized
from minijax.state.run import ref_type_rules as _ref_type_aval_mappings  # noqa: F401
from minijax.state.run import uninitialized as uninitialized


def shaped_array_ref(shape, dtype, weak_type=False):
    """The type of references to arrays of this shape and dtype."""
    return AbstractRef(ShapedArray(shape, dtype, weak_type))


StateEffect = ReadEffect | WriteEffect | AccumEffect


__getattr__ = names_of(__name__, "minijax.ref")

"""The primitive that gives a symbolic size as an array."""

from minijax import core, dtypes
from minijax.ops.define import NO_RULE, NONDIFFERENTIABLE, NOT_LINEAR, define

_OUTSIDE = NO_RULE(
    "Evaluation rule for 'dim_as_value' is not implemented. It seems that you are using "
    "shape polymorphism outside jax.export."
)


def size_aval() -> core.ShapedArray:
    """The type of a size as an array: a weak integer."""
    return core.ShapedArray((), dtypes.python_scalar_dtype(int), True)


def traced_size(dim):
    """A symbolic size as a traced integer without axes.

    NotImplementedError where nothing is being traced.
    """
    return dim_as_value_p.bind(dim=dim)


def _impl(dim):
    return _OUTSIDE()


dim_as_value_p = define(
    "dim_as_value",
    shape=lambda dim: size_aval(),
    reference=_OUTSIDE,
    jvp=NONDIFFERENTIABLE,
    transpose=NOT_LINEAR,
    batch=NO_RULE("a size is the same for all of a batch"),
    lower=_OUTSIDE,
)
dim_as_value_p.def_impl(_impl)

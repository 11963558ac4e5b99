"""make_jaxpr and eval_shape: what a function does, without doing it."""

import numpy as np

from minijax import core, dtypes, stats
from minijax._pytree import flatten, unflatten
from minijax.control.call import jit
from minijax.control.signature import leaf_names
from minijax.core import ShapedArray
from minijax.trace import DebugInfo, describe_function, trace
from minijax.traceback_util import api_boundary


class ShapeDtypeStruct:
    """The shape and dtype of an array that need not exist."""

    __slots__ = ("shape", "dtype", "sharding", "_weak_type")

    def __init__(self, shape, dtype, *, sharding=None, weak_type=False, **_):
        if dtype is None:
            raise ValueError("ShapeDtypeStruct: dtype must be specified.")
        self.shape = tuple(shape)
        self.dtype = dtype if dtypes.is_extended(dtype) else np.dtype(dtype)
        self.sharding = sharding
        self._weak_type = weak_type

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape)))
    nbytes = property(lambda self: self.size * self.dtype.itemsize)
    weak_type = property(lambda self: self._weak_type)

    def update(self, **changes):
        """A copy with some fields changed."""
        fields = {
            "shape": self.shape,
            "dtype": self.dtype,
            "sharding": self.sharding,
            "weak_type": self._weak_type,
        }
        return ShapeDtypeStruct(**{**fields, **changes})

    def __len__(self):
        try:
            return self.shape[0]
        except IndexError:
            raise TypeError("len() of unsized object") from None

    def __repr__(self):
        placed = "" if self.sharding is None else f", sharding={self.sharding}"
        weak = ", weak_type=True" if self._weak_type else ""
        name = self.dtype.name
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={name}{placed}{weak})"

    __str__ = __repr__

    def __eq__(self, other):
        if not isinstance(other, ShapeDtypeStruct):
            return False
        return (self.shape, self.dtype, self.sharding, self._weak_type) == (
            other.shape,
            other.dtype,
            other.sharding,
            other._weak_type,
        )

    def __hash__(self):
        return hash((self.shape, self.dtype, self._weak_type))


def abstract(x):
    """The aval of a value or of anything with a shape and a dtype."""
    try:
        return core.get_aval(x)
    except TypeError:
        if hasattr(x, "shape") and hasattr(x, "dtype"):
            dtype = dtypes.canonicalize_dtype(x.dtype, allow_extended_dtype=True)
            return ShapedArray(x.shape, dtype, getattr(x, "weak_type", False))
        raise


# A traced function may return a shape and dtype where a value would be.
core.aval_rules[ShapeDtypeStruct] = lambda x: ShapedArray(
    x.shape, x.dtype, bool(x.weak_type)
)


def trace_tree(fun, args, kwargs, traced_for, static_argnums=()):
    """Trace a function of pytrees: (closed jaxpr, in_tree, out_tree)."""
    stats.event("trace_to_jaxpr")
    n = len(args)
    places = {k + n if k < 0 else k for k in static_argnums}
    dynamic = tuple(x for k, x in enumerate(args) if k not in places)
    flat, in_tree = flatten((dynamic, kwargs))
    trees = []

    def flat_fun(*leaves):
        given, keywords = unflatten(in_tree, leaves)
        given = iter(given)
        every = [args[k] if k in places else next(given) for k in range(n)]
        outs, tree = flatten(fun(*every, **keywords))
        trees.append(tree)
        return outs

    names = leaf_names(fun, in_tree, places)
    info = DebugInfo(traced_for, describe_function(fun), names)
    closed = trace(flat_fun, [abstract(x) for x in flat], info)
    return closed, in_tree, trees[0]


def make_jaxpr(fun, static_argnums=(), axis_env=None, return_shape=False):
    """A function that gives the closed jaxpr of `fun` on given arguments (or their
    shapes).

    With `return_shape` it gives a pair: the jaxpr, and the tree of `ShapeDtypeStruct`
    of the outputs.
    """
    if isinstance(static_argnums, int):
        static_argnums = (static_argnums,)

    @api_boundary
    def jaxpr_maker(*args, **kwargs):
        with core.extend_axis_env(dict(axis_env or ())):
            closed, _, out_tree = trace_tree(fun, args, kwargs, "jit", static_argnums)
        if return_shape:
            return closed, unflatten(out_tree, structs(closed.out_avals))
        return closed

    jaxpr_maker.__wrapped__ = fun
    jaxpr_maker.__doc__ = getattr(fun, "__doc__", None)
    for attribute in ("__name__", "__qualname__"):
        name = getattr(fun, attribute, type(fun).__name__)
        setattr(jaxpr_maker, attribute, f"make_jaxpr({name})")
    jaxpr_maker.__module__ = "jax"
    return jaxpr_maker


def structs(avals):
    """Each aval as a `ShapeDtypeStruct`."""
    return [ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak_type) for a in avals]


@api_boundary
def eval_shape(fun, *args, **kwargs):
    """The shapes and dtypes of `fun(*args, **kwargs)`, without computing it."""
    return jit(fun).eval_shape(*args, **kwargs)

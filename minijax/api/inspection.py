"""make_jaxpr and eval_shape: what a function does, without doing it."""

import functools
import importlib
import itertools
import math

import numpy as np

from minijax import config, core, dispatch, dtypes, stats
from minijax._pytree import flatten, unflatten
from minijax.array import ArrayImpl
from minijax.control.call import PjitFunction, jit
from minijax.control.signature import check_callable, check_outputs, leaf_names
from minijax.core import ShapedArray
from minijax.device import Sharding
from minijax.trace import DebugInfo, describe_function, trace
from minijax.traceback_util import api_boundary


class ShapeDtypeStruct:
    """The shape and dtype of an array that need not exist, and where it would live.

    sharding: a Sharding, a Format, or under `set_mesh` a PartitionSpec. is_ref: it
    stands for a reference to such an array.
    """

    __slots__ = (
        "shape", "dtype", "sharding", "manual_axis_type", "weak_type", "is_ref", "_layout"
    )  # fmt: skip

    def __init__(
        self, shape, dtype, *, sharding=None, weak_type=False, manual_axis_type=None,
        is_ref=False,
    ):  # fmt: skip
        if dtype is None:
            raise ValueError("ShapeDtypeStruct: dtype must be specified.")
        shape = tuple(shape)
        layout, sharding = (
            (None, None) if sharding is None else _placement(sharding, shape)
        )
        fields = {
            "shape": shape,
            "dtype": dtype if dtypes.is_extended(dtype) else np.dtype(dtype),
            "sharding": sharding,
            "manual_axis_type": manual_axis_type,
            "weak_type": weak_type,
            "is_ref": is_ref,
            "_layout": layout,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name, value):
        raise RuntimeError(
            f"Cannot reassign attributes ({name}) of immutable ShapeDtypeStruct objects"
        )

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))

    @property
    def format(self):
        """How and where the elements would lie."""
        layouts = importlib.import_module("minijax.experimental.layout")
        return layouts.Format(self._layout, self.sharding)

    @staticmethod
    def like(x):
        """What an array, tracer or number is: shape, dtype, weak type, and where an array
        was put.  TypeError for what is no value; NotImplementedError for references.
        """
        aval = core.argument_aval(x)
        if type(aval) is core.AbstractRef:
            raise NotImplementedError(
                "ShapeDtypeStruct.like takes values, not references"
            )
        place = x.sharding if type(x) is ShapeDtypeStruct else None
        if type(x) is ArrayImpl and x.committed:
            place = x.format
        return ShapeDtypeStruct(
            aval.shape, aval.dtype, sharding=place, weak_type=aval.weak_type
        )

    def _fields(self):
        return {
            "shape": self.shape,
            "dtype": self.dtype,
            "sharding": self.sharding if self._layout is None else self.format,
            "weak_type": self.weak_type,
            "manual_axis_type": self.manual_axis_type,
            "is_ref": self.is_ref,
        }

    def update(self, **changes):
        """A copy with some fields changed."""
        fields = self._fields()
        known = {name: value for name, value in changes.items() if name in fields}
        return ShapeDtypeStruct(**{**fields, **known})

    def __len__(self):
        try:
            return self.shape[0]
        except IndexError:
            raise TypeError("len() of unsized object") from None

    def __repr__(self):
        more = {
            "sharding": self.sharding,
            "format": self._layout,
            "weak_type": self.weak_type or None,
            "is_ref": self.is_ref or None,
        }
        said = [
            f", {name}={value}" for name, value in more.items() if value is not None
        ]
        return (
            f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name}"
            f"{''.join(said)})"
        )

    __str__ = __repr__

    def _key(self):
        return (
            self.shape,
            self.dtype,
            self.sharding,
            self._layout,
            self.weak_type,
            self.is_ref,
        )

    def __eq__(self, other):
        return isinstance(other, ShapeDtypeStruct) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __reduce__(self):
        return _restored, (self._fields(),)


def _restored(fields):
    return ShapeDtypeStruct(**fields)


def _placement(given, shape):
    """(layout or None, sharding) of what `sharding` may be."""
    layout = None
    if not isinstance(given, Sharding):
        named = importlib.import_module("minijax.named_sharding")
        layouts = importlib.import_module("minijax.experimental.layout")
        if isinstance(given, layouts.Format):
            if given.layout is layouts.Layout.AUTO:
                raise TypeError(
                    "`Layout.AUTO` cannot be used in place of a device-local layout in a "
                    f"`ShapeDtypeStruct`. Got {given}"
                )
            layout, given = given.layout, given.sharding
        elif isinstance(given, named.PartitionSpec):
            current = importlib.import_module("minijax.mesh").get_mesh()
            if current.empty:
                raise TypeError(
                    "When specifying PartitionSpec to `ShapeDtypeStruct`, the context "
                    "mesh cannot be empty. Please use `jax.set_mesh` to set the mesh "
                    "context."
                )
            given = named.NamedSharding(current, given)
        else:
            raise ValueError(
                "sharding should be an instance of `jax.sharding.Sharding`, "
                "`jax.sharding.PartitionSpec` or `jax.experimental.layout.Format`. Got "
                f"{given} of type {type(given)}."
            )
    if given is not None:
        given.check_compatible_aval(shape)
    return layout, given


def abstract(x):
    """The aval of a value or of anything with a shape and a dtype."""
    if type(x) is core.AbstractRef or type(x) is ShapeDtypeStruct and x.is_ref:
        importlib.import_module("minijax.state")  # lets tracers of references be used
    try:
        return core.get_aval(x)
    except TypeError:
        if type(x) is core.AbstractRef:
            return x
        if hasattr(x, "shape") and hasattr(x, "dtype"):
            dtype = dtypes.canonicalize_dtype(x.dtype, allow_extended_dtype=True)
            return ShapedArray(x.shape, dtype, getattr(x, "weak_type", False))
        raise


# A traced function may return a shape and dtype where a value would be.
def _aval_of_struct(x):
    aval = ShapedArray(x.shape, x.dtype, bool(x.weak_type))
    return core.AbstractRef(aval) if x.is_ref else aval


core.aval_rules[ShapeDtypeStruct] = _aval_of_struct
core.shapes_only.add(ShapeDtypeStruct)


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
        check_outputs(describe_function(fun), traced_for, outs, tree)
        return outs

    names = leaf_names(fun, in_tree, places)
    info = DebugInfo(traced_for, describe_function(fun), names, trees)
    closed = trace(flat_fun, [abstract(x) for x in flat], info)
    return closed, in_tree, trees[0]


def make_jaxpr(fun, static_argnums=(), axis_env=None, return_shape=False):
    """A function that gives the closed jaxpr of `fun` on given arguments (or their
    shapes).

    With `return_shape` it gives a pair: the jaxpr, and the tree of `ShapeDtypeStruct`
    of the outputs.
    """
    check_callable(fun)
    if isinstance(static_argnums, int):
        static_argnums = (static_argnums,)

    @api_boundary
    def jaxpr_maker(*args, **kwargs):
        with core.extend_axis_env(dict(axis_env or ())):
            closed, _, out_tree = trace_tree(fun, args, kwargs, "jit", static_argnums)
        if config.values.jax_debug_key_reuse:
            dispatch.key_reuse().check_key_reuse_jaxpr(closed.jaxpr)
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


def structs(avals, places=()):
    """Each aval as a `ShapeDtypeStruct`, with its place if there is one; those of tokens
    and of users' own types as they are.
    """
    return [
        a if type(a) is core.AbstractToken or a.is_high
        else ShapeDtypeStruct(a.shape, a.dtype, weak_type=a.weak_type, sharding=place)
        for a, place in itertools.zip_longest(avals, places)
    ]  # fmt: skip


@api_boundary
def eval_shape(fun, *args, **kwargs):
    """The shapes and dtypes of `fun(*args, **kwargs)`, without computing it.

    The `ShapeDtypeStruct`s have shardings where `fun` is jitted with `out_shardings`.
    """
    if isinstance(fun, PjitFunction):
        return fun.eval_shape(*args, **kwargs)
    try:
        hash(fun)
    except TypeError:  # of the type, or of an array that the object holds
        fun = functools.partial(fun)
    return jit(fun).eval_shape(*args, **kwargs)

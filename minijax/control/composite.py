"""lax.composite: a function as one equation with a name, a version and attributes."""

import functools

import numpy as np

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.control.body import avals_of, trace_body
from minijax.core import HigherOrderPrimitive
from minijax.errors import UnexpectedTracerError
from minijax.ops.define import NO_RULE, define
from minijax.transforms.evaluate import evaluate


class HashableArray:
    """An array among the attributes of an equation, which are compared and hashed: a copy
    that cannot be written.
    """

    __slots__ = ("val",)

    def __init__(self, val):
        self.val = np.array(val, copy=True)
        self.val.setflags(write=False)

    def __hash__(self):
        return hash((self.val.shape, self.val.dtype, self.val.tobytes()))

    def __eq__(self, other):
        if not isinstance(other, HashableArray):
            return False
        a, b = self.val, other.val
        return (a.shape, a.dtype) == (b.shape, b.dtype) and np.array_equal(a, b)

    def __repr__(self):
        return f"HashableArray({self.val!r})"

    def __str__(self):
        return f"HashableArray({self.val})"


def composite(decomposition, name, version=0):
    """`decomposition` as a function whose calls are equations `composite`.

    Positional arguments are arrays; keyword arguments are attributes, known before the
    trace. It runs as `decomposition` does, and has no derivative and no batch.
    UnexpectedTracerError for traced attributes or constants.
    """

    @functools.wraps(decomposition)
    def call(*args, **kwargs):
        if any(isinstance(value, core.Tracer) for value in kwargs.values()):
            raise _traced("an attribute", name)
        flat, in_tree = flatten(args)
        fun = functools.partial(decomposition, **kwargs)
        closed, consts, out_tree = trace_body(fun, in_tree, avals_of(flat), "composite")
        if any(isinstance(c, core.Tracer) for c in consts):
            raise _traced("a constant", name)
        outs = composite_p.bind(
            *consts,
            *flat,
            name=name,
            attributes=tuple(_attribute(k, v) for k, v in kwargs.items()),
            version=version,
            jaxpr=closed,
        )
        return unflatten(out_tree, outs)

    return call


def _attribute(key, value):
    leaves, tree = flatten(value)
    held = (HashableArray(x) if isinstance(x, np.ndarray) else x for x in leaves)
    return key, tuple(held), tree


def _traced(what, name):
    return UnexpectedTracerError(
        f"Found a JAX Tracer as {what} in the decomposition for the composite op "
        f"'{name}'. Values that are traced must be passed to the composite as positional "
        "arguments.\n\nNote: If you are passing jax arrays as attributes, use numpy "
        "arrays instead."
    )


def _jvp(primals, tangents, **_):
    raise ValueError(
        "JVP rule for composite not implemented. You can use `jax.custom_jvp` to add "
        "support. See https://docs.jax.dev/en/latest/_autosummary/jax.custom_jvp.html"
    )


def _batch(axis, args, dims, **_):
    raise NotImplementedError("Batching rule for 'composite' not implemented")


composite_p = define(
    "composite",
    cls=HigherOrderPrimitive,
    shape=lambda *avals, jaxpr, **_: jaxpr.out_avals,
    reference=lambda *args, jaxpr, **_: evaluate(jaxpr, *args),
    jvp=_jvp,
    transpose=NO_RULE("has no derivative"),
    batch=_batch,
    lower=lambda b, ins, out_avals, *, jaxpr, **_: b.inline(jaxpr, ins),
)

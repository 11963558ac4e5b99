"""vmap: every value carries, besides its shape, the place of a batch axis."""

from types import NoneType
from typing import Any

import numpy as np

from minijax import core, leaks
from minijax.core import AbstractRef, ClosedJaxpr, ShapedArray, Tracer
from minijax.ops.define import batch_front, move_axis
from minijax.trace import JaxprTrace, named_like

# type of avals that users define -> (function(size, axis, aval) to the aval of one element,
# function(size, axis, None, aval) to that of all)
aval_mapping_handlers: dict[type, Any] = {}


def mapped_aval(aval: Any, dim, size=None) -> Any:
    """The aval of one of `size` elements along axis `dim` (None: the aval itself)."""
    if dim is None:
        return aval
    if aval.is_high:
        own = aval_mapping_handlers.get(type(aval))
        return own[0](size, dim, aval) if own else aval.dec_rank(size, dim)
    if type(aval) is AbstractRef:
        return AbstractRef(mapped_aval(aval.inner_aval, dim))
    shape = aval.shape[:dim] + aval.shape[dim + 1 :]
    return ShapedArray(shape, aval.dtype, aval.weak_type)


def unmapped_aval(size, dim, aval):
    """The aval with a batch axis of `size` put at `dim` (None: the aval itself)."""
    if dim is None:
        return aval
    if aval.is_high:
        own = aval_mapping_handlers.get(type(aval))
        return own[1](size, dim, None, aval) if own else aval.inc_rank(size, dim)
    shape = (*aval.shape[:dim], size, *aval.shape[dim:])
    return ShapedArray(shape, aval.dtype, aval.weak_type)


class BatchTracer(Tracer):
    """A value with a batch axis at `dim` that the function does not see."""

    __slots__ = ("val", "dim", "source")
    jax_name = "BatchTracer"

    def __init__(self, trace, val, dim):
        self._trace, self.val, self.dim = trace, val, dim
        self.aval = mapped_aval(core.get_aval(val), dim, trace.axis.size)
        self.source = core.user_frame()

    def created_at(self):
        """The source of what made it."""
        return self.source

    def _contents(self):
        return ("val", self.val), ("batch_dim", self.dim)

    def __repr__(self):
        full = str(core.get_aval(self.val))
        name = str(self.aval)
        return f"VmapTracer(aval={name}, batched={full})"


class BatchTrace(core.Trace):
    """Applies primitives to whole batches through their batch rules."""

    jax_name = "BatchTrace"
    main = property(lambda self: self.axis)

    def __init__(self, parent, axis):
        self.parent, self.axis = parent, axis

    def described(self):
        return self.parent.described()

    def split(self, x):
        """(value, batch axis or None)."""
        # Rules and functions of custom derivatives run at a level of their own, and may
        # close over what another level of the same axis made.
        if type(x) is BatchTracer and x._trace.axis is self.axis:
            return x.val, x.dim
        return x, None

    def split_all(self, args):
        """Lists of the values and of their batch axes."""
        pairs = [self.split(x) for x in args]
        return [v for v, _ in pairs], [d for _, d in pairs]

    def join(self, val, dim):
        """A tracer of the pair, or just the value where it has no batch axis."""
        if dim is None:
            return val
        return BatchTracer(self, val, dim)

    def process_primitive(self, primitive, args, params):
        vals, dims = self.split_all(args)
        if (
            all(d is None for d in dims)
            and not self._names_axis(primitive, params)
            and not primitive.always_traced
        ):
            return self.parent.process_primitive(primitive, args, params)
        with core.set_current_trace(self.parent):
            out, dim = primitive.batch(self.axis, vals, dims, **params)
        if primitive.multiple_results:
            return [self.join(v, d) for v, d in zip(out, dim, strict=True)]
        return self.join(out, dim)

    def _names_axis(self, primitive, params):
        name = self.axis.name
        return name is not None and name in primitive.axis_names(params)

    def process_custom_jvp_call(self, primitive, fun, jvp, args, **params):
        """The batch of a function with a custom jvp is one with the batched jvp."""
        vals, dims = self.split_all(args)
        out_dims = []
        fun = batched_flat(fun, self.axis, dims, out_dims)
        jvp = primitive.batch_jvp(jvp, self.axis, dims, out_dims)
        with core.set_current_trace(self.parent):
            outs = self.parent.process_custom_jvp_call(
                primitive, fun, jvp, vals, **params
            )
        return self._wrap(outs, out_dims)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **params):
        """The batch of a function with a custom vjp is one with the batched vjp."""
        vals, dims = self.split_all(args)
        out_dims = []
        fun = batched_flat(fun, self.axis, dims, out_dims)
        fwd, bwd = primitive.batch_vjp(fwd, bwd, self.axis, dims, out_dims)
        with core.set_current_trace(self.parent):
            outs = self.parent.process_custom_vjp_call(
                primitive, fun, fwd, bwd, vals, **params
            )
        return self._wrap(outs, out_dims)

    def _wrap(self, outs, dims):
        return [self.join(v, d) for v, d in zip(outs, dims, strict=True)]


def batch(fun, axis, args, dims):
    """Run the flat function `fun` over a batch; (outs, out_dims)."""
    level = BatchTrace(core.current_trace(), axis)
    try:
        with core.set_current_trace(level):
            tracers = [level.join(x, d) for x, d in zip(args, dims, strict=True)]
            if axis.name is None:
                outs = fun(*tracers)
            else:
                with core.extend_axis_env({axis.name: axis.size}):
                    outs = fun(*tracers)
        found = level.split_all(outs)
    finally:
        level.valid = False
    del tracers, outs
    leaks.check(level)
    return found


def batched_flat(fun, axis, dims, found):
    """The batched form of a flat function, with all outputs mapped at 0.

    Once it has run, the list `found` has the axes of the outputs.
    """

    @named_like(fun)
    def batched(*args):
        outs, out_dims = batch(fun, axis, args, dims)
        found[:] = front_dims(out_dims)
        return all_to_front(axis, outs, out_dims)

    return batched


def to_front(axis, x, dim):
    """`x` with its batch axis first; unmapped values stay as they are."""
    return x if dim is None or is_spec(dim) else move_axis(x, dim, 0)


def all_to_front(axis, values, dims):
    """Values with their mapped axes first; those without one are left alone."""
    return [to_front(axis, x, d) for x, d in zip(values, dims, strict=True)]


def front_dims(dims):
    """The places of mapped axes once they are first: 0, or None where there is none."""
    return tuple([d if d is None or is_spec(d) else 0 for d in dims])


def is_spec(dim):
    """Whether this says, in place of an axis, how values of a user's type are mapped."""
    return not isinstance(dim, (int, np.integer, NoneType))


def match_axis(axis, x, dim, wanted):
    """`x` with its batch axis moved from `dim` to `wanted`, made where there is none."""
    if is_spec(wanted) or is_spec(dim):
        if wanted != dim:
            raise ValueError(
                f"vmap has an output mapped as {dim}, where {wanted} is wanted"
            )
        return x
    if wanted is None:
        if dim is not None:
            raise ValueError(f"vmap has mapped output but out_axes is {wanted}")
        return x
    if wanted < 0:
        wanted += core.get_aval(x).ndim + (dim is None)
    x = batch_front(axis, x, dim) if dim is None else x
    return move_axis(x, 0 if dim is None else dim, wanted)


def batch_jaxpr(closed, axis, dims, force: Any = False) -> Any:
    """The batched form of a closed jaxpr: (closed jaxpr, out_dims).

    Outputs are mapped at axis 0 or not at all.  `force`: True, or a list saying which
    outputs are to be mapped even where they do not depend on mapped inputs.
    """
    if isinstance(force, bool):
        force = (force,) * len(closed.jaxpr.outvars)
    key = batch_jaxpr, axis.size, axis.name, tuple(dims), tuple(force)
    known = closed.memo.get(key)
    if known is None:
        known = closed.memo[key] = _batch_jaxpr(closed, axis, dims, force)
    return known


def _batch_jaxpr(closed, axis, dims, force):
    closed = core.without_refs(closed)
    avals = [
        unmapped_aval(axis.size, d, a)
        for d, a in zip(dims, closed.in_avals, strict=True)
    ]
    level = JaxprTrace(core.current_trace(), closed.jaxpr.debug_info)
    args = [level.new_arg(aval) for aval in avals]
    try:
        with core.set_current_trace(level), core.scopes_set():
            outs, out_dims = batch(core.jaxpr_as_fun(closed), axis, args, dims)
            outs = [
                x if is_spec(d) or (d is None and not forced)
                else batch_front(axis, x, d)
                for x, d, forced in zip(outs, out_dims, force, strict=True)
            ]  # fmt: skip
        out_dims = [
            d if is_spec(d) else 0 if d is not None or forced else None
            for d, forced in zip(out_dims, force, strict=True)
        ]
        jaxpr, consts = level.finish([t.variable for t in args], outs)
    finally:
        level.valid = False
    return ClosedJaxpr(jaxpr, consts), out_dims

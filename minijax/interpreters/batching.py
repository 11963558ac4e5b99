"""Batching rules of primitives (`jax.interpreters.batching`)."""

from minijax.alias import missing_attribute
from minijax.api.vmappable import register_vmappable as register_vmappable
from minijax.api.vmappable import unregister_vmappable as unregister_vmappable
from minijax.core import AxisData
from minijax.interpreters._tables import RuleTable
from minijax.ops.define import batch_front, move_axis, shape_of
from minijax.transforms.batching import BatchTrace as BatchTrace
from minijax.transforms.batching import BatchTracer as BatchTracer

not_mapped = None


def _without_axis(rule):
    def batch(axis, args, dims, **params):
        return rule(tuple(args), tuple(dims), **params)

    return batch


def _with_axis(rule):
    def batch(axis, args, dims, **params):
        return rule(axis, tuple(args), tuple(dims), **params)

    return batch


def _with_any_axis(rule):
    def found(args, dims, **params):
        sizes = [
            shape_of(x)[d] for x, d in zip(args, dims, strict=True) if d is not None
        ]
        return rule(AxisData(sizes[0]), args, dims, **params)

    return found


def _with_name(rule):
    def batch(axis, args, dims, **params):
        size, name = axis.size, axis.name
        return rule(size, name, BatchTrace, tuple(args), tuple(dims), **params)

    return batch


def _from_axis(rule):
    def found(axis_size, axis_name, trace_type, args, dims, **params):
        return rule(AxisData(axis_size, axis_name), args, dims, **params)

    return found


# primitive -> rule(args, dims, **params) -> (out, dim)
primitive_batchers = RuleTable("batch", _without_axis, _with_any_axis)
# primitive -> rule(axis_data, args, dims, **params) -> (out, dim)
fancy_primitive_batchers = RuleTable("batch", _with_axis, lambda r: r)
# primitive -> rule(axis_size, axis_name, trace_type, args, dims, **params) -> (out, dim)
axis_primitive_batchers = RuleTable("batch", _with_name, _from_axis)


def defvectorized(primitive):
    """A primitive that treats leading axes alike: all arguments batched at one place."""

    def batch(args, dims, **params):
        (dim,) = set(dims)
        return primitive.bind(*args, **params), dim

    primitive_batchers[primitive] = batch


def defbroadcasting(primitive):
    """An elementwise primitive: batch axes go in front, ranks are evened out."""

    def batch(axis, args, dims, **params):
        rank = max(
            len(shape_of(x)) - (d is not None) for x, d in zip(args, dims, strict=True)
        )
        moved = [
            x if d is None and not len(shape_of(x)) else batch_front(axis, x, d)
            for x, d in zip(args, dims, strict=True)
        ]
        even = [
            x.reshape(x.shape[:1] + (1,) * (rank + 1 - x.ndim) + x.shape[1:])
            if len(shape_of(x)) else x
            for x in moved
        ]  # fmt: skip
        return primitive.bind(*even, **params), 0

    fancy_primitive_batchers[primitive] = batch


def defreducer(primitive):
    """A primitive that reduces its one argument along the parameter `axes`."""

    def batch(args, dims, *, axes, **params):
        (x,), (dim,) = args, dims
        axes = tuple(axis + (axis >= dim) for axis in axes)
        if "input_shape" in params:
            params["input_shape"] = x.shape
        return primitive.bind(x, axes=axes, **params), dim - sum(a < dim for a in axes)

    primitive_batchers[primitive] = batch


def bdim_at_front(x, bdim, size, mesh_axis=None):
    """`x` with its batch axis first, made where there is none."""
    return batch_front(AxisData(size), x, bdim)


def broadcast(x, sz, axis, mesh_axis=None):
    """`x` repeated along a new axis of size `sz` at `axis`."""
    return move_axis(batch_front(AxisData(sz), x, None), 0, axis)


def moveaxis(x, src, dst):
    """`x` with axis `src` moved to `dst`."""
    return move_axis(x, src, dst)


def __getattr__(name):
    raise missing_attribute(__name__, name)

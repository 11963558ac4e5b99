"""Identities that mean something: to derivatives, to devices, to what may be left out."""

import enum

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.core import AS_STORED, Zero, is_undefined_primal
from minijax.ops.convert import convert
from minijax.ops.define import (
    NOT_LINEAR,
    define,
    instantiate,
    unary_batch,
    zeros,
)


class ArrayCopySemantics(enum.IntEnum):
    """Whether a value that is put somewhere may share the memory of what it was."""

    REUSE_INPUT = 0
    ALWAYS_COPY = 1
    DONATE_INPUT = 2


def _device_put_jvp(primals, tangents, **params):
    outs = device_put_p.bind(*primals, **params)
    moved = [
        t if type(t) is Zero else device_put_p.bind(t, **_only(params, k))[0]
        for k, t in enumerate(tangents)
    ]
    return outs, moved


def _device_put_transpose(cts, *args, **params):
    return [
        ct if type(ct) is Zero else device_put_p.bind(ct, **_only(params, k))[0]
        for k, ct in enumerate(cts)
    ]


def _only(params, k):
    """The parameters of the operand `k`."""
    return {name: (value[k],) for name, value in params.items()}


device_put_p = define(
    "device_put",
    multiple_results=True,
    shape=lambda *avals, **_: list(avals),
    reference=lambda *args, **_: list(args),
    jvp=_device_put_jvp,
    transpose=_device_put_transpose,
    batch=lambda axis, args, dims, **params: (device_put_p.bind(*args, **params), dims),
    lower=lambda b, ins, out_avals, **_: ins,
    narrow=AS_STORED,
)


def stop_gradient(x):
    """The pytree `x`, of which derivatives see nothing."""
    leaves, tree = flatten(x)
    return unflatten(tree, [_stop_gradient_leaf(leaf) for leaf in leaves])


def _stop_gradient_leaf(x):
    if not core.valid_jaxtype(x):
        raise core.no_value(x)
    if not isinstance(x, core.Tracer):
        return x
    if isinstance(x.dtype, dtypes.ExtendedDType):
        return x
    return stop_gradient_p.bind(x)


def _stop_gradient_jvp(primals, tangents):
    out = stop_gradient_p.bind(*primals)
    return out, Zero.of(out)


stop_gradient_p = define(
    "stop_gradient",
    shape=lambda x: x,
    reference=np.array,
    jvp=_stop_gradient_jvp,
    transpose=NOT_LINEAR,
    batch=unary_batch(lambda: stop_gradient_p),
    lower=lambda b, ins, out_avals: ins,
    narrow=AS_STORED,
)


def stage(x, /):
    """The number or array `x` as an array; a traced one as it is.

    TypeError for anything else.
    """
    core.check_arguments("stage", [x])
    return convert(x, weak_type=dtypes.is_weakly_typed(x))


def dce_sink(val, *, prevent_mlir_dce=False):
    """Keeps what computes the pytree `val` from being removed as unread."""
    for leaf in flatten(val)[0]:
        dce_sink_p.bind(leaf, prevent_mlir_dce=prevent_mlir_dce)


dce_sink_p = define(
    "dce_sink",
    multiple_results=True,
    shape=lambda x, **_: [],
    reference=lambda x, **_: [],
    jvp=lambda primals, tangents, **params: (dce_sink_p.bind(*primals, **params), []),
    transpose=NOT_LINEAR,
    batch=lambda axis, args, dims, **params: (dce_sink_p.bind(*args, **params), []),
    lower=lambda b, ins, out_avals, **_: [],
)
dce_sink_p.effects = frozenset([core.Effect("NoDCE")])


def optimization_barrier(operand, /):
    """The pytree `operand`, all of it computed before any of what follows."""
    leaves, tree = flatten(operand)
    return unflatten(tree, optimization_barrier_p.bind(*leaves))


def _barrier_jvp(primals, tangents):
    outs = optimization_barrier_p.bind(*primals)
    if all(type(t) is Zero for t in tangents):
        return outs, [Zero.of(x) for x in outs]
    return outs, optimization_barrier_p.bind(*[instantiate(t) for t in tangents])


def _barrier_transpose(cts, *args):
    cts = [zeros(ct.aval) if type(ct) is Zero else ct for ct in cts]
    outs = optimization_barrier_p.bind(*cts)
    return [
        ct if is_undefined_primal(x) else None for ct, x in zip(outs, args, strict=True)
    ]


optimization_barrier_p = define(
    "optimization_barrier",
    multiple_results=True,
    shape=lambda *avals: list(avals),
    reference=lambda *arrays: list(arrays),
    jvp=_barrier_jvp,
    transpose=_barrier_transpose,
    batch=lambda axis, args, dims: (optimization_barrier_p.bind(*args), list(dims)),
    lower=lambda b, ins, out_avals: ins,
    narrow=AS_STORED,
    stays=True,
)

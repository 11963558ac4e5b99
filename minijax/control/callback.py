"""Calling back into Python from a running program: pure_callback, io_callback and the
debugging ones.
"""

import functools
import string
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.array import from_numpy
from minijax.core import Effect, ShapedArray, Zero
from minijax.ops.define import NO_RULE, batch_front, define, expand, move_axis

callback_effect = Effect("IO")
debug_effect = Effect("Debug")


class FlatCallback:
    """A Python function of pytrees as one of flat NumPy arrays."""

    def __init__(self, fun, in_tree):
        self.fun, self.in_tree = fun, in_tree

    def __repr__(self):
        return f"FlatCallback(callback_func={self.fun}, in_tree={self.in_tree})"

    def __call__(self, *arrays):
        args, kwargs = unflatten(self.in_tree, arrays)
        return flatten(self.fun(*args, **kwargs))[0]


def _declared(results):
    """(avals, tree) of a pytree of things with shape and dtype."""
    leaves, tree = flatten(results)
    avals = []
    for leaf in leaves:
        dtype = dtypes.canonicalize_dtype(leaf.dtype, allow_extended_dtype=True)
        avals.append(ShapedArray(leaf.shape, dtype))
    return avals, tree


def _checked_results(callback, avals):
    """The callback with its results checked against their declared avals."""

    def checked(*arrays):
        outs = callback(*[_as_given(a) for a in arrays])
        if len(outs) != len(avals):
            raise RuntimeError(
                f"Mismatched number of outputs from callback. Expected: {len(avals)}, "
                f"Actual: {len(outs)}"
            )
        results = []
        for out, aval in zip(outs, avals, strict=True):
            out = np.asarray(out)
            if out.shape != aval.shape:
                raise RuntimeError(
                    "Incorrect output shape for return value of callback: Expected: "
                    f"{aval.shape}, Actual: {out.shape}"
                )
            results.append(out.astype(aval.dtype, copy=False))
        return results

    return checked


def _as_given(array):
    """What the user's function gets: an Array over a copy of the runtime's memory."""
    return from_numpy(array)


def _callback_lower(b, ins, out_avals, *, callback, **_):
    outs = [(a.shape, a.dtype) for a in out_avals]
    return b.callback(_checked_results(callback, out_avals), ins, outs)


# --- pure_callback --------------------------------------------------------------------


def pure_callback(
    callback, result_shape_dtypes, *args, sharding=None, vmap_method=None, **kwargs
):
    """Results of the Python function `callback(*args, **kwargs)`, which must have no
    effects.

    Args:
        result_shape_dtypes: a pytree of things with shape and dtype, like the result.
        vmap_method: what `vmap` does: 'sequential', 'sequential_unrolled',
            'expand_dims', 'broadcast_all' or 'legacy_vectorized'; None refuses.
    """
    if vmap_method not in _VMAP_METHODS:
        raise ValueError(
            f"vmap_method must be on of the allowed methods {sorted(map(str, _VMAP_METHODS))}, "
            f"but got: {vmap_method}"
        )
    flat, in_tree = flatten((args, kwargs))
    avals, out_tree = _declared(result_shape_dtypes)
    outs = pure_callback_p.bind(
        *flat,
        callback=FlatCallback(callback, in_tree),
        result_avals=tuple(avals),
        sharding=None,
        vmap_method=vmap_method,
    )
    return unflatten(out_tree, outs)


_VMAP_METHODS = {
    None, "sequential", "sequential_unrolled", "expand_dims", "broadcast_all",
    "legacy_vectorized",
}  # fmt: skip


def _pure_batch(axis, args, dims, *, callback, result_avals, sharding, vmap_method):
    params = {"callback": callback, "sharding": sharding, "vmap_method": vmap_method}
    batched = tuple(a.update(shape=(axis.size, *a.shape)) for a in result_avals)
    if vmap_method in ("expand_dims", "broadcast_all", "legacy_vectorized"):
        if vmap_method == "broadcast_all":
            args = [batch_front(axis, x, d) for x, d in zip(args, dims, strict=True)]
        else:
            args = [
                move_axis(x, d, 0) if d is not None
                else x if vmap_method == "legacy_vectorized"
                else expand(x, (0,))
                for x, d in zip(args, dims, strict=True)
            ]  # fmt: skip
        outs = pure_callback_p.bind(*args, result_avals=batched, **params)
        return outs, [0] * len(outs)
    if vmap_method is None:
        raise NotImplementedError(
            "vmap is only supported for the pure_callback primitive when vmap_method is "
            "one of 'sequential', 'sequential_unrolled', 'expand_dims', 'broadcast_all', "
            f"or 'legacy_vectorized'. Got vmap_method={vmap_method}."
        )
    mapped = [d is not None for d in dims]
    args = [
        move_axis(x, d, 0) if d is not None else x
        for x, d in zip(args, dims, strict=True)
    ]
    looped = _Looped(callback, mapped, axis.size)
    outs = pure_callback_p.bind(
        *args, result_avals=batched, callback=looped, sharding=sharding,
        vmap_method=vmap_method,
    )  # fmt: skip
    return outs, [0] * len(outs)


class _Looped:
    """A callback applied to each element of a batch in turn, results stacked."""

    def __init__(self, callback, mapped, size):
        self.callback, self.mapped, self.size = callback, mapped, size

    def __call__(self, *arrays):
        results = [
            self.callback(*[
                a[k] if m else a for a, m in zip(arrays, self.mapped, strict=True)
            ])
            for k in range(self.size)
        ]  # fmt: skip
        return [np.stack(column) for column in zip(*results, strict=True)]


def _no_derivative(what, primitive_of):
    def jvp(primals, tangents, **params):
        if all(type(t) is Zero for t in tangents):
            outs = primitive_of().bind(*primals, **params)
            return outs, [Zero.of(x) for x in outs]
        raise ValueError(
            f"{what} do not support JVP. Please use `jax.custom_jvp` to use callbacks "
            "while taking gradients."
        )

    return jvp


pure_callback_p = define(
    "pure_callback",
    multiple_results=True,
    shape=lambda *avals, result_avals, **_: list(result_avals),
    reference=lambda *args, callback, **_: [np.asarray(x) for x in callback(*args)],
    jvp=_no_derivative("Pure callbacks", lambda: pure_callback_p),
    transpose=NO_RULE("callbacks have no transpose"),
    batch=_pure_batch,
    lower=_callback_lower,
)

# --- io_callback ----------------------------------------------------------------------


def io_callback(
    callback, result_shape_dtypes, *args, sharding=None, ordered=False, **kwargs
):
    """Results of the Python function `callback(*args, **kwargs)`, run for its effects."""
    flat, in_tree = flatten((args, kwargs))
    avals, out_tree = _declared(result_shape_dtypes)
    outs = io_callback_p.bind(
        *flat,
        callback=FlatCallback(callback, in_tree),
        result_avals=tuple(avals),
        sharding=None,
        ordered=ordered,
    )
    return unflatten(out_tree, outs)


def _io_batch(axis, args, dims, *, callback, result_avals, ordered, sharding):
    if ordered:
        raise ValueError("Cannot `vmap` ordered IO callback.")
    mapped = [d is not None for d in dims]
    args = [
        move_axis(x, d, 0) if d is not None else x
        for x, d in zip(args, dims, strict=True)
    ]
    outs = io_callback_p.bind(
        *args,
        callback=_Looped(callback, mapped, axis.size),
        result_avals=tuple(a.update(shape=(axis.size, *a.shape)) for a in result_avals),
        ordered=ordered,
        sharding=sharding,
    )
    return outs, [0] * len(outs)


io_callback_p = define(
    "io_callback",
    multiple_results=True,
    shape=lambda *avals, result_avals, **_: list(result_avals),
    reference=lambda *args, callback, **_: [np.asarray(x) for x in callback(*args)],
    jvp=_no_derivative("IO callbacks", lambda: io_callback_p),
    transpose=NO_RULE("callbacks have no transpose"),
    batch=_io_batch,
    lower=_callback_lower,
)
io_callback_p.effects = frozenset([callback_effect])

# --- debugging ------------------------------------------------------------------------


def debug_callback(callback=None, *args, ordered=False, partitioned=False, **kwargs):
    """Call `callback(*args, **kwargs)` when the program gets there.

    Its result is dropped.
    """
    if callback is None:
        return functools.partial(debug_callback, ordered=ordered)
    if not callable(callback):
        raise TypeError(
            "first argument to jax.debug.callback must be callable, but got an object of "
            f"type {type(callback)}"
        )
    flat, in_tree = flatten((args, kwargs))
    static = {k: x for k, x in enumerate(flat) if not core.valid_jaxtype(x)}
    dynamic = [x for k, x in enumerate(flat) if k not in static]

    def call(*arrays):
        feed = iter(arrays)
        leaves = [static[k] if k in static else next(feed) for k in range(len(flat))]
        given, named = unflatten(in_tree, leaves)
        callback(*given, **named)
        return ()

    debug_callback_p.bind(*dynamic, callback=call, effect=ordered)
    return None


class _Formatter(string.Formatter):
    """Refuses arguments that the format does not use."""

    def check_unused_args(self, used_args, args, kwargs):
        unused = [k for k in range(len(args)) if k not in used_args]
        if unused:
            raise ValueError(
                f"Unused positional arguments to `jax.debug.print`: {unused}"
            )
        unused = [k for k in kwargs if k not in used_args]
        if unused:
            raise ValueError(
                f"Unused keyword arguments to `jax.debug.print`: {unused}. You may be "
                "passing an f-string (i.e, `f'{x}'`) to `jax.debug.print` and intended "
                "to pass in a regular string."
            )


class _Anything(str):
    """Stands for any value while a format is checked."""

    def __format__(self, spec):
        return ""

    def __getitem__(self, key):
        return self

    def __getattr__(self, name):
        return self


def debug_print(
    fmt: Any = None,
    *args,
    ordered=False,
    partitioned=False,
    skip_format_check=False,
    _use_logging=False,
    **kwargs,
):
    """Print `fmt.format(*args, **kwargs)` when the program gets there, values filled
    in.

    ValueError for an argument that the format does not use.
    """
    formatter = _Formatter()
    if not skip_format_check:
        formatter.vformat(
            fmt, [_Anything()] * len(args), {k: _Anything() for k in kwargs}
        )

    def show(*given, **named):
        print(fmt.format(*given, **named), flush=True)

    debug_callback(show, *args, ordered=ordered, **kwargs)


def _debug_jvp(primals, tangents, **params):
    debug_callback_p.bind(*primals, **params)
    return [], []


def _debug_batch(axis, args, dims, *, callback, effect):
    mapped = [d is not None for d in dims]
    args = [
        move_axis(x, d, 0) if d is not None else x
        for x, d in zip(args, dims, strict=True)
    ]

    def each(*arrays):
        for k in range(axis.size):
            callback(*[a[k] if m else a for a, m in zip(arrays, mapped, strict=True)])
        return ()

    debug_callback_p.bind(*args, callback=each, effect=effect)
    return [], []


def _debug_transpose(cts, *args, **params):
    return [None] * len(args)


debug_callback_p = define(
    "debug_callback",
    multiple_results=True,
    shape=lambda *avals, **_: [],
    reference=lambda *args, callback, **_: callback(*args) or [],
    jvp=_debug_jvp,
    transpose=_debug_transpose,
    batch=_debug_batch,
    lower=_callback_lower,
)
debug_callback_p.effects = frozenset([debug_effect])

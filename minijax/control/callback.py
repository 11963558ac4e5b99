"""Calling back into Python from a running program: pure_callback, io_callback and the
debugging ones.
"""

import copy
import logging
import string
import sys
import traceback
from typing import Any

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax.array import ArrayImpl
from minijax.core import Effect, Primitive, ShapedArray, SourceInfo, Zero
from minijax.dispatch import as_data
from minijax.effects import IO, ORDERED_IO
from minijax.errors import JaxRuntimeError
from minijax.ops.define import NO_RULE, batch_front, define, expand, move_axis

_log = logging.getLogger(__name__)


class FlatCallback:
    """A Python function of pytrees as one of flat NumPy arrays."""

    def __init__(self, fun, in_tree):
        hash(fun)  # TypeError: parameters of equations must be told apart
        self.fun, self.in_tree = fun, in_tree

    def __eq__(self, other):
        return type(other) is FlatCallback and (
            (self.fun, self.in_tree) == (other.fun, other.in_tree)
        )

    def __hash__(self):
        return hash((self.fun, self.in_tree))

    def __repr__(self):
        return f"_FlatCallback(callback_func={self.fun}, in_tree={self.in_tree})"

    def __call__(self, *arrays):
        args, kwargs = unflatten(self.in_tree, arrays)
        return flatten(self.fun(*args, **kwargs))[0]


def _declared(results):
    """(avals, tree) of a pytree of things with shape and dtype."""
    leaves, tree = flatten(results)
    avals = []
    for leaf in leaves:
        dtype = dtypes.canonicalize_dtype(leaf.dtype, allow_extended_dtype=True)
        if dtype != leaf.dtype:
            raise ValueError(
                "result_shape_dtypes cannot specify 64-bit types when `jax_enable_x64` "
                "is disabled"
            )
        avals.append(ShapedArray(leaf.shape, dtype))
    return avals, tree


def checked_results(what, callback, in_avals, avals):
    """The callback on Arrays, with its results checked against their declared avals."""

    def checked(*arrays):
        # Copies: the runtime's memory is valid during the call only.
        given = [
            ArrayImpl(aval.update(weak_type=False), np.array(x, order="C"))
            for x, aval in zip(arrays, in_avals, strict=True)
        ]
        try:
            return _conforming(_called(what, callback, given), avals)
        except Exception as error:
            said = "".join(traceback.format_exception(error))
            raise JaxRuntimeError(
                f"INTERNAL: CpuCallback error calling callback: {said}"
            ) from None

    return checked


def _called(what, callback, args):
    try:
        with core.eval_context():
            return callback(*args)
    except BaseException:
        _log.exception(f"{what} failed")
        raise


def _conforming(outs, avals):
    """Results as NumPy arrays of their avals.  RuntimeError for other ones."""
    if len(outs) != len(avals):
        raise RuntimeError(
            f"Mismatched number of outputs from callback. Expected: {len(avals)}, "
            f"Actual: {len(outs)}"
        )
    results = [np.asarray(out) for out in outs]
    for k, (out, aval) in enumerate(zip(results, avals, strict=True)):
        if out.shape != aval.shape:
            raise RuntimeError(
                f"Incorrect output shape for return value #{k}: Expected: {aval.shape}, "
                f"Actual: {out.shape}"
            )
        if (
            dtypes.canonicalize_dtype(out.dtype, allow_extended_dtype=True)
            != aval.dtype
        ):
            raise RuntimeError(
                f"Incorrect output dtype for return value #{k}: Expected: {aval.dtype}, "
                f"Actual: {out.dtype}"
            )
    return [out.astype(aval.dtype) for out, aval in zip(results, avals, strict=True)]


def _lower_as(what):
    def lower(b, ins, out_avals, *, callback, **_):
        outs = [(a.shape, a.dtype) for a in out_avals]
        in_avals = [atom.aval for atom in b.eqn.invars]
        run = checked_results(what, callback, in_avals, out_avals)
        return b.callback(run, ins, outs)

    return lower


class _Effectful(Primitive):
    """A primitive with one effect, or another where it is `ordered`."""

    unordered, ordered = IO, ORDERED_IO

    def effects_of(self, params):
        return frozenset([self.ordered if self._is_ordered(params) else self.unordered])

    def _is_ordered(self, params):
        return params["ordered"]


class _Debugging(_Effectful):
    unordered, ordered = Effect("Debug"), Effect("OrderedDebug")

    def _is_ordered(self, params):
        if "ordered" in params:
            return params["ordered"]
        return params["effect"] is self.ordered


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
            f"vmap_method must be on of the allowed methods {_VMAP_METHODS}, but got: "
            f"{vmap_method}"
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


_VMAP_METHODS = [
    "sequential", "sequential_unrolled", "expand_dims", "broadcast_all",
    "legacy_vectorized", None,
]  # fmt: skip


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

    def _at(self, k, arrays):
        pairs = zip(arrays, self.mapped, strict=True)
        return self.callback(*[a[k] if m else a for a, m in pairs])

    def __call__(self, *arrays):
        results = [self._at(k, arrays) for k in range(self.size)]
        return [np.stack(column) for column in zip(*results, strict=True)]


def _no_derivative(said, primitive_of):
    def jvp(primals, tangents, **params):
        if all(type(t) is Zero for t in tangents):
            outs = primitive_of().bind(*primals, **params)
            return outs, [Zero.of(x) for x in outs]
        raise ValueError(said)

    return jvp


pure_callback_p = define(
    "pure_callback",
    multiple_results=True,
    shape=lambda *avals, result_avals, **_: list(result_avals),
    reference=lambda *args, callback, **_: [np.asarray(x) for x in callback(*args)],
    jvp=_no_derivative(
        "Pure callbacks do not support JVP. Please use `jax.custom_jvp` to use callbacks "
        "while taking gradients.",
        lambda: pure_callback_p,
    ),
    transpose=NO_RULE("callbacks have no transpose"),
    batch=_pure_batch,
    lower=_lower_as("jax.pure_callback"),
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
    cls=_Effectful,
    multiple_results=True,
    shape=lambda *avals, result_avals, **_: list(result_avals),
    reference=lambda *args, callback, **_: [np.asarray(x) for x in callback(*args)],
    jvp=_no_derivative("IO callbacks do not support JVP.", lambda: io_callback_p),
    transpose=NO_RULE("callbacks have no transpose"),
    batch=_io_batch,
    lower=_lower_as("jax.io_callback"),
)

# --- debugging ------------------------------------------------------------------------


def _split_static(args, kwargs):
    """(tree, array leaves, {place: other leaf}) of the arguments of a callback."""
    flat, in_tree = flatten((args, kwargs))
    static = {k: x for k, x in enumerate(flat) if not core.valid_jaxtype(x)}
    return in_tree, [x for k, x in enumerate(flat) if k not in static], static


class _Merged:
    """`fun` on pytrees, as a function of the leaves that are arrays."""

    def __init__(self, fun, in_tree, static):
        self.fun, self.in_tree, self.static = fun, in_tree, static

    def __call__(self, *arrays):
        feed = iter(arrays)
        leaves = [
            self.static[k] if k in self.static else next(feed)
            for k in range(self.in_tree.num_leaves)
        ]
        args, kwargs = unflatten(self.in_tree, leaves)
        self.fun(*args, **kwargs)
        return ()


def debug_callback(callback=None, *args, ordered=False, partitioned=False, **kwargs):
    """Call `callback(*args, **kwargs)` when the program gets there.

    Its result is dropped. Without a callback: a function that takes it and its arguments.
    """

    def call(callback, *args, **kwargs):
        if not callable(callback):
            raise TypeError(
                "first argument to jax.debug.callback must be callable, but got an object "
                f"of type {type(callback)}"
            )
        in_tree, dynamic, static = _split_static(args, kwargs)
        debug_callback_p.bind(
            *dynamic,
            callback=_Merged(callback, in_tree, static),
            effect=_Debugging.ordered if ordered else _Debugging.unordered,
            partitioned=partitioned,
        )

    if callback is not None:
        return call(callback, *args, **kwargs)
    _refuse_arguments("debug_callback", args, kwargs)
    return call


def _refuse_arguments(name, args, kwargs):
    if args or kwargs:
        raise TypeError(
            f"{name} received unexpected arguments in the two-call form: {args=} {kwargs=}"
        )


class _Formatter(string.Formatter):
    """Refuses arguments that the format does not use."""

    def format_field(self, value, format_spec):
        return ""

    def check_unused_args(self, used_args, args, kwargs):
        unused = [x for k, x in enumerate(args) if k not in used_args]
        if unused:
            raise ValueError(
                f"Unused positional arguments to `jax.debug.print`: {unused}"
            )
        unused = [k for k in kwargs if k not in used_args]
        if unused:
            raise ValueError(
                f"Unused keyword arguments to `jax.debug.print`: {unused}. You may be "
                'passing an f-string (i.e, `f"{x}"`) into `jax.debug.print` and instead '
                "should pass in a regular string."
            )


_formatter = _Formatter()


def debug_print(
    fmt: Any = None,
    *args,
    ordered=False,
    partitioned=False,
    skip_format_check=False,
    _use_logging=False,
    **kwargs,
) -> Any:
    """Print `fmt.format(*args, **kwargs)` when the program gets there, values filled
    in.

    ValueError for an argument that the format does not use. Without a format: a function
    that takes it and its arguments.
    """

    def call(fmt, *args, **kwargs):
        if not skip_format_check:
            _formatter.format(fmt, *args, **kwargs)
        in_tree, dynamic, static = _split_static(args, kwargs)
        debug_print_p.bind(
            *dynamic,
            fmt=fmt,
            ordered=ordered,
            partitioned=partitioned,
            in_tree=in_tree,
            static_args=tuple(static.items()),
            np_printoptions=tuple(np.get_printoptions().items()),
            has_placeholders=_has_placeholders(fmt),
            logging_record=_logging_record() if _use_logging else None,
        )

    if fmt is not None:
        return call(fmt, *args, **kwargs)
    _refuse_arguments("debug_print", args, kwargs)
    return call


def _has_placeholders(fmt):
    """Whether the first piece of a format has a field; otherwise it is printed as is."""
    pieces = string.Formatter().parse(fmt)
    return next((field is not None for _, field, *_ in pieces), False)


def _logging_record():
    where = core.user_frame()
    file, line = (
        (where[0].co_filename, SourceInfo(where).line)
        if where
        else ("(unknown file)", 0)
    )
    return _log.makeRecord(_log.name, logging.INFO, file, line, "", (), None)


def _printer(
    fmt, ordered, partitioned, in_tree, static_args, np_printoptions, has_placeholders,
    logging_record,
):  # fmt: skip
    """The callback that prints."""

    def show(*args, **kwargs):
        if has_placeholders:
            with np.printoptions(**dict(np_printoptions)):
                text = fmt.format(*args, **kwargs)
        else:
            text = " ".join((fmt, *map(str, args)))
        if logging_record is None:
            sys.stdout.write(f"{text}\n")
            return
        record = copy.copy(logging_record)
        record.msg = text
        _log.handle(record)

    return _Merged(show, in_tree, dict(static_args))


def _debug_rules(primitive_of, with_callback):
    """The rules of a primitive that runs a Python function and gives nothing.

    with_callback: a function from parameters to those with another way to call what
    they have, given as a function of the first callback.
    """

    def jvp(primals, tangents, **params):
        primitive_of().bind(*primals, **params)
        return [], []

    def batch(axis, args, dims, **params):
        mapped = [d is not None for d in dims]
        callback, params = with_callback(params)
        args = [
            move_axis(x, d, _loops(callback, k)) if d is not None else x
            for k, (x, d) in enumerate(zip(args, dims, strict=True))
        ]
        each = _each(callback, mapped, axis.size)
        debug_callback_p.bind(*args, callback=each, **params)
        return [], []

    def lower(b, ins, out_avals, **params):
        callback, _ = with_callback(params)
        return _lower_as("jax.debug.callback")(b, ins, out_avals, callback=callback)

    return {
        "cls": _Debugging,
        "multiple_results": True,
        "shape": lambda *avals, **_: [],
        "reference": lambda *args, **params: with_callback(params)[0](*args) or [],
        "jvp": jvp,
        "transpose": lambda cts, *args, **params: [None] * len(args),
        "batch": batch,
        "lower": lower,
    }


class _Each(_Looped):
    """A callback without results, for each element of a batch in turn."""

    def __call__(self, *arrays):
        for k in range(self.size):
            self._at(k, arrays)
        return ()


def _each(callback, mapped, size):
    """A callback for each element of a batch: the loop goes within those that are there,
    since what was batched first is gone through last, as in JAX.
    """
    if type(callback) is not _Each:
        return _Each(callback, mapped, size)
    inner = _each(callback.callback, mapped, size)
    return _Each(inner, callback.mapped, callback.size)


def _loops(callback, k):
    """How many loops take slices of argument `k` before the callback has it."""
    if type(callback) is not _Each:
        return 0
    return callback.mapped[k] + _loops(callback.callback, k)


def _callback_of(params):
    rest = {k: v for k, v in params.items() if k != "callback"}
    return params["callback"], rest


def _callback_of_print(params):
    effect = _Debugging.ordered if params["ordered"] else _Debugging.unordered
    rest = {"effect": effect, "partitioned": params["partitioned"]}
    return _printer(**params), rest


def _at_once(with_callback):
    """What `bind` does outside of programs: an exception is then the callback's own."""

    def impl(*args, **params):
        arrays = [x if type(x) is ArrayImpl else _as_array(x) for x in args]
        _called("jax.debug.callback", with_callback(params)[0], arrays)
        return []

    return impl


def _as_array(x):
    aval = core.get_aval(x)
    return ArrayImpl(aval, as_data(x, dtypes.storage_dtype(aval.dtype)))


debug_callback_p = define(
    "debug_callback",
    impl=_at_once(_callback_of),
    **_debug_rules(lambda: debug_callback_p, _callback_of),
)
debug_print_p = define(
    "debug_print",
    impl=_at_once(_callback_of_print),
    **_debug_rules(lambda: debug_print_p, _callback_of_print),
)

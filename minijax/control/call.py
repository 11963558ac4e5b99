"""jit: the function that traces, caches and calls compiled functions."""

import collections
import functools
import importlib
import inspect
import types
import warnings
import weakref
from typing import Any

import numpy as np

from minijax import _callpath, config, core, dispatch, dtypes, errors, stats
from minijax._pytree import flatten, unflatten
from minijax.array import ArrayImpl, from_numpy
from minijax.control.jit_rules import call_jaxpr, takes_refs
from minijax.control.signature import (
    Statics,
    check_callable,
    check_disjoint,
    check_outputs,
    function_name,
    leaf_names,
    matched,
    parameters,
)
from minijax.device import CPU, UNSPECIFIED
from minijax.trace import DebugInfo, describe_function, trace
from minijax.traceback_util import filter_error
from minijax.transforms.dce import dce


def is_own(fun):
    """Whether a function is one of this library's."""
    return str(getattr(fun, "__module__", "")).split(".")[0] in ("minijax", "jax")


# --- the function -------------------------------------------------------------------


class Traced:
    """What jit knows of a function for one signature."""

    __slots__ = (
        "closed", "out_tree", "name", "in_tree", "calls_tracers", "calls_refs",
        "arg_names", "_donation", "calls_hi", "other",
    )  # fmt: skip

    def __init__(self, closed, out_tree, in_tree, name, arg_names=()):
        self.arg_names = arg_names
        self.closed, self.out_tree = closed, out_tree
        self.in_tree, self.name = in_tree, name
        self.calls_tracers = any(isinstance(c, core.Tracer) for c in closed.consts)
        self.calls_refs = takes_refs(closed)
        self.calls_hi = core.hi_rules.concerns(closed)
        self.other = None  # of the same signature: see `HiRules.version`
        self._donation = None

    def is_program(self):
        """Whether a program on arrays alone is what a call runs."""
        return not (self.calls_tracers or self.calls_refs or self.calls_hi)

    def donation(self, donated, keep_unused):
        """The donated leaves whose memory a result can take, and ~k for each leaf k that
        is not read. The first time, a warning names the others.
        """
        if self._donation is None:
            self._donation = _donation(self.closed.jaxpr, donated, keep_unused)
        return self._donation


def _donation(jaxpr, donated, keep_unused):
    _, reads = dce(jaxpr, [True] * len(jaxpr.outvars))
    unread = [k for k, read in enumerate(reads) if not (read or keep_unused)]
    left = [k for k in donated if k not in unread]
    taken, outs = [], [v.aval for v in jaxpr.outvars]
    for kind in (lambda a: (a.shape, a.dtype), lambda a: a.size * a.dtype.itemsize):
        room = collections.Counter(map(kind, outs))
        for k in left.copy():
            wanted = kind(jaxpr.invars[k].aval)
            if room[wanted]:
                room[wanted] -= 1
                outs.remove(next(a for a in outs if kind(a) == wanted))
                left.remove(k)
                taken.append(k)
    useless = [jaxpr.invars[k].aval.str_short() for k in left]
    if useless:
        warnings.warn(
            f"Some donated buffers were not usable: {', '.join(useless)}.\nSee an "
            "explanation at https://docs.jax.dev/en/latest/faq.html#buffer-donation.",
            stacklevel=5,
        )
    return (*taken, *(~k for k in unread))


class _Cache:
    """What is known of a function by signature.

    `traced` serves traces and ahead-of-time stages, `signatures` the calls in C.
    """

    __slots__ = ("traced", "signatures", "__weakref__")

    def __init__(self):
        self.traced, self.signatures = {}, _callpath.Signatures()
        dispatch.caches.add(self)

    def clear(self):
        """Forget every signature."""
        self.traced.clear()
        self.signatures.clear()


# function -> {options: _Cache}, so that `jit(f)` twice traces once
_caches = weakref.WeakKeyDictionary()


def _cache_for(fun, options):
    try:
        by_options = _caches.setdefault(fun, {})
    except TypeError:  # not hashable, or not weakly referable
        return _Cache()
    known = by_options.get(options)
    if known is None:
        known = by_options[options] = _Cache()
    return known


def _as_value(x, aval):
    """An output of a jaxpr that may be a literal, as an array or a tracer."""
    if (
        isinstance(x, core.Tracer)
        or type(x) is ArrayImpl
        or type(aval) is not core.ShapedArray
    ):
        return x
    value = from_numpy(np.asarray(x, dtypes.storage_dtype(aval.dtype)), aval.weak_type)
    return core.constant(value)


def _run(traced, flat, again):
    """The results of a traced function's program; `again` runs the function itself."""
    run = functools.partial(dispatch.compiled(traced.closed, traced.name), again=again)
    if not config.values.jax_debug_key_reuse:
        return run(flat)
    return dispatch.key_reuse().call_checked(run, traced.closed, flat)


def _say_puts(flat, jaxpr, keep_unused):
    """Tell the listener of events of each argument that is read and no array yet."""
    _, reads = dce(jaxpr, [True] * len(jaxpr.outvars))
    for x, read in zip(flat, reads, strict=True):
        if (read or keep_unused) and not isinstance(x, ArrayImpl):
            stats.event("batched_device_put_start")
            stats.event("batched_device_put_end")


def delete_donated(flat, donation):
    """Delete the donated ones of flat arguments: their memory is the callee's."""
    for k in donation:
        if k >= 0 and isinstance(flat[k], ArrayImpl):
            flat[k].delete()


class Wrapped:
    """What `jit` returns: callable, with `trace` and `lower`."""


def _stages():
    """The module of the stages ahead of time, loaded when they are first asked for."""
    return importlib.import_module("minijax.stages")


class PjitFunction(_callpath.Jit, Wrapped):
    """A function that is traced once for each signature, and then called compiled.

    Calls with known signatures are served in C; `_compile` adds a signature, and
    `_call_in_python` serves what is left: calls under a trace, debugging flags.
    """

    def __init__(self, fun, statics, donated, inline, keep_unused, compiler_options=()):
        # The attributes of a plain function are the jitted one's as well.
        updated = ("__dict__",) if type(fun) is types.FunctionType else ()
        functools.update_wrapper(self, fun, updated=updated)
        self.__wrapped__ = fun
        self._fun = fun
        self._statics = statics
        self._donated = donated
        self._inline = inline
        self._keep_unused = keep_unused
        self._compiler_options = compiler_options
        self._name = function_name(fun)
        if isinstance(fun, functools.partial):
            self.__name__ = self.__qualname__ = self._name
        self.share_cache(fun)

    def share_cache(self, fun, *more):
        """Know what other jitted forms of `fun` with equal, hashable options know."""
        statics = self._statics
        options = statics, self._donated, self._inline, self._compiler_options, *more
        self._cache = _cache_for(fun, options)
        self._serve(self._cache.signatures, statics.nums, statics.argnames, None)

    def __repr__(self):
        try:
            return f"<PjitFunction of {self._fun!r}>"
        except Exception:  # whatever the function's own repr raises
            return "<PjitFunction>"

    @property
    def __signature__(self):
        return inspect.signature(self._fun)

    def __getstate__(self):
        return {"function_name": self._name}

    def __reduce__(self):
        options = self._statics, self._donated, self._inline, self._keep_unused
        return type(self), (self._fun, *options, self._compiler_options)

    def _compile(self, *args, **kwargs):
        """(executable, tree of results, donated leaves) for a new signature.

        None where calls of this signature are not to be kept.
        """
        try:
            traced, flat = self._traced(args, kwargs)
            self._check_values(flat, args, kwargs)
            if not traced.is_program():
                return None
            stats.event("jit_cpp_cache_miss")
            if stats.event_listener is not None:
                _say_puts(flat, traced.closed.jaxpr, self._keep_unused)
            executable = dispatch.compiled(traced.closed, traced.name)
            if executable.by_python:
                return None
        except Exception as error:
            filter_error(error)
            raise
        donated = self._donated_leaves(args, kwargs)
        if donated:
            donated = traced.donation(donated, self._keep_unused)
        return executable, traced.out_tree, donated

    def _call_in_python(self, *args, **kwargs):
        try:
            if config.values.jax_disable_jit:
                return self._fun(*args, **kwargs)
            traced, flat = self._traced(args, kwargs)
            self._check_values(flat, args, kwargs)
            current = core.current_trace()
            if current is core.eval_trace and traced.is_program():
                stats.event("jit_cpp_cache_miss")
                try:
                    again = functools.partial(self._fun, *args, **kwargs)
                    outs = _run(traced, flat, again)
                except TypeError:
                    self._check_no_tracers(flat)
                    raise
            elif self._inline:
                jaxpr, consts = traced.closed.jaxpr, traced.closed.consts
                found = core.eval_jaxpr(
                    jaxpr, consts, *flat, propagate_source_info=False
                )
                outs = map(_as_value, found, traced.closed.out_avals)
            else:
                special = self._special_params(traced, args, kwargs)
                outs = call_jaxpr(
                    traced.closed, *flat, name=traced.name, special=special
                )
            if self._donated and current is core.eval_trace:
                donated = self._donated_leaves(args, kwargs)
                delete_donated(flat, traced.donation(donated, self._keep_unused))
            return unflatten(traced.out_tree, outs)
        except Exception as error:
            filter_error(error)
            raise

    def _special_params(self, traced, args, kwargs):
        """What equations that call this function say beside the plain parameters."""
        found = {}
        if self._donated:
            donated = self._donated_leaves(args, kwargs)
            n = len(traced.closed.jaxpr.invars)
            found["donated_invars"] = tuple([k in donated for k in range(n)])
        if self._keep_unused:
            found["keep_unused"] = True
        if self._compiler_options:
            found["compiler_options_kvs"] = self._compiler_options
        return found

    def _check_values(self, flat, args, kwargs):
        """TypeError for an argument that is known by its shape and dtype only."""
        if core.shapes_only.isdisjoint(map(type, flat)):
            return
        static, args, kwargs = self._statics.split(args, kwargs)
        names = self._names(flatten((args, kwargs))[1], static)
        for x, name in zip(flat, names, strict=True):
            if type(x) in core.shapes_only:
                raise TypeError(
                    f"Argument '{name}' of shape {core.get_aval(x).str_short()} of type "
                    f"{type(x)} is not a valid JAX type."
                )

    @staticmethod
    def _check_no_tracers(flat):
        for x in flat:
            if isinstance(x, core.Tracer):
                raise errors.leaked(x)

    def _traced(self, args, kwargs):
        """The trace for this call's signature (made if new), and the flat dynamic
        arguments.
        """
        if self._statics.any:
            static, args, kwargs = self._statics.split(args, kwargs)
        else:
            static = ()
        flat, in_tree = flatten((args, kwargs))
        try:
            avals = tuple([core.get_aval(x) for x in flat])
        except TypeError:
            raise self._not_an_array(flat, in_tree, static) from None
        if core.hi_rules.in_use:
            avals = core.hi_rules.inputs(flat, avals)
        if int in map(type, flat):
            self._check_ints(flat, avals, in_tree, static)
        env = core.axis_env()
        names = tuple(env.items()) if env else ()
        signature = in_tree, avals, static, config.trace_key(), names
        before = known = self._cache.traced.get(signature)
        here = core.current_trace().calls  # those on tracers of this trace
        if known is None and here:
            known = here.get((self._cache, signature))
        if known is not None and known.calls_hi:
            known = core.hi_rules.version(known)
        if known is None:
            stats.event("trace_to_jaxpr")
            if config.values.jax_explain_cache_misses and not is_own(self._fun):
                explain = importlib.import_module("minijax.control.explain").explain
                explain(self._fun, signature, list(self._cache.traced))
            with stats.phase("trace", self._name):
                known = self._trace(flat, in_tree, avals, static)
            if not known.calls_tracers:
                known.other = before
                self._cache.traced[signature] = known
            elif here is not None and not known.calls_hi:
                here[self._cache, signature] = known
        return known, flat

    def _trace(self, flat, in_tree, avals, static):
        if config.values.jax_no_tracing:
            raise RuntimeError(
                f"re-tracing function {describe_function(self._fun)} for `jit`, but "
                "'no_tracing' is set"
            )
        # TypeError: functions are told apart by what they are, and forgotten with them
        hash(self._fun)
        weakref.ref(self._fun)
        if self._compiler_options:
            module = importlib.import_module("minijax.compile_options")
            module.check_compiler_options(dict(self._compiler_options))
        found = []

        def flat_fun(*tracers):
            args, kwargs = unflatten(in_tree, tracers)
            if static:
                args, kwargs = self._statics.join(static, args, kwargs)
            leaves, tree = flatten(self._fun(*args, **kwargs))
            found.append(tree)
            check_outputs(describe_function(self._fun), "jit", leaves, tree)
            return leaves

        places = [k for k, _ in static[0]] if static else ()
        names_of = leaf_names(self._fun, in_tree, places)
        info = DebugInfo("jit", describe_function(self._fun), names_of, found)
        closed = trace(flat_fun, avals, info)
        if config.values.jax_debug_key_reuse:
            dispatch.key_reuse().check_key_reuse_jaxpr(closed.jaxpr)
        known = parameters(self._fun)
        # With static arguments places do not tell names any more.
        names = () if known is None or self._statics.any else known.names
        return Traced(closed, found[0], in_tree, self._name, names)

    def _check_ints(self, flat, avals, in_tree, static):
        """OverflowError for a Python integer that its dtype does not hold."""
        for k, (x, aval) in enumerate(zip(flat, avals, strict=True)):
            if type(x) is int and not dtypes.holds_int(aval.dtype, x):
                raise OverflowError(
                    "An overflow was encountered while parsing an argument to a jitted "
                    "computation, whose argument path is "
                    f"{self._names(in_tree, static)[k]}. Got {type(x)} with value {x}"
                )

    def _names(self, in_tree, static):
        """The paths of the dynamic arguments' leaves."""
        places = [k for k, _ in static[0]] if static else ()
        return leaf_names(self._fun, in_tree, places)()

    def _not_an_array(self, flat, in_tree, static):
        bad, name = next(
            (x, name)
            for x, name in zip(flat, self._names(in_tree, static), strict=True)
            if not core.valid_jaxtype(x)
        )
        return TypeError(
            f"Error interpreting argument to {self._fun} as an abstract array. The "
            f"problematic value is of type {type(bad)} and was passed to the function "
            f"at path {name}.\nThis typically means that a jit-wrapped function was "
            "called with a non-array argument, and this argument was not marked as "
            "static using the static_argnums or static_argnames parameters of jax.jit."
        )

    def _donated_leaves(self, args, kwargs):
        """The numbers of the donated leaves among those of the dynamic arguments."""
        if not self._donated:
            return ()
        if self._statics.any:
            static, _, _ = self._statics.split(args, kwargs)
            places = {place for place, _ in static[0]}
            args = [(k, x) for k, x in enumerate(args) if k not in places]
            names = {name for name, _ in static[1]}
            kwargs = {k: v for k, v in kwargs.items() if k not in names}
        else:
            args = list(enumerate(args))
        found, n = [], 0
        for where, value in [*args, *sorted(kwargs.items())]:
            size = len(flatten(value)[0])
            if where in self._donated:
                found += range(n, n + size)
            n += size
        return tuple(found)

    def _abstractly(self, args, kwargs):
        """As `_traced`, where arguments may be shapes and dtypes alone."""

        def is_struct(x):
            return (
                hasattr(x, "shape")
                and hasattr(x, "dtype")
                and (not core.valid_jaxtype(x))
            )

        leaves, tree = flatten((args, kwargs))
        leaves = [_Abstract(x) if is_struct(x) else x for x in leaves]
        args, kwargs = unflatten(tree, leaves)
        return self._traced(args, kwargs)[0]

    def trace(self, *args, **kwargs):
        """The function traced for these arguments (or their shapes): a `stages.Traced`."""
        return self._stage(_stages().Traced, args, kwargs)

    def lower(self, *args, **kwargs):
        """The function lowered for these arguments (or their shapes): a
        `stages.Lowered`.
        """
        return self._stage(_stages().Lowered, args, kwargs)

    def _stage(self, stage, args, kwargs):
        traced = self._abstractly(args, kwargs)
        donated = self._donated_leaves(args, kwargs)
        if donated:
            traced.donation(donated, self._keep_unused)
        places = self._stage_places(args, kwargs, traced)
        return stage(traced, donated, places, self._keep_unused)

    def _stage_places(self, args, kwargs, traced):
        """(where each dynamic argument lies, where each result will, where it was asked
        for); None: anywhere.
        """
        if self._statics.any:
            _, args, kwargs = self._statics.split(args, kwargs)
        places = [_place_of(x) for x in flatten((args, kwargs))[0]]
        nowhere = [None] * traced.out_tree.num_leaves
        return places, nowhere, nowhere

    def eval_shape(self, *args, **kwargs):
        """The tree of shapes and dtypes of the results."""
        return self.trace(*args, **kwargs).out_info

    def clear_cache(self):
        """Forget every trace and executable of this function."""
        self._cache.clear()

    def _cache_size(self):
        return len(self._cache.traced)


def _place_of(x):
    """Where an array was put, or a `ShapeDtypeStruct` says so; None for others."""
    if isinstance(x, core.Tracer):
        return None
    known = getattr(x, "committed", True)
    return getattr(x, "sharding", None) if known else None


class _Abstract:
    """An argument of which only the type is known."""

    __slots__ = ("aval",)

    def __init__(self, x):
        weak = getattr(x, "weak_type", False)
        self.aval = core.ShapedArray(x.shape, x.dtype, weak)


core.aval_rules[_Abstract] = lambda x: x.aval


def _check_no_places(**places):
    """ValueError where a jitted function with a device is told places of its arrays."""
    for name, given in places.items():
        if given is not None:
            raise ValueError(
                f"If backend or device is specified on jit, then {name} should not be "
                "specified."
            )


_ABSENT = object()


def jit(
    fun=_ABSENT,
    /,
    *,
    in_shardings=None,
    out_shardings=None,
    static_argnums=None,
    static_argnames=None,
    donate_argnums=None,
    donate_argnames=None,
    keep_unused=False,
    device=None,
    backend=None,
    inline=False,
    compiler_options=None,
) -> Any:
    """`fun` compiled: traced once for each signature of its arguments.

    Args:
        fun: a function of pytrees of arrays; without it, `jit` is a decorator with
            options.
        static_argnums, static_argnames: arguments that are part of the signature, by
            value.
        donate_argnums, donate_argnames: arguments whose memory the call may take; they
            are deleted.
        inline: under an outer trace, put the function's equations there, not a call.
        in_shardings, out_shardings: pytree prefixes of shardings; results are committed
            to theirs.
        device, backend: results are committed to it; there is one.
        keep_unused: whether arguments that are not read are arguments of the program.
        compiler_options: checked when the function is traced; they change nothing.
    """
    if fun is _ABSENT:
        return functools.partial(
            jit,
            in_shardings=in_shardings,
            out_shardings=out_shardings,
            static_argnums=static_argnums,
            static_argnames=static_argnames,
            donate_argnums=donate_argnums,
            donate_argnames=donate_argnames,
            keep_unused=keep_unused,
            device=device,
            backend=backend,
            inline=inline,
            compiler_options=compiler_options,
        )
    return jitted(
        "jit", fun, in_shardings, out_shardings, static_argnums, static_argnames,
        donate_argnums, donate_argnames, keep_unused, device, backend, inline,
        compiler_options,
    )  # fmt: skip


def jitted(
    maker, fun, in_shardings, out_shardings, static_argnums, static_argnames,
    donate_argnums, donate_argnames, keep_unused, device, backend, inline,
    compiler_options,
) -> Any:  # fmt: skip
    """What `maker`, `jit` or `pjit`, makes of a function."""
    check_callable(fun)
    in_shardings = None if in_shardings is UNSPECIFIED else in_shardings
    out_shardings = None if out_shardings is UNSPECIFIED else out_shardings
    place = None
    if device is not None or backend is not None:
        warnings.warn(
            "backend and device argument on jit is deprecated. You can use "
            '`jax.device_put(..., jax.local_devices(backend="cpu")[0])` on the inputs to '
            "the jitted function to get the same behavior.",
            DeprecationWarning,
            stacklevel=3,
        )
        if device is not None and backend is not None:
            raise ValueError(
                "can't specify both a device and a backend for jit, got "
                f"device={device!r} and backend={backend!r}"
            )
        place = CPU if device is None else device
        _check_no_places(in_shardings=in_shardings, out_shardings=out_shardings)
    statics = Statics(*matched(fun, static_argnums, static_argnames, "static"))
    nums, names, _ = matched(fun, donate_argnums, donate_argnames, "donate")
    check_disjoint(statics.argnames, names)
    kvs = tuple((compiler_options or {}).items())
    options = statics, frozenset((*nums, *names)), inline, keep_unused, kvs
    given = maker == "pjit", in_shardings is not None, out_shardings is not None
    if place is None and not any(given):
        return PjitFunction(fun, *options)
    sharded = importlib.import_module("minijax.control.sharded")
    if place is not None:
        return sharded.FunctionOnDevice(fun, options, place, maker)
    return sharded.ShardedFunction(fun, options, in_shardings, out_shardings, maker)

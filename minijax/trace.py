"""User function → Jaxpr: the trace that records equations.

`trace(fun, in_avals)` runs a function on tracers of the given avals and returns what it
did as a closed jaxpr.  Values of outer traces that the function closes over become
constants of it.
"""

import functools
import itertools
from typing import Any

import numpy as np

from minijax import _callpath, core, dtypes, leaks
from minijax.core import Jaxpr, JaxprEqn, Literal, Tracer, Var
from minijax.source_info import describe_source
from minijax.tree_util import keystr, tree_flatten_with_path


class JaxprTracer(Tracer):
    """Stands for a variable, or a literal, of the jaxpr being recorded."""

    __slots__ = ("variable",)
    jax_name = "DynamicJaxprTracer"

    def created_at(self):
        """The source of what made it, or None for an argument."""
        for eqn in self._trace.eqns:
            if any(var is self.variable for var in eqn.outvars):
                return eqn.source
        return None

    def __init__(self, trace, aval, var):
        self._trace, self.aval, self.variable = trace, aval, var

    def __repr__(self):
        return f"JitTracer({self.aval})"


_callpath.set_recording(JaxprTracer, Var, JaxprEqn)


class DebugInfo:
    """What is being traced, for whom, and the names of its arguments' leaves.

    `names_of()` gives the names (None: they are not known); `results` has the tree of
    the results, once there is one. Names and paths that are known are given as tuples.
    """

    __slots__ = ("traced_for", "func_src", "names_of", "results")

    def __init__(self, traced_for, func_src, names_of=None, results=()):
        if isinstance(names_of, (tuple, list)):
            names_of = functools.partial(tuple, names_of)
        self.traced_for, self.func_src = traced_for, func_src
        self.names_of = names_of
        self.results: Any = () if results is None else results

    func_src_info = property(lambda self: self.func_src)
    func_name = property(lambda self: self.func_src.split(" ")[0])
    func_filename = property(lambda self: self._place()[0])
    func_lineno = property(lambda self: self._place()[1])

    def _place(self):
        """(file, line) of the function; None for what has none."""
        file, _, line = self.func_src.partition(" at ")[2].rpartition(":")
        return (file, int(line)) if file else (None, None)

    @property
    def arg_names(self):
        """The names of the arguments' leaves, or None."""
        return None if self.names_of is None else tuple(self.names_of())

    @property
    def result_paths(self):
        """How each leaf of the results is reached, or None."""
        if not self.results:
            return None
        tree = self.results[-1]
        if isinstance(tree, str):
            return tuple(self.results)
        paths = tree_flatten_with_path(tree.unflatten(range(tree.num_leaves)))[0]
        return tuple([f"result{keystr(path)}" for path, _ in paths])

    def _parts(self):
        return self.traced_for, self.func_src, self.arg_names, self.result_paths

    def __eq__(self, other):
        return isinstance(other, DebugInfo) and self._parts() == other._parts()

    def __hash__(self):
        return hash((self.traced_for, self.func_src))

    def __repr__(self):
        traced_for, src, names, paths = self._parts()
        return (
            f"DebugInfo({traced_for=!r}, func_src_info={src!r}, arg_names={names!r}, "
            f"result_paths={paths!r})"
        )

    def __reduce__(self):
        return DebugInfo, self._parts()

    def _replace(self, **changes):
        """This, with some of what JAX's named tuple has replaced."""
        names = "traced_for", "func_src_info", "arg_names", "result_paths"
        return DebugInfo(
            *dict(zip(names, self._parts(), strict=True), **changes).values()
        )

    def with_unknown_names(self):
        """This without the names of arguments and results."""
        return self._replace(arg_names=None, result_paths=None)

    def replace_func_name(self, name):
        """This, of a function of another name at the same place."""
        return self._replace(
            func_src_info=" ".join([name, *self.func_src.split(" ")[1:]])
        )

    def safe_arg_names(self, expected_count):
        """The arguments' names, empty where unknown.  AssertionError for another count."""
        return _counted(self.arg_names, expected_count, self)

    def safe_result_paths(self, expected_count):
        """The results' paths, empty where unknown.  AssertionError for another count."""
        return _counted(self.result_paths, expected_count, self)

    def filter_arg_names(self, keep):
        """The names of the arguments that are marked, or None."""
        return _kept(self.arg_names, keep)

    def filter_result_paths(self, keep):
        """The paths of the results that are marked, or None."""
        return _kept(self.result_paths, keep)


def _counted(names, count, info):
    if names is None:
        return ("",) * count
    if len(names) != count:
        raise AssertionError(count, info)
    return names


def _kept(names, keep):
    return None if names is None else tuple(itertools.compress(names, keep))


def named_like(fun):
    """A decorator that gives a function the name of `fun`."""

    def mark(function):
        function.__name__ = getattr(fun, "__name__", function.__name__)
        return function

    return mark


def describe_function(fun):
    """`name at file:line` of the user's function."""
    inner = fun
    while True:
        below = getattr(inner, "__wrapped__", None) or getattr(inner, "func", None)
        if below is None:
            break
        inner = below
    code = getattr(inner, "__code__", None)
    name = getattr(fun, "__name__", None) or getattr(inner, "__name__", repr(fun))
    return (
        name if code is None else f"{name} at {code.co_filename}:{code.co_firstlineno}"
    )


class JaxprTrace(core.Trace):
    """Records each primitive as an equation."""

    jax_name = "DynamicJaxprTrace"
    outside = 0  # how many of the scopes in force are not the jaxpr's own

    def __init__(self, parent, debug_info=None):
        self.parent = parent
        self.debug_info = debug_info
        self.eqns = []
        self.arguments = []
        self.consts = {}  # id(value) -> (variable, value)
        self.calls = {}  # what jit knows of functions that close over tracers

    def described(self):
        info = self.debug_info
        return "" if info is None else f"{info.func_src} for {info.traced_for}"

    def new_arg(self, aval):
        """A tracer for a new input."""
        var = Var(aval)
        if core.hi_rules.in_use:
            core.hi_rules.argument(self, var)
        self.arguments.append(var)
        return JaxprTracer(self, var.aval, var)

    def origins(self, tracer):
        """(places of the arguments, equations of constants) that a value comes from."""
        needed, sources = {tracer.variable}, []
        constants = {var for var, _ in self.consts.values()}
        for eqn in reversed(self.eqns):
            if needed.isdisjoint(eqn.outvars):
                continue
            read = [atom for atom in eqn.invars if isinstance(atom, Var)]
            needed.update(read)
            if not read or not constants.isdisjoint(read):
                sources.append(eqn)
        places = [k for k, var in enumerate(self.arguments) if var in needed]
        return places, sources[::-1]

    def atom(self, x):
        """The variable or literal that stands for `x` in this jaxpr."""
        if type(x) is JaxprTracer and x._trace is self:
            return x.variable
        if isinstance(x, Tracer):
            if not x._trace.valid:
                raise core.errors.leaked(x)
            return self._constant(x, x.aval)
        if isinstance(x, core.SymbolicSize):
            with core.set_current_trace(self):
                return self.atom(x.as_value())
        aval = core.get_aval(x)
        if core.is_literal_value(x) and not aval.shape:
            if type(x) is int:
                dtypes.check_python_int(x, aval.dtype)
            if isinstance(x, (np.ndarray, np.generic)):
                x = x.astype(aval.dtype)[()]
            return Literal(x, aval)
        return self._constant(x, aval)

    def constant(self, x, value=None):
        """A tracer for an array that the traced function makes: a literal where it has
        no axes.  Arrays that it closes over are constants of the jaxpr instead.
        """
        if value is None and not x.aval.shape:
            value = core.scalar_values[type(x)](x)
        if value is None or dtypes.is_wider(x.aval.dtype):
            return JaxprTracer(self, x.aval, self._constant(x, x.aval))
        return JaxprTracer(self, x.aval, Literal(value, x.aval))

    def _constant(self, x, aval):
        known = self.consts.get(id(x))
        if known is None:
            known = self.consts[id(x)] = Var(aval), x
            if core.hi_rules.in_use:
                core.hi_rules.constant(self, *known)
        return known[0]

    def process_primitive(self, primitive, args, params):
        if core.hi_rules.in_use:
            outs = core.hi_rules.stage(self, primitive, args, params)
            if outs is not None:
                return outs
        try:
            atoms, avals = _callpath.atoms(self, args)
        except TypeError:
            core.check_arguments(primitive, args)
            raise
        if core.ref_rules.in_use and not primitive.takes_refs:
            _check_no_refs(primitive, avals)
        out = primitive.shape(*avals, **params)
        if primitive.fold is not None and type(atoms[0]) is Literal:
            value = primitive.fold(atoms[0].val, atoms[0].aval, **params)
            if value is not None and not dtypes.is_wider(out.dtype):
                return JaxprTracer(self, out, Literal(value, out))
        outs = _callpath.record(self, primitive, atoms, params, out)
        if core.hi_rules.in_use:
            core.hi_rules.recorded(self)
        return outs

    def record(self, primitive, atoms, params, out):
        """Append an equation with outputs of aval(s) `out`; the tracers for them."""
        outs = _callpath.record(self, primitive, atoms, params, out)
        if core.hi_rules.in_use:
            core.hi_rules.recorded(self)
        return outs

    def process_custom_jvp_call(self, primitive, fun, jvp, args, **params):
        """Record a call whose derivative is `jvp`."""
        return primitive.stage(self, fun, jvp, args, **params)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **params):
        """Record a call whose derivative is `fwd` and `bwd`."""
        return primitive.stage(self, fun, fwd, bwd, args, **params)

    def _check_returns_no_refs(self, invars, outvars):
        for k, var in enumerate(outvars):
            if type(var.aval) is core.AbstractRef:
                info, path = self.debug_info, "result"
                what = "a traced function"
                if info is not None:
                    what = f"function {info.func_src} traced for {info.traced_for}"
                    path = (info.result_paths or {k: path})[k]
                where = "" if path == "result" else f" at output tree path {path}"
                raise ValueError(
                    f"{what} returned a mutable array reference of type {var.aval}{where}, "
                    "but mutable array references cannot be returned."
                    + self._origin_of_ref(var, invars)
                )

    def _origin_of_ref(self, var, invars):
        """A sentence that says where a reference comes from, or nothing."""
        names = None if self.debug_info is None else self.debug_info.arg_names
        if var in invars and names is not None and len(names) == len(invars):
            place = f"passed in as the argument {names[invars.index(var)]}"
        else:
            made = [eqn for eqn in self.eqns if var in eqn.outvars]
            if not made:
                return ""
            place = f"created on line {describe_source(made[0].source)}"
        return f"\n\nThe returned mutable array was {place}."

    def finish(self, invars, outs):
        """The jaxpr recorded so far, and the values of its constvars."""
        outvars = [self.atom(x) for x in outs]
        if core.ref_rules.in_use:
            self._check_returns_no_refs(invars, outvars)
        consts = list(self.consts.values())
        if core.hi_rules.in_use:
            core.hi_rules.finish(self, [*invars, *[var for var, _ in consts]])
        jaxpr = Jaxpr(
            [var for var, _ in consts],
            invars,
            outvars,
            self.eqns,
            debug_info=self.debug_info,
        )
        return jaxpr, [value for _, value in consts]


def _check_no_refs(primitive, avals):
    for aval in avals:
        if type(aval) is core.AbstractRef:
            raise TypeError(
                f"{primitive} requires ndarray or scalar arguments, got a reference of "
                f"type {aval}. Read its value with ref[...]."
            )


def trace(fun, in_avals, debug_info=None, kind=JaxprTrace):
    """Run `fun(*tracers) -> list` on tracers of `in_avals`; its ClosedJaxpr.

    The constants may be tracers of the surrounding traces. kind: of the trace.
    """
    level = kind(core.current_trace(), debug_info)
    args = [level.new_arg(aval) for aval in in_avals]
    try:
        with core.set_current_trace(level), core.scopes_set():
            outs = fun(*args)
        jaxpr, consts = level.finish([t.variable for t in args], outs)
    finally:
        level.valid = False
    del args, outs
    leaks.check(level)
    return core.ClosedJaxpr(jaxpr, consts)


class WrappedFun:
    """A function with transformations around it; `call_wrapped` calls the whole.

    `transforms` are pairs of a transformation and its static arguments, the outermost
    first, and `stores` what each keeps; equal ones around equal functions are equal.
    """

    in_type = None

    def __init__(self, f, call=None, params=None, debug_info=None):
        self.f = f
        self.params = tuple(sorted((params or {}).items()))
        self.debug_info = debug_info
        self.transforms: tuple = ()
        self.stores: tuple = ()
        self._call = call or (lambda *args, **kwargs: f(*args, **kwargs))

    __name__ = property(lambda self: getattr(self.f, "__name__", "<unnamed>"))

    def call_wrapped(self, *args, **kwargs):
        """Call the transformed function."""
        return self._call(*args, **kwargs, **dict(self.params))

    def wrap(self, call, transform=None, store=None):
        """The same function with `call` around it, which is what `transform` does."""
        wrapped = WrappedFun(self.f, call, None, self.debug_info)
        # What is around it hides the parameters: the call inside has them.
        wrapped.transforms = (transform or (call, ()), *self.transforms)
        wrapped.stores = store, *self.stores
        return wrapped

    def _key(self):
        return self.f, self.transforms, self.params, self.debug_info

    def __eq__(self, other):
        return isinstance(other, WrappedFun) and self._key() == other._key()

    def __hash__(self):
        return hash((self.f, self.transforms, self.params))

    def __repr__(self):
        rows = [
            f"{k:<4}: {getattr(gen, '__name__', gen)}   {static}\n"
            for k, (gen, static) in enumerate(self.transforms)
        ]
        return f"Wrapped function:\n{''.join(rows)}\nCore: {self.__name__}\n"


def hoist_consts(closed):
    """Turn constvars into leading inputs: (closed jaxpr without constants, their
    values).

    Used where a jaxpr becomes a parameter of an equation, so that the equation's inputs
    show all it reads.
    """
    jaxpr = closed.jaxpr
    if not closed.consts:
        return closed, []
    hoisted = closed.memo.get(hoist_consts)
    if hoisted is None:
        whole = jaxpr.replace(constvars=[], invars=jaxpr.constvars + jaxpr.invars)
        hoisted = closed.memo[hoist_consts] = core.ClosedJaxpr(whole)
    return hoisted, closed.consts

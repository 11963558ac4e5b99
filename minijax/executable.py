"""Closed jaxpr → executable: the passes, the backend, the calling with arrays.

The only module of the front end that imports the backend.  `dispatch` loads it when the
first program is made, so that starting is quick.
"""

import atexit
import contextlib
import gc
import importlib
import sys

import numpy as np

import cbackend
from cbackend import profile
from minijax import _callpath, config, core, dtypes, ladder, stats
from minijax.array import check_transfer, transfers_guarded
from minijax.core import ClosedJaxpr
from minijax.dispatch import address, as_data
from minijax.effects import check_lowerable
from minijax.trace import JaxprTrace
from minijax.transforms.dce import dce
from minijax.transforms.evaluate import evaluate
from minijax.transforms.simplify import simplify


def load(module):
    """The executable of a module; `_src.compiler` lets this be replaced."""
    return cbackend.Executable(module)


def _called(jaxpr):
    """The jitted functions that are called anywhere within a jaxpr: id -> name."""
    found = {}
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "jit":
            found[id(eqn.params["jaxpr"])] = eqn.params["name"]
        for inner in core.subjaxprs(eqn.params):
            found |= _called(getattr(inner, "jaxpr", inner))
    return found


class Compiled(_callpath.Executable):
    """An executable with the avals of its arguments and results."""

    # placed_by_all: whether arguments that are not read say where results lie, too
    # by_python: the results that are not arrays as C makes them
    __slots__ = ("closed", "consts", "executable", "by_python", "name", "placed_by_all")

    def __init__(self, closed, name):
        ladder.show(2, f"{name}: jaxpr as traced", closed)
        stats.event("lower_jaxpr_to_module")
        stats.event("lower_jaxpr_to_fun", name)
        if stats.event_listener is not None:
            for called in _called(closed.jaxpr).values():
                stats.event("lower_jaxpr_to_fun", called)
        stats.log_compiling(name, closed.in_avals)
        if core.hi_rules.in_use:
            closed = core.hi_rules.lower(closed)
        check_lowerable(closed.marks)
        with stats.phase("lower", name), _no_collection(), _sizes_known(closed):
            traced, closed = closed, simplify(core.without_refs(closed))
            if ladder.CHECK or config.values.jax_enable_checks:
                check = importlib.import_module("minijax.check")
                # simplifying opens the calls that bind these names
                with core.extend_axis_env(check.mapped_axes(traced.jaxpr)):
                    check.check_jaxpr(closed.jaxpr)
            ladder.show(3, f"{name}: jaxpr after simplify", closed)
            module = cbackend.build(closed, _watcher(name))
        stats.event("mlir.collect_lowered_jaxprs", closed, module)
        stats.event("pxla_cached_compilation")
        stats.event("compile_after_persistent_compilation_miss")
        with stats.phase("compile", name), _sizes_known(closed):
            self.executable = load(module)
        if ladder.LEVEL >= 7:
            _profile_to_the_end(name, self.executable)
        self.closed, self.name = closed, name
        self.placed_by_all = False
        self.by_python = [
            k for k, a in enumerate(closed.out_avals) if _by_python(a) is not None
        ]
        for c in closed.consts:
            if type(c) in core.shapes_only:
                raise TypeError(
                    f"A {type(c).__name__} does not have a value and cannot be used as a "
                    "constant in a JAX function."
                )
        # A constant's variable says its dtype: `jax_enable_x64` may have changed since.
        self.consts = [
            as_data(c, dtypes.storage_dtype(var.aval.dtype))
            for c, var in zip(closed.consts, closed.jaxpr.constvars, strict=True)
        ]
        self._load(
            *self.executable.program.entry_point(),
            [address(c) for c in self.consts],
            [core.stored_aval(a) for a in closed.in_avals],
            [core.stored_aval(a) for a in closed.out_avals],
            self.executable.long_running,
        )

    def _reads(self):
        """For each argument whether results lie where it does, as bytes."""
        jaxpr = self.closed.jaxpr
        if self.placed_by_all:
            return b"\1" * len(jaxpr.invars)
        _, reads = dce(jaxpr, [True] * len(jaxpr.outvars))
        return bytes(reads)

    def __call__(self, args, again=None):
        """Run on arrays (or NumPy values or scalars) of `in_avals`; a list of Arrays.

        again: runs the user's function op by op, to find where an invalid value arose.
        """
        if config.values.jax_no_execution:
            raise RuntimeError(
                f"JAX tried to execute function {self.name}, but the no_execution config "
                "option is set"
            )
        if transfers_guarded():
            for x in args:
                check_transfer(x)
        arrays = self._run(args)
        if ladder.CHECK:
            data = [
                as_data(x, dtypes.storage_dtype(aval.dtype))
                for x, aval in zip(args, self.closed.in_avals, strict=True)
            ]
            _check_against_reference(self.closed, data, arrays)
        if config.values.jax_debug_nans or config.values.jax_debug_infs:
            self._check_finite(args, arrays, again)
        for k in self.by_python:
            arrays[k] = _by_python(self.closed.out_avals[k])
        return arrays

    def _check_finite(self, args, arrays, again):
        """FloatingPointError, naming the op, where a result is NaN or infinite."""
        bad = _not_finite(arrays)
        if bad is None:
            return
        jaxpr = self.closed.jaxpr
        alone = len(jaxpr.eqns) == 1 and jaxpr.eqns[0].primitive
        if again is None and alone and alone.name != "jit":
            inner = jaxpr.eqns[0].params.get("call_jaxpr")  # of a custom rule
            if isinstance(inner, ClosedJaxpr):
                core.eval_jaxpr(inner.jaxpr, inner.consts, *args)
            raise FloatingPointError(f"invalid value ({bad}) encountered in {alone}")
        print(
            f"Invalid {bad} value encountered in the output of a jax.jit function. "
            "Calling the de-optimized version."
        )
        if again is None:
            core.eval_jaxpr(jaxpr, self.closed.consts, *args)
        else:
            again()
        raise FloatingPointError(
            f"invalid value ({bad}) encountered in jit({self.name}). To find where, it "
            "was run op by op; but the de-optimized function did not make an invalid "
            "value: it is an input, or an output that is a literal, or comes from the "
            "order in which compiled code computes"
        )


def _by_python(aval):
    """The result of a type that has only one value and is no `Array`; None for others."""
    if aval.dtype == dtypes.float0:
        return np.zeros(aval.shape, dtypes.float0)
    return core.Token() if type(aval) is core.AbstractToken else None


@contextlib.contextmanager
def _no_collection():
    """Keep the garbage collector from walking, again and again, all that a pass makes."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def _sizes_known(closed):
    """Errors within the block say so where they come of sizes that are symbols."""
    try:
        yield
    except Exception as error:
        for var in _variables(closed.jaxpr):
            if core.has_symbols(getattr(var.aval, "shape", ())):
                raise ValueError(
                    f"{var.aval.str_short()} has a size that is a symbol, so no program can "
                    "be made of it. Call what `jax.export.export` gives, with arrays."
                ) from error
        raise


def _variables(jaxpr):
    yield from jaxpr.invars
    for eqn in jaxpr.eqns:
        yield from eqn.outvars


def _watcher(name):
    """What prints the Program after each pass, on the ladder's fourth step."""
    if ladder.LEVEL < 4:
        return None
    return lambda done, module: ladder.show(4, f"{name}: Program after {done}", module)


def _profile_to_the_end(name, executable):
    """Count the time of every instruction; print it when the process ends."""
    executable.program.profile_start()

    def report():
        table = profile.table(profile.rows(executable))
        print(f"--- {name}: time per instruction\n{table}", file=sys.stderr)

    atexit.register(report)


def _check_against_reference(closed, args, arrays):
    """Compare results with the reference interpreter's.  AssertionError where they differ."""
    wanted = evaluate(closed, *args)
    for k, (want, array) in enumerate(zip(wanted, arrays, strict=True)):
        got = array._data
        if got.dtype.kind not in "fcV":
            same = np.array_equal(got, want)
        else:
            wide = np.complex128 if got.dtype.kind == "c" else np.float64
            loose = 2 * np.finfo(np.float32).eps ** (0.5 if got.itemsize < 4 else 0.75)
            if got.dtype in dtypes.narrow_dtypes:
                loose = 0.5  # sums stop growing early
            got, want = got.astype(wide), np.asarray(want).astype(wide)
            same = np.allclose(got, want, rtol=loose, atol=loose, equal_nan=True)
        if not same:
            raise AssertionError(
                f"output {k} differs from the reference interpreter's:\n{got}\n{want}\n"
                f"in the program of\n{closed}"
            )


def _not_finite(arrays):
    """What of "nan" and "inf" is among the elements and is to be reported, or None."""
    for array in arrays:
        if not dtypes.issubdtype(array.dtype, np.inexact):
            continue
        value = array._data.astype(np.complex128)
        if config.values.jax_debug_nans and np.isnan(value).any():
            return "nan"
        if config.values.jax_debug_infs and np.isinf(value).any():
            return "inf"
    return None


def primitive_jaxpr(primitive, avals, params):
    """A single equation as a closed jaxpr."""
    level = JaxprTrace(core.eval_trace)
    args = [level.new_arg(aval) for aval in avals]
    out = level.process_primitive(primitive, args, params)
    outs = out if primitive.multiple_results else [out]
    jaxpr, consts = level.finish([t.variable for t in args], outs)
    return ClosedJaxpr(jaxpr, consts)


def compile_primitive(primitive, avals, params):
    """The program of a single equation."""
    return Compiled(primitive_jaxpr(primitive, avals, params), primitive.name)


def environment():
    """What the backend runs with, for reports."""
    return {
        "isa": cbackend.runtime.isa(),
        "tier": cbackend.tiers.MODE,
        "threads": cbackend.runtime.num_threads(),
        "blas_core": cbackend.runtime.blas_corename(),
    }

"""Closed jaxpr → cached executable, and the calling of it with arrays.

The only module of the front end that imports the backend.  `Compiled` turns arrays into
addresses and fresh memory into arrays; eager ops are one-equation programs, kept by
primitive, avals and parameters.
"""

import atexit
import sys
import weakref

import numpy as np

import cbackend
from cbackend import profile
from minijax import _callpath, config, core, dtypes, ladder, stats
from minijax.array import ArrayImpl
from minijax.check import check_jaxpr
from minijax.core import ClosedJaxpr
from minijax.trace import JaxprTrace
from minijax.transforms.evaluate import evaluate
from minijax.transforms.simplify import simplify


def load(module):
    """The executable of a module; `_src.compiler` lets this be replaced."""
    return cbackend.Executable(module)


class Compiled(_callpath.Executable):
    """An executable with the avals of its arguments and results."""

    __slots__ = ("closed", "consts", "executable")

    def __init__(self, closed, name):
        ladder.show(2, f"{name}: jaxpr as traced", closed)
        with stats.phase("lower", name):
            closed = simplify(core.without_refs(closed))
            if ladder.CHECK or config.values.jax_enable_checks:
                check_jaxpr(closed.jaxpr)
            ladder.show(3, f"{name}: jaxpr after simplify", closed)
            module = cbackend.build(closed, _watcher(name))
        with stats.phase("compile", name):
            self.executable = load(module)
        if ladder.LEVEL >= 7:
            _profile_to_the_end(name, self.executable)
        self.closed = closed
        self.consts = [
            as_data(c, dtypes.storage_dtype(core.get_aval(c).dtype))
            for c in closed.consts
        ]
        self._load(
            *self.executable.program.entry_point(),
            [address(c) for c in self.consts],
            closed.in_avals,
            closed.out_avals,
            self.executable.long_running,
        )

    def __call__(self, args):
        """Run on arrays (or NumPy values or scalars) of `in_avals`; a list of Arrays."""
        arrays = self._run(args)
        if ladder.CHECK:
            data = [
                as_data(x, dtypes.storage_dtype(aval.dtype))
                for x, aval in zip(args, self.closed.in_avals, strict=True)
            ]
            _check_against_reference(self.closed, data, arrays)
        if config.values.jax_debug_nans or config.values.jax_debug_infs:
            _check_finite(arrays)
        return arrays


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
            got, want = got.astype(wide), np.asarray(want).astype(wide)
            same = np.allclose(got, want, rtol=loose, atol=loose, equal_nan=True)
        if not same:
            raise AssertionError(
                f"output {k} differs from the reference interpreter's:\n{got}\n{want}\n"
                f"in the program of\n{closed}"
            )


def address(data):
    """The address of a NumPy array's first element."""
    return data.__array_interface__["data"][0]


def as_data(x, dtype):
    """The elements of `x` as a dense NumPy array of the storage dtype `dtype`."""
    if type(x) is ArrayImpl:
        data = x._data
        return x._value if data is None else data
    if isinstance(x, np.ndarray) and x.dtype == dtypes.float0:
        return np.zeros(x.shape, dtype)
    if isinstance(x, int) and dtype.kind in "iu" and not isinstance(x, bool):
        return np.asarray(_checked_int(x, dtype), dtype)
    return np.ascontiguousarray(np.asarray(x, dtype)).reshape(np.shape(x))


_callpath.set_argument_rules(core.get_aval, as_data)


def _checked_int(x, dtype):
    info = np.iinfo(dtype)
    if not info.min <= x <= info.max:
        raise OverflowError(
            f"An overflow was encountered while parsing an argument to a jitted "
            f"computation: {x} does not fit {dtype}."
        )
    return x


def _check_finite(arrays):
    for array in arrays:
        if array.dtype.kind not in "fcV" or not dtypes.issubdtype(
            array.dtype, np.inexact
        ):
            continue
        value = array._data.astype(np.complex128)
        if config.values.jax_debug_nans and np.isnan(value).any():
            raise FloatingPointError("invalid value (nan) encountered in a computation")
        if config.values.jax_debug_infs and np.isinf(value).any():
            raise FloatingPointError("invalid value (inf) encountered in a computation")


def compiled(closed, name):
    """The executable of a closed jaxpr, made at its first use and kept with it."""
    known = closed.memo.get(Compiled)
    if known is None:
        known = closed.memo[Compiled] = Compiled(closed, name)
    return known


_eager = {}
_MAX_EAGER = 4096
_served = set()  # primitives that keep programs of their own
caches = weakref.WeakSet()  # whatever else `clear_caches` is to clear


def apply_primitive(primitive, args, params):
    """Compute one primitive now."""
    if primitive.impl is not None:
        return primitive.impl(*args, **params)
    avals = tuple([core.get_aval(x) for x in args])
    outs = _program(primitive, avals, params)(args)
    return outs if primitive.multiple_results else outs[0]


def eager_program(primitive, avals, params):
    """The program of an eager call, for the call path in C to keep; None where the
    primitive has its own way of being computed.
    """
    if primitive.impl is not None:
        return None
    _served.add(primitive)
    form = None if primitive.multiple_results else ...
    return _program(primitive, avals, params), form, ()


def _program(primitive, avals, params):
    """The compiled form of one equation."""
    key = primitive, avals, tuple(params.items())
    known = _eager.get(key)
    if known is None:
        stats.count("eager_cache_miss")
        known = compile_primitive(primitive, avals, params)
        if len(_eager) >= _MAX_EAGER:
            _eager.pop(next(iter(_eager)))
        _eager[key] = known
    return known


def compile_primitive(primitive, avals, params):
    """The program of a single equation."""
    level = JaxprTrace(core.eval_trace)
    args = [level.new_arg(aval) for aval in avals]
    out = level.process_primitive(primitive, args, params)
    outs = out if primitive.multiple_results else [out]
    jaxpr, consts = level.finish([t.variable for t in args], outs)
    return Compiled(ClosedJaxpr(jaxpr, consts), primitive.name)


core.eager = apply_primitive
core.eager_program = eager_program


def clear_caches():
    """Forget every trace and executable."""
    _eager.clear()
    for primitive in _served:
        primitive._forget()
    for cache in list(caches):
        cache.clear()


def environment():
    """What runs here, for reports."""
    return {
        "isa": cbackend.runtime.isa(),
        "tier": cbackend.tiers.MODE,
        "threads": cbackend.runtime.num_threads(),
        "blas_core": cbackend.runtime.blas_corename(),
    }


stats.register_environment(environment)

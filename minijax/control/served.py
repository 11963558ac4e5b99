"""Functions of the library that run, on arrays, as one compiled program.

`serve(fun)` is `fun` for every call but the common one: at top level, on arrays and
scalars, its whole work is traced once for a signature, and calls are then served in C.
What cannot be traced (shapes that depend on values, warnings to be given each time,
results that are arguments) is found out at the first call, and left to `fun` from then.
"""

import functools
import threading
import warnings
from typing import Any

from minijax import _callpath, dispatch
from minijax.control.call import PjitFunction
from minijax.control.signature import Statics, parameters

# Parameters of these names say what to do, not on what: their values are part of the
# signature.
_STATIC = frozenset([
    "M", "N", "approximate", "axes", "axis", "axis1", "axis2", "axisa", "axisb",
    "axisc", "assume_unique", "bias", "bitorder", "copy", "correction", "ddof",
    "decimals", "deg", "descending", "destination", "dimensions", "dtype",
    "edge_order", "endpoint", "equal_nan", "full", "implementation",
    "include_initial", "increasing", "indexing", "indices_are_sorted",
    "indices_or_sections", "inplace", "is_causal", "keepdims", "kind", "kth", "k",
    "length", "lower", "method", "minlength", "mode", "n", "ndim", "ndmin",
    "new_dtype", "newshape", "norm", "num", "num_classes", "num_segments", "offset",
    "optimize", "ord", "order", "out", "out_sharding", "overwrite_input",
    "pad_width", "precision", "preferred_element_type", "promote_integers",
    "replace", "reps", "return_sign", "returned", "right", "rowvar", "shape",
    "side", "size", "sizes", "source", "sparse", "stable", "subscripts",
    "total_repeat_length", "unique_indices", "unroll", "upper", "wrap",
    "wrap_negative_indices",
])  # fmt: skip


# Recording warnings changes the process's filters: one thread at a time.
_recording = threading.RLock()

NO_STATICS = Statics((), (), ())


class Served(_callpath.Jit):
    """A function with its programs by signature; calls it when they do not serve."""

    def __init__(self, fun, statics, otherwise):
        functools.update_wrapper(self, fun, updated=())
        self._jit: Any = None
        self._statics = statics
        self._signatures = _callpath.Signatures()
        dispatch.caches.add(self._signatures)
        self._serve(
            self._signatures, self._statics.nums, self._statics.argnames, otherwise
        )

    def __repr__(self):
        return repr(self.__wrapped__)

    def __reduce__(self):
        return serve, (self.__wrapped__,)

    def _compiled(self):
        """The function under `jit`."""
        if self._jit is None:
            self._jit = PjitFunction(
                self.__wrapped__, self._statics, frozenset(), True, False
            )
        return self._jit

    def trace(self, *args, **kwargs):
        """The function traced for these arguments (or their shapes): a `stages.Traced`."""
        return self._compiled().trace(*args, **kwargs)

    def lower(self, *args, **kwargs):
        """The function lowered for these arguments (or their shapes): a
        `stages.Lowered`.
        """
        return self._compiled().lower(*args, **kwargs)

    def eval_shape(self, *args, **kwargs):
        """The tree of shapes and dtypes of the results."""
        return self._compiled().eval_shape(*args, **kwargs)

    def clear_cache(self):
        """Forget every trace and program of this function."""
        self._signatures.clear()
        self._jit = None

    def _compile(self, *args, **kwargs):
        """(executable, tree of results, ()) for a new signature, or None: see above."""
        compiled = self._compiled()
        with _recording, warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            try:
                found = compiled._compile(*args, **kwargs)
            except Exception:
                return None  # the function itself says it better, or knows another way
        if given or found is None or _forwards(found[0].closed.jaxpr):
            return None
        found[0].placed_by_all = True  # `zeros_like` reads nothing
        return found


def _statics(fun):
    """The static parameters of `fun`, by place and by name."""
    known = parameters(fun)
    if known is None:
        return NO_STATICS
    places = [k for k, name in enumerate(known.names) if name in _STATIC]
    names = [name for name in (*known.names, *known.keywords) if name in _STATIC]
    return Statics(tuple(places), tuple(names), ())


def _forwards(jaxpr):
    """Whether a result is an argument: the function then gives that very object."""
    arguments = set(map(id, jaxpr.invars))
    return any(id(v) in arguments for v in jaxpr.outvars)


def serve(fun, statics=None, otherwise=None):
    """`fun`, served in C on arrays.

    statics: the static parameters, where their names do not say it; otherwise: what is
    called where the programs do not serve (default: `fun`).
    """
    if isinstance(fun, _callpath.Jit) and otherwise is None:
        return fun
    return Served(fun, statics or _statics(fun), otherwise or fun)

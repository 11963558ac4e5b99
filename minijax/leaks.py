"""The leak checker: tracers that outlive their trace (`jax.checking_leaks`)."""

import gc
import sys
from types import CellType, FunctionType, ModuleType
from typing import Any

from minijax import config, errors
from minijax.core import Tracer


def check(level):
    """Exception, naming them and who holds them, if tracers of `level` are still alive.

    Does nothing unless `jax_check_tracer_leaks` is set. Callers have dropped their own
    references to tracers.
    """
    if not config.values.jax_check_tracer_leaks or sys.exc_info()[0] is not None:
        return
    gc.collect()
    leaked = [
        x for x in gc.get_objects() if isinstance(x, Tracer) and x._trace is level
    ]
    if not leaked:
        return
    passing = {id(leaked)}  # what holds them for this report only
    said = "\n\n".join([_describe(tracer, passing) for tracer in leaked])
    raise Exception(f"Leaked trace {level.jax_name}. Leaked tracer(s):\n\n{said}\n")


def _describe(tracer, passing):
    lines = [f"{tracer!r}{errors.origin(tracer)}"]
    shown, holder = f"<{tracer.jax_name} {id(tracer)}>", tracer
    for _ in range(_MOST_LINKS):
        holder, how = _holder(holder, passing)
        if holder is None:
            break
        name = f"<{type(holder).__name__} {id(holder)}>"
        lines.append(f"{shown} is referred to by {name}{how}")
        shown = name
        if isinstance(holder, ModuleType):
            break
    return "\n".join(lines)


def _holder(held, passing):
    """(who refers to `held`, how); None in place of who where nobody does who matters."""
    for holder in gc.get_referrers(held):
        if id(holder) in passing or type(holder).__name__ in _PASSING:
            continue
        if isinstance(holder, CellType):
            return _closure(holder, passing) or (holder, "")
        if isinstance(holder, dict):
            return _namespace(holder, held, passing) or (
                holder,
                f"[{_key(holder, held)!r}]",
            )
        if isinstance(holder, list | tuple):
            return holder, f"[{_key(dict(enumerate(holder)), held)}]"
        return holder, ""
    return None, ""


def _closure(cell, passing):
    """The function that closes over what is in a cell."""
    for cells in gc.get_referrers(cell):
        if not isinstance(cells, tuple) or id(cells) in passing:
            continue
        for fun in gc.get_referrers(cells):
            if isinstance(fun, FunctionType) and fun.__closure__ is cells:
                name = fun.__code__.co_freevars[_key(dict(enumerate(cells)), cell)]
                return fun, f" ({fun.__name__}) closed-over variable {name}"
    return None


def _namespace(names, held, passing):
    """The module or the instance whose attributes a dict holds."""
    for owner in gc.get_referrers(names):
        if id(owner) not in passing and getattr(owner, "__dict__", None) is names:
            return owner, f".{_key(names, held)}"
    return None


def _key(names, held) -> Any:
    for key, value in names.items():  # a generator would hold `held` in a cell
        if value is held:
            return key
    return None


_MOST_LINKS = 10
_PASSING = {"frame", "list_iterator", "generator"}  # who looks at it only for now
